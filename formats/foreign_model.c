#include "foreign_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

/* Models of the tensors of a foreign file. */

/* Bring an array of (..., in, out) into the order (out, in, ...). */
void pare_foreign_turn(float *out, const float *in,
                       const struct foreign_item *t)
{
    size_t rows = (size_t)t->dim[0], columns = (size_t)t->dim[1], places = 1;

    for (int i = 2; i < t->rank; i++)
        places *= (size_t)t->dim[i];
    for (size_t p = 0; p < places; p++)
        for (size_t c = 0; c < columns; c++)
            for (size_t r = 0; r < rows; r++)
                out[(r * columns + c) * places + p] = *in++;
}

int pare_foreign_values(float *out, const struct foreign_item *item,
                        const struct pare_foreign_options *o, bool *exact)
{
    uint64_t n = pare_foreign_count(item->tensor);
    float *turned;
    int err;

    if (!o->transpose || item->rank < 2)
        return pare_foreign_floats(out, item->tensor, exact);
    if (n > SIZE_MAX / sizeof *turned)
        return pare_fail(PARE_ELIMIT, "'%s' is too large", item->tensor->name);
    turned = malloc((size_t)n * sizeof *turned);
    if (!turned)
        return pare_fail(PARE_ENOMEM, "out of memory");
    err = pare_foreign_floats(turned, item->tensor, exact);
    if (!err)
        pare_foreign_turn(out, turned, item);
    free(turned);
    return err;
}

/* By layer, these in order of their first tensor; weights come before what
 * has one dimension, as in a layer of pare. */
static int by_group(const void *a, const void *b)
{
    const struct foreign_item *x = *(const struct foreign_item *const *)a,
                              *y = *(const struct foreign_item *const *)b;

    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    if ((x->rank < 2) != (y->rank < 2))
        return x->rank < 2 ? 1 : -1;
    return x < y ? -1 : x > y;
}

static struct foreign_item **in_groups(struct foreign_list *l)
{
    struct foreign_item **p = malloc((l->n + 1) * sizeof *p);

    if (!p) {
        pare_fail(PARE_ENOMEM, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < l->n; i++)
        p[i] = &l->item[i];
    qsort(p, l->n, sizeof *p, by_group);
    return p;
}

/* "weights fc1.weight(300x784) fc1.bias(300)", malloc'd. */
static char *list_text(struct foreign_item **p, size_t n)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    bool failed;

    if (!out)
        return NULL;
    fputs("weights", out);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, " %s(", p[i]->name);
        for (int k = 0; k < p[i]->rank; k++)
            fprintf(out, "%s%" PRIu64, k ? "x" : "", p[i]->dim[k]);
        putc(')', out);
    }
    failed = ferror(out);
    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}

void pare_foreign_set_type(struct pare_tensor *t, enum pare_foreign_type type)
{
    t->dtype = type == PARE_FOREIGN_F16    ? PARE_F16
               : type == PARE_FOREIGN_BF16 ? PARE_BF16
                                           : PARE_F32;
}

/* All of them in memory, as far as the file's size allows it. */
static int check_budget(const struct pare_foreign *f,
                        const struct foreign_list *l)
{
    uint64_t left = f->budget / sizeof(float);

    for (size_t i = 0; f->budget && i < l->n; i++) {
        uint64_t n = pare_foreign_count(l->item[i].tensor);

        if (n > left)
            return pare_fail(PARE_ELIMIT,
                             "'%s': the file asks for more memory than its "
                             "size allows",
                             l->item[i].tensor->name);
        left -= n;
    }
    return 0;
}

/* A model of tensors without a graph. */
static int make_list(struct pare_model *m, struct pare_foreign *f,
                     struct foreign_list *l,
                     const struct pare_foreign_options *o)
{
    struct pare_arch arch = {0};
    struct foreign_item **p = in_groups(l);
    char *text = p ? list_text(p, l->n) : NULL;
    bool streams = false;
    size_t rounded = 0;
    int err = text ? 0 : pare_fail(PARE_ENOMEM, "out of memory");

    if (!err)
        err = pare_arch_parse(&arch, text);
    if (!err)
        err = pare_foreign_streams(&streams, p, l->n);
    if (!err && !streams)
        err = check_budget(f, l);
    if (!err)
        err = streams ? pare_model_lay(m, &arch) : pare_model_init(m, &arch);
    if (!err && streams)
        err = pare_foreign_stream(m, f, p, l->n, o);
    for (size_t i = 0; !err && !streams && i < l->n; i++) {
        bool exact = true;

        err = pare_foreign_values(m->tensor[i].value, p[i], o, &exact);
        pare_foreign_set_type(&m->tensor[i], p[i]->tensor->type);
        rounded += !exact;
    }
    if (!err && rounded)
        err = pare_foreign_note(f, "%zu of %zu tensors are rounded to float32",
                                rounded, l->n);
    pare_arch_release(&arch);
    free(text);
    free(p);
    return err;
}

/* Parse the text without its last layer. */
static int parse_shorter(struct pare_arch *arch, const char *text)
{
    char *copy = strdup(text);
    char *space = copy ? strrchr(copy, ' ') : NULL;
    int err;

    if (!copy)
        return pare_fail(PARE_ENOMEM, "out of memory");
    if (space)
        *space = '\0';
    err = pare_arch_parse(arch, copy);
    free(copy);
    return err;
}

/* Cross-entropy has a softmax of its own: the one that a graph of the file
 * ends in is left out if asked, or else told of. */
static int end_in_logits(struct pare_arch *arch, struct pare_foreign *f,
                         bool logits)
{
    const struct pare_layer *last =
        arch->n_layers ? &arch->layer[arch->n_layers - 1] : NULL;
    bool soft = last && last->kind->op == PARE_OP_SOFTMAX;
    struct pare_arch shorter = {0};
    int err;

    if (!logits)
        return soft ? pare_foreign_note(f, "the network ends in a softmax, "
                                           "which cross-entropy applies "
                                           "again: --logits leaves it out")
                    : 0;
    if (!soft && !(last && last->kind->op == PARE_OP_LOG_SOFTMAX))
        return pare_foreign_note(f, "the network does not end in a softmax: "
                                    "nothing was left out");
    err = parse_shorter(&shorter, arch->text);
    if (err)
        return err;
    pare_arch_release(arch);
    *arch = shorter;
    return 0;
}

/* A model of a graph, from the file or as asked. */
static int make_graph(struct pare_model *m, struct pare_foreign *f,
                      struct foreign_list *l, const char *text,
                      const struct pare_foreign_options *o)
{
    struct pare_arch arch = {0};
    int err = pare_arch_parse(&arch, text);

    if (!err)
        err = pare_arch_need_graph(&arch);
    if (!err && !o->arch)
        err = end_in_logits(&arch, f, o->logits);
    if (err) {
        pare_arch_release(&arch);
        return err;
    }
    err = pare_model_init(m, &arch);
    return err ? err : pare_foreign_fill(m, f, l, o);
}

/* What the file says beyond its tensors. */
static int describe(struct pare_model *m, const struct pare_foreign *f)
{
    struct pare_norm norm = {0};
    int err;

    if (f->norm.scale != 0) {
        if ((err = pare_norm_copy(&norm, &f->norm)) != 0)
            return err;
        pare_norm_release(&m->norm);
        m->norm = norm;
    }
    if (f->n_classes)
        return pare_model_copy_classes(m, f->n_classes, f->class_name);
    return 0;
}

int pare_foreign_model(struct pare_model *m, struct pare_foreign *f,
                       const struct pare_foreign_options *options)
{
    struct pare_model made = {0};
    struct foreign_list l = {0};
    const char *arch = options->arch ? options->arch : f->arch;
    int err;

    if (options->map && options->map[0] && !arch)
        return pare_fail(PARE_EINVAL,
                         "tensors are mapped to those of an architecture, "
                         "which is not known");
    if (options->transpose && f->arch)
        return pare_fail(PARE_EINVAL, "the file says how its tensors lie: "
                                      "they are not to be transposed");
    if (options->logits && (options->arch || !f->arch))
        return pare_fail(PARE_EINVAL,
                         "a softmax is left out of the graph of "
                         "a file, and %s",
                         options->arch ? "another is asked for"
                                       : "there is none");
    err = pare_foreign_list(&l, f, options);
    if (!err)
        err = arch ? make_graph(&made, f, &l, arch, options)
                   : make_list(&made, f, &l, options);
    if (!err)
        err = describe(&made, f);
    free(l.item);
    if (err)
        pare_model_release(&made);
    else
        *m = made;
    return err;
}
