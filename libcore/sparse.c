#include "sparse.h"

#include <stdlib.h>

#include "kernel.h"
#include "sparse_parts.h"
#include "status.h"

/*
 * A block of 64 lanes takes 40 of the 48 KB of a usual first cache. It is
 * worth it where pieces have some entries: each reads and writes y.
 */
enum { BLOCK = SPARSE_BLOCK, LEAST = 8 };

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* Long pieces first; of those of one length the order stays. */
static void order(struct sparse_piece *piece, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct sparse_piece moved = piece[i];
        size_t to = i;

        for (; to > 0 && piece[to - 1].n < moved.n; to--)
            piece[to] = piece[to - 1];
        piece[to] = moved;
    }
}

/* Pieces of blocks of inner numbers, and these numbers in their order. */
static void cut(struct sparse_piece *piece, uint8_t *near,
                const struct sparse_side *side, size_t blocks)
{
    size_t n = side->n;
    uint64_t at = 0;

    for (size_t i = 0; i < n; i++) {
        uint64_t k = side->begin[i], from;

        for (size_t b = 0; b < blocks; b++) {
            from = k;
            while (k < side->begin[i + 1] && side->index[k] < (b + 1) * BLOCK)
                k++;
            piece[b * n + i] = (struct sparse_piece){from, (uint32_t)(k - from),
                                                     (uint32_t)i, 0};
        }
    }
    for (size_t b = 0; b < blocks; b++)
        for (size_t i = 0; i < n; i += SPARSE_WINDOW)
            order(piece + b * n + i,
                  n - i < SPARSE_WINDOW ? n - i : SPARSE_WINDOW);
    for (size_t i = 0; i < blocks * n; i++) {
        const uint32_t *from = side->index + piece[i].begin;

        piece[i].near = at;
        for (size_t k = 0; k < piece[i].n; k++)
            near[at++] = (uint8_t)(from[k] - i / n * BLOCK);
    }
}

/* Cut the entries of a side at multiples of BLOCK, where it is worth it. */
static bool cut_side(struct pare_sparse *s, struct sparse_side *side,
                     struct sparse_piece **piece, uint8_t **near, size_t inner)
{
    size_t blocks = (inner + BLOCK - 1) / BLOCK, n = side->n;
    uint64_t all = side->begin[n];

    side->blocks = 1;
    if (blocks < 2 || all / n / blocks < LEAST)
        return true;
    if (n > SIZE_MAX / blocks / sizeof **piece)
        return false;
    *piece = malloc(blocks * n * sizeof **piece);
    *near = malloc((size_t)all);
    if (!*piece || !*near)
        return false;
    cut(*piece, *near, side, blocks);
    side->blocks = blocks;
    side->piece = *piece;
    side->near = *near;
    s->bytes += blocks * n * sizeof **piece + (size_t)all;
    return true;
}

/* Entries by column: rows ascend because they are gone through in order. */
static void transpose(struct pare_sparse *s)
{
    const struct pare_pattern *p = s->pattern;
    uint64_t *begin = s->back_begin, n = pare_pattern_count(p);

    for (uint64_t k = 0; k < n; k++)
        begin[p->col[k] + 1]++;
    for (size_t c = 0; c < p->cols; c++)
        begin[c + 1] += begin[c];
    for (size_t r = 0; r < p->rows; r++)
        for (uint64_t k = p->row[r]; k < p->row[r + 1]; k++) {
            uint64_t to = begin[p->col[k]]++;

            s->back_index[to] = (uint32_t)r;
            s->back_entry[to] = (uint32_t)k;
        }
    for (size_t c = p->cols; c > 0; c--)
        begin[c] = begin[c - 1];
    begin[0] = 0;
}

static int arrange_back(struct pare_sparse *s)
{
    const struct pare_pattern *p = s->pattern;
    uint64_t n = pare_pattern_count(p);

    if (n > UINT32_MAX)
        return pare_fail(PARE_ELIMIT, "a sparse layer is trained with fewer "
                                      "than 2^32 connections");
    s->back_begin = calloc(p->cols + 1, sizeof *s->back_begin);
    s->back_index = malloc((size_t)(n + 1) * sizeof *s->back_index);
    s->back_entry = malloc((size_t)(n + 1) * sizeof *s->back_entry);
    if (!s->back_begin || !s->back_index || !s->back_entry)
        return no_memory();
    transpose(s);
    s->back = (struct sparse_side){.n = p->cols,
                                   .begin = s->back_begin,
                                   .index = s->back_index,
                                   .entry = s->back_entry};
    s->bytes += (p->cols + 1) * sizeof *s->back_begin +
                2 * (size_t)(n + 1) * sizeof *s->back_index;
    return cut_side(s, &s->back, &s->back_piece, &s->back_near, p->rows)
               ? 0
               : no_memory();
}

int pare_sparse_new(struct pare_sparse **out, const struct pare_pattern *p,
                    bool back)
{
    struct pare_sparse *s = calloc(1, sizeof *s);
    int err = 0;

    if (!s)
        return no_memory();
    s->pattern = p;
    s->bytes = sizeof *s;
    s->forward =
        (struct sparse_side){.n = p->rows, .begin = p->row, .index = p->col};
    if (!cut_side(s, &s->forward, &s->forward_piece, &s->forward_near, p->cols))
        err = no_memory();
    else if (back)
        err = arrange_back(s);
    if (err) {
        pare_sparse_free(s);
        return err;
    }
    *out = s;
    return 0;
}

void pare_sparse_free(struct pare_sparse *s)
{
    if (!s)
        return;
    free(s->forward_piece);
    free(s->forward_near);
    free(s->back_near);
    free(s->back_begin);
    free(s->back_piece);
    free(s->back_index);
    free(s->back_entry);
    free(s);
}

size_t pare_sparse_bytes(const struct pare_sparse *s)
{
    return s->bytes;
}

void pare_sparse_forward(const struct pare_sparse *s, const float *value,
                         size_t first, size_t rows, float *y, const float *x,
                         size_t lanes)
{
    const struct sparse_product p = {&s->forward, value, first, rows,
                                     y,           x,     lanes, true};

    pare_kernel()->sparse_product(&p);
}

void pare_sparse_back(const struct pare_sparse *s, const float *value,
                      size_t first, size_t n, float *dx, const float *dy,
                      size_t lanes, bool add)
{
    const struct sparse_product p = {&s->back,           value, first, n,
                                     dx + first * lanes, dy,    lanes, add};

    pare_kernel()->sparse_product(&p);
}

void pare_sparse_gradient(const struct pare_sparse *s, uint64_t at, size_t n,
                          float *g, const float *dy, const float *x,
                          size_t tiles, size_t lanes)
{
    const struct sparse_slope p = {s->pattern, at, n, g, dy, x, tiles, lanes};

    pare_kernel()->sparse_gradient(&p);
}

double pare_sparse_density(bool train)
{
    const struct pare_kernel *k = pare_kernel();

    return train ? k->sparse_train : k->sparse_infer;
}
