#ifndef PARE_JSON_H
#define PARE_JSON_H

#include <stdbool.h>
#include <stdint.h>

/**
 * Builds one JSON text, outermost value first:
 *
 *     j = pare_json_new();
 *     pare_json_object(j, NULL);
 *     pare_json_text(j, "file", path);
 *     pare_json_array(j, "class");
 *     pare_json_int(j, NULL, 12);
 *     pare_json_end(j);
 *     pare_json_end(j);
 *     text = pare_json_finish(j);
 *
 * Every call takes a key inside an object and NULL elsewhere. After a
 * failure all further calls do nothing; pare_json_finish reports it.
 */
struct pare_json;

/** NULL without memory (message set); all other calls accept that NULL. */
struct pare_json *pare_json_new(void);

/** Open an object or an array; at most 16 deep. */
void pare_json_object(struct pare_json *j, const char *key);
void pare_json_array(struct pare_json *j, const char *key);

/** Close what was opened last. */
void pare_json_end(struct pare_json *j);

/** A string; NULL gives null. Bytes that are not UTF-8 become '?'. */
void pare_json_text(struct pare_json *j, const char *key, const char *value);

/** A whole number. */
void pare_json_int(struct pare_json *j, const char *key, int64_t value);

/** A number of at most 15 digits; NaN and infinities give null. */
void pare_json_real(struct pare_json *j, const char *key, double value);

/** true or false. */
void pare_json_bool(struct pare_json *j, const char *key, bool value);

/**
 * Close all, free j and return the compact text on one line, keys in the
 * order given, without a newline.
 *
 * @return malloc'd text; NULL with a message set
 */
char *pare_json_finish(struct pare_json *j);

#endif
