/* The untrained model that pare-init and pare-train begin with. */
#include "begin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "digest.h"
#include "initializer.h"
#include "number.h"
#include "sparse_init.h"
#include "spec.h"
#include "status.h"

bool begin_given(const struct begin_sparse *b)
{
    return b->way || b->have_density || b->have_epsilon || b->layers.n;
}

/* Globs stand in one text with + between them. */
static int add_layers(char text[PARE_SPEC_MAX], const struct cli_list *layers)
{
    int err = 0;

    for (size_t i = 0; !err && i < layers->n; i++) {
        const char *glob = layers->item[i];

        if (!*glob || strpbrk(glob, ",+"))
            return pare_fail(PARE_EINVAL,
                             "--sparse-layers '%s': a pattern of names has no "
                             "comma and no plus, and is not empty",
                             glob);
        err = pare_spec_append(text, "%s%s", i ? "+" : ",layers=", glob);
    }
    return err;
}

void begin_check(const struct cli_tool *tool, struct begin_sparse *b)
{
    char text[PARE_SPEC_MAX] = "", number[PARE_NUMBER_MAX];
    struct pare_sparse_spec s;
    int err;

    if (!begin_given(b))
        return;
    err = pare_spec_append(text, "%s", b->way ? b->way : "er");
    if (!err && b->have_density)
        err = pare_spec_append(text, ",density=%s",
                               pare_number_print(number, b->density));
    if (!err && b->have_epsilon)
        err = pare_spec_append(text, ",epsilon=%s",
                               pare_number_print(number, b->epsilon));
    if (!err)
        err = add_layers(text, &b->layers);
    if (!err)
        err = pare_sparse_parse(&s, text);
    if (err)
        cli_usage(tool, "%s", pare_error());
    memcpy(b->spec, s.canon, sizeof b->spec);
}

/*
 * A seed that follows from the architecture, sparse or not: of a model
 * without values in layers that are too large to have all of them.
 */
static int find_seed(uint64_t *seed, const char *text, const char *purpose)
{
    char digest[PARE_DIGEST_LEN];
    struct pare_arch arch = {0};
    struct pare_model m = {0};
    int err = pare_arch_parse(&arch, text);

    if (!err)
        err = pare_model_lay(&m, &arch);
    for (size_t t = 0; !err && t < m.n_tensors; t++) {
        struct pare_tensor *x = &m.tensor[t];

        if (pare_tensor_positions(x) > PARE_DENSE_POSITIONS &&
            pare_tensor_can_compact(x))
            err = pare_pattern_new(&x->pattern, x->dim[0], x->dim[1], 0);
    }
    if (!err)
        err = pare_model_allocate(&m);
    if (!err)
        err = pare_digest_state(digest, &m);
    if (!err)
        *seed = pare_digest_seed(digest, purpose);
    pare_model_release(&m);
    return err;
}

/* Say which layers are not as sparse as was perhaps thought. */
static int warn(const struct cli_tool *tool, const struct pare_model *m,
                const char *spec)
{
    struct pare_sparse_row *row = NULL;
    struct pare_sparse_spec s;
    size_t n = 0;
    int err = pare_sparse_parse(&s, spec);

    if (!err)
        err = pare_sparse_plan(&row, &n, m, &s);
    for (size_t i = 0; !err && i < n && s.way->fans; i++) {
        const char *name = m->arch.layer[m->tensor[row[i].tensor].layer].name;

        if (row[i].whole)
            cli_warn(tool, "warning: layer %s stays dense: its share is all "
                           "of its connections", name);
        else if (row[i].density > 0.5)
            cli_warn(tool, "warning: layer %s begins with a density of %.2f",
                     name, row[i].density);
    }
    free(row);
    return err;
}

/* Chance may leave a layer nothing. */
static void warn_empty(const struct cli_tool *tool, const struct pare_model *m)
{
    for (size_t t = 0; t < m->n_tensors; t++)
        if (pare_tensor_prunable(&m->tensor[t]) &&
            pare_tensor_kept(&m->tensor[t]) == 0)
            cli_warn(tool, "warning: layer %s begins without any connection",
                     m->arch.layer[m->tensor[t].layer].name);
}

static int begin_sparse(const struct cli_tool *tool, struct pare_model *m,
                        struct pare_arch *arch, const char *init,
                        const char *spec, uint64_t seed)
{
    int err = pare_model_lay(m, arch);

    if (!err)
        err = warn(tool, m, spec);
    if (!err)
        err = pare_model_draw_sparse(m, init, spec, seed);
    if (!err)
        warn_empty(tool, m);
    return err;
}

int begin_model(const struct cli_tool *tool, struct pare_model *m,
                const char *text, const char *init,
                const struct begin_sparse *b, bool have_seed, uint64_t *seed,
                const char *purpose)
{
    struct pare_arch arch = {0};
    char digest[PARE_DIGEST_LEN];
    int err = pare_arch_parse(&arch, text);

    if (!err && pare_arch_is_weights(&arch))
        err = pare_fail(PARE_EINVAL, "-a: a list of weights is no network");
    if (!err && b->spec[0] && !have_seed)
        err = find_seed(seed, text, purpose);
    if (!err && b->spec[0])
        err = begin_sparse(tool, m, &arch, init, b->spec, *seed);
    pare_arch_release(&arch);
    if (err || b->spec[0])
        return err;
    err = pare_arch_parse(&arch, text);
    if (!err)
        err = pare_model_init(m, &arch);
    if (!err && !have_seed) {
        err = pare_digest_state(digest, m);
        if (!err)
            *seed = pare_digest_seed(digest, purpose);
    }
    return err ? err : pare_model_draw(m, init, *seed);
}
