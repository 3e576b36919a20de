/*
 * The operator tests of the ONNX project (Debian's libonnx-testdata), as far
 * as all of a test's operators are in our table: read by the importer, run,
 * and compared with the project's outputs. The first input is the network's,
 * the others become constants; those of a join are cut from one input instead,
 * by products with parts of the unit matrix, and their samples are flat.
 * tests/ref/onnx_operators.txt says which pass and why the others do not; the
 * test checks that it is as it says.
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
#include "onnx_build.h"
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

/* A list of numbers is one sample. */
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
    s->dim[s->n_dim++] = s->dim[0];
    s->dim[0] = d;
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
    if (!rc)
        rc = pare_model_init(m, &arch);
    return rc ? rc : pare_norm_copy(&m->norm, &f->norm);
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

/* Several inputs as one. */
struct joint {
    size_t k, n;                  /* inputs, samples */
    struct pare_onnx_array *a[8]; /* what they are */
    size_t features;              /* of all, in a sample */
    struct pare_onnx_graph owner;
    struct pare_onnx_build b;
};

static void joint_release(struct joint *j)
{
    pare_onnx_graph_release(&j->owner);
    pare_onnx_build_release(&j->b);
}

/* Is it a join of samples, along their features? */
static bool join_inputs(struct joint *j, const Onnx__ModelProto *m,
                        const char *folder)
{
    struct pare_onnx_node n = {.p = m->graph->node[0]};
    bool concat = strcmp(n.p->op_type, "Concat") == 0, fine;

    if ((!concat && strcmp(n.p->op_type, "Add") != 0 &&
         strcmp(n.p->op_type, "Sum") != 0) ||
        m->graph->n_node != 1 || m->graph->n_input < 2)
        return false;
    for (fine = true; fine && j->k < m->graph->n_input && j->k < 8; j->k++) {
        Onnx__TensorProto *t = tensor(folder, "input", j->k);
        struct pare_onnx_array **a = &j->a[j->k];
        int64_t axis = pare_onnx_int(&n, "axis", 1);

        fine = t && pare_onnx_array_read(a, &j->owner, t) == 0 && *a &&
               (*a)->f && (*a)->rank > 0;
        if (t)
            onnx__tensor_proto__free_unpacked(t, NULL);
        if (!fine)
            break;
        j->n = (*a)->rank > 1 ? (size_t)(*a)->dim[0] : 1;
        j->features += (*a)->n / j->n;
        axis += axis < 0 ? (*a)->rank : 0;
        fine = concat ? axis == ((*a)->rank > 1) : (*a)->n == j->a[0]->n;
    }
    return fine;
}

/* The graph with its one input, written. */
static void write_joint(struct joint *j, Onnx__ModelProto *m)
{
    Onnx__GraphProto *from = m->graph;
    Onnx__TensorShapeProto *s;
    Onnx__ModelProto whole = *m;
    Onnx__NodeProto *join;
    char *name[8];
    size_t at = 0;

    widen(m);
    s = from->input[0]->type->tensor_type->shape;
    for (size_t i = 2; i < s->n_dim; i++)
        protobuf_c_message_free_unpacked(&s->dim[i]->base, NULL);
    s->n_dim = 2;
    s->dim[1]->dim_value = (int64_t)j->features;
    onnx__graph_proto__init(&j->b.graph);
    j->b.graph.input = from->input;
    j->b.graph.output = from->output;
    j->b.graph.n_input = j->b.graph.n_output = 1;
    for (size_t k = 0; k < j->k; k++) {
        size_t wide = j->a[k]->n / j->n;
        int64_t dim[2] = {(int64_t)j->features, (int64_t)wide};
        float *unit = calloc(j->features * wide, sizeof *unit);

        assert_non_null(unit);
        for (size_t i = 0; i < wide; i++)
            unit[(at + i) * wide + i] = 1;
        at += wide;
        name[k] = pare_onnx_print(&j->b, "cut%zu", k);
        pare_onnx_floats(&j->b, pare_onnx_print(&j->b, "unit%zu", k), unit, 2,
                         dim);
        pare_onnx_node_add(&j->b, "MatMul", name[k], from->input[0]->name,
                           pare_onnx_print(&j->b, "unit%zu", k), NULL);
        free(unit);
    }
    join = pare_onnx_node_add(&j->b, from->node[0]->op_type,
                              from->output[0]->name, NULL);
    assert_non_null(join);
    for (size_t k = 0; k < j->k; k++)
        join->input[join->n_input++] = name[k];
    if (strcmp(join->op_type, "Concat") == 0)
        pare_onnx_put_int(&j->b, join, "axis", 1);
    whole.graph = &j->b.graph;
    write_model(&whole);
}

/* The samples of all inputs beside each other. */
static void run_joint(char verdict[LINE], struct joint *j, const char *folder)
{
    struct pare_onnx_array x = {.n = j->n * j->features}, *y = NULL;
    Onnx__TensorProto *out = tensor(folder, "output", 0);
    struct pare_foreign f = {0};
    struct pare_model m = {0};
    size_t to = 0;

    x.f = malloc((x.n + 1) * sizeof *x.f);
    assert_true(x.f && out);
    assert_int_equal(pare_onnx_array_read(&y, &j->owner, out), 0);
    onnx__tensor_proto__free_unpacked(out, NULL);
    for (size_t i = 0; i < j->n; i++)
        for (size_t k = 0; k < j->k; k++) {
            size_t wide = j->a[k]->n / j->n;

            memcpy(x.f + to, j->a[k]->f + i * wide, wide * sizeof *x.f);
            to += wide;
        }
    if (pare_onnx_read(&f, model_file) || !f.arch || build(&m, &f))
        snprintf(verdict, LINE, "%s", f.n_notes ? f.note[0] : pare_error());
    else
        strcpy(verdict, largest_error(&m, &x, y) <= 1 ? "pass" : "WRONG");
    free(x.f);
    pare_model_release(&m);
    pare_foreign_release(&f);
}

/* A line of the list; false for tests of other operators. */
static bool run_case(char line[2 * LINE], const char *folder)
{
    char path[LINE], verdict[LINE] = "";
    struct joint joint = {.owner = {.path = "-"}};
    Onnx__ModelProto *m;

    snprintf(path, sizeof path, TESTS "/%s/model.onnx", folder);
    m = unpack(path, &onnx__model_proto__descriptor);
    if (!m || !ours(m) || m->graph->n_input == 0) {
        if (m)
            onnx__model_proto__free_unpacked(m, NULL);
        return false;
    }
    if (join_inputs(&joint, m, folder)) {
        write_joint(&joint, m);
        run_joint(verdict, &joint, folder);
    } else if (!fill_inputs(m, folder)) {
        strcpy(verdict, "an input is missing");
    } else {
        widen(m);
        write_model(m);
        read_and_run(verdict, folder);
    }
    joint_release(&joint);
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
