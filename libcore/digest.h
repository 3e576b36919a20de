#ifndef PARE_DIGEST_H
#define PARE_DIGEST_H

#include "model.h"

/** A running XXH3-128 digest; opaque. */
struct pare_digest;

/** NULL without memory (message set). */
struct pare_digest *pare_digest_new(void);

/** Add n bytes as they are. */
void pare_digest_bytes(struct pare_digest *d, const void *p, size_t n);
/** A string with its length, so that "ab","c" differs from "a","bc". */
void pare_digest_text(struct pare_digest *d, const char *text);

/** Add a number as 8 bytes, little-endian. */
void pare_digest_u64(struct pare_digest *d, uint64_t v);

/** Add the bits of a double as a u64. */
void pare_digest_f64(struct pare_digest *d, double v);
/**
 * Values of an array: its length; for each 64 consecutive ones that are not
 * all 0 the number of that block, a word of bits for those that are not 0,
 * and these; an end mark. So the digest does not depend on how a file
 * encodes them, and pruned weights cost next to nothing. -0 counts as 0.
 */
void pare_digest_values(struct pare_digest *d, const float *v, size_t n);
/** Write 32 hexadecimal digits and a NUL, and free d. */
void pare_digest_finish(struct pare_digest *d, char hex[PARE_DIGEST_LEN]);

/**
 * Digest of what the network computes: names, shapes and dense values of
 * all tensors. Independent of masks, encoding and file format.
 */
int pare_digest_weights(char hex[PARE_DIGEST_LEN], const struct pare_model *m);

/** The same over other values, one array a tensor (a checkpoint's). */
int pare_digest_weights_of(char hex[PARE_DIGEST_LEN],
                           const struct pare_model *m, float *const *value);

/**
 * Digest of everything a next step can see: architecture, input
 * description, weights, masks, optimiser, position, checkpoints, history,
 * and where there are any scores, curves, the dialect, what rewiring carries
 * and what tensors promise of their values; all but the provenance and /user.
 *
 * All digests are the same for a tensor that lies compact as for the same
 * tensor with a mask, and go over its entries only.
 */
int pare_digest_state(char hex[PARE_DIGEST_LEN], const struct pare_model *m);

/** Both in one pass over the weights. */
int pare_digest_both(char weights[PARE_DIGEST_LEN],
                     char state[PARE_DIGEST_LEN], const struct pare_model *m);

/** A seed that follows from a digest and a purpose (DESIGN: no -S given). */
uint64_t pare_digest_seed(const char *hex, const char *purpose);

/** What is known of the digests of a model whose tensors, coming from a
 *  loader, never change: so they need not be gone over again. */
struct pare_known;

/** Nothing is known yet. NULL without memory (message set). */
struct pare_known *pare_known_new(void);

/** NULL is fine. */
void pare_known_free(struct pare_known *k);

#endif
