/* Second-order pruning, layer by layer: Hessians of the layers' outputs. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "criterion_parts.h"
#include "linalg.h"
#include "number.h"
#include "obs.h"
#include "observe.h"
#include "parallel.h"
#include "status.h"
#include "train.h"

#define ROWS_AT_ONCE 512                 /* unfolded, of a convolution */
#define ROOM         ((size_t)256 << 20) /* bytes of Hessians in one pass */

enum { OPT_DAMP, OPT_BLOCK };

/* The Hessian of one layer: 2/N sum of x x^T over what its weights meet. */
struct hessian {
    size_t tensor, layer;
    struct pare_columns c;
    double *h; /* [groups][rows][rows] */
};

/* What a scoring or a revision works with. */
struct scene {
    struct pare_model *m;
    const struct pare_criterion_input *in;
    struct pare_observer *o;
    uint32_t *index; /* [n] calibration samples */
    size_t n;
};

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

static int open_scene(struct scene *s, struct pare_model *m,
                      const struct pare_criterion_input *in)
{
    int rc = pare_model_fits(m, in->data);

    *s = (struct scene){.m = m, .in = in};
    if (!rc)
        rc = criterion_samples(&s->index, &s->n, CRITERION_CALIBRATE, in);
    if (!rc)
        rc = pare_observer_new(&s->o, m, PARE_OBSERVE_VALUES, in->threads);
    return rc;
}

static void close_scene(struct scene *s)
{
    pare_observer_free(s->o);
    free(s->index);
}

/* ---- Hessians ---- */

static size_t hessian_bytes(const struct hessian *h)
{
    return h->c.groups * h->c.rows * h->c.rows * sizeof(double);
}

/* Is that more than the machine has? It would not refuse, but end us. */
static bool too_large(size_t bytes)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

    return pages > 0 && page > 0 && bytes / (size_t)page > (size_t)pages;
}

static void describe(struct hessian *h, const struct pare_model *m, size_t t)
{
    *h = (struct hessian){.tensor = t, .layer = m->tensor[t].layer};
    pare_columns(&h->c, &m->arch.layer[h->layer]);
}

static int alloc_hessian(struct hessian *h, const struct pare_model *m)
{
    size_t bytes = hessian_bytes(h);

    h->h = too_large(bytes) ? NULL : calloc(1, bytes);
    if (!h->h)
        return pare_fail(PARE_ENOMEM,
                         "out of memory: the Hessian of %s takes %zu MB",
                         m->arch.layer[h->layer].name, bytes / 1000000);
    return 0;
}

/* Lines of unfolded input of one group, sample after sample. */
struct unfolding {
    const struct hessian *h;
    const struct pare_layer *l;
    const double *x;
    size_t size, group, first; /* of a sample; first line */
    double *col, *row;         /* [lines][rows][positions], and turned */
};

static void unfold_task(void *arg, size_t i)
{
    const struct unfolding *u = arg;
    size_t n = u->h->c.positions, rows = u->h->c.rows;
    size_t line = u->first + i, sample = line / u->h->c.lines;
    double *col = u->col + i * rows * n, *row = u->row + i * rows * n;

    pare_unfold(col, u->l, u->x + sample * u->size, u->group,
                line % u->h->c.lines, 1);
    for (size_t p = 0; p < n; p++)
        for (size_t r = 0; r < rows; r++)
            row[p * rows + r] = col[r * n + p];
}

static int add_convolution(struct hessian *h, const struct scene *s, size_t n)
{
    const struct pare_layer *l = &s->m->arch.layer[h->layer];
    size_t rows = h->c.rows, lines = n * h->c.lines;
    size_t some = (ROWS_AT_ONCE + h->c.positions - 1) / h->c.positions;
    struct unfolding u = {.h = h,
                          .l = l,
                          .x = pare_observer_input(s->o, h->layer),
                          .size = pare_shape_size(&l->in[0])};

    some = some < lines ? some : lines;
    u.col = malloc(some * rows * h->c.positions * sizeof *u.col);
    u.row = malloc(some * rows * h->c.positions * sizeof *u.row);
    for (u.group = 0; u.col && u.row && u.group < h->c.groups; u.group++)
        for (u.first = 0; u.first < lines; u.first += some) {
            size_t k = lines - u.first < some ? lines - u.first : some;

            pare_parallel(s->in->threads, k, unfold_task, &u);
            pare_linalg_gram(h->h + u.group * rows * rows, u.row,
                             k * h->c.positions, rows, s->in->threads);
        }
    n = u.col && u.row;
    free(u.col);
    free(u.row);
    return n ? 0 : no_memory();
}

static int add_block(struct hessian *h, const struct scene *s, size_t n)
{
    if (s->m->arch.layer[h->layer].kind->op == PARE_OP_CONV)
        return add_convolution(h, s, n);
    pare_linalg_gram(h->h, pare_observer_input(s->o, h->layer), n, h->c.rows,
                     s->in->threads);
    return 0;
}

/* One pass over the samples, for n layers in order. */
static int fill_hessians(struct hessian *h, size_t n, const struct scene *s)
{
    size_t block = pare_observer_block(s->o);
    int rc = 0;

    for (size_t i = 0; !rc && i < n; i++)
        rc = alloc_hessian(&h[i], s->m);
    pare_observer_until(s->o, h[n - 1].layer);
    for (size_t first = 0; !rc && first < s->n; first += block) {
        size_t some = s->n - first < block ? s->n - first : block;
        size_t after = first + some, left = s->n - after;

        pare_split_want(&s->in->data->split[PARE_TRAIN], s->index + after,
                        left < block ? left : block);
        rc = pare_observer_run(s->o, s->in->data, s->index + first, some);
        for (size_t i = 0; !rc && i < n; i++)
            rc = add_block(&h[i], s, some);
    }
    for (size_t i = 0; !rc && i < n; i++)
        for (size_t k = 0; k < hessian_bytes(&h[i]) / sizeof(double); k++)
            h[i].h[k] *= 2 / (double)s->n;
    return rc;
}

/* ---- one layer ---- */

/* A layer's weights in double, cut into its groups. */
struct part {
    struct pare_obs obs;
    double damp; /* that it took */
};

/*
 * Weights and factor of a group. An input that is always 0 counts for
 * nothing: its weights become 0, and 1 on the diagonal keeps it apart.
 */
static int open_part(struct part *p, const struct hessian *h, size_t group,
                     const float *value, size_t units, const struct scene *s)
{
    size_t cols = h->c.rows, rows = units / h->c.groups;
    double *f = h->h + group * cols * cols;
    int rc;

    value += group * rows * cols;
    p->obs = (struct pare_obs){.rows = rows,
                               .cols = cols,
                               .factor = f,
                               .block = (size_t)s->in->opt[OPT_BLOCK],
                               .threads = s->in->threads};
    p->obs.w = malloc(rows * cols * sizeof *p->obs.w);
    if (!p->obs.w)
        return no_memory();
    for (size_t i = 0; i < rows * cols; i++)
        p->obs.w[i] = f[i % cols * (cols + 1)] == 0 ? 0 : (double)value[i];
    for (size_t c = 0; c < cols; c++)
        if (f[c * (cols + 1)] == 0)
            f[c * (cols + 1)] = 1;
    rc = pare_linalg_inverse_factor(f, cols, s->in->opt[OPT_DAMP], &p->damp,
                                    s->in->threads);
    if (rc) {
        free(p->obs.w);
        rc = pare_fail_prefix(rc, "%s", s->m->arch.layer[h->layer].name);
    }
    return rc;
}

static int score_layer(float *score, const struct hessian *h,
                       const struct scene *s)
{
    const struct pare_tensor *t = &s->m->tensor[h->tensor];
    size_t part = t->n / h->c.groups;

    for (size_t g = 0; g < h->c.groups; g++) {
        struct part p;
        int rc = open_part(&p, h, g, t->value, t->dim[0], s);

        if (rc)
            return rc;
        pare_obs_scores(score + g * part, &p.obs);
        free(p.obs.w);
    }
    return 0;
}

static bool has_weights(const struct pare_model *m, size_t t)
{
    return m->tensor[t].role == PARE_ROLE_WEIGHT;
}

/* As many layers as have room together, from tensor *t on. */
static size_t next_layers(struct hessian *h, size_t *t, float *const *score,
                          const struct pare_model *m)
{
    size_t n = 0, bytes = 0;

    for (; *t < m->n_tensors; (*t)++) {
        if (!score[*t] || !has_weights(m, *t))
            continue;
        describe(&h[n], m, *t);
        bytes += hessian_bytes(&h[n]);
        if (n > 0 && bytes > ROOM)
            break;
        n++;
    }
    return n;
}

int score_obs(float *const *score, struct pare_model *m,
              const struct pare_criterion_input *in)
{
    struct hessian *h = calloc(m->n_tensors + 1, sizeof *h);
    struct scene s = {0};
    size_t t = 0, n;
    int rc = h ? open_scene(&s, m, in) : no_memory();

    for (size_t i = 0; !rc && i < m->n_tensors; i++)
        if (score[i] && !has_weights(m, i))
            rc = pare_fail(PARE_EINVAL, "obs cannot score %s: weights alone",
                           m->tensor[i].name);
    while (!rc && (n = next_layers(h, &t, score, m)) > 0) {
        rc = fill_hessians(h, n, &s);
        for (size_t i = 0; i < n; i++) {
            if (!rc)
                rc = score_layer(score[h[i].tensor], &h[i], &s);
            free(h[i].h);
        }
    }
    close_scene(&s);
    free(h);
    return rc;
}

/* ---- revision ---- */

/* Is the tensor to lose something that it had? */
static bool loses(const struct pare_revision *r, const struct pare_tensor *t,
                  size_t at)
{
    const uint8_t *before = r->before ? r->before[at] : NULL;

    for (size_t i = 0; i < t->n; i++)
        if (!r->mask[at][i] && (!before || before[i]))
            return true;
    return false;
}

static int revise_group(struct pare_revision *r, const struct hessian *h,
                        size_t group, const struct scene *s, double *damp)
{
    const struct pare_tensor *t = &s->m->tensor[h->tensor];
    size_t n = t->n / h->c.groups;
    const uint8_t *before = r->before ? r->before[h->tensor] : NULL;
    float *value = r->value[h->tensor] + group * n;
    double *copy = pare_observer_values(s->o, h->tensor) + group * n;
    struct part p;
    int rc = open_part(&p, h, group, r->value[h->tensor], t->dim[0], s);

    if (rc)
        return rc;
    p.obs.mask = r->mask[h->tensor] + group * n;
    p.obs.before = before ? before + group * n : NULL;
    p.obs.of = r->of;
    p.obs.step = h->c.rows / t->dim[1]; /* taps of a filter */
    p.obs.fixed = r->fixed;
    rc = pare_obs_prune(&p.obs);
    for (size_t i = 0; !rc && i < n; i++) {
        value[i] = (float)p.obs.w[i];
        copy[i] = (double)value[i];
    }
    if (rc)
        rc = pare_fail_prefix(rc, "%s", s->m->arch.layer[h->layer].name);
    free(p.obs.w);
    *damp = p.damp > *damp ? p.damp : *damp;
    return rc;
}

/* Layers that took more damping than was asked for. */
struct damped {
    size_t n;
    const char *first;
    double most;
    bool same; /* all by `most` */
};

static void note_damping(struct pare_revision *r, const struct damped *d)
{
    char number[PARE_NUMBER_MAX];

    pare_number_print(number, d->most);
    if (d->n == 1)
        snprintf(r->note, sizeof r->note,
                 "%.80s has no inverse Hessian: damped by %s", d->first, number);
    else if (d->n)
        snprintf(r->note, sizeof r->note,
                 "%.80s and %zu more have no inverse Hessian: damped by %s%s",
                 d->first, d->n - 1, number, d->same ? "" : " at most");
}

static int revise_layer(struct pare_revision *r, size_t t,
                        const struct scene *s, struct damped *damped)
{
    double damp = s->in->opt[OPT_DAMP];
    struct hessian h;
    int rc;

    describe(&h, s->m, t);
    rc = fill_hessians(&h, 1, s);
    for (size_t g = 0; !rc && g < h.c.groups; g++)
        rc = revise_group(r, &h, g, s, &damp);
    free(h.h);
    if (!rc && damp > s->in->opt[OPT_DAMP]) {
        if (damped->n++ == 0)
            damped->first = s->m->arch.layer[h.layer].name;
        damped->same = damped->n == 1 || (damped->same && damp == damped->most);
        damped->most = fmax(damped->most, damp);
    }
    return rc;
}

int revise_obs(struct pare_revision *r, struct pare_model *m,
               const struct pare_criterion_input *in)
{
    struct damped damped = {0};
    struct scene s;
    int rc = open_scene(&s, m, in);

    r->note[0] = '\0';
    for (size_t t = 0; !rc && t < m->n_tensors; t++)
        if (r->value[t] && r->mask[t] && has_weights(m, t) &&
            loses(r, &m->tensor[t], t))
            rc = revise_layer(r, t, &s, &damped);
    note_damping(r, &damped);
    close_scene(&s);
    return rc;
}
