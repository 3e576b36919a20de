#include "adler.h"

#include <string.h>

#include "clones.h"

#define PRIME 65521 /* the largest below 2^16 */
#define WIDTH 64    /* columns */
#define ROWS  64    /* between remainders: no sum reaches 2^32 */

/*
 * Rows of WIDTH bytes: sum [j] of column j, and in before [j] the sum over
 * rows of what column j added up to before that row.
 */
PARE_CLONES
static void add_rows(uint32_t *restrict sum, uint32_t *restrict before,
                     const uint8_t *raw, size_t rows)
{
    memset(sum, 0, WIDTH * sizeof *sum);
    memset(before, 0, WIDTH * sizeof *before);
    for (size_t r = 0; r < rows; r++, raw += WIDTH)
        for (size_t j = 0; j < WIDTH; j++) {
            before[j] += sum[j];
            sum[j] += raw[j];
        }
}

uint32_t pare_adler32(const uint8_t *raw, size_t n)
{
    uint64_t a = 1, b = 0;

    while (n >= WIDTH) {
        uint32_t sum[WIDTH], before[WIDTH];
        size_t rows = n / WIDTH < ROWS ? n / WIDTH : ROWS;

        add_rows(sum, before, raw, rows);
        /* A byte counts once for itself and once for each after it. */
        b += a * rows * WIDTH;
        for (size_t j = 0; j < WIDTH; j++) {
            a += sum[j];
            b += (uint64_t)before[j] * WIDTH + (uint64_t)sum[j] * (WIDTH - j);
        }
        a %= PRIME;
        b %= PRIME;
        raw += rows * WIDTH;
        n -= rows * WIDTH;
    }
    for (; n; n--, raw++) {
        a += *raw;
        b += a;
    }
    return (uint32_t)(b % PRIME << 16 | a % PRIME);
}
