#ifndef PARE_CODEC_H
#define PARE_CODEC_H

#include "model.h"

/*
 * A tensor as a few streams of bytes and a short list of whole numbers, its
 * directory. The same bits come back, NaN payloads and -0 included.
 *
 * A stream is cut into pieces of PARE_PIECE raw bytes, the last shorter. A
 * piece of as many stored bytes as raw ones is those bytes; every other is a
 * zlib stream of its own (RFC 1950). Streams, in the order of enum
 * pare_part; those that a tensor does not need are left out:
 *
 * mask   Which positions are there. Not there when all or none are.
 *        bitmap: one bit for each position, the first lowest in its byte;
 *        gaps: for each entry the number of absent positions before it since
 *        the last one. One plane: a byte of 255 adds 255 and is no entry;
 *        2 to 8 planes: whole numbers of as many bytes, one a entry;
 *        choice: for each group of m positions the rank of its n, packed as
 *        codes are.
 *        Transposed, positions count along the first dimension first: the
 *        mask is that of the [n / dim[0]][dim[0]] matrix.
 * book   float32 levels of a codebook, or scales of int8.
 * value  What lies at those positions, in C order: 4 planes of bytes of
 *        float32 or 2 of the 16 bits, the lowest byte first, of the number's
 *        bits rotated left by one if so marked; or, constant, one number; or
 *        codes of levels, for int8 the code + 128: one plane, or two where
 *        there are over 256 levels. `per` > 1 codes may make one byte, the
 *        first in the lowest digit of base `radix`.
 */

#define PARE_PIECE       ((size_t)1 << 19) /* raw bytes */
#define PARE_CODEC_WORDS 5                 /* of a directory at its head */
#define PARE_CODEC_RATIO 1032 /* raw bytes of a stored one, at most */
#define PARE_CODEC_LEVEL 6

enum pare_part { PARE_PART_MASK, PARE_PART_BOOK, PARE_PART_VALUE };

enum pare_mask_form {
    PARE_MASK_ALL, /* or none: nnz is 0 */
    PARE_MASK_BITMAP,
    PARE_MASK_GAPS,
    PARE_MASK_CHOICE
};

enum pare_value_form { PARE_VALUE_PLANES, PARE_VALUE_SAME, PARE_VALUE_CODES };

/** A piece of a stream. */
struct pare_coded_piece {
    enum pare_part part;
    uint8_t plane;       /* 0: the lowest bytes */
    uint32_t raw;        /* bytes that it stands for */
    uint32_t stored;     /* bytes in data */
    const uint8_t *data; /* [stored] */
    uint8_t *own;        /* the same where pare_encode made it, else NULL */
};

/** A coded tensor. Zero-initialise; release with pare_coded_release. */
struct pare_coded {
    enum pare_mask_form mask_form;
    enum pare_value_form value_form;
    enum pare_dtype dtype;
    enum pare_quant_kind quant;
    bool masked;     /* what is absent is pruned, not merely 0 */
    bool transposed; /* the mask */
    bool rotated;    /* the planes of values */
    bool found;      /* levels that the tensor does not say it has */
    uint8_t planes;  /* of gaps, or bytes of a rank */
    uint8_t choose_n, choose_m;
    uint8_t per;      /* codes of a byte */
    uint8_t mask_per; /* ranks of a byte */
    uint64_t n;       /* positions */
    uint64_t nnz;     /* of them there */
    uint64_t n_mask;  /* raw bytes of a plane of the mask stream */
    uint64_t n_book;  /* levels, or scales */
    size_t n_pieces;
    struct pare_coded_piece *piece; /* [n_pieces] in the order of the bytes */
};

/** How hard to try: `level` 1 (fast) to 9 (small). */
struct pare_effort {
    int level;
    int threads; /* bytes do not depend on it */
};

/**
 * Code a tensor: its shape, values or entries, mask or pattern, type and
 * levels. Without a mask zeros (not -0) may be left out as well. Values that
 * are among 256 levels at most, though the tensor does not say so, are coded
 * as if it did, and come back without levels.
 *
 * @param c  zeroed, out; written only on success
 * @return 0; PARE_EINVAL (a value is not 0 where the mask is, is none of the
 *         type, or none of the levels); PARE_ELIMIT; PARE_ENOMEM
 *
 * A tensor of no positions has no pieces.
 */
int pare_encode(struct pare_coded *c, const struct pare_tensor *t,
                struct pare_effort effort);

/**
 * Code an array that lies under a tensor's mask or pattern, which is stored
 * elsewhere: an optimiser slot, a checkpoint. What the mask keeps is coded
 * as a float32 vector without a mask.
 *
 * @param value  [t->n], 0 where the mask is
 */
int pare_encode_under(struct pare_coded *c, const float *value,
                      const struct pare_tensor *t, struct pare_effort effort);

/** Free what the struct owns and zero it; zeroed is fine. */
void pare_coded_release(struct pare_coded *c);

/** Stored bytes of all pieces; of one part. */
uint64_t pare_coded_bytes(const struct pare_coded *c);
uint64_t pare_coded_part(const struct pare_coded *c, enum pare_part part);

/** Numbers of the directory. */
size_t pare_coded_words(const struct pare_coded *c);

/**
 * The directory: [0] flags, from the lowest bit: mask form 2 bits, masked,
 * transposed, value form 2, rotated, found, type 4, kind of levels 4, planes 4,
 * 0 4, per 8; [1] nnz; [2] n_mask; [3] n_book; [4] n + 256 m +
 * 65536 mask_per of a choice; then the stored bytes of each piece.
 *
 * @param word  [pare_coded_words(c)] out
 */
void pare_coded_put(uint64_t *word, const struct pare_coded *c);

/**
 * The reverse, for a tensor of a shape that is known: the pieces come without
 * data. All lengths are checked against each other.
 *
 * @param c      zeroed, out; written only on success
 * @param n      positions of the tensor
 * @param used   out: words read; more may follow. NULL: none may
 * @return 0; PARE_EFORMAT; PARE_ELIMIT; PARE_ENOMEM
 */
int pare_coded_get(struct pare_coded *c, const uint64_t *word, size_t n_words,
                   uint64_t n, size_t *used);

/**
 * Point the pieces into bytes that follow each other.
 *
 * @param bytes  [size], must outlive c
 * @return 0; PARE_EFORMAT: they are not pare_coded_bytes(c)
 */
int pare_coded_place(struct pare_coded *c, const uint8_t *bytes, size_t size);

/** Bytes that pare_decode allocates for the tensor. */
uint64_t pare_coded_room(const struct pare_coded *c, bool compact);

/**
 * Decode: fills value, mask or pattern, n, dtype and quant of a tensor whose
 * rank and dim are set. What is marked as masked gets a mask, or a pattern
 * if `compact`; without the mark a full array.
 *
 * @param t  in/out; value, mask, pattern NULL before; untouched on failure
 * @return 0; PARE_EFORMAT: a damaged stream, positions past the end, another
 *         number of them than nnz, codes of no level, levels that a tensor of
 *         such values cannot have (levels.h), bytes left over; PARE_ENOMEM
 */
int pare_decode(struct pare_tensor *t, const struct pare_coded *c, bool compact,
                int threads);

/**
 * Decode what pare_encode_under made, from the number of values that t keeps.
 *
 * @param value  [t->n] out; undefined after failure
 */
int pare_decode_under(float *value, const struct pare_coded *c,
                      const struct pare_tensor *t, int threads);

#endif
