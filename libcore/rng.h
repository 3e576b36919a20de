#ifndef PARE_RNG_H
#define PARE_RNG_H

#include <stddef.h>
#include <stdint.h>

/**
 * What a random number is for. Part of the counter, so that two purposes
 * never share numbers; the values are part of the file format's promise
 * (an `init` checkpoint is regenerated from them) and never change.
 */
enum pare_stream {
    PARE_STREAM_INIT = 1,      /* initial weights; sub = tensor index */
    PARE_STREAM_SHUFFLE = 2,   /* order of samples; sub = epoch */
    PARE_STREAM_DROPOUT = 3,   /* dropout; sub = layer, block per step */
    PARE_STREAM_SPLIT = 4,     /* train/val/test splits of data files */
    PARE_STREAM_PRUNE = 5,     /* the random criterion; sub = tensor */
    PARE_STREAM_CALIBRATE = 6, /* samples for criteria that need data */
    PARE_STREAM_AUGMENT = 7,   /* changes of images; sub = epoch */
    PARE_STREAM_SPARSE = 8,    /* first connections of a sparse layer */
    PARE_STREAM_GROW = 9,      /* new connections; sub = tensor */
    PARE_STREAM_NEW = 10,      /* values of new connections; sub = tensor */
    PARE_STREAM_EVOLVE = 11,   /* random times of rewiring; sub = tensor */
    PARE_STREAM_MASK = 12,     /* masks that are drawn; sub = tensor */
    PARE_STREAM_GIBBS = 13,    /* units of a Boltzmann machine that are on */
    PARE_STREAM_CLUSTER = 14   /* first levels of a codebook */
};

/**
 * One block of the Philox4x32-10 counter-based generator.
 *
 * @param out  [4] random words, out
 * @param ctr  [4] counter
 * @param key  [2] key
 *
 * Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3",
 * SC'11; tested against the known-answer vectors published with it.
 */
void pare_philox(uint32_t out[4], const uint32_t ctr[4], const uint32_t key[2]);

/**
 * Four random words for a place in a stream: key = seed, counter =
 * (index low, index high, sub, stream).
 */
void pare_rng_block(uint32_t out[4], uint64_t seed, enum pare_stream stream,
                    uint32_t sub, uint64_t index);

/**
 * n blocks that follow each other, those of pare_rng_block for first,
 * first + 1, ...
 *
 * @param out  [4 n] out
 */
void pare_rng_blocks(uint32_t *out, size_t n, uint64_t seed,
                     enum pare_stream stream, uint32_t sub, uint64_t first);

/** floor(r n / 2^64): with r 64 random bits, uniform below n. */
uint64_t pare_rng_scale(uint64_t r, uint64_t n);

/** Map a random word to [0, 1): the top 24 bits times 2^-24. */
float pare_rng_unit(uint32_t word);

/**
 * n uniform numbers in [lo, hi); number i depends on (seed, stream, sub, i)
 * alone. Computed in double, rounded to float once.
 *
 * @param out  [n] float32, out
 */
void pare_rng_uniform(float *out, size_t n, double lo, double hi, uint64_t seed,
                      enum pare_stream stream, uint32_t sub);

/** Number i of those that pare_rng_uniform draws, to the bit. */
float pare_rng_uniform_at(uint64_t i, double lo, double hi, uint64_t seed,
                          enum pare_stream stream, uint32_t sub);

/**
 * n normal numbers of mean 0 and standard deviation sd, two from each
 * Box-Muller pair (in double, rounded once).
 *
 * @param out  [n] float32, out
 */
void pare_rng_normal(float *out, size_t n, double sd, uint64_t seed,
                     enum pare_stream stream, uint32_t sub);

/** Number i of those that pare_rng_normal draws, to the bit. */
float pare_rng_normal_at(uint64_t i, double sd, uint64_t seed,
                         enum pare_stream stream, uint32_t sub);

/** 64 random bits: number i of a sequence named by the other three. */
uint64_t pare_rng_u64(uint64_t i, uint64_t seed, enum pare_stream stream,
                      uint32_t sub);

/**
 * Number i of a sequence of whole numbers in 0..range-1, 64 bits each: the
 * high half of their product with the range, so that each has its
 * probability to range / 2^64. 0 for a range of 0.
 */
uint64_t pare_rng_below(uint64_t range, uint64_t i, uint64_t seed,
                        enum pare_stream stream, uint32_t sub);

/**
 * A random permutation of 0..n-1 by Fisher-Yates; draw i uses 64 bits of
 * (seed, stream, sub, i), so a permutation is named by those three numbers.
 *
 * @param perm  [n] out; n < 2^32
 */
void pare_rng_permutation(uint32_t *perm, size_t n, uint64_t seed,
                          enum pare_stream stream, uint32_t sub);

#endif
