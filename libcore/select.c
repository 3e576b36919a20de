#include "select.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "parallel.h"
#include "status.h"

#define BUCKETS 65536
#define BLOCK   1024  /* scores looked at together */
#define CHUNK   65536 /* places of a task; a multiple of BLOCK */
#define LANES   8     /* histograms filled side by side, at most */
#define FEW     ((uint64_t)1 << 24) /* keys that are worth keeping: 32 MiB */

/* The lower halves of some keys of a chunk, in its order. */
struct few {
    uint16_t *low;
    size_t n, room;
};

/* One pass over a ranking. */
struct pass {
    const struct pare_ranking *r;
    size_t n_chunks;
    size_t lanes;    /* histograms; no more than chunks */
    size_t *first;   /* [n_parts + 1] chunk at which a part begins */
    size_t from, to; /* the chunks that are looked at together */
    size_t *count;   /* [lanes][BUCKETS] */
    uint32_t high;   /* bucket whose lower halves are counted */
    uint32_t key;    /* of the cut */
    uint64_t *below; /* [n_chunks] places before the key */
    uint64_t *equal; /* [n_chunks] places at the key, to be taken */
    struct few *few; /* [n_chunks] those in bucket `high` */
    uint8_t *const *mask;
    atomic_bool nan, full;
};

/*
 * Bits of a float as an unsigned number of the same order, or of the reverse
 * one; the addition turns -0 into +0.
 */
static inline uint32_t order_key(float score, uint32_t flip)
{
    float s = score + 0.0f;
    uint32_t u;

    memcpy(&u, &s, sizeof u);
    return u ^ ((0u - (u >> 31)) | 0x80000000u) ^ flip;
}

static inline uint32_t is_nan(float score)
{
    uint32_t u;

    memcpy(&u, &score, sizeof u);
    return (u & 0x7fffffffu) > 0x7f800000u;
}

/* Keys of some scores; returns whether one of them is NaN. */
PARE_CLONES
static uint32_t make_keys(uint32_t *key, const float *score, size_t n,
                          uint32_t flip)
{
    uint32_t nan = 0;

    for (size_t i = 0; i < n; i++) {
        nan |= is_nan(score[i]);
        key[i] = order_key(score[i], flip);
    }
    return nan;
}

/* A stretch of a part, at most BLOCK places. */
struct stretch {
    size_t part, first, n;
    const uint8_t *candidate; /* of its first place, or NULL */
    uint32_t key[BLOCK];
};

/* Keys of the places first.. of a part; notes a candidate that is NaN. */
static void load(struct stretch *s, struct pass *p, size_t part, size_t first,
                 size_t end)
{
    const struct pare_ranking *r = p->r;
    const struct pare_rank_part *from = &r->part[part];
    uint32_t flip = r->largest ? 0xffffffffu : 0, nan;
    float made[BLOCK];
    const float *score = from->score ? from->score + first : made;

    s->part = part;
    s->first = first;
    s->n = end - first < BLOCK ? end - first : BLOCK;
    s->candidate = from->candidate ? from->candidate + first : NULL;
    if (!from->score)
        r->block(made, r->arg, part, first, s->n);
    nan = make_keys(s->key, score, s->n, flip);
    for (size_t i = 0; nan && i < s->n; i++)
        if (is_nan(score[i]) && (!s->candidate || s->candidate[i]))
            atomic_store(&p->nan, true);
}

/* Do something with each stretch of a chunk. */
static void walk(struct pass *p, size_t chunk,
                 void (*visit)(struct pass *p, size_t chunk,
                               const struct stretch *s))
{
    struct stretch s;
    size_t part = 0, first, end;

    while (p->first[part + 1] <= chunk)
        part++;
    first = (chunk - p->first[part]) * CHUNK;
    end = p->r->part[part].n;
    end = end - first < CHUNK ? end : first + CHUNK;
    for (; first < end; first += BLOCK) {
        load(&s, p, part, first, end);
        visit(p, chunk, &s);
    }
}

static void count_high(struct pass *p, size_t chunk, const struct stretch *s)
{
    size_t *count = p->count + chunk % p->lanes * BUCKETS;

    if (!s->candidate) {
        for (size_t i = 0; i < s->n; i++)
            count[s->key[i] >> 16]++;
        return;
    }
    for (size_t i = 0; i < s->n; i++)
        count[s->key[i] >> 16] += s->candidate[i] != 0;
}

PARE_CLONES
static uint32_t any_high(const uint32_t *key, size_t n, uint32_t high)
{
    uint32_t any = 0;

    for (size_t i = 0; i < n; i++)
        any |= key[i] >> 16 == high;
    return any;
}

static void count_low(struct pass *p, size_t chunk, const struct stretch *s)
{
    size_t *count = p->count + chunk % p->lanes * BUCKETS;

    if (!any_high(s->key, s->n, p->high))
        return;
    for (size_t i = 0; i < s->n; i++)
        if (s->key[i] >> 16 == p->high && (!s->candidate || s->candidate[i]))
            count[s->key[i] & 0xffff]++;
}

PARE_CLONES
static void compare_high(uint32_t *below, uint32_t *equal, const uint32_t *key,
                         const uint8_t *candidate, size_t n, uint32_t high)
{
    uint32_t b = 0, e = 0;

    for (size_t i = 0; !candidate && i < n; i++) {
        b += key[i] >> 16 < high;
        e += key[i] >> 16 == high;
    }
    for (size_t i = 0; candidate && i < n; i++) {
        b += (key[i] >> 16 < high) & (candidate[i] != 0);
        e += (key[i] >> 16 == high) & (candidate[i] != 0);
    }
    *below = b;
    *equal = e;
}

/* Count what is below the bucket, and keep what is in it. */
static void keep_few(struct pass *p, size_t chunk, const struct stretch *s)
{
    struct few *few = &p->few[chunk];
    uint32_t below, equal;

    compare_high(&below, &equal, s->key, s->candidate, s->n, p->high);
    p->below[chunk] += below;
    if (!equal)
        return;
    if (few->room - few->n < equal) {
        size_t room = few->n + few->n / 2 + equal;
        uint16_t *low = realloc(few->low, room * sizeof *low);

        if (!low) {
            atomic_store(&p->full, true);
            return;
        }
        few->low = low;
        few->room = room;
    }
    for (size_t i = 0; i < s->n; i++)
        if (s->key[i] >> 16 == p->high && (!s->candidate || s->candidate[i]))
            few->low[few->n++] = (uint16_t)s->key[i];
}

PARE_CLONES
static void compare(uint32_t *below, uint32_t *equal, const uint32_t *key,
                    const uint8_t *candidate, size_t n, uint32_t cut)
{
    uint32_t b = 0, e = 0;

    for (size_t i = 0; !candidate && i < n; i++) {
        b += key[i] < cut;
        e += key[i] == cut;
    }
    for (size_t i = 0; candidate && i < n; i++) {
        b += (key[i] < cut) & (candidate[i] != 0);
        e += (key[i] == cut) & (candidate[i] != 0);
    }
    *below = b;
    *equal = e;
}

static void count_taken(struct pass *p, size_t chunk, const struct stretch *s)
{
    uint32_t below, equal;

    compare(&below, &equal, s->key, s->candidate, s->n, p->key);
    p->below[chunk] += below;
    p->equal[chunk] += equal;
}

PARE_CLONES
static void clear_below(uint8_t *mask, const uint32_t *key, size_t n,
                        uint32_t cut)
{
    for (size_t i = 0; i < n; i++)
        mask[i] = mask[i] & (uint8_t)(key[i] >= cut);
}

/* The ties of a chunk that are left to take are in p->equal. */
static void clear_taken(struct pass *p, size_t chunk, const struct stretch *s)
{
    uint8_t *mask = p->mask[s->part];
    uint64_t left = p->equal[chunk];

    if (!mask)
        return;
    mask += s->first;
    for (size_t i = 0; left && i < s->n; i++)
        if (s->key[i] == p->key && (!s->candidate || s->candidate[i])) {
            mask[i] = 0;
            left--;
        }
    p->equal[chunk] = left;
    clear_below(mask, s->key, s->n, p->key);
}

static void task_high(void *arg, size_t lane)
{
    struct pass *p = arg;

    for (size_t c = p->from + lane; c < p->to; c += p->lanes)
        walk(p, c, count_high);
}

static void task_low(void *arg, size_t lane)
{
    struct pass *p = arg;

    for (size_t c = p->from + lane; c < p->to; c += p->lanes)
        walk(p, c, count_low);
}

static void task_few(void *arg, size_t i)
{
    struct pass *p = arg;
    struct few *few = &p->few[p->from + i];
    uint16_t *fit;

    walk(p, p->from + i, keep_few);
    fit = few->n ? realloc(few->low, few->n * sizeof *fit) : NULL;
    few->low = fit ? fit : few->low;
}

static void task_taken(void *arg, size_t i)
{
    struct pass *p = arg;

    walk(p, p->from + i, count_taken);
}

static void task_clear(void *arg, size_t i)
{
    struct pass *p = arg;

    walk(p, p->from + i, clear_taken);
}

/* Do a task for each lane, or each chunk, of all parts or of one at a time. */
static int run_pass(struct pass *p, bool lanes, void (*task)(void *, size_t))
{
    const struct pare_ranking *r = p->r;
    int rc = 0;

    if (!r->begin) {
        p->from = 0;
        p->to = p->n_chunks;
        pare_parallel(r->threads, lanes ? p->lanes : p->n_chunks, task, p);
        return 0;
    }
    for (size_t part = 0; !rc && part < r->n_parts; part++) {
        p->from = p->first[part];
        p->to = p->first[part + 1];
        rc = r->begin(r->arg, part);
        if (!rc)
            pare_parallel(r->threads, lanes ? p->lanes : p->to - p->from, task,
                          p);
        r->close(r->arg, part);
    }
    return rc;
}

/* Sum of the lanes in the first one; returns the sum of all. */
static uint64_t add_lanes(struct pass *p)
{
    uint64_t total = 0;

    for (size_t b = 0; b < BUCKETS; b++) {
        for (size_t lane = 1; lane < p->lanes; lane++)
            p->count[b] += p->count[lane * BUCKETS + b];
        total += p->count[b];
    }
    return total;
}

/*
 * The bucket in which the k-th lowest lies, k >= 1; k becomes its rank within
 * that bucket. BUCKETS if k is above the sum of counts.
 */
static uint32_t find_bucket(const size_t *count, uint64_t *k)
{
    uint32_t b = 0;

    while (b < BUCKETS && count[b] < *k)
        *k -= count[b++];
    return b;
}

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "no memory to select weights");
}

static int begin_pass(struct pass *p, const struct pare_ranking *r)
{
    p->r = r;
    p->first = malloc((r->n_parts + 1) * sizeof *p->first);
    if (!p->first)
        return no_memory();
    for (size_t i = 0; i < r->n_parts; i++) {
        p->first[i] = p->n_chunks;
        p->n_chunks += (r->part[i].n + CHUNK - 1) / CHUNK;
    }
    p->first[r->n_parts] = p->n_chunks;
    p->lanes = p->n_chunks < LANES ? p->n_chunks + !p->n_chunks : LANES;
    p->count = calloc(p->lanes * BUCKETS, sizeof *p->count);
    p->below = calloc(p->n_chunks + 1, sizeof *p->below);
    p->equal = calloc(p->n_chunks + 1, sizeof *p->equal);
    if (!p->count || !p->below || !p->equal)
        return no_memory();
    return 0;
}

static void end_pass(struct pass *p)
{
    for (size_t c = 0; p->few && c < p->n_chunks; c++)
        free(p->few[c].low);
    free(p->few);
    free(p->first);
    free(p->count);
    free(p->below);
    free(p->equal);
}

/* The key of the k-th place of its bucket; k becomes its rank among its
   equals. Scores that are made again may be others, if a file was changed. */
static int set_key(struct pass *p, uint64_t *k)
{
    uint32_t low = find_bucket(p->count, k);

    if (low == BUCKETS)
        return pare_fail(PARE_EINVAL,
                         "scores changed while they were looked at");
    p->key = p->high << 16 | low;
    return 0;
}

/* Find the key by counting the lower halves, and what is before it. */
static int find_in_many(struct pass *p, uint64_t *k)
{
    int rc = run_pass(p, true, task_low);

    if (rc)
        return rc;
    add_lanes(p);
    rc = set_key(p, k);
    return rc ? rc : run_pass(p, false, task_taken);
}

/* The same in one pass, that keeps the lower halves. */
static int find_in_few(struct pass *p, uint64_t *k)
{
    int rc;

    p->few = calloc(p->n_chunks, sizeof *p->few);
    if (!p->few)
        return no_memory();
    rc = run_pass(p, false, task_few);
    if (!rc && atomic_load(&p->full))
        rc = no_memory();
    if (rc)
        return rc;
    for (size_t c = 0; c < p->n_chunks; c++)
        for (size_t i = 0; i < p->few[c].n; i++)
            p->count[p->few[c].low[i]]++;
    rc = set_key(p, k);
    for (size_t c = 0; !rc && c < p->n_chunks; c++)
        for (size_t i = 0; i < p->few[c].n; i++) {
            p->below[c] += p->few[c].low[i] < (p->key & 0xffff);
            p->equal[c] += p->few[c].low[i] == (p->key & 0xffff);
        }
    return rc;
}

/* Find the key of the k-th place; k becomes its rank among its equals. */
static int find_key(struct pass *p, uint64_t *k)
{
    bool few;

    p->high = find_bucket(p->count, k);
    few = p->count[p->high] <= FEW;
    memset(p->count, 0, p->lanes * BUCKETS * sizeof *p->count);
    return few ? find_in_few(p, k) : find_in_many(p, k);
}

/* Share `ties` out to the chunks in order, and count what each part loses. */
static void settle(struct pass *p, uint64_t *taken, uint64_t ties)
{
    for (size_t part = 0; part < p->r->n_parts; part++)
        for (size_t c = p->first[part]; c < p->first[part + 1]; c++) {
            if (p->equal[c] > ties)
                p->equal[c] = ties;
            ties -= p->equal[c];
            taken[part] += p->below[c] + p->equal[c];
        }
}

int pare_rank_cut(struct pare_cut *cut, uint64_t *taken,
                  const struct pare_ranking *r, uint64_t k)
{
    struct pass p = {0};
    uint64_t total, rank = k;
    int rc = begin_pass(&p, r);

    if (rc)
        goto out;
    rc = run_pass(&p, true, task_high);
    if (rc)
        goto out;
    if (atomic_load(&p.nan)) {
        rc = pare_fail(PARE_EINVAL, "a score is not a number");
        goto out;
    }
    total = add_lanes(&p);
    if (k > total) {
        rc = pare_fail(PARE_EINVAL, "cannot select %llu of %llu",
                       (unsigned long long)k, (unsigned long long)total);
        goto out;
    }
    memset(taken, 0, r->n_parts * sizeof *taken);
    memset(cut, 0, sizeof *cut);
    if (k == 0)
        goto out;
    rc = find_key(&p, &rank);
    if (rc)
        goto out;
    settle(&p, taken, rank);
    *cut = (struct pare_cut){p.key, p.n_chunks, p.first, p.equal};
    p.first = NULL;
    p.equal = NULL;
out:
    end_pass(&p);
    return rc;
}

int pare_rank_clear(uint8_t *const *mask, const struct pare_ranking *r,
                    struct pare_cut *cut)
{
    struct pass p = {.r = r,
                     .n_chunks = cut->n_chunks,
                     .first = cut->first,
                     .key = cut->key,
                     .equal = cut->ties,
                     .mask = mask};

    return cut->n_chunks ? run_pass(&p, false, task_clear) : 0;
}

void pare_cut_release(struct pare_cut *cut)
{
    free(cut->first);
    free(cut->ties);
    memset(cut, 0, sizeof *cut);
}

uint64_t pare_round_count(double x)
{
    return (uint64_t)nearbyint(x);
}
