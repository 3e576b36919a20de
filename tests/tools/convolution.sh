# Networks over images keep the promises that all others keep.
. "${0%/*}/lib.sh"

. "$HERE/small-images.sh"

# Every kind of layer that takes images, with a branch and two joins.
net='in(3,9,9) conv2d(8,3,pad=1) batchnorm2d a=relu
conv2d(8,3,pad=1,groups=2,bias=no) b=batchnorm2d add(a,b) c=relu
conv2d(6,3,stride=2) d=gelu c -> e=maxpool(3,stride=2) concat(d,e) srelu
dropout(.1) conv2d(8,3,pad=2,dilation=2) leaky-relu(.1) pad(1,0,0,1,front=1)
avgpool(2,pad=1) flatten linear(20) silu linear(3)'

# ---- same bytes at any thread count, on every row of one family ----
for batch in 5 12 40; do
    for j in 1 2 3; do
        run pare-train -a "$net" -d d.h5 -e 2 -b $batch -S 5 -j $j \
            --checkpoint epoch:1 --augment flip,crop=1 -o net$j.h5
        status_is 0 "it trains in batches of $batch on $j threads"
        run_sh "pare-prune -m gradient --calibrate 70 -d d.h5 -s .6 -S 1 \
            -j $j net$j.h5 | pare-finetune -j $j -d d.h5 -e 1 -o fine$j.h5"
        run_sh "pare-eval -j $j -d d.h5 --json <fine$j.h5"
        cp "$OUT" eval$j
        [ $j -gt 1 ] || continue
        same net1.h5 net$j.h5 "training, batch $batch, $j threads"
        same fine1.h5 fine$j.h5 "pruning and tuning after it, $j threads"
        same eval1 eval$j "evaluating that, $j threads"
    done
done
PARE_KERNEL=avx2
export PARE_KERNEL
if pare-train -a "$net" -d d.h5 -e 2 -b 40 -S 5 --checkpoint epoch:1 \
    --augment flip,crop=1 -o narrow.h5 2>/dev/null; then
    unset PARE_KERNEL
    run pare-log net1.h5
    if grep -q '"fma"' "$OUT" || ! grep -q openblas "$OUT"; then
        same net1.h5 narrow.h5 "the same bytes from narrower kernels"
    fi
fi
unset PARE_KERNEL
run pare-train -a "$net" -d d.h5 -e 25 -b 10 -S 1 -l .003 -o m.h5
status_is 0 "it trains for longer"
run pare-eval -d d.h5 m.h5
ok "and has learnt" awk 'NR > 1 && $5 > .8 { good = 1 } END { exit !good }' \
    "$OUT"

# ---- the pipeline is the loop ----
run_sh "pare-train -a '$net' -d d.h5 -e 4 -S 2 -b 20 -o whole.h5 &&
    pare-train -a '$net' -d d.h5 -e 1 -S 2 -b 20 |
        pare-finetune -d d.h5 -e 2 | pare-finetune -d d.h5 -e 1 >pipe.h5"
run pare-diff --state -q whole.h5 pipe.h5
status_is 0 "three parts are as one"

# ---- pruned stays pruned, at every grain ----
run_sh 'pare-prune -s .7 m.h5 | pare-finetune -d d.h5 -e 2 -o cut.h5'
run pare-check cut.h5
status_is 0 "a pruned model is sound after fine-tuning"
run_sh 'pare-stats cut.h5 | awk -F"\t" "\$2 == \"total\" { print \$7 }"'
ok "and as sparse" awk '{ exit !($1 > .699 && $1 < .701) }' "$OUT"
run_sh 'pare-prune -g unit -A layer -f .25 --only "conv*" m.h5 -o filters.h5 &&
    pare-stats filters.h5 | awk -F"\t" "\$2 == \"conv1\" { print \$9 }"'
out_is 2 "a quarter of eight filters is gone"
run pare-check filters.h5
status_is 0 "the model without them is sound"

# ---- rewound is the checkpoint ----
run_sh 'pare-rewind -t init cut.h5 -o back.h5 && pare-check back.h5'
status_is 0 "rewound to the start it is sound"
run_sh "pare-init -a '$net' -S 1 -o first.h5 &&
    pare-rewind -t init m.h5 -o back.h5 && pare-diff -q first.h5 back.h5"
status_is 0 "the first weights, bit for bit"
run pare-diff -q first.h5 m.h5
status_is 1 "which training had changed"

# ---- killed and resumed is uninterrupted ----
long() {
    pare-train -q -a "$net" -d d.h5 -b 9 -e 60 -S 3 --augment flip "$@"
}
run long -o whole.h5
status_is 0 "a long run"
env pare-train -q -a "$net" -d d.h5 -b 9 -e 60 -S 3 --augment flip \
    --autosave 0.05s -o killed.h5 >"$OUT" 2>"$ERR" &
pid=$!
tries=0
while [ ! -e killed.h5.autosave ] && [ $tries -lt 500 ]; do
    sleep 0.02
    tries=$((tries + 1))
done
kill -KILL $pid 2>/dev/null
{ wait $pid; } 2>/dev/null
run long --autosave 0.05s -v -o killed.h5
status_is 0 "goes on after it was killed"
same whole.h5 killed.h5 "and ends in the same bytes"

# ---- the text twin and the provenance hold it all ----
run_sh 'pare-dump cut.h5 | pare-load -o again.h5'
same cut.h5 again.h5 "text and back"
run_sh "pare-train -a '$net' -d d.h5 -e 1 -S 4 -b 30 --augment flip |
    pare-prune -f .3 | pare-finetune -d d.h5 -e 1 -o made.h5"
mkdir again
run_sh 'pare-log --make --search . made.h5 >again/Makefile &&
    make -s -C again OUT=made.h5'
status_is 0 "what made it is told"
same made.h5 again/made.h5 "and makes the same bytes again"

# ---- what cannot be ----
refused() {
    run pare-init -a "$1" -S 1 -o no.h5
    status_is 2 "refused: $1"
    err_has "$2" "and why: $1"
    ok "nothing is written: $1" test ! -e no.h5
}
refused 'in(1,4,4) conv2d(2,7)' 'conv2d'
refused 'in(3,8,8) conv2d(4,3,groups=2)' 'groups'
refused 'in(1,8,8) a=conv2d(2,3) in -> b=conv2d(2,5) add(a,b)' 'add'
refused 'in(1,8,8) a=conv2d(2,3) b -> conv2d(2,3) b=relu' 'cycle'
refused 'in(1,8,8) maxpool(9)' 'maxpool'
refused 'in(1,8,8) a=conv2d(2,3) in -> conv2d(2,3)' "a"
run pare-train -a 'in(1,9,27) conv2d(2,3) flatten linear(3)' -d d.h5 -e 1 -o no.h5
fails_with 1 "data of another shape"
err_has '3x9x9' "whose shape is told"

finish
