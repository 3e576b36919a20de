#ifndef PARE_TEXT_REWIRING_H
#define PARE_TEXT_REWIRING_H

#include <stdio.h>

#include "model.h"
#include "text_line.h"

/*
 * Lines of the text twin about what dynamic sparse training carries. `rest`
 * is the line after its keyword; every function that reads gives 0 or a
 * status whose message names the stream and the line.
 */

/** Print all of it; nothing where there is none. */
void pare_text_print_rewiring(FILE *out, const struct pare_model *m);

/** "target TENSOR N". */
int pare_text_target(struct pare_text *r, struct pare_model *m, char *rest);

/** "removed TENSOR N", "added TENSOR N" and N ascending indices. */
int pare_text_removed(struct pare_text *r, struct pare_model *m, char *rest);
int pare_text_added(struct pare_text *r, struct pare_model *m, char *rest);

/** "removed-slot K TENSOR", "added-slot K TENSOR" and a value for each. */
int pare_text_removed_slot(struct pare_text *r, struct pare_model *m,
                           char *rest);
int pare_text_added_slot(struct pare_text *r, struct pare_model *m, char *rest);

/** "rewiring EPOCH TENSOR TIMES BEFORE REMOVED GROWN FRESH SURVIVED". */
int pare_text_rewiring(struct pare_text *r, struct pare_model *m, char *rest);

#endif
