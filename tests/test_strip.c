#include "extra_fixture.h"

#include "compact_fixture.h"
#include "model_file.h"
#include "strip.h"

static const char net[] = "in(60) linear(30) batchnorm relu linear(2)";

static uint64_t bits(const char *text)
{
    uint64_t b = 0;

    if (pare_strip_parse(&b, text) != 0)
        fail_msg("%s", pare_error());
    return b;
}

static void parts_are_named_once_and_in_any_order(void **state)
{
    uint64_t b = 77, all = 0;

    (void)state;
    for (const struct pare_strip_row *r = pare_strip_rows(); r->name; r++) {
        assert_true((all & bits(r->name)) == 0);
        all |= bits(r->name);
        if (r[1].name)
            assert_true(strcmp(r->name, r[1].name) < 0);
    }
    assert_true(bits("all") == all && bits("") == all);
    assert_true(bits("user,history") == (bits("history") | bits("user")));
    assert_int_equal(pare_strip_parse(&b, "hist"), PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "'hist'"));
    assert_int_equal(pare_strip_parse(&b, "user,user"), PARE_EINVAL);
    assert_int_equal(pare_strip_parse(&b, "user,"), PARE_EINVAL);
    assert_int_equal(pare_strip_parse(&b, "all,user"), PARE_EINVAL);
    assert_int_equal(b, 77);
}

static void nothing_is_found(void *arg, const char *line)
{
    (void)arg;
    fail_msg("%s", line);
}

static void rich(struct pare_model *m)
{
    fixture_extra(m, net);
    fixture_rewiring(m);
    memset(m->training.dialect, 0, sizeof m->training.dialect);
    memset(m->init.sparse, 0, sizeof m->init.sparse);
    m->training.epoch = 9;
}

/* Each part alone, and then all: weights stay, what is left is sound. */
static void a_stripped_model_is_sound(void **state)
{
    for (uint64_t i = 0; i < 11; i++) {
        struct pare_model m, back = {0};
        char before[PARE_DIGEST_LEN], after[PARE_DIGEST_LEN];

        (void)state;
        rich(&m);
        assert_int_equal(pare_digest_weights(before, &m), 0);
        pare_strip(&m, i < 10 ? UINT64_C(1) << i : bits("all"));
        assert_int_equal(pare_digest_weights(after, &m), 0);
        assert_string_equal(before, after);
        assert_int_equal(pare_model_check(&m, nothing_is_found, NULL), 0);
        assert_string_equal(m.training.loss, "cross-entropy");
        assert_int_equal(m.n_classes, 2);
        assert_int_equal(
            pare_model_write_packed("test_strip.h5", &m, 1, 1, NULL), 0);
        assert_int_equal(pare_model_read(&back, NULL, "test_strip.h5"), 0);
        assert_same_model(&m, &back);
        remove("test_strip.h5");
        pare_model_release(&m);
        pare_model_release(&back);
    }
}

static void parts_are_gone(void **state)
{
    struct pare_model m;

    (void)state;
    rich(&m);
    assert_true(m.n_checkpoints > 3 && pare_model_checkpoint(&m, "init"));
    pare_strip(&m, bits("init"));
    assert_true(m.n_checkpoints && !pare_model_checkpoint(&m, "init"));
    assert_int_equal(m.init.spec[0], 0);
    pare_strip(&m, bits("checkpoints"));
    assert_int_equal(m.n_checkpoints, 0);
    assert_true(m.n_history && m.n_steps && m.n_scores && m.n_curves);
    pare_strip(&m, bits("history,provenance,scores,curves"));
    assert_false(m.n_history || m.n_steps || m.n_scores || m.n_curves);
    assert_true(m.optim.n_slots == 2 && pare_model_rewired(&m));
    pare_strip(&m, bits("training"));
    assert_true(!m.optim.n_slots && !pare_model_rewired(&m));
    assert_int_equal(m.training.epoch, 0);
    pare_model_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_named_once_and_in_any_order),
        cmocka_unit_test(a_stripped_model_is_sound),
        cmocka_unit_test(parts_are_gone),
    };

    return run_group(tests);
}
