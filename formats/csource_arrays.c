#include "csource.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "status.h"

int c_flush(struct c_out *o)
{
    if (!o->err)
        o->err = pare_atomic_put(&o->file, o->bytes, o->n);
    o->n = 0;
    return o->err;
}

void c_print(struct c_out *o, const char *format, ...)
{
    size_t room = sizeof o->bytes - o->n;
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(o->bytes + o->n, room, format, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < room) {
        o->n += (size_t)n;
        return;
    }
    c_flush(o);
    va_start(ap, format);
    n = vsnprintf(o->bytes, sizeof o->bytes, format, ap);
    va_end(ap);
    if (!o->err && (n < 0 || (size_t)n >= sizeof o->bytes))
        o->err = pare_fail(PARE_ELIMIT, "a line of more than 64 kB");
    o->n = o->err ? 0 : (size_t)n;
}

/* An array that is being printed: elements so far. */
struct array {
    struct c_out *o;
    size_t n;
};

static void open_array(struct array *a, struct c_out *o, const char *type,
                       const char *name, size_t number)
{
    a->o = o;
    a->n = 0;
    c_print(o, "static const %s %s%zu[] = {", type, name, number);
}

static void add_float(struct array *a, float v)
{
    c_print(a->o, "%s", a->n++ % 6 ? " " : "\n    ");
    if (v == 0 && !signbit(v))
        c_print(a->o, "0,");
    else
        c_print(a->o, "%af,", (double)v);
}

static void add_int(struct array *a, long v)
{
    c_print(a->o, "%s%ld,", a->n++ % 12 ? " " : "\n    ", v);
}

/* C has no empty arrays. */
static void close_array(struct array *a)
{
    c_print(a->o, "%s\n};\n", a->n ? "" : "\n    0,");
}

void c_floats(struct c_out *o, const char *name, size_t number, const float *v,
              size_t n)
{
    struct array a;

    open_array(&a, o, "float", name, number);
    for (size_t i = 0; i < n; i++)
        add_float(&a, v[i]);
    close_array(&a);
}

/* Rows of a weight one after the other, whether it lies compact or not. */
struct rows {
    const struct pare_tensor *t;
    size_t cols, row;
    uint64_t entry;
};

/* The next that is not 0 from column *col on; false behind the last. */
static bool next_nonzero(struct rows *r, size_t *col, float *v)
{
    const struct pare_pattern *p = r->t->pattern;

    if (!p) {
        const float *value = r->t->value + r->row * r->cols;

        while (*col < r->cols && value[*col] == 0.0f)
            ++*col;
        *v = *col < r->cols ? value[*col] : 0;
        return *col < r->cols;
    }
    while (r->entry < p->row[r->row + 1] && r->t->value[r->entry] == 0.0f)
        r->entry++;
    if (r->entry >= p->row[r->row + 1])
        return false;
    *col = p->col[r->entry];
    *v = r->t->value[r->entry++];
    return true;
}

/*
 * Entries of a row as they are written: all columns, those that are not 0, or
 * those and zeros between them where they are too far apart.
 */
struct walk {
    struct rows rows;
    enum c_index index;
    size_t col, at; /* of the next that is not 0, of the last one given */
    float value;
    bool found; /* col and value hold it */
};

static void begin_row(struct walk *w, const struct pare_tensor *t,
                      enum c_index index, size_t row, size_t cols)
{
    memset(w, 0, sizeof *w);
    w->rows.t = t;
    w->rows.cols = cols;
    w->rows.row = row;
    w->rows.entry = t->pattern ? t->pattern->row[row] : 0;
    w->index = index;
}

/* The next entry: its distance or column, and its value. */
static bool next_entry(struct walk *w, size_t *place, float *v)
{
    if (w->index == C_DENSE && w->at == w->rows.cols)
        return false;
    if (!w->found)
        w->found = next_nonzero(&w->rows, &w->col, &w->value);
    if (!w->found && w->index != C_DENSE)
        return false;
    *v = 0;
    *place = w->col;
    if (w->index == C_DENSE && (!w->found || w->col != w->at)) {
        w->at++;
        return true;
    }
    if (w->index == C_GAP8) {
        *place = w->col - w->at;
        if (*place > 255) {
            *place = 255;
            w->at += 255;
            return true;
        }
    }
    w->at = w->index == C_DENSE ? w->at + 1 : w->col;
    *v = w->value;
    w->found = false;
    w->col++;
    return true;
}

/* Entries of all rows, and of the longest. */
struct count {
    uint64_t n, longest;
};

static struct count count_entries(const struct pare_tensor *t,
                                  enum c_index index, const struct c_matrix *x)
{
    struct count c = {0, 0};

    for (size_t r = 0; r < x->rows; r++) {
        uint64_t n = 0;
        struct walk w;
        size_t place;
        float v;

        begin_row(&w, t, index, r, x->cols);
        while (next_entry(&w, &place, &v))
            n++;
        c.n += n;
        if (n > c.longest)
            c.longest = n;
    }
    return c;
}

static bool has_book(const struct pare_tensor *t)
{
    return t->quant.kind == PARE_QUANT_CODEBOOK ||
           t->quant.kind == PARE_QUANT_UNIFORM;
}

/* With one level more for 0, or without. */
static enum c_value value_of(const struct pare_tensor *t, bool zero)
{
    if (has_book(t) && t->quant.n_book + zero <= 256)
        return C_BOOK8;
    if (t->dtype == PARE_F16)
        return C_F16;
    if (t->dtype == PARE_BF16)
        return C_BF16;
    if (has_book(t) && t->quant.n_book + zero <= 65536)
        return C_BOOK16;
    return t->quant.kind == PARE_QUANT_INT8 ? C_INT8 : C_F32;
}

static const size_t value_size[C_VALUES] = {4, 2, 2, 1, 2, 1};
static const size_t index_size[C_INDICES] = {0, 1, 1, 2, 4};

static void choose_sparse(struct c_matrix *x, const struct pare_tensor *t,
                          bool lacks_zero)
{
    enum c_index column = x->cols <= 256     ? C_COL8
                          : x->cols <= 65536 ? C_COL16
                                             : C_COL32;
    struct count columns = count_entries(t, column, x);
    struct count gaps = count_entries(t, C_GAP8, x);
    bool zero = lacks_zero && gaps.n > columns.n;
    size_t value = value_size[value_of(t, false)];

    x->index = column;
    x->value = value_of(t, false);
    if (gaps.n * (value + 1) < columns.n * (value + index_size[column]) &&
        value_of(t, zero) == x->value) {
        x->index = C_GAP8;
        x->zero = zero;
        columns = gaps;
    }
    x->wide = columns.longest > 65535;
}

void c_matrix_choose(struct c_matrix *x, const struct pare_tensor *t)
{
    uint64_t all = pare_tensor_positions(t), n;
    bool lacks_zero =
        has_book(t) && pare_quant_code(&t->quant, 0.0f) == t->quant.n_book;

    memset(x, 0, sizeof *x);
    x->rows = t->dim[0];
    x->cols = (size_t)(all / x->rows);
    n = count_entries(t, C_COL32, x).n;
    if ((double)n < C_SPARSE * (double)all) {
        choose_sparse(x, t, lacks_zero);
    } else {
        x->index = C_DENSE;
        x->zero = lacks_zero && n < all;
        x->value = value_of(t, x->zero);
        x->zero = x->zero && has_book(t);
    }
    x->step = x->value == C_INT8 && t->quant.n_scale > 1;
}

/* The number that stands for a value: bits, a code, or 0 of no use. */
static long code_of(const struct c_matrix *x, const struct pare_tensor *t,
                    size_t row, float v)
{
    switch (x->value) {
    case C_F16:
        return pare_to_f16(v);
    case C_BF16:
        return pare_to_bf16(v);
    case C_BOOK8:
    case C_BOOK16:
        return (long)pare_quant_code(&t->quant, v);
    case C_INT8:
        return lrintf(v / t->quant.scale[x->step ? row : 0]);
    case C_F32:
    case C_VALUES:
        break;
    }
    return 0;
}

static void print_values(struct c_out *o, const struct c_matrix *x,
                         const struct pare_tensor *t, size_t number)
{
    static const char *const type[C_VALUES] = {
        "float", "uint16_t", "uint16_t", "uint8_t", "uint16_t", "int8_t"};
    struct array a;

    open_array(&a, o, type[x->value], "w", number);
    for (size_t r = 0; r < x->rows && !o->err; r++) {
        struct walk w;
        size_t place;
        float v;

        begin_row(&w, t, x->index, r, x->cols);
        while (next_entry(&w, &place, &v))
            if (x->value == C_F32)
                add_float(&a, v);
            else
                add_int(&a, code_of(x, t, r, v));
    }
    close_array(&a);
}

static void print_places(struct c_out *o, const struct c_matrix *x,
                         const struct pare_tensor *t, size_t number)
{
    static const char *const type[C_INDICES] = {"", "uint8_t", "uint8_t",
                                                "uint16_t", "uint32_t"};
    struct array a;
    struct walk w;
    size_t place;
    float v;

    open_array(&a, o, type[x->index], "c", number);
    for (size_t r = 0; r < x->rows && !o->err; r++) {
        begin_row(&w, t, x->index, r, x->cols);
        while (next_entry(&w, &place, &v))
            add_int(&a, (long)place);
    }
    close_array(&a);
    open_array(&a, o, x->wide ? "uint32_t" : "uint16_t", "n", number);
    for (size_t r = 0; r < x->rows && !o->err; r++) {
        long n = 0;

        begin_row(&w, t, x->index, r, x->cols);
        while (next_entry(&w, &place, &v))
            n++;
        add_int(&a, n);
    }
    close_array(&a);
}

void c_matrix_print(struct c_out *o, const struct c_matrix *x,
                    const struct pare_tensor *t, size_t number)
{
    print_values(o, x, t, number);
    if (x->index != C_DENSE)
        print_places(o, x, t, number);
    if (x->value == C_INT8)
        c_floats(o, "q", number, t->quant.scale, t->quant.n_scale);
    if (x->value == C_BOOK8 || x->value == C_BOOK16) {
        struct array a;

        open_array(&a, o, "float", "q", number);
        for (size_t i = 0; i < t->quant.n_book; i++)
            add_float(&a, t->quant.book[i]);
        if (x->zero)
            add_float(&a, 0);
        close_array(&a);
    }
}
