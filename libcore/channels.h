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

/** Channels of the next block of `left`; lanes <= PARE_BLOCK. */
size_t pare_block_channels(size_t left, size_t lanes);

/** Pixels of the next chunk of `left`. */
size_t pare_chunk_pixels(size_t left);

/**
 * Numbers of channels, spread over the lanes.
 *
 * @param room   [channels][lanes] to put them in
 * @param value  [channels]
 * @return room, or with one lane value
 */
const float *pare_spread(float *room, const float *value, size_t channels,
                         size_t lanes);

/**
 * Sums over the first lanes of each channel in double: lane j goes into sum
 * j % 8, and the eight are added in pairs.
 *
 * @param sum    [channels] out
 * @param lane   [channels][lanes]
 * @param valid  lanes that count, 1..lanes
 */
void pare_lane_sums(double *sum, const float *lane, size_t channels,
                    size_t lanes, size_t valid);

#endif
