#include "augment.h"

#include <math.h>
#include <string.h>

#include "clones.h"
#include "number.h"
#include "rng.h"
#include "spec.h"
#include "status.h"

#define SIDE_MAX 32767 /* pixels; a plane's positions fit 32 bits */

enum { FLIP, CROP, SHIFT, ROTATE, EDGE, CHANGES };

static const struct {
    const char *name;
    double plain; /* without a value; NaN: it needs one */
    double hi;
    bool whole;
} change[CHANGES] = {
    [FLIP] = {"flip", 0.5, 1, false},
    [CROP] = {"crop", (double)NAN, SIDE_MAX, true},
    [SHIFT] = {"shift", (double)NAN, SIDE_MAX, true},
    [ROTATE] = {"rotate", (double)NAN, 180, false},
    [EDGE] = {"edge", 1, 1, true},
};

static int set_change(double value[CHANGES], bool seen[CHANGES],
                      const struct pare_spec_item *item)
{
    char known[PARE_SPEC_MAX] = "";
    int err = 0;

    for (int i = 0; i < CHANGES; i++) {
        pare_spec_append(known, "%s%s", i ? ", " : "", change[i].name);
        if (strcmp(change[i].name, item->key) != 0)
            continue;
        if (seen[i])
            return pare_fail(PARE_EINVAL, "augment: %s is set twice",
                             item->key);
        seen[i] = true;
        value[i] = change[i].plain;
        if (item->has_value || isnan(value[i]))
            err = pare_spec_number(&value[i], "augment", item, 0, change[i].hi);
        if (!err && change[i].whole && value[i] != floor(value[i]))
            err = pare_fail(PARE_EINVAL,
                            "augment: %s is %s, must be whole pixels",
                            item->key, item->value);
        return err;
    }
    return pare_fail(PARE_EINVAL,
                     "augment has no change '%s': there are %s, or none",
                     item->key, known);
}

int pare_augment_parse(struct pare_augment *a, const char *spec)
{
    double value[CHANGES] = {0};
    bool seen[CHANGES] = {false};
    struct pare_augment parsed = {0};
    struct pare_spec_item item = {0};
    char number[PARE_NUMBER_MAX];
    int got = 1;

    if (strcmp(spec, "none") == 0)
        spec = NULL;
    while ((got = pare_spec_next(&item, &spec)) > 0) {
        int err = set_change(value, seen, &item);

        if (err)
            return err;
    }
    if (got < 0)
        return pare_fail_prefix(got, "augment");
    if (value[EDGE] > 0 && !(value[CROP] + value[SHIFT] + value[ROTATE] > 0))
        return pare_fail(PARE_EINVAL, "augment: edge is for what comes into "
                                      "view, and nothing moves or turns");
    for (int i = 0; i < CHANGES; i++)
        if (value[i] > 0)
            pare_spec_append(parsed.canon, "%s%s=%s",
                             parsed.canon[0] ? "," : "", change[i].name,
                             pare_number_print(number, value[i]));
    parsed.flip = value[FLIP];
    parsed.crop = (uint32_t)value[CROP];
    parsed.shift = (uint32_t)value[SHIFT];
    parsed.rotate = value[ROTATE];
    parsed.edge = value[EDGE] > 0;
    *a = parsed;
    return 0;
}

int pare_augment_fits(const struct pare_augment *a,
                      const struct pare_shape *shape)
{
    size_t move = (size_t)a->crop + a->shift;
    size_t h = shape->dim[1], w = shape->dim[2];

    if (!a->canon[0])
        return 0;
    if (shape->rank != 3)
        return pare_fail(PARE_EMISMATCH,
                         "augmentation needs images: samples of channels, "
                         "height and width");
    if (h > SIDE_MAX || w > SIDE_MAX)
        return pare_fail(PARE_EMISMATCH,
                         "augmentation takes images of at most %d pixels a "
                         "side, not %zu x %zu",
                         SIDE_MAX, h, w);
    if (move && (move >= h || move >= w))
        return pare_fail(PARE_EMISMATCH,
                         "moving by %zu pixels takes images of %zu x %zu out "
                         "of sight",
                         move, h, w);
    return 0;
}

/* -most .. most, all alike. */
static int32_t draw_pixels(uint32_t word, uint32_t most)
{
    uint64_t range = 2 * (uint64_t)most + 1;

    return (int32_t)(word * range >> 32) - (int32_t)most;
}

void pare_augment_draw(struct pare_pose *pose, const struct pare_augment *a,
                       uint64_t seed, uint32_t epoch, size_t sample)
{
    const double radian = 0.017453292519943295;
    uint32_t word[4] = {0}, more[4] = {0};
    double turn;

    *pose = (struct pare_pose){.cos = 1, .edge = a->edge};
    pare_rng_block(word, seed, PARE_STREAM_AUGMENT, epoch,
                   2 * (uint64_t)sample);
    if (a->shift)
        pare_rng_block(more, seed, PARE_STREAM_AUGMENT, epoch,
                       2 * (uint64_t)sample + 1);
    pose->flip = (double)pare_rng_unit(word[0]) < a->flip;
    pose->dy = draw_pixels(word[1], a->crop) + draw_pixels(more[0], a->shift);
    pose->dx = draw_pixels(word[2], a->crop) + draw_pixels(more[1], a->shift);
    if (a->rotate > 0) {
        turn = (((double)word[3] + 0.5) * 0x1p-31 - 1) * a->rotate * radian;
        pose->cos = (float)cos(turn);
        pose->sin = (float)sin(turn);
    }
}

/* A run of one row, in or against its order. */
PARE_CLONES
static void copy_run(float *restrict out, const struct pare_picture *picture,
                     size_t at, bool back, size_t n)
{
    const uint8_t *bytes = picture->bytes ? picture->bytes + at : NULL;
    const float *floats = bytes ? NULL : picture->floats + at;

    if (bytes && back)
        for (size_t i = 0; i < n; i++)
            out[i] = (float)bytes[n - 1 - i];
    else if (bytes)
        for (size_t i = 0; i < n; i++)
            out[i] = (float)bytes[i];
    else if (back)
        for (size_t i = 0; i < n; i++)
            out[i] = floats[n - 1 - i];
    else
        memcpy(out, floats, n * sizeof *out);
}

/* What is outside of a row: 0, or its first or last pixel again. */
static void fill_run(float *out, const struct pare_picture *picture,
                     const struct pare_pose *pose, size_t at, size_t n)
{
    float v = 0;

    if (pose->edge && n)
        v = picture->bytes ? picture->bytes[at] : picture->floats[at];
    for (size_t i = 0; i < n; i++)
        out[i] = v;
}

static long within(long i, size_t n)
{
    return i < 0 ? 0 : i < (long)n ? i : (long)n - 1;
}

/*
 * Columns x .. x + n of one row of the moved and mirrored image. They lie in
 * columns from .. from + n of the stored row, in reverse when mirrored.
 */
static void move_run(float *out, const struct pare_picture *picture,
                     const struct pare_pose *pose, size_t plane, size_t y,
                     size_t x, size_t n)
{
    long w = (long)picture->w, row = (long)y - pose->dy;
    long from = (pose->flip ? w - (long)(x + n) : (long)x) - pose->dx;
    long lo = within(from, picture->w), hi = from + (long)n;
    size_t begin, before, after, there;

    if (row != within(row, picture->h) && !pose->edge) {
        memset(out, 0, n * sizeof *out);
        return;
    }
    begin = (plane * picture->h + (size_t)within(row, picture->h)) * picture->w;
    hi = hi > w ? w : hi;
    there = lo < hi && from < w ? (size_t)(hi - lo) : 0;
    before = from < 0 ? (size_t)-from : 0;
    before = before < n - there ? before : n - there;
    after = n - there - before;
    fill_run(out + (pose->flip ? n - before : 0), picture, pose, begin, before);
    copy_run(out + (pose->flip ? after : before), picture, begin + (size_t)lo,
             pose->flip, there);
    fill_run(out + (pose->flip ? 0 : n - after), picture, pose,
             begin + picture->w - 1, after);
}

#define INSIDE(i, n) ((uint32_t)(i) < (uint32_t)(n))

/* Where the pixels of a block come from: four places and their weights. */
struct taps {
    int32_t at[4][PARE_POSE_PIXELS];
    float weight[4][PARE_POSE_PIXELS];
};

/*
 * Taps of columns x .. x + n of row y. A place outside weighs 0 and is looked
 * up at pixel 0 of its row or column instead; or at the edge it is next to,
 * with its own weight.
 */
PARE_CLONES
static void find_taps(struct taps *restrict taps, const struct pare_pose *pose,
                      int32_t h, int32_t w, int32_t y, int32_t x, int32_t n,
                      size_t to)
{
    const int32_t step = pose->flip ? -1 : 1, edge = pose->edge;
    const int32_t bottom = edge ? h - 1 : 0, side = edge ? w - 1 : 0;
    const int32_t from = (pose->flip ? w - 1 - x : x) - pose->dx;
    const float cy = 0.5f * (float)(h - 1), cx = 0.5f * (float)(w - 1);
    const float v = (float)(y - pose->dy) - cy, c = pose->cos, s = pose->sin;

    for (int32_t i = 0; i < n; i++) {
        float u = (float)(from + step * i) - cx;
        float sy = cy + c * v + s * u, sx = cx + c * u - s * v;
        float fy = floorf(sy), fx = floorf(sx);
        float ry = sy - fy, rx = sx - fx, qy = 1 - ry, qx = 1 - rx;
        int32_t y0 = (int32_t)fy, x0 = (int32_t)fx, y1 = y0 + 1, x1 = x0 + 1;
        float wy0 = INSIDE(y0, h) | edge ? qy : 0;
        float wy1 = INSIDE(y1, h) | edge ? ry : 0;
        float wx0 = INSIDE(x0, w) | edge ? qx : 0;
        float wx1 = INSIDE(x1, w) | edge ? rx : 0;
        int32_t top = (INSIDE(y0, h) ? y0 : y0 < 0 ? 0 : bottom) * w;
        int32_t low = (INSIDE(y1, h) ? y1 : y1 < 0 ? 0 : bottom) * w;
        int32_t left = INSIDE(x0, w) ? x0 : x0 < 0 ? 0 : side;
        int32_t right = INSIDE(x1, w) ? x1 : x1 < 0 ? 0 : side;
        size_t k = to + (size_t)i;

        taps->at[0][k] = top + left;
        taps->at[1][k] = top + right;
        taps->at[2][k] = low + left;
        taps->at[3][k] = low + right;
        taps->weight[0][k] = wy0 * wx0;
        taps->weight[1][k] = wy0 * wx1;
        taps->weight[2][k] = wy1 * wx0;
        taps->weight[3][k] = wy1 * wx1;
    }
}

#define MIX(from)                                                              \
    for (size_t i = 0; i < n; i++)                                             \
    out[i] = (t->weight[0][i] * (float)(from)[t->at[0][i]] +                   \
              t->weight[1][i] * (float)(from)[t->at[1][i]]) +                  \
             (t->weight[2][i] * (float)(from)[t->at[2][i]] +                   \
              t->weight[3][i] * (float)(from)[t->at[3][i]])

PARE_CLONES
static void mix_taps(float *restrict out, const struct taps *restrict t,
                     const struct pare_picture *picture, size_t plane, size_t n)
{
    size_t at = plane * picture->h * picture->w;

    if (picture->bytes)
        MIX(picture->bytes + at);
    else
        MIX(picture->floats + at);
}

void pare_picture_pose(float *const *out, const struct pare_picture *picture,
                       const struct pare_pose *pose, size_t channel,
                       size_t channels, size_t first, size_t n)
{
    bool turned = pose->cos != 1 || pose->sin != 0;
    struct taps taps;

    for (size_t done = 0, some; done < n; done += some) {
        size_t y = (first + done) / picture->w;
        size_t x = (first + done) % picture->w, row = picture->w - x;

        some = n - done < row ? n - done : row;
        if (turned)
            find_taps(&taps, pose, (int32_t)picture->h, (int32_t)picture->w,
                      (int32_t)y, (int32_t)x, (int32_t)some, done);
        for (size_t c = 0; !turned && c < channels; c++)
            move_run(out[c] + done, picture, pose, channel + c, y, x, some);
    }
    for (size_t c = 0; turned && c < channels; c++)
        mix_taps(out[c], &taps, picture, channel + c, n);
}
