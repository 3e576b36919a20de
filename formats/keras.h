#ifndef PARE_KERAS_H
#define PARE_KERAS_H

#include "foreign.h"

/*
 * Models of Keras: HDF5 files of a whole model (its configuration is a JSON
 * text in an attribute) or of weights alone, as Keras 2 and 3 write them,
 * and .keras archives of Keras 3.
 */

/** Could a file be HDF5, or a ZIP archive, by its first bytes? */
bool pare_keras_looks(const unsigned char *head, size_t n);

/**
 * Read a model. A graph that the architecture language cannot say is left
 * out, with a note that names the layer; the weights come then under their
 * own names and in their own layout. In HDF5 that lists its layers, one that
 * has weights and is not in the graph is an error.
 *
 * @return as pare_import_format.read
 *
 * Source: Keras, saving to HDF5 (legacy format) and the .keras format v3;
 * layers and their weights as documented in the Keras API reference.
 */
int pare_keras_read(struct pare_foreign *f, const char *path);

/** The same, the configuration being a JSON file: for files of weights. */
int pare_keras_read_config(struct pare_foreign *f, const char *path,
                           const char *config);

/** Write a model as Keras 2 whole-model HDF5; see pare_export_format. */
int pare_keras_write(const char *path, const struct pare_model *m);

/* ---- shared by keras_*.c only ---------------------------------------- */

/** Where arrays of layers are. */
struct keras_weights {
    /**
     * Read an array as float32, C order.
     *
     * @param out    malloc'd, out; [count]
     * @param layer  name of the layer
     * @param role   "kernel", "bias", "gamma", ...
     * @param index  of it among the arrays that the layer has
     * @param rank, dim  the shape that it must have
     */
    int (*get)(void *arg, float **out, const char *layer, const char *role,
               int index, int rank, const uint64_t *dim);
    void *arg;
};

/**
 * Make an architecture and its tensors from a configuration.
 *
 * @param f  in/out: gets arch and tensors, or a note
 * @return 1 made; 0 it cannot be said (noted); a negative status
 */
int keras_graph(struct pare_foreign *f, const char *json, size_t n,
                const struct keras_weights *w);

#endif
