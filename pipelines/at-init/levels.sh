#!/bin/sh
# levels.sh MODEL OUTPUT POWERS OPTION...
#
# What is left of each layer of MODEL when it is pruned, each time anew, to
# one of 10^POWER weights: a table of power, layer, weights, kept, to the first
# power at which a layer is empty.  OPTIONs are of pare prune.

set -eu
model=$1 output=$2 powers=$3
shift 3

trap 'rm -f "$output.h5"' EXIT
printf 'power\tlayer\tweights\tkept\n' >"$output"
for power in $powers; do
    s=$(awk -v p="$power" 'BEGIN { printf "%.9f", 1 - 10 ^ -p }')
    pare prune -q -s "$s" "$@" -o "$output.h5" "$model"
    pare stats "$output.h5" | awk -F '\t' -v OFS='\t' -v power="$power" '
        NR > 1 && $2 != "total" && (n = split($3, size, "x")) > 1 {
            for (product = 1; n > 0; n--)
                product *= size[n]
            print power, $2, product, $5 - ($4 - product)
        }' >>"$output"
    awk -F '\t' '$4 == "0" { exit 1 }' "$output" || break
done
