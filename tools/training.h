#ifndef PARE_TRAINING_H
#define PARE_TRAINING_H

#include "cli.h"
#include "provenance.h"
#include "stages.h"
#include "train.h"

/* Where nothing else is said. */
#define TRAINING_BATCH     64
#define TRAINING_LOSS      "cross-entropy"
#define TRAINING_OPTIMIZER "adam"

/*
 * A run of training as pare-train and pare-finetune share it: the log, the
 * progress line, signals, and the autosave that lets a killed run go on.
 */

/** Settings that say how a run is watched and kept, not what it computes. */
struct training_watch {
    const char *output;        /* -o, NULL: standard output */
    const char *autosave;      /* "30s", "5m", "1ep"; NULL: none */
    const char *autosave_file; /* NULL: OUTPUT.autosave */
    const char *log;           /* TSV of epochs, NULL: none */
    uint64_t log_every;        /* and of every so many steps; 0: none */
    int threads;               /* -j, 0: all processors */
    bool quiet, verbose;
};

/** Rows of an option table for the above, the same in train and finetune. */
#define TRAINING_WATCH_OPTIONS(w)                                            \
    {0, "autosave", "EVERY", CLI_TEXT, &(w).autosave, 0, 0,                  \
     "keep the state every so often: 30s, 5m or 1ep", NULL},                 \
    {0, "autosave-file", "FILE", CLI_TEXT, &(w).autosave_file, 0, 0,         \
     "where to keep it, OUTPUT.autosave otherwise", NULL},                   \
    {0, "log", "FILE", CLI_TEXT, &(w).log, 0, 0,                             \
     "write a line an epoch as training goes", NULL},                        \
    {0, "log-every", "N", CLI_U64, &(w).log_every, 1, 1e15,                  \
     "write a line every N steps too", NULL},                                \
    {'o', "output", "FILE", CLI_TEXT, &(w).output, 0, 0,                     \
     "model to write, standard output otherwise", NULL},                     \
    {'j', "threads", "N", CLI_INT, &(w).threads, 1, 1024,                    \
     "threads; all processors otherwise", NULL},                             \
    {'q', "quiet", NULL, CLI_FLAG, &(w).quiet, 0, 0, "no progress line",     \
     NULL},                                                                  \
    {'v', "verbose", NULL, CLI_FLAG, &(w).verbose, 0, 0,                     \
     "a line an epoch on standard error", NULL}

/** The row of --augment, the same in train and finetune. */
#define TRAINING_AUGMENT_OPTION(text)                                        \
    {0, "augment", "SPEC", CLI_TEXT, &(text), 0, 0,                          \
     "change training images: flip, crop, shift, rotate", NULL}

/** The row of --accumulate, the same in train and finetune. */
#define TRAINING_ACCUMULATE_OPTION(text)                                     \
    {0, "accumulate", "LIST", CLI_TEXT, &(text), 0, 0,                       \
     "gather scores for pruning: movement, hebbian", NULL}

/** The row of --dialect, the same in train and finetune. */
#define TRAINING_DIALECT_OPTION(text)                                        \
    {0, "dialect", "NAME", CLI_TEXT, &(text), 0, 0,                          \
     "compute as numenta, set, synapses or standard", NULL}

/** Check the settings before any file is touched; usage errors exit. */
void training_check(const struct cli_tool *tool,
                    const struct training_watch *w);

/**
 * Train m, resuming from an autosave of the same command if there is one,
 * then add the provenance line and write the result.
 *
 * @param o       of the whole run, or of its first stage
 * @param stages  laid over the run and begun
 * @param p       provenance of the step, all but its result; taken over
 * @return exit status of the tool; messages are printed
 */
int training_run(const struct cli_tool *tool, struct pare_model *m,
                 const struct pare_dataset *d,
                 const struct pare_train_options *o,
                 const struct training_watch *w, struct stages *stages,
                 struct provenance *p);

/**
 * Parse --autosave: "30s", "5m", "2h" are seconds, "3ep" epochs.
 *
 * @param seconds,epochs  out, one of them 0; undefined on failure
 * @return 0 or -1
 */
int training_every(double *seconds, uint64_t *epochs, const char *text);

/** Parse --select; usage error if unknown. */
enum pare_select training_select(const struct cli_tool *tool,
                                 const char *name);

/** The name that options.dialect takes, "" for standard; usage error if
    unknown. */
const char *training_dialect(const struct cli_tool *tool, const char *name);

/** Parse --accumulate into o; text NULL: nothing; usage error if unknown. */
void training_accumulate(const struct cli_tool *tool,
                         struct pare_train_options *o, const char *text);

/** Warn about 16 bits and int8, which training forgets. */
void training_warn_levels(const struct cli_tool *tool,
                          const struct pare_model *m);

/** Warn about outputs that are squashed before the loss. */
void training_warn_loss(const struct cli_tool *tool,
                        const struct pare_model *m, const char *loss);

/** --augment in its canonical form, or none. */
void training_provenance_augment(struct provenance *p,
                                 const struct pare_train_options *o);

/** The training step's options every provenance line of a run holds. */
void training_provenance(struct provenance *p,
                         const struct pare_train_options *o,
                         uint64_t epochs, uint64_t steps);

#endif
