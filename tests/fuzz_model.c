/* MAP_ANONYMOUS is not in POSIX.1-2008. */
#undef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
/*
 * Damage a small model in thousands of ways and read it: no damage may
 * crash or hang the reader, and what is read must be the model that was
 * written, or differ only in what no digest covers.
 *
 * usage: fuzz_model [CASES [SEED [DIR]]]; with DIR the models are written
 * there, as seeds for fuzz_long.sh, and nothing else is done
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch.h"
#include "atomic.h"
#include "digest.h"
#include "gathered.h"
#include "initializer.h"
#include "levels.h"
#include "model_io.h"
#include "rewiring.h"
#include "status.h"
#include "trial.h"

#define BATCH 250 /* cases of one child */

struct image {
    unsigned char *bytes;
    size_t n;
};

static uint64_t next(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

/* A model with a mask, two slots, a stored checkpoint and a history. */
static int make_model(struct pare_model *m)
{
    struct pare_history_row row = {1, 10, 0.1, 1.5, 0.5, 1.25, 0.75, 0.5};
    struct pare_arch arch = {0};
    int err = pare_arch_parse(&arch, "8-6-3");

    if (!err)
        err = pare_model_init(m, &arch);
    if (!err)
        err = pare_model_draw(m, "pytorch", 3);
    if (!err)
        err = pare_optstate_alloc(&m->optim, m, 2);
    strcpy(m->optim.spec, "adam");
    if (!err)
        err = pare_tensor_need_mask(&m->tensor[0]);
    for (size_t i = 0; !err && i < m->tensor[0].n; i += 2)
        m->tensor[0].mask[i] = 0;
    if (!err)
        err = pare_model_save_checkpoint(m, "best", false);
    if (!err)
        err = pare_model_add_history(m, &row);
    if (!err)
        err = pare_model_add_step(m, "{\"tool\":\"train\"}");
    if (!err)
        pare_model_apply_masks(m);
    return err;
}

/* The same with an undo point, scores and a curve. */
static int make_extra(struct pare_model *m)
{
    struct pare_curve c = {0};
    struct pare_scores *s;
    int err = make_model(m);

    if (!err)
        err = pare_model_keep_undo(m);
    for (size_t i = 1; !err && i < m->tensor[0].n; i += 4)
        m->tensor[0].mask[i] = 0;
    pare_model_apply_masks(m);
    s = err ? NULL : pare_model_begin_scores(m, "hebbian");
    for (size_t i = 0; s && i < m->tensor[0].n; i++)
        s->value[0][i] = (float)i;
    c.n = 1;
    c.sparsity = calloc(1, sizeof(double));
    c.loss = calloc(1, sizeof(double));
    c.accuracy = calloc(1, sizeof(double));
    if (!s || !c.sparsity || !c.loss || !c.accuracy)
        return -1;
    s->count = 3;
    return pare_model_set_curve(m, &c);
}

/* A large index and mask, so that chunks are in it too. */
static int make_large(struct pare_model *m)
{
    struct pare_arch arch = {0};
    int err = pare_arch_parse(&arch, "1024-600");

    if (!err)
        err = pare_model_init(m, &arch);
    if (!err)
        err = pare_tensor_need_mask(&m->tensor[0]);
    for (size_t i = 0; !err && i < m->tensor[0].n; i++)
        m->tensor[0].mask[i] = i % 1000 == 0;
    return err;
}

/* The small one again as dynamic training leaves it. */
static int make_rewired(struct pare_model *m)
{
    const uint64_t removed[2] = {3, 40}, added[1] = {1};
    float v[2] = {1, -2}, *slot[PARE_SLOTS_MAX] = {v, NULL};
    struct pare_rewiring r = {1, 0, 1, 24, 2, 2, 1, 0};
    int err = make_model(m);

    if (!err)
        err = pare_marks_set(&m->tensor[0].removed, removed, 2, slot);
    if (!err)
        err = pare_marks_set(&m->tensor[0].added, added, 1, NULL);
    if (!err)
        err = pare_model_add_rewiring(m, &r);
    r.tensor = 2;
    if (!err)
        err = pare_model_add_rewiring(m, &r);
    m->tensor[0].target = 24;
    strcpy(m->training.dialect, "set");
    strcpy(m->init.sparse, "er,epsilon=2");
    return err;
}

/* Codes of levels and of int8, and values of 16 bits; two under masks. */
static int make_levels(struct pare_model *m)
{
    struct pare_arch arch = {0};
    float *scale = calloc(5, sizeof *scale);
    int err = pare_arch_parse(&arch, "8-6-5-3");

    if (!err)
        err = pare_model_init(m, &arch);
    if (!err)
        err = pare_tensor_need_mask(&m->tensor[0]);
    if (!err)
        err = pare_tensor_need_mask(&m->tensor[4]);
    if (err || !scale)
        return -1;
    for (size_t t = 0; t < m->n_tensors; t++)
        for (size_t i = 0; i < m->tensor[t].n; i++)
            m->tensor[t].value[i] = (float)(i % 7) / 4;
    for (size_t i = 0; i < 5; i++)
        scale[i] = .25F;
    for (size_t i = 1; i < m->tensor[0].n; i += 2)
        m->tensor[0].mask[i] = m->tensor[4].mask[i % 15] = 0;
    pare_model_apply_masks(m);
    m->tensor[2].quant = (struct pare_quant){
        .kind = PARE_QUANT_INT8, .n_scale = 5, .scale = scale};
    m->tensor[1].dtype = PARE_F16;
    m->tensor[4].dtype = PARE_BF16;
    return pare_levels_rebuild(&m->tensor[0]);
}

/* More positions than any mask can have. */
static int make_huge(struct pare_model *m)
{
    static const uint64_t flat[] = {0,     5,      65536,
                                    65537, 196610, (uint64_t)65537 * 65536 - 1};
    struct pare_arch arch = {0};
    int err = pare_arch_parse(&arch, "in(65537) linear(65536,bias=no)");

    if (!err)
        err = pare_model_lay(m, &arch);
    if (!err)
        err =
            pare_pattern_of_flat(&m->tensor[0].pattern, flat, 6, 65536, 65537);
    if (!err)
        err = pare_model_allocate(m);
    for (size_t i = 0; !err && i < m->tensor[0].n; i++)
        m->tensor[0].value[i] = 1 + (float)i;
    return err ? err : pare_optstate_alloc(&m->optim, m, 1);
}

static void damage(unsigned char *b, size_t n, uint64_t *s)
{
    static const unsigned char edge[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff};
    size_t window = next(s) % 4 == 0 ? n : n < 4096 ? n : 4096;
    int times = 1 + (int)(next(s) % 4);

    while (times-- > 0) {
        size_t at = next(s) % window;
        size_t run = 1 + next(s) % 8;

        switch (next(s) % 5) {
        case 0:
            b[at] ^= (unsigned char)(1u << next(s) % 8);
            break;
        case 1:
            b[at] = (unsigned char)next(s);
            break;
        case 2:
            b[at] = edge[next(s) % sizeof edge];
            break;
        case 3: /* a word of one value */
            run = run < n - at ? run : n - at;
            memset(b + at, edge[next(s) % sizeof edge], run);
            break;
        default: /* a piece of the file from elsewhere */
            run = run * 4 < n - at ? run * 4 : n - at;
            memmove(b + at, b + next(s) % (n - run + 1), run);
        }
    }
}

/* 0 if the same model was read, 1 if it was refused, -1 for another. */
static int try_image(const struct image *im, const char *weights,
                     const char *state)
{
    char hex[PARE_DIGEST_LEN];
    struct pare_model m = {0};
    struct pare_model_file info = {0};
    struct pare_h5 *h = NULL;
    int answer = 1;
    int err = pare_h5_open(&h, im->bytes, im->n, "image");

    if (!err)
        err = pare_model_parse(&m, &info, h, im->n);
    if (err > 0 || (err && !pare_error()[0]))
        answer = -1;
    if (!err)
        answer = pare_digest_weights(hex, &m) || strcmp(hex, weights) ||
                         pare_digest_state(hex, &m) || strcmp(hex, state)
                     ? -1
                     : 0;
    pare_h5_close(h);
    pare_model_file_release(&info, m.n_tensors);
    pare_model_release(&m);
    return answer;
}

/* The case that a child is at, for when it dies. */
static long *under_way;

/* Damage a copy; im has room for it. */
static void make_case(struct image *im, const struct image *good, long i,
                      uint64_t seed)
{
    uint64_t s = (seed + 1) * 0x9e3779b97f4a7c15u + (uint64_t)i;

    next(&s);
    next(&s);
    im->n = good->n;
    memcpy(im->bytes, good->bytes, good->n);
    damage(im->bytes, im->n, &s);
    if (s % 16 == 0)
        im->n -= s % good->n;
}

static int try_again(void *arg)
{
    return try_image(arg, "", "") == 1 ? PARE_EFORMAT : 0;
}

/* libhdf5 may read where there is nothing, as tools know, which let a child
 * read first. Does that hold for this case? */
static bool contained(const struct image *good, long i, uint64_t seed)
{
    struct image im = {malloc(good->n), good->n};
    int err = 0;

    if (im.bytes) {
        make_case(&im, good, i, seed);
        err = pare_trial(try_again, &im, "image", (uint64_t)1 << 40);
    }
    free(im.bytes);
    fprintf(stderr, "case %ld ended libhdf5, in a trial: %s\n", i,
            err == PARE_EFORMAT ? pare_error() : "it goes on");
    return err == PARE_EFORMAT;
}

static void run_batch(const struct image *good, const char *weights,
                      const char *state, long first, long last, uint64_t seed)
{
    struct image im = {malloc(good->n), good->n};

    if (!im.bytes)
        _exit(2);
    alarm(60);
    for (long i = first; i < last; i++) {
        *under_way = i;
        make_case(&im, good, i, seed);
        if (try_image(&im, weights, state) < 0) {
            fprintf(stderr, "case %ld was read as another model\n", i);
            _exit(1);
        }
    }
    free(im.bytes);
    _exit(0);
}

/* Every 23rd byte damaged, one at a time; a third and more is refused. */
static void run_flips(const struct image *im, const char *weights,
                      const char *state)
{
    size_t refused = 0;

    alarm(60);
    for (size_t i = 0; i < im->n; i += 23) {
        int answer;

        im->bytes[i] ^= 0x5a;
        answer = try_image(im, weights, state);
        im->bytes[i] ^= 0x5a;
        if (answer < 0) {
            fprintf(stderr, "byte %zu: read as another model\n", i);
            _exit(1);
        }
        refused += answer == 1;
    }
    _exit(refused > im->n / 23 / 3 ? 0 : 3);
}

/* Wait for a child: 1 and a line if it failed, -1 if it read where there is
 * nothing, which our own code must not: sanitizers see that before. */
static int finish(pid_t pid, const char *what, long first)
{
    int status = 0;

    if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0)
        return 0;
    if (pid > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV)
        return -1;
    fprintf(stderr, "%s from %ld: status %#x\n", what, first, (unsigned)status);
    return 1;
}

/* A model's file in memory, in either layout. */
static int make_image(struct image *im, const struct pare_model *m,
                      struct pare_model_file *info, bool packed)
{
    const char *path = "fuzz_model-packed.h5";
    void *bytes = NULL;
    int err;

    if (packed) {
        err = pare_model_write_packed(path, m, 6, 1, info);
        if (!err)
            err = pare_read_file(&bytes, &im->n, path, (size_t)1 << 30);
        unlink(path);
    } else {
        err = pare_model_image(&bytes, &im->n, m, info);
    }
    im->bytes = bytes;
    return err;
}

static const char *seed_dir;

/* Leave a model as a file for libFuzzer, which is slow with long ones. */
static int put_seed(const struct image *im)
{
    static int k;
    char path[4096];
    FILE *f;

    if (im->n > 1 << 18)
        return 0;
    snprintf(path, sizeof path, "%s/model-%d", seed_dir, k++);
    f = fopen(path, "w");
    return !f || fwrite(im->bytes, 1, im->n, f) != im->n || fclose(f) != 0;
}

static int fuzz(int (*make)(struct pare_model *), long cases, uint64_t seed,
                bool packed)
{
    struct pare_model m = {0};
    struct pare_model_file info = {0};
    struct image im;
    int bad = 0;
    pid_t pid;

    if (make(&m) != 0 || make_image(&im, &m, &info, packed) != 0) {
        fprintf(stderr, "%s\n", pare_error());
        return 1;
    }
    if (seed_dir)
        bad = put_seed(&im);
    for (long i = 0, lost = 0, last; !seed_dir && i < cases; i = last) {
        int end;

        last = i + BATCH < cases ? i + BATCH : cases;
        pid = fork();
        if (pid == 0)
            run_batch(&im, info.weights, info.state, i, last, seed);
        end = finish(pid, "cases", i);
        if (end < 0) { /* go on behind that case; few may be so */
            end = ++lost > 2 + cases / 500 || !contained(&im, *under_way, seed);
            last = *under_way + 1;
        }
        bad += end;
    }
    if (im.n < 65536 && !seed_dir) {
        pid = fork();
        if (pid == 0)
            run_flips(&im, info.weights, info.state);
        bad += finish(pid, "flips", 0) != 0;
    }
    free(im.bytes);
    pare_model_file_release(&info, m.n_tensors);
    pare_model_release(&m);
    return bad;
}

int main(int argc, char **argv)
{
    long cases = argc > 1 ? atol(argv[1]) : 4000;
    uint64_t seed = argc > 2 ? (uint64_t)atol(argv[2]) : 1;
    int bad = 0;

    seed_dir = argc > 3 ? argv[3] : NULL;
    under_way = mmap(NULL, sizeof *under_way, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (under_way == MAP_FAILED)
        return 2;
    for (int packed = 0; packed < 2; packed++) {
        bad += fuzz(make_model, cases, seed, packed);
        bad += fuzz(make_extra, cases / 2, seed, packed);
        bad += fuzz(make_rewired, cases / 2, seed, packed);
        bad += fuzz(make_levels, cases / 2, seed, packed);
        bad += fuzz(make_huge, cases / 4, seed, packed);
        bad += fuzz(make_large, cases / 40, seed, packed);
        cases /= 4;
    }
    return bad != 0;
}
