# --dialect of pare-train and pare-finetune: what it changes, that the model
# keeps it, and what is refused.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

net='in(4) linear(20) relu dropout(.2) linear(3) sigmoid'
train() {
    pare-train -q -a "$net" -d d.h5 -S 1 -b 16 -l .05 --loss mse \
        --optimizer sgd,momentum=.9 --weight-decay 2e-4 "$@"
}
run train -e 4 -o plain.h5
run train -e 4 --dialect standard -o standard.h5
same plain.h5 standard.h5 "standard is what there is without"
run train -e 4 --dialect set -o set.h5
status_is 0 "set trains"
run pare-diff -q set.h5 plain.h5
status_is 1 "to other weights"
run train -e 4 --dialect synapses -o synapses.h5
run pare-diff -q synapses.h5 plain.h5
status_is 0 "synapses does not, without rewiring"
for j in 1 3; do
    run train -e 4 --dialect set -j $j -o j.h5
    same set.h5 j.h5 "with $j threads the same bytes"
done

# ---- the model keeps it ----
run train -e 1 --dialect set -o 1.h5
run pare-finetune -d d.h5 -e 1 -o 2.h5 1.h5
run pare-finetune -d d.h5 -e 2 -o 4.h5 2.h5
run pare-diff --state -q 4.h5 set.h5
status_is 0 "in parts it is the same, as the file says how"
run train -e 4 --dialect set --autosave 1ep --autosave-file kept -o a.h5
same a.h5 set.h5 "kept states do not change it"
run pare-check set.h5
status_is 0 "the model is valid"
run pare-log set.h5
out_has '--dialect set' "the provenance names it"
run pare-log plain.h5
out_lacks dialect "or does not"
run pare-finetune -d d.h5 -e 1 --dialect standard -o left.h5 1.h5
run pare-finetune -d d.h5 -e 1 -o off.h5 left.h5
run pare-log off.h5
out_has '--dialect standard' "it is left by name"
run pare-finetune -d d.h5 -e 2 --dialect standard -o both.h5 1.h5
run pare-diff --state -q off.h5 both.h5
status_is 0 "for good"
run pare-diff -q left.h5 2.h5
status_is 1 "which counts"
run train -e 1 -o p1.h5
run pare-finetune -d d.h5 -e 1 --dialect set -o on.h5 p1.h5
run pare-finetune -d d.h5 -e 1 -o p2.h5 p1.h5
run pare-diff -q on.h5 p2.h5
status_is 1 "or taken on"
run pare-train -q -d d.h5 -e 1 -S 1 --loss mse -o anew.h5 set.h5
run pare-log anew.h5
ok "training anew does not take it over" \
    test "$(tail -n 1 "$OUT" | grep -c dialect)" = 0

# ---- pruned stays pruned ----
run_sh 'pare-prune -s .6 1.h5 | pare-finetune -d d.h5 -e 2 -o sparse.h5'
status_is 0 "a pruned model goes on in it"
run pare-check sparse.h5
status_is 0 "with zeros where it was pruned"

run_sh 'pare-dump set.h5 | pare-load | cmp - set.h5'
status_is 0 "the text twin holds the dialect"

# ---- momentum under the masks ----
run pare-prune -s .6 -o pruned.h5 p1.h5
run pare-finetune -d d.h5 -e 2 --dialect numenta -o n2.h5 pruned.h5
status_is 0 "numenta goes on from a pruned model"
run pare-check n2.h5
status_is 0 "which is valid, as the file declares it"
run_sh 'pare-finetune -d d.h5 -e 1 --dialect numenta pruned.h5 |
    pare-finetune -d d.h5 -e 1 -o n11.h5'
run pare-diff --state -q n2.h5 n11.h5
status_is 0 "the file carries all of the momentum"
run pare-finetune -d d.h5 -e 2 -o n0.h5 pruned.h5
run pare-diff --masks -q n0.h5 n2.h5
status_is 0 "the masks are held"
run_sh 'pare-dump n2.h5 | grep -v ^dialect | pare-load -o bare.h5'
[ "$status" -ne 0 ] || { run pare-check bare.h5; }
ok "without the name it is no valid state" test "$status" -ne 0
run pare-finetune -d d.h5 -e 0 --dialect standard -o out.h5 n2.h5
status_is 0 "the dialect is left"
run pare-check out.h5
status_is 0 "with nothing under the masks"
run_sh 'pare-dump out.h5 | pare-load | cmp - out.h5'
status_is 0 "as any other model"

# ---- decay is not times the rate ----
run pare-train -q -a 4-3 -d d.h5 -S 1 -e 1 -b 80 -l 0 --loss mse \
    --optimizer sgd --weight-decay .5 --dialect set -o half.h5
run pare-train -q -a 4-3 -d d.h5 -S 1 -e 1 -b 80 -l 0 --loss mse \
    --optimizer sgd --weight-decay .5 -o whole.h5
run_sh 'pare-dump half.h5 | grep -A 8 "^tensor" >half.txt
    pare-dump whole.h5 | grep -A 8 "^tensor" >whole.txt
    cmp -s half.txt whole.txt'
status_is 1 "weights are halved at a rate of 0"

# ---- bad input ----
run train -e 1 --dialect sett -o o.h5
fails_with 2 "an unknown one is a wrong usage"
err_has 'numenta, set, synapses or standard' "that says what there is"
run pare-finetune -d d.h5 -e 1 --dialect '' -o o.h5 1.h5
fails_with 2 "and so is an empty one"
run pare-train -q -a 'in(4) linear(9) dropout relu linear(3)' -d d.h5 -e 1 \
    --dialect set -o o.h5
fails_with 1 "dropout that no linear layer follows"
err_has 'not by relu relu1' "is named"
ok "and nothing is written" test ! -e o.h5
run pare-prune -m obs -s .5 -d d.h5 --calibrate 20 -o o.h5 set.h5
fails_with 1 "criteria that do not know its dropout say so"
err_has 'dropout of dialect set' "with the reason"
run pare-prune -m gradient -s .5 -d d.h5 --calibrate 20 -o o.h5 set.h5
status_is 0 "others do"
finish
