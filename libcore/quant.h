#ifndef PARE_QUANT_H
#define PARE_QUANT_H

#include <stddef.h>
#include <stdint.h>

/* Values of a tensor that are among few levels. */

#define PARE_BOOK_MAX 65536 /* levels of a tensor */

enum pare_quant_kind {
    PARE_QUANT_NONE,
    PARE_QUANT_CODEBOOK, /* levels found by clustering, trained on */
    PARE_QUANT_UNIFORM,  /* levels are multiples of a step */
    PARE_QUANT_INT8      /* -127..127 times a scale, of all or of each row */
};

/**
 * How a tensor is quantised. Its values stay what they are, float32; this
 * says of which levels they are, so that files need not hold more. Each
 * kept value is bit for bit one of book, or for int8 code * scale rounded
 * to float32 for a whole code from -127 to 127. The code of a value is
 * found again from the value alone.
 */
struct pare_quant {
    enum pare_quant_kind kind;
    size_t n_book;  /* codebook and uniform: 1..PARE_BOOK_MAX */
    float *book;    /* [n_book] ascending, no two equal, finite, no -0 */
    size_t n_scale; /* int8: 1, or the first dimension of the tensor */
    float *scale;   /* [n_scale] finite, > 0 */
};

/** "none", "codebook", "uniform", "int8". */
const char *pare_quant_name(enum pare_quant_kind kind);

/** The reverse. 0; PARE_EINVAL (message set). */
int pare_quant_find(enum pare_quant_kind *kind, const char *name);

/** Free what the struct owns and zero it. */
void pare_quant_release(struct pare_quant *q);

/** Replace *to by a copy. 0; PARE_ENOMEM (*to untouched). */
int pare_quant_copy(struct pare_quant *to, const struct pare_quant *from);

/** Index of a level in the book, by its bits; n_book if it is none. */
size_t pare_quant_code(const struct pare_quant *q, float value);

#endif
