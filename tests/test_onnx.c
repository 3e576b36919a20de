/* Graphs of ONNX that are broken, hostile or strange, made field by field. */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic.h"
#include "import.h"
#include "onnx.h"
#include "onnx_build.h"
#include "status.h"

static char folder[] = "/tmp/pare-onnx-XXXXXX";

static void at(char path[256], const char *name)
{
    snprintf(path, 256, "%s/%s", folder, name);
}

static Onnx__ValueInfoProto **info(struct pare_onnx_build *b, const char *name,
                                   const int64_t *dim, size_t n)
{
    Onnx__ValueInfoProto **list = pare_onnx_take(b, sizeof *list);
    Onnx__TypeProto *type = pare_onnx_take(b, sizeof *type);
    Onnx__TypeProto__Tensor *tensor = pare_onnx_take(b, sizeof *tensor);
    Onnx__TensorShapeProto *shape = pare_onnx_take(b, sizeof *shape);

    list[0] = pare_onnx_take(b, sizeof **list);
    onnx__value_info_proto__init(list[0]);
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(tensor);
    onnx__tensor_shape_proto__init(shape);
    list[0]->name = pare_onnx_print(b, "%s", name);
    list[0]->type = type;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    tensor->has_elem_type = true;
    tensor->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor->shape = shape;
    shape->dim = pare_onnx_take(b, n * sizeof *shape->dim);
    for (size_t i = 0; i < n; i++) {
        Onnx__TensorShapeProto__Dimension *d = pare_onnx_take(b, sizeof *d);

        onnx__tensor_shape_proto__dimension__init(d);
        d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        d->dim_value = dim[i];
        shape->dim[i] = d;
    }
    shape->n_dim = n;
    return list;
}

static void begin(struct pare_onnx_build *b)
{
    static const int64_t dim[] = {1, 4};

    memset(b, 0, sizeof *b);
    onnx__graph_proto__init(&b->graph);
    b->graph.n_input = b->graph.n_output = 1;
    b->graph.input = info(b, "x", dim, 2);
    b->graph.output = info(b, "y", dim, 2);
}

/* A matrix of 0, 1, 2, ... */
static Onnx__TensorProto *matrix(struct pare_onnx_build *b, const char *name,
                                 int64_t rows, int64_t columns)
{
    const int64_t dim[] = {rows, columns};
    float v[64];

    for (int i = 0; i < 64; i++)
        v[i] = (float)i;
    pare_onnx_floats(b, pare_onnx_print(b, "%s", name), v, 2, dim);
    return b->graph.initializer[b->graph.n_initializer - 1];
}

/* Pack what was begun, read it, release it. */
static int finish(struct pare_foreign *f, struct pare_onnx_build *b)
{
    Onnx__OperatorSetIdProto set = ONNX__OPERATOR_SET_ID_PROTO__INIT;
    Onnx__OperatorSetIdProto *sets[] = {&set};
    Onnx__ModelProto m = ONNX__MODEL_PROTO__INIT;
    char path[256];
    uint8_t *bytes;
    size_t n;
    int rc;

    set.has_version = true;
    set.version = 13;
    m.has_ir_version = true;
    m.ir_version = 7;
    m.graph = &b->graph;
    m.n_opset_import = 1;
    m.opset_import = sets;
    assert_int_equal(b->status, 0);
    n = onnx__model_proto__get_packed_size(&m);
    bytes = malloc(n);
    assert_non_null(bytes);
    onnx__model_proto__pack(&m, bytes);
    at(path, "m.onnx");
    assert_int_equal(pare_atomic_write(path, bytes, n), 0);
    assert_true(pare_onnx_looks(bytes, n));
    free(bytes);
    pare_onnx_build_release(b);
    memset(f, 0, sizeof *f);
    rc = pare_onnx_read(f, path);
    return rc;
}

/* It fails so, and the message has this. */
static void fails(struct pare_onnx_build *b, int status, const char *why)
{
    struct pare_foreign f;

    assert_int_equal(finish(&f, b), status);
    if (!strstr(pare_error(), why))
        fail_msg("'%s' has no '%s'", pare_error(), why);
    assert_null(f.tensor);
}

/* The graph is left out, and the note has this. */
static void leaves_out(struct pare_onnx_build *b, const char *why)
{
    struct pare_foreign f;

    assert_int_equal(finish(&f, b), 0);
    assert_null(f.arch);
    assert_int_equal(f.n_notes, 1);
    if (!strstr(f.note[0], why))
        fail_msg("'%s' has no '%s'", f.note[0], why);
    pare_foreign_release(&f);
}

static void becomes(struct pare_onnx_build *b, const char *arch)
{
    struct pare_foreign f;

    assert_int_equal(finish(&f, b), 0);
    if (f.n_notes)
        print_message("%s\n", f.note[0]);
    assert_non_null(f.arch);
    assert_string_equal(f.arch, arch);
    pare_foreign_release(&f);
}

static void a_matrix_becomes_rows_of_outputs(void **state)
{
    struct pare_onnx_build b;
    struct pare_foreign f;
    const float *w;

    (void)state;
    begin(&b);
    matrix(&b, "a.weight", 4, 3);
    pare_onnx_node_add(&b, "MatMul", "y", "x", "a.weight", NULL);
    assert_int_equal(finish(&f, &b), 0);
    assert_string_equal(f.arch, "in(4) a=linear(3,bias=no)");
    assert_int_equal(f.n, 1);
    assert_string_equal(f.tensor[0].name, "a.weight");
    w = f.tensor[0].bytes;
    for (int o = 0; o < 3; o++)
        for (int i = 0; i < 4; i++)
            assert_true(w[o * 4 + i] == (float)(i * 3 + o));
    pare_foreign_release(&f);
}

static void a_sum_that_others_see_is_no_bias(void **state)
{
    struct pare_onnx_build b;
    const float bias[4] = {1, 2, 3, 4};
    const int64_t four = 4;

    (void)state;
    begin(&b);
    matrix(&b, "w", 4, 4);
    pare_onnx_floats(&b, "b", bias, 1, &four);
    pare_onnx_node_add(&b, "MatMul", "p", "x", "w", NULL);
    pare_onnx_node_add(&b, "Identity", "q", "p", NULL);
    pare_onnx_node_add(&b, "Add", "s", "q", "b", NULL);
    pare_onnx_node_add(&b, "Add", "y", "s", "p", NULL);
    becomes(&b, "in(4) fc1=linear(4,bias=no) bn1=batchnorm(eps=1e-12) "
                "add1=add(bn1,fc1)");
}

static void a_sum_behind_a_product_is_its_bias(void **state)
{
    struct pare_onnx_build b;
    const float bias[4] = {1, 2, 3, 4};
    const int64_t four = 4;

    (void)state;
    begin(&b);
    matrix(&b, "w", 4, 4);
    pare_onnx_floats(&b, "b", bias, 1, &four);
    pare_onnx_node_add(&b, "MatMul", "p", "x", "w", NULL);
    pare_onnx_node_add(&b, "Identity", "q", "p", NULL);
    pare_onnx_node_add(&b, "Add", "y", "q", "b", NULL);
    becomes(&b, "in(4) fc1=linear(4)");
}

static void broken_graphs_are_refused(void **state)
{
    struct pare_onnx_build b;

    (void)state;
    begin(&b);
    pare_onnx_node_add(&b, "Relu", "y", "z", NULL);
    fails(&b, PARE_EFORMAT, "nothing makes 'z'");
    begin(&b);
    pare_onnx_node_add(&b, "Add", "z", "x", "y", NULL);
    pare_onnx_node_add(&b, "Relu", "y", "z", NULL);
    fails(&b, PARE_EFORMAT, "used before it is made is 'y'");
    begin(&b);
    pare_onnx_node_add(&b, "Relu", "y", "y", NULL);
    fails(&b, PARE_EFORMAT, "used before it is made is 'y'");
    begin(&b);
    pare_onnx_node_add(&b, "Relu", "y", "x", NULL);
    pare_onnx_node_add(&b, "Tanh", "y", "x", NULL);
    fails(&b, PARE_EFORMAT, "two things are named 'y'");
    begin(&b);
    matrix(&b, "w", 4, 4);
    matrix(&b, "w", 4, 4);
    pare_onnx_node_add(&b, "MatMul", "y", "x", "w", NULL);
    fails(&b, PARE_EFORMAT, "two things are named 'w'");
    begin(&b);
    pare_onnx_node_add(&b, "Relu", "z", "x", NULL);
    fails(&b, PARE_EFORMAT, "nothing makes the output 'y'");
}

static void tensors_are_as_large_as_their_shape(void **state)
{
    struct pare_onnx_build b;

    (void)state;
    begin(&b);
    matrix(&b, "w", 4, 4)->raw_data.len = 60;
    pare_onnx_node_add(&b, "MatMul", "y", "x", "w", NULL);
    fails(&b, PARE_EFORMAT, "more or less bytes");
    begin(&b);
    matrix(&b, "w", 4, 4)->dims[0] = (int64_t)1 << 62;
    pare_onnx_node_add(&b, "MatMul", "y", "x", "w", NULL);
    fails(&b, PARE_ELIMIT, "more than 2^32 values");
    begin(&b);
    matrix(&b, "w", 4, 4)->dims[0] = -4;
    pare_onnx_node_add(&b, "MatMul", "y", "x", "w", NULL);
    fails(&b, PARE_EFORMAT, "negative");
    begin(&b);
    matrix(&b, "w", 4, 4)->has_raw_data = false;
    pare_onnx_node_add(&b, "MatMul", "y", "x", "w", NULL);
    fails(&b, PARE_EFORMAT, "more or less values");
}

static void what_is_no_layer_leaves_the_weights(void **state)
{
    struct pare_onnx_build b;
    const int64_t dim[] = {1, 4};
    Onnx__ValueInfoProto *two[2];

    (void)state;
    begin(&b);
    matrix(&b, "w", 4, 4);
    pare_onnx_node_add(&b, "MatMul", "p", "x", "w", NULL);
    pare_onnx_node_add(&b, "Einsum", "q", "p", NULL);
    pare_onnx_node_add(&b, "Selu", "y", "q", NULL);
    leaves_out(&b, "no layers are Einsum, Selu");
    /* Those that the output does not depend on do not matter. */
    begin(&b);
    matrix(&b, "w", 4, 4);
    pare_onnx_node_add(&b, "Einsum", "q", "x", NULL);
    pare_onnx_node_add(&b, "MatMul", "y", "x", "w", NULL);
    becomes(&b, "in(4) fc1=linear(4,bias=no)");
    begin(&b);
    matrix(&b, "w", 5, 4);
    pare_onnx_node_add(&b, "MatMul", "y", "x", "w", NULL);
    leaves_out(&b, "5 rows for other features");
    begin(&b);
    matrix(&b, "w", 4, 4);
    pare_onnx_node_add(&b, "MatMul", "p", "x", "w", NULL);
    pare_onnx_node_add(&b, "Transpose", "y", "p", NULL);
    leaves_out(&b, "its output is not of its input");

    begin(&b);
    matrix(&b, "w", 3, 4);
    pare_onnx_node_add(&b, "MatMul", "y", "w", "z", NULL);
    b.graph.input = two;
    b.graph.n_input = 2;
    two[0] = info(&b, "x", dim, 2)[0];
    two[1] = info(&b, "z", dim, 2)[0];
    leaves_out(&b, "it has 2 inputs");
}

static void names_of_ours_in_a_file_mean_nothing(void **state)
{
    struct pare_onnx_build b;

    (void)state;
    begin(&b);
    matrix(&b, "w", 4, 4);
    pare_onnx_node_add(&b, "pare.Gelu", "y", "x", NULL);
    leaves_out(&b, "no layers are pare.Gelu");
}

/* Doubled again and again: a constant of 2^40 values. */
static void constants_do_not_grow_without_end(void **state)
{
    const float v[4] = {1, 2, 3, 4};
    const int64_t four = 4;
    struct pare_onnx_build b;
    char last[16] = "c", next[16];

    (void)state;
    begin(&b);
    pare_onnx_floats(&b, "c", v, 1, &four);
    for (int i = 0; i < 40; i++) {
        Onnx__NodeProto *n;

        snprintf(next, sizeof next, "c%d", i);
        n = pare_onnx_node_add(&b, "Concat", next, last, last, NULL);
        pare_onnx_put_int(&b, n, "axis", 0);
        strcpy(last, next);
    }
    pare_onnx_node_add(&b, "Mul", "y", "x", last, NULL);
    leaves_out(&b, "constants are too large");
}

/* The same weights in more layers than a file of its size may make. */
static void weights_are_not_copied_without_end(void **state)
{
    enum { SIDE = 1024 };
    const int64_t dim[] = {SIDE, SIDE};
    const int64_t io[] = {1, SIDE};
    struct pare_onnx_build b;
    char last[16] = "x", next[16];

    (void)state;
    begin(&b);
    b.graph.input = info(&b, "x", io, 2);
    pare_onnx_initializer(&b, "w", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 2, dim,
                          SIDE * SIDE * 4);
    for (int i = 0; i < 20; i++) {
        snprintf(next, sizeof next, i == 19 ? "y" : "v%d", i);
        pare_onnx_node_add(&b, "MatMul", next, last, "w", NULL);
        strcpy(last, next);
    }
    fails(&b, PARE_ELIMIT, "too often");
}

/* The tensor's data are said to be in a file beside the model. */
static void outside(struct pare_onnx_build *b, const char *location,
                    const char *offset)
{
    Onnx__TensorProto *t;

    begin(b);
    t = matrix(b, "w", 4, 4);
    t->has_raw_data = false;
    t->has_data_location = true;
    t->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    t->external_data = pare_onnx_take(b, 3 * sizeof *t->external_data);
    for (int i = 0; i < 3; i++) {
        static char *const key[] = {"location", "offset", "length"};
        Onnx__StringStringEntryProto *e = pare_onnx_take(b, sizeof *e);

        onnx__string_string_entry_proto__init(e);
        e->key = pare_onnx_print(b, "%s", key[i]);
        e->value = pare_onnx_print(b, "%s",
                                   i == 0   ? location
                                   : i == 1 ? offset
                                            : "64");
        t->external_data[t->n_external_data++] = e;
    }
    pare_onnx_node_add(b, "MatMul", "y", "x", "w", NULL);
}

static void external_data_stay_in_the_folder(void **state)
{
    struct pare_onnx_build b;
    struct pare_foreign f;
    float v[20];
    char path[256], other[256];

    (void)state;
    for (int i = 0; i < 20; i++)
        v[i] = (float)(100 + i);
    at(path, "data");
    assert_int_equal(pare_atomic_write(path, v, sizeof v), 0);
    outside(&b, "data", "16");
    assert_int_equal(finish(&f, &b), 0);
    assert_string_equal(f.arch, "in(4) fc1=linear(4,bias=no)");
    assert_true(*(const float *)f.tensor[0].bytes == 104);
    pare_foreign_release(&f);
    outside(&b, "./data", "0");
    assert_int_equal(finish(&f, &b), 0);
    pare_foreign_release(&f);
    outside(&b, "../data", "0");
    fails(&b, PARE_EFORMAT, "not in the model's folder");
    outside(&b, "sub/../data", "0");
    assert_int_not_equal(finish(&f, &b), 0);
    outside(&b, path, "0");
    fails(&b, PARE_EFORMAT, "not in the model's folder");
    outside(&b, "data", "20");
    fails(&b, PARE_EFORMAT, "past the end");
    outside(&b, "data", "99999999999999999999");
    fails(&b, PARE_EFORMAT, "no number");
    outside(&b, "data", "-16");
    fails(&b, PARE_EFORMAT, "no number");
    at(other, "link");
    assert_int_equal(symlink("data", other), 0);
    outside(&b, "link", "0");
    fails(&b, PARE_EFORMAT, "it is a link");
    unlink(other);
    at(other, "sub");
    assert_int_equal(symlink(folder, other), 0);
    outside(&b, "sub/data", "0");
    assert_int_not_equal(finish(&f, &b), 0);
    unlink(other);
    assert_int_equal(mkfifo(other, 0600), 0);
    outside(&b, "sub", "0");
    fails(&b, PARE_EFORMAT, "not a regular file");
    unlink(other);
    unlink(path);
}

/* Of standard input the folder is none, also where it is spooled. */
static void standard_input_has_no_files_beside_it(void **state)
{
    struct pare_onnx_build b;
    struct pare_foreign f = {0};
    float v[16] = {0};
    char path[256], model[256];
    int in;

    (void)state;
    at(path, "data");
    assert_int_equal(pare_atomic_write(path, v, sizeof v), 0);
    outside(&b, "data", "0");
    assert_int_equal(finish(&f, &b), 0);
    pare_foreign_release(&f);
    at(model, "m.onnx");
    in = open(model, O_RDONLY);
    assert_true(in >= 0 && dup2(in, 0) == 0);
    close(in);
    assert_int_equal(setenv("TMPDIR", folder, 1), 0);
    assert_int_equal(pare_import_read(&f, "-", NULL), PARE_EIO);
    assert_non_null(strstr(pare_error(), "cannot open 'data'"));
    unlink(path);
}

/* A graph in an attribute of a node of a graph, and so on. */
static void what_is_nested_too_deep_is_not_unpacked(void **state)
{
    enum { DEEP = 20000 };
    unsigned char *bytes = calloc(1, 8 * DEEP * 3 + 16), *end;
    static const unsigned char tag[] = {0x0a, 0x2a, 0x32};
    size_t n = 0;
    char path[256];
    struct pare_foreign f = {0};

    (void)state;
    assert_non_null(bytes);
    end = bytes + 8 * DEEP * 3 + 16;
    /* From the inside: graph.node, node.attribute, attribute.g. */
    for (int i = 0; i < DEEP; i++) {
        unsigned char head[8];
        size_t k = 0, rest = n;

        head[k++] = tag[2 - i % 3];
        do
            head[k++] = (unsigned char)((rest & 127) | (rest > 127 ? 128 : 0));
        while (rest >>= 7);
        end -= k;
        memcpy(end, head, k);
        n += k;
    }
    at(path, "deep.onnx");
    assert_int_equal(pare_atomic_write(path, end, n), 0);
    assert_int_not_equal(pare_onnx_read(&f, path), 0);
    /* The same as the graph of a model, field 7. */
    {
        unsigned char head[8] = {0x08, 7, 0x3a};
        size_t k = 3, rest;

        while (end[0] != 0x0a) { /* begin with a node of a graph */
            size_t skip = 1;

            while (end[skip] & 128)
                skip++;
            end += skip + 1;
            n -= skip + 1;
        }
        rest = n;
        do
            head[k++] = (unsigned char)((rest & 127) | (rest > 127 ? 128 : 0));
        while (rest >>= 7);
        memmove(end - k, head, k);
        assert_int_equal(pare_atomic_write(path, end - k, n + k), 0);
    }
    assert_int_equal(pare_onnx_read(&f, path), PARE_ELIMIT);
    assert_non_null(strstr(pare_error(), "nested deeper"));
    unlink(path);
    free(bytes);
}

/* Two bytes each, a hundred times as much in memory. */
static void small_messages_do_not_fill_the_memory(void **state)
{
    enum { MANY = 4 << 20 };
    unsigned char *bytes = malloc(2 * MANY + 16);
    struct pare_foreign f = {0};
    char path[256];
    size_t n = 0, rest = 2 * MANY;

    (void)state;
    assert_non_null(bytes);
    bytes[n++] = 0x3a; /* graph */
    do
        bytes[n++] = (unsigned char)((rest & 127) | (rest > 127 ? 128 : 0));
    while (rest >>= 7);
    for (int i = 0; i < MANY; i++) {
        bytes[n++] = 0x0a; /* a node */
        bytes[n++] = 0;
    }
    at(path, "many.onnx");
    assert_int_equal(pare_atomic_write(path, bytes, n), 0);
    assert_int_equal(pare_onnx_read(&f, path), PARE_ELIMIT);
    assert_non_null(strstr(pare_error(), "16 times its size"));
    unlink(path);
    free(bytes);
}

static void write_errors_are_told(void **state)
{
    struct pare_model m = {0};
    struct pare_arch arch = {0};

    (void)state;
    assert_int_equal(pare_arch_parse(&arch, "weights a.weight(2x2)"), 0);
    assert_int_equal(pare_model_init(&m, &arch), 0);
    assert_int_equal(pare_onnx_write("/dev/null", &m), PARE_EINVAL);
    pare_model_release(&m);
    assert_int_equal(pare_arch_parse(&arch, "4-3"), 0);
    assert_int_equal(pare_model_init(&m, &arch), 0);
    assert_int_equal(pare_onnx_write("/dev/full", &m), PARE_EIO);
    m.norm.scale = 1;
    m.norm.n = 3;
    m.norm.mean = calloc(3, sizeof(float));
    m.norm.std = calloc(3, sizeof(float));
    assert_int_equal(pare_onnx_write("/dev/null", &m), PARE_EINVAL);
    pare_model_release(&m);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_matrix_becomes_rows_of_outputs),
        cmocka_unit_test(a_sum_that_others_see_is_no_bias),
        cmocka_unit_test(a_sum_behind_a_product_is_its_bias),
        cmocka_unit_test(broken_graphs_are_refused),
        cmocka_unit_test(tensors_are_as_large_as_their_shape),
        cmocka_unit_test(what_is_no_layer_leaves_the_weights),
        cmocka_unit_test(names_of_ours_in_a_file_mean_nothing),
        cmocka_unit_test(constants_do_not_grow_without_end),
        cmocka_unit_test(weights_are_not_copied_without_end),
        cmocka_unit_test(external_data_stay_in_the_folder),
        cmocka_unit_test(standard_input_has_no_files_beside_it),
        cmocka_unit_test(what_is_nested_too_deep_is_not_unpacked),
        cmocka_unit_test(small_messages_do_not_fill_the_memory),
        cmocka_unit_test(write_errors_are_told),
    };
    char path[256];
    int rc;

    if (!mkdtemp(folder))
        return 1;
    rc = run_group(tests);
    at(path, "m.onnx");
    unlink(path);
    rmdir(folder);
    return rc;
}
