#include "image_resize.h"

#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "status.h"

static void axis_release(struct pare_resize_axis *a)
{
    free(a->first);
    free(a->begin);
    free(a->weight);
    memset(a, 0, sizeof *a);
}

void pare_resize_release(struct pare_resize *s)
{
    axis_release(&s->x);
    axis_release(&s->y);
    free(s->row);
    memset(s, 0, sizeof *s);
}

/* Means over [i n, (i + 1) n) of inputs that are m long. */
static void shrink(struct pare_resize_axis *a)
{
    uint64_t n = a->n_in, m = a->n_out;
    uint32_t k = 0;

    a->total = (uint32_t)n;
    for (uint64_t i = 0; i < m; i++) {
        uint64_t lo = i * n, hi = lo + n;

        a->first[i] = (uint32_t)(lo / m);
        a->begin[i] = k;
        for (uint64_t j = lo / m; j * m < hi; j++) {
            uint64_t from = j * m > lo ? j * m : lo;
            uint64_t to = (j + 1) * m < hi ? (j + 1) * m : hi;

            a->weight[k++] = (uint32_t)(to - from);
        }
    }
    a->begin[m] = k;
}

/* Positions in units of 1 / (2 m) of an input. */
static void grow(struct pare_resize_axis *a)
{
    uint64_t n = a->n_in, m = a->n_out, unit = 2 * m;

    a->total = (uint32_t)unit;
    for (uint64_t i = 0; i < m; i++) {
        uint64_t at = (2 * i + 1) * n, j, part;

        at = at > m ? at - m : 0;
        j = at / unit;
        part = at % unit;
        if (j + 1 >= n) { /* past the last centre, or one input alone */
            j = n > 1 ? n - 2 : 0;
            part = n > 1 ? unit : 0;
        }
        a->first[i] = (uint32_t)j;
        a->begin[i] = (uint32_t)(2 * i);
        a->weight[2 * i] = (uint32_t)(unit - part);
        a->weight[2 * i + 1] = (uint32_t)part;
    }
    a->begin[m] = (uint32_t)(2 * m);
}

static int axis_set(struct pare_resize_axis *a, size_t n_in, size_t n_out)
{
    /* Every output but the last ends within an input that the next shares. */
    size_t taps = n_out <= n_in ? n_in + n_out : 2 * n_out;

    if (a->n_in == n_in && a->n_out == n_out)
        return 0;
    axis_release(a);
    a->first = malloc(n_out * sizeof *a->first);
    a->begin = malloc((n_out + 1) * sizeof *a->begin);
    a->weight = malloc(taps * sizeof *a->weight);
    if (!a->first || !a->begin || !a->weight) {
        axis_release(a);
        return pare_fail(PARE_ENOMEM, "out of memory");
    }
    a->n_in = n_in;
    a->n_out = n_out;
    if (n_out <= n_in)
        shrink(a);
    else
        grow(a);
    return 0;
}

/* Three colours apart. */
PARE_CLONES
static void deal(uint8_t *restrict red, size_t plane,
                 const uint8_t *restrict from, size_t n)
{
    uint8_t *restrict green = red + plane, *restrict blue = green + plane;

    for (size_t i = 0; i < n; i++) {
        red[i] = from[3 * i];
        green[i] = from[3 * i + 1];
        blue[i] = from[3 * i + 2];
    }
}

/* Both sides the same: no arithmetic. Whole rows are one long one. */
static void copy(uint8_t *out, const struct pare_image *im,
                 const struct pare_image_part *w)
{
    size_t c = (size_t)im->channels, plane = w->width * w->height;
    size_t n = w->width == im->width ? plane : w->width;
    const uint8_t *from = im->pixel + (w->y * im->width + w->x) * c;

    for (size_t i = 0; i < plane; i += n, from += im->width * c)
        if (c == 1)
            memcpy(out + i, from, n);
        else
            deal(out + i, plane, from, n);
}

/*
 * Weighted sum of rows: n values from `from`, rows `stride` apart. A sum is
 * at most 255 * 2 * PARE_IMAGE_SIDE and fits.
 */
static void sum_rows(uint32_t *sum, const uint8_t *from, size_t n,
                     size_t stride, const uint32_t *weight, size_t n_weights)
{
    memset(sum, 0, n * sizeof *sum);
    for (size_t k = 0; k < n_weights; k++) {
        uint32_t v = weight[k];
        const uint8_t *p = from + k * stride;

        if (v == 0)
            continue;
        for (size_t i = 0; i < n; i++)
            sum[i] += v * p[i];
    }
}

/* One row of one channel of the result, of sums c apart. */
static void sum_columns(uint8_t *out, const uint32_t *sum, size_t c,
                        const struct pare_resize_axis *a, uint64_t total)
{
    for (size_t x = 0; x < a->n_out; x++) {
        const uint32_t *weight = a->weight + a->begin[x];
        size_t n = a->begin[x + 1] - a->begin[x];
        const uint32_t *p = sum + a->first[x] * c;
        uint64_t v = total / 2;

        for (size_t k = 0; k < n; k++)
            v += weight[k] ? (uint64_t)weight[k] * p[k * c] : 0;
        out[x] = (uint8_t)(v / total);
    }
}

int pare_resize(uint8_t *out, size_t height, size_t width,
                const struct pare_image *im, const struct pare_image_part *w,
                struct pare_resize *s)
{
    size_t c = (size_t)im->channels, n = w->width * c;
    size_t stride = im->width * c;
    uint64_t total;
    int rc;

    if (w->width == width && w->height == height) {
        copy(out, im, w);
        return 0;
    }
    if ((rc = axis_set(&s->x, w->width, width)) != 0 ||
        (rc = axis_set(&s->y, w->height, height)) != 0)
        return rc;
    if (s->room < n) {
        free(s->row);
        s->row = malloc(n * sizeof *s->row);
        s->room = s->row ? n : 0;
        if (!s->row)
            return pare_fail(PARE_ENOMEM, "out of memory");
    }
    total = (uint64_t)s->x.total * s->y.total;
    for (size_t y = 0; y < height; y++) {
        uint32_t begin = s->y.begin[y], end = s->y.begin[y + 1];

        sum_rows(s->row, im->pixel + (w->y + s->y.first[y]) * stride + w->x * c,
                 n, stride, s->y.weight + begin, end - begin);
        for (size_t k = 0; k < c; k++)
            sum_columns(out + (k * height + y) * width, s->row + k, c, &s->x,
                        total);
    }
    return 0;
}

struct pare_image_part pare_resize_middle(const struct pare_image *im,
                                          size_t height, size_t width)
{
    struct pare_image_part w = {0, 0, im->width, im->height};

    if (w.width * height > w.height * width)
        w.width = (2 * w.height * width + height) / (2 * height);
    else
        w.height = (2 * w.width * height + width) / (2 * width);
    w.width = w.width ? w.width : 1;
    w.height = w.height ? w.height : 1;
    w.x = (im->width - w.width) / 2;
    w.y = (im->height - w.height) / 2;
    return w;
}
