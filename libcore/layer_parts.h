#ifndef PARE_LAYER_PARTS_H
#define PARE_LAYER_PARTS_H

#include "layer.h"

/*
 * The functions in the rows of layer.c's table; see struct pare_layer_kind.
 */
int pare_layer_infer_same(const struct pare_layer *l, struct pare_shape *out);
int pare_layer_infer_linear(const struct pare_layer *l, struct pare_shape *out);
int pare_layer_infer_conv(const struct pare_layer *l, struct pare_shape *out);
int pare_layer_infer_pool(const struct pare_layer *l, struct pare_shape *out);
int pare_layer_infer_global(const struct pare_layer *l, struct pare_shape *out);
int pare_layer_infer_batchnorm(const struct pare_layer *l,
                               struct pare_shape *out);
int pare_layer_infer_batchnorm2d(const struct pare_layer *l,
                                 struct pare_shape *out);
int pare_layer_infer_pad(const struct pare_layer *l, struct pare_shape *out);
int pare_layer_infer_flatten(const struct pare_layer *l,
                             struct pare_shape *out);
int pare_layer_infer_add(const struct pare_layer *l, struct pare_shape *out);
int pare_layer_infer_concat(const struct pare_layer *l, struct pare_shape *out);
int pare_layer_infer_softmax(const struct pare_layer *l,
                             struct pare_shape *out);
int pare_layer_infer_rbm(const struct pare_layer *l, struct pare_shape *out);

int pare_layer_tensors_none(const struct pare_layer *l,
                            struct pare_tensor_spec *spec);
int pare_layer_tensors_linear(const struct pare_layer *l,
                              struct pare_tensor_spec *spec);
int pare_layer_tensors_conv(const struct pare_layer *l,
                            struct pare_tensor_spec *spec);
int pare_layer_tensors_batchnorm(const struct pare_layer *l,
                                 struct pare_tensor_spec *spec);
int pare_layer_tensors_rbm(const struct pare_layer *l,
                           struct pare_tensor_spec *spec);
int pare_layer_tensors_srelu(const struct pare_layer *l,
                             struct pare_tensor_spec *spec);

double pare_layer_macs_none(const struct pare_layer *l);
double pare_layer_macs_linear(const struct pare_layer *l);
double pare_layer_macs_conv(const struct pare_layer *l);

#endif
