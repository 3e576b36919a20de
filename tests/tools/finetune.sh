# pare-finetune as a program: going on where a model stands.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

# same_state A B NAME: the models are equal in all but provenance.
same_state() {
    run pare-diff --state -q "$1" "$2"
    status_is 0 "$3"
}
other_state() {
    run pare-diff -q "$1" "$2"
    status_is 1 "$3"
}
# ---- what the file says holds ----
new='pare-train -a 4-20-10-3 -d d.h5 -S 1 -b 17'
for how in '' '--optimizer sgd,momentum=.9,nesterov -l .1' \
    '--optimizer adadelta --weight-decay .01' \
    '--schedule step,every=1,gamma=.5' '--schedule milestones,at=1:3' \
    '--schedule cosine,epochs=4,warmup=1' '--schedule one-cycle,epochs=4' \
    '--loss mse'; do
    run_sh "$new $how -e 4 -o whole.h5 &&
        $new $how -e 2 | pare-finetune -d d.h5 -e 2 -o parts.h5"
    status_is 0 "it goes on: $how"
    same_state whole.h5 parts.h5 "in two parts as in one: $how"
    run_sh "$new $how --steps 7 -o 7.h5 && pare-finetune -d d.h5 \
        --steps 5 -o 12.h5 7.h5 && pare-finetune -d d.h5 --steps 8 -o 20.h5 12.h5"
    same_state whole.h5 20.h5 "stopped inside epochs: $how"
done
run_sh "$new --steps 7 | pare-finetune -d d.h5 -e 3 -o 4.h5"
run_sh "$new -e 4 -o whole.h5"
same_state whole.h5 4.h5 "an epoch that was begun is one of those to finish"
run_sh "$new -e 0 | pare-finetune -d d.h5 -e 4 -o 4.h5"
same_state whole.h5 4.h5 "a run may begin with none"
run_sh "$new -e 4 --schedule cosine,epochs=4 -o cosine.h5"
run_sh "$new -e 1 --schedule cosine,epochs=4 | pare-finetune -d d.h5 -o 4.h5"
same_state cosine.h5 4.h5 "without a length the rest of the schedule is run"
run pare-finetune -d d.h5 cosine.h5
fails_with 1 "if there is a rest"
err_has 'how long' "as is said"
run pare-finetune -d d.h5 -e 1 -o more.h5 cosine.h5
err_has 'warning: .* at its end and the learning rate stays 0;' \
    "more of it is said to train nothing"
for how in '-l .01' '--schedule cosine' '--lr-rewind epoch:3'; do
    # shellcheck disable=SC2086
    run pare-finetune -d d.h5 -e 1 $how -o more.h5 cosine.h5
    err_is '' "but not with $how"
done

# ---- what the command line changes ----
run_sh "$new -e 2 -o two.h5"
run pare-finetune -d d.h5 -e 1 -o base.h5 two.h5
for set in '-l .5' '-b 20' '-S 9' '--optimizer sgd' '--reset-optimizer' \
    '--weight-decay .5' '--loss mse' '--schedule cosine'; do
    # shellcheck disable=SC2086
    run pare-finetune -d d.h5 -e 1 $set -o set.h5 two.h5
    status_is 0 "can be: $set"
    other_state set.h5 base.h5 "makes a difference: $set"
    # shellcheck disable=SC2086
    run pare-finetune -d d.h5 -e 2 $set -o twice.h5 two.h5
    run pare-finetune -d d.h5 -e 1 -o once.h5 set.h5
    case $set in
    *reset* | *cosine*) continue ;; # length and reset are of that run
    esac
    same_state twice.h5 once.h5 "and stays in the file: $set"
done
run pare-finetune -d d.h5 -e 1 --optimizer adam -o adam.h5 two.h5
same_state adam.h5 base.h5 "the same optimizer keeps its state"
run_sh "$new --steps 7 | pare-finetune -d d.h5 -e 1 -b 40 -v -o other.h5"
err_has ': 2 steps in' "another batch ends the epoch that was begun"

# ---- the schedule again ----
run pare-finetune -d d.h5 --lr-rewind epoch:1 -v -o again.h5 cosine.h5
status_is 0 "the schedule can be replayed"
err_has ': 15 steps in' "to its end"
pare-dump again.h5 | awk '/^history/ { print $4 }' >a
pare-dump cosine.h5 | awk '/^history/ { print $4 }' |
    sed -n 'p; 2,4H; ${ x; s/^\n//; p; }' >b
same a b "with the same learning rates"
run pare-finetune -d d.h5 --lr-rewind epoch:4 cosine.h5
fails_with 1 "not from its end"
for bad in '--lr-rewind 1' '--lr-rewind step:1' '--lr-rewind epoch:x' \
    '--lr-rewind epoch:1 -l .1' '--lr-rewind epoch:1 --schedule cosine'; do
    # shellcheck disable=SC2086
    run pare-finetune -d d.h5 $bad cosine.h5
    fails_with 2 "wrong usage: $bad"
done

# ---- pruned weights ----
for how in '' '--optimizer sgd,momentum=.9,nesterov -l .1' \
    '--optimizer adadelta --weight-decay .1'; do
    run_sh "$new $how -e 2 --checkpoint epoch:1 | pare-prune -s .8 |
        pare-finetune -d d.h5 -e 2 --checkpoint epoch:3 -o pruned.h5"
    status_is 0 "a pruned model goes on: $how"
    run_sh "$new $how -e 2 | pare-prune -s .8 -o before.h5"
    run pare-diff before.h5 pruned.h5
    out_has '^total	343	95	95	0	0	[1-9]' "with the same mask: $how"
    run pare-check pruned.h5
    status_is 0 "pruned stays pruned: $how"
done
run_sh "$new -e 2 | pare-prune -s .9 -m gradient --calibrate 50 -d d.h5 |
    pare-train -d d.h5 -e 2 -o masked.h5"
run pare-check masked.h5
status_is 0 "also when it is trained anew"
ok "with its mask" expr "$(kept masked.h5)" : '.* 31$'

# ---- select and checkpoints are of this run ----
run pare-finetune -d d.h5 -e 3 -l .3 --select best-val-loss \
    --log f.tsv --checkpoint every:1 -o best.h5 two.h5
best=$(awk -F '\t' '$1 == "epoch" && (!e || $7 < top) { top = $7; e = $2 }
    END { print e }' f.tsv)
pare-rewind -t "epoch:$best" best.h5 -o at.h5
run pare-diff -q best.h5 at.h5
status_is 0 "the best of these epochs is the result"
ok "epochs are counted on" test "$(cut -f 2 f.tsv | tr '\n' ' ')" = \
    'epoch 3 4 5 '

# ---- what is refused ----
for bad in '' '-d d.h5 -e 1 --steps 1' '-d d.h5 -e x' '-d d.h5 -e 1 -b 0' \
    '-d d.h5 -e 1 --optimizer foo' '-d d.h5 -e 1 --schedule foo' \
    '-d d.h5 -e 1 --loss foo' '-d d.h5 -e 1 --select foo' \
    '-d d.h5 -e 1 --checkpoint foo' '-d d.h5 -e 1 --autosave 1s' \
    '-d d.h5 -e 1 --log-every 2' '-d d.h5 -e 1 -l 1e7' '-d d.h5 -e 1 -a 4-3'; do
    # shellcheck disable=SC2086
    run pare-finetune $bad two.h5
    fails_with 2 "wrong usage: $bad"
done
pare-init -a 4-3 -o init.h5
run pare-finetune -d d.h5 -e 1 init.h5
fails_with 1 "a model that was never trained"
err_has 'pare-train' "is a case for pare-train"

# A network of another program's file, whose graph and normalisation it has.
pare-export safetensors two.h5 -o two.safetensors
pare-import --normalize none two.safetensors -o theirs.h5
run pare-finetune -q -S 2 -d d.h5 -e 1 theirs.h5 -o tuned.h5
status_is 0 "a network from elsewhere is trained on"
pare-train -q -S 2 -d d.h5 -e 1 theirs.h5 -o trained.h5
run pare-diff tuned.h5 trained.h5
status_is 0 "as pare-train does it where nothing is said"
run_sh 'pare-prune -q -s .5 theirs.h5 | pare-finetune -q -d d.h5 -e 1 -l .01 |
    pare-check'
status_is 0 "also pruned, in a pipe"
run pare-finetune -q -d d.h5 theirs.h5 -o tuned.h5
fails_with 1 "how long has to be said"
sed 's/top$/tap/' d.csv >tap.csv
pare-data csv --label kind --make-split 80,20,20 -S 1 -o tap.h5 tap.csv
run pare-finetune -d tap.h5 -e 1 two.h5
fails_with 1 "other class names"
err_has "'tap'.*'top'|'sky'" "are told"
cut -d , -f 2- d.csv >three.csv
pare-data csv --label kind --make-split 80,20,20 -S 1 -o three.h5 three.csv
run pare-finetune -d three.h5 -e 1 two.h5
fails_with 1 "too few inputs"
grep -v sky d.csv >less.csv
pare-data csv --label kind --make-split 40,20,20 -S 1 -o less.h5 less.csv
run pare-finetune -d less.h5 -e 1 two.h5
fails_with 1 "other classes"
echo old >o.h5
run pare-finetune -d d.h5 -e 9 --loss mse --optimizer sgd -l 1e6 -o o.h5 two.h5
fails_with 1 "a diverging run"
ok "leaves the output alone" grep -qx old o.h5
run pare-finetune -d d.h5 -e 0 o.h5.autosave -o kept.h5
status_is 0 "what is kept is a model, and goes on"
e=$(pare-dump kept.h5 | grep -c ^history)
pare-finetune -d d.h5 -e $((e - 2)) --loss mse --optimizer sgd -l 1e6 \
    -o before.h5 two.h5
run pare-diff -q kept.h5 before.h5
status_is 0 "from the last epoch before the ruin"

# A text twin made by hand may say that it is far past its epoch.
pare-train -q -a 4-5-3 -d d.h5 -b 10 --steps 3 -S 1 -o inside.h5
pare dump inside.h5 | sed '/^training /s/epoch_step=3/epoch_step=4000/' |
    pare load -o past.h5
run pare-finetune -d d.h5 -e 1 -v past.h5 -o more.h5
status_is 0 "an epoch that is over is over"
err_has '^pare-finetune: [1-9][0-9]* steps in' "and one more is trained"

finish
