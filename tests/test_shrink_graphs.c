#include "unit.h"

#include "graph_draft.h"
#include "rewind.h"
#include "shrink.h"
#include "shrink_fixture.h"
#include "status.h"

enum { GRAPHS = 1500 };

/* Take away some units and some inputs, and with `norms` zero some scales of
   batch norms, and what is taken away is not always masked. */
static void cripple(struct pare_model *m, bool norms)
{
    size_t rows = 2 + roll(3), cols = 2 + roll(4);

    for (size_t t = 0; t < m->n_tensors; t++) {
        struct pare_tensor *x = &m->tensor[t];
        size_t in = x->rank > 1 ? x->dim[1] : 1, taps = x->n / x->dim[0] / in;
        bool masked = roll(2) || !norms;

        if (norms && x->role == PARE_ROLE_SCALE && strstr(x->name, ".scale"))
            for (size_t i = 0; i < x->n; i++)
                x->value[i] *= roll(6) > 0;
        if (x->role == PARE_ROLE_BIAS)
            for (size_t i = 0; i < x->n; i++)
                x->value[i] *= roll(3) > 0;
        if (x->role != PARE_ROLE_WEIGHT)
            continue;
        if (masked)
            assert_int_equal(pare_tensor_need_mask(x), 0);
        for (size_t c = 0; c < in; c++) {
            bool dead = roll(cols) == 0;

            for (size_t i = 0; i < x->n; i++)
                if (i / taps % in == c && dead)
                    x->value[i] = 0;
        }
        for (size_t o = 0; o < x->dim[0]; o++)
            if (roll(rows) == 0)
                memset(x->value + o * in * taps, 0, in * taps * sizeof(float));
        for (size_t i = 0; masked && i < x->n; i++)
            x->mask[i] = x->value[i] != 0;
    }
    pare_model_apply_masks(m);
}

/* What came of many shrinkings. */
struct tally {
    size_t shrunk, rewound, units, gone, folded, stood, bias;
    double worst;
};

static void add_report(struct tally *all, const struct pare_shrink_report *r)
{
    all->shrunk++;
    all->units += r->before;
    all->gone += r->before - r->after;
    all->folded += r->folded;
    all->stood += r->stood_in;
    for (size_t i = 0; i < r->n_rows; i++)
        all->bias += r->row[i].new_bias;
}

static void raise_worst(struct tally *all, double difference)
{
    all->worst = fmax(all->worst, difference);
}

/* Another state of the network under the same masks, as a checkpoint, and
   momentum for the one that is there. */
static void add_checkpoint(struct pare_model *m)
{
    for (size_t t = 0; t < m->n_tensors; t++)
        draft_values(&m->tensor[t]);
    pare_model_apply_masks(m);
    assert_int_equal(pare_model_save_checkpoint(m, "epoch:1", false), 0);
    for (size_t t = 0; t < m->n_tensors; t++)
        draft_values(&m->tensor[t]);
    assert_int_equal(pare_optstate_alloc(&m->optim, m, 1), 0);
    for (size_t t = 0; t < m->n_tensors; t++)
        if (m->optim.slot[0][t])
            roll_floats(m->optim.slot[0][t], m->tensor[t].n, -1, 1);
    pare_model_apply_masks(m);
}

static void check_rewound(struct tally *all, struct pare_model *m,
                          struct pare_model *small)
{
    struct pare_rewind_options o = {.to = "epoch:1"};

    assert_int_equal(pare_rewind(m, &o), 0);
    assert_int_equal(pare_rewind(small, &o), 0);
    raise_worst(all, assert_same_outputs(m, small, "rewound"));
    all->rewound++;
}

/* Shrink a network of random values that lost units: what it computes is
   the same, and there is nothing more to remove. */
static void check_graph(struct tally *all, const char *text, bool norms)
{
    static const size_t rounds[] = {0, 0, 2, 3, 8};
    struct pare_model m = {0}, small = {0}, again = {0};
    struct pare_shrink_options o = {rounds[roll(5)]};
    struct pare_shrink_report r, rest;
    struct pare_arch arch;

    if (pare_arch_parse(&arch, text) || pare_model_init(&m, &arch))
        fail_msg("%s: %s", text, pare_error());
    for (size_t t = 0; t < m.n_tensors; t++)
        draft_values(&m.tensor[t]);
    cripple(&m, norms);
    if (!norms)
        add_checkpoint(&m);
    if (pare_shrink(&small, &r, &m, &o))
        fail_msg("%s: %s", text, pare_error());
    for (size_t i = 0; o.round && i < r.n_rows; i++)
        assert_true(r.row[i].after % o.round == 0 ||
                    r.row[i].after == r.row[i].before);
    if (r.removed) {
        add_report(all, &r);
        raise_worst(all, assert_same_outputs(&m, &small, "shrunk"));
        assert_int_equal(pare_shrink(&again, &rest, &small, &o), 0);
        if (rest.removed)
            fail_msg("%s became %s, then %s", text, small.arch.text,
                     again.arch.text);
        pare_shrink_report_release(&rest);
        if (!norms && !r.inexact)
            check_rewound(all, &m, &small);
    }
    pare_shrink_report_release(&r);
    pare_model_release(&m);
    pare_model_release(&small);
    pare_model_release(&again);
}

static void random_graphs_compute_the_same(void **state)
{
    struct tally all = {0};

    (void)state;
    for (uint64_t seed = 0; seed < GRAPHS; seed++) {
        struct draft draft;

        draft_graph(&draft, seed + 5000);
        check_graph(&all, draft.text, seed % 2);
    }
    assert_true(all.shrunk > GRAPHS / 2 && all.gone > all.units / 8);
    assert_true(all.folded > 500 && all.bias > 20);
    assert_true(all.worst > 0 && all.worst < 5e-6 && all.rewound > 100);
}

/* A block of a tower: maybe a norm, an activation, a convolution that may
   have a pad, groups or no bias, and maybe a sum. */
static void add_block(char *text, size_t i)
{
    static const char *const after[] = {"relu", "sigmoid", "srelu", "gelu"};
    static const size_t groups[] = {1, 1, 2, 6};
    const char *norm = roll(2) ? "batchnorm2d" : "identity";
    const char *activation = after[roll(4)];
    const char *window = roll(4) ? "3,pad=1" : "1";
    size_t many = groups[roll(4)], of = roll(2) && i > 1 ? i - 1 : i;
    const char *bias = roll(2) ? "no" : "yes";
    size_t used = strlen(text);

    used += (size_t)sprintf(text + used,
                            " %s b%zu=%s a%zu=conv2d(6,%s,groups=%zu,bias=%s)",
                            norm, i, activation, i, window, many, bias);
    if (roll(3) == 0)
        sprintf(text + used, " add(a%zu,%s%zu)", i, roll(2) ? "b" : "a", of);
}

static void random_towers_compute_the_same(void **state)
{
    struct tally all = {0};

    (void)state;
    for (uint64_t seed = 0; seed < GRAPHS / 3; seed++) {
        char text[4096] = "in(3,5,5) a0=conv2d(6,3,pad=1)";
        struct draft unused;
        size_t blocks;

        draft_graph(&unused, seed); /* for its seed */
        blocks = 2 + roll(4);
        for (size_t i = 1; i <= blocks; i++)
            add_block(text, i);
        strcat(text, roll(2) ? " flatten linear(8,bias=no)"
                             : " globalavgpool linear(8)");
        check_graph(&all, strcat(text, " tanh linear(3,bias=no)"), seed % 2);
    }
    assert_true(all.shrunk > GRAPHS / 4 && all.gone > all.units / 8);
    assert_true(all.folded > 500 && all.stood > 50 && all.bias > 50);
    assert_true(all.worst > 0 && all.worst < 5e-6 && all.rewound > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_graphs_compute_the_same),
        cmocka_unit_test(random_towers_compute_the_same),
    };

    return run_group(tests);
}
