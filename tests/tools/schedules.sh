# Pruning schedules in one process: the bytes of the pipelines that they stand
# for; what is refused; what is told.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

# one_is_pipe NAME: all but the provenance is the same.
one_is_pipe() {
    run pare-diff --state -q one.h5 pipe.h5
    status_is 0 "$1"
    run pare-check one.h5
    status_is 0 "it is sound: $1"
}

# pipeline EPOCHS [AMOUNT EPOCHS]...: $start for EPOCHS, prune, go on.
# $by is how to prune, $each what every stage of training is told.
pipeline() {
    line="$start $each -e $1"
    shift
    while [ $# -gt 1 ]; do
        line="$line | pare-prune -q $by $1"
        [ "$2" = 0 ] || line="$line | pare-finetune -q -d d.h5 $each -e $2"
        shift 2
    done
    run_sh "$line >pipe.h5"
    status_is 0 "a pipeline runs: $line"
}

# in_one EPOCHS SPEC: the same in one process; $length is the length of a
# learning-rate schedule that $start spells out.
in_one() {
    run_sh "$(echo "$start" | sed 's/,epochs=[0-9]*//') $each -e $1 \
        --prune '$2' -o one.h5"
    status_is 0 "a schedule runs: $2"
}

# sparsity FORMULA: with all digits.
sparsity() {
    awk "BEGIN { printf \"-s %.17g\", $1 }"
}

# compare NET: every kind, with what $train and $tune set.
compare() {
    by='' each=''
    pipeline 3 '-f .3' 3 '-f .3' 3
    in_one 9 'at=1/3,2/3 f=.3'
    one_is_pipe "at parts of the run, $1"
    by='-m random -g unit'
    pipeline 0 '-n 1' 4 '-n 1' 5 '-n 1' 0
    in_one 9 'at at=0,4,9 n=1 m=random grain=unit'
    one_is_pipe "at epochs, the first and the last too, $1"
    by='-m gradient --calibrate 50 -A layer -d d.h5'
    run_sh "$start --steps 17 | pare-prune -q $by -c 1.5 |
        pare-finetune -q -d d.h5 -e 8 >pipe.h5"
    in_one 9 'at=step:17 c=1.5 m=gradient calibrate=50 A=layer'
    one_is_pipe "inside of an epoch, by gradients, $1"

    by=''
    pipeline 1 '-s 0' 2 "$(sparsity '.9 * (1 - (1 - 2 / 5) ^ 3)')" 2 \
        "$(sparsity '.9 * (1 - (1 - 4 / 5) ^ 3)')" 1 '-s .9' 3
    in_one 9 'agp from=0 to=.9 start=1 end=6 every=2'
    one_is_pipe "along a cubic, $1"
    by='--layer fc2=.9 --skip fc1 -S 3'
    pipeline 2 '-s .25' 3 "$(sparsity '1 - .75 * (.2 / .75) ^ .5')" 3 '-s .8' 1
    in_one 9 'exp from=.25 to=.8 start=2 end=8 every=3 skip=fc1 layer=fc2=.9
        seed=3'
    one_is_pipe "geometrically, $1"

    by='' each='--checkpoint epoch:1'
    round="pare-prune -q -f .2 | pare-rewind -t epoch:1 \
        --also optimizer,schedule | pare-finetune -q -d d.h5"
    run_sh "$start $each -e 4 | $round -e $(($2 - 1)) |
        $round -e $(($2 - 1)) >pipe.h5"
    status_is 0 "rounds run"
    each=''
    in_one 4 'iterative rounds=2 f=.2 rewind=epoch:1'
    one_is_pipe "in rounds from epoch 1, $1"
    round="pare-prune -q -f .2 | pare-rewind -t init \
        --also optimizer,schedule | pare-finetune -q -d d.h5 -e $2"
    run_sh "$start -e 4 | $round | $round | $round >pipe.h5"
    in_one 4 'iterative rounds=3 f=.2 rewind=init'
    one_is_pipe "in rounds from the beginning, $1"
}

net='-a 4-20-10-3 -d d.h5 -b 7 -S 2'
start="pare-train -q $net"
compare 'adam' 4
conv='in(1,2,2) conv1=conv2d(6,2,pad=1) batchnorm2d relu fc1=linear(9) relu
    dropout(.2) fc2=linear(3)'
start="pare-train -a '$conv' -d d.h5 -b 9 --optimizer sgd,momentum=.9 \
    -l .05 -S 2 --schedule step,every=3,gamma=.5"
compare 'a convolution with momentum' 4
run_sh "$start --checkpoint epoch:1 -e 2 -o base.h5"
start='pare-finetune -q -d d.h5 base.h5'
compare 'fine-tuning it' 6
pare-dump one.h5 | grep -v '^step ' >a
pare-dump pipe.h5 | grep -v '^step ' >b
same a b "but for the provenance the text is the same"

# ---- a learning-rate schedule as long as the run ----
by='' each=''
for how in 'sgd,momentum=.9,nesterov cosine' 'adam one-cycle'; do
    start="pare-train -q $net --optimizer ${how% *} --schedule ${how#* },epochs=6"
    pipeline 2 '-s .4' 4
    in_one 6 'at=1/3 s=.4'
    one_is_pipe "a schedule gets the length of the run: $how"
    start="pare-finetune -q -d d.h5 -l .01 --schedule ${how#* },epochs=6 m.h5"
    pipeline 2 '-s .4' 4
    in_one 6 'at=2 s=.4'
    one_is_pipe "in fine-tuning too: $how"
done
start="pare-train -q $net --schedule cosine,epochs=12"
pipeline 4 '-n 9' 4 '-n 9' 4
in_one 4 'iterative rounds=2 n=9'
one_is_pipe "rounds without rewinding are one long run"
round="pare-prune -q -g unit -n 1 | pare-rewind -t step:17 \
    --also optimizer,schedule | pare-finetune -q -d d.h5 --steps 13"
run_sh "pare-train -q $net --steps 30 --checkpoint step:17 | $round |
    $round >pipe.h5"
run_sh "pare-train -q $net --steps 30 -o one.h5 \
    --prune 'iterative rounds=2 g=unit n=1 rewind=step:17'"
one_is_pipe "rounds from inside of an epoch"
run_sh "pare-train -q $net --schedule cosine,epochs=6 -e 2 -o cut.h5 &&
    pare-finetune -q -d d.h5 --steps 24 cut.h5 | pare-prune -f .2 |
    pare-finetune -q -d d.h5 -o pipe.h5 &&
    pare-finetune -q -d d.h5 --prune 'at=1/2 f=.2' cut.h5 -o one.h5"
one_is_pipe "the rest of a schedule is a run"
run_sh "pare-train -q $net --steps 30 -o cut.h5 &&
    pare-finetune -q -d d.h5 --steps 9 cut.h5 | pare-prune -f .2 |
    pare-finetune -q -d d.h5 --steps 11 -o pipe.h5 &&
    pare-finetune -q -d d.h5 --steps 20 --prune 'at=step:9 f=.2' cut.h5 \
        -o one.h5"
one_is_pipe "steps are counted from where the run began"
run_sh "pare-finetune -q -d d.h5 -e 1 cut.h5 | pare-prune -f .2 |
    pare-finetune -q -d d.h5 -e 2 -o pipe.h5 &&
    pare-finetune -q -d d.h5 -e 3 --prune 'at=1/3 f=.2' cut.h5 -o one.h5"
one_is_pipe "an epoch that was begun is the first of the run"
run_sh "pare-finetune -q -d d.h5 -b 5 -S 4 -e 1 cut.h5 | pare-prune -f .2 |
    pare-finetune -q -d d.h5 -e 2 -o pipe.h5 &&
    pare-finetune -q -d d.h5 -b 5 -S 4 -e 3 --prune 'at=1 f=.2' cut.h5 \
        -o one.h5"
one_is_pipe "one that other batches end is none"

# ---- what every stage is told ----
start="pare-train -q $net"
each='--select best-val-acc --checkpoint every:3,step:20'
pipeline 4 '-f .3' 4
in_one 8 'at=1/2 f=.3'
one_is_pipe "the best epoch of each stage is what is pruned"
each=''
run_sh "$start --optimizer sgd,momentum=.9 --checkpoint epoch:1 -e 3 -o sgd.h5 &&
    pare-finetune -q -d d.h5 --optimizer adam -e 2 sgd.h5 | pare-prune -f .2 |
    pare-rewind -t epoch:1 --also optimizer,schedule |
    pare-finetune -q -d d.h5 -e 4 -o pipe.h5 &&
    pare-finetune -q -d d.h5 --optimizer adam -e 2 sgd.h5 -o one.h5 \
        --prune 'iterative rounds=1 f=.2 rewind=epoch:1'"
one_is_pipe "a checkpoint brings its optimizer back"
start="pare-train -q $net" each='--accumulate movement' by='-m movement'
pipeline 3 '-f .3 --keep-undo' 2 '-f .3 --keep-undo' 1
in_one 6 'at=3,5 f=.3 m=movement keep-undo'
one_is_pipe "what is gathered, and points to undo to"
each='' by='-g 2:4 --only fc1 --only fc2 --partial'
pipeline 3 '' 3
in_one 6 'at=1/2 g=2:4 only=fc1 only=fc2 partial'
one_is_pipe "a grain that says itself how much goes"
pare-train -q $net -e 6 --prune 'agp to=.8 end=5' -j 1 -o j1.h5
pare-train -q $net -e 6 --prune 'agp to=.8 end=5' -j 3 -o j3.h5
same j1.h5 j3.h5 "the same bytes on three threads"

# ---- what is told ----
run pare-train -v $net -e 4 --prune 'at=1,3 f=.5' --log log.tsv -o one.h5
err_has '^pare-train: pruning 1, epoch 1: asked 0.5000, removed 155 of 310 \(0.5000\)$' \
    "asked and achieved are told"
err_has '^pare-train: pruning 2, epoch 3: asked 0.5000, removed 78 of 155 ' \
    "of every pruning"
err_has '48 steps in ' "and the steps of all stages"
ok "the log has a line a pruning" \
    awk -F '\t' '$1 == "prune" { n++; s = $9 } END { exit n != 2 || s < .75 }' log.tsv
run pare-log one.h5
out_has '^# pruning 2: epoch 3: asked 0.5000, removed 78' "the provenance has it"
out_has "--prune 'at=1,3 f=.5'" "and the schedule"
mkdir again
pare-log --make --search . one.h5 >again/Makefile
cp d.h5 again
run make -s -C again PARE=pare OUT=one.h5
same again/one.h5 one.h5 "which makes the same bytes again"
run_sh "pare-finetune -q -d d.h5 -e 2 -l .01 --schedule cosine m.h5 -o one.h5 \
    --prune 'iterative rounds=2 f=.3 rewind=init m=random layer=fc2=.1'"
pare-log --make --search . one.h5 >again/Makefile
run make -s -C again PARE=pare OUT=tuned.h5
same again/tuned.h5 one.h5 "as does what was done to a model"
run pare-train $net -e 2 --prune 'at=1 s=.97' -o one.h5
err_has 'warning: layer fc2 has no weight left' "an emptied layer is told"
run pare-train -q $net -e 2 --prune 'at=1 s=.97' -o one.h5
err_is '' "but not with -q"
run pare-train $net -e 2 --prune 'at=1 s=.97 no-collapse' -o none.h5
fails_with 1 "or it is an error"
err_has 'pruning 1: .*fc2' "that names pruning and layer"
ok "and writes nothing" test ! -e none.h5

# ---- what is refused, before any file is touched ----
refused() {
    run pare-train $net -d missing.h5 -e 9 --prune "$1" -o none.h5
    fails_with 2 "refused: $1"
    err_has "--prune: .*$2" "and told: $1"
}
refused '' 'no pruning schedule'
refused 'gradual to=.5' 'there are at, agp, exp, iterative'
refused 'at=0/0 f=.1' 'a time is'
refused 'at=3,2 f=.1' 'must increase'
refused 'at=10 f=.1' 'beyond the run, which ends at epoch 9'
refused 'at=1/20,1/19 f=.1' 'pruning 2, at epoch 0, is not after'
refused 'agp to=.5 end=10' 'beyond the run'
refused 'agp from=.9 to=.5 end=9' 'from=0.9 is above to=0.5'
refused 'agp to=.5 end=9 f=.1' 'no amount'
refused 'agp to=.5 end=9 g=2:4' 'so does the grain 2:4'
refused 'exp to=1 end=9' 'leaves nothing'
refused 'iterative rounds=0 f=.1' 'from 1 to 1000'
refused 'iterative rounds=2 s=.1' 'the first round'
refused 'iterative rounds=2 f=.1 rewind=epoch:9' 'not before the end'
refused 'iterative rounds=2 f=.1 rewind=best' 'init, epoch:K'
refused 'at=1' 'no amount'
refused 'at=1 f=.1 n=3' 'one amount'
refused 'at=1 f=.1 f=.2' 'f is given twice'
refused 'at=1 f=1.1' '1.1'
refused 'at=1 f=nan' 'nan'
refused 'at=1 f=.1 colour=red' 'colour'
refused 'at=1 f=.1 m=taste' 'taste'
refused 'at=1 f=.1 to=.9' 'of the schedule agp'
run pare-train $net -e 9 --prune 'at=1 f=.1 skip=fc9' -o none.h5
fails_with 1 "a layer that is not there is told before training"
err_has 'fc9.*fc1, fc2, fc3' "with those there are"
for spec in 'c=99|compression 99 cannot be reached' 'n=311|311' 'g=3:7|3:7' \
    'f=.1 m=movement|--accumulate movement' \
    'f=.1 A=sensitivity|curve' 'f=.1 max-sparsity=fc9=.5|fc9' \
    'f=.1 g=unit only=relu1|relu1' \
    'f=.1 m=gradient calibrate=81|split has 80'; do
    run pare-train $net -e 9 --prune "at=1 ${spec%|*}" -o none.h5
    fails_with 1 "what cannot be is told before training: ${spec%|*}"
    err_has "pare-train: --prune: .*${spec#*|}" "with the reason: ${spec%|*}"
done
run pare-train -a "$conv" -d d.h5 -e 9 --accumulate hebbian \
    --prune 'at=1 f=.1 m=hebbian' -o none.h5
fails_with 1 "scores that convolutions do not have"
err_has 'pare-train: --prune: conv1.weight has no hebbian' "are told as early"
run pare-train $net -e 9 --prune 'at=step:109 f=.1' -o none.h5
fails_with 1 "as is a step beyond the run"
run pare-finetune -d d.h5 -e 1 m.h5 -o none.h5 \
    --prune 'iterative rounds=1 f=.1 rewind=epoch:9'
fails_with 1 "a checkpoint that there is not, and will not be"
err_has "no checkpoint 'epoch:9'" "is told"
ok "nothing was written" test ! -e none.h5

finish
