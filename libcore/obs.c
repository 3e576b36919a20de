#include "obs.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"
#include "parallel.h"
#include "select.h"
#include "status.h"

#define ROWS 32 /* of a task */

/* One block of columns on its way. */
struct work {
    struct pare_obs *o;
    size_t first, n; /* columns of the block */
    float *score;    /* [rows][n] */
    uint8_t *there;  /* [rows][n] what may go, and then what stays */
    double *error;   /* [rows][n] */
};

static bool was_there(const struct pare_obs *o, size_t i)
{
    return !o->before || o->before[i];
}

static double pivot(const struct pare_obs *o, size_t col)
{
    return o->factor[col * o->cols + col];
}

/* What it costs to lose the weight at (row, col). */
static double cost(const struct pare_obs *o, size_t row, size_t col)
{
    double e = o->w[row * o->cols + col] / pivot(o, col);

    return e * e;
}

static float to_float(double x)
{
    return x < (double)FLT_MAX ? (float)x : FLT_MAX;
}

/* The rows of task i. */
static size_t rows_of(const struct pare_obs *o, size_t i, size_t *first)
{
    *first = i * ROWS;
    return o->rows - *first < ROWS ? o->rows - *first : ROWS;
}

static size_t row_tasks(const struct pare_obs *o)
{
    return (o->rows + ROWS - 1) / ROWS;
}

static void score_task(void *arg, size_t i)
{
    const struct work *k = arg;
    size_t row, n = rows_of(k->o, i, &row);

    for (size_t r = row; r < row + n; r++)
        for (size_t c = 0; c < k->n; c++) {
            size_t at = r * k->n + c, col = k->first + c;

            k->score[at] = to_float(cost(k->o, r, col));
            k->there[at] = was_there(k->o, r * k->o->cols + col);
        }
}

/* Of n columns of a row, step apart, keep as many as were kept, those of
   highest cost. */
static void choose_group(const struct pare_obs *o, size_t row, size_t col,
                         size_t n, size_t step)
{
    size_t at = row * o->cols + col, keep = 0;

    for (size_t i = 0; i < n; i++) {
        keep += o->mask[at + i * step] != 0;
        o->mask[at + i * step] = 0;
    }
    for (; keep > 0; keep--) {
        size_t best = n;
        double most = 0;

        for (size_t i = n; i-- > 0;) {
            double c = cost(o, row, col + i * step);

            if (!was_there(o, at + i * step) || o->mask[at + i * step] ||
                (best < n && !(c > most)))
                continue;
            best = i;
            most = c;
        }
        if (best < n)
            o->mask[at + best * step] = 1;
    }
}

/* Choose in the group that begins at a column, if one does. */
static void reach_column(const struct pare_obs *o, size_t row, size_t col)
{
    size_t step = o->step ? o->step : 1, left;

    if (!o->of || o->fixed || col / step % o->of)
        return;
    left = (o->cols - col + step - 1) / step;
    choose_group(o, row, col, left < o->of ? left : o->of, step);
}

/* Go through the columns of the block in one row. */
static void sweep_row(const struct work *k, size_t row)
{
    const struct pare_obs *o = k->o;
    double *w = o->w + row * o->cols + k->first;
    uint8_t *mask = o->mask + row * o->cols + k->first;

    for (size_t c = 0; c < k->n; c++) {
        const double *u = o->factor + (k->first + c) * o->cols + k->first;
        double e;

        reach_column(o, row, k->first + c);
        e = mask[c] ? 0 : w[c] / u[c];
        k->error[row * k->n + c] = e;
        if (mask[c])
            continue;
        w[c] = 0;
        for (size_t d = c + 1; d < k->n; d++)
            w[d] -= e * u[d];
    }
}

static void sweep_task(void *arg, size_t i)
{
    const struct work *k = arg;
    const struct pare_obs *o = k->o;
    size_t row, n = rows_of(o, i, &row), end = k->first + k->n;

    for (size_t r = row; r < row + n; r++)
        sweep_row(k, r);
    pare_linalg_subtract(
        o->w + row * o->cols + end, o->cols, k->error + row * k->n, k->n,
        o->factor + k->first * o->cols + end, o->cols, n, o->cols - end, k->n);
}

/* Weights that were there in columns [first, first + n), and are to go. */
static uint64_t count_candidates(const struct pare_obs *o, size_t first,
                                 size_t n)
{
    uint64_t there = 0;

    for (size_t r = 0; r < o->rows; r++)
        for (size_t c = first; c < first + n; c++)
            there += was_there(o, r * o->cols + c);
    return there;
}

static uint64_t count_kept(const struct pare_obs *o)
{
    uint64_t kept = 0;

    for (size_t i = 0; i < o->rows * o->cols; i++)
        kept += o->mask[i] != 0;
    return kept;
}

/* round(all x part / whole), halves up, without overflow. */
static uint64_t share(uint64_t all, uint64_t part, uint64_t whole)
{
    return (uint64_t)floorl(
        (long double)all * (long double)part / (long double)whole + 0.5L);
}

/* Choose the mask of the block: so many go. */
static int choose_block(struct work *k, uint64_t go)
{
    const struct pare_obs *o = k->o;
    struct pare_rank_part part = {o->rows * k->n, k->score, k->there};
    struct pare_ranking r = {
        .n_parts = 1, .part = &part, .threads = o->threads};
    struct pare_cut cut = {0};
    uint64_t taken;
    int rc;

    pare_parallel(o->threads, row_tasks(o), score_task, k);
    rc = pare_rank_cut(&cut, &taken, &r, go);
    if (!rc)
        pare_rank_clear(&k->there, &r, &cut);
    pare_cut_release(&cut);
    for (size_t row = 0; !rc && row < o->rows; row++)
        memcpy(o->mask + row * o->cols + k->first, k->there + row * k->n, k->n);
    return rc;
}

static int sweep_blocks(struct work *k, size_t block)
{
    const struct pare_obs *o = k->o;
    bool choose = !o->fixed && !o->of;
    uint64_t there = count_candidates(o, 0, o->cols), seen = 0, gone = 0;
    uint64_t go = there - count_kept(o);
    int rc = 0;

    for (k->first = 0; !rc && k->first < o->cols; k->first += k->n) {
        k->n = o->cols - k->first < block ? o->cols - k->first : block;
        if (choose && there) {
            uint64_t until;

            seen += count_candidates(o, k->first, k->n);
            until = share(go, seen, there);
            rc = choose_block(k, until - gone);
            gone = until;
        }
        if (!rc)
            pare_parallel(o->threads, row_tasks(o), sweep_task, k);
    }
    return rc;
}

static int check_finite(const struct pare_obs *o)
{
    for (size_t i = 0; i < o->rows * o->cols; i++)
        if (!(fabs(o->w[i]) <= (double)FLT_MAX))
            return pare_fail(PARE_EINVAL,
                             "the Hessian is so near to singular that the "
                             "weights overflow: more damping is needed");
    return 0;
}

int pare_obs_prune(struct pare_obs *o)
{
    size_t block = o->block < o->cols ? o->block : o->cols, n, group;
    struct work k = {.o = o};
    int rc;

    group = o->of * (o->step ? o->step : 1);
    if (group) /* groups lie in one block */
        block = block < group ? group : block / group * group;
    n = o->rows * block;
    k.score = malloc(n * sizeof *k.score);
    k.there = malloc(n);
    k.error = malloc(n * sizeof *k.error);
    if (k.score && k.there && k.error)
        rc = sweep_blocks(&k, block);
    else
        rc = pare_fail(PARE_ENOMEM, "out of memory");
    free(k.score);
    free(k.there);
    free(k.error);
    return rc ? rc : check_finite(o);
}

void pare_obs_scores(float *score, const struct pare_obs *o)
{
    for (size_t r = 0; r < o->rows; r++)
        for (size_t c = 0; c < o->cols; c++)
            score[r * o->cols + c] = to_float(cost(o, r, c));
}
