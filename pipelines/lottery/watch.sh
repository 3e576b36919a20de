#!/bin/sh
# watch.sh DATA MODEL STEPS EVERY OUTPUT
#
# Train MODEL for STEPS steps and look at it after each EVERY: a table of
# steps, loss and accuracy on validation and test samples to standard output,
# the model to OUTPUT.

set -eu
data=$1 model=$2 steps=$3 every=$4 output=$5

look()
{
    pare eval -j "${THREADS:-1}" -d "$data" --split "$1" "$output.next" |
        awk -F '\t' 'NR == 2 { printf "\t%s\t%s", $4, $5 }'
}

trap 'rm -f "$output.next"' EXIT
printf 'step\tval_loss\tval_accuracy\ttest_loss\ttest_accuracy\n'
step=0
while [ "$step" -lt "$steps" ]; do
    [ $((steps - step)) -ge "$every" ] || every=$((steps - step))
    pare finetune -q -j "${THREADS:-1}" -d "$data" --steps "$every" \
        -o "$output.next" "$model"
    step=$((step + every))
    printf '%s' "$step"
    look val
    look test
    printf '\n'
    mv "$output.next" "$output"
    model=$output
done
