#include "sample.h"

#include <math.h>

struct pare_sample pare_sample_of(const double *value, size_t n)
{
    const double none = (double)NAN;
    struct pare_sample s = {0, none, none, none, none};
    double sum = 0, squares = 0;

    for (size_t i = 0; i < n; i++) {
        if (isnan(value[i]))
            continue;
        s.n++;
        sum += value[i];
        s.min = fmin(s.min, value[i]);
        s.max = fmax(s.max, value[i]);
    }
    if (s.n == 0)
        return s;
    s.mean = s.min == s.max ? s.min : sum / (double)s.n;
    for (size_t i = 0; i < n; i++)
        if (!isnan(value[i]))
            squares += (value[i] - s.mean) * (value[i] - s.mean);
    if (s.n > 1)
        s.sd = sqrt(squares / (double)(s.n - 1));
    return s;
}
