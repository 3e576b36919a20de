#include "spec.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "number.h"
#include "status.h"

/* n bytes, "key", "key=value" or "key=", taken apart. */
static int take_apart(struct pare_spec_item *item, const char *p, size_t n,
                      const char *no_key, const char *too_long)
{
    const char *equal = memchr(p, '=', n);
    size_t key = equal ? (size_t)(equal - p) : n;

    if (key == 0)
        return pare_fail(PARE_EINVAL, "%s before '%.60s'", no_key, p);
    if (n >= PARE_SPEC_MAX)
        return pare_fail(PARE_EINVAL, "%s'%.60s...' is too long", too_long, p);
    memcpy(item->key, p, key);
    item->key[key] = '\0';
    item->has_value = equal != NULL;
    item->value[0] = '\0';
    if (equal) {
        memcpy(item->value, equal + 1, n - key - 1);
        item->value[n - key - 1] = '\0';
    }
    return 1;
}

int pare_spec_next(struct pare_spec_item *item, const char **text)
{
    const char *p = *text;
    size_t n;
    int got;

    if (!p)
        return 0;
    n = strcspn(p, ",");
    got = take_apart(item, p, n, "empty option", "option ");
    if (got > 0)
        *text = p[n] ? p + n + 1 : NULL;
    return got;
}

int pare_spec_word(struct pare_spec_item *item, const char **text)
{
    const char *p = *text + strspn(*text, " \t\n");
    size_t n = strcspn(p, " \t\n");

    *text = p + n;
    return n ? take_apart(item, p, n, "no key", "") : 0;
}

int pare_spec_number(double *x, const char *what,
                     const struct pare_spec_item *item, double lo, double hi)
{
    double v;
    int err;

    if (!item->has_value)
        return pare_fail(PARE_EINVAL, "%s: %s needs a value", what, item->key);
    err = pare_number_parse(&v, item->value);
    if (err)
        return pare_fail_prefix(err, "%s: %s", what, item->key);
    if (v >= lo && v <= hi) {
        *x = v;
        return 0;
    }
    if (isinf(hi))
        return pare_fail(PARE_EINVAL, "%s: %s is %s, must be at least %g", what,
                         item->key, item->value, lo);
    if (hi == PARE_BELOW_ONE)
        return pare_fail(PARE_EINVAL,
                         "%s: %s is %s, must be from %g to below 1", what,
                         item->key, item->value, lo);
    return pare_fail(PARE_EINVAL, "%s: %s is %s, must be from %g to %g", what,
                     item->key, item->value, lo, hi);
}

int pare_spec_flag(double *x, const char *what,
                   const struct pare_spec_item *item)
{
    if (!item->has_value || strcmp(item->value, "yes") == 0)
        *x = 1;
    else if (strcmp(item->value, "no") == 0)
        *x = 0;
    else
        return pare_fail(PARE_EINVAL, "%s: %s is '%s', must be yes or no", what,
                         item->key, item->value);
    return 0;
}

int pare_spec_append(char canon[PARE_SPEC_MAX], const char *fmt, ...)
{
    size_t used = strlen(canon);
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(canon + used, PARE_SPEC_MAX - used, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= PARE_SPEC_MAX - used)
        return pare_fail(PARE_EINVAL, "'%.60s...' has too many settings",
                         canon);
    return 0;
}
