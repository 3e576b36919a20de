# Second-order pruning: what stays makes up for what goes.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

run pare-train -q -a 4-40-20-3 -d d.h5 -e 60 -l .01 -S 2 -o t.h5
status_is 0 "a model to prune"
loss() {
    pare-eval -d d.h5 --split train "$1" | awk 'NR == 2 { print $4 }'
}
# less A B: the number A is less than B.
less() {
    awk -v a="$1" -v b="$2" 'BEGIN { exit !(a < b) }'
}

# ---- it does better than magnitude, which changes no value ----
for how in '-s .7' '-s .8 -A layer' '-g 2:4' '-g 1:4' '-g unit -f .4'; do
    # shellcheck disable=SC2086
    run pare-prune $how -o magnitude.h5 t.h5
    # shellcheck disable=SC2086
    run pare-prune -v -m obs $how -d d.h5 -o obs.h5 t.h5
    status_is 0 "obs prunes: $how"
    case $how in
    *unit*) ;; # other units, of other layers
    *)
        ok "as many go: $how" test "$(kept obs.h5 | awk '{ print $NF }')" = \
            "$(kept magnitude.h5 | awk '{ print $NF }')"
        ok "the loss grows less: $how" \
            less "$(loss obs.h5)" "$(loss magnitude.h5)"
        ;;
    esac
    run pare-check obs.h5
    status_is 0 "pruned is pruned: $how"
    # shellcheck disable=SC2086
    run pare-prune -m obs $how -d d.h5 -j 1 -o one.h5 t.h5
    # shellcheck disable=SC2086
    run pare-prune -m obs $how -d d.h5 -j 2 -o two.h5 t.h5
    same one.h5 two.h5 "at any number of threads: $how"
    same one.h5 obs.h5 "again: $how"
done
run pare-prune -m obs -s .5 -A layer -d d.h5 -o layer.h5 t.h5
ok "each layer loses its share" test "$(kept layer.h5)" = '80 400 30 510'
run pare-prune -m obs -s .5 --only fc2 -d d.h5 -o only.h5 t.h5
ok "only the layer named is touched" test "$(kept only.h5)" = '160 400 60 620'
run pare-diff t.h5 only.h5
ok "its values are" grep -q '^fc2.weight	' "$OUT"

# ---- what was pruned before stays so ----
run pare-prune -s .4 -o before.h5 t.h5
run pare-prune -m obs -s .7 -d d.h5 -o after.h5 before.h5
status_is 0 "a pruned model is pruned on"
ok "to what was asked for" expr "$(kept after.h5)" : '.* 306$'
run pare-check after.h5
status_is 0 "and is good"
places() {
    pare-dump "$1" | awk '/^tensor fc2.weight/ { on = 1; next }
        /^[a-z]/ { on = 0 }
        on { for (i = 1; i <= NF; i++) print $i }' | cut -d : -f 1 | sort
}
places before.h5 >a
places after.h5 >b
ok "no weight comes back" test -z "$(comm -13 a b)" -a -s b
run_sh 'pare-prune -s .4 t.h5 | pare-prune -m obs -s .7 -d d.h5 >pipe.h5'
same pipe.h5 after.h5 "through a pipe as through files"
run pare-finetune -q -d d.h5 -e 1 -o tuned.h5 after.h5
status_is 0 "it trains on"

new='pare-train -q -a 4-20-10-3 -d d.h5 -S 1'
tune='pare-finetune -q -d d.h5 -e 1'
run_sh "$new -e 3 --prune 'at=1,2 f=.3 m=obs,block=8' -o in-one.h5 &&
    $new -e 1 | pare-prune -m obs,block=8 -f .3 -d d.h5 | $tune |
    pare-prune -m obs,block=8 -f .3 -d d.h5 | $tune -o piped.h5"
run pare-diff --state -q in-one.h5 piped.h5
status_is 0 "a schedule by it is its pipeline"

# ---- convolutions, with groups too ----
run_sh "pare-train -q -a 'in(1,2,2) conv2d(4,2,pad=1) relu conv2d(4,2,groups=2)
    relu flatten linear(3)' -d d.h5 -e 60 -l .01 -S 2 -o conv.h5"
run pare-prune -s .5 -o magnitude.h5 conv.h5
run pare-prune -m obs -s .5 -d d.h5 -o obs.h5 conv.h5
status_is 0 "convolutions are pruned"
ok "the loss grows less" less "$(loss obs.h5)" "$(loss magnitude.h5)"
run pare-check obs.h5
status_is 0 "and are good"
run pare-prune -m obs -g 1:2 --only conv2 -d d.h5 -o obs.h5 conv.h5
status_is 0 "also by groups of input channels"

# ---- what is told and refused ----
run pare-prune -v -m obs,damp=0 -s .5 -d d.h5 --calibrate 3 -o few.h5 t.h5
status_is 0 "few samples are damped"
err_has '; fc1 and 2 more have no inverse Hessian: damped by 1e-06$' "as is told"
run pare-log few.h5
out_has 'damped by 1e-06$' "and kept"
run pare-prune -m obs -s .5 t.h5
fails_with 2 "it needs data"
for bad in obs,damp=-1 obs,damp=x obs,block=0 obs,block=1.5 obs,foo=1 \
    obs,rounds=2 obs,largest obs,inverse; do
    run pare-prune -m $bad -s .5 -d d.h5 t.h5
    fails_with 2 "wrong usage: $bad"
done
run pare-prune -m obs -s .5 --bias -d d.h5 t.h5
fails_with 1 "biases are not for it"
err_has 'bias' "as is said"
run pare-prune -m obs -s .5 -d d.h5 --calibrate 81 t.h5
fails_with 1 "more samples than there are"

finish
