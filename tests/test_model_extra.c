#include "unit.h"

#include <fcntl.h>
#include <unistd.h>

#include "atomic.h"
#include "extra_fixture.h"
#include "model_file.h"
#include "model_io.h"
#include "text_twin.h"

#define FILE_NAME "test_model_extra.h5"

static const char net[] = "in(60) linear(30) batchnorm relu linear(2)";

static void assert_round_trip(const struct pare_model *m, size_t limit)
{
    struct pare_model back = {0};
    struct pare_model_file wrote = {0}, read = {0};

    if (pare_model_write_limit(FILE_NAME, m, &wrote, limit) != 0 ||
        pare_model_read_limit(&back, &read, FILE_NAME, limit) != 0)
        fail_msg("%s", pare_error());
    assert_same_whole(m, &back);
    assert_string_equal(wrote.state, read.state);
    assert_int_equal(read.n_unknown, 0);
    pare_model_file_release(&wrote, 0);
    pare_model_file_release(&read, 0);
    pare_model_release(&back);
}

static void scores_curves_and_undo_points_come_back(void **state)
{
    struct pare_model m, back = {0};
    void *a, *b;
    size_t na, nb;

    (void)state;
    fixture_extra(&m, net);
    assert_round_trip(&m, PARE_IMAGE_MAX);
    assert_round_trip(&m, 100); /* by a child, and from the file */
    assert_int_equal(pare_model_image(&a, &na, &m, NULL), 0);
    assert_int_equal(pare_model_read(&back, NULL, FILE_NAME), 0);
    assert_int_equal(pare_model_image(&b, &nb, &back, NULL), 0);
    assert_int_equal(na, nb);
    assert_memory_equal(a, b, na);
    free(a);
    free(b);
    pare_model_release(&m);
    pare_model_release(&back);
}

/* Above PARE_TRIAL_WHOLE a child walks the file without its values. */
static void a_large_file_with_them_is_walked_first(void **state)
{
    struct pare_model m;
    struct pare_model_file info = {0};

    (void)state;
    fixture_extra(&m, "in(500) linear(200) relu linear(2)");
    assert_int_equal(pare_model_write(FILE_NAME, &m, &info), 0);
    assert_true(info.bytes > PARE_TRIAL_WHOLE);
    pare_model_file_release(&info, 0);
    assert_round_trip(&m, PARE_IMAGE_MAX);
    pare_model_release(&m);
}

static void the_text_twin_has_them_too(void **state)
{
    struct pare_model m, back = {0};
    FILE *f = tmpfile();

    (void)state;
    assert_non_null(f);
    fixture_extra(&m, net);
    assert_int_equal(pare_text_print(f, &m), 0);
    rewind(f);
    if (pare_text_parse(&back, f, "t") != 0)
        fail_msg("%s", pare_error());
    fclose(f);
    assert_same_whole(&m, &back);
    pare_model_release(&m);
    pare_model_release(&back);
}

static int64_t version_of(const struct pare_model *m)
{
    struct pare_h5 *h;
    int64_t version = 0;
    int fd;

    assert_int_equal(pare_model_write(FILE_NAME, m, NULL), 0);
    fd = open(FILE_NAME, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(pare_h5_open_fd(&h, fd, FILE_NAME), 0);
    assert_int_equal(pare_h5_attr_i64(&version, h, "/", "format_version"), 0);
    pare_h5_close(h);
    close(fd);
    return version;
}

/* Each of the three alone, and the digest that knows of it. */
static void any_of_them_is_version_3_and_in_the_state(void **state)
{
    char plain[PARE_DIGEST_LEN], now[PARE_DIGEST_LEN];
    struct pare_model m;

    (void)state;
    fixture_rich(&m, net, 3);
    assert_int_equal(version_of(&m), 1);
    assert_int_equal(pare_digest_state(plain, &m), 0);
    assert_non_null(pare_model_begin_scores(&m, "movement"));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(version_of(&m), 3);
        assert_int_equal(pare_digest_state(now, &m), 0);
        assert_string_not_equal(plain, now);
        if (i == 0) {
            struct pare_curve c = {0, 1, calloc(1, 8), calloc(1, 8),
                                   calloc(1, 8)};

            pare_model_drop_scores(&m);
            assert_int_equal(pare_digest_state(now, &m), 0);
            assert_string_equal(plain, now);
            assert_int_equal(pare_model_set_curve(&m, &c), 0);
        } else if (i == 1) {
            pare_model_drop_curves(&m);
            assert_int_equal(pare_model_keep_undo(&m), 0);
        }
    }
    pare_model_drop_checkpoint(&m, "undo:1");
    assert_int_equal(version_of(&m), 1);
    pare_model_release(&m);
}

/* Every field of theirs that a next step can see. */
static void the_state_digest_sees_each_of_their_fields(void **state)
{
    char before[PARE_DIGEST_LEN], after[PARE_DIGEST_LEN];

    (void)state;
    for (int i = 0; i < 9; i++) {
        struct pare_model m;
        uint8_t **mask;

        fixture_extra(&m, net);
        mask = pare_model_checkpoint(&m, "undo:2")->mask;
        assert_int_equal(pare_digest_state(before, &m), 0);
        switch (i) {
        case 0:
            m.scores[0].count++;
            break;
        case 1:
            m.scores[1].value[0][5] += 1;
            break;
        case 2:
            free(m.scores[1].value[0]);
            m.scores[1].value[0] = NULL;
            break;
        case 3:
            strcpy(m.scores[1].name, "other");
            break;
        case 4:
            m.curve[0].loss[1] += 1;
            break;
        case 5:
            m.curve[0].accuracy[0] = 0.5;
            break;
        case 6:
            m.curve[0].n--;
            break;
        case 7:
            mask[0][7] ^= 1;
            break;
        default:
            m.curve[1].sparsity[0] += 1e-9;
            break;
        }
        assert_int_equal(pare_digest_state(after, &m), 0);
        assert_string_not_equal(before, after);
        pare_model_release(&m);
    }
}

static void scores_are_kept_by_name_in_any_order_of_making(void **state)
{
    char a[PARE_DIGEST_LEN], b[PARE_DIGEST_LEN];
    struct pare_model m;

    (void)state;
    fixture_plain(&m, "6-4-2");
    assert_non_null(pare_model_begin_scores(&m, "movement"));
    assert_non_null(pare_model_begin_scores(&m, "hebbian"));
    assert_int_equal(pare_digest_state(a, &m), 0);
    pare_model_drop_scores(&m);
    assert_non_null(pare_model_begin_scores(&m, "hebbian"));
    assert_non_null(pare_model_begin_scores(&m, "movement"));
    assert_int_equal(pare_digest_state(b, &m), 0);
    assert_string_equal(a, b);
    pare_model_release(&m);
}

static void names_that_scores_cannot_have_are_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "Movement",
                                      "a/b",
                                      "..",
                                      "1st",
                                      "a b",
                                      "abcdefghijklmnopqrstuvwxyzabcdef"};
    struct pare_model m;
    char name[16];

    (void)state;
    fixture_plain(&m, "6-4-2");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(pare_model_begin_scores(&m, bad[i]));
    for (int i = 0; i <= PARE_SCORES_MAX; i++) {
        snprintf(name, sizeof name, "s%d", i);
        assert_true((pare_model_begin_scores(&m, name) != NULL) ==
                    (i < PARE_SCORES_MAX));
    }
    assert_int_equal(pare_model_write(FILE_NAME, &m, NULL), 0);
    pare_model_release(&m);
}

static void a_pruning_empties_movement_but_not_hebbian(void **state)
{
    struct pare_model m;
    const struct pare_scores *hebbian, *movement;
    size_t loud = 0;

    (void)state;
    fixture_extra(&m, net);
    hebbian = pare_model_scores(&m, "hebbian");
    movement = pare_model_scores(&m, "movement");
    for (size_t i = 0; i < m.tensor[0].n; i++) {
        if (m.tensor[0].mask[i])
            continue;
        assert_true(movement->value[0][i] == 0);
        loud += hebbian->value[0][i] != 0;
    }
    assert_true(loud > 0);
    assert_int_equal(pare_model_check(&m, NULL, NULL), 0);
    for (size_t i = 0; i < m.tensor[0].n; i++)
        if (!m.tensor[0].mask[i])
            movement->value[0][i] = 1;
    assert_int_equal(pare_model_check(&m, NULL, NULL), 1);
    pare_model_release(&m);
}

/* Promise 4 for undo points is about their own mask. */
static void an_undo_point_is_checked_under_its_own_mask(void **state)
{
    struct pare_model m;
    struct pare_checkpoint *c;
    size_t alive = 0, pruned = 0;

    (void)state;
    fixture_extra(&m, net);
    c = pare_model_checkpoint(&m, "undo:2");
    for (size_t i = 0; i < m.tensor[0].n; i++)
        alive += !m.tensor[0].mask[i] && c->value[0][i] != 0;
    assert_true(alive > 0);
    assert_int_equal(pare_model_check(&m, NULL, NULL), 0);
    while (c->mask[0][pruned])
        pruned++;
    c->value[0][pruned] = 1;
    assert_int_equal(pare_model_check(&m, NULL, NULL), 1);
    unlink(FILE_NAME);
    assert_int_equal(pare_model_write(FILE_NAME, &m, NULL), PARE_EINVAL);
    assert_non_null(strstr(pare_error(), "checkpoint undo:2: "));
    assert_int_equal(access(FILE_NAME, F_OK), -1);
    pare_model_release(&m);
}

static void what_they_must_not_hold_is_not_written(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct pare_model m;

        fixture_extra(&m, net);
        switch (i) {
        case 0:
            m.scores[0].value[0][0] = NAN;
            break;
        case 1:
            m.scores[0].count = UINT64_MAX;
            break;
        case 2:
            strcpy(m.scores[0].name, "../x");
            break;
        case 3:
            m.curve[0].sparsity[0] = 2;
            break;
        case 4:
            m.curve[0].loss[0] = (double)INFINITY;
            break;
        case 5:
            m.curve[0].accuracy[1] = -1;
            break;
        case 6:
            m.curve[1].layer = 2; /* relu */
            break;
        default:
            pare_model_checkpoint(&m, "undo:1")->value[0][0] = INFINITY;
        }
        unlink(FILE_NAME);
        assert_int_equal(pare_model_write(FILE_NAME, &m, NULL), PARE_EINVAL);
        assert_int_equal(access(FILE_NAME, F_OK), -1);
        pare_model_release(&m);
    }
}

/* A file of a model without them, and one object besides. */
static int read_forged(const char *fault)
{
    static const double row[6] = {0, 1, 1, 0.5, 1, 0.5};
    static const double down[6] = {0.5, 1, 1, 0, 1, 0.5};
    static const float w8[8] = {1, 2, 3, 4, 5, 6, 7, NAN};
    struct pare_model m, back = {0};
    struct pare_model_file about = {0};
    struct pare_h5w *w;
    size_t d23[2] = {2, 3}, d32[2] = {3, 2}, d24[2] = {2, 4}, d42[2] = {4, 2};
    const char *scores =
        strcmp(fault, "name") ? "/scores/movement" : "/scores/Movement";
    void *bytes;
    size_t n;
    int err;

    fixture_plain(&m, "in(4) fc1=linear(2,bias=no)");
    assert_int_equal(pare_digest_both(about.weights, about.state, &m), 0);
    about.stored = calloc(m.n_tensors, sizeof *about.stored);
    assert_int_equal(pare_h5w_new(&w, NULL), 0);
    assert_int_equal(pare_model_build(w, &m, &about), 0);
    if (strstr("down table integers", fault)) {
        bool i32 = strcmp(fault, "integers") == 0;

        pare_h5w_group(w, "/curves");
        pare_h5w_data(w, "/curves/fc1", i32 ? PARE_H5_I32 : PARE_H5_F64, 2,
                      strcmp(fault, "table") ? d23 : d32,
                      strcmp(fault, "down") ? row : down, false);
    } else {
        pare_h5w_group(w, "/scores");
        pare_h5w_group(w, scores);
        if (strcmp(fault, "count") != 0)
            pare_h5w_attr_i64(w, scores, "count",
                              strcmp(fault, "minus") ? 1 : -1);
        if (strcmp(fault, "name") != 0)
            pare_h5w_data(w, "/scores/movement/fc1.weight", PARE_H5_F32, 2,
                          strcmp(fault, "shape") ? d24 : d42, w8, false);
    }
    assert_int_equal(pare_h5w_finish(&bytes, &n, w), 0);
    pare_h5w_free(w);
    assert_int_equal(pare_atomic_write(FILE_NAME, bytes, n), 0);
    err = pare_model_read(&back, NULL, FILE_NAME);
    free(bytes);
    free(about.stored);
    pare_model_release(&m);
    pare_model_release(&back);
    return err;
}

static void forged_scores_and_curves_are_refused_for_their_fault(void **state)
{
    static const struct {
        const char *fault, *says;
    } row[] = {
        {"name", "'/scores' holds 'Movement'"},
        {"count", "count"},
        {"minus", "count=-1"},
        {"shape", "has not the shape"},
        {"nan", "holds a value that is not a number"},
        {"down", "'/curves/fc1': sparsities that do not rise"},
        {"table", "is no table of"},
        {"integers", "holds int32, expected float64"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_int_equal(read_forged(row[i].fault), PARE_EFORMAT);
        if (!strstr(pare_error(), row[i].says))
            fail_msg("%s: %s", row[i].fault, pare_error());
    }
}

/* Lines of /training about undo points that no writer makes. */
static void undo_points_are_numbered_from_1_and_whole(void **state)
{
    static const struct {
        const char *from, *to;
    } row[] = {{"checkpoint=undo:1\nvalues=whole", "checkpoint=undo:1\n"
                                                   "values=stored"},
               {"checkpoint=undo:1", "checkpoint=undo:2"},
               {"checkpoint=undo:2", "checkpoint=undo:3"},
               {"checkpoint=best\nvalues=stored", "checkpoint=best\n"
                                                  "values=whole"}};
    struct pare_model m, back = {0};
    char *text, *forged, *at;

    (void)state;
    fixture_extra(&m, net);
    assert_int_equal(pare_training_text(&text, &m), 0);
    forged = malloc(strlen(text) + 10);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        fixture_plain(&back, net);
        at = strstr(text, row[i].from);
        assert_non_null(at);
        sprintf(forged, "%.*s%s%s", (int)(at - text), text, row[i].to,
                at + strlen(row[i].from));
        assert_int_equal(pare_training_parse(&back, forged, false),
                         PARE_EFORMAT);
        assert_non_null(strstr(pare_error(), "bad checkpoint name"));
        pare_model_release(&back);
    }
    free(forged);
    free(text);
    pare_model_release(&m);
}

static void a_truncated_file_with_them_is_refused(void **state)
{
    struct pare_model m, back = {0};
    void *image;
    size_t n;

    (void)state;
    fixture_extra(&m, "6-4-2");
    assert_int_equal(pare_model_image(&image, &n, &m, NULL), 0);
    for (size_t cut = n - 1; cut > 8; cut -= 1 + cut / 8) {
        assert_int_equal(pare_atomic_write(FILE_NAME, image, cut), 0);
        assert_int_equal(pare_model_read(&back, NULL, FILE_NAME), PARE_EFORMAT);
    }
    free(image);
    pare_model_release(&m);
}

#define HEAD                                                                   \
    "pare-text 1\narch 2-1\ntensor fc1.weight 1 2 dense\n 1 2\n"               \
    "tensor fc1.bias 1 dense\n 1\n"

static void faults_in_the_text_name_their_line(void **state)
{
    static const struct {
        const char *text, *says;
    } row[] = {
        {"scores 1 Movement\n", "t:7: scores 'Movement'"},
        {"scores -1 movement\n", "t:7: "},
        {"scores 1 a\nscores 1 a\n", "t:8: scores 'a' a second time"},
        {"score a fc1.weight dense\n 1 2\n", "t:7: no line 'scores'"},
        {"scores 1 a\nscore a fc9.weight dense\n", "t:8: the architecture"},
        {"scores 1 a\nscore a fc1.weight dense\n 1 nan\n", "t:9: 'nan'"},
        {"curve fc9 0 1 1\n", "t:7: the architecture has no layer 'fc9'"},
        {"curve fc1 0.5 1 1\ncurve fc1 0.4 1 1\n", "t:8: sparsities"},
        {"curve fc1 0.5 inf 1\n", "t:7: a loss that is not finite"},
        {"curve fc1 0.5 1 2\n", "t:7: an accuracy outside"},
        {"curve fc1 0.5 1\n", "t:7: "},
        {"curve fc1 0.5 1 1 1\n", "t:7: '1' is too much"},
        {"checkpoint epoch=1 whole best\n", "t:7: 'best' is not the next"},
        {"checkpoint epoch=1 whole undo:2\n", "is not the next undo point"},
        {"checkpoint epoch=1 stored undo:1\n", "'undo:1' is not whole"},
        {"checkpoint epoch=1 stroed undo:1\n", "t:7: no setting 'stroed'"},
    };
    struct pare_model m = {0};

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        FILE *f = tmpfile();

        assert_non_null(f);
        fprintf(f, HEAD "%send\n", row[i].text);
        rewind(f);
        assert_true(pare_text_parse(&m, f, "t") < 0);
        if (!strstr(pare_error(), row[i].says))
            fail_msg("%s: %s", row[i].text, pare_error());
        fclose(f);
    }
}

static int clean(void **state)
{
    (void)state;
    unlink(FILE_NAME);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_curves_and_undo_points_come_back),
        cmocka_unit_test(a_large_file_with_them_is_walked_first),
        cmocka_unit_test(the_text_twin_has_them_too),
        cmocka_unit_test(any_of_them_is_version_3_and_in_the_state),
        cmocka_unit_test(the_state_digest_sees_each_of_their_fields),
        cmocka_unit_test(scores_are_kept_by_name_in_any_order_of_making),
        cmocka_unit_test(names_that_scores_cannot_have_are_refused),
        cmocka_unit_test(a_pruning_empties_movement_but_not_hebbian),
        cmocka_unit_test(an_undo_point_is_checked_under_its_own_mask),
        cmocka_unit_test(what_they_must_not_hold_is_not_written),
        cmocka_unit_test(forged_scores_and_curves_are_refused_for_their_fault),
        cmocka_unit_test(undo_points_are_numbered_from_1_and_whole),
        cmocka_unit_test(a_truncated_file_with_them_is_refused),
        cmocka_unit_test(faults_in_the_text_name_their_line),
    };

    return cmocka_run_group_tests(tests, NULL, clean) != 0;
}
