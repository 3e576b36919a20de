#ifndef PARE_TEXT_GATHERED_H
#define PARE_TEXT_GATHERED_H

#include "model.h"
#include "text_line.h"

/*
 * Lines of the text twin about scores and curves. `rest` is the line after
 * its keyword; every function gives 0 or a status whose message names the
 * stream and the line.
 */

/** Cut the name of a tensor off the rest. */
int pare_text_tensor(struct pare_text *r, const struct pare_model *m,
                     size_t *index, char **rest);

/** "scores COUNT NAME". */
int pare_text_scores(struct pare_text *r, struct pare_model *m, char *rest);

/** "score NAME TENSOR dense|sparse" and its values. */
int pare_text_score(struct pare_text *r, struct pare_model *m, char *rest);

/** "curve LAYER SPARSITY LOSS ACCURACY": the next point of a curve. */
int pare_text_curve(struct pare_text *r, struct pare_model *m, char *rest);

#endif
