#include "unit.h"

#include "kernel.h"
#include "rng.h"
#include "sparse.h"

#define MAX_TILES 3

static const size_t widths[] = {4, 8, 16, 32, 64};

/* A sparse matrix in all its forms, and activations on both sides. */
struct matter {
    size_t rows, cols, lanes, n;
    uint8_t *mask;
    float *dense, *value; /* [rows][cols], [n] */
    float *x, *y;         /* [MAX_TILES][cols or rows][lanes] */
    struct pare_pattern *p;
    struct pare_sparse *s;
};

static float *normal(size_t n, uint32_t id)
{
    float *v = malloc((n + 1) * sizeof *v);

    assert_non_null(v);
    pare_rng_normal(v, n, 11, id, PARE_STREAM_INIT, 0);
    return v;
}

static float *copied(const float *from, size_t n)
{
    float *v = malloc((n + 1) * sizeof *v);

    assert_non_null(v);
    memcpy(v, from, n * sizeof *v);
    return v;
}

/*
 * Each position is there with probability `density`, but row 1 and column 2
 * are empty and row 2 is full (where there are so many).
 */
static void make(struct matter *m, size_t rows, size_t cols, size_t lanes,
                 float density)
{
    uint32_t id = (uint32_t)(rows * 131 + cols * 7 + lanes);
    float *u;

    m->rows = rows;
    m->cols = cols;
    m->lanes = lanes;
    m->n = 0;
    m->mask = malloc(rows * cols);
    u = malloc(rows * cols * sizeof *u);
    m->dense = normal(rows * cols, id);
    m->value = malloc((rows * cols + 1) * sizeof *m->value);
    m->x = normal(MAX_TILES * cols * lanes, id + 1);
    m->y = normal(MAX_TILES * rows * lanes, id + 2);
    assert_non_null(m->mask);
    assert_non_null(m->value);
    assert_non_null(u);
    pare_rng_uniform(u, rows * cols, 0, 1, 12, PARE_STREAM_INIT, id);
    for (size_t i = 0; i < rows * cols; i++) {
        size_t r = i / cols, c = i % cols;

        m->mask[i] = r != 1 && (r == 2 || (c != 2 && u[i] < density));
        if (m->mask[i])
            m->value[m->n++] = m->dense[i];
        else
            m->dense[i] = 0;
    }
    free(u);
    assert_int_equal(pare_pattern_of_mask(&m->p, m->mask, rows, cols), 0);
    assert_int_equal(pare_pattern_count(m->p), m->n);
    assert_int_equal(pare_sparse_new(&m->s, m->p, true), 0);
}

static void release(struct matter *m)
{
    pare_sparse_free(m->s);
    pare_pattern_free(m->p);
    free(m->mask);
    free(m->dense);
    free(m->value);
    free(m->x);
    free(m->y);
}

static void near(const char *what, size_t at, float got, double sum,
                 double size)
{
    if (!(fabs((double)got - sum) <= 1e-6 * size + 1e-30))
        fail_msg("%s: %s at %zu is %.9g, not %.9g", pare_kernel()->name, what,
                 at, (double)got, sum);
}

static void check_forward(const struct matter *m)
{
    size_t lanes = m->lanes;
    float *y = copied(m->y, m->rows * lanes);

    pare_sparse_forward(m->s, m->value, 0, m->rows, y, m->x, lanes);
    for (size_t i = 0; i < m->rows * lanes; i++) {
        double sum = (double)m->y[i], size = fabs(sum);

        for (size_t c = 0; c < m->cols; c++) {
            double v = (double)m->dense[i / lanes * m->cols + c] *
                       (double)m->x[c * lanes + i % lanes];

            sum += v;
            size += fabs(v);
        }
        near("y", i, y[i], sum, size);
    }
    free(y);
}

static void check_back(const struct matter *m, bool add)
{
    size_t lanes = m->lanes;
    float *dx = copied(m->x, m->cols * lanes);

    pare_sparse_back(m->s, m->value, 0, m->cols, dx, m->y, lanes, add);
    for (size_t i = 0; i < m->cols * lanes; i++) {
        double sum = add ? (double)m->x[i] : 0, size = fabs(sum);

        for (size_t r = 0; r < m->rows; r++) {
            double v = (double)m->dense[r * m->cols + i / lanes] *
                       (double)m->y[r * lanes + i % lanes];

            sum += v;
            size += fabs(v);
        }
        near("dx", i, dx[i], sum, size);
    }
    free(dx);
}

static void check_gradient(const struct matter *m, size_t tiles)
{
    size_t lanes = m->lanes, k = 0;
    float *g = normal(m->n, 5);

    pare_sparse_gradient(m->s, 0, m->n, g, m->y, m->x, tiles, lanes);
    for (size_t i = 0; i < m->rows * m->cols; i++) {
        double sum = 0, size = 0;

        if (!m->mask[i])
            continue;
        for (size_t t = 0; t < tiles; t++)
            for (size_t j = 0; j < lanes; j++) {
                size_t r = t * m->rows + i / m->cols;
                size_t c = t * m->cols + i % m->cols;
                double v =
                    (double)m->y[r * lanes + j] * (double)m->x[c * lanes + j];

                sum += v;
                size += fabs(v);
            }
        near("g", k, g[k], sum, size);
        k++;
    }
    free(g);
}

/* Do `check` for every row of the table, then go back to the first. */
static void each_row(void (*check)(const struct matter *),
                     const struct matter *m)
{
    for (size_t r = 0; pare_kernel_row(r); r++)
        if (pare_kernel_row(r)->available()) {
            assert_int_equal(pare_kernel_use(pare_kernel_row(r)->name), 0);
            check(m);
        }
    for (size_t r = 0; pare_kernel_row(r); r++)
        if (pare_kernel_row(r)->available()) {
            assert_int_equal(pare_kernel_use(pare_kernel_row(r)->name), 0);
            return;
        }
}

static void check_all(const struct matter *m)
{
    check_forward(m);
    check_back(m, false);
    check_back(m, true);
    check_gradient(m, 1);
    check_gradient(m, MAX_TILES);
}

static void each_shape(void (*check)(const struct matter *))
{
    static const struct {
        size_t rows, cols;
        float density;
    } shape[] = {{1, 1, 1},      {3, 5, 0.5f},     {5, 3, 0},
                 {40, 17, 0.3f}, {130, 40, 0.05f}, {70, 300, 0.2f},
                 {9, 131, 1},    {300, 30, 0.9f},  {2, 700, 0.01f}};

    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
        for (size_t w = 0; w < 5; w++) {
            struct matter m;

            make(&m, shape[i].rows, shape[i].cols, widths[w], shape[i].density);
            each_row(check, &m);
            release(&m);
        }
}

static void every_row_is_the_product_at_every_width(void **state)
{
    (void)state;
    each_shape(check_all);
}

static void same_numbers(const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(a[i] == b[i]))
            fail_msg("%s: %.9g and %.9g at %zu", pare_kernel()->name,
                     (double)a[i], (double)b[i], i);
}

/* The dense products of the same matrix; -0 counts as 0. */
static void check_dense_bits(const struct matter *m)
{
    const struct pare_kernel *k = pare_kernel();
    size_t lanes = m->lanes, rows = m->rows, cols = m->cols;
    float *a = copied(m->y, rows * lanes), *b = copied(m->y, rows * lanes);
    float *c = copied(m->x, cols * lanes), *d = copied(m->x, cols * lanes);

    for (int add = 0; add < 2 && strcmp(k->family, "openblas") != 0; add++) {
        k->gemm(rows, lanes, cols, m->dense, cols, 1, m->x, lanes, a, lanes, 1);
        pare_sparse_forward(m->s, m->value, 0, rows, b, m->x, lanes);
        same_numbers(b, a, rows * lanes);
        k->gemm(cols, lanes, rows, m->dense, 1, cols, m->y, lanes, c, lanes,
                add);
        pare_sparse_back(m->s, m->value, 0, cols, d, m->y, lanes, add);
        same_numbers(d, c, cols * lanes);
    }
    free(a);
    free(b);
    free(c);
    free(d);
}

static void products_have_the_bits_of_the_dense_ones(void **state)
{
    (void)state;
    each_shape(check_dense_bits);
}

/* The order of the sums that the header tells, by halves. */
static float told(const struct matter *m, size_t r, size_t c, size_t tiles,
                  bool fused)
{
    size_t chains = m->lanes < 16 ? m->lanes : 16;
    float s[16] = {0};

    for (size_t i = 0; i < tiles * m->lanes; i++) {
        size_t t = i / m->lanes, j = i % m->lanes;
        float dy = m->y[(t * m->rows + r) * m->lanes + j];
        float x = m->x[(t * m->cols + c) * m->lanes + j];
        float product = dy * x;

        s[j % 16] = fused ? fmaf(dy, x, s[j % 16]) : s[j % 16] + product;
    }
    for (size_t half = chains / 2; half > 0; half /= 2)
        for (size_t j = 0; j < half; j++)
            s[j] += s[j + half];
    return s[0];
}

static void check_order(const struct matter *m)
{
    bool fused = strcmp(pare_kernel()->family, "fma") == 0;
    float *g = normal(m->n, 5);

    pare_sparse_gradient(m->s, 0, m->n, g, m->y, m->x, MAX_TILES, m->lanes);
    for (size_t r = 0; r < m->rows; r++)
        for (uint64_t k = m->p->row[r]; k < m->p->row[r + 1]; k++) {
            float right = told(m, r, m->p->col[k], MAX_TILES, fused);

            assert_memory_equal(&g[k], &right, sizeof right);
        }
    free(g);
}

static void gradients_are_summed_in_the_order_told(void **state)
{
    (void)state;
    each_shape(check_order);
}

/* The sizes of parts: none, one, a third, and so on. */
static size_t part(size_t turn, size_t left, size_t n)
{
    size_t some = turn % 3 == 0 ? 0 : turn % 3 == 1 ? 1 : n / 3;

    return some < left ? some : left;
}

static void check_parts(const struct matter *m)
{
    size_t lanes = m->lanes, rows = m->rows, cols = m->cols, n;
    float *y = copied(m->y, rows * lanes), *ys = copied(m->y, rows * lanes);
    float *dx = copied(m->x, cols * lanes), *dxs = copied(m->x, cols * lanes);
    float *g = normal(m->n, 5), *gs = normal(m->n, 6);

    pare_sparse_forward(m->s, m->value, 0, rows, y, m->x, lanes);
    pare_sparse_back(m->s, m->value, 0, cols, dx, m->y, lanes, true);
    pare_sparse_gradient(m->s, 0, m->n, g, m->y, m->x, 2, lanes);
    for (size_t i = 0, turn = 0; i < rows; i += n) {
        n = part(turn++, rows - i, rows);
        pare_sparse_forward(m->s, m->value, i, n, ys + i * lanes, m->x, lanes);
    }
    for (size_t i = 0, turn = 0; i < cols; i += n) {
        n = part(turn++, cols - i, cols);
        pare_sparse_back(m->s, m->value, i, n, dxs, m->y, lanes, true);
    }
    for (size_t i = 0, turn = 0; i < m->n; i += n) {
        n = part(turn++, m->n - i, m->n);
        pare_sparse_gradient(m->s, i, n, gs + i, m->y, m->x, 2, lanes);
    }
    assert_memory_equal(ys, y, rows * lanes * sizeof *y);
    assert_memory_equal(dxs, dx, cols * lanes * sizeof *dx);
    assert_memory_equal(gs, g, m->n * sizeof *g);
    free(y);
    free(ys);
    free(dx);
    free(dxs);
    free(g);
    free(gs);
}

static void parts_are_the_same_as_the_whole(void **state)
{
    (void)state;
    each_shape(check_parts);
}

/* What the arrangement takes grows with entries and sides, not with area. */
static void an_arrangement_is_as_small_as_its_pattern(void **state)
{
    const uint64_t flat[2] = {5, ((uint64_t)1 << 42) - 1};
    const size_t side = (size_t)1 << 21;
    struct pare_pattern *p;
    struct pare_sparse *s;

    (void)state;
    assert_int_equal(pare_pattern_of_flat(&p, flat, 2, side, side), 0);
    assert_int_equal(pare_sparse_new(&s, p, false), 0);
    assert_true(pare_sparse_bytes(s) < 1000);
    pare_sparse_free(s);
    assert_int_equal(pare_sparse_new(&s, p, true), 0);
    assert_true(pare_sparse_bytes(s) < 9 * side);
    pare_sparse_free(s);
    pare_sparse_free(NULL);
    pare_pattern_free(p);
}

static void densities_are_parts_of_one(void **state)
{
    (void)state;
    for (size_t r = 0; pare_kernel_row(r); r++) {
        if (!pare_kernel_row(r)->available())
            continue;
        assert_int_equal(pare_kernel_use(pare_kernel_row(r)->name), 0);
        assert_true(pare_sparse_density(false) > 0);
        assert_true(pare_sparse_density(true) > 0);
        assert_true(pare_sparse_density(false) <= 1);
        assert_true(pare_sparse_density(true) <= 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_the_product_at_every_width),
        cmocka_unit_test(products_have_the_bits_of_the_dense_ones),
        cmocka_unit_test(gradients_are_summed_in_the_order_told),
        cmocka_unit_test(parts_are_the_same_as_the_whole),
        cmocka_unit_test(an_arrangement_is_as_small_as_its_pattern),
        cmocka_unit_test(densities_are_parts_of_one),
    };

    return run_group(tests);
}
