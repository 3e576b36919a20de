# Each way to prune over time, as a pipeline of small commands.
HERE=$(cd "${0%/*}" && pwd)
. "$HERE/lib.sh"

quick schedules a
status_is 0 "the quick run works"
awk '$4 == "of" { print $1, $3, $5 }' "$OUT" >got
printf '%s\n' 'dense.h5 0 180' 'oneshot.h5 126 180' 'at.h5 56 180' \
    'agp.h5 126 180' 'exp.h5 126 180' 'iterative.h5 121 180' >want
same got want "each removes what it says"
cp "$OUT" table
quick schedules b -j2
sed 's/^in .*//' "$OUT" >got
sed 's/^in .*//' table >want
same got want "side by side: the same table"
run=a/quick
data=$run/penguins.h5
ok "all models are in order" pare check -q $run/dense.h5 $run/oneshot.h5 \
    $run/at.h5 $run/agp.h5 $run/exp.h5 $run/iterative.h5
for m in dense oneshot at agp exp; do
    pare log --history $run/$m.h5 | awk -F '\t' 'END { print $2 }'
done >got
printf '%s\n' 18 18 18 18 18 >want
same got want "all train for the same epochs"

# The pipeline is the loop.
sed -n 's/: the same in one process$//p' table >got
printf '%s\n' oneshot at agp exp iterative >want
same got want "each is the same in one process"
run make -s -C "$PIPELINES/schedules" compare "O=$PWD/c" EPOCHS=6 \
    SCHEDULES=at ONE_at='at=1/3,2/3 f=0.18'
status_is 2 "what is not the same is an error"
out_is '' "and not said to be"

# Weights that are gone at the end of each epoch.
gone() {
    pare log --history "$1" | awk -F '\t' '
        NR == 1 { for (f = 1; f <= NF; f++) if ($f == "sparsity") at = f; next }
        { printf "%s%.0f", (NR > 2) ? " " : "", 180 * $at } END { print "" }'
}
gone $run/oneshot.h5 >got
gone $run/at.h5 >>got
gone $run/agp.h5 >>got
gone $run/exp.h5 >>got
cat >want <<'END'
0 0 0 0 0 0 0 0 0 0 0 0 126 126 126 126 126 126
0 0 0 0 0 0 31 31 31 31 31 31 56 56 56 56 56 56
0 0 38 67 89 104 115 121 125 126 126 126 126 126 126 126 126 126
0 0 23 42 60 75 88 99 109 118 126 126 126 126 126 126 126 126
END
same got want "when each removes them"

# A lottery round by hand, and what is held through all of them.
cp $run/dense.h5 m.h5
for round in 1 2 3 4 5; do
    pare prune -f .2 m.h5 | pare rewind -t init --also optimizer,schedule \
        -o m.h5
    places m.h5 >ticket$round.places
    pare finetune -q -j 1 -d $data -e 18 -o m.h5 m.h5
done
run pare diff -q --state m.h5 $run/iterative.h5
status_is 0 "pipes and files make the same model"
within ticket5.places ticket1.places "what is gone stays gone"
places $run/iterative.h5 >final.places
same final.places ticket5.places "and training keeps the mask"

run make -s -C "$PIPELINES/schedules" show "O=$PWD/none"
status_is 0 "the commands can be shown"
out_has '^ *pare prune -f \.2 .*iterative' "as they are run"
ok "without running them" test ! -e none
finish
