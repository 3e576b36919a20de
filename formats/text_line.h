#ifndef PARE_TEXT_LINE_H
#define PARE_TEXT_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/**
 * Lines, words and numbers of the text twin. Every function that returns
 * int gives 0 or a status whose message names the stream and the line.
 */
struct pare_text {
    FILE *in;
    const char *name;
    size_t number; /* of the line in `line`, from 1 */
    char *line;    /* without its newline; free it at the end */
    size_t room;
    bool held; /* the line is to be read again */
};

/** Set the message "NAME:LINE: ..."; returns the code. */
#define pare_text_fail(t, code, ...)                                           \
    pare_fail_prefix(pare_fail(code, __VA_ARGS__), "%s:%zu", (t)->name,        \
                     (t)->number)

/** 1: a line; 0: the end of the stream; negative: a status. */
int pare_text_next(struct pare_text *t);

/** The same for lines of values, which are indented; 0 before another. */
int pare_text_values(struct pare_text *t);

/** Cut the next word off; NULL at the end of the line. */
char *pare_text_word(char **rest);

/** A whole number up to `most`; NULL text is an error. */
int pare_text_whole(struct pare_text *t, uint64_t *v, const char *text,
                    uint64_t most);

/** A finite float32; decimals are rounded to the nearest. */
int pare_text_real32(struct pare_text *t, float *v, const char *text);

/** A double, "inf", "-inf", "nan" or "nan:BITS". */
int pare_text_real64(struct pare_text *t, double *v, const char *text);

/** Value of a hexadecimal digit, -1 for others. */
int pare_text_hex(char c);

/** Undo %XX in place. */
int pare_text_unescape(struct pare_text *t, char *text);

/** The rest of the line, unescaped, into an array of `size` bytes. */
int pare_text_fixed(struct pare_text *t, char *to, size_t size, char *rest);

/** Refuse further words. */
int pare_text_end(struct pare_text *t, char *rest);

/** Exactly n values from the lines below. */
int pare_text_dense(struct pare_text *t, float *v, size_t n);

/**
 * index:value from the lines below, ascending; other values become +0.
 * @param mask  [n] out, 1 where an index was given; or NULL
 */
int pare_text_sparse(struct pare_text *t, float *v, uint8_t *mask, size_t n);

/** "dense" or "sparse" at the end of the line, and the values below it. */
int pare_text_array(struct pare_text *t, float *v, size_t n, char *rest);

#endif
