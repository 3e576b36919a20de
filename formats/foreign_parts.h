#ifndef PARE_FOREIGN_PARTS_H
#define PARE_FOREIGN_PARTS_H

/* Shared by the foreign_*.c only. */

#include "foreign.h"

/** A tensor of a file on its way into a model. */
struct foreign_item {
    const struct pare_foreign_tensor *tensor;
    char name[PARE_NAME_MAX]; /* as pare has it */
    size_t group;             /* first item of the same layer */
    int rank;                 /* as it will lie: transposed if that is asked */
    uint64_t dim[PARE_FOREIGN_RANK];
    bool suffixed; /* the file's name lacks what follows the dot */
    bool used;
};

struct foreign_list {
    size_t n;
    struct foreign_item *item;
};

/**
 * Name of pare for a tensor of a file.
 * @param suffixed  out, or NULL: ".weight" or ".bias" had to be added
 * @return 0; PARE_EFORMAT (empty); PARE_ELIMIT (too long)
 */
int pare_foreign_name(char name[PARE_NAME_MAX], bool *suffixed,
                      const char *theirs, int rank);

/** Bytes of a name before its last dot. */
size_t pare_foreign_layer(const char *name);

/**
 * The tensors that are to be taken, with their names and shapes.
 * @param l  zeroed, out; free l->item
 */
int pare_foreign_list(struct foreign_list *l, struct pare_foreign *f,
                      const struct pare_foreign_options *o);

/** Values of an item as it will lie; out has a float for each. */
int pare_foreign_values(float *out, const struct foreign_item *item,
                        const struct pare_foreign_options *o, bool *exact);

/** Fill a model of a graph, all its tensors, from the list. */
int pare_foreign_fill(struct pare_model *m, struct pare_foreign *f,
                      struct foreign_list *l,
                      const struct pare_foreign_options *o);

#endif
