#include "pattern.h"

#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "status.h"

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

int pare_pattern_new(struct pare_pattern **out, size_t rows, size_t cols,
                     uint64_t n)
{
    struct pare_pattern *p;

    if (rows < 1 || cols < 1 || rows > UINT32_MAX || cols > UINT32_MAX)
        return pare_fail(PARE_ELIMIT,
                         "a sparse layer is 1 to 2^32 - 1 by as many, not "
                         "%zu by %zu",
                         rows, cols);
    if (n > SIZE_MAX / sizeof *p->col - 1)
        return no_memory();
    p = malloc(sizeof *p);
    if (!p)
        return no_memory();
    p->rows = rows;
    p->cols = cols;
    p->row = calloc(rows + 1, sizeof *p->row);
    p->col = malloc((size_t)(n + 1) * sizeof *p->col);
    if (!p->row || !p->col) {
        pare_pattern_free(p);
        return no_memory();
    }
    *out = p;
    return 0;
}

void pare_pattern_free(struct pare_pattern *p)
{
    if (!p)
        return;
    free(p->row);
    free(p->col);
    free(p);
}

uint64_t pare_pattern_count(const struct pare_pattern *p)
{
    return p->row[p->rows];
}

int pare_pattern_copy(struct pare_pattern **to, const struct pare_pattern *from)
{
    uint64_t n = pare_pattern_count(from);
    int err = pare_pattern_new(to, from->rows, from->cols, n);

    if (err)
        return err;
    memcpy((*to)->row, from->row, (from->rows + 1) * sizeof *from->row);
    memcpy((*to)->col, from->col, (size_t)n * sizeof *from->col);
    return 0;
}

int pare_pattern_of_mask(struct pare_pattern **out, const uint8_t *mask,
                         size_t rows, size_t cols)
{
    struct pare_pattern *p;
    size_t total = rows * cols;
    uint64_t n = 0;
    int err = pare_pattern_new(&p, rows, cols,
                               mask ? pare_bits_count(mask, total) : total);

    if (err)
        return err;
    for (size_t r = 0; r < rows; r++) {
        const uint8_t *of = mask ? mask + r * cols : NULL;

        for (size_t c = 0; c < cols; c++)
            if (!of || of[c])
                p->col[n++] = (uint32_t)c;
        p->row[r + 1] = n;
    }
    *out = p;
    return 0;
}

void pare_pattern_to_mask(uint8_t *mask, const struct pare_pattern *p)
{
    memset(mask, 0, p->rows * p->cols);
    for (size_t r = 0; r < p->rows; r++)
        for (uint64_t k = p->row[r]; k < p->row[r + 1]; k++)
            mask[r * p->cols + p->col[k]] = 1;
}

int pare_pattern_of_flat(struct pare_pattern **out, const uint64_t *flat,
                         uint64_t n, size_t rows, size_t cols)
{
    struct pare_pattern *p;
    size_t r = 0;
    int err = pare_pattern_new(&p, rows, cols, n);

    for (uint64_t i = 0; !err && i < n; i++) {
        uint64_t row = flat[i] / cols;

        if (row >= rows || (i && flat[i] <= flat[i - 1])) {
            pare_pattern_free(p);
            return pare_fail(PARE_EFORMAT, "positions do not ascend, or lie "
                                           "outside of the layer");
        }
        while (r < row)
            p->row[++r] = i;
        p->col[i] = (uint32_t)(flat[i] % cols);
    }
    if (err)
        return err;
    while (r < rows)
        p->row[++r] = n;
    *out = p;
    return 0;
}

void pare_pattern_flat(uint64_t *flat, const struct pare_pattern *p)
{
    for (size_t r = 0; r < p->rows; r++)
        for (uint64_t k = p->row[r]; k < p->row[r + 1]; k++)
            flat[k] = (uint64_t)r * p->cols + p->col[k];
}

uint64_t pare_pattern_find(const struct pare_pattern *p, size_t row,
                           uint32_t col)
{
    uint64_t lo = p->row[row], hi = p->row[row + 1], end = hi;

    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;

        if (p->col[mid] < col)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < end && p->col[lo] == col ? lo : UINT64_MAX;
}

bool pare_pattern_same(const struct pare_pattern *a,
                       const struct pare_pattern *b)
{
    return a->rows == b->rows && a->cols == b->cols &&
           memcmp(a->row, b->row, (a->rows + 1) * sizeof *a->row) == 0 &&
           memcmp(a->col, b->col,
                  (size_t)pare_pattern_count(a) * sizeof *a->col) == 0;
}

int pare_pattern_check(const struct pare_pattern *p)
{
    if (p->row[0] != 0)
        return pare_fail(PARE_EFORMAT, "the first row does not begin at 0");
    for (size_t r = 0; r < p->rows; r++) {
        if (p->row[r + 1] < p->row[r])
            return pare_fail(PARE_EFORMAT, "row %zu ends before it begins", r);
        for (uint64_t k = p->row[r]; k < p->row[r + 1]; k++)
            if (p->col[k] >= p->cols ||
                (k > p->row[r] && p->col[k] <= p->col[k - 1]))
                return pare_fail(PARE_EFORMAT,
                                 "the columns of row %zu do not ascend, or "
                                 "lie outside",
                                 r);
    }
    return 0;
}
