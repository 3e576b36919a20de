#ifndef FUZZ_READERS_H
#define FUZZ_READERS_H

/* Every reader of files, by name, for programs that damage files. */
#include <stdbool.h>
#include <stddef.h>

/** A reader: a row of the table in fuzz_readers.c. */
struct fuzz_reader {
    const char *name;   /* "npz" */
    const char *suffix; /* of the names of its files: ".npz" */
    /** Read and release. false if it answered what no reader may: a status
     *  without a message, or with one of more than printable text. One of
     *  both is there. */
    bool (*file)(const char *path);
    bool (*bytes)(const void *bytes, size_t n);
};

/** Rows of the table; index n returns NULL. */
const struct fuzz_reader *fuzz_reader(size_t index);

/** The row of a name, or NULL. */
const struct fuzz_reader *fuzz_reader_named(const char *name);

/** The last row whose suffix ends a path, or NULL. */
const struct fuzz_reader *fuzz_reader_of(const char *path);

/** Does a reader answer so: 0, or a status and one line of printable text? */
bool fuzz_fine(int status);

/** Have a reader read bytes, by way of a file at path if it takes one. */
bool fuzz_read(const struct fuzz_reader *r, const void *bytes, size_t n,
               const char *path);

#endif
