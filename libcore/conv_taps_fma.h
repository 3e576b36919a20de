/*
 * The convolutions of family fma forward and backward, written once for
 * vectors of VL lanes. The file that includes this has included
 * kernel_fma.h, and defines NAME for the function and TAPS_MOST, the rows
 * of weights in a block.
 *
 * Blocks of any size give the same bits: every element is one chain.
 */
#include "conv_taps.h"

#define UNITS_MOST 4
#define AHEAD      8 /* steps of the sum to prefetch */

/* Where a vector of a block reads and writes, from the start of the call. */
struct unit {
    size_t x, y;
};

/* One step of the sum: a column of weights times a vector of each unit. */
INLINE void wide_step(int rows, int nv, V acc[CONV_ROWS][UNITS_MOST],
                      const float *const *x, const float *w, size_t at,
                      size_t ahead)
{
    V xv[UNITS_MOST];

#pragma GCC unroll 4
    for (int v = 0; v < nv; v++) {
        xv[v] = V_LOAD(x[v] + at);
        __builtin_prefetch(x[v] + at + ahead);
    }
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++) {
        V wv = V_SET1(w[r]);

#pragma GCC unroll 4
        for (int v = 0; v < nv; v++)
            acc[r][v] = V_FMA(wv, xv[v], acc[r][v]);
    }
}

/*
 * Many lanes: `rows` channels from `first` on times nv units, each one
 * vector of one pixel. Integer instructions share their ports with the
 * multiply-adds, so there are four steps to a turn of the loop.
 */
INLINE void wide(int rows, int nv, const struct pare_taps *t, size_t first,
                 const struct unit *unit)
{
    V acc[CONV_ROWS][UNITS_MOST];
    float *y = t->y + first * t->lanes;
    size_t lanes = t->lanes, ld = TAPS_MOST >= CONV_ROWS ? (size_t)rows : t->ld;

#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++)
            acc[r][v] = t->add ? V_LOAD(y + (size_t)r * lanes + unit[v].y)
                        : t->bias ? V_SET1(t->bias[first + (size_t)r])
                                  : V_ZERO();
    for (size_t i = 0; i < t->rows; i++)
        for (size_t j = 0; j < t->segs; j++) {
            const float *w = t->w + i * t->w_row + j * t->w_seg + first;
            const float *from = t->x + i * t->x_row + j * t->x_seg;
            const float *x[UNITS_MOST];
            size_t k = t->len;

#pragma GCC unroll 4
            for (int v = 0; v < nv; v++)
                x[v] = from + unit[v].x;
            for (; k >= 4; k -= 4) {
#pragma GCC unroll 4
                for (size_t q = 0; q < 4; q++)
                    wide_step(rows, nv, acc, x, w + q * ld, q * lanes,
                              AHEAD * lanes);
#pragma GCC unroll 4
                for (int v = 0; v < nv; v++)
                    x[v] += 4 * lanes;
                w += 4 * ld;
            }
            for (; k > 0; k--) {
                wide_step(rows, nv, acc, x, w, 0, AHEAD * lanes);
#pragma GCC unroll 4
                for (int v = 0; v < nv; v++)
                    x[v] += lanes;
                w += ld;
            }
        }
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++)
            V_STORE(y + (size_t)r * lanes + unit[v].y, acc[r][v]);
}

#define WIDE(rows, nv)                                                       \
    static __attribute__((noinline)) void wide_##rows##_##nv(                \
        const struct pare_taps *t, size_t first, const struct unit *unit)    \
    {                                                                        \
        wide(rows, nv, t, first, unit);                                      \
    }

WIDE(1, 1) WIDE(1, 2) WIDE(1, 3) WIDE(1, 4)
WIDE(2, 1) WIDE(2, 2) WIDE(2, 3) WIDE(2, 4)
WIDE(3, 1) WIDE(3, 2) WIDE(3, 3)
WIDE(4, 1) WIDE(4, 2) WIDE(4, 3)
WIDE(5, 1) WIDE(5, 2) WIDE(6, 1) WIDE(6, 2)
#if TAPS_MOST > 6
WIDE(3, 4) WIDE(4, 4)
WIDE(5, 3) WIDE(5, 4)
WIDE(6, 3) WIDE(6, 4)
WIDE(7, 1) WIDE(7, 2) WIDE(7, 3)
WIDE(8, 1) WIDE(8, 2) WIDE(8, 3)
WIDE(9, 1) WIDE(9, 2) WIDE(10, 1) WIDE(10, 2)
WIDE(11, 1) WIDE(11, 2) WIDE(12, 1) WIDE(12, 2)
#endif

typedef void wide_fn(const struct pare_taps *t, size_t first,
                     const struct unit *unit);

/* By rows, then units; NULL: more than the registers hold. */
static wide_fn *const wides[TAPS_MOST + 1][UNITS_MOST + 1] = {
#if TAPS_MOST > 6
    [1] = {0, wide_1_1, wide_1_2, wide_1_3, wide_1_4},
    [2] = {0, wide_2_1, wide_2_2, wide_2_3, wide_2_4},
    [3] = {0, wide_3_1, wide_3_2, wide_3_3, wide_3_4},
    [4] = {0, wide_4_1, wide_4_2, wide_4_3, wide_4_4},
    [5] = {0, wide_5_1, wide_5_2, wide_5_3, wide_5_4},
    [6] = {0, wide_6_1, wide_6_2, wide_6_3, wide_6_4},
    [7] = {0, wide_7_1, wide_7_2, wide_7_3},
    [8] = {0, wide_8_1, wide_8_2, wide_8_3},
    [9] = {0, wide_9_1, wide_9_2},
    [10] = {0, wide_10_1, wide_10_2},
    [11] = {0, wide_11_1, wide_11_2},
    [12] = {0, wide_12_1, wide_12_2},
#else
    [1] = {0, wide_1_1, wide_1_2, wide_1_3, wide_1_4},
    [2] = {0, wide_2_1, wide_2_2, wide_2_3, wide_2_4},
    [3] = {0, wide_3_1, wide_3_2, wide_3_3},
    [4] = {0, wide_4_1, wide_4_2, wide_4_3},
    [5] = {0, wide_5_1, wide_5_2},
    [6] = {0, wide_6_1, wide_6_2},
#endif
};

static void taps_wide(const struct pare_taps *t)
{
    size_t chunks = t->lanes / VL, units = t->pixels * chunks;
    size_t blocks = conv_parts(t->channels, TAPS_MOST);

    for (size_t b = 0; b < blocks; b++) {
        size_t first, rows = conv_part(t->channels, TAPS_MOST, b, &first);
        size_t most = UNITS_MOST, nv;

        while (!wides[rows][most])
            most--;
        for (size_t u = 0; u < units; u += nv) {
            struct unit unit[UNITS_MOST];

            nv = units - u < most ? units - u : most;
            for (size_t v = 0; v < nv; v++) {
                size_t p = (u + v) / chunks, at = (u + v) % chunks * VL;

                unit[v].x = p * t->x_pixel + at;
                unit[v].y = p * t->y_pixel + at;
            }
            wides[rows][nv](t, first, unit);
        }
    }
}

#include "conv_narrow_fma.h"

void NAME(const struct pare_taps *t)
{
    if (t->lanes == 1)
        taps_narrow(t);
    else
        taps_wide(t);
}
