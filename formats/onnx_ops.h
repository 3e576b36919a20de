#ifndef PARE_ONNX_OPS_H
#define PARE_ONNX_OPS_H

#include "onnx_parts.h"

/* Operators that become layers. */

/** A row of the table of operators, in onnx_ops.c. */
struct pare_onnx_op {
    const char *name;
    size_t inputs; /* that there must be */
    int (*make)(struct pare_onnx_graph *g, const struct pare_onnx_node *n);
};

/** The row of an operator; NULL for one that is no layer. */
const struct pare_onnx_op *pare_onnx_op_find(const struct pare_onnx_node *n);

/* Rows of the table that have files of their own. */
int pare_onnx_gemm(struct pare_onnx_graph *g, const struct pare_onnx_node *n);
int pare_onnx_matmul(struct pare_onnx_graph *g, const struct pare_onnx_node *n);
int pare_onnx_conv(struct pare_onnx_graph *g, const struct pare_onnx_node *n);
int pare_onnx_pool(struct pare_onnx_graph *g, const struct pare_onnx_node *n);
int pare_onnx_global(struct pare_onnx_graph *g, const struct pare_onnx_node *n);
int pare_onnx_pad(struct pare_onnx_graph *g, const struct pare_onnx_node *n);
int pare_onnx_arithmetic(struct pare_onnx_graph *g,
                         const struct pare_onnx_node *n);
int pare_onnx_flatten(struct pare_onnx_graph *g,
                      const struct pare_onnx_node *n);
int pare_onnx_reshape(struct pare_onnx_graph *g,
                      const struct pare_onnx_node *n);
int pare_onnx_squeeze(struct pare_onnx_graph *g,
                      const struct pare_onnx_node *n);
int pare_onnx_transpose(struct pare_onnx_graph *g,
                        const struct pare_onnx_node *n);
int pare_onnx_slice(struct pare_onnx_graph *g, const struct pare_onnx_node *n);

/** Constants c spread over the channels (or features) of v: [dim[0]] floats,
 *  malloc'd. PARE_EINVAL where they are not one for each. */
int pare_onnx_spread(float **out, const struct pare_onnx_node *n,
                     const struct pare_onnx_value *v,
                     const struct pare_onnx_array *c);

#endif
