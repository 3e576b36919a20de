/* Places of the true classes among a network's outputs. */
#include <string.h>

#include "clones.h"
#include "net_layers.h"

/* Places of the true classes of one tile; columns past n are not read. */
PARE_CLONES
static void rank_tile(uint32_t *restrict above, const float *restrict z,
                      const float *restrict own, const int32_t *restrict y,
                      size_t classes, size_t width)
{
    for (size_t j = 0; j < width; j++)
        above[j] = own[j] != own[j] ? (uint32_t)classes : 0;
    for (size_t c = 0; c < classes; c++)
        for (size_t j = 0; j < width; j++) {
            float other = z[c * width + j];
            int32_t k = (int32_t)c;
            uint32_t before = (uint32_t)(k < y[j]) & !(other < own[j]);
            uint32_t after = (uint32_t)(k > y[j]) & !(other <= own[j]);

            above[j] += before | after;
        }
}

/*
 * The predicted class. With a NaN among the outputs it is not the true
 * class, as that counts as wrong: the first other NaN, or where only the
 * true class's output is one, the largest other.
 */
static uint32_t best_class(const float *z, size_t classes, size_t width,
                           size_t truth)
{
    size_t top = 0, other = truth == 0 && classes > 1;
    bool odd = z[0] != z[0];

    for (size_t c = 1; c < classes; c++) {
        odd |= z[c * width] != z[c * width];
        top = z[c * width] > z[top * width] ? c : top;
    }
    if (!odd)
        return (uint32_t)top;
    for (size_t c = 0; c < classes; c++) {
        if (c != truth && z[c * width] != z[c * width])
            return (uint32_t)c;
        if (c != truth && z[c * width] > z[other * width])
            other = c;
    }
    return (uint32_t)other;
}

void pare_net_rank(const struct pare_net *net, uint32_t *rank, uint32_t *best,
                   const int32_t *y)
{
    size_t width = net->width;

    for (size_t t = 0; t < net_tiles(net, &net->buffer[net->output]); t++) {
        const float *z = pare_net_output(net, t);
        size_t first = t * width,
               n = net_valid(net, &net->buffer[net->output], t);
        uint32_t above[PARE_TILE_MAX];
        float own[PARE_TILE_MAX] = {0};
        int32_t truth[PARE_TILE_MAX] = {0};

        for (size_t j = 0; j < n; j++) {
            truth[j] = y[first + j];
            own[j] = z[(size_t)truth[j] * width + j];
        }
        rank_tile(above, z, own, truth, net->classes, width);
        memcpy(rank + first, above, n * sizeof *rank);
        for (size_t j = 0; best && j < n; j++)
            best[first + j] =
                best_class(z + j, net->classes, width, (size_t)truth[j]);
    }
}
