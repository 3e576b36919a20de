#ifndef PARE_ARCH_H
#define PARE_ARCH_H

#include "layer.h"

#define PARE_LAYERS_MAX    4096
#define PARE_ARCH_TEXT_MAX 65536

/* Of a model whose graph is not known. */
#define PARE_WEIGHTS_MAX      65536 /* tensors */
#define PARE_WEIGHTS_TEXT_MAX (8 << 20)

/** A tensor of a model whose graph is not known. */
struct pare_arch_tensor {
    size_t layer;                 /* index into layer, ascending */
    char suffix[PARE_SUFFIX_MAX]; /* "weight" */
    enum pare_role role;          /* see pare_arch_role */
    int rank;
    size_t dim[PARE_RANK_MAX];
};

/**
 * A parsed architecture: the input's shape and layers in order.
 *
 * Or a list of tensors that came without a graph: then own is not NULL, the
 * input has rank 0, and the layers are groups of tensors of op
 * PARE_OP_WEIGHTS, without shapes, inputs or arithmetic.
 */
struct pare_arch {
    struct pare_shape input;
    size_t n_layers;
    struct pare_layer *layer; /* [n_layers] */
    char *text;               /* canonical text, see pare_arch_parse */
    size_t n_own;
    struct pare_arch_tensor *own; /* [n_own], or NULL */
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
 * "weights fc1.weight(300x784) fc1.bias(300)" is a list of tensors without a
 * graph. What is before the last dot of a name is its layer; the tensors of a
 * layer stand together. Dimensions are at least 1, and there may be none.
 *
 * @param arch  out; written only on success; release it after use
 * @param text  NUL-terminated, at most PARE_ARCH_TEXT_MAX bytes, and no more
 *              in the canonical form; of a list PARE_WEIGHTS_TEXT_MAX
 * @return 0; PARE_EINVAL with a message that names the column;
 *         PARE_ELIMIT for more text, layers or weights than a file may have;
 *         PARE_ENOMEM
 */
int pare_arch_parse(struct pare_arch *arch, const char *text);

/** Free what the struct owns and zero it; NULL and zeroed are fine. */
void pare_arch_release(struct pare_arch *arch);

/** Is it a list of tensors without a graph? */
bool pare_arch_is_weights(const struct pare_arch *arch);

/**
 * Refuse a list of tensors.
 *
 * @return 0; PARE_EINVAL "the model is weights without a graph: ..."
 */
int pare_arch_need_graph(const struct pare_arch *arch);

/**
 * What a tensor without a graph is taken for, by its name and rank.
 * Running statistics (running_mean, running_var, moving_mean,
 * moving_variance, mean, var, num_batches_tracked) are buffers; all else of
 * rank 2 and more is a weight; of rank 0 and 1, bias and beta are biases,
 * other names scales.
 */
enum pare_role pare_arch_role(const char *suffix, int rank);

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
