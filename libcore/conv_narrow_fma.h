/*
 * The half of conv_taps_fma.h for one lane: vectors run over channels.
 */
#define NARROW_ROWS 16 /* most pixels of a block */

static inline void fetch(const struct pare_taps *t, size_t segment)
{
    for (int s = 0; s < 2; s++)
        for (size_t l = 0; l < t->soon[s].lines; l++)
            __builtin_prefetch(
                t->soon[s].at + segment * t->soon[s].step + 16 * l, 0, 2);
}

/*
 * One lane: `rows` pixels from `first` on times nv vectors of channels, the
 * last with `lanes` channels that exist.
 */
INLINE void narrow(int rows, int nv, const struct pare_taps *t, size_t first,
                   size_t channel, size_t lanes)
{
    V acc[NARROW_ROWS][UNITS_MOST];
    float *y = t->y + first * t->y_pixel + channel;
    const float *base[(NARROW_ROWS + 2) / 3];

#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++) {
            size_t some = v == nv - 1 ? lanes : VL;

            acc[r][v] =
                t->add ? V_MLOAD(y + (size_t)r * t->y_pixel + v * VL, some)
                : t->bias ? V_MLOAD(t->bias + channel + v * VL, some)
                          : V_ZERO();
        }
    for (size_t i = 0; i < t->rows; i++)
        for (size_t j = 0; j < t->segs; j++) {
            const float *w = t->w + i * t->w_row + j * t->w_seg + channel;
            const float *x = t->x + i * t->x_row + j * t->x_seg;

            if (first == 0 && channel == 0 && i == 0)
                fetch(t, j);
#pragma GCC unroll 6
            for (int g = 0; g < (rows + 2) / 3; g++)
                base[g] = x + (first + 3 * (size_t)g) * t->x_pixel;
            for (size_t k = 0; k < t->len; k++) {
                V wv[UNITS_MOST];

#pragma GCC unroll 4
                for (int v = 0; v < nv; v++)
                    wv[v] = V_LOAD(w + v * VL);
#pragma GCC unroll 16
                for (int r = 0; r < rows; r++) {
                    V xv = V_SET1(
                        base[r / 3][(size_t)(r % 3) * t->x_pixel + k]);

#pragma GCC unroll 4
                    for (int v = 0; v < nv; v++)
                        acc[r][v] = V_FMA(xv, wv[v], acc[r][v]);
                }
                w += t->ld;
            }
        }
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++)
            V_MSTORE(y + (size_t)r * t->y_pixel + v * VL, acc[r][v],
                     v == nv - 1 ? lanes : VL);
}

#define NARROW(rows, nv)                                                     \
    static __attribute__((noinline)) void narrow_##rows##_##nv(              \
        const struct pare_taps *t, size_t first, size_t channel,             \
        size_t lanes)                                                        \
    {                                                                        \
        narrow(rows, nv, t, first, channel, lanes);                          \
    }

/* Each name once, as a function and in the table by vectors and rows. */
#define NARROW_6(nv)                                                         \
    NARROW(1, nv) NARROW(2, nv) NARROW(3, nv)                                \
    NARROW(4, nv) NARROW(5, nv) NARROW(6, nv)
#define NARROW_8(nv)  NARROW_6(nv) NARROW(7, nv) NARROW(8, nv)
#define NARROW_12(nv)                                                        \
    NARROW_8(nv) NARROW(9, nv) NARROW(10, nv) NARROW(11, nv) NARROW(12, nv)
#define NARROW_16(nv)                                                        \
    NARROW_12(nv) NARROW(13, nv) NARROW(14, nv) NARROW(15, nv) NARROW(16, nv)
#define NAMES_6(nv)                                                          \
    0, narrow_1_##nv, narrow_2_##nv, narrow_3_##nv, narrow_4_##nv,           \
        narrow_5_##nv, narrow_6_##nv
#define NAMES_8(nv) NAMES_6(nv), narrow_7_##nv, narrow_8_##nv
#define NAMES_12(nv)                                                         \
    NAMES_8(nv), narrow_9_##nv, narrow_10_##nv, narrow_11_##nv, narrow_12_##nv
#define NAMES_16(nv)                                                         \
    NAMES_12(nv), narrow_13_##nv, narrow_14_##nv, narrow_15_##nv,            \
        narrow_16_##nv

typedef void narrow_fn(const struct pare_taps *t, size_t first,
                       size_t channel, size_t lanes);

#if TAPS_MOST > 6
NARROW_16(1) NARROW_12(2) NARROW_8(3) NARROW_6(4)
static const size_t narrow_rows[] = {0, NARROW_ROWS, 12, 8, 6};
static narrow_fn *const narrows[][NARROW_ROWS + 1] = {
    {0}, {NAMES_16(1)}, {NAMES_12(2)}, {NAMES_8(3)}, {NAMES_6(4)}};
#else
NARROW_6(1) NARROW_6(2)
static const size_t narrow_rows[] = {0, 6, 6};
static narrow_fn *const narrows[][NARROW_ROWS + 1] = {
    {0}, {NAMES_6(1)}, {NAMES_6(2)}};
#endif

#define NARROW_MOST (sizeof narrow_rows / sizeof *narrow_rows - 1)

static void taps_narrow(const struct pare_taps *t)
{
    size_t vectors = conv_parts(t->channels, VL);

    for (size_t i = 0; i < conv_parts(vectors, NARROW_MOST); i++) {
        size_t v, nv = conv_part(vectors, NARROW_MOST, i, &v), most;
        size_t left = t->channels - v * VL;
        size_t lanes = left < nv * VL ? (left - 1) % VL + 1 : VL;

        most = narrow_rows[nv];
        for (size_t j = 0; j < conv_parts(t->pixels, most); j++) {
            size_t first, rows = conv_part(t->pixels, most, j, &first);

            narrows[nv][rows](t, first, v * VL, lanes);
        }
    }
}
