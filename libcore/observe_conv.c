/*
 * Convolutions of an observer. The places of the output, some lines of one
 * image or small images of several samples, are the columns of a product with
 * the weights; pieces are cut by shapes and the number of samples alone.
 */
#include <string.h>

#include "observe_parts.h"
#include "parallel.h"

#define UNITS        128 /* of a block, in the forward pass */
#define CHANNELS     64  /* of the input, in the backward pass */
#define ROW_UNITS    64  /* of a block of weights, for their gradient */
#define ROW_CHANNELS 32
#define COLUMNS      256       /* places taken together, about */
#define COLUMN       (1 << 17) /* doubles that are unfolded at once, about */

/* How a layer is cut. */
struct cut {
    struct pare_columns c;
    const struct pare_layer *l;
    size_t units, inputs;     /* of a group */
    size_t taps, places;      /* of the kernel, of the output image */
    size_t line, line_blocks; /* lines of a piece; pieces of an image */
    size_t samples;           /* of a piece, where it has all lines */
    size_t columns;           /* of a piece, at most */
};

static void set_cut(struct cut *k, const struct pare_layer *l)
{
    size_t most;

    *k = (struct cut){.l = l};
    pare_columns(&k->c, l);
    k->units = l->out.dim[0] / k->c.groups;
    k->inputs = l->in[0].dim[0] / k->c.groups;
    k->taps = k->c.rows / k->inputs;
    k->places = k->c.lines * k->c.positions;
    most = COLUMN / k->c.rows;
    most = most < 1 ? 1 : observe_least(most, COLUMNS);
    k->line = observe_least(most / k->c.positions, k->c.lines);
    k->line = k->line < 1 ? 1 : k->line;
    k->line_blocks = observe_blocks(k->c.lines, k->line);
    k->samples = k->line_blocks > 1 ? 1 : most / k->places;
    k->samples = k->samples < 1 ? 1 : k->samples;
    k->columns = k->samples * k->line * k->c.positions;
}

size_t observe_conv_scratch(const struct pare_layer *l)
{
    struct cut k;
    size_t rows, units;

    set_cut(&k, l);
    rows = observe_least(k.inputs, CHANNELS) * k.taps;
    rows = rows > k.c.rows ? rows : k.c.rows;
    units = UNITS > k.units ? UNITS : k.units;
    return (rows + units) * k.columns + ROW_UNITS * ROW_CHANNELS * k.taps;
}

/* Places of the output: samples [sample, ..), lines [first, ..). */
struct piece {
    size_t sample, samples, first, lines;
    size_t places, columns; /* of one sample, of all */
};

/* Pieces of so many samples at a time. */
static size_t pieces(const struct cut *k, size_t n, size_t samples)
{
    return observe_blocks(n, samples) * k->line_blocks;
}

static struct piece piece_of(const struct cut *k, size_t i, size_t n,
                             size_t samples)
{
    struct piece p = {.sample = i / k->line_blocks * samples,
                      .first = i % k->line_blocks * k->line};

    p.samples = observe_least(n - p.sample, samples);
    p.lines = observe_least(k->c.lines - p.first, k->line);
    p.places = p.lines * k->c.positions;
    p.columns = p.samples * p.places;
    return p;
}

static void unfold(double *col, const struct cut *k, const struct piece *p,
                   const double *x, size_t group, size_t channel,
                   size_t channels)
{
    size_t size = pare_shape_size(&k->l->in[0]);

    for (size_t s = 0; s < p->samples; s++)
        observe_unfold(col + s * p->places, p->columns, k->l,
                       x + (p->sample + s) * size, group, channel, channels,
                       p->first, p->lines);
}

/* The first place of a piece at a unit of the output, for sample s of it. */
static size_t place(const struct cut *k, const struct piece *p, size_t s,
                    size_t unit)
{
    return ((p->sample + s) * k->l->out.dim[0] + unit) * k->places +
           p->first * k->c.positions;
}

/* y = from + b */
static void scatter(double *y, const struct cut *k, const struct piece *p,
                    const double *from, size_t unit, size_t units,
                    const double *b)
{
    for (size_t u = 0; u < units; u++)
        for (size_t s = 0; s < p->samples; s++, from += p->places) {
            double *to = y + place(k, p, s, unit + u);

            for (size_t i = 0; i < p->places; i++)
                to[i] = from[i] + (b ? b[unit + u] : 0);
        }
}

static void collect(double *to, const struct cut *k, const struct piece *p,
                    const double *y, size_t unit, size_t units)
{
    for (size_t u = 0; u < units; u++)
        for (size_t s = 0; s < p->samples; s++, to += p->places)
            memcpy(to, y + place(k, p, s, unit + u), p->places * sizeof *to);
}

/* A block of a group's units over one piece. */
static void forward_task(void *arg, size_t i)
{
    const struct observe_job *j = arg;
    const struct cut *k = j->cut;
    const struct observe_buffer *in = j->k->in, *out = j->k->out;
    size_t n_pieces = pieces(k, j->k->o->n, k->samples), slot;
    struct piece p = piece_of(k, i % n_pieces, j->k->o->n, k->samples);
    size_t across = observe_blocks(k->units, UNITS), rows = k->c.rows;
    size_t group = i / n_pieces / across, u = i / n_pieces % across * UNITS;
    size_t units = observe_least(k->units - u, UNITS), at;
    double *col = observe_take(j->k->o, &slot), *y = col + rows * p.columns;

    u += group * k->units;
    at = u * rows;
    unfold(col, k, &p, in->x, group, 0, k->inputs);
    observe_product(units, p.columns, rows, j->w + at, rows, false, col,
                    p.columns, false, y, p.columns, false);
    scatter(out->x, k, &p, y, u, units, j->b);
    if (j->along) {
        if (j->dw)
            observe_product(units, p.columns, rows, j->dw + at, rows, false,
                            col, p.columns, false, y, p.columns, false);
        unfold(col, k, &p, in->rx, group, 0, k->inputs);
        observe_product(units, p.columns, rows, j->w + at, rows, false, col,
                        p.columns, false, y, p.columns, j->dw != NULL);
        scatter(out->rx, k, &p, y, u, units, j->db);
    }
    observe_give(j->k->o, slot);
}

static void fold(double *x, const struct cut *k, const struct piece *p,
                 const double *col, size_t group, size_t channel,
                 size_t channels)
{
    size_t size = pare_shape_size(&k->l->in[0]);

    for (size_t s = 0; s < p->samples; s++)
        observe_fold(x + (p->sample + s) * size, k->l, col + s * p->places,
                     p->columns, group, channel, channels, p->first, p->lines);
}

/* Gradient at a block of a group's input channels, of a few samples. */
static void backward_task(void *arg, size_t i)
{
    const struct observe_job *j = arg;
    const struct cut *k = j->cut;
    const struct observe_buffer *in = j->k->in, *out = j->k->out;
    size_t across = observe_blocks(k->inputs, CHANNELS), rows = k->c.rows;
    size_t c = i % across * CHANNELS, group = i / across % k->c.groups, slot;
    size_t channels = observe_least(k->inputs - c, CHANNELS);
    size_t m = channels * k->taps, units = k->units, first = group * units;
    size_t at = first * rows + c * k->taps, begin = i / across / k->c.groups;
    double *col = observe_take(j->k->o, &slot), *g = col + m * k->columns;

    for (size_t b = 0; b < k->line_blocks; b++) {
        struct piece p =
            piece_of(k, begin * k->line_blocks + b, j->k->o->n, k->samples);
        size_t n = p.columns;

        collect(g, k, &p, out->g, first, units);
        observe_product(m, n, units, j->w + at, rows, true, g, n, false, col, n,
                        false);
        fold(in->g, k, &p, col, group, c, channels);
        if (!j->along)
            continue;
        if (j->dw)
            observe_product(m, n, units, j->dw + at, rows, true, g, n, false,
                            col, n, false);
        collect(g, k, &p, out->rg, first, units);
        observe_product(m, n, units, j->w + at, rows, true, g, n, false, col, n,
                        j->dw != NULL);
        fold(in->rg, k, &p, col, group, c, channels);
    }
    observe_give(j->k->o, slot);
}

void observe_conv_forward(struct observe_layer *k)
{
    struct observe_job j;
    struct cut cut;

    observe_job_begin(&j, k);
    set_cut(&cut, k->l);
    j.cut = &cut;
    pare_parallel(k->o->threads,
                  pieces(&cut, k->o->n, cut.samples) * cut.c.groups *
                      observe_blocks(cut.units, UNITS),
                  forward_task, &j);
}

void observe_conv_backward(struct observe_layer *k)
{
    struct observe_job j;
    struct cut cut;

    observe_job_begin(&j, k);
    set_cut(&cut, k->l);
    j.cut = &cut;
    pare_parallel(k->o->threads,
                  observe_blocks(k->o->n, cut.samples) * cut.c.groups *
                      observe_blocks(cut.inputs, CHANNELS),
                  backward_task, &j);
}

/* A block of weights: units by channels of a group. */
struct tile {
    size_t group, unit, units, channel, channels, rows;
};

/* to += the gradient over a piece. */
static void add_piece(const struct observe_job *j, const struct tile *t,
                      const struct piece *p, double *to, size_t ld, double *col)
{
    const struct cut *k = j->cut;
    const struct observe_buffer *in = j->k->in, *out = j->k->out;
    bool second = j->what == PARE_SUM_ALONG;
    double *g = col + t->rows * p->columns;

    unfold(col, k, p, in->x, t->group, t->channel, t->channels);
    collect(g, k, p, second ? out->rg : out->g, t->unit, t->units);
    observe_product(t->units, t->rows, p->columns, g, p->columns, false, col,
                    p->columns, true, to, ld, true);
    if (!second)
        return;
    unfold(col, k, p, in->rx, t->group, t->channel, t->channels);
    collect(g, k, p, out->g, t->unit, t->units);
    observe_product(t->units, t->rows, p->columns, g, p->columns, false, col,
                    p->columns, true, to, ld, true);
}

/* sum += of each sample's gradient its absolute value or square. */
static void add_samples(const struct observe_job *j, const struct tile *t,
                        double *sum, double *col, double *own)
{
    const struct cut *k = j->cut;

    for (size_t s = 0; s < j->k->o->n; s++) {
        memset(own, 0, t->units * t->rows * sizeof *own);
        for (size_t b = 0; b < k->line_blocks; b++) {
            struct piece p = piece_of(k, s * k->line_blocks + b, j->k->o->n, 1);

            add_piece(j, t, &p, own, t->rows, col);
        }
        for (size_t u = 0; u < t->units; u++)
            observe_add_parts(sum + u * k->c.rows, own + u * t->rows, t->rows,
                              j->what);
    }
}

static void gradient_task(void *arg, size_t i)
{
    const struct observe_job *j = arg;
    const struct cut *k = j->cut;
    size_t across = observe_blocks(k->inputs, ROW_CHANNELS), n = j->k->o->n;
    size_t down = observe_blocks(k->units, ROW_UNITS), slot;
    size_t unit = i / across % down * ROW_UNITS;
    struct tile t = {.group = i / across / down,
                     .channel = i % across * ROW_CHANNELS};
    double *col = observe_take(j->k->o, &slot), *sum;

    t.unit = t.group * k->units + unit;
    t.units = observe_least(k->units - unit, ROW_UNITS);
    t.channels = observe_least(k->inputs - t.channel, ROW_CHANNELS);
    t.rows = t.channels * k->taps;
    sum = j->weight + t.unit * k->c.rows + t.channel * k->taps;
    if (j->what == PARE_SUM_ABSOLUTE || j->what == PARE_SUM_SQUARE) {
        add_samples(j, &t, sum, col, col + (t.rows + t.units) * k->columns);
    } else {
        for (size_t b = 0; b < pieces(k, n, k->samples); b++) {
            struct piece p = piece_of(k, b, n, k->samples);

            add_piece(j, &t, &p, sum, k->c.rows, col);
        }
    }
    observe_give(j->k->o, slot);
}

static void bias_task(void *arg, size_t unit)
{
    const struct observe_job *j = arg;
    const struct observe_buffer *out = j->k->out;
    const double *g = j->what == PARE_SUM_ALONG ? out->rg : out->g;
    size_t places = j->cut->places;

    for (size_t s = 0; s < j->k->o->n; s++) {
        double d = 0;

        for (size_t i = 0; i < places; i++)
            d += g[s * out->size + unit * places + i];
        j->bias[unit] += observe_part(d, j->what);
    }
}

void observe_conv_gradient(const struct observe_job *job)
{
    struct observe_job j = *job;
    struct cut k;

    set_cut(&k, j.k->l);
    j.cut = &k;
    if (j.weight)
        pare_parallel(j.k->o->threads,
                      k.c.groups * observe_blocks(k.units, ROW_UNITS) *
                          observe_blocks(k.inputs, ROW_CHANNELS),
                      gradient_task, &j);
    if (j.bias)
        pare_parallel(j.k->o->threads, k.c.groups * k.units, bias_task, &j);
}
