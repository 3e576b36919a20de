#include "telling.h"

#include <stdlib.h>

#include "atomic.h"
#include "status.h"

void telling_begin(struct telling *t, const char *columns)
{
    t->text = NULL;
    t->to = open_memstream(&t->text, &t->n);
    if (t->to)
        fprintf(t->to, "layer\ttensor%s", columns);
}

FILE *telling_line(struct telling *t, const struct pare_model *m, size_t tensor)
{
    const struct pare_tensor *x = &m->tensor[tensor];

    if (t->to)
        fprintf(t->to, "\n%s\t%s", m->arch.layer[x->layer].name, x->name);
    return t->to;
}

int telling_end(struct telling *t, const char *path)
{
    bool good = t->to && fputc('\n', t->to) != EOF && !ferror(t->to);
    int err;

    if (t->to && fclose(t->to) != 0)
        good = false;
    t->to = NULL;
    err = good ? pare_atomic_write(path, t->text, t->n)
               : pare_fail(PARE_ENOMEM, "out of memory");
    free(t->text);
    t->text = NULL;
    return err;
}

void telling_bytes(const struct cli_tool *tool,
                   const struct pare_model_file *before,
                   const struct pare_model_file *after)
{
    char was[32], is[32];

    cli_warn(tool, "%s bytes before, %s after", cli_count(was, before->bytes),
             cli_count(is, after->bytes));
}

void telling_unknown(const struct cli_tool *tool,
                     const struct pare_model_file *file)
{
    for (size_t i = 0; i < file->n_unknown; i++)
        cli_warn(tool, "dropped %s, which this version does not know",
                 file->unknown[i]);
}
