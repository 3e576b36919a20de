#ifndef PARE_ONNX_WINDOW_H
#define PARE_ONNX_WINDOW_H

#include "onnx_parts.h"

/** A window over one or two dimensions, as a node has it. */
struct pare_onnx_window {
    int n; /* 1 or 2 */
    size_t kernel[2], stride[2], dilation[2];
    size_t begin[2], end[2]; /* pads */
    size_t extra[2];         /* of the end pads: what ceil_mode adds */
};

/**
 * Read kernel, strides, pads and dilations of a node.
 * @param w  weights of a convolution; NULL: the attribute kernel_shape
 * @return 0; PARE_EINVAL for what no layer can be
 */
int pare_onnx_window_read(struct pare_onnx_window *win,
                          const struct pare_onnx_graph *g,
                          const struct pare_onnx_node *n,
                          const struct pare_onnx_value *v,
                          const struct pare_onnx_array *w);

/**
 * Put a pad layer of that value before the window where its own pads cannot
 * be said, and then let there be none. v, a copy, becomes the padded value.
 */
int pare_onnx_window_pad(struct pare_onnx_window *win,
                         struct pare_onnx_graph *g,
                         const struct pare_onnx_node *n,
                         struct pare_onnx_value *v, double value);

/** Append the window's arguments. */
void pare_onnx_window_print(struct pare_onnx_layer *l,
                            const struct pare_onnx_window *win);

/** The window's output shape, from that of the input. */
int pare_onnx_window_out(struct pare_shape *shape,
                         const struct pare_onnx_node *n,
                         const struct pare_onnx_window *win);

#endif
