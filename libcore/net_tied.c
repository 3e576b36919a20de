/* Weights that share levels, in a pass of training. */
#include "net_tied.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "levels.h"
#include "parallel.h"
#include "rbm.h"
#include "status.h"
#include "tied.h"

/* Positions summed at once, at least, and parts, at most: they do not depend
   on the number of levels, which may fall. */
#define PART  65536
#define PARTS 64

struct net_tied {
    size_t tensor, n, levels; /* levels that there were at first */
    size_t part, parts;
    uint32_t *code; /* [n] PARE_NO_CODE where pruned */
    float *grad;    /* [n] */
    double *sum;    /* [parts][levels]; all of them end in the first */
    size_t *first;  /* [levels] position where it occurs first; n: gone */
    uint32_t *rank; /* [levels] levels by value, those that are gone last */
    uint32_t *to;   /* [levels] what a level became */
};

static bool has_book(const struct pare_tensor *t)
{
    return t->quant.kind == PARE_QUANT_CODEBOOK ||
           t->quant.kind == PARE_QUANT_UNIFORM;
}

/* ---- a model that is trained ------------------------------------------- */

int pare_tie_begin(struct pare_model *m)
{
    int err = 0;

    for (size_t i = 0; i < m->n_tensors && !err; i++) {
        struct pare_tensor *t = &m->tensor[i];

        if (!has_book(t) || t->role == PARE_ROLE_BUFFER) {
            pare_levels_forget(t);
            continue;
        }
        if (pare_arch_is_rbm(&m->arch))
            return pare_fail(PARE_EMISMATCH,
                             "'%s' is quantised: a Boltzmann machine is not "
                             "trained so",
                             t->name);
        t->dtype = PARE_F32;
        err = pare_levels_rebuild(t);
    }
    return err;
}

bool pare_model_tied(const struct pare_model *m)
{
    for (size_t i = 0; i < m->n_tensors; i++)
        if (has_book(&m->tensor[i]) && m->tensor[i].role != PARE_ROLE_BUFFER)
            return true;
    return false;
}

size_t pare_model_untied(const struct pare_model *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n_tensors; i++)
        n += m->tensor[i].dtype != PARE_F32 ||
             m->tensor[i].quant.kind == PARE_QUANT_INT8;
    return n;
}

int pare_tie_end(struct pare_model *m)
{
    int err = 0;

    for (size_t i = 0; i < m->n_tensors && !err; i++)
        if (has_book(&m->tensor[i]))
            err = pare_levels_rebuild(&m->tensor[i]);
    return err;
}

/* ---- its network ------------------------------------------------------- */

static void free_one(struct net_tied *t)
{
    if (!t)
        return;
    free(t->code);
    free(t->grad);
    free(t->sum);
    free(t->first);
    free(t->rank);
    free(t->to);
    free(t);
}

void net_tied_free(struct net_tied **tied, size_t n)
{
    for (size_t i = 0; tied && i < n; i++)
        free_one(tied[i]);
    free(tied);
}

static struct net_tied *allocate(const struct pare_tensor *t)
{
    struct net_tied *x = calloc(1, sizeof *x);

    if (!x)
        return NULL;
    x->n = t->n;
    x->levels = t->quant.n_book;
    x->part = x->n / PARTS < PART ? PART : (x->n + PARTS - 1) / PARTS;
    x->parts = (x->n + x->part - 1) / x->part;
    x->code = malloc((x->n + 1) * sizeof *x->code);
    x->grad = calloc(x->n + 1, sizeof *x->grad);
    x->sum = malloc(x->parts * x->levels * sizeof *x->sum);
    x->first = malloc(x->levels * sizeof *x->first);
    x->rank = malloc(x->levels * sizeof *x->rank);
    x->to = malloc(x->levels * sizeof *x->to);
    if (x->code && x->grad && x->sum && x->first && x->rank && x->to)
        return x;
    free_one(x);
    return NULL;
}

static void find_first(struct net_tied *x)
{
    for (size_t k = 0; k < x->levels; k++) {
        x->first[k] = x->n;
        x->rank[k] = (uint32_t)k;
    }
    for (size_t i = x->n; i-- > 0;)
        if (x->code[i] != PARE_NO_CODE)
            x->first[x->code[i]] = i;
}

/* Have the weights of a level the same numbers in a slot? */
static bool is_shared(const struct net_tied *x, const float *slot)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->code[i] != PARE_NO_CODE &&
            memcmp(&slot[i], &slot[x->first[x->code[i]]], sizeof *slot) != 0)
            return false;
    return true;
}

static void share_slots(const struct net_tied *x, struct pare_optstate *s)
{
    bool shared = true;

    for (int k = 0; k < s->n_slots; k++)
        shared &= is_shared(x, s->slot[k][x->tensor]);
    for (int k = 0; k < s->n_slots && !shared; k++)
        memset(s->slot[k][x->tensor], 0, x->n * sizeof(float));
}

int pare_net_tie(struct pare_net *net, struct pare_optstate *s)
{
    const struct pare_model *m = net->model;
    int err = 0;

    if (!pare_model_tied(m))
        return 0;
    net->tied = calloc(m->n_tensors, sizeof *net->tied);
    if (!net->tied)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t i = 0; i < m->n_tensors && !err; i++) {
        struct net_tied *x;

        if (!has_book(&m->tensor[i]))
            continue;
        x = net->tied[i] = allocate(&m->tensor[i]);
        if (!x)
            return pare_fail(PARE_ENOMEM, "out of memory");
        x->tensor = i;
        err = pare_levels_codes(x->code, &m->tensor[i]);
        if (!err) {
            find_first(x);
            share_slots(x, s);
        }
    }
    return err;
}

/* ---- a step ------------------------------------------------------------ */

void net_tied_take(struct net_tied *t, size_t at, const float *g, size_t n)
{
    memcpy(t->grad + at, g, n * sizeof *g);
}

struct job {
    struct net_pass *pass;
    struct net_tied *x;
    void (*update)(struct net_pass *p, size_t tensor, size_t at, const float *g,
                   size_t n);
};

static size_t part_size(const struct net_tied *x, size_t part)
{
    size_t left = x->n - part * x->part;

    return left < x->part ? left : x->part;
}

static void sum_part(void *arg, size_t part)
{
    const struct job *j = arg;
    struct net_tied *x = j->x;
    const size_t at = part * x->part, n = part_size(x, part);
    double *sum = x->sum + part * x->levels;

    memset(sum, 0, x->levels * sizeof *sum);
    for (size_t i = at; i < at + n; i++)
        if (x->code[i] != PARE_NO_CODE)
            sum[x->code[i]] += (double)x->grad[i];
}

static void update_part(void *arg, size_t part)
{
    const struct job *j = arg;
    struct net_tied *x = j->x;
    const size_t at = part * x->part, n = part_size(x, part);

    for (size_t i = at; i < at + n; i++)
        if (x->code[i] != PARE_NO_CODE)
            x->grad[i] = (float)x->sum[x->code[i]];
    j->update(j->pass, x->tensor, at, x->grad + at, n);
}

static float value_of(const struct net_tied *x, const float *value, uint32_t k)
{
    return x->first[k] < x->n ? value[x->first[k]] : INFINITY;
}

/* Levels by value; they were nearly in order. */
static void rank_levels(struct net_tied *x, const float *value)
{
    for (size_t i = 1; i < x->levels; i++) {
        const uint32_t own = x->rank[i];
        const float v = value_of(x, value, own);
        size_t at = i;

        for (; at > 0 && value_of(x, value, x->rank[at - 1]) > v; at--)
            x->rank[at] = x->rank[at - 1];
        x->rank[at] = own;
    }
}

/* No level is -0. */
static void drop_signs(struct net_tied *x, float *value)
{
    bool some = false;

    for (size_t k = 0; k < x->levels; k++)
        some |= x->first[k] < x->n && value[x->first[k]] == 0 &&
                signbit(value[x->first[k]]);
    for (size_t i = 0; some && i < x->n; i++)
        value[i] += 0.0F;
}

/* Levels a and b have met: that which comes first stays. */
static void join(struct net_tied *x, uint32_t a, uint32_t b)
{
    const uint32_t stays = x->first[a] < x->first[b] ? a : b;
    const uint32_t goes = stays == a ? b : a;

    for (size_t k = 0; k < x->levels; k++)
        if (x->to[k] == goes)
            x->to[k] = stays;
}

/* Which levels became others? False if none. */
static bool find_joined(struct net_tied *x, const float *value)
{
    bool some = false;

    for (size_t k = 0; k < x->levels; k++)
        x->to[k] = (uint32_t)k;
    for (size_t i = 1; i < x->levels; i++) {
        uint32_t a = x->rank[i - 1], b = x->rank[i];

        if (x->first[a] == x->n || x->first[b] == x->n)
            continue; /* gone */
        if (value[x->first[a]] == value[x->first[b]]) {
            join(x, x->to[a], x->to[b]);
            some = true;
        }
    }
    return some;
}

static void join_levels(struct net_tied *x, const struct pare_optstate *s)
{
    for (size_t i = 0; i < x->n; i++) {
        uint32_t code = x->code[i];

        if (code == PARE_NO_CODE || x->to[code] == code)
            continue;
        x->code[i] = x->to[code];
        for (int k = 0; k < s->n_slots; k++)
            s->slot[k][x->tensor][i] =
                s->slot[k][x->tensor][x->first[x->to[code]]];
    }
    for (size_t k = 0; k < x->levels; k++)
        if (x->to[k] != k)
            x->first[k] = x->n;
}

/* The book follows the values. */
static void write_book(const struct net_tied *x, struct pare_tensor *t)
{
    size_t n = 0;

    for (size_t i = 0; i < x->levels; i++)
        if (x->first[x->rank[i]] < x->n)
            t->quant.book[n++] = t->value[x->first[x->rank[i]]];
    t->quant.n_book = n;
}

void net_tied_update(struct net_pass *p,
                     void (*update)(struct net_pass *p, size_t tensor,
                                    size_t at, const float *g, size_t n))
{
    struct pare_net *net = p->net;

    for (size_t i = 0; net->tied && i < net->model->n_tensors; i++) {
        struct net_tied *x = net->tied[i];
        struct pare_tensor *t = &net->model->tensor[i];
        struct job j = {p, x, update};

        if (!x)
            continue;
        pare_parallel(net->threads, x->parts, sum_part, &j);
        for (size_t part = 1; part < x->parts; part++)
            for (size_t k = 0; k < x->levels; k++)
                x->sum[k] += x->sum[part * x->levels + k];
        pare_parallel(net->threads, x->parts, update_part, &j);
        drop_signs(x, t->value);
        rank_levels(x, t->value);
        if (find_joined(x, t->value)) {
            join_levels(x, p->state);
            rank_levels(x, t->value);
        }
        write_book(x, t);
    }
}
