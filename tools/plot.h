#ifndef PARE_PLOT_H
#define PARE_PLOT_H

#include "connections.h"
#include "figure.h"
#include "runs.h"

/** A model that is drawn. */
struct plot_model {
    const char *path;
    char *label; /* its file's name, shorter where that says which it is */
    struct pare_model m;
    uint64_t bytes; /* of the file */
};

/** Models of operands. Zero-initialise, release after use. */
struct plot_models {
    size_t n;
    struct plot_model *model;
    char **table_name; /* [n_table_names] paths of models of tables */
    size_t n_table_names;
};

/**
 * Read models.
 * @return 0; PARE_EIO; PARE_EFORMAT; PARE_ELIMIT; PARE_ENOMEM
 */
int plot_models_read(struct plot_models *all, char *const *path, size_t n);

/**
 * Read models, and tables of histories: the --log of pare-train(1), or what
 * pare-log(1) prints with --history, which may be of several models. Such a
 * model has a history and nothing else.
 * @return as plot_models_read
 */
int plot_histories_read(struct plot_models *all, char *const *path, size_t n);

/** Free what it owns and zero it; zeroed is fine. */
void plot_models_release(struct plot_models *all);

/*
 * What a figure shows. All take a zeroed figure, which the caller releases
 * in any case, and return 0, PARE_EINVAL (a model that has not what is asked)
 * or PARE_ENOMEM.
 */

/** Loss and accuracy by epoch, of training and validation. */
int plot_history(struct figure *f, const struct plot_models *all);

/** Connections by pixel of a layer's input: a panel for each model. */
int plot_heatmap(struct figure *f, const struct plot_models *all,
                 const struct connections_want *want);

/** Connections by centred squares. */
int plot_trend(struct figure *f, const struct plot_models *all,
               const struct connections_want *want);

/** How many prunable weights have which value, and how many are pruned. */
int plot_hist(struct figure *f, const struct plot_models *all);

/** Sparsity of each layer and of all. */
int plot_layers(struct figure *f, const struct plot_models *all);

/** By epoch and layer: survival of grown connections, removals, density. */
int plot_rewiring(struct figure *f, const struct plot_models *all);

/** Title a figure: what it shows, and of a single model which. */
int plot_title(struct figure *f, const char *what,
               const struct plot_models *all);

/** Which runs a curve is through. */
struct plot_curve {
    const char *against; /* key of x, "sparsity" */
    const char *metric;  /* key of y; NULL: accuracy, or else val_acc */
    const char *by;      /* a curve for each value of this key; NULL: one */
};

/** Has the model an epoch with a loss or an accuracy? */
bool plot_has_history(const struct plot_model *m);

/** Has it a record of dynamic sparse training? */
bool plot_has_rewiring(const struct plot_model *m);

/**
 * Mean and sample deviation of runs that have the same x (to 4 digits).
 * A run that lacks one of the numbers is left out.
 */
int plot_curve(struct figure *f, const struct runs *r,
               const struct plot_curve *want);

#endif
