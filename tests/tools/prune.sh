#!/bin/sh
# pare-prune as a program.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

# ---- help, tables, usage ----
run pare-prune --help
status_is 0 "help succeeds"
out_has '^usage: pare-prune ' "help shows the usage"
out_has '\[magnitude\]$' "help shows the default in force"
run pare-prune --version
out_has '^pare-prune [0-9]' "the version is told"
run pare-prune -m list
out_has '^gradient	' "-m list prints the criteria"
run pare-prune -g list
out_has '^unit	' "-g list prints the grains"
run pare-prune -A list
out_has '^layer	' "-A list prints the allocations"
for bad in '-s 1.5' '-s -1' '-s x' '-s nan' '-f 2' '-c 0.5' '-n 1.5' '-n -3' \
    '-s .5 -f .5' '-n 3 -c 2' '' '-s .5 -m luck' '-s .5 -g row' \
    '-s .5 -A fair' '-s .5 --norm l1' '-s .5 -g unit --norm l3' \
    '-s .5 -m gradient' '-s .5 -d d.h5' '-s .5 --calibrate 5' \
    '-s .5 --layer fc1' '-s .5 --layer fc1=2' '-n 5 --layer fc1=.5' \
    '-s .5 --layer =.3' '-s .5 --report -' '-s .5 --nonsense'; do
    # shellcheck disable=SC2086
    run pare-prune $bad m.h5
    fails_with 2 "wrong usage: $bad"
done

# ---- inputs that cannot be ----
run pare-prune -s .5 none.h5
fails_with 1 "a missing file fails"
err_has 'none.h5' "and is named"
head -c 3000 m.h5 >cut.h5
run pare-prune -s .5 cut.h5
fails_with 1 "a truncated file fails"
run pare-prune -s .5 d.h5
fails_with 1 "a data file is no model"
run pare-prune -s .5 -o none/o.h5 m.h5
fails_with 1 "an output that cannot be made fails"
[ -c /dev/full ] && run pare-prune -s .5 -o /dev/full m.h5 &&
    fails_with 1 "a full disk fails"
run pare-prune -s .5 --skip 'conv*' m.h5
fails_with 1 "an unknown layer fails"
err_has "'conv\*' matches no prunable layer; there are: fc1, fc2, fc3" \
    "and those there are are named"
run pare-prune -c 50 m.h5
fails_with 1 "a compression that biases forbid fails"
err_has 'the largest is 10.3939' "and the largest is named"
run pare-prune -n 311 m.h5
fails_with 1 "more than there is cannot be removed"
run pare-prune -s .5 -m gradient -d d.h5 --calibrate 81 m.h5
fails_with 1 "more samples than there are fail"
cut -d , -f 1,2,5 d.csv >two.csv
pare-data csv --label kind --make-split 80,20,20 -S 1 -o two.h5 two.csv
run pare-prune -s .5 -m gradient -d two.h5 m.h5
fails_with 1 "data with other inputs fail"
same m.h5 m.orig "nothing of that touched the model"

# ---- counts ----
run pare-prune -v -s .9 m.h5 -o p.h5
status_is 0 "pruning succeeds"
out_is '' "nothing on standard output with -o"
err_has 'asked 0.9000, removed 279 of 310 \(0.9000\)' "the outcome is told"
err_has 'bytes before, .* after' "the bytes are told"
ok "279 weights went" [ "$(kept p.h5 | awk '{ print $4 }')" = 31 ]
run pare-prune -s .9 p.h5 -o q.h5
err_is '' "silence is success"
ok "what is reached removes nothing" [ "$(kept q.h5)" = "$(kept p.h5)" ]
run pare-prune -A layer -f .2 --layer fc3=.1 m.h5 -o p.h5
ok "layers get their own amounts" [ "$(kept p.h5)" = "64 160 27 251" ]
run pare-prune --layer 'fc[12]=.5' m.h5 -o p.h5
ok "without a general amount only these" [ "$(kept p.h5)" = "40 100 30 170" ]
run pare-prune -n 7 --only fc2 m.h5 -o p.h5
ok "--only chooses" [ "$(kept p.h5)" = "80 193 30 303" ]
run pare-prune -n 7 --skip 'fc[12]' m.h5 -o p.h5
ok "--skip leaves alone" [ "$(kept p.h5)" = "80 200 23 303" ]
run pare-prune -v -g unit -A layer -f .5 m.h5 -o p.h5
ok "units go whole, the output stays" [ "$(kept p.h5)" = "40 100 30 170" ]
err_has 'removed 15 of 30 units, 140 of 280 weights' "units are counted"
run pare-prune -v -c 3 m.h5 -o p.h5
err_has 'asked 3.0000, removed 229 of 310 \(3.0088\)' "ratios count biases"

# ---- emptied layers ----
run pare-prune --layer fc3=1 m.h5 -o p.h5
status_is 0 "an emptied layer is allowed"
err_is 'pare-prune: warning: layer fc3 has no weight left' "and is named"
run pare-prune -q --layer fc3=1 m.h5 -o p.h5
err_is '' "-q is quiet about it"
run pare-prune --no-collapse --layer fc3=1 m.h5 -o p2.h5
fails_with 1 "--no-collapse forbids it"
err_has 'layer fc3' "and names it"
ok "no file is made" [ ! -e p2.h5 ]

# ---- report ----
run pare-prune -A layer -f .5 --report r.tsv m.h5 -o p.h5
ok "the report is a table" [ "$(sed -n 3p r.tsv)" = \
    "fc2	fc2.weight	200	200	100	0.5" ]
run pare-prune -A layer -f .5 --report - m.h5 -o p2.h5
out_is "$(cat r.tsv)" "the report goes to standard output when asked"
run pare-prune -f .5 --report p3.h5 m.h5 -o p3.h5
fails_with 2 "the report is not put where the model goes"
run pare-prune -f .5 --report /nowhere/r.tsv m.h5 -o p4.h5
fails_with 1 "a report can fail"
ok "and then no model is written" [ ! -e p4.h5 ]
ok "and no file is made" [ ! -e p3.h5 ]

# ---- the same bytes ----
run_sh 'pare-prune -s .5 <m.h5 >a.h5'
status_is 0 "standard input to standard output"
run pare-prune -s .5 m.h5 -o b.h5
same a.h5 b.h5 "pipes and files give the same bytes"
cp m.h5 c.h5
run pare-prune -s .5 c.h5 -o c.h5
same a.h5 c.h5 "a model can be pruned in place"
for j in 1 2; do
    run pare-prune -j $j -f .5 -m gradient -d d.h5 --calibrate 70 m.h5 -o g$j.h5
    status_is 0 "the gradient criterion runs on $j threads"
done
same g1.h5 g2.h5 "threads do not matter"
run pare-prune -f .5 -m gradient -d d.h5 --calibrate 20 m.h5 -o g3.h5
differ g1.h5 g3.h5 "samples do"
run env PARE_KERNEL=c pare-prune -f .5 -m gradient -d d.h5 m.h5 -o g4.h5
run pare-log g4.h5
out_has '^# kernel: c$' "the kernels of a gradient are chosen and recorded"
run env PARE_KERNEL=nonsense pare-prune -f .5 -m gradient -d d.h5 m.h5 -o g5.h5
fails_with 2 "unknown kernels are a usage error"
run pare-prune -f .5 -m random m.h5 -o r1.h5
run pare-prune -f .5 -m random m.h5 -o r2.h5
same r1.h5 r2.h5 "the seed follows from the model"
run pare-prune -f .5 -m random -S 4 m.h5 -o r3.h5
differ r1.h5 r3.h5 "another seed draws others"
run_sh 'pare-prune -n 9 -m random m.h5 | pare-prune -n 9 -m random -o r4.h5'
ok "twice in a row draws twice" \
    [ "$(kept r4.h5 | awk '{ print $4 }')" = 292 ]
finish
