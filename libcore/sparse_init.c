#include "sparse_init.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocation.h"
#include "compact.h"
#include "number.h"
#include "select.h"
#include "spec.h"
#include "status.h"

#define SET    "Mocanu et al. 2018, arXiv:1707.04780"
#define RIGL   "Evci et al. 2020, arXiv:1911.11134"
#define STATIC "Frankle and Carbin 2019, arXiv:1803.03635"

/* Draws for each position, where more would fill the layer. */
#define REPLACE_MAX 20

/* Of a model, all layers together. */
#define CONNECTIONS_MAX ((uint64_t)1 << 32)

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

static const char *layer_name(const struct pare_model *m, size_t tensor)
{
    return m->arch.layer[m->tensor[tensor].layer].name;
}

/* A product without its fraction; what rounding left below a whole number is
 * that number. */
static uint64_t whole_part(double x)
{
    return (uint64_t)floor(x + 1e-6);
}

/* Share the budget of all rows out by a row of the table of allocations. */
static int divide(struct pare_sparse_row *row, size_t n,
                  const struct pare_model *m, double density,
                  const char *allocation)
{
    struct pare_allocation_layer *l = calloc(n + 1, sizeof *l);
    uint64_t *kept = calloc(n + 1, sizeof *kept);
    double total = 0;
    uint64_t budget;
    int err = l && kept ? 0 : no_memory();

    for (size_t i = 0; !err && i < n; i++) {
        l[i].layer = &m->arch.layer[m->tensor[row[i].tensor].layer];
        l[i].weight = &m->tensor[row[i].tensor];
        l[i].total = l[i].hi = row[i].total;
        l[i].lo = 1;
        total += (double)row[i].total;
    }
    budget = pare_round_count(density * total);
    if (!err && budget < n)
        err = pare_fail(PARE_EINVAL,
                        "a density of %.3g is %llu of %.0f connections: each "
                        "of %zu layers needs one",
                        density, (unsigned long long)budget, total, n);
    if (!err)
        err = pare_allocation_divide(kept, pare_allocation_find(allocation), l,
                                     n, budget, false);
    for (size_t i = 0; !err && i < n; i++) {
        row[i].count = kept[i];
        row[i].density = (double)kept[i] / (double)row[i].total;
    }
    free(kept);
    free(l);
    return err;
}

/* Connections that epsilon gives: epsilon times the sum of the fans. */
static void by_epsilon(struct pare_sparse_row *row, size_t n,
                       const struct pare_model *m, double epsilon, bool kernel)
{
    for (size_t i = 0; i < n; i++) {
        const struct pare_tensor *t = &m->tensor[row[i].tensor];
        double sum = (double)t->dim[0] + (double)t->dim[1], sides = 1;

        for (int k = 2; k < t->rank; k++) {
            sum += kernel ? (double)t->dim[k] : 0;
            sides *= kernel ? 1 : (double)t->dim[k];
        }
        row[i].density = epsilon * sum * sides / (double)row[i].total;
        row[i].count = row[i].density < 1e9 ? whole_part(epsilon * sum * sides)
                                            : UINT64_MAX;
    }
}

static int counts_er(struct pare_sparse_row *row, size_t n,
                     const struct pare_model *m,
                     const struct pare_sparse_spec *s)
{
    if (isnan(s->epsilon))
        return divide(row, n, m, s->density, "er");
    by_epsilon(row, n, m, s->epsilon, false);
    return 0;
}

static int counts_erk(struct pare_sparse_row *row, size_t n,
                      const struct pare_model *m,
                      const struct pare_sparse_spec *s)
{
    if (isnan(s->epsilon))
        return divide(row, n, m, s->density, "erk");
    by_epsilon(row, n, m, s->epsilon, true);
    return 0;
}

static int counts_uniform(struct pare_sparse_row *row, size_t n,
                          const struct pare_model *m,
                          const struct pare_sparse_spec *s)
{
    return divide(row, n, m, s->density, "layer");
}

static int counts_each(struct pare_sparse_row *row, size_t n,
                       const struct pare_model *m,
                       const struct pare_sparse_spec *s)
{
    (void)m;
    for (size_t i = 0; i < n; i++) {
        row[i].density = s->density;
        row[i].count = whole_part(s->density * (double)row[i].total);
    }
    return 0;
}

static const struct pare_sparse_way table[] = {
    {"er", "densities as (inputs + outputs) / (inputs x outputs)", SET,
     PARE_SPARSE_EXACT, true, counts_er},
    {"erk", "the same with the sides of kernels in sum and product", RIGL,
     PARE_SPARSE_EXACT, true, counts_erk},
    {"uniform", "the same density in every layer, the sum to one connection",
     RIGL, PARE_SPARSE_EXACT, false, counts_uniform},
    {"exact", "the same density in every layer, fractions dropped in each",
     STATIC, PARE_SPARSE_EXACT, false, counts_each},
    {"bernoulli", "every connection by itself with that probability", SET,
     PARE_SPARSE_BERNOULLI, false, counts_each},
};

#define ROWS (sizeof table / sizeof *table)

static const char *const how_name[] = {"exact", "bernoulli", "replace"};

const struct pare_sparse_way *pare_sparse_way(size_t index)
{
    return index < ROWS ? &table[index] : NULL;
}

static const struct pare_sparse_way *find(const char *name)
{
    char known[PARE_SPEC_MAX] = "";

    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
        pare_spec_append(known, "%s%s", i ? ", " : "", table[i].name);
    }
    pare_fail(PARE_EINVAL, "unknown way to be sparse '%s': there are %s", name,
              known);
    return NULL;
}

/* What has been set, so that nothing is set twice. */
enum seen {
    SEEN_HOW = 1,
    SEEN_DENSITY = 2,
    SEEN_EPSILON = 4,
    SEEN_FAN = 8,
    SEEN_LAYERS = 16
};

static int positive(double *x, const char *way,
                    const struct pare_spec_item *item, double hi)
{
    int err = pare_spec_number(x, way, item, 0, hi);

    if (!err && *x <= 0)
        return pare_fail(PARE_EINVAL, "%s: %s is %s, must be above 0", way,
                         item->key, item->value);
    return err;
}

static int parse_fan(bool *sparse, const char *way,
                     const struct pare_spec_item *item)
{
    *sparse = strcmp(item->value, "sparse") == 0;
    if (!*sparse && strcmp(item->value, "dense") != 0)
        return pare_fail(PARE_EINVAL,
                         "%s: fan is '%s', must be dense or "
                         "sparse",
                         way, item->value);
    return 0;
}

/* How positions are drawn, a word alone; -1: it is not one. */
static int how_of(const struct pare_spec_item *item)
{
    for (int i = 0; i < 3 && !item->has_value; i++)
        if (strcmp(item->key, how_name[i]) == 0)
            return i;
    return -1;
}

static int parse_item(struct pare_sparse_spec *s, unsigned *seen,
                      const struct pare_spec_item *item)
{
    const char *way = s->way->name;
    int how = how_of(item), err = 0;
    unsigned bit;

    if (how >= 0) {
        bit = SEEN_HOW;
        s->how = (enum pare_sparse_how)how;
        if (s->way->how == PARE_SPARSE_BERNOULLI)
            return pare_fail(PARE_EINVAL, "%s: how it draws is in its name",
                             way);
    } else if (strcmp(item->key, "density") == 0) {
        bit = SEEN_DENSITY;
        err = positive(&s->density, way, item, 1);
    } else if (strcmp(item->key, "epsilon") == 0) {
        bit = SEEN_EPSILON;
        err = positive(&s->epsilon, way, item, HUGE_VAL);
    } else if (strcmp(item->key, "fan") == 0) {
        bit = SEEN_FAN;
        err = parse_fan(&s->sparse_fan, way, item);
    } else if (strcmp(item->key, "layers") == 0) {
        bit = SEEN_LAYERS;
        memcpy(s->layers, item->value, sizeof s->layers);
    } else {
        return pare_fail(PARE_EINVAL,
                         "%s has no setting '%s': there are exact, bernoulli, "
                         "replace, density, epsilon, fan and layers",
                         way, item->key);
    }
    if (!err && *seen & bit)
        err = pare_fail(PARE_EINVAL, "%s: %s is set twice", way,
                        bit == SEEN_HOW ? "how it draws" : item->key);
    *seen |= bit;
    return err;
}

static int check(const struct pare_sparse_spec *s)
{
    const char *way = s->way->name;

    if (!isnan(s->density) && !isnan(s->epsilon))
        return pare_fail(PARE_EINVAL,
                         "%s: density and epsilon exclude each other", way);
    if (!isnan(s->epsilon) && !s->way->fans)
        return pare_fail(PARE_EINVAL,
                         "%s takes a density: epsilon is for er and erk", way);
    if (isnan(s->density) && isnan(s->epsilon))
        return pare_fail(PARE_EINVAL, "%s: say how sparse: %s", way,
                         s->way->fans ? "a density or epsilon" : "a density");
    return 0;
}

static int print(struct pare_sparse_spec *s)
{
    char number[PARE_NUMBER_MAX];
    int err;

    s->canon[0] = '\0';
    err = pare_spec_append(s->canon, "%s", s->way->name);
    if (!err && s->how != s->way->how)
        err = pare_spec_append(s->canon, ",%s", how_name[s->how]);
    if (!err && isnan(s->epsilon))
        err = pare_spec_append(s->canon, ",density=%s",
                               pare_number_print(number, s->density));
    else if (!err)
        err = pare_spec_append(s->canon, ",epsilon=%s",
                               pare_number_print(number, s->epsilon));
    if (!err && s->sparse_fan)
        err = pare_spec_append(s->canon, ",fan=sparse");
    if (!err && s->layers[0])
        err = pare_spec_append(s->canon, ",layers=%s", s->layers);
    return err;
}

int pare_sparse_parse(struct pare_sparse_spec *spec, const char *text)
{
    struct pare_sparse_spec s = {.density = (double)NAN,
                                 .epsilon = (double)NAN};
    struct pare_spec_item item = {0};
    int got = pare_spec_next(&item, &text), err = 0;
    unsigned seen = 0;

    if (got <= 0)
        return pare_fail_prefix(PARE_EINVAL, "sparse");
    s.way = item.has_value ? NULL : find(item.key);
    if (!s.way)
        return item.has_value ? pare_fail(PARE_EINVAL,
                                          "'%s=%s': the way to be sparse "
                                          "comes first",
                                          item.key, item.value)
                              : PARE_EINVAL;
    s.how = s.way->how;
    while (!err && (got = pare_spec_next(&item, &text)) > 0)
        err = parse_item(&s, &seen, &item);
    if (got < 0)
        return pare_fail_prefix(got, "%s", s.way->name);
    if (!err)
        err = check(&s);
    if (!err)
        err = print(&s);
    if (!err)
        *spec = s;
    return err;
}

/* The next glob of "fc1+fc2"; false at the end. */
static bool next_glob(char glob[PARE_SPEC_MAX], const char **at)
{
    size_t n = strcspn(*at, "+");

    if (!**at)
        return false;
    memcpy(glob, *at, n);
    glob[n] = '\0';
    *at += n + ((*at)[n] == '+');
    return true;
}

static bool chosen(const struct pare_sparse_spec *s, const char *name)
{
    const char *at = s->layers;
    char glob[PARE_SPEC_MAX];

    while (next_glob(glob, &at))
        if (fnmatch(glob, name, 0) == 0)
            return true;
    return !s->layers[0];
}

/* Every glob must find a layer with weights. */
static int check_globs(const struct pare_model *m,
                       const struct pare_sparse_spec *s)
{
    const char *at = s->layers;
    char glob[PARE_SPEC_MAX];

    while (next_glob(glob, &at)) {
        size_t t = 0;

        while (t < m->n_tensors && (!pare_tensor_prunable(&m->tensor[t]) ||
                                    fnmatch(glob, layer_name(m, t), 0) != 0))
            t++;
        if (t == m->n_tensors)
            return pare_fail(PARE_EINVAL, "'%s' matches no layer with weights",
                             glob);
    }
    return 0;
}

/* Is it a density that a layer can have? Says which a layer has. */
static int check_row(struct pare_sparse_row *r, const struct pare_model *m,
                     const struct pare_sparse_spec *s)
{
    bool replace = s->how == PARE_SPARSE_REPLACE;

    if (r->density > (replace ? REPLACE_MAX : 1))
        return pare_fail(PARE_EINVAL,
                         "epsilon %g fills layer %s: a density of %.3g of its "
                         "%llu positions; choose it lower, or leave the layer "
                         "dense by naming the sparse ones (--sparse-layers)",
                         s->epsilon, layer_name(m, r->tensor), r->density,
                         (unsigned long long)r->total);
    if (s->how != PARE_SPARSE_BERNOULLI && !r->count)
        return pare_fail(PARE_EINVAL,
                         "a density of %.3g leaves layer %s without any of "
                         "its %llu connections",
                         r->density, layer_name(m, r->tensor),
                         (unsigned long long)r->total);
    if (replace)
        r->density = -expm1((double)r->count * log1p(-1 / (double)r->total));
    r->whole = s->how == PARE_SPARSE_BERNOULLI ? r->density >= 1
               : s->how == PARE_SPARSE_EXACT   ? r->count == r->total
                                               : false;
    return 0;
}

int pare_sparse_plan(struct pare_sparse_row **row, size_t *n,
                     const struct pare_model *m,
                     const struct pare_sparse_spec *s)
{
    struct pare_sparse_row *r = malloc((m->n_tensors + 1) * sizeof *r);
    size_t k = 0;
    int err = r ? check_globs(m, s) : no_memory();

    for (size_t t = 0; !err && t < m->n_tensors; t++)
        if (pare_tensor_prunable(&m->tensor[t]) && chosen(s, layer_name(m, t)))
            r[k++] = (struct pare_sparse_row){
                .tensor = t, .total = pare_tensor_positions(&m->tensor[t])};
    if (!err && !k)
        err = pare_fail(PARE_EINVAL, "no layer has weights to be sparse");
    if (!err)
        err = s->way->counts(r, k, m, s);
    for (size_t i = 0; !err && i < k; i++)
        err = check_row(&r[i], m, s);
    if (err) {
        free(r);
        return err;
    }
    *row = r;
    *n = k;
    return 0;
}

/* Draw the connections of one layer. */
static int connect(struct pare_tensor *t, const struct pare_sparse_row *r,
                   const struct pare_sparse_spec *s, uint64_t seed)
{
    const struct pare_sparse_lot lot = {s->how, r->count, r->density, seed,
                                        (uint32_t)r->tensor};
    uint64_t cols = r->total / t->dim[0];
    int err;

    if (r->total > PARE_DENSE_POSITIONS && pare_tensor_can_compact(t)) {
        err = pare_sparse_draw_pattern(&t->pattern, t->dim[0], (size_t)cols,
                                       &lot);
        if (!err)
            t->target = pare_pattern_count(t->pattern);
        return err;
    }
    t->mask = malloc((size_t)r->total);
    if (!t->mask)
        return no_memory();
    err = pare_sparse_draw_mask(t->mask, r->total, &lot);
    t->target = pare_tensor_kept(t);
    return err;
}

/* Known before any is drawn: a file can ask for what no memory holds. */
static int check_sum(const struct pare_sparse_row *row, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += row[i].density * (double)row[i].total;
    if (sum > (double)CONNECTIONS_MAX)
        return pare_fail(PARE_ELIMIT, "%.3g connections are more than 2^32",
                         sum);
    return 0;
}

int pare_sparse_connect(struct pare_model *m, const struct pare_sparse_spec *s,
                        uint64_t seed)
{
    struct pare_sparse_row *row = NULL;
    size_t n = 0;
    int err = pare_sparse_plan(&row, &n, m, s);

    if (!err)
        err = check_sum(row, n);
    for (size_t i = 0; !err && i < n; i++) {
        if (!row[i].whole)
            err = connect(&m->tensor[row[i].tensor], &row[i], s, seed);
        if (err)
            err =
                pare_fail_prefix(err, "layer %s", layer_name(m, row[i].tensor));
    }
    free(row);
    return err;
}
