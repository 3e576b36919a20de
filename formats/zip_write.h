#ifndef PARE_ZIP_WRITE_H
#define PARE_ZIP_WRITE_H

#include <stddef.h>
#include <stdint.h>

/** A ZIP archive that is being written. */
struct pare_zip_out;

/**
 * Begin an archive: written whole or not at all, see atomic.h. The same
 * members give the same bytes, they have no times of their own.
 *
 * @param z     out; free with pare_zip_out_free
 * @param path  file, or "-"/NULL for standard output
 * @return 0; PARE_EIO; PARE_ENOMEM
 */
int pare_zip_out_new(struct pare_zip_out **z, const char *path);

/** What a member holds: it calls put, and returns the first status but 0. */
typedef int pare_zip_make(void *arg,
                          int (*put)(void *to, const void *bytes, size_t n),
                          void *to);

/**
 * Add a member, deflated where that makes it smaller, else stored. No more
 * memory is taken than the member deflated, or `size`, takes.
 *
 * @param name  at most 65,535 bytes, of no other member
 * @param size  bytes that it has, known beforehand
 * @param make  called once or twice, gives the same bytes each time
 * @return 0; PARE_EIO; PARE_ENOMEM; PARE_ELIMIT (65,535 members); or what
 *         make returns
 *
 * Source: PKWARE, APPNOTE.TXT, ".ZIP File Format Specification", 4.3-4.5;
 * ZIP64 for what 32 bits do not hold, and only then.
 */
int pare_zip_out_add(struct pare_zip_out *z, const char *name, uint64_t size,
                     pare_zip_make *make, void *arg);

/** Write the directory and put the file in place. 0; PARE_EIO. */
int pare_zip_out_finish(struct pare_zip_out *z);

/** Free; what is not finished is not written. NULL is fine. */
void pare_zip_out_free(struct pare_zip_out *z);

#endif
