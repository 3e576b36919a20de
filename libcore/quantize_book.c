/* Levels in a book: found by clustering, or multiples of a step. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "quantize_parts.h"
#include "status.h"

#define BINS       65536 /* that uniform levels are chosen by */
#define SEARCH_MAX 12    /* bits up to which a step is sought */
#define COARSE     97    /* steps tried, each 2^(1/16) smaller */
#define FINE       33    /* and between the neighbours of the best */

/* From levels to a book. */

struct book {
    size_t n;        /* places */
    float *level;    /* [n] levels as float32, ascending; 0 among them */
    uint64_t *count; /* [n] values */
    size_t *place;   /* [levels] place of each level */
    size_t zero;     /* place of 0 */
};

static void release_book(struct book *b)
{
    free(b->level);
    free(b->count);
    free(b->place);
}

/* Levels rounded to float32; those that become equal share a place, and 0
   has one in any case. */
static int open_book(struct book *b, const struct pare_levels *l)
{
    memset(b, 0, sizeof *b);
    b->level = malloc((l->n + 1) * sizeof *b->level);
    b->count = calloc(l->n + 1, sizeof *b->count);
    b->place = malloc((l->n + 1) * sizeof *b->place);
    if (!b->level || !b->count || !b->place) {
        release_book(b);
        return pare_fail(PARE_ENOMEM, "out of memory");
    }
    b->zero = SIZE_MAX;
    for (size_t i = 0; i <= l->n; i++) {
        float v = i < l->n ? (float)l->at[i] : INFINITY;

        if (b->zero == SIZE_MAX && v >= 0) {
            b->zero = b->n;
            b->level[b->n++] = 0;
        }
        if (i == l->n)
            break;
        if (b->n == 0 || v > b->level[b->n - 1])
            b->level[b->n++] = v;
        b->place[i] = b->n - 1;
    }
    return 0;
}

/* Write the levels into the values. */
static void apply(struct pare_change *c, struct book *b, struct pare_tensor *t,
                  const struct pare_levels *l)
{
    for (size_t i = 0; i < t->n; i++) {
        float was = t->value[i];
        size_t place;

        if (t->mask && !t->mask[i])
            continue;
        place = was == 0 ? b->zero : b->place[pare_levels_of(l, was)];
        b->count[place]++;
        t->value[i] = b->level[place];
        pare_change_add(c, was, t->value[i]);
    }
}

/* The levels in use become the tensor's. */
static void keep_book(struct pare_tensor *t, const struct book *b, float *book,
                      enum pare_quant_kind kind)
{
    pare_quant_release(&t->quant);
    t->quant.kind = kind;
    t->quant.book = book;
    for (size_t i = 0; i < b->n; i++)
        if (b->count[i])
            book[t->quant.n_book++] = b->level[i];
    t->dtype = PARE_F32;
}

/* Values on their levels, and all that is told of them. */
static int settle(struct pare_quantize_row *r, struct pare_tensor *t,
                  const struct pare_levels *l, enum pare_quant_kind kind)
{
    struct pare_change c = {0};
    float *book = malloc((l->n + 1) * sizeof *book);
    struct book b;
    int rc;

    if (!book)
        return pare_fail(PARE_ENOMEM, "out of memory");
    rc = open_book(&b, l);
    if (rc) {
        free(book);
        return rc;
    }
    apply(&c, &b, t, l);
    keep_book(t, &b, book, kind);
    pare_change_report(r, &c);
    pare_code_report(r, b.count, b.n);
    release_book(&b);
    return 0;
}

/* Codebooks. */

/* Root of the squared error over that of the squares. */
static double error_of(const struct pare_levels *l, const struct pare_sorted *s)
{
    double all = s->power * (double)s->values;

    return all > 0 ? sqrt(pare_levels_distortion(l, s) / all) : 0;
}

static int too_few(double error, double most)
{
    return pare_fail(PARE_EINVAL,
                     "an error of %g cannot be kept to: with as many levels "
                     "as may be it is %g",
                     most, error);
}

/* Does a codebook of k levels keep to the error? */
static int keeps(bool *yes, double *error, const struct pare_sorted *s,
                 size_t k, const struct pare_quantize_options *o, double most)
{
    struct pare_levels l = {0};
    int rc = pare_cluster(&l, s, k, o->start, o->lambda, o->seed);

    if (!rc) {
        *error = error_of(&l, s);
        *yes = *error <= most;
    }
    pare_levels_release(&l);
    return rc;
}

/* The fewest levels that keep to an error: doubled, then halved between. */
static int fewest(size_t *k, const struct pare_sorted *s,
                  const struct pare_quantize_options *o, double most)
{
    size_t lo = s->zeros && s->n ? 1 : 0, hi = lo + 1; /* lo is too few */
    double error = 0;
    bool yes = false;
    int rc = keeps(&yes, &error, s, hi, o, most);

    while (!rc && !yes && hi < PARE_BOOK_MAX) {
        lo = hi;
        hi = 2 * hi < PARE_BOOK_MAX ? 2 * hi : PARE_BOOK_MAX;
        rc = keeps(&yes, &error, s, hi, o, most);
    }
    if (!rc && !yes)
        return too_few(error, most);
    while (!rc && hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;

        rc = keeps(&yes, &error, s, mid, o, most);
        if (yes)
            hi = mid;
        else
            lo = mid;
    }
    *k = hi;
    return rc;
}

int pare_quantize_codebook(struct pare_quantize_row *r, struct pare_tensor *t,
                           const struct pare_quantize_options *o, double amount)
{
    struct pare_sorted s = {0};
    struct pare_levels l = {0};
    size_t k = (size_t)amount;
    int rc = pare_sorted_init(&s, t->value, t->mask, t->n);

    if (!rc && o->kind == PARE_LEVELS_ERROR)
        rc = fewest(&k, &s, o, amount);
    if (!rc)
        rc = pare_cluster(&l, &s, k, o->start, o->lambda, o->seed);
    pare_sorted_release(&s);
    if (!rc)
        rc = settle(r, t, &l, PARE_QUANT_CODEBOOK);
    pare_levels_release(&l);
    return rc;
}

/* Uniform levels. */

/* Multiples -most..most of a step, and their intervals. */
static void place(struct pare_levels *l, const struct pare_sorted *s,
                  double step, size_t most, double lambda)
{
    l->n = 2 * most + 1;
    l->zero = most;
    for (size_t i = 0; i < l->n; i++)
        l->at[i] = ((double)i - (double)most) * step;
    pare_levels_settle(l, s, 0, false);
    if (lambda > 0)
        pare_levels_settle(l, s, lambda, false);
}

/* What a step is chosen by: squared error over the mean square, and lambda
   times the bits of all codes. */
static double price(const struct pare_levels *l, const struct pare_sorted *s,
                    double lambda)
{
    double sum = s->power > 0 ? pare_levels_distortion(l, s) / s->power : 0;

    for (size_t i = 0; lambda > 0 && i < l->n; i++)
        sum += lambda * (double)l->count[i] * l->bits[i];
    return sum;
}

/* A step of float32 that is neither 0 nor infinite. */
static double rounded(double step)
{
    float f = (float)step;

    return (double)(f < FLT_TRUE_MIN ? FLT_TRUE_MIN : f);
}

/* The best of n steps that fall by a factor from the first. */
static double best_of(struct pare_levels *l, const struct pare_sorted *s,
                      size_t most, double lambda, double first, double factor,
                      int n)
{
    double best = first, least = (double)INFINITY, step = first;

    for (int i = 0; i < n; i++, step *= factor) {
        double p, tried = rounded(step);

        place(l, s, tried, most, lambda);
        p = price(l, s, lambda);
        if (p < least) {
            least = p;
            best = step;
        }
    }
    return best;
}

static double seek_step(struct pare_levels *l, const struct pare_sorted *s,
                        size_t most, double lambda)
{
    const double coarse = exp2(-1. / 16), fine = exp2(-1. / 256);
    double first = s->peak / (double)most, best;

    if (most >= (size_t)1 << SEARCH_MAX)
        return rounded(first);
    best = best_of(l, s, most, lambda, first, coarse, COARSE);
    best = best < first ? best / coarse : best; /* none above the first */
    return rounded(best_of(l, s, most, lambda, best, fine, FINE));
}

/* Levels of so many bits, or of a step. */
static int lay(struct pare_levels *l, const struct pare_sorted *s,
               enum pare_level_kind kind, double amount, double lambda)
{
    double step = kind == PARE_LEVELS_STEP ? rounded(amount) : 0;
    double most = exp2(amount - 1) - 1;
    int rc;

    if (kind == PARE_LEVELS_STEP)
        most = s->n ? ceil(s->peak / step - .5) : 0;
    if (most > PARE_BOOK_MAX / 2 - 1)
        return pare_fail(PARE_EINVAL,
                         "a step of %g is too small: more than %d levels", step,
                         PARE_BOOK_MAX - 1);
    rc = pare_levels_init(l, 2 * (size_t)most + 1);
    if (rc)
        return rc;
    if (step == 0)
        step = s->n ? seek_step(l, s, (size_t)most, lambda) : 1;
    place(l, s, step, (size_t)most, lambda);
    return 0;
}

/* Fewest bits that keep to an error. */
static int fewest_bits(double *bits, const struct pare_sorted *s,
                       const struct pare_quantize_options *o, double most)
{
    double error = 0;

    for (int b = PARE_BITS_MIN; b <= PARE_BITS_MAX; b++) {
        struct pare_levels l = {0};
        int rc = lay(&l, s, PARE_LEVELS_BITS, b, o->lambda);

        if (rc)
            return rc;
        error = error_of(&l, s);
        pare_levels_release(&l);
        if (error <= most) {
            *bits = b;
            return 0;
        }
    }
    return too_few(error, most);
}

int pare_quantize_uniform(struct pare_quantize_row *r, struct pare_tensor *t,
                          const struct pare_quantize_options *o, double amount)
{
    enum pare_level_kind kind = o->kind;
    struct pare_sorted s = {0};
    struct pare_levels l = {0};
    int rc = r->kept <= BINS
                 ? pare_sorted_init(&s, t->value, t->mask, t->n)
                 : pare_sorted_bin(&s, t->value, t->mask, t->n, BINS);

    if (!rc && kind == PARE_LEVELS_ERROR) {
        rc = fewest_bits(&amount, &s, o, amount);
        kind = PARE_LEVELS_BITS;
    }
    if (!rc)
        rc = lay(&l, &s, kind, amount, o->lambda);
    if (!rc)
        rc = settle(r, t, &l, PARE_QUANT_UNIFORM);
    pare_sorted_release(&s);
    pare_levels_release(&l);
    return rc;
}
