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

static void hostile_lines_are_refused(void **state)
{
    static const char *const line[] = {
        "",
        "[]",
        "{}",
        LINE("../rm", "[]", "[]"),
        LINE("", "[]", "[]"),
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
        cmocka_unit_test(hostile_lines_are_refused),
    };
    return run_group(tests);
}
