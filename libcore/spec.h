#ifndef PARE_SPEC_H
#define PARE_SPEC_H

#include <stdbool.h>

#include "model.h"

/*
 * The text of a choice with settings, "adam,beta1=.9,eps=1e-8": a name,
 * then options between commas.
 */

/** One part of such a text. */
struct pare_spec_item {
    char key[PARE_SPEC_MAX];
    char value[PARE_SPEC_MAX]; /* "" without '=' */
    bool has_value;
};

/**
 * Take the next part of a text.
 *
 * @param item  out
 * @param text  in/out: moves behind the part and its comma; NULL at the end
 * @return 1: an item; 0: none left; PARE_EINVAL for an empty or overlong one
 */
int pare_spec_next(struct pare_spec_item *item, const char **text);

/**
 * The same where spaces separate the parts: "set zeta=.3 every=1". A value
 * may have commas in it.
 *
 * @param item  out
 * @param text  in/out: moves behind the word
 * @return 1: an item; 0: none left; PARE_EINVAL for an overlong one, or one
 *         that begins with '='
 */
int pare_spec_word(struct pare_spec_item *item, const char **text);

/**
 * The item's value as a number in lo..hi.
 *
 * @param what  named in messages, "adam"
 * @param hi    inclusive; PARE_BELOW_ONE prints as "below 1", HUGE_VAL is
 *              no bound
 * @return 0; PARE_EINVAL
 */
int pare_spec_number(double *x, const char *what,
                     const struct pare_spec_item *item, double lo, double hi);

/** The item's value as yes (also no value at all) or no. */
int pare_spec_flag(double *x, const char *what,
                   const struct pare_spec_item *item);

/** Append printf-like text to a canonical text; PARE_EINVAL if too long. */
int pare_spec_append(char canon[PARE_SPEC_MAX], const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/** The largest double below 1: the top of a half-open range. */
#define PARE_BELOW_ONE 0x1.fffffffffffffp-1

#endif
