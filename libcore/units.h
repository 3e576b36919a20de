#ifndef PARE_UNITS_H
#define PARE_UNITS_H

#include "model.h"

#define PARE_NO_NODE   SIZE_MAX
#define PARE_NODES_MAX ((size_t)1 << 25)

/**
 * The channels between the layers of a network, as the nodes of a graph.
 *
 * Value 0 is the network's input, value i + 1 the output of layer i, and
 * each channel (or feature) of a value is a node. Nodes that can only be
 * removed together, such as a channel before and behind an activation, the
 * channels that an add sums, or a channel and the features that a flatten
 * makes of it, are one class, named by its lowest node.
 */
struct pare_units {
    const struct pare_model *m;
    size_t n;          /* nodes */
    size_t *first;     /* [n_layers + 2] first node of each value */
    size_t *tensor;    /* [n_layers + 1] first tensor of each layer */
    size_t *class;     /* [n] the lowest node of the class */
    uint8_t *constant; /* [n] is the channel the same number always, in all
                          samples and pixels? */
    double *value;     /* [n] that number; 0 elsewhere */
    uint8_t *needed;   /* [n] at the lowest node: does the output of the
                          network depend on the class? */
    /* [n] at the lowest node of a class that is not needed: the class whose
       constant stands in for it where a convolution reads both next to its
       pad; else PARE_NO_NODE. */
    size_t *stand_in;
    size_t *member; /* [n] nodes by class, ascending */
    size_t *start;  /* [n] at the lowest node: its place in member */
    size_t *count;  /* [n] at the lowest node: nodes of the class */
};

/**
 * Find out which channels of a model are constant and which are needed.
 *
 * A weight is absent where its value is 0, pruned or not. A channel is
 * constant when what makes it has weights on constant channels only, and
 * no constant that is not 0 meets the zeroes of a pad; or when its batch
 * norm has scale 0. Constants are those of evaluation, with running
 * statistics.
 *
 * Classes are needed that hold inputs of the network, outputs of its last
 * layer or what a softmax takes, and those on which a linear layer or
 * convolution has a weight towards a needed unit. With `fold` a constant
 * that can be moved into the bias of its readers is not needed: always by
 * linear layers, and by convolutions without pad or where it is 0. Of
 * constants that differ from 0 and are read next to a pad one stands in
 * for all of the same layers.
 *
 * @param u  out; release after use; m must outlive it
 * @return 0; PARE_EINVAL for a layer that is not known here, with its name,
 *         and for weights without a graph;
 *         PARE_ELIMIT for more than PARE_NODES_MAX nodes; PARE_ENOMEM
 */
int pare_units_init(struct pare_units *u, const struct pare_model *m,
                    bool fold);

/** Free what the struct owns and zero it; zeroed is fine. */
void pare_units_release(struct pare_units *u);

/** The value that a layer takes as input k. */
size_t pare_units_input(const struct pare_units *u, size_t layer, int k);

/** The value that a node belongs to. */
size_t pare_units_owner(const struct pare_units *u, size_t node);

/** Channels of a value. */
size_t pare_units_width(const struct pare_units *u, size_t value);

/** Is the layer a linear one or a convolution? */
bool pare_units_weighted(const struct pare_layer *l);

/** How the weights of a linear layer or a convolution lie. */
struct pare_weights {
    size_t in, out; /* nodes: first input channel, first unit */
    size_t groups;
    size_t rows, cols; /* units and input channels of one group */
    size_t taps;       /* weights of a unit on one channel */
    bool padded;       /* a pad of zeroes takes part */
    bool bias;
    size_t tensor; /* of the weights; the bias is the next one */
};

/** Fill w for a layer that is weighted. */
void pare_units_weights(struct pare_weights *w, const struct pare_units *u,
                        size_t layer);

/**
 * The constants that other values of the tensors, a checkpoint's, would
 * have: of the nodes that are constant in u, each from its constant inputs
 * alone. Where one is not finite it is taken as 0.
 *
 * @param k      [u->n] out; 0 for nodes that are not constant
 * @param value  [n_tensors]
 * @return are all of them constants with these values, too? Not where there
 *         are weights on other channels, or where a constant that was 0 next
 *         to a pad is not.
 */
bool pare_units_constants(double *k, const struct pare_units *u,
                          float *const *value);

/** What is remarkable about a unit. */
enum pare_unit_kind {
    PARE_UNIT_DEAD,     /* no weight goes in, or the output ignores it */
    PARE_UNIT_CONSTANT, /* its weights are on constants only */
    PARE_UNIT_DUPLICATE /* an earlier one has the same weights and bias */
};

/** A unit, a row of a linear layer or a filter of a convolution. */
struct pare_unit {
    size_t layer, unit;
    enum pare_unit_kind kind;
    size_t of;     /* the unit it is a duplicate of, else PARE_NO_NODE */
    uint64_t in;   /* weights into it that are not 0 */
    bool read;     /* does the output of the network depend on it? */
    bool constant; /* before the activation; value says what it is */
    double value;
};

/** "dead", "constant", "duplicate". */
const char *pare_unit_kind_name(enum pare_unit_kind kind);

/**
 * The dead, constant and duplicate units of a model, by layer and unit. One
 * that is several of these is the first of them. Duplicates have the same
 * bits in weights and bias, and in groups read the same channels.
 *
 * @param unit  malloc'd, out; the caller frees it
 * @param n     out
 * @return as pare_units_init
 */
int pare_units_list(struct pare_unit **unit, size_t *n,
                    const struct pare_model *m);

#endif
