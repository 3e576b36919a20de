#include "channels.h"

#include "clones.h"

size_t pare_block_channels(size_t left, size_t lanes)
{
    size_t most = PARE_BLOCK / lanes;

    return left < most ? left : most;
}

size_t pare_chunk_pixels(size_t left)
{
    return left < PARE_CHUNK_PIXELS ? left : PARE_CHUNK_PIXELS;
}

PARE_CLONES
static void spread(float *restrict room, const float *restrict value,
                   size_t channels, size_t lanes)
{
    for (size_t c = 0; c < channels; c++)
        for (size_t j = 0; j < lanes; j++)
            room[c * lanes + j] = value[c];
}

const float *pare_spread(float *room, const float *value, size_t channels,
                         size_t lanes)
{
    if (lanes == 1)
        return value;
    spread(room, value, channels, lanes);
    return room;
}

static inline double lane_sum(const float *lane, size_t n)
{
    double s[8] = {0};
    size_t whole = n - n % 8;

    for (size_t j = 0; j < whole; j += 8)
        for (size_t k = 0; k < 8; k++)
            s[k] += (double)lane[j + k];
    for (size_t j = whole; j < n; j++)
        s[j - whole] += (double)lane[j];
    for (size_t k = 0; k < 4; k++)
        s[k] += s[k + 4];
    return (s[0] + s[2]) + (s[1] + s[3]);
}

/* With the usual numbers known, these are vector sums. */
PARE_CLONES
static void sums_of_lanes(double *restrict sum, const float *restrict lane,
                          size_t channels, size_t lanes, size_t valid)
{
    if (valid == 16)
        for (size_t c = 0; c < channels; c++)
            sum[c] = lane_sum(lane + c * lanes, 16);
    else if (valid == 32)
        for (size_t c = 0; c < channels; c++)
            sum[c] = lane_sum(lane + c * lanes, 32);
    else if (valid == 64)
        for (size_t c = 0; c < channels; c++)
            sum[c] = lane_sum(lane + c * lanes, 64);
    else
        for (size_t c = 0; c < channels; c++)
            sum[c] = lane_sum(lane + c * lanes, valid);
}

PARE_CLONES
static void widen(double *restrict sum, const float *restrict lane, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum[i] = (double)lane[i];
}

void pare_lane_sums(double *sum, const float *lane, size_t channels,
                    size_t lanes, size_t valid)
{
    if (lanes == 1)
        widen(sum, lane, channels);
    else
        sums_of_lanes(sum, lane, channels, lanes, valid);
}
