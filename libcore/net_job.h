#ifndef PARE_NET_JOB_H
#define PARE_NET_JOB_H

#include "net_layers.h"
#include "parallel.h"

/** One node over tiles, each cut into blocks of rows or pixels. */
struct net_job {
    struct net_pass *pass; /* backward */
    struct pare_net *net;
    struct net_layer *l;
    size_t block, blocks; /* size of a block, blocks of a tile */
    size_t total;         /* rows or pixels of a tile */
    size_t before;        /* tasks that come before those of the tiles */
};

/** The first row or pixel of task i, and how many it has. */
static inline size_t net_job_start(const struct net_job *j, size_t i, size_t *n)
{
    size_t first = i % j->blocks * j->block;

    *n = j->total - first < j->block ? j->total - first : j->block;
    return first;
}

/**
 * Run a task for each block of the tiles that a buffer has in this pass.
 *
 * @param block  rows or pixels of a block, 0: one
 * @param total  of a tile
 */
static inline void net_job_run(struct net_job *j, size_t block, size_t total,
                               const struct net_buffer *tiled,
                               void (*task)(void *arg, size_t i))
{
    j->block = block < 1 ? 1 : block;
    j->total = total;
    j->blocks = (total + j->block - 1) / j->block;
    pare_parallel(j->net->threads,
                  j->before + net_tiles(j->net, tiled) * j->blocks, task, j);
}

/** A tile of a buffer's activations or gradients. */
static inline float *net_tile_of(float *array, const struct net_buffer *b,
                                 size_t tile)
{
    return array + tile * b->size * b->lanes;
}

/** Pixels of an image. */
static inline size_t net_pixels_of(const struct net_buffer *b)
{
    return b->size / b->channels;
}

#endif
