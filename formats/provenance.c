#include "provenance.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "number.h"
#include "status.h"

#define STEP_ITEMS_MAX 1024

struct provenance {
    json_t *root, *args, *in, *notes;
    int error;
};

/* ---- building -------------------------------------------------------- */

/** Text as JSON; remembers why that cannot be. */
static json_t *text(struct provenance *p, const char *s)
{
    json_t *j = json_string(s);

    if (!j)
        p->error = pare_fail(PARE_EINVAL, "'%s' is not UTF-8", s);
    return j;
}

/** Hand an item to an array; both may be NULL. */
static void append(struct provenance *p, json_t *array, json_t *item)
{
    if (json_array_append_new(array, item) && !p->error)
        p->error = pare_fail(PARE_ENOMEM, "out of memory");
}

static void set(struct provenance *p, json_t *object, const char *key,
                json_t *item)
{
    if (json_object_set_new(object, key, item) && !p->error)
        p->error = pare_fail(PARE_ENOMEM, "out of memory");
}

struct provenance *provenance_new(const char *tool)
{
    struct provenance *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->root = json_object();
    set(p, p->root, "tool", text(p, tool));
    set(p, p->root, "version", text(p, PARE_VERSION));
    p->args = json_array();
    p->in = json_array();
    p->notes = json_object();
    set(p, p->root, "args", p->args);
    set(p, p->root, "in", p->in);
    set(p, p->root, "notes", p->notes);
    return p;
}

void provenance_option(struct provenance *p, const char *option,
                       const char *value)
{
    json_t *pair;

    if (!p || p->error)
        return;
    pair = json_array();
    append(p, pair, text(p, option));
    if (value)
        append(p, pair, text(p, value));
    append(p, p->args, pair);
}

void provenance_options(struct provenance *p, const char *option,
                        const char *const *value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        provenance_option(p, option, value[i]);
}

void provenance_real(struct provenance *p, const char *option, double value)
{
    char buf[PARE_NUMBER_MAX];

    provenance_option(p, option, pare_number_print(buf, value));
}

void provenance_u64(struct provenance *p, const char *option, uint64_t value)
{
    char buf[32];

    snprintf(buf, sizeof buf, "%" PRIu64, value);
    provenance_option(p, option, buf);
}

void provenance_input(struct provenance *p, const char *option,
                      const char *kind, const char *digest)
{
    json_t *in;

    if (!p || p->error)
        return;
    in = json_object();
    set(p, in, "option", text(p, option));
    set(p, in, "kind", text(p, kind));
    set(p, in, "digest", text(p, digest));
    append(p, p->in, in);
}

void provenance_note(struct provenance *p, const char *key, const char *value)
{
    if (!p || p->error)
        return;
    set(p, p->notes, key, text(p, value));
}

int provenance_add(struct provenance *p, struct pare_model *m)
{
    char digest[PARE_DIGEST_LEN];
    char *line = NULL;
    int err;

    if (!p)
        return pare_fail(PARE_ENOMEM, "out of memory");
    err = p->error;
    if (!err)
        err = pare_digest_state(digest, m);
    if (!err) {
        set(p, p->root, "out", text(p, digest));
        err = p->error;
    }
    if (!err) {
        line = json_dumps(p->root, JSON_COMPACT);
        err = line ? pare_model_add_step(m, line)
                   : pare_fail(PARE_ENOMEM, "out of memory");
    }
    free(line);
    provenance_free(p);
    return err;
}

void provenance_digest(struct pare_digest *d, const struct provenance *p)
{
    char *line = p && !p->error ? json_dumps(p->root, JSON_COMPACT) : NULL;

    pare_digest_text(d, line ? line : "");
    free(line);
}

void provenance_free(struct provenance *p)
{
    if (!p)
        return;
    json_decref(p->root);
    free(p);
}

/* ---- parsing --------------------------------------------------------- */

static int bad(const char *what)
{
    return pare_fail(PARE_EFORMAT, "provenance: bad %s", what);
}

/** A string of printable characters only; NULL otherwise. */
static const char *plain(const json_t *j)
{
    const char *s = json_string_value(j);

    if (!s || json_string_length(j) != strlen(s))
        return NULL;
    for (const char *c = s; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return NULL;
    return s;
}

/** Copy a printable string. */
static int copy(char **to, const json_t *j, const char *what)
{
    const char *s = plain(j);

    if (!s)
        return bad(what);
    *to = malloc(strlen(s) + 1);
    if (!*to)
        return pare_fail(PARE_ENOMEM, "out of memory");
    strcpy(*to, s);
    return 0;
}

static int copy_digest(char to[PARE_DIGEST_LEN], const json_t *j)
{
    const char *s = plain(j);

    if (!s || strlen(s) != PARE_DIGEST_LEN - 1 ||
        strspn(s, "0123456789abcdef") != PARE_DIGEST_LEN - 1)
        return bad("digest");
    strcpy(to, s);
    return 0;
}

static int copy_args(struct provenance_step *s, const json_t *args)
{
    size_t n = json_array_size(args);
    int err = 0;

    if (!json_is_array(args) || n > STEP_ITEMS_MAX)
        return bad("args");
    s->arg = calloc(n + 1, sizeof *s->arg);
    if (!s->arg)
        return pare_fail(PARE_ENOMEM, "out of memory");
    s->n_args = n;
    for (size_t i = 0; i < n && !err; i++) {
        const json_t *pair = json_array_get(args, i);
        size_t len = json_array_size(pair);

        if (len < 1 || len > 2)
            return bad("args");
        err = copy(&s->arg[i].name, json_array_get(pair, 0), "option");
        if (!err && len == 2)
            err = copy(&s->arg[i].value, json_array_get(pair, 1), "value");
        if (!err && s->arg[i].name[0] != '-')
            err = bad("option");
    }
    return err;
}

static int copy_inputs(struct provenance_step *s, const json_t *in)
{
    size_t n = json_array_size(in);
    int err = 0;

    if (!json_is_array(in) || n > STEP_ITEMS_MAX)
        return bad("in");
    s->input = calloc(n + 1, sizeof *s->input);
    if (!s->input)
        return pare_fail(PARE_ENOMEM, "out of memory");
    s->n_inputs = n;
    for (size_t i = 0; i < n && !err; i++) {
        const json_t *j = json_array_get(in, i);
        struct provenance_in *to = &s->input[i];

        err = copy(&to->option, json_object_get(j, "option"), "input");
        if (!err)
            err = copy(&to->kind, json_object_get(j, "kind"), "input");
        if (!err)
            err = copy_digest(to->digest, json_object_get(j, "digest"));
        if (!err && to->option[0] && to->option[0] != '-')
            err = bad("input");
        if (!err && strcmp(to->kind, "data") && strcmp(to->kind, "model") &&
            strcmp(to->kind, "file"))
            err = bad("kind of input");
    }
    return err;
}

static int copy_notes(struct provenance_step *s, json_t *notes)
{
    size_t n = json_object_size(notes);
    const char *key;
    json_t *value;
    int err = 0;

    if (!json_is_object(notes) || n > STEP_ITEMS_MAX)
        return bad("notes");
    s->note = calloc(n + 1, sizeof *s->note);
    if (!s->note)
        return pare_fail(PARE_ENOMEM, "out of memory");
    json_object_foreach(notes, key, value)
    {
        json_t *name = json_string(key);

        err = copy(&s->note[s->n_notes].name, name, "note");
        json_decref(name);
        if (!err)
            err = copy(&s->note[s->n_notes].value, value, "note");
        s->n_notes++;
        if (err)
            break;
    }
    return err;
}

/* "train", or "mask and". */
static bool is_tool(const char *name)
{
    static const char word[] = "0123456789-abcdefghijklmnopqrstuvwxyz";
    size_t n = strspn(name, word);

    if (n && name[n] == ' ' && name[n + 1] >= 'a' && name[n + 1] <= 'z')
        n += 1 + strspn(name + n + 1, word);
    return n && !name[n];
}

int provenance_parse(struct provenance_step *s, const char *line)
{
    struct provenance_step step = {0};
    json_t *root = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    int err;

    if (!json_is_object(root)) {
        json_decref(root);
        return bad("line: not a JSON object");
    }
    err = copy(&step.tool, json_object_get(root, "tool"), "tool");
    if (!err && !is_tool(step.tool))
        err = bad("tool");
    if (!err)
        err = copy(&step.version, json_object_get(root, "version"), "version");
    if (!err)
        err = copy_args(&step, json_object_get(root, "args"));
    if (!err)
        err = copy_inputs(&step, json_object_get(root, "in"));
    if (!err)
        err = copy_notes(&step, json_object_get(root, "notes"));
    if (!err)
        err = copy_digest(step.out, json_object_get(root, "out"));
    json_decref(root);
    if (err)
        provenance_release(&step);
    else
        *s = step;
    return err;
}

static void free_pairs(struct provenance_pair *pair, size_t n)
{
    for (size_t i = 0; pair && i < n; i++) {
        free(pair[i].name);
        free(pair[i].value);
    }
    free(pair);
}

void provenance_release(struct provenance_step *s)
{
    free(s->tool);
    free(s->version);
    free_pairs(s->arg, s->n_args);
    free_pairs(s->note, s->n_notes);
    for (size_t i = 0; s->input && i < s->n_inputs; i++) {
        free(s->input[i].option);
        free(s->input[i].kind);
    }
    free(s->input);
    memset(s, 0, sizeof *s);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int provenance_merge(struct pare_model *m, const struct pare_model *parent)
{
    size_t n = m->n_steps;
    char **known = malloc((n + 1) * sizeof *known);
    int err = 0;

    if (!known)
        return pare_fail(PARE_ENOMEM, "no memory");
    if (n)
        memcpy(known, m->step, n * sizeof *known);
    qsort(known, n, sizeof *known, by_text);
    for (size_t i = 0; !err && i < parent->n_steps; i++)
        if (!bsearch(&parent->step[i], known, n, sizeof *known, by_text))
            err = pare_model_add_step(m, parent->step[i]);
    free(known);
    return err;
}
