/*
 * A reader as a target of libFuzzer: this file, fuzz_readers.c and the
 * libraries built with -fsanitize=fuzzer, and FUZZ_READER the name of the
 * reader. CMake does that with -DPARE_LIBFUZZER=ON; fuzz_long.sh runs it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz_readers.h"
#include "status.h"
#include "trial.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In the place of the library's: no child reads first, so that what is read
 * is seen here, and dies here. */
int pare_trial(int (*work)(void *arg), void *arg, const char *name,
               uint64_t memory)
{
    (void)work;
    (void)arg;
    (void)name;
    (void)memory;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct fuzz_reader *reader;
    static char path[64];

    if (!reader) {
        reader = fuzz_reader_named(FUZZ_READER);
        snprintf(path, sizeof path, "case.%ld", (long)getpid());
    }
    if (!reader)
        abort();
    if (!fuzz_read(reader, data, size, path)) {
        fprintf(stderr, "answers what no reader may: %s\n", pare_error());
        abort();
    }
    return 0;
}
