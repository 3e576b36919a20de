#ifndef PARE_EVOLUTION_H
#define PARE_EVOLUTION_H

#include "cli.h"
#include "evolve.h"
#include "provenance.h"
#include "train.h"

/*
 * --evolve: a run of training with rewirings on the way, with the same bytes
 * as separate runs of pare-train or pare-finetune, pare-prune and pare-grow.
 * Stages are found one after the other: there may be one for each step.
 */

/** Zero-initialise, release after use. */
struct evolution {
    struct pare_evolve_spec spec;
    struct pare_evolve_times times;
    char globs[PARE_EVOLVE_VALUE]; /* of the text, cut at the commas */
    size_t n_globs;
    const char *glob[PARE_EVOLVE_VALUE / 2];
    size_t n_scope;
    size_t *scope;       /* [n_scope] tensors */
    const char **drawn;  /* [n_scope] layers of the next rewiring, with p */
    uint64_t step0;      /* where the run began */
    uint64_t from;       /* steps since, before which all is rewired */
    uint64_t at;         /* where the stage ends */
    bool rewires;        /* it ends in a rewiring */
    bool over;           /* all is trained */
    size_t n_accumulate; /* row of the scores that the rules need, or none */
    uint64_t rewirings, removed, grown;
    bool verbose;
};

/** The row of --evolve, the same in train and finetune. */
#define EVOLUTION_OPTION(text)                                                 \
    {                                                                          \
        0, "evolve", "SPEC", CLI_TEXT, &(text), 0, 0,                          \
            "rewire on the way: set, rigl, momentum, hebbian", NULL            \
    }

/** Parse the argument of --evolve, as course_parse; usage errors exit. */
void evolution_parse(struct evolution *e, const struct cli_tool *tool,
                     const char *spec, const struct pare_prune_run *run);

/** As course_lay. */
int evolution_lay(struct evolution *e, struct pare_train_options *t,
                  const struct pare_model *m, const struct pare_dataset *d,
                  bool anew);

/** The option in its canonical form. */
void evolution_provenance(const struct evolution *e, struct provenance *p);

/** Make t the options of the first stage. */
void evolution_begin(struct evolution *e, struct pare_train_options *t,
                     const struct pare_model *m, const struct pare_dataset *d,
                     bool anew);

/**
 * Hold sparse layers compact over all stages, where training would hold them
 * so in each: going over to that and back takes longer than a rewiring.
 *
 * @return 0, PARE_ENOMEM
 */
int evolution_hold(struct pare_model *m, const struct pare_train_options *t);

/**
 * Rewire at the end of a stage, and make t the options of the next.
 *
 * @param rewired  out: was there a rewiring?
 * @return 0; status of what failed
 */
int evolution_step(bool *rewired, struct evolution *e,
                   const struct cli_tool *tool, struct pare_train_options *t,
                   struct pare_model *m, const struct pare_dataset *d);

/**
 * Lines for the text of an autosave, malloc'd; NULL without memory. They have
 * the length of the stage's schedule, which the model does not have before
 * the first step of the stage.
 */
char *evolution_save(const struct evolution *e,
                     const struct pare_train_options *t);

/** The stage and its options from these lines and the kept model. */
int evolution_resume(struct evolution *e, struct pare_train_options *t,
                     const struct pare_model *m, const char *text);

/** How many rewirings there were, and what they moved. */
void evolution_outcome(const struct evolution *e, struct provenance *p);

void evolution_release(struct evolution *e);

#endif
