#include "levels_fixture.h"

#include "text_twin.h"

static char *print(const struct pare_model *m)
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);

    assert_non_null(f);
    assert_int_equal(pare_text_print(f, m), 0);
    fclose(f);
    return text;
}

static int parse(struct pare_model *m, const char *text)
{
    FILE *f = tmpfile();
    int err;

    assert_non_null(f);
    fputs(text, f);
    rewind(f);
    err = pare_text_parse(m, f, "t");
    fclose(f);
    return err;
}

static void fill(float *v, size_t n, float from)
{
    for (size_t i = 0; i < n; i++)
        v[i] = (from + (float)i) / 3;
}

/** A model with something in every field. */
static void make_model(struct pare_model *m)
{
    struct pare_arch arch = {0};
    struct pare_history_row row = {1, 10, 0.1, 0.5, 0.75, 0.25, 0.5, 0.3};

    assert_int_equal(pare_arch_parse(&arch, "in(4) linear(3) batchnorm relu "
                                            "linear(2)"),
                     0);
    assert_int_equal(pare_model_init(m, &arch), 0);
    for (size_t t = 0; t < m->n_tensors; t++)
        fill(m->tensor[t].value, m->tensor[t].n, (float)t);
    m->norm.scale = 1.0f / 255;
    m->norm.n = 1;
    m->norm.mean = calloc(1, sizeof(float));
    m->norm.std = calloc(1, sizeof(float));
    m->norm.mean[0] = 0.1307f;
    m->norm.std[0] = 0.3081f;
    m->n_classes = 2;
    m->class_name = calloc(2, sizeof *m->class_name);
    m->class_name[0] = strdup("Ad\xc3\xa9lie 100%\n");
    m->class_name[1] = strdup("");
    strcpy(m->init.spec, "pytorch");
    m->init.seed = UINT64_MAX;
    memset(m->init.digest, 'a', 32);
    m->training = (struct pare_training){.epoch = 1,
                                         .epoch_step = 2,
                                         .step = 3,
                                         .sched_step = 4,
                                         .sched_total = 5,
                                         .seed = 6,
                                         .batch = 7,
                                         .steps_per_epoch = 8,
                                         .lr = 0.1,
                                         .weight_decay = 1e-4,
                                         .loss = "nll",
                                         .schedule = "step,at=30",
                                         .select = "last",
                                         .augment = "flip=0.5,crop=4",
                                         .sum_loss = 0.7,
                                         .sum_correct = 9,
                                         .sum_samples = 10};
    strcpy(m->optim.spec, "adam,lr=.1");
    m->optim.step = 9;
    assert_int_equal(pare_optstate_alloc(&m->optim, m, 2), 0);
    fill(m->optim.slot[1][0], m->tensor[0].n, -5);
    assert_int_equal(pare_model_save_checkpoint(m, "epoch:1", true), 0);
    assert_non_null(pare_model_add_checkpoint(m, "init"));
    assert_int_equal(pare_tensor_need_mask(&m->tensor[0]), 0);
    m->tensor[0].mask[1] = m->tensor[0].mask[11] = 0;
    pare_model_apply_masks(m);
    m->tensor[0].value[2] = -0.0f;
    m->tensor[0].value[3] = 0.0f;
    m->tensor[1].value[0] = 1e-42f;
    assert_int_equal(pare_model_add_history(m, &row), 0);
    row.val_loss = (double)NAN;
    row.train_loss = -(double)NAN;
    row.val_acc = HUGE_VAL;
    assert_int_equal(pare_model_add_history(m, &row), 0);
    assert_int_equal(pare_model_add_step(m, "{\"tool\":\"a \\\" 5 %\"}"), 0);
    m->user_size = 40;
    m->user = malloc(40);
    memset(m->user, 0xa5, 40);
}

static void what_is_printed_is_read_back_whole(void **state)
{
    struct pare_model a = {0}, b = {0};
    char da[PARE_DIGEST_LEN], db[PARE_DIGEST_LEN];
    char *ta, *tb;

    (void)state;
    make_model(&a);
    ta = print(&a);
    assert_int_equal(parse(&b, ta), 0);
    tb = print(&b);
    assert_string_equal(ta, tb);
    assert_int_equal(pare_digest_state(da, &a), 0);
    assert_int_equal(pare_digest_state(db, &b), 0);
    assert_string_equal(da, db);
    assert_string_equal(b.class_name[0], a.class_name[0]);
    assert_memory_equal(b.tensor[0].mask, a.tensor[0].mask, 12);
    for (size_t t = 0; t < a.n_tensors; t++)
        assert_memory_equal(b.tensor[t].value, a.tensor[t].value,
                            a.tensor[t].n * sizeof(float));
    assert_memory_equal(b.optim.slot[1][0], a.optim.slot[1][0],
                        12 * sizeof(float));
    assert_memory_equal(b.history, a.history, 2 * sizeof *a.history);
    assert_string_equal(b.step[0], a.step[0]);
    assert_int_equal(b.user_size, 40);
    assert_memory_equal(b.user, a.user, 40);
    free(ta);
    free(tb);
    pare_model_release(&a);
    pare_model_release(&b);
}

/** Every prefix of a text is an error, and leaks nothing. */
static void levels_are_printed_and_read_back(void **state)
{
    struct pare_model m, back = {0};
    char a[PARE_DIGEST_LEN], b[PARE_DIGEST_LEN], *text;

    (void)state;
    for (int kind = 0; kind < FIXTURE_KINDS; kind++)
        for (unsigned one_in = 0; one_in < 4; one_in += 3) {
            fixture_plain(&m, "in(4) linear(30) batchnorm relu linear(2)");
            if (one_in)
                fixture_prune(&m, one_in);
            fixture_levels(&m, (enum fixture_kind)kind);
            text = print(&m);
            if (parse(&back, text) != 0)
                fail_msg("%s", pare_error());
            assert_same_levels(&m, &back);
            assert_int_equal(pare_digest_state(a, &m), 0);
            assert_int_equal(pare_digest_state(b, &back), 0);
            assert_string_equal(a, b);
            pare_model_release(&m);
            pare_model_release(&back);
            free(text);
        }
}

static void a_text_cut_anywhere_is_refused(void **state)
{
    struct pare_model a = {0}, b = {0};
    char *text;
    size_t n;

    (void)state;
    make_model(&a);
    text = print(&a);
    n = strlen(text);
    for (size_t cut = n - 2; cut > 0; cut -= cut > 7 ? 7 : cut) {
        text[cut] = '\0';
        assert_true(parse(&b, text) < 0);
        assert_null(b.tensor);
    }
    free(text);
    pare_model_release(&a);
}

#define HEAD    "pare-text 1\narch 2-1\n"
#define WEIGHT  "tensor fc1.weight 1 2 dense\n  1 2\n"
#define BIAS    "tensor fc1.bias 1 dense\n  0x1p-1\n"
#define MINIMAL HEAD WEIGHT BIAS "end\n"

static void people_may_write_less(void **state)
{
    struct pare_model m = {0};

    (void)state;
    assert_int_equal(parse(&m, "pare-text 1\n# a comment\n\narch 2-1\n" BIAS
                               "tensor fc1.weight 1 2 sparse\n  1:0.1\nend"),
                     0);
    assert_int_equal(m.tensor[0].mask[0], 0);
    assert_int_equal(m.tensor[0].mask[1], 1);
    assert_close(m.tensor[0].value[1], 0.1f, 0);
    assert_close(m.tensor[1].value[0], 0.5f, 0);
    pare_model_release(&m);
}

static void faults_name_their_line(void **state)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"", "t:1: not the text"},
        {"pare-text 2\n", "t:1: text of version 2"},
        {"pare-text 1\nloss nll\n", "t:2: 'loss' before 'arch'"},
        {"pare-text 1\narch 2-x\n", "t:2: "},
        {HEAD WEIGHT "end\n", "t:5: tensor 'fc1.bias' is missing"},
        {HEAD WEIGHT WEIGHT, "t:5: tensor 'fc1.weight' a second time"},
        {HEAD "tensor fc1.weight 2 1 dense\n", "t:3: tensor 'fc1.weight' has"},
        {HEAD "tensor fc9.weight 1 2 dense\n", "t:3: the architecture has no"},
        {HEAD "tensor fc1.weight 1 2 dense\n  1\nend\n",
         "t:3: 1 values follow, expected 2"},
        {HEAD "tensor fc1.weight 1 2 dense\n  1 2\n  3\n",
         "t:5: more than the 2 values"},
        {HEAD "tensor fc1.weight 1 2 dense\n  1 x\n", "t:4: 'x' is not"},
        {HEAD "tensor fc1.weight 1 2 dense\n  1 nan\n", "t:4: 'nan' is not"},
        {HEAD "tensor fc1.weight 1 2 dense\n  1 1e99\n",
         "t:4: '1e99' is not a finite"},
        {HEAD "tensor fc1.weight 1 2 sparse\n  2:1\n", "t:4: '2' is larger"},
        {HEAD "tensor fc1.weight 1 2 sparse\n  1:1 0:1\n", "does not ascend"},
        {HEAD "tensor fc1.weight 1 2 sparse\n  1\n", "is not index:value"},
        {HEAD "tensor fc1.weight 1 2\n", "t:3: expected 'dense'"},
        {HEAD "mean 3\n", "t:3: '3' is larger"},
        {HEAD "std 1\n  0\n", "not positive"},
        {HEAD "mean 1\n  0\n" WEIGHT BIAS "end\n", "1 means, but 0"},
        {HEAD "classes 1\nclass a\nclass b\n", "t:5: more names"},
        {HEAD "classes 2\nclass a\n" WEIGHT BIAS "end\n", "2 classes, but 1"},
        {HEAD "loss %0g\n", "t:3: '%' without"},
        {HEAD "init xyz\n", "t:3: 'xyz' is not a digest"},
        {HEAD "training speed=3\n", "t:3: no setting 'speed'"},
        {HEAD "training epoch=-3\n", "t:3: '-3' is not a whole"},
        {HEAD "optimizer 1 9 adam\n", "t:3: '9' is larger"},
        {HEAD "slot 0 fc1.weight dense\n", "t:3: the optimizer keeps no"},
        {HEAD "value fc1.weight dense\n", "t:3: a value outside"},
        {HEAD "checkpoint epoch=1\n", "t:3: expected 'stored'"},
        {HEAD "checkpoint x stored init\n", "t:3: no setting 'x'"},
        {HEAD "checkpoint epoch=1 stored a\nend-checkpoint\n",
         "t:4: checkpoint 'a' lacks"},
        {HEAD WEIGHT BIAS "checkpoint epoch=1 regenerated init\nend\n",
         "t:8: checkpoint 'init' does not end"},
        {HEAD "history 1 2 3\n", "t:3: '' is not a number"},
        {HEAD "user 2\n  0x\n", "t:4: not the 2 bytes"},
        {HEAD "user 2\n  010\n", "t:4: not the 2 bytes"},
        {HEAD "dtype fc1.bias float8\n", "t:3: 'float8' is no type"},
        {HEAD "dtype fc1.bias\n", "t:3: '' is no type"},
        {HEAD "quant fc1.bias none 1\n  0\n", "t:3: 'none' is no kind"},
        {HEAD "quant fc1.bias codebook 0\n", "t:3: no levels"},
        {HEAD "quant fc1.weight int8 2\n  1 1\n", "t:3: '2' is larger"},
        {HEAD "quant fc1.bias uniform 2\n  1 1\n", "levels that do not ascend"},
        {HEAD "quant fc1.bias codebook 1\n  1\nquant fc1.bias int8 1\n",
         "t:5: the levels of 'fc1.bias' a second time"},
        {HEAD "surprise\n", "t:3: no keyword 'surprise'"},
        {MINIMAL "loss nll\n", "t:8: 'loss' after 'end'"},
        {HEAD WEIGHT BIAS, "the text is cut off"},
    };
    struct pare_model m = {0};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_true(parse(&m, bad[i].text) < 0);
        if (!strstr(pare_error(), bad[i].message))
            fail_msg("got '%s', expected '%s'", pare_error(), bad[i].message);
        assert_null(m.tensor);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_is_read_back_whole),
        cmocka_unit_test(levels_are_printed_and_read_back),
        cmocka_unit_test(a_text_cut_anywhere_is_refused),
        cmocka_unit_test(people_may_write_less),
        cmocka_unit_test(faults_name_their_line),
    };
    return run_group(tests);
}
