#!/bin/sh
# loop.sh DATA EPOCHS PRUNE GROW OUTPUT [OPTION...]
#
# Go on training OUTPUT.1, which has had its first epoch, to EPOCHS, one at a
# time: before each, connections go by the rule PRUNE of pare prune, and grow
# by the options GROW of pare grow.  OPTIONs are of pare finetune.  A run that
# was stopped goes on from what is there.

set -eu
data=$1 epochs=$2 prune=$3 grow=$4 output=$5
shift 5

k=1
while [ -e "$output.$((k + 1))" ]; do
    k=$((k + 1))
done
while [ "$k" -lt "$epochs" ]; do
    # shellcheck disable=SC2086
    pare prune -m "$prune" "$output.$k" | pare grow $grow |
        pare finetune -q -j "${THREADS:-1}" -d "$data" -e 1 "$@" \
            -o "$output.$((k + 1))"
    rm "$output.$k"
    k=$((k + 1))
done
mv "$output.$k" "$output"
