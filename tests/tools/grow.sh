#!/bin/sh
# pare-grow as a program.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

pare-train -q -a 4-20-10-3 -d d.h5 -e 2 -S 1 --optimizer sgd,momentum=.9 \
    --accumulate hebbian -o h.h5
pare-prune -s .5 -A layer h.h5 -o s.h5
pare-prune -m set,zeta=.4,form=slots s.h5 -o t.h5
cp t.h5 t.orig
ok "the model lacks some" [ "$(kept t.h5)" = "24 61 10 95" ]

# ---- every rule brings each layer back to its target ----
for rule in '-m random' '-m random --value normal,sd=.1 --avoid removed' \
    '-m gradient -d d.h5 --value fan' '-m gradient -d d.h5 --calibrate 10' \
    '-m hebbian' '-m hebbian --lowest' '-m momentum -d d.h5' \
    '-m random --redistribute' '-m gradient -d d.h5 --avoid removed'; do
    # shellcheck disable=SC2086
    run pare-grow -v $rule t.h5 -o 1.h5
    status_is 0 "growth: $rule"
    err_has '^pare-grow: grew 6[0-9] connections, 9[0-9] before, 155 after$' \
        "which says how much: $rule"
    run pare-check 1.h5
    status_is 0 "the model is sound: $rule"
    case $rule in
    *redistribute) ok "all of it" [ "$(kept 1.h5 | cut -d ' ' -f 4)" = 155 ] ;;
    *) ok "each layer: $rule" [ "$(kept 1.h5)" = "40 100 15 155" ] ;;
    esac
    # shellcheck disable=SC2086
    run_sh "pare-grow -j 3 $rule <t.h5 >2.h5"
    same 1.h5 2.h5 "the same through pipes, at any number of threads: $rule"
    run_sh 'pare-log 1.h5 | tail -n 1'
    out_has '^pare grow .*-m [a-z]* --counting exact --value .* --avoid' \
        "the line can be typed again: $rule"
done
same t.h5 t.orig "the input is what it was"
run pare-grow t.h5 -o 1.h5
run pare-grow -S 5 t.h5 -o 2.h5
run pare-grow -S 5 t.h5 -o 3.h5
same 2.h5 3.h5 "a seed gives the same"
differ 1.h5 2.h5 "another seed others"
run pare-diff 1.h5 t.h5
out_has '^total	343	188	128	60	0	0	0$' "new weights are 0: no value differs"
run pare-grow --value fan t.h5 -o 1.h5
run pare-diff 1.h5 t.h5
out_has '^total	343	188	128	60	0	0	[0-9]\.' "unless they were drawn"
scores_probe h.h5 x.h5 good
run pare-grow -m file --scores x.h5 t.h5 -o 2.h5
ok "scores of a file grow" [ "$(kept 2.h5)" = "40 100 15 155" ]
run pare-grow -m file:x.h5 t.h5 -o 3.h5
status_is 0 "its path may stand behind file:"
same 3.h5 2.h5 "which is the same"
run pare-grow 1.h5 -o 2.h5
ok "what lacks nothing gets nothing" [ "$(kept 2.h5)" = "$(kept 1.h5)" ]

# ---- other prunings and masks set the target ----
run_sh "pare-prune -q -A layer -s .8 1.h5 | tee fewer.h5 | pare-grow -o 2.h5"
status_is 0 "a model that was rewired can be pruned further"
ok "growth does not undo that" [ "$(kept 2.h5)" = "$(kept fewer.h5)" ]
run_sh "pare-mask or 1.h5 m.h5 | tee other.h5 | pare-prune -m set,zeta=.5 |
    pare-grow -o 2.h5"
ok "and goes back to the size of a new mask" \
    [ "$(kept 2.h5)" = "$(kept other.h5)" ]
run_sh "pare-prune -q -s 0 t.h5 | pare-grow -o 2.h5"
ok "a pruning of nothing changes no target" [ "$(kept 2.h5)" = "$(kept 1.h5)" ]

# ---- other amounts, other layers ----
run pare-grow -n 3 t.h5 --report - -o 1.h5
out_has '^layer	tensor	params	kept_before	grown	kept_after	sparsity$' "a table"
out_has '^fc2	fc2.weight	200	[0-9]*	3	[0-9]*	0\.' "has what grew"
run pare-grow --density .75 --only fc1 t.h5 -o 1.h5
ok "a density is reached, elsewhere nothing" \
    [ "$(kept 1.h5 | cut -d ' ' -f 1-3)" = "60 61 10" ]
run pare-grow --skip 'fc[12]' t.h5 -o 1.h5
ok "layers can be left alone" [ "$(kept 1.h5 | cut -d ' ' -f 3)" = 15 ]
run pare-grow --density 1 t.h5 -o 1.h5
ok "up to dense layers" [ "$(kept 1.h5)" = "80 200 30 310" ]
run pare-finetune -q -d d.h5 -e 1 1.h5 -o 2.h5
status_is 0 "that train on"
run pare-grow --counting bernoulli -S 2 t.h5 -o 1.h5
status_is 0 "Bernoulli counts"
run pare-grow --counting strict -m hebbian t.h5 -o 1.h5
status_is 0 "strict counts"
ok "are no more than asked for" [ "$(kept 1.h5 | cut -d ' ' -f 4)" -le 155 ]
run pare-grow --counting ties --lowest -m hebbian t.h5 -o 1.h5
status_is 0 "ties"
ok "are no fewer" [ "$(kept 1.h5 | cut -d ' ' -f 4)" -ge 155 ]

# ---- a loop of commands, and its replay ----
run_sh 'for i in 1 2 3; do
    pare-finetune -q -d d.h5 -e 1 t.h5 | pare-prune -m set,zeta=.2 |
        pare-grow --value normal,sd=.05 -o loop.h5 && cp loop.h5 t.h5 || exit
done'
status_is 0 "three rounds of sparse evolutionary training"
run pare-check loop.h5
status_is 0 "end in a sound model"
ok "as sparse as it began" [ "$(kept loop.h5)" = "40 100 15 155" ]
mkdir again
pare log --make --search . loop.h5 >again/Makefile
run make -s -C again OUT=loop.h5
same again/loop.h5 loop.h5 "a replay makes the same file"
pare-dump loop.h5 | pare-load -o twin.h5
same twin.h5 loop.h5 "and so does its text"
mv t.orig t.h5

# ---- dialects ----
pare-train -q -a 4-20-10-3 -d d.h5 -e 2 -S 1 --density .5 --sparse bernoulli \
    --dialect numenta --optimizer sgd,momentum=.9 --accumulate hebbian \
    -o n.h5 2>/dev/null
pare-prune -m hebbian,tau=.3,zeta=.3 n.h5 -o a.h5
run pare-grow -v -m momentum a.h5 -o 1.h5
status_is 0 "a dense state has the momentum of all positions"
run pare-check 1.h5
status_is 0 "and stays dense"
# slots FILE: lines of the text that hold the first slot of fc1.weight.
slots() {
    pare-dump "$1" | awk '/^[a-z]/ { on = /^slot 0 fc1.weight/; next } on'
}
slots n.h5 >slots.before
slots 1.h5 >slots.after
ok "there is such a state" test -s slots.before
same slots.before slots.after "neither removal nor growth touches it"

# ---- layers too large for a mask ----
pare-init -a 70000-70000-70000 --epsilon 1 -S 1 -o big.h5
run_sh 'pare-prune -v -m set,zeta=.5,form=slots big.h5 | pare-grow -v -o 1.h5'
status_is 0 "layers of 2^32 positions and more are rewired"
err_has 'removed 139,99[0-9] of 280,000' "a half goes"
err_has 'grew 139,99[0-9] connections, .* 280,000 after' "and grows elsewhere"
run pare-check 1.h5
status_is 0 "to a sound model"
run pare-prune -s .9999999 big.h5
fails_with 1 "while prunings by an amount need dense layers"

# ---- bad input ----
for bad in '-m nothing' '-m file' '-m file:' '-m file:x.h5 --scores x.h5' \
    '-m random --scores x.h5' '-m gradient' \
    '-m random -d d.h5' '-m hebbian -d d.h5' '--calibrate 5' '--lowest' \
    '--counting all' '--counting strict' '--counting ties' \
    '-m hebbian --counting bernoulli' \
    '--value 1' '--value normal' '--value normal,sd=-1' '--avoid all' \
    '--density 0' '--density 1.1' '--density nan' '--density .5 -n 3' \
    '-n -1' '--redistribute -n 3' '--report -' '-S x' '--nonsense'; do
    # shellcheck disable=SC2086
    run pare-grow $bad t.h5
    fails_with 2 "wrong usage: $bad"
done
run pare-grow -m file: t.h5
err_has 'file: needs a path behind it' "a path is missing"
run pare-grow -n 1000 t.h5 -o 1.h5
fails_with 1 "growth into a full layer fails"
err_has 'layer fc1 has no room for 1000 connections more: [0-9]* of its 80' \
    "which names it and its room"
run pare-grow s.h5 -o 1.h5
fails_with 1 "without a target it must be told how many"
err_has 'give a count or a density' "and says so"
run pare-grow m.h5 -o 1.h5
fails_with 1 "a dense model has no room"
err_has 'no layer is sparse' "and says so"
run pare-grow --only f9 t.h5
fails_with 1 "a glob must match"
pare-prune -s .5 m.h5 | pare-prune -m set,form=slots -o n.h5
run pare-grow -m hebbian n.h5
fails_with 1 "coactivations must be there"
run pare-grow -m momentum t.h5
fails_with 1 "momentum without a dense state needs data"
err_has 'growth by momentum needs data, .*: use -d' "and says so"
run pare-grow --skip 'fc*' t.h5
fails_with 1 "some layer must be left"
err_has 'the options leave no layer$' "in words that fit growth"
run pare-grow -m file --scores none.h5 t.h5
fails_with 1 "the file of scores must be there"
run pare-grow -m list
out_has '^random	.*	Mocanu' "the rules are listed"

finish
