/* A pruning, as it is told and as it is told about. */
#include "pruning.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amount.h"
#include "linalg.h"
#include "number.h"
#include "scores_file.h"
#include "status.h"

static const char *const amount_option[PRUNING_AMOUNTS] = {"-s", "-f", "-c",
                                                           "-n"};

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

bool pruning_list(const struct pruning_options *o)
{
    const struct pare_criterion *c;
    const struct pare_grain_kind *g;
    const struct pare_allocation *a;
    bool m = strcmp(o->criterion, "list") == 0;
    bool grain = strcmp(o->grain, "list") == 0;
    bool allocation = strcmp(o->allocation, "list") == 0;

    if (!m && !grain && !allocation)
        return false;
    puts("name\tmeaning\tsource");
    for (size_t i = 0; m && (c = pare_criterion(i)); i++)
        printf("%s\t%s\t%s\n", c->name, c->help, c->source);
    for (size_t i = 0; grain && (g = pare_grain_kind(i)); i++)
        printf("%s\t%s\t%s\n", g->name, g->help, g->source);
    for (size_t i = 0; allocation && (a = pare_allocation(i)); i++)
        printf("%s\t%s\t%s\n", a->name, a->help, a->source);
    return true;
}

/* Options from a text. */

static int set_real(double *v, bool *given, const char *key, const char *text,
                    double lo, double hi)
{
    if (cli_real(v, text, lo, hi))
        return pare_fail(PARE_EINVAL, "%s: '%s' is not a number in %g..%g", key,
                         text, lo, hi);
    *given = true;
    return 0;
}

static int set_u64(uint64_t *v, bool *given, const char *key, const char *text,
                   uint64_t lo, uint64_t hi)
{
    if (cli_u64(v, text, lo, hi))
        return pare_fail(PARE_EINVAL,
                         "%s: '%s' is not a whole number of "
                         "that range",
                         key, text);
    *given = true;
    return 0;
}

static int set_flag(bool *flag, const char *key, const char *text)
{
    if (*text && strcmp(text, "yes") != 0)
        return pare_fail(PARE_EINVAL, "%s takes no value", key);
    *flag = true;
    return 0;
}

static int append(struct cli_list *list, const char *value)
{
    const char **item;

    item = realloc((void *)list->item, (list->n + 1) * sizeof *item);
    if (!item)
        return no_memory();
    list->item = item;
    list->item[list->n++] = value;
    return 0;
}

static bool is(const char *key, const char *letter, const char *name)
{
    return strcmp(key, letter) == 0 || strcmp(key, name) == 0;
}

/* Options that take a number; 1 where the key is none of them. */
static int set_number(struct pruning_options *o, const char *key,
                      const char *value)
{
    const uint64_t most = 9007199254740992;
    bool given;

    if (is(key, "s", "sparsity"))
        return set_real(&o->amount[0], &o->given[0], key, value, 0, 1);
    if (is(key, "f", "fraction"))
        return set_real(&o->amount[1], &o->given[1], key, value, 0, 1);
    if (is(key, "c", "compression"))
        return set_real(&o->amount[2], &o->given[2], key, value, 1, 1e18);
    if (is(key, "n", "count"))
        return set_u64(&o->count, &o->given[3], key, value, 0, most);
    if (is(key, "S", "seed"))
        return set_u64(&o->seed, &o->seed_given, key, value, 0, UINT64_MAX);
    if (is(key, "", "calibrate"))
        return set_u64(&o->calibrate, &o->calibrate_given, key, value, 1,
                       1000000000);
    if (is(key, "", "floor"))
        return set_u64(&o->floor, &given, key, value, 0, most);
    return 1;
}

/* Options that take a name, or may be repeated; 1 for none of them. */
static int set_text(struct pruning_options *o, const char *key,
                    const char *value)
{
    const struct {
        const char *letter, *name;
        const char **text;
        struct cli_list *list;
    } row[] = {
        {"m", "criterion", &o->criterion, NULL},
        {"g", "grain", &o->grain, NULL},
        {"A", "allocation", &o->allocation, NULL},
        {"", "norm", &o->norm, NULL},
        {"", "scores", &o->scores, NULL},
        {"", "layer", NULL, &o->layer},
        {"", "min-sparsity", NULL, &o->min},
        {"", "max-sparsity", NULL, &o->max},
        {"", "skip", NULL, &o->skip},
        {"", "only", NULL, &o->only},
    };

    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        if (!is(key, row[i].letter, row[i].name))
            continue;
        if (!*value)
            return pare_fail(PARE_EINVAL, "%s needs a value", key);
        if (row[i].list)
            return append(row[i].list, value);
        *row[i].text = value;
        if (row[i].text == &o->norm)
            o->norm_given = true;
        return 0;
    }
    return 1;
}

int pruning_set(struct pruning_options *o, const char *key, const char *value)
{
    int rc;

    if (!*key)
        return pare_fail(PARE_EINVAL, "a setting of a pruning has no name");
    rc = set_number(o, key, value);
    if (rc == 1)
        rc = set_text(o, key, value);
    if (rc != 1)
        return rc;
    if (strcmp(key, "bias") == 0)
        return set_flag(&o->bias, key, value);
    if (strcmp(key, "partial") == 0)
        return set_flag(&o->partial, key, value);
    if (strcmp(key, "no-collapse") == 0)
        return set_flag(&o->no_collapse, key, value);
    return pare_fail(PARE_EINVAL, "a pruning has no setting '%s'", key);
}

void pruning_options_release(struct pruning_options *o)
{
    struct cli_list *list[] = {&o->layer, &o->min, &o->max, &o->skip, &o->only};

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        free((void *)list[i]->item);
        list[i]->item = NULL;
        list[i]->n = 0;
    }
}

/* From options to what the library wants. */

/* The one kind of amount given; sparsity when only layers have amounts. */
static int choose_amount(struct pruning *p, const struct pruning_options *o,
                         bool needed)
{
    int kind = -1;

    for (int k = 0; k < PRUNING_AMOUNTS; k++) {
        if (!o->given[k])
            continue;
        if (kind >= 0)
            return pare_fail(PARE_EINVAL, "%s and %s: one amount, please",
                             amount_option[kind], amount_option[k]);
        kind = k;
    }
    if (p->prune.grain.kind->group && kind >= 0)
        return pare_fail(PARE_EINVAL,
                         "-g %s says itself how much goes: %s does not go "
                         "with it",
                         p->prune.grain.canon, amount_option[kind]);
    if (p->prune.grain.kind->group &&
        (o->layer.n || o->min.n || o->max.n || o->floor || o->bias ||
         !p->prune.allocation->together || p->prune.allocation->lamp))
        return pare_fail(PARE_EINVAL,
                         "-g %s takes no amounts, allocation, bounds or biases",
                         p->prune.grain.canon);
    if (needed && kind < 0 && o->layer.n == 0 && !p->prune.grain.kind->group)
        return pare_fail(PARE_EINVAL,
                         "no amount: see -s, -f, -c, -n, --layer, "
                         "--bytes, --max-drop and -g N:M in pare-prune(1)");
    p->prune.kind = kind < 0 ? PARE_AMOUNT_SPARSITY : (unsigned)kind;
    p->prune.amount = kind < 0 ? (double)NAN : o->amount[kind];
    if (kind == PARE_AMOUNT_COUNT)
        p->prune.amount = (double)o->count;
    return 0;
}

/* "GLOB=AMOUNT", cut at the last '='. */
static int parse_layer(struct pare_layer_amount *to, const char *option,
                       const char *text, enum pare_amount_kind kind)
{
    const char *equals = strrchr(text, '=');
    char *glob;

    if (!equals || equals == text || pare_number_parse(&to->amount, equals + 1))
        return pare_fail(PARE_EINVAL, "%s: '%s' is not GLOB=AMOUNT", option,
                         text);
    if (pare_amount_check(kind, to->amount))
        return pare_fail_prefix(PARE_EINVAL, "%s '%s'", option, text);
    glob = malloc((size_t)(equals - text) + 1);
    if (!glob)
        return no_memory();
    memcpy(glob, text, (size_t)(equals - text));
    glob[equals - text] = '\0';
    to->glob = glob;
    return 0;
}

static int parse_layers(struct pare_layer_amount **to, const char *option,
                        const struct cli_list *list, enum pare_amount_kind kind)
{
    int rc = 0;

    *to = calloc(list->n + 1, sizeof **to);
    if (!*to)
        return no_memory();
    for (size_t i = 0; !rc && i < list->n; i++)
        rc = parse_layer(&(*to)[i], option, list->item[i], kind);
    return rc;
}

/* A path of scores stands behind "file:", or is an option of its own. */
static int choose_criterion(struct pruning *p, const struct pruning_options *o)
{
    const char *text = o->criterion, *comma;
    size_t n;
    char spec[PARE_SPEC_MAX];

    if (o->scores) {
        p->scores_path = strdup(o->scores);
        if (!p->scores_path)
            return no_memory();
    }
    if (strncmp(text, "file:", 5) != 0)
        return pare_criterion_parse(&p->prune.criterion, text);
    if (o->scores)
        return pare_fail(PARE_EINVAL, "--scores and file: both name a file");
    text += 5;
    comma = strchr(text, ',');
    n = comma ? (size_t)(comma - text) : strlen(text);
    if (n == 0)
        return pare_fail(PARE_EINVAL, "file: needs a path behind it");
    p->scores_path = malloc(n + 1);
    if (!p->scores_path)
        return no_memory();
    memcpy(p->scores_path, text, n);
    p->scores_path[n] = '\0';
    if ((size_t)snprintf(spec, sizeof spec, "file%s", comma ? comma : "") >=
        sizeof spec)
        return pare_fail(PARE_EINVAL, "the criterion's settings are too long");
    return pare_criterion_parse(&p->prune.criterion, spec);
}

static int choose_norm(struct pruning *p, const struct pruning_options *o)
{
    size_t norm = 0;

    while (pare_norm_name(norm) && strcmp(pare_norm_name(norm), o->norm) != 0)
        norm++;
    if (!pare_norm_name(norm))
        return pare_fail(PARE_EINVAL, "--norm is l2, l1, rms or mean, not '%s'",
                         o->norm);
    if (o->norm_given && p->prune.grain.kind->single)
        return pare_fail(PARE_EINVAL,
                         "--norm goes with units, channels and blocks");
    p->prune.norm = (enum pare_unit_norm)norm;
    return 0;
}

/* Names of tables, and options that only go with some of them. */
static int choose_rows(struct pruning *p, const struct pruning_options *o)
{
    int rc;

    if ((rc = choose_criterion(p, o)) != 0)
        return pare_fail_prefix(rc, "-m");
    if ((rc = pare_grain_parse(&p->prune.grain, o->grain)) != 0)
        return pare_fail_prefix(rc, "-g");
    p->prune.allocation = pare_allocation_find(o->allocation);
    if (!p->prune.allocation)
        return pare_fail(PARE_EINVAL, "-A: no allocation '%s'; see -A list",
                         o->allocation);
    if (strcmp(p->prune.criterion.row->name, "file") == 0 && !p->scores_path)
        return pare_fail(PARE_EINVAL, "-m file needs a path: file:SCORES.h5");
    if (strcmp(p->prune.criterion.row->name, "file") != 0 && p->scores_path)
        return pare_fail(PARE_EINVAL, "--scores goes with -m file");
    if (o->calibrate_given && !p->prune.criterion.row->needs_data)
        return pare_fail(PARE_EINVAL, "--calibrate: criterion %s takes no data",
                         p->prune.criterion.row->name);
    if (o->partial && !p->prune.grain.a)
        return pare_fail(PARE_EINVAL, "--partial goes with N:M and blocks");
    return choose_norm(p, o);
}

int pruning_resolve(struct pruning *p, const struct pruning_options *o,
                    bool amount)
{
    int rc = choose_rows(p, o);

    if (!rc)
        rc = choose_amount(p, o, amount);
    if (!rc)
        rc = parse_layers(&p->layer, "--layer", &o->layer, p->prune.kind);
    if (!rc)
        rc = parse_layers(&p->min, "--min-sparsity", &o->min,
                          PARE_AMOUNT_SPARSITY);
    if (!rc)
        rc = parse_layers(&p->max, "--max-sparsity", &o->max,
                          PARE_AMOUNT_SPARSITY);
    p->prune.layer = p->layer;
    p->prune.n_layer = o->layer.n;
    p->prune.min = p->min;
    p->prune.n_min = o->min.n;
    p->prune.max = p->max;
    p->prune.n_max = o->max.n;
    p->prune.floor = o->floor;
    p->prune.n_skip = o->skip.n;
    p->prune.skip = o->skip.item;
    p->prune.n_only = o->only.n;
    p->prune.only = o->only.item;
    p->prune.partial = o->partial;
    p->prune.bias = o->bias;
    p->prune.no_collapse = o->no_collapse;
    p->prune.input.calibrate = (size_t)o->calibrate;
    p->prune.input.seed = o->seed;
    return rc;
}

int pruning_read(struct pruning *p, const struct pare_model *m)
{
    int rc = 0;

    if (!p->scores_path || p->given)
        return 0;
    p->given = calloc(m->n_tensors + 1, sizeof *p->given);
    if (!p->given)
        return no_memory();
    p->n_given = m->n_tensors;
    rc = pare_score_file_read(p->given, p->scores_digest, m, p->scores_path);
    p->prune.input.given = (const float *const *)p->given;
    return rc;
}

static void free_layers(struct pare_layer_amount *layer, size_t n)
{
    for (size_t i = 0; layer && i < n; i++) {
        char *glob;

        memcpy(&glob, &layer[i].glob, sizeof glob);
        free(glob);
    }
    free(layer);
}

void pruning_release(struct pruning *p)
{
    free_layers(p->layer, p->prune.n_layer);
    free_layers(p->min, p->prune.n_min);
    free_layers(p->max, p->prune.n_max);
    free(p->scores_path);
    for (size_t i = 0; p->given && i < p->n_given; i++)
        free(p->given[i]);
    free(p->given);
    memset(p, 0, sizeof *p);
}

bool pruning_draws(const struct pruning *p)
{
    const struct pare_criterion *row = p->prune.criterion.row;

    return row->random || row->needs_data;
}

/* What is told. */

void pruning_provenance_amount(struct provenance *to, const struct pruning *p)
{
    if (!isnan(p->prune.amount))
        provenance_real(to, amount_option[p->prune.kind], p->prune.amount);
}

void pruning_provenance_method(struct provenance *to, const struct pruning *p,
                               const struct pruning_options *o)
{
    char linalg[PARE_LINALG_TEXT];

    if (p->scores_path)
        provenance_input(to, "--scores", "data", p->scores_digest);
    provenance_option(to, "-m", p->prune.criterion.canon);
    provenance_option(to, "-g", p->prune.grain.canon);
    if (!p->prune.grain.kind->single)
        provenance_option(to, "--norm", pare_norm_name(p->prune.norm));
    if (o->partial)
        provenance_option(to, "--partial", NULL);
    provenance_options(to, "--skip", o->skip.item, o->skip.n);
    provenance_options(to, "--only", o->only.item, o->only.n);
    if (o->bias)
        provenance_option(to, "--bias", NULL);
    if (o->calibrate_given)
        provenance_u64(to, "--calibrate", o->calibrate);
    if (pruning_draws(p))
        provenance_u64(to, "-S", p->prune.input.seed);
    if (p->prune.criterion.row->blas)
        provenance_note(to, "linalg", pare_linalg_provenance(linalg));
}

void pruning_provenance(struct provenance *to, const struct pruning *p,
                        const struct pruning_options *o)
{
    provenance_options(to, "--layer", o->layer.item, o->layer.n);
    pruning_provenance_method(to, p, o);
    provenance_option(to, "-A", p->prune.allocation->name);
    provenance_options(to, "--min-sparsity", o->min.item, o->min.n);
    provenance_options(to, "--max-sparsity", o->max.item, o->max.n);
    if (o->floor)
        provenance_u64(to, "--floor", o->floor);
}

/* A number of the amount's kind: a count, or with four decimals. */
static const char *amount_text(char buf[64], const struct pruning *p, double v)
{
    if (p->prune.kind == PARE_AMOUNT_COUNT)
        return cli_count(buf, (uint64_t)v);
    if (isinf(v))
        return "inf";
    snprintf(buf, 64, "%.4f", v);
    return buf;
}

void pruning_outcome(char *text, size_t size, const struct pruning *p,
                     const struct pare_prune_report *r)
{
    char asked[64], removed[32], before[32], grains[32], all[32], got[64];
    const struct pare_grain *g = &p->prune.grain;

    cli_count(removed, r->kept_before - r->kept_after);
    cli_count(before, r->kept_before);
    cli_count(grains, r->grains_removed);
    cli_count(all, r->grains_before);
    amount_text(got, p, r->achieved);
    if (isinf(r->achieved))
        strcpy(got, "inf");
    if (g->kind->group)
        snprintf(text, size, "asked %s, removed %s of %s (%s)", g->canon,
                 removed, before, got);
    else if (isnan(r->asked))
        snprintf(text, size, "asked by layer, removed ");
    else
        snprintf(text, size, "asked %s%s, removed ",
                 p->asked[0] ? p->asked : amount_text(asked, p, r->asked),
                 p->prune.n_layer ? " and by layer" : "");
    if (!g->kind->group) {
        size -= strlen(text);
        text += strlen(text);
        if (g->kind->single)
            snprintf(text, size, "%s of %s (%s)", removed, before, got);
        else
            snprintf(text, size, "%s of %s %ss, %s of %s weights (%s)", grains,
                     all, g->kind->name, removed, before, got);
    }
    if (r->note[0]) {
        size -= strlen(text);
        text += strlen(text);
        snprintf(text, size, "; %s", r->note);
    }
}

void pruning_warn_empty(const struct cli_tool *tool, const struct pare_model *m,
                        const struct pare_prune_report *r)
{
    for (size_t i = 0; i < r->n_rows; i++) {
        const struct pare_prune_row *row = &r->row[i];
        const struct pare_tensor *t = &m->tensor[row->tensor];

        if (row->kept_before && !row->kept_after && t->role == PARE_ROLE_WEIGHT)
            cli_warn(tool, "warning: layer %s has no weight left",
                     m->arch.layer[t->layer].name);
    }
}
