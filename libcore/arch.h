#ifndef PARE_ARCH_H
#define PARE_ARCH_H

#include "layer.h"

#define PARE_LAYERS_MAX 4096
#define PARE_ARCH_TEXT_MAX 65536

/** A parsed architecture: the input's shape and layers in order. */
struct pare_arch {
    struct pare_shape input;
    size_t n_layers;
    struct pare_layer *layer; /* [n_layers] */
    char *text;               /* canonical text, see pare_arch_parse */
};

/**
 * Parse an architecture as pare-arch(5) defines it.
 *
 * Takes the shorthand ("784-300-100-10"), a published name
 * ("lenet-300-100") or the general form ("in(784) fc1=linear(300) relu").
 * The canonical text kept in `text` is the general form, every layer with
 * its name and every option that differs from its default; parsing it gives
 * the same architecture and the same text.
 *
 * @param arch  out; written only on success; release it after use
 * @param text  NUL-terminated, at most PARE_ARCH_TEXT_MAX bytes, and no more
 *              in the canonical form
 * @return 0; PARE_EINVAL with a message that names the column;
 *         PARE_ELIMIT for more text, layers or weights than a file may have;
 *         PARE_ENOMEM
 */
int pare_arch_parse(struct pare_arch *arch, const char *text);

/** Free what the struct owns and zero it; NULL and zeroed are fine. */
void pare_arch_release(struct pare_arch *arch);

/** A published architecture by name: a row of the table in arch_names.c. */
struct pare_arch_name {
    const char *name;
    const char *text; /* in the architecture language; NULL: it is made */
    const char *help;
    const char *source;
};

/** Rows of the table; index n returns NULL. */
const struct pare_arch_name *pare_arch_name(size_t index);

/** Shape of the last layer's output (of the input when there is none). */
const struct pare_shape *pare_arch_output(const struct pare_arch *arch);

#endif
