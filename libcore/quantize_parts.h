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

/** What a quantisation of a model does to one of its tensors. */
struct pare_quantize_step {
    bool on; /* or it stays as it is */
    enum pare_level_kind kind;
    double amount;
};

/** Quantise a tensor that is in memory; with o->prune_zeros it loses the
 *  zeros, which are added to *pruned. 0 or a status. */
int pare_quantize_step(struct pare_quantize_row *r, uint64_t *pruned,
                       struct pare_model *m, size_t tensor,
                       const struct pare_quantize_options *o,
                       const struct pare_quantize_step *step);

/**
 * For a model that comes tensor by tensor: put a loader around its own, which
 * quantises each tensor when it is loaded.
 *
 * @param step   [n_tensors] taken over on success
 * @param loose  drop masks that prune nothing
 * @return 0; PARE_ENOMEM (the model is as it was)
 */
int pare_quantize_around(struct pare_model *m,
                         const struct pare_quantize_options *o,
                         struct pare_quantize_step *step, bool loose);

#endif
