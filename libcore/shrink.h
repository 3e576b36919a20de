#ifndef PARE_SHRINK_H
#define PARE_SHRINK_H

#include "model.h"

struct pare_shrink_options {
    size_t round; /* every width a multiple of this; 0 and 1: any */
};

/** What became of a linear layer or a convolution. */
struct pare_shrink_row {
    size_t layer;         /* of the model before */
    size_t before, after; /* units */
    size_t constant; /* kept units that are constant: one that stands in for
                        others next to a pad, or is added to what is not */
    bool idle;       /* nothing needs any of its units; some had to stay */
    bool new_bias;   /* it had none, and constants went into one */
};

/** What was done; release with pare_shrink_report_release. */
struct pare_shrink_report {
    size_t removed; /* classes of channels; 0: there is nothing to remove */
    size_t before, after; /* units of all layers */
    size_t folded;        /* removed classes of constants that are not 0, */
    size_t stood_in;      /* those of them that another stands in for */
    size_t n_rows;
    struct pare_shrink_row *row;
    size_t scores, curves, undos; /* dropped with the old shapes */
    size_t inexact; /* checkpoints (of one pass) in which some of what was
                       removed is not constant, or not 0 next to a pad */
};

/**
 * Remove the units that the output of a model does not depend on.
 *
 * A channel goes, with all that are tied to it (see units.h), when no needed
 * unit has a weight on it, or when it is a constant that its readers can
 * take into their biases; a layer without bias gets one where it has to.
 * Next to a pad of zeroes a constant cannot move into a bias: there one
 * channel takes the weights of all others, in proportion to the constants.
 * Groups of convolutions stay equal, every value keeps a channel, and
 * `round` keeps as many of the removable units, lowest first, as make the
 * width a multiple or give the old width. Weights, masks, optimiser state
 * and checkpoints are cut alike; a checkpoint folds the constants of its own
 * values. `init` of a seed becomes a stored checkpoint. Scores, curves and
 * undo points are dropped.
 *
 * The outputs in evaluation are the same but for rounding. In training they
 * may differ from those of the large model: a batch norm that is folded has
 * batch statistics there, a dropout draws.
 *
 * @param out  zeroed, out; left alone when report->removed is 0
 * @param r    out
 * @param m    stays as it is
 * @return 0; PARE_EINVAL for a layer that shrinking does not know;
 *         PARE_ELIMIT for more channels than units.h allows;
 *         PARE_EFORMAT when `init` cannot be drawn again; PARE_ENOMEM
 */
int pare_shrink(struct pare_model *out, struct pare_shrink_report *r,
                const struct pare_model *m,
                const struct pare_shrink_options *o);

/** Free the rows and zero the struct; zeroed is fine. */
void pare_shrink_report_release(struct pare_shrink_report *r);

#endif
