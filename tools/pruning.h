#ifndef PARE_PRUNING_H
#define PARE_PRUNING_H

#include "cli.h"
#include "provenance.h"
#include "prune.h"

/*
 * A pruning as pare-prune, pare-scan and the schedules of pare-train and
 * pare-finetune are told it: by options, or by the same names in a text.
 */

#define PRUNING_AMOUNTS 4

/** The options as they are given. */
struct pruning_options {
    double amount[PRUNING_AMOUNTS]; /* by enum pare_amount_kind */
    bool given[PRUNING_AMOUNTS];
    uint64_t count;
    const char *criterion, *grain, *allocation, *norm, *scores;
    struct cli_list layer, min, max, skip, only;
    uint64_t floor, calibrate, seed;
    bool norm_given, calibrate_given, seed_given;
    bool bias, partial, no_collapse;
};

/** magnitude, weight, global, l2. */
#define PRUNING_DEFAULTS                                                     \
    {.criterion = "magnitude",                                               \
     .grain = "weight",                                                      \
     .allocation = "global",                                                 \
     .norm = "l2"}

/** Rows of an option table: how much. */
#define PRUNING_AMOUNT_ROWS(p)                                               \
    {'s', "sparsity", "S", CLI_REAL, &(p).amount[0], 0, 1,                   \
     "final sparsity of the layers' weights, 0 to 1", &(p).given[0]},        \
    {'f', "fraction", "F", CLI_REAL, &(p).amount[1], 0, 1,                   \
     "fraction of the grains that remain", &(p).given[1]},                   \
    {'c', "compression", "C", CLI_REAL, &(p).amount[2], 1, 1e18,             \
     "all parameters / kept parameters, at least 1", &(p).given[2]},         \
    {'n', "count", "N", CLI_U64, &(p).count, 0, 9007199254740992.0,          \
     "number of grains", &(p).given[3]}

/** Rows of an option table: by what, and what at once. */
#define PRUNING_METHOD_ROWS(p)                                               \
    {'m', "criterion", "SPEC", CLI_TEXT, &(p).criterion, 0, 0,               \
     "what is removed first; 'list' prints them", NULL},                     \
    {'g', "grain", "NAME", CLI_TEXT, &(p).grain, 0, 0,                       \
     "what is removed at once; 'list' prints them", NULL},                   \
    {'S', "seed", "N", CLI_U64, &(p).seed, 0, 0,                             \
     "seed; without it, one that follows from the model",                    \
     &(p).seed_given},                                                       \
    {0, "scores", "FILE", CLI_TEXT, &(p).scores, 0, 0,                       \
     "HDF5 file of scores, for the criterion file", NULL},                   \
    {0, "norm", "NAME", CLI_TEXT, &(p).norm, 0, 0,                           \
     "norm that scores a unit or block: l2, l1, rms or mean",                \
     &(p).norm_given},                                                       \
    {0, "partial", NULL, CLI_FLAG, &(p).partial, 0, 0,                       \
     "N:M and blocks need not divide a layer", NULL},                        \
    {0, "calibrate", "N", CLI_U64, &(p).calibrate, 1, 1e9,                   \
     "training samples for criteria that need data", &(p).calibrate_given},  \
    {0, "skip", "GLOB", CLI_LIST, &(p).skip, 0, 0,                           \
     "leave these layers alone; may be repeated", NULL},                     \
    {0, "only", "GLOB", CLI_LIST, &(p).only, 0, 0,                           \
     "prune these layers only; may be repeated", NULL}

/** Rows of an option table: how layers share it. */
#define PRUNING_LAYER_ROWS(p)                                                \
    {'A', "allocation", "NAME", CLI_TEXT, &(p).allocation, 0, 0,             \
     "how layers share the amount; 'list' prints them", NULL},               \
    {0, "layer", "GLOB=AMOUNT", CLI_LIST, &(p).layer, 0, 0,                  \
     "amount for layers by name; may be repeated", NULL},                    \
    {0, "min-sparsity", "GLOB=S", CLI_LIST, &(p).min, 0, 0,                  \
     "least final sparsity of layers; may be repeated", NULL},               \
    {0, "max-sparsity", "GLOB=S", CLI_LIST, &(p).max, 0, 0,                  \
     "highest final sparsity of layers; may be repeated", NULL},             \
    {0, "floor", "N", CLI_U64, &(p).floor, 0, 9007199254740992.0,            \
     "grains that every layer keeps", NULL},                                 \
    {0, "bias", NULL, CLI_FLAG, &(p).bias, 0, 0, "prune biases too", NULL},  \
    {0, "no-collapse", NULL, CLI_FLAG, &(p).no_collapse, 0, 0,               \
     "fail rather than empty a layer", NULL}

/** A pruning ready to be done; zero-initialise, release after use. */
struct pruning {
    struct pare_prune_options prune;
    struct pare_layer_amount *layer, *min, *max;
    char *scores_path; /* of -m file:PATH, or NULL */
    char asked[64];    /* a budget in the place of an amount, or "" */
    float **given;     /* [n_given] scores of it, once they are read */
    size_t n_given;
    char scores_digest[PARE_DIGEST_LEN];
};

/** Print the tables of which `list` is asked for; was there one? */
bool pruning_list(const struct pruning_options *o);

/**
 * Set an option by its name in a text: a letter or a long name, as
 * "f", "criterion", "layer". Flags take an empty value or "yes".
 *
 * @param value  kept, not copied
 * @return 0; PARE_EINVAL (no such option, a bad number)
 */
int pruning_set(struct pruning_options *o, const char *key, const char *value);

/** Free the lists that pruning_set made. */
void pruning_options_release(struct pruning_options *o);

/**
 * Check the options and make of them what the library wants. The options
 * must outlive the pruning. Seed, threads and data are still to be set.
 *
 * @param p       zeroed, out
 * @param amount  an amount must be given (or not: where the caller has one)
 * @return 0; PARE_EINVAL: a usage error
 */
int pruning_resolve(struct pruning *p, const struct pruning_options *o,
                    bool amount);

/** Read what the pruning needs of a model and of files: scores. */
int pruning_read(struct pruning *p, const struct pare_model *m);

void pruning_release(struct pruning *p);

/** Does the result depend on the seed? */
bool pruning_draws(const struct pruning *p);

/** Add what scores and what goes at once to a provenance line, with the seed
    if it matters. */
void pruning_provenance_method(struct provenance *to, const struct pruning *p,
                               const struct pruning_options *o);

/**
 * Add all options but amounts, data and model to a provenance line, with the
 * seed if it matters.
 */
void pruning_provenance(struct provenance *to, const struct pruning *p,
                        const struct pruning_options *o);

/** Add the amount. */
void pruning_provenance_amount(struct provenance *to, const struct pruning *p);

/** "asked 0.9000, removed 239,580 of 266,200 (0.9000)" */
void pruning_outcome(char *text, size_t size, const struct pruning *p,
                     const struct pare_prune_report *r);

/** Warn of layers that have lost their last weight. */
void pruning_warn_empty(const struct cli_tool *tool,
                        const struct pare_model *m,
                        const struct pare_prune_report *r);

#endif
