/*
 * Damage files and read them as a tool would: nothing may crash, take more
 * than 6 seconds of processor time or 700 MB, or be read as another model.
 * The name tells the reader: .h5 (model and data), .txt (the text twin),
 * .csv, .idx, .npy, .npz, .png, .jpg, .onnx, .keras, .safetensors,
 * .index.json, .pth.
 * What fails is kept as bad-N beside the case.
 *
 * usage: fuzz_files SECONDS SEED FILE...
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "atomic.h"
#include "csv_data.h"
#include "data_file.h"
#include "idx.h"
#include "image.h"
#include "import.h"
#include "model_file.h"
#include "npz.h"
#include "status.h"
#include "text_twin.h"

#define ROOM     (1 << 16) /* by which a file may grow */
#define SEEDS    48
#define MEMORY   700000L /* KiB */
#define PLACES   256
#define CASE_MAX 100 /* of one child */

struct seed {
    const char *path;
    unsigned char *bytes;
    size_t n;
    char state[PARE_DIGEST_LEN];    /* "" for what is no model */
    size_t n_places, place[PLACES]; /* of the structures of HDF5 */
};

static uint64_t rng = 1;

static size_t draw(size_t n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return n ? (size_t)(rng >> 8) % n : 0;
}

static bool ends(const char *path, const char *tail)
{
    size_t n = strlen(path), k = strlen(tail);

    return n >= k && strcmp(path + n - k, tail) == 0;
}

static void find_places(struct seed *s)
{
    static const char *const mark[] = {"TREE", "SNOD", "HEAP", "GCOL"};

    for (size_t i = 0; i + 4 <= s->n && s->n_places < PLACES; i++)
        for (size_t k = 0; k < 4; k++)
            if (memcmp(s->bytes + i, mark[k], 4) == 0)
                s->place[s->n_places++] = i;
    if (s->n_places == 0)
        s->place[s->n_places++] = 0;
}

/* A number that hurts, or an address that is one of something else. */
static uint64_t word(const struct seed *s, size_t n)
{
    static const uint64_t hard[] = {0,          1,          7,
                                    8,          0x7f,       0xff,
                                    0xffff,     0x10000,    0x7fffffff,
                                    0x80000000, 0xfffffffe, 0xffffffff,
                                    1ull << 32, 1ull << 33, INT64_MAX,
                                    1ull << 63, UINT64_MAX, UINT64_MAX - 1};

    switch (draw(5)) {
    case 0:
        return s->place[draw(s->n_places)];
    case 1:
        return n - draw(64);
    case 2:
        return draw(n);
    case 3: /* the root, and what is small */
        return draw(128);
    default:
        return hard[draw(sizeof hard / sizeof *hard)];
    }
}

/* Where it matters: behind a mark, in the head, on a word, anywhere. */
static size_t somewhere(const struct seed *s, size_t n)
{
    size_t at;

    switch (draw(4)) {
    case 0:
        at = s->place[draw(s->n_places)] + draw(64);
        break;
    case 1:
        at = draw(1024);
        break;
    case 2:
        at = draw(n) & ~(size_t)7;
        break;
    default:
        at = draw(n);
    }
    return at < n ? at : draw(n);
}

static void put_word(unsigned char *b, size_t n, size_t at, uint64_t v)
{
    size_t width = (size_t)1 << draw(4);

    for (size_t i = 0; i < width && at + i < n; i++)
        b[at + i] = (unsigned char)(v >> (8 * i));
}

/* Text that means something somewhere. */
static void put_text(unsigned char *b, size_t n, size_t at)
{
    static const char *const word[] = {"\x1b[2J",
                                       "../../",
                                       "1e999",
                                       "nan",
                                       "-1",
                                       "{\"a\":",
                                       "\n",
                                       "\t",
                                       "\"",
                                       ",",
                                       "99999999999999999999",
                                       "=",
                                       "%s%n",
                                       "\xff\xfe",
                                       "x1000000",
                                       "conv(",
                                       "0x1p-9999"};
    const char *w = word[draw(sizeof word / sizeof *word)];
    size_t k = strlen(w);

    if (at + k <= n)
        memcpy(b + at, w, k);
}

static size_t change(unsigned char *b, size_t n, const struct seed *s)
{
    size_t at = somewhere(s, n), from = somewhere(s, n);
    size_t run = 1 + draw(draw(8) ? 64 : 4096);

    run = run < n - at ? run : n - at;
    run = run < n - from ? run : n - from;
    switch (draw(10)) {
    case 0:
        b[at] ^= (unsigned char)(1u << draw(8));
        return n;
    case 1:
        b[at] = (unsigned char)draw(256);
        return n;
    case 2: /* a block twice, in the place of another */
        memmove(b + at, b + from, run);
        return n;
    case 3: /* a block more */
        if (n + run > s->n + ROOM)
            return n;
        memmove(b + at + run, b + at, n - at);
        return n + run;
    case 4: /* a block less */
        if (run == n)
            return n;
        memmove(b + at, b + at + run, n - at - run);
        return n - run;
    case 5:
        memset(b + at, draw(2) ? 0 : 0xff, run);
        return n;
    case 6:
        put_text(b, n, at);
        return n;
    case 7: /* one byte of the file's head: versions, sizes */
        b[draw(n < 96 ? n : 96)] = (unsigned char)draw(8);
        return n;
    default:
        put_word(b, n, at, word(s, n));
        return n;
    }
}

static size_t damage(unsigned char *b, const struct seed *s)
{
    size_t n = s->n, times = 1 + draw(draw(4) ? 3 : 12);

    memcpy(b, s->bytes, n);
    while (times-- > 0 && n > 0)
        n = change(b, n, s);
    if (draw(16) == 0)
        n = draw(n);
    return n;
}

/* Every reader answers 0 or a status with a message of printable text. */
static bool fine(int status)
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

static bool read_model(char state[PARE_DIGEST_LEN], const char *path)
{
    struct pare_model m = {0};
    struct pare_model_file info = {0};
    int err = pare_model_read(&m, &info, path);
    bool ok = fine(err);

    strcpy(state, err ? "" : info.state);
    pare_model_file_release(&info, m.n_tensors);
    pare_model_release(&m);
    return ok;
}

static bool read_data(const char *path)
{
    struct pare_dataset d = {0};
    bool ok = fine(pare_data_read(&d, path));

    pare_dataset_release(&d);
    return ok;
}

static bool read_text(const char *path)
{
    struct pare_model m = {0};
    FILE *f = fopen(path, "r");
    bool ok = f && fine(pare_text_parse(&m, f, path));

    if (f)
        fclose(f);
    pare_model_release(&m);
    return ok;
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
    return fine(err);
}

static bool read_idx(const char *path)
{
    struct pare_idx a = {0};
    bool ok = fine(pare_idx_read(&a, path));

    pare_idx_release(&a);
    return ok;
}

static bool read_npy(const char *path)
{
    struct pare_npy a = {0};
    bool ok = fine(pare_npy_read(&a, path));

    pare_npy_release(&a);
    return ok;
}

static bool read_npz(const char *path)
{
    struct pare_npz *z = NULL;
    struct pare_npy a = {0};
    bool ok = fine(pare_npz_open(&z, path)) &&
              (!z || fine(pare_npz_read(&a, z, "y", "y")));

    pare_npy_release(&a);
    pare_npz_free(z);
    return ok;
}

static bool read_image(const char *path)
{
    struct pare_image_decoder *d = pare_image_decoder_new();
    struct pare_image im = {0};
    void *bytes = NULL;
    size_t n;
    int err = d ? pare_read_file(&bytes, &n, path, PARE_IMAGE_FILE) : 1;

    if (!err)
        err = pare_image_decode(&im, d, bytes, n);
    free(bytes);
    pare_image_release(&im);
    pare_image_decoder_free(d);
    return fine(err);
}

/* Also as a model, which takes the architecture that came of it. */
static bool read_foreign(const char *path, const char *format)
{
    static const struct pare_foreign_options none;
    struct pare_foreign f = {0};
    struct pare_model m = {0};
    int err = pare_import_read(&f, path, format);

    if (!err)
        err = pare_foreign_model(&m, &f, &none);
    pare_model_release(&m);
    pare_foreign_release(&f);
    return fine(err);
}

static bool read_case(const struct seed *s, const char *path)
{
    char state[PARE_DIGEST_LEN];

    if (ends(s->path, ".txt"))
        return read_text(path);
    if (ends(s->path, ".csv"))
        return read_csv(path);
    if (ends(s->path, ".idx"))
        return read_idx(path);
    if (ends(s->path, ".npy"))
        return read_npy(path);
    if (ends(s->path, ".npz"))
        return read_npz(path);
    if (ends(s->path, ".onnx"))
        return read_foreign(path, "onnx");
    if (ends(s->path, ".keras"))
        return read_foreign(path, "keras");
    if (ends(s->path, ".safetensors"))
        return read_foreign(path, "safetensors");
    if (ends(s->path, ".index.json"))
        return read_foreign(path, "safetensors-index");
    if (ends(s->path, ".pth"))
        return read_foreign(path, "pytorch");
    if (ends(s->path, ".png") || ends(s->path, ".jpg"))
        return read_image(path);
    if (!s->state[0])
        return read_data(path);
    return read_model(state, path) &&
           (!state[0] || strcmp(state, s->state) == 0);
}

static bool small_enough(void)
{
    struct rusage self, others;

    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &others);
    return self.ru_maxrss < MEMORY && others.ru_maxrss < MEMORY;
}

static void put_case(const void *bytes, size_t n)
{
    FILE *f = fopen("case", "w");

    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0)
        _exit(9);
}

/* Children of this one may take as long again as it does itself. */
static void run_cases(const struct seed *seed, size_t n_seeds, uint64_t first)
{
    const struct itimerval limit = {{0, 0}, {6, 0}};

    for (uint64_t i = first; i < first + CASE_MAX; i++) {
        const struct seed *s;
        unsigned char *b;
        size_t n;

        rng = (i + 1) * 0x9e3779b97f4a7c15u;
        draw(2);
        s = &seed[draw(n_seeds)];
        b = malloc(s->n + ROOM + 1);
        if (!b)
            _exit(9);
        n = damage(b, s);
        put_case(b, n);
        free(b);
        setitimer(ITIMER_PROF, &limit, NULL);
        alarm(120);
        if (!read_case(s, "case")) {
            fprintf(stderr, "case %llu (%s): %s\n", (unsigned long long)i,
                    s->path, pare_error());
            _exit(1);
        }
        if (!small_enough())
            _exit(2);
    }
    _exit(0);
}

/* Keep what failed. */
static void keep(int number, int status)
{
    char name[32];

    snprintf(name, sizeof name, "bad-%d", number);
    rename("case", name);
    fprintf(stderr, "%s: status %#x%s\n", name, (unsigned)status,
            status == 0x200 ? ", too much memory" : "");
}

static int load(struct seed *s, const char *path)
{
    void *bytes;
    int err = pare_read_file(&bytes, &s->n, path, 1 << 26);

    if (err)
        return err;
    s->path = path;
    s->bytes = bytes;
    find_places(s);
    if (ends(path, ".h5"))
        read_model(s->state, path);
    return s->n ? 0 : -1;
}

int main(int argc, char **argv)
{
    static struct seed seed[SEEDS];
    time_t end = time(NULL) + (argc > 3 ? atol(argv[1]) : 0);
    uint64_t first = argc > 3 ? strtoull(argv[2], NULL, 10) << 32 : 0;
    uint64_t i = first;
    int bad = 0;

    if (argc < 4 || argc - 3 > SEEDS) {
        fprintf(stderr, "usage: fuzz_files SECONDS SEED FILE...\n");
        return 2;
    }
    for (int k = 3; k < argc; k++)
        if (load(&seed[k - 3], argv[k]) != 0) {
            fprintf(stderr, "%s: %s\n", argv[k], pare_error());
            return 2;
        }
    do {
        int status = 0;
        pid_t pid = fork();

        if (pid == 0)
            run_cases(seed, (size_t)argc - 3, i);
        i += CASE_MAX;
        if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
            keep(++bad, status);
    } while (time(NULL) < end && bad < 20);
    printf("%llu cases, %d bad\n", (unsigned long long)(i - first), bad);
    for (int k = 0; k < argc - 3; k++)
        free(seed[k].bytes);
    return bad != 0;
}
