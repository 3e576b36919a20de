/*
 * The weight gradients of family fma, written once for vectors of VL lanes.
 * The file that includes this has included kernel_fma.h, and defines NAME
 * for the function.
 *
 * Blocks of any size give the same bits: every partial sum is one chain.
 */
#include "conv_taps.h"

/*
 * A block of the weight gradient: `rows` x `taps` sums, for VL of the 16
 * lanes from `half` on.
 */
INLINE void corr(int rows, int taps, const struct pare_corr *c, size_t row,
                 size_t tap, size_t half)
{
    V acc[CORR_ROWS][CORR_TAPS];
    float *sums = c->acc + (row * c->ld + tap) * 16 + half;
    const float *dy_row = c->dy + row * c->lanes + half;
    const float *x_row = c->x + tap * c->x_tap + half;
    size_t lanes = c->lanes, x_tap = c->x_tap;

#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 6
        for (int t = 0; t < taps; t++)
            acc[r][t] = V_LOAD(sums + ((size_t)r * c->ld + (size_t)t) * 16);
    for (size_t i = 0; i < c->rows; i++) {
        const float *dy_pixel = dy_row, *x_pixel = x_row;

        for (size_t p = 0; p < c->pixels; p++) {
            const float *dy = dy_pixel, *x = x_pixel;

            for (size_t s = 0; s < lanes; s += 16) {
                V d[CORR_ROWS];

#pragma GCC unroll 8
                for (int r = 0; r < rows; r++)
                    d[r] = V_LOAD(dy + (size_t)r * lanes);
#pragma GCC unroll 6
                for (int t = 0; t < taps; t++) {
                    V v = V_LOAD(x + (size_t)t * x_tap);

#pragma GCC unroll 8
                    for (int r = 0; r < rows; r++)
                        acc[r][t] = V_FMA(d[r], v, acc[r][t]);
                }
                dy += 16;
                x += 16;
            }
            dy_pixel += c->dy_pixel;
            x_pixel += c->x_pixel;
        }
        dy_row += c->dy_row;
        x_row += c->x_row;
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 6
        for (int t = 0; t < taps; t++)
            V_STORE(sums + ((size_t)r * c->ld + (size_t)t) * 16, acc[r][t]);
}

#define CORR(rows, taps)                                                     \
    static __attribute__((noinline)) void corr_##rows##_##taps(              \
        const struct pare_corr *c, size_t row, size_t tap, size_t half)      \
    {                                                                        \
        corr(rows, taps, c, row, tap, half);                                 \
    }

typedef void corr_fn(const struct pare_corr *c, size_t row, size_t tap,
                     size_t half);

CORR(1, 1) CORR(1, 2) CORR(1, 3)
CORR(2, 1) CORR(2, 2) CORR(2, 3)
CORR(3, 1) CORR(3, 2) CORR(3, 3)
CORR(4, 1) CORR(4, 2) CORR(4, 3)
#if VL == 16
CORR(1, 4) CORR(1, 5) CORR(1, 6)
CORR(2, 4) CORR(2, 5) CORR(2, 6)
CORR(3, 4) CORR(3, 5) CORR(3, 6)
CORR(4, 4) CORR(4, 5) CORR(4, 6)
CORR(5, 1) CORR(5, 2) CORR(5, 3) CORR(5, 4) CORR(5, 5)
CORR(6, 1) CORR(6, 2) CORR(6, 3) CORR(6, 4)
CORR(7, 1) CORR(7, 2) CORR(7, 3)
CORR(8, 1) CORR(8, 2) CORR(8, 3)
#define CORR_ROWS_MOST CORR_ROWS
#define CORR_TAPS_MOST CORR_TAPS
#else
#define CORR_ROWS_MOST 4
#define CORR_TAPS_MOST 3
#endif

/* By rows, then taps. */
static corr_fn *const corrs[CORR_ROWS_MOST + 1][CORR_TAPS_MOST + 1] = {
#if VL == 16
    [1] = {0, corr_1_1, corr_1_2, corr_1_3, corr_1_4, corr_1_5, corr_1_6},
    [2] = {0, corr_2_1, corr_2_2, corr_2_3, corr_2_4, corr_2_5, corr_2_6},
    [3] = {0, corr_3_1, corr_3_2, corr_3_3, corr_3_4, corr_3_5, corr_3_6},
    [4] = {0, corr_4_1, corr_4_2, corr_4_3, corr_4_4, corr_4_5, corr_4_6},
    [5] = {0, corr_5_1, corr_5_2, corr_5_3, corr_5_4, corr_5_5},
    [6] = {0, corr_6_1, corr_6_2, corr_6_3, corr_6_4},
    [7] = {0, corr_7_1, corr_7_2, corr_7_3},
    [8] = {0, corr_8_1, corr_8_2, corr_8_3},
#else
    [1] = {0, corr_1_1, corr_1_2, corr_1_3},
    [2] = {0, corr_2_1, corr_2_2, corr_2_3},
    [3] = {0, corr_3_1, corr_3_2, corr_3_3},
    [4] = {0, corr_4_1, corr_4_2, corr_4_3},
#endif
};

void NAME(const struct pare_corr *c)
{
    size_t down = (c->channels + CORR_ROWS_MOST - 1) / CORR_ROWS_MOST;
    size_t across = (c->taps + CORR_TAPS_MOST - 1) / CORR_TAPS_MOST;

    for (size_t half = 0; half < 16; half += VL)
        for (size_t i = 0; i < down * across; i++) {
            size_t row, rows = conv_part(c->channels, CORR_ROWS_MOST,
                                         i / across, &row);
            size_t tap, taps = conv_part(c->taps, CORR_TAPS_MOST, i % across,
                                         &tap);

            corrs[rows][taps](c, row, tap, half);
        }
}
