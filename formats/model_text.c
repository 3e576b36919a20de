#include "model_io.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gathered.h"
#include "number.h"
#include "status.h"

enum field_type {
    FIELD_U64,
    FIELD_INT,
    FIELD_REAL,
    FIELD_TEXT,
    FIELD_OPTION /* a text whose line is left out when it is empty */
};

/* A line "key=value" and where its value lives. */
struct field {
    const char *key;
    enum field_type type;
    size_t offset, size;
};

#define FIELD(struct_, key, type, member)                                      \
    {                                                                          \
        key, type, offsetof(struct struct_, member),                           \
            sizeof(((struct struct_ *)0)->member)                              \
    }
#define MODEL(key, type, member) FIELD(pare_model, key, type, member)
#define POINT(key, type, member) FIELD(pare_checkpoint, key, type, member)

/* /training in the order of its lines; the checkpoints follow. */
static const struct field model_field[] = {
    MODEL("init", FIELD_TEXT, init.spec),
    MODEL("init_seed", FIELD_U64, init.seed),
    MODEL("init_digest", FIELD_TEXT, init.digest),
    MODEL("init_sparse", FIELD_OPTION, init.sparse),
    MODEL("epoch", FIELD_U64, training.epoch),
    MODEL("epoch_step", FIELD_U64, training.epoch_step),
    MODEL("step", FIELD_U64, training.step),
    MODEL("sched_step", FIELD_U64, training.sched_step),
    MODEL("sched_total", FIELD_U64, training.sched_total),
    MODEL("seed", FIELD_U64, training.seed),
    MODEL("batch", FIELD_U64, training.batch),
    MODEL("steps_per_epoch", FIELD_U64, training.steps_per_epoch),
    MODEL("lr", FIELD_REAL, training.lr),
    MODEL("weight_decay", FIELD_REAL, training.weight_decay),
    MODEL("loss", FIELD_TEXT, training.loss),
    MODEL("schedule", FIELD_TEXT, training.schedule),
    MODEL("select", FIELD_TEXT, training.select),
    MODEL("augment", FIELD_OPTION, training.augment),
    MODEL("dialect", FIELD_OPTION, training.dialect),
    MODEL("sum_loss", FIELD_REAL, training.sum_loss),
    MODEL("sum_correct", FIELD_U64, training.sum_correct),
    MODEL("sum_samples", FIELD_U64, training.sum_samples),
    MODEL("optimizer", FIELD_TEXT, optim.spec),
    MODEL("optimizer_step", FIELD_U64, optim.step),
    MODEL("optimizer_slots", FIELD_INT, optim.n_slots),
    {NULL, FIELD_TEXT, 0, 0},
};

/* The lines of a checkpoint, after "checkpoint=NAME" and "values=". */
static const struct field point_field[] = {
    POINT("epoch", FIELD_U64, epoch),
    POINT("epoch_step", FIELD_U64, epoch_step),
    POINT("step", FIELD_U64, step),
    POINT("sched_step", FIELD_U64, sched_step),
    POINT("optimizer", FIELD_TEXT, optim.spec),
    POINT("optimizer_step", FIELD_U64, optim.step),
    POINT("optimizer_slots", FIELD_INT, optim.n_slots),
    {NULL, FIELD_TEXT, 0, 0},
};

static const char history_head[] =
    "epoch\tstep\tlr\ttrain_loss\ttrain_acc\tval_loss\tval_acc\tsparsity";

/* Length of the UTF-8 sequence at s, 0 if it is none or a control. */
static size_t utf8_length(const unsigned char *s)
{
    static const unsigned char least[5] = {0, 0, 0xc2, 0xe0, 0xf0};
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

    if (n == 1)
        return (s[0] >= 0x20 && s[0] != 0x7f) || s[0] == '\t' || s[0] == '\n';
    if (s[0] < least[n] || s[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    /* Not overlong, no surrogates, no C1 controls. */
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f) ||
        (s[0] == 0xc2 && s[1] < 0xa0))
        return 0;
    return n;
}

int pare_text_check(const char *text, const char *what)
{
    const unsigned char *s = (const unsigned char *)text;

    while (*s) {
        size_t n = utf8_length(s);

        if (n == 0)
            return pare_fail(PARE_EFORMAT, "%s is not printable UTF-8 text",
                             what);
        s += n;
    }
    return 0;
}

int pare_text_close(FILE *f, char **text, char *const *buffer, int err)
{
    bool bad = ferror(f) != 0;

    if (fclose(f) != 0 || bad)
        err = err ? err : pare_fail(PARE_ENOMEM, "no memory");
    if (err)
        free(*buffer);
    else
        *text = *buffer;
    return err;
}

static void print_real(FILE *f, double v)
{
    char buf[PARE_NUMBER_MAX];

    fputs(v != v ? "nan" : pare_number_print(buf, v), f);
}

/* A value must stay on its line. */
static int print_value(FILE *f, const char *text, const char *key)
{
    if (strpbrk(text, "\n\t"))
        return pare_fail(PARE_EINVAL, "%s has more than one line", key);
    fputs(text, f);
    return pare_text_check(text, key);
}

/* Is it 0, or an empty text? */
static bool is_default(const struct field *field, const void *at)
{
    static const char zero[sizeof(double)];

    if (field->type == FIELD_TEXT || field->type == FIELD_OPTION)
        return !*(const char *)at;
    return memcmp(at, zero, field->size) == 0;
}

/* The lines of a struct; in a short text without those of a default. */
static int print_fields(FILE *f, const struct field *field, const void *base,
                        bool brief)
{
    int err = 0;

    for (; field->key && !err; field++) {
        const void *at = (const char *)base + field->offset;

        if ((brief || field->type == FIELD_OPTION) && is_default(field, at))
            continue;
        fprintf(f, "%s=", field->key);
        switch (field->type) {
        case FIELD_U64:
            fprintf(f, "%llu", (unsigned long long)*(const uint64_t *)at);
            break;
        case FIELD_INT:
            fprintf(f, "%d", *(const int *)at);
            break;
        case FIELD_REAL:
            print_real(f, *(const double *)at);
            break;
        case FIELD_TEXT:
        case FIELD_OPTION:
            err = print_value(f, at, field->key);
            break;
        }
        putc('\n', f);
    }
    return err;
}

static int training_text(char **text, const struct pare_model *m, bool brief)
{
    char *buffer = NULL;
    size_t size;
    FILE *f = open_memstream(&buffer, &size);
    int err;

    if (!f)
        return pare_fail(PARE_ENOMEM, "no memory");
    err = print_fields(f, model_field, m, brief);
    for (size_t i = 0; !err && i < m->n_checkpoints; i++) {
        const struct pare_checkpoint *c = &m->checkpoint[i];

        fputs("checkpoint=", f);
        err = print_value(f, c->name, "a checkpoint's name");
        fprintf(f, "\nvalues=%s\n",
                c->mask    ? "whole"
                : c->value ? "stored"
                           : "none");
        if (!err)
            err = print_fields(f, point_field, c, brief);
    }
    return pare_text_close(f, text, &buffer, err);
}

int pare_training_text(char **text, const struct pare_model *m)
{
    return training_text(text, m, false);
}

int pare_training_brief(char **text, const struct pare_model *m)
{
    return training_text(text, m, true);
}

char *pare_text_line(char **text)
{
    char *line = *text, *end;

    if (!*line)
        return NULL;
    end = strchr(line, '\n');
    if (end)
        *end++ = '\0';
    else
        end = line + strlen(line);
    *text = end;
    return line;
}

int pare_text_count(uint64_t *v, const char *text)
{
    unsigned long long x;
    size_t n = strspn(text, "0123456789");

    errno = 0;
    x = strtoull(text, NULL, 10);
    if (n == 0 || text[n] || errno)
        return pare_fail(PARE_EFORMAT, "'%s' is not a count", text);
    *v = x;
    return 0;
}

static int parse_real(double *v, const char *text)
{
    static const struct {
        const char *name;
        double value;
    } word[] = {{"nan", (double)NAN},
                {"inf", (double)INFINITY},
                {"-inf", -(double)INFINITY}};

    for (size_t i = 0; i < sizeof word / sizeof *word; i++)
        if (strcmp(text, word[i].name) == 0) {
            *v = word[i].value;
            return 0;
        }
    return pare_number_parse(v, text) ? PARE_EFORMAT : 0;
}

static int parse_value(void *at, const struct field *field, const char *text)
{
    uint64_t n = 0;
    int err;

    switch (field->type) {
    case FIELD_U64:
        return pare_text_count(at, text);
    case FIELD_REAL:
        return parse_real(at, text);
    case FIELD_INT:
        err = pare_text_count(&n, text);
        if (!err && n > PARE_SLOTS_MAX)
            err = pare_fail(PARE_ELIMIT, "'%s' is more than %d", text,
                            PARE_SLOTS_MAX);
        if (!err)
            *(int *)at = (int)n;
        return err;
    case FIELD_TEXT:
    case FIELD_OPTION:
        break;
    }
    if (strlen(text) >= field->size)
        return pare_fail(PARE_ELIMIT, "longer than %zu bytes", field->size - 1);
    memcpy(at, text, strlen(text) + 1);
    return 0;
}

static bool has_key(const char *line, const char *key)
{
    size_t n = strlen(key);

    return strncmp(line, key, n) == 0 && line[n] == '=';
}

/* The value of a line that must have this key. */
static int expect(const char **value, char **text, const char *key)
{
    char *line = pare_text_line(text);

    if (!line || !has_key(line, key))
        return pare_fail(PARE_EFORMAT, "'/training' lacks '%s'", key);
    *value = line + strlen(key) + 1;
    return 0;
}

static int parse_fields(char **text, const struct field *field, void *base,
                        bool brief)
{
    const char *value = NULL;
    int err = 0;

    for (; field->key && !err; field++) {
        if ((brief || field->type == FIELD_OPTION) &&
            !has_key(*text, field->key))
            continue;
        err = expect(&value, text, field->key);
        if (err)
            return err;
        err = parse_value((char *)base + field->offset, field, value);
        if (err)
            return pare_fail_prefix(err, "'/training': %s", field->key);
    }
    return err;
}

static bool is_object_name(const char *name)
{
    for (const char *s = name; *s; s++)
        if (*s <= ' ' || *s >= 0x7f || *s == '/')
            return false;
    return name[0] && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* Is it the next undo point, or no undo point and not called so? */
static bool fits_undo(const struct pare_model *m, const char *name, bool whole)
{
    char next[PARE_NAME_MAX];

    pare_undo_name(next, pare_model_undos(m) + 1);
    return whole ? strcmp(name, next) == 0 : !pare_undo_named(name);
}

/* Values that are to be read are marked by an array of NULLs. */
static int mark_values(struct pare_checkpoint *c, size_t n, const char *values)
{
    bool whole = strcmp(values, "whole") == 0;

    if (!whole && strcmp(values, "stored") != 0)
        return strcmp(values, "none") == 0
                   ? 0
                   : pare_fail(PARE_EFORMAT, "'/training': values=%s", values);
    c->value = calloc(n + 1, sizeof *c->value);
    if (whole)
        c->mask = calloc(n + 1, sizeof *c->mask);
    return c->value && (c->mask || !whole)
               ? 0
               : pare_fail(PARE_ENOMEM, "no memory");
}

static int parse_checkpoint(struct pare_model *m, char **text, bool brief)
{
    struct pare_checkpoint *c;
    const char *name = NULL, *values = NULL;
    int err = expect(&name, text, "checkpoint");

    if (!err)
        err = expect(&values, text, "values");
    if (err)
        return err;
    if (!is_object_name(name) || strlen(name) >= sizeof c->name ||
        pare_model_checkpoint(m, name) ||
        !fits_undo(m, name, strcmp(values, "whole") == 0))
        return pare_fail(PARE_EFORMAT, "'/training': bad checkpoint name '%s'",
                         name);
    if (m->n_checkpoints >= PARE_CHECKPOINTS_MAX)
        return pare_fail(PARE_ELIMIT, "more than %d checkpoints",
                         PARE_CHECKPOINTS_MAX);
    c = pare_model_add_checkpoint(m, name);
    if (!c)
        return PARE_ENOMEM;
    err = mark_values(c, m->n_tensors, values);
    return err ? err : parse_fields(text, point_field, c, brief);
}

int pare_training_parse(struct pare_model *m, char *text, bool brief)
{
    int err = parse_fields(&text, model_field, m, brief);

    while (!err && *text)
        err = parse_checkpoint(m, &text, brief);
    return err;
}

int pare_history_text(char **text, const struct pare_model *m)
{
    char *buffer = NULL;
    size_t size;
    FILE *f = open_memstream(&buffer, &size);

    if (!f)
        return pare_fail(PARE_ENOMEM, "no memory");
    fprintf(f, "%s\n", history_head);
    for (size_t i = 0; i < m->n_history; i++) {
        const struct pare_history_row *r = &m->history[i];
        const double v[6] = {r->lr,       r->train_loss, r->train_acc,
                             r->val_loss, r->val_acc,    r->sparsity};

        fprintf(f, "%llu\t%llu", (unsigned long long)r->epoch,
                (unsigned long long)r->step);
        for (int k = 0; k < 6; k++) {
            putc('\t', f);
            print_real(f, v[k]);
        }
        putc('\n', f);
    }
    return pare_text_close(f, text, &buffer, 0);
}

static int parse_history_line(struct pare_history_row *r, char *line)
{
    double *v[6] = {&r->lr,       &r->train_loss, &r->train_acc,
                    &r->val_loss, &r->val_acc,    &r->sparsity};
    char *cell[8];
    int n = 0, err;

    while (n < 8 && line) {
        cell[n++] = line;
        line = strchr(line, '\t');
        if (line)
            *line++ = '\0';
    }
    if (n != 8 || line)
        return pare_fail(PARE_EFORMAT, "not 8 columns");
    err = pare_text_count(&r->epoch, cell[0]);
    if (!err)
        err = pare_text_count(&r->step, cell[1]);
    for (int k = 0; !err && k < 6; k++)
        err = parse_real(v[k], cell[k + 2]);
    return err;
}

int pare_history_parse(struct pare_model *m, char *text)
{
    char *line = pare_text_line(&text);
    int err = 0;

    if (!line || strcmp(line, history_head) != 0)
        return pare_fail(PARE_EFORMAT, "'/history' lacks its head line");
    while (!err && (line = pare_text_line(&text))) {
        struct pare_history_row row;

        err = parse_history_line(&row, line);
        if (err)
            return pare_fail_prefix(err, "'/history', row %zu",
                                    m->n_history + 1);
        err = pare_model_add_history(m, &row);
    }
    return err;
}

int pare_lines_text(char **text, char *const *line, size_t n)
{
    char *buffer = NULL;
    size_t size;
    FILE *f = open_memstream(&buffer, &size);
    int err = 0;

    if (!f)
        return pare_fail(PARE_ENOMEM, "no memory");
    for (size_t i = 0; !err && i < n; i++) {
        err = print_value(f, line[i], "a line");
        putc('\n', f);
    }
    return pare_text_close(f, text, &buffer, err);
}

int pare_lines_parse(char ***line, size_t *n, const char *text, size_t most)
{
    size_t count = 0, i = 0;
    char **list;

    for (const char *s = text; *s; s++)
        count += *s == '\n';
    if (text[0] && text[strlen(text) - 1] != '\n')
        count++;
    if (count > most)
        return pare_fail(PARE_ELIMIT, "more than %zu lines", most);
    list = calloc(count + 1, sizeof *list);
    for (; list && i < count; i++) {
        size_t length = strcspn(text, "\n");

        list[i] = strndup(text, length);
        if (!list[i])
            break;
        text += length + (text[length] == '\n');
    }
    if (!list || i < count) {
        while (i > 0)
            free(list[--i]);
        free(list);
        return pare_fail(PARE_ENOMEM, "no memory");
    }
    *line = list;
    *n = count;
    return 0;
}
