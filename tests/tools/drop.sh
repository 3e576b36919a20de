#!/bin/sh
# pare-prune -m set and the other rules of dynamic sparse training.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

pare-train -q -a 4-20-10-3 -d d.h5 -e 2 -S 1 --accumulate hebbian -o h.h5
pare-prune -s .5 -A layer h.h5 -o s.h5
cp s.h5 s.orig

# ---- every rule, with its settings ----
for rule in set 'set,zeta=.5,form=kth' set,form=sorted weighted 'w*c,zeta=.1' \
    hebbian,tau=.3 'hebbian,tau=.3,zeta=.4,join=and' magnitude,zeta=.2 \
    'hebbian,tau=.6,highest,zeta=.5,form=slots'; do
    run pare-prune -v -m "$rule" s.h5 -o 1.h5
    status_is 0 "$rule removes"
    err_has '^pare-prune: [a-z]*,.*: removed [1-9][0-9]* of 155 \(0\.' \
        "and says how much"
    run pare-prune -j 3 -m "$rule" -o 2.h5 s.h5
    same 1.h5 2.h5 "the same at any number of threads"
    run pare-check 1.h5
    status_is 0 "the model is sound"
    run_sh 'pare-log 1.h5 | tail -n 1'
    out_has '^pare prune -m [a-z]*,(zeta|tau)=' "the line can be typed again"
done
same s.h5 s.orig "the input is what it was"

run pare-prune -m set,zeta=.4,form=slots --report - s.h5 -o 1.h5
out_has '^layer	tensor	params	kept_before	kept_after	sparsity$' "a table"
out_has '^fc1	fc1.weight	80	40	2[4-6]	' "says what each layer lost"
run_sh 'pare-prune -m set,zeta=.4,form=slots <s.h5 >2.h5'
same 1.h5 2.h5 "pipes and files give the same bytes"
run pare-prune -m set,form=slots --only fc2 s.h5 -o 1.h5
ok "other layers are left alone" [ "$(kept 1.h5 | cut -d ' ' -f 1,3)" = "40 15" ]
run pare-prune -m set,form=slots --skip fc2 s.h5 -o 1.h5
ok "or this one" [ "$(kept 1.h5 | cut -d ' ' -f 2)" = 100 ]
run pare-prune -m set,form=slots h.h5 -o 1.h5
fails_with 1 "a model without sparse layers has none to remove from"
err_has 'no layer is sparse: .*pare init --density' "which says how to get them"
run pare-prune -m set,form=slots --only fc1 h.h5 -o 1.h5
status_is 0 "unless one is named"
run pare-prune -m hebbian,tau=1 s.h5 -o 1.h5
err_has 'warning: layer fc1 has no weight left' "an emptied layer is told"
run pare-prune -m hebbian,tau=1 --no-collapse s.h5 -o 1.h5
fails_with 1 "or refused"
run pare-prune -m hebbian -f .2 s.h5 -o 1.h5
status_is 0 "without a share the criterion is what it was"

# ---- measured between removal and growth ----
run pare-prune -m set,zeta=.6,form=slots --measure -d d.h5 s.h5 -o 1.h5
status_is 0 "a removal can be measured"
pare-prune -m set,zeta=.6,form=slots s.h5 -o 2.h5
want=$(pare-eval -d d.h5 --split val 2.h5 | awk -F '\t' '
    NR == 1 { for (i = 1; i <= NF; i++) c[$i] = i }
    NR == 2 { printf "%.4f %.4f", $c["loss"], $c["accuracy"] }')
got=$(pare-log --history 1.h5 | awk -F '\t' '
    NR == 1 { for (i = 1; i <= NF; i++) c[$i] = i }
    END { printf "%.4f %.4f", $c["val_loss"], $c["val_acc"] }')
ran="eval: '$want', history: '$got'"
ok "the history has what pare eval gives" [ "$want" = "$got" ]
run pare-prune -s .9 --measure -d d.h5 s.h5 -o 3.h5
status_is 0 "so can a pruning by an amount"
differ 1.h5 2.h5 "which changes the file"

# ---- bad input ----
for bad in '-m set -s .5' '-m set -f .5' '-m set -n 3' '-m set -c 2' \
    '-m set -g unit' '-m set -A global+' '-m set -A erk' '-m set --bias' \
    '-m set --layer fc1=.5' '-m set --floor 1' '-m set -S 3' \
    '-m set --bytes 1K' '-m set --keep-undo' '-m set -d d.h5' \
    '-m set --calibrate 5' '-m set --measure' '-m set,zeta=1.5' \
    '-m set,zeta=nan' '-m set,tau=.5' '-m set,form=all' '-m set,zeta' \
    '-m weighted,join=or' '-m hebbian,tau=2' '-m hebbian,tau=.1,join=xor' \
    '-m hebbian,zeta=.1,highest' '-m magnitude,zeta=.1,form=kth' \
    '-s .5 --measure' '-m set --max-drop 1' '-m set --norm l1'; do
    # shellcheck disable=SC2086
    run pare-prune $bad s.h5
    fails_with 2 "wrong usage: $bad"
done
pare-prune -s .5 m.h5 -o n.h5
run pare-prune -m weighted n.h5
fails_with 1 "coactivations must be there"
err_has 'no coactivations: .*--accumulate hebbian' "and how is told"
run pare-prune -m set --only 'f9*' s.h5
fails_with 1 "a glob must match"
pare-init -a 4-20-10-3 -S 1 | pare-prune -s .5 -o i.h5
run pare-prune -m set --measure -d d.h5 i.h5
fails_with 1 "without a history there is no line to measure for"

finish
