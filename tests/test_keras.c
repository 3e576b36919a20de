#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "h5write.h"
#include "import.h"
#include "keras.h"
#include "net_case.h"
#include "outputs.h"

struct keras_ref {
    const char *config;
    int outputs;
    double output[16]; /* of two samples */
};

#include "ref/keras_ref.h"

/* Arrays by the formulas of keras_ref.py. */
static int formula(void *arg, float **out, const char *layer, const char *role,
                   int index, int rank, const uint64_t *dim)
{
    size_t n = 1, start = 0;

    (void)arg;
    (void)index;
    for (int i = 0; i < rank; i++)
        n *= (size_t)dim[i];
    for (const char *c = layer; *c; c++)
        start += (unsigned char)*c;
    /* Keras calls this one kernel. */
    start +=
        strcmp(role, "depthwise_kernel") == 0 ? 'k' : (unsigned char)role[0];
    *out = malloc(n * sizeof **out);
    assert_non_null(*out);
    for (size_t i = 0; i < n; i++) {
        double v = sin(0.37 * (double)i + (double)start) / 2;

        if (strcmp(role, "moving_variance") == 0)
            v = fabs(v) + 0.5;
        (*out)[i] = (float)v;
    }
    return 0;
}

static const struct keras_weights by_formula = {formula, NULL};

/* The model of a configuration that can be said. */
static void model_of(struct pare_model *m, const char *config)
{
    struct pare_foreign f = {0};
    struct pare_foreign_options options = {0};

    memset(m, 0, sizeof *m);
    if (keras_graph(&f, config, strlen(config), &by_formula) != 1)
        fail_msg("%s", f.n_notes ? f.note[0] : pare_error());
    if (pare_foreign_model(m, &f, &options) != 0)
        fail_msg("%s", pare_error());
    pare_foreign_release(&f);
}

static void gather(struct pare_net *net, size_t features)
{
    struct pare_dataset d = {.features = features, .type = PARE_X_F32};
    struct pare_gather from = {.data = &d, .split = &d.split[PARE_TRAIN]};
    float *x = malloc(2 * features * sizeof *x);

    assert_non_null(x);
    for (size_t s = 0; s < 2; s++)
        for (size_t i = 0; i < features; i++)
            x[s * features + i] =
                (float)cos(0.23 * (double)i + 1.7 * (double)s);
    d.split[PARE_TRAIN] = (struct pare_split){.n = 2, .x = x};
    pare_net_gather(net, &from, NULL, 0, 2);
    free(x);
}

static void graphs_give_what_keras_gives(void **state)
{
    (void)state;
    for (size_t r = 0; r < sizeof keras_ref / sizeof *keras_ref; r++) {
        const struct keras_ref *ref = &keras_ref[r];
        size_t width = pare_net_width(2);
        struct pare_net *net;
        struct pare_model m;

        model_of(&m, ref->config);
        assert_int_equal(pare_arch_output(&m.arch)->dim[0], ref->outputs);
        assert_int_equal(pare_net_new(&net, &m, 2, false, 1), 0);
        gather(net, pare_shape_size(&m.arch.input));
        pare_net_forward(net, 2, false, 0, 0);
        for (int i = 0; i < 2 * ref->outputs; i++) {
            size_t s = (size_t)(i / ref->outputs);
            size_t c = (size_t)(i % ref->outputs);

            assert_close(case_output(net, width, s, c), ref->output[i], 2e-6);
        }
        pare_net_free(net);
        pare_model_release(&m);
    }
}

/* Write it and read it again: the same tensors. */
static void round_trip(const char *arch)
{
    struct pare_model m = {0}, back = {0};
    struct pare_foreign f = {0};
    struct pare_foreign_options options = {0};
    struct pare_outputs_samples s = {.n = 8, .seed = 1, .threads = 1};
    struct pare_outputs_difference is;
    struct pare_arch a;

    if (pare_arch_parse(&a, arch) || pare_model_init(&m, &a))
        fail_msg("%s", pare_error());
    for (size_t t = 0; t < m.n_tensors; t++)
        for (size_t i = 0; i < m.tensor[t].n; i++)
            m.tensor[t].value[i] = (float)(1.5 + sin((double)(i * 7 + t))) / 2;
    m.norm.scale = 0.5f;
    if (pare_keras_write("keras-test.h5", &m) ||
        pare_import_read(&f, "keras-test.h5", NULL))
        fail_msg("%s: %s", arch, pare_error());
    if (!f.arch || pare_foreign_model(&back, &f, &options))
        fail_msg("%s: %s", arch, f.n_notes ? f.note[0] : pare_error());
    assert_int_equal(pare_outputs_compare(&is, &m, &back, &s), 0);
    assert_true(is.largest > 0);
    assert_close(is.difference, 0, 0);
    assert_close((double)back.norm.scale, 0.5, 0);
    pare_foreign_release(&f);
    pare_model_release(&back);
    pare_model_release(&m);
    remove("keras-test.h5");
}

static void models_that_are_written_come_back(void **state)
{
    (void)state;
    round_trip("784-30-10");
    round_trip("in(3,9,8) conv2d(4,3x2,pad=1,stride=2) relu maxpool(2,pad=1) "
               "linear(5) softmax");
    round_trip("in(4,7,7) conv2d(8,3,groups=4,pad=1,bias=no) batchnorm2d "
               "leaky-relu(slope=0.25) avgpool(3,stride=1,pad=1,count-pad=no) "
               "flatten batchnorm dropout linear(3) tanh");
    round_trip("in(2,8,8) a=conv2d(3,1) silu b=conv2d(3,3,pad=2,dilation=2) gelu "
               "s=add(silu1,gelu1) c=concat(s,a) globalavgpool linear(2) sigmoid");
    round_trip("in(2,20) conv1d(4,3,pad=1) maxpool(2) "
               "conv1d(4,3,dilation=2) globalavgpool linear(2)");
    round_trip("in(1,6,6) pad(top=1,left=2) conv2d(2,3) identity linear(2)");
    round_trip("in(2,5,6) pad(top=1,left=2) linear(2)");
    round_trip("in(2,9) pad(left=1,right=2) linear(2)");
}

static void refused(const char *arch, const char *why)
{
    struct pare_model m = {0};
    struct pare_arch a;

    if (pare_arch_parse(&a, arch) || pare_model_init(&m, &a))
        fail_msg("%s", pare_error());
    assert_int_equal(pare_keras_write("keras-test.h5", &m), PARE_EINVAL);
    if (!strstr(pare_error(), why))
        fail_msg("'%s' does not say '%s'", pare_error(), why);
    assert_int_not_equal(remove("keras-test.h5"), 0);
    pare_model_release(&m);
}

static void what_keras_has_not_is_refused_by_name(void **state)
{
    (void)state;
    refused("in(4) q=srelu linear(2)", "layer q (srelu)");
    refused("in(2,8,8) conv2d(2,3) maxpool(2,pad=1)", "(maxpool)");
    refused("in(2,8,8) pad(front=1) linear(1)", "(pad)");
    refused("in(2,8,8) flatten tanh", "made flat");
    refused("weights a.weight(3x4)", "without a graph");
}

/* Is the configuration taken, but without a graph, and is it said why? */
static void noted(const char *config, const char *why)
{
    struct pare_foreign f = {0};
    int rc = keras_graph(&f, config, strlen(config), &by_formula);

    if (rc != 0 || f.n_notes != 1 || !strstr(f.note[0], why))
        fail_msg("%d, '%s' does not say '%s'", rc,
                 f.n_notes ? f.note[0] : pare_error(), why);
    assert_null(f.arch);
    assert_int_equal(f.n, 0);
    pare_foreign_release(&f);
}

#define IN                                                                     \
    "{\"class_name\":\"InputLayer\",\"config\":{\"name\":\"i\","               \
    "\"batch_shape\":[null,4,4,2]}}"
#define MODEL(layers)                                                          \
    "{\"class_name\":\"Sequential\",\"config\":{\"layers\":[" IN "," layers    \
    "]}}"

static void what_cannot_be_said_is_noted(void **state)
{
    (void)state;
    noted("{}", "no layers");
    noted("[]", "no layers");
    noted(MODEL("{\"class_name\":\"Lambda\",\"config\":{\"name\":\"l\"}}"),
          "'l' (Lambda) is of a kind");
    noted(MODEL("{\"class_name\":\"Dense\",\"config\":{\"name\":\"d\","
                "\"units\":3}}"),
          "'d' (Dense) is not over features");
    noted(MODEL("{\"class_name\":\"Conv2D\",\"config\":{\"name\":\"c\","
                "\"filters\":3,\"kernel_size\":[9,9],\"strides\":[1,1]}}"),
          "larger than its input");
    noted(MODEL("{\"class_name\":\"Conv2D\",\"config\":{\"name\":\"c\","
                "\"filters\":3,\"kernel_size\":[-1,1]}}"),
          "no known size");
    noted(MODEL("{\"class_name\":\"Flatten\",\"config\":{\"name\":\"f\"}}"),
          "made flat");
    noted(MODEL("{\"class_name\":\"ReLU\",\"config\":{\"name\":\"i\"}}"),
          "no name of its own");
    noted(MODEL("{\"class_name\":\"ReLU\",\"config\":{\"name\":\"r\","
                "\"max_value\":6.0}}"),
          "maximum");
    noted("{\"class_name\":\"Sequential\",\"config\":{\"layers\":[{\"class_"
          "name\":\"Dense\",\"config\":{\"name\":\"d\",\"units\":3}}]}}",
          "no input shape");
    noted("{\"class_name\":\"Functional\",\"config\":{\"layers\":[" IN
          ",{\"class_name\":\"ReLU\",\"config\":{\"name\":\"r\"},"
          "\"inbound_nodes\":[[[\"later\",0,0,{}]]]}]}}",
          "on layers before it");
}

static void configurations_that_are_no_json_are_refused(void **state)
{
    static const char *const bad[] = {"", "{", "{\"a\":1,\"a\":2}", "nul"};
    struct pare_foreign f = {0};
    char *deep = malloc(1 << 20);

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(keras_graph(&f, bad[i], strlen(bad[i]), &by_formula),
                         PARE_EFORMAT);
    assert_non_null(deep);
    memset(deep, '[', 1 << 20);
    assert_int_equal(keras_graph(&f, deep, 1 << 20, &by_formula), PARE_EFORMAT);
    free(deep);
    pare_foreign_release(&f);
}

static void global_maxima_are_windows_of_all(void **state)
{
    static const char *const config[] = {
        "{\"class_name\":\"Sequential\",\"config\":{\"layers\":["
        "{\"class_name\":\"GlobalMaxPooling2D\",\"config\":{\"name\":\"top\","
        "\"batch_input_shape\":[null,4,5,3]}}]}}",
        "{\"class_name\":\"Sequential\",\"config\":{\"layers\":["
        "{\"class_name\":\"GlobalMaxPooling1D\",\"config\":{\"name\":\"top\","
        "\"keepdims\":true,\"batch_input_shape\":[null,7,3]}}]}}"};
    static const char *const arch[] = {
        "in(3,4,5) in -> top=maxpool(4x5) top -> top_flat=flatten",
        "in(3,7) in -> top=maxpool(7)"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pare_foreign f = {0};
        size_t n = strlen(config[i]);

        assert_int_equal(keras_graph(&f, config[i], n, &by_formula), 1);
        assert_string_equal(f.arch, arch[i]);
        pare_foreign_release(&f);
    }
}

/* A model that is a layer of another has several kernels. */
static void arrays_of_one_role_keep_their_whole_names(void **state)
{
    const char *layers[] = {"inner", NULL};
    const char *names[] = {"inner/a/kernel:0", "inner/b/kernel:0",
                           "inner/b/bias:0", NULL};
    const char *want[] = {"inner/a/kernel", "inner/b/kernel", "inner/bias"};
    const char *groups[] = {"/inner", "/inner/inner", "/inner/inner/a",
                            "/inner/inner/b"};
    const float values[] = {1, 2, 3, 4};
    const size_t dim[] = {2, 2};
    struct pare_foreign f = {0};
    struct pare_h5w *w;
    uint64_t bytes;
    char path[64];

    (void)state;
    assert_int_equal(pare_h5w_new(&w, NULL), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pare_h5w_group(w, groups[i]), 0);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "/inner/%s", names[i]);
        assert_int_equal(
            pare_h5w_data(w, path, PARE_H5_F32, 2, dim, values, false), 0);
    }
    assert_int_equal(pare_h5w_attr_texts(w, "/inner", "weight_names", 3, names),
                     0);
    assert_int_equal(pare_h5w_attr_texts(w, "/", "layer_names", 1, layers), 0);
    assert_int_equal(pare_h5w_put(w, "keras-test.h5", &bytes), 0);
    pare_h5w_free(w);
    assert_int_equal(pare_keras_read(&f, "keras-test.h5"), 0);
    assert_int_equal(f.n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(f.tensor[i].name, want[i]);
    pare_foreign_release(&f);
    remove("keras-test.h5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graphs_give_what_keras_gives),
        cmocka_unit_test(models_that_are_written_come_back),
        cmocka_unit_test(what_keras_has_not_is_refused_by_name),
        cmocka_unit_test(what_cannot_be_said_is_noted),
        cmocka_unit_test(configurations_that_are_no_json_are_refused),
        cmocka_unit_test(global_maxima_are_windows_of_all),
        cmocka_unit_test(arrays_of_one_role_keep_their_whole_names),
    };

    return run_group(tests);
}
