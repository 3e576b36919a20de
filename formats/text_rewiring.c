#include "text_rewiring.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "rewiring.h"
#include "status.h"
#include "text_gathered.h"

#define PER_LINE 8

#define bad(r, ...) pare_text_fail(r, PARE_EFORMAT, __VA_ARGS__)

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* ---- printing --------------------------------------------------------- */

static void print_marks(FILE *out, const char *what,
                        const struct pare_tensor *t, const struct pare_marks *k)
{
    if (!k->n)
        return;
    fprintf(out, "%s %s %" PRIu64 "\n", what, t->name, k->n);
    for (uint64_t i = 0; i < k->n; i++)
        fprintf(out, "%s%" PRIu64 "%s", i % PER_LINE ? " " : "  ", k->at[i],
                i % PER_LINE == PER_LINE - 1 || i == k->n - 1 ? "\n" : "");
    for (int s = 0; s < PARE_SLOTS_MAX; s++) {
        if (!k->slot[s])
            continue;
        fprintf(out, "%s-slot %d %s\n", what, s, t->name);
        for (uint64_t i = 0; i < k->n; i++)
            fprintf(out, "%s%a%s", i % PER_LINE ? " " : "  ",
                    (double)k->slot[s][i],
                    i % PER_LINE == PER_LINE - 1 || i == k->n - 1 ? "\n" : "");
    }
}

void pare_text_print_rewiring(FILE *out, const struct pare_model *m)
{
    for (size_t t = 0; t < m->n_tensors; t++) {
        const struct pare_tensor *x = &m->tensor[t];

        if (x->target)
            fprintf(out, "target %s %" PRIu64 "\n", x->name, x->target);
        print_marks(out, "removed", x, &x->removed);
        print_marks(out, "added", x, &x->added);
    }
    for (size_t i = 0; i < m->n_rewirings; i++) {
        const struct pare_rewiring *r = &m->rewiring[i];

        fprintf(out,
                "rewiring %" PRIu64 " %s %" PRIu64 " %" PRIu64 " %" PRIu64
                " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
                r->epoch, m->tensor[r->tensor].name, r->times, r->before,
                r->removed, r->grown, r->fresh, r->survived);
    }
}

/* ---- reading ---------------------------------------------------------- */

/* The weight that a line names. */
static int find_weight(struct pare_text *r, struct pare_model *m,
                       struct pare_tensor **t, char **rest, size_t *index)
{
    int err = pare_text_tensor(r, m, index, rest);

    if (!err && !pare_tensor_prunable(&m->tensor[*index]))
        err = bad(r, "'%s' is not a weight", m->tensor[*index].name);
    if (!err)
        *t = &m->tensor[*index];
    return err;
}

int pare_text_target(struct pare_text *r, struct pare_model *m, char *rest)
{
    struct pare_tensor *t = NULL;
    uint64_t target = 0;
    size_t i = 0;
    int err = find_weight(r, m, &t, &rest, &i);

    if (!err)
        err = pare_text_whole(r, &target, pare_text_word(&rest),
                              pare_tensor_positions(t));
    if (!err)
        err = pare_text_end(r, rest);
    if (!err && (!target || t->target))
        err = bad(r, "a target of 0, or a second one");
    if (!err)
        t->target = target;
    return err;
}

/* n indices from the lines below, ascending; memory grows with what is
 * there. */
static int read_indices(struct pare_text *r, struct pare_marks *k, uint64_t n,
                        uint64_t positions)
{
    size_t room = 0;
    int got, err = 0;

    while (!err && (got = pare_text_values(r)) != 0) {
        char *rest = r->line, *w;

        if (got < 0)
            return got;
        while (!err && (w = pare_text_word(&rest))) {
            uint64_t at = 0;

            if (k->n >= room) {
                uint64_t *more;

                room = 2 * room + 1024;
                more = realloc(k->at, room * sizeof *more);
                if (!more)
                    return no_memory();
                k->at = more;
            }
            err = pare_text_whole(r, &at, w, positions - 1);
            if (!err && k->n && at <= k->at[k->n - 1])
                err = bad(r, "index %s does not ascend", w);
            if (!err)
                k->at[k->n++] = at;
        }
    }
    if (!err && (k->n != n || !n))
        err = bad(r, "%" PRIu64 " indices, not the %" PRIu64 " expected", k->n,
                  n);
    return err;
}

static int read_marks(struct pare_text *r, struct pare_model *m, char *rest,
                      bool added)
{
    struct pare_marks fresh = {0}, *to;
    struct pare_tensor *t = NULL;
    uint64_t n = 0;
    size_t i = 0;
    int err = find_weight(r, m, &t, &rest, &i);

    if (!err)
        err = pare_text_whole(r, &n, pare_text_word(&rest),
                              pare_tensor_positions(t));
    if (!err)
        err = pare_text_end(r, rest);
    if (err)
        return err;
    to = added ? &t->added : &t->removed;
    if (to->n)
        return bad(r, "those of '%s' a second time", t->name);
    err = read_indices(r, &fresh, n, pare_tensor_positions(t));
    if (err)
        pare_marks_release(&fresh);
    else
        *to = fresh;
    return err;
}

int pare_text_removed(struct pare_text *r, struct pare_model *m, char *rest)
{
    return read_marks(r, m, rest, false);
}

int pare_text_added(struct pare_text *r, struct pare_model *m, char *rest)
{
    return read_marks(r, m, rest, true);
}

static int read_slot(struct pare_text *r, struct pare_model *m, char *rest,
                     bool added)
{
    struct pare_tensor *t = NULL;
    struct pare_marks *k;
    uint64_t s = 0;
    size_t i = 0;
    int err = pare_text_whole(r, &s, pare_text_word(&rest), PARE_SLOTS_MAX - 1);

    if (!err)
        err = find_weight(r, m, &t, &rest, &i);
    if (!err)
        err = pare_text_end(r, rest);
    if (err)
        return err;
    k = added ? &t->added : &t->removed;
    if (!k->n || k->slot[s])
        return bad(r, "no line '%s' for '%s', or a second slot",
                   added ? "added" : "removed", t->name);
    k->slot[s] = malloc((size_t)k->n * sizeof(float));
    return k->slot[s] ? pare_text_dense(r, k->slot[s], (size_t)k->n)
                      : no_memory();
}

int pare_text_removed_slot(struct pare_text *r, struct pare_model *m,
                           char *rest)
{
    return read_slot(r, m, rest, false);
}

int pare_text_added_slot(struct pare_text *r, struct pare_model *m, char *rest)
{
    return read_slot(r, m, rest, true);
}

int pare_text_rewiring(struct pare_text *r, struct pare_model *m, char *rest)
{
    struct pare_rewiring row = {0};
    uint64_t *const v[] = {&row.times, &row.before, &row.removed,
                           &row.grown, &row.fresh,  &row.survived};
    struct pare_tensor *t = NULL;
    int err = pare_text_whole(r, &row.epoch, pare_text_word(&rest), UINT64_MAX);

    if (!err)
        err = find_weight(r, m, &t, &rest, &row.tensor);
    for (size_t k = 0; !err && k < sizeof v / sizeof *v; k++)
        err = pare_text_whole(r, v[k], pare_text_word(&rest), UINT64_MAX);
    if (!err)
        err = pare_text_end(r, rest);
    if (err)
        return err;
    err = pare_model_add_rewiring(m, &row);
    return err ? pare_fail_prefix(err, "%s:%zu", r->name, r->number) : 0;
}
