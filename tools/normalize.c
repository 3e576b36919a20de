#include "normalize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data_file.h"
#include "number.h"
#include "status.h"

/* The next number of a list, from *text; false at junk. */
static bool next_number(float *value, const char **text)
{
    size_t n = strcspn(*text, ",");
    char item[PARE_NUMBER_MAX];
    double v;

    if (n >= sizeof item)
        return false;
    memcpy(item, *text, n);
    item[n] = '\0';
    *text += n + ((*text)[n] == ',');
    *value = pare_number_parse(&v, item) == 0 ? (float)v : NAN;
    return isfinite(*value);
}

/* Means of all channels and then their deviations. */
static int parse_list(struct pare_norm *norm, const char *text, size_t channels)
{
    const char *at = text;
    size_t items = 1;
    bool good = true;

    for (const char *p = text; *p; p++)
        items += *p == ',';
    if (items != 2 && items != 2 * channels)
        return pare_fail(PARE_EINVAL,
                         "--normalize '%s': none, unit, auto, or MEAN,STD; "
                         "with %zu channels %zu numbers, means first",
                         text, channels, 2 * channels);
    norm->n = items / 2;
    norm->mean = malloc(norm->n * sizeof *norm->mean);
    norm->std = malloc(norm->n * sizeof *norm->std);
    if (!norm->mean || !norm->std)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (size_t i = 0; good && i < norm->n; i++)
        good = next_number(&norm->mean[i], &at);
    for (size_t i = 0; good && i < norm->n; i++)
        good = next_number(&norm->std[i], &at) && norm->std[i] > 0;
    return good ? 0
                : pare_fail(PARE_EINVAL,
                            "--normalize '%s': none, unit, auto, or numbers, "
                            "of which each STD is above 0",
                            text);
}

int normalize_parse(struct pare_norm *norm, const char *text,
                    const struct pare_shape *shape, bool bytes)
{
    norm->scale = bytes ? 1.0f / 255 : 1;
    if (strcmp(text, "none") == 0) {
        norm->scale = 1;
        return 0;
    }
    if (strcmp(text, "unit") == 0) {
        norm->scale = 1.0f / 255;
        return 0;
    }
    return parse_list(norm, text, shape->rank > 1 ? shape->dim[0] : 1);
}

int classes_parse(size_t *n_classes, char ***names, const char *list)
{
    size_t n = 1;
    char **name;

    for (const char *p = list; *p; p++)
        n += *p == ',';
    if (n < *n_classes)
        return pare_fail(PARE_EINVAL,
                         "--classes names %zu classes, there are %zu", n,
                         *n_classes);
    if (n > PARE_DATA_CLASSES)
        return pare_fail(PARE_ELIMIT, "--classes names %zu classes", n);
    name = calloc(n, sizeof *name);
    if (!name)
        return pare_fail(PARE_ENOMEM, "out of memory");
    *names = name;
    *n_classes = n;
    for (size_t i = 0; i < n; i++) {
        size_t len = strcspn(list, ",");

        if (len == 0 || memchr(list, '\n', len))
            return pare_fail(PARE_EINVAL, "--classes: name %zu is %s", i + 1,
                             len ? "not one line" : "empty");
        if (!(name[i] = strndup(list, len)))
            return pare_fail(PARE_ENOMEM, "out of memory");
        list += len + (i + 1 < n);
    }
    return 0;
}
