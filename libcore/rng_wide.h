/*
 * Philox blocks side by side, for vectors of 64-bit lanes: a block has a
 * lane of each of four vectors. Only the lower halves of the lanes count
 * until the words are put together; what stands above them is left there,
 * for the multiplication does not see it. Included by rng_avx512.c and
 * rng_avx2.c, which define the vectors: V, LANES, GROUPS and the operations.
 */
#include <stddef.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

struct lanes {
    V x0, x1, x2, x3;
};

INLINE void start(struct lanes *g, uint64_t first, uint32_t sub,
                  uint32_t stream)
{
    g->x0 = ADD(SET1(first), ORDER());
    g->x1 = RIGHT(g->x0);
    g->x2 = SET1(sub);
    g->x3 = SET1(stream);
}

INLINE void turn(struct lanes *g, V k0, V k1)
{
    V p0 = MULTIPLY(g->x0, SET1(0xD2511F53u));
    V p1 = MULTIPLY(g->x2, SET1(0xCD9E8D57u));

    g->x0 = XOR3(RIGHT(p1), g->x1, k0);
    g->x1 = p1;
    g->x2 = XOR3(RIGHT(p0), g->x3, k1);
    g->x3 = p0;
}

/* LANES * GROUPS blocks. */
INLINE void blocks(uint32_t *out, uint64_t first, uint32_t sub, uint32_t stream,
                   uint32_t k0, uint32_t k1)
{
    struct lanes g[GROUPS];

    _Pragma("GCC unroll 4") for (int i = 0; i < GROUPS; i++)
        start(&g[i], first + (uint64_t)i * LANES, sub, stream);
    for (int round = 0; round < 10; round++) {
        const V a = SET1(k0), b = SET1(k1);

        _Pragma("GCC unroll 4") for (int i = 0; i < GROUPS; i++)
            turn(&g[i], a, b);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    _Pragma("GCC unroll 4") for (int i = 0; i < GROUPS; i++)
    {
        const V a = PAIR(g[i].x0, g[i].x1), b = PAIR(g[i].x2, g[i].x3);

        STORE(out + (size_t)i * LANES * 4, LOW(a, b));
        STORE(out + (size_t)i * LANES * 4 + LANES * 2, HIGH(a, b));
    }
}

/* As many of n blocks as can be made side by side: how many. */
INLINE size_t all_blocks(uint32_t *out, size_t n, uint64_t seed, uint32_t sub,
                         uint32_t stream, uint64_t first)
{
    size_t i = 0;

    for (; n - i >= LANES * GROUPS; i += LANES * GROUPS)
        blocks(out + 4 * i, first + i, sub, stream, (uint32_t)seed,
               (uint32_t)(seed >> 32));
    return i;
}
