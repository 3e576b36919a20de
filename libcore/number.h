#ifndef PARE_NUMBER_H
#define PARE_NUMBER_H

#define PARE_NUMBER_MAX 32 /* bytes of a printed number, NUL included */

/**
 * Print the shortest decimal text that reads back as the same double.
 *
 * Canonical texts (optimisers, schedules, architectures) are made of these:
 * "0.9", "1e-08", "60". NaN and infinities print as "nan", "inf", "-inf".
 *
 * @param buf  [PARE_NUMBER_MAX] out
 * @return buf
 */
char *pare_number_print(char buf[PARE_NUMBER_MAX], double x);

/**
 * Read a decimal number and nothing else: no space, no hexadecimal, no
 * "nan" or "inf", nothing behind it, no overflow.
 *
 * @param x  out; written only on success
 * @return 0; PARE_EINVAL with a message that quotes the text
 */
int pare_number_parse(double *x, const char *text);

#endif
