#include "csv.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "atomic.h"
#include "status.h"

/* Where the parser stands. Cells are unquoted in place: `to` <= `at`. */
struct parser {
    struct pare_csv *t;
    char *at, *end, *to;
    size_t line;    /* of `at` */
    size_t record;  /* line where the record began */
    size_t n, room; /* offsets of cells, header first */
    size_t row_room;
    char separator;
    const char *name;
};

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

static int bad(const struct parser *p, size_t line, const char *why)
{
    return pare_fail(PARE_EFORMAT, "'%s' line %zu: %s", p->name, line, why);
}

/* The array with room for one more element; NULL without memory. */
static void *grow(void *array, size_t n, size_t *room, size_t size)
{
    size_t want = *room ? 2 * *room : 256;
    void *more;

    if (n < *room)
        return array;
    if (want > SIZE_MAX / size || !(more = realloc(array, want * size)))
        return NULL;
    *room = want;
    return more;
}

static bool at_newline(const struct parser *p)
{
    return *p->at == '\n' ||
           (*p->at == '\r' && p->at + 1 < p->end && p->at[1] == '\n');
}

/* Does a cell end here? */
static bool at_border(const struct parser *p)
{
    return p->at == p->end || *p->at == p->separator || at_newline(p);
}

static int quoted(struct parser *p)
{
    size_t began = p->line;

    for (p->at++;; p->at++) {
        if (p->at == p->end)
            return bad(p, began, "quote is not closed");
        if (*p->at == '"') {
            if (p->at + 1 == p->end || p->at[1] != '"')
                break;
            p->at++;
        }
        p->line += *p->at == '\n';
        *p->to++ = *p->at;
    }
    p->at++;
    if (!at_border(p))
        return bad(p, p->line, "text after a closing quote");
    return 0;
}

/* Take one cell in; p->at is left at the border behind it. */
static int cell(struct parser *p)
{
    uint32_t *offset = grow(p->t->cell, p->n, &p->room, sizeof *offset);

    if (!offset)
        return no_memory();
    p->t->cell = offset;
    offset[p->n++] = (uint32_t)(p->to - p->t->text);
    if (p->at < p->end && *p->at == '"')
        return quoted(p);
    for (; !at_border(p); p->at++) {
        if (*p->at == '"')
            return bad(p, p->line, "quote inside an unquoted cell");
        *p->to++ = *p->at;
    }
    return 0;
}

/* Cells of one record; the border behind it is passed. */
static int record(struct parser *p, size_t *cells)
{
    p->record = p->line;
    for (*cells = 1;; ++*cells) {
        bool more;
        int rc = cell(p);

        if (rc)
            return rc;
        more = p->at < p->end && *p->at == p->separator;
        if (!more && p->at < p->end) {
            p->at += *p->at == '\r' ? 2 : 1;
            p->line++;
        } else if (more) {
            p->at++;
        }
        *p->to++ = '\0'; /* over the border, which has been read */
        if (!more)
            return 0;
    }
}

static bool skip_empty(struct parser *p)
{
    while (p->at < p->end && at_newline(p)) {
        p->at += *p->at == '\r' ? 2 : 1;
        p->line++;
    }
    return p->at < p->end;
}

static int by_name(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

/* Names of the columns from the cells of the first record. */
static int header(struct parser *p)
{
    struct pare_csv *t = p->t;
    const char **sorted = NULL;
    int rc = 0;

    t->columns = p->n;
    t->name = malloc(t->columns * sizeof *t->name);
    sorted = malloc(t->columns * sizeof *sorted);
    if (!t->name || !sorted) {
        rc = no_memory();
        goto out;
    }
    for (size_t c = 0; c < t->columns; c++) {
        t->name[c] = t->text + t->cell[c];
        sorted[c] = t->name[c];
        if (strchr(t->name[c], '\n')) {
            rc = bad(p, p->record, "a newline in the name of a column");
            goto out;
        }
    }
    qsort(sorted, t->columns, sizeof *sorted, by_name);
    for (size_t c = 1; c < t->columns; c++)
        if (*sorted[c] && strcmp(sorted[c - 1], sorted[c]) == 0) {
            rc = pare_fail(PARE_EFORMAT,
                           "'%s' line %zu: two columns are named '%s'", p->name,
                           p->record, sorted[c]);
            goto out;
        }
    p->n = 0; /* the cells of the rows begin here */
out:
    free(sorted);
    return rc;
}

static int rows(struct parser *p)
{
    struct pare_csv *t = p->t;
    size_t cells, *line;

    while (skip_empty(p)) {
        int rc = record(p, &cells);

        if (rc)
            return rc;
        if (cells != t->columns)
            return pare_fail(PARE_EFORMAT,
                             "'%s' line %zu has %zu cells, the header %zu",
                             p->name, p->record, cells, t->columns);
        line = grow(t->line, t->rows, &p->row_room, sizeof *line);
        if (!line)
            return no_memory();
        t->line = line;
        line[t->rows++] = p->record;
    }
    return 0;
}

int pare_csv_parse(struct pare_csv *t, const char *bytes, size_t n,
                   char separator, const char *name)
{
    struct pare_csv csv = {0};
    struct parser p = {
        .t = &csv, .line = 1, .separator = separator, .name = name};
    size_t cells;
    int rc;

    if (n >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) {
        bytes += 3;
        n -= 3;
    }
    if (n >= PARE_CSV_LIMIT)
        return pare_fail(PARE_ELIMIT, "'%s' is larger than 4 GiB", name);
    if (memchr(bytes, '\0', n))
        return pare_fail(PARE_EFORMAT,
                         "'%s' is not a text: it holds NUL "
                         "bytes",
                         name);
    csv.text = malloc(n + 1);
    if (!csv.text)
        return no_memory();
    memcpy(csv.text, bytes, n);
    p.at = p.to = csv.text;
    p.end = csv.text + n;
    if (skip_empty(&p)) {
        rc = record(&p, &cells);
        if (rc == 0)
            rc = header(&p);
        if (rc == 0)
            rc = rows(&p);
    } else {
        rc = pare_fail(PARE_EFORMAT, "'%s' has no header line", name);
    }
    if (rc)
        pare_csv_release(&csv);
    else
        *t = csv;
    return rc;
}

int pare_csv_read(struct pare_csv *t, const char *path, char separator)
{
    void *bytes = NULL;
    size_t n = 0;
    int rc = pare_read_file(&bytes, &n, path, PARE_CSV_LIMIT);

    if (rc)
        return rc;
    rc = pare_csv_parse(t, bytes, n, separator, path);
    free(bytes);
    return rc;
}

void pare_csv_release(struct pare_csv *t)
{
    free(t->name);
    free(t->cell);
    free(t->line);
    free(t->text);
    memset(t, 0, sizeof *t);
}

const char *pare_csv_cell(const struct pare_csv *t, size_t row, size_t column)
{
    return t->text + t->cell[row * t->columns + column];
}

bool pare_csv_missing(const char *cell)
{
    return !*cell || strcmp(cell, "NA") == 0 || strcasecmp(cell, "NaN") == 0;
}
