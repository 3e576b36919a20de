#include <stdlib.h>
#include <string.h>

#include "foreign.h"
#include "status.h"

/* What torch.nn.utils.prune keeps of a pruned tensor: "weight_orig", which
 * goes on being trained, and "weight_mask" of 0 and 1. */

#define ORIG "_orig"
#define MASK "_mask"
#define TAIL (sizeof ORIG - 1)

static int by_name(const void *a, const void *b)
{
    const struct pare_foreign_tensor *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static struct pare_foreign_tensor *find(struct pare_foreign_tensor **sorted,
                                        size_t n, const char *name)
{
    struct pare_foreign_tensor want, *key = &want, **at;

    /* It is only looked at. */
    want.name = (char *)(uintptr_t)name;
    at = bsearch(&key, sorted, n, sizeof *sorted, by_name);
    return at ? *at : NULL;
}

static bool same_shape(const struct pare_foreign_tensor *a,
                       const struct pare_foreign_tensor *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i] || a->dim[i] == 0)
            return false;
    return true;
}

/* The values and the mask, each as it is in the file, must be unpackable. */
static bool within_budget(const struct pare_foreign *f,
                          const struct pare_foreign_tensor *t)
{
    return !f->budget || pare_foreign_count(t) <= f->budget / sizeof(float);
}

/* Of a pair: the values masked, by the name without a tail. */
static int join(struct pare_foreign_tensor *t, struct pare_foreign_tensor *mask,
                size_t *joined)
{
    if (!pare_foreign_is_mask(mask))
        return 0;
    t->mask = malloc(sizeof *t->mask);
    if (!t->mask)
        return pare_fail(PARE_ENOMEM, "out of memory");
    *t->mask = *mask;
    mask->name = NULL; /* it is the tensor's now */
    t->name[strlen(t->name) - TAIL] = '\0';
    ++*joined;
    return 0;
}

/* The mask of t among all, or NULL. */
static int find_mask(struct pare_foreign_tensor **mask,
                     const struct pare_foreign_tensor *t,
                     struct pare_foreign_tensor **sorted, size_t all)
{
    size_t n = strlen(t->name);
    char *name;

    *mask = NULL;
    if (n <= TAIL || strcmp(t->name + n - TAIL, ORIG) != 0)
        return 0;
    name = malloc(n + 1);
    if (!name)
        return pare_fail(PARE_ENOMEM, "out of memory");
    memcpy(name, t->name, n - TAIL);
    name[n - TAIL] = '\0';
    if (!find(sorted, all, name)) {
        memcpy(name + n - TAIL, MASK, TAIL + 1);
        *mask = find(sorted, all, name);
        if (*mask && !same_shape(t, *mask))
            *mask = NULL;
    }
    free(name);
    return 0;
}

/* Leave out the tensors that lost their names. */
static void close_up(struct pare_foreign *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->n; i++)
        if (f->tensor[i].name)
            f->tensor[n++] = f->tensor[i];
    f->n = n;
}

int pare_foreign_join_masks(struct pare_foreign *f)
{
    struct pare_foreign_tensor **sorted, **mask;
    size_t joined = 0;
    int err = 0;

    if (f->arch || f->n < 2)
        return 0;
    sorted = malloc(f->n * sizeof *sorted);
    mask = calloc(f->n, sizeof *mask);
    if (!sorted || !mask)
        err = pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t i = 0; !err && i < f->n; i++)
        sorted[i] = &f->tensor[i];
    if (!err)
        qsort(sorted, f->n, sizeof *sorted, by_name);
    for (size_t i = 0; !err && i < f->n; i++)
        err = find_mask(&mask[i], &f->tensor[i], sorted, f->n);
    for (size_t i = 0; !err && i < f->n; i++)
        if (mask[i] && mask[i]->name && within_budget(f, mask[i]))
            err = join(&f->tensor[i], mask[i], &joined);
    free(sorted);
    free(mask);
    close_up(f);
    if (err || !joined)
        return err;
    return pare_foreign_note(f,
                             "%zu tensors with masks of torch.nn.utils.prune: "
                             "what these leave out is 0, and pruned with "
                             "--zeros-pruned",
                             joined);
}
