#include <stdlib.h>
#include <string.h>

#include "shrink_parts.h"
#include "status.h"

/* Keep what could go, with all that is tied to it; how many of the n nodes
   from first on does that bring back? */
static size_t restore(struct shrink_plan *p, size_t node, size_t first,
                      size_t n)
{
    const struct pare_units *u = &p->u;
    size_t class = u->class[node], back = 0;

    for (size_t i = 0; i < u->count[class]; i++) {
        size_t member = u->member[u->start[class] + i];

        p->gone[member] = 0;
        back += member - first < n;
    }
    return back;
}

static size_t count_gone(const struct shrink_plan *p, size_t first, size_t n)
{
    size_t gone = 0;

    for (size_t i = 0; i < n; i++)
        gone += p->gone[first + i];
    return gone;
}

/* Restore the lowest of a run until no more than `most` are gone. */
static bool limit(struct shrink_plan *p, size_t first, size_t n, size_t most)
{
    size_t gone = count_gone(p, first, n);
    bool changed = gone > most;

    for (size_t i = 0; i < n && gone > most; i++)
        if (p->gone[first + i])
            gone -= restore(p, first + i, first, n);
    return changed;
}

/* A value without a channel is no value. */
static bool keep_one(struct shrink_plan *p)
{
    const struct pare_units *u = &p->u;
    bool changed = false;

    for (size_t v = 0; v <= p->m->arch.n_layers; v++) {
        size_t n = pare_units_width(u, v);

        if (limit(p, u->first[v], n, n - 1))
            changed = p->idle[v] = true;
    }
    return changed;
}

bool shrink_group_gone(const struct shrink_plan *p,
                       const struct pare_weights *w, size_t g)
{
    return count_gone(p, w->in + g * w->cols, w->cols) == w->cols &&
           count_gone(p, w->out + g * w->rows, w->rows) == w->rows;
}

/* Fewest that are gone of `each` nodes in any group that stays, and no more
   than all but one. */
static size_t fewest_gone(const struct shrink_plan *p,
                          const struct pare_weights *w, size_t first,
                          size_t each)
{
    size_t least = each - 1;

    for (size_t g = 0; g < w->groups; g++) {
        size_t gone = count_gone(p, first + g * each, each);

        if (gone < least && !shrink_group_gone(p, w, g))
            least = gone;
    }
    return least;
}

/* The groups of a convolution that stay have as many channels each. */
static bool even_groups(struct shrink_plan *p)
{
    struct pare_weights w;
    bool changed = false;

    for (size_t i = 0; i < p->m->arch.n_layers; i++) {
        size_t in, out;

        if (!pare_units_weighted(&p->m->arch.layer[i]))
            continue;
        pare_units_weights(&w, &p->u, i);
        if (w.groups == 1)
            continue;
        in = fewest_gone(p, &w, w.in, w.cols);
        out = fewest_gone(p, &w, w.out, w.rows);
        for (size_t g = 0; g < w.groups; g++) {
            if (shrink_group_gone(p, &w, g))
                continue;
            changed |= limit(p, w.in + g * w.cols, w.cols, in);
            changed |= limit(p, w.out + g * w.rows, w.rows, out);
        }
    }
    return changed;
}

static bool round_widths(struct shrink_plan *p, size_t round)
{
    const struct pare_units *u = &p->u;
    bool changed = false;

    if (round < 2)
        return false;
    for (size_t i = 0; i < p->m->arch.n_layers; i++) {
        size_t n = pare_units_width(u, i + 1), first = u->first[i + 1];
        size_t rest = (n - count_gone(p, first, n)) % round;
        size_t gone = count_gone(p, first, n);

        if (!rest || !gone || !pare_units_weighted(&p->m->arch.layer[i]))
            continue;
        changed |=
            limit(p, first, n, gone > round - rest ? gone - (round - rest) : 0);
    }
    return changed;
}

/* Number the channels that stay. */
static void place_kept(struct shrink_plan *p)
{
    const struct pare_units *u = &p->u;

    for (size_t v = 0; v <= p->m->arch.n_layers; v++)
        for (size_t i = u->first[v]; i < u->first[v + 1]; i++) {
            p->place[i] = p->kept[v];
            p->kept[v] += !p->gone[i];
        }
}

int shrink_plan_init(struct shrink_plan *out, const struct pare_model *m,
                     size_t round)
{
    struct shrink_plan p = {.m = m};
    size_t values = m->arch.n_layers + 1;
    int rc = pare_units_init(&p.u, m, true);

    if (rc)
        return rc;
    p.gone = calloc(p.u.n, sizeof *p.gone);
    p.place = calloc(p.u.n, sizeof *p.place);
    p.kept = calloc(values, sizeof *p.kept);
    p.idle = calloc(values, sizeof *p.idle);
    if (!p.gone || !p.place || !p.kept || !p.idle) {
        shrink_plan_release(&p);
        return pare_fail(PARE_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < p.u.n; i++)
        p.gone[i] = !p.u.needed[p.u.class[i]];
    while (keep_one(&p) || even_groups(&p) || round_widths(&p, round))
        continue;
    place_kept(&p);
    *out = p;
    return 0;
}

void shrink_plan_release(struct shrink_plan *p)
{
    pare_units_release(&p->u);
    free(p->gone);
    free(p->place);
    free(p->kept);
    free(p->idle);
    memset(p, 0, sizeof *p);
}
