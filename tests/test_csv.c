#include "unit.h"

#include "csv_data.h"
#include "rng.h"
#include "status.h"

static void parse(struct pare_csv *t, const char *text)
{
    memset(t, 0, sizeof *t);
    if (pare_csv_parse(t, text, strlen(text), ',', "f"))
        fail_msg("%s", pare_error());
}

static void quotes_hold_commas_newlines_and_quotes(void **state)
{
    struct pare_csv t;

    (void)state;
    parse(&t, "a,\"b \"\"x\"\"\",c\r\n"
              "\"1,2\",\"line\r\ntwo\n\",\r\n"
              "\r\n"
              "\"\",\"\"\"\",3");
    assert_int_equal(t.columns, 3);
    assert_int_equal(t.rows, 2);
    assert_string_equal(t.name[1], "b \"x\"");
    assert_string_equal(pare_csv_cell(&t, 0, 0), "1,2");
    assert_string_equal(pare_csv_cell(&t, 0, 1), "line\r\ntwo\n");
    assert_string_equal(pare_csv_cell(&t, 0, 2), "");
    assert_string_equal(pare_csv_cell(&t, 1, 0), "");
    assert_string_equal(pare_csv_cell(&t, 1, 1), "\"");
    assert_string_equal(pare_csv_cell(&t, 1, 2), "3");
    assert_int_equal(t.line[0], 2);
    assert_int_equal(t.line[1], 6);
    pare_csv_release(&t);
}

static void byte_order_mark_and_other_separators_are_known(void **state)
{
    static const char text[] = "\xEF\xBB\xBF\"a\";b\n1,5;2\n";
    struct pare_csv t = {0};

    (void)state;
    assert_int_equal(pare_csv_parse(&t, text, strlen(text), ';', "f"), 0);
    assert_string_equal(t.name[0], "a");
    assert_string_equal(pare_csv_cell(&t, 0, 0), "1,5");
    pare_csv_release(&t);
}

static void tables_may_be_large(void **state)
{
    enum { ROWS = 3000 };
    char *text = malloc(ROWS * 16 + 8), *at = text;
    struct pare_csv t;

    (void)state;
    assert_non_null(text);
    at += sprintf(at, "a,b\n");
    for (int i = 0; i < ROWS; i++)
        at += sprintf(at, "%d,%d\n", i, 2 * i);
    parse(&t, text);
    assert_int_equal(t.rows, ROWS);
    assert_string_equal(pare_csv_cell(&t, 2999, 1), "5998");
    pare_csv_release(&t);
    free(text);
}

static void faults_of_the_table_name_their_line(void **state)
{
    static const struct {
        const char *text, *part;
    } bad[] = {
        {"", "no header"},
        {"\n\r\n", "no header"},
        {"a,b\n1,2\n3\n", "line 3 has 1 cells, the header 2"},
        {"a,b\n\"x\ny\",2\n\n1,2,3\n", "line 5 has 3 cells"},
        {"a,b\n1,2,\n", "line 2 has 3 cells"},
        {"a,b\n1,\"2\n", "line 2: quote is not closed"},
        {"a,b\n1,\"2\"x\n", "line 2: text after a closing quote"},
        {"a,b\n1,2\"\n", "line 2: quote inside"},
        {"a,b,a\n", "line 1: two columns are named 'a'"},
        {"\n\"a\nb\",c\n", "line 2: a newline in the name"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct pare_csv t = {0};
        size_t n = strlen(bad[i].text);
        char *copy = malloc(n + 1); /* a read past the end is seen */

        assert_non_null(copy);
        memcpy(copy, bad[i].text, n);
        copy = realloc(copy, n ? n : 1);
        if (pare_csv_parse(&t, copy, n, ',', "f") != PARE_EFORMAT)
            fail_msg("'%s' was accepted", bad[i].text);
        if (!strstr(pare_error(), bad[i].part))
            fail_msg("'%s' does not say '%s'", pare_error(), bad[i].part);
        free(copy);
    }
    assert_int_equal(
        pare_csv_parse(&(struct pare_csv){0}, "a,b\0c", 5, ',', "f"),
        PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "NUL"));
}

/* Some penguins, and one that is not complete. */
static const char birds[] = "species,island,bill,sex,year\n"
                            "Gentoo,Biscoe,46.1,female,2009\n"
                            "Adelie,Torgersen,39.1,male,2007\n"
                            "Adelie,Torgersen,NA,NA,2007\n"
                            "Chinstrap,Dream, 46.5 ,female,2008\n";

struct made {
    struct pare_dataset d;
    uint8_t *plain;
    size_t dropped;
    int rc;
};

static struct made make(const char *text, const struct pare_csv_recipe *r)
{
    struct made m = {.dropped = 99};
    struct pare_csv t;

    parse(&t, text);
    m.rc = pare_csv_dataset(&m.d, &m.plain, &m.dropped, &t, r, "f");
    pare_csv_release(&t);
    return m;
}

static void drop(struct made *m)
{
    pare_dataset_release(&m->d);
    free(m->plain);
}

static void a_recipe_makes_inputs_in_column_order(void **state)
{
    static const char *const hot[] = {"sex=male,female",
                                      "island=Torgersen,Biscoe,Dream", "year"};
    static const char *const scale[] = {"bill=50"};
    static const char *const name[] = {
        "island=Torgersen", "island=Biscoe", "island=Dream", "bill",
        "sex=male",         "sex=female",    "year=2007",    "year=2008",
        "year=2009"};
    static const float want[3][9] = {
        {0, 1, 0, 46.1f, 0, 1, 0, 0, 1},
        {1, 0, 0, 39.1f, 1, 0, 1, 0, 0},
        {0, 0, 1, 46.5f, 0, 1, 0, 1, 0},
    };
    struct made m = make(birds, &(struct pare_csv_recipe){
                                    .label = "species",
                                    .one_hot = {3, hot},
                                    .scale = {1, scale},
                                    .drop_na = true,
                                });

    (void)state;
    assert_int_equal(m.rc, 0);
    assert_int_equal(m.dropped, 1);
    assert_int_equal(m.d.features, 9);
    assert_int_equal(m.d.split[PARE_TRAIN].n, 3);
    assert_memory_equal(m.d.split[PARE_TRAIN].x, want, sizeof want);
    for (int i = 0; i < 9; i++) {
        assert_string_equal(m.d.feature_name[i], name[i]);
        assert_int_equal(m.plain[i], 0);
        assert_close(m.d.norm.std[i], i == 3 ? 50 : 1, 0);
        assert_close(m.d.norm.mean[i], 0, 0);
    }
    assert_int_equal(m.d.n_classes, 3);
    assert_string_equal(m.d.class_name[1], "Chinstrap");
    assert_int_equal(m.d.split[PARE_TRAIN].y[0], 2);
    assert_int_equal(m.d.split[PARE_TRAIN].y[1], 0);
    drop(&m);
}

static void whole_numbers_are_sorted_as_numbers(void **state)
{
    struct made m = make("c,x\n10,1\n9,2\n-1,3\n10,4\n",
                         &(struct pare_csv_recipe){.label = "c"});

    (void)state;
    assert_int_equal(m.rc, 0);
    assert_string_equal(m.d.class_name[0], "-1");
    assert_string_equal(m.d.class_name[1], "9");
    assert_string_equal(m.d.class_name[2], "10");
    assert_int_equal(m.d.split[PARE_TRAIN].y[3], 2);
    assert_int_equal(m.d.norm.n, 0);
    assert_int_equal(m.plain[0], 1);
    drop(&m);
}

static void given_classes_keep_their_order(void **state)
{
    struct made m =
        make(birds, &(struct pare_csv_recipe){
                        .label = "species=Gentoo,Chinstrap,"
                                 "Adelie,Emperor",
                        .ignore = {1, (const char *const[]){"island,sex,#3"}},
                    });

    (void)state;
    assert_int_equal(m.rc, 0);
    assert_int_equal(m.d.n_classes, 4);
    assert_int_equal(m.d.features, 1);
    assert_string_equal(m.d.feature_name[0], "year");
    assert_int_equal(m.d.split[PARE_TRAIN].n, 4); /* NA is in no input */
    assert_int_equal(m.d.split[PARE_TRAIN].y[3], 1);
    drop(&m);
}

static void names_may_hold_commas_and_equal_signs(void **state)
{
    struct made m = make("\"a,b\",a,k=1,y\n1,2,3,c\n",
                         &(struct pare_csv_recipe){
                             .label = "y",
                             .inputs = {1, (const char *const[]){"k=1,a,b"}},
                             .scale = {1, (const char *const[]){"k=1=4"}},
                         });

    (void)state;
    assert_int_equal(m.rc, 0);
    assert_int_equal(m.d.features, 2);
    assert_string_equal(m.d.feature_name[0], "a,b");
    assert_close(m.d.norm.std[1], 4, 0);
    drop(&m);
}

static void faulty_recipes_and_cells_are_refused(void **state)
{
    const struct {
        const char *text;
        struct pare_csv_recipe r;
        const char *part;
    } bad[] = {
#define ONE(s) {1, (const char *const[]){s}}
        {"a,y\n1,2\n", {.label = "z"}, "no column 'z'"},
        {"a,y\n1,2\n", {.label = "#3"}, "no column '#3'"},
        {"a,y\n1,2\n", {.label = "y", .scale = ONE("b=2")}, "no column 'b'"},
        {"a,y\n1,2\n", {.label = "y", .scale = ONE("a")}, "COL=K"},
        {"a,y\n1,2\n", {.label = "y", .scale = ONE("a=0")}, "above 0"},
        {"a,y\n1,2\n", {.label = "y", .scale = ONE("a=1e-60")}, "above 0"},
        {"a,y\n1,2\n", {.label = "y", .scale = ONE("y=2")}, "the label"},
        {"a,y\n1,2\n",
         {.label = "y", .scale = ONE("a=2"), .one_hot = ONE("a")},
         "it is one-hot"},
        {"a,y\n1,2\n", {.label = "y", .one_hot = ONE("y")}, "the label"},
        {"a,y\n1,2\n", {.label = "y", .inputs = ONE("y")}, "is the label"},
        {"a,y\n1,2\n", {.label = "y", .ignore = ONE("a")}, "no column of"},
        {"a,y\n1,2\n",
         {.label = "y", .ignore = ONE("a"), .scale = ONE("a=2")},
         "no input"},
        {"a,y\n1,2\n", {.label = "y=2,2"}, "named twice"},
        {"a,y\n1,2\n", {.label = "y=2,,1"}, "not a value"},
        {"a,y\n1,2\n", {.label = "y="}, "not a value"},
        {"a,y\n", {.label = "y"}, "has no rows"},
        {"a,y\nNA,2\n",
         {.label = "y", .drop_na = true},
         "no rows without missing"},
        {"a,y\n1,2\n\n,2\n", {.label = "y"}, "line 4: column 'a' has a mis"},
        {"a,y\n1,2\n1,nan\n", {.label = "y"}, "line 3: column 'y'"},
        {"a,y\n1,2\nx1,2\n",
         {.label = "y"},
         "line 3: column 'a': 'x1' is not a number"},
        {"a,y\n1e39,2\n", {.label = "y"}, "'1e39' is not a number"},
        {"a,y\ninf,2\n", {.label = "y"}, "'inf' is not a number"},
        {"a,y\n0x10,2\n", {.label = "y"}, "'0x10' is not a number"},
        {"a,y\n1 2,2\n", {.label = "y"}, "'1 2' is not a number"},
        {"a,y\n1,2\n1,3\n",
         {.label = "y=2"},
         "line 3: column 'y': '3' is not among"},
        {"a,y\n1,2\n3,2\n",
         {.label = "y", .one_hot = ONE("a=1,2")},
         "line 3: column 'a': '3' is not among"},
        {"a,y\n1,\"p\nq\"\n", {.label = "y"}, "newline in a value"},
        {",y\n1,2\n", {.label = "y"}, "column 1 has no name"},
#undef ONE
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct made m = make(bad[i].text, &bad[i].r);

        if (m.rc == 0)
            fail_msg("accepted, though it should say '%s'", bad[i].part);
        if (!strstr(pare_error(), bad[i].part))
            fail_msg("'%s' does not say '%s'", pare_error(), bad[i].part);
        assert_null(m.plain);
    }
}

/* Random texts of the signs that matter; ASan sees what is overrun. */
static void random_texts_do_no_harm(void **state)
{
    static const char sign[] = ",,,\"\"\n\n\ra1b\xEF";
    static const char *const hot[] = {"b"};
    size_t parsed = 0, made = 0;

    (void)state;
    for (uint64_t i = 0; i < 20000; i++) {
        struct pare_csv_recipe r = {.label = "a", .drop_na = i & 1};
        struct pare_csv t = {0};
        struct pare_dataset d = {0};
        uint8_t *plain = NULL;
        size_t dropped, n = 4 + i % 24;
        char *text = malloc(n);
        uint32_t word[4];

        assert_non_null(text);
        memcpy(text, "a,b\n", 4);
        for (size_t k = 4; k < n; k++) {
            pare_rng_block(word, 5, PARE_STREAM_SPLIT, (uint32_t)k, i);
            text[k] = sign[word[0] % (sizeof sign - 1)];
        }
        if (i & 2)
            r.one_hot = (struct pare_csv_list){1, hot};
        if (pare_csv_parse(&t, text, n, ',', "f") == 0) {
            parsed++;
            made += pare_csv_dataset(&d, &plain, &dropped, &t, &r, "f") == 0;
        }
        pare_csv_release(&t);
        pare_dataset_release(&d);
        free(plain);
        free(text);
    }
    assert_true(parsed > 200 && made > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_hold_commas_newlines_and_quotes),
        cmocka_unit_test(byte_order_mark_and_other_separators_are_known),
        cmocka_unit_test(tables_may_be_large),
        cmocka_unit_test(faults_of_the_table_name_their_line),
        cmocka_unit_test(a_recipe_makes_inputs_in_column_order),
        cmocka_unit_test(whole_numbers_are_sorted_as_numbers),
        cmocka_unit_test(given_classes_keep_their_order),
        cmocka_unit_test(names_may_hold_commas_and_equal_signs),
        cmocka_unit_test(faulty_recipes_and_cells_are_refused),
        cmocka_unit_test(random_texts_do_no_harm),
    };

    return run_group(tests);
}
