# pare-mask as a program.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

run pare-mask --help
status_is 0 "help succeeds"
out_has '^usage: pare-mask ' "help shows the usage"
run pare-mask list
status_is 0 "the operations are listed"
cp "$OUT" list
for name in $(sed 1d list | cut -f 1); do
    ok "the page tells of $name" grep -qx ".It Cm $name" "$SRC/man/pare-mask.1"
done
ok "there are seven" [ "$(wc -l <list)" -eq 8 ]

pare-prune -f .5 m.h5 -o a.h5
pare-prune -f .6 -m random -S 1 --bias m.h5 -o b.h5
for bad in '' 'nand a.h5 b.h5' 'and a.h5' 'transplant a.h5' 'or' \
    'not a.h5 b.h5' 'shuffle a.h5 b.h5' 'transplant a.h5 b.h5 m.h5' \
    'and - -' 'not - --values -' 'and a.h5 b.h5 -s .5' 'shuffle -s .5 a.h5' \
    'and -S 1 a.h5 b.h5' 'not a.h5 --fill one' 'not a.h5 --fill others' \
    'or a.h5 b.h5 --fill init --values m.h5' 'random -s 2 a.h5' \
    'random -s nan a.h5'; do
    # shellcheck disable=SC2086
    run pare-mask $bad -o none.h5
    fails_with 2 "wrong usage: $bad"
done
run pare-mask and a.h5
err_has 'and needs at least 2 models' "a missing operand is told"
run pare-mask nand a.h5 b.h5
err_has "no operation 'nand'; there are: and, or, xor" "and what there is"

# ---- what comes out, by the text of the models
# bits FILE: kept positions of all weights and biases, one a line.
bits() {
    pare-dump "$1" | awk '
        /^tensor/ { name = $2; n = 1; on = 1
            for (i = 3; i < NF; i++) n *= $i
            if ($NF == "dense") for (i = 0; i < n; i++) print name, i
            dense = $NF == "dense"; next }
        !/^ / { on = 0 }
        on && !dense { for (i = 1; i <= NF; i++) { split($i, p, ":")
            print name, p[1] } }' | sort
}
bits a.h5 >a.txt
bits b.h5 >b.txt
bits m.h5 >m.txt
# makes OPERATION [OPTION ...]: a new model o.h5, sound and its bits in o.txt.
makes() {
    run pare-mask "$@" -o o.h5
    status_is 0 "pare mask $*"
    run pare-check o.h5
    status_is 0 "makes a sound model: $*"
    bits o.h5 >o.txt
}
makes and a.h5 b.h5
comm -12 a.txt b.txt >want.txt
same o.txt want.txt "and keeps what both keep, biases too"
makes or a.h5 b.h5
sort -u a.txt b.txt >want.txt
same o.txt want.txt "or keeps what one of them keeps"
run pare-diff a.h5 o.h5
out_has '^total	343	[0-9]+	[0-9]+	0	[1-9][0-9]*	0	0$' \
    "and the first model computes what it did"
makes xor a.h5 b.h5
comm -3 a.txt b.txt | tr -d '\t' | sort >want.txt
same o.txt want.txt "xor keeps what one of them keeps and the other does not"
makes not a.h5
grep bias a.txt | sort - m.txt a.txt | uniq -c | awk '$1 % 2 { print $2, $3 }' |
    sort >want.txt
same o.txt want.txt "not keeps what was pruned, and all biases"
cp o.h5 not.h5
makes and a.h5 not.h5 -q
ok "of which nothing was kept" [ "$(grep -c weight o.txt)" -eq 0 ]
run pare-mask and a.h5 not.h5 -o o.h5
err_has '^pare-mask: warning: layer fc1 has no weight left$' "which is told"
makes transplant b.h5 m.h5
same o.txt b.txt "transplant moves the mask"
pare-prune -s 0 m.h5 -o whole.h5
makes transplant a.h5 whole.h5
run pare-diff a.h5 o.h5
status_is 0 "to the weights of the second model"
pare-init -a 4-20-10-3 -S 9 -o other.h5
makes transplant a.h5 other.h5
run pare-diff other.h5 o.h5
out_has '^total	343	343	[0-9]+	[0-9]+	0	0	' "whatever model that is"

# ---- numbers
makes shuffle -S 3 a.h5
ok "a shuffle keeps the number of each layer" \
    [ "$(kept o.h5)" = "$(kept a.h5)" ]
differ o.txt a.txt "and not the places"
run_sh 'pare-mask shuffle -S 3 - <a.h5'
same "$OUT" o.h5 "the same seed shuffles the same, from standard input too"
run_sh 'pare-mask shuffle -S 4 a.h5'
differ "$OUT" o.h5 "another seed does not"
makes random -s .75 m.h5
ok "random has the sparsity asked for in each layer" \
    [ "$(kept o.h5)" = "20 50 8 78" ]
makes random a.h5
ok "or as many as before" [ "$(kept o.h5)" = "$(kept a.h5)" ]
makes shuffle --only fc2 a.h5
grep -v '^fc2' o.txt >o1.txt
grep -v '^fc2' a.txt >a1.txt
same o1.txt a1.txt "other layers are left alone"
differ o.txt a.txt "when some are asked for"

# ---- values: the dense model has what comes back, in checkpoints too
makes not --values m.h5 a.h5
pare-dump m.h5 | awk '/^tensor fc1.weight/ { on = 1; next } !/^ / { on = 0 }
    on { for (i = 1; i <= NF; i++) print n++ ":" $i }' | sort >m.val
pare-dump o.h5 | awk '/^tensor fc1.weight/ { on = 1; next } !/^ / { on = 0 }
    on { for (i = 1; i <= NF; i++) print $i }' | sort >o.val
ok "--values gives the values that were" [ -z "$(comm -13 m.val o.val)" ]
run_sh 'pare-mask or o.h5 a.h5 --values m.h5 | pare-diff m.h5 -'
out_has '^total	343	343	343	0	0	0	0$' "until all are back"
pare-mask or o.h5 a.h5 --values m.h5 -o back.h5
run_sh 'pare-dump back.h5 | grep -c sparse'
out_is 0 "and no mask is left, which would prune nothing"
run pare-rewind -t epoch:2 m.h5 -o e1.h5
run_sh 'pare-mask or o.h5 a.h5 --values m.h5 | pare-rewind -t epoch:2 -o e2.h5'
run pare-diff e1.h5 e2.h5
status_is 0 "and a checkpoint is whole again"
run_sh 'pare-mask or a.h5 not.h5 --fill init | pare-rewind -t init -o i2.h5'
run pare-rewind -t init m.h5 -o i1.h5
run pare-diff i1.h5 i2.h5
status_is 0 "--fill init is what rewinding gives"
makes or --fill others a.h5 m.h5
run pare-diff m.h5 o.h5
status_is 0 "--fill others takes the values of the other model"
run_sh 'pare-mask shuffle -S 1 a.h5 | pare-rewind -t init \
    --also optimizer,schedule | pare-finetune -q -d d.h5 -e 1 -o f.h5'
run pare-check f.h5
status_is 0 "a shuffled model rewinds and trains"
ok "with the mask that it got" [ "$(kept f.h5)" = "$(kept a.h5)" ]

# ---- bad input
pare-init -a 4-20-9-3 -o odd.h5
run pare-mask and a.h5 odd.h5 -o none.h5
fails_with 1 "another architecture does not fit"
err_is "pare-mask: 'odd.h5': 'fc2.weight' is 10x20 in one model, 9x20 in the other" \
    "and the first tensor that does not is named"
run pare-mask not a.h5 --values odd.h5 -o none.h5
fails_with 1 "not for values either"
for op in 'not m.h5' 'shuffle m.h5' 'random m.h5' 'and m.h5 whole.h5' \
    'transplant m.h5 a.h5'; do
    # shellcheck disable=SC2086
    run pare-mask $op -o none.h5
    fails_with 1 "nothing is pruned: $op"
    err_has 'is pruned' "and that is said: $op"
done
run pare-mask shuffle --only 'conv*' a.h5 -o none.h5
fails_with 1 "a glob that matches nothing"
head -c 3000 b.h5 >cut.h5
mkdir dir.h5
for bad in missing.h5 cut.h5 dir.h5 d.h5; do
    run pare-mask or a.h5 "$bad" -o none.h5
    fails_with 1 "a second model that is none: $bad"
    err_has "$bad" "is named: $bad"
    run pare-mask not a.h5 --values "$bad" -o none.h5
    fails_with 1 "or of --values: $bad"
done
pare-dump a.h5 | sed '/^init-/d; /^init /d; /^checkpoint .* init$/,/^end-/d' |
    pare-load -o foreign.h5
run pare-mask not foreign.h5 -o none.h5
fails_with 1 "a model without first weights cannot draw them"
err_has 'use --fill or --values' "and what helps is said"
run pare-mask not --fill zero foreign.h5 -o o.h5
status_is 0 "as is true"
ok "nothing of that was written" [ ! -e none.h5 ]

# ---- two parents, and the model that the values are of
pare-mask xor a.h5 b.h5 -o x.h5
pare-mask or x.h5 b.h5 --values m.h5 -o y.h5
pare-mask shuffle y.h5 | pare-rewind -t init | pare-mask transplant - m.h5 -o z.h5
mkdir again
pare log --make --search . z.h5 >again/Makefile
run make -s -C again OUT=z.h5
status_is 0 "a replay makes all parents"
same again/z.h5 z.h5 "and the model, bit for bit"
ok "each step is there once" [ "$(grep -c 'PARE) mask xor' again/Makefile)" -eq 1 ]
pare-dump z.h5 | sed 's/"tool":"mask xor"/"tool":"mask -xor"/' | pare-load -o bad.h5
run pare log bad.h5
fails_with 1 "a part of a tool is a word too"

finish
