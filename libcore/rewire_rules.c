/* The rules to drop and to grow by, and their texts. */
#include <string.h>

#include "number.h"
#include "rewire.h"
#include "spec.h"
#include "status.h"

/* ---- rules to drop by --------------------------------------------------- */

static const struct pare_drop_rule drop_table[] = {
    {.name = "set",
     .help = "a share of each sign, nearest to 0",
     .source = "Mocanu et al. 2018, arXiv:1707.04780",
     .zeta = 0.3,
     .form = PARE_DROP_SORTED,
     .forms = true},
    {.name = "hebbian",
     .help = "the least coactive, and a share of each sign nearest to 0",
     .source = "Numenta, nupic.research dynamic_sparse, 2019",
     .form = PARE_DROP_KTH,
     .forms = true,
     .coactive = true,
     .by_count = true},
    {.name = "weighted",
     .help = "a share of each sign of weight times coactivation",
     .source = "Numenta, nupic.research dynamic_sparse, 2019",
     .zeta = 0.3,
     .form = PARE_DROP_KTH,
     .forms = true,
     .coactive = true,
     .weighted = true},
    {.name = "magnitude",
     .help = "a share of both signs, nearest to 0",
     .source = "Evci et al. 2020, arXiv:1911.11134",
     .zeta = 0.3,
     .form = PARE_DROP_ALL},
};

#define DROP_ROWS (sizeof drop_table / sizeof *drop_table)

static const char *const form_name[] = {"slots", "kth", "sorted", "all"};

const struct pare_drop_rule *pare_drop_rule(size_t index)
{
    return index < DROP_ROWS ? &drop_table[index] : NULL;
}

static const struct pare_drop_rule *find(const char *name)
{
    if (strcmp(name, "w*c") == 0)
        name = "weighted";
    for (size_t i = 0; i < DROP_ROWS; i++)
        if (strcmp(drop_table[i].name, name) == 0)
            return &drop_table[i];
    return NULL;
}

bool pare_drop_named(const char *spec)
{
    struct pare_spec_item item;
    const struct pare_drop_rule *row;

    if (pare_spec_next(&item, &spec) <= 0 || item.has_value)
        return false;
    row = find(item.key);
    if (!row)
        return false;
    if (row != find("hebbian") && row != find("magnitude"))
        return true;
    while (pare_spec_next(&item, &spec) > 0)
        if (strcmp(item.key, "zeta") == 0 || strcmp(item.key, "tau") == 0)
            return true;
    return false;
}

static int set_form(struct pare_drop_options *o,
                    const struct pare_spec_item *item)
{
    for (int f = 0; f < PARE_DROP_ALL; f++)
        if (strcmp(form_name[f], item->value) == 0) {
            o->form = (enum pare_drop_form)f;
            return 0;
        }
    return pare_fail(PARE_EINVAL, "%s: form is slots, kth or sorted, not '%s'",
                     o->rule->name, item->value);
}

static int set_join(struct pare_drop_options *o,
                    const struct pare_spec_item *item)
{
    o->both = strcmp(item->value, "or") == 0;
    if (!o->both && strcmp(item->value, "and") != 0)
        return pare_fail(PARE_EINVAL, "%s: join is or, or and, not '%s'",
                         o->rule->name, item->value);
    return 0;
}

static int set_option(struct pare_drop_options *o,
                      const struct pare_spec_item *item)
{
    const struct pare_drop_rule *row = o->rule;
    double flag = 0;
    int rc;

    if (strcmp(item->key, "zeta") == 0)
        return pare_spec_number(&o->zeta, row->name, item, 0, 1);
    if (row->forms && strcmp(item->key, "form") == 0)
        return set_form(o, item);
    if (row->by_count && strcmp(item->key, "tau") == 0)
        return pare_spec_number(&o->tau, row->name, item, 0, 1);
    if (row->by_count && strcmp(item->key, "join") == 0)
        return set_join(o, item);
    if (row->by_count && strcmp(item->key, "highest") == 0) {
        rc = pare_spec_flag(&flag, row->name, item);
        o->highest = flag != 0;
        return rc;
    }
    return pare_fail(PARE_EINVAL,
                     "%s with a share has no option '%s': there are zeta%s%s",
                     row->name, item->key, row->forms ? ", form" : "",
                     row->by_count ? ", tau, join, highest" : "");
}

static void write_canon(struct pare_drop_options *o)
{
    char number[PARE_NUMBER_MAX];

    o->canon[0] = '\0';
    pare_spec_append(o->canon, "%s", o->rule->name);
    if (o->rule->by_count)
        pare_spec_append(o->canon, ",tau=%s",
                         pare_number_print(number, o->tau));
    pare_spec_append(o->canon, ",zeta=%s", pare_number_print(number, o->zeta));
    if (o->rule->forms)
        pare_spec_append(o->canon, ",form=%s", form_name[o->form]);
    if (o->rule->by_count)
        pare_spec_append(o->canon, ",join=%s", o->both ? "or" : "and");
    if (o->highest)
        pare_spec_append(o->canon, ",highest=yes");
}

int pare_drop_parse(struct pare_drop_options *out, const char *spec)
{
    struct pare_drop_options o = *out;
    struct pare_spec_item item = {0};
    int rc = pare_spec_next(&item, &spec), err = 0;

    if (rc <= 0)
        return pare_fail_prefix(PARE_EINVAL, "rule to drop by");
    o.rule = item.has_value ? NULL : find(item.key);
    if (!o.rule)
        return pare_fail(PARE_EINVAL,
                         "no rule to drop by '%s': there are set, hebbian, "
                         "weighted, magnitude",
                         item.key);
    o.zeta = o.rule->zeta;
    o.tau = 0;
    o.form = o.rule->form;
    o.both = true;
    o.highest = false;
    while (!err && (rc = pare_spec_next(&item, &spec)) > 0)
        err = set_option(&o, &item);
    if (err)
        return err;
    if (rc < 0)
        return pare_fail_prefix(rc, "%s", o.rule->name);
    if (o.rule->by_count && o.highest && !(o.tau > 0))
        return pare_fail(PARE_EINVAL, "%s: highest goes with tau above 0",
                         o.rule->name);
    write_canon(&o);
    *out = o;
    return 0;
}

/* ---- rules to grow by --------------------------------------------------- */

static const struct pare_grow_rule grow_table[] = {
    {.name = "random",
     .help = "free positions at random",
     .source = "Mocanu et al. 2018, arXiv:1707.04780"},
    {.name = "gradient",
     .help = "where the gradient of the mean loss is largest",
     .source = "Evci et al. 2020, arXiv:1911.11134",
     .scored = true,
     .needs_data = true},
    {.name = "hebbian",
     .help = "where coactivations are highest",
     .source = "Numenta, nupic.research dynamic_sparse, 2019",
     .scored = true,
     .coactive = true},
    {.name = "momentum",
     .help = "where momentum, or without a dense one the gradient, is largest",
     .source = "Dettmers & Zettlemoyer 2019, arXiv:1907.04840",
     .scored = true,
     .needs_data = true},
    {.name = "file",
     .help = "where scores from a file, as file:scores.h5, are highest",
     .source = "",
     .scored = true},
};

#define GROW_ROWS (sizeof grow_table / sizeof *grow_table)

const struct pare_grow_rule *pare_grow_rule(size_t index)
{
    return index < GROW_ROWS ? &grow_table[index] : NULL;
}

const struct pare_grow_rule *pare_grow_find(const char *name)
{
    for (size_t i = 0; i < GROW_ROWS; i++)
        if (strcmp(grow_table[i].name, name) == 0)
            return &grow_table[i];
    pare_fail(PARE_EINVAL,
              "no rule to grow by '%s': there are random, gradient, hebbian, "
              "momentum, file",
              name);
    return NULL;
}

static const char *const count_name[] = {"exact", "bernoulli", "strict",
                                         "ties"};

int pare_grow_count_parse(enum pare_grow_count *c, const char *text)
{
    for (int i = 0; i <= PARE_GROW_TIES; i++)
        if (strcmp(count_name[i], text) == 0) {
            *c = (enum pare_grow_count)i;
            return 0;
        }
    return pare_fail(PARE_EINVAL, "exact, bernoulli, strict or ties, not '%s'",
                     text);
}

const char *pare_grow_count_name(enum pare_grow_count c)
{
    return count_name[c];
}

int pare_grow_value_parse(struct pare_grow_options *o, const char *text)
{
    double sd;

    if (strcmp(text, "0") == 0 || strcmp(text, "fan") == 0) {
        o->value = *text == '0' ? PARE_GROW_ZERO : PARE_GROW_FAN;
        return 0;
    }
    if (strncmp(text, "normal,sd=", 10) == 0)
        text += 10;
    else if (strncmp(text, "normal:", 7) == 0)
        text += 7;
    else
        return pare_fail(PARE_EINVAL, "0, normal,sd=S or fan, not '%s'", text);
    if (pare_number_parse(&sd, text) || !(sd > 0 && sd <= 1e6))
        return pare_fail(PARE_EINVAL,
                         "'%s' is no standard deviation above 0 and up to 1e6",
                         text);
    o->value = PARE_GROW_NORMAL;
    o->sd = sd;
    return 0;
}

void pare_grow_value_print(char canon[PARE_SPEC_MAX],
                           const struct pare_grow_options *o)
{
    char number[PARE_NUMBER_MAX];

    canon[0] = '\0';
    if (o->value == PARE_GROW_NORMAL)
        pare_spec_append(canon, "normal,sd=%s",
                         pare_number_print(number, o->sd));
    else
        pare_spec_append(canon, o->value == PARE_GROW_FAN ? "fan" : "0");
}
