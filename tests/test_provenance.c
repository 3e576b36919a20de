#include "unit.h"

#include "digest.h"
#include "provenance.h"
#include "status.h"

#define DIGEST "0123456789abcdef0123456789abcdef"
#define LINE(tool, args, in)                                                   \
    "{\"tool\":\"" tool "\",\"version\":\"1\",\"args\":" args ",\"in\":" in    \
    ",\"notes\":{},\"out\":\"" DIGEST "\"}"

/** A made line is parsed back, and names the model as it then is. */
static void a_built_step_is_parsed_back(void **state)
{
    struct provenance_step s = {0};
    struct pare_model m = {0};
    struct pare_arch arch = {0};
    char digest[PARE_DIGEST_LEN];
    struct provenance *p;

    (void)state;
    assert_int_equal(pare_arch_parse(&arch, "3-2"), 0);
    assert_int_equal(pare_model_init(&m, &arch), 0);
    p = provenance_new("train");
    provenance_u64(p, "-e", 20);
    provenance_real(p, "-l", 0.1);
    provenance_option(p, "--name", "a \"b\" \\ 'c'");
    provenance_option(p, "--nesterov", NULL);
    provenance_input(p, "-d", "data", DIGEST);
    provenance_note(p, "kernel", "fma");
    assert_int_equal(provenance_add(p, &m), 0);
    assert_int_equal(m.n_steps, 1);
    assert_int_equal(pare_digest_state(digest, &m), 0);

    assert_int_equal(provenance_parse(&s, m.step[0]), 0);
    assert_string_equal(s.tool, "train");
    assert_string_equal(s.version, PARE_VERSION);
    assert_int_equal(s.n_args, 4);
    assert_string_equal(s.arg[0].value, "20");
    assert_string_equal(s.arg[1].value, "0.1");
    assert_string_equal(s.arg[2].value, "a \"b\" \\ 'c'");
    assert_null(s.arg[3].value);
    assert_string_equal(s.input[0].option, "-d");
    assert_string_equal(s.note[0].value, "fma");
    assert_string_equal(s.out, digest);
    provenance_release(&s);
    pare_model_release(&m);
}

static void a_text_that_is_not_utf8_is_an_error(void **state)
{
    struct provenance *p = provenance_new("train");
    struct pare_model m = {0};

    (void)state;
    provenance_option(p, "-a", "\xff");
    provenance_option(p, "-b", "1");
    assert_int_equal(provenance_add(p, &m), PARE_EINVAL);
    assert_int_equal(m.n_steps, 0);
}

static void a_step_is_parsed(void **state)
{
    struct provenance_step s = {0};

    (void)state;
    assert_int_equal(
        provenance_parse(&s, LINE("prune", "[[\"-s\",\"0.9\"],[\"--bias\"]]",
                                  "[{\"option\":\"\",\"kind\":\"model\","
                                  "\"digest\":\"" DIGEST "\"}]")),
        0);
    assert_string_equal(s.tool, "prune");
    assert_int_equal(s.n_args, 2);
    assert_string_equal(s.arg[0].name, "-s");
    assert_string_equal(s.arg[0].value, "0.9");
    assert_null(s.arg[1].value);
    assert_int_equal(s.n_inputs, 1);
    assert_string_equal(s.input[0].option, "");
    assert_string_equal(s.input[0].kind, "model");
    assert_string_equal(s.input[0].digest, DIGEST);
    assert_int_equal(s.n_notes, 0);
    assert_string_equal(s.out, DIGEST);
    provenance_release(&s);
}

static void a_part_of_a_tool_is_a_second_word(void **state)
{
    struct provenance_step s = {0};

    (void)state;
    assert_int_equal(provenance_parse(&s, LINE("mask and", "[]", "[]")), 0);
    assert_string_equal(s.tool, "mask and");
    provenance_release(&s);
}

/* Steps in common stay where they are, others follow in their order. */
static void parents_are_merged_without_doubles(void **state)
{
    static const char *const ours[] = {"a", "b", "d"};
    static const char *const theirs[] = {"a", "z", "b", "c"};
    static const char *const want[] = {"a", "b", "d", "z", "c"};
    struct pare_model m = {0}, other = {0};

    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pare_model_add_step(&m, ours[i]), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pare_model_add_step(&other, theirs[i]), 0);
    for (int twice = 0; twice < 2; twice++) {
        assert_int_equal(provenance_merge(&m, &other), 0);
        assert_int_equal(m.n_steps, 5);
        for (size_t i = 0; i < 5; i++)
            assert_string_equal(m.step[i], want[i]);
    }
    pare_model_release(&m);
    assert_int_equal(provenance_merge(&m, &other), 0);
    assert_int_equal(m.n_steps, 4);
    pare_model_release(&m);
    pare_model_release(&other);
}

static void hostile_lines_are_refused(void **state)
{
    static const char *const line[] = {
        "",
        "[]",
        "{}",
        LINE("../rm", "[]", "[]"),
        LINE("", "[]", "[]"),
        LINE("mask ", "[]", "[]"),
        LINE("mask -o", "[]", "[]"),
        LINE("mask 1", "[]", "[]"),
        LINE("mask and or", "[]", "[]"),
        LINE(" and", "[]", "[]"),
        LINE("mask /and", "[]", "[]"),
        LINE("prune", "[[\"rm -rf\"]]", "[]"),
        LINE("prune", "[[]]", "[]"),
        LINE("prune", "[[\"-a\",\"b\",\"c\"]]", "[]"),
        LINE("prune", "[[\"-a\",\"b\\nrm\"]]", "[]"),
        LINE("prune", "[[\"-a\",\"b\\u0000c\"]]", "[]"),
        LINE("prune", "[[\"-a\",1]]", "[]"),
        LINE("prune", "{}", "[]"),
        LINE("prune", "[]", "[{\"option\":\"\",\"kind\":\"model\"}]"),
        LINE("prune", "[]",
             "[{\"option\":\"\",\"kind\":\"shell\","
             "\"digest\":\"" DIGEST "\"}]"),
        LINE("prune", "[]",
             "[{\"option\":\"x\",\"kind\":\"data\","
             "\"digest\":\"" DIGEST "\"}]"),
        ("{\"tool\":\"prune\",\"version\":\"1\",\"args\":[],\"in\":[],"
         "\"notes\":{},\"out\":\"0123\"}"),
    };
    struct provenance_step s = {0};

    (void)state;
    for (size_t i = 0; i < sizeof line / sizeof *line; i++) {
        assert_int_equal(provenance_parse(&s, line[i]), PARE_EFORMAT);
        assert_null(s.tool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_built_step_is_parsed_back),
        cmocka_unit_test(a_text_that_is_not_utf8_is_an_error),
        cmocka_unit_test(a_step_is_parsed),
        cmocka_unit_test(a_part_of_a_tool_is_a_second_word),
        cmocka_unit_test(parents_are_merged_without_doubles),
        cmocka_unit_test(hostile_lines_are_refused),
    };
    return run_group(tests);
}
