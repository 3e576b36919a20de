#!/bin/sh
# curves.sh DATA MODEL LAST K...
#
# Loss and accuracy of MODEL on the test samples of DATA with K percent of
# weights, then of units, gone from each layer but LAST.

set -eu
data=$1 model=$2 last=$3
shift 3

printf 'grain\tk\tkept\tweights\tloss\taccuracy\n'
for grain in weight unit; do
    for k in "$@"; do
        pare prune -g "$grain" -A layer --skip "$last" \
            -f "$(printf '.%02d' "$k")" -o "$model.cut" "$model"
        printf '%s\t%s\t' "$grain" "$k"
        pare stats --total "$model.cut" |
            awk -F '\t' 'NR == 2 { printf "%d\t%d\t", $5, $4 }'
        pare eval -j "${THREADS:-1}" -d "$data" "$model.cut" |
            awk -F '\t' 'NR == 2 { printf "%s\t%s\n", $4, $5 }'
    done
done
rm "$model.cut"
