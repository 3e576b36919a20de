/* All texts of a packed file: one zlib stream, for each costs little then. */
#include "packed.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "number.h"
#include "status.h"

#define PATH       "/texts"
#define WINDOW     ((size_t)1 << 16)
#define NAME_BYTES 32

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "no memory");
}

void pare_texts_release(struct pare_texts *x)
{
    free(x->bytes);
    memset(x, 0, sizeof *x);
}

/* ---- writing ---------------------------------------------------------- */

static void print_reals(FILE *f, const char *key, const float *v, size_t n)
{
    fprintf(f, "%s=", key);
    for (size_t i = 0; i < n; i++)
        fprintf(f, "%s%.9g", i ? " " : "", (double)v[i]);
    putc('\n', f);
}

static int input_text(char **text, const struct pare_model *m)
{
    char *buffer = NULL;
    size_t size;
    FILE *f = open_memstream(&buffer, &size);

    if (!f)
        return no_memory();
    fprintf(f, "classes=%zu\n", m->n_classes);
    print_reals(f, "scale", &m->norm.scale, 1);
    if (m->norm.n) {
        print_reals(f, "mean", m->norm.mean, m->norm.n);
        print_reals(f, "std", m->norm.std, m->norm.n);
    }
    return pare_text_close(f, text, &buffer, 0);
}

static int arch_text(char **text, const struct pare_model *m)
{
    *text = strdup(m->arch.text);
    return *text ? 0 : no_memory();
}

static int creator_text(char **text, const struct pare_model *m)
{
    (void)m;
    *text = strdup("pare " PARE_VERSION);
    return *text ? 0 : no_memory();
}

static int history_text(char **text, const struct pare_model *m)
{
    return m->n_history ? pare_history_text(text, m) : 0;
}

static int provenance_text(char **text, const struct pare_model *m)
{
    return m->n_steps ? pare_lines_text(text, m->step, m->n_steps) : 0;
}

static int class_text(char **text, const struct pare_model *m)
{
    return m->class_name ? pare_lines_text(text, m->class_name, m->n_classes)
                         : 0;
}

/* In the order of the file; what makes no text is left out. */
static const struct {
    const char *name;
    int (*make)(char **text, const struct pare_model *m);
} rows[] = {{"arch", arch_text},
            {"input", input_text},
            {"training", pare_training_brief},
            {"history", history_text},
            {"class_names", class_text},
            {"provenance", provenance_text},
            {"creator", creator_text}};

/* "name length", the text, and a newline; of each. */
static int put_all(FILE *f, const struct pare_model *m)
{
    int err = 0;

    for (size_t i = 0; !err && i < sizeof rows / sizeof *rows; i++) {
        char *text = NULL;

        err = rows[i].make(&text, m);
        if (!err && text) {
            size_t n = strlen(text);

            fprintf(f, "%s %zu\n", rows[i].name, n);
            fwrite(text, 1, n, f);
            putc('\n', f);
        }
        free(text);
    }
    return err;
}

int pare_texts_write(struct pare_build *b)
{
    char *buffer = NULL, *text = NULL;
    size_t size = 0, dim;
    FILE *f = open_memstream(&buffer, &size);
    Bytef *packed = NULL;
    uLongf n;
    int err;

    if (!f)
        return no_memory();
    err = put_all(f, b->m);
    err = pare_text_close(f, &text, &buffer, err);
    if (err)
        return err;
    n = compressBound((uLong)size);
    packed = malloc(n);
    if (!packed || compress2(packed, &n, (const Bytef *)text, (uLong)size,
                             Z_BEST_COMPRESSION) != Z_OK)
        err = no_memory();
    dim = n;
    if (!err)
        err = pare_h5w_data(b->w, PATH, PARE_H5_U8, 1, &dim, packed, false);
    free(packed);
    free(text);
    return err;
}

/* ---- reading ---------------------------------------------------------- */

/* The bytes of a stream, which is to be whole and alone. */
static int count_inflated(size_t *n, uint8_t *in, size_t size)
{
    z_stream z = {.next_in = in, .avail_in = (uInt)size};
    unsigned char *window = malloc(WINDOW);
    int status = Z_OK;

    if (!window || inflateInit(&z) != Z_OK) {
        free(window);
        return no_memory();
    }
    while (status == Z_OK) {
        z.next_out = window;
        z.avail_out = (uInt)WINDOW;
        status = inflate(&z, Z_NO_FLUSH);
    }
    *n = z.total_out;
    size = z.avail_in;
    inflateEnd(&z);
    free(window);
    return status == Z_STREAM_END && size == 0
               ? 0
               : pare_fail(PARE_EFORMAT, "'%s' is no whole zlib stream", PATH);
}

/* The next section: its name, its bytes; moves *at behind it. 0; 1 at the
 * end; PARE_EFORMAT. */
static int next(char name[NAME_BYTES], const char **text, size_t *length,
                const struct pare_texts *x, size_t *at)
{
    const char *begin = x->bytes + *at, *end = NULL;
    size_t left = x->n - *at, head;
    char line[NAME_BYTES] = "", number[NAME_BYTES];
    uint64_t n;

    if (left == 0)
        return 1;
    end = memchr(begin, '\n', left);
    head = end ? (size_t)(end - begin) : left;
    if (end && head < NAME_BYTES)
        memcpy(line, begin, head);
    if (sscanf(line, "%15[a-z_] %15[0-9]", name, number) != 2 ||
        pare_text_count(&n, number) != 0 ||
        strlen(name) + strlen(number) + 1 != head || n > left - head - 1 ||
        left - head - 1 - n < 1 || end[1 + n] != '\n' ||
        memchr(end + 1, '\0', n))
        return pare_fail(PARE_EFORMAT, "'%s' is damaged", PATH);
    *text = end + 1;
    *length = (size_t)n;
    *at += head + n + 2;
    return 0;
}

static int check_sections(const struct pare_texts *x)
{
    char name[NAME_BYTES];
    const char *text = NULL;
    size_t at = 0, n = 0, seen = 0;
    int err;

    while ((err = next(name, &text, &n, x, &at)) == 0) {
        size_t i = 0;

        while (i < sizeof rows / sizeof *rows && strcmp(name, rows[i].name))
            i++;
        if (i < seen)
            return pare_fail(PARE_EFORMAT, "'%s' has '%s' twice or too late",
                             PATH, name);
        seen = i < sizeof rows / sizeof *rows ? i + 1 : seen;
    }
    return err < 0 ? err : 0;
}

static int inflate_texts(struct pare_reader *r, uint8_t *in, size_t size)
{
    struct pare_texts *x = r->texts;
    uLongf n;
    int err = count_inflated(&x->n, in, size);

    if (!err)
        err = pare_reader_charge(r, (uint64_t)x->n + 1, 1);
    if (err)
        return err;
    x->bytes = calloc(1, x->n + 1);
    if (!x->bytes)
        return no_memory();
    n = (uLongf)x->n;
    if (uncompress((Bytef *)x->bytes, &n, in, (uLong)size) != Z_OK || n != x->n)
        return pare_fail(PARE_EFORMAT, "'%s' cannot be inflated", PATH);
    return check_sections(x);
}

int pare_texts_read(struct pare_reader *r)
{
    struct pare_h5_info info;
    uint8_t *in = NULL;
    int err = pare_h5_info(&info, r->h, PATH);

    if (!err && (info.rank != 1 || info.count > PARE_TEXT_MAX))
        err = pare_fail(PARE_ELIMIT, "'%s' is too large", PATH);
    if (!err)
        err = pare_reader_charge(r, info.count, 1);
    if (err)
        return err;
    in = malloc(info.count + 1);
    if (!in)
        return no_memory();
    err = pare_h5_read(in, r->h, PATH, PARE_H5_U8, info.count);
    if (!err)
        err = inflate_texts(r, in, info.count);
    free(in);
    return err;
}

int pare_texts_get(char **text, const struct pare_reader *r, const char *name,
                   size_t limit)
{
    char found[NAME_BYTES];
    const char *begin = NULL;
    size_t at = 0, n = 0;
    int end;

    while ((end = next(found, &begin, &n, r->texts, &at)) == 0) {
        if (strcmp(found, name) != 0)
            continue;
        if (!text)
            return 1;
        if (n > limit)
            return pare_fail(PARE_ELIMIT, "'%s' is longer than %zu bytes", name,
                             limit);
        *text = calloc(1, n + 1);
        if (!*text)
            return no_memory();
        memcpy(*text, begin, n);
        return 1;
    }
    return end < 0 ? end : 0;
}

/* Numbers between spaces: n of them, malloc'd. */
static int parse_reals(float **v, size_t *n, char *text)
{
    size_t most = 1;
    char *rest = text;
    int err = 0;

    for (const char *c = text; *c; c++)
        most += *c == ' ';
    *v = malloc(most * sizeof **v);
    if (!*v)
        return no_memory();
    for (*n = 0; !err && rest; ++*n) {
        char *number = rest;
        double x = 0;

        rest = strchr(rest, ' ');
        if (rest)
            *rest++ = '\0';
        err = pare_number_parse(&x, number);
        (*v)[*n] = (float)x;
    }
    return err;
}

static int parse_input(struct pare_norm *norm, int64_t *classes, char *key,
                       char *value)
{
    float *scale = NULL;
    uint64_t count;
    size_t n = 0;
    int err;

    if (strcmp(key, "mean") == 0 && !norm->mean)
        return parse_reals(&norm->mean, &norm->n, value);
    if (strcmp(key, "std") == 0 && norm->mean && !norm->std) {
        err = parse_reals(&norm->std, &n, value);
        return err || n == norm->n
                   ? err
                   : pare_fail(PARE_EFORMAT, "%zu deviations of %zu", n,
                               norm->n);
    }
    if (strcmp(key, "scale") == 0) {
        err = parse_reals(&scale, &n, value);
        norm->scale = err ? 0 : scale[0];
        free(scale);
        return err || n == 1 ? err : pare_fail(PARE_EFORMAT, "%zu scales", n);
    }
    if (strcmp(key, "classes") != 0)
        return pare_fail(PARE_EFORMAT, "'%s' has no place here", key);
    err = pare_text_count(&count, value);
    *classes = err || count > INT64_MAX ? -1 : (int64_t)count;
    return err;
}

int pare_texts_input(int64_t *classes, struct pare_reader *r)
{
    struct pare_norm *norm = &r->m->norm;
    char *text = NULL, *rest, *line;
    int there = pare_texts_get(&text, r, "input", PARE_TEXT_MAX);
    int err = there < 0 ? there : 0, lines = 0;

    *classes = -1;
    for (rest = text; !err && rest && (line = pare_text_line(&rest)); lines++) {
        char *value = strchr(line, '=');

        if (value)
            *value++ = '\0';
        err = value ? parse_input(norm, classes, line, value)
                    : pare_fail(PARE_EFORMAT, "a line without '='");
    }
    free(text);
    if (!err && (lines != (norm->mean ? 4 : 2) || *classes < 0 ||
                 !norm->mean != !norm->std))
        err = pare_fail(PARE_EFORMAT, "something is missing");
    return err ? pare_fail_prefix(PARE_EFORMAT, "'input' of '%s'", PATH) : 0;
}
