# What users of other tools complain of, and why not here: sparsity that goes
# away when training goes on, and lottery tickets that were not rewound.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"
. "$HERE/pains.sh"

net='in(4) linear(20) batchnorm relu linear(10) batchnorm relu linear(3)'
run pare-train -a "$net" -d d.h5 -e 3 -S 1 --accumulate movement,hebbian \
    -o n.h5
status_is 0 "a network with batch norm trains"

# died_only NAME: the last pare-diff tells of weights that went, none that
# came back.
died_only() {
    out_has '^total	[0-9]+	[0-9]+	[0-9]+	[1-9][0-9]*	0	' "$1"
}
# held FILE TRAINED NAME: training moved weights, revived none, and left
# nothing where the mask prunes.
held() {
    run pare-diff "$1" "$2"
    out_has '^total	[0-9]+	[0-9]+	[0-9]+	0	0	[1-9]' "$3"
    is "$(strays "$2")" 0 "and its optimiser state is gone: $3"
    run pare-check "$2"
    status_is 0 "as pare check says: $3"
}

# ---- "momentum brings pruned weights back", "weight decay moves them" ----
for how in '--optimizer sgd,momentum=.9 -l .1' \
    '--optimizer sgd,momentum=.9,nesterov -l .1' \
    '--optimizer adam' '--optimizer adadelta'; do
    for decay in 0 .1; do
        # shellcheck disable=SC2086
        run pare-train -q -a "$net" -d d.h5 -e 2 -b 16 -S 1 $how \
            --weight-decay $decay -o t.h5
        run pare-prune -s .7 t.h5 -o p.h5
        run pare-finetune -d d.h5 -e 3 p.h5 -o f.h5
        status_is 0 "fine-tuned with $how, decay $decay"
        held p.h5 f.h5 "no pruned weight moves with $how, decay $decay"
    done
done

# ---- "nobody applies the mask again: 98 % were alive at the end" ----
ticket() {
    pare-prune -f .2 "$1" |
        pare-rewind -t init --also optimizer,schedule |
        pare-finetune -q -d d.h5 -o "$2"
}
run ticket m.h5 1.h5
run ticket 1.h5 2.h5
run ticket 2.h5 3.h5
status_is 0 "three rounds of the lottery run"
is "$(kept 1.h5) $(kept 2.h5) $(kept 3.h5)" \
    "$(for n in 1 2 3; do masks $n.h5 | awk '{ n[$1]++ } END {
        printf "%d %d %d %d ", n["fc1.weight"], n["fc2.weight"],
            n["fc3.weight"], NR }'; done | sed 's/ $//')" \
    "the masks are what statistics say"
is "$(kept 3.h5 | cut -d ' ' -f 4)" 158 \
    "310 weights are 248, 198 and 158 after rounds of a fifth"

run pare-train -q -a 4-20-10-3 -d d.h5 -e 3 -S 1 --checkpoint epoch:2 \
    --prune 'iterative rounds=3 f=.2 rewind=init' -o one.h5
run pare-diff 3.h5 one.h5
status_is 0 "the rounds in one process end in the same weights"

# ---- "a resumed run has lost its mask, and its place in the schedule" ----
pare-train -q -a 'in(4) linear(60) relu linear(60) relu linear(3)' -d d.h5 \
    -e 1 -S 1 | pare-prune -s .5 -o p.h5
masks p.h5 >first.txt
long() {
    pare-finetune -q -d d.h5 -b 9 -e 4000 \
        --prune 'agp from=.5 to=.9 start=10 end=3900 every=20' p.h5 "$@"
}
run long -o whole.h5
is "$(left whole.h5)" 402 "4,020 weights are 402 in the end"
pare-finetune -q -d d.h5 -b 9 -e 4000 \
    --prune 'agp from=.5 to=.9 start=10 end=3900 every=20' p.h5 \
    --autosave 0.05s -o killed.h5 >"$OUT" 2>"$ERR" &
pid=$!
tries=0
while [ ! -e killed.h5.autosave ] && [ $tries -lt 500 ]; do
    sleep 0.02
    tries=$((tries + 1))
done
kill -KILL $pid 2>/dev/null
{ wait $pid; } 2>/dev/null
masks killed.h5.autosave | sort >got.txt
is "$(sort first.txt | comm -13 - got.txt)" '' \
    "what a killed run leaves has the mask"
is "$(strays killed.h5.autosave)" 0 "and nothing where it prunes"
run long --autosave 0.05s -v -o killed.h5
err_has 'resuming at epoch' "the run goes on from there"
same whole.h5 killed.h5 "to the bytes of a run that nobody killed"

# ---- "pruning again forgets the mask there was" ----
pare-prune -m random -S 5 -f .4 --only 'fc*' n.h5 -o p.h5
is "$(left p.h5)" 186 "310 weights less two fifths are 186"
for name in $(pare-prune -m list | awk 'NR > 1 { print $1 }'); do
    more="-f .3 -m $name"
    case $name in
    file) continue ;; # has scores of the user's making, and the same path
    set | weighted) more="-m $name,zeta=.3" ;; # carry their own amount
    bn-scale | geometric-median) more="-g unit $more" ;;
    gradient | taylor | snip | grasp | wanda | activation | fisher | obs)
        more="$more -d d.h5"
        ;;
    esac
    # shellcheck disable=SC2086
    run pare-prune $more p.h5 -o q.h5
    status_is 0 "a pruned model is pruned again: $more"
    run pare-diff p.h5 q.h5
    died_only "and only loses more: $more"
    case $name in
    bn-scale | geometric-median | set | weighted) continue ;;
    esac
    is "$(left q.h5)" 130 "and three tenths go: $more"
done

# ---- "batch norm has the statistics of the network before" ----
pare-prune -q -g unit -A layer -f .5 n.h5 -o p.h5
run pare-finetune -d d.h5 -e 2 -l 0 p.h5 -o f.h5
status_is 0 "a learning rate of 0 trains running statistics alone"
run pare-diff p.h5 f.h5
out_has '^bn1\.(running_)?mean	.*	0	0	[1-9]' "which are estimated anew"
out_has '^bn2\.(running_)?var	.*	0	0	[1-9]' "in each layer"
out_lacks '^(fc[123]\.|bn[12]\.(weight|bias|scale|shift))' \
    "and nothing else moves"

# ---- "rewinding silently did nothing" ----
pare-init -a 4-20-10-3 -S 1 -o init.h5
pare-train -q -a 4-20-10-3 -d d.h5 -e 2 -S 1 -o epoch2.h5
for to in init:init.h5 epoch:2:epoch2.h5; do
    run pare-rewind -t "${to%:*}" 3.h5 -o r.h5
    status_is 0 "a ticket is rewound to ${to%:*}"
    run pare-diff 3.h5 r.h5
    status_is 1 "which changes it: ${to%:*}"
    pare-mask transplant 3.h5 "${to##*:}" -o want.h5
    run pare-diff want.h5 r.h5
    status_is 0 "to the weights of then, bit for bit, under its mask: ${to%:*}"
done
run_sh 'pare-mask transplant 3.h5 init.h5 |
    pare-train -q -d d.h5 -e 3 -S 1 -o want.h5'
run_sh 'pare-rewind -t init --also optimizer,schedule 3.h5 |
    pare-finetune -q -d d.h5 -o r.h5'
run pare-diff want.h5 r.h5
status_is 0 "a rewound network trains as one that never was trained"
cp 3.h5 keep.h5
run pare-rewind -t epoch:1 3.h5 -o 3.h5
fails_with 1 "a checkpoint that is not there is an error"
err_has 'init|epoch:2' "that names those there are"
same 3.h5 keep.h5 "and changes nothing"

# ---- "which of these files is the start?", "there is no rewinding" ----
run pare-train -q -a 4-20-3 -d d.h5 -e 1 -o plain.h5
run pare-rewind -t list plain.h5
out_has '^init	0	0	' "every trained model knows its start, unasked"
run pare-rewind -t list 3.h5
is "$(cut -f 1 "$OUT" | tr '\n' ' ')" 'name init epoch:2 ' \
    "and a ticket all that it can go back to, by name"

finish
