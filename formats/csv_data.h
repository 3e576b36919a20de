#ifndef PARE_CSV_DATA_H
#define PARE_CSV_DATA_H

#include "csv.h"

#define PARE_CSV_VALUES 65536 /* most values of a one-hot column */

/** A list of texts of the command line. */
struct pare_csv_list {
    size_t n;
    const char *const *item;
};

/**
 * How a table becomes samples. Columns are named as in the header, or by
 * "#3" as the third. "COL=v1,v2" names a column and values.
 */
struct pare_csv_recipe {
    const char *label;            /* "COL" or "COL=v1,v2,...": classes */
    struct pare_csv_list one_hot; /* "COL" or "COL=v1,v2,..." */
    struct pare_csv_list scale;   /* "COL=K": divide by K > 0 */
    struct pare_csv_list inputs;  /* "COL,..."; none: all but the label */
    struct pare_csv_list ignore;  /* "COL,..." that are no inputs */
    bool standardize; /* make room for mean and deviation of each feature */
    bool drop_na;     /* leave rows with missing values out */
};

/**
 * Turn a table into one train split of float32 features.
 *
 * Inputs stand in the order of the columns, a one-hot column expanded in
 * its place ("island=Biscoe"). Values of one-hot columns and classes are in
 * the order given; or sorted: as numbers if all are whole numbers, else by
 * their bytes. Scaling is the normalisation (mean 0, deviation K), so the
 * samples stay as in the table.
 *
 * @param d        zeroed, out; release with pare_dataset_release
 * @param plain    malloc'd [features], out: 1 for numbers that are neither
 *                 one-hot nor scaled
 * @param dropped  rows left out, out
 * @param t        [rows][columns]
 * @param name     of the file, for messages
 * @return 0; PARE_EINVAL (the recipe: unknown or doubly used columns);
 *         PARE_EFORMAT with line and column (not a number, missing, not
 *         among the values given), no rows, no inputs; PARE_ELIMIT;
 *         PARE_ENOMEM
 */
int pare_csv_dataset(struct pare_dataset *d, uint8_t **plain, size_t *dropped,
                     const struct pare_csv *t,
                     const struct pare_csv_recipe *recipe, const char *name);

#endif
