#ifndef PARE_NPZ_H
#define PARE_NPZ_H

#include "npy.h"

#define PARE_NPZ_MEMBERS 4096

/** The arrays of an NPZ file: a ZIP archive of NPY files. */
struct pare_npz;
struct pare_zip;

/**
 * Read the directory of an NPZ file.
 *
 * @param z      out; free with pare_npz_free
 * @param bytes  [n] the file, malloc'd; taken over, freed on failure
 * @param path   for messages
 * @return 0; PARE_EFORMAT (not ZIP, cut off, damaged, the same name twice);
 *         PARE_ELIMIT (members, length of a name); PARE_ENOMEM
 */
int pare_npz_parse(struct pare_npz **z, void *bytes, size_t n,
                   const char *path);

/** The same of bytes that stay the caller's and outlive z. */
int pare_npz_view(struct pare_npz **z, const void *bytes, size_t n,
                  const char *path);

/** The same from a file of at most PARE_NPY_LIMIT bytes. Also PARE_EIO. */
int pare_npz_open(struct pare_npz **z, const char *path);

/** Free; NULL is fine. */
void pare_npz_free(struct pare_npz *z);

/** Is there an array of that name (without .npy)? */
bool pare_npz_has(const struct pare_npz *z, const char *name);

/** Names of the arrays in their order; NULL behind the last. */
const char *pare_npz_name(const struct pare_npz *z, size_t index);

/** The archive, whose members are the arrays in their order, from now on the
 *  caller's to free: z has the names alone. */
struct pare_zip *pare_npz_take(struct pare_npz *z);

/** The names of the arrays, "a, b, c", cut off with "..." to fit n bytes. */
void pare_npz_names(char *buf, size_t n, const struct pare_npz *z);

/**
 * Read an array, stored or deflated. Nothing is allocated that the member
 * does not declare and its packed bytes could not hold; its CRC is checked.
 *
 * @param a      zeroed, out
 * @param label  of the array, for messages
 * @return 0; PARE_EFORMAT (no such array, encrypted, packed in another way,
 *         damaged, and as pare_npy_parse); PARE_EUNREAD; PARE_ELIMIT;
 *         PARE_ENOMEM
 */
int pare_npz_read(struct pare_npy *a, const struct pare_npz *z,
                  const char *name, const char *label);

#endif
