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

/** Is a list of tensors to come tensor by tensor? out. 0; PARE_EINVAL. */
int pare_foreign_streams(bool *streams, struct foreign_item *const *p,
                         size_t n);

/** Then: a loader for m, the tensors of which are laid, [n] in this order.
 *  0; PARE_ENOMEM. */
int pare_foreign_stream(struct pare_model *m, const struct pare_foreign *f,
                        struct foreign_item *const *p, size_t n,
                        const struct pare_foreign_options *o);

/** Of a type that a model keeps: this. */
void pare_foreign_set_type(struct pare_tensor *t, enum pare_foreign_type type);

/** Values of an item as it will lie; out has a float for each. */
int pare_foreign_values(float *out, const struct foreign_item *item,
                        const struct pare_foreign_options *o, bool *exact);

/** From the order of a file that is to be transposed into that of the item. */
void pare_foreign_turn(float *out, const float *in,
                       const struct foreign_item *item);

/**
 * What pare_foreign_floats is made of, for those who go through a tensor in
 * parts: its values without regard to its mask, or to what is finite;
 * @return as pare_foreign_floats
 */
int pare_foreign_unmasked(float *out, const struct pare_foreign_tensor *t,
                          bool *exact);

/** ... 0 for the values where a mask of theirs is 0; ... */
int pare_foreign_hide(float *out, const struct pare_foreign_tensor *mask);

/** ... and an error with the first that is not finite. */
int pare_foreign_finite(const float *v, const struct pare_foreign_tensor *t);

/** Fill a model of a graph, all its tensors, from the list. */
int pare_foreign_fill(struct pare_model *m, struct pare_foreign *f,
                      struct foreign_list *l,
                      const struct pare_foreign_options *o);

#endif
