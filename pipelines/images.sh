#!/bin/sh
# images.sh CHANNELS SIZE COUNT CLASSES PREFIX
#
# Square images that are made up, as the IDX files PREFIX.images and
# PREFIX.labels: a bar that stands where its class says, upright for the
# even ones, among noise.  The same bytes with every awk.

set -eu
LC_ALL=C
export LC_ALL
channels=$1 size=$2 count=$3 classes=$4 prefix=$5

# Four bytes of a number as escapes of printf(1), the first one first.
be32()
{
    printf '\\%03o' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) \
        $(($1 >> 8 & 255)) $(($1 & 255))
}

{
    # shellcheck disable=SC2059
    printf "\\000\\000\\010\\004$(be32 "$count")$(be32 "$channels")$(
        be32 "$size")$(be32 "$size")"
    # Bytes are 1 to 126, which all awks print as such.
    awk -v channels="$channels" -v size="$size" -v count="$count" \
        -v classes="$classes" '
        function noise()
        {
            state = (state * 16807) % 2147483647
            return state / 2147483647
        }
        BEGIN {
            state = 20261122
            rows = int((classes + 1) / 2)
            for (n = 0; n < count; n++) {
                class = n % classes
                at = int(class / 2) * size / rows + int(size * noise() / 12)
                for (c = 0; c < channels; c++)
                    for (y = 0; y < size; y++)
                        for (x = 0; x < size; x++) {
                            place = class % 2 ? x : y
                            v = place >= at && place < at + size / 8
                            printf "%c", 1 + int(75 * noise()) + 50 * v
                        }
            }
        }'
} >"$prefix.images"

{
    # shellcheck disable=SC2059
    printf "\\000\\000\\010\\001$(be32 "$count")"
    # shellcheck disable=SC2059
    printf "$(awk -v count="$count" -v classes="$classes" 'BEGIN {
        for (n = 0; n < count; n++)
            printf "\\%03o", n % classes
    }')"
} >"$prefix.labels"
