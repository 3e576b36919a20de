/*
 * Damage blocks of the filter in thousands of ways and decode them: nothing
 * may crash, and no other array may come of it, but with a sum made right.
 *
 * usage: fuzz_rans [CASES [SEED [DIR]]]
 *
 * With DIR the undamaged blocks are written there, as seeds for libFuzzer,
 * which drives LLVMFuzzerTestOneInput: see fuzz_long.sh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rans.h"

#define MOST ((size_t)1 << 24)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t n = 0;
    uint8_t *raw;

    if (pare_rans_bytes(&n, data, size) != PARE_RANS_OK || n > MOST)
        return 0;
    raw = malloc(n + 1);
    if (!raw)
        abort();
    raw[n] = 77;
    (void)pare_rans_decode(raw, n, data, size);
    if (raw[n] != 77)
        abort();
    free(raw);
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

/* Blocks of kind k: some more or less sparse, some of few values, all forms. */
static uint8_t *make(size_t *n, int k)
{
    static float v[1200], scale[30];
    uint64_t s = (uint64_t)k + 1;
    uint8_t *block;

    for (size_t i = 0; i < 30; i++)
        scale[i] = (float)(i + 3) / 1700;
    for (size_t i = 0; i < 1200; i++) {
        float x = (float)(next(&s) % 1000003) / 1000003 - 0.5f;

        v[i] = next(&s) % 10 < (uint64_t)k % 4 * 3 ? 0 : x;
        if (k % 3 == 0 && v[i] != 0)
            v[i] = (float)(1 + i % 7);
        if (k % 5 == 0 && i % 40 > 20)
            v[i] = 0;
        if (k % 11 == 1) /* wide books, scaled codes, bytes of masks */
            v[i] = (float)(i % 290 + 1) / 7;
        if (k % 11 == 3)
            v[i] = (float)((int)(next(&s) % 255) - 127) * scale[i / 40];
        if (k % 11 == 5)
            v[i] = i % 4 < 2;
    }
    if (pare_rans_encode_scaled(&block, n, (const void *)v, sizeof v,
                                k % 2 ? 4 : 2, k % 7 ? 40 : 0,
                                k % 11 == 3 ? scale : NULL) != PARE_RANS_OK)
        abort();
    return block;
}

/* Leave a block as a file for libFuzzer. */
static void put_seed(const char *dir, int k, const uint8_t *b, size_t n)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof path, "%s/rans-%d", dir, k);
    f = fopen(path, "w");
    if (!f || fwrite(b, 1, n, f) != n || fclose(f) != 0)
        abort();
}

int main(int argc, char **argv)
{
    static const uint8_t edge[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff};
    long cases = argc > 1 ? atol(argv[1]) : 20000;
    uint64_t s = argc > 2 ? strtoull(argv[2], NULL, 10) + 1 : 2;

    for (int k = 0; k < 40; k++) {
        size_t n;
        uint8_t *good = make(&n, k), *b = malloc(n);

        if (!b)
            abort();
        if (argc > 3)
            put_seed(argv[3], k, good, n);
        for (long i = 0; i < cases / 40; i++) {
            memcpy(b, good, n);
            for (int times = 1 + (int)(next(&s) % 3); times; times--) {
                size_t at = next(&s) % (next(&s) % 2 ? n : 100);

                b[at] = next(&s) % 2 ? edge[next(&s) % sizeof edge]
                                     : (uint8_t)(b[at] ^ 1u << next(&s) % 8);
            }
            LLVMFuzzerTestOneInput(b, i % 8 ? n : n - next(&s) % n);
        }
        free(good);
        free(b);
    }
    return 0;
}
#endif
