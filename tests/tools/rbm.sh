# Restricted Boltzmann machines: training, what it keeps, and what is refused.
. "${0%/*}/lib.sh"

# 90 images of 6 x 6 with a bright row or column, as IDX.
u32() {
    printf "\\0\\0\\$(printf %o $(($1 / 256)))\\$(printf %o $(($1 % 256)))"
}
{
    u32 2051 && u32 90 && u32 6 && u32 6
    awk 'BEGIN { for (i = 0; i < 90 * 36; i++) {
        s = int(i / 36); x = i % 6; y = int(i % 36 / 6)
        on = s % 12 < 6 ? x == s % 12 : y == s % 12 - 6
        printf "%c", on ? 120 - s % 9 : 1 + (i * i + s) % 9 } }'
} >x
{
    u32 2049 && u32 90
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 \
        26 27 28 29 30; do
        printf '\0\1\2'
    done
} >y
run pare-data idx x y --make-split 60,15,15 -S 1 --normalize auto -o i.h5
status_is 0 "images are data, with means and deviations"

train() {
    pare-train -q -d i.h5 -S 1 -b 7 -l .3 --optimizer sgd "$@"
}
machine='rbm(36,2)' # fewer units than classes
run train -a "$machine" -e 40 -v -o r.h5
status_is 0 "it trains, and needs no loss"
ok "telling no accuracy" test "$(grep -c accuracy "$ERR")" = 0
err_has 'epoch 40: loss 0\.[0-9]+; validation 0\.[0-9]+; ' "but the error"
run pare-check r.h5
status_is 0 "the model is valid"
run pare-log --history r.h5
cut -f 5,6,8 "$OUT" >columns
ok "the error falls" awk '
    NR == 2 { first = $1 } { last = $1 } END { exit !(last < .8 * first) }' columns
ok "accuracies are none" \
    test "$(awk 'NR > 1 && ($2 != "nan" || $3 != "nan")' columns | wc -l)" = 0
run pare-log r.h5
out_has 'loss reconstruction' "the provenance names the loss"
run pare-eval -d i.h5 --split val r.h5
ok "eval gives the error of the history" awk -v OFS='\t' '
    FNR == NR { if (FNR == 2) loss = $4; acc = $5; next }
    { last = $7 } END { exit !(loss == last && acc == "-") }' \
    "$OUT" /dev/stdin <<END
$(pare-log --history r.h5)
END
run pare-eval --json -d i.h5 r.h5
out_has '"accuracy": ?null' "JSON says null for what there is not"
run pare-stats r.h5
out_has 'rbm1	2x36	110	' "statistics count weights and both biases"
run_sh 'pare-dump r.h5 | pare-load | cmp - r.h5'
status_is 0 "the text twin holds it"

# ---- the same bytes ----
big='rbm(36,70)'
run train -a "$big" -e 6 --init normal,sd=.05 -j 1 -o 1.h5
run train -a "$big" -e 6 --init normal,sd=.05 -j 3 -o 3.h5
same 1.h5 3.h5 "at any number of threads"
run train -a "$big" -e 2 --init normal,sd=.05 -o 2.h5
run pare-finetune -d i.h5 -e 4 -o 6.h5 2.h5
run pare-diff --state -q 6.h5 1.h5
status_is 0 "in parts it is the same"
run train -a "$big" --init normal,sd=.05 --steps 13 -o part.h5
run pare-finetune -d i.h5 -e 5 -o whole.h5 part.h5
run pare-diff --state -q whole.h5 1.h5
status_is 0 "and from inside of an epoch"
run train -a "$big" -e 500 -l .1 -o whole.h5
pare-train -q -d i.h5 -S 1 -b 7 --optimizer sgd -a "$big" -e 500 -l .1 \
    --autosave 50ep -o killed.h5 &
pid=$!
while [ ! -e killed.h5.autosave ] && kill -0 $pid 2>/dev/null; do
    sleep .02
done
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
ok "a killed run has kept its state" test -e killed.h5.autosave
run train -a "$big" -e 300 -l .1 --autosave 50ep -o killed.h5
fails_with 1 "of that command alone"
run train -a "$big" -e 500 -l .1 --autosave 50ep -v -o killed.h5
err_has 'resuming at epoch [0-9]+' "from which the same command goes on"
same killed.h5 whole.h5 "to the same bytes"

# ---- sparse ----
run_sh "pare-init -a '$big' --init normal,sd=.05 -S 2 |
    pare-prune -m random -s .9 -S 3 -o start.h5"
status_is 0 "a machine is pruned like any other"
run train -e 5 -o sparse.h5 start.h5
status_is 0 "and trained"
run pare-check sparse.h5
status_is 0 "pruned stays pruned"
run pare-diff --masks -q sparse.h5 start.h5
status_is 0 "where it was"
run train -e 5 --dialect set --weight-decay 2e-3 -o set.h5 start.h5
run train -e 5 --weight-decay 2e-3 -o plain.h5 start.h5
run pare-diff -q set.h5 plain.h5
status_is 1 "the dialect has its own decay"
run train -e 5 -j 3 -o sparse3.h5 start.h5
same sparse.h5 sparse3.h5 "at any number of threads, too"
run pare-rewind -t init -o init.h5 sparse.h5
status_is 0 "it goes back to its beginning"

# ---- sparse from the first step, and rewired ----
run train -a "$big" --epsilon 6 --init normal,sd=.05 -e 4 -o fixed.h5
status_is 0 "it begins sparse"
run train -a "$big" --epsilon 6 --init normal,sd=.05 -e 4 \
    --evolve 'set zeta=.3 value=normal:.05' -o moved.h5
status_is 0 "and its connections move"
run pare-check moved.h5
status_is 0 "to a valid model"
ok "of as many connections" test "$(pare-stats moved.h5 | cut -f 5)" = \
    "$(pare-stats fixed.h5 | cut -f 5)"
run pare-diff --masks -q fixed.h5 moved.h5
status_is 1 "elsewhere"
run train -a "$big" --epsilon 6 --init normal,sd=.05 -e 4 -j 3 \
    --evolve 'set zeta=.3 value=normal:.05' -o moved3.h5
same moved.h5 moved3.h5 "at any number of threads"
run train -a "$big" --epsilon 6 -e 4 --evolve 'rigl every=step:5' -o o.h5
fails_with 1 "there is no gradient to grow by"
err_has 'Boltzmann machine' "as it says"

# ---- bad input ----
run train -a "$big" -e 1 --loss mse -o o.h5
fails_with 1 "another loss is refused"
err_has 'by the loss reconstruction' "with its own named"
run train -a 36-4 -e 1 --loss reconstruction -o o.h5
fails_with 1 "and its loss for other networks"
run pare-finetune -d i.h5 -e 1 --loss nll -o o.h5 r.h5
fails_with 1 "finetune does not change it"
run train -a "$big" -e 1 --select best-val-acc -o o.h5
fails_with 1 "no epoch is best by accuracy"
run train -a "$big" -e 3 --select best-val-loss -o best.h5
status_is 0 "but by the error"
run train -a "$big" -e 1 --accumulate movement -o o.h5
fails_with 1 "no scores are gathered"
run train -a 'rbm(36,5) linear(3)' -e 1 -o o.h5
fails_with 2 "it is alone"
run train -a 'in(36) rbm(5) linear(3)' -e 1 -o o.h5
fails_with 2 "in the general form too"
run train -a 'rbm(35,5)' -e 1 -o o.h5
fails_with 1 "data of other inputs do not fit"
run pare-eval --confusion -d i.h5 r.h5
fails_with 1 "there is no confusion matrix"
run pare-prune -m taylor -s .5 -d i.h5 --calibrate 20 -o o.h5 r.h5
fails_with 1 "nor a gradient of outputs"
run pare-prune -s .5 --max-drop 1 -d i.h5 -o o.h5 r.h5
[ "$status" -ne 0 ] && pass || fail "nor an accuracy that drops"
run pare-scan -d i.h5 r.h5
fails_with 1 "or is scanned"
run pare-shrink -o o.h5 r.h5
fails_with 1 "its units do not shrink"
printf 'p,q,kind\n1,2,a\n0.5,9,b\n0.25,1,a\n0.125,3,b\n' >odd.csv
run pare-data csv --label kind --make-split 4,0,0 -S 1 -o odd.h5 odd.csv
status_is 0 "numbers above 1 are data"
run pare-train -q -a 'rbm(2,3)' -d odd.h5 -e 1 -o o.h5
fails_with 1 "but no inputs of a machine"
err_has 'are from 0 to 1' "as it says"
ok "and nothing was written" test ! -e o.h5
finish
