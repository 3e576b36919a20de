#ifndef PARE_CSV_H
#define PARE_CSV_H

#include <stdbool.h>
#include <stdint.h>

#include "dataset.h"

#define PARE_CSV_LIMIT 4294967295u /* bytes of a file */

/** A table of texts, its first record the header. */
struct pare_csv {
    size_t columns, rows;
    const char **name; /* [columns] */
    uint32_t *cell;    /* [rows][columns] offsets into text */
    size_t *line;      /* [rows] where the record begins, from 1 */
    char *text;
};

/**
 * Parse comma-separated values: quoted cells with commas, newlines and
 * doubled quotes, LF or CRLF, with or without a byte order mark and a last
 * newline. Lines with nothing on them are skipped.
 *
 * @param t          zeroed, out; release with pare_csv_release
 * @param bytes      [n] the file
 * @param separator  between cells, ','
 * @param name       of the file, for messages
 * @return 0; PARE_EFORMAT with the line: cells too few or too many, text
 *         around quotes, a quote that is not closed, a NUL byte, two
 *         columns of one name (several may have none), no header; PARE_ENOMEM;
 * PARE_ELIMIT
 *
 * Source: RFC 4180.
 * Departure: empty lines are skipped and not records of one empty cell.
 */
int pare_csv_parse(struct pare_csv *t, const char *bytes, size_t n,
                   char separator, const char *name);

/** The same from a file, or standard input for "-". Also PARE_EIO. */
int pare_csv_read(struct pare_csv *t, const char *path, char separator);

/** Free what the table owns and zero it. */
void pare_csv_release(struct pare_csv *t);

/** Text of a cell. */
const char *pare_csv_cell(const struct pare_csv *t, size_t row, size_t column);

/** Is the cell empty, NA or NaN (the latter in any case)? */
bool pare_csv_missing(const char *cell);

#endif
