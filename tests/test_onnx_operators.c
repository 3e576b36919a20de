/*
 * The operator tests of the ONNX project (Debian's libonnx-testdata), as far
 * as all of a test's operators are in our table: read by the importer, run,
 * and compared with the project's outputs. The first input is the network's,
 * the others become constants. tests/ref/onnx_operators.txt says which pass
 * and why the others do not; the test checks that it is as it says.
 *
 * With --list the list is printed as it should be.
 */
#include "unit.h"

#include <dirent.h>
#include <unistd.h>

#include "atomic.h"
#include "dataset.h"
#include "net.h"
#include "onnx.h"
#include "onnx_ops.h"
#include "status.h"

#define TESTS    "/usr/share/libonnx-testdata/data/node"
#define LINE     400
#define CASES    1024
#define RELATIVE 1e-3 /* as the project has it */
#define ABSOLUTE 1e-6

static char model_file[] = "/tmp/pare-onnx-XXXXXX";

static void *unpack(const char *path, const ProtobufCMessageDescriptor *type)
{
    ProtobufCMessage *m = NULL;
    void *bytes = NULL;
    size_t n = 0;

    if (pare_read_file(&bytes, &n, path, 1 << 26) == 0)
        pare_onnx_unpack(&m, type, bytes, n);
    free(bytes);
    return m;
}

static Onnx__TensorProto *tensor(const char *folder, const char *what, size_t k)
{
    char path[LINE];

    snprintf(path, sizeof path, TESTS "/%s/test_data_set_0/%s_%zu.pb", folder,
             what, k);
    return unpack(path, &onnx__tensor_proto__descriptor);
}

/* Are all operators in the table, and is there one? */
static bool ours(const Onnx__ModelProto *m)
{
    size_t known = 0;

    for (size_t i = 0; i < m->graph->n_node; i++) {
        struct pare_onnx_node n = {.p = m->graph->node[i]};

        n.name = n.p->op_type;
        known += pare_onnx_op_find(&n) != NULL;
    }
    return known > 0 && known == m->graph->n_node;
}

/* Inputs but the first become initialisers. */
static bool fill_inputs(Onnx__ModelProto *m, const char *folder)
{
    Onnx__GraphProto *g = m->graph;

    for (size_t k = 1; k < g->n_input; k++) {
        Onnx__TensorProto *t = tensor(folder, "input", k);
        Onnx__TensorProto **grown =
            realloc(g->initializer, (g->n_initializer + 1) * sizeof *grown);

        assert_non_null(grown);
        g->initializer = grown;
        if (!t)
            return false;
        free(t->name);
        t->name = strdup(g->input[k]->name);
        g->initializer[g->n_initializer++] = t;
    }
    return true;
}

/* A list of numbers is a batch of one number each. */
static void widen(Onnx__ModelProto *m)
{
    const Onnx__TypeProto *type = m->graph->input[0]->type;
    Onnx__TensorShapeProto *s =
        type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
            ? type->tensor_type->shape
            : NULL;
    Onnx__TensorShapeProto__Dimension *d, **grown;

    if (!s || s->n_dim != 1)
        return;
    grown = realloc(s->dim, 2 * sizeof *grown);
    d = calloc(1, sizeof *d);
    assert_true(grown && d);
    onnx__tensor_shape_proto__dimension__init(d);
    d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
    d->dim_value = 1;
    s->dim = grown;
    s->dim[s->n_dim++] = d;
}

static void write_model(const Onnx__ModelProto *m)
{
    size_t n = onnx__model_proto__get_packed_size(m);
    uint8_t *bytes = malloc(n);

    assert_non_null(bytes);
    onnx__model_proto__pack(m, bytes);
    assert_int_equal(pare_atomic_write(model_file, bytes, n), 0);
    free(bytes);
}

static double largest_error(struct pare_model *m, struct pare_onnx_array *x,
                            const struct pare_onnx_array *y)
{
    const struct pare_norm plain = {.scale = 1};
    size_t features = pare_shape_size(&m->arch.input), n = x->n / features;
    size_t outputs = pare_shape_size(pare_arch_output(&m->arch)), w;
    struct pare_dataset d = {
        .shape = m->arch.input, .features = features, .type = PARE_X_F32};
    struct pare_split *split = &d.split[PARE_TRAIN];
    struct pare_gather from = {.data = &d,
                               .norm = m->norm.scale > 0 ? &m->norm : &plain,
                               .split = split};
    struct pare_net *net;
    double worst = 0;

    split->n = n;
    split->x = x->f;
    if (n == 0 || n * outputs != y->n || pare_net_new(&net, m, n, false, 1))
        return (double)INFINITY;
    pare_net_gather(net, &from, NULL, 0, n);
    pare_net_forward(net, n, false, 0, 0);
    w = pare_net_lanes(net);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < outputs; c++) {
            double is = (double)pare_net_output(net, i / w)[c * w + i % w];
            double must = (double)y->f[i * outputs + c];
            double over = fabs(is - must) / (ABSOLUTE + RELATIVE * fabs(must));

            worst = over <= worst ? worst : over;
        }
    pare_net_free(net);
    return worst;
}

/* Samples whose channels are last, as pare has them. */
static void put_channels_first(float *x, size_t n, const struct pare_shape *s)
{
    size_t size = pare_shape_size(s), c = s->dim[0];
    float *copy = malloc((n + 1) * sizeof *copy);

    assert_non_null(copy);
    memcpy(copy, x, n * sizeof *x);
    for (size_t i = 0; i < n; i++) {
        size_t k = i % size, inner = size / c;

        x[i] = copy[i - k + k % inner * c + k / inner];
    }
    free(copy);
}

/* "pass", or why not. */
static void judge(char verdict[LINE], struct pare_model *m, const char *folder,
                  bool last)
{
    struct pare_onnx_graph g = {.path = "-"};
    struct pare_onnx_array *x = NULL, *y = NULL;
    Onnx__TensorProto *in = tensor(folder, "input", 0);
    Onnx__TensorProto *out = tensor(folder, "output", 0);
    double over;

    if (!in || !out || pare_onnx_array_read(&x, &g, in) ||
        pare_onnx_array_read(&y, &g, out) || !x || !y || !x->f || !y->f) {
        strcpy(verdict, "its data are not numbers of float32");
    } else {
        if (last)
            put_channels_first(x->f, x->n, &m->arch.input);
        over = largest_error(m, x, y);
        if (over <= 1)
            strcpy(verdict, "pass");
        else
            snprintf(verdict, LINE, "WRONG by %.3g", over);
    }
    if (in)
        onnx__tensor_proto__free_unpacked(in, NULL);
    if (out)
        onnx__tensor_proto__free_unpacked(out, NULL);
    pare_onnx_graph_release(&g);
}

/* A graph without tensors is no model that pare imports; it runs, though. */
static int build(struct pare_model *m, struct pare_foreign *f)
{
    static const struct pare_foreign_options none;
    struct pare_arch arch = {0};
    int rc;

    if (f->n)
        return pare_foreign_model(m, f, &none);
    rc = pare_arch_parse(&arch, f->arch);
    return rc ? rc : pare_model_init(m, &arch);
}

static void read_and_run(char verdict[LINE], const char *folder)
{
    struct pare_foreign f = {0};
    struct pare_model m = {0};

    if (pare_onnx_read(&f, model_file))
        snprintf(verdict, LINE, "%s", pare_error());
    else if (!f.arch)
        snprintf(verdict, LINE, "%s", f.n_notes ? f.note[0] : "");
    else if (build(&m, &f))
        snprintf(verdict, LINE, "%s", pare_error());
    else
        judge(verdict, &m, folder,
              f.n_notes && strstr(f.note[0], "channels are the last"));
    pare_model_release(&m);
    pare_foreign_release(&f);
}

/* A line of the list; false for tests of other operators. */
static bool run_case(char line[2 * LINE], const char *folder)
{
    char path[LINE], verdict[LINE] = "";
    Onnx__ModelProto *m;

    snprintf(path, sizeof path, TESTS "/%s/model.onnx", folder);
    m = unpack(path, &onnx__model_proto__descriptor);
    if (!m || !ours(m) || m->graph->n_input == 0) {
        if (m)
            onnx__model_proto__free_unpacked(m, NULL);
        return false;
    }
    if (!fill_inputs(m, folder)) {
        strcpy(verdict, "an input is missing");
    } else {
        widen(m);
        write_model(m);
        read_and_run(verdict, folder);
    }
    onnx__model_proto__free_unpacked(m, NULL);
    snprintf(line, 2 * LINE, "%s: %s", folder + strlen("test_"), verdict);
    return true;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All lines in order; n. */
static size_t run_all(char *list[CASES])
{
    DIR *d = opendir(TESTS);
    struct dirent *e;
    char line[2 * LINE];
    size_t n = 0;

    assert_non_null(d);
    while ((e = readdir(d)) && n < CASES)
        if (strncmp(e->d_name, "test_", 5) == 0 && run_case(line, e->d_name))
            list[n++] = strdup(line);
    closedir(d);
    qsort(list, n, sizeof *list, by_text);
    return n;
}

static void the_operator_tests_go_as_listed(void **state)
{
    static char *list[CASES];
    char line[2 * LINE];
    size_t n, k = 0, wrong = 0;
    FILE *f;

    (void)state;
    if (access(TESTS, R_OK) != 0) {
        print_message("SKIP: no " TESTS "\n");
        return;
    }
    f = fopen(PARE_REF_DIR "/onnx_operators.txt", "r");
    assert_non_null(f);
    n = run_all(list);
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#')
            continue;
        if (k >= n || strcmp(line, list[k]) != 0) {
            print_error("listed: %s\nbut is: %s\n", line,
                        k < n ? list[k] : "(nothing)");
            wrong++;
        }
        k++;
    }
    fclose(f);
    assert_int_equal(k, n);
    assert_int_equal(wrong, 0);
    for (size_t i = 0; i < n; i++)
        free(list[i]);
}

static int print_list(void)
{
    static char *list[CASES];
    size_t n = run_all(list);

    for (size_t i = 0; i < n; i++)
        puts(list[i]);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_operator_tests_go_as_listed),
    };
    int fd = mkstemp(model_file), rc;

    if (fd < 0)
        return 1;
    close(fd);
    rc = argc > 1 && strcmp(argv[1], "--list") == 0 ? print_list()
                                                    : run_group(tests);
    unlink(model_file);
    return rc;
}
