#ifndef PARE_CHANNELS_H
#define PARE_CHANNELS_H

#include <stddef.h>

/*
 * Loops over tiles [pixels][channels][lanes] with numbers of each channel.
 * The channels are taken in blocks; the numbers of a block are spread over
 * the lanes first, so that the loop over a pixel is one flat loop whatever
 * the lanes are, and every lane of a channel has a sum of its own.
 */

#define PARE_BLOCK        1024 /* floats of a block, a few arrays fit L1 */
#define PARE_CHUNK_PIXELS 32   /* of one float sum; 128 KiB, fits L2 */

/** Channels of a block; lanes <= PARE_BLOCK. */
static inline size_t pare_block_channels(size_t left, size_t lanes)
{
    size_t most = PARE_BLOCK / lanes;

    return left < most ? left : most;
}

/** value [channels], or spread over the lanes in room [channels][lanes]. */
static inline const float *pare_spread(float *restrict room,
                                       const float *restrict value,
                                       size_t channels, size_t lanes)
{
    if (lanes == 1)
        return value;
    for (size_t c = 0; c < channels; c++)
        for (size_t j = 0; j < lanes; j++)
            room[c * lanes + j] = value[c];
    return room;
}

/** Sum of n lanes in double: lane j into sum j % 8, then the eight in pairs. */
static inline double pare_lane_sum(const float *lane, size_t n)
{
    double s[8] = {0};
    size_t j = 0;

    if (n == 1)
        return (double)lane[0];
    for (; j + 8 <= n; j += 8)
        for (size_t k = 0; k < 8; k++)
            s[k] += (double)lane[j + k];
    for (size_t k = 0; j + k < n; k++)
        s[k] += (double)lane[j + k];
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

#endif
