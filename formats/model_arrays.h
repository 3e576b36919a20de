#ifndef PARE_MODEL_ARRAYS_H
#define PARE_MODEL_ARRAYS_H

/* Arrays of a model's file, dense or without what is pruned: shared by the
 * files that read and write its parts. */
#include "model_io.h"

/** A reading under way. */
struct pare_reader {
    struct pare_h5 *h;
    struct pare_model *m;
    struct pare_model_file *info; /* may be NULL */
    uint64_t budget;              /* bytes of memory left */
    uint64_t whole;               /* positions; with more of them: */
    bool walk;                    /* arrays are only looked for */
    uint64_t limit; /* of bytes of values; above it they are not read; 0: none */
    bool stream;    /* they are above it: tensors come one by one */
    struct pare_texts *texts; /* of a packed file (packed.h), or NULL */
    bool packed;              /* the layout */
    int64_t version;          /* of the format, as the file says */
    int threads;              /* that decode */
};

/** A file being built. */
struct pare_build {
    struct pare_h5w *w;
    const struct pare_model *m;
    int level, threads; /* of the packed layout; level 0: plain */
    bool filter;        /* weights by the filter of rans.h */
};

/** Tensor t with the mask that it has among `mask`, which may be none; with
 *  its own where `mask` is NULL. */
static inline struct pare_tensor pare_tensor_as(const struct pare_model *m,
                                                size_t t, uint8_t *const *mask)
{
    struct pare_tensor as = m->tensor[t];

    if (mask)
        as.mask = mask[t];
    return as;
}

/**
 * Read one tensor of a model that comes tensor by tensor, which has no values
 * and no mask: its mask, or all of it.
 *
 * @param stored  its bytes in the file, out
 */
int pare_read_tensor(struct pare_reader *r, struct pare_tensor *t,
                     struct pare_stored *stored, bool mask_only);

/** Is the model, of which no array was read yet, to come tensor by tensor? The
 *  answer goes to r->stream. 0 or a status. */
int pare_stream_choose(struct pare_reader *r);

/** Then: on a walk look at all tensors, else give the model a loader, which
 *  closes the file. 0 or a status. */
int pare_stream_tensors(struct pare_reader *r);

/** And when all of them were loaded once: their bytes to r->info. */
int pare_stream_stored(struct pare_reader *r);

/** Take count * size bytes off the budget. 0; PARE_ELIMIT. */
int pare_reader_charge(struct pare_reader *r, uint64_t count, uint64_t size);

/**
 * Read an array of the shape and under the mask of t.
 *
 * @param out   [t->n] out
 * @param path  of the dense dataset; read_array takes PATH.kept instead
 *              when t has a mask or pattern and the file has that; read_kept
 *              takes the path of the kept values itself
 */
int pare_read_dense(struct pare_reader *r, float *out, const char *path,
                    const struct pare_tensor *t);
int pare_read_kept(struct pare_reader *r, float *out, const char *path,
                   const struct pare_tensor *t);
int pare_read_array(struct pare_reader *r, float *out, const char *path,
                    const struct pare_tensor *t);

/** 1: a tensor is to lie compact if it is pruned; 0: not; or a status. One
 *  that can have a mask does where something is not 0 under it. */
int pare_lies_compact(struct pare_reader *r, const struct pare_tensor *t);

/** The positions of t, which is to lie compact: its pattern and t->n; when
 *  the file has none, t gets none. 0; PARE_EFORMAT; PARE_ELIMIT. On a walk the
 *  pattern only says how many there are. */
int pare_read_pattern(struct pare_reader *r, const char *path,
                      struct pare_tensor *t, struct pare_stored *stored);

/** Pruned positions of values that say that what is 0 is pruned; nothing
 *  happens with others. */
int pare_read_filtered_mask(struct pare_reader *r, const char *path,
                            struct pare_tensor *t, struct pare_stored *stored);

/** The mask at PATH.mask or PATH.index into t, which has none, or from values
 *  at PATH that say so; when the file has none of these, t keeps none. Its
 *  encoding goes to *stored. */
int pare_read_mask(struct pare_reader *r, const char *path,
                   struct pare_tensor *t, struct pare_stored *stored);

/** 0 if all n values are finite, else PARE_EFORMAT naming the path. */
int pare_read_finite(const float *v, const char *path, size_t n);

/** Is v 0 wherever the mask of t is 0? t has a mask. */
bool pare_zero_under_mask(const float *v, const struct pare_tensor *t);

/** 0 if all values are finite, else PARE_EINVAL naming the tensor. */
int pare_write_finite(const float *v, const struct pare_tensor *t);

/** Write what the mask of t keeps at PATH.kept, all at PATH, or one of both:
 *  what is not 0 under the mask stays dense. */
int pare_write_kept(struct pare_build *b, const char *path, const float *v,
                    const struct pare_tensor *t);
int pare_write_dense(struct pare_build *b, const char *path, const float *v,
                     const struct pare_tensor *t);
int pare_write_array(struct pare_build *b, const char *path, const float *v,
                     const struct pare_tensor *t);

/** Where the values or codes of t lie: PATH, PATH.kept or PATH.codes. */
void pare_values_path(char *name, size_t size, const char *path,
                      const struct pare_tensor *t);

/** Where they lie, and whether dense though t has a mask or levels: 1, 0, or
 *  a negative status. As pare_values_path in all files but those with the
 *  filter of rans.h. */
int pare_find_values(char *name, size_t size, struct pare_reader *r,
                     const char *path, const struct pare_tensor *t);

/**
 * Write the values of a tensor by the filter of rans.h, and with them its
 * mask and levels.
 *
 * @param done  out: false: nothing was written, as the filter is not asked
 *              for, the plain layout is smaller, or the tensor does not suit
 */
int pare_write_filtered(bool *done, struct pare_build *b, const char *path,
                        const struct pare_tensor *t,
                        struct pare_stored *stored);

/** Values at NAME, of the shape of t and of any type that values have, to
 *  out [t->n]. */
int pare_read_whole(struct pare_reader *r, float *out, const char *name,
                    const struct pare_tensor *t);

/** The levels or scales of a quantised tensor to PATH.book or PATH.scale; their
 *  bytes are added to stored->value_bytes. */
int pare_write_book(struct pare_build *b, const char *path,
                    const struct pare_tensor *t, struct pare_stored *stored);

/** What the values of a tensor are stored as: t gets its type and levels.
 *  Bytes of these are added to stored->value_bytes. */
int pare_read_levels(struct pare_reader *r, const char *path,
                     struct pare_tensor *t, struct pare_stored *stored);

/** The values of a tensor, which has its mask, type and levels. Bytes are
 *  added to stored->value_bytes. */
int pare_read_values(struct pare_reader *r, const char *path,
                     struct pare_tensor *t, struct pare_stored *stored);
int pare_write_values(struct pare_build *b, const char *path,
                      const struct pare_tensor *t, struct pare_stored *stored);

/** 0 if a dataset has the shape of t, else PARE_EFORMAT. */
int pare_read_shape(const struct pare_h5_info *info, const char *path,
                    const struct pare_tensor *t);

/** Attributes of a dataset of values that tell a stranger what it is: the
 *  shape of a pruned tensor, the axes of a weight. None may be false, only the
 *  shape may be missing. 0; PARE_EFORMAT. */
int pare_read_labels(struct pare_reader *r, const char *path,
                     const struct pare_tensor *t);
int pare_write_labels(struct pare_build *b, const char *path,
                      const struct pare_tensor *t);

/** The mask at PATH.mask or PATH.index, whichever takes fewer bytes; above
 *  2^32 - 1 positions of a compact tensor PATH.rows and PATH.gaps. */
int pare_write_mask(struct pare_build *b, const char *path,
                    const struct pare_tensor *t, struct pare_stored *stored);
int pare_write_pattern(struct pare_build *b, const char *path,
                       const struct pare_tensor *t, struct pare_stored *stored);

/** /rewiring: what dynamic training carries. */
int pare_rewiring_read(struct pare_reader *r);
int pare_rewiring_write(struct pare_build *b);

/** /scores and /curves: what a model carries for later prunings. */
int pare_scores_read(struct pare_reader *r);
int pare_scores_write(struct pare_build *b);
int pare_curves_read(struct pare_reader *r);
int pare_curves_write(struct pare_build *b);

#endif
