#ifndef PARE_H5STRINGS_H
#define PARE_H5STRINGS_H

#include "h5read.h"

/*
 * Strings that other programs keep in attributes: of fixed or variable
 * length, one or a list. Models of pare have none of these. What is of
 * variable length lies in heaps that libhdf5 walks, so a trial (trial.h) goes
 * before.
 */

/** Is there an attribute of that name? 1, 0, or a negative status. */
int pare_h5_has_attr(struct pare_h5 *h, const char *path, const char *attr);

/**
 * Read an attribute that is a string, or a one-dimensional array of strings.
 *
 * @param text   out: malloc'd array of malloc'd strings
 * @param n      out: 1 for a scalar
 * @param limit  bytes of all together
 * @return 0; PARE_EFORMAT; PARE_ELIMIT; PARE_ENOMEM
 */
int pare_h5_attr_strings(char ***text, size_t *n, struct pare_h5 *h,
                         const char *path, const char *attr, size_t limit);

/**
 * Read an attribute that is a one-dimensional array of integers, or one
 * integer, of any integer type; for files of pare too.
 *
 * @param v     out: malloc'd
 * @param n     out
 * @param most  integers
 * @return 0; PARE_EFORMAT (no integers); PARE_ELIMIT; PARE_ENOMEM
 */
int pare_h5_attr_ints(uint64_t **v, size_t *n, struct pare_h5 *h,
                      const char *path, const char *attr, size_t most);

/** Free such a list; NULL is fine. */
void pare_h5_free_strings(char **text, size_t n);

#endif
