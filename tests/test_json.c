#include "unit.h"

#include "json.h"
#include "status.h"

static void check(struct pare_json *j, const char *want)
{
    char *text = pare_json_finish(j);

    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
}

static void values_keep_their_order(void **state)
{
    struct pare_json *j = pare_json_new();

    (void)state;
    pare_json_object(j, NULL);
    pare_json_text(j, "z", "a\"b\n");
    pare_json_array(j, "list");
    pare_json_int(j, NULL, -3);
    pare_json_real(j, NULL, 0.1);
    pare_json_object(j, NULL);
    pare_json_end(j);
    pare_json_end(j);
    pare_json_bool(j, "a", true);
    pare_json_end(j);
    check(j, "{\"z\":\"a\\\"b\\n\",\"list\":[-3,0.1,{}],\"a\":true}");
}

static void what_json_cannot_say_becomes_null(void **state)
{
    struct pare_json *j = pare_json_new();

    (void)state;
    pare_json_array(j, NULL);
    pare_json_real(j, NULL, (double)NAN);
    pare_json_real(j, NULL, (double)-INFINITY);
    pare_json_text(j, NULL, NULL);
    check(j, "[null,null,null]");
}

static void bytes_that_are_not_utf8_become_question_marks(void **state)
{
    struct pare_json *j = pare_json_new();

    (void)state;
    pare_json_array(j, NULL);
    pare_json_text(j, NULL, "caf\xc3\xa9 \xe9! \xc0\xaf \xed\xa0\x80 \xf0");
    check(j, "[\"caf\xc3\xa9 ?! ?\x3f ??\x3f ?\"]");
}

static void a_value_without_a_place_is_a_failure(void **state)
{
    struct pare_json *j = pare_json_new();

    (void)state;
    pare_json_object(j, NULL);
    pare_json_int(j, NULL, 1);
    pare_json_int(j, "fine", 1);
    assert_null(pare_json_finish(j));
    assert_true(strlen(pare_error()) > 0);
    assert_null(pare_json_finish(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_keep_their_order),
        cmocka_unit_test(what_json_cannot_say_becomes_null),
        cmocka_unit_test(bytes_that_are_not_utf8_become_question_marks),
        cmocka_unit_test(a_value_without_a_place_is_a_failure),
    };

    return run_group(tests);
}
