#include "text_line.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

#define LINE_BYTES ((size_t)1 << 22)

#define bad(t, ...) pare_text_fail(t, PARE_EFORMAT, __VA_ARGS__)

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/** Make room for one more byte of the line. */
static int grow(struct pare_text *t, size_t used)
{
    char *line;

    if (used + 1 < t->room)
        return 0;
    if (t->room >= LINE_BYTES)
        return pare_text_fail(t, PARE_ELIMIT, "the line is too long");
    line = realloc(t->line, t->room ? 2 * t->room : 256);
    if (!line)
        return no_memory();
    t->line = line;
    t->room = t->room ? 2 * t->room : 256;
    return 0;
}

/** 1: a line; 0: the end of the stream; negative: a status. */
int pare_text_next(struct pare_text *t)
{
    size_t n = 0;
    int c, err;

    if (t->held) {
        t->held = false;
        return 1;
    }
    t->number++;
    while ((c = getc(t->in)) != EOF && c != '\n') {
        if (c == '\0')
            return bad(t, "a NUL in the text");
        err = grow(t, n);
        if (err)
            return err;
        t->line[n++] = (char)c;
    }
    if (ferror(t->in))
        return pare_text_fail(t, PARE_EIO, "cannot read: %s", strerror(errno));
    if (c == EOF && n == 0)
        return 0;
    err = grow(t, n);
    if (err)
        return err;
    t->line[n] = '\0';
    return 1;
}

/** The same for lines of values, which are indented. */
int pare_text_values(struct pare_text *t)
{
    int got = pare_text_next(t);

    if (got == 1 && t->line[0] != ' ') {
        t->held = true;
        return 0;
    }
    return got;
}

/** Cut the next word off; NULL at the end. */
char *pare_text_word(char **rest)
{
    char *w = *rest + strspn(*rest, " ");
    size_t n = strcspn(w, " ");

    if (!n)
        return NULL;
    *rest = w + n;
    if (**rest)
        *(*rest)++ = '\0';
    return w;
}

/** A whole number up to `most`. */
int pare_text_whole(struct pare_text *t, uint64_t *v, const char *text,
                    uint64_t most)
{
    uint64_t u = 0;

    if (!text || !*text)
        return bad(t, "a whole number is missing");
    for (const char *c = text; *c; c++) {
        unsigned digit = (unsigned)(*c - '0');

        if (digit > 9 || u > (UINT64_MAX - digit) / 10)
            return bad(t, "'%s' is not a whole number", text);
        u = u * 10 + digit;
    }
    if (u > most)
        return bad(t, "'%s' is larger than it may be", text);
    *v = u;
    return 0;
}

static bool numeric(const char *text)
{
    return text && *text &&
           !text[strspn(text, "0123456789abcdefABCDEFxXpP+-.")];
}

/** A finite float32; decimals are rounded to the nearest. */
int pare_text_real32(struct pare_text *t, float *v, const char *text)
{
    char *end;
    float f;

    if (!numeric(text))
        return bad(t, "'%s' is not a number", text ? text : "");
    f = strtof(text, &end);
    if (*end || !isfinite(f))
        return bad(t, "'%s' is not a finite float32", text);
    *v = f;
    return 0;
}

/** A double; history may hold infinities and NaN ("nan", "nan:BITS"). */
int pare_text_real64(struct pare_text *t, double *v, const char *text)
{
    char *end;
    double d;

    if (text && strncmp(text, "nan:", 4) == 0 && strlen(text) == 20 &&
        strspn(text + 4, "0123456789abcdef") == 16) {
        uint64_t bits = strtoull(text + 4, NULL, 16);

        memcpy(&d, &bits, sizeof d);
        if (!isnan(d))
            return bad(t, "'%s' is not a NaN", text);
    } else if (text && strcmp(text, "nan") == 0) {
        d = (double)NAN;
    } else if (text && (!strcmp(text, "inf") || !strcmp(text, "-inf"))) {
        d = *text == '-' ? -HUGE_VAL : HUGE_VAL;
    } else {
        if (!numeric(text))
            return bad(t, "'%s' is not a number", text ? text : "");
        d = strtod(text, &end);
        if (*end || !isfinite(d))
            return bad(t, "'%s' is not a finite number", text);
    }
    *v = d;
    return 0;
}

int pare_text_hex(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);

    return c && at ? (int)(at - digits) : -1;
}

/** Undo %XX in place. */
int pare_text_unescape(struct pare_text *t, char *text)
{
    char *to = text;

    for (char *c = text; *c; c++) {
        if (*c != '%') {
            *to++ = *c;
            continue;
        }
        if (pare_text_hex(c[1]) < 0 || pare_text_hex(c[2]) < 0 ||
            (c[1] == '0' && c[2] == '0'))
            return bad(t, "'%%' without two hexadecimal digits");
        *to++ = (char)(pare_text_hex(c[1]) * 16 + pare_text_hex(c[2]));
        c += 2;
    }
    *to = '\0';
    return 0;
}

/** The rest of the line into a fixed array. */
int pare_text_fixed(struct pare_text *t, char *to, size_t size, char *rest)
{
    int err = pare_text_unescape(t, rest);

    if (err)
        return err;
    if (strlen(rest) >= size)
        return bad(t, "the text is longer than %zu bytes", size - 1);
    memset(to, 0, size);
    memcpy(to, rest, strlen(rest));
    return 0;
}

int pare_text_end(struct pare_text *t, char *rest)
{
    const char *w = pare_text_word(&rest);

    return w ? bad(t, "'%s' is too much here", w) : 0;
}

/* ---- arrays ---------------------------------------------------------- */

int pare_text_dense(struct pare_text *t, float *v, size_t n)
{
    size_t i = 0, first = t->number;
    int got, err;

    while ((got = pare_text_values(t)) == 1) {
        char *rest = t->line, *w;

        while ((w = pare_text_word(&rest))) {
            if (i == n)
                return bad(t, "more than the %zu values expected", n);
            err = pare_text_real32(t, &v[i++], w);
            if (err)
                return err;
        }
    }
    if (got < 0)
        return got;
    if (i != n) {
        t->number = first;
        return bad(t, "%zu values follow, expected %zu", i, n);
    }
    return 0;
}

/** index:value, ascending; others are 0, and pruned if there is a mask. */
int pare_text_sparse(struct pare_text *t, float *v, uint8_t *mask, size_t n)
{
    uint64_t next = 0, i;
    int got, err;

    memset(v, 0, n * sizeof *v);
    if (mask)
        memset(mask, 0, n);
    while ((got = pare_text_values(t)) == 1) {
        char *rest = t->line, *w;

        while ((w = pare_text_word(&rest))) {
            char *colon = strchr(w, ':');

            if (!colon)
                return bad(t, "'%s' is not index:value", w);
            *colon = '\0';
            err = pare_text_whole(t, &i, w, n - 1);
            if (!err && i < next)
                err = bad(t, "index %s does not ascend", w);
            if (!err)
                err = pare_text_real32(t, &v[i], colon + 1);
            if (err)
                return err;
            if (mask)
                mask[i] = 1;
            next = i + 1;
        }
    }
    return got;
}

/** "dense" or "sparse" at the end of a line, and the values below it. */
int pare_text_array(struct pare_text *t, float *v, size_t n, char *rest)
{
    const char *kind = pare_text_word(&rest);
    int err = pare_text_end(t, rest);

    if (err)
        return err;
    if (kind && strcmp(kind, "dense") == 0)
        return pare_text_dense(t, v, n);
    if (kind && strcmp(kind, "sparse") == 0)
        return pare_text_sparse(t, v, NULL, n);
    return bad(t, "expected 'dense' or 'sparse'");
}
