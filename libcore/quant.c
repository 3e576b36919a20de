#include "quant.h"

#include <stdlib.h>
#include <string.h>

#include "status.h"

static const char *const names[] = {"none", "codebook", "uniform", "int8"};

const char *pare_quant_name(enum pare_quant_kind kind)
{
    return names[kind];
}

int pare_quant_find(enum pare_quant_kind *kind, const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) {
            *kind = (enum pare_quant_kind)i;
            return 0;
        }
    return pare_fail(PARE_EINVAL, "'%s' is no kind of quantisation", name);
}

void pare_quant_release(struct pare_quant *q)
{
    free(q->book);
    free(q->scale);
    memset(q, 0, sizeof *q);
}

static float *copy(const float *from, size_t n)
{
    float *to = malloc(n * sizeof *to);

    if (to)
        memcpy(to, from, n * sizeof *to);
    return to;
}

int pare_quant_copy(struct pare_quant *to, const struct pare_quant *from)
{
    struct pare_quant q = *from;

    q.book = from->n_book ? copy(from->book, from->n_book) : NULL;
    q.scale = from->n_scale ? copy(from->scale, from->n_scale) : NULL;
    if ((from->n_book && !q.book) || (from->n_scale && !q.scale)) {
        free(q.book);
        free(q.scale);
        return pare_fail(PARE_ENOMEM, "out of memory");
    }
    pare_quant_release(to);
    *to = q;
    return 0;
}

size_t pare_quant_code(const struct pare_quant *q, float value)
{
    size_t lo = 0, hi = q->n_book;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (q->book[mid] < value)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < q->n_book && memcmp(&q->book[lo], &value, sizeof value) == 0)
        return lo;
    return q->n_book;
}
