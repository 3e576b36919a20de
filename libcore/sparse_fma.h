/*
 * What the sparse products of family fma share: vectors of 8 and 4 lanes,
 * and the loops. Included by sparse_avx512.c and sparse_avx2.c, which add
 * what is their own.
 */
#include <immintrin.h>
#include <string.h>

#include "kernel_rows.h"
#include "sparse_parts.h"

#define INLINE static inline __attribute__((always_inline))
#define APART  static __attribute__((noinline))

typedef __m256 V8;
typedef __m128 V4;
#define V8_LOAD(p)          _mm256_loadu_ps(p)
#define V8_STORE(p, v)      _mm256_storeu_ps(p, v)
#define V8_SET1(x)          _mm256_set1_ps(x)
#define V8_FMA(a, b, c)     _mm256_fmadd_ps(a, b, c)
#define V8_ADD(a, b)        _mm256_add_ps(a, b)
#define V8_ZERO()           _mm256_setzero_ps()
#define V8_SHUFFLE(a, b, i) _mm256_shuffle_ps(a, b, i)
#define V4_LOAD(p)          _mm_loadu_ps(p)
#define V4_STORE(p, v)      _mm_storeu_ps(p, v)
#define V4_SET1(x)          _mm_set1_ps(x)
#define V4_FMA(a, b, c)     _mm_fmadd_ps(a, b, c)
#define V4_ADD(a, b)        _mm_add_ps(a, b)
#define V4_ZERO()           _mm_setzero_ps()
#define V4_SHUFFLE(a, b, i) _mm_shuffle_ps(a, b, i)

#define UNROLL _Pragma("GCC unroll 8")

/* Keep a pointer in one register, not as a base and a shifted index. */
#define HELD(p) __asm__("" : "+r"(p))

/*
 * chainsW: `rows` pieces at once, whose lanes are nv vectors of W, all held
 * in registers. Every lane is one chain in the order of the entries. rows,
 * nv and what `how` holds are constants after inlining.
 */
struct how {
    bool zero;    /* chains begin at 0 and not at y */
    bool through; /* values lie where `entry` says */
    bool near;    /* inner numbers are within the block, where x begins */
};

#define CHAINS(W)                                                              \
    INLINE void chains##W(const struct sparse_product *p,                      \
                          const struct sparse_piece *piece, int rows, int nv,  \
                          struct how how, const float *x)                      \
    {                                                                          \
        const size_t lanes = (size_t)nv * W;                                   \
        const uint8_t *near[4];                                                \
        const float *value[4];                                                 \
        const uint32_t *index[4], *entry[4];                                   \
        uint32_t all = piece[rows - 1].n;                                      \
        V##W acc[4][8];                                                        \
                                                                               \
        UNROLL for (int r = 0; r < rows; r++)                                  \
        {                                                                      \
            const float *y = p->y + (piece[r].outer - p->first) * lanes;       \
                                                                               \
            value[r] = how.through ? p->value : p->value + piece[r].begin;     \
            index[r] = p->side->index + piece[r].begin;                        \
            near[r] = how.near ? p->side->near + piece[r].near : NULL;         \
            entry[r] = how.through ? p->side->entry + piece[r].begin : NULL;   \
            all = piece[r].n < all ? piece[r].n : all;                         \
            UNROLL for (int v = 0; v < nv; v++) acc[r][v] =                    \
                how.zero ? V##W##_ZERO() : V##W##_LOAD(y + v * W);             \
        }                                                                      \
        for (size_t k = 0; k < all; k++)                                       \
            UNROLL for (int r = 0; r < rows; r++) STEP(W, r);                  \
        UNROLL for (int r = 0; r < rows; r++)                                  \
        {                                                                      \
            float *y = p->y + (piece[r].outer - p->first) * lanes;             \
                                                                               \
            for (size_t k = all; rows > 1 && k < piece[r].n; k++)              \
                STEP(W, r);                                                    \
            UNROLL for (int v = 0; v < nv; v++)                                \
                V##W##_STORE(y + v * W, acc[r][v]);                            \
        }                                                                      \
    }

/* Entry k of piece r. */
#define STEP(W, r)                                                             \
    do {                                                                       \
        V##W w = V##W##_SET1(value[r][how.through ? entry[r][k] : k]);         \
        const float *in = x + (how.near ? near[r][k] : index[r][k]) * lanes;   \
                                                                               \
        HELD(in);                                                              \
        UNROLL for (int v = 0; v < nv; v++) acc[r][v] =                        \
            V##W##_FMA(w, V##W##_LOAD(in + v * W), acc[r][v]);                 \
    } while (0)

/* One outer number after the other, with all of its entries. */
#define ALONE(name, W, nv)                                                     \
    INLINE void name##_how(const struct sparse_product *p, struct how how)     \
    {                                                                          \
        const uint64_t *begin = p->side->begin;                                \
                                                                               \
        for (size_t i = p->first; i < p->first + p->n; i++) {                  \
            const struct sparse_piece piece = {                                \
                begin[i], (uint32_t)(begin[i + 1] - begin[i]), (uint32_t)i,    \
                0};                                                            \
                                                                               \
            chains##W(p, &piece, 1, nv, how, p->x);                            \
        }                                                                      \
    }                                                                          \
    APART void name(const struct sparse_product *p, size_t b)                  \
    {                                                                          \
        (void)b;                                                               \
        WITH_HOW(!p->add, p->side->entry != NULL, false, name##_how, p);       \
    }

/* `rows` pieces at once; `near` where they are of a block. */
#define SEVERAL(name, W, rows, nv, near)                                       \
    INLINE void name##_how(const struct sparse_product *p, size_t b,           \
                           struct how how)                                     \
    {                                                                          \
        const float *x = p->x + (near ? b * SPARSE_BLOCK * nv * W : 0);        \
        struct sparse_piece list[SPARSE_WINDOW];                               \
                                                                               \
        for (size_t at = p->first, end; at < p->first + p->n; at = end) {      \
            const struct sparse_piece *piece = sparse_window(list, p, b, at);  \
            size_t i = 0;                                                      \
                                                                               \
            end = sparse_next(p, at);                                          \
            for (; i + rows <= end - at; i += rows)                            \
                chains##W(p, piece + i, rows, nv, how, x);                     \
            for (; i < end - at; i++)                                          \
                chains##W(p, piece + i, 1, nv, how, x);                        \
        }                                                                      \
    }                                                                          \
    APART void name(const struct sparse_product *p, size_t b)                  \
    {                                                                          \
        WITH_HOW(b == 0 && !p->add, p->side->entry != NULL, near, name##_how,  \
                 p, b);                                                        \
    }

/* Call a function with what `how` holds as constants. */
#define WITH_HOW(zero, through, near, f, ...)                                  \
    do {                                                                       \
        if ((zero) && (through))                                               \
            f(__VA_ARGS__, (struct how){true, true, near});                    \
        else if (through)                                                      \
            f(__VA_ARGS__, (struct how){false, true, near});                   \
        else if (zero)                                                         \
            f(__VA_ARGS__, (struct how){true, false, near});                   \
        else                                                                   \
            f(__VA_ARGS__, (struct how){false, false, near});                  \
    } while (0)

CHAINS(8)
CHAINS(4)
ALONE(alone8, 8, 1)
SEVERAL(several8, 8, 4, 1, false)
ALONE(alone4, 4, 1)
SEVERAL(several4, 4, 4, 1, false)

typedef void walk_function(const struct sparse_product *p, size_t b);

/*
 * Block by block, so that the inputs of one stay in the first cache. Pieces
 * are gone through several at once where they are of about one length, for
 * they are ordered, or where a chain is one short vector after the other.
 */
INLINE void blocks(const struct sparse_product *p, walk_function *alone,
                   walk_function *several)
{
    size_t n = sparse_blocks(p), rows = p->side->n;
    bool some = n > 1 || (p->lanes < 32 && p->side->begin[rows] / rows >= 16);

    for (size_t b = 0; b < n; b++)
        (some ? several : alone)(p, b);
}
