/* Positions of tensors that lie compact, in a file. */
#include "model_arrays.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "compact.h"
#include "gaps.h"
#include "status.h"

#define PATH_BYTES 512

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "no memory");
}

/* ---- reading ---------------------------------------------------------- */

/* A pattern with room for n entries, if the file may ask for it. On a walk it
 * only says how many there are. */
static int begin(struct pare_pattern **p, struct pare_reader *r,
                 const struct pare_tensor *t, uint64_t n)
{
    int err = pare_reader_charge(r, (uint64_t)t->dim[0] + 1, sizeof(uint64_t));

    if (!err)
        err = pare_reader_charge(r, n, sizeof(uint32_t));
    if (!err)
        err = pare_pattern_new(p, t->dim[0], t->dim[1], n);
    if (!err && r->walk)
        (*p)->row[t->dim[0]] = n;
    return err;
}

/* Put flat positions in, one by one. */
struct filling {
    struct pare_pattern *p;
    size_t row;
    uint64_t n;
};

static void put(struct filling *f, uint64_t at)
{
    size_t row = (size_t)(at / f->p->cols);

    while (f->row < row)
        f->p->row[++f->row] = f->n;
    f->p->col[f->n++] = (uint32_t)(at % f->p->cols);
}

static void finish(struct filling *f)
{
    while (f->row < f->p->rows)
        f->p->row[++f->row] = f->n;
}

/* The values say how many positions there are, before any memory is taken. */
static int count_kept(uint64_t *n, struct pare_reader *r, const char *path)
{
    struct pare_h5_info info;
    char kept[PATH_BYTES + 8];
    int there, err;

    snprintf(kept, sizeof kept, "%s.codes", path);
    there = pare_h5_exists(r->h, kept);
    if (there < 0)
        return there;
    if (!there)
        snprintf(kept, sizeof kept, "%s.kept", path);
    err = pare_h5_info(&info, r->h, kept);
    if (!err && info.rank != 1)
        err = pare_fail(PARE_EFORMAT, "'%s' has rank %d, expected 1", kept,
                        info.rank);
    if (!err)
        *n = info.count;
    return err;
}

static int disagree(const char *path, uint64_t n, uint64_t kept)
{
    return pare_fail(PARE_EFORMAT,
                     "'%s' has %llu positions for %llu kept values", path,
                     (unsigned long long)n, (unsigned long long)kept);
}

static int read_index(struct pare_reader *r, const char *name,
                      struct pare_pattern *p, uint64_t n)
{
    const uint64_t all = (uint64_t)p->rows * p->cols;
    struct filling f = {.p = p};
    uint32_t *index;
    int err;

    if (r->walk)
        return pare_h5_probe(r->h, name, PARE_H5_U32, (size_t)n);
    index = malloc(((size_t)n + 1) * sizeof *index);
    if (!index)
        return no_memory();
    err = pare_h5_read(index, r->h, name, PARE_H5_U32, (size_t)n);
    for (uint64_t i = 0; !err && i < n; i++) {
        if (index[i] >= all || (i && index[i] <= index[i - 1]))
            err = pare_fail(PARE_EFORMAT,
                            "'%s' is not ascending or out of range", name);
        else
            put(&f, index[i]);
    }
    finish(&f);
    free(index);
    return err;
}

static uint64_t count_bits(const uint8_t *bits, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        for (unsigned b = bits[i]; b; b &= b - 1)
            sum++;
    return sum;
}

static int read_bitmap(struct pare_reader *r, const char *name,
                       struct pare_pattern *p, uint64_t n)
{
    const uint64_t all = (uint64_t)p->rows * p->cols;
    const size_t size = (size_t)((all + 7) / 8);
    struct filling f = {.p = p};
    uint8_t *bits;
    int err;

    if (r->walk)
        return pare_h5_probe(r->h, name, PARE_H5_U8, size);
    err = pare_reader_charge(r, size, 1);
    bits = err ? NULL : malloc(size + 1);
    if (!bits)
        return err ? err : no_memory();
    err = pare_h5_read(bits, r->h, name, PARE_H5_U8, size);
    if (!err && all % 8 && bits[size - 1] >> (all % 8))
        err = pare_fail(PARE_EFORMAT, "'%s' has bits past its end", name);
    if (!err && count_bits(bits, size) != n)
        err = disagree(name, count_bits(bits, size), n);
    for (size_t i = 0; !err && i < size; i++)
        for (unsigned b = bits[i]; b; b &= b - 1)
            put(&f, 8 * (uint64_t)i + pare_bits_lowest(b));
    finish(&f);
    free(bits);
    return err;
}

/* Where each row begins: they must rise from 0 to n. */
static int read_rows(struct pare_reader *r, const char *name,
                     struct pare_pattern *p, uint64_t n)
{
    int err;

    if (r->walk)
        return pare_h5_probe(r->h, name, PARE_H5_U64, p->rows + 1);
    err = pare_h5_read(p->row, r->h, name, PARE_H5_U64, p->rows + 1);
    if (err)
        return err;
    if (p->row[0] != 0)
        return pare_fail(PARE_EFORMAT, "'%s' does not begin with 0", name);
    for (size_t i = 0; i < p->rows; i++)
        if (p->row[i + 1] < p->row[i])
            return pare_fail(PARE_EFORMAT, "'%s' falls at row %zu", name, i);
    return p->row[p->rows] == n ? 0 : disagree(name, p->row[p->rows], n);
}

static int parse_gaps(struct pare_pattern *p, const uint8_t *at,
                      const uint8_t *end, const char *name)
{
    int err = 0;

    for (size_t r = 0; r < p->rows; r++) {
        uint64_t next = 0, gap = 0;

        for (uint64_t k = p->row[r]; k < p->row[r + 1]; k++) {
            err = pare_gap_get(&gap, &at, end);
            if (err)
                return pare_fail_prefix(err, "'%s', row %zu", name, r);
            if (next >= p->cols || gap >= p->cols - next)
                return pare_fail(PARE_EFORMAT,
                                 "'%s', row %zu: a column lies outside", name,
                                 r);
            p->col[k] = (uint32_t)(next + gap);
            next += gap + 1;
        }
    }
    return at == end ? 0
                     : pare_fail(PARE_EFORMAT, "'%s' has %zu bytes too many",
                                 name, (size_t)(end - at));
}

static int read_gaps(struct pare_reader *r, const char *name,
                     struct pare_pattern *p)
{
    struct pare_h5_info info;
    uint8_t *bytes;
    int err = pare_h5_info(&info, r->h, name);

    if (!err && r->walk)
        return pare_h5_probe(r->h, name, PARE_H5_U8, info.count);
    if (!err)
        err = pare_reader_charge(r, info.count, 1);
    if (err)
        return err;
    bytes = malloc(info.count + 1);
    if (!bytes)
        return no_memory();
    err = pare_h5_read(bytes, r->h, name, PARE_H5_U8, info.count);
    if (!err)
        err = parse_gaps(p, bytes, bytes + info.count, name);
    free(bytes);
    return err;
}

/* The form in which the file has the positions. */
static int find_form(enum pare_encoding *form, struct pare_reader *r,
                     const char *path)
{
    static const struct {
        const char *ending;
        enum pare_encoding form;
    } row[] = {{"mask", PARE_ENC_BITMAP},
               {"index", PARE_ENC_INDEX},
               {"rows", PARE_ENC_ROWS}};
    char name[PATH_BYTES + 8];
    int n = 0;

    *form = PARE_ENC_DENSE;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int there;

        snprintf(name, sizeof name, "%s.%s", path, row[i].ending);
        there = pare_h5_exists(r->h, name);
        if (there < 0)
            return there;
        n += there;
        *form = there ? row[i].form : *form;
    }
    return n < 2 ? 0 : pare_fail(PARE_EFORMAT, "'%s' has two masks", path);
}

static int add_stored(uint64_t *bytes, struct pare_reader *r, const char *name)
{
    struct pare_h5_info info;
    int err = pare_h5_info(&info, r->h, name);

    if (!err)
        *bytes += info.stored;
    return err;
}

static int read_form(struct pare_reader *r, const char *path,
                     struct pare_pattern *p, uint64_t n,
                     struct pare_stored *stored)
{
    char name[PATH_BYTES + 8];
    int err;

    switch (stored->encoding) {
    case PARE_ENC_INDEX:
        snprintf(name, sizeof name, "%s.index", path);
        err = read_index(r, name, p, n);
        break;
    case PARE_ENC_ROWS:
        snprintf(name, sizeof name, "%s.rows", path);
        err = read_rows(r, name, p, n);
        if (!err)
            err = add_stored(&stored->mask_bytes, r, name);
        snprintf(name, sizeof name, "%s.gaps", path);
        if (!err)
            err = read_gaps(r, name, p);
        break;
    default:
        snprintf(name, sizeof name, "%s.mask", path);
        err = read_bitmap(r, name, p, n);
    }
    return err ? err : add_stored(&stored->mask_bytes, r, name);
}

int pare_read_pattern(struct pare_reader *r, const char *path,
                      struct pare_tensor *t, struct pare_stored *stored)
{
    struct pare_pattern *p = NULL;
    uint64_t n = 0;
    int err = find_form(&stored->encoding, r, path);

    if (err || stored->encoding == PARE_ENC_DENSE)
        return err;
    if ((stored->encoding == PARE_ENC_ROWS) !=
        (pare_tensor_positions(t) > UINT32_MAX))
        return pare_fail(PARE_EFORMAT,
                         "'%s' has positions in a form that is not that of "
                         "its size",
                         path);
    err = count_kept(&n, r, path);
    if (!err && n > pare_tensor_positions(t))
        err = disagree(path, pare_tensor_positions(t), n);
    if (!err)
        err = begin(&p, r, t, n);
    if (!err)
        err = read_form(r, path, p, n, stored);
    if (err) {
        pare_pattern_free(p);
        return err;
    }
    t->pattern = p;
    t->n = (size_t)n;
    return 0;
}

/* ---- writing ---------------------------------------------------------- */

static int write_index(struct pare_build *b, const char *name,
                       const struct pare_pattern *p)
{
    const uint64_t n = pare_pattern_count(p);
    uint32_t *index = malloc(((size_t)n + 1) * sizeof *index);
    int err;

    if (!index)
        return no_memory();
    for (size_t r = 0; r < p->rows; r++)
        for (uint64_t k = p->row[r]; k < p->row[r + 1]; k++)
            index[k] = (uint32_t)((uint64_t)r * p->cols + p->col[k]);
    err = pare_h5w_mask(b->w, name, PARE_H5_U32, (size_t)n, index);
    free(index);
    return err;
}

static int write_bitmap(struct pare_build *b, const char *name,
                        const struct pare_pattern *p)
{
    const size_t n = (size_t)(((uint64_t)p->rows * p->cols + 7) / 8);
    uint8_t *bits = calloc(1, n + 1);
    int err;

    if (!bits)
        return no_memory();
    for (size_t r = 0; r < p->rows; r++)
        for (uint64_t k = p->row[r]; k < p->row[r + 1]; k++) {
            uint64_t at = (uint64_t)r * p->cols + p->col[k];

            bits[at / 8] |= (uint8_t)(1u << at % 8);
        }
    err = pare_h5w_mask(b->w, name, PARE_H5_U8, n, bits);
    free(bits);
    return err;
}

static uint64_t gap_before(const struct pare_pattern *p, size_t r, uint64_t k)
{
    return k > p->row[r] ? p->col[k] - p->col[k - 1] - 1 : p->col[k];
}

static int write_gaps(struct pare_build *b, const char *name,
                      const struct pare_pattern *p)
{
    size_t n = 0, used = 0;
    uint8_t *bytes;
    int err;

    for (size_t r = 0; r < p->rows; r++)
        for (uint64_t k = p->row[r]; k < p->row[r + 1]; k++)
            n += pare_gap_size(gap_before(p, r, k));
    bytes = malloc(n + 1);
    if (!bytes)
        return no_memory();
    for (size_t r = 0; r < p->rows; r++)
        for (uint64_t k = p->row[r]; k < p->row[r + 1]; k++)
            used += pare_gap_put(bytes + used, gap_before(p, r, k));
    err = pare_h5w_mask(b->w, name, PARE_H5_U8, n, bytes);
    free(bytes);
    return err;
}

static int count_stored(struct pare_build *b, struct pare_stored *stored,
                        const char *name)
{
    uint64_t bytes;
    int err = pare_h5w_stored(&bytes, b->w, name);

    if (!err)
        stored->mask_bytes += bytes;
    return err;
}

int pare_write_pattern(struct pare_build *b, const char *path,
                       const struct pare_tensor *t, struct pare_stored *stored)
{
    const struct pare_pattern *p = t->pattern;
    const uint64_t all = pare_tensor_positions(t);
    char name[PATH_BYTES + 8];
    int err;

    stored->mask_bytes = 0;
    if (all > UINT32_MAX) {
        stored->encoding = PARE_ENC_ROWS;
        snprintf(name, sizeof name, "%s.rows", path);
        err = pare_h5w_mask(b->w, name, PARE_H5_U64, p->rows + 1, p->row);
        if (!err)
            err = count_stored(b, stored, name);
        snprintf(name, sizeof name, "%s.gaps", path);
        if (!err)
            err = write_gaps(b, name, p);
    } else if (t->n < all / 32) {
        stored->encoding = PARE_ENC_INDEX;
        snprintf(name, sizeof name, "%s.index", path);
        err = write_index(b, name, p);
    } else {
        stored->encoding = PARE_ENC_BITMAP;
        snprintf(name, sizeof name, "%s.mask", path);
        err = write_bitmap(b, name, p);
    }
    return err ? err : count_stored(b, stored, name);
}
