#ifndef PARE_PLOT_TABLE_H
#define PARE_PLOT_TABLE_H

#include "plot.h"

/**
 * Add the models of a table of histories: columns epoch and some of
 * train_loss, train_acc, val_loss, val_acc; rows of another kind than epoch
 * are left out. Without a column `model` they are of one, named as the file.
 *
 * @return 0; PARE_EIO; PARE_EFORMAT; PARE_ENOMEM
 */
int plot_table_read(struct plot_models *all, const char *path);

/** The model of that name, added where there is none. 0 or PARE_ENOMEM. */
int plot_models_named(struct plot_model **m, struct plot_models *all,
                      const char *name);

#endif
