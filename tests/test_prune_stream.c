/* Pruning of models that come tensor by tensor: how often they come. */
#include "unit.h"

#include "prune.h"
#include "small_model.h"
#include "status.h"

/* A model in memory, and how often its tensors were asked for. */
struct shelf {
    struct pare_model whole;
    size_t values, masks;
};

static int hand_out(struct shelf *s, const struct pare_model *m, size_t tensor,
                    bool values)
{
    const struct pare_tensor *from = &s->whole.tensor[tensor];
    struct pare_tensor *to = &m->tensor[tensor];

    if (values) {
        to->value = malloc(from->n * sizeof *to->value);
        assert_non_null(to->value);
        memcpy(to->value, from->value, from->n * sizeof *to->value);
    }
    if (from->mask) {
        to->mask = malloc(from->n);
        assert_non_null(to->mask);
        memcpy(to->mask, from->mask, from->n);
    }
    return 0;
}

static int load(void *arg, const struct pare_model *m, size_t tensor)
{
    struct shelf *s = arg;

    s->values++;
    return hand_out(s, m, tensor, true);
}

static int load_mask(void *arg, const struct pare_model *m, size_t tensor)
{
    struct shelf *s = arg;

    s->masks++;
    return hand_out(s, m, tensor, false);
}

static struct pare_model streamed(struct shelf *s)
{
    struct pare_model m = small_model("40-30-20-10", 1);
    struct pare_loader loader = {.load = load, .mask = load_mask, .arg = s};

    for (size_t t = 0; t < m.n_tensors; t++) {
        free(m.tensor[t].value);
        free(m.tensor[t].mask);
        m.tensor[t].value = NULL;
        m.tensor[t].mask = NULL;
    }
    assert_int_equal(pare_model_set_loader(&m, &loader), 0);
    return m;
}

/* Prune both; values: what of the tensors may be loaded to choose. */
static void check(const char *criterion, bool pruned_before, size_t values)
{
    struct shelf s = {.whole = small_model("40-30-20-10", 1)};
    char want[PARE_DIGEST_LEN], got[PARE_DIGEST_LEN];
    struct pare_prune_options o;
    struct pare_prune_report r;
    struct pare_model m;

    pare_prune_defaults(&o);
    assert_int_equal(pare_criterion_parse(&o.criterion, criterion), 0);
    o.kind = PARE_AMOUNT_SPARSITY;
    o.amount = 0.3;
    if (pruned_before) {
        assert_int_equal(pare_prune(&r, &s.whole, &o), 0);
        pare_prune_report_release(&r);
        o.amount = 0.8;
    }
    m = streamed(&s);
    /* As a reader does, which checks the digest. */
    assert_int_equal(pare_digest_state(want, &s.whole), 0);
    assert_int_equal(pare_digest_state(got, &m), 0);
    assert_string_equal(got, want);
    s.values = s.masks = 0;
    if (pare_prune(&r, &m, &o))
        fail_msg("pare_prune: %s", pare_error());
    pare_prune_report_release(&r);
    assert_int_equal(s.values, values);
    /* The digest needs all values once, and then the masks: those of layers
       of 1,000 weights and more are kept, others are cut again. */
    s.values = 0;
    assert_int_equal(pare_digest_state(got, &m), 0);
    assert_int_equal(s.values, 6 + (strcmp(criterion, "random") ? 2 : 0));
    s.values = 0;
    assert_int_equal(pare_prune(&r, &s.whole, &o), 0);
    pare_prune_report_release(&r);
    assert_int_equal(pare_digest_state(want, &s.whole), 0);
    assert_string_equal(got, want);
    pare_model_release(&m);
    pare_model_release(&s.whole);
}

static void two_passes_choose_and_one_digests(void **state)
{
    (void)state;
    check("magnitude", false, 2 * 3);
    check("magnitude", true, 2 * 3);
}

static void draws_need_no_values(void **state)
{
    (void)state;
    check("random", false, 0);
    check("random", true, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_passes_choose_and_one_digests),
        cmocka_unit_test(draws_need_no_values),
    };

    return run_group(tests);
}
