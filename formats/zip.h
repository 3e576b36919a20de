#ifndef PARE_ZIP_H
#define PARE_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARE_ZIP_MEMBERS 65536

/** A ZIP archive in memory. */
struct pare_zip;

/**
 * Read the directory of a ZIP archive.
 *
 * Plain ZIP and ZIP64, in one piece: the central directory ends where its
 * end record begins. What a member declares is checked when it is read.
 *
 * @param z      out; free with pare_zip_free
 * @param bytes  [n] the file, malloc'd; taken over, freed on failure
 * @param path   for messages
 * @return 0; PARE_EFORMAT (not ZIP, cut off, damaged, the same name twice,
 *         members that overlap);
 *         PARE_ELIMIT (members, length of a name); PARE_ENOMEM
 *
 * Source: PKWARE, APPNOTE.TXT, ".ZIP File Format Specification", 4.3-4.5.
 */
int pare_zip_parse(struct pare_zip **z, void *bytes, size_t n,
                   const char *path);

/** The same of bytes that stay the caller's and outlive z: of a mapped file. */
int pare_zip_view(struct pare_zip **z, const void *bytes, size_t n,
                  const char *path);

/** The same from a file of at most `most` bytes. Also PARE_EIO. */
int pare_zip_open(struct pare_zip **z, const char *path, size_t most);

/**
 * Do the first bytes of a file begin an archive, whose first member has a name
 * that the glob matches?
 */
bool pare_zip_begins(const unsigned char *head, size_t n, const char *glob);

/**
 * Have a function called with packed bytes of z that were unpacked, as soon as
 * that is so: they are not soon looked at again.
 */
void pare_zip_on_unpacked(struct pare_zip *z,
                          void (*done)(const void *bytes, size_t n));

/** Free; NULL is fine. */
void pare_zip_free(struct pare_zip *z);

/** Names of the members in order of the directory; NULL behind the last. */
const char *pare_zip_name(const struct pare_zip *z, size_t index);

/** Is there a member of that name? */
bool pare_zip_has(const struct pare_zip *z, const char *name);

/**
 * Read a member, stored or deflated. Nothing is allocated that the member
 * does not declare and its packed bytes could not hold; its CRC is checked.
 *
 * @param bytes  malloc'd, out; a NUL follows them
 * @param n      out
 * @param most   bytes that it may declare
 * @param label  of the member, for messages
 * @return 0; PARE_EFORMAT (no such member, encrypted, packed in another way,
 *         damaged); PARE_ELIMIT; PARE_ENOMEM
 */
int pare_zip_read(void **bytes, size_t *n, const struct pare_zip *z,
                  const char *name, uint64_t most, const char *label);

/**
 * Where a member lies that is stored as it is. Its CRC is checked.
 *
 * @param bytes  [n] out, as long as the archive's
 * @param done   called for parts of them that were looked at; NULL: not
 * @param arg    of done
 * @return 1; 0 for one that is packed; or as pare_zip_read
 */
int pare_zip_stored(const void **bytes, size_t *n, const struct pare_zip *z,
                    const char *name, uint64_t most, const char *label,
                    void (*done)(const void *arg, const void *bytes, size_t n),
                    const void *arg);

/**
 * Read how a member begins; its CRC is not checked.
 *
 * @param out   [*n] out
 * @param n     in: room; out: bytes read, fewer only if there are no more
 * @param size  bytes that the member declares, out
 * @return as pare_zip_read
 */
int pare_zip_head(void *out, size_t *n, uint64_t *size,
                  const struct pare_zip *z, const char *name, uint64_t most,
                  const char *label);

#endif
