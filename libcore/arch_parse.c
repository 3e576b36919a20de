#include "arch_parts.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "spec.h"
#include "status.h"

/* A place in the text being parsed. */
struct cursor {
    const char *text, *p;
};

static int column(const struct cursor *c)
{
    return (int)(c->p - c->text) + 1;
}

static void skip_space(struct cursor *c)
{
    while (isspace((unsigned char)*c->p))
        c->p++;
}

static bool is_name_char(char ch)
{
    return isalnum((unsigned char)ch) || ch == '_' || ch == '-' || ch == '.';
}

/* A word of name characters into buf[PARE_NAME_MAX]. */
static int parse_word(struct cursor *c, char *buf, const char *what)
{
    size_t n = 0;

    while (is_name_char(c->p[n]))
        n++;
    if (n == 0)
        return pare_fail(PARE_EINVAL, "architecture, column %d: expected %s",
                         column(c), what);
    if (n >= PARE_NAME_MAX)
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: name longer than %d bytes",
                         column(c), PARE_NAME_MAX - 1);
    memcpy(buf, c->p, n);
    buf[n] = '\0';
    c->p += n;
    return 0;
}

static int parse_value(double *v, const struct pare_layer_option *o,
                       const char *word, int col)
{
    char lo[PARE_NUMBER_MAX], hi[PARE_NUMBER_MAX];

    if (o->type == PARE_LAYER_BOOL) {
        if (strcmp(word, "yes") != 0 && strcmp(word, "no") != 0)
            return pare_fail(PARE_EINVAL,
                             "architecture, column %d: %s is 'yes' or 'no'",
                             col, o->name);
        *v = strcmp(word, "yes") == 0;
        return 0;
    }
    if (pare_number_parse(v, word) || *v < o->lo || *v > o->hi ||
        (o->type == PARE_LAYER_SIZE && *v != floor(*v)))
        return pare_fail(
            PARE_EINVAL,
            "architecture, column %d: %s must be %s from %s to "
            "%s, not '%s'",
            col, o->name,
            o->type == PARE_LAYER_SIZE ? "a whole number" : "a number",
            pare_number_print(lo, o->lo), pare_number_print(hi, o->hi), word);
    return 0;
}

/* Find the option an argument is for: by name, or the next by position. */
static int which_option(const struct pare_layer *l, const char *name, int pos,
                        int col)
{
    const struct pare_layer_option *o = l->kind->option;

    for (int i = 0; i < PARE_LAYER_OPTS && o[i].name; i++)
        if (name[0] ? strcmp(o[i].name, name) == 0 : i == pos)
            return i;
    if (name[0])
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: %s has no option '%s'", col,
                         l->kind->name, name);
    return pare_fail(PARE_EINVAL,
                     "architecture, column %d: too many arguments to %s", col,
                     l->kind->name);
}

static int parse_argument(struct cursor *c, struct pare_layer *l, int pos,
                          unsigned *seen)
{
    char word[PARE_NAME_MAX], name[PARE_NAME_MAX] = "";
    int col = column(c), i, err;

    err = parse_word(c, word, "an argument");
    if (err)
        return err;
    skip_space(c);
    if (*c->p == '=') {
        c->p++;
        skip_space(c);
        strcpy(name, word);
        err = parse_word(c, word, "a value");
        if (err)
            return err;
    }
    i = which_option(l, name, pos, col);
    if (i < 0)
        return i;
    if (*seen & 1u << i)
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: %s is given twice", col,
                         l->kind->option[i].name);
    *seen |= 1u << i;
    return parse_value(&l->opt[i], &l->kind->option[i], word, col);
}

static int parse_arguments(struct cursor *c, struct pare_layer *l)
{
    const struct pare_layer_option *o = l->kind->option;
    unsigned seen = 0;
    int err;

    for (int i = 0; i < PARE_LAYER_OPTS && o[i].name; i++)
        l->opt[i] = o[i].def;
    if (*c->p == '(') {
        c->p++;
        skip_space(c);
        for (int pos = 0; *c->p != ')'; pos++) {
            err = parse_argument(c, l, pos, &seen);
            if (err)
                return err;
            skip_space(c);
            if (*c->p != ',' && *c->p != ')')
                return pare_fail(PARE_EINVAL,
                                 "architecture, column %d: expected ',' or "
                                 "')'",
                                 column(c));
            if (*c->p == ',') {
                c->p++;
                skip_space(c);
                if (*c->p == ')')
                    return pare_fail(PARE_EINVAL,
                                     "architecture, column %d: expected an "
                                     "argument",
                                     column(c));
            }
        }
        c->p++;
    }
    for (int i = 0; i < PARE_LAYER_OPTS && o[i].name; i++)
        if (o[i].required && !(seen & 1u << i))
            return pare_fail(PARE_EINVAL,
                             "architecture, column %d: %s needs %s", l->column,
                             l->kind->name, o[i].name);
    return 0;
}

static int parse_input(struct cursor *c, struct pare_shape *in)
{
    char word[PARE_NAME_MAX];
    double v;
    int err, col;

    skip_space(c);
    if (strncmp(c->p, "in(", 3) != 0)
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: expected in(FEATURES), "
                         "sizes as 784-300-10, or a published name",
                         column(c));
    c->p += 3;
    skip_space(c);
    col = column(c);
    err = parse_word(c, word, "the number of inputs");
    if (err)
        return err;
    if (pare_number_parse(&v, word) || v < 1 ||
        v > (double)PARE_ARCH_SIZE_MAX || v != floor(v))
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: inputs must be a whole "
                         "number from 1 to %zu, not '%s'",
                         col, PARE_ARCH_SIZE_MAX, word);
    skip_space(c);
    if (*c->p != ')')
        return pare_fail(PARE_EINVAL, "architecture, column %d: expected ')'",
                         column(c));
    c->p++;
    in->rank = 1;
    in->dim[0] = (size_t)v;
    return 0;
}

static int check_name(const struct pare_arch *a, const char *name, int col)
{
    if (!isalpha((unsigned char)name[0]))
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: the name '%s' does not "
                         "begin with a letter",
                         col, name);
    if (strchr(name, '.'))
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: the name '%s' has a dot",
                         col, name);
    if (strlen(name) > 40)
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: the name '%s' is longer "
                         "than 40 bytes",
                         col, name);
    if (pare_arch_has(a, name))
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: two layers are named "
                         "'%s'",
                         col, name);
    return 0;
}

static struct pare_layer *add_layer(struct pare_arch *a)
{
    struct pare_layer *grown;

    if (a->n_layers == PARE_LAYERS_MAX) {
        pare_fail(PARE_ELIMIT, "architecture: more than %d layers",
                  PARE_LAYERS_MAX);
        return NULL;
    }
    grown = realloc(a->layer, (a->n_layers + 1) * sizeof *grown);
    if (!grown) {
        pare_fail(PARE_ENOMEM, "out of memory");
        return NULL;
    }
    a->layer = grown;
    memset(&grown[a->n_layers], 0, sizeof *grown);
    return &grown[a->n_layers++];
}

static int unknown_layer(const char *word, int col)
{
    const struct pare_layer_kind *kind;
    char known[PARE_SPEC_MAX] = "";

    for (size_t i = 0; (kind = pare_layer_kind(i)); i++)
        pare_spec_append(known, "%s%s", i ? ", " : "", kind->name);
    return pare_fail(PARE_EINVAL,
                     "architecture, column %d: unknown layer '%s': there are "
                     "%s",
                     col, word, known);
}

/* [name=]kind[(arguments)] */
static int parse_layer(struct cursor *c, struct pare_arch *a)
{
    char word[PARE_NAME_MAX], name[PARE_NAME_MAX] = "";
    int col = column(c), err;
    struct pare_layer *l;

    err = parse_word(c, word, "a layer");
    if (err)
        return err;
    if (*c->p == '=') {
        c->p++;
        strcpy(name, word);
        err = check_name(a, name, col);
        if (err)
            return err;
        col = column(c);
        err = parse_word(c, word, "a layer");
        if (err)
            return err;
    }
    if (!pare_layer_find(word))
        return unknown_layer(word, col);
    l = add_layer(a);
    if (!l)
        return a->n_layers == PARE_LAYERS_MAX ? PARE_ELIMIT : PARE_ENOMEM;
    l->kind = pare_layer_find(word);
    l->column = col;
    strcpy(l->name, name);
    err = parse_arguments(c, l);
    if (err)
        return err;
    if (*c->p && !isspace((unsigned char)*c->p))
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: unexpected '%c'", column(c),
                         *c->p);
    return 0;
}

int pare_arch_parse_general(struct pare_arch *a, const char *text)
{
    struct cursor c = {text, text};
    int err;

    err = parse_input(&c, &a->input);
    if (err)
        return err;
    for (;;) {
        const char *before = c.p;

        skip_space(&c);
        if (!*c.p)
            break;
        if (c.p == before)
            return pare_fail(PARE_EINVAL,
                             "architecture, column %d: expected a blank",
                             column(&c));
        err = parse_layer(&c, a);
        if (err)
            return err;
    }
    if (a->n_layers == 0)
        return pare_fail(PARE_EINVAL, "architecture: no layer after in()");
    return 0;
}
