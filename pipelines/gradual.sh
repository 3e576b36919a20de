#!/bin/sh
# gradual.sh DATA MODEL TO TIMES OUTPUT [OPTION...]
#
# Prune MODEL TIMES times, with an epoch of training after each: the sparsity
# after the k-th is TO (1 - (1 - k / TIMES)^3), so that most goes early.
# OPTIONs are of pare prune.  What there is after k prunings is kept as
# OUTPUT.k until the end, and a run that was stopped goes on from there.
#
# Source: Zhu and Gupta 2017, arXiv:1710.01878.

set -eu
data=$1 model=$2 to=$3 times=$4 output=$5
shift 5

# The last state of a run of this model that was stopped.
start=$model
k=0
for state in "$output".[0-9]*; do
    n=${state##*.}
    if [ -e "$state" ] && [ "$n" -gt "$k" ] && [ "$n" -le "$times" ] &&
        [ -z "$(find "$model" -newer "$state")" ]; then
        k=$n
    fi
done
[ "$k" -eq 0 ] || model=$output.$k

while [ "$k" -lt "$times" ]; do
    k=$((k + 1))
    s=$(awk -v to="$to" -v k="$k" -v n="$times" \
        'BEGIN { printf "%.9f", to * (1 - (1 - k / n) ^ 3) }')
    pare prune -s "$s" "$@" "$model" |
        pare finetune -q -j "${THREADS:-1}" -d "$data" -e 1 -o "$output.$k"
    [ "$model" = "$start" ] || rm "$model"
    model=$output.$k
done
mv "$model" "$output"
for state in "$output".[0-9]*; do
    rm -f "$state"
done
