#ifndef PARE_ARCH_PARTS_H
#define PARE_ARCH_PARTS_H

#include "arch.h"

/* What the files that arch.c is cut into share. */

#define PARE_ARCH_SIZE_MAX ((size_t)1 << 24) /* one size of the input */

/* Values of one sample between two layers. */
#define PARE_ARCH_VALUES_MAX ((size_t)1 << 28)

/** A name of a layer where another takes its output. */
struct pare_arch_ref {
    size_t layer;             /* that takes it */
    char name[PARE_NAME_MAX]; /* "" is the layer before it */
    int column;
    bool arrow; /* stands before an arrow, else in parentheses */
};

/** All of them, in order of the text. */
struct pare_arch_refs {
    size_t n;
    struct pare_arch_ref *ref;
};

/**
 * Parse the general form into input and layers; layers without a name keep
 * an empty one, and none has inputs yet.
 *
 * @param refs  in/out: starts zeroed; the caller frees refs->ref, always
 */
int pare_arch_parse_general(struct pare_arch *a, struct pare_arch_refs *refs,
                            const char *text);

/** Give a name to the layers that have none: fc1, fc2, relu1, ... */
void pare_arch_name_layers(struct pare_arch *a);

/** Give all layers, named by now, their inputs; PARE_EINVAL, PARE_ENOMEM. */
int pare_arch_connect(struct pare_arch *a, const struct pare_arch_refs *refs);

/**
 * Parse a list of tensors, which begins with "weights ", and keep its text,
 * which is canonical. PARE_EINVAL with the column; PARE_ELIMIT; PARE_ENOMEM.
 */
int pare_arch_parse_weights(struct pare_arch *a, const char *text);

/** Make the canonical text of named layers; 0 or PARE_ENOMEM. */
int pare_arch_print(struct pare_arch *a);

/** Is there a layer of that name? */
bool pare_arch_has(const struct pare_arch *a, const char *name);

/**
 * The text of a row of pare_arch_name, which must exist; malloc'd.
 * @return 0; PARE_ENOMEM
 */
int pare_arch_name_text(char **text, size_t index);

/** Append to a growing string; false without memory. */
bool pare_arch_append(char **s, size_t *len, const char *text);

#endif
