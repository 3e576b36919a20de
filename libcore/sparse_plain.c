/* Sparse products in plain C: a multiplication, then an addition. */
#include "clones.h"
#include "kernel_rows.h"
#include "sparse_parts.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

/* One row or column: `lanes` is a constant after inlining. */
INLINE void chain(const struct sparse_product *p,
                  const struct sparse_piece *piece, float *y, const float *x,
                  size_t lanes, bool zero)
{
    const uint32_t *entry = p->side->entry;
    uint64_t end = piece->begin + piece->n;
    float acc[16];

    for (size_t j = 0; j < lanes; j++)
        acc[j] = zero ? 0 : y[j];
    for (uint64_t k = piece->begin; k < end; k++) {
        const float v = p->value[entry ? entry[k] : k];
        const float *from = x + p->side->index[k] * p->lanes;

        for (size_t j = 0; j < lanes; j++)
            acc[j] += v * from[j];
    }
    for (size_t j = 0; j < lanes; j++)
        y[j] = acc[j];
}

INLINE void block(const struct sparse_product *p, size_t b, size_t lanes)
{
    struct sparse_piece list[SPARSE_WINDOW];

    for (size_t at = p->first, end; at < p->first + p->n; at = end) {
        const struct sparse_piece *piece = sparse_window(list, p, b, at);

        end = sparse_next(p, at);
        for (size_t i = 0; i < end - at; i++)
            for (size_t j = 0; j < p->lanes; j += lanes)
                chain(p, &piece[i],
                      p->y + (piece[i].outer - p->first) * p->lanes + j,
                      p->x + j, lanes, b == 0 && !p->add);
    }
}

PARE_CLONES
void pare_sparse_product_c(const struct sparse_product *p)
{
    for (size_t b = 0; b < sparse_blocks(p); b++)
        if (p->lanes == 4)
            block(p, b, 4);
        else if (p->lanes == 8)
            block(p, b, 8);
        else
            block(p, b, 16);
}

/* One gradient: `lanes` chains, then by halves. */
INLINE float slope(const struct sparse_slope *p, const float *dy,
                   const float *x, size_t lanes)
{
    size_t ldy = p->pattern->rows * p->lanes, ldx = p->pattern->cols * p->lanes;
    float sum[16] = {0};

    for (size_t t = 0; t < p->tiles; t++)
        for (size_t i = 0; i < p->lanes; i += lanes)
            for (size_t j = 0; j < lanes; j++)
                sum[j] += dy[t * ldy + i + j] * x[t * ldx + i + j];
    for (size_t half = lanes / 2; half > 0; half /= 2)
        for (size_t j = 0; j < half; j++)
            sum[j] += sum[j + half];
    return sum[0];
}

INLINE void slopes(const struct sparse_slope *p, size_t lanes)
{
    size_t row = sparse_row(p->pattern, p->at);

    for (size_t i = 0; i < p->n; i++) {
        while (p->pattern->row[row + 1] <= p->at + i)
            row++;
        p->g[i] = slope(p, p->dy + row * p->lanes,
                        p->x + p->pattern->col[p->at + i] * p->lanes, lanes);
    }
}

PARE_CLONES
void pare_sparse_gradient_c(const struct sparse_slope *p)
{
    if (p->lanes == 4)
        slopes(p, 4);
    else if (p->lanes == 8)
        slopes(p, 8);
    else
        slopes(p, 16);
}
