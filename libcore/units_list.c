#include <stdlib.h>
#include <string.h>

#include "status.h"
#include "units.h"

const char *pare_unit_kind_name(enum pare_unit_kind kind)
{
    static const char *const name[] = {"dead", "constant", "duplicate"};

    return name[kind];
}

/* A unit as its bits, to bring equal ones together. */
struct bits {
    const float *weight, *bias; /* bias NULL: none */
    size_t n;                   /* weights */
    size_t group, unit;
};

static int compare_bits(const struct bits *a, const struct bits *b)
{
    int order = memcmp(a->weight, b->weight, a->n * sizeof *a->weight);

    if (order == 0 && a->bias)
        order = memcmp(a->bias, b->bias, sizeof *a->bias);
    if (order == 0 && a->group != b->group)
        order = a->group < b->group ? -1 : 1;
    return order;
}

static int compare(const void *x, const void *y)
{
    const struct bits *a = x, *b = y;
    int order = compare_bits(a, b);

    if (order)
        return order;
    return a->unit < b->unit ? -1 : a->unit > b->unit;
}

/* A growing list of units. */
struct list {
    struct pare_unit *unit;
    size_t n, room;
};

static int add(struct list *l, const struct pare_unit *unit)
{
    if (l->n == l->room) {
        size_t room = 2 * l->room + 64;
        struct pare_unit *grown = realloc(l->unit, room * sizeof *grown);

        if (!grown)
            return pare_fail(PARE_ENOMEM, "out of memory");
        l->unit = grown;
        l->room = room;
    }
    l->unit[l->n++] = *unit;
    return 0;
}

static uint64_t weights_in(const struct bits *b)
{
    uint64_t n = 0;

    for (size_t i = 0; i < b->n; i++)
        n += b->weight[i] != 0;
    return n;
}

/* What is said of each unit; those in order are then checked for twins. */
static struct pare_unit describe(const struct pare_units *u, size_t layer,
                                 size_t node, const struct bits *b)
{
    struct pare_unit unit = {.layer = layer,
                             .unit = b->unit,
                             .kind = PARE_UNIT_DUPLICATE,
                             .of = PARE_NO_NODE,
                             .in = weights_in(b),
                             .read = u->needed[u->class[node]],
                             .constant = u->constant[node],
                             .value = u->value[node]};

    if (!unit.in || !unit.read)
        unit.kind = PARE_UNIT_DEAD;
    else if (unit.constant)
        unit.kind = PARE_UNIT_CONSTANT;
    return unit;
}

/* First twin of each unit among all of the layer; its own number: none. */
static void find_twins(size_t *twin, struct bits *sorted, size_t n)
{
    size_t first = 0;

    qsort(sorted, n, sizeof *sorted, compare);
    for (size_t i = 0; i < n; i++) {
        if (compare_bits(&sorted[first], &sorted[i]) != 0)
            first = i;
        twin[sorted[i].unit] = sorted[first].unit;
    }
}

static int list_layer(struct list *l, const struct pare_units *u, size_t layer)
{
    struct pare_weights w;
    struct bits *bits, *sorted;
    size_t *twin, n;
    int rc = 0;

    pare_units_weights(&w, u, layer);
    n = w.groups * w.rows;
    bits = calloc(2 * n, sizeof *bits);
    twin = calloc(n, sizeof *twin);
    if (!bits || !twin)
        rc = pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t row = 0; !rc && row < n; row++)
        bits[row] = (struct bits){
            u->m->tensor[w.tensor].value + row * w.cols * w.taps,
            w.bias ? u->m->tensor[w.tensor + 1].value + row : NULL,
            w.cols * w.taps, row / w.rows, row};
    if (!rc) {
        sorted = bits + n;
        memcpy(sorted, bits, n * sizeof *bits);
        find_twins(twin, sorted, n);
    }
    for (size_t row = 0; !rc && row < n; row++) {
        struct pare_unit unit = describe(u, layer, w.out + row, &bits[row]);

        if (unit.kind == PARE_UNIT_DUPLICATE) {
            if (twin[row] == row)
                continue;
            unit.of = twin[row];
        }
        rc = add(l, &unit);
    }
    free(bits);
    free(twin);
    return rc;
}

int pare_units_list(struct pare_unit **unit, size_t *n,
                    const struct pare_model *m)
{
    struct pare_units u = {0};
    struct list l = {0};
    int rc = pare_units_init(&u, m, false);

    for (size_t i = 0; !rc && i < m->arch.n_layers; i++)
        if (pare_units_weighted(&m->arch.layer[i]))
            rc = list_layer(&l, &u, i);
    pare_units_release(&u);
    if (rc) {
        free(l.unit);
        return rc;
    }
    *unit = l.unit;
    *n = l.n;
    return 0;
}
