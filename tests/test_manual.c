#include "unit.h"

#include "accumulate.h"
#include "allocation.h"
#include "arch.h"
#include "criterion.h"
#include "dialect.h"
#include "evolve.h"
#include "export.h"
#include "grain.h"
#include "initializer.h"
#include "loss.h"
#include "number.h"
#include "optimizer.h"
#include "prune_schedule.h"
#include "quantize.h"
#include "rewire.h"
#include "schedule.h"
#include "sparse_init.h"

/* The page as text; the caller frees it. */
static char *read_page(const char *name)
{
    char path[1024], *text;
    long size;
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", PARE_MAN_DIR, name);
    f = fopen(path, "r");
    if (!f)
        fail_msg("cannot open %s", path);
    fseek(f, 0, SEEK_END);
    size = ftell(f);
    rewind(f);
    text = calloc((size_t)size + 2, 1);
    assert_int_equal(fread(text, 1, (size_t)size, f), size);
    fclose(f);
    return text;
}

/* Cut out ".Ss title" up to the next heading; the caller frees it. */
static char *subsection(const char *page, const char *title)
{
    char head[128];
    const char *from, *to, *sh;
    char *text;

    snprintf(head, sizeof head, "\n.Ss %s\n", title);
    from = strstr(page, head);
    if (!from)
        fail_msg("no subsection '%s'", title);
    from += strlen(head);
    to = strstr(from, "\n.Ss ");
    sh = strstr(from, "\n.Sh ");
    if (!to || (sh && sh < to))
        to = sh;
    assert_non_null(to);
    text = calloc((size_t)(to - from) + 2, 1);
    memcpy(text, from, (size_t)(to - from));
    return text;
}

/*
 * The next ".It Cm NAME" of a subsection into name, all of the item's text
 * into item; false after the last.
 */
static bool next_item(const char **at, char name[64], char item[4096])
{
    const char *p = strstr(*at, ".It Cm "), *end;
    size_t n;

    if (!p)
        return false;
    end = strstr(p + 1, "\n.It ");
    n = end ? (size_t)(end - p) : strlen(p);
    assert_true(n < 4096);
    memcpy(item, p, n);
    item[n] = '\0';
    *at = p + n;
    p += strlen(".It Cm ");
    n = strcspn(p, " \n");
    assert_true(n < 64);
    memcpy(name, p, n);
    name[n] = '\0';
    return true;
}

static void need(const char *item, const char *what)
{
    if (!strstr(item, what))
        fail_msg("'%.30s...' lacks '%s'", item, what);
}

/* An option as "Cm eps Ns = Ns 1e-08" (between: "Ar " in a layer's head). */
static void need_number(const char *item, const char *option,
                        const char *between, double value)
{
    char number[PARE_NUMBER_MAX], text[128];

    snprintf(text, sizeof text, "Cm %s Ns = Ns %s%s", option, between,
             pare_number_print(number, value));
    need(item, text);
}

static void need_flag(const char *item, const char *option, const char *between,
                      bool value)
{
    char text[128];

    snprintf(text, sizeof text, "Cm %s Ns = Ns %s%s", option, between,
             value ? "yes" : "no");
    need(item, text);
}

/* A pair of equal numbers, or one that is as the first option. */
static void need_pair(const char *item, const struct pare_layer_kind *kind,
                      const struct pare_layer_option *o)
{
    char text[128];
    size_t hw[2];

    pare_layer_pair(hw, o->def);
    if (o->def >= o->lo) {
        assert_int_equal(hw[0], hw[1]);
        need_number(item, o->name, "Ar ", (double)hw[0]);
        return;
    }
    snprintf(text, sizeof text, "Cm %s Ns = Ns Ar %s", o->name,
             kind->option[0].name);
    need(item, text);
}

static void check_layer(const char *name, const char *item, size_t i)
{
    const struct pare_layer_kind *kind = pare_layer_kind(i);
    char text[128];

    assert_non_null(kind);
    assert_string_equal(name, kind->name);
    snprintf(text, sizeof text, "Prefix\n.Ql %s .", kind->prefix);
    need(item, text);
    for (int k = 0; k < PARE_LAYER_OPTS && kind->option[k].name; k++) {
        const struct pare_layer_option *o = &kind->option[k];

        snprintf(text, sizeof text, "Ar %s ,", o->name);
        if (o->required)
            need(item, text);
        else if (o->type == PARE_LAYER_BOOL)
            need_flag(item, o->name, "Ar ", o->def > 0);
        else if (o->type == PARE_LAYER_PAIR)
            need_pair(item, kind, o);
        else
            need_number(item, o->name, "Ar ", o->def);
    }
}

static void check_named(const char *name, const char *item, size_t i)
{
    (void)item;
    assert_non_null(pare_arch_name(i));
    assert_string_equal(name, pare_arch_name(i)->name);
}

static void check_loss(const char *name, const char *item, size_t i)
{
    (void)item;
    assert_non_null(pare_loss(i));
    assert_string_equal(name, pare_loss(i)->name);
}

static void check_optimizer(const char *name, const char *item, size_t i)
{
    const struct pare_optimizer *row = pare_optimizer(i);
    char number[PARE_NUMBER_MAX], text[128];

    assert_non_null(row);
    assert_string_equal(name, row->name);
    for (int k = 0; k < PARE_OPTIMIZER_OPTS && row->option[k].name; k++)
        if (row->option[k].flag)
            need_flag(item, row->option[k].name, "", row->option[k].def > 0);
        else
            need_number(item, row->option[k].name, "", row->option[k].def);
    for (int k = 0; k < PARE_SLOTS_MAX && row->slot_name[k]; k++) {
        snprintf(text, sizeof text, ".Ql %s\n", row->slot_name[k]);
        need(item, text);
    }
    snprintf(text, sizeof text, "default learning rate is %s.",
             pare_number_print(number, row->default_lr));
    need(item, text);
}

/* Options of the canonical text that are required have no default. */
static void check_schedule(const char *name, const char *item, size_t i)
{
    const struct pare_schedule *row = pare_schedule(i);
    struct pare_schedule_spec s;
    char text[PARE_SPEC_MAX], value[64];

    assert_non_null(row);
    assert_string_equal(name, row->name);
    snprintf(text, sizeof text, "%s", row->name);
    if (strcmp(row->option[0], "every") == 0)
        strcat(text, ",every=7");
    if (strcmp(row->option[0], "at") == 0)
        strcat(text, ",at=7");
    assert_int_equal(pare_schedule_parse(&s, text), 0);
    for (int k = 0; k < PARE_SCHEDULE_OPTS && row->option[k]; k++) {
        const char *in_canon;

        snprintf(text, sizeof text, ",%s=", row->option[k]);
        in_canon = strstr(s.canon, text);
        assert_non_null(in_canon);
        in_canon += strlen(text);
        snprintf(value, sizeof value, "%.*s", (int)strcspn(in_canon, ","),
                 in_canon);
        if (strcmp(value, "7") == 0)
            snprintf(text, sizeof text, ".Cm %s ,\nwhich must be given",
                     row->option[k]);
        else
            snprintf(text, sizeof text, "Cm %s Ns = Ns %s", row->option[k],
                     value);
        need(item, text);
    }
}

static void check_initializer(const char *name, const char *item, size_t i)
{
    const struct pare_initializer *row = pare_initializer(i);

    assert_non_null(row);
    assert_string_equal(name, row->name);
    if (row->has_sd)
        need_number(item, "sd", "", 0.01);
}

static void check_sparse(const char *name, const char *item, size_t i)
{
    const struct pare_sparse_way *row = pare_sparse_way(i);

    assert_non_null(row);
    assert_string_equal(name, row->name);
    need(item, row->how == PARE_SPARSE_BERNOULLI ? "by itself" : "");
    need(item, row->fans ? "" : "density");
}

static void check_criterion(const char *name, const char *item, size_t i)
{
    const struct pare_criterion *row = pare_criterion(i);

    assert_non_null(row);
    assert_string_equal(name, row->name);
    if (row->needs_data)
        need(item, ".Fl -calibrate");
    if (row->rounds)
        need_number(item, "rounds", "", row->rounds);
    for (int k = 0; k < PARE_CRITERION_OPTS && row->option[k].name; k++)
        if (row->option[k].flag)
            need_flag(item, row->option[k].name, "", row->option[k].def > 0);
        else
            need_number(item, row->option[k].name, "", row->option[k].def);
}

static void check_accumulation(const char *name, const char *item, size_t i)
{
    assert_non_null(pare_accumulation(i));
    assert_string_equal(name, pare_accumulation(i)->name);
    if (pare_accumulation(i)->linear)
        need(item, "Of linear layers only.");
}

static void check_grain(const char *name, const char *item, size_t i)
{
    assert_non_null(pare_grain_kind(i));
    assert_string_equal(name, pare_grain_kind(i)->name);
    if (pare_grain_kind(i)->spare_output)
        need(item, "left alone");
}

static void check_allocation(const char *name, const char *item, size_t i)
{
    (void)item;
    assert_non_null(pare_allocation(i));
    assert_string_equal(name, pare_allocation(i)->name);
}

/*
 * A setting that the canonical text of the shortest schedule has from that
 * schedule itself must be given; the others are defaults.
 */
static void check_prune_schedule(const char *name, const char *item, size_t i)
{
    static const char *const least[] = {
        "at=7", "agp to=.7 end=7", "exp to=.7 end=7", "iterative rounds=7"};
    const struct pare_prune_schedule *row = pare_prune_schedule(i);
    struct pare_prune_schedule_spec s;
    char text[PARE_SPEC_MAX], value[64];

    assert_non_null(row);
    assert_string_equal(name, row->name);
    assert_int_equal(pare_prune_schedule_parse(&s, least[i], NULL, NULL), 0);
    for (int k = 0; k < PARE_PRUNE_SCHEDULE_OPTS && row->option[k]; k++) {
        const char *in_canon;

        snprintf(text, sizeof text, "%s=", row->option[k]);
        in_canon = strstr(s.canon, text);
        assert_non_null(in_canon);
        in_canon += strlen(text);
        snprintf(value, sizeof value, "%.*s", (int)strcspn(in_canon, " "),
                 in_canon);
        if (strchr(value, '7'))
            snprintf(text, sizeof text, ".Cm %s ,\nwhich must be given",
                     row->option[k]);
        else
            snprintf(text, sizeof text, "Cm %s Ns = Ns %s", row->option[k],
                     value);
        need(item, text);
    }
    snprintf(text, sizeof text, "%.*s", (int)strcspn(row->source, ","),
             row->source);
    need(item, text);
}

static void check_dialect(const char *name, const char *item, size_t i)
{
    const struct pare_dialect *row = pare_dialect(i);

    assert_non_null(row);
    assert_string_equal(name, row->name);
    need(item, row->dense_state ? "goes on under the\nmasks" : "");
    need(item, row->double_sigmoid ? "s(a) (1 \\- s(a))" : "");
    need(item, row->plain_decay ? "not times lr" : "");
    need(item, row->plain_dropout ? "0 or 1" : "");
    need(item, row->stale_state ? "takes its momentum along" : "");
}

/* The items of a subsection are the rows of a table, in order, all of them. */
static void check(const char *page, const char *title, size_t rows,
                  void (*row)(const char *name, const char *item, size_t i))
{
    static char item[4096];
    char *whole = read_page(page), *text = subsection(whole, title);
    const char *at = text;
    char name[64];
    size_t i = 0;

    for (; next_item(&at, name, item); i++)
        row(name, item, i);
    if (i != rows)
        fail_msg("%s has %d items, the table %d rows", title, (int)i,
                 (int)rows);
    free(text);
    free(whole);
}

#define ROWS(n, get)                                                           \
    size_t n = 0;                                                              \
    while (get(n))                                                             \
    n++

static void pare_arch_holds_the_layers_and_names(void **state)
{
    ROWS(layers, pare_layer_kind);
    ROWS(names, pare_arch_name);

    (void)state;
    check("pare-arch.5", "Layers", layers, check_layer);
    check("pare-arch.5", "Named architectures", names, check_named);
}

static void pare_methods_holds_losses_and_optimisers(void **state)
{
    ROWS(losses, pare_loss);
    ROWS(optimisers, pare_optimizer);

    (void)state;
    check("pare-methods.7", "Losses", losses, check_loss);
    check("pare-methods.7", "Optimisers", optimisers, check_optimizer);
}

static void pare_methods_holds_schedules_and_initialisers(void **state)
{
    ROWS(schedules, pare_schedule);
    ROWS(initialisers, pare_initializer);
    ROWS(ways, pare_sparse_way);

    (void)state;
    check("pare-methods.7", "Schedules", schedules, check_schedule);
    check("pare-methods.7", "Initialisers", initialisers, check_initializer);
    check("pare-methods.7", "Sparse first weights", ways, check_sparse);
}

/* The forms, in their order, and then the rules. */
static void check_drop_rule(const char *name, const char *item, size_t i)
{
    static const char *const form[] = {"slots", "kth", "sorted"};
    const struct pare_drop_rule *row;

    if (i < 3) {
        assert_string_equal(name, form[i]);
        return;
    }
    row = pare_drop_rule(i - 3);
    assert_non_null(row);
    assert_string_equal(name, row->name);
    if (row->by_count)
        need_number(item, "tau", "", 0);
    need_number(item, "zeta", "", row->zeta);
    if (row->forms)
        need(item, ".Cm form Ns = Ns Cm ");
}

static void check_grow_rule(const char *name, const char *item, size_t i)
{
    const struct pare_grow_rule *row = pare_grow_rule(i);

    assert_non_null(row);
    assert_string_equal(name, row->name);
    if (row->coactive)
        need(item, "Of linear layers only.");
}

static void pare_methods_holds_dialects(void **state)
{
    ROWS(dialects, pare_dialect);

    (void)state;
    check("pare-methods.7", "Dialects", dialects, check_dialect);
}

/* The page has each word of the row's defaults, with its value. */
static void check_evolve(const char *name, const char *item, size_t i)
{
    const struct pare_evolve_rule *row = pare_evolve_rule(i);
    const char *defaults;
    struct pare_spec_item w;
    char text[128];

    assert_non_null(row);
    assert_string_equal(name, row->name);
    defaults = row->defaults;
    while (pare_spec_word(&w, &defaults) > 0) {
        snprintf(text, sizeof text, ".Cm %.40s Ns = Ns %.40s ", w.key, w.value);
        need(item, text);
    }
}

static void pare_methods_holds_ways_to_rewire(void **state)
{
    ROWS(rules, pare_evolve_rule);

    (void)state;
    check("pare-methods.7", "Dynamic sparse training", rules, check_evolve);
}

static void pare_methods_holds_ways_to_prune(void **state)
{
    ROWS(accumulations, pare_accumulation);
    ROWS(criteria, pare_criterion);
    ROWS(grains, pare_grain_kind);
    ROWS(allocations, pare_allocation);
    ROWS(schedules, pare_prune_schedule);

    (void)state;
    check("pare-methods.7", "Scores gathered in training", accumulations,
          check_accumulation);
    check("pare-methods.7", "Criteria", criteria, check_criterion);
    check("pare-methods.7", "Grains", grains, check_grain);
    check("pare-methods.7", "Allocations", allocations, check_allocation);
    check("pare-methods.7", "Pruning schedules", schedules,
          check_prune_schedule);
}

static void pare_methods_holds_rules_to_rewire_by(void **state)
{
    ROWS(drops, pare_drop_rule);
    ROWS(grows, pare_grow_rule);

    (void)state;
    check("pare-methods.7", "Rules to drop by", 3 + drops, check_drop_rule);
    check("pare-methods.7", "Rules to grow by", grows, check_grow_rule);
}

static void check_export_format(const char *name, const char *item, size_t i)
{
    (void)item;
    assert_non_null(pare_export_format(i));
    assert_string_equal(name, pare_export_format(i)->name);
}

static void pare_export_holds_the_formats(void **state)
{
    ROWS(formats, pare_export_format);

    (void)state;
    check("pare-export.1", "Formats", formats, check_export_format);
}

static void check_way(const char *name, const char *item, size_t i)
{
    (void)item;
    assert_non_null(pare_quantize_way(i));
    assert_string_equal(name, pare_quantize_way(i)->name);
}

static void check_start(const char *name, const char *item, size_t i)
{
    (void)item;
    assert_non_null(pare_start(i));
    assert_string_equal(name, pare_start(i)->name);
}

static void pare_methods_holds_ways_to_quantise(void **state)
{
    ROWS(ways, pare_quantize_way);
    ROWS(starts, pare_start);

    (void)state;
    check("pare-methods.7", "Quantisation", ways, check_way);
    check("pare-methods.7", "Starts of codebooks", starts, check_start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pare_arch_holds_the_layers_and_names),
        cmocka_unit_test(pare_export_holds_the_formats),
        cmocka_unit_test(pare_methods_holds_losses_and_optimisers),
        cmocka_unit_test(pare_methods_holds_schedules_and_initialisers),
        cmocka_unit_test(pare_methods_holds_dialects),
        cmocka_unit_test(pare_methods_holds_ways_to_prune),
        cmocka_unit_test(pare_methods_holds_rules_to_rewire_by),
        cmocka_unit_test(pare_methods_holds_ways_to_rewire),
        cmocka_unit_test(pare_methods_holds_ways_to_quantise),
    };

    return run_group(tests);
}
