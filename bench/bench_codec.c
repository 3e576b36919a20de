/*
 * bench_codec: a worker that codes or decodes one tensor of 4096 x 4096
 * normal values, of which a part is pruned at random.
 *
 *     bench_codec WHAT HOW SPARSITY [THREADS]
 *
 * WHAT is "encode" or "decode"; HOW is "pare", "hdf5" (shuffle and deflate of
 * level 6 in chunks of 1 MiB, by libhdf5 in memory) or "zstd" (level 3).
 * SPARSITY is in per cent. A unit is a megabyte of dense float32.
 */
#include <hdf5.h>
#include <limits.h>
#include <malloc.h>
#include <string.h>
#ifdef PARE_HAVE_ZSTD
#include <zstd.h>
#endif

#include "codec.h"
#include "rng.h"
#include "status.h"
#include "worker.h"

enum { SIDE = 4096, CHUNK_ROWS = 64 };

static struct {
    struct pare_tensor t;
    struct pare_effort effort;
    struct pare_coded coded;
    hid_t file, list;
    float *back;
    void *packed;
    size_t packed_size, room;
} b;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "bench_codec: %s\n", what);
    exit(1);
}

static void make(double sparsity)
{
    struct pare_tensor *t = &b.t;

    t->rank = 2;
    t->dim[0] = t->dim[1] = SIDE;
    t->n = (size_t)SIDE * SIDE;
    t->value = malloc(t->n * sizeof *t->value);
    t->mask = sparsity > 0 ? malloc(t->n) : NULL;
    b.back = malloc(t->n * sizeof *b.back);
    if (!t->value || !b.back || (sparsity > 0 && !t->mask))
        die("out of memory");
    memset(b.back, 0, t->n * sizeof *b.back);
    pare_rng_normal(t->value, t->n, 0.02, 1, PARE_STREAM_INIT, 0);
    for (size_t i = 0; t->mask && i < t->n; i++) {
        uint32_t word[4];

        pare_rng_block(word, 2, PARE_STREAM_MASK, 0, i);
        t->mask[i] = (double)word[0] >= sparsity * 4294967296.0;
        if (!t->mask[i])
            t->value[i] = 0;
    }
}

static void pare_step(int decode)
{
    struct pare_tensor back = {.rank = 2, .dim = {SIDE, SIDE}};

    if (!decode) {
        pare_coded_release(&b.coded);
        if (pare_encode(&b.coded, &b.t, b.effort))
            die(pare_error());
    } else {
        if (pare_decode(&back, &b.coded, false, b.effort.threads))
            die(pare_error());
        free(back.value);
        free(back.mask);
    }
}

static void hdf5_begin(void)
{
    hsize_t chunk[2] = {CHUNK_ROWS, SIDE};
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);

    H5Pset_fapl_core(access, (size_t)1 << 26, 0);
    b.file = H5Fcreate("bench_codec", H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Pclose(access);
    b.list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(b.list, 2, chunk);
    H5Pset_shuffle(b.list);
    H5Pset_deflate(b.list, 6);
}

static void hdf5_step(int decode)
{
    hsize_t dim[2] = {SIDE, SIDE};
    hid_t space = H5Screate_simple(2, dim, NULL), d;
    herr_t err;

    if (!decode) {
        H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
        H5Ldelete(b.file, "w", H5P_DEFAULT);
        d = H5Dcreate2(b.file, "w", H5T_IEEE_F32LE, space, H5P_DEFAULT, b.list,
                       H5P_DEFAULT);
        err = H5Dwrite(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                       b.t.value);
        b.packed_size = (size_t)H5Dget_storage_size(d);
    } else {
        d = H5Dopen2(b.file, "w", H5P_DEFAULT);
        err =
            H5Dread(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, b.back);
    }
    H5Dclose(d);
    H5Sclose(space);
    if (err < 0)
        die("libhdf5 fails");
}

#ifdef PARE_HAVE_ZSTD
static void zstd_step(int decode)
{
    size_t bytes = b.t.n * sizeof *b.t.value;

    if (!b.packed) {
        b.room = ZSTD_compressBound(bytes);
        b.packed = malloc(b.room);
    }
    if (!b.packed)
        die("out of memory");
    if (!decode)
        b.packed_size = ZSTD_compress(b.packed, b.room, b.t.value, bytes, 3);
    else if (ZSTD_decompress(b.back, bytes, b.packed, b.packed_size) != bytes)
        die("zstd fails");
}
#else
static void zstd_step(int decode)
{
    (void)decode;
    die("built without zstd");
}
#endif

int main(int argc, char **argv)
{
    struct worker w;
    unsigned long long steps;
    void (*step)(int);
    int decode;

    if (argc < 4)
        die("usage: bench_codec encode|decode pare|hdf5|zstd SPARSITY "
            "[THREADS]");
    decode = strcmp(argv[1], "decode") == 0;
    step = strcmp(argv[2], "pare") == 0   ? pare_step
           : strcmp(argv[2], "hdf5") == 0 ? hdf5_step
                                          : zstd_step;
    b.effort =
        (struct pare_effort){PARE_CODEC_LEVEL, argc > 4 ? atoi(argv[4]) : 1};
    /* The peers decode into memory that they have. Ours allocates: what it
       frees stays with the process, so that no page is cleared twice. */
    mallopt(M_MMAP_THRESHOLD, INT_MAX);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
    make(atof(argv[3]) / 100);
    if (step == hdf5_step)
        hdf5_begin();
    step(0);
    if (step == pare_step)
        b.packed_size = (size_t)pare_coded_bytes(&b.coded);
    fprintf(stderr, "    %s: %.4f bits a weight\n", argv[2],
            8.0 * (double)b.packed_size / (double)b.t.n);
    step(decode);
    printf("ready %.6f 0\n", 4e-6 * (double)b.t.n);
    fflush(stdout);
    while ((steps = worker_next(&w)) > 0) {
        while (steps--)
            step(decode);
        worker_answer(&w);
    }
    return 0;
}
