#ifndef PARE_COURSE_H
#define PARE_COURSE_H

#include "cli.h"
#include "provenance.h"
#include "prune_stages.h"
#include "pruning.h"
#include "train.h"

/*
 * --prune: a run of training cut into stages that end in a pruning, with the
 * same bytes as separate runs of pare-train or pare-finetune, pare-prune and
 * pare-rewind.
 */

struct course {
    struct pare_prune_schedule_spec schedule;
    struct pruning_options given; /* words that are options of pare-prune */
    size_t n_words;
    char **word; /* [n_words] of these, "key=value" and cut at the '=' */
    char *words; /* as they were given */
    struct pruning pruning;
    bool keep_undo;                 /* before each pruning */
    size_t n;                       /* stages */
    struct pare_prune_stage *stage; /* [n] */
    size_t at;              /* the stage that is trained; n: all are done */
    uint64_t epoch0, step0; /* where the run began */
    char *checkpoint;       /* --checkpoint with that of rewind */
    size_t n_outcomes;
    char **outcome;      /* [n_outcomes] of the prunings done */
    bool quiet, verbose; /* of empty layers, of what was achieved */
};

/** The row of --prune, the same in train and finetune. */
#define COURSE_OPTION(text)                                                    \
    {                                                                          \
        0, "prune", "SPEC", CLI_TEXT, &(text), 0, 0,                           \
            "prune on the way: at=1/2 f=.2, agp, exp, iterative", NULL         \
    }

/**
 * Parse the argument of --prune; usage errors exit.
 *
 * @param c    zeroed
 * @param run  as far as the command line tells it; epochs and steps both 0:
 *             not at all
 * @param fresh  the run begins at epoch 0
 */
void course_parse(struct course *c, const struct cli_tool *tool,
                  const char *spec, const struct pare_prune_run *run,
                  bool fresh);

/**
 * Lay the schedule over the run that t describes, before its provenance is
 * begun: a learning-rate schedule that begins here and is as long as the run
 * gets its length.
 *
 * @param t     options of the whole run, in/out
 * @param anew  the learning-rate schedule begins with this run
 * @return 0, or a status: times and layers that do not fit, no checkpoint to
 *         rewind to
 */
int course_lay(struct course *c, struct pare_train_options *t,
               const struct pare_model *m, const struct pare_dataset *d,
               bool anew);

/** The option in its canonical form. */
void course_provenance(const struct course *c, struct provenance *p);

/** Make t the options of the first stage. */
void course_begin(struct course *c, struct pare_train_options *t,
                  const struct pare_model *m, const struct pare_dataset *d,
                  bool anew);

/**
 * Prune at the end of a stage, rewind, and make t the options of the next.
 *
 * @return 0; status of what failed, with the pruning in the message
 */
int course_step(struct course *c, const struct cli_tool *tool,
                struct pare_train_options *t, struct pare_model *m,
                const struct pare_dataset *d);

/** Lines for the text of an autosave, malloc'd; NULL without memory. */
char *course_save(const struct course *c, const struct pare_train_options *t);

/** The stage and its options from these lines and the kept model. */
int course_resume(struct course *c, struct pare_train_options *t,
                  const struct pare_model *m, const char *text);

/** What each pruning was asked and achieved. */
void course_outcomes(const struct course *c, struct provenance *p);

void course_release(struct course *c);

#endif
