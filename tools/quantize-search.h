#ifndef PARE_QUANTIZE_SEARCH_H
#define PARE_QUANTIZE_SEARCH_H

#include "cli.h"
#include "goal.h"
#include "quantize.h"

#define QUANTIZE_LEVELS_MAX 256 /* that a search tries of a codebook */

/* What a packed file has around the coded tensors, at most: so much, and so
   much for each layer. */
#define QUANTIZE_FILE_BYTES  1000
#define QUANTIZE_LAYER_BYTES 350

/**
 * Find by bisection, on copies of the model, the most levels that fit when
 * packed (of a model that comes tensor by tensor no copy is made), or the
 * fewest whose accuracy stays: 2 to 256 of a codebook, 2 to 16 bits of uniform
 * levels. Sets kind and amount of the options.
 *
 * @return 0; PARE_EINVAL where none of them reaches the goal (the nearest is
 *         named); what pare_quantize and evaluation return
 */
int quantize_search(struct pare_quantize_options *o, struct goal *goal,
                    struct pare_model *m, const struct cli_tool *tool);

#endif
