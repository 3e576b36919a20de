# pare-train as a program: what it makes, logs, keeps, and refuses.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

# ---- what it makes ----
run pare-train -a 4-20-10-3 -d d.h5 -e 3 -S 1 --checkpoint epoch:2 -v -o v.h5
status_is 0 "it trains"
out_is '' "the model goes to the file"
ok "a line an epoch with -v" test "$(grep -c '^epoch [123]: loss' "$ERR")" = 3
err_has 'validation [0-9.]+, [0-9.]+; ' "with the validation"
err_has '^pare-train: 6 steps in [0-9.]+ s; [0-9,]+ bytes written$' \
    "and the steps at the end"
same v.h5 m.h5 "what is said changes no byte"
run_sh 'pare-train -a 4-20-10-3 -d d.h5 -e 3 -S 1 --checkpoint epoch:2 >p.h5'
same p.h5 m.h5 "standard output gets the same bytes"
err_is '' "silence is success"
run pare-train -a 4-20-10-3 -d d.h5 -e 3 -S 2 -o s2.h5
run pare-diff -q s2.h5 m.h5
status_is 1 "another seed is another model"

run_sh 'pare-init -a 4-20-10-3 -S 1 | pare-train -d d.h5 -e 3 -S 1 \
    --checkpoint epoch:2 -o init.h5'
status_is 0 "an untrained model can be trained"
run pare-diff --state -q init.h5 m.h5
status_is 0 "into the same as from its architecture"
run pare-train -d d.h5 -e 3 -S 1 --checkpoint epoch:2 -o again.h5 m.h5
ok "a trained model is trained anew, from epoch 0" \
    test "$(pare-dump again.h5 | grep -c '^history [123] ')" = 3

run pare-train -a 4-20-10-3 -d d.h5 -e 0 -S 1 -o e0.h5
status_is 0 "no epochs are an untrained model"
run_sh 'pare-init -a 4-20-10-3 -S 1 | pare-diff -q e0.h5 -'
status_is 0 "with the weights that pare-init draws"
run pare-train -a 4-20-10-3 -d d.h5 -e 1 -b 1000 -v -o big.h5
err_has ': 1 steps in' "a batch larger than the data is all of them"
run pare-train -a 4-20-10-3 -d d.h5 --steps 5 -b 33 -v -o five.h5
err_has ': 5 steps in' "steps count batches"
err_has '^epoch 2, 2 of 3 steps: loss [0-9.]+, accuracy [0-9.]+; [0-9.]+ s$' \
    "the epoch that was begun has a line"
ok "one epoch of three was finished" \
    test "$(pare-dump five.h5 | grep -c '^history ')" = 1
run pare-train -a 4-5-3 -d d.h5 -e 2 --store-init -o store.h5
pare-rewind -t init store.h5 | pare-dump | grep -A99 '^tensor' >a
pare-train -a 4-5-3 -d d.h5 -e 0 | pare-dump | grep -A99 '^tensor' >b
ok "a stored init is the one that is drawn" \
    test "$(grep -m 5 '^  ' a)" = "$(grep -m 5 '^  ' b)"

# ---- settings change what comes out, each in its way ----
pare-train -a 4-20-10-3 -d d.h5 -e 3 -S 1 -o base.h5
for set in '--optimizer sgd' '--optimizer sgd,momentum=.9,nesterov' \
    '--optimizer adadelta' '-l 0.1' '-b 7' '--weight-decay .01' \
    '--schedule cosine' '--schedule step,every=1,gamma=.5' \
    '--schedule one-cycle' '--loss mse' '--init he-normal'; do
    # shellcheck disable=SC2086
    run pare-train -a 4-20-10-3 -d d.h5 -e 3 -S 1 $set -o set.h5
    status_is 0 "can be: $set"
    run pare-diff -q set.h5 base.h5
    status_is 1 "makes a difference: $set"
done
run pare-train -a 'in(4) linear(9) relu linear(3) log-softmax' --loss nll \
    -d d.h5 -e 1 -o nll.h5
err_is '' "nll after log-softmax is as it should be"
run pare-train -a 4-9-3 --loss nll -d d.h5 -e 1 -o nll.h5
err_has 'warning: nll takes log-probabilities' "else there is a warning"
run pare-train -a 'in(4) linear(3) softmax' -d d.h5 -e 1 -o soft.h5
err_has 'warning: cross-entropy takes logits' "as of two softmaxes"

# ---- the best epoch ----
run pare-train -a 4-20-10-3 -d d.h5 -e 9 -l .5 -S 3 --select best-val-acc \
    --log best.tsv --checkpoint every:1 -o best.h5
best=$(awk -F '\t' '$1 == "epoch" && (!e || $8 > top) { top = $8; e = $2 }
    END { print e }' best.tsv)
ok "another epoch than the last is best" test "$best" -lt 9
ran="best epoch $best"
pare-rewind -t "epoch:$best" best.h5 -o b1.h5
run pare-diff -q best.h5 b1.h5
status_is 0 "the best epoch's weights are the result"
pare-rewind -t best best.h5 -o b2.h5
run pare-diff -q b1.h5 b2.h5
status_is 0 "and a checkpoint"

# ---- the log ----
run pare-train -a 4-20-10-3 -d d.h5 -e 3 -b 32 -S 1 --log l.tsv \
    --log-every 2 -o l.h5
ran="cat l.tsv"
cp l.tsv "$OUT"
ok "the log has nine columns and seconds" \
    awk -F '\t' 'NF != 10 { exit 1 }' l.tsv
out_has '^kind	epoch	step	lr	train_loss	train_acc	val_loss	val_acc	sparsity	seconds$' \
    "and a header"
ok "a line for each epoch" test "$(cut -f 1-3 l.tsv | grep '^epoch' |
    tr '\t\n' ' /')" = 'epoch 1 3/epoch 2 6/epoch 3 9/'
ok "and for each second step" test "$(cut -f 1,3 l.tsv | grep '^step' |
    tr '\t\n' ' /')" = 'step 2/step 4/step 6/step 8/'
pare-dump l.h5 | awk '/^history/ { print $2, $3 }' >a
awk '/^epoch/ { print $2, $3 }' l.tsv >b
same a b "the model's history has the same epochs"

# ---- tables ----
for row in 'optimizer adadelta' 'schedule one-cycle' 'loss nll' \
    'dialect synapses' 'init he-normal' 'sparse erk' 'evolve rigl' \
    'prune agp' 'accumulate movement'; do
    run pare-train "--${row% *}" list
    status_is 0 "--${row% *} list needs nothing else"
    out_has '^name	meaning	source$' "it is a table: ${row% *}"
    out_has "^${row#* }	.*	." "with a row: $row"
done
run pare-finetune --evolve list
out_has '^weighted	' "pare-finetune has them too"

# ---- wrong usage ----
for bad in '-e 1' '-d d.h5' '-d d.h5 -e 1 --steps 1' '-d d.h5 -e -1' \
    '-d d.h5 -e 1x' '-d d.h5 -e 1.5' '-d d.h5 --steps 0' '-d d.h5 -e 1 -b 0' \
    '-d d.h5 -e 1 -l -1' '-d d.h5 -e 1 -l nan' '-d d.h5 -e 1 -j 0' \
    '-d d.h5 -e 1 --optimizer foo' '-d d.h5 -e 1 --optimizer sgd,foo=1' \
    '-d d.h5 -e 1 --optimizer sgd,momentum=x' '-d d.h5 -e 1 --optimizer sgd,' \
    '-d d.h5 -e 1 --schedule foo' '-d d.h5 -e 1 --schedule step,at=x' \
    '-d d.h5 -e 1 --loss foo' '-d d.h5 -e 1 --init foo' \
    '-d d.h5 -e 1 --select best' '-d d.h5 -e 1 --checkpoint epoch' \
    '-d d.h5 -e 1 --checkpoint epoch:1,' '-d d.h5 -e 1 --checkpoint every:0' \
    '-d d.h5 -e 1 --weight-decay -1' '-d d.h5 -e 1 --log-every 3' \
    '-d d.h5 -e 1 --autosave 3' '-d d.h5 -e 1 --autosave 1.5ep' \
    '-d d.h5 -e 1 --autosave 1s' '-d d.h5 -e 1 --autosave 0s -o x.h5' \
    '-d d.h5 -e 1 --autosave-file x -o x.h5' 'm.h5 -d d.h5 -e 1'; do
    # shellcheck disable=SC2086
    run pare-train -a 4-5-3 $bad
    fails_with 2 "wrong usage: $bad"
done
run pare-train -a 4-20-10-3 -d d.h5 -e 3 -b 32 -S 1 --log - \
    --log-every 2 -o l2.h5
ok "it goes to standard output when asked" \
    [ "$(cut -f 1-9 "$OUT")" = "$(cut -f 1-9 l.tsv)" ]
run pare-train -a 4-3 -d d.h5 -e 1 --log -
fails_with 2 "not where the model goes"
run pare-train -a 4-3 -d d.h5 -e 1 --log l2.h5 -o l2.h5
fails_with 2 "nor into the same file"
run pare-train -d d.h5 -e 1 --init pytorch m.h5
fails_with 2 "a model has its weights already"
run pare-train -d d.h5 -e 1 m.h5 m.h5
fails_with 2 "one model at a time"

# ---- what does not fit ----
echo old >o.h5
no() {
    fails_with 1 "$1"
    ok "the old output stands: $1" grep -qx old o.h5
    ok "no temporary is left: $1" test ! -e o.h5.pare-tmp
}
for arch in '4--3' 4-0-3 4-x-3 'in(4) lineer(3)' 'in(4)' 'in(4) linear(3' \
    4-99999999-3; do
    run pare-train -a "$arch" -d d.h5 -e 1 -o o.h5
    fails_with 2 "no architecture: $arch"
    ok "the old output stands: $arch" grep -qx old o.h5
done
run pare-train -a 'in(4) lineer(3)' -d d.h5 -e 1 -o o.h5
err_has 'column 7: unknown layer' "the column is told"
run pare-train -a 5-3 -d d.h5 -e 1 -o o.h5
no "too few inputs in the data"
err_has '4 inputs.*takes 5' "both counts are told"
run pare-train -a 4-2 -d d.h5 -e 1 -o o.h5
no "more classes than outputs"
for data in none.h5 m.h5 /; do
    run pare-train -a 4-3 -d "$data" -e 1 -o o.h5
    no "no data: $data"
    err_has "'$data'" "it is named: $data"
done
pare-data csv --label kind --make-split 1,0,20 -o one.h5 d.csv 2>/dev/null
run pare-train -a 4-5-3 -d one.h5 -e 2 -o one-net.h5
status_is 0 "one sample is enough to train"
run pare-train -a 4-3 -d one.h5 -e 1 --select best-val-acc -o o.h5
no "the best needs a val split"
err_has 'val split' "as is said"
run pare-train -a 4-3 -d d.h5 -e 1 --log none/log -o o.h5
no "a log that cannot be written"
run pare-train -a 4-5-3 -d d.h5 -e 100000000 -o none/o.h5
fails_with 1 "an output that cannot be made is told before training"
run pare-train -a 4-5-3 -d d.h5 -e 100000000 -o /
fails_with 1 "a directory too"
if [ "$(id -u)" != 0 ]; then
    mkdir ro
    chmod a-w ro
    run pare-train -a 4-5-3 -d d.h5 -e 100000000 -o ro/o.h5
    fails_with 1 "and a directory that is read-only"
fi
if [ -c /dev/full ]; then
    run pare-train -a 4-3 -d d.h5 -e 1 --log /dev/full -o o.h5
    no "a log on a full disk"
fi
if have script && script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    run script -qec 'pare-train -a 4-3 -d d.h5 -e 100000000' /dev/null
    ok "a terminal gets no model" grep -q 'not written to a terminal' "$OUT"
fi

# ---- diverging ----
echo old >o.h5
run pare-train -a 4-9-3 -d d.h5 -e 9 --loss mse --optimizer sgd -l 1e6 -o o.h5
no "a diverging run"
err_has 'diverged: .* at step [0-9]+; .* kept in .o.h5.autosave.' "is told"
run pare-train -a 4-9-3 -d d.h5 -e 0 -o start.h5
run pare-diff -q start.h5 o.h5.autosave
ok "the last good state is a model" test "$status" -le 1
run pare-train -a 4-9-3 -d d.h5 -e 1 --autosave 1ep -o o.h5
no "no command goes on from it"
rm o.h5.autosave
run pare-train -a 4-9-3 -d d.h5 -e 9 --loss mse --optimizer sgd -l 1e6
fails_with 1 "a pipe gets nothing of it"
err_has 'nothing was written' "as is said"

# ---- checkpoints that are not reached ----
run pare-train -a 4-3 -d d.h5 -e 1 --checkpoint epoch:01,epoch:3,every:2 \
    -o c.h5
status_is 0 "a checkpoint after the end is no error"
err_is 'pare-train: warning: the run did not come to checkpoint epoch:3' \
    "but is told"

run pare-train -a 4-3 -d d.h5 --steps 1 -b 1 --select best-val-acc -o c.h5
status_is 0 "selecting among no epochs is no error"
err_is 'pare-train: warning: no epoch ended; best-val-acc is the last state' \
    "but is told"

# ---- a network from elsewhere ----
pare-load -o there.h5 <<'END'
pare-text 1
arch in(4) fc1=linear(3)
tensor fc1.weight 3 4 dense
 1 0 0 0 0 1 0 0 0 0 1 0
tensor fc1.bias 3 dense
 0 0 0
end
END
run pare-train -d d.h5 -e 1 -o here.h5 there.h5
status_is 0 "a model without an init can be trained"
run_sh 'pare-rewind -t init here.h5 | pare-diff there.h5 -'
status_is 0 "and what it began with is its init"

finish
