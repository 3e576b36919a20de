#ifndef PARE_TEXT_LEVELS_H
#define PARE_TEXT_LEVELS_H

#include <stdio.h>

#include "model.h"
#include "text_line.h"

/*
 * Lines of the text twin about what tensors promise of their values. `rest`
 * is the line after its keyword; every function that reads gives 0 or a
 * status whose message names the stream and the line. Whether the values keep
 * to it is seen when the model is written.
 */

/** Print all of it; nothing where all is float32. */
void pare_text_print_levels(FILE *out, const struct pare_model *m);

/** "dtype TENSOR TYPE". */
int pare_text_dtype(struct pare_text *r, struct pare_model *m, char *rest);

/** "quant TENSOR KIND N" and N levels, or scales of int8. */
int pare_text_quant(struct pare_text *r, struct pare_model *m, char *rest);

#endif
