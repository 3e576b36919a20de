#ifndef PARE_SCAN_H
#define PARE_SCAN_H

#include "dataset.h"
#include "prune.h"

/** What a scan is told. */
struct pare_scan_options {
    struct pare_prune_options prune; /* layers, criterion, grain ...; not the
                                        amount, nor the allocation */
    size_t n_levels;
    const double *level; /* [n_levels] sparsities in 0..1, increasing */
    const struct pare_dataset *data;
    enum pare_split_id split; /* measured on */
    int threads;
};

/** One measurement. */
struct pare_scan_point {
    size_t layer;         /* index into arch.layer */
    uint64_t total, kept; /* prunable weights of the layer */
    double loss;          /* mean */
    double accuracy;      /* 0..1 */
};

/**
 * Prune each layer alone to several sparsities and measure the model each
 * time, without training.
 *
 * Each pruning begins with the model as it is; the first point of a layer is
 * the model as it is. A level that removes no more than the one before (that
 * is reached already, or too near) makes no point.
 *
 * @param m     read only in effect: weights and masks are as before
 * @param told  called for each point, layers in order, sparsity ascending; a
 *              status other than 0 ends the scan; NULL is fine
 * @param curve out, where not NULL: [*n] curves, one a layer, of the points
 *              whose loss is finite; released with pare_scan_release unless
 *              taken over
 * @return 0; PARE_EINVAL (as pare_prune; a split without samples);
 *         PARE_EMISMATCH; PARE_ENOMEM; PARE_EIO; what told returned
 *
 * Source: Li et al. 2017, arXiv:1608.08710, section 3.2 (filters of single
 * layers, L1 norm, no retraining).
 */
int pare_scan(struct pare_curve **curve, size_t *n, struct pare_model *m,
              const struct pare_scan_options *o,
              int (*told)(void *arg, const struct pare_scan_point *p),
              void *arg);

/** Free n curves and what they own; NULL is fine. */
void pare_scan_release(struct pare_curve *curve, size_t n);

#endif
