/*
 * Bytes of whole packed files, metadata included, of weights that are drawn
 * independently: what information theory allows is known for these.
 *
 * usage: test_packed_sizes [dense | sparse | codes]
 */
#include "unit.h"

#include <unistd.h>

#include "arch.h"
#include "model_file.h"
#include "parallel.h"
#include "rng.h"
#include "status.h"

#define LEVEL 9 /* of small models; the default of large ones */
#define SIGMA 0.02
#define LARGE "weights a.weight(4096x4096)"

/* ---- limits ----------------------------------------------------------- */

/* Bits of entropy of counts, all together. */
static double entropy_bits(const uint64_t *count, size_t n)
{
    double sum = 0, bits = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)count[i];
    for (size_t i = 0; i < n; i++)
        if (count[i])
            bits -= (double)count[i] * log2((double)count[i] / sum);
    return bits;
}

static double mask_bits(const struct pare_tensor *t)
{
    uint64_t count[2] = {0};

    for (size_t i = 0; i < t->n; i++)
        count[!t->mask || t->mask[i]]++;
    return entropy_bits(count, 2);
}

/* Sign and mantissa as they are, and the entropy of the exponents. */
static double float_bits(const struct pare_tensor *t)
{
    uint64_t count[256] = {0}, n = 0;

    for (size_t i = 0; i < t->n; i++) {
        uint32_t bits;

        if (t->mask && !t->mask[i])
            continue;
        memcpy(&bits, &t->value[i], sizeof bits);
        count[bits >> 23 & 255]++;
        n++;
    }
    return 24 * (double)n + entropy_bits(count, 256);
}

static double code_bits(const struct pare_tensor *t)
{
    uint64_t count[256] = {0};

    for (size_t i = 0; i < t->n; i++)
        if (!t->mask || t->mask[i])
            count[pare_quant_code(&t->quant, t->value[i])]++;
    return entropy_bits(count, 256);
}

/* ---- models ----------------------------------------------------------- */

/* A model of that text, its values drawn from a normal distribution. */
static void draw(struct pare_model *m, const char *text)
{
    struct pare_arch arch = {0};

    memset(m, 0, sizeof *m);
    if (pare_arch_parse(&arch, text) != 0 || pare_model_init(m, &arch) != 0)
        fail_msg("%s", pare_error());
    for (size_t t = 0; t < m->n_tensors; t++)
        pare_rng_normal(m->tensor[t].value, m->tensor[t].n, SIGMA, 1,
                        PARE_STREAM_INIT, (uint32_t)t);
}

/* Prune each weight with a chance of s. */
static void prune(struct pare_model *m, size_t tensor, double s)
{
    struct pare_tensor *t = &m->tensor[tensor];
    float *u = malloc(t->n * sizeof *u);

    assert_non_null(u);
    assert_int_equal(pare_tensor_need_mask(t), 0);
    pare_rng_uniform(u, t->n, 0, 1, 2, PARE_STREAM_PRUNE, (uint32_t)tensor);
    for (size_t i = 0; i < t->n; i++) {
        t->mask[i] = (double)u[i] >= s;
        if (!t->mask[i])
            t->value[i] = 0;
    }
    free(u);
}

/* Give what is kept the nearest of n levels, half a deviation apart or with
 * the outermost at four. */
static void quantize(struct pare_model *m, size_t tensor, size_t n)
{
    struct pare_tensor *t = &m->tensor[tensor];
    double step = n > 17 ? 8 * SIGMA / (double)(n - 1) : SIGMA / 2;

    t->quant.kind = PARE_QUANT_CODEBOOK;
    t->quant.n_book = n;
    t->quant.book = malloc(n * sizeof(float));
    assert_non_null(t->quant.book);
    for (size_t k = 0; k < n; k++)
        t->quant.book[k] = (float)(((double)k - (double)(n - 1) / 2) * step);
    for (size_t i = 0; i < t->n; i++) {
        double k = round((double)t->value[i] / step + (double)(n - 1) / 2);

        if (!t->mask || t->mask[i])
            t->value[i] = t->quant.book[k < 0               ? 0
                                        : k > (double)n - 1 ? n - 1
                                                            : (size_t)k];
    }
}

/* Several of these run at once. */
static const char *file_name(void)
{
    static char name[64];

    snprintf(name, sizeof name, "test_packed_sizes.%ld.h5", (long)getpid());
    return name;
}

/* Bytes of the whole file, which is read again. */
static double packed(const struct pare_model *m)
{
    struct pare_model_file info = {0};
    struct pare_model back = {0};
    double bytes;

    if (pare_model_write_packed(file_name(), m,
                                m->tensor[0].n > 1000000 ? 6 : LEVEL,
                                pare_processors(), &info) != 0 ||
        pare_model_read(&back, NULL, file_name()) != 0)
        fail_msg("%s", pare_error());
    bytes = (double)info.bytes;
    for (size_t t = 0; t < m->n_tensors; t++)
        assert_memory_equal(m->tensor[t].value, back.tensor[t].value,
                            m->tensor[t].n * sizeof(float));
    pare_model_file_release(&info, 0);
    pare_model_release(&back);
    unlink(file_name());
    return bytes;
}

static void at_most(const char *what, double got, double most)
{
    print_message("%-28s %12.6g of %.6g\n", what, got, most);
    if (!(got <= most))
        fail_msg("%s: %g, at most %g", what, got, most);
}

/* ---- the table -------------------------------------------------------- */

static void dense_floats_are_near_the_limit(void **state)
{
    struct pare_model m;

    (void)state;
    draw(&m, LARGE);
    at_most("dense: 1 / ratio", packed(&m) / (4.0 * (double)m.tensor[0].n),
            1 / 1.197);
    pare_model_release(&m);
}

static void sparse_floats_are_near_the_limit(void **state)
{
    static const struct {
        double s, bits;
    } row[] = {{.5, 14.38}, {.9, 3.16}, {.95, 1.635}, {.99, .353}};
    struct pare_model m;

    (void)state;
    draw(&m, LARGE);
    for (size_t i = 0; i < 4; i++) {
        char what[64];

        prune(&m, 0, row[i].s);
        snprintf(what, sizeof what, "s = %g: bits per weight", row[i].s);
        at_most(what, 8 * packed(&m) / (double)m.tensor[0].n, row[i].bits);
    }
    pare_model_release(&m);
}

static void sixteen_levels_are_near_the_limit(void **state)
{
    struct pare_model m;

    (void)state;
    draw(&m, LARGE);
    prune(&m, 0, .9);
    quantize(&m, 0, 16);
    at_most("16 levels: bits per weight",
            8 * packed(&m) / (double)m.tensor[0].n, .8);
    pare_model_release(&m);
}

static void small_files_cost_a_kilobyte_and_a_half(void **state)
{
    static const double s[] = {0, .5, .9, .95, .99};

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct pare_model m;
        double limit;
        char what[64];

        draw(&m, "weights a.weight(250x400)");
        if (s[i] > 0)
            prune(&m, 0, s[i]);
        limit = (mask_bits(&m.tensor[0]) + float_bits(&m.tensor[0])) / 8;
        snprintf(what, sizeof what, "100,000, s = %g: bytes", s[i]);
        at_most(what, packed(&m), 1.02 * limit + 1500);
        pare_model_release(&m);
    }
}

static void a_quantised_network_is_near_the_limit(void **state)
{
    static const double kept[] = {.08, .09, .26};
    struct pare_model m;
    double limit = 0, biases = 0;

    (void)state;
    draw(&m, "784-300-100-10");
    for (size_t t = 0, k = 0; t < m.n_tensors; t++) {
        if (m.tensor[t].role != PARE_ROLE_WEIGHT) {
            biases += 4 * (double)m.tensor[t].n;
            continue;
        }
        prune(&m, t, 1 - kept[k++]);
        quantize(&m, t, 32);
        limit += (mask_bits(&m.tensor[t]) + code_bits(&m.tensor[t])) / 8;
    }
    at_most("lenet-300-100: bytes", packed(&m), 1.02 * limit + biases + 1500);
    pare_model_release(&m);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest dense[] = {
        cmocka_unit_test(dense_floats_are_near_the_limit)};
    const struct CMUnitTest sparse[] = {
        cmocka_unit_test(sparse_floats_are_near_the_limit)};
    const struct CMUnitTest codes[] = {
        cmocka_unit_test(sixteen_levels_are_near_the_limit)};
    const struct CMUnitTest small[] = {
        cmocka_unit_test(small_files_cost_a_kilobyte_and_a_half),
        cmocka_unit_test(a_quantised_network_is_near_the_limit)};

    if (argc > 1 && strcmp(argv[1], "dense") == 0)
        return run_group(dense);
    if (argc > 1 && strcmp(argv[1], "sparse") == 0)
        return run_group(sparse);
    if (argc > 1 && strcmp(argv[1], "codes") == 0)
        return run_group(codes);
    return run_group(small);
}
