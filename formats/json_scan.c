#include "json_scan.h"

#include <stdlib.h>
#include <string.h>

#include "status.h"

#define DEPTH 64

static int damaged(const struct pare_json_scan *s, const char *expected)
{
    return pare_fail(PARE_EFORMAT, "'%s': its JSON lacks %s", s->name,
                     expected);
}

static void skip_space(struct pare_json_scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' ||
                              *s->at == '\n' || *s->at == '\r'))
        s->at++;
}

bool pare_json_scan_done(struct pare_json_scan *s)
{
    skip_space(s);
    return s->at == s->end;
}

bool pare_json_scan_is(struct pare_json_scan *s, char c)
{
    skip_space(s);
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

int pare_json_scan_char(struct pare_json_scan *s, char c)
{
    const char expected[] = {'\'', c, '\'', '\0'};

    return pare_json_scan_is(s, c) ? 0 : damaged(s, expected);
}

/* Four hexadecimal digits. */
static bool take_hex(unsigned *code, struct pare_json_scan *s)
{
    *code = 0;
    for (int i = 0; i < 4; i++, s->at++) {
        char c = s->at < s->end ? *s->at : '\0';

        if (c >= '0' && c <= '9')
            *code = *code << 4 | (unsigned)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            *code = *code << 4 | (unsigned)((c | 32) - 'a' + 10);
        else
            return false;
    }
    return true;
}

static size_t put_utf8(char *out, unsigned code)
{
    static const unsigned char lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    for (size_t i = n; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)(n == 1 ? code : lead[n] | code);
    return n;
}

/* What follows a backslash; out has room for 4 bytes. 0 bytes: it is wrong. */
static size_t take_escape(char *out, struct pare_json_scan *s)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *which = s->at < s->end ? strchr(from, *s->at) : NULL;
    unsigned code, low;

    if (s->at == s->end || *s->at == '\0')
        return 0;
    if (which) {
        s->at++;
        *out = to[which - from];
        return 1;
    }
    if (*s->at++ != 'u' || !take_hex(&code, s) || code == 0 ||
        code >> 10 == 0x37)
        return 0;
    if (code >> 10 != 0x36)
        return put_utf8(out, code);
    if (s->end - s->at < 6 || *s->at++ != '\\' || *s->at++ != 'u' ||
        !take_hex(&low, s) || low >> 10 != 0x37)
        return 0;
    return put_utf8(out, 0x10000 + ((code & 0x3FF) << 10) + (low & 0x3FF));
}

/* Where the closing quote is; NULL if there is none. */
static const char *find_quote(const struct pare_json_scan *s)
{
    for (const char *p = s->at; p < s->end; p++) {
        if (*p == '"')
            return p;
        if (*p == '\\' && p + 1 < s->end)
            p++;
    }
    return NULL;
}

int pare_json_scan_text(char **text, struct pare_json_scan *s)
{
    const char *quote;
    char *out;
    size_t n = 0, k;

    if (!pare_json_scan_is(s, '"') || !(quote = find_quote(s)))
        return damaged(s, "a string");
    out = malloc((size_t)(quote - s->at) + 4);
    if (!out)
        return pare_fail(PARE_ENOMEM, "out of memory");
    while (s->at < quote) {
        k = 1;
        if (*s->at == '\\') {
            s->at++;
            k = take_escape(out + n, s);
        } else {
            out[n] = *s->at++;
        }
        if (k == 0 || (unsigned char)s->at[-1] < 0x20) {
            free(out);
            return damaged(s, "a string of plain characters");
        }
        n += k;
    }
    s->at = quote + 1;
    out[n] = '\0';
    *text = out;
    return 0;
}

int pare_json_scan_u64(uint64_t *value, struct pare_json_scan *s)
{
    const char *first;
    uint64_t v = 0;

    skip_space(s);
    first = s->at;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
        if (v > (INT64_MAX - 9) / 10)
            return pare_fail(PARE_ELIMIT, "'%s': a number is too large",
                             s->name);
        v = 10 * v + (uint64_t)(*s->at - '0');
    }
    if (s->at == first || (*first == '0' && s->at > first + 1) ||
        (s->at < s->end && strchr(".eE", *s->at)))
        return damaged(s, "a whole number");
    *value = v;
    return 0;
}

/* A number, true, false or null: what they are is not looked at. */
static int skip_word(struct pare_json_scan *s)
{
    const char *first = s->at;

    while (s->at < s->end && *s->at &&
           strchr("+-.0123456789Eaeflnrstu", *s->at))
        s->at++;
    return s->at > first ? 0 : damaged(s, "a value");
}

/* One string, word or bracket; depth follows the brackets. */
static int skip_part(struct pare_json_scan *s, char *open, int *depth)
{
    skip_space(s);
    if (s->at == s->end)
        return damaged(s, "an end");
    switch (*s->at) {
    case '{':
    case '[':
        if (*depth == DEPTH)
            return pare_fail(PARE_ELIMIT, "'%s': its JSON is nested too deep",
                             s->name);
        open[(*depth)++] = *s->at++;
        return 0;
    case '}':
    case ']':
        if (*depth == 0 || open[*depth - 1] + 2 != *s->at)
            return damaged(s, "brackets in pairs");
        s->at++;
        --*depth;
        return 0;
    case '"':
        s->at++;
        if (!(s->at = find_quote(s))) {
            s->at = s->end;
            return damaged(s, "the end of a string");
        }
        s->at++;
        return 0;
    default:
        return skip_word(s);
    }
}

int pare_json_scan_skip(struct pare_json_scan *s)
{
    char open[DEPTH];
    int depth = 0, err;

    do {
        err = skip_part(s, open, &depth);
        while (!err && depth && pare_json_scan_done(s) == false &&
               (*s->at == ',' || *s->at == ':'))
            s->at++;
    } while (!err && depth);
    return err;
}
