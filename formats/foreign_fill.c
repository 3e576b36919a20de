#include "foreign_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

/*
 * Which tensor of a file is which of an architecture: first those that the
 * user maps, then those of the right name, then the others in order, by what
 * their names say they are and by their shapes.
 */

/* What a tensor is for, by the last part of its name. */
enum kind { UNKNOWN, FACTOR, SUMMAND, MEAN, VARIANCE, COUNTER };

static enum kind kind_of(const char *name)
{
    static const struct {
        const char *suffix;
        enum kind kind;
    } row[] = {
        {"weight", FACTOR},
        {"kernel", FACTOR},
        {"scale", FACTOR},
        {"gamma", FACTOR},
        {"bias", SUMMAND},
        {"shift", SUMMAND},
        {"beta", SUMMAND},
        {"mean", MEAN},
        {"running_mean", MEAN},
        {"moving_mean", MEAN},
        {"var", VARIANCE},
        {"running_var", VARIANCE},
        {"moving_var", VARIANCE},
        {"moving_variance", VARIANCE},
        {"num_batches_tracked", COUNTER},
    };
    size_t n = pare_foreign_layer(name);

    for (size_t i = 0; name[n] && i < sizeof row / sizeof *row; i++)
        if (strcmp(name + n + 1, row[i].suffix) == 0)
            return row[i].kind;
    return UNKNOWN;
}

static enum kind kind_of_item(const struct foreign_item *item)
{
    return item->suffixed ? UNKNOWN : kind_of(item->name);
}

struct fill {
    struct pare_model *m;
    struct foreign_list *l;
    const struct pare_foreign_options *o;
    struct foreign_item **source; /* [n_tensors] of the model */
};

static void give(struct fill *x, size_t target, struct foreign_item *item)
{
    x->source[target] = item;
    item->used = true;
}

/* "30x784"; "()" of one number. */
static char *print_dims(char buf[96], int rank, const uint64_t *dim)
{
    size_t at = 0;

    strcpy(buf, "()");
    for (int i = 0; i < rank && at < 90; i++) {
        int n = snprintf(buf + at, 96 - at, "%s%" PRIu64, i ? "x" : "", dim[i]);

        at += n > 0 ? (size_t)n : 0;
    }
    return buf;
}

static char *print_target(char buf[96], const struct pare_tensor *t)
{
    uint64_t dim[PARE_RANK_MAX];

    for (int i = 0; i < t->rank; i++)
        dim[i] = t->dim[i];
    return print_dims(buf, t->rank, dim);
}

static bool same_shape(const struct pare_tensor *t,
                       const struct foreign_item *item)
{
    if (t->rank != item->rank)
        return false;
    for (int i = 0; i < t->rank; i++)
        if (t->dim[i] != item->dim[i])
            return false;
    return true;
}

/* The same but for dimensions of 1? */
static bool fits(const struct pare_tensor *t, const struct foreign_item *item)
{
    int a = 0, b = 0;

    for (;;) {
        while (a < t->rank && t->dim[a] == 1)
            a++;
        while (b < item->rank && item->dim[b] == 1)
            b++;
        if (a == t->rank || b == item->rank)
            return a == t->rank && b == item->rank;
        if (t->dim[a++] != item->dim[b++])
            return false;
    }
}

static int misfit(const struct pare_tensor *t, const struct foreign_item *item,
                  const struct pare_foreign_options *o)
{
    char theirs[96], ours[96];
    bool turned = item->rank == 2 && t->rank == 2 &&
                  t->dim[0] == item->dim[1] && t->dim[1] == item->dim[0];

    return pare_fail(
        PARE_EMISMATCH, "'%.100s' is %s, the architecture's %s is %s%s",
        item->tensor->name, print_dims(theirs, item->rank, item->dim), t->name,
        print_target(ours, t),
        !turned        ? ""
        : o->transpose ? ": not to be transposed?"
                       : ": to be transposed?");
}

/* ---- by the user ------------------------------------------------------- */

static struct foreign_item *find_item(const struct foreign_list *l,
                                      const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->item[i].tensor->name, name) == 0)
            return &l->item[i];
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->item[i].name, name) == 0)
            return &l->item[i];
    return NULL;
}

/* The tensor of a layer, as the file or pare names it, that is of a kind. */
static struct foreign_item *find_kind(const struct foreign_list *l,
                                      const char *layer, enum kind kind)
{
    char as_ours[PARE_NAME_MAX];
    size_t n;

    if (pare_foreign_name(as_ours, NULL, layer, 2))
        return NULL;
    /* A layer has no suffix, so that ".weight" may have been added. */
    n = strlen(as_ours) >= strlen(layer) + 7 ? strlen(layer) : strlen(as_ours);
    for (size_t i = 0; i < l->n; i++) {
        const char *name = l->item[i].name;

        if (pare_foreign_layer(name) == n && memcmp(name, as_ours, n) == 0 &&
            kind_of(name) == kind)
            return &l->item[i];
    }
    return NULL;
}

static int bad_map(const char *map, const char *why)
{
    return pare_fail(PARE_EINVAL, "mapping '%.200s': %s", map, why);
}

static int map_one(struct fill *x, const char *map)
{
    const char *equals = strchr(map, '=');
    size_t n = equals ? (size_t)(equals - map) : 0, found = 0;
    struct pare_model *m = x->m;

    if (!equals)
        return bad_map(map, "expected NAME=NAME-IN-FILE");
    for (size_t i = 0; i < m->n_tensors; i++) {
        const char *name = m->tensor[i].name;
        bool whole = strlen(name) == n && memcmp(name, map, n) == 0;
        struct foreign_item *item = NULL;

        if (whole)
            item = find_item(x->l, equals + 1);
        else if (pare_foreign_layer(name) == n && memcmp(name, map, n) == 0)
            item = find_kind(x->l, equals + 1, kind_of(name));
        else
            continue;
        if (!item)
            return bad_map(map, "the file has no such tensor");
        if (item->used || x->source[i])
            return bad_map(map, "one of them is mapped already");
        if (!fits(&m->tensor[i], item))
            return misfit(&m->tensor[i], item, x->o);
        give(x, i, item);
        found++;
    }
    return found ? 0 : bad_map(map, "the architecture has no such tensor");
}

/* ---- by name and in order ---------------------------------------------- */

static int match_names(struct fill *x)
{
    for (size_t i = 0; i < x->m->n_tensors; i++) {
        const struct pare_tensor *t = &x->m->tensor[i];
        size_t n = pare_foreign_layer(t->name);
        enum kind kind = kind_of(t->name);

        for (size_t k = 0; !x->source[i] && k < x->l->n; k++) {
            struct foreign_item *item = &x->l->item[k];
            bool same = strcmp(item->name, t->name) == 0 ||
                        (kind != UNKNOWN && kind_of_item(item) == kind &&
                         pare_foreign_layer(item->name) == n &&
                         memcmp(item->name, t->name, n) == 0);

            if (!same || item->used)
                continue;
            if (!fits(t, item))
                return misfit(t, item, x->o);
            give(x, i, item);
        }
    }
    return 0;
}

/* May it be this tensor, by its name and its dimensions? A matrix is a weight
 * whatever it is called. */
static bool may_be(const struct pare_tensor *t, const struct foreign_item *item)
{
    enum kind ours = kind_of(t->name), theirs = kind_of_item(item);

    if (item->used || theirs == COUNTER || !fits(t, item))
        return false;
    return ours == theirs || ours == UNKNOWN || theirs == UNKNOWN ||
           (t->rank > 1 && item->rank > 1);
}

static int no_tensor(const struct fill *x, const struct pare_tensor *t)
{
    char ours[96], theirs[96];

    for (size_t k = 0; k < x->l->n; k++) {
        const struct foreign_item *item = &x->l->item[k];

        if (item->used || kind_of_item(item) == COUNTER ||
            (item->rank < 2) != (t->rank < 2))
            continue;
        return pare_fail(PARE_EMISMATCH,
                         "the architecture's %s is %s; the next of the file "
                         "is '%.100s', %s%s",
                         t->name, print_target(ours, t), item->tensor->name,
                         print_dims(theirs, item->rank, item->dim),
                         item->rank == 2 && t->rank == 2 &&
                                 t->dim[0] == item->dim[1] &&
                                 t->dim[1] == item->dim[0]
                             ? ": to be transposed?"
                             : "");
    }
    return pare_fail(PARE_EMISMATCH,
                     "the file has nothing for the architecture's %s, %s",
                     t->name, print_target(ours, t));
}

/* The others: the first of that very shape, else of the same but for 1s. */
static int match_order(struct fill *x)
{
    for (size_t i = 0; i < x->m->n_tensors; i++) {
        const struct pare_tensor *t = &x->m->tensor[i];
        struct foreign_item *found = NULL;

        if (x->source[i])
            continue;
        for (size_t k = 0; !found && k < x->l->n; k++)
            if (may_be(t, &x->l->item[k]) && same_shape(t, &x->l->item[k]))
                found = &x->l->item[k];
        for (size_t k = 0; !found && k < x->l->n; k++)
            if (may_be(t, &x->l->item[k]) && fits(t, &x->l->item[k]))
                found = &x->l->item[k];
        if (!found)
            return no_tensor(x, t);
        give(x, i, found);
    }
    return 0;
}

/* ---- values ------------------------------------------------------------ */

/* The image that a linear layer takes as its columns; rank 0 or 1: none. */
static struct pare_shape flattened(const struct pare_arch *a, size_t layer)
{
    const struct pare_layer *l = &a->layer[layer];

    while (l->in[0].rank == 1 && l->n_inputs == 1 &&
           l->input[0] != PARE_INPUT) {
        l = &a->layer[l->input[0]];
        if (l->kind->op == PARE_OP_LINEAR)
            return (struct pare_shape){0};
    }
    return l->in[0];
}

/* Columns in order height, width, channels become channels, height, width. */
static int channels_first(float *value, size_t rows, const struct pare_shape *s)
{
    size_t places = s->dim[1] * (s->rank == 3 ? s->dim[2] : 1);
    size_t channels = s->dim[0], n = channels * places;
    float *row = malloc(n * sizeof *row);

    if (!row)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t r = 0; r < rows; r++, value += n) {
        memcpy(row, value, n * sizeof *row);
        for (size_t p = 0; p < places; p++)
            for (size_t c = 0; c < channels; c++)
                value[c * places + p] = row[p * channels + c];
    }
    free(row);
    return 0;
}

static int copy_tensor(struct fill *x, size_t i, size_t *rounded)
{
    struct pare_tensor *t = &x->m->tensor[i];
    const struct foreign_item *item = x->source[i];
    enum pare_foreign_type type = item->tensor->type;
    struct pare_shape image;
    bool exact = true;
    int err = pare_foreign_values(t->value, item, x->o, &exact);

    if (err)
        return err;
    *rounded += !exact;
    t->dtype = type == PARE_FOREIGN_F16    ? PARE_F16
               : type == PARE_FOREIGN_BF16 ? PARE_BF16
                                           : PARE_F32;
    if (!x->o->transpose || t->rank != 2 ||
        x->m->arch.layer[t->layer].kind->op != PARE_OP_LINEAR)
        return 0;
    image = flattened(&x->m->arch, t->layer);
    if (image.rank < 2 || pare_shape_size(&image) != t->dim[1])
        return 0;
    return channels_first(t->value, t->dim[0], &image);
}

/* What was not taken: counters are no part of a network, all else is odd. */
static int left_over(const struct fill *x)
{
    for (size_t k = 0; k < x->l->n; k++) {
        const struct foreign_item *item = &x->l->item[k];
        char theirs[96];

        if (!item->used && kind_of_item(item) != COUNTER)
            return pare_fail(PARE_EMISMATCH,
                             "the architecture has no place for '%.100s', %s",
                             item->tensor->name,
                             print_dims(theirs, item->rank, item->dim));
    }
    return 0;
}

int pare_foreign_fill(struct pare_model *m, struct pare_foreign *f,
                      struct foreign_list *l,
                      const struct pare_foreign_options *o)
{
    struct fill x = {m, l, o, calloc(m->n_tensors + 1, sizeof *x.source)};
    size_t rounded = 0;
    int err = x.source ? 0 : pare_fail(PARE_ENOMEM, "out of memory");

    for (size_t i = 0; !err && o->map && o->map[i]; i++)
        err = map_one(&x, o->map[i]);
    if (!err)
        err = match_names(&x);
    if (!err)
        err = match_order(&x);
    if (!err)
        err = left_over(&x);
    for (size_t i = 0; !err && i < m->n_tensors; i++)
        err = copy_tensor(&x, i, &rounded);
    for (size_t i = 0; !err && i < m->n_tensors; i++)
        if (strcmp(x.source[i]->name, m->tensor[i].name) != 0)
            err = pare_foreign_match(f, "%s=%s", m->tensor[i].name,
                                     x.source[i]->tensor->name);
    if (!err && rounded)
        err = pare_foreign_note(f, "%zu of %zu tensors are rounded to float32",
                                rounded, m->n_tensors);
    free(x.source);
    return err;
}
