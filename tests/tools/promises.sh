# The promises as a user can see them: same bytes at any number of threads,
# the pipeline is the loop, killed and resumed is uninterrupted, pruned stays
# pruned, rewound is the checkpoint, failure leaves what was there.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

run pare-data csv --label species --drop-na -S 1 \
    --one-hot island=Torgersen,Biscoe,Dream \
    --scale bill_length_mm=50 --scale bill_depth_mm=20 \
    --scale flipper_length_mm=200 --scale body_mass_g=5000 \
    --one-hot sex=male,female --one-hot year \
    --make-split 200,100,33 -o penguins.h5 \
    "$SRC/pipelines/penguins/penguins.csv"
status_is 0 "the penguins are data"

same_state() {
    run pare-diff --state -q "$1" "$2"
    status_is 0 "$3"
}

# ---- 1: same bytes at any thread count ----
# Large enough that threads are really used, in batches of odd sizes.
wide='in(12) linear(300) batchnorm relu dropout(0.3) linear(130) tanh linear(3)'
for batch in 37 77; do
    for j in 1 2 3 4; do
        run pare-train -a "$wide" -d penguins.h5 -e 3 -b $batch -S 5 -j $j \
            --checkpoint epoch:1 -o wide$j.h5
        run_sh "pare-prune -m gradient --calibrate 190 -d penguins.h5 -s .7 \
            -S 1 -j $j wide$j.h5 -o cut$j.h5"
        run_sh "pare-finetune -j $j -d penguins.h5 -e 1 cut$j.h5 -o fine$j.h5"
        run_sh "pare-eval -j $j -d penguins.h5 --split train --json <fine$j.h5"
        cp "$OUT" eval$j
        [ $j -gt 1 ] || continue
        same wide1.h5 wide$j.h5 "training, batch $batch, $j threads"
        same cut1.h5 cut$j.h5 "gradient pruning after it, $j threads"
        same fine1.h5 fine$j.h5 "fine-tuning after it, $j threads"
        same eval1 eval$j "evaluating that, $j threads"
    done
done
grep -q '"accuracy":' eval1 || fail "an evaluation came out"
pare-eval -d penguins.h5 --split val wide1.h5 >v
ok "and it had learnt" awk 'NR > 1 && $5 > .6 { good = 1 } END { exit !good }' v

# ---- 2: the pipeline is the loop ----
one_way() {
    run_sh "pare-train -a 4-20-10-3 -d d.h5 -e 6 -S 2 $1 -o whole.h5 &&
        pare-train -a 4-20-10-3 -d d.h5 -e 2 -S 2 $1 -o 2.h5 &&
        pare-finetune -d d.h5 -e 3 -o 5.h5 2.h5 &&
        pare-finetune -d d.h5 -e 1 -o 6.h5 5.h5 &&
        pare-train -a 4-20-10-3 -d d.h5 -e 2 -S 2 $1 |
            pare-finetune -d d.h5 -e 3 | pare-finetune -d d.h5 -e 1 >pipe.h5"
    status_is 0 "three parts run: $1"
    same_state whole.h5 6.h5 "and are as one: $1"
    same 6.h5 pipe.h5 "through pipes the same bytes: $1"
    pare-dump whole.h5 | grep -v '^step ' >a
    pare-dump 6.h5 | grep -v '^step ' >b
    same a b "but for the provenance the same text: $1"
}
one_way ''
one_way '--schedule cosine,epochs=6 --optimizer sgd,momentum=.9 -l .1 -b 7'
one_way '--checkpoint epoch:1 --weight-decay .01 -b 33'
run_sh 'pare-prune -f .3 m.h5 -o 1.h5 && pare-rewind -t init 1.h5 -o 2.h5 &&
    pare-finetune -d d.h5 -e 2 2.h5 -o 3.h5 && pare-prune -f .3 3.h5 -o 4.h5'
run_sh 'pare-prune -f .3 m.h5 | pare-rewind -t init |
    pare-finetune -d d.h5 -e 2 | pare-prune -f .3 >pipe.h5'
same 4.h5 pipe.h5 "a lottery round through pipes is one through files"

# ---- 3: killed and resumed is uninterrupted ----
# Long enough to be killed; the shell would tell of each job that dies.
long() {
    pare-train -q -a 'in(4) linear(60) relu dropout linear(60) relu linear(3)' \
        -d d.h5 -b 9 -S 3 --schedule cosine --checkpoint every:800 "$@"
}
last_steps() {
    sed -n 's/.*: \([0-9]*\) steps in .*/\1/p' "$ERR"
}
wait_for() {
    tries=0
    while [ ! -e "$1" ] && [ "$tries" -lt 500 ]; do
        sleep 0.02
        tries=$((tries + 1))
    done
    [ -e "$1" ]
}

# begin OPTION...: in the background, until its first autosave; sets pid.
# The shell has background commands ignore SIGINT, which pare would respect.
begin() {
    env --default-signal=INT pare-train -q -a 'in(4) linear(60) relu dropout linear(60) relu linear(3)' \
        -d d.h5 -b 9 -S 3 --schedule cosine --checkpoint every:800 "$@" \
        >"$OUT" 2>"$ERR" &
    pid=$!
    ran="pare-train ... $*"
    ok "a long run keeps its state" wait_for killed.h5.autosave
}
end() {
    kill -s "$1" $pid
    { wait $pid; } 2>/dev/null
    status=$?
}

epochs=2400
run long -e $epochs --log whole.tsv --log-every 1000 -v -o whole.h5
status_is 0 "a long run"
whole=$(last_steps)
echo old >killed.h5
for pause in 0 0.1; do
    begin -e $epochs --log killed.tsv --log-every 1000 --autosave 0.1s \
        -o killed.h5
    sleep $pause
    end KILL
    status_is 137 "it was killed"
    ok "the old output stands" grep -qx old killed.h5
done
run long -e 7 --log killed.tsv --autosave 0.1s -o killed.h5
fails_with 1 "another command does not go on from it"
err_has 'another command' "as is said"
run long -e $epochs --log killed.tsv --log-every 1000 --autosave 0.1s -v \
    -o killed.h5
status_is 0 "the same command goes on"
err_has 'resuming at epoch [0-9]+, step [0-9]+' "from where it was"
ok "in fewer steps" test "$(last_steps)" -gt 0 -a "$(last_steps)" -lt "$whole"
same whole.h5 killed.h5 "and ends in the same bytes"
ok "the kept state is gone" test ! -e killed.h5.autosave
ok "no temporary is left" test ! -e killed.h5.pare-tmp \
    -a ! -e killed.h5.autosave.pare-tmp
cut -f 1-9 whole.tsv >a
cut -f 1-9 killed.tsv >b
same a b "its log has every line once"

# By epochs, to a pipe, and in finetune.
run long -e 9 -o 9.h5
run_sh "pare-finetune -d d.h5 -e $epochs 9.h5 -o whole.h5"
pare-finetune -d d.h5 -e $epochs --autosave 300ep --autosave-file kept 9.h5 \
    >killed.h5 2>"$ERR" &
pid=$!
ok "finetune keeps its state" wait_for kept
end KILL
status_is 137 "it was killed"
run_sh "pare-finetune -d d.h5 -e $epochs --autosave 300ep --autosave-file kept \
    -v 9.h5 >killed.h5"
err_has 'resuming at epoch ([369]|1[258]|21)09, ' "it goes on from an epoch's end"
same whole.h5 killed.h5 "finetune ends in the same bytes"
ok "and removes what it kept" test ! -e kept

# Signals that ask.
for sig in INT:130 TERM:143; do
    rm -f killed.h5*
    echo old >killed.h5
    begin -e 100000000 --autosave 0.1s -o killed.h5
    end ${sig%:*}
    status_is ${sig#*:} "the status tells of SIG${sig%:*}"
    err_has 'stopped by signal [0-9]+ at step [0-9]+; the same command' \
        "and a message"
    ok "the output stands" grep -qx old killed.h5
    ok "no temporary is left" test ! -e killed.h5.pare-tmp \
        -a ! -e killed.h5.autosave.pare-tmp
    ok "the state is a model" pare-stats killed.h5.autosave
done
rm -f killed.h5*
pare-train -q -a 4-9-3 -d d.h5 -e 100000000 --log go.tsv --log-every 1 \
    -o killed.h5 2>"$ERR" &
pid=$!
ok "a run begins" wait_for go.tsv
sleep 0.1
end TERM
status_is 143 "without --autosave it ends too"
ok "and keeps nothing" test ! -e killed.h5 -a ! -e killed.h5.autosave

# ---- 4 and 5: pruned stays pruned, rewound is the checkpoint ----
for how in '-m magnitude' '-m random -S 1' '-m magnitude -g unit --bias'; do
    run_sh "pare-prune $how -f .4 wide1.h5 | pare-finetune -d penguins.h5 \
        -e 2 --checkpoint step:20 | pare-prune $how -f .4 -o p.h5 &&
        pare-finetune -d penguins.h5 -e 1 p.h5 -o f.h5"
    status_is 0 "two rounds: $how"
    run pare-check f.h5
    status_is 0 "what was pruned is 0 everywhere: $how"
    run pare-diff p.h5 f.h5
    out_has '^total	[0-9]+	[0-9]+	[0-9]+	0	0	[1-9]' "and nothing comes back: $how"
done
pare-train -a "$wide" -d penguins.h5 -e 1 -b 77 -S 5 -o one.h5
run_sh 'pare-rewind -t epoch:1 wide1.h5 | pare-diff -q - one.h5'
status_is 0 "rewound is the model of that epoch"

# ---- 6: failure leaves what was there ----
echo old >o.h5
for bad in "pare-train -a 4-3 -d none -e 1" "pare-finetune -d none -e 1 m.h5" \
    "pare-finetune -d d.h5 -e 1 none" "pare-train -a 9-3 -d d.h5 -e 1"; do
    run_sh "$bad -o o.h5"
    fails_with 1 "it fails: $bad"
    ok "and the old file stands: $bad" grep -qx old o.h5
done
run_sh "(ulimit -f 4; trap '' XFSZ
    pare-train -a 4-200-200-3 -d d.h5 -e 1 -o o.h5)"
fails_with 1 "a disk that fills up"
ok "leaves the old file" grep -qx old o.h5
ok "and no temporary" test ! -e o.h5.pare-tmp
run_sh "(ulimit -f 4; trap '' XFSZ
    pare-train -a 4-200-200-3 -d d.h5 -e 3 --autosave 1ep -o o.h5)"
fails_with 1 "also when it fills up with the kept state"
ok "which leaves nothing" test ! -e o.h5.autosave.pare-tmp
echo stale >o.h5.pare-tmp
run pare-train -a 4-3 -d d.h5 -e 1 -o o.h5
status_is 0 "a temporary of a killed run is no obstacle"
ok "and goes" test ! -e o.h5.pare-tmp

# ---- Fashion-MNIST, where it is installed ----
F=${PARE_FASHION_MNIST:-/usr/share/datasets/fashion-mnist}
if [ -r "$F/t10k-images-idx3-ubyte.gz" ]; then
    run pare-data idx --make-split 8000,2000 -S 1 -o fashion.h5 \
        "$F/t10k-images-idx3-ubyte.gz" "$F/t10k-labels-idx1-ubyte.gz"
    for j in 1 3; do
        run pare-train -a lenet-300-100 -d fashion.h5 --steps 90 -b 50 -j $j \
            -S 1 -o lenet$j.h5
        status_is 0 "lenet-300-100 trains on Fashion-MNIST"
    done
    same lenet1.h5 lenet3.h5 "with three threads as with one"
    run pare-eval -d fashion.h5 --split val lenet1.h5
    ok "to an accuracy above 0.7" \
        awk 'NR > 1 && $5 > .7 { good = 1 } END { exit !good }' "$OUT"
    pare-prune -s .9 lenet1.h5 -o sparse.h5
    ok "90 % pruned is less than a quarter of the bytes" \
        test "$(($(wc -c <sparse.h5) * 4))" -lt "$(wc -c <lenet1.h5)"
fi

finish
