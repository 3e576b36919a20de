#include "lamp.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

#define DIGIT 11 /* bits sorted by in one pass; 3 passes make 33 */

/* A score by its magnitude: bits of |s|, which order as numbers do. */
struct ranked {
    uint32_t bits, index;
};

/* Stable: equal magnitudes stay by ascending index. */
static void sort_pass(struct ranked *to, const struct ranked *from, size_t n,
                      int shift)
{
    size_t start[(1 << DIGIT) + 1] = {0};
    uint32_t mask = (1u << DIGIT) - 1;

    for (size_t i = 0; i < n; i++)
        start[(from[i].bits >> shift & mask) + 1]++;
    for (size_t d = 0; d < mask; d++)
        start[d + 1] += start[d];
    for (size_t i = 0; i < n; i++)
        to[start[from[i].bits >> shift & mask]++] = from[i];
}

/* room: [2][n]; returns the sorted half. */
static const struct ranked *sort(struct ranked *room, size_t n)
{
    sort_pass(room + n, room, n, 0);
    sort_pass(room, room + n, n, DIGIT);
    sort_pass(room + n, room, n, 2 * DIGIT);
    return room + n;
}

static size_t rank_kept(struct ranked *room, const float *score,
                        const uint8_t *mask, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        float x = fabsf(score[i]);

        if (mask && !mask[i])
            continue;
        memcpy(&room[kept].bits, &x, sizeof x);
        room[kept++].index = (uint32_t)i;
    }
    return kept;
}

int pare_lamp(float *score, const uint8_t *mask, size_t n)
{
    struct ranked *room = calloc(2 * n + 1, sizeof *room);
    const struct ranked *order;
    double sum = 0;
    size_t left;

    if (!room)
        return pare_fail(PARE_ENOMEM, "out of memory");
    left = rank_kept(room, score, mask, n);
    order = sort(room, left);
    while (left-- > 0) {
        double x = (double)score[order[left].index];
        float lamp;

        sum += x * x;
        lamp = sum > 0 ? (float)(x * x / sum) : 0;
        score[order[left].index] =
            x != 0 && lamp < FLT_TRUE_MIN ? FLT_TRUE_MIN : lamp;
    }
    free(room);
    return 0;
}
