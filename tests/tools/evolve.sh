# Dynamic sparse training in one process: what it leaves, what is refused.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

run_sh "pare-train -q -a 4-20-10-3 -d d.h5 -e 0 -S 1 -b 7 -l .02 |
    pare-prune -q -m random -S 1 -A layer -s .6 -o sparse.h5"
status_is 0 "there is a sparse network"
evolve="pare-finetune -q -d d.h5 sparse.h5"

# ---- every row trains, keeps its connections and its promises ----
for spec in set 'set form=kth value=fan every=step:5 last=yes' \
    'set form=sorted avoid=removed value=normal:.1 velocity=reset' \
    'set p=.3 layers=fc1,fc2' 'set measure last=drop' \
    'set grow=gradient decay=linear until=3' 'rigl every=step:7' momentum \
    'hebbian zeta=.3 count=exact' 'hebbian grow=hebbian lowest highest' \
    'hebbian join=and tau=.1 zeta=0' 'weighted seed=3'; do
    run_sh "$evolve -e 4 --evolve '$spec' -o one.h5"
    status_is 0 "it rewires: $spec"
    run pare-check one.h5
    status_is 0 "the model is sound: $spec"
    run_sh "$evolve -e 4 -j 3 --evolve '$spec' -o two.h5"
    same one.h5 two.h5 "at three threads too: $spec"
    run pare-diff -q --masks sparse.h5 one.h5
    status_is 1 "connections have moved: $spec"
    case $spec in
    *drop | hebbian* | weighted*) ;;
    momentum) ok "as many in all" test \
        "$(kept one.h5 | cut -d ' ' -f 4)" = "$(kept sparse.h5 |
            cut -d ' ' -f 4)" ;;
    *) ok "as many as before: $spec" test \
        "$(kept one.h5)" = "$(kept sparse.h5)" ;;
    esac
done
run pare-finetune -q -d d.h5 -e 4 --evolve 'set form=slots last=drop' sparse.h5 -o one.h5
ok "nothing grows after the last" test "$(kept one.h5 | cut -d ' ' -f 4)" \
    -lt "$(kept sparse.h5 | cut -d ' ' -f 4)"
run pare-finetune -q -d d.h5 -e 4 --evolve 'set form=slots layers=fc1' sparse.h5 -o one.h5
run pare-diff --masks sparse.h5 one.h5
out_has '^fc1' "the layer that is named moves"

# ---- what it tells ----
run_sh "$evolve -v -e 3 --log t.tsv --evolve 'set form=slots measure' -o one.h5"
err_has '^pare-finetune: rewiring 2, step 24: removed [0-9]+ of 124, grew' \
    "each rewiring is told"
ok "the log has a line for each" test "$(grep -c '^evolve	' t.tsv)" -eq 2
ok "with what was measured" sh -c \
    "awk -F '\t' '/^evolve/ { exit !(\$7 > 0 && \$8 >= 0) }' t.tsv"
run pare-log one.h5
out_has "evolve 'set zeta=0.3 form=slots .*measure=yes'" "the file has the SPEC"
run_sh "$evolve -v -e 3 --evolve 'set p=.5' -o one.h5"
ok "rewirings without number are not" sh -c "! grep -q rewiring '$ERR'"
run_sh "$evolve -e 3 --evolve 'set p=.5 seed=9' -o one.h5"
mkdir again
pare-log --make --search . one.h5 >again/Makefile
cp d.h5 again
run make -s -C again PARE=pare OUT=one.h5
same again/one.h5 one.h5 "the log tells how to make the same bytes again"

run pare-train -q -v -a 4-200-200-3 --epsilon 5 --sparse-layers fc2 \
    -d d.h5 -e 2 -S 1 --evolve 'set form=slots' -o one.h5
err_has ': removed [0-9]{3} of 2,000, grew [0-9]{3}$' "large counts have commas"

run_sh "$evolve -e 3 --evolve 'set every=9' -o one.h5"
status_is 0 "a run may end before the first rewiring"
err_has 'warning: the run came to no time of --evolve' "with a warning"
run_sh "$evolve -e 3 --evolve 'set every=2' -o one.h5"
ok "which others do not get" test ! -s "$ERR"

# ---- what is refused ----
while IFS='|' read -r spec why; do
    run pare-finetune -d d.h5 -e 4 --evolve "$spec" sparse.h5 -o no.h5
    fails_with "${why%% *}" "refused: $spec"
    err_has "${why#* }" "says why: $spec"
done <<'END'
|2 no way to rewire is given
sets|2 there are set, rigl
set zeta=2|2 zeta is a number from 0 to 1
set zata=.1|2 has no 'zata'
set start=3 until=2|2 until is before start
set until=9|2 until=9 is beyond the run
set until=step:999|1 until=step:999 is beyond the run
set zeta=nan|2 zeta is a number from 0 to 1
set zeta=.1 zeta=.2|2 zeta is given twice
set every=0|2 every is 0
set start=0|2 start is 0: nothing has been trained
set start=2 every=step:3|2 start and every must both be
set until=5/4|2 until: 5/4 is beyond the run
set until=2 last=yes|1 last does not go with rewiring that ends before
rigl every=1 last=yes|1 last does not go with rewiring that ends before
set p=-.1|2 p is a number from 0 to 1
set p=.1 every=2|2 p and every exclude each other
set p=.1 last=yes|2 last does not go with it
set p=.1 start=2|2 with p start is a step
set p=.1 measure|2 measure goes with times in epochs
set every=step:5 measure|2 measure goes with times in epochs
set layers=fc1,|2 a glob is empty
set layers=conv*|1 no sparse layer is called that
rigl calibrate=500|1 cannot calibrate on 500 samples
END
ok "nothing is written" test ! -e no.h5
run pare-finetune -d d.h5 -e 4 --evolve set --prune 'at=1/2 f=.2' sparse.h5
fails_with 2 "not with --prune"
run pare-finetune -d d.h5 -e 4 --evolve set --select best-val-acc sparse.h5
fails_with 2 "not with --select"
run pare-finetune -d d.h5 -e 4 --evolve set m.h5 -o no.h5
fails_with 1 "a dense model does not rewire"
err_has 'no sparse layer: begin' "it says how to get one"
run_sh "pare-prune -q -A layer -s .1 m.h5 |
    pare-finetune -d d.h5 -e 4 --evolve 'set avoid=removed' -o no.h5"
fails_with 1 "there must be room"
err_has 'fc1 has 72 connections and 8 free positions' "it says how much there is"
run_sh "pare-train -q -a 'in(1,2,2) conv1=conv2d(6,2,pad=1) relu fc1=linear(3)' \
    -d d.h5 -e 0 | pare-prune -q -A layer -s .5 -o conv.h5"
run pare-finetune -d d.h5 -e 4 --evolve hebbian conv.h5 -o no.h5
fails_with 1 "a convolution has no coactivations"
err_has 'conv1 is no linear layer' "it says which"
run pare-finetune -q -d d.h5 -e 4 --evolve set conv.h5 -o one.h5
status_is 0 "but it can be rewired"
run pare-finetune -q -d d.h5 -e 4 --evolve 'hebbian layers=fc*' conv.h5 \
    -o one.h5
status_is 0 "as its linear layer can"
awk -F , -v OFS=, 'NR > 1 { for (i = 1; i < NF; i++) $i = NR % (i + 1) > 0 }
    { print }' d.csv >bits.csv
run pare-data csv --label kind --make-split 80,20,20 --normalize none -S 1 \
    -o bits.h5 bits.csv
for spec in 'rigl every=step:2' momentum 'set grow=gradient'; do
    run pare-train -q -a 'rbm(4,9)' --density .5 -d bits.h5 -e 1 -S 1 \
        --evolve "$spec" -o no.h5
    fails_with 1 "a Boltzmann machine has no such gradient: $spec"
    err_has 'use grow=random' "that is said before it trains: $spec"
done
run pare-train -q -a 'rbm(4,9)' --density .5 -d bits.h5 -e 2 -S 1 \
    --evolve 'rigl every=1 grow=random' -o one.h5
status_is 0 "so it is done"
run pare-train -d d.h5 -a 4-70000-70000-3 --epsilon 1 --steps 3 -b 5 \
    --evolve rigl -o no.h5
fails_with 1 "no gradients of 4.9e9 positions"
err_has 'fc2 has more than 2.32 positions' "it says where"
ok "nothing was written" test ! -e no.h5

finish
