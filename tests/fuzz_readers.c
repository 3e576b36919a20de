#include "fuzz_readers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arch.h"
#include "atomic.h"
#include "cifar.h"
#include "csv_data.h"
#include "data_file.h"
#include "idx.h"
#include "image.h"
#include "import.h"
#include "json_scan.h"
#include "keras.h"
#include "model_io.h"
#include "npz.h"
#include "pickle.h"
#include "scores_file.h"
#include "status.h"
#include "text_twin.h"
#include "zip.h"
#include "zip_write.h"

#define MEMBER_MOST (1u << 24) /* bytes of a member of an archive */
#define CONFIG_MOST (1u << 20) /* values of an array that a layer asks for */

bool fuzz_fine(int status)
{
    if (status == 0)
        return true;
    if (status > 0 || !pare_error()[0])
        return false;
    for (const char *c = pare_error(); *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return false;
    return true;
}

static void put_file(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "w");

    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0)
        _exit(9);
}

static void *copy(const void *bytes, size_t n)
{
    void *p = malloc(n + 1);

    if (!p)
        _exit(9);
    memcpy(p, bytes, n);
    return p;
}

/* ---- models, data, scores ---------------------------------------------- */

static bool read_model(const void *bytes, size_t n)
{
    struct pare_model m = {0};
    struct pare_model_file info = {0};
    struct pare_h5 *h = NULL;
    int err = pare_h5_open(&h, bytes, n, "image");

    if (!err)
        err = pare_model_parse(&m, &info, h, n);
    pare_h5_close(h);
    pare_model_file_release(&info, m.n_tensors);
    pare_model_release(&m);
    return fuzz_fine(err);
}

static bool read_data(const char *path)
{
    struct pare_dataset d = {0};
    bool ok = fuzz_fine(pare_data_read(&d, path));

    pare_dataset_release(&d);
    return ok;
}

static bool read_scores(const char *path)
{
    char digest[PARE_DIGEST_LEN];
    struct pare_arch arch = {0};
    struct pare_model m = {0};
    float *score[8] = {NULL};
    int err = pare_arch_parse(&arch, "4-6-3");

    if (!err)
        err = pare_model_init(&m, &arch);
    if (!err)
        err = pare_score_file_read(score, digest, &m, path);
    for (size_t i = 0; i < 8; i++)
        free(score[i]);
    pare_model_release(&m);
    return fuzz_fine(err);
}

/* ---- texts ------------------------------------------------------------- */

static bool read_twin(const void *bytes, size_t n)
{
    void *text = copy(bytes, n);
    struct pare_model m = {0};
    FILE *f = n ? fmemopen(text, n, "r") : NULL;
    bool ok = !f || fuzz_fine(pare_text_parse(&m, f, "text"));

    if (f)
        fclose(f);
    free(text);
    pare_model_release(&m);
    return ok;
}

static bool read_arch(const void *bytes, size_t n)
{
    char *text = copy(bytes, n);
    struct pare_arch arch = {0};
    bool ok;

    text[n] = '\0';
    ok = fuzz_fine(pare_arch_parse(&arch, text));
    pare_arch_release(&arch);
    free(text);
    return ok;
}

static bool read_json(const void *bytes, size_t n)
{
    struct pare_json_scan s = {bytes, (const char *)bytes + n, "text"};
    struct pare_json_scan again = s;
    char *text = NULL;
    uint64_t number;
    int err = pare_json_scan_skip(&s);

    if (s.at < again.at || s.at > s.end)
        return false;
    /* What looks like a list of texts and numbers, as such. */
    while (fuzz_fine(err) && !pare_json_scan_done(&again)) {
        const char *at = again.at;

        if (pare_json_scan_is(&again, '"')) {
            again.at = at;
            err = pare_json_scan_text(&text, &again);
            free(text);
            text = NULL;
        } else if (pare_json_scan_u64(&number, &again) != 0) {
            again.at = at;
            err = pare_json_scan_skip(&again);
        }
        if (again.at > again.end)
            return false;
        if (err || again.at == at)
            break;
    }
    return fuzz_fine(err);
}

static bool read_csv(const char *path)
{
    static const struct pare_csv_recipe recipe = {.label = "#1"};
    struct pare_csv t = {0};
    struct pare_dataset d = {0};
    uint8_t *plain = NULL;
    size_t dropped;
    int err = pare_csv_read(&t, path, ',');

    if (!err)
        err = pare_csv_dataset(&d, &plain, &dropped, &t, &recipe, path);
    free(plain);
    pare_csv_release(&t);
    pare_dataset_release(&d);
    return fuzz_fine(err);
}

/* ---- arrays and images ------------------------------------------------- */

static bool read_idx(const char *path)
{
    struct pare_idx a = {0};
    bool ok = fuzz_fine(pare_idx_read(&a, path));

    pare_idx_release(&a);
    return ok;
}

static bool read_npy(const char *path)
{
    struct pare_npy a = {0};
    bool ok = fuzz_fine(pare_npy_read(&a, path));

    pare_npy_release(&a);
    return ok;
}

static bool read_cifar(const char *path)
{
    char *name = copy(path, strlen(path));
    struct pare_dataset d = {0};
    bool ok;

    name[strlen(path)] = '\0';
    ok = fuzz_fine(pare_cifar_read(&d, PARE_CIFAR_10, &name, 1));
    pare_dataset_release(&d);
    free(name);
    return ok;
}

static bool read_image(const void *bytes, size_t n)
{
    struct pare_image_decoder *d = pare_image_decoder_new();
    struct pare_image im = {0};
    int err = d ? pare_image_decode(&im, d, bytes, n) : PARE_ENOMEM;

    pare_image_release(&im);
    pare_image_decoder_free(d);
    return fuzz_fine(err);
}

/* ---- files of other programs ------------------------------------------- */

/* What comes tensor by tensor is what comes together. */
static bool same_in_parts(const struct pare_model *whole,
                          struct pare_foreign *f,
                          const struct pare_foreign_options *o)
{
    struct pare_model m = {0};
    bool ok = true;

    setenv("PARE_MODEL_MEMORY", "1", 1);
    ok = pare_foreign_model(&m, f, o) == 0;
    unsetenv("PARE_MODEL_MEMORY");
    for (size_t t = 0; ok && t < m.n_tensors; t++) {
        const struct pare_tensor *is = &m.tensor[t], *was = &whole->tensor[t];

        ok = pare_tensor_load(&m, t) == 0 && is->n == was->n &&
             is->dtype == was->dtype &&
             memcmp(is->value, was->value, is->n * sizeof *is->value) == 0;
        pare_tensor_drop(&m, t);
    }
    pare_model_release(&m);
    return ok;
}

/* Also as a model, which takes the architecture that came of it. */
static bool read_foreign(const char *path, const char *format)
{
    static const struct pare_foreign_options none;
    struct pare_foreign f = {0};
    struct pare_model m = {0};
    int err = pare_import_read(&f, path, format);
    bool same = true;

    if (!err)
        err = pare_foreign_model(&m, &f, &none);
    if (!err && !f.arch)
        same = same_in_parts(&m, &f, &none);
    pare_model_release(&m);
    pare_foreign_release(&f);
    return same && fuzz_fine(err);
}

static bool read_onnx(const char *path)
{
    return read_foreign(path, "onnx");
}

static bool read_keras(const char *path)
{
    return read_foreign(path, "keras");
}

static bool read_safetensors(const char *path)
{
    return read_foreign(path, "safetensors");
}

static bool read_index(const char *path)
{
    return read_foreign(path, "safetensors-index");
}

static bool read_torch(const char *path)
{
    return read_foreign(path, "pytorch");
}

/* Both as data and as weights. */
static bool read_npz(const char *path)
{
    struct pare_npz *z = NULL;
    struct pare_npy a = {0};
    bool ok = fuzz_fine(pare_npz_open(&z, path)) &&
              (!z || fuzz_fine(pare_npz_read(&a, z, "y", "y")));

    pare_npy_release(&a);
    pare_npz_free(z);
    return ok && read_foreign(path, "npz");
}

static bool read_zip(const void *bytes, size_t n)
{
    struct pare_zip *z = NULL;
    const char *name;
    bool ok = fuzz_fine(pare_zip_parse(&z, copy(bytes, n), n, "archive"));

    for (size_t i = 0; ok && z && (name = pare_zip_name(z, i)); i++) {
        void *member = NULL;
        size_t size = 0;

        ok = pare_zip_has(z, name) &&
             fuzz_fine(
                 pare_zip_read(&member, &size, z, name, MEMBER_MOST, "member"));
        free(member);
    }
    pare_zip_free(z);
    return ok;
}

static bool read_pickle(const void *bytes, size_t n)
{
    struct pare_pickle p = {0};
    bool ok = fuzz_fine(pare_pickle_parse(&p, bytes, n, "pickle"));

    pare_pickle_release(&p);
    return ok;
}

struct piece {
    const void *bytes;
    size_t n;
};

static int put_piece(void *arg, int (*put)(void *to, const void *bytes, size_t),
                     void *to)
{
    const struct piece *p = arg;

    return put(to, p->bytes, p->n);
}

/* The pickle of an archive whose checksums are right, as damage to a whole
 * archive never gets past them. Storage 0 has 4 values, as the seed says, 1
 * has 64, which are packed and may be a mask. */
static bool read_state_dict(const void *bytes, size_t n)
{
    static const float few[4] = {1, -2, 3}, many[64] = {1, 0, 1, 1};
    struct piece pickle = {bytes, n};
    struct piece data[] = {{few, sizeof few}, {many, sizeof many}};
    struct pare_zip_out *z = NULL;
    char path[64];
    bool ok;

    snprintf(path, sizeof path, "archive.%ld", (long)getpid());
    if (pare_zip_out_new(&z, path) ||
        pare_zip_out_add(z, "x/data.pkl", n, put_piece, &pickle) ||
        pare_zip_out_add(z, "x/data/0", sizeof few, put_piece, &data[0]) ||
        pare_zip_out_add(z, "x/data/1", sizeof many, put_piece, &data[1]) ||
        pare_zip_out_finish(z))
        _exit(9);
    pare_zip_out_free(z);
    ok = read_torch(path);
    unlink(path);
    return ok;
}

/* Zeros for whatever a layer asks. */
static int get_zeros(void *arg, float **out, const char *layer,
                     const char *role, int index, int rank, const uint64_t *dim)
{
    uint64_t n = 1;

    (void)arg;
    (void)layer;
    (void)role;
    (void)index;
    for (int i = 0; i < rank; i++) {
        if (dim[i] == 0 || dim[i] > CONFIG_MOST / n)
            return pare_fail(PARE_ELIMIT, "too large an array");
        n *= dim[i];
    }
    *out = calloc((size_t)n, sizeof **out);
    return *out ? 0 : pare_fail(PARE_ENOMEM, "out of memory");
}

static bool read_config(const void *bytes, size_t n)
{
    static const struct pare_foreign_options none;
    const struct keras_weights w = {get_zeros, NULL};
    char *text = copy(bytes, n);
    struct pare_foreign f = {0};
    struct pare_model m = {0};
    int err = keras_graph(&f, text, n, &w);

    if (err == 1)
        err = pare_foreign_model(&m, &f, &none);
    pare_model_release(&m);
    pare_foreign_release(&f);
    free(text);
    return fuzz_fine(err);
}

static const struct fuzz_reader readers[] = {
    {"model", ".h5", NULL, read_model},
    {"data", ".data.h5", read_data, NULL},
    {"scores", ".scores.h5", read_scores, NULL},
    {"twin", ".txt", NULL, read_twin},
    {"arch", ".arch", NULL, read_arch},
    {"json", ".json", NULL, read_json},
    {"csv", ".csv", read_csv, NULL},
    {"idx", ".idx", read_idx, NULL},
    {"npy", ".npy", read_npy, NULL},
    {"npz", ".npz", read_npz, NULL},
    {"cifar", ".bin", read_cifar, NULL},
    {"image", ".jpg", NULL, read_image},
    {"image", ".png", NULL, read_image},
    {"onnx", ".onnx", read_onnx, NULL},
    {"keras", ".keras.h5", read_keras, NULL},
    {"keras", ".keras", read_keras, NULL},
    {"config", ".config", NULL, read_config},
    {"safetensors", ".safetensors", read_safetensors, NULL},
    {"index", ".index.json", read_index, NULL},
    {"zip", ".zip", NULL, read_zip},
    {"torch", ".pth", read_torch, NULL},
    {"pickle", ".pickle", NULL, read_pickle},
    {"state_dict", ".pkl", NULL, read_state_dict},
};

const struct fuzz_reader *fuzz_reader(size_t index)
{
    return index < sizeof readers / sizeof *readers ? &readers[index] : NULL;
}

const struct fuzz_reader *fuzz_reader_named(const char *name)
{
    const struct fuzz_reader *r;

    for (size_t i = 0; (r = fuzz_reader(i)); i++)
        if (strcmp(r->name, name) == 0)
            return r;
    return NULL;
}

const struct fuzz_reader *fuzz_reader_of(const char *path)
{
    const struct fuzz_reader *r, *found = NULL;
    size_t n = strlen(path);

    for (size_t i = 0; (r = fuzz_reader(i)); i++) {
        size_t k = strlen(r->suffix);

        if (n >= k && strcmp(path + n - k, r->suffix) == 0)
            found = r;
    }
    return found;
}

bool fuzz_read(const struct fuzz_reader *r, const void *bytes, size_t n,
               const char *path)
{
    if (r->bytes)
        return r->bytes(bytes, n);
    put_file(path, bytes, n);
    return r->file(path);
}
