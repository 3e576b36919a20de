#ifndef PARE_ONNX_H
#define PARE_ONNX_H

#include "foreign.h"

#define PARE_ONNX_OLDEST 7 /* operator sets that are read */
#define PARE_ONNX_NEWEST 20
#define PARE_ONNX_OPSET  13 /* the one that is written */

/**
 * Could a file be an ONNX model? By its first field, the version of the
 * format, and the one behind it.
 * @param head  [n] the first bytes
 */
bool pare_onnx_looks(const unsigned char *head, size_t n);

/**
 * Read an ONNX model.
 *
 * A graph of operators that are layers of pare becomes an architecture with
 * its tensors: Gemm and MatMul, Conv over one and two dimensions,
 * BatchNormalization, activations, pools, pads, Add, Concat, and what only
 * moves the dimensions. The first dimension of the input is the batch.
 * Normalisation of the input by constants becomes that of the model; other
 * additions and products of constants become biases or a batchnorm of mean 0
 * and variance 1. Constants are computed first. Of a graph that cannot be
 * said the initialisers are taken, and a note tells why.
 *
 * External data are read from regular files in the model's folder alone, not
 * by way of links. Values of type double are rounded to float32.
 *
 * @param f     zeroed, out; written only on success
 * @param path  file, or "-" for standard input
 * @return 0; PARE_EIO; PARE_EFORMAT (damaged, values that are used before
 *         they are made or made twice, tensors whose data do not fit their
 *         shape, external data elsewhere); PARE_ELIMIT (more than 2 GiB,
 *         nested too deep, too much memory for its size); PARE_ENOMEM
 *
 * Source: ONNX, onnx.proto and docs/Operators.md, operator sets 7 to 20.
 * Departure: newer operator sets are read as the newest known, with a note;
 * BatchNormalization between two transpositions of a matrix, as an old
 * exporter wrote it, is taken to be over the features, with a note.
 */
int pare_onnx_read(struct pare_foreign *f, const char *path);

/**
 * Write a model as ONNX, IR version 7, operator set PARE_ONNX_OPSET.
 *
 * The initialisers are the model's tensors, by name, float32 in pare's
 * layout, pruned weights as zeros and quantised ones as the values of their
 * levels; 16-bit ones are written in 16 bits with a Cast behind them. The
 * batch is symbolic, the input named "input", float32 of the architecture's
 * shape; where the model has a normalisation it is part of the graph (Mul,
 * Sub, Div), so that the input is the stored data as numbers. The output is
 * named "output".
 *
 * @param path  file, or "-"/NULL for standard output
 * @param m     its compact tensors are written densely
 * @return 0; PARE_EINVAL (a Boltzmann machine, weights without a graph, a
 *         normalisation that does not fit); PARE_ELIMIT (2 GiB and more,
 *         which the format cannot hold in one file); PARE_EIO; PARE_ENOMEM
 *
 * Source: as above.
 */
int pare_onnx_write(const char *path, const struct pare_model *m);

#endif
