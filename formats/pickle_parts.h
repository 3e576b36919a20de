#ifndef PARE_PICKLE_PARTS_H
#define PARE_PICKLE_PARTS_H

/* Shared by pickle.c and pickle_calls.c only. */

#include "pickle.h"

/** A pickle is a program for this. */
struct pickle_machine {
    struct pare_pickle *p;
    const unsigned char *at, *end;
    size_t room, cell_room;
    uint32_t *stack; /* values */
    size_t depth, stack_room;
    uint32_t *memo; /* values + 1; 0: none */
    size_t n_memo;  /* places */
    uint32_t memoized;
};

int pare_pickle_damaged(const struct pickle_machine *m, const char *what);

/** A new value on top; *v is valid until the next one. */
int pare_pickle_make(struct pickle_machine *m, struct pare_pickle_value **v,
                     enum pare_pickle_kind kind);

int pare_pickle_push(struct pickle_machine *m, uint32_t value);

/** The top value goes; PARE_EFORMAT if there is none, or a mark. */
int pare_pickle_pop(struct pickle_machine *m, uint32_t *value);

int pare_pickle_append(struct pickle_machine *m, uint32_t container,
                       uint32_t value);

/* The opcodes GLOBAL, STACK_GLOBAL, REDUCE, BINPERSID and BUILD. */
int pare_pickle_take_global(struct pickle_machine *m);
int pare_pickle_stack_global(struct pickle_machine *m);
int pare_pickle_call(struct pickle_machine *m);
int pare_pickle_persistent(struct pickle_machine *m);
int pare_pickle_build(struct pickle_machine *m);

#endif
