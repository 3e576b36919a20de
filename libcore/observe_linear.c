/* Linear and convolution layers of an observer: products by OpenBLAS, each
   on one thread and of a block that the layer's shape alone cuts. */
#include <cblas.h>
#include <math.h>
#include <string.h>

#include "observe_parts.h"
#include "parallel.h"

#define UNITS    64        /* of a block */
#define CHANNELS 64        /* of a block of a convolution's input */
#define FEATURES 2048      /* of a block of a linear layer's input */
#define COLUMN   (1 << 16) /* doubles that are unfolded at once, about */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t blocks(size_t n, size_t size)
{
    return (n + size - 1) / size;
}

/* How a layer is cut. */
struct cut {
    struct pare_columns c;
    bool conv;
    size_t units, inputs;     /* of a group */
    size_t unit_blocks;       /* of a group */
    size_t input_blocks;      /* of a group */
    size_t taps, places;      /* of the kernel, of the output image */
    size_t line, line_blocks; /* lines of a block, blocks */
};

static void set_cut(struct cut *k, const struct pare_layer *l)
{
    pare_columns(&k->c, l);
    k->conv = l->kind->op == PARE_OP_CONV;
    k->units = l->out.dim[0] / k->c.groups;
    k->inputs = (k->conv ? l->in[0].dim[0] : k->c.rows) / k->c.groups;
    k->taps = k->c.rows / k->inputs;
    k->places = k->c.lines * k->c.positions;
    k->unit_blocks = blocks(k->units, UNITS);
    k->input_blocks = blocks(k->inputs, k->conv ? CHANNELS : FEATURES);
    k->line = COLUMN / (k->c.rows * k->c.positions);
    k->line = k->line < 1 ? 1 : least(k->line, k->c.lines);
    k->line_blocks = blocks(k->c.lines, k->line);
}

static size_t column(const struct cut *k)
{
    return k->c.rows * k->line * k->c.positions;
}

size_t observe_scratch(const struct pare_observer *o,
                       const struct pare_layer *l)
{
    struct cut k;

    set_cut(&k, l);
    if (!k.conv)
        return o->block * (UNITS + FEATURES);
    return column(&k) + UNITS * k.c.rows;
}

/* c = op(a) op(b), or += with add. */
static void product(size_t m, size_t n, size_t k, const double *a, size_t lda,
                    bool ta, const double *b, size_t ldb, bool tb, double *c,
                    size_t ldc, bool add)
{
    cblas_dgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans,
                tb ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, 1, a,
                (int)lda, b, (int)ldb, add ? 1 : 0, c, (int)ldc);
}

/* What the tasks of a layer share. */
struct job {
    struct observe_layer *k;
    struct cut cut;
    const double *w, *dw; /* weights, and the direction's or NULL */
    const double *b, *db;
};

static void begin(struct job *j, struct observe_layer *k)
{
    struct pare_observer *o = k->o;
    size_t t = k->tensor;

    *j = (struct job){.k = k, .w = o->value[t]};
    set_cut(&j->cut, k->l);
    if (o->direction)
        j->dw = o->direction[t];
    if (pare_layer_opt(k->l, "bias") > 0) {
        j->b = o->value[t + 1];
        j->db = o->direction ? o->direction[t + 1] : NULL;
    }
}

static bool along(const struct pare_observer *o)
{
    return o->direction != NULL;
}

/* y[i][u] = b[u], or 0. */
static void fill_rows(double *y, size_t n, size_t ld, size_t units,
                      const double *b)
{
    for (size_t i = 0; i < n; i++)
        for (size_t u = 0; u < units; u++)
            y[i * ld + u] = b ? b[u] : 0;
}

/* A block of units of a linear layer, all samples. */
static void linear_forward(void *arg, size_t i)
{
    const struct job *j = arg;
    const struct observe_buffer *x = j->k->in, *y = j->k->out;
    size_t in = x->size, out = y->size, n = j->k->o->n, u = i * UNITS;
    size_t units = least(out - u, UNITS);

    fill_rows(y->x + u, n, out, units, j->b ? j->b + u : NULL);
    product(n, units, in, x->x, in, false, j->w + u * in, in, true, y->x + u,
            out, true);
    if (!along(j->k->o))
        return;
    fill_rows(y->rx + u, n, out, units, j->db ? j->db + u : NULL);
    product(n, units, in, x->rx, in, false, j->w + u * in, in, true, y->rx + u,
            out, true);
    if (j->dw)
        product(n, units, in, x->x, in, false, j->dw + u * in, in, true,
                y->rx + u, out, true);
}

/* Gradients at a block of the inputs of a linear layer. */
static void linear_backward(void *arg, size_t i)
{
    const struct job *j = arg;
    const struct observe_buffer *x = j->k->in, *y = j->k->out;
    size_t in = x->size, out = y->size, n = j->k->o->n, c = i * FEATURES;
    size_t cols = least(in - c, FEATURES);

    product(n, cols, out, y->g, out, false, j->w + c, in, false, x->g + c, in,
            true);
    if (!along(j->k->o))
        return;
    product(n, cols, out, y->rg, out, false, j->w + c, in, false, x->rg + c, in,
            true);
    if (j->dw)
        product(n, cols, out, y->g, out, false, j->dw + c, in, false, x->rg + c,
                in, true);
}

/* Some lines of a block of a group's units, of one sample. */
struct piece {
    size_t sample, group, unit, units; /* unit: of all, not of the group */
    size_t first, lines, places;
};

static struct piece forward_piece(const struct cut *k, size_t i)
{
    struct piece p = {0};
    size_t unit;

    p.first = i % k->line_blocks * k->line;
    i /= k->line_blocks;
    unit = i % k->unit_blocks * UNITS;
    i /= k->unit_blocks;
    p.group = i % k->c.groups;
    p.sample = i / k->c.groups;
    p.unit = p.group * k->units + unit;
    p.units = least(k->units - unit, UNITS);
    p.lines = least(k->c.lines - p.first, k->line);
    p.places = p.lines * k->c.positions;
    return p;
}

/* Rows of an image of which a piece is part. */
static void fill_lines(double *y, const struct cut *k, const struct piece *p,
                       const double *b)
{
    for (size_t u = 0; u < p->units; u++)
        for (size_t i = 0; i < p->places; i++)
            y[u * k->places + i] = b ? b[p->unit + u] : 0;
}

static void conv_forward(void *arg, size_t i)
{
    const struct job *j = arg;
    const struct cut *k = &j->cut;
    const struct observe_buffer *in = j->k->in, *out = j->k->out;
    struct piece p = forward_piece(k, i);
    size_t slot, rows = k->c.rows, at = p.unit * rows;
    size_t y =
        p.sample * out->size + p.unit * k->places + p.first * k->c.positions;
    double *col = observe_take(j->k->o, &slot);

    pare_unfold(col, j->k->l, in->x + p.sample * in->size, p.group, p.first,
                p.lines);
    fill_lines(out->x + y, k, &p, j->b);
    product(p.units, p.places, rows, j->w + at, rows, false, col, p.places,
            false, out->x + y, k->places, true);
    if (along(j->k->o)) {
        fill_lines(out->rx + y, k, &p, j->db);
        if (j->dw)
            product(p.units, p.places, rows, j->dw + at, rows, false, col,
                    p.places, false, out->rx + y, k->places, true);
        pare_unfold(col, j->k->l, in->rx + p.sample * in->size, p.group,
                    p.first, p.lines);
        product(p.units, p.places, rows, j->w + at, rows, false, col, p.places,
                false, out->rx + y, k->places, true);
    }
    observe_give(j->k->o, slot);
}

/* Gradient at a block of a group's input channels, of one sample. */
static void conv_backward(void *arg, size_t i)
{
    const struct job *j = arg;
    const struct cut *k = &j->cut;
    const struct observe_buffer *in = j->k->in, *out = j->k->out;
    size_t c = i % k->input_blocks * CHANNELS, slot, rows = k->c.rows;
    size_t group = i / k->input_blocks % k->c.groups;
    size_t sample = i / k->input_blocks / k->c.groups;
    size_t channels = least(k->inputs - c, CHANNELS), m = channels * k->taps;
    size_t at = group * k->units * rows + c * k->taps;
    double *col = observe_take(j->k->o, &slot);

    for (size_t first = 0; first < k->c.lines; first += k->line) {
        size_t lines = least(k->c.lines - first, k->line);
        size_t n = lines * k->c.positions;
        size_t y = sample * out->size + group * k->units * k->places +
                   first * k->c.positions;

        product(m, n, k->units, j->w + at, rows, true, out->g + y, k->places,
                false, col, n, false);
        pare_fold(in->g + sample * in->size, j->k->l, col, group, c, channels,
                  first, lines);
        if (!along(j->k->o))
            continue;
        product(m, n, k->units, j->w + at, rows, true, out->rg + y, k->places,
                false, col, n, false);
        if (j->dw)
            product(m, n, k->units, j->dw + at, rows, true, out->g + y,
                    k->places, false, col, n, true);
        pare_fold(in->rg + sample * in->size, j->k->l, col, group, c, channels,
                  first, lines);
    }
    observe_give(j->k->o, slot);
}

void observe_linear_forward(struct observe_layer *k)
{
    struct job j;
    size_t n;

    begin(&j, k);
    n = j.cut.unit_blocks;
    if (j.cut.conv)
        n *= k->o->n * j.cut.c.groups * j.cut.line_blocks;
    pare_parallel(k->o->threads, n, j.cut.conv ? conv_forward : linear_forward,
                  &j);
}

void observe_linear_backward(struct observe_layer *k)
{
    struct job j;
    size_t n;

    begin(&j, k);
    n = j.cut.input_blocks;
    if (j.cut.conv)
        n *= k->o->n * j.cut.c.groups;
    pare_parallel(k->o->threads, n,
                  j.cut.conv ? conv_backward : linear_backward, &j);
}

/* What the tasks of a layer's gradient share. */
struct gradient {
    struct job j;
    enum pare_gradient_sum what;
    double *weight, *bias; /* sums, or NULL */
};

static double part(double x, enum pare_gradient_sum what)
{
    return what == PARE_SUM_SQUARE     ? x * x
           : what == PARE_SUM_ABSOLUTE ? fabs(x)
                                       : x;
}

/* Rows of width n, ld apart, one after the other. */
static void take_parts(double *to, const double *from, size_t ld, size_t rows,
                       size_t n, enum pare_gradient_sum what)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < n; k++)
            to[i * n + k] = part(from[i * ld + k], what);
}

/* Units [unit, unit + units) of any layer, all samples. */
static void bias_gradient(const struct gradient *t, size_t unit, size_t units)
{
    const struct observe_buffer *out = t->j.k->out;
    const double *g = t->what == PARE_SUM_ALONG ? out->rg : out->g;
    size_t places = t->j.cut.places;

    for (size_t u = unit; t->bias && u < unit + units; u++)
        for (size_t s = 0; s < t->j.k->o->n; s++) {
            double d = 0;

            for (size_t i = 0; i < places; i++)
                d += g[s * out->size + u * places + i];
            t->bias[u] += part(d, t->what);
        }
}

/* A block of units and inputs; a sample's gradient is g x. */
static void linear_gradient(void *arg, size_t i)
{
    const struct gradient *t = arg;
    const struct observe_buffer *x = t->j.k->in, *y = t->j.k->out;
    size_t u = i / t->j.cut.input_blocks * UNITS, in = x->size, out = y->size;
    size_t c = i % t->j.cut.input_blocks * FEATURES, n = t->j.k->o->n, slot;
    size_t units = least(out - u, UNITS), cols = least(in - c, FEATURES);
    double *sum = t->weight ? t->weight + u * in + c : NULL, *g, *v;

    if (c == 0)
        bias_gradient(t, u, units);
    if (!sum)
        return;
    if (t->what == PARE_SUM_PLAIN) {
        product(units, cols, n, y->g + u, out, true, x->x + c, in, false, sum,
                in, true);
    } else if (t->what == PARE_SUM_ALONG) {
        product(units, cols, n, y->rg + u, out, true, x->x + c, in, false, sum,
                in, true);
        product(units, cols, n, y->g + u, out, true, x->rx + c, in, false, sum,
                in, true);
    } else {
        g = observe_take(t->j.k->o, &slot);
        v = g + n * units;
        take_parts(g, y->g + u, out, n, units, t->what);
        take_parts(v, x->x + c, in, n, cols, t->what);
        product(units, cols, n, g, units, true, v, cols, false, sum, in, true);
        observe_give(t->j.k->o, slot);
    }
}

/* to += the gradient of one sample, p says where. */
static void conv_sample(const struct gradient *t, double *to, double *col,
                        const struct piece *p)
{
    const struct cut *k = &t->j.cut;
    const struct observe_buffer *in = t->j.k->in, *out = t->j.k->out;
    size_t rows = k->c.rows, x = p->sample * in->size;
    bool second = t->what == PARE_SUM_ALONG;

    for (size_t first = 0; first < k->c.lines; first += k->line) {
        size_t lines = least(k->c.lines - first, k->line);
        size_t n = lines * k->c.positions;
        size_t y = p->sample * out->size + p->unit * k->places +
                   first * k->c.positions;

        pare_unfold(col, t->j.k->l, in->x + x, p->group, first, lines);
        product(p->units, rows, n, (second ? out->rg : out->g) + y, k->places,
                false, col, n, true, to, rows, true);
        if (!second)
            continue;
        pare_unfold(col, t->j.k->l, in->rx + x, p->group, first, lines);
        product(p->units, rows, n, out->g + y, k->places, false, col, n, true,
                to, rows, true);
    }
}

static void conv_gradient(void *arg, size_t i)
{
    const struct gradient *t = arg;
    const struct cut *k = &t->j.cut;
    size_t unit = i % k->unit_blocks * UNITS, slot, n;
    bool each = t->what == PARE_SUM_ABSOLUTE || t->what == PARE_SUM_SQUARE;
    struct piece p = {.group = i / k->unit_blocks};
    double *sum, *col, *own;

    p.unit = p.group * k->units + unit;
    p.units = least(k->units - unit, UNITS);
    n = p.units * k->c.rows;
    bias_gradient(t, p.unit, p.units);
    if (!t->weight)
        return;
    sum = t->weight + p.unit * k->c.rows;
    col = observe_take(t->j.k->o, &slot);
    own = col + column(k);
    for (p.sample = 0; p.sample < t->j.k->o->n; p.sample++) {
        if (each)
            memset(own, 0, n * sizeof *own);
        conv_sample(t, each ? own : sum, col, &p);
        for (size_t w = 0; each && w < n; w++)
            sum[w] += part(own[w], t->what);
    }
    observe_give(t->j.k->o, slot);
}

void pare_observer_gradient(struct pare_observer *o, double *const *sum,
                            enum pare_gradient_sum what)
{
    const struct pare_arch *a = &o->m->arch;

    for (size_t i = 0; i < a->n_layers; i++) {
        const struct pare_layer *l = &a->layer[i];
        struct observe_layer k = {.o = o, .l = l, .tensor = o->tensor[i]};
        struct gradient t = {.what = what};

        if (l->kind->op != PARE_OP_LINEAR && l->kind->op != PARE_OP_CONV)
            continue;
        k.in =
            &o->buffer[l->input[0] == PARE_INPUT ? a->n_layers : l->input[0]];
        k.out = &o->buffer[i];
        begin(&t.j, &k);
        t.weight = sum[k.tensor];
        t.bias = t.j.b ? sum[k.tensor + 1] : NULL;
        if (!t.weight && !t.bias)
            continue;
        pare_parallel(o->threads,
                      t.j.cut.unit_blocks * (t.j.cut.conv
                                                 ? t.j.cut.c.groups
                                                 : t.j.cut.input_blocks),
                      t.j.cut.conv ? conv_gradient : linear_gradient, &t);
    }
}
