#include "stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "compact.h"
#include "status.h"
#include "topology.h"

PARE_CLONES
static uint64_t count_nonzero(const float *value, size_t n)
{
    uint64_t sum = 0;

    for (size_t first = 0; first < n; first += 4096) {
        size_t end = n - first < 4096 ? n : first + 4096;
        uint32_t some = 0;

        for (size_t i = first; i < end; i++)
            some += value[i] != 0.0f;
        sum += some;
    }
    return sum;
}

/* into |= from, and is there a 1? */
PARE_CLONES
static int merge(uint8_t *into, const uint8_t *from, size_t n)
{
    uint8_t any = 0;

    for (size_t i = 0; i < n; i++) {
        into[i] |= from[i];
        any |= from[i];
    }
    return any;
}

/* The same with `taps` marks of each of the n inputs: is one of them set? */
static int merge_taps(uint8_t *into, const uint8_t *from, size_t n, size_t taps)
{
    int any = 0;

    for (size_t i = 0; i < n; i++) {
        uint8_t used = 0;

        for (size_t k = 0; k < taps; k++)
            used |= from[i * taps + k];
        into[i] |= used;
        any |= used;
    }
    return any;
}

/* Dead outputs and inputs of a compact tensor, by its entries. */
static int count_dead_compact(struct pare_stats_row *row,
                              const struct pare_tensor *t)
{
    struct pare_connections c;
    int rc = pare_connections_count(&c, t);

    if (rc)
        return rc;
    for (size_t o = 0; o < c.n_out; o++)
        row->dead_outputs += c.out[o] == 0;
    for (size_t i = 0; i < c.n_in; i++)
        row->dead_inputs += c.in[i] == 0;
    pare_connections_release(&c);
    return 0;
}

/*
 * Outputs and inputs without a kept weight: rows and columns of a matrix,
 * filters and channels of a convolution, where a filter of a group reads the
 * channels of that group only.
 */
static int count_dead(struct pare_stats_row *row, const struct pare_tensor *t,
                      const struct pare_layer *l)
{
    struct pare_window w = {.groups = 1};
    size_t in = t->dim[1], taps, filters, n;
    uint8_t *alive;

    if (t->pattern)
        return count_dead_compact(row, t);
    if (!t->mask)
        return 0;
    taps = t->n / t->dim[0] / in;
    if (l->kind->op == PARE_OP_CONV)
        pare_layer_window(&w, l);
    filters = t->dim[0] / w.groups;
    alive = calloc(w.groups, in);
    if (!alive)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t o = 0; o < t->dim[0]; o++) {
        uint8_t *group = alive + o / filters * in;
        const uint8_t *mask = t->mask + o * in * taps;

        row->dead_outputs += !(taps == 1 ? merge(group, mask, in)
                                         : merge_taps(group, mask, in, taps));
    }
    n = w.groups * in;
    for (size_t i = 0; i < n; i++)
        row->dead_inputs += !alive[i];
    free(alive);
    return 0;
}

static int add_tensor(struct pare_stats_row *row, const struct pare_tensor *t,
                      const struct pare_layer *l)
{
    double macs = l->kind->macs(l);
    uint64_t positions = pare_tensor_positions(t), kept, nonzero;

    if (t->role == PARE_ROLE_BUFFER)
        return 0;
    kept = pare_tensor_kept(t);
    nonzero = count_nonzero(t->value, t->n);
    row->params += positions;
    row->kept += kept;
    row->nonzero += nonzero;
    if (t->role != PARE_ROLE_WEIGHT)
        return 0;
    row->prunable += positions;
    row->prunable_kept += kept;
    row->macs += macs;
    row->nonzero_macs += macs * ((double)nonzero / (double)positions);
    return count_dead(row, t, l);
}

static void add_row(struct pare_stats_row *to, const struct pare_stats_row *r)
{
    to->params += r->params;
    to->kept += r->kept;
    to->nonzero += r->nonzero;
    to->prunable += r->prunable;
    to->prunable_kept += r->prunable_kept;
    to->dead_inputs += r->dead_inputs;
    to->dead_outputs += r->dead_outputs;
    to->macs += r->macs;
    to->nonzero_macs += r->nonzero_macs;
}

int pare_stats(struct pare_stats_row **row, size_t *n,
               const struct pare_model *m)
{
    struct pare_stats_row *rows = calloc(m->n_tensors + 1, sizeof *rows);
    struct pare_stats_row *last = rows;
    size_t used = 0;
    int rc = 0;

    if (!rows)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t t = 0; !rc && t < m->n_tensors; t++) {
        const struct pare_tensor *tensor = &m->tensor[t];
        const struct pare_layer *l = &m->arch.layer[tensor->layer];

        if (used == 0 || last->layer != tensor->layer) {
            last = &rows[used++];
            last->layer = tensor->layer;
        }
        rc = pare_tensor_load(m, t);
        if (!rc)
            rc = add_tensor(last, tensor, l);
        pare_tensor_drop(m, t);
    }
    if (rc) {
        free(rows);
        return rc;
    }
    for (size_t i = 0; i < used; i++)
        add_row(&rows[used], &rows[i]);
    rows[used].layer = SIZE_MAX;
    *row = rows;
    *n = used + 1;
    return 0;
}

static double ratio(double all, double left)
{
    return left > 0 ? all / left : all > 0 ? (double)INFINITY : 1;
}

double pare_stats_compression(const struct pare_stats_row *total)
{
    return ratio((double)total->params, (double)total->nonzero);
}

double pare_stats_speedup(const struct pare_stats_row *total)
{
    return ratio(total->macs, total->nonzero_macs);
}
