#ifndef PARE_TEXT_COMPACT_H
#define PARE_TEXT_COMPACT_H

#include "model.h"
#include "text_line.h"

/*
 * Arrays of tensors that may lie compact, in the text twin. Every function
 * gives 0 or a status whose message names the stream and the line.
 */

/** Prepare laid tensors for allocation: one that is too large for a mask gets
 *  an empty pattern. */
int pare_text_lay(struct pare_text *r, struct pare_model *m);

/** Values of a tensor that the line says are "sparse": its mask or pattern
 *  and values. */
int pare_text_pruned(struct pare_text *r, struct pare_model *m, size_t tensor);

/** "dense" and the values of a tensor: all positions are kept. */
int pare_text_whole_tensor(struct pare_text *r, struct pare_model *m,
                           size_t tensor, char *rest);

/** "dense" or "sparse" and the values of an array beside a tensor's; of a
 *  compact one only entries that it has. */
int pare_text_beside(struct pare_text *r, float *v, const struct pare_tensor *t,
                     char *rest);

/** Masks for all, since something is not 0 under them. */
int pare_text_expand(struct pare_text *r, struct pare_model *m);

#endif
