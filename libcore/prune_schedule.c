#include "prune_schedule.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "status.h"

static const struct pare_prune_schedule table[] = {
    [PARE_PRUNE_AT] = {"at",
                       "at each of the times given",
                       "Han et al. 2015, arXiv:1506.02626",
                       {"at"},
                       false},
    [PARE_PRUNE_AGP] = {"agp",
                        "from one sparsity to another along a cubic",
                        "Zhu and Gupta 2017, arXiv:1710.01878",
                        {"from", "to", "start", "end", "every"},
                        true},
    [PARE_PRUNE_EXP] =
        {"exp",
         "from one sparsity to another, density falling geometrically",
         "Tanaka et al. 2020, arXiv:2006.05467",
         {"from", "to", "start", "end", "every"},
         true},
    [PARE_PRUNE_ITERATIVE] =
        {"iterative",
         "after each of several whole runs, with rewinding or not",
         "Frankle and Carbin 2019, arXiv:1803.03635",
         {"rounds", "rewind"},
         false},
};

#define EPOCH_MAX 1e9
#define STEP_MAX  1e15
#define PART_MAX  10000
#define ROUND_MAX 1000

/* A schedule while it is parsed: which options were seen. */
struct parse {
    struct pare_prune_schedule_spec s;
    bool seen[PARE_PRUNE_SCHEDULE_OPTS];
};

const struct pare_prune_schedule *pare_prune_schedule(size_t index)
{
    return index < sizeof table / sizeof *table ? &table[index] : NULL;
}

/* A whole number of `value`, which may end in `end`, from lo to hi. */
static int whole(uint64_t *to, const char **value, double lo, double hi)
{
    size_t n = strspn(*value, "0123456789");
    char digits[24];
    double v;

    if (n == 0 || n >= sizeof digits)
        return -1;
    memcpy(digits, *value, n);
    digits[n] = '\0';
    if (pare_number_parse(&v, digits) || v < lo || v > hi)
        return -1;
    *to = (uint64_t)v;
    *value += n;
    return 0;
}

int pare_prune_time_parse(struct pare_prune_time *to, const char **value,
                          const char *key)
{
    const char *p = *value;
    struct pare_prune_time t = {.unit = PARE_TIME_EPOCH};
    int err;

    if (strncmp(p, "step:", 5) == 0)
        t.unit = PARE_TIME_STEP, p += 5;
    else if (strncmp(p, "epoch:", 6) == 0)
        p += 6;
    err = whole(&t.n, &p, 0, t.unit == PARE_TIME_STEP ? STEP_MAX : EPOCH_MAX);
    if (!err && *p == '/' && p > *value && t.unit == PARE_TIME_EPOCH &&
        strncmp(*value, "epoch:", 6) != 0) {
        p++;
        t.unit = PARE_TIME_PART;
        err = whole(&t.of, &p, 1, PART_MAX);
    }
    if (err || (*p && *p != ','))
        return pare_fail(PARE_EINVAL,
                         "%s=%.60s: a time is an epoch (10), a step "
                         "(step:500) or a part of the run (1/3)",
                         key, *value);
    if (t.unit == PARE_TIME_PART && t.n > t.of)
        return pare_fail(PARE_EINVAL, "%s: %llu/%llu is beyond the run", key,
                         (unsigned long long)t.n, (unsigned long long)t.of);
    *to = t;
    *value = p;
    return 0;
}

/* Of two times that can be compared: is b later? */
static bool follows(const struct pare_prune_time *a,
                    const struct pare_prune_time *b)
{
    if (a->unit != b->unit)
        return true;
    if (a->unit == PARE_TIME_PART)
        return a->n * b->of < b->n * a->of;
    return a->n < b->n;
}

static int set_times(struct pare_prune_schedule_spec *s, const char *value)
{
    for (;;) {
        struct pare_prune_time *t = &s->at[s->n_at];
        int err;

        if (s->n_at == PARE_PRUNE_TIMES)
            return pare_fail(PARE_EINVAL, "at: more than %d times",
                             PARE_PRUNE_TIMES);
        err = pare_prune_time_parse(t, &value, "at");
        if (err)
            return err;
        if (s->n_at > 0 && !follows(t - 1, t))
            return pare_fail(PARE_EINVAL, "at: the times must increase");
        s->n_at++;
        if (!*value)
            return 0;
        value++;
    }
}

/* start, end or every: one time, and no part. */
static int set_time(struct pare_prune_time *t, const struct pare_spec_item *w)
{
    const char *value = w->value;
    int err = pare_prune_time_parse(t, &value, w->key);

    if (!err && (*value || t->unit == PARE_TIME_PART))
        return pare_fail(PARE_EINVAL,
                         "%s=%s: give one epoch (10) or step (step:500)",
                         w->key, w->value);
    return err;
}

static int set_rewind(struct pare_prune_schedule_spec *s, const char *value)
{
    const char *p = strchr(value, ':');
    uint64_t at;

    if (strcmp(value, "none") == 0 || strcmp(value, "init") == 0) {
        strcpy(s->rewind, value[0] == 'n' ? "" : "init");
        return 0;
    }
    if (p && p++ &&
        (strncmp(value, "epoch:", 6) == 0 || strncmp(value, "step:", 5) == 0) &&
        whole(&at, &p, 0, STEP_MAX) == 0 && !*p) {
        snprintf(s->rewind, sizeof s->rewind, "%s:%llu",
                 value[0] == 'e' ? "epoch" : "step", (unsigned long long)at);
        return 0;
    }
    return pare_fail(PARE_EINVAL,
                     "rewind is init, epoch:K, step:K or none, not '%.60s'",
                     value);
}

static int set_rounds(struct pare_prune_schedule_spec *s,
                      const struct pare_spec_item *w)
{
    const char *value = w->value;

    if (whole(&s->rounds, &value, 1, ROUND_MAX) == 0 && !*value)
        return 0;
    return pare_fail(PARE_EINVAL,
                     "rounds is a number from 1 to %d, not '%.60s'", ROUND_MAX,
                     w->value);
}

static int set_option(struct pare_prune_schedule_spec *s,
                      const struct pare_spec_item *w)
{
    const char *key = w->key;

    if (strcmp(key, "at") == 0)
        return set_times(s, w->value);
    if (strcmp(key, "from") == 0 || strcmp(key, "to") == 0)
        return pare_spec_number(key[0] == 'f' ? &s->from : &s->to,
                                table[s->kind].name, w, 0, 1);
    if (strcmp(key, "rounds") == 0)
        return set_rounds(s, w);
    if (strcmp(key, "rewind") == 0)
        return set_rewind(s, w->value);
    return set_time(key[0] == 's'   ? &s->start
                    : key[1] == 'n' ? &s->end
                                    : &s->every,
                    w);
}

/* The option's place in the row; -1: it is no option of the schedule. */
static int find_option(enum pare_prune_kind kind, const char *key)
{
    for (int i = 0; i < PARE_PRUNE_SCHEDULE_OPTS && table[kind].option[i]; i++)
        if (strcmp(table[kind].option[i], key) == 0)
            return i;
    return -1;
}

/* An option of another schedule only: say so, not that nobody knows it. */
static int misplaced(enum pare_prune_kind kind, const char *key)
{
    for (int k = 0; pare_prune_schedule((size_t)k); k++)
        if (find_option((enum pare_prune_kind)k, key) >= 0)
            return pare_fail(PARE_EINVAL, "%s: %s is of the schedule %s",
                             table[kind].name, key, table[k].name);
    return 0;
}

static int find_kind(enum pare_prune_kind *kind, const char *name)
{
    char known[PARE_SPEC_MAX] = "";

    for (int k = 0; pare_prune_schedule((size_t)k); k++) {
        if (strcmp(table[k].name, name) == 0) {
            *kind = (enum pare_prune_kind)k;
            return 0;
        }
        pare_spec_append(known, "%s%s", k ? ", " : "", table[k].name);
    }
    return pare_fail(PARE_EINVAL,
                     "unknown pruning schedule '%.60s': there are "
                     "%s",
                     name, known);
}

/* Options that have no default. */
static int check_given(const struct parse *p)
{
    static const char *const needed[] = {"at", "to", "end", "rounds"};
    const struct pare_prune_schedule *row = &table[p->s.kind];

    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        int at = find_option(p->s.kind, needed[i]);

        if (at >= 0 && !p->seen[at])
            return pare_fail(PARE_EINVAL, "%s needs %s=", row->name, needed[i]);
    }
    return 0;
}

static int check_ramp(const struct pare_prune_schedule_spec *s)
{
    const char *name = table[s->kind].name;
    char from[PARE_NUMBER_MAX], to[PARE_NUMBER_MAX];

    if (s->from > s->to)
        return pare_fail(PARE_EINVAL, "%s: from=%s is above to=%s", name,
                         pare_number_print(from, s->from),
                         pare_number_print(to, s->to));
    if (s->start.unit != s->end.unit || s->every.unit != s->end.unit)
        return pare_fail(PARE_EINVAL,
                         "%s: start, end and every must all be epochs or all "
                         "be steps",
                         name);
    if (s->start.n > s->end.n)
        return pare_fail(PARE_EINVAL, "%s: start=%llu is after end=%llu", name,
                         (unsigned long long)s->start.n,
                         (unsigned long long)s->end.n);
    if (s->every.n == 0)
        return pare_fail(PARE_EINVAL, "%s: every is 0", name);
    if (s->kind == PARE_PRUNE_EXP && s->to > PARE_BELOW_ONE)
        return pare_fail(PARE_EINVAL, "exp: to=1 leaves nothing: a density of "
                                      "0 is never reached");
    return 0;
}

int pare_prune_time_print(char canon[PARE_SPEC_MAX],
                          const struct pare_prune_time *t)
{
    const char *unit = t->unit == PARE_TIME_STEP ? "step:" : "";

    if (t->unit == PARE_TIME_PART)
        return pare_spec_append(canon, "%llu/%llu", (unsigned long long)t->n,
                                (unsigned long long)t->of);
    return pare_spec_append(canon, "%s%llu", unit, (unsigned long long)t->n);
}

static int print_ramp(struct pare_prune_schedule_spec *s)
{
    const struct pare_prune_time *time[] = {&s->start, &s->end, &s->every};
    char from[PARE_NUMBER_MAX], to[PARE_NUMBER_MAX];
    int err = pare_spec_append(
        s->canon, "%s from=%s to=%s", table[s->kind].name,
        pare_number_print(from, s->from), pare_number_print(to, s->to));

    for (int i = 0; i < 3 && !err; i++) {
        err = pare_spec_append(s->canon, " %s=", table[s->kind].option[2 + i]);
        if (!err)
            err = pare_prune_time_print(s->canon, time[i]);
    }
    return err;
}

static int write_canon(struct pare_prune_schedule_spec *s)
{
    int err = 0;

    if (s->kind == PARE_PRUNE_AGP || s->kind == PARE_PRUNE_EXP)
        return print_ramp(s);
    if (s->kind == PARE_PRUNE_ITERATIVE)
        return pare_spec_append(s->canon, "iterative rounds=%llu rewind=%s",
                                (unsigned long long)s->rounds,
                                s->rewind[0] ? s->rewind : "none");
    for (size_t i = 0; i < s->n_at && !err; i++) {
        err = pare_spec_append(s->canon, "%s", i ? "," : "at=");
        if (!err)
            err = pare_prune_time_print(s->canon, &s->at[i]);
    }
    return err;
}

/* A word behind the schedule's name, or "at=..." in its place. */
static int take_word(struct parse *p, const struct pare_spec_item *w,
                     int (*other)(void *arg, const struct pare_spec_item *word),
                     void *arg)
{
    int at = find_option(p->s.kind, w->key);
    int err;

    if (at < 0) {
        err = misplaced(p->s.kind, w->key);
        return err ? err : other(arg, w);
    }
    if (p->seen[at])
        return pare_fail(PARE_EINVAL, "%s is given twice", w->key);
    p->seen[at] = true;
    return set_option(&p->s, w);
}

int pare_prune_schedule_parse(
    struct pare_prune_schedule_spec *s, const char *text,
    int (*other)(void *arg, const struct pare_spec_item *word), void *arg)
{
    struct parse p = {.s = {.start = {PARE_TIME_EPOCH, 1, 0},
                            .every = {PARE_TIME_EPOCH, 1, 0}}};
    struct pare_spec_item word = {0};
    int got = pare_spec_word(&word, &text), err = 0;

    if (got == 0)
        return pare_fail(PARE_EINVAL, "no pruning schedule is given");
    if (got > 0 && !(word.has_value && strcmp(word.key, "at") == 0)) {
        err = word.has_value
                  ? pare_fail(PARE_EINVAL,
                              "'%.60s=%.60s': the schedule's name or at= "
                              "comes first",
                              word.key, word.value)
                  : find_kind(&p.s.kind, word.key);
        got = err ? err : pare_spec_word(&word, &text);
    }
    for (; got > 0 && !err; got = err ? 0 : pare_spec_word(&word, &text))
        err = take_word(&p, &word, other, arg);
    if (!err && got < 0)
        err = got;
    if (!err)
        err = check_given(&p);
    /* Without words of their own, start and every are in the end's unit. */
    if (!err && (p.s.kind == PARE_PRUNE_AGP || p.s.kind == PARE_PRUNE_EXP)) {
        if (!p.seen[find_option(p.s.kind, "start")])
            p.s.start.unit = p.s.end.unit;
        if (!p.seen[find_option(p.s.kind, "every")])
            p.s.every.unit = p.s.end.unit;
        err = check_ramp(&p.s);
    }
    if (!err)
        err = write_canon(&p.s);
    if (!err)
        *s = p.s;
    return err;
}
