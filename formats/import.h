#ifndef PARE_IMPORT_H
#define PARE_IMPORT_H

#include "foreign.h"

/** A format that models are imported from: a row of the table in import.c. */
struct pare_import_format {
    const char *name;   /* "safetensors", "onnx", "keras", "npz", ... */
    const char *suffix; /* names that end so: ".safetensors", space between */
    const char *help;   /* one line */
    const char *source; /* citation of its definition */
    /**
     * Could a file be of it? By its first bytes, not by its name.
     * @param head  [n] the first bytes, n up to 512
     */
    bool (*looks)(const unsigned char *head, size_t n);
    /**
     * Read it whole, or map it.
     * @param f  zeroed, out; written only on success
     * @return 0; PARE_EIO; PARE_EFORMAT; PARE_ELIMIT; PARE_ENOMEM
     */
    int (*read)(struct pare_foreign *f, const char *path);
};

/** Rows of the table; index n returns NULL. */
const struct pare_import_format *pare_import_format(size_t index);

/** Does a path end as the names of a format do? */
bool pare_import_named(const struct pare_import_format *row, const char *path);

/**
 * Read a file of any known format; digest is that of its bytes, and of those
 * of the files that it names, in order.
 *
 * @param f       zeroed, out; written only on success
 * @param path    a file; "-" is standard input, spooled
 * @param format  name of a row, or NULL: found by the file's first bytes,
 *                and where these leave a choice by its name
 * @return 0; PARE_EINVAL (no such format); PARE_EIO; PARE_EFORMAT (of no
 *         known format, damaged); PARE_ELIMIT; PARE_ENOMEM
 */
int pare_import_read(struct pare_foreign *f, const char *path,
                     const char *format);

/**
 * Read weights of Keras whose graph lies in a file of its own: a model's
 * configuration as JSON.
 *
 * @param path  a file, not standard input
 * @param hex   digest of the file of the graph, out
 * @return as pare_import_read
 */
int pare_import_with_graph(struct pare_foreign *f, const char *path,
                           const char *graph, char hex[PARE_DIGEST_LEN]);

/**
 * The same digest, without reading more than that takes.
 * @return 0; PARE_EIO; PARE_EFORMAT; PARE_ELIMIT; PARE_ENOMEM
 */
int pare_import_digest(char hex[PARE_DIGEST_LEN], const char *path);

#endif
