/*
 * Damage coded tensors in thousands of ways and decode them: nothing may
 * crash, and what is accepted must be a tensor that is of its levels, can be
 * coded again and comes back as it was.
 *
 * usage: fuzz_codec [CASES [SEED [DIR]]]
 *
 * With DIR the undamaged inputs are written there, as seeds for libFuzzer,
 * which drives LLVMFuzzerTestOneInput: see fuzz_long.sh.
 *
 * An input is: rows and cols, 2 bytes each, a byte of which bit 0 asks for a
 * compact tensor, the number of words of the directory, one byte, the words,
 * 8 bytes each, and the bytes of the streams; the lowest byte first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "levels.h"
#include "pattern.h"
#include "rng.h"
#include "status.h"

#define HEAD 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void empty(struct pare_tensor *t)
{
    free(t->value);
    free(t->mask);
    pare_pattern_free(t->pattern);
    pare_quant_release(&t->quant);
}

static void die(const char *what)
{
    fprintf(stderr, "fuzz_codec: %s: %s\n", what, pare_error());
    abort();
}

/* What was accepted comes back from a coding of its own. */
static void again(const struct pare_tensor *t)
{
    struct pare_tensor back = {.rank = t->rank, .dim = {t->dim[0], t->dim[1]}};
    struct pare_coded c = {0};

    if (pare_levels_check(t))
        die("levels that are not kept");
    if (pare_encode(&c, t, (struct pare_effort){6, 1}))
        die("cannot be coded again");
    if (pare_decode(&back, &c, t->pattern != NULL, 1))
        die("cannot be decoded again");
    if (back.n != t->n || !back.mask != !t->mask ||
        !back.pattern != !t->pattern ||
        memcmp(back.value, t->value, t->n * sizeof *t->value) != 0 ||
        (t->mask && memcmp(back.mask, t->mask, t->n) != 0) ||
        (t->pattern && !pare_pattern_same(back.pattern, t->pattern)))
        die("comes back as another");
    empty(&back);
    pare_coded_release(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pare_tensor t = {.rank = 2};
    struct pare_coded c = {0};
    uint64_t word[256];
    size_t words, at = HEAD;

    if (size < HEAD)
        return 0;
    t.dim[0] = data[0] | (size_t)data[1] << 8;
    t.dim[1] = data[2] | (size_t)data[3] << 8;
    words = data[5];
    if (t.dim[0] * t.dim[1] > 1 << 20 || size < HEAD + 8 * words)
        return 0;
    for (size_t i = 0; i < words; i++) {
        word[i] = 0;
        for (unsigned k = 0; k < 8; k++)
            word[i] |= (uint64_t)data[at++] << 8 * k;
    }
    if (pare_coded_get(&c, word, words, t.dim[0] * t.dim[1], NULL) == 0 &&
        pare_coded_place(&c, data + at, size - at) == 0 &&
        pare_decode(&t, &c, data[4] & 1, 1) == 0) {
        again(&t);
        empty(&t);
    }
    pare_coded_release(&c);
    return 0;
}

#ifndef PARE_LIBFUZZER
static uint64_t next(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

/* A tensor of kind k: dense or pruned, of each type, with levels or not. */
static void draw(struct pare_tensor *t, int k)
{
    static const double density[] = {1, .5, .1, .02, 1e9};
    double keep = density[k % 5];
    struct pare_quant *q = &t->quant;

    *t = (struct pare_tensor){
        .role = PARE_ROLE_WEIGHT, .rank = 2, .dim = {k % 3 ? 20 : 200, 40}};
    t->n = t->dim[0] * t->dim[1];
    t->value = malloc(t->n * sizeof *t->value);
    t->mask = keep < 1 ? malloc(t->n) : NULL;
    if (!t->value || (keep < 1 && !t->mask))
        abort();
    pare_rng_normal(t->value, t->n, 1, 1, PARE_STREAM_INIT, (uint32_t)k);
    t->dtype = (enum pare_dtype)(k / 5 % 3);
    pare_dtype_round(t->value, t->n, t->dtype);
    if (k / 15 && t->dtype == PARE_F32) {
        size_t levels = k % 2 ? 6 : 400;

        q->kind = PARE_QUANT_CODEBOOK;
        q->n_book = levels;
        q->book = malloc(levels * sizeof *q->book);
        if (!q->book)
            abort();
        for (size_t i = 0; i < levels; i++)
            q->book[i] = (float)i - 2;
        for (size_t i = 0; i < t->n; i++)
            t->value[i] = q->book[i * i % levels];
    }
    for (size_t i = 0; t->mask && i < t->n; i++) {
        t->mask[i] = keep == .5 ? i % 2 : (double)(i * i % 97) < 97 * keep;
        if (!t->mask[i])
            t->value[i] = 0;
    }
}

/* An input as it should be: malloc'd. */
static uint8_t *make(size_t *size, int k)
{
    struct pare_tensor t;
    struct pare_coded c = {0};
    uint64_t word[256];
    size_t words, at = HEAD;
    uint8_t *b;

    draw(&t, k);
    if (pare_encode(&c, &t, (struct pare_effort){1 + k % 9, 1}))
        die("cannot be coded");
    words = pare_coded_words(&c);
    *size = HEAD + 8 * words + (size_t)pare_coded_bytes(&c);
    b = malloc(*size);
    if (!b || words > 255)
        abort();
    pare_coded_put(word, &c);
    b[0] = (uint8_t)t.dim[0];
    b[1] = (uint8_t)(t.dim[0] >> 8);
    b[2] = (uint8_t)t.dim[1];
    b[3] = 0;
    b[4] = k % 2;
    b[5] = (uint8_t)words;
    for (size_t i = 0; i < words; i++)
        for (unsigned j = 0; j < 8; j++)
            b[at++] = (uint8_t)(word[i] >> 8 * j);
    for (size_t i = 0; i < c.n_pieces; i++) {
        memcpy(b + at, c.piece[i].data, c.piece[i].stored);
        at += c.piece[i].stored;
    }
    pare_coded_release(&c);
    empty(&t);
    return b;
}

/* Leave an input as a file for libFuzzer. */
static void put_seed(const char *dir, int k, const uint8_t *b, size_t n)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof path, "%s/codec-%d", dir, k);
    f = fopen(path, "w");
    if (!f || fwrite(b, 1, n, f) != n || fclose(f) != 0)
        abort();
}

static void damage(uint8_t *b, size_t n, uint64_t *s)
{
    static const uint8_t edge[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff};
    size_t head = n < 100 ? n : 100;

    for (int times = 1 + (int)(next(s) % 3); times; times--) {
        size_t at = next(s) % (next(s) % 2 ? n : head);

        switch (next(s) % 3) {
        case 0:
            b[at] ^= (uint8_t)(1u << next(s) % 8);
            break;
        case 1:
            b[at] = edge[next(s) % sizeof edge];
            break;
        default:
            b[at] = (uint8_t)(b[at] + next(s) % 3 - 1);
        }
    }
}

int main(int argc, char **argv)
{
    long cases = argc > 1 ? atol(argv[1]) : 20000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

    for (int k = 0; k < 30; k++) {
        size_t n;
        uint8_t *good = make(&n, k), *b = malloc(n);

        if (!b)
            abort();
        if (argc > 3)
            put_seed(argv[3], k, good, n);
        LLVMFuzzerTestOneInput(good, n);
        for (long i = 0; i < cases / 30; i++) {
            uint64_t s =
                (seed + (uint64_t)k) * 0x9e3779b97f4a7c15u + (uint64_t)i + 1;

            next(&s);
            memcpy(b, good, n);
            damage(b, n, &s);
            LLVMFuzzerTestOneInput(b, i % 16 ? n : n - s % n);
        }
        free(good);
        free(b);
    }
    return 0;
}
#endif
