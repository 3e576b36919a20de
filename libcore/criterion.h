#ifndef PARE_CRITERION_H
#define PARE_CRITERION_H

#include "dataset.h"
#include "model.h"

#define PARE_CRITERION_OPTS 4

/** What a criterion may need beyond the model. */
struct pare_criterion_input {
    const struct pare_dataset *data; /* NULL without -d */
    size_t calibrate;                /* samples, 0: the criterion's default */
    uint64_t seed;                   /* of draws and of the choice of samples */
    int threads;
    const double *opt;         /* [PARE_CRITERION_OPTS] settings of the row */
    const float *const *given; /* [n_tensors] scores from a file, or NULL */
};

/** A setting of a criterion, "damp", and what it may be. */
struct pare_criterion_option {
    const char *name;   /* NULL ends the list */
    double def, lo, hi; /* default and inclusive range */
    bool flag;          /* yes (1) or no (0) */
    bool whole;         /* a whole number */
};

/** Survivors that a criterion may choose and change; see revise below. */
struct pare_revision {
    float **value;  /* [n_tensors] copies in/out; NULL: not in question */
    uint8_t **mask; /* [n_tensors] 1 kept after the pruning, in/out */
    const uint8_t *const *before; /* [n_tensors] masks of before, or NULL */
    size_t keep, of;              /* an n:m grain, else 0 */
    bool partial;                 /* its last group may be shorter */
    bool fixed;     /* the masks may not be chosen anew (units, blocks) */
    char note[192]; /* what a user should be told, out, or "" */
};

/** A saliency criterion: a row of the table in criterion.c. */
struct pare_criterion {
    const char *name;
    const char *help;
    const char *source;
    bool needs_data;
    bool random;     /* scores are draws: only their order has a meaning */
    bool is_signed;  /* scores may be below 0: a grain's score is their sum */
    bool gathered;   /* the model must hold scores of this name */
    bool blas;       /* the bits depend on pare_linalg_provenance */
    uint32_t rounds; /* by default; 0 is 1 */
    struct pare_criterion_option option[PARE_CRITERION_OPTS];
    /**
     * Score n weights of a tensor from `first`; for scores that depend on
     * the weight itself alone, so that nothing need be stored. Or NULL.
     */
    void (*block)(float *score, const struct pare_model *m, size_t tensor,
                  size_t first, size_t n,
                  const struct pare_criterion_input *in);
    /**
     * Score every weight: larger is kept first. Or NULL.
     * @param score  [n_tensors] arrays of tensor[t].n floats, out; NULL where
     *               none are asked for. Biases may be asked for.
     * @return 0 or a status; scores must not be NaN
     */
    int (*score)(float *const *score, struct pare_model *m,
                 const struct pare_criterion_input *in);
    /**
     * Score every unit (output, filter), where a unit's score is not made of
     * its weights' scores. Or NULL.
     * @param score  [n_tensors] arrays of tensor[t].dim[0] floats, out; NULL
     *               where none are asked for
     */
    int (*units)(float *const *score, struct pare_model *m,
                 const struct pare_criterion_input *in);
    /**
     * After the selection: change the survivors' values to make up for what
     * goes, and choose the masks anew with the same number kept in each
     * tensor (in each group, for an n:m grain). Or NULL.
     */
    int (*revise)(struct pare_revision *r, struct pare_model *m,
                  const struct pare_criterion_input *in);
};

/** A parsed "-m" value. */
struct pare_criterion_spec {
    const struct pare_criterion *row;
    double opt[PARE_CRITERION_OPTS]; /* in the order of row->option */
    bool largest;    /* a control: the highest scores go first */
    bool inverse;    /* a control: 1 / score in the place of a weight's score */
    uint32_t rounds; /* prune in so many rounds, scoring anew in each */
    bool linear;     /* rounds take equal numbers, not equal shares */
    char canon[PARE_SPEC_MAX];
};

/**
 * Parse "obs,damp=.01,largest".
 *
 * Besides the row's own settings every criterion has largest, inverse,
 * rounds=N (1 to 10000) and spacing=exponential|linear. The canonical text
 * names the row's settings, and these where they are not the default.
 *
 * @param c  out; written only on success
 * @return 0; PARE_EINVAL with a message that names what there is
 */
int pare_criterion_parse(struct pare_criterion_spec *c, const char *spec);

/** Rows of the table, in order of the manual; index n returns NULL. */
const struct pare_criterion *pare_criterion(size_t index);

/** The row of that name, or NULL. */
const struct pare_criterion *pare_criterion_find(const char *name);

#endif
