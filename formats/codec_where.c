/* Which positions of a tensor are there, and how a file tells of it. */
#include <string.h>

#include "codec_encoder.h"
#include "squeeze.h"

#include "compact.h"

#define BLOCK PARE_CODEC_BLOCK
#define BATCH 64 /* blocks of a task that finds bits */

/* Bits and counts of BATCH blocks. */
static void bits_task(void *arg, size_t i)
{
    struct pare_encoder *e = arg;
    uint64_t blocks = pare_div_up(e->n, BLOCK), b = (uint64_t)i * BATCH;

    for (uint64_t end = b + BATCH < blocks ? b + BATCH : blocks; b < end; b++) {
        uint64_t at = b * BLOCK;
        size_t n = e->n - at < BLOCK ? (size_t)(e->n - at) : BLOCK;

        if (e->mask)
            e->lanes->of_mask(e->bits + at / 64, e->mask + at, n);
        else
            e->lanes->of_values(e->bits + at / 64, e->value + at, n);
        e->rank[b + 1] = pare_bits_total(e->bits + at / 64, (n + 63) / 64);
    }
}

/* Bits of a pattern that fits into memory as bits. */
static void bits_of_pattern(struct pare_encoder *e)
{
    const struct pare_pattern *p = e->pattern;

    for (size_t r = 0; r < p->rows; r++)
        for (uint64_t k = p->row[r]; k < p->row[r + 1]; k++) {
            uint64_t at = (uint64_t)r * p->cols + p->col[k];

            e->bits[at / 64] |= (uint64_t)1 << at % 64;
        }
    e->nnz = pare_pattern_count(p);
}

static int find_bits(struct pare_encoder *e)
{
    uint64_t blocks = pare_div_up(e->n, BLOCK);
    int err;

    if (e->pattern && e->n > PARE_DENSE_POSITIONS) {
        e->nnz = pare_pattern_count(e->pattern);
        return 0;
    }
    e->bits = calloc((size_t)(e->n / 64 + 1), sizeof *e->bits);
    e->rank = calloc((size_t)blocks + 1, sizeof *e->rank);
    if (!e->bits || !e->rank)
        return pare_codec_no_memory();
    if (e->pattern) {
        bits_of_pattern(e);
        return 0;
    }
    err = pare_encoder_run(e, (size_t)pare_div_up(blocks, BATCH), bits_task);
    for (uint64_t b = 0; b < blocks; b++)
        e->rank[b + 1] += e->rank[b];
    e->nnz = e->rank[blocks];
    return err;
}

/* Are values at positions, some of which are to be left out? */
static bool gathers(const struct pare_encoder *e)
{
    return e->sparse && !e->pattern;
}

/* The last block that begins at or before an entry. */
static uint64_t block_of(const struct pare_encoder *e, uint64_t entry)
{
    uint64_t lo = 0, hi = pare_div_up(e->n, BLOCK) - 1;

    if (!gathers(e))
        return entry / BLOCK;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo + 1) / 2;

        if (e->rank[mid] <= entry)
            lo = mid;
        else
            hi = mid - 1;
    }
    return lo;
}

void pare_walk_begin(struct pare_walk *w, const struct pare_encoder *e,
                     uint64_t from, uint64_t to)
{
    w->block = block_of(e, from);
    w->at = from;
    w->to = to;
    w->lost = 0;
}

/* The next entries: their number, 0 at the end. */
static size_t walk_some(struct pare_walk *w, const struct pare_encoder *e)
{
    uint64_t at = w->block * BLOCK, skip, n;

    if (gathers(e)) {
        size_t size = e->n - at < BLOCK ? (size_t)(e->n - at) : BLOCK;

        n = e->lanes->gather(w->word, e->value + at, e->bits + at / 64, size,
                             &w->lost);
        skip = w->at - e->rank[w->block];
    } else {
        n = e->nnz - at < BLOCK ? e->nnz - at : BLOCK;
        memcpy(w->word, e->value + at, (size_t)n * sizeof *w->word);
        skip = w->at - at;
    }
    w->block++;
    n -= skip;
    if (n > w->to - w->at)
        n = w->to - w->at;
    w->entry = w->word + skip;
    w->at += n;
    return (size_t)n;
}

size_t pare_walk_next(struct pare_walk *w, const struct pare_encoder *e)
{
    size_t n = 0;

    while (!n && w->at < w->to)
        n = walk_some(w, e);
    return n;
}

static int where(struct pare_where *w, struct pare_encoder *e)
{
    uint64_t cols = e->n / e->rows;
    uint64_t *turned;

    *w = (struct pare_where){.n = e->n,
                             .nnz = e->nnz,
                             .rows = e->rows,
                             .bits = e->bits,
                             .pattern = e->pattern};
    if (!e->bits || e->effort.level < 2 || e->rows < 2 || cols < 2)
        return 0;
    turned = malloc((size_t)(e->n / 64 + 1) * sizeof *turned);
    if (!turned)
        return pare_codec_no_memory();
    pare_bits_transpose(turned, e->bits, e->rows, (size_t)cols);
    w->turned = turned;
    return 0;
}

/* The plan that is smallest when all are carried out. */
static int try_plans(size_t *best, const struct pare_mask_plan *plan, size_t n,
                     const struct pare_where *w, int level)
{
    uint64_t least = UINT64_MAX;
    int err = 0;

    for (size_t i = 0; !err && i < n; i++) {
        uint64_t cuts = pare_div_up(plan[i].n_mask, PARE_PIECE), sum = 0;
        struct pare_coded_piece *piece =
            calloc((size_t)cuts * plan[i].planes, sizeof *piece);
        uint8_t *raw = NULL;

        err = piece ? pare_mask_raw(&raw, &plan[i], w) : pare_codec_no_memory();
        if (!err)
            err = pare_squeeze_planes(piece, &sum, raw, plan[i].planes,
                                      plan[i].n_mask, level);
        for (size_t k = 0; piece && k < cuts * plan[i].planes; k++)
            free(piece[k].own);
        free(piece);
        free(raw);
        if (!err && sum < least) {
            least = sum;
            *best = i;
        }
    }
    return err;
}

/*
 * Choose the mask's form; without a mask, whether to leave zeros out at all:
 * when they would take more than the mask does. `saved` are the bytes that a
 * dense coding takes more for the values.
 */
static int choose_mask(struct pare_encoder *e, uint64_t saved)
{
    struct pare_mask_plan plan[PARE_MASK_PLANS];
    struct pare_where w = {0};
    size_t n = 0, best = 0;
    int err = where(&w, e);

    if (!err)
        err = pare_mask_plans(plan, &n, &w);
    if (!err && !e->c->masked && plan[0].cost >= saved) {
        e->sparse = false;
        goto out;
    }
    if (!err && e->effort.level >= 7)
        err = try_plans(&best, plan, n, &w, e->effort.level);
    if (!err)
        err = pare_mask_raw(&e->mask_raw, &plan[best], &w);
    if (err)
        goto out;
    e->c->mask_form = plan[best].form;
    e->c->transposed = plan[best].transposed;
    e->c->planes = plan[best].planes;
    e->c->choose_n = plan[best].choose_n;
    e->c->choose_m = plan[best].choose_m;
    e->c->mask_per = plan[best].per;
    e->c->n_mask = plan[best].n_mask;
out:
    /* Made by where(), read only by the plans. */
    free((uint64_t *)(uintptr_t)w.turned);
    return err;
}

/* Drop the code of zeros that the bits leave out. */
static void drop_codes(struct pare_encoder *e, uint32_t drop, uint64_t total)
{
    uint64_t k = 0;

    for (uint64_t i = 0; i < total; i++)
        if (e->code[i] != drop)
            e->code[k++] = e->code[i];
}

/* An unmasked tensor with zeros: are they worth a mask? */
static int choose_sparse(struct pare_encoder *e, uint64_t there)
{
    uint64_t zeros = e->n - there,
             saved = zeros * (pare_dtype_size(e->c->dtype) - 1);
    uint8_t per;
    uint32_t drop = 0;
    int err = 0;

    if (e->quant) {
        uint64_t dense, sparse;

        drop = pare_zero_code(e);
        e->nnz = e->n;
        e->sparse = false;
        err = pare_find_codes(e);
        if (err)
            return err;
        dense = pare_codes_cost(e, &per, UINT32_MAX);
        sparse = pare_codes_cost(e, &per, drop);
        saved = dense > sparse ? dense - sparse : 0;
    }
    e->sparse = true;
    e->nnz = there;
    err = choose_mask(e, saved);
    if (!err && !e->sparse)
        e->nnz = e->n;
    else if (!err && e->quant)
        drop_codes(e, drop, e->n);
    return err;
}

static bool all_zero(const struct pare_encoder *e)
{
    uint32_t x = 0;

    for (uint64_t i = 0; i < e->n && !x; i++)
        memcpy(&x, &e->value[i], sizeof x);
    return !x;
}

/* Which positions to code, and how. */
int pare_choose_positions(struct pare_encoder *e)
{
    uint64_t there;
    int err = find_bits(e);

    if (err)
        return err;
    there = e->nnz;
    e->sparse = there < e->n;
    if (!there && e->mask && !all_zero(e))
        return pare_fail(PARE_EINVAL, "a value is not 0 where it is pruned");
    if (!e->sparse || !there)
        return 0;
    return e->c->masked ? choose_mask(e, 0) : choose_sparse(e, there);
}
