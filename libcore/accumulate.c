#include "accumulate.h"

#include <stdlib.h>
#include <string.h>

#include "gathered.h"
#include "spec.h"
#include "status.h"

static const struct pare_accumulation table[] = {
    {"movement", "sum over steps of - weight x gradient",
     "Sanh et al. 2020, arXiv:2005.07683", false},
    {"hebbian", "samples with both ends of a connection above 0",
     "Numenta, nupic.research dynamic_sparse, 2019", true},
};

#define ROWS (sizeof table / sizeof *table)

const struct pare_accumulation *pare_accumulation(size_t index)
{
    return index < ROWS ? &table[index] : NULL;
}

static int unknown(const char *name, size_t n)
{
    char known[PARE_SPEC_MAX] = "";

    for (size_t i = 0; i < ROWS; i++)
        if (pare_spec_append(known, "%s%s", i ? ", " : "", table[i].name))
            break;
    return pare_fail(PARE_EINVAL,
                     "training gathers no scores '%.*s': there are %s",
                     (int)(n < 64 ? n : 64), name, known);
}

int pare_accumulation_parse(unsigned *set, const char *text)
{
    unsigned found = 0;

    for (;;) {
        size_t n = strcspn(text, ","), i = 0;

        while (i < ROWS && (strlen(table[i].name) != n ||
                            strncmp(table[i].name, text, n) != 0))
            i++;
        if (i == ROWS)
            return unknown(text, n);
        found |= 1u << i;
        if (!text[n])
            break;
        text += n + 1;
    }
    *set = found;
    return 0;
}

void pare_accumulation_names(char names[PARE_SPEC_MAX], unsigned set)
{
    names[0] = '\0';
    for (size_t i = 0; i < ROWS; i++)
        if (set >> i & 1)
            pare_spec_append(names, "%s%s", names[0] ? "," : "", table[i].name);
}

/* The scores of a row, all 0, where the row has some. */
static int begin_row(struct pare_model *m, const struct pare_accumulation *row)
{
    struct pare_scores *s = pare_model_begin_scores(m, row->name);

    if (!s)
        return PARE_ENOMEM;
    for (size_t t = 0; row->linear && t < m->n_tensors; t++) {
        const struct pare_layer *l = &m->arch.layer[m->tensor[t].layer];

        if (l->kind->op == PARE_OP_LINEAR)
            continue;
        free(s->value[t]);
        s->value[t] = NULL;
    }
    return 0;
}

/* Has the model scores that are not of the set? */
static bool has_others(const struct pare_model *m, unsigned set)
{
    size_t known = 0;

    for (size_t i = 0; i < ROWS; i++)
        known += set >> i & 1 && pare_model_scores(m, table[i].name);
    return m->n_scores > known;
}

int pare_accumulation_need(struct pare_model *m, unsigned set)
{
    int rc = 0;

    if (has_others(m, set))
        pare_model_drop_scores(m);
    for (size_t i = 0; !rc && i < ROWS; i++)
        if (set >> i & 1 && !pare_model_scores(m, table[i].name))
            rc = begin_row(m, &table[i]);
    return rc;
}

int pare_accumulation_begin(struct pare_model *m, unsigned set)
{
    pare_model_drop_scores(m);
    return pare_accumulation_need(m, set);
}

int pare_accumulation_scores(float *const *score, const struct pare_model *m,
                             const char *name)
{
    const struct pare_scores *s = pare_model_scores(m, name);

    if (!s)
        return pare_fail(PARE_EINVAL,
                         "the model holds no %s scores: gather them by "
                         "training with --accumulate %s",
                         name, name);
    for (size_t t = 0; t < m->n_tensors; t++)
        if (score[t] && !s->value[t])
            return pare_fail(PARE_EINVAL, "%s has no %s scores",
                             m->tensor[t].name, name);
    for (size_t t = 0; t < m->n_tensors; t++)
        if (score[t])
            memcpy(score[t], s->value[t], m->tensor[t].n * sizeof(float));
    return 0;
}
