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

/* Is a '+' behind n characters part of a number, as in 1e+30? */
static bool is_exponent(const char *p, size_t n)
{
    return n > 1 && (p[n - 1] == 'e' || p[n - 1] == 'E') &&
           strspn(p, "-.0123456789") == n - 1;
}

/* A word of name characters into buf[PARE_NAME_MAX]. */
static int parse_word(struct cursor *c, char *buf, const char *what)
{
    size_t n = 0;

    while ((is_name_char(c->p[n]) && !(c->p[n] == '-' && c->p[n + 1] == '>')) ||
           (c->p[n] == '+' && is_exponent(c->p, n)))
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

static int bad_value(const struct pare_layer_option *o, const char *word,
                     int col)
{
    static const char *const kind[] = {
        [PARE_LAYER_SIZE] = "a whole number",
        [PARE_LAYER_REAL] = "a number",
        [PARE_LAYER_PAIR] = "a whole number or HEIGHTxWIDTH",
    };
    char lo[PARE_NUMBER_MAX], hi[PARE_NUMBER_MAX];

    if (o->type == PARE_LAYER_BOOL)
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: %s is 'yes' or 'no'", col,
                         o->name);
    return pare_fail(PARE_EINVAL,
                     "architecture, column %d: %s must be %s from %s to %s, "
                     "not '%s'",
                     col, o->name, kind[o->type], pare_number_print(lo, o->lo),
                     pare_number_print(hi, o->hi), word);
}

static bool in_range(const struct pare_layer_option *o, double v)
{
    return v >= o->lo && v <= o->hi &&
           (o->type == PARE_LAYER_REAL || v == floor(v));
}

/* "3" or "3x5". */
static int parse_pair(double *v, const struct pare_layer_option *o,
                      const char *word, int col)
{
    char part[PARE_NAME_MAX];
    const char *x = strchr(word, 'x');
    double h, w;

    strcpy(part, word);
    if (x)
        part[x - word] = '\0';
    if (pare_number_parse(&h, part) ||
        pare_number_parse(&w, x ? x + 1 : part) || !in_range(o, h) ||
        !in_range(o, w))
        return bad_value(o, word, col);
    *v = pare_layer_pack((size_t)h, (size_t)w);
    return 0;
}

static int parse_value(double *v, const struct pare_layer_option *o,
                       const char *word, int col)
{
    if (o->type == PARE_LAYER_PAIR)
        return parse_pair(v, o, word, col);
    if (o->type == PARE_LAYER_BOOL) {
        if (strcmp(word, "yes") != 0 && strcmp(word, "no") != 0)
            return bad_value(o, word, col);
        *v = strcmp(word, "yes") == 0;
        return 0;
    }
    if (pare_number_parse(v, word) || !in_range(o, *v))
        return bad_value(o, word, col);
    return 0;
}

/* Find the option an argument is for: by name, or the next by position. */
static int which_option(const struct pare_layer *l, const char *name, int pos,
                        int col)
{
    const struct pare_layer_option *o = l->kind->option;
    char known[PARE_SPEC_MAX] = "";

    for (int i = 0; i < PARE_LAYER_OPTS && o[i].name; i++) {
        if (name[0] ? strcmp(o[i].name, name) == 0 : i == pos)
            return i;
        pare_spec_append(known, "%s%s", i ? ", " : ": there are ", o[i].name);
    }
    if (name[0])
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: %s has no option '%s'%s",
                         col, l->kind->name, name, known);
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

/* "," before another argument, or ")" after the last; 1, 0 or an error. */
static int parse_separator(struct cursor *c, const char *what)
{
    skip_space(c);
    if (*c->p == ')') {
        c->p++;
        return 0;
    }
    if (*c->p != ',')
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: expected ',' or ')'",
                         column(c));
    c->p++;
    skip_space(c);
    if (*c->p == ')')
        return pare_fail(PARE_EINVAL, "architecture, column %d: expected %s",
                         column(c), what);
    return 1;
}

static int check_options(struct pare_layer *l, unsigned seen)
{
    const struct pare_layer_option *o = l->kind->option;

    for (int i = 0; i < PARE_LAYER_OPTS && o[i].name; i++) {
        if (o[i].required && !(seen & 1u << i))
            return pare_fail(PARE_EINVAL,
                             "architecture, column %d: %s needs %s", l->column,
                             l->kind->name, o[i].name);
        /* As the first option says anyway: the default. */
        if (o[i].type == PARE_LAYER_PAIR && !o[i].required &&
            o[i].def < o[i].lo && l->opt[i] == l->opt[0])
            l->opt[i] = o[i].def;
    }
    return 0;
}

static int parse_arguments(struct cursor *c, struct pare_layer *l)
{
    const struct pare_layer_option *o = l->kind->option;
    unsigned seen = 0;
    int more = *c->p == '(';

    for (int i = 0; i < PARE_LAYER_OPTS && o[i].name; i++)
        l->opt[i] = o[i].def;
    if (more) {
        c->p++;
        skip_space(c);
        more = *c->p != ')';
        c->p += !more;
    }
    for (int pos = 0; more > 0; pos++) {
        int err = parse_argument(c, l, pos, &seen);

        if (err)
            return err;
        more = parse_separator(c, "an argument");
    }
    return more ? more : check_options(l, seen);
}

/* Keep a name to look up when all layers are known; NULL is no name. */
static int keep_ref(struct pare_arch_refs *refs, size_t layer, const char *name,
                    int col, bool arrow)
{
    struct pare_arch_ref *grown;

    if ((refs->n & (refs->n - 1)) == 0) {
        size_t room = refs->n ? 2 * refs->n : 1;

        grown = realloc(refs->ref, room * sizeof *grown);
        if (!grown)
            return pare_fail(PARE_ENOMEM, "out of memory");
        refs->ref = grown;
    }
    grown = &refs->ref[refs->n++];
    *grown =
        (struct pare_arch_ref){.layer = layer, .column = col, .arrow = arrow};
    if (name)
        strcpy(grown->name, name);
    return 0;
}

/* The arguments of add and concat: names of layers. */
static int parse_inputs(struct cursor *c, const struct pare_layer *l,
                        size_t layer, struct pare_arch_refs *refs)
{
    char word[PARE_NAME_MAX];
    int more = *c->p == '(', n = 0;

    if (more)
        c->p++;
    for (; more > 0; n++) {
        int col, err;

        skip_space(c);
        col = column(c);
        err = parse_word(c, word, "the name of a layer");
        if (!err && n == PARE_LAYER_INPUTS)
            err = pare_fail(PARE_EINVAL,
                            "architecture, column %d: %s takes at most %d "
                            "layers",
                            col, l->kind->name, PARE_LAYER_INPUTS);
        if (!err)
            err = keep_ref(refs, layer, word, col, false);
        if (err)
            return err;
        more = parse_separator(c, "the name of a layer");
    }
    if (more == 0 && n < 2)
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: %s needs the names of two "
                         "or more layers",
                         l->column, l->kind->name);
    return more;
}

/* Neither an input nor sizes: perhaps a published name, misspelt. */
static int unknown_arch(const struct cursor *c)
{
    const struct pare_arch_name *row;
    char known[PARE_SPEC_MAX] = "";
    size_t n = 0;

    while (is_name_char(c->p[n]))
        n++;
    if (!isalpha((unsigned char)c->p[0]) || c->p[n] || n >= PARE_NAME_MAX)
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: expected in(FEATURES), "
                         "in(CHANNELS,HEIGHT,WIDTH), sizes as 784-300-10, or "
                         "a published name",
                         column(c));
    for (size_t i = 0; (row = pare_arch_name(i)); i++)
        pare_spec_append(known, "%s%s", i ? ", " : "", row->name);
    return pare_fail(PARE_EINVAL,
                     "architecture, column %d: no network is named '%s': "
                     "there are %s",
                     column(c), c->p, known);
}

/* in(FEATURES), in(CHANNELS,LENGTH) or in(CHANNELS,HEIGHT,WIDTH) */
static int parse_input(struct cursor *c, struct pare_shape *in)
{
    char word[PARE_NAME_MAX];
    double v, size = 1;
    int err, more = 1;

    skip_space(c);
    if (strncmp(c->p, "in(", 3) != 0)
        return unknown_arch(c);
    c->p += 3;
    for (in->rank = 0; more > 0; in->rank++) {
        int col;

        skip_space(c);
        col = column(c);
        err = parse_word(c, word, "the number of inputs");
        if (err)
            return err;
        if (pare_number_parse(&v, word) || v < 1 ||
            v > (double)PARE_ARCH_SIZE_MAX || v != floor(v))
            return pare_fail(PARE_EINVAL,
                             "architecture, column %d: inputs must be a "
                             "whole number from 1 to %zu, not '%s'",
                             col, PARE_ARCH_SIZE_MAX, word);
        size *= v;
        if (in->rank == 3 || size > (double)PARE_ARCH_VALUES_MAX)
            return pare_fail(PARE_EINVAL,
                             "architecture, column %d: an input has at most "
                             "%s",
                             col, in->rank == 3 ? "3 sizes" : "2^28 values");
        in->dim[in->rank] = (size_t)v;
        more = parse_separator(c, "a size");
    }
    return more;
}

static int check_name(const struct pare_arch *a, const char *name, int col)
{
    if (!isalpha((unsigned char)name[0]))
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: the name '%s' does not "
                         "begin with a letter",
                         col, name);
    if (strcmp(name, "in") == 0)
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: 'in' is the network's "
                         "input",
                         col);
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

/* "->" behind blanks, taken when it is there. */
static bool take_arrow(struct cursor *c)
{
    struct cursor ahead = *c;

    skip_space(&ahead);
    if (ahead.p[0] != '-' || ahead.p[1] != '>')
        return false;
    c->p = ahead.p + 2;
    return true;
}

/*
 * NAME "->" into name, which is "" when a layer stands here: the names of
 * kinds are layers, unless a layer was given that name.
 */
static int parse_source(struct cursor *c, const struct pare_arch *a, char *name,
                        bool after_arrow)
{
    struct cursor ahead = *c;

    name[0] = '\0';
    if (!is_name_char(*c->p) || parse_word(&ahead, name, "a layer") ||
        !take_arrow(&ahead) ||
        (pare_layer_find(name) && !pare_arch_has(a, name))) {
        name[0] = '\0';
        return 0;
    }
    if (after_arrow)
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: expected a layer behind "
                         "the arrow, not the name '%s'",
                         column(c), name);
    *c = ahead;
    skip_space(c);
    return 0;
}

/* [NAME "="] KIND, a new layer. */
static int parse_head(struct cursor *c, struct pare_arch *a)
{
    char word[PARE_NAME_MAX], name[PARE_NAME_MAX] = "";
    int col = column(c), err;
    struct pare_layer *l;

    err = parse_word(c, word, "a layer");
    if (!err && *c->p == '=') {
        c->p++;
        strcpy(name, word);
        err = check_name(a, name, col);
        if (err)
            return err;
        col = column(c);
        err = parse_word(c, word, "a layer");
    }
    if (err)
        return err;
    if (!pare_layer_find(word))
        return unknown_layer(word, col);
    l = add_layer(a);
    if (!l)
        return a->n_layers == PARE_LAYERS_MAX ? PARE_ELIMIT : PARE_ENOMEM;
    l->kind = pare_layer_find(word);
    l->column = col;
    strcpy(l->name, name);
    return 0;
}

/* [NAME "->"] [NAME "="] KIND ["(" arguments ")"] ["->"] */
static int parse_layer(struct cursor *c, struct pare_arch *a,
                       struct pare_arch_refs *refs, bool *arrow)
{
    char source[PARE_NAME_MAX];
    size_t i = a->n_layers;
    int col = column(c), err;
    bool joins;

    err = parse_source(c, a, source, *arrow);
    if (!err && source[0])
        err = parse_source(c, a, (char[PARE_NAME_MAX]){0}, true);
    if (!err)
        err = parse_head(c, a);
    if (err)
        return err;
    joins = pare_layer_joins(a->layer[i].kind);
    if (source[0] || (*arrow && joins))
        err = keep_ref(refs, i, source[0] ? source : NULL, col, true);
    if (!err)
        err = joins ? parse_inputs(c, &a->layer[i], i, refs)
                    : parse_arguments(c, &a->layer[i]);
    if (err)
        return err;
    *arrow = take_arrow(c);
    if (!*arrow && *c->p && !isspace((unsigned char)*c->p))
        return pare_fail(PARE_EINVAL,
                         "architecture, column %d: unexpected '%c'", column(c),
                         *c->p);
    return 0;
}

int pare_arch_parse_general(struct pare_arch *a, struct pare_arch_refs *refs,
                            const char *text)
{
    struct cursor c = {text, text};
    int err = parse_input(&c, &a->input);
    bool arrow;

    if (err)
        return err;
    arrow = take_arrow(&c);
    for (;;) {
        bool apart = arrow || isspace((unsigned char)*c.p);

        skip_space(&c);
        if (!*c.p && !arrow)
            break;
        if (!apart)
            return pare_fail(PARE_EINVAL,
                             "architecture, column %d: expected a blank",
                             column(&c));
        err = parse_layer(&c, a, refs, &arrow);
        if (err)
            return err;
    }
    if (a->n_layers == 0)
        return pare_fail(PARE_EINVAL, "architecture: no layer after in()");
    return 0;
}
