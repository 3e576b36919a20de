#ifndef PARE_STAGES_H
#define PARE_STAGES_H

#include "course.h"
#include "evolution.h"

/*
 * A run of training that is cut into stages by --prune or --evolve, or one
 * that is not: what pare-train and pare-finetune share of it.
 */

/** Zero-initialise, release after use. */
struct stages {
    bool prunes, evolves; /* --prune or --evolve was given */
    struct course course;
    struct evolution evolution;
};

/** What each stage ended in. */
struct stages_event {
    const char
        *kind; /* for the log, "prune", "evolve"; NULL: nothing to tell */
    struct pare_history_row row; /* sparsity, what was measured; else NaN */
};

/** The options as they were given, NULL for none. */
struct stages_given {
    const char *prune, *evolve, *select;
    struct pare_prune_run run; /* as far as the command line tells it */
    bool fresh;                /* the run begins at epoch 0 */
};

/** Parse the options; usage errors exit. */
void stages_parse(struct stages *s, const struct cli_tool *tool,
                  const struct stages_given *given);

/** Is the run cut at all? */
bool stages_cut(const struct stages *s);

/** As course_lay, course_provenance and course_begin. */
int stages_lay(struct stages *s, struct pare_train_options *t,
               const struct pare_model *m, const struct pare_dataset *d,
               bool anew);
void stages_provenance(const struct stages *s, struct provenance *p);
void stages_begin(struct stages *s, struct pare_train_options *t,
                  const struct pare_model *m, const struct pare_dataset *d,
                  bool anew);

/** How much to tell of what is done between two stages. */
void stages_tell(struct stages *s, bool quiet, bool verbose);

/** Before the first stage that is trained: evolution_hold. */
int stages_hold(const struct stages *s, struct pare_model *m,
                const struct pare_train_options *t);

/** Is all trained and done? */
bool stages_over(const struct stages *s);

/**
 * Do what a stage ends in, and make t the options of the next.
 *
 * @param event  out
 */
int stages_step(struct stages_event *event, struct stages *s,
                const struct cli_tool *tool, struct pare_train_options *t,
                struct pare_model *m, const struct pare_dataset *d);

/** As course_save (empty where nothing is cut), course_resume and
 *  course_outcomes. */
char *stages_save(const struct stages *s, const struct pare_train_options *t);
int stages_resume(struct stages *s, struct pare_train_options *t,
                  const struct pare_model *m, const char *text);
void stages_outcomes(const struct stages *s, struct provenance *p);

void stages_release(struct stages *s);

#endif
