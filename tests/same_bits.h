#ifndef PARE_TESTS_SAME_BITS_H
#define PARE_TESTS_SAME_BITS_H

/* For tests that results are the same bits on every processor. */
#include "digest.h"

/** Multiples of 2^-10 from -2 to 2, the same with any C library. */
static inline void fill_exactly(float *v, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        v[i] = (float)((int32_t)(seed >> 20) - 2048) * 0x1p-10f;
    }
}

/** The digest of n bytes is `want`, that of plain and of vector code. */
static inline void need_digest(const void *bytes, size_t n, const char *want)
{
    char hex[PARE_DIGEST_LEN];
    struct pare_digest *d = pare_digest_new();

    assert_non_null(d);
    pare_digest_bytes(d, bytes, n);
    pare_digest_finish(d, hex);
    assert_string_equal(hex, want);
}

#endif
