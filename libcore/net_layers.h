#ifndef PARE_NET_LAYERS_H
#define PARE_NET_LAYERS_H

#include <stdatomic.h>

#include "activation.h"
#include "conv.h"
#include "dialect.h"
#include "net.h"
#include "pool.h"
#include "sparse.h"

/*
 * Inside of a network. net_plan.c lays it out, net_memory.c gives it memory,
 * net.c runs it, net_conv.c, net_image.c and net_norm.c hold the layers that
 * net.c does not, net_update.c the weight gradients and updates.
 *
 * A network is a list of nodes in an order in which each comes after those
 * whose outputs it takes. Nodes write to buffers; some work in place.
 */

/** Values between nodes: tiles, and what backward needs. */
struct net_buffer {
    size_t size;     /* floats of one sample */
    size_t lanes;    /* samples side by side */
    size_t tiles;    /* of a full batch */
    bool image;      /* a tile is [pixels][channels][lanes], else
                        [features][lanes] */
    size_t channels; /* of an image; else the features */
    float *act;      /* [tiles][size][lanes] */
    float *grad;     /* the same, of the loss; NULL where none is asked for */
    float *rows;     /* [batch][size], sample-major; NULL unless needed */
    bool has_rows;   /* the gather filled rows */
};

/** Batch norm's working numbers; each array has as many as channels. */
struct net_norm {
    size_t parts, room;          /* parts of this pass, and of a full batch */
    double *part_mean, *part_m2; /* [room][channels]; sums, backward */
    size_t *part_count;          /* [room] */
    double *moment;              /* [2][channels] */
    float *mean, *factor, *shift, *inv_std;
    float *a, *b, *c; /* of the backward pass */
    float *dscale, *dshift;
};

/** A layer with its arithmetic and arrays. */
struct net_layer {
    const struct pare_layer *layer; /* NULL: a flatten that nobody wrote */
    enum pare_layer_op op;
    const struct pare_activation *activation;
    float opt; /* first option: slope, p, eps */
    int n_in;
    size_t in[PARE_LAYER_INPUTS]; /* buffers; in[0] == out when in place */
    size_t out;
    bool need[PARE_LAYER_INPUTS]; /* a gradient is asked for */
    bool add[PARE_LAYER_INPUTS];  /* add to the gradient that is there */
    /* Nodes whose activations the gradient at input k is complete for and
       passes back through at once: those after node back[k]. */
    size_t back[PARE_LAYER_INPUTS];
    size_t after;  /* next nodes that are done with the output at once */
    bool fused;    /* done by the node before */
    size_t tensor; /* index of the first tensor */
    bool has_bias;
    bool alone; /* a linear layer with too few tiles to share out */
    struct pare_sparse *sparse; /* of a linear layer that lies compact */
    size_t stage;   /* nodes that run tile by tile together share one */
    uint32_t index; /* of the layer, for dropout's stream */
    float share;    /* kept by plain dropout before it; 0: none is */
    bool doubled;   /* the sigmoid whose gradient a dialect doubles */
    uint8_t *keep;  /* dropout: as the output */
    struct net_norm norm;
    struct net_layer *feeds; /* batch norm whose parts this node makes */
    bool fed;                /* the parts of this batch norm are made */
    double *sum;             /* srelu: [parts][4][channels] */
    float *dsum;             /* srelu: [4][channels] */
    struct pare_conv conv;
    float *packed[2]; /* convolution weights, forward and backward */
    struct pare_pool pool;
    uint16_t *which; /* max-pooling: as the output */
    /* Who is above 0, 32 lanes a word, [words][size]: a linear layer's
       inputs; the outputs of the node that its units end at, number `end`. */
    uint32_t *on_in, *on_out;
    size_t end;
};

/** A block of weights of a linear layer: gradient and update in one task. */
struct net_task {
    size_t layer, first, rows, col, cols;
};

struct pare_net {
    struct pare_model *model;
    const struct pare_kernel *kernel;
    size_t batch, width; /* width: lanes of features */
    size_t lanes;        /* of images */
    size_t planes;       /* of the input, where it is an image; else 1 */
    size_t classes;
    size_t output; /* buffer */
    bool train;
    const struct pare_dialect *dialect; /* NULL: standard practice */
    int threads;
    size_t n_buffers, n_layers, n_tasks;
    struct net_buffer *buffer;
    struct net_layer *layer;
    struct net_task *task;
    float *arena;   /* of the buffers that share memory */
    float *scratch; /* [threads][scratch_floats] */
    size_t scratch_floats;
    atomic_flag *slot;  /* [threads] who uses which part of it */
    size_t bytes, room; /* of memory that it has, and may have */
    /* of the last forward pass */
    size_t n;
    bool training;
    uint64_t seed, step;
    /* scores to gather, or NULL: [n_tensors], NULL where there are none */
    float *const *movement, *const *coactive;
    struct net_tied **tied; /* [n_tensors] weights that share levels, or NULL */
};

#define NET_ROWS    24    /* weight rows of a task */
#define NET_SAMPLES 256   /* summed at once; a multiple of all widths */
#define NET_COLS    1024  /* columns of weights updated at once */
#define NET_ENTRIES 16384 /* of a compact layer in a task, about */
#define NET_NONE    SIZE_MAX

/** What the parameter updates of one backward pass share. */
struct net_pass {
    struct pare_net *net;
    const struct pare_optimizer *row; /* NULL: store gradients */
    const struct pare_update *update;
    struct pare_optstate *state;
    float *const *grad;
};

/** Lay out nodes, buffers and memory. 0, PARE_ENOMEM, PARE_EMISMATCH. */
int net_plan(struct pare_net *net);

/** Rows, or inputs, of a compact layer that have NET_ENTRIES entries, about:
    `least` or more of n. */
size_t net_sparse_rows(const struct pare_net *net, const struct net_layer *l,
                       size_t least, size_t n);

/** Number the stages of the nodes, and give all of them their memory and
    tasks. False without memory. */
bool net_memory(struct pare_net *net);

/** Zeroed memory of the network, 64-byte aligned; NULL without. */
void *net_alloc(struct pare_net *net, size_t n, size_t size);

/** Tiles that the samples of this pass fill in a buffer. */
size_t net_tiles(const struct pare_net *net, const struct net_buffer *b);

/** Lanes of a tile that hold a sample of this pass. */
size_t net_valid(const struct pare_net *net, const struct net_buffer *b,
                 size_t tile);

/** Hand n gradients at `at` of a tensor to the optimiser, or store them. */
void net_deliver(struct net_pass *p, size_t tensor, size_t at, const float *g,
                 size_t n);

/** to = from, or to += from with add. */
void net_sum(float *restrict to, const float *restrict from, size_t n,
             bool add);

/** Gradients at every buffer, from the one that pare_net_loss left, and the
    updates of convolutions on the way. */
void net_backward(struct net_pass *p);

/** Movement scores of n weights: score -= w g. */
void net_move(float *score, const float *w, const float *g, size_t n);

/** Note who is above 0 before and after a node, in a tile or in all. */
void net_note_tile(struct pare_net *net, const struct net_layer *l,
                   size_t tile);
void net_note(struct pare_net *net, const struct net_layer *l);

/** Count the coactivations of a task's weights in this pass. */
void net_count(struct pare_net *net, const struct net_layer *l,
               const struct net_task *task);

/** Does the node run tile by tile, like a linear layer? */
bool net_by_tile(const struct pare_net *net, const struct net_layer *l);

/* One node over the whole batch, on all threads. */
void net_image_forward(struct pare_net *net, struct net_layer *l);
void net_image_backward(struct net_pass *p, struct net_layer *l);
void net_conv_forward(struct pare_net *net, struct net_layer *l);
void net_conv_backward(struct net_pass *p, struct net_layer *l);
void net_batchnorm_forward(struct pare_net *net, struct net_layer *l);
void net_batchnorm_backward(struct net_pass *pass, struct net_layer *l);

/** A linear layer over one tile, and over all, cut by rows. */
void net_linear_forward(struct pare_net *net, const struct net_layer *l,
                        size_t tile);
void net_linear_backward(struct pare_net *net, const struct net_layer *l,
                         size_t tile);
void net_linear_alone(struct pare_net *net, struct net_layer *l, bool backward);

/* One node over one tile. */
void net_tile_forward(struct pare_net *net, struct net_layer *l, size_t tile);
void net_tile_backward(struct pare_net *net, struct net_layer *l, size_t tile);

/** Batch norm with running statistics over one tile of features. */
void net_batchnorm_tile(struct pare_net *net, struct net_layer *l, size_t tile);
/** Most parts that a batch norm over images of a shape cuts a tile into. */
size_t net_norm_parts(const struct pare_shape *s, const struct net_buffer *b);

/** Factors of batch norm with running statistics. */
void net_batchnorm_running(struct pare_net *net, struct net_layer *l);

void net_dropout_forward(struct pare_net *net, struct net_layer *l,
                         size_t tile);
void net_dropout_backward(struct pare_net *net, struct net_layer *l,
                          size_t tile);
void net_srelu_forward(struct pare_net *net, struct net_layer *l, size_t tile);
void net_srelu_backward(struct pare_net *net, struct net_layer *l, size_t tile);
/** Floats that one task of a convolution's gradient works with. */
size_t net_conv_scratch(const struct net_layer *l);

/** Bring the weights of convolutions into the order of the kernels. */
void net_pack(struct pare_net *net);

/** Sum the parts of srelu's gradient in order. */
void net_srelu_combine(struct pare_net *net, struct net_layer *l);

/** The nodes done with a node's output at once, over pixels of a tile. */
void net_after(struct pare_net *net, struct net_layer *l, size_t tile,
               size_t pixel, size_t pixels, size_t skip);

/** Back through them, when the gradient at input k of l is complete. */
void net_back(struct pare_net *net, struct net_layer *l, int k, size_t tile,
              size_t pixel, size_t pixels);

#endif
