#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "status.h"

enum { DEPTH = 16 };

struct pare_json {
    json_t *root;
    json_t *open[DEPTH]; /* borrowed from their parents */
    int depth;
    bool failed;
};

struct pare_json *pare_json_new(void)
{
    struct pare_json *j = calloc(1, sizeof *j);

    if (!j)
        pare_fail(PARE_ENOMEM, "out of memory");
    return j;
}

/* Put a value (taken over; NULL is a failure) where the writer stands. */
static void put(struct pare_json *j, const char *key, json_t *value)
{
    json_t *parent = j->depth ? j->open[j->depth - 1] : NULL;
    int bad;

    if (!value)
        bad = -1;
    else if (!parent && !j->root)
        bad = (j->root = value, 0);
    else if (json_is_object(parent) && key)
        bad = json_object_set_new(parent, key, value);
    else if (json_is_array(parent) && !key)
        bad = json_array_append_new(parent, value);
    else
        bad = (json_decref(value), -1);
    if (bad)
        j->failed = true;
}

static bool broken(const struct pare_json *j)
{
    return !j || j->failed;
}

static void begin(struct pare_json *j, const char *key, json_t *value)
{
    put(j, key, value);
    if (!j->failed && j->depth == DEPTH)
        j->failed = true;
    if (!j->failed)
        j->open[j->depth++] = value;
}

void pare_json_object(struct pare_json *j, const char *key)
{
    if (!broken(j))
        begin(j, key, json_object());
}

void pare_json_array(struct pare_json *j, const char *key)
{
    if (!broken(j))
        begin(j, key, json_array());
}

void pare_json_end(struct pare_json *j)
{
    if (!broken(j) && j->depth > 0)
        j->depth--;
}

/* Length of the valid UTF-8 sequence at p, 0 if there is none. */
static size_t sequence(const unsigned char *p)
{
    static const unsigned least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = p[0] < 0x80   ? 1
               : p[0] < 0xC2 ? 0
               : p[0] < 0xE0 ? 2
               : p[0] < 0xF0 ? 3
               : p[0] < 0xF5 ? 4
                             : 0;
    unsigned code;

    if (n < 2)
        return n;
    code = p[0] & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3Fu);
    }
    if (code < least[n] || code > 0x10FFFF || (code >> 11) == 0x1B)
        return 0;
    return n;
}

void pare_json_text(struct pare_json *j, const char *key, const char *value)
{
    char *clean;

    if (broken(j))
        return;
    if (!value) {
        put(j, key, json_null());
        return;
    }
    clean = strdup(value);
    for (char *p = clean; clean && *p;) {
        size_t n = sequence((unsigned char *)p);

        if (n == 0)
            *p = '?';
        p += n ? n : 1;
    }
    put(j, key, clean ? json_string(clean) : NULL);
    free(clean);
}

void pare_json_int(struct pare_json *j, const char *key, int64_t value)
{
    if (!broken(j))
        put(j, key, json_integer(value));
}

void pare_json_real(struct pare_json *j, const char *key, double value)
{
    if (!broken(j))
        put(j, key, isfinite(value) ? json_real(value) : json_null());
}

void pare_json_bool(struct pare_json *j, const char *key, bool value)
{
    if (!broken(j))
        put(j, key, json_boolean(value));
}

char *pare_json_finish(struct pare_json *j)
{
    char *text = NULL;

    if (!j)
        return NULL;
    if (!j->failed && j->root)
        text = json_dumps(j->root, JSON_COMPACT | JSON_ENCODE_ANY |
                                       JSON_REAL_PRECISION(15));
    if (!text)
        pare_fail(PARE_ENOMEM, "cannot build JSON text");
    json_decref(j->root);
    free(j);
    return text;
}
