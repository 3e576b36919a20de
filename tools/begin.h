#ifndef PARE_BEGIN_H
#define PARE_BEGIN_H

#include "cli.h"
#include "model.h"

/*
 * An untrained model of -a as pare-init and pare-train make it: which of its
 * connections it begins with, and their first weights.
 */

/** What is asked for; begin_check makes the text of it. */
struct begin_sparse {
    const char *way; /* --sparse, NULL: er */
    double density, epsilon;
    bool have_density, have_epsilon;
    struct cli_list layers;
    char spec[PARE_SPEC_MAX]; /* canonical; "": all connections */
};

/** Rows of an option table for the above, the same in init and train. */
#define BEGIN_OPTIONS(b)                                                     \
    {0, "density", "D", CLI_REAL, &(b).density, 0, 1,                        \
     "begin with this share of the connections", &(b).have_density},         \
    {0, "epsilon", "E", CLI_REAL, &(b).epsilon, 0, 1e9,                      \
     "begin with E (inputs + outputs) connections", &(b).have_epsilon},      \
    {0, "sparse", "WAY", CLI_TEXT, &(b).way, 0, 0,                           \
     "how they are chosen; 'list' prints the ways", NULL},                   \
    {0, "sparse-layers", "GLOB", CLI_LIST, &(b).layers, 0, 0,                \
     "in these layers only; the others are dense", NULL}

/** Check the settings before any file is touched; usage errors exit. */
void begin_check(const struct cli_tool *tool, struct begin_sparse *b);

/** Are any of them set? */
bool begin_given(const struct begin_sparse *b);

/**
 * Make a model and draw its weights; warnings are printed.
 *
 * @param m        zeroed, out; the caller's to release in any case
 * @param init     initialiser
 * @param seed     in/out: set from the architecture unless have_seed
 * @param purpose  of a seed that is set: "init", "train"
 */
int begin_model(const struct cli_tool *tool, struct pare_model *m,
                const char *arch, const char *init,
                const struct begin_sparse *b, bool have_seed, uint64_t *seed,
                const char *purpose);

#endif
