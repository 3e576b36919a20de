#include "text_levels.h"

#include <stdlib.h>
#include <string.h>

#include "levels.h"
#include "status.h"
#include "text_gathered.h"

#define PER_LINE 8

#define bad(r, ...) pare_text_fail(r, PARE_EFORMAT, __VA_ARGS__)

void pare_text_print_levels(FILE *out, const struct pare_model *m)
{
    for (size_t t = 0; t < m->n_tensors; t++) {
        const struct pare_tensor *x = &m->tensor[t];
        const struct pare_quant *q = &x->quant;
        const bool scale = q->kind == PARE_QUANT_INT8;
        const size_t n = scale ? q->n_scale : q->n_book;
        const float *v = scale ? q->scale : q->book;

        if (x->dtype != PARE_F32)
            fprintf(out, "dtype %s %s\n", x->name, pare_dtype_name(x->dtype));
        if (q->kind != PARE_QUANT_NONE)
            fprintf(out, "quant %s %s %zu\n", x->name, pare_quant_name(q->kind),
                    n);
        for (size_t i = 0; i < n; i++)
            fprintf(out, "%s%a%s", i % PER_LINE ? " " : "  ", (double)v[i],
                    i % PER_LINE == PER_LINE - 1 || i == n - 1 ? "\n" : "");
    }
}

int pare_text_dtype(struct pare_text *r, struct pare_model *m, char *rest)
{
    enum pare_dtype type = PARE_F32;
    size_t t = 0;
    char *word;
    int err = pare_text_tensor(r, m, &t, &rest);

    if (err)
        return err;
    word = pare_text_word(&rest);
    if (!word || pare_dtype_find(&type, word))
        return bad(r, "'%s' is no type of values", word ? word : "");
    m->tensor[t].dtype = type;
    return pare_text_end(r, rest);
}

/* The numbers below the line. */
static int read_numbers(struct pare_text *r, struct pare_tensor *t,
                        enum pare_quant_kind kind, size_t n)
{
    float *v = calloc(n, sizeof *v);
    int err = v ? pare_text_dense(r, v, n) : PARE_ENOMEM;

    if (err) {
        free(v);
        return v ? err : pare_fail(err, "out of memory");
    }
    t->quant.kind = kind;
    if (kind == PARE_QUANT_INT8) {
        t->quant.scale = v;
        t->quant.n_scale = n;
    } else {
        t->quant.book = v;
        t->quant.n_book = n;
    }
    err = pare_levels_valid(t);
    return err ? pare_fail_prefix(PARE_EFORMAT, "%s:%zu", r->name, r->number)
               : 0;
}

int pare_text_quant(struct pare_text *r, struct pare_model *m, char *rest)
{
    enum pare_quant_kind kind = PARE_QUANT_NONE;
    size_t t = 0;
    uint64_t n = 0;
    char *word;
    int err = pare_text_tensor(r, m, &t, &rest);

    if (err)
        return err;
    if (m->tensor[t].quant.kind != PARE_QUANT_NONE)
        return bad(r, "the levels of '%s' a second time", m->tensor[t].name);
    word = pare_text_word(&rest);
    if (!word || pare_quant_find(&kind, word) || kind == PARE_QUANT_NONE)
        return bad(r, "'%s' is no kind of levels", word ? word : "");
    err = pare_text_whole(r, &n, pare_text_word(&rest),
                          kind == PARE_QUANT_INT8 ? m->tensor[t].dim[0]
                                                  : PARE_BOOK_MAX);
    if (!err && n == 0)
        err = bad(r, "no levels");
    if (!err)
        err = pare_text_end(r, rest);
    return err ? err : read_numbers(r, &m->tensor[t], kind, (size_t)n);
}
