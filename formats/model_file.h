#ifndef PARE_MODEL_FILE_H
#define PARE_MODEL_FILE_H

#include "model.h"

#define PARE_MODEL_VERSION 5 /* the newest that is read */

/** How a tensor lies in a file; see pare-model(5). */
enum pare_encoding {
    PARE_ENC_DENSE,
    PARE_ENC_BITMAP,
    PARE_ENC_INDEX,
    PARE_ENC_ROWS,   /* row pointers and gaps of columns */
    PARE_ENC_GAPS,   /* these four of packed files only */
    PARE_ENC_CHOICE, /* n of m */
    PARE_ENC_ONE,    /* the same value everywhere */
    PARE_ENC_SAME,   /* as an earlier tensor */
    PARE_ENC_RANS    /* by the filter of rans.h */
};

/** "dense", "bitmap", "index", "rows", "gaps", "n:m", "one", "same",
 *  "rans". */
const char *pare_encoding_name(enum pare_encoding e);

/** Bytes of one tensor in the file it was read from or would be written to. */
struct pare_stored {
    enum pare_encoding encoding;
    uint64_t mask_bytes, value_bytes;
};

struct pare_model_file {
    char weights[PARE_DIGEST_LEN]; /* digests as stored, checked on reading */
    char state[PARE_DIGEST_LEN];
    uint64_t bytes;             /* of the whole file */
    struct pare_stored *stored; /* [n_tensors] */
    bool packed;                /* its layout */
    int level, threads;         /* with which it is packed, 0 when read */
    bool filter;                /* to be written by that of rans.h */
    char autosave_key[PARE_DIGEST_LEN]; /* "" unless an autosave */
    char *autosave_text;        /* running sums etc., or NULL */
    size_t n_unknown;           /* objects this version does not know */
    char **unknown;             /* their paths; dropped on rewriting */
};

/**
 * Read a model, checking everything pare-model(5) asks: structure, limits,
 * shapes against the architecture, finite weights, both digests.
 *
 * A pruned weight of more than PARE_DENSE_POSITIONS positions comes compact
 * (compact.h), unless it has at most 2^32 - 1 of them and something of it is
 * not 0 where it is pruned: an undo point, scores, a dense optimiser state.
 *
 * @param m     zeroed, out; written only on success
 * @param info  zeroed, out, or NULL; release with pare_model_file_release
 * @param path  file, or "-"/NULL for standard input
 * @return 0; PARE_EIO; PARE_EFORMAT; PARE_ELIMIT; PARE_ENOMEM
 */
int pare_model_read(struct pare_model *m, struct pare_model_file *info,
                    const char *path);

/**
 * The same for a tool that can work tensor by tensor (loader.h): a model of
 * more than 1 GiB of values gets a loader, if it holds no other large arrays:
 * optimiser state, checkpoints with values, scores, positions that rewiring
 * carries. All is checked as by pare_model_read. What the tool makes of it
 * does not depend on which way it came.
 *
 * The file must stay as it is until the model is released.
 *
 * @return as pare_model_read; PARE_EINVAL where the environment's
 *         PARE_MODEL_MEMORY, which says another number of bytes, is none
 */
int pare_model_open(struct pare_model *m, struct pare_model_file *info,
                    const char *path);

/** Free what the struct owns and zero it; zeroed is fine. */
void pare_model_file_release(struct pare_model_file *info, size_t n_tensors);

/**
 * Write a model whole or not at all, with its digests; the same model gives
 * the same bytes always. Refuses a terminal on standard output.
 *
 * @param info  NULL, or out: sizes and digests of what was written
 * @param path  file, or "-"/NULL for standard output
 */
int pare_model_write(const char *path, const struct pare_model *m,
                     struct pare_model_file *info);

/**
 * The same in the packed layout: everything coded, for files that are kept.
 * The bytes do not depend on `threads`.
 *
 * @param level  1 (fast) to 9 (small)
 */
int pare_model_write_packed(const char *path, const struct pare_model *m,
                            int level, int threads,
                            struct pare_model_file *info);

/**
 * The same in the plain layout, but for tensors that the filter of rans.h
 * makes smaller, in bytes of the file: with its plug-in these are dense datasets
 * for all programs. Their encoding is PARE_ENC_RANS.
 */
int pare_model_write_filtered(const char *path, const struct pare_model *m,
                              int threads, struct pare_model_file *info);

/** The same into memory: *bytes malloc'd. */
int pare_model_image(void **bytes, size_t *n, const struct pare_model *m,
                     struct pare_model_file *info);

/** Write an autosave: a model plus the key and text of its run. */
int pare_autosave_write(const char *path, const struct pare_model *m,
                        const char *key, const char *text);

/**
 * Check a model's invariants beyond what reading does (pare-check(1)):
 * masked values, optimiser slots (but for a dialect that has them dense),
 * checkpoints (an undo point's under its own mask) and scores other than
 * hebbian are 0, init regenerates, what rewiring carries fits the model.
 * Calls report once per finding, and to tell of a dialect with dense state.
 * @return number of findings, or a negative status
 */
int pare_model_check(const struct pare_model *m,
                     void (*report)(void *arg, const char *line), void *arg);

#endif
