#include "gaps.h"

#include <stdlib.h>

#include "status.h"

size_t pare_gap_size(uint64_t gap)
{
    size_t n = 1;

    while (gap >>= 7)
        n++;
    return n;
}

size_t pare_gap_put(uint8_t *to, uint64_t gap)
{
    size_t n = 0;

    for (; gap > 127; gap >>= 7)
        to[n++] = (uint8_t)(gap & 127) | 128;
    to[n++] = (uint8_t)gap;
    return n;
}

int pare_gap_get(uint64_t *gap, const uint8_t **at, const uint8_t *end)
{
    uint64_t v = 0;

    for (int i = 0; i < PARE_GAP_MAX; i++) {
        uint8_t byte;

        if (*at == end)
            return pare_fail(PARE_EFORMAT, "a gap is cut off");
        byte = *(*at)++;
        if ((i == PARE_GAP_MAX - 1 && byte > 1) || (i && byte == 0))
            break;
        v |= (uint64_t)(byte & 127) << 7 * i;
        if (byte < 128) {
            *gap = v;
            return 0;
        }
    }
    return pare_fail(PARE_EFORMAT, "a gap is longer than it may be");
}

uint8_t *pare_gaps_of(size_t *size, const uint64_t *at, uint64_t n)
{
    size_t all = 0, used = 0;
    uint8_t *bytes;

    for (uint64_t i = 0; i < n; i++)
        all += pare_gap_size(i ? at[i] - at[i - 1] - 1 : at[i]);
    bytes = malloc(all + 1);
    if (!bytes) {
        pare_fail(PARE_ENOMEM, "no memory");
        return NULL;
    }
    for (uint64_t i = 0; i < n; i++)
        used += pare_gap_put(bytes + used, i ? at[i] - at[i - 1] - 1 : at[i]);
    *size = all;
    return bytes;
}

int pare_gaps_read(uint64_t *at, uint64_t n, const uint8_t *bytes, size_t size,
                   uint64_t most)
{
    const uint8_t *end = bytes + size;
    uint64_t next = 0;

    for (uint64_t i = 0; i < n; i++) {
        uint64_t gap = 0;
        int err = pare_gap_get(&gap, &bytes, end);

        if (err)
            return err;
        if (next >= most || gap >= most - next)
            return pare_fail(PARE_EFORMAT, "a position lies outside");
        at[i] = next + gap;
        next = at[i] + 1;
    }
    if (bytes != end)
        return pare_fail(PARE_EFORMAT, "%zu bytes are left over",
                         (size_t)(end - bytes));
    return 0;
}
