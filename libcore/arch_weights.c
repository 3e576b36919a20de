#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "arch_parts.h"
#include "status.h"

/* Lists of tensors whose graph is not known. */

#define POSITIONS_MAX ((uint64_t)1 << 62) /* of all tensors together */
#define DIM_MAX       ((uint64_t)1 << 40)

struct cursor {
    const char *text, *p;
    uint64_t total;
};

static int fail_at(const struct cursor *c, const char *what)
{
    return pare_fail(PARE_EINVAL, "weights, column %zu: %s",
                     (size_t)(c->p - c->text) + 1, what);
}

static int no_shape(const struct pare_layer *l, struct pare_shape *out)
{
    (void)l;
    *out = (struct pare_shape){0};
    return 0;
}

/* Tensors are in the list itself. */
static int no_tensors(const struct pare_layer *l, struct pare_tensor_spec *spec)
{
    (void)l;
    (void)spec;
    return 0;
}

static double no_macs(const struct pare_layer *l)
{
    (void)l;
    return 0;
}

static const struct pare_layer_kind weights_kind = {
    .name = "weights",
    .op = PARE_OP_WEIGHTS,
    .prefix = "weights",
    .help = "tensors without a graph",
    .source = "",
    .infer = no_shape,
    .tensors = no_tensors,
    .macs = no_macs};

static bool is_one_of(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(word, *list) == 0)
            return true;
    return false;
}

enum pare_role pare_arch_role(const char *suffix, int rank)
{
    static const char *const buffer[] = {
        "running_mean", "running_var", "moving_mean",         "moving_variance",
        "mean",         "var",         "num_batches_tracked", NULL};
    static const char *const bias[] = {"bias", "beta", NULL};

    if (is_one_of(suffix, buffer))
        return PARE_ROLE_BUFFER;
    if (rank >= 2)
        return PARE_ROLE_WEIGHT;
    return is_one_of(suffix, bias) ? PARE_ROLE_BIAS : PARE_ROLE_SCALE;
}

static bool is_name_char(char ch)
{
    return isalnum((unsigned char)ch) || ch == '_' || ch == '-' || ch == '.';
}

/* "fc1.weight": the layer's name and the rest; step over both. */
static int parse_name(struct cursor *c, char layer[PARE_LAYER_MAX],
                      char suffix[PARE_SUFFIX_MAX])
{
    const char *dot = NULL;
    size_t n = 0;

    for (; is_name_char(c->p[n]); n++)
        if (c->p[n] == '.')
            dot = c->p + n;
    if (!dot || dot == c->p || dot == c->p + n - 1 || c->p[0] == '.')
        return fail_at(c, "expected a name as in fc1.weight");
    if (dot - c->p >= PARE_LAYER_MAX || c->p + n - dot > PARE_SUFFIX_MAX)
        return fail_at(c, "a name is longer than 95 bytes, or than 31 after "
                          "its last dot");
    memcpy(layer, c->p, (size_t)(dot - c->p));
    layer[dot - c->p] = '\0';
    memcpy(suffix, dot + 1, (size_t)(c->p + n - dot) - 1);
    suffix[c->p + n - dot - 1] = '\0';
    c->p += n;
    return 0;
}

/* "(64x3x3x3)" or "()", sizes without leading zeros. */
static int parse_dims(struct cursor *c, struct pare_arch_tensor *t)
{
    uint64_t n = 1;

    if (*c->p != '(')
        return fail_at(c, "expected a shape as in (300x784)");
    c->p++;
    while (*c->p != ')') {
        uint64_t dim = 0;

        if (t->rank == PARE_RANK_MAX)
            return fail_at(c, "more than 8 dimensions");
        if (*c->p < '1' || *c->p > '9')
            return fail_at(c, "expected a size of 1 or more");
        for (; isdigit((unsigned char)*c->p) && dim <= DIM_MAX; c->p++)
            dim = 10 * dim + (uint64_t)(*c->p - '0');
        if (dim > DIM_MAX || dim > (POSITIONS_MAX - c->total) / n)
            return fail_at(c, "too many values");
        n *= dim;
        t->dim[t->rank++] = (size_t)dim;
        if (*c->p == 'x' && c->p[1] != ')')
            c->p++;
        else if (*c->p != ')')
            return fail_at(c, "expected x or )");
    }
    c->p++;
    c->total += n;
    return 0;
}

static int parse_item(struct pare_arch *a, struct cursor *c)
{
    struct pare_arch_tensor *t = &a->own[a->n_own];
    char layer[PARE_LAYER_MAX];
    int err;

    memset(t, 0, sizeof *t);
    err = parse_name(c, layer, t->suffix);
    if (!err)
        err = parse_dims(c, t);
    if (err)
        return err;
    if (a->n_layers == 0 ||
        strcmp(a->layer[a->n_layers - 1].name, layer) != 0) {
        struct pare_layer *l = &a->layer[a->n_layers++];

        memset(l, 0, sizeof *l);
        l->kind = &weights_kind;
        strcpy(l->name, layer);
        l->column = (int)(c->p - c->text);
    }
    t->layer = a->n_layers - 1;
    t->role = pare_arch_role(t->suffix, t->rank);
    a->n_own++;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_suffix(const void *a, const void *b)
{
    const struct pare_arch_tensor *x = *(
                                      const struct pare_arch_tensor *const *)a,
                                  *y = *(
                                      const struct pare_arch_tensor *const *)b;

    return x->layer != y->layer ? (x->layer < y->layer ? -1 : 1)
                                : strcmp(x->suffix, y->suffix);
}

/* No layer and no tensor is there twice. */
static int check_names(const struct pare_arch *a)
{
    const char **name = malloc(a->n_layers * sizeof *name);
    const struct pare_arch_tensor **own = malloc(a->n_own * sizeof *own);
    int err = name && own ? 0 : pare_fail(PARE_ENOMEM, "out of memory");

    for (size_t i = 0; !err && i < a->n_layers; i++)
        name[i] = a->layer[i].name;
    for (size_t i = 0; !err && i < a->n_own; i++)
        own[i] = &a->own[i];
    if (!err) {
        qsort(name, a->n_layers, sizeof *name, by_name);
        qsort(own, a->n_own, sizeof *own, by_suffix);
    }
    for (size_t i = 1; !err && i < a->n_layers; i++)
        if (strcmp(name[i - 1], name[i]) == 0)
            err = pare_fail(PARE_EINVAL,
                            "weights: the tensors of '%s' do not stand "
                            "together",
                            name[i]);
    for (size_t i = 1; !err && i < a->n_own; i++)
        if (by_suffix(&own[i - 1], &own[i]) == 0)
            err = pare_fail(PARE_EINVAL, "weights: '%s.%s' is there twice",
                            a->layer[own[i]->layer].name, own[i]->suffix);
    free(name);
    free(own);
    return err;
}

/* Room for as many tensors as the text has shapes. */
static int make_room(struct pare_arch *a, const char *text)
{
    size_t n = 0;

    for (const char *p = text; (p = strchr(p, '(')); p++)
        n++;
    if (n > PARE_WEIGHTS_MAX)
        return pare_fail(PARE_ELIMIT, "weights: more than %d tensors",
                         PARE_WEIGHTS_MAX);
    a->own = malloc((n + 1) * sizeof *a->own);
    a->layer = malloc((n + 1) * sizeof *a->layer);
    a->text = malloc(strlen(text) + 1);
    if (!a->own || !a->layer || !a->text)
        return pare_fail(PARE_ENOMEM, "out of memory");
    strcpy(a->text, text);
    return 0;
}

int pare_arch_parse_weights(struct pare_arch *arch, const char *text)
{
    struct pare_arch a = {0};
    struct cursor c = {text, text + strlen("weights"), 0};
    int err;

    if (strlen(text) > PARE_WEIGHTS_TEXT_MAX)
        return pare_fail(PARE_ELIMIT, "weights: longer than %d bytes",
                         PARE_WEIGHTS_TEXT_MAX);
    err = make_room(&a, text);
    while (!err && *c.p) {
        if (*c.p != ' ')
            err = fail_at(&c, "expected one space");
        c.p++;
        if (!err)
            err = parse_item(&a, &c);
    }
    if (!err)
        err = check_names(&a);
    if (err)
        pare_arch_release(&a);
    else
        *arch = a;
    return err;
}

bool pare_arch_is_weights(const struct pare_arch *arch)
{
    return arch->own != NULL;
}

int pare_arch_need_graph(const struct pare_arch *arch)
{
    if (!pare_arch_is_weights(arch))
        return 0;
    return pare_fail(PARE_EINVAL,
                     "the model is weights without a graph: import it with "
                     "its architecture (pare import -a)");
}
