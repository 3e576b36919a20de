#ifndef PARE_LOADER_H
#define PARE_LOADER_H

#include <stdbool.h>
#include <stddef.h>

struct pare_model;
struct pare_known;

/**
 * Where the tensors of a model come from that is larger than memory: one is
 * loaded when it is needed and dropped afterwards. While it is away it has
 * neither value nor mask; tensor.kept says how many values it keeps, and dtype
 * and quant are right once it was loaded. Only
 * code that works tensor by tensor can work on such a model. Its values are
 * those of the loader: what is changed in a loaded tensor is lost with it.
 *
 * A change of values is a loader around the loader, which changes them each
 * time that they are loaded.
 */
struct pare_loader {
    /** Fill value and mask, dtype and quant. 0 or a status: then the tensor
     *  is as it was. */
    int (*load)(void *arg, const struct pare_model *m, size_t tensor);
    /** Fill all but the values; NULL: load does it. */
    int (*mask)(void *arg, const struct pare_model *m, size_t tensor);
    void (*free)(void *arg); /* when the model is released; or NULL */
    void *arg;
    struct pare_known *known; /* of digests, see digest.h */
};

/** Does the model come tensor by tensor? */
bool pare_model_streams(const struct pare_model *m);

/**
 * Give a model, all tensors of which are laid and without values, a loader;
 * they are away from now on, with all of their values kept, or as many as
 * with the loader that was taken away before.
 *
 * @param loader  copied; known is allocated here
 * @return 0; PARE_ENOMEM (what the loader owns is the caller's)
 */
int pare_model_set_loader(struct pare_model *m,
                          const struct pare_loader *loader);

/** Take the loader away without freeing it, to put it into another. */
struct pare_loader pare_model_take_loader(struct pare_model *m);

/** Free what a loader owns and zero it; zeroed is fine. */
void pare_loader_release(struct pare_loader *loader);

/**
 * Have a tensor's values in memory; nothing happens without a loader, or if
 * they are there. Loads do not nest: the first drop ends all.
 *
 * @return 0 or the loader's status
 */
int pare_tensor_load(const struct pare_model *m, size_t tensor);

/** The same for its mask alone. */
int pare_tensor_load_mask(const struct pare_model *m, size_t tensor);

/** Done with it; nothing happens without a loader, or if it is away. */
void pare_tensor_drop(const struct pare_model *m, size_t tensor);

#endif
