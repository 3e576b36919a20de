#include "levels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

static bool has_book(const struct pare_quant *q)
{
    return q->kind == PARE_QUANT_CODEBOOK || q->kind == PARE_QUANT_UNIFORM;
}

static uint32_t bits_of(float v)
{
    uint32_t u;

    memcpy(&u, &v, sizeof u);
    return u;
}

/* ---- values in order, with their rows ---------------------------------- */

/* Values [at, end) of a row, of which the mask may leave out some. */
struct row {
    size_t at, end;
};

static struct row row_of(const struct pare_tensor *t, size_t r)
{
    const size_t cols = t->dim[0] ? t->n / t->dim[0] : 0;

    if (t->pattern)
        return (struct row){(size_t)t->pattern->row[r],
                            (size_t)t->pattern->row[r + 1]};
    return (struct row){r * cols, (r + 1) * cols};
}

static bool is_kept(const struct pare_tensor *t, size_t i)
{
    return !t->mask || t->mask[i];
}

static float scale_of(const struct pare_quant *q, size_t row)
{
    return q->scale[q->n_scale > 1 ? row : 0];
}

/* The code that gives a value, as 8 bits in a word, or none. */
static uint32_t int8_code(float v, float scale)
{
    double c = rint((double)v / (double)scale);
    float back;

    if (!(fabs(c) <= 127))
        return PARE_NO_CODE;
    back = (float)(int)c * scale;
    return bits_of(back) == bits_of(v) ? (uint8_t)(int8_t)c : PARE_NO_CODE;
}

static uint32_t code_of(const struct pare_quant *q, size_t row, float v)
{
    size_t code;

    if (!has_book(q))
        return int8_code(v, scale_of(q, row));
    code = pare_quant_code(q, v);
    return code < q->n_book ? (uint32_t)code : PARE_NO_CODE;
}

/* ---- checks ------------------------------------------------------------ */

static const char *book_fault(const struct pare_tensor *t)
{
    const struct pare_quant *q = &t->quant;

    if (q->n_book == 0 || q->n_book > PARE_BOOK_MAX)
        return "has no book of 1 to 65,536 levels";
    for (size_t i = 0; i < q->n_book; i++) {
        if (!isfinite(q->book[i]))
            return "has a level that is not finite";
        if (bits_of(q->book[i]) == 0x80000000)
            return "has the level -0";
        if (i && !(q->book[i] > q->book[i - 1]))
            return "has levels that do not ascend";
    }
    if (pare_dtype_misfit(q->book, q->n_book, t->dtype) < q->n_book)
        return "has a level that is not of its type";
    return NULL;
}

static const char *scale_fault(const struct pare_tensor *t)
{
    const struct pare_quant *q = &t->quant;

    if (t->dtype != PARE_F32)
        return "is int8 and of 16 bits at once";
    if (q->n_scale == 0 || (q->n_scale != 1 && q->n_scale != t->dim[0]))
        return "has neither one scale nor one for each row";
    for (size_t i = 0; i < q->n_scale; i++)
        if (!(q->scale[i] > 0) || !isfinite(q->scale[i]))
            return "has a scale that is not above 0 and finite";
    return NULL;
}

static const char *fault(const struct pare_tensor *t)
{
    if (t->quant.kind == PARE_QUANT_NONE)
        return NULL;
    return has_book(&t->quant) ? book_fault(t) : scale_fault(t);
}

int pare_levels_valid(const struct pare_tensor *t)
{
    const char *what = fault(t);

    return what ? pare_fail(PARE_EINVAL, "'%s' %s", t->name, what) : 0;
}

/* The first kept value that is none of the levels; n when all are. */
static size_t misfit(const struct pare_tensor *t)
{
    const struct pare_quant *q = &t->quant;

    if (q->kind == PARE_QUANT_NONE) /* a pruned weight, 0, is of any type */
        return pare_dtype_misfit(t->value, t->n, t->dtype);
    for (size_t r = 0; r < t->dim[0]; r++) {
        struct row row = row_of(t, r);

        for (size_t i = row.at; i < row.end; i++)
            if (is_kept(t, i) && code_of(q, r, t->value[i]) == PARE_NO_CODE)
                return i;
    }
    return t->n;
}

static int fail_misfit(const struct pare_tensor *t, size_t i)
{
    bool levels = t->quant.kind != PARE_QUANT_NONE;

    return pare_fail(PARE_EINVAL, "'%s' holds %.9g, which is no %s", t->name,
                     (double)t->value[i],
                     levels ? "level of its" : pare_dtype_name(t->dtype));
}

int pare_levels_check(const struct pare_tensor *t)
{
    int err = pare_levels_valid(t);
    size_t i = err ? t->n : misfit(t);

    return i < t->n ? fail_misfit(t, i) : err;
}

/* ---- codes ------------------------------------------------------------- */

size_t pare_levels_width(const struct pare_tensor *t)
{
    return has_book(&t->quant) && t->quant.n_book > 256 ? 2 : 1;
}

int pare_levels_put(void *codes, const struct pare_tensor *t)
{
    const bool wide = pare_levels_width(t) == 2;
    uint16_t *two = codes;
    uint8_t *one = codes;
    size_t k = 0;
    int err = pare_levels_valid(t);

    for (size_t r = 0; !err && r < t->dim[0]; r++) {
        struct row row = row_of(t, r);

        for (size_t i = row.at; i < row.end; i++) {
            uint32_t code;

            if (!is_kept(t, i))
                continue;
            code = code_of(&t->quant, r, t->value[i]);
            if (code == PARE_NO_CODE)
                return fail_misfit(t, i);
            if (wide)
                two[k++] = (uint16_t)code;
            else
                one[k++] = (uint8_t)code;
        }
    }
    return err;
}

int pare_levels_get(struct pare_tensor *t, const void *codes)
{
    const struct pare_quant *q = &t->quant;
    const bool wide = pare_levels_width(t) == 2, book = has_book(q);
    const uint16_t *two = codes;
    const uint8_t *one = codes;
    size_t k = 0;

    for (size_t r = 0; r < t->dim[0]; r++) {
        struct row row = row_of(t, r);

        for (size_t i = row.at; i < row.end; i++) {
            size_t code;

            if (!is_kept(t, i)) {
                t->value[i] = 0;
                continue;
            }
            code = wide ? two[k] : one[k];
            k++;
            if (book ? code >= q->n_book : code == 0x80)
                return pare_fail(PARE_EFORMAT, "'%s' has a code of no level",
                                 t->name);
            t->value[i] =
                book ? q->book[code] : (float)(int8_t)code * scale_of(q, r);
        }
    }
    return 0;
}

int pare_levels_codes(uint32_t *code, const struct pare_tensor *t)
{
    int err = pare_levels_valid(t);

    for (size_t i = 0; !err && i < t->n; i++) {
        code[i] = PARE_NO_CODE;
        if (!is_kept(t, i))
            continue;
        code[i] = code_of(&t->quant, 0, t->value[i]);
        if (code[i] == PARE_NO_CODE)
            return fail_misfit(t, i);
    }
    return err;
}

/* ---- when values change ------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

size_t pare_levels_distinct(float *v, size_t n)
{
    size_t some = 0, k = 0;

    for (size_t i = 0; i < n; i++)
        if (!isnan(v[i]))
            v[some++] = v[i] + 0.0F; /* -0 becomes 0 */
    qsort(v, some, sizeof *v, by_value);
    for (size_t i = 0; i < some; i++)
        if (k == 0 || v[i] > v[k - 1])
            v[k++] = v[i];
    return k;
}

/* Put a value into the sorted levels, if it is not there: false when there
   are PARE_BOOK_MAX of them. */
static bool add_level(float *level, size_t *n, float v)
{
    size_t lo = 0, hi = *n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (level[mid] < v)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < *n && !(level[lo] > v))
        return true;
    if (*n == PARE_BOOK_MAX)
        return false;
    memmove(level + lo + 1, level + lo, (*n - lo) * sizeof *level);
    level[lo] = v;
    ++*n;
    return true;
}

int pare_levels_rebuild(struct pare_tensor *t)
{
    float *level = malloc(PARE_BOOK_MAX * sizeof *level), *book;
    bool fits = true;
    size_t n = 0;

    if (!level)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t i = 0; fits && i < t->n; i++)
        if (is_kept(t, i)) {
            t->value[i] += 0.0F; /* no level is -0 */
            fits = isfinite(t->value[i]) && add_level(level, &n, t->value[i]);
        }
    book = fits && n ? realloc(level, n * sizeof *level) : NULL;
    if (!book)
        free(level);
    pare_quant_release(&t->quant);
    if (book)
        t->quant = (struct pare_quant){
            .kind = PARE_QUANT_CODEBOOK, .n_book = n, .book = book};
    return 0;
}

void pare_levels_forget(struct pare_tensor *t)
{
    t->dtype = PARE_F32;
    pare_quant_release(&t->quant);
}

size_t pare_model_hold_levels(struct pare_model *m)
{
    size_t forgot = 0;

    if (pare_model_streams(m))
        return 0;
    for (size_t i = 0; i < m->n_tensors; i++) {
        struct pare_tensor *t = &m->tensor[i];
        enum pare_dtype type = t->dtype;
        bool quant = t->quant.kind != PARE_QUANT_NONE;

        if (quant && (fault(t) || misfit(t) < t->n))
            pare_quant_release(&t->quant);
        if (pare_dtype_misfit(t->value, t->n, t->dtype) < t->n)
            t->dtype = PARE_F32;
        forgot +=
            t->dtype != type || (quant && t->quant.kind == PARE_QUANT_NONE);
    }
    return forgot;
}

bool pare_model_encoded(const struct pare_model *m)
{
    for (size_t i = 0; i < m->n_tensors; i++)
        if (m->tensor[i].dtype != PARE_F32 ||
            m->tensor[i].quant.kind != PARE_QUANT_NONE)
            return true;
    return false;
}
