#include "evolve.h"

#include <math.h>

#include "rng.h"
#include "status.h"

#define PI 3.14159265358979323846

/* A time of the text, in steps since the run began. */
static uint64_t in_steps(const struct pare_prune_time *t,
                         const struct pare_evolve_times *x)
{
    uint64_t steps;

    if (t->unit == PARE_TIME_STEP)
        return t->n;
    if (t->unit == PARE_TIME_PART)
        return pare_prune_part(t->n, t->of, x->steps);
    if (t->n == 0)
        return 0;
    if (__builtin_mul_overflow(t->n, x->per_epoch, &steps))
        return UINT64_MAX;
    return steps - x->begun;
}

/* Is a time beyond the run? Compared where it can be. */
static bool beyond(const struct pare_prune_time *t,
                   const struct pare_evolve_times *x,
                   const struct pare_prune_run *run)
{
    if (t->unit == PARE_TIME_PART)
        return false;
    if (run->per_epoch)
        return in_steps(t, x) > x->steps;
    if (run->steps)
        return t->unit == PARE_TIME_STEP && t->n > run->steps;
    return t->unit == PARE_TIME_EPOCH && t->n > run->epochs;
}

static int check_ends(const struct pare_evolve_spec *s,
                      const struct pare_evolve_times *x,
                      const struct pare_prune_run *run)
{
    struct pare_prune_time start = s->has_start ? s->start : s->every;
    bool same = s->has_until && s->until.unit == start.unit;
    bool before = same && s->until.n < start.n;

    if (s->has_start && beyond(&s->start, x, run))
        return pare_fail(PARE_EINVAL, "start=%s%llu is beyond the run",
                         s->start.unit == PARE_TIME_STEP ? "step:" : "",
                         (unsigned long long)s->start.n);
    if (s->has_until && beyond(&s->until, x, run))
        return pare_fail(PARE_EINVAL, "until=%s%llu is beyond the run",
                         s->until.unit == PARE_TIME_STEP ? "step:" : "",
                         (unsigned long long)s->until.n);
    if (!before && s->has_until && s->has_start && run->per_epoch)
        before = in_steps(&s->until, x) < in_steps(&start, x);
    if (before && (s->has_start || isnan(s->p)))
        return pare_fail(PARE_EINVAL, "until is before start");
    return 0;
}

int pare_evolve_lay(struct pare_evolve_times *to,
                    const struct pare_evolve_spec *s,
                    const struct pare_prune_run *run)
{
    struct pare_evolve_times x = {
        .every = s->every.n,
        .first = s->has_start  ? s->start.n
                 : isnan(s->p) ? s->every.n
                               : 0,
        .in_epochs = s->every.unit == PARE_TIME_EPOCH,
        .per_epoch = run->per_epoch,
        .begun = run->begun,
        .steps = run->steps,
    };
    int err;

    if (!run->steps && run->epochs)
        x.steps = run->epochs * run->per_epoch - run->begun;
    err = check_ends(s, &x, run);
    if (err)
        return err;
    x.full = s->has_until ? in_steps(&s->until, &x) : x.steps;
    x.end = x.full;
    if (s->decay != PARE_EVOLVE_CONSTANT)
        x.end -= x.end > 0;
    if (x.end >= x.steps)
        x.end = x.steps;
    if (x.end == x.steps && s->last == PARE_EVOLVE_NOTHING)
        x.end -= x.end > 0;
    if (s->last != PARE_EVOLVE_NOTHING && x.steps && x.end < x.steps)
        return pare_fail(PARE_EINVAL, "last does not go with rewiring that "
                                      "ends before the run");
    *to = x;
    return 0;
}

bool pare_evolve_next(uint64_t *at, const struct pare_evolve_times *x,
                      uint64_t from)
{
    uint64_t n = from, k = 0;

    if (x->steps == 0)
        return false;
    if (x->in_epochs) { /* the first end of an epoch that is not before */
        n = (from + x->begun) / x->per_epoch;
        n += (from + x->begun) % x->per_epoch != 0;
    }
    if (n > x->first)
        k = (n - x->first) / x->every + ((n - x->first) % x->every != 0);
    if (k > (UINT64_MAX - x->first) / x->every)
        return false;
    n = x->first + k * x->every;
    if (x->in_epochs) {
        if (n > (x->end + x->begun) / x->per_epoch)
            return false;
        n = n * x->per_epoch - x->begun;
    }
    if (n > x->end)
        return false;
    *at = n;
    return true;
}

double pare_evolve_share(const struct pare_evolve_spec *s,
                         const struct pare_evolve_times *x, uint64_t at)
{
    double part = x->full ? (double)at / (double)x->full : 1;

    if (s->decay == PARE_EVOLVE_CONSTANT)
        return s->drop.zeta;
    if (part >= 1)
        return 0;
    if (s->decay == PARE_EVOLVE_LINEAR)
        return s->drop.zeta * (1 - part);
    return s->drop.zeta / 2 * (1 + cos(PI * part));
}

bool pare_evolve_drawn(const struct pare_evolve_spec *s, uint64_t seed,
                       size_t tensor, uint64_t step)
{
    uint32_t word[4];

    pare_rng_block(word, seed, PARE_STREAM_EVOLVE, (uint32_t)tensor, step);
    return (double)word[0] * 0x1p-32 < s->p;
}
