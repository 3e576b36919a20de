#include "schedule.h"

#include <math.h>
#include <string.h>

#include "number.h"
#include "spec.h"
#include "status.h"

enum { CONSTANT, STEP, MILESTONES, COSINE, ONE_CYCLE };

static const struct pare_schedule table[] = {
    [CONSTANT] = {"constant",
                  "the same learning rate at every step",
                  "",
                  {"warmup"}},
    [STEP] = {"step",
              "times gamma after every so many epochs",
              "",
              {"every", "gamma", "warmup"}},
    [MILESTONES] = {"milestones",
                    "times gamma at each of the epochs given",
                    "",
                    {"at", "gamma", "warmup"}},
    [COSINE] = {"cosine",
                "down along half a cosine",
                "Loshchilov and Hutter 2017, arXiv:1608.03983",
                {"min", "epochs", "warmup"}},
    [ONE_CYCLE] = {"one-cycle",
                   "up to the learning rate and far down, by cosines",
                   "Smith and Topin 2019, arXiv:1708.07120",
                   {"pct", "div", "final_div", "epochs"}},
};

/* Every numeric setting: where it lies and what it may be. */
static const struct setting {
    const char *name;
    size_t offset;
    double def, lo, hi;
} settings[] = {
    {"every", offsetof(struct pare_schedule_spec, every), 0, 1e-6, HUGE_VAL},
    {"gamma", offsetof(struct pare_schedule_spec, gamma), 0.1, 0, HUGE_VAL},
    {"min", offsetof(struct pare_schedule_spec, min), 0, 0, HUGE_VAL},
    {"pct", offsetof(struct pare_schedule_spec, pct), 0.3, 0, 1},
    {"div", offsetof(struct pare_schedule_spec, div), 25, 1, HUGE_VAL},
    {"final_div", offsetof(struct pare_schedule_spec, final_div), 1e4, 1,
     HUGE_VAL},
    {"epochs", offsetof(struct pare_schedule_spec, epochs), 0, 0, HUGE_VAL},
    {"warmup", offsetof(struct pare_schedule_spec, warmup), 0, 0, HUGE_VAL},
};
enum { N_SETTINGS = sizeof settings / sizeof *settings };

static double *field(struct pare_schedule_spec *s, const struct setting *of)
{
    return (double *)(void *)((char *)s + of->offset);
}

static const struct setting *find_setting(const char *name)
{
    for (int i = 0; i < N_SETTINGS; i++)
        if (strcmp(settings[i].name, name) == 0)
            return &settings[i];
    return NULL;
}

const struct pare_schedule *pare_schedule(size_t index)
{
    return index < sizeof table / sizeof *table ? &table[index] : NULL;
}

static int find_kind(int *kind, const char *name)
{
    char known[PARE_SPEC_MAX] = "";

    for (int i = 0; pare_schedule((size_t)i); i++) {
        if (strcmp(table[i].name, name) == 0) {
            *kind = i;
            return 0;
        }
        pare_spec_append(known, "%s%s", i ? ", " : "", table[i].name);
    }
    return pare_fail(PARE_EINVAL, "unknown schedule '%s': there are %s", name,
                     known);
}

static int takes(int kind, const char *name)
{
    for (int i = 0; i < PARE_SCHEDULE_OPTS && table[kind].option[i]; i++)
        if (strcmp(table[kind].option[i], name) == 0)
            return 1;
    return 0;
}

/* "30:60", put behind the milestones there are. */
static int add_milestones(struct pare_schedule_spec *s,
                          const struct pare_spec_item *item)
{
    struct pare_spec_item part = *item;
    const char *p = item->value;

    for (;;) {
        size_t n = strcspn(p, ":");
        double at = 0;
        int err;

        memcpy(part.value, p, n);
        part.value[n] = '\0';
        err = pare_spec_number(&at, table[s->kind].name, &part, 0, HUGE_VAL);
        if (err)
            return err;
        if (s->n_at > 0 && at <= s->at[s->n_at - 1])
            return pare_fail(PARE_EINVAL, "%s: at must increase",
                             table[s->kind].name);
        if (s->n_at == PARE_SCHEDULE_AT)
            return pare_fail(PARE_EINVAL, "%s: more than %d milestones",
                             table[s->kind].name, PARE_SCHEDULE_AT);
        s->at[s->n_at++] = at;
        if (!p[n])
            return 0;
        p += n + 1;
    }
}

static int set_option(struct pare_schedule_spec *s,
                      const struct pare_spec_item *item, unsigned *seen)
{
    const char *name = table[s->kind].name;
    const struct setting *of = find_setting(item->key);
    char known[PARE_SPEC_MAX] = "";

    if (!takes(s->kind, item->key)) {
        for (int i = 0; i < PARE_SCHEDULE_OPTS && table[s->kind].option[i]; i++)
            pare_spec_append(known, "%s%s", i ? ", " : "",
                             table[s->kind].option[i]);
        return pare_fail(PARE_EINVAL, "%s has no option '%s': there are %s",
                         name, item->key, known);
    }
    if (!of)
        return add_milestones(s, item);
    if (*seen & 1u << (of - settings))
        return pare_fail(PARE_EINVAL, "%s: %s is set twice", name, of->name);
    *seen |= 1u << (of - settings);
    return pare_spec_number(field(s, of), name, item, of->lo, of->hi);
}

static int write_canon(struct pare_schedule_spec *s)
{
    char number[PARE_NUMBER_MAX];
    int err = pare_spec_append(s->canon, "%s", table[s->kind].name);

    for (int i = 0; i < PARE_SCHEDULE_OPTS && table[s->kind].option[i]; i++) {
        const char *name = table[s->kind].option[i];
        const struct setting *of = find_setting(name);

        if (!err && of)
            err = pare_spec_append(s->canon, ",%s=%s", name,
                                   pare_number_print(number, *field(s, of)));
        for (int k = 0; !err && !of && k < s->n_at; k++)
            err = pare_spec_append(s->canon, "%s%s", k ? ":" : ",at=",
                                   pare_number_print(number, s->at[k]));
    }
    return err;
}

/* "step,at=.." is "milestones,at=..": look ahead for it. */
static int has_at(const char *spec)
{
    return spec && (strncmp(spec, "at=", 3) == 0 || strstr(spec, ",at="));
}

int pare_schedule_parse(struct pare_schedule_spec *out, const char *spec)
{
    struct pare_schedule_spec s = {0};
    struct pare_spec_item item = {0};
    unsigned seen = 0;
    int got = pare_spec_next(&item, &spec), err;

    if (got <= 0)
        return pare_fail_prefix(PARE_EINVAL, "schedule");
    if (item.has_value)
        return pare_fail(PARE_EINVAL, "schedule '%s=%s': the name comes first",
                         item.key, item.value);
    err = find_kind(&s.kind, item.key);
    if (err)
        return err;
    if (s.kind == STEP && has_at(spec))
        s.kind = MILESTONES;
    for (int i = 0; i < N_SETTINGS; i++)
        *field(&s, &settings[i]) = settings[i].def;
    while ((got = pare_spec_next(&item, &spec)) > 0) {
        err = set_option(&s, &item, &seen);
        if (err)
            return err;
    }
    if (got < 0)
        return pare_fail_prefix(got, "%s", table[s.kind].name);
    if (s.kind == STEP && s.every == 0)
        return pare_fail(PARE_EINVAL,
                         "step needs every=EPOCHS or at=EPOCH:EPOCH...");
    if (s.kind == MILESTONES && s.n_at == 0)
        return pare_fail(PARE_EINVAL, "milestones needs at=EPOCH:EPOCH...");
    err = write_canon(&s);
    if (!err)
        *out = s;
    return err;
}

/* Epochs as steps; 2^53 stands for "never". */
static double steps(double epochs, uint64_t per_epoch)
{
    double n = nearbyint(epochs * (double)per_epoch);

    return n < 0x1p53 ? n : 0x1p53;
}

bool pare_schedule_open_ended(const struct pare_schedule_spec *s)
{
    return s->kind != COSINE && s->kind != ONE_CYCLE;
}

int pare_schedule_set_length(struct pare_schedule_spec *s, double epochs)
{
    struct pare_schedule_spec longer = *s;
    int err;

    if (pare_schedule_open_ended(s) || s->epochs > 0)
        return 0;
    longer.epochs = epochs;
    longer.canon[0] = '\0';
    err = write_canon(&longer);
    if (!err)
        *s = longer;
    return err;
}

uint64_t pare_schedule_total(const struct pare_schedule_spec *s, uint64_t run,
                             uint64_t per_epoch)
{
    uint64_t own = (uint64_t)steps(s->epochs, per_epoch);

    if (s->epochs > 0)
        run = own;
    return run > 0 ? run : 1;
}

/* Half a cosine from a (part = 0) to b (part = 1). */
static double cosine(double a, double b, double part)
{
    const double pi = 3.14159265358979323846;

    return b + (a - b) * (1 + cos(pi * part)) / 2;
}

static double one_cycle(const struct pare_schedule_spec *s, double base,
                        double t, double total)
{
    double first = base / s->div, last = first / s->final_div;
    double top = s->pct * total - 1, end = total - 1;

    if (t <= top)
        return top > 0 ? cosine(first, base, t / top) : base;
    if (t >= end)
        return last;
    /* With top below 0 there is no rise: the fall begins at step 0. */
    top = top > 0 ? top : 0;
    return cosine(base, last, (t - top) / (end - top));
}

double pare_schedule_lr(const struct pare_schedule_spec *s, double base,
                        uint64_t step, uint64_t total, uint64_t per_epoch)
{
    double t = (double)step, end = (double)total, lr = base;
    double period = steps(s->every, per_epoch);
    double warmup = steps(s->warmup, per_epoch);

    switch (s->kind) {
    case STEP:
        lr *= pow(s->gamma, floor(t / (period > 1 ? period : 1)));
        break;
    case MILESTONES:
        for (int i = 0; i < s->n_at && steps(s->at[i], per_epoch) <= t; i++)
            lr *= s->gamma;
        break;
    case COSINE:
        lr = cosine(base, s->min, t < end ? t / end : 1);
        break;
    case ONE_CYCLE:
        lr = one_cycle(s, base, t, end);
        break;
    default:
        break;
    }
    return t < warmup ? lr * ((t + 1) / warmup) : lr;
}
