#include "model_fixture.h"

#include <unistd.h>
#include <zlib.h>

#include "model_file.h"
#include "packed.h"

#define FILE_NAME "test_packed_forged.h5"

static const char net[] =
    "weights a.weight(20x30) b.weight(20x30) c.weight(20x30) d.weight(30x20)";

/* A dataset of coded bytes, to be damaged. */
struct forged {
    uint8_t byte[65536];
    uint64_t word[64];
    size_t n, n_words;
};

static void take(struct forged *f, const struct pare_coded *c)
{
    f->n_words = pare_coded_words(c);
    assert_in_range(f->n_words, 1, 60);
    assert_in_range(pare_coded_bytes(c), 1, 65000);
    pare_coded_put(f->word, c);
    f->n = 0;
    for (size_t i = 0; i < c->n_pieces; i++) {
        memcpy(f->byte + f->n, c->piece[i].data, c->piece[i].stored);
        f->n += c->piece[i].stored;
    }
}

static void refer(struct forged *f, uint64_t to)
{
    f->n = 0;
    f->n_words = 2;
    f->word[0] = PARE_PACKED_REFERENCE;
    f->word[1] = to;
}

/* What is done to the second tensor, or to another. */
static void damage(struct forged *f, size_t t, const char *fault)
{
    if (t == 2 && strcmp(fault, "chain") == 0)
        refer(f, 1);
    if (t == 3 && strcmp(fault, "shape") == 0)
        refer(f, 0);
    if (t != 1)
        return;
    if (strcmp(fault, "nnz") == 0)
        f->word[1]--;
    else if (strcmp(fault, "many") == 0)
        f->word[1] = UINT64_MAX;
    else if (strcmp(fault, "short") == 0)
        f->n_words = 3;
    else if (strcmp(fault, "pieces") == 0)
        f->n_words--;
    else if (strcmp(fault, "long") == 0)
        f->word[f->n_words++] = 1;
    else if (strcmp(fault, "more") == 0)
        f->n += 5;
    else if (strcmp(fault, "less") == 0)
        f->n -= 5;
    else if (strcmp(fault, "borders") == 0) {
        f->word[5] += 3;
        f->word[6] -= 3;
    } else if (strcmp(fault, "flags") == 0)
        f->word[0] |= 1 << 20;
    else if (strcmp(fault, "wrap") == 0)
        f->word[6] = UINT64_MAX - 3;
    else if (strcmp(fault, "flip") == 0)
        f->byte[f->word[5] / 2] ^= 0x55;
    else if (strcmp(fault, "itself") == 0)
        refer(f, 1);
    else if (strcmp(fault, "forward") == 0)
        refer(f, 2);
    else if (strcmp(fault, "nowhere") == 0)
        refer(f, UINT64_MAX);
    else if (strcmp(fault, "chain") == 0)
        refer(f, 0);
    else if (strcmp(fault, "half") == 0) {
        refer(f, 0);
        f->n_words = 1;
    }
}

static void write_layer(struct pare_h5w *w, const char *path, struct forged *f,
                        const char *fault)
{
    const size_t half[2] = {f->n / 2, 2};
    const bool at = strcmp(path, "/layers/b") == 0;

    if (at && strcmp(fault, "text") == 0) {
        pare_h5w_data(w, path, PARE_H5_U8, 1, &f->n, f->byte, false);
        pare_h5w_attr_text(w, path, PARE_PACKED_DIRECTORY, "12345");
        return;
    }
    if (!at || strcmp(fault, "none") != 0)
        pare_h5w_next_ints(w, PARE_PACKED_DIRECTORY, PARE_H5_U64, f->n_words,
                           f->word);
    if (at && strcmp(fault, "type") == 0)
        pare_h5w_data(w, path, PARE_H5_I32, 1, &half[1], f->byte, false);
    else if (at && strcmp(fault, "rank") == 0)
        pare_h5w_data(w, path, PARE_H5_U8, 2, half, f->byte, false);
    else if (at && strcmp(fault, "group") == 0)
        pare_h5w_group(w, path);
    else if (!at || strcmp(fault, "missing") != 0)
        pare_h5w_data(w, path, PARE_H5_U8, 1, &f->n, f->byte, false);
}

static void write_root(struct pare_h5w *w, const struct pare_model_file *about)
{
    pare_h5w_attr_i64(w, "/", "format_version", 5);
    pare_h5w_attr_text(w, "/", "format", "pare-model");
    pare_h5w_attr_text(w, "/", "layout", "packed");
    pare_h5w_attr_text(w, "/", "weights", about->weights);
    pare_h5w_attr_text(w, "/", "state", about->state);
}

/* Layers of a model, each coded and then damaged. */
static void write_layers(struct pare_h5w *w, const struct pare_model *m,
                         const char *fault)
{
    struct forged *f = calloc(1, sizeof *f);
    const struct pare_effort effort = {6, 1};

    assert_non_null(f);
    assert_int_equal(pare_h5w_group(w, "/layers"), 0);
    for (size_t t = 0; t < m->n_tensors; t++) {
        struct pare_coded c = {0};
        char path[256];

        assert_int_equal(pare_encode(&c, &m->tensor[t], effort), 0);
        take(f, &c);
        pare_coded_release(&c);
        damage(f, t, fault);
        snprintf(path, sizeof path, "/layers/%s",
                 m->arch.layer[m->tensor[t].layer].name);
        write_layer(w, path, f, fault);
    }
    free(f);
}

static int read_back(struct pare_h5w *w)
{
    struct pare_model back = {0};
    void *bytes;
    size_t n;
    FILE *f;
    int err;

    assert_int_equal(pare_h5w_finish(&bytes, &n, w), 0);
    pare_h5w_free(w);
    f = fopen(FILE_NAME, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    free(bytes);
    err = pare_model_read(&back, NULL, FILE_NAME);
    pare_model_release(&back);
    unlink(FILE_NAME);
    return err;
}

static int read_forged(const char *arch, const char *fault)
{
    struct pare_model m;
    struct pare_model_file about = {0};
    struct pare_h5w *w;
    int err;

    fixture_plain(&m, arch);
    fixture_prune(&m, 3);
    for (size_t t = 1; t < m.n_tensors; t++) /* they equal each other */
        if (m.tensor[t].dim[0] == m.tensor[0].dim[0]) {
            memcpy(m.tensor[t].value, m.tensor[0].value,
                   m.tensor[0].n * sizeof(float));
            memcpy(m.tensor[t].mask, m.tensor[0].mask, m.tensor[0].n);
        }
    if (strcmp(fault, "nan") == 0) {
        m.tensor[1].mask[7] = 1;
        m.tensor[1].value[7] = NAN;
    }
    assert_int_equal(pare_digest_both(about.weights, about.state, &m), 0);
    if (strcmp(fault, "digest") == 0)
        about.weights[3] ^= 1;
    assert_int_equal(pare_h5w_new_small(&w, NULL), 0);
    write_root(w, &about);
    assert_int_equal(
        pare_texts_write(&(struct pare_build){.w = w, .m = &m, .level = 6}), 0);
    write_layers(w, &m, fault);
    err = read_back(w);
    pare_model_release(&m);
    return err;
}

static void a_forged_directory_is_refused_for_its_fault(void **state)
{
    static const struct {
        const char *fault, *says;
    } row[] = {
        {"nnz", "'b.weight': "},
        {"many", "more entries than positions"},
        {"short", "directory of a coded tensor"},
        {"pieces", "directory of a coded tensor"},
        {"long", "its directory tells of"},
        {"more", "its directory tells of"},
        {"less", "its directory tells of more"},
        {"borders", "'b.weight': "},
        {"flags", "unknown flags"},
        {"wrap", "'/layers/b'"},
        {"flip", "'b.weight': "},
        {"itself", "is not before it"},
        {"forward", "is not before it"},
        {"nowhere", "is not before it"},
        {"half", "is not before it"},
        {"chain", "refers to a reference"},
        {"shape", "of another shape"},
        {"none", "'parts' of '/layers/b'"},
        {"text", "attribute 'parts'"},
        {"type", "is not bytes of rank 1"},
        {"rank", "is not bytes of rank 1"},
        {"group", "is not a dataset"},
        {"missing", "is missing"},
        {"nan", "not a number"},
        {"digest", "digest"},
    };

    (void)state;
    if (read_forged(net, "nothing") != 0)
        fail_msg("%s", pare_error());
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_int_equal(read_forged(net, row[i].fault), PARE_EFORMAT);
        if (!strstr(pare_error(), row[i].says))
            fail_msg("%s: %s", row[i].fault, pare_error());
    }
}

/* A tensor of 10 GB in a few bytes. */
static void a_bomb_is_refused_before_memory_is_taken(void **state)
{
    const uint64_t word[] = {1 << 4, (uint64_t)50000 * 50000, 0, 0, 0, 4};
    const struct pare_model_file about = {.weights = "0", .state = "0"};
    struct pare_arch arch = {0};
    struct pare_model m = {0};
    struct pare_h5w *w;
    size_t n = 4;

    (void)state;
    assert_int_equal(pare_arch_parse(&arch, "weights a.weight(50000x50000)"),
                     0);
    assert_int_equal(pare_model_lay(&m, &arch), 0);
    assert_int_equal(pare_h5w_new_small(&w, NULL), 0);
    write_root(w, &about);
    assert_int_equal(
        pare_texts_write(&(struct pare_build){.w = w, .m = &m, .level = 6}), 0);
    assert_int_equal(pare_h5w_group(w, "/layers"), 0);
    pare_h5w_next_ints(w, PARE_PACKED_DIRECTORY, PARE_H5_U64, 6, word);
    assert_int_equal(
        pare_h5w_data(w, "/layers/a", PARE_H5_U8, 1, &n, "\0\0\0\x3f", false),
        0);
    assert_int_equal(read_back(w), PARE_ELIMIT);
    assert_non_null(strstr(pare_error(), "more memory than"));
    pare_model_release(&m);
}

/* ---- texts ------------------------------------------------------------ */

static int read_texts(const char *text, size_t n, size_t cut, size_t more)
{
    const struct pare_model_file about = {.weights = "0", .state = "0"};
    uLongf size = compressBound(n);
    uint8_t *packed = calloc(1, size + more + 1);
    struct pare_h5w *w;
    size_t dim;

    assert_non_null(packed);
    assert_int_equal(compress(packed, &size, (const Bytef *)text, n), Z_OK);
    dim = size - cut + more;
    assert_int_equal(pare_h5w_new_small(&w, NULL), 0);
    write_root(w, &about);
    assert_int_equal(pare_h5w_group(w, "/layers"), 0);
    assert_int_equal(
        pare_h5w_data(w, "/texts", PARE_H5_U8, 1, &dim, packed, false), 0);
    free(packed);
    return read_back(w);
}

#define TRAIN "training 0\n\n"

static void forged_texts_are_refused_for_their_fault(void **state)
{
    static const struct {
        const char *text, *says;
    } row[] = {
        {"", "lacks 'arch'"},
        {"arch", "is damaged"},
        {"arch 5\nab\n", "is damaged"},
        {"arch  2\nab\n", "is damaged"},
        {"arch 02x\nab\n", "is damaged"},
        {"arch 99999999999999999999\nab\n", "is damaged"},
        {"arch 18446744073709551615\nab\n", "is damaged"},
        {"arch 2\nabc\n", "is damaged"},
        {"arch 2\nab", "is damaged"},
        {"a-name 2\nab\n", "is damaged"},
        {"arch 2\nab\narch 2\nab\n", "twice or too late"},
        {"training 0\n\narch 2\nab\n", "twice or too late"},
        {"arch 2\nab\n", "'/arch'"},
        {"arch 2\na\1\n", "not printable"},
        {"arch 19\nweights a.weight(3)\n", "lacks 'training'"},
        {"arch 19\nweights a.weight(3)\ntraining 5\nlr=ab\n", "lr"},
        {"arch 19\nweights a.weight(3)\ntraining 4\nno=1\n", "lacks"},
        {"arch 19\nweights a.weight(3)\n" TRAIN, "something is missing"},
        {"arch 19\nweights a.weight(3)\ninput 10\nclasses=1\n\n" TRAIN,
         "something is missing"},
        {"arch 19\nweights a.weight(3)\ninput "
         "19\nclasses=-1\nscale=1\n\n" TRAIN,
         "not a count"},
        {"arch 19\nweights a.weight(3)\ninput 20\nclasses=1\nscale=1 "
         "2\n\n" TRAIN,
         "2 scales"},
        {"arch 19\nweights a.weight(3)\n"
         "input 33\nclasses=1\nscale=1\nmean=1\nstd=1 2\n\n" TRAIN,
         "2 deviations of 1"},
        {"arch 19\nweights a.weight(3)\n"
         "input 37\nclasses=1\nscale=1\nmean=nan 1\nstd=1 2\n\n" TRAIN,
         "'nan'"},
        {"arch 19\nweights a.weight(3)\ninput 18\nclasses=1\nscale=1\n\n" TRAIN,
         "'/layers/a' is missing"},
    };
    const char nul[] = "arch 3\na\0b\n";

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_int_equal(read_texts(row[i].text, strlen(row[i].text), 0, 0),
                         PARE_EFORMAT);
        if (!strstr(pare_error(), row[i].says))
            fail_msg("%zu: %s", i, pare_error());
    }
    assert_int_equal(read_texts(nul, sizeof nul - 1, 0, 0), PARE_EFORMAT);
    assert_non_null(strstr(pare_error(), "is damaged"));
    for (size_t k = 1; k < 6; k++) {
        assert_int_equal(read_texts(row[1].text, 4, k, 0), PARE_EFORMAT);
        assert_non_null(strstr(pare_error(), "no whole zlib stream"));
        assert_int_equal(read_texts(row[1].text, 4, 0, k), PARE_EFORMAT);
        assert_non_null(strstr(pare_error(), "no whole zlib stream"));
    }
}

static void a_text_of_many_megabytes_is_refused(void **state)
{
    const size_t n = (size_t)80 << 20;
    char *text = malloc(n + 64);
    int at = sprintf(text, "arch %zu\n", n);

    (void)state;
    memset(text + at, 'a', n);
    text[(size_t)at + n] = '\n';
    assert_int_equal(read_texts(text, (size_t)at + n + 1, 0, 0), PARE_ELIMIT);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forged_directory_is_refused_for_its_fault),
        cmocka_unit_test(a_bomb_is_refused_before_memory_is_taken),
        cmocka_unit_test(forged_texts_are_refused_for_their_fault),
        cmocka_unit_test(a_text_of_many_megabytes_is_refused),
    };

    return run_group(tests);
}
