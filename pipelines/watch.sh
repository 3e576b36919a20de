#!/bin/sh
# watch.sh DATA MODEL STEPS EVERY OUTPUT
#
# Train MODEL for STEPS steps and look at it after each EVERY: a table of
# steps, loss and accuracy on validation and test samples to standard output,
# the model to OUTPUT.  What there is after step N is kept as OUTPUT.N and
# OUTPUT.curve until the end, and a run that was stopped goes on from there.

set -eu
data=$1 model=$2 steps=$3 every=$4 output=$5

look()
{
    pare eval -j "${THREADS:-1}" -d "$data" --split "$1" "$output.next" |
        awk -F '\t' 'NR == 2 { printf "\t%s\t%s", $4, $5 }'
}

# The last state of a run of this model that was stopped.
step=0
for state in "$output".[0-9]*; do
    n=${state##*.}
    if [ -e "$state" ] && [ -e "$output.curve" ] && [ "$n" -gt "$step" ] &&
        [ "$n" -le "$steps" ] && [ -z "$(find "$model" -newer "$state")" ]; then
        step=$n
    fi
done
start=$model
if [ "$step" -gt 0 ]; then
    model=$output.$step
    awk -v step="$step" 'NR == 1 || $1 <= step + 0' "$output.curve" \
        >"$output.next"
    mv "$output.next" "$output.curve"
else
    printf 'step\tval_loss\tval_accuracy\ttest_loss\ttest_accuracy\n' \
        >"$output.curve"
fi

trap 'rm -f "$output.next"' EXIT
while [ "$step" -lt "$steps" ]; do
    [ $((steps - step)) -ge "$every" ] || every=$((steps - step))
    pare finetune -q -j "${THREADS:-1}" -d "$data" --steps "$every" \
        -o "$output.next" "$model"
    step=$((step + every))
    printf '%s%s%s\n' "$step" "$(look val)" "$(look test)" >>"$output.curve"
    mv "$output.next" "$output.$step"
    [ "$model" = "$start" ] || rm "$model"
    model=$output.$step
done
cat "$output.curve"
mv "$model" "$output"
rm "$output.curve"
