#include <string.h>

#include "observe_parts.h"

void pare_columns(struct pare_columns *c, const struct pare_layer *l)
{
    struct pare_window w;
    size_t chw[3];

    *c = (struct pare_columns){1, pare_shape_size(&l->in[0]), 1, 1};
    if (l->kind->op != PARE_OP_CONV)
        return;
    pare_layer_window(&w, l);
    pare_shape_image(chw, &l->out);
    c->groups = w.groups;
    c->rows = l->in[0].dim[0] / w.groups * w.kernel[0] * w.kernel[1];
    c->lines = chw[1];
    c->positions = chw[2];
}

/* Where one row of columns and one line of the output meet the input. */
struct meeting {
    const struct pare_window *w;
    size_t chw[3], ow;
    size_t x;        /* start of the input line; valid where inside */
    size_t from, to; /* positions that do not look at the padding */
    size_t at;       /* of position `from` in the line; then stride on */
};

/* False where the whole line lies in the padding. */
static bool meet(struct meeting *m, size_t channel, size_t oy, size_t a,
                 size_t b)
{
    const struct pare_window *w = m->w;
    size_t y = oy * w->stride[0] + a * w->dilation[0];
    size_t x = b * w->dilation[1], end = m->chw[2] + w->pad[1];

    if (y < w->pad[0] || y - w->pad[0] >= m->chw[1] || x >= end)
        return false;
    m->from = 0;
    if (x < w->pad[1])
        m->from = (w->pad[1] - x + w->stride[1] - 1) / w->stride[1];
    m->to = (end - x - 1) / w->stride[1] + 1;
    if (m->to > m->ow)
        m->to = m->ow;
    if (m->from >= m->to)
        return false;
    m->x = (channel * m->chw[1] + y - w->pad[0]) * m->chw[2];
    m->at = x + m->from * w->stride[1] - w->pad[1];
    return true;
}

/* One row of columns, lines [first, first + lines). */
static void unfold_row(double *col, const double *x, struct meeting *m,
                       size_t channel, size_t tap, size_t first, size_t lines)
{
    size_t a = tap / m->w->kernel[1], b = tap % m->w->kernel[1];

    for (size_t oy = first; oy < first + lines; oy++, col += m->ow) {
        const double *from;

        if (!meet(m, channel, oy, a, b)) {
            memset(col, 0, m->ow * sizeof *col);
            continue;
        }
        from = x + m->x + m->at;
        memset(col, 0, m->from * sizeof *col);
        memset(col + m->to, 0, (m->ow - m->to) * sizeof *col);
        if (m->w->stride[1] == 1) {
            memcpy(col + m->from, from, (m->to - m->from) * sizeof *col);
            continue;
        }
        for (size_t i = m->from; i < m->to; i++, from += m->w->stride[1])
            col[i] = *from;
    }
}

static void fold_row(double *x, const double *col, struct meeting *m,
                     size_t channel, size_t tap, size_t first, size_t lines)
{
    size_t a = tap / m->w->kernel[1], b = tap % m->w->kernel[1];

    for (size_t oy = first; oy < first + lines; oy++, col += m->ow) {
        double *to;

        if (!meet(m, channel, oy, a, b))
            continue;
        to = x + m->x + m->at;
        for (size_t i = m->from; i < m->to; i++, to += m->w->stride[1])
            *to += col[i];
    }
}

static size_t begin(struct meeting *m, struct pare_window *w,
                    const struct pare_layer *l)
{
    size_t out[3];

    pare_layer_window(w, l);
    pare_shape_image(m->chw, &l->in[0]);
    pare_shape_image(out, &l->out);
    m->w = w;
    m->ow = out[2];
    return w->kernel[0] * w->kernel[1];
}

void observe_unfold(double *col, size_t ld, const struct pare_layer *l,
                    const double *x, size_t group, size_t channel,
                    size_t channels, size_t first, size_t lines)
{
    struct meeting m = {0};
    struct pare_window w;
    size_t taps = begin(&m, &w, l);
    size_t before = group * (m.chw[0] / w.groups) + channel;

    for (size_t i = 0; i < channels * taps; i++)
        unfold_row(col + i * ld, x, &m, before + i / taps, i % taps, first,
                   lines);
}

void observe_fold(double *x, const struct pare_layer *l, const double *col,
                  size_t ld, size_t group, size_t channel, size_t channels,
                  size_t first, size_t lines)
{
    struct meeting m = {0};
    struct pare_window w;
    size_t taps = begin(&m, &w, l);
    size_t before = group * (m.chw[0] / w.groups) + channel;

    for (size_t i = 0; i < channels * taps; i++)
        fold_row(x, col + i * ld, &m, before + i / taps, i % taps, first,
                 lines);
}

void pare_unfold(double *col, const struct pare_layer *l, const double *x,
                 size_t group, size_t first, size_t lines)
{
    struct pare_columns c;
    struct pare_window w;

    if (l->kind->op != PARE_OP_CONV) {
        memcpy(col, x, pare_shape_size(&l->in[0]) * sizeof *x);
        return;
    }
    pare_columns(&c, l);
    pare_layer_window(&w, l);
    observe_unfold(col, lines * c.positions, l, x, group, 0,
                   l->in[0].dim[0] / w.groups, first, lines);
}
