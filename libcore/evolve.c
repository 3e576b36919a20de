#include "evolve.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "rng.h"
#include "spec.h"
#include "status.h"

static const struct pare_evolve_rule table[] = {
    {"set", "the weights nearest to 0 of each sign go, random ones grow",
     "Mocanu et al. 2018, arXiv:1707.04780", "set",
     "zeta=0.3 form=sorted decay=constant every=1 grow=random count=exact "
     "value=0 avoid=none"},
    {"rigl",
     "the smallest weights go, fewer with time; the largest gradients grow",
     "Evci et al. 2020, arXiv:1911.11134", "magnitude",
     "zeta=0.3 decay=cosine every=step:100 until=3/4 grow=gradient "
     "count=exact value=0 avoid=none"},
    {"momentum",
     "the smallest weights go, fewer with time; layers of much momentum grow",
     "Dettmers and Zettlemoyer 2019, arXiv:1907.04840", "magnitude",
     "zeta=0.5 decay=cosine every=1 grow=momentum count=exact value=0 "
     "avoid=none redistribute=yes"},
    {"hebbian", "what is seldom active at both ends and of little weight goes",
     "github.com/numenta/nupic.research, DSNNMixedHeb", "hebbian",
     "tau=0.2 zeta=0.2 join=or every=1 grow=random count=bernoulli value=0 "
     "avoid=removed"},
    {"weighted", "the lowest weights times coactivations of each sign go",
     "github.com/numenta/nupic.research, DSNNWeightedMag", "weighted",
     "zeta=0.3 form=kth decay=constant every=1 grow=random count=bernoulli "
     "value=0 avoid=removed"},
};

enum {
    ZETA,
    TAU,
    JOIN,
    HIGHEST,
    FORM,
    DECAY,
    EVERY,
    START,
    UNTIL,
    LAST,
    P,
    GROW,
    COUNT,
    VALUE,
    AVOID,
    LOWEST,
    REDISTRIBUTE,
    CALIBRATE,
    LAYERS,
    VELOCITY,
    MEASURE,
    SEED, /* held apart: a seed has 64 bits */
    N_KEYS
};

_Static_assert(SEED == PARE_EVOLVE_KEYS, "a value for each key but the seed");

/** A key: all but `layers` and times are one of some words, or a number. */
static const struct key {
    const char *name;
    const char *words; /* "a|b", in the order of an enum */
    double lo, hi;     /* of a number, where hi is above 0 */
    bool whole;
    bool common; /* to all rows */
} keys[N_KEYS] = {
    [ZETA] = {"zeta", NULL, 0, 1, false, false},
    [TAU] = {"tau", NULL, 0, 1, false, false},
    [JOIN] = {"join", "or|and", 0, 0, false, false},
    [HIGHEST] = {"highest", "no|yes", 0, 0, false, true},
    [FORM] = {"form", "slots|kth|sorted", 0, 0, false, false},
    [DECAY] = {"decay", "constant|cosine|linear", 0, 0, false, false},
    [EVERY] = {"every", NULL, 0, 0, false, false},
    [START] = {"start", NULL, 0, 0, false, true},
    [UNTIL] = {"until", NULL, 0, 0, false, true},
    [LAST] = {"last", "no|yes|drop", 0, 0, false, true},
    [P] = {"p", NULL, 0, 1, false, true},
    [GROW] = {"grow", "random|gradient|hebbian|momentum", 0, 0, false, false},
    [COUNT] = {"count", "exact|bernoulli|strict|ties", 0, 0, false, false},
    [VALUE] = {"value", NULL, 0, 0, false, false},
    [AVOID] = {"avoid", "none|removed", 0, 0, false, false},
    [LOWEST] = {"lowest", "no|yes", 0, 0, false, true},
    [REDISTRIBUTE] = {"redistribute", "no|yes", 0, 0, false, true},
    [CALIBRATE] = {"calibrate", NULL, 1, 1e9, true, true},
    [LAYERS] = {"layers", NULL, 0, 0, false, true},
    [VELOCITY] = {"velocity", "kept|reset", 0, 0, false, true},
    [MEASURE] = {"measure", "no|yes", 0, 0, false, true},
    [SEED] = {"seed", NULL, 0, 0, false, true},
};

const struct pare_evolve_rule *pare_evolve_rule(size_t index)
{
    return index < sizeof table / sizeof *table ? &table[index] : NULL;
}

/* ---- words ----------------------------------------------------------- */

/* The place of a word in "a|b|c"; -1: it is none. */
static int find_word(const char *words, const char *word)
{
    size_t n = strlen(word);

    for (int i = 0; n; i++) {
        size_t have = strcspn(words, "|");

        if (have == n && memcmp(words, word, n) == 0)
            return i;
        if (!words[have])
            break;
        words += have + 1;
    }
    return -1;
}

/* A canonical value; one that does not fit is an error. */
static int keep_value(char to[PARE_EVOLVE_VALUE], const char *text)
{
    size_t n = strlen(text) + 1;

    if (n > PARE_EVOLVE_VALUE)
        return pare_fail(PARE_EINVAL, "'%.40s...' is too long", text);
    memcpy(to, text, n);
    return 0;
}

static int set_word(char *to, const struct key *k, const char *value)
{
    /* "highest" alone is highest=yes. */
    const char *word =
        !*value && find_word(k->words, "yes") >= 0 ? "yes" : value;

    if (find_word(k->words, word) < 0)
        return pare_fail(PARE_EINVAL, "%s is one of %s, not '%.60s'", k->name,
                         k->words, value);
    strcpy(to, word);
    return 0;
}

static int set_number(char *to, const struct key *k,
                      const struct pare_spec_item *w)
{
    char text[PARE_NUMBER_MAX];
    double v;

    if (!w->has_value || pare_number_parse(&v, w->value) != 0 ||
        !(v >= k->lo && v <= k->hi) || (k->whole && v != floor(v)))
        return pare_fail(PARE_EINVAL,
                         "%s is a %snumber from %g to %g, not "
                         "'%.60s'",
                         k->name, k->whole ? "whole " : "", k->lo, k->hi,
                         w->value);
    return keep_value(to, pare_number_print(text, v));
}

static int set_time(struct pare_prune_time *t, char *to,
                    const struct pare_spec_item *w, bool part)
{
    struct pare_prune_time was = *t;
    char canon[PARE_SPEC_MAX] = "";
    const char *value = w->value;
    int err = pare_prune_time_parse(t, &value, w->key);

    if (!err && (*value || (!part && t->unit == PARE_TIME_PART)))
        err = pare_fail(PARE_EINVAL,
                        "%s=%.60s: give one epoch (10) or step (step:500)",
                        w->key, w->value);
    if (err) {
        *t = was;
        return err;
    }
    err = pare_prune_time_print(canon, t);
    return err ? err : keep_value(to, canon);
}

static int set_seed(struct pare_evolve_spec *s, const char *value)
{
    size_t n = strspn(value, "0123456789");
    char last[24];

    s->seed = strtoull(value, NULL, 10);
    snprintf(last, sizeof last, "%llu", (unsigned long long)s->seed);
    if (!n || value[n] || n > 20 || (n == 20 && strcmp(last, value) != 0))
        return pare_fail(PARE_EINVAL,
                         "seed is a whole number of 64 bits, not "
                         "'%.60s'",
                         value);
    s->has_seed = true;
    return 0;
}

static int set_text(char *to, const struct pare_spec_item *w)
{
    if (!w->value[0])
        return pare_fail(PARE_EINVAL, "%s needs a value", w->key);
    return keep_value(to, w->value);
}

static int set_key(struct pare_evolve_spec *s, int k,
                   const struct pare_spec_item *w)
{
    char none[PARE_EVOLVE_VALUE];
    char *to = k == SEED ? none : s->value[k];

    if (keys[k].words)
        return set_word(to, &keys[k], w->value);
    if (keys[k].hi > 0)
        return set_number(to, &keys[k], w);
    switch (k) {
    case EVERY:
        return set_time(&s->every, to, w, false);
    case START:
        s->has_start = true;
        return set_time(&s->start, to, w, false);
    case UNTIL:
        s->has_until = true;
        return set_time(&s->until, to, w, true);
    case SEED:
        return set_seed(s, w->value);
    default:
        return set_text(to, w);
    }
}

static int find_key(const char *name)
{
    for (int k = 0; k < N_KEYS; k++)
        if (strcmp(keys[k].name, name) == 0)
            return k;
    return -1;
}

/* Does a row take a key? Its own stand in its defaults. */
static bool takes(const struct pare_evolve_rule *row, int k)
{
    struct pare_spec_item w;
    const char *text = row->defaults;

    if (k == HIGHEST)
        return strcmp(row->drop, "hebbian") == 0;
    if (keys[k].common)
        return true;
    while (pare_spec_word(&w, &text) > 0)
        if (strcmp(w.key, keys[k].name) == 0)
            return true;
    return false;
}

static int no_key(const struct pare_evolve_rule *row, const char *name)
{
    char known[PARE_SPEC_MAX] = "";

    for (int k = 0; k < N_KEYS; k++)
        if (takes(row, k))
            pare_spec_append(known, "%s%s", known[0] ? ", " : "", keys[k].name);
    return pare_fail(PARE_EINVAL, "%s has no '%.60s': it takes %s", row->name,
                     name, known);
}

/* Words of one text; seen[k]: the key was in it. */
static int take_words(struct pare_evolve_spec *s, bool seen[N_KEYS],
                      const char *text)
{
    struct pare_spec_item w;
    int got, k, err = 0;

    while (!err && (got = pare_spec_word(&w, &text)) != 0) {
        if (got < 0)
            return got;
        k = find_key(w.key);
        if (k < 0 || !takes(s->rule, k))
            err = no_key(s->rule, w.key);
        else if (seen[k])
            err = pare_fail(PARE_EINVAL, "%s is given twice", w.key);
        else
            err = set_key(s, k, &w);
        if (!err)
            seen[k] = true;
    }
    return err;
}

/* ---- what they mean -------------------------------------------------- */

static int word_of(const struct pare_evolve_spec *s, int k)
{
    return s->value[k][0] ? find_word(keys[k].words, s->value[k]) : 0;
}

static int resolve_drop(struct pare_evolve_spec *s)
{
    static const int part[] = {TAU, ZETA, FORM, JOIN};
    char text[PARE_SPEC_MAX] = "";
    int err = pare_spec_append(text, "%s", s->rule->drop);

    for (size_t i = 0; i < sizeof part / sizeof *part && !err; i++)
        if (s->value[part[i]][0])
            err = pare_spec_append(text, ",%s=%s", keys[part[i]].name,
                                   s->value[part[i]]);
    if (!err && word_of(s, HIGHEST))
        err = pare_spec_append(text, ",highest");
    return err ? err : pare_drop_parse(&s->drop, text);
}

/* Scores that are equal make no Bernoulli count; random draws none else. */
static int check_count(struct pare_evolve_spec *s, const bool seen[N_KEYS])
{
    struct pare_grow_options *g = &s->grow;

    if (g->rule->scored && g->counting == PARE_GROW_BERNOULLI) {
        if (seen[COUNT])
            return pare_fail(PARE_EINVAL, "count=bernoulli goes with "
                                          "grow=random");
        g->counting = PARE_GROW_STRICT;
        strcpy(s->value[COUNT], "strict");
    }
    if (!g->rule->scored &&
        (g->counting == PARE_GROW_STRICT || g->counting == PARE_GROW_TIES))
        return pare_fail(PARE_EINVAL,
                         "count=%s goes with growth by scores, "
                         "not grow=random",
                         s->value[COUNT]);
    if (!g->rule->scored && g->lowest)
        return pare_fail(PARE_EINVAL, "lowest goes with growth by scores, not "
                                      "grow=random");
    if (!g->rule->needs_data && g->calibrate)
        return pare_fail(PARE_EINVAL, "calibrate goes with grow=gradient and "
                                      "grow=momentum");
    return 0;
}

static int resolve_grow(struct pare_evolve_spec *s, const bool seen[N_KEYS])
{
    struct pare_grow_options *g = &s->grow;
    char canon[PARE_SPEC_MAX] = "";
    int err;

    pare_grow_defaults(g);
    g->rule = pare_grow_find(s->value[GROW]);
    if (!g->rule)
        return PARE_EINVAL;
    err = pare_grow_count_parse(&g->counting, s->value[COUNT]);
    if (!err)
        err = pare_grow_value_parse(g, s->value[VALUE]);
    if (err)
        return err;
    pare_grow_value_print(canon, g);
    err = keep_value(s->value[VALUE], canon);
    if (err)
        return err;
    g->avoid = word_of(s, AVOID);
    g->lowest = word_of(s, LOWEST);
    g->redistribute = word_of(s, REDISTRIBUTE);
    if (s->value[CALIBRATE][0])
        g->calibrate = strtoull(s->value[CALIBRATE], NULL, 10);
    return check_count(s, seen);
}

static int resolve_times(struct pare_evolve_spec *s, const bool seen[N_KEYS])
{
    double p;

    s->p = (double)NAN;
    if (s->value[P][0]) {
        pare_number_parse(&p, s->value[P]);
        s->p = p;
        if (seen[EVERY])
            return pare_fail(PARE_EINVAL, "p and every exclude each other");
        if (seen[LAST])
            return pare_fail(PARE_EINVAL, "with p nothing follows the last "
                                          "step: last does not go with it");
        s->every = (struct pare_prune_time){PARE_TIME_STEP, 1, 0};
        s->value[EVERY][0] = '\0';
        if (s->has_start && s->start.unit == PARE_TIME_EPOCH)
            return pare_fail(PARE_EINVAL, "with p start is a step (step:500)");
    }
    if (s->every.n == 0)
        return pare_fail(PARE_EINVAL, "every is 0");
    if (s->has_start && s->start.unit != s->every.unit)
        return pare_fail(PARE_EINVAL, "start and every must both be epochs or "
                                      "both be steps");
    if (s->has_start && s->start.n == 0 && isnan(s->p))
        return pare_fail(PARE_EINVAL, "start is 0: nothing has been trained");
    s->measure = word_of(s, MEASURE);
    if (s->measure && s->every.unit != PARE_TIME_EPOCH)
        return pare_fail(PARE_EINVAL, "measure goes with times in epochs: "
                                      "there is no history of steps");
    return 0;
}

static int write_canon(struct pare_evolve_spec *s)
{
    size_t size = sizeof s->canon;
    size_t n = (size_t)snprintf(s->canon, size, "%s", s->rule->name);

    for (int k = 0; k < PARE_EVOLVE_KEYS && n < size; k++)
        if (s->value[k][0])
            n += (size_t)snprintf(s->canon + n, size - n, " %s=%s",
                                  keys[k].name, s->value[k]);
    if (s->has_seed && n < size)
        n += (size_t)snprintf(s->canon + n, size - n, " seed=%llu",
                              (unsigned long long)s->seed);
    return n < size ? 0
                    : pare_fail(PARE_EINVAL, "the settings of %s are too long",
                                s->rule->name);
}

static const struct pare_evolve_rule *find_rule(const char *name)
{
    char known[PARE_SPEC_MAX] = "";

    for (size_t i = 0; pare_evolve_rule(i); i++) {
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
        pare_spec_append(known, "%s%s", i ? ", " : "", table[i].name);
    }
    pare_fail(PARE_EINVAL, "'%.60s' is no way to rewire: there are %s", name,
              known);
    return NULL;
}

int pare_evolve_parse(struct pare_evolve_spec *to, const char *text)
{
    struct pare_evolve_spec s = {0};
    bool own[N_KEYS] = {false}, seen[N_KEYS] = {false};
    struct pare_spec_item name;
    int err = pare_spec_word(&name, &text);

    if (err == 0)
        return pare_fail(PARE_EINVAL, "no way to rewire is given");
    if (err < 0)
        return err;
    if (name.has_value)
        return pare_fail(PARE_EINVAL, "'%.60s=%.60s': a name comes first",
                         name.key, name.value);
    s.rule = find_rule(name.key);
    if (!s.rule)
        return PARE_EINVAL;
    err = take_words(&s, own, s.rule->defaults);
    if (!err)
        err = take_words(&s, seen, text);
    if (!err)
        err = resolve_drop(&s);
    if (!err)
        err = resolve_grow(&s, seen);
    if (!err)
        err = resolve_times(&s, seen);
    if (err)
        return pare_fail_prefix(err, "%s", s.rule->name);
    s.decay = (enum pare_evolve_decay)word_of(&s, DECAY);
    s.last = (enum pare_evolve_last)word_of(&s, LAST);
    s.reset = word_of(&s, VELOCITY);
    memcpy(s.layers, s.value[LAYERS], sizeof s.layers);
    err = write_canon(&s);
    if (!err)
        *to = s;
    return err;
}
