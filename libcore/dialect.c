#include "dialect.h"

#include <stdio.h>
#include <string.h>

#include "model.h"
#include "status.h"

static const struct pare_dialect table[] = {
    {
        .name = "numenta",
        .help = "momentum of all weights, also of those that are pruned",
        .source = "github.com/numenta/nupic.research, commit f08d1f5d8",
        .dense_state = true,
    },
    {
        .name = "set",
        .help = "double sigmoid, plain weight decay, unscaled dropout",
        .source = "github.com/dcmocanu/"
                  "sparse-evolutionary-artificial-neural-networks, commit "
                  "62ac974",
        .double_sigmoid = true,
        .plain_decay = true,
        .plain_dropout = true,
    },
    {
        .name = "synapses",
        .help = "a connection that moves keeps its momentum",
        .source = "github.com/anhinga/synapses, commit 05bf191",
        .stale_state = true,
    },
};

const struct pare_dialect *pare_dialect(size_t index)
{
    return index < sizeof table / sizeof *table ? &table[index] : NULL;
}

const struct pare_dialect *pare_dialect_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

int pare_model_set_dialect(struct pare_model *m, const char *name)
{
    const struct pare_dialect *was = pare_dialect_find(m->training.dialect);
    const struct pare_dialect *is = pare_dialect_find(name);

    if (name[0] && !is)
        return pare_fail(PARE_EINVAL, "unknown dialect '%s'", name);
    snprintf(m->training.dialect, sizeof m->training.dialect, "%s",
             is ? is->name : "");
    if (was && was->dense_state && !(is && is->dense_state))
        pare_model_apply_masks(m);
    return 0;
}
