#ifndef PARE_QUANTIZE_PARTS_H
#define PARE_QUANTIZE_PARTS_H

#include "quantize.h"

/* What the files of quantisation share. */

/** How far values moved. Begins zeroed. */
struct pare_change {
    double square, power; /* sums of squares: of changes, of values */
    double worst, peak;   /* largest change, largest value */
    uint64_t zeroed;
};

void pare_change_add(struct pare_change *c, float was, float is);

/** Set error, worst and zeroed of a row. */
void pare_change_report(struct pare_quantize_row *r,
                        const struct pare_change *c);

/** Set levels and entropy of a row, of r->kept values, n codes. */
void pare_code_report(struct pare_quantize_row *r, const uint64_t *count,
                      size_t n);

/** The functions of the table. */
int pare_quantize_codebook(struct pare_quantize_row *r, struct pare_tensor *t,
                           const struct pare_quantize_options *o,
                           double amount);
int pare_quantize_uniform(struct pare_quantize_row *r, struct pare_tensor *t,
                          const struct pare_quantize_options *o, double amount);
int pare_quantize_int8(struct pare_quantize_row *r, struct pare_tensor *t,
                       const struct pare_quantize_options *o, double amount);
int pare_quantize_f16(struct pare_quantize_row *r, struct pare_tensor *t,
                      const struct pare_quantize_options *o, double amount);
int pare_quantize_bf16(struct pare_quantize_row *r, struct pare_tensor *t,
                       const struct pare_quantize_options *o, double amount);

#endif
