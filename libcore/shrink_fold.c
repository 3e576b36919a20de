#include "shrink_parts.h"

size_t shrink_taker(const struct shrink_plan *p, const struct shrink_set *set,
                    const struct pare_weights *w, size_t node)
{
    const struct pare_units *u = &p->u;
    size_t class = u->class[node], by = u->stand_in[class], taker;

    if (!w->padded || by == PARE_NO_NODE)
        return PARE_NO_NODE;
    for (size_t i = 0; i < u->count[class]; i++)
        if (u->member[u->start[class] + i] == node) {
            taker = u->member[u->start[by] + i];
            return !p->gone[taker] && set->k[taker] != 0 ? taker : PARE_NO_NODE;
        }
    return PARE_NO_NODE;
}

double shrink_bias(const struct shrink_plan *p, struct shrink_set *set,
                   const struct pare_weights *w, size_t row)
{
    const float *x = set->value[w->tensor] + row * w->cols * w->taps;
    size_t in = w->in + row / w->rows * w->cols;
    bool needed = p->u.needed[p->u.class[w->out + row]];
    double sum = 0;

    for (size_t c = 0; c < w->cols; c++, x += w->taps) {
        double taps = 0;

        if (!p->gone[in + c] || set->k[in + c] == 0 ||
            shrink_taker(p, set, w, in + c) != PARE_NO_NODE)
            continue;
        for (size_t t = 0; t < w->taps; t++)
            taps += (double)x[t];
        sum += set->k[in + c] * taps;
        set->bent |= w->padded && needed && taps != 0;
    }
    return sum;
}
