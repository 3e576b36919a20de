#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch.h"
#include "status.h"

static void names_shapes_and_roles_are_read(void **state)
{
    const char *text = "weights a.b.weight(2x3x4) a.b.bias(2) c.running_var(5) "
                       "c.gamma(5) d.step()";
    struct pare_arch a = {0};

    (void)state;
    assert_int_equal(pare_arch_parse(&a, text), 0);
    assert_true(pare_arch_is_weights(&a));
    assert_string_equal(a.text, text);
    assert_int_equal(a.n_layers, 3);
    assert_int_equal(a.n_own, 5);
    assert_string_equal(a.layer[0].name, "a.b");
    assert_string_equal(a.own[0].suffix, "weight");
    assert_int_equal(a.own[0].rank, 3);
    assert_int_equal(a.own[0].dim[2], 4);
    assert_int_equal(a.own[0].role, PARE_ROLE_WEIGHT);
    assert_int_equal(a.own[1].role, PARE_ROLE_BIAS);
    assert_int_equal(a.own[2].role, PARE_ROLE_BUFFER);
    assert_int_equal(a.own[3].role, PARE_ROLE_SCALE);
    assert_int_equal(a.own[3].layer, 1);
    assert_int_equal(a.own[4].rank, 0);
    assert_int_equal(pare_arch_need_graph(&a), PARE_EINVAL);
    pare_arch_release(&a);
}

static void the_word_alone_is_no_list(void **state)
{
    struct pare_arch a = {0};

    (void)state;
    assert_int_equal(pare_arch_parse(&a, "weights"), PARE_EINVAL);
    assert_null(a.text);
}

static void a_network_has_a_graph(void **state)
{
    struct pare_arch a = {0};

    (void)state;
    assert_int_equal(pare_arch_parse(&a, "4-3-2"), 0);
    assert_false(pare_arch_is_weights(&a));
    assert_int_equal(pare_arch_need_graph(&a), 0);
    pare_arch_release(&a);
}

static void faults_are_told_by_their_column(void **state)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"weights  a.b(2)", "column 9"},
        {"weights a.b(2)c.d(2)", "column 15"},
        {"weights ab(2)", "column 9"},
        {"weights .a(2)", "column 9"},
        {"weights a.(2)", "column 9"},
        {"weights a.b", "column 12"},
        {"weights a.b(0)", "column 13"},
        {"weights a.b(02)", "column 13"},
        {"weights a.b(2x)", "column 14"},
        {"weights a.b(-1)", "column 13"},
        {"weights a.b(2", "column 14"},
        {"weights a.b(1x1x1x1x1x1x1x1x1)", "more than 8"},
        {"weights a.b(99999999999999)", "too many"},
        {"weights a.b(1099511627776x1099511627776)", "too many"},
        {"weights a.b(2) a.b(2)", "twice"},
        {"weights a.b(2) c.d(2) a.e(2)", "together"},
        {"weights a/b.c(2)", "column 9"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct pare_arch a = {0};

        assert_int_equal(pare_arch_parse(&a, bad[i].text), PARE_EINVAL);
        if (!strstr(pare_error(), bad[i].message))
            fail_msg("%s: %s", bad[i].text, pare_error());
        assert_null(a.text);
    }
}

/* "weights L0.w(1) L1.w(1) ..." */
static char *many(size_t n)
{
    char *text = malloc(n * 20 + 16), *p = text;

    assert_non_null(text);
    p += snprintf(p, 16, "weights");
    for (size_t i = 0; i < n; i++)
        p += snprintf(p, 20, " L%zu.w(1)", i);
    return text;
}

static void there_may_be_65536_tensors_and_no_more(void **state)
{
    struct pare_arch a = {0};
    char *text = many(PARE_WEIGHTS_MAX);

    (void)state;
    assert_int_equal(pare_arch_parse(&a, text), 0);
    assert_int_equal(a.n_own, PARE_WEIGHTS_MAX);
    assert_int_equal(a.n_layers, PARE_WEIGHTS_MAX);
    pare_arch_release(&a);
    free(text);
    text = many(PARE_WEIGHTS_MAX + 1);
    assert_int_equal(pare_arch_parse(&a, text), PARE_ELIMIT);
    free(text);
}

static void names_have_limits(void **state)
{
    static const size_t layer[] = {PARE_LAYER_MAX - 1, PARE_LAYER_MAX};
    static const size_t suffix[] = {PARE_SUFFIX_MAX - 1, PARE_SUFFIX_MAX};
    char text[512];

    (void)state;
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++) {
            struct pare_arch a = {0};

            snprintf(text, sizeof text, "weights %0*d.%0*d(1)", (int)layer[i],
                     0, (int)suffix[k], 0);
            assert_int_equal(pare_arch_parse(&a, text),
                             i || k ? PARE_EINVAL : 0);
            pare_arch_release(&a);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_shapes_and_roles_are_read),
        cmocka_unit_test(the_word_alone_is_no_list),
        cmocka_unit_test(a_network_has_a_graph),
        cmocka_unit_test(faults_are_told_by_their_column),
        cmocka_unit_test(there_may_be_65536_tensors_and_no_more),
        cmocka_unit_test(names_have_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
