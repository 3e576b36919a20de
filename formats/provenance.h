#ifndef PARE_PROVENANCE_H
#define PARE_PROVENANCE_H

#include "digest.h"
#include "model.h"

/**
 * Provenance: one JSON object a line for every command that made a model,
 * oldest first; pare-model(5) gives its fields. It keeps what a later
 * `pare log --make` needs to run the step again, and nothing that differs
 * from run to run.
 */

/**
 * Builds one line. Opaque; after an error every call is a no-op, and
 * provenance_add reports it. NULL (no memory) may be passed on.
 */
struct provenance;

/** Begin a step of a tool ("train"), or of a part of one ("mask and"). */
struct provenance *provenance_new(const char *tool);

/**
 * An option that matters to the result, as it would be typed ("-e", "20");
 * value NULL for a flag.
 */
void provenance_option(struct provenance *p, const char *option,
                       const char *value);

/** An option that may be repeated, once for each of n values. */
void provenance_options(struct provenance *p, const char *option,
                        const char *const *value, size_t n);
void provenance_real(struct provenance *p, const char *option, double value);
void provenance_u64(struct provenance *p, const char *option, uint64_t value);

/**
 * An input, in the order it would be typed.
 *
 * @param option  "-d" and the like, or "" for an operand
 * @param kind    "data", "model", or "file" of another program
 * @param digest  of a data file's content, a model's `state`, or a file's
 *                bytes
 */
void provenance_input(struct provenance *p, const char *option,
                      const char *kind, const char *digest);

/** A fact for the reader, not replayed: asked, achieved, kernel. */
void provenance_note(struct provenance *p, const char *key,
                     const char *value);

/**
 * Finish the line with the state digest of the model as it is now, append
 * it to the model and free p. Call after all else is final.
 *
 * @return 0; PARE_ENOMEM; PARE_EINVAL for a text that is not UTF-8
 */
int provenance_add(struct provenance *p, struct pare_model *m);

/**
 * Put the steps of another parent behind the model's own, in their order,
 * without those that the model has. Call it before provenance_add.
 *
 * @return 0; PARE_ENOMEM
 */
int provenance_merge(struct pare_model *m, const struct pare_model *parent);

/** Add what the line says so far to a digest: the key of a run. */
void provenance_digest(struct pare_digest *d, const struct provenance *p);

/** Free a line that is not going to be added; NULL is fine. */
void provenance_free(struct provenance *p);

/** An input of a step. */
struct provenance_in {
    char *option; /* "-d"; "" for an operand */
    char *kind;   /* "data", "model" or "file" */
    char digest[PARE_DIGEST_LEN];
};

/** Two texts: an option and its value (NULL for a flag), or a note. */
struct provenance_pair {
    char *name, *value;
};

/** A line, parsed. Zero-initialise, release after use. */
struct provenance_step {
    char *tool, *version;
    char out[PARE_DIGEST_LEN];
    size_t n_args, n_inputs, n_notes;
    struct provenance_pair *arg, *note;
    struct provenance_in *input;
};

/**
 * Parse one line of provenance, trusting nothing in it: the tool's name is
 * of [a-z0-9-], or two such words, the second beginning with a letter; options
 * begin with "-", digests are 32 hexadecimal digits,
 * no text holds a control character.
 *
 * @param s     zeroed, out; written only on success
 * @param line  NUL-terminated
 * @return 0; PARE_EFORMAT; PARE_ENOMEM
 */
int provenance_parse(struct provenance_step *s, const char *line);

/** Free what a parsed line owns and zero it; zeroed is fine. */
void provenance_release(struct provenance_step *s);

#endif
