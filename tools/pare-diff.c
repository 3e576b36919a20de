/* pare-diff(1): which weights differ, died or came back. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aside.h"
#include "cli.h"
#include "compact.h"
#include "model_file.h"
#include "number.h"
#include "status.h"

#define PART ((size_t)1 << 20) /* values of a tensor put aside */

struct options {
    bool all, masks, quiet, state;
};

/** What became of the positions of a tensor, from A to B. */
struct change {
    uint64_t n, kept_a, kept_b, died, revived, changed;
    double largest; /* |b - a| over all positions */
};

/** The kept positions of a tensor, one after the other. */
struct walk {
    const struct pare_tensor *t;
    uint64_t at; /* flat position, UINT64_MAX at the end */
    size_t i;    /* of its value */
    size_t row;  /* of a compact tensor */
};

/** Go on to the value i or the next one that is kept. */
static void settle(struct walk *w)
{
    const struct pare_pattern *p = w->t->pattern;

    while (!p && w->t->mask && w->i < w->t->n && !w->t->mask[w->i])
        w->i++;
    if (w->i >= w->t->n) {
        w->at = UINT64_MAX;
        return;
    }
    while (p && w->i >= p->row[w->row + 1])
        w->row++;
    w->at = p ? (uint64_t)w->row * p->cols + p->col[w->i] : w->i;
}

static void step(struct walk *w)
{
    w->i++;
    settle(w);
}

static struct walk begin(const struct pare_tensor *t)
{
    struct walk w = {.t = t};

    settle(&w);
    return w;
}

static void count(struct change *c, const float *a, const float *b)
{
    double d = fabs((b ? (double)*b : 0) - (a ? (double)*a : 0));

    c->kept_a += a != NULL;
    c->kept_b += b != NULL;
    c->died += a && !b;
    c->revived += b && !a;
    c->changed += a && b && memcmp(a, b, sizeof *a) != 0;
    if (d > c->largest)
        c->largest = d;
}

/** What is kept in either, where one at least is compact. */
static struct change compare_kept(const struct pare_tensor *a,
                                  const struct pare_tensor *b)
{
    struct change c = {.n = pare_tensor_positions(a)};
    struct walk x = begin(a), y = begin(b);

    while (x.at != UINT64_MAX || y.at != UINT64_MAX) {
        bool in_a = x.at <= y.at, in_b = y.at <= x.at;

        count(&c, in_a ? &a->value[x.i] : NULL, in_b ? &b->value[y.i] : NULL);
        if (in_a)
            step(&x);
        if (in_b)
            step(&y);
    }
    return c;
}

/** Some positions; a mask may be NULL. */
static void compare_part(struct change *c, const float *a,
                         const uint8_t *mask_a, const float *b,
                         const uint8_t *mask_b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool in_a = !mask_a || mask_a[i], in_b = !mask_b || mask_b[i];
        double d = fabs((double)b[i] - (double)a[i]);

        c->kept_a += in_a;
        c->kept_b += in_b;
        c->died += in_a && !in_b;
        c->revived += !in_a && in_b;
        c->changed += in_a && in_b && memcmp(&a[i], &b[i], sizeof *a) != 0;
        if (d > c->largest)
            c->largest = d;
    }
}

static struct change compare(const struct pare_tensor *a,
                             const struct pare_tensor *b)
{
    struct change c = {.n = a->n};

    if (a->pattern || b->pattern)
        return compare_kept(a, b);
    compare_part(&c, a->value, a->mask, b->value, b->mask, a->n);
    return c;
}

/** What was put aside against a tensor. */
static int compare_aside(struct change *c, const struct pare_aside *a,
                         const struct pare_tensor *b)
{
    float *value = malloc(PART * sizeof *value);
    uint8_t *mask = malloc(PART);
    int rc = value && mask ? 0 : pare_fail(PARE_ENOMEM, "out of memory");

    for (size_t at = 0; !rc && at < b->n; at += PART) {
        size_t n = b->n - at < PART ? b->n - at : PART;

        rc = pare_aside_get(value, mask, a, at, n);
        if (!rc)
            compare_part(c, value, mask, b->value + at,
                         b->mask ? b->mask + at : NULL, n);
    }
    free(value);
    free(mask);
    return rc;
}

/** Two tensors of models that come tensor by tensor: with their masks both
 *  would take more memory than two tensors have. */
static int compare_streams(struct change *c, const struct pare_model *a,
                           const struct pare_model *b, size_t t)
{
    struct pare_aside *aside = pare_aside_new();
    int rc = aside ? pare_tensor_load(a, t) : PARE_EIO;

    *c = (struct change){.n = a->tensor[t].n};
    if (!rc)
        rc = pare_aside_put(aside, &a->tensor[t]);
    pare_tensor_drop(a, t);
    if (!rc)
        rc = pare_tensor_load(b, t);
    if (!rc)
        rc = compare_aside(c, aside, &b->tensor[t]);
    pare_tensor_drop(b, t);
    pare_aside_free(aside);
    return rc;
}

/** Tensor t of A and B, wherever they are. */
static int compare_tensors(struct change *c, const struct pare_model *a,
                           const struct pare_model *b, size_t t)
{
    const struct pare_tensor *x = &a->tensor[t], *y = &b->tensor[t];
    int rc;

    if (pare_model_streams(a) && pare_model_streams(b) &&
        (x->kept < x->n || y->kept < y->n))
        return compare_streams(c, a, b, t);
    rc = pare_tensor_load(a, t);
    if (!rc)
        rc = pare_tensor_load(b, t);
    if (!rc)
        *c = compare(x, y);
    pare_tensor_drop(a, t);
    pare_tensor_drop(b, t);
    return rc;
}

static void add(struct change *total, const struct change *c)
{
    total->n += c->n;
    total->kept_a += c->kept_a;
    total->kept_b += c->kept_b;
    total->died += c->died;
    total->revived += c->revived;
    total->changed += c->changed;
    if (c->largest > total->largest)
        total->largest = c->largest;
}

static bool same(const struct change *c)
{
    return !c->died && !c->revived && !c->changed;
}

static void print(const char *name, const struct change *c)
{
    char largest[PARE_NUMBER_MAX];

    printf("%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64
           "\t%" PRIu64 "\t%s\n",
           name, c->n, c->kept_a, c->kept_b, c->died, c->revived, c->changed,
           pare_number_print(largest, c->largest));
}

/** Do all tensors of A and B have the same names and shapes? */
static bool comparable(const struct pare_model *a, const struct pare_model *b)
{
    if (a->n_tensors != b->n_tensors)
        return false;
    for (size_t t = 0; t < a->n_tensors; t++) {
        const struct pare_tensor *x = &a->tensor[t], *y = &b->tensor[t];

        if (strcmp(x->name, y->name) || x->rank != y->rank ||
            memcmp(x->dim, y->dim, (size_t)x->rank * sizeof x->dim[0]))
            return false;
    }
    return true;
}

/** The table; 0 same, 1 not, or a negative status. */
static int print_table(const struct options *o, const struct pare_model *a,
                       const struct pare_model *b)
{
    struct change total = {0};

    if (!o->quiet)
        puts("tensor\tn\tkept_a\tkept_b\tdied\trevived\tchanged\tlargest");
    for (size_t t = 0; t < a->n_tensors; t++) {
        struct change c;
        int rc = compare_tensors(&c, a, b, t);

        if (rc)
            return rc;
        add(&total, &c);
        if (!o->quiet && (o->all || !same(&c)))
            print(a->tensor[t].name, &c);
    }
    if (!o->quiet)
        print("total", &total);
    return !same(&total);
}

/** Kept positions of a layer in two models. */
struct overlap {
    uint64_t n, kept_a, kept_b, both, either;
};

/** Add a tensor; but biases and the like that nobody prunes do not count. */
static void add_overlap(struct overlap *o, const struct pare_tensor *a,
                        const struct pare_tensor *b)
{
    if (!pare_tensor_prunable(a) && pare_tensor_kept(a) == a->n &&
        pare_tensor_kept(b) == b->n)
        return;
    o->n += pare_tensor_positions(a);
    if (a->pattern || b->pattern) {
        struct change c = compare_kept(a, b);

        o->kept_a += c.kept_a;
        o->kept_b += c.kept_b;
        o->both += c.kept_a - c.died;
        o->either += c.kept_a + c.revived;
        return;
    }
    for (size_t i = 0; i < a->n; i++) {
        bool in_a = !a->mask || a->mask[i], in_b = !b->mask || b->mask[i];

        o->kept_a += in_a;
        o->kept_b += in_b;
        o->both += in_a && in_b;
        o->either += in_a || in_b;
    }
}

/** x / y, also 0 / 0: not a number. */
static const char *ratio(char buf[PARE_NUMBER_MAX], uint64_t x, uint64_t y)
{
    if (y == 0)
        return "nan";
    return pare_number_print(buf, (double)x / (double)y);
}

static void print_overlap(const char *name, const struct overlap *o)
{
    char share[PARE_NUMBER_MAX], jaccard[PARE_NUMBER_MAX];
    uint64_t less = o->kept_a < o->kept_b ? o->kept_a : o->kept_b;

    printf("%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%s\t%s\n",
           name, o->kept_a, o->kept_b, o->both, o->either,
           ratio(share, o->both, less), ratio(jaccard, o->both, o->either));
}

/** The table of --masks; 0 the masks are the same, 1 not, or a negative
 *  status. */
static int print_masks(const struct options *o, const struct pare_model *a,
                       const struct pare_model *b)
{
    struct overlap total = {0};
    int rc = 0;

    if (!o->quiet)
        puts("layer\tkept_a\tkept_b\tboth\teither\toverlap\tjaccard");
    for (size_t t = 0; t < a->n_tensors;) {
        const size_t layer = a->tensor[t].layer;
        struct overlap l = {0};

        for (; !rc && t < a->n_tensors && a->tensor[t].layer == layer; t++) {
            rc = pare_tensor_load_mask(a, t);
            if (!rc)
                rc = pare_tensor_load_mask(b, t);
            if (!rc)
                add_overlap(&l, &a->tensor[t], &b->tensor[t]);
            pare_tensor_drop(a, t);
            pare_tensor_drop(b, t);
        }
        if (rc)
            return rc;
        total.kept_a += l.kept_a;
        total.kept_b += l.kept_b;
        total.both += l.both;
        total.either += l.either;
        if (!o->quiet && l.n)
            print_overlap(a->arch.layer[layer].name, &l);
    }
    if (!o->quiet)
        print_overlap("total", &total);
    return total.both != total.either;
}

/** What a tensor's values are stored as: "codebook of 16". */
static const char *type_text(char *buf, size_t size,
                             const struct pare_tensor *t)
{
    const struct pare_quant *q = &t->quant;

    if (q->kind == PARE_QUANT_NONE)
        return pare_dtype_name(t->dtype);
    snprintf(buf, size, "%s of %zu", pare_quant_name(q->kind),
             q->kind == PARE_QUANT_INT8 ? q->n_scale : q->n_book);
    return buf;
}

/** Values alone decide; that they are stored as something else is told. */
static void tell_types(const struct cli_tool *tool, const struct pare_model *a,
                       const struct pare_model *b)
{
    char x[64], y[64];

    for (size_t t = 0; t < a->n_tensors; t++) {
        const char *in_a = type_text(x, sizeof x, &a->tensor[t]);
        const char *in_b = type_text(y, sizeof y, &b->tensor[t]);

        if (strcmp(in_a, in_b) != 0)
            cli_warn(tool, "%s: %s, then %s", a->tensor[t].name, in_a, in_b);
    }
}

static int run(const struct cli_tool *tool, const struct options *o,
               char **path)
{
    struct pare_model m[2];
    struct pare_model_file info[2];
    int status = tool->trouble;

    memset(m, 0, sizeof m);
    memset(info, 0, sizeof info);
    if (pare_model_open(&m[0], &info[0], path[0]) ||
        pare_model_open(&m[1], &info[1], path[1])) {
        cli_fail(tool);
    } else if (!comparable(&m[0], &m[1])) {
        if (!o->quiet)
            cli_warn(tool, "the architectures differ: '%s' and '%s'",
                     m[0].arch.text, m[1].arch.text);
        status = 1;
    } else if (o->masks) {
        status = print_masks(o, &m[0], &m[1]);
    } else {
        status = print_table(o, &m[0], &m[1]);
        if (!o->quiet && status >= 0)
            tell_types(tool, &m[0], &m[1]);
        if (o->state && status >= 0 && strcmp(info[0].state, info[1].state)) {
            if (!o->quiet && !status)
                cli_warn(tool, "the weights are the same, the states differ");
            status = 1;
        }
    }
    if (status < 0) {
        cli_fail(tool);
        status = tool->trouble;
    }
    for (int i = 0; i < 2; i++) {
        pare_model_file_release(&info[i], m[i].n_tensors);
        pare_model_release(&m[i]);
    }
    return status;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    const struct cli_option rows[] = {
        {'q', "quiet", NULL, CLI_FLAG, &o.quiet, 0, 0,
         "print nothing, only exit 0 or 1", NULL},
        {0, "all", NULL, CLI_FLAG, &o.all, 0, 0,
         "print tensors that are the same, too", NULL},
        {0, "masks", NULL, CLI_FLAG, &o.masks, 0, 0,
         "compare the masks alone: how much of them is the same", NULL},
        {0, "state", NULL, CLI_FLAG, &o.state, 0, 0,
         "compare optimiser, position, checkpoints and history as well", NULL},
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {
        "pare-diff",
        "A B",
        "Tell which weights differ between two models.",
        rows,
        2,
        2,
        2};
    int first = cli_parse(&tool, argc, argv);

    if (o.masks && (o.all || o.state))
        cli_usage(&tool, "--masks goes with neither --all nor --state");
    if (strcmp(argv[first], "-") == 0 && strcmp(argv[first + 1], "-") == 0)
        cli_usage(&tool, "only one of the models can be standard input");
    return cli_exit(&tool, run(&tool, &o, argv + first));
}
