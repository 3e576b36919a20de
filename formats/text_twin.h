#ifndef PARE_TEXT_TWIN_H
#define PARE_TEXT_TWIN_H

#include <stdbool.h>
#include <stdio.h>

#include "model.h"

#define PARE_TEXT_VERSION 1

/**
 * The text twin of a model: everything in it, as lines that an editor, diff
 * and awk understand; pare-dump(1) gives the grammar. Numbers are
 * hexadecimal floating point, so nothing is rounded.
 */

/**
 * Print a model.
 * @return 0; PARE_EIO when the stream failed
 */
int pare_text_print(FILE *out, const struct pare_model *m);

/**
 * Read the text of a model.
 *
 * Every fault names its line. Tensors may come in any order, each once;
 * memory is only taken for an architecture that passes its own limits.
 *
 * @param m     zeroed, out; written only on success
 * @param in    stream, read to its end
 * @param name  of the stream, for messages
 * @return 0; PARE_EFORMAT; PARE_EINVAL (the architecture); PARE_EIO;
 *         PARE_ELIMIT; PARE_ENOMEM
 */
int pare_text_parse(struct pare_model *m, FILE *in, const char *name);

#endif
