#include "unit.h"

#include "dataset.h"

enum { SAMPLES = 150, FEATURES = 24, CELLS = SAMPLES * FEATURES };

/* A data set of either type whose cell i holds 7 i mod 251. */
struct setup {
    struct pare_dataset d;
    uint8_t byte[CELLS];
    float real[CELLS];
    uint32_t index[SAMPLES];
    float mean[FEATURES], std[FEATURES];
};

static void set_up(struct setup *s, enum pare_xtype type)
{
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < CELLS; i++) {
        s->byte[i] = (uint8_t)(7 * i % 251);
        s->real[i] = (float)s->byte[i] / 4 - 20;
    }
    for (uint32_t i = 0; i < SAMPLES; i++)
        s->index[i] = 77 * i % SAMPLES; /* 77 and 150 share no divisor */
    for (int i = 0; i < FEATURES; i++) {
        s->mean[i] = (float)i / 8;
        s->std[i] = 1 + (float)i / 16;
    }
    s->d.features = FEATURES;
    s->d.type = type;
    s->d.split[PARE_VAL].n = SAMPLES;
    s->d.split[PARE_VAL].x =
        type == PARE_X_U8 ? (void *)s->byte : (void *)s->real;
}

/* The value that feature f of a sample becomes. */
static float want(const struct setup *s, const struct pare_norm *norm,
                  size_t sample, size_t f)
{
    size_t i = sample * FEATURES + f;
    float v = s->d.type == PARE_X_U8 ? (float)s->byte[i] : s->real[i];
    size_t c = norm->n ? f / (FEATURES / norm->n) : 0;

    v *= norm->scale;
    return norm->n ? (v - norm->mean[c]) / norm->std[c] : v;
}

static void check(struct setup *s, const struct pare_norm *norm, size_t width,
                  size_t n, bool indexed)
{
    size_t tiles = (n + width - 1) / width;
    size_t cells = tiles * width * FEATURES;
    struct pare_gather g = {
        &s->d, norm, &s->d.split[PARE_VAL], 1, NULL, 0, 0};
    float *tile = aligned_alloc(64, (cells + 16) * sizeof *tile);
    float *rows = aligned_alloc(64, (cells + 16) * sizeof *rows);

    assert_true(tile && rows);
    for (size_t i = 0; i < cells + 16; i++)
        tile[i] = rows[i] = -77;
    pare_dataset_gather(tile, rows, width, &g, indexed ? s->index : NULL, 3,
                        n);
    for (size_t t = 0; t < tiles * width; t++)
        for (size_t f = 0; f < FEATURES; f++) {
            float got = tile[((t / width) * FEATURES + f) * width + t % width];
            size_t sample = indexed && t < n ? s->index[t] : 3 + t;

            if (t >= n) {
                assert_true(got == 0 && !signbit(got));
                continue;
            }
            assert_close(got, want(s, norm, sample, f), 1e-5);
            assert_memory_equal(&got, &rows[t * FEATURES + f], sizeof got);
        }
    for (size_t i = cells; i < cells + 16; i++)
        assert_true(tile[i] == -77);
    for (size_t i = n * FEATURES; i < cells + 16; i++)
        assert_true(rows[i] == -77);
    free(tile);
    free(rows);
}

/* No norm, one, one a channel, one a feature; whole and partial tiles. */
static void samples_are_normalised_into_tiles(void **state)
{
    static const size_t norms[] = {0, 1, 3, FEATURES};
    static const size_t width[] = {4, 8, 16, 32, 64};
    static const size_t count[] = {1, 3, 4, 63, 64, 65, 130};
    static struct setup s;

    (void)state;
    for (int type = 0; type < 2; type++) {
        set_up(&s, type ? PARE_X_F32 : PARE_X_U8);
        for (size_t k = 0; k < 4; k++) {
            struct pare_norm norm = {.scale = type ? 1 : 1.0f / 255,
                                     .n = norms[k],
                                     .mean = s.mean,
                                     .std = s.std};

            for (size_t w = 0; w < 5; w++)
                for (size_t c = 0; c < 7; c++) {
                    check(&s, &norm, width[w], count[c], true);
                    check(&s, &norm, width[w], count[c], false);
                }
        }
    }
}

/* [planes][..] of the same values as [..][planes]. */
static void channels_are_put_side_by_side(void **state)
{
    static const size_t planes[] = {2, 3, 4, 6, 8, FEATURES};
    static struct setup s;
    static float apart[CELLS], beside[CELLS];

    (void)state;
    for (int type = 0; type < 2; type++)
        for (size_t k = 0; k < 6; k++)
            for (size_t n = 0; n < 3; n++) {
                size_t p = planes[k], size = FEATURES / p;
                struct pare_norm norm = {.scale = 0.25f,
                                         .n = n == 2 ? FEATURES : 3 * n,
                                         .mean = s.mean,
                                         .std = s.std};
                struct pare_gather g = {
                    &s.d, &norm, &s.d.split[PARE_VAL], 1, NULL, 0, 0};

                set_up(&s, type ? PARE_X_F32 : PARE_X_U8);
                pare_dataset_gather(NULL, apart, 4, &g, NULL, 0, SAMPLES);
                g.planes = p;
                pare_dataset_gather(NULL, beside, 4, &g, NULL, 0, SAMPLES);
                for (size_t i = 0; i < CELLS; i++) {
                    size_t f = i % FEATURES;
                    size_t to = i - f + f % size * p + f / size;

                    assert_memory_equal(&beside[to], &apart[i],
                                        sizeof(float));
                }
            }
}

static void splits_are_known_by_name(void **state)
{
    (void)state;
    for (int i = 0; i < PARE_SPLITS; i++)
        assert_int_equal(pare_split_find(pare_split_name(i)), i);
    assert_true(pare_split_find("Train") < 0);
    assert_true(pare_split_find("") < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_normalised_into_tiles),
        cmocka_unit_test(channels_are_put_side_by_side),
        cmocka_unit_test(splits_are_known_by_name),
    };

    return run_group(tests);
}
