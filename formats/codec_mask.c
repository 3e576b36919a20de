/* Masks as bytes: as bits, as gaps, or as choices of n out of m. */
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "codec_parts.h"
#include "lanes.h"
#include "squeeze.h"
#include "status.h"

static const uint64_t *side(const struct pare_where *w, bool transposed)
{
    return transposed ? w->turned : w->bits;
}

/* What is done with each gap; inlined into the walk over all. */
typedef void gap_user(void *arg, uint64_t gap);

static inline void each_bit(const uint64_t *bits, uint64_t n, gap_user *use,
                            void *arg)
{
    uint64_t next = 0;

    for (uint64_t i = 0; i < n / 64 + (n % 64 > 0); i++)
        for (uint64_t x = bits[i]; x; x &= x - 1) {
            uint64_t at = i * 64 + pare_bits_lowest(x);

            use(arg, at - next);
            next = at + 1;
        }
}

static inline void each_entry(const struct pare_pattern *p, gap_user *use,
                              void *arg)
{
    uint64_t next = 0;

    for (size_t r = 0; r < p->rows; r++)
        for (uint64_t e = p->row[r]; e < p->row[r + 1]; e++) {
            uint64_t at = (uint64_t)r * p->cols + p->col[e];

            use(arg, at - next);
            next = at + 1;
        }
}

static inline void each_gap(const struct pare_where *w, bool transposed,
                            gap_user *use, void *arg)
{
    if (w->bits)
        each_bit(side(w, transposed), w->n, use, arg);
    else
        each_entry(w->pattern, use, arg);
}

/* Counts of gaps, and of their bytes. */
struct gap_counts {
    uint64_t narrow[256], wide[8][256];
    uint64_t most;
};

static inline void count_narrow(void *arg, uint64_t gap)
{
    struct gap_counts *c = arg;

    if (gap < 255) {
        c->narrow[gap]++;
        return;
    }
    c->narrow[gap % 255]++;
    c->narrow[255] += gap / 255;
    c->most = gap > c->most ? gap : c->most;
}

static inline void count_wide(void *arg, uint64_t gap)
{
    struct gap_counts *c = arg;

    for (unsigned p = 0; p < 8; p++)
        c->wide[p][gap >> 8 * p & 255]++;
}

static unsigned bytes_of(uint64_t most)
{
    unsigned bytes = 1;

    while (bytes < 8 && most >> 8 * bytes)
        bytes++;
    return bytes;
}

/* What codes make of a plane, or the plane itself. */
static uint64_t cost_of(const uint64_t *hist, uint64_t raw)
{
    uint64_t size = pare_squeezed_size(hist);

    return size < raw ? size : raw;
}

/* Both ways to write gaps; numbers of more bytes where many bytes only go
   on. */
static int plan_gaps(struct pare_mask_plan *plan, size_t *n,
                     const struct pare_where *w, bool transposed)
{
    struct gap_counts *c = calloc(1, sizeof *c);
    struct pare_mask_plan *p = &plan[(*n)++];

    if (!c)
        return pare_fail(PARE_ENOMEM, "out of memory");
    each_gap(w, transposed, count_narrow, c);
    *p = (struct pare_mask_plan){.form = PARE_MASK_GAPS,
                                 .transposed = transposed,
                                 .planes = 1,
                                 .n_mask = w->nnz + c->narrow[255]};
    p->cost = cost_of(c->narrow, p->n_mask);
    if (c->narrow[255] > w->nnz / 8) {
        p = &plan[(*n)++];
        *p = (struct pare_mask_plan){.form = PARE_MASK_GAPS,
                                     .transposed = transposed,
                                     .planes = (uint8_t)bytes_of(c->most),
                                     .n_mask = w->nnz};
        if (p->planes < 2)
            p->planes = 2;
        each_gap(w, transposed, count_wide, c);
        for (unsigned k = 0; k < p->planes; k++)
            p->cost += cost_of(c->wide[k], w->nnz);
    }
    free(c);
    return 0;
}

static void bitmap_bytes(uint8_t *to, const uint64_t *bits, uint64_t bytes)
{
    uint64_t i = 0;

    for (; i + 8 <= bytes; i += 8)
        for (unsigned k = 0; k < 8; k++)
            to[i + k] = (uint8_t)(bits[i / 8] >> 8 * k);
    for (; i < bytes; i++)
        to[i] = (uint8_t)(bits[i / 8] >> 8 * (i % 8));
}

/* The bytes of n:m ranks; low bytes, then high ones where there are two. */
static int choice_bytes(uint8_t *to, const struct pare_mask_plan *plan,
                        const uint64_t *bits, uint64_t n)
{
    unsigned m = plan->choose_m;
    size_t ways = pare_choose(plan->choose_n, m);
    uint32_t *list = malloc(ways * sizeof *list);

    if (!list)
        return pare_fail(PARE_ENOMEM, "out of memory");
    pare_choices(list, plan->choose_n, m);
    memset(to, 0, plan->planes * plan->n_mask);
    for (uint64_t g = 0, digit = 1; g < n / m; g++) {
        uint32_t x = (uint32_t)pare_bits_at(bits, g * m, m);
        size_t lo = 0, hi = ways - 1;

        while (lo < hi) {
            size_t mid = (lo + hi) / 2;

            if (list[mid] < x)
                lo = mid + 1;
            else
                hi = mid;
        }
        if (g % plan->per == 0)
            digit = 1;
        to[g / plan->per] = (uint8_t)(to[g / plan->per] + lo * digit);
        if (plan->planes > 1)
            to[plan->n_mask + g] = (uint8_t)(lo >> 8);
        digit *= ways;
    }
    free(list);
    return 0;
}

/* Bytes of gaps under way. */
struct gap_bytes {
    uint8_t *to;
    unsigned planes;
    uint64_t n_mask;
};

static inline void put_narrow(void *arg, uint64_t gap)
{
    struct gap_bytes *b = arg;

    for (; gap >= 255; gap -= 255)
        *b->to++ = 255;
    *b->to++ = (uint8_t)gap;
}

static inline void put_wide(void *arg, uint64_t gap)
{
    struct gap_bytes *b = arg;

    for (unsigned p = 0; p < b->planes; p++)
        b->to[p * b->n_mask] = (uint8_t)(gap >> 8 * p);
    b->to++;
}

static void gap_bytes(uint8_t *to, const struct pare_mask_plan *plan,
                      const struct pare_where *w)
{
    struct gap_bytes b = {to, plan->planes, plan->n_mask};

    if (plan->planes == 1)
        each_gap(w, plan->transposed, put_narrow, &b);
    else
        each_gap(w, plan->transposed, put_wide, &b);
}

int pare_mask_raw(uint8_t **raw, const struct pare_mask_plan *plan,
                  const struct pare_where *w)
{
    uint8_t *to = malloc(plan->planes * plan->n_mask);
    const uint64_t *bits = side(w, plan->transposed);
    int err = 0;

    if (!to)
        return pare_fail(PARE_ENOMEM, "out of memory");
    if (plan->form == PARE_MASK_BITMAP) {
        bitmap_bytes(to, bits, plan->n_mask);
    } else if (plan->form == PARE_MASK_CHOICE) {
        err = choice_bytes(to, plan, bits, w->n);
    } else {
        gap_bytes(to, plan, w);
    }
    if (err)
        free(to);
    else
        *raw = to;
    return err;
}

static int plan_cost(struct pare_mask_plan *plan, const struct pare_where *w)
{
    uint8_t *raw;
    int err = pare_mask_raw(&raw, plan, w);

    if (err)
        return err;
    plan->cost = 0;
    for (unsigned p = 0; p < plan->planes; p++) {
        uint64_t hist[256] = {0};

        pare_byte_counts(hist, raw + p * plan->n_mask, plan->n_mask);
        plan->cost += cost_of(hist, plan->n_mask);
    }
    free(raw);
    return 0;
}

/* Do all groups of m positions have the same number of entries? */
static bool chosen(const uint64_t *bits, uint64_t n, unsigned n_of, unsigned m)
{
    for (uint64_t g = 0; g < n / m; g++) {
        uint64_t x = pare_bits_at(bits, g * m, m);

        if (pare_bits_total(&x, 1) != n_of)
            return false;
    }
    return true;
}

/* The smallest groups that all have the same number. */
static int plan_choice(struct pare_mask_plan *plan, size_t *n,
                       const struct pare_where *w, bool transposed)
{
    for (unsigned m = 2; m <= PARE_CODEC_GROUP; m++) {
        struct pare_mask_plan *p = &plan[*n];
        uint64_t n_of = w->nnz / (w->n / m ? w->n / m : 1);
        size_t ways;

        if (w->n % m || n_of < 1 || n_of >= m || w->n / m * n_of != w->nnz)
            continue;
        ways = pare_choose((unsigned)n_of, m);
        if (!ways || !chosen(side(w, transposed), w->n, (unsigned)n_of, m))
            continue;
        *p = (struct pare_mask_plan){.form = PARE_MASK_CHOICE,
                                     .transposed = transposed,
                                     .planes = ways > 256 ? 2 : 1,
                                     .choose_n = (uint8_t)n_of,
                                     .choose_m = (uint8_t)m,
                                     .per = (uint8_t)pare_digits_of_byte(ways)};
        p->n_mask = w->n / m / p->per + (w->n / m % p->per > 0);
        ++*n;
        return plan_cost(p, w);
    }
    return 0;
}

/* A bitmap's bytes are counted where they lie, in any order of a word's. */
static void plan_bitmap(struct pare_mask_plan *plan, size_t *n,
                        const struct pare_where *w, bool transposed)
{
    struct pare_mask_plan *p = &plan[(*n)++];
    uint64_t bytes = w->n / 8 + (w->n % 8 > 0), room = (w->n + 63) / 64 * 8;
    uint64_t hist[256] = {0};

    pare_byte_counts(hist, (const uint8_t *)side(w, transposed), (size_t)room);
    hist[0] -= room - bytes;
    *p = (struct pare_mask_plan){.form = PARE_MASK_BITMAP,
                                 .transposed = transposed,
                                 .planes = 1,
                                 .n_mask = bytes,
                                 .cost = cost_of(hist, bytes)};
}

static int plan_side(struct pare_mask_plan *plan, size_t *n,
                     const struct pare_where *w, bool transposed)
{
    int err = 0;

    if (w->bits) {
        plan_bitmap(plan, n, w, transposed);
        err = plan_choice(plan, n, w, transposed);
    }
    /* Gaps are better below a density of one in twenty, or more where what
       is there lies together; counting many takes time. */
    if (!err &&
        (!w->bits || w->n < 4096 || w->nnz < w->n / (w->n < 1 << 22 ? 6 : 12)))
        err = plan_gaps(plan, n, w, transposed);
    return err;
}

/* A bitmap in C order is read fastest: others must be worth it. */
static uint64_t rated(const struct pare_mask_plan *p)
{
    unsigned percent =
        100 + (p->transposed ? 1 : 0) + (p->form == PARE_MASK_GAPS ? 1 : 0);

    return p->cost * percent / 100;
}

/* By cost, and as planned where that is the same: in place, few. */
static void sort_plans(struct pare_mask_plan *plan, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j && rated(&plan[j]) < rated(&plan[j - 1]); j--) {
            struct pare_mask_plan x = plan[j];

            plan[j] = plan[j - 1];
            plan[j - 1] = x;
        }
}

int pare_mask_plans(struct pare_mask_plan *plan, size_t *n,
                    const struct pare_where *w)
{
    int err;

    *n = 0;
    err = plan_side(plan, n, w, false);
    if (!err && w->turned)
        err = plan_side(plan, n, w, true);
    if (!err)
        sort_plans(plan, *n);
    return err;
}

static int bad(const char *what)
{
    return pare_fail(PARE_EFORMAT, "mask of a coded tensor: %s", what);
}

static int read_bitmap(uint64_t *bits, const struct pare_coded *c,
                       const uint8_t *raw)
{
    uint64_t i = 0;

    for (; i + 8 <= c->n_mask; i += 8) {
        uint64_t x = 0;

        for (unsigned k = 0; k < 8; k++)
            x |= (uint64_t)raw[i + k] << 8 * k;
        bits[i / 8] = x;
    }
    for (; i < c->n_mask; i++)
        bits[i / 8] |= (uint64_t)raw[i] << 8 * (i % 8);
    if (c->n % 64 && bits[c->n / 64] >> c->n % 64)
        return bad("bits past the end");
    return 0;
}

/* The next gap; *i steps over its bytes. Beyond `limit` it is cut off. */
static bool next_gap(uint64_t *gap, const struct pare_coded *c,
                     const uint8_t *raw, uint64_t *i, uint64_t limit)
{
    uint64_t x = 0;

    if (*i >= c->n_mask)
        return false;
    if (c->planes == 1) {
        while (*i < c->n_mask && raw[*i] == 255 && x <= limit) {
            x += 255;
            ++*i;
        }
        if (*i >= c->n_mask || raw[*i] == 255)
            return false;
        x += raw[(*i)++];
    } else {
        for (unsigned p = 0; p < c->planes; p++)
            x |= (uint64_t)raw[p * c->n_mask + *i] << 8 * p;
        ++*i;
    }
    *gap = x;
    return x < limit;
}

static int read_gaps(uint64_t *bits, const struct pare_coded *c,
                     const uint8_t *raw)
{
    uint64_t at = 0, i = 0, gap;

    for (uint64_t k = 0; k < c->nnz; k++) {
        if (!next_gap(&gap, c, raw, &i, c->n - at))
            return bad("gaps past the end");
        at += gap;
        bits[at / 64] |= (uint64_t)1 << at % 64;
        at++;
    }
    return i == c->n_mask ? 0 : bad("more gaps than entries");
}

static int read_choice(uint64_t *bits, const struct pare_coded *c,
                       const uint8_t *raw)
{
    unsigned m = c->choose_m;
    size_t ways = pare_choose(c->choose_n, m);
    uint32_t *list = malloc(ways * sizeof *list);
    uint64_t groups = c->n / m, rest = 0;
    int err = 0;

    if (!list)
        return pare_fail(PARE_ENOMEM, "out of memory");
    pare_choices(list, c->choose_n, m);
    for (uint64_t g = 0; !err && g < groups; g++) {
        uint64_t at = g * m, rank;

        if (g % c->mask_per == 0) {
            if (rest)
                break;
            rest = raw[g / c->mask_per];
            if (c->planes > 1)
                rest |= (uint64_t)raw[c->n_mask + g] << 8;
        }
        rank = c->mask_per > 1 ? rest % ways : rest;
        rest = c->mask_per > 1 ? rest / ways : 0;
        if (rank >= ways) {
            err = bad("a rank of no choice");
            break;
        }
        bits[at / 64] |= (uint64_t)list[rank] << at % 64;
        if (at % 64 + m > 64)
            bits[at / 64 + 1] |= (uint64_t)list[rank] >> (64 - at % 64);
    }
    free(list);
    return err ? err : rest ? bad("a byte of too many ranks") : 0;
}

int pare_mask_bits(uint64_t *bits, const struct pare_coded *c,
                   const uint8_t *raw, size_t rows)
{
    uint64_t *turned;
    size_t words = (size_t)(c->n / 64 + 1);
    int err = c->mask_form == PARE_MASK_BITMAP ? read_bitmap(bits, c, raw)
              : c->mask_form == PARE_MASK_GAPS ? read_gaps(bits, c, raw)
                                               : read_choice(bits, c, raw);

    if (!err && pare_bits_total(bits, words) != c->nnz)
        err = bad("not as many entries as it says");
    if (err || !c->transposed)
        return err;
    turned = malloc(words * sizeof *turned);
    if (!turned)
        return pare_fail(PARE_ENOMEM, "out of memory");
    turned[words - 1] = 0;
    pare_bits_transpose(turned, bits, (size_t)(c->n / rows), rows);
    memcpy(bits, turned, words * sizeof *bits);
    free(turned);
    return 0;
}

int pare_mask_pattern(struct pare_pattern **p, const struct pare_coded *c,
                      const uint8_t *raw, size_t rows, size_t cols)
{
    struct pare_pattern *new;
    uint64_t i = 0, column = 0;
    size_t row = 0;
    int err = pare_pattern_new(&new, rows, cols, c->nnz);

    if (err)
        return err;
    new->row[0] = 0;
    for (uint64_t k = 0; !err && k < c->nnz; k++) {
        uint64_t gap, left = (uint64_t)(rows - row) * cols - column;

        if (!next_gap(&gap, c, raw, &i, left)) {
            err = bad("gaps past the end");
            break;
        }
        column += gap;
        for (uint64_t down = column / cols; down; down--)
            new->row[++row] = k;
        column %= cols;
        new->col[k] = (uint32_t)column++;
    }
    if (!err && i != c->n_mask)
        err = bad("more gaps than entries");
    while (!err && row < rows)
        new->row[++row] = c->nnz;
    if (err)
        pare_pattern_free(new);
    else
        *p = new;
    return err;
}
