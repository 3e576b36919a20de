#include "unit.h"

#include "digest.h"
#include "levels.h"
#include "model_copy.h"
#include "ref/tied_ref.h"
#include "stop_at.h"
#include "tied.h"
#include "train_case.h"

enum cut { NONE, SOME, MOST }; /* MOST is trained compact */

/* The levels of tied_ref.py for every weight matrix. */
static void quantise(struct setup *s, enum cut cut)
{
    for (size_t t = 0; t < s->m.n_tensors; t++) {
        struct pare_tensor *w = &s->m.tensor[t];

        if (w->rank != 2)
            continue;
        for (size_t i = 0; i < w->n; i++)
            w->value[i] = (float)floor(8 * (double)w->value[i] + .3) / 8;
        if (cut != NONE)
            assert_int_equal(pare_tensor_need_mask(w), 0);
        for (size_t i = 0; cut != NONE && i < w->n; i++)
            w->mask[i] = cut == SOME ? i % 4 != 1 : i % 16 == 0;
        pare_model_apply_masks(&s->m);
        assert_int_equal(pare_levels_rebuild(w), 0);
    }
}

static void set_up_tied(struct setup *s, enum cut cut)
{
    set_up(s);
    quantise(s, cut);
}

static void optimizer(struct setup *s, const char *spec)
{
    assert_int_equal(pare_optimizer_parse(&s->o.optimizer, spec), 0);
}

/* Every promise is kept, and slots are shared like values. */
static void assert_tied(const struct pare_model *m)
{
    for (size_t t = 0; t < m->n_tensors; t++) {
        const struct pare_tensor *w = &m->tensor[t];
        uint32_t *code = malloc((w->n + 1) * sizeof *code);
        size_t *first = calloc(w->quant.n_book + 1, sizeof *first);

        assert_true(code && first);
        assert_int_equal(w->quant.kind == PARE_QUANT_CODEBOOK, w->rank == 2);
        if (w->quant.kind == PARE_QUANT_CODEBOOK) {
            if (pare_levels_codes(code, w) != 0)
                fail_msg("%s", pare_error());
            for (size_t i = w->n; i-- > 0;)
                if (code[i] != PARE_NO_CODE)
                    first[code[i]] = i;
            for (int k = 0; k < m->optim.n_slots; k++)
                for (size_t i = 0; i < w->n; i++)
                    if (code[i] != PARE_NO_CODE)
                        assert_memory_equal(
                            &m->optim.slot[k][t][i],
                            &m->optim.slot[k][t][first[code[i]]],
                            sizeof(float));
        }
        free(code);
        free(first);
    }
}

static void same_state(const struct setup *a, const struct setup *b)
{
    char x[PARE_DIGEST_LEN], y[PARE_DIGEST_LEN];

    assert_int_equal(pare_digest_state(x, &a->m), 0);
    assert_int_equal(pare_digest_state(y, &b->m), 0);
    assert_string_equal(x, y);
}

static void two_steps_are_those_of_pytorch(void **state)
{
    static const struct {
        const double *level;
        size_t n;
    } ref[] = {
        {tied_ref_0, sizeof tied_ref_0 / sizeof *tied_ref_0},
        {tied_ref_1, sizeof tied_ref_1 / sizeof *tied_ref_1},
        {tied_ref_2, sizeof tied_ref_2 / sizeof *tied_ref_2},
    };
    struct setup s;
    double sum = 0;
    size_t k = 0;

    (void)state;
    set_up_tied(&s, SOME);
    assert_int_equal(pare_schedule_parse(&s.o.schedule, "constant"), 0);
    s.o.end_step = 2;
    train(&s, NULL, 0);
    for (size_t t = 0; t < s.m.n_tensors; t++) {
        const struct pare_quant *q = &s.m.tensor[t].quant;

        if (s.m.tensor[t].rank != 2)
            continue;
        assert_int_equal(q->n_book, ref[k].n);
        for (size_t i = 0; i < q->n_book; i++)
            assert_close(q->book[i], ref[k].level[i], 2e-6);
        k++;
    }
    assert_int_equal(k, 3);
    for (size_t i = 0; i < s.m.tensor[1].n; i++)
        sum += (double)s.m.tensor[1].value[i];
    assert_close(sum, tied_ref_bias, 1e-5);
    pare_model_release(&s.m);
}

static void weights_stay_tied_with_every_optimizer(void **state)
{
    (void)state;
    for (size_t i = 0; pare_optimizer(i); i++)
        for (enum cut cut = NONE; cut <= MOST; cut++) {
            struct setup s;
            size_t moved = 0;
            float was;

            set_up_tied(&s, cut);
            optimizer(&s, pare_optimizer(i)->name);
            was = s.m.tensor[0].quant.book[0];
            train(&s, NULL, 0);
            assert_tied(&s.m);
            moved += s.m.tensor[0].quant.book[0] != was;
            assert_int_equal(moved, 1);
            pare_model_release(&s.m);
        }
}

static void threads_do_not_change_the_bits(void **state)
{
    struct setup one, two;

    (void)state;
    set_up_tied(&one, SOME);
    set_up_tied(&two, SOME);
    two.o.threads = 2;
    train(&one, NULL, 0);
    train(&two, NULL, 0);
    same_state(&one, &two);
    pare_model_release(&one.m);
    pare_model_release(&two.m);
}

/* Go on with a copy whose books are as a file has them. */
static void stopped_and_resumed_is_uninterrupted(void **state)
{
    struct setup whole, parts;
    uint64_t stop;
    const struct pare_train_hooks hooks = {.arg = &stop, .on_step = stop_at};

    (void)state;
    set_up_tied(&whole, SOME);
    optimizer(&whole, "adam");
    train(&whole, NULL, 0);
    for (stop = 1; stop < STEPS; stop += 3) {
        struct pare_model copy = {0};

        set_up_tied(&parts, SOME);
        optimizer(&parts, "adam");
        train(&parts, &hooks, PARE_ESTOPPED);
        assert_tied(&parts.m);
        assert_int_equal(pare_model_copy(&copy, &parts.m), 0);
        pare_model_release(&parts.m);
        parts.m = copy;
        train(&parts, NULL, 0);
        same_state(&parts, &whole);
        pare_model_release(&parts.m);
    }
    pare_model_release(&whole.m);
}

/* Signs alone count, and the step is as large as the gap: levels meet. */
static void levels_that_meet_are_one(void **state)
{
    struct setup whole, parts;
    uint64_t stop;
    const struct pare_train_hooks hooks = {.arg = &stop, .on_step = stop_at};
    size_t before, after;

    (void)state;
    for (stop = 1; stop < 8; stop++) {
        set_up_tied(&whole, SOME);
        before = whole.m.tensor[0].quant.n_book;
        set_up_tied(&parts, SOME);
        for (int i = 0; i < 2; i++) {
            struct setup *s = i ? &parts : &whole;

            optimizer(s, "sgd,momentum=.9");
            assert_int_equal(pare_schedule_parse(&s->o.schedule, "constant"),
                             0);
            s->o.lr = 1e-9; /* nothing moves but what is moved here */
            s->o.weight_decay = 1e9;
            s->o.end_step = 8;
        }
        train(&whole, NULL, 0); /* all levels go to 0 */
        after = whole.m.tensor[0].quant.n_book;
        assert_true(after < before);
        assert_tied(&whole.m);
        train(&parts, &hooks, PARE_ESTOPPED);
        assert_tied(&parts.m);
        train(&parts, NULL, 0);
        same_state(&parts, &whole);
        pare_model_release(&parts.m);
        pare_model_release(&whole.m);
    }
}

static void slots_of_their_own_are_forgotten(void **state)
{
    struct setup a, b;

    (void)state;
    set_up(&a);
    a.o.end_step = 3;
    train(&a, NULL, 0); /* slots of each weight */
    quantise(&a, SOME);
    memset(&b, 0, sizeof b);
    b = a;
    memset(&b.m, 0, sizeof b.m);
    assert_int_equal(pare_model_copy(&b.m, &a.m), 0);
    for (size_t t = 0; t < b.m.n_tensors; t++)
        if (b.m.tensor[t].rank == 2)
            memset(b.m.optim.slot[0][t], 0, b.m.tensor[t].n * sizeof(float));
    a.o.end_step = b.o.end_step = 6;
    b.d.split[PARE_TRAIN].x = b.x;
    train(&a, NULL, 0);
    train(&b, NULL, 0);
    assert_tied(&a.m);
    same_state(&a, &b);
    pare_model_release(&a.m);
    pare_model_release(&b.m);
}

static void the_best_epoch_has_its_book(void **state)
{
    struct setup s;

    (void)state;
    set_up_tied(&s, SOME);
    s.o.select = PARE_SELECT_LOSS;
    train(&s, NULL, 0);
    assert_tied(&s.m);
    pare_model_release(&s.m);
}

static void int8_and_16_bits_become_float32(void **state)
{
    struct setup s;

    (void)state;
    set_up(&s);
    s.m.tensor[0].dtype = PARE_BF16;
    pare_dtype_round(s.m.tensor[0].value, s.m.tensor[0].n, PARE_BF16);
    quantise(&s, NONE);
    s.m.tensor[2].quant.kind = PARE_QUANT_INT8;
    assert_int_equal(pare_model_untied(&s.m), 2);
    assert_true(pare_model_tied(&s.m));
    train(&s, NULL, 0);
    assert_int_equal(s.m.tensor[0].dtype, PARE_F32);
    assert_int_equal(s.m.tensor[0].quant.kind, PARE_QUANT_CODEBOOK);
    assert_int_equal(s.m.tensor[2].quant.kind, PARE_QUANT_NONE);
    assert_int_equal(pare_model_untied(&s.m), 0);
    pare_model_release(&s.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_steps_are_those_of_pytorch),
        cmocka_unit_test(weights_stay_tied_with_every_optimizer),
        cmocka_unit_test(threads_do_not_change_the_bits),
        cmocka_unit_test(stopped_and_resumed_is_uninterrupted),
        cmocka_unit_test(levels_that_meet_are_one),
        cmocka_unit_test(slots_of_their_own_are_forgotten),
        cmocka_unit_test(the_best_epoch_has_its_book),
        cmocka_unit_test(int8_and_16_bits_become_float32),
    };

    return run_group(tests);
}
