#include "unit.h"

#include "arch.h"
#include "model.h"
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

static void errors_point_at_the_column(void **state)
{
    static const struct {
        const char *text, *part;
    } bad[] = {
        {"", "column 1"},
        {"784-", "column 5"},
        {"784--10", "column 5"},
        {"784-0-10", "column 5: sizes are from 1 to 16777216"},
        {"784-300-16777217", "column 9: sizes are from 1 to 16777216"},
        {"99999999999999999999-10", "column 1: sizes"},
        {"in(784) linear(10,)", "column 19: expected an argument"},
        {"in(784) linear(16777217)", "from 1 to 16777216, not '16777217'"},
        {"in(784)", "no layer"},
        {"in(0) linear(1)", "column 4"},
        {"in(784) lineer(10)", "column 9: unknown layer 'lineer': there "
                               "are linear, relu, "},
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
        {"in(16777216) linear(16777216)", "2^32"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pare_arch a;

        if (pare_arch_parse(&a, bad[i].text) == 0)
            fail_msg("'%s' was accepted", bad[i].text);
        if (!strstr(pare_error(), bad[i].part))
            fail_msg("'%s': '%s' does not say '%s'", bad[i].text,
                     pare_error(), bad[i].part);
    }
}

static void published_networks_have_their_weight_counts(void **state)
{
    static const struct {
        const char *name;
        uint64_t weights;
    } net[] = {{"lenet-300-100", 266200}, {"challenge-mlp", 2386000}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pare_arch a;
        struct pare_model m = {0};
        uint64_t kept, total;

        assert_int_equal(pare_arch_parse(&a, net[i].name), 0);
        assert_int_equal(pare_model_init(&m, &a), 0);
        pare_model_count(&m, &kept, &total);
        assert_int_equal(total, net[i].weights);
        assert_int_equal(kept, total);
        pare_model_release(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shorthand_ends_in_logits),
        cmocka_unit_test(canonical_text_parses_to_itself),
        cmocka_unit_test(automatic_names_avoid_given_ones),
        cmocka_unit_test(errors_point_at_the_column),
        cmocka_unit_test(published_networks_have_their_weight_counts),
    };

    return run_group(tests);
}
