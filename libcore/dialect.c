#include "dialect.h"

#include <string.h>

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
