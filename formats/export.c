#include "export.h"

#include <string.h>
#include <unistd.h>

#include "compact.h"
#include "export_rows.h"
#include "keras.h"
#include "onnx.h"
#include "status.h"

static const struct pare_export_format rows[] = {
    {"anndata", ".h5",
     "sparse matrices by rows in HDF5, as anndata and SciPy have them",
     "anndata, on-disk format, encodings csr_matrix 0.1.0 and array 0.2.0",
     pare_anndata_write},
    {"binsparse", ".bsp.h5",
     "sparse matrices by rows in HDF5 behind a JSON descriptor",
     "GraphBLAS, Binary Sparse Format Specification 0.1", pare_binsparse_write},
    {"c", ".c .h", "source in C without dependencies: BASE.c and BASE.h",
     "ISO/IEC 9899:1999", pare_c_write},
    {"keras", ".keras.h5", "a whole model in HDF5, which Keras 2 and 3 load",
     "keras.io, Model saving and serialization APIs", pare_keras_write},
    {"npz", ".npz", "arrays in a ZIP archive, as NumPy loads them",
     "NumPy, NEP 1, A Simple File Format for NumPy Arrays", pare_npz_write},
    {"onnx", ".onnx", "a graph of operators, which ONNX Runtime runs",
     "github.com/onnx/onnx, onnx.proto, operator set 13", pare_onnx_write},
    {"safetensors", ".safetensors",
     "tensors behind a JSON header, as PyTorch programs load them",
     "Hugging Face, safetensors, format description", pare_safetensors_write},
};

#define N_ROWS (sizeof rows / sizeof rows[0])

const struct pare_export_format *pare_export_format(size_t index)
{
    return index < N_ROWS ? &rows[index] : NULL;
}

const struct pare_export_format *pare_export_find(const char *name)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    pare_fail(PARE_EINVAL, "no format '%s'; 'list' prints them", name);
    return NULL;
}

bool pare_export_streams(const struct pare_export_format *format)
{
    return format->write == pare_safetensors_write ||
           format->write == pare_npz_write || format->write == pare_c_write ||
           format->write == pare_anndata_write ||
           format->write == pare_binsparse_write;
}

int pare_export_put_file(void *arg, const void *bytes, size_t n)
{
    return pare_atomic_put_holes(arg, bytes, n);
}

int pare_export_no_terminal(const char *path)
{
    if ((!path || strcmp(path, "-") == 0) && isatty(STDOUT_FILENO))
        return pare_fail(PARE_EINVAL, "a model is not written to a terminal");
    return 0;
}

int pare_export_bytes(uint64_t *bytes, const struct pare_tensor *t,
                      enum pare_dtype type)
{
    uint64_t n = pare_tensor_positions(t), size = pare_dtype_size(type);

    if (n > INT64_MAX / size)
        return pare_fail(PARE_ELIMIT, "'%s' has 2^63 bytes and more", t->name);
    *bytes = n * size;
    return 0;
}

#define LUMP 16384 /* values on their way */

/* Values on their way to put: their bytes, used of them. */
struct way {
    enum pare_dtype type;
    pare_export_put *put;
    void *arg;
    size_t used;
    float value[LUMP];
};

static int flush(struct way *w)
{
    unsigned char bytes[4 * LUMP];
    size_t n = w->used;

    pare_dtype_put(bytes, w->value, n, w->type);
    w->used = 0;
    return n ? w->put(w->arg, bytes, n * pare_dtype_size(w->type)) : 0;
}

/* n zeros. */
static int put_zeros(struct way *w, uint64_t n)
{
    int err = 0;

    while (n && !err) {
        size_t part = LUMP - w->used;

        if (part > n)
            part = (size_t)n;
        memset(w->value + w->used, 0, part * sizeof *w->value);
        w->used += part;
        n -= part;
        if (w->used == LUMP)
            err = flush(w);
    }
    return err;
}

static int put_entries(struct way *w, const struct pare_tensor *t)
{
    const struct pare_pattern *p = t->pattern;
    uint64_t at = 0; /* the next position */
    int err = 0;

    for (size_t r = 0; !err && r < p->rows; r++)
        for (uint64_t k = p->row[r]; !err && k < p->row[r + 1]; k++) {
            uint64_t place = (uint64_t)r * p->cols + p->col[k];

            err = put_zeros(w, place - at);
            if (err)
                break;
            w->value[w->used++] = t->value[k];
            at = place + 1;
            if (w->used == LUMP)
                err = flush(w);
        }
    if (!err)
        err = put_zeros(w, (uint64_t)p->rows * p->cols - at);
    return err ? err : flush(w);
}

int pare_export_values(const struct pare_tensor *t, enum pare_dtype type,
                       pare_export_put *put, void *arg)
{
    struct way w;
    int err = 0;

    w.type = type;
    w.put = put;
    w.arg = arg;
    w.used = 0;
    if (t->pattern)
        return put_entries(&w, t);
    for (size_t i = 0; i < t->n && !err; i += w.used) {
        size_t n = t->n - i < LUMP ? t->n - i : LUMP;

        memcpy(w.value, t->value + i, n * sizeof *w.value);
        w.used = n;
        err = flush(&w);
        w.used = n;
    }
    return err;
}
