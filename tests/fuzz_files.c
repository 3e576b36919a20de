/*
 * Damage files and read them as a tool would: nothing may crash, take more
 * than 6 seconds of processor time or 700 MB, or be read as another model.
 * The end of its name tells the reader of a file, see fuzz_readers.c.
 * What fails is kept as bad-N beside the case.
 *
 * usage: fuzz_files CASES SEED FILE...
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "atomic.h"
#include "fuzz_readers.h"
#include "model_file.h"
#include "status.h"

#define ROOM     (1 << 16) /* by which a file may grow */
#define SEEDS    64
#define MEMORY   700000L /* KiB */
#define PLACES   256
#define CASE_MAX 100 /* of one child */

struct seed {
    const char *path;
    const struct fuzz_reader *reader;
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

static bool read_model(char state[PARE_DIGEST_LEN], const char *path)
{
    struct pare_model m = {0};
    struct pare_model_file info = {0};
    int err = pare_model_read(&m, &info, path);
    bool ok = fuzz_fine(err);

    strcpy(state, err ? "" : info.state);
    pare_model_file_release(&info, m.n_tensors);
    pare_model_release(&m);
    return ok;
}

/* A model must be none or the one that it was. */
static bool read_case(const struct seed *s, const void *bytes, size_t n)
{
    char state[PARE_DIGEST_LEN];

    if (!s->state[0])
        return fuzz_read(s->reader, bytes, n, "case");
    return read_model(state, "case") &&
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
static void run_cases(const struct seed *seed, size_t n_seeds, uint64_t first,
                      uint64_t end)
{
    const struct itimerval limit = {{0, 0}, {6, 0}};

    for (uint64_t i = first; i < end; i++) {
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
        setitimer(ITIMER_PROF, &limit, NULL);
        alarm(120);
        if (!read_case(s, b, n)) {
            fprintf(stderr, "case %llu (%s): %s\n", (unsigned long long)i,
                    s->path, pare_error());
            _exit(1);
        }
        free(b);
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
    s->reader = fuzz_reader_of(path);
    if (!s->reader)
        return pare_fail(PARE_EINVAL, "no reader takes files of that name");
    s->bytes = bytes;
    find_places(s);
    if (strcmp(s->reader->name, "model") == 0)
        read_model(s->state, path);
    return s->n ? 0 : -1;
}

int main(int argc, char **argv)
{
    static struct seed seed[SEEDS];
    uint64_t cases = argc > 3 ? strtoull(argv[1], NULL, 10) : 0, i = 0;
    uint64_t first = argc > 3 ? strtoull(argv[2], NULL, 10) << 32 : 0;
    int bad = 0;

    if (argc < 4 || argc - 3 > SEEDS) {
        fprintf(stderr, "usage: fuzz_files CASES SEED FILE...\n");
        return 2;
    }
    for (int k = 3; k < argc; k++)
        if (load(&seed[k - 3], argv[k]) != 0) {
            fprintf(stderr, "%s: %s\n", argv[k], pare_error());
            return 2;
        }
    for (uint64_t end; i < cases && bad < 20; i = end) {
        int status = 0;
        pid_t pid = fork();

        end = cases - i < CASE_MAX ? cases : i + CASE_MAX;
        if (pid == 0)
            run_cases(seed, (size_t)argc - 3, first + i, first + end);
        if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
            keep(++bad, status);
    }
    printf("%llu cases, %d bad\n", (unsigned long long)i, bad);
    for (int k = 0; k < argc - 3; k++)
        free(seed[k].bytes);
    return bad != 0;
}
