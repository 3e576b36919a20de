# Scores gathered in training, and pruning by them.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

new='pare-train -q -a 4-20-10-3 -d d.h5 -S 1'
# scores FILE: the sets of scores in a model, "240 hebbian 6 movement".
scores() {
    pare-dump "$1" | awk '/^scores / { printf "%s%s %s", s, $2, $3; s = " " }'
}
# numbers FILE HEAD: the values that follow the line beginning so, one a line.
numbers() {
    pare-dump "$1" | awk -v head="$2" '
        index($0, head) == 1 { on = 1; next }
        /^[a-z]/ { on = 0 }
        on { for (i = 1; i <= NF; i++) print $i }'
}

# ---- what is gathered, and how long it lasts ----
run_sh "$new -e 3 --accumulate hebbian,movement -o s.h5"
status_is 0 "scores are gathered"
ok "over all samples and steps" test "$(scores s.h5)" = '240 hebbian 6 movement'
run pare-check s.h5
status_is 0 "the file is good"
run_sh "$new -e 3 -o plain.h5"
ok "none unless asked for" test -z "$(scores plain.h5)"
run pare-diff -q plain.h5 s.h5
status_is 0 "the weights are the same"
run_sh "$new -e 3 --accumulate movement,hebbian -j 1 -o one.h5 &&
    $new -e 3 --accumulate movement,hebbian -j 2 -o two.h5"
same one.h5 two.h5 "at any number of threads"
same one.h5 s.h5 "in any order of the names"
run_sh 'pare-dump s.h5 | pare-load -o again.h5'
same again.h5 s.h5 "they survive the text"

run_sh 'pare-finetune -q -d d.h5 -e 1 -o more.h5 s.h5'
ok "a run that gathers none forgets them" test -z "$(scores more.h5)"
run_sh 'pare-finetune -q -d d.h5 -e 1 --accumulate movement -o more.h5 s.h5'
ok "one that does begins anew" test "$(scores more.h5)" = '2 movement'
run_sh 'pare-train -q -d d.h5 -e 1 --accumulate hebbian -o more.h5 s.h5'
ok "so does training" test "$(scores more.h5)" = '80 hebbian'
run_sh "$new -e 3 --select best-val-loss --accumulate movement -o best.h5"
ok "they are of the whole run" test "$(scores best.h5)" = '6 movement'

# ---- pruned weights ----
run_sh 'pare-prune -s .5 s.h5 | pare-finetune -q -d d.h5 -e 2 \
    --accumulate movement,hebbian -o masked.h5'
run pare-check masked.h5
status_is 0 "a pruned model gathers"
# Of a pruned tensor the text has place:value of what is not 0.
places() {
    numbers "$@" | cut -d : -f 1 | sort
}
places masked.h5 'score movement fc2.weight' >a
places masked.h5 'tensor fc2.weight' >b
ok "what is pruned does not move" test -z "$(comm -23 a b)" -a -s a
places masked.h5 'score hebbian fc2.weight' >a
ok "but its ends may be on" test -n "$(comm -23 a b)"

# ---- pruning by them ----
# The 30 lowest of one layer by sort, equal ones by their places; printf makes
# decimals of the text's hexadecimal numbers.
for which in movement hebbian; do
    run pare-prune -m $which -n 30 --only fc2 -o p.h5 s.h5
    status_is 0 "$which prunes"
    numbers s.h5 "score $which fc2.weight" >hex
    # shellcheck disable=SC2046
    printf '%.17e\n' $(cat hex) | awk '{ print $1 "\t" NR }' |
        sort -k1,1g -k2,2n | awk -F '\t' 'NR > 30 { print $2 - 1 }' | sort >a
    places p.h5 'tensor fc2.weight' >b
    ok "30 of 200 go" test "$(wc -l <b)" -eq 170
    same a b "those with the lowest $which scores"
    run pare-check p.h5
    status_is 0 "the pruned file is good"
    pare-prune -m $which -f .3 s.h5 | pare-finetune -q -d d.h5 -e 1 \
        --accumulate $which | pare-prune -m $which -f .3 -o pipe.h5
    pare-prune -m $which -f .3 -o 1.h5 s.h5
    pare-finetune -q -d d.h5 -e 1 --accumulate $which -o 2.h5 1.h5
    pare-prune -m $which -f .3 -o 3.h5 2.h5
    same pipe.h5 3.h5 "a pipe of rounds by $which is as through files"
    gather="--accumulate $which"
    run_sh "$new -e 3 $gather --prune 'at=1,2 f=.3 m=$which' -o in-one.h5 &&
        $new -e 1 $gather | pare-prune -m $which -f .3 |
        pare-finetune -q -d d.h5 -e 1 $gather | pare-prune -m $which -f .3 |
        pare-finetune -q -d d.h5 -e 1 $gather -o piped.h5"
    run pare-diff --state -q in-one.h5 piped.h5
    status_is 0 "a schedule by $which is its pipeline, scores too"
    run pare-prune -m $which plain.h5 -s .5
    fails_with 1 "no $which scores, no pruning by them"
    err_has "train.* --accumulate $which" "as is said, and what to do"
done
run_sh "pare-train -q -a 'in(1,2,2) conv2d(3,1) relu flatten linear(3)' -d d.h5 \
    -e 1 --accumulate movement,hebbian -o conv.h5"
status_is 0 "convolutions gather movement"
run pare-prune -m movement -s .5 -o p.h5 conv.h5
status_is 0 "and are pruned by it"
run pare-prune -m hebbian -s .5 conv.h5
fails_with 1 "but have no coactivations"
err_has 'conv1.weight has no hebbian scores' "as is said"
run pare-prune -m hebbian -s .5 --skip conv1 -o p.h5 conv.h5
status_is 0 "linear layers do"

# ---- killed and resumed is uninterrupted ----
long() {
    pare-train -q -a 'in(4) linear(60) relu dropout linear(60) batchnorm relu
        linear(3)' -d d.h5 -b 9 -S 3 -e 900 --accumulate movement,hebbian "$@"
}
run long -o whole.h5
status_is 0 "a long run"
for pause in 0 0.05; do
    (
        exec pare-train -q -a 'in(4) linear(60) relu dropout linear(60) batchnorm relu
        linear(3)' -d d.h5 -b 9 -S 3 -e 900 --accumulate movement,hebbian \
            --autosave 0.05s -o killed.h5
    ) &
    pid=$!
    tries=0
    while [ ! -e killed.h5.autosave ] && [ "$tries" -lt 500 ]; do
        sleep 0.02
        tries=$((tries + 1))
    done
    sleep $pause
    kill -s KILL $pid
    { wait $pid; } 2>/dev/null
done
ok "the kept state has scores" test -n "$(scores killed.h5.autosave)"
run long --autosave 0.05s -v -o killed.h5
err_has 'resuming at epoch [0-9]+, step [0-9]+' "the same command goes on"
same whole.h5 killed.h5 "and ends in the same bytes"

# ---- replay ----
run_sh 'pare-prune -m movement -s .5 s.h5 |
    pare-finetune -q -d d.h5 -e 1 --accumulate hebbian |
    pare-prune -m hebbian -f .1 -o replay.h5 && mkdir replay &&
    pare-log --make --search . replay.h5 >replay/Makefile &&
    make -s -C replay OUT=again.h5'
status_is 0 "the log makes the model again"
same replay/again.h5 replay.h5 "to the bit"

# ---- what is refused ----
for bad in foo 'movement,' '' Movement; do
    run pare-train -a 4-3 -d d.h5 -e 1 --accumulate "$bad" -o x.h5
    fails_with 2 "no such scores: '$bad'"
    err_has 'there are movement, hebbian' "those there are"
    run pare-finetune -d d.h5 -e 1 --accumulate "$bad" -o x.h5 s.h5
    fails_with 2 "nor here"
done
ok "nothing is written" test ! -e x.h5

finish
