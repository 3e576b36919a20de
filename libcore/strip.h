#ifndef PARE_STRIP_H
#define PARE_STRIP_H

#include "model.h"

/** What a model can do without once it is only used. */
struct pare_strip_row {
    const char *name, *help;
    void (*drop)(struct pare_model *m);
};

/** The table, in alphabetical order, up to a row whose name is NULL. */
const struct pare_strip_row *pare_strip_rows(void);

/**
 * A list of names, "history,scores", as one bit for each row.
 *
 * @param text  names between commas, each at most once; "" and "all": all
 * @param bits  out; written only on success
 * @return 0; PARE_EINVAL, with a message that quotes the name
 */
int pare_strip_parse(uint64_t *bits, const char *text);

/**
 * Drop the parts whose bits are set. Architecture, input, weights and masks
 * stay, and so do loss and dialect, which evaluation asks for. With `init`
 * goes the checkpoint of that name; with `training` go the optimiser and what
 * rewiring carries, which are about steps and epochs.
 */
void pare_strip(struct pare_model *m, uint64_t bits);

#endif
