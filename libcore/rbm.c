#include "rbm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "dialect.h"
#include "kernel.h"
#include "net.h"
#include "parallel.h"
#include "rng.h"
#include "room.h"
#include "sparse.h"
#include "status.h"
#include "transpose.h"
#include "vecmath.h"

/* Below this many multiply-adds a step, waking a thread costs more. */
#define THREAD_MACS 1000000.0

/* Units of a task: hidden, visible; hidden of a task of weights. */
#define HIDDEN  32
#define VISIBLE 256
#define ROWS    24

#define SAMPLES 256  /* summed at once; a multiple of all widths */
#define COLS    1024 /* columns of weights updated at once */
#define ENTRIES 4096 /* of a compact weight updated at once */

/* Of the layer's tensors. */
enum { WEIGHT, HIDDEN_BIAS, VISIBLE_BIAS };

/* Units in tiles [unit][width], as activations of networks are. */
struct pare_rbm {
    struct pare_model *m;
    const struct pare_kernel *kernel;
    struct pare_sparse *sparse; /* of a compact weight */
    bool train, dense_state;
    int threads;
    size_t visible, hidden, width, tiles; /* tiles of a full batch */
    float *v[2], *h[2];                   /* from the data, and after a step */
    float *rows[2];                       /* v sample-major, [batch][visible] */
    float *odd; /* [tiles] an input that is not from 0 to 1, or 0 */
    /* of the last pass */
    size_t n;
    struct pare_gather from;
    const uint32_t *index;
    size_t first;
    struct pare_rbm_draws draws;
    double *loss;
    /* of an update */
    const struct pare_optimizer *row;
    const struct pare_update *update;
    struct pare_optstate *state;
};

bool pare_arch_is_rbm(const struct pare_arch *arch)
{
    return arch->n_layers == 1 && arch->layer[0].kind->op == PARE_OP_RBM;
}

int pare_rbm_check_loss(const struct pare_arch *arch,
                        const struct pare_loss *loss)
{
    bool rbm = pare_arch_is_rbm(arch);

    if (rbm == !loss->tile)
        return 0;
    return rbm ? pare_fail(PARE_EMISMATCH,
                           "a Boltzmann machine is trained by the loss "
                           "reconstruction, not by %s",
                           loss->name)
               : pare_fail(PARE_EMISMATCH,
                           "the loss %s is that of a Boltzmann machine, not "
                           "of other networks",
                           loss->name);
}

static float *floats(size_t n)
{
    void *p = NULL;

    if (n > pare_room() / sizeof(float) ||
        posix_memalign(&p, 64, n * sizeof(float)) != 0)
        return NULL;
    memset(p, 0, n * sizeof(float));
    return p;
}

static bool alloc(struct pare_rbm *r, size_t batch)
{
    size_t lanes = r->tiles * r->width;

    for (int k = 0; k < 2; k++) {
        r->v[k] = floats(lanes * r->visible);
        r->rows[k] = floats(batch * r->visible);
        if (!r->v[k] || !r->rows[k])
            return false;
        if (k == 1 && !r->train)
            break;
        r->h[k] = floats(lanes * r->hidden);
        if (!r->h[k])
            return false;
    }
    r->odd = floats(r->tiles);
    return r->odd != NULL;
}

int pare_rbm_new(struct pare_rbm **out, struct pare_model *m, size_t batch,
                 bool train, int threads)
{
    const struct pare_dialect *dialect = pare_dialect_find(m->training.dialect);
    const struct pare_tensor *w = &m->tensor[WEIGHT];
    struct pare_rbm *r = calloc(1, sizeof *r);
    int err = 0;

    if (!r)
        return pare_fail(PARE_ENOMEM, "out of memory");
    r->m = m;
    r->kernel = pare_kernel();
    r->train = train;
    r->dense_state = dialect && dialect->dense_state;
    r->hidden = w->dim[0];
    r->visible = w->dim[1];
    r->width = pare_net_width(batch);
    r->tiles = (batch + r->width - 1) / r->width;
    r->threads = 3.0 * (double)w->n * (double)batch < THREAD_MACS ? 1 : threads;
    if (w->pattern)
        err = pare_sparse_new(&r->sparse, w->pattern, true);
    if (!err && !alloc(r, batch))
        err = pare_fail(PARE_ENOMEM, "out of memory for a batch of %zu samples",
                        batch);
    if (err)
        pare_rbm_free(r);
    else
        *out = r;
    return err;
}

void pare_rbm_free(struct pare_rbm *r)
{
    if (!r)
        return;
    for (int k = 0; k < 2; k++) {
        free(r->v[k]);
        free(r->h[k]);
        free(r->rows[k]);
    }
    free(r->odd);
    pare_sparse_free(r->sparse);
    free(r);
}

static size_t tiles_of(const struct pare_rbm *r)
{
    return (r->n + r->width - 1) / r->width;
}

static size_t valid_of(const struct pare_rbm *r, size_t tile)
{
    size_t left = r->n - tile * r->width;

    return left < r->width ? left : r->width;
}

/* ---- the passes ------------------------------------------------------ */

static void gather_tile(void *arg, size_t tile)
{
    struct pare_rbm *r = arg;
    size_t at = tile * r->width, n = valid_of(r, tile) * r->visible;
    float *rows = r->rows[0] + at * r->visible;
    size_t odd = 0;

    pare_dataset_gather(r->v[0] + at * r->visible, rows, r->width, &r->from,
                        r->index ? r->index + at : NULL, r->first + at,
                        valid_of(r, tile));
    for (size_t i = 0; i < n; i++)
        odd += !(rows[i] >= 0 && rows[i] <= 1);
    r->odd[tile] = 0;
    for (size_t i = 0; odd > 0 && i < n; i++)
        if (!(rows[i] >= 0 && rows[i] <= 1))
            r->odd[tile] = rows[i];
}

static int check_range(const struct pare_rbm *r)
{
    for (size_t i = 0; i < tiles_of(r); i++)
        if (r->odd[i] != 0)
            return pare_fail(PARE_EMISMATCH,
                             "an input is %g: those of a Boltzmann machine "
                             "are from 0 to 1",
                             (double)r->odd[i]);
    return 0;
}

static void fill(float *y, const float *bias, size_t n, size_t width)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < width; j++)
            y[i * width + j] = bias[i];
}

/* Draw one unit of a tile: p becomes 1 or 0; lanes without a sample 0. */
static void draw(const struct pare_rbm *r, float *p, uint32_t sub, size_t tile,
                 size_t unit)
{
    uint64_t place = r->draws.place + tile * r->width / 4;
    size_t valid = valid_of(r, tile);

    for (size_t j = 0; j < r->width; j += 4) {
        uint32_t word[4];

        pare_rng_block(word, r->draws.seed, PARE_STREAM_GIBBS, sub,
                       (place + j / 4) * r->hidden + unit);
        for (size_t k = j; k < j + 4; k++)
            p[k] = k < valid && pare_rng_unit(word[k - j]) < p[k];
    }
}

PARE_CLONES
static void sigmoids(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = pare_sigmoidf(x[i]);
}

/* Hidden units from the visible ones of the data (0) or after them (1). */
struct layer_job {
    struct pare_rbm *r;
    int step;
    size_t blocks;
};

static void hidden_task(void *arg, size_t i)
{
    const struct layer_job *job = arg;
    struct pare_rbm *r = job->r;
    const struct pare_tensor *w = &r->m->tensor[WEIGHT];
    size_t tile = i / job->blocks, first = i % job->blocks * HIDDEN;
    size_t n = r->hidden - first < HIDDEN ? r->hidden - first : HIDDEN;
    const float *x = r->v[job->step] + tile * r->visible * r->width;
    float *y = r->h[job->step] + (tile * r->hidden + first) * r->width;
    uint32_t sub = r->draws.training ? (uint32_t)job->step : 2;

    fill(y, r->m->tensor[HIDDEN_BIAS].value + first, n, r->width);
    if (r->sparse)
        pare_sparse_forward(r->sparse, w->value, first, n, y, x, r->width);
    else
        r->kernel->gemm(n, r->width, r->visible, w->value + first * r->visible,
                        r->visible, 1, x, r->width, y, r->width, 1);
    sigmoids(y, n * r->width);
    for (size_t k = 0; k < n; k++)
        draw(r, y + k * r->width, sub, tile, first + k);
}

static void visible_task(void *arg, size_t i)
{
    const struct layer_job *job = arg;
    struct pare_rbm *r = job->r;
    const struct pare_tensor *w = &r->m->tensor[WEIGHT];
    size_t tile = i / job->blocks, first = i % job->blocks * VISIBLE;
    size_t n = r->visible - first < VISIBLE ? r->visible - first : VISIBLE;
    const float *x = r->h[0] + tile * r->hidden * r->width;
    float *all = r->v[1] + tile * r->visible * r->width;
    float *y = all + first * r->width;

    fill(y, r->m->tensor[VISIBLE_BIAS].value + first, n, r->width);
    if (r->sparse)
        pare_sparse_back(r->sparse, w->value, first, n, all, x, r->width, true);
    else
        r->kernel->gemm(n, r->width, r->hidden, w->value + first, 1, r->visible,
                        x, r->width, y, r->width, 1);
    sigmoids(y, n * r->width);
    pare_transpose(r->rows[1] + tile * r->width * r->visible + first,
                   r->visible, y, r->width, n, valid_of(r, tile));
}

static void loss_tile(void *arg, size_t tile)
{
    struct pare_rbm *r = arg;

    for (size_t k = 0; k < valid_of(r, tile); k++) {
        size_t sample = tile * r->width + k;
        const float *a = r->rows[0] + sample * r->visible;
        const float *b = r->rows[1] + sample * r->visible;
        double sum = 0;

        for (size_t i = 0; i < r->visible; i++) {
            double d = (double)a[i] - (double)b[i];

            sum += d * d;
        }
        r->loss[sample] = sum / (double)r->visible;
    }
}

static void pass(struct pare_rbm *r, int step, size_t units, size_t block,
                 void (*task)(void *arg, size_t i))
{
    struct layer_job job = {r, step, (units + block - 1) / block};

    pare_parallel(r->threads, tiles_of(r) * job.blocks, task, &job);
}

int pare_rbm_forward(struct pare_rbm *r, const struct pare_gather *from,
                     const uint32_t *index, size_t first, size_t n,
                     const struct pare_rbm_draws *draws, double *loss)
{
    int err = 0;

    r->n = n;
    r->from = *from;
    if (!r->from.norm)
        r->from.norm = &r->m->norm;
    r->from.planes = 1;
    r->index = index;
    r->first = first;
    r->draws = *draws;
    r->loss = loss;
    pare_parallel(r->threads, tiles_of(r), gather_tile, r);
    if (draws->training)
        err = check_range(r);
    if (err)
        return err;
    pass(r, 0, r->hidden, HIDDEN, hidden_task);
    pass(r, 0, r->visible, VISIBLE, visible_task);
    pare_parallel(r->threads, tiles_of(r), loss_tile, r);
    if (r->train)
        pass(r, 1, r->hidden, HIDDEN, hidden_task);
    return 0;
}

/* ---- the update ------------------------------------------------------ */

/* Hand n gradients at `at` of a tensor to the optimiser. */
static void deliver(const struct pare_rbm *r, size_t tensor, size_t at,
                    const float *g, size_t n)
{
    struct pare_tensor *t = &r->m->tensor[tensor];
    const uint8_t *mask = t->mask ? t->mask + at : NULL;
    float **const *slot = r->state->slot;

    pare_update_decay(t->value + at, n, r->update);
    r->row->update(t->value + at, g,
                   r->state->n_slots > 0 ? slot[0][tensor] + at : NULL,
                   r->state->n_slots > 1 ? slot[1][tensor] + at : NULL,
                   r->dense_state ? NULL : mask, n, r->update);
    for (size_t i = 0; mask && r->dense_state && i < n; i++)
        if (!mask[i])
            t->value[at + i] = 0;
}

/* Hidden units as factors of the gradient: -h / n and h' / n. */
static void scale_hidden(struct pare_rbm *r)
{
    size_t n = tiles_of(r) * r->width * r->hidden;
    const float each = 1.0f / (float)r->n;

    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < n; i++)
            r->h[k][i] *= k ? each : -each;
}

/* Units [first, first + rows) of h[k] for n samples side by side. */
static void side_by_side(float *a, const struct pare_rbm *r, int k,
                         size_t first, size_t rows, size_t from, size_t n)
{
    for (size_t s = 0; s < n; s += r->width) {
        size_t some = n - s < r->width ? n - s : r->width;
        const float *h = r->h[k] + ((from + s) * r->hidden) + first * r->width;

        for (size_t i = 0; i < rows; i++)
            memcpy(a + i * n + s, h + i * r->width, some * sizeof *a);
    }
}

/* Gradient of weights [rows][cols] from (first, col). */
static void dense_gradient(float *g, const struct pare_rbm *r, size_t first,
                           size_t rows, size_t col, size_t cols)
{
    float a[ROWS * SAMPLES];

    for (int k = 0; k < 2; k++)
        for (size_t s = 0; s < r->n; s += SAMPLES) {
            size_t left = r->n - s, n = left < SAMPLES ? left : SAMPLES;

            side_by_side(a, r, k, first, rows, s, n);
            r->kernel->gemm(rows, cols, n, a, n, 1,
                            r->rows[k] + s * r->visible + col, r->visible, g,
                            cols, k > 0 || s > 0);
        }
}

static void sparse_rows(const struct pare_rbm *r, size_t first, size_t rows)
{
    const uint64_t *row = r->m->tensor[WEIGHT].pattern->row;
    uint64_t end = row[first + rows];
    float g[2][ENTRIES];

    for (uint64_t at = row[first]; at < end; at += ENTRIES) {
        size_t n = end - at < ENTRIES ? (size_t)(end - at) : ENTRIES;

        for (int k = 0; k < 2; k++)
            pare_sparse_gradient(r->sparse, at, n, g[k], r->h[k], r->v[k],
                                 tiles_of(r), r->width);
        for (size_t i = 0; i < n; i++)
            g[0][i] += g[1][i];
        deliver(r, WEIGHT, (size_t)at, g[0], n);
    }
}

static void hidden_bias(const struct pare_rbm *r, size_t first, size_t rows)
{
    float g[ROWS];

    for (size_t i = 0; i < rows; i++) {
        double sum = 0;

        for (size_t t = 0; t < tiles_of(r); t++)
            for (size_t j = 0; j < r->width; j++) {
                size_t at = (t * r->hidden + first + i) * r->width + j;

                sum += (double)r->h[0][at] + (double)r->h[1][at];
            }
        g[i] = (float)sum;
    }
    deliver(r, HIDDEN_BIAS, first, g, rows);
}

static void weight_task(void *arg, size_t i)
{
    const struct pare_rbm *r = arg;
    size_t first = i * ROWS;
    size_t rows = r->hidden - first < ROWS ? r->hidden - first : ROWS;
    float g[ROWS * COLS];

    hidden_bias(r, first, rows);
    if (r->sparse) {
        sparse_rows(r, first, rows);
        return;
    }
    for (size_t c = 0; c < r->visible; c += COLS) {
        size_t cols = r->visible - c < COLS ? r->visible - c : COLS;

        dense_gradient(g, r, first, rows, c, cols);
        for (size_t k = 0; k < rows; k++)
            deliver(r, WEIGHT, (first + k) * r->visible + c, g + k * cols,
                    cols);
    }
}

static void visible_bias_task(void *arg, size_t i)
{
    const struct pare_rbm *r = arg;
    size_t first = i * VISIBLE;
    size_t n = r->visible - first < VISIBLE ? r->visible - first : VISIBLE;
    double sum[VISIBLE] = {0};
    float g[VISIBLE];

    for (size_t s = 0; s < r->n; s++)
        for (size_t k = 0; k < n; k++)
            sum[k] += (double)r->rows[1][s * r->visible + first + k] -
                      (double)r->rows[0][s * r->visible + first + k];
    for (size_t k = 0; k < n; k++)
        g[k] = (float)(sum[k] / (double)r->n);
    deliver(r, VISIBLE_BIAS, first, g, n);
}

void pare_rbm_update(struct pare_rbm *r, const struct pare_optimizer *row,
                     const struct pare_update *u, struct pare_optstate *state)
{
    r->row = row;
    r->update = u;
    r->state = state;
    scale_hidden(r);
    pare_parallel(r->threads, (r->hidden + ROWS - 1) / ROWS, weight_task, r);
    pare_parallel(r->threads, (r->visible + VISIBLE - 1) / VISIBLE,
                  visible_bias_task, r);
}
