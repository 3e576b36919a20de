#ifndef PARE_EXPORT_H
#define PARE_EXPORT_H

#include "model.h"

/** A format that models are exported to: a row of the table in export.c. */
struct pare_export_format {
    const char *name;   /* "safetensors", "onnx", "keras", "npz", ... */
    const char *suffix; /* that its files usually have: ".safetensors" */
    const char *help;   /* one line */
    const char *source; /* citation of its definition */
    /**
     * Write the model whole or not at all.
     * @param path  file, or "-"/NULL for standard output, never a terminal;
     *              for c a base name: path.c and path.h
     * @return 0; PARE_EINVAL (a layer that the format cannot say, by name);
     *         PARE_EIO; PARE_ENOMEM
     */
    int (*write)(const char *path, const struct pare_model *m);
};

/** Rows of the table; index n returns NULL. */
const struct pare_export_format *pare_export_format(size_t index);

/** Does a format's writer load one tensor after the other, so that the model
 *  may come tensor by tensor (loader.h)? */
bool pare_export_streams(const struct pare_export_format *format);

/** The row of that name; NULL for none (message set). */
const struct pare_export_format *pare_export_find(const char *name);

#endif
