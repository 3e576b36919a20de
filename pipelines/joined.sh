#!/bin/sh
# joined.sh FIRST SECOND: one IDX file of the samples of both, which may be
# compressed, on standard output. Their headers must agree but for the number
# of samples.

set -eu
export LC_ALL=C

# bytes FILE FROM COUNT: of the file as it is without compression.
bytes() {
    gzip -cdf "$1" | od -An -v -t u1 -j "$2" -N "$3" | tr -s ' \n' ' '
}

# count FILE: the samples it says it has.
count() {
    bytes "$1" 4 4 | awk '{ print (($1 * 256 + $2) * 256 + $3) * 256 + $4 }'
}

rank=$(bytes "$1" 3 1)
for f in "$1" "$2"; do
    header=$(bytes "$f" 0 4)/$(bytes "$f" 8 $((4 * rank - 4)))
    [ "$header" = "${first=$header}" ] || {
        echo "joined.sh: '$1' and '$2' hold other things" >&2
        exit 1
    }
done
n=$(($(count "$1") + $(count "$2")))
octal=$(printf '\\%03o\\%03o\\%03o\\%03o' $((n >> 24 & 255)) \
    $((n >> 16 & 255)) $((n >> 8 & 255)) $((n & 255)))

gzip -cdf "$1" | head -c 4
# shellcheck disable=SC2059
printf "$octal"
gzip -cdf "$1" | tail -c +9
gzip -cdf "$2" | tail -c +$((4 * rank + 5))
