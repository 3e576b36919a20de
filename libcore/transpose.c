#include "transpose.h"

#include <string.h>

typedef float quad __attribute__((vector_size(16)));

static inline quad load(const float *p)
{
    quad v;

    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store(float *p, quad v)
{
    memcpy(p, &v, sizeof v);
}

/* Four rows of four into four columns. */
static inline void block4(float *to, size_t ldt, const float *from,
                          size_t ldf)
{
    quad a = load(from), b = load(from + ldf);
    quad c = load(from + 2 * ldf), d = load(from + 3 * ldf);
    quad ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    quad AB = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    quad cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    quad CD = __builtin_shufflevector(c, d, 2, 6, 3, 7);

    store(to, __builtin_shufflevector(ab, cd, 0, 1, 4, 5));
    store(to + ldt, __builtin_shufflevector(ab, cd, 2, 3, 6, 7));
    store(to + 2 * ldt, __builtin_shufflevector(AB, CD, 0, 1, 4, 5));
    store(to + 3 * ldt, __builtin_shufflevector(AB, CD, 2, 3, 6, 7));
}

void pare_transpose(float *to, size_t ldt, const float *from, size_t ldf,
                    size_t rows, size_t cols)
{
    size_t i4 = rows / 4 * 4, j4 = cols / 4 * 4;

    for (size_t j = 0; j < j4; j += 4)
        for (size_t i = 0; i < i4; i += 4)
            block4(to + j * ldt + i, ldt, from + i * ldf + j, ldf);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = i < i4 ? j4 : 0; j < cols; j++)
            to[j * ldt + i] = from[i * ldf + j];
}
