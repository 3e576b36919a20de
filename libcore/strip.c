#include "strip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gathered.h"
#include "rewiring.h"
#include "status.h"

static void drop_checkpoints(struct pare_model *m)
{
    while (m->n_checkpoints)
        pare_model_drop_checkpoint(m, m->checkpoint[0].name);
}

static void drop_history(struct pare_model *m)
{
    m->n_history = 0;
}

static void drop_init(struct pare_model *m)
{
    memset(&m->init, 0, sizeof m->init);
    pare_model_drop_checkpoint(m, "init");
}

static void drop_slots(struct pare_marks *k)
{
    for (int s = 0; s < PARE_SLOTS_MAX; s++) {
        free(k->slot[s]);
        k->slot[s] = NULL;
    }
}

static void drop_optimizer(struct pare_model *m)
{
    pare_optstate_release(&m->optim, m->n_tensors);
    for (size_t t = 0; t < m->n_tensors; t++) {
        drop_slots(&m->tensor[t].removed);
        drop_slots(&m->tensor[t].added);
    }
}

static void drop_provenance(struct pare_model *m)
{
    for (size_t i = 0; i < m->n_steps; i++)
        free(m->step[i]);
    free(m->step);
    m->step = NULL;
    m->n_steps = 0;
}

/* Evaluation asks for the loss, and for the dialect's kind of dropout. */
static void drop_training(struct pare_model *m)
{
    struct pare_training kept = {0};

    memcpy(kept.loss, m->training.loss, sizeof kept.loss);
    memcpy(kept.dialect, m->training.dialect, sizeof kept.dialect);
    m->training = kept;
    drop_optimizer(m);
    pare_model_drop_rewiring(m);
}

static void drop_user(struct pare_model *m)
{
    free(m->user);
    m->user = NULL;
    m->user_size = 0;
}

static const struct pare_strip_row rows[] = {
    {"checkpoints", "all earlier states, undo points too", drop_checkpoints},
    {"curves", "sensitivity of layers", pare_model_drop_curves},
    {"history", "the table of epochs", drop_history},
    {"init", "how the first weights were drawn, and these", drop_init},
    {"optimizer", "the optimiser and its state", drop_optimizer},
    {"provenance", "the steps that made the model, this one too",
     drop_provenance},
    {"rewiring", "targets, marks and record of dynamic training",
     pare_model_drop_rewiring},
    {"scores", "scores gathered in training", pare_model_drop_scores},
    {"training", "settings and position, with optimizer and rewiring",
     drop_training},
    {"user", "what was added under /user", drop_user},
    {NULL, NULL, NULL}};

const struct pare_strip_row *pare_strip_rows(void)
{
    return rows;
}

static size_t find(const char *name, size_t n)
{
    size_t i = 0;

    while (rows[i].name &&
           (strlen(rows[i].name) != n || strncmp(rows[i].name, name, n) != 0))
        i++;
    return i;
}

int pare_strip_parse(uint64_t *bits, const char *text)
{
    const uint64_t all = ((uint64_t)1 << (sizeof rows / sizeof *rows - 1)) - 1;
    uint64_t found = 0;

    if (!*text || strcmp(text, "all") == 0) {
        *bits = all;
        return 0;
    }
    for (;; text++) {
        size_t n = strcspn(text, ","), i = find(text, n);

        if (!rows[i].name)
            return pare_fail(PARE_EINVAL, "'%.*s' is nothing to strip", (int)n,
                             text);
        if (found >> i & 1)
            return pare_fail(PARE_EINVAL, "'%s' is there twice", rows[i].name);
        found |= (uint64_t)1 << i;
        text += n;
        if (!*text)
            break;
    }
    *bits = found;
    return 0;
}

void pare_strip(struct pare_model *m, uint64_t bits)
{
    for (size_t i = 0; rows[i].name; i++)
        if (bits >> i & 1)
            rows[i].drop(m);
}
