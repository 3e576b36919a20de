#include <math.h>
#include <string.h>

#include "criterion.h"
#include "number.h"
#include "spec.h"
#include "status.h"

#define ROUNDS_MAX 10000

static const struct pare_criterion *find(const char *name)
{
    const struct pare_criterion *row = pare_criterion_find(name);
    char known[PARE_SPEC_MAX] = "";

    if (row)
        return row;
    for (size_t i = 0; (row = pare_criterion(i)) != NULL; i++)
        if (pare_spec_append(known, "%s%s", i ? ", " : "", row->name))
            break;
    pare_fail(PARE_EINVAL, "unknown criterion '%s': there are %s", name, known);
    return NULL;
}

static int whole_number(double *x, const char *row,
                        const struct pare_spec_item *item, double lo, double hi)
{
    int rc = pare_spec_number(x, row, item, lo, hi);

    if (!rc && *x != floor(*x))
        rc = pare_fail(PARE_EINVAL, "%s: %s=%s is no whole number", row,
                       item->key, item->value);
    return rc;
}

/* What every criterion has; 1 where the key is none of these. */
static int set_common(struct pare_criterion_spec *c,
                      const struct pare_spec_item *item)
{
    const char *row = c->row->name;
    double x = 0;
    int rc = 0;

    if (strcmp(item->key, "largest") == 0) {
        rc = pare_spec_flag(&x, row, item);
        c->largest = x != 0;
    } else if (strcmp(item->key, "inverse") == 0) {
        rc = pare_spec_flag(&x, row, item);
        c->inverse = x != 0;
    } else if (strcmp(item->key, "rounds") == 0) {
        rc = whole_number(&x, row, item, 1, ROUNDS_MAX);
        c->rounds = (uint32_t)x;
    } else if (strcmp(item->key, "spacing") == 0) {
        c->linear = strcmp(item->value, "linear") == 0;
        if (!c->linear && strcmp(item->value, "exponential") != 0)
            rc = pare_fail(PARE_EINVAL,
                           "%s: spacing is exponential or linear, not '%s'",
                           row, item->value);
    } else {
        return 1;
    }
    return rc;
}

static int set_option(struct pare_criterion_spec *c,
                      const struct pare_spec_item *item)
{
    const struct pare_criterion_option *opt = c->row->option;
    char known[PARE_SPEC_MAX] = "";

    for (int i = 0; i < PARE_CRITERION_OPTS && opt[i].name; i++) {
        pare_spec_append(known, "%s, ", opt[i].name);
        if (strcmp(opt[i].name, item->key) != 0)
            continue;
        if (opt[i].flag)
            return pare_spec_flag(&c->opt[i], c->row->name, item);
        return (opt[i].whole ? whole_number : pare_spec_number)(
            &c->opt[i], c->row->name, item, opt[i].lo, opt[i].hi);
    }
    return pare_fail(PARE_EINVAL,
                     "%s has no option '%s': there are %slargest, inverse, "
                     "rounds, spacing",
                     c->row->name, item->key, known);
}

static void write_canon(struct pare_criterion_spec *c)
{
    const struct pare_criterion_option *opt = c->row->option;
    char number[PARE_NUMBER_MAX];

    pare_spec_append(c->canon, "%s", c->row->name);
    for (int i = 0; i < PARE_CRITERION_OPTS && opt[i].name; i++)
        pare_spec_append(c->canon, ",%s=%s", opt[i].name,
                         opt[i].flag ? c->opt[i] != 0 ? "yes" : "no"
                                     : pare_number_print(number, c->opt[i]));
    if (c->largest)
        pare_spec_append(c->canon, ",largest=yes");
    if (c->inverse)
        pare_spec_append(c->canon, ",inverse=yes");
    if (c->rounds > 1 || c->row->rounds > 1)
        pare_spec_append(c->canon, ",rounds=%u", (unsigned)c->rounds);
    if (c->linear)
        pare_spec_append(c->canon, ",spacing=linear");
}

static int check(const struct pare_criterion_spec *c)
{
    if (c->row->revise && (c->largest || c->inverse || c->rounds > 1))
        return pare_fail(PARE_EINVAL,
                         "%s chooses for itself: largest, inverse and rounds "
                         "do not go with it",
                         c->row->name);
    if (c->inverse && (c->row->random || c->row->is_signed))
        return pare_fail(PARE_EINVAL, "%s has no inverse", c->row->name);
    if (c->rounds > 1 && (!c->row->score || c->row->gathered))
        return pare_fail(PARE_EINVAL,
                         "%s does not change with what was pruned: rounds do "
                         "nothing",
                         c->row->name);
    return 0;
}

int pare_criterion_parse(struct pare_criterion_spec *out, const char *spec)
{
    struct pare_criterion_spec c = {.rounds = 1};
    struct pare_spec_item item = {0};
    int rc = pare_spec_next(&item, &spec);

    if (rc <= 0)
        return pare_fail_prefix(PARE_EINVAL, "criterion");
    if (item.has_value)
        return pare_fail(PARE_EINVAL, "criterion '%s=%s': the name comes first",
                         item.key, item.value);
    c.row = find(item.key);
    if (!c.row)
        return PARE_EINVAL;
    for (int i = 0; i < PARE_CRITERION_OPTS; i++)
        c.opt[i] = c.row->option[i].def;
    if (c.row->rounds)
        c.rounds = c.row->rounds;
    while ((rc = pare_spec_next(&item, &spec)) > 0) {
        int err = set_common(&c, &item);

        if (err == 1)
            err = set_option(&c, &item);
        if (err)
            return err;
    }
    if (rc < 0)
        return pare_fail_prefix(rc, "%s", c.row->name);
    rc = check(&c);
    if (rc)
        return rc;
    write_canon(&c);
    *out = c;
    return 0;
}
