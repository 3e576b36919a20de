#include "unit.h"

#include "kernel.h"
#include "rng.h"

/* Room for the largest case, with the strides' slack. */
enum { MOST = 72, SLACK = 3, CELLS = (MOST + SLACK) * (MOST + SLACK) };

struct product {
    size_t m, n, k;
    int transposed, add;
    float a[CELLS], b[CELLS], c[CELLS];
    size_t ars, acs, ldb, ldc;
};

static void fill(struct product *p, size_t m, size_t n, size_t k,
                 int transposed, int add)
{
    uint32_t id = (uint32_t)(m * 6151 + n * 389 + k);

    *p = (struct product){
        .m = m, .n = n, .k = k, .transposed = transposed, .add = add};
    pare_rng_normal(p->a, CELLS, 1, id, PARE_STREAM_INIT, 0);
    pare_rng_normal(p->b, CELLS, 1, id, PARE_STREAM_INIT, 1);
    pare_rng_normal(p->c, CELLS, 1, id, PARE_STREAM_INIT, 2);
    p->ars = transposed ? 1 : k + SLACK;
    p->acs = transposed ? m + SLACK : 1;
    p->ldb = n + 1;
    p->ldc = n + 2;
}

static void run(const struct pare_kernel *row, struct product *p)
{
    row->gemm(p->m, p->n, p->k, p->a, p->ars, p->acs, p->b, p->ldb, p->c,
              p->ldc, p->add);
}

/* The product in double, and what rounding may do to it. */
static void check_exact(const struct pare_kernel *row,
                        const struct product *before,
                        const struct product *after)
{
    const struct product *p = before;

    for (size_t i = 0; i < p->m; i++)
        for (size_t j = 0; j < p->n; j++) {
            double sum = p->add ? (double)p->c[i * p->ldc + j] : 0;
            double size = fabs(sum), got = (double)after->c[i * p->ldc + j];

            for (size_t q = 0; q < p->k; q++) {
                double v = (double)p->a[i * p->ars + q * p->acs] *
                           (double)p->b[q * p->ldb + j];

                sum += v;
                size += fabs(v);
            }
            if (!(fabs(got - sum) <= 1e-6 * size + 1e-30))
                fail_msg("%s: %zu x %zu x %zu at %zu,%zu is %.9g, not %.9g",
                         row->name, p->m, p->n, p->k, i, j, got, sum);
        }
}

/* Nothing outside of C is written, neither its columns' slack nor beyond. */
static void check_slack(const struct product *before,
                        const struct product *after)
{
    const struct product *p = before;

    for (size_t at = 0; at < CELLS; at++)
        if (at / p->ldc >= p->m || at % p->ldc >= p->n)
            assert_memory_equal(&p->c[at], &after->c[at], sizeof(float));
    assert_memory_equal(p->a, after->a, sizeof p->a);
    assert_memory_equal(p->b, after->b, sizeof p->b);
}

static void check(size_t m, size_t n, size_t k)
{
    static struct product before, after;

    for (int way = 0; way < 4; way++) {
        fill(&before, m, n, k, way & 1, way >> 1);
        for (size_t r = 0; pare_kernel_row(r); r++) {
            const struct pare_kernel *row = pare_kernel_row(r);

            if (!row->available())
                continue;
            after = before;
            run(row, &after);
            check_exact(row, &before, &after);
            check_slack(&before, &after);
        }
    }
}

static void every_row_is_the_product_at_every_tail(void **state)
{
    static const size_t depth[] = {0, 1, 2, 7, 16, 33, 70};

    (void)state;
    for (size_t s = 1; s <= 70; s++) {
        size_t k = depth[s % (sizeof depth / sizeof *depth)];

        check(s, 1 + s * 29 % 70, k);
        check(1 + s * 43 % 70, s, k);
        check(5, 33, s);
    }
}

static void the_tile_widths_are_right_too(void **state)
{
    static const size_t width[] = {4, 8, 16, 32, 64};

    (void)state;
    for (size_t w = 0; w < 5; w++)
        for (size_t m = 1; m <= 17; m += 4)
            check(m, width[w], 13 + m);
}

static const struct pare_kernel *find(const char *name)
{
    for (size_t r = 0; pare_kernel_row(r); r++)
        if (strcmp(pare_kernel_row(r)->name, name) == 0 &&
            pare_kernel_row(r)->available())
            return pare_kernel_row(r);
    return NULL;
}

/* What family fma promises: one chain of fused multiply-adds a cell. */
static void fma_rows_are_one_chain_each(void **state)
{
    static const char *const names[] = {"avx512", "avx2"};
    static struct product p, c;

    (void)state;
    for (size_t s = 1; s <= 70; s += 3)
        for (int way = 0; way < 4; way++) {
            fill(&p, s, 1 + s * 29 % 70, 1 + s * 17 % 70, way & 1, way >> 1);
            for (int r = 0; r < 2; r++) {
                const struct pare_kernel *row = find(names[r]);

                if (!row)
                    continue;
                assert_string_equal(row->family, "fma");
                c = p;
                run(row, &c);
                for (size_t i = 0; i < p.m; i++)
                    for (size_t j = 0; j < p.n; j++) {
                        float sum = p.add ? p.c[i * p.ldc + j] : 0;

                        for (size_t q = 0; q < p.k; q++)
                            sum = fmaf(p.a[i * p.ars + q * p.acs],
                                       p.b[q * p.ldb + j], sum);
                        assert_memory_equal(&sum, &c.c[i * p.ldc + j],
                                            sizeof sum);
                    }
            }
        }
}

/* Rows of C one by one, or its columns in two parts: the same bits. */
static void fma_rows_do_not_depend_on_blocking(void **state)
{
    static struct product whole, parts;
    const struct pare_kernel *row = find("avx512");

    (void)state;
    row = row ? row : find("avx2");
    if (!row)
        skip();
    fill(&whole, 61, 64, 70, 0, 1);
    parts = whole;
    run(row, &whole);
    for (size_t i = 0; i < parts.m; i++)
        for (size_t j = 0; j < parts.n; j += 32)
            row->gemm(1, 32, parts.k, parts.a + i * parts.ars, parts.ars, 1,
                      parts.b + j, parts.ldb, parts.c + i * parts.ldc + j,
                      parts.ldc, 1);
    assert_memory_equal(whole.c, parts.c, sizeof whole.c);
}

static void rows_are_chosen_by_name(void **state)
{
    (void)state;
    assert_int_equal(pare_kernel_use("c"), 0);
    assert_string_equal(pare_kernel()->name, "c");
    assert_string_equal(pare_kernel_provenance(), "c");
    assert_true(pare_kernel_use("abacus") < 0);
    assert_string_equal(pare_kernel()->name, "c");
    assert_int_equal(pare_kernel_use("openblas"), 0);
    assert_memory_equal(pare_kernel_provenance(), "openblas ", 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_the_product_at_every_tail),
        cmocka_unit_test(the_tile_widths_are_right_too),
        cmocka_unit_test(fma_rows_are_one_chain_each),
        cmocka_unit_test(fma_rows_do_not_depend_on_blocking),
        cmocka_unit_test(rows_are_chosen_by_name),
    };

    return run_group(tests);
}
