#include "data-common.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data_file.h"
#include "digest.h"
#include "normalize.h"
#include "normfit.h"
#include "split.h"
#include "status.h"

void data_common_check(const struct cli_tool *tool, const struct data_common *c)
{
    if (!c->output)
        cli_usage(tool, "no output: -o FILE");
    if (c->make_split && c->val_given)
        cli_usage(tool, "--make-split and --val exclude each other");
    if (c->no_shuffle && !c->make_split)
        cli_usage(tool, "--no-shuffle is for --make-split");
}

int data_common_classes(struct pare_dataset *d, const char *list)
{
    return classes_parse(&d->n_classes, &d->class_name, list);
}

static int normalize(const struct cli_tool *tool, struct data_common *c,
                     struct pare_dataset *d)
{
    bool bytes = d->type == PARE_X_U8;
    int rc;

    if (!c->normalize)
        c->normalize = bytes ? "unit" : "none";
    if (strcmp(c->normalize, "auto") != 0)
        return normalize_parse(&d->norm, c->normalize, &d->shape, bytes);
    d->norm.scale = bytes ? 1.0f / 255 : 1;
    rc = pare_normfit_channels(d);
    if (rc > 0)
        cli_warn(tool, "warning: %d channels are constant in training", rc);
    return rc < 0 ? rc : 0;
}

static int standardize(const struct cli_tool *tool, struct pare_dataset *d,
                       const uint8_t *plain)
{
    int rc = pare_normfit_features(d, plain);

    if (rc > 0)
        cli_warn(tool, "warning: %d columns are constant in training", rc);
    return rc < 0 ? rc : 0;
}

static int make_splits(struct data_common *c, struct pare_dataset *d)
{
    struct pare_split_plan plan;
    size_t count[PARE_SPLITS];
    char digest[33];
    int rc;

    if (!c->make_split && !c->val_given)
        return 0;
    if (!c->seed_given) {
        if ((rc = pare_data_digest(digest, d)) != 0)
            return rc;
        c->seed = pare_digest_seed(digest, "split");
    }
    if (c->val_given)
        return pare_split_take_val(d, (size_t)c->val, c->seed);
    if ((rc = pare_split_parse(&plan, c->make_split)) != 0 ||
        (rc = pare_split_sizes(count, &plan, d->split[PARE_TRAIN].n)) != 0)
        return rc;
    return pare_split_deal(d, count, c->seed, !c->no_shuffle);
}

/* A text that grows; NULL after a failure. */
struct text {
    char *at;
    size_t n;
};

static void append(struct text *t, const char *s, size_t n)
{
    char *more = t->at ? realloc(t->at, t->n + n + 1) : NULL;

    if (!more)
        free(t->at);
    t->at = more;
    if (!more)
        return;
    memcpy(more + t->n, s, n);
    t->n += n;
    more[t->n] = '\0';
}

/* A word as a shell reads it, after a space. */
static void append_word(struct text *t, const char *s)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "-_.,:/+=@%";

    append(t, " ", 1);
    if (*s && s[strspn(s, safe)] == '\0') {
        append(t, s, strlen(s));
        return;
    }
    append(t, "'", 1);
    for (; *s; s++)
        append(t, *s == '\'' ? "'\\''" : s, *s == '\'' ? 4 : 1);
    append(t, "'", 1);
}

static void append_option(struct text *t, const struct cli_option *o)
{
    char name[64], number[24];
    const struct cli_list *list = o->value;

    snprintf(name, sizeof name, "--%s", o->name);
    if (o->type == CLI_FLAG && *(bool *)o->value)
        append_word(t, name);
    if (o->type == CLI_TEXT && *(const char **)o->value) {
        append_word(t, name);
        append_word(t, *(const char **)o->value);
    }
    if (o->type == CLI_U64 && o->given && *o->given) {
        snprintf(number, sizeof number, "%" PRIu64, *(uint64_t *)o->value);
        append_word(t, name);
        append_word(t, number);
    }
    for (size_t i = 0; o->type == CLI_LIST && i < list->n; i++) {
        append_word(t, name);
        append_word(t, list->item[i]);
    }
}

/* The options in force that matter to the samples; no file names. */
static char *origin(const struct cli_tool *tool, struct data_common *c)
{
    static const char *const silent[] = {"output", "verbose", "seed", "strict"};
    struct text t = {strdup("pare"), 4};
    bool random = (c->make_split && !c->no_shuffle) || c->val_given;
    char seed[24];

    append(&t, tool->name + 4, strlen(tool->name + 4));
    if (t.at)
        t.at[4] = ' '; /* pare-data idx: pare data idx */
    for (const struct cli_option *o = tool->option; o->name; o++) {
        bool skip = false;

        for (size_t i = 0; i < sizeof silent / sizeof *silent; i++)
            skip = skip || strcmp(o->name, silent[i]) == 0;
        if (!skip)
            append_option(&t, o);
    }
    if (random) {
        snprintf(seed, sizeof seed, "%" PRIu64, c->seed);
        append_word(&t, "--seed");
        append_word(&t, seed);
    }
    return t.at;
}

/* Classes without a sample in train, and a single class, look wrong. */
static void warn_classes(const struct cli_tool *tool,
                         const struct pare_dataset *d)
{
    const struct pare_split *s = &d->split[PARE_TRAIN];
    uint8_t *seen = calloc(d->n_classes, 1);
    size_t n = 0;

    for (size_t i = 0; seen && i < s->n; i++) {
        n += !seen[s->y[i]];
        seen[s->y[i]] = 1;
    }
    if (d->n_classes == 1)
        cli_warn(tool, "warning: there is only one class");
    else if (seen && s->n && n < d->n_classes)
        cli_warn(tool, "warning: %zu of %zu classes are not in train",
                 d->n_classes - n, d->n_classes);
    free(seen);
}

static void report(const struct cli_tool *tool, const struct data_common *c,
                   const struct pare_dataset *d)
{
    char n[PARE_SPLITS][32];

    for (int i = 0; i < PARE_SPLITS; i++)
        cli_count(n[i], d->split[i].n);
    cli_warn(tool, "train %s, val %s, test %s; %zu inputs, %zu classes", n[0],
             n[1], n[2], d->features, d->n_classes);
    if ((c->make_split && !c->no_shuffle) || c->val_given)
        cli_warn(tool, "seed %" PRIu64, c->seed);
    cli_warn(tool, "digest %s", d->digest);
}

int data_common_finish(const struct cli_tool *tool, struct data_common *c,
                       struct pare_dataset *d, const uint8_t *plain)
{
    int rc = make_splits(c, d);

    if (rc)
        return rc;
    if (plain)
        rc = standardize(tool, d, plain);
    else if (d->norm.n == 0)
        rc = normalize(tool, c, d);
    if (rc)
        return rc;
    warn_classes(tool, d);
    d->origin = origin(tool, c);
    if (!d->origin)
        return pare_fail(PARE_ENOMEM, "out of memory");
    rc = pare_data_write(c->output, d);
    if (rc == 0 && c->verbose)
        report(tool, c, d);
    return rc;
}
