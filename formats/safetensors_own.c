#include "safetensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json_scan.h"
#include "number.h"
#include "status.h"

/* What pare-export(1) says of a model in the metadata of a header. */

enum { ARCH, CLASSES, MEAN, SCALE, STD, KEYS };

static const char *const key_name[KEYS] = {
    "pare.arch", "pare.classes", "pare.mean", "pare.scale", "pare.std"};

/* {"format": "pt", ...}: all are strings. */
static int take_pairs(char *value[KEYS], struct pare_json_scan *s)
{
    int err = pare_json_scan_char(s, '{');

    if (err || pare_json_scan_is(s, '}'))
        return err;
    do {
        char *key = NULL, *text = NULL;
        int k = 0;

        err = pare_json_scan_text(&key, s);
        if (!err)
            err = pare_json_scan_char(s, ':');
        if (!err)
            err = pare_json_scan_text(&text, s);
        while (!err && k < KEYS && strcmp(key, key_name[k]) != 0)
            k++;
        if (!err && k < KEYS && value[k])
            err = pare_fail(PARE_EFORMAT, "'%s' has '%s' twice", s->name, key);
        if (!err && k < KEYS) {
            value[k] = text;
            text = NULL;
        }
        free(key);
        free(text);
    } while (!err && pare_json_scan_is(s, ','));
    return err ? err : pare_json_scan_char(s, '}');
}

/* Finite numbers with a space between; false if they are not, or not n. */
static bool take_numbers(float *v, size_t n, char *text)
{
    double x;

    for (size_t i = 0; i < n; i++) {
        size_t size = strcspn(text, " ");
        bool last = text[size] == '\0';

        text[size] = '\0';
        if (pare_number_parse(&x, text) || last != (i + 1 == n))
            return false;
        v[i] = (float)x;
        if (!isfinite(v[i]))
            return false;
        text += size + !last;
    }
    return true;
}

/* The normalisation, if it is one of such inputs; 0 or PARE_ENOMEM. */
static int take_norm(struct pare_norm *out, char *value[KEYS],
                     const struct pare_shape *input)
{
    struct pare_norm norm = {.scale = 1};
    bool good = true;

    for (const char *p = value[MEAN]; p && *p; p++)
        norm.n += p == value[MEAN] || *p == ' ';
    if (norm.n > pare_shape_size(input) || (!value[MEAN]) != (!value[STD]))
        return 0;
    if (norm.n > 1 && norm.n != input->dim[0] &&
        norm.n != pare_shape_size(input))
        return 0;
    norm.mean = malloc((norm.n + 1) * sizeof *norm.mean);
    norm.std = malloc((norm.n + 1) * sizeof *norm.std);
    if (!norm.mean || !norm.std) {
        pare_norm_release(&norm);
        return pare_fail(PARE_ENOMEM, "out of memory");
    }
    if (value[SCALE])
        good = take_numbers(&norm.scale, 1, value[SCALE]) && norm.scale > 0;
    if (good && norm.n)
        good = take_numbers(norm.mean, norm.n, value[MEAN]) &&
               take_numbers(norm.std, norm.n, value[STD]);
    for (size_t i = 0; good && i < norm.n; i++)
        good = norm.std[i] > 0;
    if (good)
        *out = norm;
    else
        pare_norm_release(&norm);
    return 0;
}

/* ["a", "b"], names of one line; 0 or PARE_ENOMEM. */
static int take_classes(struct pare_foreign *f, const char *text, size_t n)
{
    struct pare_json_scan s = {text, text + strlen(text), key_name[CLASSES]};
    char **name = calloc(n + 1, sizeof *name);
    size_t k = 0;
    bool good = name && !pare_json_scan_char(&s, '[');

    if (!name)
        return pare_fail(PARE_ENOMEM, "out of memory");
    while (good && k < n) {
        good = !pare_json_scan_text(&name[k], &s) && name[k][0];
        for (const char *p = name[k]; good && *p; p++)
            good = (unsigned char)*p >= 0x20 && *p != 0x7f;
        k++;
        good = good && !pare_json_scan_char(&s, k < n ? ',' : ']');
    }
    if (good && pare_json_scan_done(&s)) {
        f->class_name = name;
        f->n_classes = n;
        return 0;
    }
    for (size_t i = 0; i < k; i++)
        free(name[i]);
    free(name);
    return 0;
}

int pare_safetensors_own(struct pare_foreign *f, struct pare_json_scan *s)
{
    char *value[KEYS] = {NULL};
    struct pare_arch arch = {0};
    int err = take_pairs(value, s);

    if (!err && value[ARCH]) {
        if (pare_arch_parse(&arch, value[ARCH]) ||
            pare_arch_is_weights(&arch)) {
            err = pare_foreign_note(f, "its architecture is not understood");
        } else {
            f->arch = value[ARCH];
            value[ARCH] = NULL;
            err = take_norm(&f->norm, value, &arch.input);
        }
        if (!err && f->arch && value[CLASSES])
            err = take_classes(f, value[CLASSES],
                               pare_shape_size(pare_arch_output(&arch)));
        pare_arch_release(&arch);
    }
    for (int i = 0; i < KEYS; i++)
        free(value[i]);
    return err;
}
