#ifndef PARE_UTF8_H
#define PARE_UTF8_H

#include <stddef.h>
#include <stdio.h>

/**
 * Bytes of the UTF-8 character at p, which may be shown: 0 for a control
 * character, a byte that begins none, a surrogate, an overlong form. p ends
 * in a NUL, at which this is not called.
 */
size_t utf8_length(const char *p);

/** Print a text for HTML: markup escaped, what is no text as '?'. */
void utf8_html(const char *text, FILE *out);

#endif
