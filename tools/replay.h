#ifndef PARE_REPLAY_H
#define PARE_REPLAY_H

#include <stdio.h>

#include "provenance.h"

#define REPLAY_NAME_MAX 48

/** An input that no step of the model made. */
struct replay_source {
    const char *kind; /* "data" or "model" */
    const char *digest;
    char *path; /* where it was found, or NULL */
};

/** A step, and the file that it makes. */
struct replay_step {
    struct provenance_step said;
    char name[REPLAY_NAME_MAX]; /* "3f2a91c0d4e5.h5" */
    bool needed;
};

/**
 * The steps that made a model, as a graph: a step's model input is the
 * latest earlier step whose output has its digest, or a source.
 */
struct replay {
    size_t n_steps, n_sources;
    struct replay_step *step;
    struct replay_source *source;
};

/**
 * Read a model's provenance.
 *
 * @param r      zeroed, out; release with replay_release in any case
 * @param state  the model's digest, which the last step must have made
 * @return 0; PARE_EFORMAT; PARE_EMISMATCH; PARE_ENOMEM
 */
int replay_read(struct replay *r, const struct pare_model *m,
                const char *state);

/** Free what it owns and zero it. */
void replay_release(struct replay *r);

/**
 * Look for the sources among the *.h5 files below a directory; links are
 * not followed.
 * @return 0; PARE_EIO if the directory cannot be read; PARE_ENOMEM
 */
int replay_search(struct replay *r, const char *dir);

/** Print the steps as a shell script. */
void replay_print_script(const struct replay *r, FILE *out);

/** Print the steps as a Makefile. */
void replay_print_make(const struct replay *r, FILE *out);

#endif
