#ifndef PARE_PICKLE_H
#define PARE_PICKLE_H

#include <stddef.h>
#include <stdint.h>

#define PARE_PICKLE_MAX    (64 << 20) /* bytes of a pickle */
#define PARE_PICKLE_VALUES (4 << 20)  /* objects in it */

/* What a pickle of tensors may consist of. */
enum pare_pickle_kind {
    PARE_PICKLE_NONE,
    PARE_PICKLE_INT, /* and truth values */
    PARE_PICKLE_FLOAT,
    PARE_PICKLE_TEXT, /* and bytes */
    PARE_PICKLE_TUPLE,
    PARE_PICKLE_LIST,
    PARE_PICKLE_DICT,
    PARE_PICKLE_GLOBAL,  /* a name from the list in pickle.c */
    PARE_PICKLE_STORAGE, /* part: (type, key, number of elements) */
    PARE_PICKLE_TENSOR,  /* part: (storage, offset, sizes, strides) */
    PARE_PICKLE_MARK
};

struct pare_pickle_value {
    enum pare_pickle_kind kind;
    union {
        int64_t number;
        struct {
            const char *at; /* in the bytes that were parsed */
            size_t n;
        } text;
        /* Cells of a container; of a dictionary key, value, key, value. */
        struct {
            uint32_t first, last, n;
        } part;
        int global; /* row of the list */
    };
};

/** An item of a container; 0 ends it. */
struct pare_pickle_cell {
    uint32_t value, next;
};

/** A parsed pickle; release after use. Indices are into value. */
struct pare_pickle {
    size_t n_values, n_cells;
    struct pare_pickle_value *value;
    struct pare_pickle_cell *cell; /* from 1 */
    uint32_t root;
    size_t used; /* bytes, including the final STOP */
    const char *name;
};

/**
 * Read a pickle and execute nothing.
 *
 * Known are numbers, texts, tuples, lists, dictionaries, and of what Python
 * would call: collections.OrderedDict, torch._utils._rebuild_tensor_v2,
 * torch._utils._rebuild_parameter, and the storages of torch by name, which
 * become values of these kinds. All else is refused by the name of what the
 * pickle wants to call, before it is looked at any further.
 *
 * @param p     zeroed, out; its texts point into bytes
 * @param name  of the file, for messages
 * @return 0; PARE_EFORMAT; PARE_ELIMIT; PARE_ENOMEM
 *
 * Source: Python, Lib/pickletools.py, protocols 2 to 5.
 */
int pare_pickle_parse(struct pare_pickle *p, const unsigned char *bytes,
                      size_t n, const char *name);

/** Free and zero; zeroed is fine. */
void pare_pickle_release(struct pare_pickle *p);

/** Item k of a container, as an index; 0 <= k < n. */
uint32_t pare_pickle_item(const struct pare_pickle *p, uint32_t container,
                          uint32_t k);

/** Module and name of a global. */
const char *pare_pickle_global(const struct pare_pickle *p, uint32_t value);

#endif
