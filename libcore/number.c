#include "number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

char *pare_number_print(char buf[PARE_NUMBER_MAX], double x)
{
    /* %g would shorten 60 to 6e+01. */
    if (fabs(x) < 1e15 && x == floor(x)) {
        snprintf(buf, PARE_NUMBER_MAX, "%.0f", x);
        return buf;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(buf, PARE_NUMBER_MAX, "%.*g", digits, x);
        if (isnan(x) || strtod(buf, NULL) == x)
            break;
    }
    return buf;
}

int pare_number_parse(double *x, const char *text)
{
    char *end;
    double v;

    /* strtod would take spaces, hexadecimal and words: only these pass. */
    if (!text[0] || text[strspn(text, "0123456789+-.eE")])
        return pare_fail(PARE_EINVAL, "'%s' is not a number", text);
    v = strtod(text, &end);
    if (end == text || *end)
        return pare_fail(PARE_EINVAL, "'%s' is not a number", text);
    if (!isfinite(v))
        return pare_fail(PARE_EINVAL, "'%s' is too large", text);
    *x = v;
    return 0;
}
