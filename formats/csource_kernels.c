#include "csource.h"

#include <stdio.h>
#include <string.h>

/* The functions of the source that is written. */

/* Text of a product and what is put for $ and a letter. */
struct parts {
    const char *type;   /* $T of a weight */
    const char *params; /* $P what else the weights need */
    const char *value;  /* $V with @ for the stored number */
};

static const struct parts parts[C_VALUES] = {
    {"float", "", "@"},
    {"uint16_t", "", "half(@)"},
    {"uint16_t", "", "brain(@)"},
    {"uint8_t", "const float *q, ", "q[@]"},
    {"uint16_t", "const float *q, ", "q[@]"},
    {"int8_t", "const float *q, size_t step, ", "(float)@ * q[r * step]"},
};

static const char *const value_name[C_VALUES] = {"f32",   "f16",    "bf16",
                                                 "book8", "book16", "int8"};
static const char *const index_name[C_INDICES] = {"dense", "gap8", "col8",
                                                  "col16", "col32"};
static const char *const index_type[C_INDICES] = {"", "uint8_t", "uint8_t",
                                                  "uint16_t", "uint32_t"};

void c_kernel_name(char name[64], const char *what, const struct c_matrix *x)
{
    snprintf(name, 64, "%s_%s_%s%s", what, value_name[x->value],
             index_name[x->index], x->wide ? "_wide" : "");
}

/* The value of a weight, read from `from`. */
static void print_value(struct c_out *o, enum c_value v, const char *from)
{
    for (const char *p = parts[v].value; *p; p++)
        if (*p == '@')
            c_print(o, "%s", from);
        else
            c_print(o, "%c", *p);
}

/*
 * A function from its text: $N name, $T and $P as above, $V the value of
 * *w++, $D, $E and $F those of w[i + k], w[i] and w[from + i], $C and $K the
 * types of columns and counts, $A the next column, $B what that needs.
 */
static void print_kernel(struct c_out *o, const char *text, const char *name,
                         const struct c_matrix *x)
{
    for (; *text; text++) {
        if (*text != '$') {
            c_print(o, "%c", *text);
            continue;
        }
        switch (*++text) {
        case 'N':
            c_print(o, "%s", name);
            break;
        case 'T':
            c_print(o, "%s", parts[x->value].type);
            break;
        case 'P':
            c_print(o, "%s", parts[x->value].params);
            break;
        case 'V':
            print_value(o, x->value, "*w++");
            break;
        case 'D':
            print_value(o, x->value, "w[i + k]");
            break;
        case 'E':
            print_value(o, x->value, "w[i]");
            break;
        case 'F':
            print_value(o, x->value, "w[from + i]");
            break;
        case 'C':
            c_print(o, "%s", index_type[x->index]);
            break;
        case 'K':
            c_print(o, "%s", x->wide ? "uint32_t" : "uint16_t");
            break;
        case 'A':
            c_print(o, "%s", x->index == C_GAP8 ? "at += *c++" : "*c++");
            break;
        case 'B':
            c_print(o, "%s",
                    x->index == C_GAP8 ? "        size_t at = 0;\n" : "");
            break;
        default:
            break;
        }
    }
}

static const char linear_dense[] =
    "\n/* y = W x + b, all of W */\n"
    "static void $N(float *restrict y, const float *restrict x, const $T *w,\n"
    "    $Pconst float *b, size_t rows, size_t cols)\n"
    "{\n"
    "    for (size_t r = 0; r < rows; r++, w += cols) {\n"
    "        float s[8] = {0, 0, 0, 0, 0, 0, 0, 0};\n"
    "        size_t most = cols - cols % 8;\n"
    "\n"
    "        for (size_t i = 0; i < most; i += 8)\n"
    "            for (size_t k = 0; k < 8; k++)\n"
    "                s[k] += $D * x[i + k];\n"
    "        for (size_t i = most; i < cols; i++)\n"
    "            s[0] += $E * x[i];\n"
    "        y[r] = (((s[0] + s[4]) + (s[2] + s[6])) +\n"
    "                ((s[1] + s[5]) + (s[3] + s[7]))) +\n"
    "               (b ? b[r] : 0);\n"
    "    }\n"
    "}\n";

/* Codes are made numbers first, a run at a time, which compilers do faster. */
static const char linear_coded[] =
    "\n/* y = W x + b, all of W */\n"
    "static void $N(float *restrict y, const float *restrict x, const $T *w,\n"
    "    $Pconst float *b, size_t rows, size_t cols)\n"
    "{\n"
    "    for (size_t r = 0; r < rows; r++, w += cols) {\n"
    "        float s[8] = {0, 0, 0, 0, 0, 0, 0, 0}, v[64];\n"
    "\n"
    "        for (size_t from = 0; from < cols; from += 64) {\n"
    "            size_t n = cols - from < 64 ? cols - from : 64;\n"
    "            size_t most = n - n % 8;\n"
    "\n"
    "            for (size_t i = 0; i < n; i++)\n"
    "                v[i] = $F;\n"
    "            for (size_t i = 0; i < most; i += 8)\n"
    "                for (size_t k = 0; k < 8; k++)\n"
    "                    s[k] += v[i + k] * x[from + i + k];\n"
    "            for (size_t i = most; i < n; i++)\n"
    "                s[0] += v[i] * x[from + i];\n"
    "        }\n"
    "        y[r] = (((s[0] + s[4]) + (s[2] + s[6])) +\n"
    "                ((s[1] + s[5]) + (s[3] + s[7]))) +\n"
    "               (b ? b[r] : 0);\n"
    "    }\n"
    "}\n";

static const char linear_sparse[] =
    "\n/* y = W x + b, n[r] weights of row r */\n"
    "static void $N(float *restrict y, const float *restrict x, const $T *w,\n"
    "    $Pconst $C *c, const $K *n, const float *b, size_t rows)\n"
    "{\n"
    "    for (size_t r = 0; r < rows; r++) {\n"
    "        float s0 = b ? b[r] : 0, s1 = 0, s2 = 0, s3 = 0;\n"
    "        size_t left = n[r];\n"
    "$B\n"
    "        for (; left >= 4; left -= 4) {\n"
    "            s0 += $V * x[$A];\n"
    "            s1 += $V * x[$A];\n"
    "            s2 += $V * x[$A];\n"
    "            s3 += $V * x[$A];\n"
    "        }\n"
    "        for (; left > 0; left--)\n"
    "            s0 += $V * x[$A];\n"
    "        y[r] = (s0 + s1) + (s2 + s3);\n"
    "    }\n"
    "}\n";

static const char conv_dense[] =
    "\n/* y = W * x + b, all of W */\n"
    "static void $N(float *restrict y, const float *restrict x, const $T *w,\n"
    "    $Pconst float *b, const struct window *s)\n"
    "{\n"
    "    size_t plane = s->oh * s->ow, in = s->c / s->groups;\n"
    "    size_t cols = in * s->kh * s->kw;\n"
    "\n"
    "    for (size_t r = 0; r < s->oc; r++, y += plane) {\n"
    "        const float *from =\n"
    "            x + r / (s->oc / s->groups) * in * s->h * s->w;\n"
    "\n"
    "        fill(y, b ? b[r] : 0, plane);\n"
    "        for (size_t i = 0; i < cols; i++)\n"
    "            tap(y, from, $V, i, s);\n"
    "    }\n"
    "}\n";

static const char conv_sparse[] =
    "\n/* y = W * x + b, n[r] weights of output r */\n"
    "static void $N(float *restrict y, const float *restrict x, const $T *w,\n"
    "    $Pconst $C *c, const $K *n, const float *b, const struct window *s)\n"
    "{\n"
    "    size_t plane = s->oh * s->ow, in = s->c / s->groups;\n"
    "\n"
    "    for (size_t r = 0; r < s->oc; r++, y += plane) {\n"
    "        const float *from =\n"
    "            x + r / (s->oc / s->groups) * in * s->h * s->w;\n"
    "        size_t left = n[r];\n"
    "$B\n"
    "        fill(y, b ? b[r] : 0, plane);\n"
    "        for (; left > 0; left--) {\n"
    "            size_t i = ($A);\n"
    "\n"
    "            tap(y, from, $V, i, s);\n"
    "        }\n"
    "    }\n"
    "}\n";

/* ---- what does not depend on how weights are written */

static const char helper_half[] =
    "\nstatic float half(uint16_t h)\n"
    "{\n"
    "    int e = (h >> 10) & 31;\n"
    "    float m = (float)(h & 1023);\n"
    "    float v = e ? ldexpf(m + 1024, e - 25) : ldexpf(m, -24);\n"
    "\n"
    "    return h >> 15 ? -v : v;\n"
    "}\n";

static const char helper_brain[] = "\nstatic float brain(uint16_t h)\n"
                                   "{\n"
                                   "    uint32_t bits = (uint32_t)h << 16;\n"
                                   "    float v;\n"
                                   "\n"
                                   "    memcpy(&v, &bits, sizeof v);\n"
                                   "    return v;\n"
                                   "}\n";

static const char helper_window[] =
    "\n/* Input, groups, kernel, stride, padding, dilation, output. */\n"
    "struct window {\n"
    "    size_t c, h, w, groups, kh, kw, sh, sw, ph, pw, dh, dw, oc, oh, ow;\n"
    "};\n";

static const char helper_tap[] =
    "\nstatic void fill(float *y, float v, size_t n)\n"
    "{\n"
    "    for (size_t i = 0; i < n; i++)\n"
    "        y[i] = v;\n"
    "}\n"
    "\n"
    "/* Outputs [*first, end) for which o * stride + tap - pad is inside. */\n"
    "static size_t span(size_t *first, size_t tap, size_t stride, size_t pad,\n"
    "    size_t size, size_t outputs)\n"
    "{\n"
    "    size_t end = 0;\n"
    "\n"
    "    *first = tap < pad ? (pad - tap + stride - 1) / stride : 0;\n"
    "    if (size + pad > tap)\n"
    "        end = (size + pad - tap + stride - 1) / stride;\n"
    "    return end < outputs ? end : outputs;\n"
    "}\n"
    "\n"
    "/* Add v times what the weight of number i of a filter sees. */\n"
    "static void tap(float *restrict y, const float *restrict x, float v,\n"
    "    size_t i, const struct window *s)\n"
    "{\n"
    "    size_t kx = i % s->kw * s->dw, ky = i / s->kw % s->kh * s->dh;\n"
    "    size_t left, right = span(&left, kx, s->sw, s->pw, s->w, s->ow);\n"
    "    size_t top, bottom = span(&top, ky, s->sh, s->ph, s->h, s->oh);\n"
    "\n"
    "    x += i / (s->kw * s->kh) * s->h * s->w;\n"
    "    for (size_t oy = top; oy < bottom && left < right; oy++) {\n"
    "        const float *from = x + (oy * s->sh + ky - s->ph) * s->w +\n"
    "                            (left * s->sw + kx - s->pw);\n"
    "        float *to = y + oy * s->ow + left;\n"
    "\n"
    "        if (s->sw == 1)\n"
    "            for (size_t k = 0; k < right - left; k++)\n"
    "                to[k] += v * from[k];\n"
    "        else\n"
    "            for (size_t k = 0; k < right - left; k++)\n"
    "                to[k] += v * from[k * s->sw];\n"
    "    }\n"
    "}\n";

static const char kernel_maxpool[] =
    "\nstatic void maxpool(float *restrict y, const float *restrict x,\n"
    "    const struct window *s)\n"
    "{\n"
    "    for (size_t o = 0; o < s->c * s->oh * s->ow; o++) {\n"
    "        const float *from = x + o / (s->oh * s->ow) * s->h * s->w;\n"
    "        size_t top = o / s->ow % s->oh * s->sh, left = o % s->ow * "
    "s->sw;\n"
    "        float best = -INFINITY;\n"
    "\n"
    "        for (size_t ky = 0; ky < s->kh; ky++)\n"
    "            for (size_t kx = 0; kx < s->kw; kx++) {\n"
    "                size_t iy = top + ky - s->ph, ix = left + kx - s->pw;\n"
    "\n"
    "                if (iy >= s->h || ix >= s->w)\n"
    "                    continue;\n"
    "                if (!(from[iy * s->w + ix] <= best) && !isnan(best))\n"
    "                    best = from[iy * s->w + ix];\n"
    "            }\n"
    "        y[o] = best;\n"
    "    }\n"
    "}\n";

static const char kernel_avgpool[] =
    "\nstatic void avgpool(float *restrict y, const float *restrict x,\n"
    "    const struct window *s, int all)\n"
    "{\n"
    "    for (size_t o = 0; o < s->c * s->oh * s->ow; o++) {\n"
    "        const float *from = x + o / (s->oh * s->ow) * s->h * s->w;\n"
    "        size_t top = o / s->ow % s->oh * s->sh, left = o % s->ow * "
    "s->sw;\n"
    "        size_t n = 0;\n"
    "        float sum = 0;\n"
    "\n"
    "        for (size_t ky = 0; ky < s->kh; ky++) {\n"
    "            size_t iy = top + ky - s->ph;\n"
    "            float row = 0;\n"
    "\n"
    "            for (size_t kx = 0; kx < s->kw; kx++) {\n"
    "                size_t ix = left + kx - s->pw;\n"
    "\n"
    "                if (iy >= s->h || ix >= s->w)\n"
    "                    continue;\n"
    "                row += from[iy * s->w + ix];\n"
    "                n++;\n"
    "            }\n"
    "            sum += row;\n"
    "        }\n"
    "        n = all ? s->kh * s->kw : n;\n"
    "        y[o] = n ? sum / (float)n : 0;\n"
    "    }\n"
    "}\n";

static const char kernel_pad[] =
    "\n/* s: c, h, w of the input, oc, oh, ow of the output */\n"
    "static void pad(float *restrict y, const float *restrict x,\n"
    "    const struct window *s, size_t front, size_t top, size_t left,\n"
    "    float value)\n"
    "{\n"
    "    for (size_t o = 0; o < s->oc * s->oh * s->ow; o++) {\n"
    "        size_t c = o / (s->oh * s->ow) - front;\n"
    "        size_t iy = o / s->ow % s->oh - top, ix = o % s->ow - left;\n"
    "\n"
    "        y[o] = c < s->c && iy < s->h && ix < s->w\n"
    "                   ? x[(c * s->h + iy) * s->w + ix]\n"
    "                   : value;\n"
    "    }\n"
    "}\n";

static const char kernel_batchnorm[] =
    "\nstatic void batchnorm(float *y, const float *x, const float *mean,\n"
    "    const float *factor, const float *shift, size_t channels,\n"
    "    size_t pixels)\n"
    "{\n"
    "    for (size_t i = 0; i < channels * pixels; i++) {\n"
    "        size_t c = i / pixels;\n"
    "\n"
    "        y[i] = (x[i] - mean[c]) * factor[c] + shift[c];\n"
    "    }\n"
    "}\n";

static const char kernel_srelu[] =
    "\nstatic void srelu(float *y, const float *x, const float *tl,\n"
    "    const float *al, const float *tr, const float *ar,\n"
    "    size_t channels, size_t pixels)\n"
    "{\n"
    "    for (size_t i = 0; i < channels * pixels; i++) {\n"
    "        size_t c = i / pixels;\n"
    "        float v = x[i];\n"
    "\n"
    "        if (v >= tr[c])\n"
    "            y[i] = tr[c] + ar[c] * (v - tr[c]);\n"
    "        else if (v <= tl[c])\n"
    "            y[i] = tl[c] + al[c] * (v - tl[c]);\n"
    "        else\n"
    "            y[i] = v;\n"
    "    }\n"
    "}\n";

static const char kernel_softmax[] =
    "\nstatic void softmax(float *y, const float *x, size_t n)\n"
    "{\n"
    "    float most = x[0], sum = 0;\n"
    "\n"
    "    for (size_t i = 1; i < n; i++)\n"
    "        most = x[i] > most ? x[i] : most;\n"
    "    for (size_t i = 0; i < n; i++) {\n"
    "        y[i] = expf(x[i] - most);\n"
    "        sum += y[i];\n"
    "    }\n"
    "    for (size_t i = 0; i < n; i++)\n"
    "        y[i] /= sum;\n"
    "}\n";

static const char kernel_log_softmax[] =
    "\nstatic void log_softmax(float *y, const float *x, size_t n)\n"
    "{\n"
    "    float most = x[0], sum = 0;\n"
    "\n"
    "    for (size_t i = 1; i < n; i++)\n"
    "        most = x[i] > most ? x[i] : most;\n"
    "    for (size_t i = 0; i < n; i++)\n"
    "        sum += expf(x[i] - most);\n"
    "    most += logf(sum);\n"
    "    for (size_t i = 0; i < n; i++)\n"
    "        y[i] = x[i] - most;\n"
    "}\n";

/* Functions of one number; v is x[i]. */
static void print_plain(struct c_out *o, const char *name, const char *param,
                        const char *value)
{
    c_print(o,
            "\nstatic void %s(float *y, const float *x, size_t n%s)\n"
            "{\n"
            "    for (size_t i = 0; i < n; i++) {\n"
            "        float v = x[i];\n"
            "\n"
            "        y[i] = %s;\n"
            "    }\n"
            "}\n",
            name, param, value);
}

/* ---- those that a network needs */

/* A layer kind's function: as text, or as the value of v. */
struct row {
    enum pare_layer_op op;
    const char *name;
    const char *text; /* or NULL: */
    const char *param, *value;
};

static const struct row rows[] = {
    {PARE_OP_RELU, "relu", NULL, "", "v > 0 || isnan(v) ? v : 0"},
    {PARE_OP_LEAKY_RELU, "leaky_relu", NULL, ", float a", "v > 0 ? v : a * v"},
    {PARE_OP_TANH, "tanh_of", NULL, "", "tanhf(v)"},
    {PARE_OP_SIGMOID, "sigmoid", NULL, "", "1 / (1 + expf(-v))"},
    {PARE_OP_SILU, "silu", NULL, "", "v / (1 + expf(-v))"},
    {PARE_OP_GELU, "gelu", NULL, "",
     "v * (0.5f * (1 + erff(v * 0.70710678f)))"},
    {PARE_OP_SOFTMAX, "softmax", kernel_softmax, NULL, NULL},
    {PARE_OP_LOG_SOFTMAX, "log_softmax", kernel_log_softmax, NULL, NULL},
    {PARE_OP_BATCHNORM, "batchnorm", kernel_batchnorm, NULL, NULL},
    {PARE_OP_SRELU, "srelu", kernel_srelu, NULL, NULL},
    {PARE_OP_MAXPOOL, "maxpool", kernel_maxpool, NULL, NULL},
    {PARE_OP_AVGPOOL, "avgpool", kernel_avgpool, NULL, NULL},
    {PARE_OP_PAD, "pad", kernel_pad, NULL, NULL},
    {PARE_OP_ADD, "add", NULL, "", "y[i] + v"},
};

const char *c_function(enum pare_layer_op op)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].op == op)
            return rows[i].name;
    return NULL;
}

static bool has_op(const struct pare_arch *a, enum pare_layer_op op)
{
    for (size_t i = 0; i < a->n_layers; i++)
        if (a->layer[i].kind->op == op)
            return true;
    return false;
}

static bool has_value(const struct c_plan *p, const struct c_matrix *x,
                      enum c_value v)
{
    for (size_t i = 0; i < p->m->arch.n_layers; i++)
        if (x[i].rows && x[i].value == v)
            return true;
    return false;
}

static const char *product_text(const struct c_matrix *x, bool conv)
{
    if (conv)
        return x->index == C_DENSE ? conv_dense : conv_sparse;
    if (x->index != C_DENSE)
        return linear_sparse;
    return x->value == C_F32 ? linear_dense : linear_coded;
}

static void print_product(struct c_out *o, const struct c_matrix *x, bool conv)
{
    char name[64];

    c_kernel_name(name, conv ? "conv" : "linear", x);
    print_kernel(o, product_text(x, conv), name, x);
}

/* Is the layer the first that needs its function? */
static bool is_first(const struct c_plan *p, const struct c_matrix *x, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (x[k].rows && x[k].value == x[i].value && x[k].index == x[i].index &&
            x[k].wide == x[i].wide &&
            p->m->arch.layer[k].kind->op == p->m->arch.layer[i].kind->op)
            return false;
    return true;
}

void c_types(struct c_out *o, const struct c_plan *p)
{
    const struct pare_arch *a = &p->m->arch;

    if (has_op(a, PARE_OP_CONV) || has_op(a, PARE_OP_MAXPOOL) ||
        has_op(a, PARE_OP_AVGPOOL) || has_op(a, PARE_OP_PAD))
        c_print(o, "%s", helper_window);
}

void c_kernels(struct c_out *o, const struct c_plan *p,
               const struct c_matrix *x)
{
    const struct pare_arch *a = &p->m->arch;

    if (has_value(p, x, C_F16))
        c_print(o, "%s", helper_half);
    if (has_value(p, x, C_BF16))
        c_print(o, "%s", helper_brain);
    if (has_op(a, PARE_OP_CONV))
        c_print(o, "%s", helper_tap);
    for (size_t i = 0; i < a->n_layers; i++)
        if (x[i].rows && is_first(p, x, i))
            print_product(o, &x[i], a->layer[i].kind->op == PARE_OP_CONV);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (has_op(a, rows[i].op) && rows[i].text)
            c_print(o, "%s", rows[i].text);
        else if (has_op(a, rows[i].op))
            print_plain(o, rows[i].name, rows[i].param, rows[i].value);
    if (c_copies(p))
        print_plain(o, "copy", "", "v");
    if (c_shares(p))
        print_plain(o, "scale", ", float a", "a * v");
}
