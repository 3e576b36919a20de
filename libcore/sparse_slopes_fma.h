/*
 * The gradients of entries in family fma. Included after sparse_fma.h by
 * sparse_avx512.c and sparse_avx2.c.
 */
/*
 * Pairs of vectors added by halves: from a and b, each with some sums of 2h
 * lanes, one vector with those of both, of h lanes each. Beside lanes of 4
 * that is a matter of four at a time.
 */
#define HALVES2(W, a, b)                                                       \
    V##W##_ADD(V##W##_SHUFFLE(a, b, 0x44), V##W##_SHUFFLE(a, b, 0xee))
#define HALVES1(W, a, b)                                                       \
    V##W##_ADD(V##W##_SHUFFLE(a, b, 0x88), V##W##_SHUFFLE(a, b, 0xdd))
#define HALVES4_8(a, b)                                                        \
    _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20),                          \
                  _mm256_permute2f128_ps(a, b, 0x31))

/* The gradients of some entries of one row: their columns, and tiles. */
struct slope_group {
    const uint32_t *col;
    const float *dy, *x;
    size_t ldy, ldx, tiles;
};

/* Eight entries, tiles of 8 lanes: sum of entry 4 i + j is at i + 2 j. */
INLINE void group8(float *g, const struct slope_group *s)
{
    V8 a[8];

    _Pragma("GCC unroll 8") for (int e = 0; e < 8; e++) a[e] = V8_ZERO();
    for (size_t t = 0; t < s->tiles; t++) {
        const V8 dy = V8_LOAD(s->dy + t * s->ldy);
        const float *x = s->x + t * s->ldx;

        _Pragma("GCC unroll 8") for (int e = 0; e < 8; e++) a[e] = V8_FMA(
            dy, V8_LOAD(x + s->col[e % 2 * 4 + e / 2] * (size_t)8), a[e]);
    }
    for (int e = 0; e < 8; e += 2)
        a[e / 2] = HALVES4_8(a[e], a[e + 1]);
    a[0] = HALVES2(8, a[0], a[1]);
    a[1] = HALVES2(8, a[2], a[3]);
    V8_STORE(g, HALVES1(8, a[0], a[1]));
}

/* Four entries, tiles of 4 lanes. */
INLINE void group4(float *g, const struct slope_group *s)
{
    V4 a[4];

    _Pragma("GCC unroll 4") for (int e = 0; e < 4; e++) a[e] = V4_ZERO();
    for (size_t t = 0; t < s->tiles; t++) {
        const V4 dy = V4_LOAD(s->dy + t * s->ldy);
        const float *x = s->x + t * s->ldx;

        _Pragma("GCC unroll 4") for (int e = 0; e < 4; e++) a[e] =
            V4_FMA(dy, V4_LOAD(x + s->col[e] * (size_t)4), a[e]);
    }
    a[0] = HALVES2(4, a[0], a[1]);
    a[1] = HALVES2(4, a[2], a[3]);
    V4_STORE(g, HALVES1(4, a[0], a[1]));
}

typedef void group_function(float *g, const struct slope_group *s);

/* A group with fewer entries: the last column stands in for the others. */
INLINE void part(float *g, struct slope_group *s, const uint32_t *from,
                 size_t n, group_function *group, size_t size)
{
    uint32_t col[16];
    float all[16];

    for (size_t i = 0; i < size; i++)
        col[i] = from[i < n ? i : n - 1];
    s->col = col;
    group(all, s);
    memcpy(g, all, n * sizeof *g);
}

/*
 * All entries of p, row by row: groups of `size`, and of what is left those
 * of `small`, or one more where these would be as many as it holds.
 */
INLINE void slopes(const struct sparse_slope *p, group_function *group,
                   size_t size, group_function *less, size_t small)
{
    const struct pare_pattern *of = p->pattern;
    uint64_t k = p->at, end = p->at + p->n;
    struct slope_group s = {.x = p->x,
                            .ldy = of->rows * p->lanes,
                            .ldx = of->cols * p->lanes,
                            .tiles = p->tiles};

    for (size_t r = p->n ? sparse_row(of, k) : 0; k < end; r++) {
        uint64_t stop = of->row[r + 1] < end ? of->row[r + 1] : end;
        float *g = p->g + (k - p->at);

        s.dy = p->dy + r * p->lanes;
        for (; stop - k >= size; k += size, g += size) {
            s.col = of->col + k;
            group(g, &s);
        }
        if (stop - k > size - small && size > small) {
            part(g, &s, of->col + k, (size_t)(stop - k), group, size);
            k = stop;
        }
        for (; stop - k >= small; k += small, g += small) {
            s.col = of->col + k;
            less(g, &s);
        }
        if (stop > k)
            part(g, &s, of->col + k, (size_t)(stop - k), less, small);
        k = stop;
    }
}
