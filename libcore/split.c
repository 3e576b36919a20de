#include "split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "rng.h"
#include "status.h"

static int bad_plan(const char *text, const char *why)
{
    return pare_fail(PARE_EINVAL, "split '%s': %s", text, why);
}

/* One number of the list, at most 31 bytes long. */
static int parse_part(double *v, bool *point, const char *at, size_t len)
{
    char buf[PARE_NUMBER_MAX];

    if (len == 0 || len >= sizeof buf)
        return PARE_EINVAL;
    memcpy(buf, at, len);
    buf[len] = '\0';
    *point = strchr(buf, '.') != NULL;
    if (pare_number_parse(v, buf) || *v < 0)
        return PARE_EINVAL;
    return 0;
}

int pare_split_parse(struct pare_split_plan *plan, const char *text)
{
    struct pare_split_plan p = {0};
    bool counts = false, point;
    const char *at = text;
    double sum = 0;
    int n = 0;

    for (;;) {
        size_t len = strcspn(at, ",");

        if (n == PARE_SPLITS)
            return bad_plan(text, "more than three numbers");
        if (parse_part(&p.part[n], &point, at, len))
            return bad_plan(text, "not numbers of 0 or more");
        if (point)
            p.fractions = true;
        else if (p.part[n] > 0)
            counts = true;
        sum += p.part[n++];
        if (at[len] == '\0')
            break;
        at += len + 1;
    }
    if (p.fractions && counts)
        return bad_plan(text, "counts and fractions (with a point) mixed");
    if (p.fractions && sum > 1 + 1e-9)
        return bad_plan(text, "fractions sum to more than 1");
    if (!(sum > 0))
        return bad_plan(text, "all are 0");
    for (int i = 0; counts && i < n; i++)
        if (p.part[i] > 4294967295.0 || p.part[i] != floor(p.part[i]))
            return bad_plan(text, "counts are whole numbers below 2^32");
    *plan = p;
    return 0;
}

/* Largest remainders; see the header. */
static void divide(size_t size[PARE_SPLITS], const double part[PARE_SPLITS],
                   size_t n)
{
    double rest[PARE_SPLITS], sum = 0;
    size_t given = 0, total;

    for (int i = 0; i < PARE_SPLITS; i++) {
        double share = part[i] * (double)n;

        sum += part[i];
        size[i] = (size_t)floor(share + 1e-9);
        rest[i] = share - (double)size[i];
        given += size[i];
    }
    total = fabs(sum - 1) < 1e-9 ? n : (size_t)rint(sum * (double)n);
    for (; given < total; given++) {
        int best = 0;

        for (int i = 1; i < PARE_SPLITS; i++)
            if (rest[i] > rest[best] + 1e-9)
                best = i;
        size[best]++;
        rest[best] = -1;
    }
}

int pare_split_sizes(size_t count[PARE_SPLITS],
                     const struct pare_split_plan *plan, size_t n)
{
    size_t size[PARE_SPLITS] = {0};
    double sum = 0;

    for (int i = 0; i < PARE_SPLITS; i++)
        sum += plan->part[i];
    if (!plan->fractions && sum > (double)n)
        return pare_fail(PARE_EINVAL,
                         "the splits ask for %.0f samples, there are %zu", sum,
                         n);
    if (plan->fractions)
        divide(size, plan->part, n);
    for (int i = 0; i < PARE_SPLITS; i++) {
        if (!plan->fractions)
            size[i] = (size_t)plan->part[i];
        if (plan->part[i] > 0 && size[i] == 0)
            return pare_fail(PARE_EINVAL, "split '%s' of %zu samples is empty",
                             pare_split_name((enum pare_split_id)i), n);
    }
    memcpy(count, size, sizeof size);
    return 0;
}

/* Copy the samples with to[i] == id; x and y NULL when there are none. */
static int pick(struct pare_split *out, const struct pare_dataset *d,
                const uint8_t *to, int id, size_t n)
{
    const struct pare_split *in = &d->split[PARE_TRAIN];
    size_t size = d->features * (d->type == PARE_X_U8 ? 1 : sizeof(float));
    struct pare_split s = {0};

    if (n) {
        s.x = malloc(n * size);
        s.y = malloc(n * sizeof *s.y);
        if (!s.x || !s.y) {
            free(s.x);
            free(s.y);
            return pare_fail(PARE_ENOMEM, "out of memory");
        }
    }
    for (size_t i = 0; n && i < in->n; i++) {
        if (to[i] != id)
            continue;
        memcpy((char *)s.x + s.n * size, (const char *)in->x + i * size, size);
        s.y[s.n++] = in->y[i];
    }
    *out = s;
    return 0;
}

/* Replace train (and val, test where id goes there) by what was dealt. */
static int deal(struct pare_dataset *d, const uint8_t *to,
                const size_t count[PARE_SPLITS])
{
    struct pare_split part[PARE_SPLITS] = {{0}};
    int rc = 0;

    for (int i = 0; rc == 0 && i < PARE_SPLITS; i++)
        rc = pick(&part[i], d, to, i, count[i]);
    for (int i = 0; i < PARE_SPLITS; i++) {
        struct pare_split *old = rc ? &part[i] : &d->split[i];

        if (rc == 0 && i != PARE_TRAIN && count[i] == 0)
            continue; /* what is there stays */
        free(old->x);
        free(old->y);
        if (rc == 0)
            d->split[i] = part[i];
    }
    return rc;
}

int pare_split_deal(struct pare_dataset *d, const size_t count[PARE_SPLITS],
                    uint64_t seed, bool shuffle)
{
    size_t n = d->split[PARE_TRAIN].n, place = 0;
    uint32_t *perm = NULL;
    uint8_t *to = NULL;
    int rc = 0;

    if (d->split[PARE_VAL].n || d->split[PARE_TEST].n ||
        count[0] + count[1] + count[2] > n)
        return pare_fail(PARE_EINVAL, "cannot deal %zu samples so", n);
    perm = malloc((n + 1) * sizeof *perm);
    to = malloc(n + 1);
    if (!perm || !to) {
        rc = pare_fail(PARE_ENOMEM, "out of memory");
        goto out;
    }
    memset(to, PARE_SPLITS, n);
    for (size_t i = 0; i < n; i++)
        perm[i] = (uint32_t)i;
    if (shuffle)
        pare_rng_permutation(perm, n, seed, PARE_STREAM_SPLIT, 0);
    for (int s = 0; s < PARE_SPLITS; s++)
        for (size_t k = 0; k < count[s]; k++)
            to[perm[place++]] = (uint8_t)s;
    rc = deal(d, to, count);
out:
    free(perm);
    free(to);
    return rc;
}

int pare_split_take_val(struct pare_dataset *d, size_t n, uint64_t seed)
{
    size_t all = d->split[PARE_TRAIN].n;
    size_t count[PARE_SPLITS] = {all - n, n, 0};
    uint32_t *perm = NULL;
    uint8_t *to = NULL;
    int rc = 0;

    if (d->split[PARE_VAL].n)
        return pare_fail(PARE_EINVAL, "there are validation samples already");
    if (n >= all)
        return pare_fail(PARE_EINVAL,
                         "cannot take %zu validation samples of %zu", n, all);
    perm = malloc(all * sizeof *perm);
    to = calloc(all, 1);
    if (!perm || !to) {
        rc = pare_fail(PARE_ENOMEM, "out of memory");
        goto out;
    }
    pare_rng_permutation(perm, all, seed, PARE_STREAM_SPLIT, 1);
    for (size_t i = 0; i < n; i++)
        to[perm[i]] = PARE_VAL;
    rc = deal(d, to, count);
out:
    free(perm);
    free(to);
    return rc;
}
