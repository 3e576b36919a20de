#ifndef PARE_MODEL_H
#define PARE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "arch.h"
#include "dtype.h"
#include "loader.h"
#include "marks.h"
#include "model_records.h"
#include "norm.h"
#include "pattern.h"
#include "quant.h"

#define PARE_DIGEST_LEN 33  /* 32 hexadecimal digits and a NUL */
#define PARE_SPEC_MAX   256 /* canonical text of an optimiser, schedule ... */

/**
 * One named array of a model: a weight matrix, a bias, a running statistic.
 *
 * A sparse weight may lie compact: `pattern` says which positions there are
 * and value has one number for each, and so have optimiser slots, stored
 * checkpoints and scores. mask is then NULL. Whether a tensor lies compact is
 * a matter of memory: files and digests are the same (pare_tensor_compact).
 *
 * Invariant (promise 4): where mask[i] is 0, value[i] is exactly 0.0f, and
 * so is every optimiser slot (unless the dialect has them dense) and every
 * stored checkpoint's value at i.
 */
struct pare_tensor {
    char name[PARE_NAME_MAX]; /* "fc1.weight" */
    size_t layer;             /* index into arch.layer */
    enum pare_role role;
    int rank;
    size_t dim[PARE_RANK_MAX];    /* linear weight: {out, in} */
    size_t n;                     /* values: product of dim; compact: entries */
    float *value;                 /* [n] C order */
    uint8_t *mask;                /* [n] 1 kept, 0 pruned; NULL: all kept */
    struct pare_pattern *pattern; /* of a compact tensor, else NULL */
    enum pare_dtype dtype;        /* that holds all values exactly */
    struct pare_quant quant;      /* levels that the values are among */
    bool away;                 /* not loaded (loader.h) ... */
    size_t kept;               /* ... and of its values so many are kept */
    uint64_t target;           /* connections it grows back to; 0: not said */
    struct pare_marks removed; /* by the last pruning that grows back */
    struct pare_marks added;   /* by the last growth */
};

/** Optimiser state as it lies in a file. */
struct pare_optstate {
    char spec[PARE_SPEC_MAX];     /* canonical, "adam,beta1=0.9,..."; "" none */
    uint64_t step;                /* updates done (bias correction of Adam) */
    int n_slots;                  /* 0 while no update was done */
    float **slot[PARE_SLOTS_MAX]; /* slot[k][tensor]: [n], NULL for buffers */
};

/** Where training stands, and what it is made of. */
struct pare_training {
    uint64_t epoch;       /* epochs finished */
    uint64_t epoch_step;  /* steps done of the epoch that is not finished */
    uint64_t step;        /* optimiser steps done since the beginning */
    uint64_t sched_step;  /* position in the schedule, in steps */
    uint64_t sched_total; /* its length in steps; 0: not yet known */
    uint64_t seed;        /* of shuffling, dropout and augmentation */
    uint64_t batch;       /* samples; 0: never trained */
    uint64_t steps_per_epoch;
    double lr; /* base learning rate */
    double weight_decay;
    char loss[PARE_NAME_MAX];
    char schedule[PARE_SPEC_MAX];
    char select[16];             /* last, best-val-loss, best-val-acc */
    char augment[PARE_SPEC_MAX]; /* of training images; "" none */
    char dialect[16]; /* numenta, set, synapses; "" for standard practice */
    /* Sums over the unfinished epoch, for its line of the history. */
    double sum_loss;
    uint64_t sum_correct, sum_samples;
};

/**
 * A stored earlier state. `init` of a model that was drawn from a seed has
 * value == NULL: it is regenerated (pare_model_init_values).
 */
struct pare_checkpoint {
    char name[PARE_NAME_MAX]; /* "init", "epoch:3", "step:1000", "best" */
    uint64_t epoch, epoch_step, step, sched_step; /* as in training */
    float **value;                                /* [n_tensors][n], or NULL */
    /* [n_tensors] masks of then, entries NULL where all was kept; only of an
       undo point, which pruning leaves whole. Else NULL: the mask is the
       model's. */
    uint8_t **mask;
    struct pare_optstate optim; /* spec "" when not kept */
};

/** How the first weights were drawn. */
struct pare_init {
    char spec[PARE_SPEC_MAX]; /* canonical initialiser; "": not from a seed */
    uint64_t seed;
    char sparse[PARE_SPEC_MAX];   /* how connections were drawn; "": all */
    char digest[PARE_DIGEST_LEN]; /* `weights` digest of the init values */
};

/** A model: what one file holds. Zero-initialise, release after use. */
struct pare_model {
    struct pare_arch arch;
    struct pare_norm norm; /* of its inputs */
    size_t n_classes;      /* 0: unknown */
    char **class_name;     /* [n_classes], or NULL */
    size_t n_tensors;
    struct pare_tensor *tensor; /* layer order, weight before bias */
    struct pare_init init;
    struct pare_training training;
    struct pare_optstate optim;
    size_t n_checkpoints;
    struct pare_checkpoint *checkpoint;
    size_t n_history, history_room; /* rows used, rows allocated */
    struct pare_history_row *history;
    size_t n_scores;
    struct pare_scores *scores; /* begun anew with each run of training */
    size_t n_curves;
    struct pare_curve *curve; /* by ascending layer */
    size_t n_rewirings, rewiring_room;
    struct pare_rewiring *rewiring; /* by epoch, then tensor */
    size_t n_steps;
    char **step; /* provenance: one JSON object a line, oldest first */
    size_t user_size;
    void *user;                /* /user as formats/ keeps it; opaque here */
    struct pare_loader loader; /* load NULL: all tensors are in memory */
};

/**
 * Build the tensors of an architecture, all values 0, running variances 1.
 * @param m     zeroed struct, out; takes over *arch (which is zeroed)
 * @return 0, PARE_ENOMEM, PARE_ELIMIT
 */
int pare_model_init(struct pare_model *m, struct pare_arch *arch);

/**
 * The first half of pare_model_init: tensors with shapes and no values. A
 * weight may be given a pattern of its shape before pare_model_allocate.
 *
 * @return 0, PARE_ENOMEM
 */
int pare_model_lay(struct pare_model *m, struct pare_arch *arch);

/**
 * The second half: values, 0, for every position or every entry.
 *
 * @return 0; PARE_ENOMEM; PARE_ELIMIT above 2^32 values, naming the layer.
 *         The model is the caller's to release in any case
 */
int pare_model_allocate(struct pare_model *m);

/** Free all that a model owns and zero it; zeroed is fine. */
void pare_model_release(struct pare_model *m);

/** The tensor of that name, or NULL. */
struct pare_tensor *pare_model_tensor(const struct pare_model *m,
                                      const char *name);

/** The checkpoint of that name, or NULL. */
struct pare_checkpoint *pare_model_checkpoint(const struct pare_model *m,
                                              const char *name);

/**
 * Append an empty checkpoint, or return the one of that name with its
 * values freed. NULL without memory (message set).
 */
struct pare_checkpoint *pare_model_add_checkpoint(struct pare_model *m,
                                                  const char *name);

/** Copy weights (and optimiser state if with_optim) into a checkpoint. */
int pare_model_save_checkpoint(struct pare_model *m, const char *name,
                               bool with_optim);

/** Remove a checkpoint; nothing happens when there is none. */
void pare_model_drop_checkpoint(struct pare_model *m, const char *name);

/** Copy class names (name NULL: only their number). 0 or PARE_ENOMEM. */
int pare_model_copy_classes(struct pare_model *m, size_t n, char *const *name);

/** Append a row / a provenance line (copied). 0 or PARE_ENOMEM. */
int pare_model_add_history(struct pare_model *m,
                           const struct pare_history_row *row);
int pare_model_add_step(struct pare_model *m, const char *json);

/** Optimiser state: allocate n_slots zeroed arrays per trained tensor. */
int pare_optstate_alloc(struct pare_optstate *s, const struct pare_model *m,
                        int n_slots);

/** Free the slots and zero the struct; zeroed is fine. */
void pare_optstate_release(struct pare_optstate *s, size_t n_tensors);

/** Replace *to by a copy. 0; PARE_ENOMEM (*to untouched). */
int pare_optstate_copy(struct pare_optstate *to,
                       const struct pare_optstate *from,
                       const struct pare_model *m);

/** Allocate a mask of ones for a tensor that has none. 0, PARE_ENOMEM. */
int pare_tensor_need_mask(struct pare_tensor *t);

/** Number of kept positions (n without a mask, and of a compact tensor). */
size_t pare_tensor_kept(const struct pare_tensor *t);

/** Index of the first value that is infinite or NaN; n when there is none. */
size_t pare_first_nonfinite(const float *v, size_t n);

/** Is the tensor counted as prunable without being asked for? */
bool pare_tensor_prunable(const struct pare_tensor *t);

/** 1 - kept/prunable over all prunable tensors; 0 when there are none. */
double pare_model_sparsity(const struct pare_model *m);

/** Kept positions and all positions of the prunable tensors. */
void pare_model_count(const struct pare_model *m, uint64_t *kept,
                      uint64_t *total);

/**
 * Hold promise 4 by force: zero values, optimiser slots, stored checkpoints
 * and scores wherever the mask is 0; undo points stay whole, and so do the
 * scores that pare_scores_under_mask names and, in a dialect whose state is
 * dense, all optimiser slots. Called after every change of a
 * mask.
 */
void pare_model_apply_masks(struct pare_model *m);

/** Drop masks that prune nothing: they would only take room in the file. */
void pare_model_drop_full_masks(struct pare_model *m);

#endif
