#include "unit.h"

#include <dlfcn.h>
#include <unistd.h>

#include "compact.h"
#include "export.h"
#include "graph_draft.h"
#include "net.h"
#include "rng.h"
#include "status.h"

/*
 * C source that is exported is compiled, all of it into one library, loaded,
 * and run on samples beside the network that it was made of.
 */

enum { GRAPHS = 36, SAMPLES = 5 };

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZE " -fsanitize=address,undefined"
#else
#define SANITIZE ""
#endif

/* How weights are dressed before they are exported. */
enum dress {
    PLAIN,
    HALF,
    BRAIN,
    BOOK,
    FULL_BOOK, /* 256 levels, 0 not among them */
    WIDE_BOOK, /* 1,000 */
    INT8,
    INT8_ROWS,
    DRESSES
};

/* A network that is not random. */
struct given {
    const char *arch;
    double sparsity;
    enum dress dress;
    bool compact;
    const char *kernel; /* that its source has to have */
};

static const struct given given[] = {
    {"in(3) identity", 0, PLAIN, false, "copy(output, input, 3)"},
    {"in(8) identity dropout relu", 0, PLAIN, false, "relu(output, input, 8)"},
    {"in(8) linear(9) relu dropout(0.4) flatten linear(3)", 0, PLAIN, false,
     "scale(output, output, 3, "},
    {"in(20) linear(70) relu linear(3)", 0, PLAIN, false, "linear_f32_dense"},
    {"in(200) linear(9) linear(3)", .9, PLAIN, false, "linear_f32_col8"},
    {"in(400) linear(9) linear(3)", .9, PLAIN, false, "linear_f32_gap8"},
    {"in(400) linear(9) linear(3)", .9, PLAIN, true, "linear_f32_gap8"},
    {"in(3000) linear(9) linear(3)", .99, BOOK, false, "linear_book8_gap8"},
    {"in(3000) linear(9)", .98, FULL_BOOK, false, "linear_book8_col16"},
    {"in(60) linear(9)", .3, FULL_BOOK, false, "linear_book16_dense"},
    {"in(150) linear(90)", 0, WIDE_BOOK, false, "linear_book16_dense"},
    {"in(9000) linear(5)", .9995, PLAIN, true, "linear_f32_col16"},
    {"in(70000) linear(4)", .9995, INT8, false, "linear_int8_col32"},
    {"in(200000) linear(1)", .6, PLAIN, false, "linear_f32_gap8_wide"},
    {"in(9) linear(5)", 1, PLAIN, false, "linear_f32_col8"},
    {"in(3,9,8) conv2d(8,3,2,1) relu maxpool(2) linear(3)", .8, INT8_ROWS,
     false, "conv_int8_col8"},
    {"in(50,9,8) conv2d(8,3x2,1x2,1x0) linear(3)", .8, HALF, false,
     "conv_f16_gap8"},
    {"in(4,90) conv1d(8,5,groups=2) gelu globalavgpool flatten softmax", 0,
     BRAIN, false, "conv_bf16_dense"},
};

enum { GIVEN = sizeof given / sizeof *given };

static char dir[] = "/tmp/pare-c.XXXXXX";

/* Nearest of n levels that are evenly spread over [-1, 1] without 0. */
static void set_book(struct pare_tensor *t, size_t n)
{
    struct pare_quant *q = &t->quant;

    q->kind = PARE_QUANT_CODEBOOK;
    q->n_book = n;
    q->book = malloc(n * sizeof *q->book);
    for (size_t k = 0; k < n; k++)
        q->book[k] = ((float)k + 0.25f) / (float)n * 2 - 1;
    for (size_t i = 0; i < t->n; i++) {
        float at = (t->value[i] + 1) / 2 * (float)n - 0.25f;
        size_t k = at < 0 ? 0 : at > (float)(n - 1) ? n - 1 : (size_t)at;

        t->value[i] = q->book[k];
    }
}

static void set_int8(struct pare_tensor *t, bool rows)
{
    struct pare_quant *q = &t->quant;
    size_t n = t->n / t->dim[0];

    q->kind = PARE_QUANT_INT8;
    q->n_scale = rows ? t->dim[0] : 1;
    q->scale = malloc(q->n_scale * sizeof *q->scale);
    for (size_t r = 0; r < q->n_scale; r++)
        q->scale[r] = 0.011f + 0.003f * (float)r;
    for (size_t i = 0; i < t->n; i++) {
        float scale = q->scale[rows ? i / n : 0], code = t->value[i] / scale;

        code = code > 127 ? 127 : code < -127 ? -127 : rintf(code);
        t->value[i] = code * scale;
    }
}

static void dress_tensor(struct pare_tensor *t, enum dress dress, double zeros)
{
    float *u = malloc(t->n * sizeof *u);

    if (dress == HALF || dress == BRAIN) {
        t->dtype = dress == HALF ? PARE_F16 : PARE_BF16;
        pare_dtype_round(t->value, t->n, t->dtype);
    }
    if (dress == BOOK || dress == FULL_BOOK || dress == WIDE_BOOK)
        set_book(t, dress == BOOK ? 16 : dress == FULL_BOOK ? 256 : 1000);
    if (dress == INT8 || dress == INT8_ROWS)
        set_int8(t, dress == INT8_ROWS);
    roll_floats(u, t->n, 0, 1);
    if (zeros > 0)
        assert_int_equal(pare_tensor_need_mask(t), 0);
    for (size_t i = 0; i < t->n && zeros > 0; i++)
        if ((double)u[i] < zeros) {
            t->mask[i] = 0;
            t->value[i] = 0;
        }
    free(u);
}

/* Bytes, or each feature or channel in its own way. */
static void set_norm(struct pare_model *m, size_t kind)
{
    size_t n = pare_shape_size(&m->arch.input);

    if (kind == 0)
        return;
    m->norm.scale = 0.5f;
    if (kind == 1)
        return;
    m->norm.n = kind == 2 ? 1 : kind == 3 ? m->arch.input.dim[0] : n;
    m->norm.mean = malloc(m->norm.n * sizeof *m->norm.mean);
    m->norm.std = malloc(m->norm.n * sizeof *m->norm.std);
    roll_floats(m->norm.mean, m->norm.n, -0.5, 0.5);
    roll_floats(m->norm.std, m->norm.n, 0.5, 2);
}

static void make_model(struct pare_model *m, size_t i)
{
    static const double zeros[] = {0, 0, .3, .6, .9};
    const struct given *g = i < GIVEN ? &given[i] : NULL;
    struct pare_arch arch;
    struct draft draft;

    draft_graph(&draft, i);
    memset(m, 0, sizeof *m);
    if (pare_arch_parse(&arch, g ? g->arch : draft.text) ||
        pare_model_init(m, &arch))
        fail_msg("%s", pare_error());
    for (size_t t = 0; t < m->n_tensors; t++) {
        draft_values(&m->tensor[t]);
        if (m->tensor[t].role == PARE_ROLE_WEIGHT)
            dress_tensor(&m->tensor[t],
                         g ? g->dress : (enum dress)roll(DRESSES),
                         g ? g->sparsity : zeros[roll(5)]);
        if (g && g->compact && pare_tensor_can_compact(&m->tensor[t]))
            assert_int_equal(pare_tensor_compact(m, t), 0);
    }
    if (g && strstr(g->kernel, "scale"))
        strcpy(m->training.dialect, "set");
    if (!g || !strstr(g->kernel, "input"))
        set_norm(m, i % 5);
}

static void run_net(float *out, struct pare_model *m, float *x)
{
    size_t features = pare_shape_size(&m->arch.input);
    size_t outputs = pare_shape_size(pare_arch_output(&m->arch));
    struct pare_dataset d = {.features = features, .type = PARE_X_F32};
    struct pare_gather from = {.data = &d, .split = &d.split[PARE_TRAIN]};
    struct pare_net *net;

    d.shape = m->arch.input;
    d.split[PARE_TRAIN] = (struct pare_split){.n = SAMPLES, .x = x};
    assert_int_equal(pare_net_new(&net, m, SAMPLES, false, 1), 0);
    pare_net_gather(net, &from, NULL, 0, SAMPLES);
    pare_net_forward(net, SAMPLES, false, 1, 0);
    for (size_t s = 0; s < SAMPLES; s++)
        for (size_t c = 0; c < outputs; c++) {
            size_t lanes = pare_net_lanes(net);

            out[s * outputs + c] =
                pare_net_output(net, s / lanes)[c * lanes + s % lanes];
        }
    pare_net_free(net);
}

typedef void run_function(const float *input, float *output, float *work);

/* The number behind a macro of a header. */
static size_t macro(size_t i, const char *name)
{
    char path[64], want[64], line[256];
    size_t value = 0;
    FILE *f;

    snprintf(path, sizeof path, "%s/g%zu.h", dir, i);
    snprintf(want, sizeof want, "#define G%zu_%s ", i, name);
    f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        if (strncmp(line, want, strlen(want)) == 0)
            value = strtoul(line + strlen(want), NULL, 10);
    fclose(f);
    assert_true(value > 0);
    return value;
}

/* Does the source have this text? */
static bool has_text(size_t i, const char *text)
{
    char path[64], line[512];
    bool found = false;
    FILE *f;

    snprintf(path, sizeof path, "%s/g%zu.c", dir, i);
    f = fopen(path, "r");
    assert_non_null(f);
    while (!found && fgets(line, sizeof line, f))
        found = strstr(line, text) != NULL;
    fclose(f);
    return found;
}

static void compare(void *library, struct pare_model *m, size_t i)
{
    size_t inputs = pare_shape_size(&m->arch.input);
    size_t outputs = pare_shape_size(pare_arch_output(&m->arch));
    size_t work = macro(i, "WORK");
    float *x = malloc(SAMPLES * inputs * sizeof *x);
    float *want = malloc(SAMPLES * outputs * sizeof *want), most = 0;
    float *is = malloc(outputs * sizeof *is);
    float *room = malloc((work + 1) * sizeof *room);
    run_function *run;
    char name[32];

    assert_int_equal(macro(i, "INPUTS"), inputs);
    assert_int_equal(macro(i, "OUTPUTS"), outputs);
    snprintf(name, sizeof name, "g%zu_run", i);
    *(void **)&run = dlsym(library, name);
    assert_non_null(run);
    roll_floats(x, SAMPLES * inputs, -1.5, 1.5);
    run_net(want, m, x);
    for (size_t k = 0; k < SAMPLES * outputs; k++)
        most = fmaxf(most, fabsf(want[k]));
    for (size_t k = 0; k < work; k++)
        room[k] = NAN;
    room[work] = 7;
    for (size_t s = 0; s < SAMPLES; s++) {
        run(x + s * inputs, is, room);
        for (size_t k = 0; k < outputs; k++)
            if (!(fabsf(is[k] - want[s * outputs + k]) <= 1e-5f * (1 + most)))
                fail_msg("network %zu, %s: output %zu is %.9g, should be %.9g",
                         i, m->arch.text, k, (double)is[k],
                         (double)want[s * outputs + k]);
    }
    assert_true(room[work] == 7);
    free(x);
    free(want);
    free(is);
    free(room);
}

static void exported_source_computes_what_the_network_does(void **state)
{
    const struct pare_export_format *format = pare_export_find("c");
    static struct pare_model m[GRAPHS];
    char command[512], path[64];
    void *library;

    (void)state;
    for (size_t i = 0; i < GRAPHS; i++) {
        make_model(&m[i], i);
        snprintf(path, sizeof path, "%s/g%zu", dir, i);
        if (format->write(path, &m[i]))
            fail_msg("network %zu: %s", i, pare_error());
        if (i < GIVEN && !has_text(i, given[i].kernel))
            fail_msg("network %zu, %s: no '%s'", i, given[i].arch,
                     given[i].kernel);
    }
    snprintf(command, sizeof command,
             "gcc -std=c99 -Wall -Wextra -Werror -pedantic -Wshadow -O3 "
             "-shared -fPIC" SANITIZE " -o %s/lib.so %s/g*.c -lm",
             dir, dir);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof path, "%s/lib.so", dir);
    library = dlopen(path, RTLD_NOW);
    if (!library)
        fail_msg("%s", dlerror());
    for (size_t i = 0; i < GRAPHS; i++) {
        if (m[i].tensor && m[i].tensor[0].pattern)
            assert_int_equal(pare_model_expand(&m[i]), 0);
        compare(library, &m[i], i);
        pare_model_release(&m[i]);
    }
    dlclose(library);
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exported_source_computes_what_the_network_does),
    };

    if (system("gcc --version >/dev/null 2>&1") != 0)
        return 77;
    return cmocka_run_group_tests(tests, make_dir, remove_dir) != 0 ? 1 : 0;
}
