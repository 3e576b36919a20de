/* Which taps meet which pixels, along one axis. */
#include "conv_axis.h"

static size_t gcd(size_t a, size_t b)
{
    while (b) {
        size_t r = a % b;

        a = b;
        b = r;
    }
    return a;
}

struct conv_axis conv_axis(const struct pare_conv *c, int i, bool backward)
{
    const struct pare_window *win = &c->win;
    size_t in = i == 0 ? c->h : c->w, out = i == 0 ? c->oh : c->ow;
    size_t g = gcd(win->stride[i], win->dilation[i]);
    struct conv_axis a = {
        .backward = backward,
        .dst = backward ? in : out,
        .src = backward ? out : in,
        .kernel = win->kernel[i],
        .stride = win->stride[i],
        .pad = win->pad[i],
        .dilation = win->dilation[i],
        .classes = backward ? win->stride[i] / g : 1,
        .step = backward ? win->stride[i] : 1,
        .advance = backward ? 1 : win->stride[i],
        .spacing = backward ? win->dilation[i] / g : win->dilation[i],
    };

    return a;
}

/* Positions of the kernel in class r, and in the classes before it. */
static size_t class_size(const struct conv_axis *a, size_t r, size_t *before)
{
    size_t full = a->kernel / a->classes, more = a->kernel % a->classes;

    *before = r * full + (r < more ? r : more);
    return full + (r < more);
}

/* Where position k of the kernel stands among the packed taps. */
size_t conv_axis_tap(const struct conv_axis *a, size_t k)
{
    size_t before, n;

    if (!a->backward)
        return k;
    n = class_size(a, k % a->classes, &before);
    return before + n - 1 - k / a->classes;
}

static struct conv_run forward_run(const struct conv_axis *a, size_t pos)
{
    size_t at = pos * a->stride, first = 0, end;
    struct conv_run r = {0, 0, 0};

    if (at < a->pad)
        first = (a->pad - at + a->dilation - 1) / a->dilation;
    at += first * a->dilation;
    if (first >= a->kernel || at - a->pad >= a->src)
        return r;
    r.src = at - a->pad;
    r.tap = first;
    end = (a->src - 1 - r.src) / a->dilation + 1;
    r.n = end < a->kernel - first ? end : a->kernel - first;
    return r;
}

/* The first j of 0, 1 .. with (from + j * step) >= 0. */
static size_t until_inside(ptrdiff_t from, size_t step)
{
    return from >= 0 ? 0 : ((size_t)-from + step - 1) / step;
}

static struct conv_run backward_run(const struct conv_axis *a, size_t pos)
{
    ptrdiff_t at = (ptrdiff_t)(pos + a->pad), s = (ptrdiff_t)a->stride;
    ptrdiff_t d = (ptrdiff_t)a->dilation, from;
    size_t k = 0, before, n, skip, end;
    struct conv_run r = {0, 0, 0};

    while (k < a->classes && (at - (ptrdiff_t)k * d) % s != 0)
        k++;
    if (k >= a->classes || k >= a->kernel)
        return r;
    n = class_size(a, k, &before);
    from = (at - (ptrdiff_t)(k + (n - 1) * a->classes) * d) / s;
    skip = until_inside(from, a->spacing);
    from += (ptrdiff_t)(skip * a->spacing);
    if (skip >= n || (size_t)from >= a->src)
        return r;
    r.src = (size_t)from;
    r.tap = before + skip;
    end = (a->src - 1 - r.src) / a->spacing + 1;
    r.n = end < n - skip ? end : n - skip;
    return r;
}

struct conv_run conv_axis_run(const struct conv_axis *a, size_t pos)
{
    return a->backward ? backward_run(a, pos) : forward_run(a, pos);
}

size_t conv_axis_alike(const struct conv_axis *a, size_t pos,
                       const struct conv_run *r)
{
    size_t n = 1;

    while ((pos += a->step) < a->dst) {
        struct conv_run next = conv_axis_run(a, pos);

        if (next.n != r->n || (r->n > 0 && next.tap != r->tap))
            break;
        n++;
    }
    return n;
}
