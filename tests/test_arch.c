#include "unit.h"

#include "arch.h"
#include "status.h"

static void shorthand_ends_in_logits(void **state)
{
    struct pare_arch a;

    (void)state;
    assert_int_equal(pare_arch_parse(&a, "784-300-100-10"), 0);
    assert_string_equal(a.text, "in(784) fc1=linear(300) relu1=relu "
                                "fc2=linear(100) relu2=relu fc3=linear(10)");
    assert_int_equal(pare_arch_output(&a)->dim[0], 10);
    pare_arch_release(&a);
}

static void canonical_text_parses_to_itself(void **state)
{
    static const char *const text[] = {
        "lenet-300-100",
        "challenge-mlp",
        ("in(4) linear(3) leaky-relu(slope=0.2) batchnorm dropout(.25) "
         "out=linear(2, bias=no) log-softmax"),
        "in(2) fc2=linear(3) linear(3) tanh sigmoid softmax linear(1)",
        ("in(3,9,8) -> a=conv2d(4, 3x5, stride=2x1, pad=1x2, bias=no) -> "
         "batchnorm2d -> relu a->maxpool(3,1,1) in -> avgpool(3x1, "
         "stride=3x1, count-pad=no) pad(1,1,0,0,0,1,.5) globalavgpool "
         "pool1 -> globalavgpool concat(pool3,pool4) flatten relu1 -> "
         "flatten concat(flat1,flat2) linear(2)"),
        ("in(4,20) conv1d(6,3,pad=1,groups=2) batchnorm silu x=conv1d(6,1) "
         "gelu in -> conv1d(6,1) srelu -> identity add(id1, gelu1,x) "
         "maxpool(2,2) avgpool(2,3) add(pool2,pool2) relu linear(2)"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        struct pare_arch a, b;

        assert_int_equal(pare_arch_parse(&a, text[i]), 0);
        assert_int_equal(pare_arch_parse(&b, a.text), 0);
        assert_string_equal(a.text, b.text);
        pare_arch_release(&a);
        pare_arch_release(&b);
    }
}

static void layers_are_connected_by_name(void **state)
{
    struct pare_arch a;

    (void)state;
    assert_int_equal(
        pare_arch_parse(&a, "in(2,8,8) a=conv2d(4,3,pad=1)->relu a->tanh "
                            "in -> conv2d(4,3x5,pad=1x2) add(relu1,tanh1,"
                            "conv2) -> concat(add1,a,in)"),
        0);
    assert_string_equal(a.text,
                        "in(2,8,8) a=conv2d(4,3,pad=1) relu1=relu a -> "
                        "tanh1=tanh in -> conv2=conv2d(4,3x5,pad=1x2) "
                        "add1=add(relu1,tanh1,conv2) cat1=concat(add1,a,in)");
    assert_int_equal(a.layer[2].input[0], 0);
    assert_true(a.layer[3].input[0] == PARE_INPUT);
    assert_int_equal(a.layer[4].n_inputs, 3);
    assert_int_equal(a.layer[4].input[2], 3);
    assert_true(a.layer[5].input[2] == PARE_INPUT);
    assert_int_equal(a.layer[5].in[2].dim[0], 2);
    assert_int_equal(pare_arch_output(&a)->dim[0], 10);
    pare_arch_release(&a);
}

static void a_word_before_an_arrow_is_a_kind_unless_so_named(void **state)
{
    struct pare_arch a;

    (void)state;
    assert_int_equal(pare_arch_parse(&a, "in(3) relu -> relu -> tanh"), 0);
    assert_int_equal(a.n_layers, 3);
    pare_arch_release(&a);
    assert_int_equal(pare_arch_parse(&a, "in(3) relu=relu tanh relu -> sigmoid "
                                         "add(tanh1,sigmoid1)"),
                     0);
    assert_int_equal(a.n_layers, 4);
    assert_int_equal(a.layer[2].input[0], 0);
    pare_arch_release(&a);
}

static void shapes_are_those_of_pytorch(void **state)
{
    static const struct {
        const char *text;
        struct pare_shape out;
    } net[] = {
        {"in(3,9,8) conv2d(4,3x5,stride=2x1,pad=1x2)", {3, {4, 5, 8}}},
        {"in(4,9,8) conv2d(6,3,dilation=2x3,groups=2)", {3, {6, 5, 2}}},
        {"in(3,8,8) maxpool(3)", {3, {3, 2, 2}}},
        {"in(3,8,8) maxpool(3,2,1)", {3, {3, 4, 4}}},
        {"in(3,8,7) avgpool(2x3,stride=1)", {3, {3, 7, 5}}},
        {"in(3,20) conv1d(5,4,stride=3,pad=2,dilation=2)", {2, {5, 6}}},
        {"in(3,20) maxpool(4)", {2, {3, 5}}},
        {"in(3,8,8) globalavgpool", {3, {3, 1, 1}}},
        {"in(3,20) globalavgpool", {2, {3, 1}}},
        {"in(3,8,7) flatten", {1, {168}}},
        {"in(3,8,7) linear(5)", {1, {5}}},
        {"in(3,8,7) pad(1,2,3,4,5,6)", {3, {14, 11, 14}}},
        {"in(3,8) pad(left=1,right=2,back=3)", {2, {6, 11}}},
        {"in(3,8) concat(in,in,in)", {2, {9, 8}}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof net / sizeof net[0]; i++) {
        struct pare_arch a;

        if (pare_arch_parse(&a, net[i].text))
            fail_msg("'%s': %s", net[i].text, pare_error());
        assert_int_equal(pare_arch_output(&a)->rank, net[i].out.rank);
        for (int d = 0; d < net[i].out.rank; d++)
            if (pare_arch_output(&a)->dim[d] != net[i].out.dim[d])
                fail_msg("'%s': size %d is %zu", net[i].text, d,
                         pare_arch_output(&a)->dim[d]);
        pare_arch_release(&a);
    }
}

static void windows_over_a_length_have_height_one(void **state)
{
    struct pare_window w;
    struct pare_arch a;

    (void)state;
    assert_int_equal(
        pare_arch_parse(&a, "in(4,40) conv1d(6,5,stride=3,pad=2,dilation=2,"
                            "groups=2) maxpool(3,2,1) globalavgpool"),
        0);
    pare_layer_window(&w, &a.layer[0]);
    assert_memory_equal(
        &w, (&(struct pare_window){{1, 5}, {1, 3}, {0, 2}, {1, 2}, 2}),
        sizeof w);
    pare_layer_window(&w, &a.layer[1]);
    assert_memory_equal(
        &w, (&(struct pare_window){{1, 3}, {1, 2}, {0, 1}, {1, 1}, 1}),
        sizeof w);
    pare_layer_window(&w, &a.layer[2]);
    assert_memory_equal(
        &w, (&(struct pare_window){{1, 6}, {1, 6}, {0, 0}, {1, 1}, 1}),
        sizeof w);
    pare_arch_release(&a);
}

static void large_numbers_are_read_as_they_are_printed(void **state)
{
    struct pare_arch a, again;

    (void)state;
    assert_int_equal(pare_arch_parse(&a, "in(1,4,4) pad(top=1,value=-1e30)"),
                     0);
    assert_non_null(strstr(a.text, "value=-1e+30"));
    assert_int_equal(pare_arch_parse(&again, a.text), 0);
    assert_string_equal(again.text, a.text);
    pare_arch_release(&again);
    pare_arch_release(&a);
    assert_int_equal(pare_arch_parse(&a, "in(1,4,4) p+=pad"), PARE_EINVAL);
}

static void convolutions_own_their_filters(void **state)
{
    struct pare_tensor_spec s[PARE_LAYER_TENSORS];
    struct pare_arch a;

    (void)state;
    assert_int_equal(pare_arch_parse(&a, "in(4,9,8) conv2d(6,3x5,groups=2)"),
                     0);
    assert_int_equal(a.layer[0].kind->tensors(&a.layer[0], s), 2);
    assert_int_equal(s[0].rank, 4);
    assert_memory_equal(s[0].dim, ((size_t[]){6, 2, 3, 5}), 4 * sizeof(size_t));
    assert_int_equal(s[0].fan_in, 30);
    assert_int_equal(s[0].fan_out, 45);
    assert_int_equal(s[1].dim[0], 6);
    assert_close(a.layer[0].kind->macs(&a.layer[0]), 6 * 2 * 15 * 7 * 4, 0);
    pare_arch_release(&a);
    assert_int_equal(pare_arch_parse(&a, "in(4,9) conv1d(6,3,bias=no)"), 0);
    assert_int_equal(a.layer[0].kind->tensors(&a.layer[0], s), 1);
    assert_int_equal(s[0].rank, 3);
    assert_memory_equal(s[0].dim, ((size_t[]){6, 4, 3}), 3 * sizeof(size_t));
    pare_arch_release(&a);
}

static void automatic_names_avoid_given_ones(void **state)
{
    struct pare_arch a;

    (void)state;
    assert_int_equal(
        pare_arch_parse(&a, "in(2) fc2=linear(3) linear(4) linear(5)"), 0);
    assert_string_equal(a.layer[1].name, "fc3");
    assert_string_equal(a.layer[2].name, "fc4");
    pare_arch_release(&a);
}

struct refusal {
    const char *text, *part; /* of the message */
};

static void check_refusals(const struct refusal *bad, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct pare_arch a;

        if (pare_arch_parse(&a, bad[i].text) == 0)
            fail_msg("'%s' was accepted", bad[i].text);
        if (!strstr(pare_error(), bad[i].part))
            fail_msg("'%s': '%s' does not say '%s'", bad[i].text, pare_error(),
                     bad[i].part);
    }
}

static void errors_point_at_the_column(void **state)
{
    static const struct refusal bad[] = {
        {"", "column 1"},
        {"784-", "column 5"},
        {"784--10", "column 5"},
        {"784-0-10", "column 5: sizes are from 1 to 16777216"},
        {"784-300-16777217", "column 9: sizes are from 1 to 16777216"},
        {"99999999999999999999-10", "column 1: sizes"},
        {"in(784) linear(10,)", "column 19: expected an argument"},
        {"in(784) linear(16777217)", "from 1 to 16777216, not '16777217'"},
        {"in(784)", "no layer"},
        {"lenet5", "column 1: no network is named 'lenet5': there are "
                   "lenet-300-100, "},
        {"lenet 5", "column 1: expected in(FEATURES), in(CHANNELS,HEIGHT"},
        {"in(784) linear(1,size=3)", "linear has no option 'size': there are "
                                     "units, bias"},
        {"in(784) relu(a=1)", "relu has no option 'a'"},
        {"in(0) linear(1)", "column 4"},
        {"in(784) lineer(10)", "column 9: unknown layer 'lineer': there "
                               "are linear, conv2d, "},
        {"in(784) linear", "linear needs units"},
        {"in(784) linear(0)", "column 16"},
        {"in(784) linear(2.5)", "column 16"},
        {"in(784) linear(10,bias=maybe)", "column 19"},
        {"in(784) linear(10,10,10)", "column 19"},
        {"in(784) linear(10,units=3)", "given twice"},
        {"in(784) linear(10) relu(", "column 25"},
        {"in(784) linear(10)relu", "column 19"},
        {"in(784) a=linear(10) a=relu", "column 22"},
        {"in(784) dropout(1)", "column 17"},
        {"in(784) linear(nan)", "column 16"},
    };

    (void)state;
    check_refusals(bad, sizeof bad / sizeof bad[0]);
}

static void layers_that_are_not_connected_are_refused(void **state)
{
    static const struct refusal bad[] = {
        {"in(3) x -> relu", "column 7: no layer is named 'x'"},
        {"in(3) a=relu b -> c=relu b=tanh",
         "column 14: 'c' takes 'b', which comes later: that would make a "
         "cycle"},
        {"in(3) add(add1,in)", "column 11: 'add1' takes its own output"},
        {"in(3) linear(2) in -> linear(2)",
         "column 7: nothing takes the output of linear 'fc1'"},
        {"in(3) in -> in -> relu", "column 13: expected a layer behind"},
        {"in(3) relu ->", "column 14: expected a layer"},
        {"in(3) in=relu", "'in' is the network's input"},
        {"in(3) add(in)", "needs the names of two or more"},
        {"in(3) add", "needs the names of two or more"},
        {"in(3) add(in,)", "column 14: expected the name"},
        {"in(3) add(in,in,in,in,in,in,in,in,in)", "at most 8"},
        {"in(3) relu -> add(in,in)", "column 15: add 'add1' has an arrow "
                                     "from 'relu1', which it does not name"},
    };

    (void)state;
    check_refusals(bad, sizeof bad / sizeof bad[0]);
}

static void shapes_that_do_not_fit_are_refused(void **state)
{
    static const struct refusal bad[] = {
        {"in(3,8,8) a=conv2d(16,3) conv2d(32,3,pad=1) add(a,conv2)",
         "add 'add1': shapes 16x6x6 and 32x6x6 differ"},
        {"in(3,8,8) in -> globalavgpool concat(in,pool1)",
         "concat 'cat1': shapes 3x8x8 and 3x1x1 differ in more than"},
        {"in(3,3,3) c1=conv2d(4,5)", "conv2d 'c1': kernel 5x5 is larger than "
                                     "the padded input 3x3"},
        {"in(3,8,8) conv2d(4,3,dilation=4)", "kernel 9x9 (dilated) is larger"},
        {"in(8,9,9) conv2d(6,3,groups=3)", "conv2d 'conv1': groups 3 do not "
                                           "divide the 8 channels of its "
                                           "input"},
        {"in(9,9,9) conv2d(8,3,groups=3)", "the 8 channels of its output"},
        {"in(9,9) conv2d(8,3)", "channels x height x width, not 9x9"},
        {"in(9,9,9) conv1d(8,3)", "channels x length, not 9x9x9"},
        {"in(9,9,9) conv2d(8,3x)", "HEIGHTxWIDTH from 1 to 65535, not '3x'"},
        {"in(9,9,9) conv2d(8,0x3)", "not '0x3'"},
        {"in(9,9,9) maxpool(2,0)", "column 21: stride"},
        {"in(9,9,9) maxpool(3x2,pad=1x2)",
         "pad 1x2 is more than half of the kernel 3x2"},
        {"in(9) maxpool(2)", "not 9"},
        {"in(9,9) maxpool(2x3)", "kernel 2x3 is for images"},
        {"in(9,9,9) batchnorm", "(batchnorm2d takes images), not 9x9x9"},
        {"in(9) batchnorm2d", "not 9"},
        {"in(9,9) softmax", "(flatten makes them), not 9x9"},
        {"in(9) globalavgpool", "not 9"},
        {"in(9,9) pad(top=1)", "for images only, not 9x9"},
        {"in(9) pad(left=1)", "not 9"},
        {"in(9,9,9,9) relu", "at most 3 sizes"},
        {"in(3,65535,65535) relu", "at most 2^28 values"},
        {"in(64,1000,1000) concat(in,in,in,in,in)", "more than 2^28 values"},
        {"in(16777216,1,1) conv2d(16777216,9999,pad=4999)",
         "more than 2^62 weights"},
    };

    (void)state;
    check_refusals(bad, sizeof bad / sizeof bad[0]);
}

static void text_that_names_make_too_long_is_refused(void **state)
{
    char text[41000] = "in(1)";
    struct pare_arch a;

    (void)state;
    for (int i = 0; i < 4000; i++)
        strcat(text + 10 * i, " batchnorm");
    assert_int_equal(pare_arch_parse(&a, text), PARE_ELIMIT);
    assert_non_null(strstr(pare_error(), "longer than 65536 bytes with"));
    text[5 + 10 * 3000] = '\0';
    assert_int_equal(pare_arch_parse(&a, text), 0);
    pare_arch_release(&a);
}

/* Prunable weights, and all that is trained. */
static void count(uint64_t *weights, uint64_t *parameters,
                  const struct pare_arch *a)
{
    struct pare_tensor_spec s[PARE_LAYER_TENSORS];

    *weights = *parameters = 0;
    for (size_t i = 0; i < a->n_layers; i++) {
        int n = a->layer[i].kind->tensors(&a->layer[i], s);

        for (int t = 0; t < n; t++) {
            uint64_t size = 1;

            for (int d = 0; d < s[t].rank; d++)
                size *= s[t].dim[d];
            *weights += s[t].role == PARE_ROLE_WEIGHT ? size : 0;
            *parameters += s[t].role == PARE_ROLE_BUFFER ? 0 : size;
        }
    }
}

static void published_networks_have_their_counts(void **state)
{
    static const struct {
        const char *name;
        uint64_t weights, parameters; /* 0: none is published */
    } net[] = {
        {"lenet-300-100", 266200, 266610},
        {"challenge-mlp", 2386000, 2386000},
        {"lenet-5", 0, 431080},
        {"mnistnet", 0, 431080},
        {"conv-2", 4300992, 0},
        {"conv-4", 2425024, 0},
        {"conv-6", 2261184, 0},
        {"fashion-cnn", 1199648, 0},
        {"cifar-cnn", 1294528, 0},
        {"flower-cnn", 0, 336 + 24 + 2180 + 5792 + 64 + 8294432 + 165},
        {"resnet-20", 0, 269722},
        {"resnet-32", 0, 464154},
        {"resnet-56", 0, 853018},
        {"vgg-11", 0, 9231114},
        {"vgg-16", 0, 14728266},
        {"vgg-19", 0, 20040522},
        {"wrn-22-2", 0, 1079642},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof net / sizeof net[0]; i++) {
        struct pare_arch a, again;
        uint64_t weights, parameters;

        assert_string_equal(pare_arch_name(i)->name, net[i].name);
        assert_int_equal(pare_arch_parse(&a, net[i].name), 0);
        count(&weights, &parameters, &a);
        if (net[i].weights)
            assert_int_equal(weights, net[i].weights);
        if (net[i].parameters)
            assert_int_equal(parameters, net[i].parameters);
        assert_int_equal(pare_arch_parse(&again, a.text), 0);
        assert_string_equal(again.text, a.text);
        pare_arch_release(&again);
        pare_arch_release(&a);
    }
    assert_null(pare_arch_name(i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shorthand_ends_in_logits),
        cmocka_unit_test(canonical_text_parses_to_itself),
        cmocka_unit_test(layers_are_connected_by_name),
        cmocka_unit_test(a_word_before_an_arrow_is_a_kind_unless_so_named),
        cmocka_unit_test(shapes_are_those_of_pytorch),
        cmocka_unit_test(windows_over_a_length_have_height_one),
        cmocka_unit_test(large_numbers_are_read_as_they_are_printed),
        cmocka_unit_test(convolutions_own_their_filters),
        cmocka_unit_test(automatic_names_avoid_given_ones),
        cmocka_unit_test(errors_point_at_the_column),
        cmocka_unit_test(layers_that_are_not_connected_are_refused),
        cmocka_unit_test(shapes_that_do_not_fit_are_refused),
        cmocka_unit_test(text_that_names_make_too_long_is_refused),
        cmocka_unit_test(published_networks_have_their_counts),
    };

    return run_group(tests);
}
