/* Few levels for the values of a tensor. */
#include "quantize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "quantize_parts.h"
#include "status.h"

/* The table of ways. */

static const struct pare_quantize_way table[] = {
    {"codebook", "levels found by clustering, each layer its own",
     "Han et al. 2016, arXiv:1510.00149", true, false, pare_quantize_codebook},
    {"uniform", "multiples of a step, chosen by error and length of codes",
     "Wiedemann et al. 2020, arXiv:1907.11900", false, true,
     pare_quantize_uniform},
    {"int8", "whole numbers of 8 bits times a scale",
     "Jacob et al. 2018, arXiv:1712.05877", false, false, pare_quantize_int8},
    {"fp16", "IEEE 754 binary16", "IEEE 754-2019", false, false,
     pare_quantize_f16},
    {"bf16", "the upper half of float32",
     "Kalamkar et al. 2019, "
     "arXiv:1905.12322",
     false, false, pare_quantize_bf16},
};

const struct pare_quantize_way *pare_quantize_way(size_t i)
{
    return i < sizeof table / sizeof *table ? &table[i] : NULL;
}

const struct pare_quantize_way *pare_quantize_way_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

void pare_quantize_defaults(struct pare_quantize_options *o)
{
    memset(o, 0, sizeof *o);
    o->way = &table[0];
    o->kind = PARE_LEVELS_COUNT;
    o->amount = 16;
    o->start = pare_start(0);
}

int pare_quantize_check(enum pare_level_kind kind, double amount)
{
    switch (kind) {
    case PARE_LEVELS_COUNT:
        if (amount >= 1 && amount <= PARE_BOOK_MAX && amount == floor(amount))
            return 0;
        return pare_fail(PARE_EINVAL, "levels are a whole number from 1 to %d",
                         PARE_BOOK_MAX);
    case PARE_LEVELS_BITS:
        if (amount >= PARE_BITS_MIN && amount <= PARE_BITS_MAX &&
            amount == floor(amount))
            return 0;
        return pare_fail(PARE_EINVAL, "bits are a whole number from %d to %d",
                         PARE_BITS_MIN, PARE_BITS_MAX);
    case PARE_LEVELS_STEP:
    case PARE_LEVELS_ERROR:
        if (amount > 0 && isfinite(amount))
            return 0;
        return pare_fail(PARE_EINVAL, "%s is above 0",
                         kind == PARE_LEVELS_STEP ? "a step" : "an error");
    case PARE_LEVELS_FIXED:
        break;
    }
    return 0;
}

/* Measuring. */

void pare_change_add(struct pare_change *c, float was, float is)
{
    double d = (double)is - (double)was;

    c->square += d * d;
    c->power += (double)was * (double)was;
    if (fabs(d) > c->worst)
        c->worst = fabs(d);
    if (fabs((double)was) > c->peak)
        c->peak = fabs((double)was);
    c->zeroed += is == 0 && was != 0;
}

void pare_change_report(struct pare_quantize_row *r,
                        const struct pare_change *c)
{
    r->error = c->power > 0 ? sqrt(c->square / c->power) : 0;
    r->worst = c->peak > 0 ? c->worst / c->peak : 0;
    r->zeroed = c->zeroed;
}

void pare_code_report(struct pare_quantize_row *r, const uint64_t *count,
                      size_t n)
{
    double sum = 0;

    r->levels = 0;
    for (size_t i = 0; i < n; i++) {
        if (count[i] == 0)
            continue;
        r->levels++;
        sum += (double)count[i] * log2((double)r->kept / (double)count[i]);
    }
    r->entropy = r->kept ? sum / (double)r->kept : 0;
}

/* Bits a position of the mask, if its bits were drawn. */
static double mask_bits(double density)
{
    if (density <= 0 || density >= 1)
        return 0;
    return -density * log2(density) - (1 - density) * log2(1 - density);
}

/* What a tensor comes to, with the numbers that its levels are made of. */
static void count_bits(struct pare_quantize_row *r, const struct pare_tensor *t)
{
    double total = (double)r->total, code = r->entropy;

    r->bits = 0;
    if (r->total == 0)
        return;
    r->bits = mask_bits((double)r->kept / total) +
              code * ((double)r->kept / total) +
              32 * (double)(t->quant.n_book + t->quant.n_scale) / total;
}

int pare_quantize_tensor(struct pare_quantize_row *r, struct pare_tensor *t,
                         const struct pare_quantize_options *o,
                         enum pare_level_kind kind, double amount)
{
    struct pare_quantize_options own = *o;
    struct pare_quantize_row row = {
        .total = pare_tensor_positions(t),
        .kept = pare_tensor_kept(t),
        .asked = kind == PARE_LEVELS_FIXED ? (double)NAN : amount,
        .kind = kind,
        .again = t->quant.kind != PARE_QUANT_NONE || t->dtype != PARE_F32,
    };
    size_t bad = pare_first_nonfinite(t->value, t->n);
    int rc;

    own.kind = kind;
    if (bad < t->n)
        return pare_fail(PARE_EINVAL, "%s: value %zu is not finite", t->name,
                         bad);
    if (row.kept == 0) { /* nothing to be of any level */
        pare_quant_release(&t->quant);
        t->dtype = PARE_F32;
        *r = row;
        return 0;
    }
    rc = own.way->run(&row, t, &own, amount);
    if (rc)
        return pare_fail_prefix(rc, "%s", t->name);
    count_bits(&row, t);
    *r = row;
    return 0;
}
