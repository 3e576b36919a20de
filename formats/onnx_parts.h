#ifndef PARE_ONNX_PARTS_H
#define PARE_ONNX_PARTS_H

#include "foreign.h"
#include "onnx.pb-c.h"

/* What the files that read ONNX share. */

#define PARE_ONNX_NONE  SIZE_MAX  /* no value, no node */
#define PARE_ONNX_BATCH INT64_MIN /* in a constant made of a shape */

/** A constant: floats or whole numbers, one of which is NULL. */
struct pare_onnx_array {
    int rank;
    uint64_t dim[PARE_FOREIGN_RANK];
    size_t n;
    float *f;
    int64_t *i;
    enum pare_dtype dtype;        /* that the floats came in */
    struct pare_onnx_array *next; /* of those that the graph owns */
};

/**
 * What a name stands for: a constant (array is set), the output of a layer
 * (flows is set), or neither, what no layer can take.
 */
struct pare_onnx_value {
    const char *name;
    size_t producer; /* node, or PARE_ONNX_NONE */
    size_t uses;     /* by nodes that count, and as the output */
    struct pare_onnx_array *array;
    bool flows;
    size_t layer;            /* whose output it is, or PARE_INPUT */
    struct pare_shape shape; /* of that, as pare has it */
    bool last;               /* in ONNX the channels are the last dimension */
    bool flat;               /* in ONNX it is (batch, features) */
    bool swapped;            /* in ONNX it is (features, batch) */
    bool shared;             /* others see the same layer's output */
};

struct pare_onnx_graph;
struct pare_onnx_node;

struct pare_onnx_node {
    const Onnx__NodeProto *p;
    const char *name; /* of the operator, for patterns of several another */
    size_t n_in, n_out;
    size_t *in, *out; /* values; PARE_ONNX_NONE where left out */
    bool live;        /* the output depends on it */
};

/** A tensor of a layer to be. */
struct pare_onnx_tensor {
    const char *suffix;
    int rank;
    size_t dim[4];
    float *value; /* malloc'd */
    enum pare_dtype dtype;
};

struct pare_onnx_layer {
    const char *kind, *prefix;
    char name[48];
    char args[192];
    bool has_bias; /* a linear or convolution that has one already */
    bool can_bias;
    size_t n_in, in[PARE_LAYER_INPUTS];
    struct pare_shape out;
    size_t n_tensors;
    struct pare_onnx_tensor tensor[PARE_LAYER_TENSORS];
};

/** A name and its value. */
struct pare_onnx_name {
    const char *name;
    size_t value;
};

/** How far the normalisation of the input has been read. */
enum pare_onnx_stage {
    PARE_ONNX_RAW,
    PARE_ONNX_SCALED,
    PARE_ONNX_CENTRED,
    PARE_ONNX_DONE
};

struct pare_onnx_graph {
    Onnx__ModelProto *model;
    Onnx__GraphProto *p;
    const char *path;
    int64_t opset;
    size_t n_values, n_nodes;
    struct pare_onnx_value *value;
    struct pare_onnx_name *by_name; /* [n_values] in order */
    struct pare_onnx_node *node;
    size_t n_links, *links; /* hold in and out of all nodes */
    struct pare_onnx_array *arrays;
    size_t input, output;    /* values */
    size_t n_inputs;         /* that have to be given; input is if it is 1 */
    struct pare_shape shape; /* of the input */
    bool shape_used;         /* a layer relies on it */
    int64_t batch;           /* as the file has it; 0 where it is free */
    size_t n_layers, room;
    struct pare_onnx_layer *layer;
    uint64_t read;   /* values of the file's tensors */
    uint64_t folded; /* of constants that were computed */
    uint64_t floats; /* of the layers' tensors */
    uint64_t most;   /* that they may have */
    enum pare_onnx_stage stage;
    struct pare_norm norm;
    struct pare_foreign *notes; /* takes the notes */
};

/* onnx_wire.c */

/** Unpack a message once it is known to be neither deep nor much larger than
 *  its bytes. PARE_EFORMAT, PARE_ELIMIT, PARE_ENOMEM. */
int pare_onnx_unpack(ProtobufCMessage **message,
                     const ProtobufCMessageDescriptor *type,
                     const uint8_t *bytes, size_t n);

/* onnx_array.c */

/** An empty array of that shape that the graph owns; NULL without memory. */
struct pare_onnx_array *pare_onnx_array_new(struct pare_onnx_graph *g, int rank,
                                            const uint64_t *dim, bool floats);

/**
 * Decode a tensor once; its raw bytes are freed.
 * @return 0; PARE_EFORMAT; PARE_ELIMIT; PARE_EIO; PARE_ENOMEM. *a is NULL for
 *         types that are none of numbers
 */
int pare_onnx_array_read(struct pare_onnx_array **a, struct pare_onnx_graph *g,
                         Onnx__TensorProto *t);

/** Bytes of a tensor outside the file, malloc'd. */
int pare_onnx_external(void **bytes, size_t *n, const char *model,
                       const Onnx__TensorProto *t);

/* onnx_graph.c */

/** Give the model's names values and check that it is a graph. */
int pare_onnx_graph_init(struct pare_onnx_graph *g);

/** Mark what the output depends on and count the uses of values. */
void pare_onnx_graph_live(struct pare_onnx_graph *g);

/** Free what the graph owns, not the model. */
void pare_onnx_graph_release(struct pare_onnx_graph *g);

/** Attributes of a node; the default where there is none of the type. */
const Onnx__AttributeProto *pare_onnx_attr(const struct pare_onnx_node *n,
                                           const char *name);
int64_t pare_onnx_int(const struct pare_onnx_node *n, const char *name,
                      int64_t def);
double pare_onnx_real(const struct pare_onnx_node *n, const char *name,
                      double def);
bool pare_onnx_text_is(const struct pare_onnx_node *n, const char *name,
                       const char *text, bool def);

/** Input k of a node, or NULL where it is left out. */
struct pare_onnx_value *pare_onnx_in(const struct pare_onnx_graph *g,
                                     const struct pare_onnx_node *n, size_t k);

/** Input k if it is a constant, else NULL. */
struct pare_onnx_array *pare_onnx_const(const struct pare_onnx_graph *g,
                                        const struct pare_onnx_node *n,
                                        size_t k);

/**
 * Whole numbers that are an attribute in old operator sets and an input in
 * new ones: 0 and *v NULL where there are none, PARE_EINVAL where they are no
 * constant.
 */
int pare_onnx_ints(const int64_t **v, size_t *count,
                   const struct pare_onnx_graph *g,
                   const struct pare_onnx_node *n, const char *attr, size_t k);

/** "Conv 'node': ..." as PARE_EINVAL: the graph cannot be said. */
int pare_onnx_unsaid(const struct pare_onnx_node *n, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* onnx_pattern.c */

/** Find gelu and silu among the nodes, which become one node each. */
void pare_onnx_patterns(struct pare_onnx_graph *g);

/* onnx_const.c */

/** Compute a node of constants; *done is false where it is none. */
int pare_onnx_fold(bool *done, struct pare_onnx_graph *g,
                   const struct pare_onnx_node *n);

/* onnx_layers.c */

/** Append a layer that takes v; NULL without memory. */
struct pare_onnx_layer *pare_onnx_layer_add(struct pare_onnx_graph *g,
                                            const char *kind,
                                            const struct pare_onnx_value *v);

/** Append a layer's tensor with room for its values; PARE_ELIMIT for a file
 *  that uses the same constants too often. */
int pare_onnx_layer_tensor(struct pare_onnx_tensor **t,
                           struct pare_onnx_graph *g, struct pare_onnx_layer *l,
                           const char *suffix, int rank, const size_t *dim);

/** The value is the output of the layer added last, seen as `like`. */
void pare_onnx_flow(struct pare_onnx_graph *g, const struct pare_onnx_node *n,
                    const struct pare_onnx_value *like);

/** The value is what v is. */
void pare_onnx_alias(struct pare_onnx_graph *g, const struct pare_onnx_node *n,
                     const struct pare_onnx_value *v);

/** Make features of v where ONNX sees some: a flatten. */
int pare_onnx_settle(struct pare_onnx_graph *g, const struct pare_onnx_node *n,
                     struct pare_onnx_value *v);

/** Name a layer after its weight's name in the file. */
void pare_onnx_layer_name(struct pare_onnx_graph *g, struct pare_onnx_layer *l,
                          const char *tensor);

/** The whole architecture as text, malloc'd. */
int pare_onnx_arch_text(char **text, struct pare_onnx_graph *g);

#endif
