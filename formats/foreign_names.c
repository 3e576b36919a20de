#include "foreign_parts.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

/* What tensors of other programs are called here, and which are taken. */

size_t pare_foreign_layer(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot ? (size_t)(dot - name) : strlen(name);
}

static int too_long(const char *theirs)
{
    return pare_fail(PARE_ELIMIT,
                     "tensor '%.200s': a name has at most %d bytes", theirs,
                     PARE_LAYER_MAX - 1);
}

int pare_foreign_name(char name[PARE_NAME_MAX], bool *suffixed,
                      const char *theirs, int rank)
{
    size_t n = strlen(theirs), dot;

    if (n > 2 && strcmp(theirs + n - 2, ":0") == 0)
        n -= 2; /* of TensorFlow: the first output */
    if (n == 0)
        return pare_fail(PARE_EFORMAT, "a tensor has no name");
    if (n >= PARE_NAME_MAX)
        return too_long(theirs);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)theirs[i];

        name[i] = c == '/'                                          ? '.'
                  : (c < 128 && isalnum(c)) || c == '-' || c == '.' ? (char)c
                                                                    : '_';
    }
    name[n] = '\0';
    if (name[0] == '.')
        name[0] = '_';
    if (name[n - 1] == '.')
        name[n - 1] = '_';
    dot = pare_foreign_layer(name);
    if (suffixed)
        *suffixed = dot == n || n - dot > PARE_SUFFIX_MAX;
    if (dot == n || n - dot > PARE_SUFFIX_MAX) {
        if (n >= PARE_LAYER_MAX)
            return too_long(theirs);
        strcpy(name + n, rank >= 2 ? ".weight" : ".bias");
    } else if (dot >= PARE_LAYER_MAX) {
        return too_long(theirs);
    }
    return 0;
}

/* Digits are a number, without leading zeros; all else are bytes. */
static int natural(const void *a, const void *b)
{
    const char *x = ((const struct pare_foreign_tensor *)a)->name;
    const char *y = ((const struct pare_foreign_tensor *)b)->name;

    for (;;) {
        size_t n = strspn(x, "0123456789"), k = strspn(y, "0123456789");

        if (n && k) {
            int order = n != k ? (n < k ? -1 : 1) : memcmp(x, y, n);

            if (order)
                return order;
            x += n;
            y += k;
        }
        if (*x != *y || !*x)
            return (unsigned char)*x < (unsigned char)*y   ? -1
                   : (unsigned char)*x > (unsigned char)*y ? 1
                                                           : 0;
        x++;
        y++;
    }
}

void pare_foreign_sort(struct pare_foreign *f)
{
    if (f->n > 1)
        qsort(f->tensor, f->n, sizeof *f->tensor, natural);
}

/* Do the globs, of layers, names, or names in the file, take it? */
static bool wanted(const struct foreign_item *item, const char *const *only)
{
    char layer[PARE_NAME_MAX];

    if (!only || !only[0])
        return true;
    snprintf(layer, sizeof layer, "%.*s", (int)pare_foreign_layer(item->name),
             item->name);
    for (; *only; only++)
        if (fnmatch(*only, layer, 0) == 0 ||
            fnmatch(*only, item->name, 0) == 0 ||
            fnmatch(*only, item->tensor->name, 0) == 0)
            return true;
    return false;
}

static bool is_integer(enum pare_foreign_type type)
{
    return type >= PARE_FOREIGN_I8;
}

/* 1 if it is taken, 0 if not, or a status. */
static int take(struct foreign_item *item, struct pare_foreign *f,
                const struct pare_foreign_tensor *t,
                const struct pare_foreign_options *o)
{
    int err;

    memset(item, 0, sizeof *item);
    item->tensor = t;
    item->rank = t->rank;
    for (int i = 0; i < t->rank; i++)
        item->dim[i] = t->dim[i];
    for (int i = 0; o->transpose && t->rank > 1 && i < t->rank; i++)
        item->dim[i] = t->dim[i < 2 ? t->rank - 1 - i : i - 2];
    if ((err = pare_foreign_name(item->name, &item->suffixed, t->name,
                                 t->rank)) != 0)
        return err;
    if (!wanted(item, o->only))
        return 0;
    if (pare_foreign_count(t) == 0)
        err = pare_foreign_note(f, "'%s' has no values: left out", t->name);
    else if (is_integer(t->type) && !pare_foreign_exact(t))
        err = pare_foreign_note(f,
                                "'%s' has integers that float32 does not "
                                "hold: left out",
                                t->name);
    else
        return 1;
    return err;
}

static int by_name(const void *a, const void *b)
{
    const struct foreign_item *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

/* By name of the layer, then as they stand in the file. */
static int by_layer(const void *a, const void *b)
{
    const struct foreign_item *x = *(const struct foreign_item *const *)a,
                              *y = *(const struct foreign_item *const *)b;
    size_t n = pare_foreign_layer(x->name), k = pare_foreign_layer(y->name);
    int order = memcmp(x->name, y->name, n < k ? n : k);

    if (order != 0 || n != k)
        return order ? order : n < k ? -1 : 1;
    return x < y ? -1 : x > y;
}

static bool same_layer(const struct foreign_item *x,
                       const struct foreign_item *y)
{
    size_t n = pare_foreign_layer(x->name);

    return n == pare_foreign_layer(y->name) && memcmp(x->name, y->name, n) == 0;
}

/* No two have the same name; where the first of each layer is. */
static int look_through(struct foreign_list *l)
{
    struct foreign_item **p = malloc((l->n + 1) * sizeof *p);
    int err = 0;

    if (!p)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t i = 0; i < l->n; i++)
        p[i] = &l->item[i];
    qsort(p, l->n, sizeof *p, by_name);
    for (size_t i = 1; !err && i < l->n; i++)
        if (strcmp(p[i - 1]->name, p[i]->name) == 0)
            err = pare_fail(PARE_EFORMAT,
                            "the tensors '%.100s' and '%.100s' would both be "
                            "named '%s'",
                            p[i - 1]->tensor->name, p[i]->tensor->name,
                            p[i]->name);
    qsort(p, l->n, sizeof *p, by_layer);
    for (size_t i = 0; i < l->n; i++)
        p[i]->group = i && same_layer(p[i - 1], p[i])
                          ? p[i - 1]->group
                          : (size_t)(p[i] - l->item);
    free(p);
    return err;
}

int pare_foreign_list(struct foreign_list *l, struct pare_foreign *f,
                      const struct pare_foreign_options *o)
{
    int err = 0;

    if (f->n > PARE_WEIGHTS_MAX)
        return pare_fail(PARE_ELIMIT,
                         "there are %zu tensors, at most %d are "
                         "read",
                         f->n, PARE_WEIGHTS_MAX);
    l->item = malloc((f->n + 1) * sizeof *l->item);
    if (!l->item)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t i = 0; !err && i < f->n; i++) {
        int taken = take(&l->item[l->n], f, &f->tensor[i], o);

        if (taken > 0)
            l->n++;
        else
            err = taken;
    }
    if (!err)
        err = look_through(l);
    if (!err && l->n == 0)
        err = pare_fail(PARE_EFORMAT, f->n ? "no tensor is left to take"
                                           : "there are no tensors in it");
    return err;
}
