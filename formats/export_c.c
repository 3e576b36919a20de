#include "export_rows.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csource.h"
#include "digest.h"
#include "status.h"

#define NAME_ROOM                                                              \
    256 /* bytes of a name that files and functions begin with                 \
         */

/* A pair of files that is being written. */
struct source {
    struct c_plan plan;
    struct c_matrix *matrix; /* [n_layers]; rows 0: no weights */
    struct c_out *out;
    const char *file;                               /* without directory */
    char name[NAME_ROOM + 8], macro[NAME_ROOM + 8]; /* net, NET */
    char weights[PARE_DIGEST_LEN];
};

/* Where a value is, as C. */
static const char *place(char text[48], const struct c_plan *p, size_t value)
{
    const struct c_place *at = &p->place[p->root[value]];

    if (at->room == C_WORK)
        snprintf(text, 48, at->at ? "work + %zu" : "work", at->at);
    else
        snprintf(text, 48, "%s", at->room == C_INPUT ? "input" : "output");
    return text;
}

static size_t size_of(const struct c_plan *p, size_t value)
{
    const struct pare_arch *a = &p->m->arch;

    return pare_shape_size(value ? &a->layer[value - 1].out : &a->input);
}

/* ---- arrays */

static void print_window(struct c_out *o, const struct pare_layer *l, size_t i)
{
    struct pare_window w = {{1, 1}, {1, 1}, {0, 0}, {1, 1}, 1};
    size_t in[3], out[3];

    if (l->kind->op != PARE_OP_PAD)
        pare_layer_window(&w, l);
    pare_shape_image(in, &l->in[0]);
    pare_shape_image(out, &l->out);
    c_print(o,
            "static const struct window shape%zu = {\n    %zu, %zu, %zu, %zu, "
            "%zu, %zu, %zu, %zu, %zu, %zu, %zu, %zu, %zu, %zu, %zu\n};\n",
            i, in[0], in[1], in[2], w.groups, w.kernel[0], w.kernel[1],
            w.stride[0], w.stride[1], w.pad[0], w.pad[1], w.dilation[0],
            w.dilation[1], out[0], out[1], out[2]);
}

/* Mean, factor and shift of a batch norm as evaluation has them. */
static int print_norm(struct c_out *o, const struct pare_tensor *t, size_t i,
                      float eps)
{
    size_t n = t[0].n;
    float *factor = malloc(n * sizeof *factor);

    if (!factor)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t c = 0; c < n; c++)
        factor[c] = 1.0f / sqrtf(t[3].value[c] + eps) * t[0].value[c];
    c_floats(o, "m", i, t[2].value, n);
    c_floats(o, "f", i, factor, n);
    c_floats(o, "h", i, t[1].value, n);
    free(factor);
    return 0;
}

static int print_layer(struct source *s, const struct pare_layer *l, size_t i,
                       const struct pare_tensor *t)
{
    static const char *const srelu[4] = {"tl", "al", "tr", "ar"};
    struct c_out *o = s->out;

    switch (l->kind->op) {
    case PARE_OP_CONV:
    case PARE_OP_LINEAR:
        c_matrix_choose(&s->matrix[i], t);
        c_matrix_print(o, &s->matrix[i], t, i);
        if (pare_layer_opt(l, "bias") > 0)
            c_floats(o, "b", i, t[1].value, t[1].n);
        break;
    case PARE_OP_BATCHNORM:
        return print_norm(o, t, i, (float)pare_layer_opt(l, "eps"));
    case PARE_OP_SRELU:
        for (int k = 0; k < 4; k++)
            c_floats(o, srelu[k], i, t[k].value, t[k].n);
        break;
    default:
        break;
    }
    return o->err;
}

static bool has_window(enum pare_layer_op op)
{
    return op == PARE_OP_CONV || op == PARE_OP_MAXPOOL ||
           op == PARE_OP_AVGPOOL || op == PARE_OP_PAD;
}

/* Arrays of a layer, whose tensors are loaded as long as that takes. */
static int print_arrays(struct source *s, size_t i)
{
    const struct pare_model *m = s->plan.m;
    const struct pare_layer *l = &m->arch.layer[i];
    size_t first = s->plan.tensor[i + 1], end = first;
    int err = 0;

    while (end < m->n_tensors && m->tensor[end].layer == i)
        end++;
    if (end > first || has_window(l->kind->op))
        c_print(s->out, "\n/* %s */\n", l->name);
    if (has_window(l->kind->op))
        print_window(s->out, l, i);
    for (size_t t = first; t < end && !err; t++)
        err = pare_tensor_load(m, t);
    if (!err && end > first)
        err = print_layer(s, l, i, &m->tensor[first]);
    for (size_t t = first; t < end; t++)
        pare_tensor_drop(m, t);
    return err ? err : s->out->err;
}

/* ---- the function */

static void call_product(struct source *s, size_t i, const char *to,
                         const char *from)
{
    const struct pare_layer *l = &s->plan.m->arch.layer[i];
    const struct c_matrix *x = &s->matrix[i];
    bool conv = l->kind->op == PARE_OP_CONV;
    struct c_out *o = s->out;
    char name[64];

    c_kernel_name(name, conv ? "conv" : "linear", x);
    c_print(o, "    %s(%s, %s, w%zu, ", name, to, from, i);
    if (x->value >= C_BOOK8)
        c_print(o, "q%zu, ", i);
    if (x->value == C_INT8)
        c_print(o, "%d, ", x->step);
    if (x->index != C_DENSE)
        c_print(o, "c%zu, n%zu, ", i, i);
    if (pare_layer_opt(l, "bias") > 0)
        c_print(o, "b%zu, ", i);
    else
        c_print(o, "0, ");
    if (conv)
        c_print(o, "&shape%zu);\n", i);
    else if (x->index == C_DENSE)
        c_print(o, "%zu, %zu);\n", x->rows, x->cols);
    else
        c_print(o, "%zu);\n", x->rows);
    if (c_share(&s->plan, i) != 1)
        c_print(o, "    scale(%s, %s, %zu, %af);\n", to, to, x->rows,
                (double)c_share(&s->plan, i));
}

/* Sums and joins: the first input is copied, the others added, or all are
 * copied one behind the other. */
static void call_join(struct source *s, size_t i, const char *to)
{
    const struct pare_layer *l = &s->plan.m->arch.layer[i];
    bool add = l->kind->op == PARE_OP_ADD;
    size_t at = 0;

    for (int k = 0; k < l->n_inputs; k++) {
        size_t from = c_input(&s->plan, i, k);
        char text[48];

        c_print(s->out, "    %s(%s", k && add ? "add" : "copy", to);
        if (at)
            c_print(s->out, " + %zu", at);
        c_print(s->out, ", %s, %zu);\n", place(text, &s->plan, from),
                size_of(&s->plan, from));
        at += add ? 0 : size_of(&s->plan, from);
    }
}

/* All that follows "name(to, from, ". */
static void call_rest(struct source *s, size_t i)
{
    const struct pare_layer *l = &s->plan.m->arch.layer[i];
    size_t n = pare_shape_size(&l->out);
    struct c_out *o = s->out;

    switch (l->kind->op) {
    case PARE_OP_LEAKY_RELU:
        c_print(o, "%zu, %af", n, (double)(float)pare_layer_opt(l, "slope"));
        break;
    case PARE_OP_BATCHNORM:
        c_print(o, "m%zu, f%zu, h%zu, %zu, %zu", i, i, i, l->out.dim[0],
                n / l->out.dim[0]);
        break;
    case PARE_OP_SRELU:
        c_print(o, "tl%zu, al%zu, tr%zu, ar%zu, %zu, %zu", i, i, i, i,
                l->out.dim[0], n / l->out.dim[0]);
        break;
    case PARE_OP_MAXPOOL:
        c_print(o, "&shape%zu", i);
        break;
    case PARE_OP_AVGPOOL:
        c_print(o, "&shape%zu, %d", i,
                !l->kind->option[0].name || pare_layer_opt(l, "count-pad") > 0);
        break;
    case PARE_OP_PAD:
        c_print(o, "&shape%zu, %zu, %zu, %zu, %af", i,
                (size_t)pare_layer_opt(l, "front"),
                (size_t)pare_layer_opt(l, "top"),
                (size_t)pare_layer_opt(l, "left"),
                (double)(float)pare_layer_opt(l, "value"));
        break;
    default:
        c_print(o, "%zu", n);
        break;
    }
}

static void call_layer(struct source *s, size_t i)
{
    const struct pare_layer *l = &s->plan.m->arch.layer[i];
    char to[48], from[48];

    place(to, &s->plan, i + 1);
    place(from, &s->plan, c_input(&s->plan, i, 0));
    switch (l->kind->op) {
    case PARE_OP_IDENTITY:
    case PARE_OP_DROPOUT:
    case PARE_OP_FLATTEN:
        break;
    case PARE_OP_LINEAR:
    case PARE_OP_CONV:
        call_product(s, i, to, from);
        break;
    case PARE_OP_ADD:
    case PARE_OP_CONCAT:
        call_join(s, i, to);
        break;
    default:
        c_print(s->out, "    %s(%s, %s, ", c_function(l->kind->op), to, from);
        call_rest(s, i);
        c_print(s->out, ");\n");
        break;
    }
}

/* (input * scale - mean) / std, with a mean for all, a channel or a value. */
static void call_norm(struct source *s)
{
    const struct pare_model *m = s->plan.m;
    size_t n = pare_shape_size(&m->arch.input);
    char to[48];

    place(to, &s->plan, 0);
    c_print(s->out, "    for (size_t i = 0; i < %zu; i++)\n", n);
    if (m->norm.n == 0)
        c_print(s->out, "        (%s)[i] = input[i] * %af;\n", to,
                (double)m->norm.scale);
    else
        c_print(s->out,
                "        (%s)[i] = (input[i] * %af - mean0[i / %zu]) / "
                "std0[i / %zu];\n",
                to, (double)m->norm.scale, n / m->norm.n, n / m->norm.n);
}

static void print_function(struct source *s)
{
    const struct c_plan *p = &s->plan;
    char from[48];

    c_print(s->out,
            "\nvoid %s_run(const float *input, float *output, "
            "float *work)\n{\n",
            s->name);
    if (p->work == 0)
        c_print(s->out, "    (void)work;\n");
    if (p->normalise)
        call_norm(s);
    for (size_t i = 0; i + 1 < p->n; i++)
        call_layer(s, i);
    if (p->place[p->root[p->n - 1]].room == C_INPUT)
        c_print(s->out, "    copy(output, %s, %zu);\n",
                place(from, p, p->n - 1), size_of(p, p->n - 1));
    c_print(s->out, "}\n");
}

/* ---- the files */

/* The header may be of another network: it is written apart. */
static void print_guard(struct source *s)
{
    const struct c_plan *p = &s->plan;

    c_print(s->out,
            "\n#if %s_INPUTS != %zu || %s_OUTPUTS != %zu || %s_WORK != %zu\n"
            "#error \"%s.h is of another network\"\n#endif\n",
            s->macro, size_of(p, 0), s->macro, size_of(p, p->n - 1), s->macro,
            p->work ? p->work : 1, s->file);
}

static int print_source(struct source *s)
{
    const struct pare_model *m = s->plan.m;
    int err = 0;

    c_print(s->out,
            "/* %s: weights %s */\n#include \"%s.h\"\n\n#include <math.h>\n"
            "#include <stddef.h>\n#include <stdint.h>\n#include <string.h>\n",
            s->name, s->weights, s->file);
    print_guard(s);
    c_types(s->out, &s->plan);
    if (m->norm.n) {
        c_print(s->out, "\n/* normalisation of the input */\n");
        c_floats(s->out, "mean", 0, m->norm.mean, m->norm.n);
        c_floats(s->out, "std", 0, m->norm.std, m->norm.n);
    }
    for (size_t i = 0; i < m->arch.n_layers && !err; i++)
        err = print_arrays(s, i);
    if (err)
        return err;
    c_kernels(s->out, &s->plan, s->matrix);
    print_function(s);
    return s->out->err;
}

/* The architecture, a layer a line so that no line is too long. */
static void print_arch(struct c_out *o, const char *text)
{
    c_print(o, " *     ");
    for (; *text; text++)
        if (*text == ' ')
            c_print(o, "\n *     ");
        else
            c_print(o, "%c", *text);
    c_print(o, "\n");
}

static int print_header(struct source *s)
{
    const struct c_plan *p = &s->plan;
    const struct pare_arch *a = &p->m->arch;
    char in[PARE_SHAPE_TEXT], out[PARE_SHAPE_TEXT];
    struct c_out *o = s->out;

    pare_shape_print(in, &a->input);
    pare_shape_print(out, pare_arch_output(a));
    c_print(o, "#ifndef %s_H\n#define %s_H\n\n/*\n * The network\n", s->macro,
            s->macro);
    print_arch(o, a->text);
    c_print(o, " * with weights %s.\n */\n\n", s->weights);
    c_print(o, "#define %s_INPUTS %zu\n#define %s_OUTPUTS %zu\n", s->macro,
            size_of(p, 0), s->macro, size_of(p, p->n - 1));
    c_print(o, "#define %s_WORK %zu\n\n", s->macro, p->work ? p->work : 1);
    c_print(o, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    c_print(o,
            "/**\n * Run the network on one sample.\n *\n"
            " * @param input   [%s] channels, height, width, as the data have "
            "it: it is\n *                normalised here\n"
            " * @param output  [%s] out; must not be in input\n"
            " * @param work    [%s_WORK] work space of no meaning before or "
            "after; one\n *                for each thread\n */\n",
            in, out, s->macro);
    c_print(o,
            "void %s_run(const float *input, float *output, float *work);\n\n",
            s->name);
    c_print(o, "#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    return o->err;
}

/* Write BASE and the suffix, whole or not at all. */
static int write_file(struct source *s, const char *base, size_t n,
                      const char *suffix, int (*print)(struct source *))
{
    char *path = malloc(n + strlen(suffix) + 1);
    int err;

    if (!path)
        return pare_fail(PARE_ENOMEM, "out of memory");
    memcpy(path, base, n);
    strcpy(path + n, suffix);
    s->out->n = 0;
    s->out->err = 0;
    err = pare_atomic_begin(&s->out->file, path);
    if (err)
        goto out;
    err = print(s);
    if (!err)
        err = c_flush(s->out);
    if (err)
        pare_atomic_cancel(&s->out->file);
    else
        err = pare_atomic_commit(&s->out->file);
out:
    free(path);
    return err;
}

/* The last part of the path, as it is and as an identifier. */
static int make_names(struct source *s, char *file, const char *path, size_t n)
{
    size_t at = n, length;

    while (at > 0 && path[at - 1] != '/')
        at--;
    length = n - at;
    if (length == 0 || length > NAME_ROOM - 8)
        return pare_fail(PARE_EINVAL, "'%s' is no name for C source", path);
    memcpy(file, path + at, length);
    file[length] = '\0';
    if (strpbrk(file, "\"\\\n\r"))
        return pare_fail(PARE_EINVAL,
                         "'%s' cannot be the name of an included file", path);
    snprintf(s->name, sizeof s->name, "%s%s",
             isalpha((unsigned char)file[0]) ? "" : "net_", file);
    for (size_t i = 0; s->name[i]; i++) {
        unsigned char ch = (unsigned char)s->name[i];

        s->name[i] = ch < 128 && isalnum(ch) ? (char)ch : '_';
        s->macro[i] = (char)toupper((unsigned char)s->name[i]);
    }
    s->file = file;
    return 0;
}

int pare_c_write(const char *path, const struct pare_model *m)
{
    struct source s = {.out = NULL};
    char file[NAME_ROOM];
    size_t n;
    int err = 0;

    if (!path || strcmp(path, "-") == 0)
        return pare_fail(PARE_EINVAL,
                         "c makes two files: name them with -o BASE");
    n = strlen(path);
    if (n > 2 && strcmp(path + n - 2, ".c") == 0)
        n -= 2;
    err = make_names(&s, file, path, n);
    if (!err)
        err = c_plan_init(&s.plan, m);
    if (!err)
        err = pare_digest_weights(s.weights, m);
    if (err)
        goto out;
    s.out = malloc(sizeof *s.out);
    s.matrix = calloc(m->arch.n_layers + 1, sizeof *s.matrix);
    if (!s.out || !s.matrix)
        err = pare_fail(PARE_ENOMEM, "out of memory");
    if (!err)
        err = write_file(&s, path, n, ".c", print_source);
    if (!err)
        err = write_file(&s, path, n, ".h", print_header);
out:
    free(s.out);
    free(s.matrix);
    c_plan_release(&s.plan);
    return err;
}
