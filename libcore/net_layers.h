#ifndef PARE_NET_LAYERS_H
#define PARE_NET_LAYERS_H

#include "activation.h"
#include "net.h"

/*
 * Inside of a network, shared by net.c (plan and passes), net_update.c
 * (weight gradients and updates) and net_norm.c (dropout, batch norm).
 */

/** Activations between two layers: tiles, and what backward needs. */
struct net_buffer {
    size_t features;
    float *act;  /* [tiles][features][width] */
    float *grad; /* the same, of the loss; NULL in eval */
    float *rows; /* [batch][features], sample-major; NULL unless needed */
};

/** A layer with its arithmetic and arrays. */
struct net_layer {
    const struct pare_layer *layer;
    enum pare_layer_op op;
    const struct pare_activation *activation;
    float opt;            /* first option: slope, p, eps */
    size_t in, out;       /* indices of buffers; equal when in place */
    size_t tensor;        /* index of the first tensor */
    bool has_bias;
    bool need_dx;         /* some layer before it has weights */
    bool fill_rows;       /* linear: transpose its input to rows */
    uint8_t *keep;        /* dropout: [tiles][features][width] */
    float *xhat;          /* batch norm: [tiles][features][width] */
    float *inv_std;       /* batch norm: [features] */
    float *dscale, *dshift; /* batch norm: [features] */
    uint32_t index;       /* of the layer, for dropout's stream */
};

/** A block of weight rows whose gradient and update are one task. */
struct net_task {
    size_t layer, first, rows;
};

struct pare_net {
    struct pare_model *model;
    const struct pare_kernel *kernel;
    size_t batch, width, tiles; /* tiles of a full batch */
    size_t classes;
    bool train;
    int threads;
    size_t n_buffers, n_layers, n_tasks;
    struct net_buffer *buffer;
    struct net_layer *layer;
    struct net_task *task;
    size_t bytes;
    /* of the last forward pass */
    size_t n;
    bool training;
    uint64_t seed, step;
};

#define NET_ROWS 24 /* weight rows of a task */
#define NET_SAMPLES 256 /* summed at once; a multiple of all widths */
#define NET_COLS 1024 /* columns of weights updated at once */

/** Tiles that n samples fill. */
size_t net_tiles(const struct pare_net *net, size_t n);

/** Gradients at every buffer, from the one that pare_net_loss left. */
void net_backward(struct pare_net *net);

void net_dropout_forward(struct pare_net *net, struct net_layer *l,
                         size_t tile);
void net_dropout_backward(struct pare_net *net, struct net_layer *l,
                          size_t tile);

/** Batch norm with running statistics, one tile. */
void net_batchnorm_eval(struct pare_net *net, struct net_layer *l,
                        size_t tile);
void net_batchnorm_eval_backward(struct pare_net *net, struct net_layer *l,
                                 size_t tile);
/** Batch norm over the batch: all tiles, cut into blocks of features. */
void net_batchnorm_forward(struct pare_net *net, struct net_layer *l);
void net_batchnorm_backward(struct pare_net *net, struct net_layer *l);

#endif
