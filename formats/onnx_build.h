#ifndef PARE_ONNX_BUILD_H
#define PARE_ONNX_BUILD_H

#include "model.h"
#include "onnx.pb-c.h"

/*
 * Making an ONNX graph. Calls after one that found no memory do nothing; the
 * writer asks once, at the end.
 */

struct pare_onnx_block; /* memory of the graph */

struct pare_onnx_build {
    const struct pare_model *m;
    Onnx__GraphProto graph;
    size_t node_room, init_room;
    struct pare_onnx_block *blocks;
    int status; /* the first failure */
};

/** Zeroed memory that lives as long as the graph; NULL without. */
void *pare_onnx_take(struct pare_onnx_build *b, size_t n);

/** A text, as printf; never NULL, but "" without memory. */
char *pare_onnx_print(struct pare_onnx_build *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Append a node; the inputs are texts, up to NULL. */
Onnx__NodeProto *pare_onnx_node_add(struct pare_onnx_build *b, const char *op,
                                    const char *out, ...);

/** Give the node an attribute; nothing happens to NULL. */
void pare_onnx_put_int(struct pare_onnx_build *b, Onnx__NodeProto *n,
                       const char *name, int64_t v);
void pare_onnx_put_real(struct pare_onnx_build *b, Onnx__NodeProto *n,
                        const char *name, double v);
void pare_onnx_put_ints(struct pare_onnx_build *b, Onnx__NodeProto *n,
                        const char *name, const int64_t *v, size_t count);

/** Append an initialiser; room for its bytes, or NULL. */
unsigned char *pare_onnx_initializer(struct pare_onnx_build *b,
                                     const char *name, int32_t type, int rank,
                                     const int64_t *dim, size_t bytes);

/** Append one of floats / of whole numbers in a row; returns its name. */
const char *pare_onnx_floats(struct pare_onnx_build *b, const char *name,
                             const float *v, int rank, const int64_t *dim);
const char *pare_onnx_longs(struct pare_onnx_build *b, const char *name,
                            const int64_t *v, size_t n);

/** Free all that was taken. */
void pare_onnx_build_release(struct pare_onnx_build *b);

/** The nodes of a layer; the last makes `out`. in: names of its inputs. */
int pare_onnx_put_layer(struct pare_onnx_build *b, const struct pare_layer *l,
                        const char *const *in, const char *out);

/** The name of a layer's tensor as float32, written once. */
const char *pare_onnx_put_tensor(struct pare_onnx_build *b,
                                 const struct pare_layer *l,
                                 const char *suffix);

#endif
