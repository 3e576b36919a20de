# Networks that are sparse from the start: pare-init(1), pare-train(1).
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

# kept_is FILE COUNTS NAME: kept weights of the layers and in all.
kept_is() {
    ran="pare-stats $1"
    if [ "$(kept "$1")" = "$2" ]; then
        pass
    else
        fail "$3" "kept $(kept "$1"), not $2"
    fi
}

# begin FILE OPTION...: an untrained model that check has nothing against.
begin() {
    file=$1
    shift
    run pare-init -a 4-20-10-3 -S 1 -o "$file" "$@"
    status_is 0 "a network begins with $*"
    run pare-check "$file"
    status_is 0 "and is sound: $*"
}

# ---- how many ----
begin a.h5 --density .3
kept_is a.h5 '33 42 18 93' "its parts add up to the density"
begin b.h5 --epsilon 2
kept_is b.h5 '48 60 26 134' "epsilon counts inputs and outputs"
run pare-init -a 4-20-10-3 --epsilon 2 -o b.h5
err_is 'pare-init: warning: layer fc1 begins with a density of 0.60
pare-init: warning: layer fc3 begins with a density of 0.87' \
    "layers with more than half of their connections are told"
begin c.h5 --density .3 --sparse uniform
kept_is c.h5 '24 60 9 93' "the same density in every layer"
begin c.h5 --density .37 --sparse exact
kept_is c.h5 '29 74 11 114' "or its whole part in each"
begin c.h5 --density .37 --sparse uniform
kept_is c.h5 '30 74 11 115' "or the right sum"
begin c.h5 --epsilon 2 --sparse-layers fc1 --sparse-layers '*2'
kept_is c.h5 '48 60 30 138' "other layers stay dense"
err_lines=$(pare-init -a 4-20-10-3 --density .6 -o c.h5 2>&1)
ok "a layer that its share fills is told" \
    test "${err_lines##*warning: layer fc3 stays dense*}" = ''
kept_is c.h5 '69 87 30 186' "and the others make up for it"
begin c.h5 --density .37 --sparse bernoulli
begin d1.h5 --density .37 --sparse bernoulli -S 2
ok "independent connections vary in number" \
    [ "$(kept c.h5)" != "$(kept d1.h5)" ]
begin c.h5 --epsilon 4 --sparse er,replace
ok "draws with replacement do not fill a layer" \
    test "$(kept c.h5 | cut -d ' ' -f 3)" -lt 30
begin c.h5 --density 1
run pare-init -a 4-20-10-3 -S 1 -o dense.h5
run pare-diff c.h5 dense.h5
status_is 0 "a density of 1 is the dense network"
run pare-init -v -a 4-20-10-3 --density .3 -o c.h5
err_has '126 of 343 parameters, [0-9,]+ bytes$' "-v counts connections"
run pare-init -a 'in(2,8,8) conv2d(4,3) relu flatten linear(10)' \
    --sparse erk,epsilon=3 --sparse-layers 'conv*' -S 1 -o conv.h5
run_sh 'pare-dump conv.h5 | grep "^tensor conv1.weight"'
out_has '^tensor conv1.weight 4 2 3 3 ' "convolutions can be sparse"
run_sh 'pare-stats conv.h5 | awk -F "\t" "\$2 == \"conv1\" { print \$5 }"'
out_is 40 "with the sides of their kernels counted: 3 (4 + 2 + 3 + 3)"

# ---- the same everywhere ----
run_sh 'pare-init -a 4-20-10-3 --density .3 -S 1 >b.h5'
same a.h5 b.h5 "the same seed gives the same bytes, through a pipe too"
run pare-init -a 4-20-10-3 --sparse er,density=.30 -S 1 -o b.h5
same a.h5 b.h5 "and the same written as one option"
run pare-init -a 4-20-10-3 --density .3 -S 2 -o b.h5
differ a.h5 b.h5 "another seed other ones"
run pare-init -a 4-20-10-3 --density .3 -o b.h5
run_sh "pare-init -a 4-20-10-3 -o c.h5
    for f in b c; do pare-dump \$f.h5 | grep ^init-seed; done"
ok "without a seed it is that of the dense network" \
    test "$(sort -u "$OUT" | wc -l)" -eq 1
run pare-log a.h5
out_has "--init pytorch --sparse er,density=0.3 -S 1" "the log tells it"
run_sh "pare-dump a.h5 | pare-load -o b.h5 && cmp a.h5 b.h5"
status_is 0 "the text twin holds it"

# ---- a static sparse network ----
run pare-train -q -a 4-20-10-3 --density .3 -d d.h5 -e 0 -S 1 -o zero.h5
run pare-diff zero.h5 a.h5
status_is 0 "pare train begins as pare init"
run pare-train -q -a 4-20-10-3 --density .3 -d d.h5 -e 4 -S 1 -j 1 \
    --optimizer sgd,momentum=.9 -l .1 -o t.h5
status_is 0 "and trains"
run pare-train -q -a 4-20-10-3 --density .3 -d d.h5 -e 4 -S 1 -j 2 \
    --optimizer sgd,momentum=.9 -l .1 -o t2.h5
same t.h5 t2.h5 "with the same bytes on two threads"
run pare-diff --masks t.h5 a.h5
status_is 0 "what is absent stays absent"
run pare-check t.h5
status_is 0 "with exact zeros in weights and momentum"
run pare-log t.h5
out_has "--sparse er,density=0.3" "the log of training tells it too"
run pare-train -q -d d.h5 -e 1 -S 1 -o u.h5 a.h5
run pare-diff --masks u.h5 a.h5
status_is 0 "a model that is given stays as sparse"

# ---- back to the start ----
run pare-rewind -t init t.h5 -o r.h5
run pare-diff r.h5 a.h5
status_is 0 "init comes back without a copy"
run_sh 'pare-prune -f .5 t.h5 | pare-rewind -t init -o r.h5'
run pare-check r.h5
status_is 0 "also of what is left after a pruning"
kept_is r.h5 "$(pare-prune -f .5 t.h5 2>/dev/null >p.h5 && kept p.h5)" \
    "which stays pruned"
run pare-mask shuffle -S 3 t.h5 -o s.h5
status_is 0 "connections move"
run pare-check s.h5
status_is 0 "init is still known"
run_sh 'pare-prune -m set,zeta=.3 t.h5 | pare-grow -S 5 -o g.h5'
kept_is g.h5 "$(kept a.h5)" "SET grows back to what it began with"
run pare-check g.h5
status_is 0 "init is known after rewiring"
pare-rewind -t init g.h5 -o r.h5
run_sh 'pare-diff r.h5 a.h5 | awk "NR == 2 { print (\$5 == \$6), (\$7 == 0) }"'
out_is '1 1' "connections that stayed have their first weights"
run_sh 'pare-rewind -t init s.h5 | pare-rewind --reinit -S 4 -o r.h5'
run pare-check r.h5
status_is 0 "new weights are sound"
run pare-rewind -t init r.h5 -o r2.h5
run pare-diff r.h5 r2.h5
status_is 0 "and are the new start"

# ---- more positions than can be held ----
run pare-init -a 'in(80000) linear(70000) relu linear(3)' --epsilon .2 \
    --sparse-layers fc1 -S 1 -o big.h5
status_is 0 "5.6e9 positions are no more than the connections"
run pare-check big.h5
status_is 0 "which are sound"
ok "and small" test "$(wc -c <big.h5)" -lt 1500000

# ---- next to nothing ----
run pare-init -a 4-5-3 --density .02 --sparse bernoulli -S 1 -o none.h5
status_is 0 "chance may leave a layer nothing"
err_is 'pare-init: warning: layer fc1 begins without any connection' \
    "which is told"

# ---- bad input ----
run pare-init --sparse list
out_has '^bernoulli	' "the ways are listed"
run pare-train --sparse list
out_has '^erk	' "by training too"
# bad STATUS MESSAGE OPTION...
bad() {
    want=$1 message=$2
    shift 2
    run pare-init -a 4-20-10-3 -o bad.h5 "$@"
    fails_with "$want" "refused: $*"
    err_has "$message" "because: $message"
    ok "nothing is written: $*" test ! -e bad.h5
}
bad 2 'density is 0, must be above 0' --density 0
bad 2 "density" --density -.1
bad 2 "density" --density 1.01
bad 2 "density" --density nan
bad 2 'exclude each other' --density .1 --epsilon 3
bad 2 'epsilon is 0, must be above 0' --epsilon 0
bad 2 'uniform takes a density' --sparse uniform --epsilon 3
bad 2 'say how sparse' --sparse er
bad 2 'say how sparse' --sparse-layers fc1
bad 2 "unknown way to be sparse 'set': there are er" --sparse set --epsilon 3
bad 2 'no comma and no plus' --density .1 --sparse-layers 'fc1,fc2'
bad 2 'is not empty' --density .1 --sparse-layers ''
bad 1 "'conv\\*' matches no layer" --density .1 --sparse-layers 'conv*'
bad 1 'epsilon 3 fills layer fc3: a density of 1.3' --epsilon 3
bad 1 'dense by naming the sparse ones' --epsilon 3
bad 1 'leaves layer fc3 without any' --density .03 --sparse exact
for way in er erk uniform; do
    bad 1 'a density of 1e-09 is 0 of [0-9]* connections: each of . layers' \
        --density 1e-9 --sparse $way
done
bad 1 'fan=sparse says nothing to initializer normal' --init normal \
    --sparse er,density=.2,fan=sparse
bad 1 'for models that begin sparse' --init synapses
run pare-init --density .1
fails_with 2 "an architecture is needed"
run pare-train -d d.h5 -e 1 --density .1 -o bad.h5 a.h5
fails_with 2 "a model that is given has its connections"
err_has 'go with -a' "as is told"

finish
