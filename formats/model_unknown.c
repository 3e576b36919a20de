#include "model_io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gathered.h"
#include "status.h"

#define PATH_BYTES 512
#define MOST_NAMES 65536

/* What a group may hold: does it know this name? */
typedef bool knows_fn(const struct pare_model *m, size_t which,
                      const char *name);

static bool is_one_of(const char *name, const char *const *known)
{
    while (*known && strcmp(name, *known) != 0)
        known++;
    return *known != NULL;
}

static bool root_knows(const struct pare_model *m, size_t which,
                       const char *name)
{
    static const char *const known[] = {
        "arch",        "input",    "layers",  "optimizer",
        "checkpoints", "training", "history", "provenance",
        "user",        "autosave", "scores",  "curves",
        "rewiring",    "texts",    "room",    NULL};

    (void)m;
    (void)which;
    return is_one_of(name, known);
}

static bool input_knows(const struct pare_model *m, size_t which,
                        const char *name)
{
    static const char *const known[] = {"scale", "mean", "std", "class_names",
                                        NULL};

    (void)m;
    (void)which;
    return is_one_of(name, known);
}

static bool layers_knows(const struct pare_model *m, size_t which,
                         const char *name)
{
    (void)which;
    for (size_t t = 0; t < m->n_tensors; t++)
        if (strcmp(m->arch.layer[m->tensor[t].layer].name, name) == 0)
            return true;
    return false;
}

/* Is name = stem, or stem and one of the endings of a masked or a quantised
   tensor? */
static bool is_tensor(const char *name, const char *stem, bool mask, bool codes)
{
    size_t n = strlen(stem);

    if (strncmp(name, stem, n) != 0)
        return false;
    name += n;
    return !*name || strcmp(name, ".kept") == 0 ||
           (mask &&
            (strcmp(name, ".mask") == 0 || strcmp(name, ".index") == 0 ||
             strcmp(name, ".rows") == 0 || strcmp(name, ".gaps") == 0 ||
             strcmp(name, ".zeros") == 0)) ||
           (codes &&
            (strcmp(name, ".codes") == 0 || strcmp(name, ".book") == 0 ||
             strcmp(name, ".scale") == 0));
}

static bool layer_knows(const struct pare_model *m, size_t which,
                        const char *name)
{
    for (size_t t = 0; t < m->n_tensors; t++)
        if (m->tensor[t].layer == which &&
            is_tensor(name, strrchr(m->tensor[t].name, '.') + 1, true, true))
            return true;
    return false;
}

static bool slots_know(const struct pare_model *m, size_t which,
                       const char *name)
{
    (void)m;
    return strncmp(name, "slot", 4) == 0 && name[4] >= '0' &&
           (size_t)(name[4] - '0') < which && !name[5];
}

static bool arrays_know(const struct pare_model *m, size_t which,
                        const char *name)
{
    (void)which;
    for (size_t t = 0; t < m->n_tensors; t++)
        if (is_tensor(name, m->tensor[t].name, false, false))
            return true;
    return false;
}

static bool checkpoint_knows(const struct pare_model *m, size_t which,
                             const char *name)
{
    const struct pare_checkpoint *c = &m->checkpoint[which];

    for (size_t t = 0; t < m->n_tensors; t++)
        if (is_tensor(name, m->tensor[t].name, c->mask != NULL, false))
            return true;
    return strcmp(name, "optimizer") == 0;
}

static bool scores_know(const struct pare_model *m, size_t which,
                        const char *name)
{
    (void)which;
    return pare_model_scores(m, name) != NULL;
}

static bool rewiring_knows(const struct pare_model *m, size_t which,
                           const char *name)
{
    static const char *const known[] = {"targets", "record", "removed", "added",
                                        NULL};

    (void)m;
    (void)which;
    return is_one_of(name, known);
}

/* Positions of a tensor, and what goes with them. */
static bool marks_know(const struct pare_model *m, size_t which,
                       const char *name)
{
    (void)which;
    for (size_t t = 0; t < m->n_tensors; t++) {
        size_t n = strlen(m->tensor[t].name);

        if (strncmp(name, m->tensor[t].name, n) == 0 &&
            (!name[n] ||
             (name[n] == '.' && slots_know(m, PARE_SLOTS_MAX, name + n + 1))))
            return true;
    }
    return false;
}

static bool checkpoints_know(const struct pare_model *m, size_t which,
                             const char *name)
{
    (void)which;
    return pare_model_checkpoint(m, name) != NULL;
}

/* List one group; a group that is not there holds nothing. */
static int look_into(struct pare_model_file *info, const struct pare_model *m,
                     struct pare_h5 *h, const char *path, knows_fn *knows,
                     size_t which)
{
    char **name = NULL;
    size_t n = 0;
    int err = pare_h5_exists(h, path);

    if (err <= 0)
        return err;
    err = pare_h5_list(&name, &n, h, path, MOST_NAMES);
    for (size_t i = 0; i < n; i++) {
        if (!err && !knows(m, which, name[i]))
            err = pare_unknown_add(info, path, name[i]);
        free(name[i]);
    }
    free(name);
    return err;
}

static int look_into_optim(struct pare_model_file *info,
                           const struct pare_model *m, struct pare_h5 *h,
                           const char *dir, const struct pare_optstate *s)
{
    char path[PATH_BYTES + 16];
    int err = look_into(info, m, h, dir, slots_know, (size_t)s->n_slots);

    for (int k = 0; k < s->n_slots && !err; k++) {
        snprintf(path, sizeof path, "%s/slot%d", dir, k);
        err = look_into(info, m, h, path, arrays_know, 0);
    }
    return err;
}

static int look_into_gathered(struct pare_model_file *info,
                              const struct pare_model *m, struct pare_h5 *h)
{
    char path[PATH_BYTES];
    int err = look_into(info, m, h, "/scores", scores_know, 0);

    for (size_t i = 0; i < m->n_scores && !err; i++) {
        snprintf(path, sizeof path, "/scores/%s", m->scores[i].name);
        err = look_into(info, m, h, path, arrays_know, 0);
    }
    if (!err)
        err = look_into(info, m, h, "/curves", layers_knows, 0);
    if (!err)
        err = look_into(info, m, h, "/rewiring", rewiring_knows, 0);
    if (!err)
        err = look_into(info, m, h, "/rewiring/removed", marks_know, 0);
    return err ? err : look_into(info, m, h, "/rewiring/added", marks_know, 0);
}

int pare_unknown_find(struct pare_model_file *info, const struct pare_model *m,
                      struct pare_h5 *h)
{
    char path[PATH_BYTES];
    int err = look_into(info, m, h, "/", root_knows, 0);

    if (!err)
        err = look_into(info, m, h, "/input", input_knows, 0);
    if (!err)
        err = look_into(info, m, h, "/layers", layers_knows, 0);
    for (size_t t = 0; !info->packed && t < m->n_tensors && !err; t++) {
        size_t layer = m->tensor[t].layer;

        if (t > 0 && m->tensor[t - 1].layer == layer)
            continue;
        snprintf(path, sizeof path, "/layers/%s", m->arch.layer[layer].name);
        err = look_into(info, m, h, path, layer_knows, layer);
    }
    if (!err)
        err = look_into_optim(info, m, h, "/optimizer", &m->optim);
    if (!err)
        err = look_into(info, m, h, "/checkpoints", checkpoints_know, 0);
    for (size_t i = 0; i < m->n_checkpoints && !err; i++) {
        const struct pare_checkpoint *c = &m->checkpoint[i];

        snprintf(path, sizeof path, "/checkpoints/%s", c->name);
        err = look_into(info, m, h, path, checkpoint_knows, i);
        snprintf(path, sizeof path, "/checkpoints/%s/optimizer", c->name);
        if (!err)
            err = look_into_optim(info, m, h, path, &c->optim);
    }
    return err ? err : look_into_gathered(info, m, h);
}
