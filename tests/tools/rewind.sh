#!/bin/sh
# pare-rewind as a program.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

run pare-rewind --help
status_is 0 "help succeeds"
out_has '^usage: pare-rewind ' "help shows the usage"
for bad in '' '-t init --also weights' '-t init --also optimizer,' \
    '-t best --reinit' '-t init -S 4' '-t init --nonsense' '--undo 0' \
    '--undo 1 -t init' '--undo 1 --reinit' '--undo 1 --also schedule' \
    '--undo 1 -t list' '--undo -1' '--undo 1 -S 3'; do
    # shellcheck disable=SC2086
    run pare-rewind $bad m.h5
    fails_with 2 "wrong usage: $bad"
done
run pare-rewind -t epoch:9 m.h5
fails_with 1 "an unknown checkpoint fails"
err_has "no checkpoint 'epoch:9'; there are: init, epoch:2" "those are named"
run pare-rewind -t init none.h5
fails_with 1 "a missing file fails"
head -c 3000 m.h5 >cut.h5
run pare-rewind -t init cut.h5
fails_with 1 "a truncated file fails"
run pare-rewind -t init -o none/o.h5 m.h5
fails_with 1 "an output that cannot be made fails"
same m.h5 m.orig "nothing of that touched the model"

run pare-rewind -t list m.h5
out_is "name	epoch	step	optimizer
init	0	0	yes
epoch:2	2	4	yes" "checkpoints are listed"
run pare-rewind -t list none.h5
fails_with 1 "if there is a model"
run pare-rewind -v -t init m.h5 -o i.h5
err_has 'went back to init, 310 of 310 weights kept; epoch 3, step 6' \
    "where the model stands is told"
run pare-train -a 4-20-10-3 -d d.h5 -e 0 -S 1 -o zero.h5
run pare-diff i.h5 zero.h5
status_is 0 "init is the model before its first step"
run pare-train -a 4-20-10-3 -d d.h5 -e 2 -S 1 -o two.h5
run pare-rewind -t epoch:2 m.h5 -o i.h5
run pare-diff i.h5 two.h5
status_is 0 "epoch:2 is the model trained for two epochs"
run pare-diff i.h5 m.h5
status_is 1 "which is not the model trained for three"
run_sh 'pare-prune -s .5 m.h5 | pare-rewind -t init -o a.h5'
status_is 0 "rewinding in a pipe succeeds"
pare-prune -s .5 m.h5 -o p.h5
run pare-rewind -t init p.h5 -o b.h5
same a.h5 b.h5 "pipes and files give the same bytes"
ok "the mask stays" [ "$(kept b.h5)" = "$(kept p.h5)" ]
run pare-rewind -v -t epoch:2 --also schedule,optimizer m.h5 -o e.h5
err_has 'went back to epoch:2, .* epoch 2, step 4' "the position goes back"
run pare-rewind -v -t init --also schedule m.h5 -o e.h5
err_has 'epoch 0, step 0' "init is before the first step"
run pare-rewind -t init --also '' m.h5 -o e0.h5
fails_with 2 "--also of nothing is a usage error"
run pare-rewind --reinit -S 5 m.h5 -o n1.h5
run pare-rewind --reinit -S 5 m.h5 -o n2.h5
same n1.h5 n2.h5 "the same seed draws the same"
run pare-rewind --reinit m.h5 -o n3.h5
run pare-rewind -t init --reinit m.h5 -o n4.h5
same n3.h5 n4.h5 "without a seed it follows from the model"
differ n1.h5 n3.h5 "another seed draws others"

# ---- undo
# body FILE: all that a model holds, but for its provenance and the length of
# its schedule, a setting that training more makes larger.
body() { pare-dump "$1" | sed '/^step /d; s/ sched_total=[0-9]*//'; }
pare-train -q -a 4-20-10-3 -d d.h5 -e 2 -S 3 -o u0.h5
pare-prune -f .3 --keep-undo u0.h5 | pare-finetune -q -d d.h5 -e 1 -o u1.h5
pare-prune -f .3 -g unit --bias --keep-undo u1.h5 -o u2.h5
pare-prune -f .2 --keep-undo u2.h5 | pare-rewind -t init -o u3.h5
run pare-check u3.h5
status_is 0 "a model with undo points, trained on and rewound, is sound"
run pare-rewind -t list u3.h5
out_has '^undo:3	3	6	yes$' "undo points are listed"
for n in 1 2 3; do
    run pare-rewind --undo "$n" u3.h5 -o back.h5
    status_is 0 "$n prunings are taken back"
    run pare-check back.h5
    status_is 0 "to a sound model"
    body back.h5 >back.txt
    body "u$((3 - n)).h5" >want.txt
    same back.txt want.txt "which is all that the model was before them"
done
ok "the file is as small as it was" [ "$(wc -c <back.h5)" -lt \
    "$(($(wc -c <u0.h5) + 4000))" ]
mv back.h5 all.h5
run pare-rewind -v --undo 2 u3.h5 -o back.h5
err_has 'took back 2 prunings, 2[0-9][0-9] of 310 weights kept; epoch 3' \
    "what was done is told"
run pare-rewind --undo 1 back.h5 -o again.h5
run pare-diff --state all.h5 again.h5
status_is 0 "an undo can follow another"
run_sh 'pare-prune -f .5 --keep-undo u1.h5 | pare-rewind --undo 1 -o again.h5'
run pare-diff --state u1.h5 again.h5
status_is 0 "after no training it is the very state"
run pare-rewind --undo 4 u3.h5 -o none.h5
fails_with 1 "more than there are cannot be taken back"
err_has 'cannot take back 4 prunings: the model holds 3 undo points' \
    "and how many there are is told"
run pare-rewind --undo 1 m.h5
err_has 'holds 0 undo points' "also when there are none"
run_sh 'pare-rewind --undo 2 u3.h5 | pare-prune -f .3 -g unit --bias -o v.h5'
run_sh 'pare-rewind --undo 1 u2.h5 | pare-prune -f .3 -g unit --bias -o w.h5'
run pare-diff --state v.h5 w.h5
status_is 0 "what was undone can be done again"
mkdir undone
pare log --make --search . back.h5 >undone/Makefile
run make -s -C undone OUT=back.h5
same undone/back.h5 back.h5 "and a replay undoes too"
pare-dump u3.h5 | pare-load -o twin.h5
same twin.h5 u3.h5 "the text twin holds undo points"

finish
