#ifndef PARE_TELLING_H
#define PARE_TELLING_H

#include <stdio.h>

#include "cli.h"
#include "model_file.h"

/* What tools that write models tell of them. */

/** The table of --report: a line for each of some tensors. */
struct telling {
    FILE *to; /* NULL without memory */
    char *text;
    size_t n;
};

/** Begin with the head line, without its "layer" and "tensor". */
void telling_begin(struct telling *t, const char *columns);

/** Begin a line with the layer and the name of a tensor; the caller prints
 *  the other columns, each behind a tab. NULL without memory. */
FILE *telling_line(struct telling *t, const struct pare_model *m,
                   size_t tensor);

/** Write the table whole or not at all. 0; PARE_ENOMEM; PARE_EIO. */
int telling_end(struct telling *t, const char *path);

/** Say how large the model's file was, and how large it is now. */
void telling_bytes(const struct cli_tool *tool,
                   const struct pare_model_file *before,
                   const struct pare_model_file *after);

/** Warn of each object that this version did not know and has dropped. */
void telling_unknown(const struct cli_tool *tool,
                     const struct pare_model_file *file);

#endif
