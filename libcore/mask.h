#ifndef PARE_MASK_H
#define PARE_MASK_H

#include "model.h"

/** Where the values of weights come from that a new mask lets come back. */
enum pare_mask_fill {
    PARE_FILL_ZERO,   /* they begin at 0 */
    PARE_FILL_INIT,   /* the model's first weights, drawn again */
    PARE_FILL_OTHERS, /* the first other operand that keeps them */
    PARE_FILL_MODEL   /* a model that is given for it */
};

/** What is done with masks: a row of the table in mask.c. */
struct pare_mask_op {
    const char *name, *help, *source;
    int least, most; /* operands; most -1: any number */
    bool last;       /* the last operand is the model, else the first */
    /* Is a position kept, of what was so far and the next operand? */
    bool (*join)(bool so_far, bool other);
    bool invert;              /* keep what was pruned */
    bool draws;               /* keep positions drawn at random */
    enum pare_mask_fill fill; /* unless another is asked for */
};

/** Rows of the table, in order of the manual; index n returns NULL. */
const struct pare_mask_op *pare_mask_op(size_t index);

/** The row of that name, or NULL (message set, naming those there are). */
const struct pare_mask_op *pare_mask_op_find(const char *name);

/**
 * Do all tensors of two models have the same names and shapes?
 *
 * @return 0; PARE_EMISMATCH naming the first tensor that does not fit
 */
int pare_mask_fits(const struct pare_model *m, const struct pare_model *other);

/** Is anything of the model pruned? */
bool pare_mask_pruned(const struct pare_model *m);

/** A mask in the making, beside the model that is to get it. */
struct pare_mask_job {
    const struct pare_model *m;
    bool *scope;    /* [n_tensors] may its mask change? */
    bool *touched;  /* [n_tensors] does some operand prune of it? */
    uint8_t **mask; /* [n_tensors][n] 1 kept; NULL: all of it */
    float **other;  /* [n_tensors][n] values of PARE_FILL_OTHERS, or NULL */
    uint8_t **seen; /* [n_tensors][n] which of them are there */
};

/** What became of a mask. */
struct pare_mask_report {
    uint64_t died, revived; /* positions, of all tensors in scope */
};

/**
 * Begin with the masks that the model has.
 *
 * @param job     zeroed, out; release with pare_mask_release in any case
 * @param m       stays as it is, and must live, until pare_mask_finish
 * @param only    [n_only] globs of layers, none: all
 * @param skip    [n_skip] globs of layers that keep their masks
 * @param others  remember the values of operands, for PARE_FILL_OTHERS
 * @return 0; PARE_EINVAL (a glob that matches no layer, none is left);
 *         PARE_ENOMEM
 */
int pare_mask_begin(struct pare_mask_job *job, const struct pare_model *m,
                    const char *const *only, size_t n_only,
                    const char *const *skip, size_t n_skip, bool others);

/**
 * Take in the next operand of an operation that joins. A tensor without a
 * mask keeps all its positions.
 *
 * @return 0; PARE_EMISMATCH (see pare_mask_fits); PARE_ENOMEM
 */
int pare_mask_join(struct pare_mask_job *job, const struct pare_model *other,
                   const struct pare_mask_op *op);

/** Does some operand so far prune something of what is in scope? */
bool pare_mask_any(const struct pare_mask_job *job);

/** Keep what was pruned, of weights and of other tensors that are pruned. */
int pare_mask_invert(struct pare_mask_job *job);

/**
 * Draw the kept positions of each tensor anew, every choice of that many
 * equally likely: as many as it keeps, or of weights n - round(sparsity * n).
 * Tensors other than weights only where some of them is pruned.
 *
 * Position i takes part in one draw of (seed, PARE_STREAM_MASK, tensor, i):
 * selection sampling, which needs no memory and gives exact counts.
 *
 * @param sparsity  0..1, or NaN: the number stays
 * @return 0; PARE_ENOMEM
 *
 * Source: Fan, Muller, Rezucha 1962, "Development of sampling plans by using
 * sequential (item by item) selection techniques and digital computers".
 */
int pare_mask_draw(struct pare_mask_job *job, uint64_t seed, double sparsity);

/**
 * Give the model its new mask. What is not kept becomes 0, in the optimiser
 * state and in checkpoints too (promise 4). What comes back has 0 in the
 * optimiser state and in checkpoints, and its value by `fill`; with
 * PARE_FILL_MODEL the checkpoints of the same name in `from` fill those of
 * the model as well. Scores are dropped if anything comes back. A tensor that
 * had no mask and keeps everything has none afterwards. A tensor.target becomes
 * the number kept where that changes. Undo points stay.
 *
 * @param m     that of pare_mask_begin; changed only on success
 * @param from  of PARE_FILL_MODEL, and must fit; else NULL
 * @param r     out
 * @return 0; PARE_EINVAL (PARE_FILL_INIT, but the model cannot draw its first
 *         weights again); PARE_EMISMATCH; PARE_EFORMAT; PARE_ENOMEM
 */
int pare_mask_finish(struct pare_mask_report *r, struct pare_model *m,
                     struct pare_mask_job *job, enum pare_mask_fill fill,
                     const struct pare_model *from);

/** Free what a job owns and zero it; zeroed is fine. */
void pare_mask_release(struct pare_mask_job *job);

#endif
