#ifndef PARE_CONNECTIONS_H
#define PARE_CONNECTIONS_H

#include "topology.h"

/** The connections of one linear layer of a model, and their map. */
struct connections {
    size_t layer, tensor;
    struct pare_connections count;
    size_t chw[3]; /* channels, height, width; 0 without a map */
    uint64_t *map; /* [height * width], or NULL */
};

/** What a command line asks of it. */
struct connections_want {
    const char *layer; /* NULL: the first linear layer */
    const char *shape; /* "28x28", "3x32x32"; NULL: none was given */
    bool map;          /* make one in any case: of the model's input image,
                          or of a square */
};

/**
 * Count the connections of a layer.
 *
 * @param c  zeroed, out; release with connections_release in any case
 * @return 0; PARE_EINVAL for a layer that is not there or not linear (the
 *         message names those that are), or a shape that does not multiply
 *         to its inputs; PARE_ENOMEM
 */
int connections_read(struct connections *c, const struct pare_model *m,
                     const struct connections_want *want);

/** Free what it owns and zero it. */
void connections_release(struct connections *c);

/**
 * Check the text of a shape by itself: two or three numbers between x.
 * @return 0; PARE_EINVAL
 */
int connections_shape(size_t chw[3], const char *text);

#endif
