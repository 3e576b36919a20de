#!/bin/sh
# pare-rewind as a program.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

run pare-rewind --help
status_is 0 "help succeeds"
out_has '^usage: pare-rewind ' "help shows the usage"
for bad in '' '-t init --also weights' '-t init --also optimizer,' \
    '-t best --reinit' '-t init -S 4' '-t init --nonsense'; do
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
finish
