#ifndef PARE_PROVENANCE_H
#define PARE_PROVENANCE_H

#include "model.h"

/**
 * Builds one provenance line: what a later `pare log --make` needs to run
 * the step again. Opaque; every call is a no-op after an out-of-memory,
 * which provenance_add reports.
 */
struct provenance;

/** Begin a step of a tool ("train"). */
struct provenance *provenance_new(const char *tool);

/** An option that matters to the result, as it would be typed. */
void provenance_option(struct provenance *p, const char *option,
                       const char *value);
void provenance_real(struct provenance *p, const char *option, double value);
void provenance_u64(struct provenance *p, const char *option, uint64_t value);

/** An input: option "-d" or "" for an operand, kind data|model, digest. */
void provenance_input(struct provenance *p, const char *option,
                      const char *kind, const char *digest);

/** A fact for the reader, not replayed: asked, achieved, kernel. */
void provenance_note(struct provenance *p, const char *key,
                     const char *value);

/**
 * Finish the line with the state digest of the model as it is now, append
 * it to the model and free p. Call after all else is final.
 */
int provenance_add(struct provenance *p, struct pare_model *m);

/** "%.17g" shortened to the fewest digits that read back the same. */
char *provenance_number(char buf[32], double v);

#endif
