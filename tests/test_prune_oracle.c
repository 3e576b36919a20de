/*
 * Random networks pruned with random options, against a slow twin that goes
 * by the definitions of pare-prune(1) and pare-methods(7): it lists all
 * grains, sorts them, and takes one after the other.
 */
#include "unit.h"

#include "graph_draft.h"
#include "model_copy.h"
#include "prune.h"
#include "prune_oracle.h"
#include "small_model.h"
#include "status.h"

enum { CASES = 2500, GLOBS = 4 };

/* The options of a case and what they point to. */
struct roll_of {
    struct pare_prune_options o;
    struct pare_layer_amount own[GLOBS], min[GLOBS], max[GLOBS];
    const char *skip[GLOBS], *only[GLOBS];
    float **given;
};

/* Values of which many are equal, some are 0, and some are pruned. */
static void fill(struct pare_model *m)
{
    size_t step = roll(2) ? 4 : 64, dead = 2 + roll(6);

    for (size_t t = 0; t < m->n_tensors; t++) {
        struct pare_tensor *x = &m->tensor[t];

        for (size_t i = 0; i < x->n; i++)
            x->value[i] = ((float)roll(2 * step) - (float)step) / 16;
        if (x->role > PARE_ROLE_BIAS || roll(3))
            continue;
        assert_int_equal(pare_tensor_need_mask(x), 0);
        for (size_t i = 0; i < x->n; i++)
            x->mask[i] = roll(dead) > 0;
        if (roll(6) == 0)
            memset(x->mask, 0, x->n);
    }
    pare_model_apply_masks(m);
}

static float **random_scores(const struct pare_model *m)
{
    float **score = calloc(m->n_tensors + 1, sizeof *score);

    assert_non_null(score);
    for (size_t t = 0; t < m->n_tensors; t++) {
        score[t] = malloc(m->tensor[t].n * sizeof(float));
        assert_non_null(score[t]);
        for (size_t i = 0; i < m->tensor[t].n; i++)
            score[t][i] = (float)roll(40) / 8 - 2;
    }
    return score;
}

/* The name of some layer, or what matches all. */
static const char *some_glob(const struct pare_model *m)
{
    size_t first = roll(m->n_tensors + 1);

    for (size_t t = first; t < m->n_tensors; t++)
        if (pare_tensor_prunable(&m->tensor[t]))
            return m->arch.layer[m->tensor[t].layer].name;
    return "*";
}

static double some_share(void)
{
    static const double share[] = {0, 0.1, 0.25, 0.5, 0.5, 0.75, 0.9, 1};
    double x = (double)roll(1000) / 1000;

    return roll(2) ? share[roll(8)] : x;
}

static double some_amount(enum pare_amount_kind kind)
{
    switch (kind) {
    case PARE_AMOUNT_COMPRESSION:
        return 1 + (double)roll(roll(2) ? 12 : 60) / 8;
    case PARE_AMOUNT_COUNT:
        return (double)roll(roll(2) ? 6 : 60);
    default:
        return some_share();
    }
}

static size_t some_amounts(struct pare_layer_amount *to, size_t one_in,
                           const struct pare_model *m,
                           enum pare_amount_kind kind)
{
    size_t n = roll(one_in) ? 0 : 1 + roll(GLOBS);

    for (size_t i = 0; i < n; i++)
        to[i] = (struct pare_layer_amount){some_glob(m), some_amount(kind)};
    return n;
}

static size_t some_globs(const char **to, const struct pare_model *m)
{
    size_t n = roll(8) ? 0 : 1 + roll(GLOBS);

    for (size_t i = 0; i < n; i++)
        to[i] = some_glob(m);
    return n;
}

static void roll_methods(struct pare_prune_options *o)
{
    static const char *const criterion[] = {"magnitude",
                                            "magnitude,largest",
                                            "magnitude,inverse",
                                            "random",
                                            "file",
                                            "file,largest",
                                            "file,rounds=4",
                                            "file,rounds=3,spacing=linear",
                                            "file,rounds=2,largest"};
    static const char *const grain[] = {
        "weight", "weight",  "weight",    "weight",    "unit",
        "unit",   "channel", "block:2x1", "block:1x3", "block:3x2",
        "2:4",    "1:3",     "5:200"};
    static const char *const allocation[] = {
        "global", "global", "global", "layer", "lamp", "er", "erk", "uniform+"};

    assert_int_equal(pare_criterion_parse(&o->criterion, criterion[roll(9)]),
                     0);
    assert_int_equal(pare_grain_parse(&o->grain, grain[roll(13)]), 0);
    o->norm = (enum pare_unit_norm)roll(4);
    o->allocation = pare_allocation_find(allocation[roll(8)]);
    /* The twin divides single weights only. */
    if (!o->grain.kind->single && o->allocation->density)
        o->allocation = pare_allocation_find("layer");
    /* Nor does it score anew, as lamp would in each round. */
    if ((o->grain.kind->group && roll(10)) ||
        (o->allocation->lamp && o->criterion.rounds > 1))
        o->allocation = pare_allocation_find("global");
}

static void roll_options(struct roll_of *r, const struct pare_model *m)
{
    struct pare_prune_options *o = &r->o;
    bool group;

    memset(r, 0, sizeof *r);
    pare_prune_defaults(o);
    roll_methods(o);
    group = o->grain.kind->group && roll(10);
    o->kind = (enum pare_amount_kind)roll(4);
    if (!group && roll(8))
        o->amount = some_amount(o->kind);
    if (!group) {
        o->n_layer = some_amounts(r->own, 4, m, o->kind);
        /* With rounds, what must go is seen to in the last one. */
        if (o->criterion.rounds == 1)
            o->n_min = some_amounts(r->min, 5, m, PARE_AMOUNT_SPARSITY);
        o->n_max = some_amounts(r->max, 4, m, PARE_AMOUNT_SPARSITY);
        o->floor = roll(4) ? 0 : roll(6);
        o->bias = roll(4) == 0;
    }
    o->layer = r->own;
    o->min = r->min;
    o->max = r->max;
    o->n_skip = some_globs(r->skip, m);
    o->n_only = some_globs(r->only, m);
    o->skip = r->skip;
    o->only = r->only;
    o->partial = roll(5) > 0;
    o->no_collapse = roll(6) == 0 && !o->allocation->density;
    o->input.seed = roll(100);
    r->given = random_scores(m);
    o->input.given = (const float *const *)r->given;
}

static void print_amounts(const char *name, const struct pare_layer_amount *a,
                          size_t n)
{
    for (size_t i = 0; i < n; i++)
        print_error(" %s %s=%g", name, a[i].glob, a[i].amount);
}

static void print_case(const struct draft *d, const struct roll_of *r)
{
    const struct pare_prune_options *o = &r->o;

    print_error("seed %llu: %s\n -m %s -g %s --norm %s -A %s, %s of %g",
                (unsigned long long)d->seed, d->text, o->criterion.canon,
                o->grain.canon, pare_norm_name(o->norm), o->allocation->name,
                pare_amount_name(o->kind), o->amount);
    print_amounts("--layer", o->layer, o->n_layer);
    print_amounts("--min-sparsity", o->min, o->n_min);
    print_amounts("--max-sparsity", o->max, o->n_max);
    for (size_t i = 0; i < o->n_skip; i++)
        print_error(" --skip %s", o->skip[i]);
    for (size_t i = 0; i < o->n_only; i++)
        print_error(" --only %s", o->only[i]);
    print_error(" --floor %llu%s%s%s\n", (unsigned long long)o->floor,
                o->bias ? " --bias" : "", o->partial ? " --partial" : "",
                o->no_collapse ? " --no-collapse" : "");
}

/* "" or what is not as the twin has it. */
static const char *compare(const struct pare_model *m,
                           const struct oracle *want,
                           const struct pare_prune_report *r)
{
    uint64_t kept = 0, total = 0;

    for (size_t t = 0; t < m->n_tensors; t++)
        for (size_t i = 0; i < m->tensor[t].n; i++)
            if (mask_at(&m->tensor[t], i) != want->mask[t][i])
                return "a mask is another";
    for (size_t i = 0; i < r->n_rows; i++) {
        const struct pare_tensor *t = &m->tensor[r->row[i].tensor];

        if (r->row[i].kept_after != pare_tensor_kept(t))
            return "a row of the report is wrong";
        kept += r->row[i].kept_after;
        total += t->n;
    }
    if (kept != r->kept_after || total != r->total)
        return "the sums of the report are wrong";
    if (want->grains_before != r->grains_before ||
        want->grains_removed != r->grains_removed)
        return "the grains of the report are wrong";
    return "";
}

/* What came of all cases. */
struct tally {
    size_t done, refused, changed;
};

static void run_case(struct tally *all, uint64_t seed, int threads)
{
    struct pare_prune_report report = {0};
    struct pare_model m = {0}, was = {0};
    struct oracle want;
    struct roll_of r;
    struct pare_arch arch;
    struct draft draft;
    char before[PARE_DIGEST_LEN], after[PARE_DIGEST_LEN];
    const char *fault = "";
    int rc;

    draft_graph(&draft, seed);
    if (pare_arch_parse(&arch, draft.text) || pare_model_init(&m, &arch))
        fail_msg("%s: %s", draft.text, pare_error());
    fill(&m);
    roll_options(&r, &m);
    r.o.input.threads = threads;
    assert_int_equal(pare_digest_state(before, &m), 0);
    assert_int_equal(pare_model_copy(&was, &m), 0);
    rc = pare_prune(&report, &m, &r.o);
    oracle_prune(&want, &was, &r.o, rc ? NULL : &report);
    assert_masked_is_zero(&m);
    assert_int_equal(pare_digest_state(after, &m), 0);
    if (rc && !want.error)
        fault = pare_error();
    else if (!rc && want.error)
        fault = want.error;
    else if (rc && strcmp(before, after) != 0)
        fault = "a failure left the model changed";
    else if (!rc)
        fault = compare(&m, &want, &report);
    if (*fault)
        print_case(&draft, &r);
    all->done += !rc;
    all->refused += rc != 0;
    all->changed += report.grains_removed > 0;
    for (size_t t = 0; t < m.n_tensors; t++)
        free(r.given[t]);
    free(r.given);
    oracle_release(&want);
    pare_prune_report_release(&report);
    pare_model_release(&m);
    pare_model_release(&was);
    if (*fault)
        fail_msg("%s", fault);
}

static void pruning_is_what_the_manual_says(void **state)
{
    struct tally all = {0};

    (void)state;
    for (uint64_t seed = 0; seed < CASES; seed++)
        run_case(&all, seed, 1 + (int)(seed % 3));
    print_message("%zu done, %zu of them changed; %zu refused\n", all.done,
                  all.changed, all.refused);
    assert_true(all.done > CASES / 3 && all.changed > CASES / 3);
    assert_true(all.refused > CASES / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pruning_is_what_the_manual_says),
    };

    return run_group(tests);
}
