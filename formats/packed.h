#ifndef PARE_PACKED_H
#define PARE_PACKED_H

/* The packed layout of pare-model(5): shared by the model_*.c and packed_*.c
 * files, and by their tests. */
#include "codec.h"
#include "model_arrays.h"

#define PARE_PACKED_DIRECTORY "parts" /* the attribute of coded bytes */
#define PARE_PACKED_REFERENCE 0x80u   /* instead of a tensor: an earlier one */

/** The texts of a file, behind each other. */
struct pare_texts {
    char *bytes; /* [n], then a NUL */
    size_t n;
};

/** Free what it owns and zero it; zeroed is fine. */
void pare_texts_release(struct pare_texts *x);

/**
 * Put all texts of a model, and what /input says, into /texts.
 *
 * @return 0; PARE_EINVAL (a text that cannot be one); PARE_ENOMEM; PARE_EIO
 */
int pare_texts_write(struct pare_build *b);

/** Read /texts into r->texts, its room charged. 0; PARE_EFORMAT;
 *  PARE_ELIMIT; PARE_ENOMEM. */
int pare_texts_read(struct pare_reader *r);

/**
 * A text of r->texts, malloc'd.
 *
 * @param text  out, or NULL: only whether it is there
 * @return 1; 0 when there is none; PARE_EFORMAT; PARE_ELIMIT; PARE_ENOMEM
 */
int pare_texts_get(char **text, const struct pare_reader *r, const char *name,
                   size_t limit);

/** What /input says: the normalisation and the number of classes. */
int pare_texts_input(int64_t *classes, struct pare_reader *r);

/**
 * Write /layers: a dataset a layer with the coded tensors behind each other.
 * One that equals an earlier tensor of its shape refers to it. Where the file
 * would be too small for the memory that it asks for, zeros come after them.
 *
 * @param stored  [n_tensors] out
 * @return 0; PARE_EINVAL; PARE_ELIMIT; PARE_ENOMEM; PARE_EIO
 */
int pare_packed_write_layers(struct pare_build *b, struct pare_stored *stored);

/**
 * Read a tensor that is laid and has no values: these, its mask or pattern,
 * type and levels. On a walk it only says how many values there are.
 *
 * @param stored  out
 */
int pare_packed_read_tensor(struct pare_reader *r, size_t tensor,
                            struct pare_stored *stored);

/** How a coded tensor lies in its file, and its bytes there. */
void pare_packed_tell(struct pare_stored *stored, const struct pare_coded *c);

/** As pare_write_kept, pare_write_dense, and both with the mask of t. */
int pare_packed_write_kept(struct pare_build *b, const char *path,
                           const float *v, const struct pare_tensor *t);
int pare_packed_write_whole(struct pare_build *b, const char *path,
                            const float *v, const struct pare_tensor *t);

/** As pare_read_kept. */
int pare_packed_read_kept(struct pare_reader *r, float *out, const char *path,
                          const struct pare_tensor *t);

/**
 * Read an array of the shape of t, with the mask that is coded with it.
 *
 * @param out   [t->n] out
 * @param mask  out: malloc'd [t->n] or NULL; NULL: it must have none
 */
int pare_packed_read_whole(struct pare_reader *r, float *out, uint8_t **mask,
                           const char *path, const struct pare_tensor *t);

#endif
