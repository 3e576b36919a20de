#include "unit.h"

#include "augment.h"
#include "dataset.h"
#include "status.h"

enum { C = 3, H = 5, W = 7, SIZE = H * W, CELLS = C * SIZE, SAMPLES = 40 };

static struct pare_augment parse(const char *spec)
{
    struct pare_augment a;

    if (pare_augment_parse(&a, spec))
        fail_msg("%s: %s", spec, pare_error());
    return a;
}

static void canonical_texts_name_what_is_done(void **state)
{
    static const char *const text[][2] = {
        {"flip", "flip=0.5"},
        {"flip=1", "flip=1"},
        {"rotate=10.5,shift=2,crop=4,flip=.25",
         "flip=0.25,crop=4,shift=2,rotate=10.5"},
        {"crop=4,flip=0", "crop=4"},
        {"edge,shift=3", "shift=3,edge=1"},
        {"edge=0,shift=3", "shift=3"},
        {"rotate=0", ""},
        {"none", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        struct pare_augment a = parse(text[i][0]), again;

        assert_string_equal(a.canon, text[i][1]);
        again = parse(a.canon[0] ? a.canon : "none");
        assert_memory_equal(&a, &again, sizeof a);
    }
}

static void what_is_no_change_is_an_error(void **state)
{
    static const char *const text[][2] = {
        {"", "augment: empty option before ''"},
        {"flip,", "augment: empty option before ''"},
        {"zoom", "augment has no change 'zoom': there are flip, crop, shift, "
                 "rotate, edge, or none"},
        {"edge,flip", "augment: edge is for what comes into view, and nothing "
                      "moves or turns"},
        {"edge=2,crop=1", "augment: edge is 2, must be from 0 to 1"},
        {"crop", "augment: crop needs a value"},
        {"crop=1.5", "augment: crop is 1.5, must be whole pixels"},
        {"crop=-1", "augment: crop is -1, must be from 0 to 32767"},
        {"flip=1.5", "augment: flip is 1.5, must be from 0 to 1"},
        {"rotate=200", "augment: rotate is 200, must be from 0 to 180"},
        {"flip,flip", "augment: flip is set twice"},
        {"shift=nan", NULL},
        {"shift=", NULL},
    };
    struct pare_augment a = {.crop = 9};

    (void)state;
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        assert_int_equal(pare_augment_parse(&a, text[i][0]), PARE_EINVAL);
        if (text[i][1])
            assert_string_equal(pare_error(), text[i][1]);
    }
    assert_int_equal(a.crop, 9);
}

static void only_images_that_stay_in_view_fit(void **state)
{
    const struct pare_shape image = {3, {C, H, W}}, flat = {1, {CELLS, 0, 0}};
    struct pare_augment none = parse("none"), flip = parse("flip");
    struct pare_augment in = parse("crop=2,shift=2");
    struct pare_augment out = parse("crop=5");

    (void)state;
    assert_int_equal(pare_augment_fits(&none, &flat), 0);
    assert_int_equal(pare_augment_fits(&flip, &flat), PARE_EMISMATCH);
    assert_int_equal(pare_augment_fits(&flip, &image), 0);
    assert_int_equal(pare_augment_fits(&in, &image), 0);
    assert_int_equal(pare_augment_fits(&out, &image), PARE_EMISMATCH);
}

/* Cell i of sample s; never 0, so that what moved in is seen. */
static uint8_t cell(size_t s, size_t i)
{
    return (uint8_t)(1 + (97 * s + 7 * i) % 251);
}

struct setup {
    struct pare_dataset d;
    struct pare_norm norm;
    struct pare_augment a;
    struct pare_gather g;
    uint8_t byte[SAMPLES * CELLS];
    float real[SAMPLES * CELLS];
    float mean[C], std[C];
};

static void set_up(struct setup *s, enum pare_xtype type, const char *spec)
{
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < SAMPLES * CELLS; i++)
        s->real[i] = s->byte[i] = cell(i / CELLS, i % CELLS);
    s->d.shape = (struct pare_shape){3, {C, H, W}};
    s->d.features = CELLS;
    s->d.type = type;
    s->d.split[PARE_TRAIN].n = SAMPLES;
    s->d.split[PARE_TRAIN].x =
        type == PARE_X_U8 ? (void *)s->byte : (void *)s->real;
    s->norm = (struct pare_norm){1, 0, s->mean, s->std};
    for (int c = 0; c < C; c++) {
        s->mean[c] = (float)c + 0.5f;
        s->std[c] = (float)(1 << c);
    }
    s->a = parse(spec);
    s->g = (struct pare_gather){.data = &s->d,
                                .norm = &s->norm,
                                .split = &s->d.split[PARE_TRAIN],
                                .planes = 1,
                                .augment = &s->a,
                                .seed = 7,
                                .epoch = 3};
}

static void gather(float *rows, const struct setup *s, size_t first, size_t n)
{
    pare_dataset_gather(NULL, rows, 16, &s->g, NULL, first, n);
}

static int within(int i, int n)
{
    return i < 0 ? 0 : i < n ? i : n - 1;
}

/* The pixel that a pose without a turn puts at y, x; 0 or what is at the edge
 * from outside. */
static float moved(const float *plane, const struct pare_pose *p, int y, int x)
{
    int row = y - p->dy, col = (p->flip ? W - 1 - x : x) - p->dx;

    if (p->edge)
        return plane[within(row, H) * W + within(col, W)];
    return row < 0 || row >= H || col < 0 || col >= W ? 0
                                                      : plane[row * W + col];
}

static void images_are_mirrored_and_moved_to_the_pixel(void **state)
{
    static const char *const spec[] = {"flip=1", "crop=2", "shift=3",
                                       "flip,crop=2,shift=2",
                                       "flip,shift=4,edge"};
    static struct setup s;
    static float rows[SAMPLES * CELLS];

    (void)state;
    for (int k = 0; k < 10; k++) {
        set_up(&s, k / 5 ? PARE_X_F32 : PARE_X_U8, spec[k % 5]);
        gather(rows, &s, 0, SAMPLES);
        for (size_t i = 0; i < SAMPLES; i++) {
            struct pare_pose p;

            pare_augment_draw(&p, &s.a, 7, 3, i);
            assert_true(k % 5 ? true : p.flip && p.dy == 0 && p.dx == 0);
            for (size_t j = 0; j < CELLS; j++)
                assert_true(rows[i * CELLS + j] ==
                            moved(s.real + i * CELLS + j / SIZE * SIZE, &p,
                                  (int)(j % SIZE / W), (int)(j % W)));
        }
    }
}

/* A square of 3 x 3 with each pixel its own number. */
static void turn(float out[9], double degrees, bool edge)
{
    static const float in[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const struct pare_picture picture = {NULL, in, 3, 3};
    struct pare_pose pose = {.cos = (float)cos(degrees * 0.017453292519943295),
                             .sin = (float)sin(degrees * 0.017453292519943295),
                             .edge = edge};
    float *to[1] = {out};

    pare_picture_pose(to, &picture, &pose, 0, 1, 0, 9);
}

static void turned_images_are_bilinear_means(void **state)
{
    static const float quarter[9] = {3, 6, 9, 2, 5, 8, 1, 4, 7};
    static const float half[9] = {9, 8, 7, 6, 5, 4, 3, 2, 1};
    const double r = sqrt(0.5);
    float out[9];

    (void)state;
    turn(out, 90,
         false); /* counter-clockwise: the right side comes to the top */
    for (int i = 0; i < 9; i++)
        assert_close(out[i], quarter[i], 1e-5);
    turn(out, 180, false);
    for (int i = 0; i < 9; i++)
        assert_close(out[i], half[i], 1e-5);
    turn(out, 45, false);
    assert_close(out[4], 5, 1e-6);
    /* Top middle: from 1 - r up, r right; of 2, 3, 5, 6. */
    assert_close(out[1],
                 r * ((1 - r) * 2 + r * 3) + (1 - r) * ((1 - r) * 5 + r * 6),
                 1e-5);
    /* The top right corner is from 1.41 to the right: outside but 0.59 of 6. */
    assert_close(out[2], 6 * (2 - sqrt(2)), 1e-5);
    turn(out, 45, true);
    assert_close(out[4], 5, 1e-6);
    assert_close(out[2], 6, 1e-5);
    assert_close(out[0], 2, 1e-5);
    assert_close(out[6], 4, 1e-5);
    assert_close(out[8], 8, 1e-5);
}

/* sin and cos written out for taps outside, and a move on top of a turn. */
static void a_turned_image_is_then_moved_and_mirrored(void **state)
{
    static struct setup s;
    static float first[CELLS], then[CELLS];
    struct pare_pose p = {.cos = 0.8f, .sin = 0.6f};
    struct pare_picture picture = {NULL, NULL, H, W};
    float *to[C], *from[C];

    (void)state;
    set_up(&s, PARE_X_F32, "none");
    picture.floats = s.real;
    for (int c = 0; c < C; c++) {
        from[c] = first + c * SIZE;
        to[c] = then + c * SIZE;
    }
    pare_picture_pose(from, &picture, &p, 0, C, 0, SIZE);
    p.flip = true;
    p.dy = 1;
    p.dx = -2;
    pare_picture_pose(to, &picture, &p, 0, C, 0, SIZE);
    for (int c = 0; c < C; c++)
        for (int y = 1; y < H; y++)
            for (int x = 2; x < W; x++)
                assert_close(to[c][y * W + x],
                             from[c][(y - 1) * W + (W - 1 - x) + 2], 1e-4);
}

static void a_turn_stays_within_its_degrees(void **state)
{
    struct pare_augment a = parse("rotate=10");
    double most = 0, least = 0;

    (void)state;
    for (size_t i = 0; i < 5000; i++) {
        struct pare_pose p;
        double degrees;

        pare_augment_draw(&p, &a, 1, 0, i);
        degrees = atan2((double)p.sin, (double)p.cos) * 57.29577951308232;
        most = fmax(most, degrees);
        least = fmin(least, degrees);
    }
    assert_true(most <= 10.001 && most > 9.9);
    assert_true(least >= -10.001 && least < -9.9);
}

static void all_moves_are_drawn_alike_and_no_others(void **state)
{
    enum { N = 4, SIDE = 2 * N + 1, DRAWS = 81000 };
    struct pare_augment a = parse("flip=.3,crop=4");
    static int count[SIDE * SIDE];
    int flips = 0;

    (void)state;
    for (size_t i = 0; i < DRAWS; i++) {
        struct pare_pose p;

        pare_augment_draw(&p, &a, 5, (uint32_t)(i % 9), i / 9);
        assert_true(abs(p.dy) <= N && abs(p.dx) <= N);
        count[(p.dy + N) * SIDE + p.dx + N]++;
        flips += p.flip;
        assert_true(p.cos == 1 && p.sin == 0);
    }
    for (int i = 0; i < SIDE * SIDE; i++) /* 1000 expected, deviation 31 */
        assert_true(abs(count[i] - 1000) < 160);
    assert_true(abs(flips - 24300) < 650); /* deviation 130 */
}

static void seeds_epochs_and_samples_differ(void **state)
{
    struct pare_augment a = parse("rotate=90"), more = parse("flip,rotate=90");
    struct pare_pose p[4], q;

    (void)state;
    pare_augment_draw(&p[0], &a, 1, 1, 1);
    pare_augment_draw(&p[1], &a, 2, 1, 1);
    pare_augment_draw(&p[2], &a, 1, 2, 1);
    pare_augment_draw(&p[3], &a, 1, 1, 2);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < i; j++)
            assert_true(p[i].sin != p[j].sin);
    pare_augment_draw(&q, &more, 1, 1, 1);
    assert_true(q.sin == p[0].sin); /* one more change leaves it alone */
}

static void an_image_does_not_depend_on_its_batch(void **state)
{
    static struct setup s;
    static float whole[SAMPLES * CELLS], part[SAMPLES * CELLS];
    uint32_t index[SAMPLES];

    (void)state;
    set_up(&s, PARE_X_U8, "flip,crop=2,rotate=30");
    gather(whole, &s, 0, SAMPLES);
    for (size_t i = 0; i < SAMPLES; i++)
        gather(part + i * CELLS, &s, i, 1);
    assert_memory_equal(whole, part, sizeof whole);
    for (uint32_t i = 0; i < SAMPLES; i++)
        index[i] = SAMPLES - 1 - i;
    pare_dataset_gather(NULL, part, 16, &s.g, index, 0, SAMPLES);
    for (size_t i = 0; i < SAMPLES; i++)
        assert_memory_equal(whole + i * CELLS, part + index[i] * CELLS,
                            CELLS * sizeof(float));
}

/* Bytes or floats, channels apart or side by side, any normalisation. */
static void what_comes_in_is_normalised_as_a_stored_0(void **state)
{
    static struct setup s;
    static float plain[SAMPLES * CELLS], rows[SAMPLES * CELLS];

    (void)state;
    for (int k = 0; k < 4; k++) {
        set_up(&s, k & 1 ? PARE_X_F32 : PARE_X_U8, "crop=3,rotate=20");
        gather(plain, &s, 0, SAMPLES);
        s.norm.n = C;
        s.norm.scale = 0.5f;
        s.g.planes = k & 2 ? C : 1;
        gather(rows, &s, 0, SAMPLES);
        for (size_t i = 0; i < SAMPLES * CELLS; i++) {
            size_t c = i % CELLS / SIZE, p = i % SIZE;
            size_t at = k & 2 ? i / CELLS * CELLS + p * C + c : i;
            float want = (plain[i] * 0.5f - s.mean[c]) / s.std[c];

            assert_memory_equal(&rows[at], &want, sizeof want);
        }
    }
}

/* Larger than a block, in rows that a block cuts. */
static void large_images_are_cut_into_blocks(void **state)
{
    enum { SIDE = 47, CHANNELS = 6, N = SIDE * SIDE * CHANNELS };
    struct pare_augment a = parse("flip=1,crop=5,rotate=15");
    struct pare_norm norm = {.scale = 1};
    struct pare_dataset d = {
        .shape = {3, {CHANNELS, SIDE, SIDE}}, .features = N, .type = PARE_X_U8};
    struct pare_gather g = {&d, &norm, &d.split[PARE_TRAIN], 1, &a, 1, 1};
    static uint8_t x[N];
    static float rows[2][N], one;
    struct pare_picture picture = {x, NULL, SIDE, SIDE};
    struct pare_pose p;
    float *to = &one;

    (void)state;
    for (size_t i = 0; i < N; i++)
        x[i] = (uint8_t)(i * i / 7 + i);
    d.split[PARE_TRAIN] = (struct pare_split){.n = 1, .x = x};
    for (int turned = 0; turned < 2; turned++) {
        pare_dataset_gather(NULL, rows[0], 16, &g, NULL, 0, 1);
        g.planes = CHANNELS;
        pare_dataset_gather(NULL, rows[1], 16, &g, NULL, 0, 1);
        pare_augment_draw(&p, &a, 1, 1, 0);
        for (size_t i = 0; i < N; i++) {
            size_t c = i / (SIDE * SIDE), j = i % (SIDE * SIDE);

            pare_picture_pose(&to, &picture, &p, c, 1, j, 1);
            assert_true(rows[0][i] == one);
            assert_true(rows[1][j * CHANNELS + c] == one);
        }
        a = parse("flip=1,crop=5");
        g.planes = 1;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_texts_name_what_is_done),
        cmocka_unit_test(what_is_no_change_is_an_error),
        cmocka_unit_test(only_images_that_stay_in_view_fit),
        cmocka_unit_test(images_are_mirrored_and_moved_to_the_pixel),
        cmocka_unit_test(turned_images_are_bilinear_means),
        cmocka_unit_test(a_turned_image_is_then_moved_and_mirrored),
        cmocka_unit_test(a_turn_stays_within_its_degrees),
        cmocka_unit_test(all_moves_are_drawn_alike_and_no_others),
        cmocka_unit_test(seeds_epochs_and_samples_differ),
        cmocka_unit_test(an_image_does_not_depend_on_its_batch),
        cmocka_unit_test(what_comes_in_is_normalised_as_a_stored_0),
        cmocka_unit_test(large_images_are_cut_into_blocks),
    };

    return run_group(tests);
}
