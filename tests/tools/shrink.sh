#!/bin/sh
# pare-shrink as a program.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

# arch FILE: its architecture, for people.
arch() {
    pare-dump "$1" | sed -n 's/^arch //p'
}
arch_is() {
    ran="pare-dump $1"
    if [ "$(arch "$1")" = "$2" ]; then pass; else fail "$3" "$(arch "$1")"; fi
}

run pare-shrink --help
status_is 0 "help succeeds"
for bad in '--split test' '-d d.h5 --split all' '--round 0' '--tolerance -1' \
    '--tolerance nan' '--calibrate 0' '--nonsense' 'm.h5 m.h5'; do
    # shellcheck disable=SC2086
    run pare-shrink $bad m.h5
    fails_with 2 "wrong usage: $bad"
done
run pare-shrink none.h5
fails_with 1 "a missing file fails"
run pare-shrink d.h5
fails_with 1 "a data file is no model"
run pare-shrink -d none.h5 m.h5
fails_with 1 "missing data fail"

# ---- a pruned network
pare-prune -q -g unit --layer fc1=.5 --layer fc2=.3 m.h5 -o p.h5
cp p.h5 p.orig
run pare-shrink p.h5 -o s.h5
status_is 0 "a pruned network shrinks"
ok "one line tells the difference" [ "$(wc -l <"$ERR")" -eq 1 ]
err_has '^pare-shrink: outputs differ by [0-9.e-]+ at most on 256 random samples; the largest is [0-9.]+$' \
    "of random inputs"
out_is '' "and nothing else comes out"
arch_is s.h5 \
    'in(4) fc1=linear(10) relu1=relu fc2=linear(7) relu2=relu fc3=linear(3)' \
    "the layers are narrower"
run pare-check s.h5
status_is 0 "and keeps the promises"
measure() {
    pare-eval -d d.h5 "$1" | awk -F '\t' 'NR > 1 {
        printf "%s %.4f %.4f %s\n", $2, $3, $4, $5 }'
}
run measure s.h5
out_is "$(measure p.h5)" "loss and accuracy are the same"
run_sh 'pare-prune -q -g unit --layer fc1=.5 --layer fc2=.3 m.h5 |
    pare-shrink -q | cmp - s.h5'
status_is 0 "pipes and files give the same bytes"
err_is '' "-q is quiet"
run_sh 'pare-shrink -j 1 -S 5 -d d.h5 --split val --calibrate 7 p.h5 | cmp - s.h5'
status_is 0 "what outputs are compared on does not matter to the model"
err_has 'at most on 7 val samples' "but is told"
run pare-shrink -d d.h5 p.h5 -o s2.h5
err_has 'on 80 train samples' "a split with less samples is taken whole"
run_sh 'pare-shrink -v p.h5 >/dev/null'
err_has 'fc1: 20 units before, 10 after$' "-v tells the widths"
err_has '343 parameters before, 151 after; 310 multiply-adds before, 131 after' \
    "and parameters"
err_has "$(wc -c <p.orig | sed ':a;s/\B[0-9]\{3\}\>/,&/;ta') bytes before, " \
    "and bytes"

# ---- it goes on
run pare-finetune -q -d d.h5 -e 1 s.h5 -o t.h5
status_is 0 "it trains on"
run pare-prune -s .5 t.h5 -o t.h5
status_is 0 "and is pruned"
run pare-rewind -t epoch:2 --also optimizer,schedule s.h5 -o r.h5
run pare-shrink -q r.h5 -o r2.h5
pare-rewind -t epoch:2 --also optimizer,schedule p.h5 | pare-shrink -q -o r3.h5
ran='pare-diff r.h5 r3.h5'
run pare-diff r.h5 r3.h5
status_is 0 "a checkpoint gone back to is the same before and after"
run pare-rewind -t list s.h5
out_is "name	epoch	step	optimizer
init	0	0	yes
epoch:2	2	4	yes" "all checkpoints are there"
pare-rewind -t init p.h5 | pare-shrink -q -o i1.h5
pare-rewind -t init s.h5 -o i2.h5
run pare-diff i1.h5 i2.h5
status_is 0 "init, too"
pare-prune -q -s .3 m.h5 | pare-prune -q -g unit --layer fc1=.5 |
    pare-shrink -q -o masked.h5
ok "masks of what stays come along" \
    [ "$(kept masked.h5)" = "$(pare-prune -q -s .3 m.h5 |
        pare-prune -q -g unit --layer fc1=.5 | pare-shrink -q | pare-shrink -q |
        pare-stats | awk -F '\t' 'NR > 1 { split($3, s, "x")
            if ($2 == "total") k = t; else { k = $5 - s[1]; t += k }
            printf "%s%d", sep, k; sep = " " }')" ]
run_sh 'pare-stats masked.h5 | cut -f 7'
out_has '^0\.[0-9]' "and are masks"
run pare-log --make s.h5 --search .
status_is 0 "provenance becomes a Makefile"
out_has '\(PARE\) shrink ' "with the step in it"
out_lacks 'shrink .*-S' "whose samples need no seed"
cp "$OUT" Makefile
run make -s OUT=again.h5
status_is 0 "which runs"
same again.h5 s.h5 "and makes the same bytes"

# ---- bytes
pare-init -a 100-200-50-4 -S 1 | pare-prune -g unit -A layer -f .5 -o p2.h5
run pare-shrink -v p2.h5 -o s2.h5
err_has 'init is stored now, instead of its seed' "-v tells what that costs"
run pare-rewind -t init s2.h5 -o r2.h5
status_is 0 "init is stored"
run pare-shrink -q --drop-init p2.h5 -o s2.h5
run pare-rewind -t init s2.h5
fails_with 1 "or left out"
run pare-rewind --reinit s2.h5 -o r2.h5
status_is 0 "but others can be drawn"
ok "the file is smaller than the masked one" \
    [ "$(wc -c <s2.h5)" -lt "$(wc -c <p2.h5)" ]
arch_is s2.h5 'in(100) fc1=linear(100) relu1=relu fc2=linear(25) relu2=relu fc3=linear(4)' \
    "half of each layer is gone"

pare-prune -q --keep-undo -g unit --layer fc1=.5 m.h5 -o u.h5
run_sh 'pare-shrink -v u.h5 >u2.h5'
err_has 'dropped scores \(0\), curves \(0\) and undo points \(1\), which' \
    "undo points are dropped, as is told"
run pare-check u2.h5
status_is 0 "and nothing is left of them"

# ---- widths, layers that nobody needs, nothing to do
run pare-shrink -q --round 8 p.h5 -o w.h5
arch_is w.h5 \
    'in(4) fc1=linear(16) relu1=relu fc2=linear(8) relu2=relu fc3=linear(3)' \
    "widths are multiples"
pare-prune -q --layer fc2=1 m.h5 -o idle.h5
run pare-shrink idle.h5 -o s.h5
status_is 0 "a network with an idle layer shrinks"
err_has 'warning: the outputs depend on no unit of layer fc1; 1 of 20 stay' \
    "and a warning tells"
arch_is s.h5 \
    'in(4) fc1=linear(1) relu1=relu fc2=linear(1) relu2=relu fc3=linear(3)' \
    "that one stays"
run pare-shrink -v m.h5 -o same.h5
err_has 'there is nothing to remove' "a full network stays as it is"
run pare-diff m.h5 same.h5
status_is 0 "bit for bit"

# ---- what fails
cp p.h5 keep.h5
run pare-shrink --tolerance 0 p.h5 -o keep.h5
fails_with 1 "any difference is too much for --tolerance 0"
err_has 'outputs differ by [0-9.e-]+ on 256 samples, which is more than 0 ' \
    "and the difference is told"
same keep.h5 p.orig "nothing was written"
run pare-shrink --tolerance 0 m.h5 -o keep.h5
status_is 0 "without any, 0 is enough"
awk 'BEGIN { print "a,b,kind"; for (i = 0; i < 9; i++) print i ",1,x" }' >two.csv
pare-data csv --label kind -o two.h5 two.csv
run pare-shrink -d two.h5 p.h5
fails_with 1 "data that do not fit fail"
run pare-shrink -d two.h5 m.h5
fails_with 1 "also where there is nothing to compare"
run pare-shrink -d d.h5 --split test --tolerance 1e-3 p.h5 -o none/o.h5
fails_with 1 "an output that cannot be made fails"
same p.h5 p.orig "nothing of that touched the model"
finish
