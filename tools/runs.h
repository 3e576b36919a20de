#ifndef PARE_RUNS_H
#define PARE_RUNS_H

#include <stdbool.h>
#include <stddef.h>

#include "model.h"

/** What is known of a run by name: an option it was made with, a number. */
struct run_field {
    char *key; /* "train -l", "val_acc" */
    char *value;
    bool option; /* of the commands that made it */
};

/** A model, or what a table says of one. */
struct run {
    char *name; /* the operand, or the table's column `model` */
    size_t n, room;
    struct run_field *field;
};

/** Runs in the order they were first named. Zero-initialise. */
struct runs {
    size_t n, room;
    struct run *run;
};

/** Free what it owns and zero it; zeroed is fine. */
void runs_release(struct runs *r);

/** Is a file a model, by its first bytes? "-" is not looked at: false. */
bool runs_is_model(const char *path);

/**
 * Add a model: the options of the commands that made it, and the numbers
 * sparsity, compression, params, kept, nonzero, bytes, epochs, and of its
 * history train_loss, train_acc, val_loss, val_acc (the last epoch's),
 * best_val_loss, best_val_acc and best_epoch (that of best_val_acc).
 *
 * An option of several commands has their distinct values, in order, with
 * commas between. Data are an option whose value is the beginning of a
 * digest. Inputs that are models, and notes, are left out.
 *
 * @return 0; PARE_EFORMAT; PARE_ENOMEM
 */
int runs_add_model(struct runs *r, const char *path, const struct pare_model *m,
                   uint64_t bytes);

/**
 * Add a table with a header, a column `model` and tabs. Its other columns
 * are fields of the run of that name, which is made where there is none.
 * Rows with a `layer` other than `total` are left out, a later value takes
 * the place of an earlier one, `split` and `shape` are no fields.
 *
 * @return 0; PARE_EIO; PARE_EFORMAT; PARE_ELIMIT; PARE_ENOMEM
 */
int runs_add_table(struct runs *r, const char *path);

/**
 * What a run says of a key: that key itself, or an option of any command
 * ("-m" is "prune -m"), or with ":NAME" behind it what stands behind "NAME="
 * in the value ("--evolve:zeta").
 *
 * @param buf  [size] the text is here, cut if need be
 * @return buf, or NULL
 */
const char *run_get(const struct run *r, const char *key, char *buf,
                    size_t size);

/** The same as a number; NaN when there is none. */
double run_number(const struct run *r, const char *key);

/** Order of two values: numbers by size, before words by their bytes. */
int run_order(const char *a, const char *b);

#endif
