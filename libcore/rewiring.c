#include "rewiring.h"

#include <stdlib.h>
#include <string.h>

#include "status.h"

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

struct pare_rewiring *pare_model_rewiring(struct pare_model *m, size_t tensor)
{
    uint64_t epoch = m->training.epoch;
    struct pare_rewiring *row;
    size_t i = m->n_rewirings;

    while (i > 0 && (m->rewiring[i - 1].epoch > epoch ||
                     (m->rewiring[i - 1].epoch == epoch &&
                      m->rewiring[i - 1].tensor > tensor)))
        i--;
    if (i > 0 && m->rewiring[i - 1].epoch == epoch &&
        m->rewiring[i - 1].tensor == tensor)
        return &m->rewiring[i - 1];
    if (m->n_rewirings >= m->rewiring_room) {
        size_t room = 2 * m->n_rewirings + 16;

        row = realloc(m->rewiring, room * sizeof *row);
        if (!row) {
            no_memory();
            return NULL;
        }
        m->rewiring = row;
        m->rewiring_room = room;
    }
    row = &m->rewiring[i];
    memmove(row + 1, row, (m->n_rewirings++ - i) * sizeof *row);
    *row = (struct pare_rewiring){.epoch = epoch, .tensor = tensor};
    return row;
}

void pare_model_drop_rewiring(struct pare_model *m)
{
    for (size_t t = 0; t < m->n_tensors; t++) {
        m->tensor[t].target = 0;
        pare_marks_release(&m->tensor[t].removed);
        pare_marks_release(&m->tensor[t].added);
    }
    free(m->rewiring);
    m->rewiring = NULL;
    m->n_rewirings = m->rewiring_room = 0;
}

bool pare_model_rewired(const struct pare_model *m)
{
    bool any = m->n_rewirings > 0;

    for (size_t t = 0; t < m->n_tensors; t++)
        any |= m->tensor[t].target || m->tensor[t].removed.n ||
               m->tensor[t].added.n;
    return any;
}
