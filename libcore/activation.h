#ifndef PARE_ACTIVATION_H
#define PARE_ACTIVATION_H

#include "layer.h"

/**
 * Arithmetic of a layer that works in place on a tile [features][width] and
 * whose backward pass needs its output only, or with from_input its input
 * only: a row of the table in activation.c.
 */
struct pare_activation {
    enum pare_layer_op op;
    bool from_input; /* backward is given the input in place of y */
    /**
     * x [features][width] in/out; a is the layer's first option. The
     * softmaxes go over features, for width <= 64; the others go element by
     * element, for any width.
     */
    void (*forward)(float *x, size_t features, size_t width, float a);
    /** g: gradient at the output in, at the input out; y: the output. */
    void (*backward)(float *g, const float *y, size_t features, size_t width,
                     float a);
};

/** The row for an operation, or NULL where it is no activation. */
const struct pare_activation *pare_activation(enum pare_layer_op op);

#endif
