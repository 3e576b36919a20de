#include "rewiring.h"

#include <stdlib.h>
#include <string.h>

#include "status.h"

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* Room for one row more; false without memory. */
static bool has_room(struct pare_model *m)
{
    size_t room = 2 * m->n_rewirings + 16;
    struct pare_rewiring *row;

    if (m->n_rewirings < m->rewiring_room)
        return true;
    row = realloc(m->rewiring, room * sizeof *row);
    if (!row) {
        no_memory();
        return false;
    }
    m->rewiring = row;
    m->rewiring_room = room;
    return true;
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
    if (!has_room(m))
        return NULL;
    row = &m->rewiring[i];
    memmove(row + 1, row, (m->n_rewirings++ - i) * sizeof *row);
    *row = (struct pare_rewiring){.epoch = epoch, .tensor = tensor};
    return row;
}

int pare_model_add_rewiring(struct pare_model *m, const struct pare_rewiring *r)
{
    const struct pare_rewiring *last =
        m->n_rewirings ? &m->rewiring[m->n_rewirings - 1] : NULL;

    if (last && (last->epoch > r->epoch ||
                 (last->epoch == r->epoch && last->tensor >= r->tensor)))
        return pare_fail(PARE_EFORMAT,
                         "rows of rewiring are not in order of epoch and "
                         "tensor");
    if (r->removed > r->before || r->survived > r->fresh)
        return pare_fail(PARE_EFORMAT,
                         "more connections removed or survived than there "
                         "were");
    if (!has_room(m))
        return PARE_ENOMEM;
    m->rewiring[m->n_rewirings++] = *r;
    return 0;
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

void pare_model_retarget(struct pare_model *m, size_t t)
{
    if (m->tensor[t].target)
        m->tensor[t].target = pare_tensor_kept(&m->tensor[t]);
}

bool pare_model_rewired(const struct pare_model *m)
{
    bool any = m->n_rewirings > 0;

    for (size_t t = 0; t < m->n_tensors; t++)
        any |= m->tensor[t].target || m->tensor[t].removed.n ||
               m->tensor[t].added.n;
    return any;
}
