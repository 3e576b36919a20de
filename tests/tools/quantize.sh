#!/bin/sh
# pare-quantize as a program.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

# ---- usage ----
for bad in '' '--codebook' '--codebook 0' '--codebook 65537' '--codebook 2.5' \
    '--codebook 4b' '--codebook 4bitt' '--codebook 0bit' '--codebook 17bit' \
    '--codebook step=.1' '--codebook x' '--uniform 1' '--uniform 17' \
    '--uniform step=0' '--uniform step=' '--uniform step=-1' \
    '--int8 --fp16' '--codebook 4 --uniform 4' '--codebook auto' \
    '--codebook auto --bytes 1K --max-error .1' '--codebook 4 --bytes 1K' \
    '--codebook 4 --max-error .1' '--int8 --max-drop 1 -d d.h5' \
    '--codebook auto --max-error 0' '--codebook auto --bytes x' \
    '--codebook auto --max-drop 1' '--codebook 4 -d d.h5' \
    '--codebook auto --bytes 1K --split val' \
    '--codebook auto --max-drop 1 -d d.h5 --split none' \
    '--uniform 4 --start linear' '--codebook 4 --start best' \
    '--codebook 4 -S 1' '--codebook 4 --start linear -S 1' \
    '--int8 --lambda .1' '--codebook 4 --lambda -1' '--fp16 --per-tensor' \
    '--int8 --layer fc1=4' '--codebook 4 --layer fc1' \
    '--codebook 4 --layer =4' '--codebook 4 --layer fc1=step=1' \
    '--uniform 4 --layer fc1=step=1' '--uniform step=1 --layer fc1=4' \
    '--uniform auto --max-error .1 --layer fc1=step=1' \
    '--codebook 4 --report -' '--codebook 4 --report x -o x'; do
    # shellcheck disable=SC2086
    run pare-quantize $bad m.h5
    fails_with 2 "wrong usage: $bad"
done
run pare-quantize --codebook 4 --only 'conv*' m.h5
fails_with 1 "a glob must match"
err_has "'conv\*' matches no prunable layer" "and is named"
run pare-quantize --start list
out_has '^linear	' "starts are listed"
same m.h5 m.orig "nothing of that touched the model"

# ---- a codebook ----
run pare-quantize -v --codebook 6 --report t.tsv m.h5 -o q.h5
status_is 0 "six levels"
err_has 'fc1.weight: 6 levels, [0-9.]+ bits a code' "each tensor is told"
err_has 'codebook: 310 values of 3 tensors, at most 6 levels' "and all"
run awk -F '\t' 'NR == 1 { print $6, $9; next }
    $6 <= 6 && $7 <= log(6) / log(2) + 1e-6 && $9 > 0 && $9 < .5 { n++ }
    END { print n }' t.tsv
out_is 'levels error
3' "the table has a line for each"
run pare-check q.h5
status_is 0 "the result is sound"
run pare-diff q.h5 m.h5
status_is 1 "and other than before"
run pare-eval -d d.h5 q.h5
status_is 0 "it can be evaluated"
run_sh 'pare-quantize --codebook 6 <m.h5 | cmp - q.h5'
status_is 0 "a pipe gives the same bytes"
run_sh 'pare-quantize --codebook 3bit m.h5 -o a.h5 &&
    pare-quantize --codebook 8 m.h5 -o b.h5 && pare-diff a.h5 b.h5'
status_is 0 "3 bits are 8 levels"
run_sh 'pare-quantize --uniform 3bits m.h5 -o a.h5 &&
    pare-quantize --uniform 3 m.h5 -o b.h5 && pare-diff a.h5 b.h5'
status_is 0 "and uniform ones are of bits in any case"
run pare-quantize --codebook 6 q.h5 -o r.h5
err_is '' "as many levels again change nothing"
run pare-diff r.h5 q.h5
status_is 0 "to the bit"
run pare-quantize -v --codebook 1000 m.h5 -o r.h5
err_has 'fc1.weight: 80 of 1000 levels' "more levels than weights are told"
run pare-diff r.h5 m.h5
status_is 0 "and lose nothing"
run pare-quantize -v --codebook 1 m.h5 -o r.h5
err_has 'fc3.weight: 1 level, 0.000 bits a code' "one level is a level"

# ---- pruned models ----
pare-prune -s .6 m.h5 -o p.h5
for how in '--codebook 4' '--uniform 3' '--int8' '--fp16' '--bf16' \
    '--uniform step=.3' '--codebook 8 --lambda .05 --start random -S 3' \
    '--codebook 4 --start optimal --bias'; do
    # shellcheck disable=SC2086
    run pare-quantize $how p.h5 -o q.h5
    status_is 0 "a pruned model: $how"
    run pare-check q.h5
    status_is 0 "is sound: $how"
    ok "keeps what it kept: $how" [ "$(kept q.h5)" = "$(kept p.h5)" ]
    # shellcheck disable=SC2086
    run_sh "pare-prune -s .6 m.h5 | pare-quantize $how | cmp - q.h5"
    status_is 0 "and comes from a pipe: $how"
done
for how in '--uniform step=.3 --prune-zeros' '--int8 --per-tensor --bias' \
    '--codebook 8 --lambda .05 --start random --layer fc[1]=9 --skip fc3'; do
    # shellcheck disable=SC2086
    (set -f && pare-quantize $how p.h5 -o q.h5)
    pare-log --make --search . q.h5 >Makefile.q
    run make -s -f Makefile.q OUT=again.h5
    same q.h5 again.h5 "it is replayed: $how"
    rm -f again.h5
done
run_sh 'pare-prune -q --layer fc2=1 m.h5 | pare-quantize -v --codebook 4 -o q.h5'
status_is 0 "an emptied layer is no trouble"
err_has 'fc2.weight: 0 of 4 levels' "it has no levels"
run pare-check q.h5
status_is 0 "and is sound"

# ---- zeros ----
run pare-quantize -v --uniform 2 --prune-zeros m.h5 -o z.h5
err_has 'pruned, at most 3 levels' "zeros are pruned if asked for"
ok "so there are fewer weights" [ "$(kept z.h5)" != "$(kept m.h5)" ]
run pare-check z.h5
status_is 0 "the mask is sound"
run pare-quantize --uniform 2 m.h5 -o z.h5
ok "else they are kept" [ "$(kept z.h5)" = "$(kept m.h5)" ]
run pare-quantize --codebook 1 z.h5
fails_with 1 "zeros and others are two levels"
err_has 'fc1.weight: 1 level is too few' "as is told"

# ---- layers ----
run pare-quantize -v --codebook 8 --layer 'fc[12]=2bit' --layer fc2=3 m.h5 \
    -o q.h5
err_has 'fc1.weight: 4 levels' "layers have levels of their own"
err_has 'fc2.weight: 3 levels' "the last amount counts"
err_has 'fc3.weight: 8 levels' "and the others the general ones"
run pare-quantize -v --codebook 8 --skip fc1 --bias m.h5 -o q.h5
err_has 'fc2.bias: [4-8]( of 8)? levels' "biases if asked for"
ok "and layers that are left alone" sh -c "! grep -q fc1 '$ERR'"
run_sh 'pare-quantize --int8 --skip fc3 m.h5 | pare-quantize --bf16 --only fc3 -o q.h5'
err_is '' "two ways for different layers are no second time"
run pare-quantize --uniform step=.25 --layer fc1=step=.5 m.h5 -o q.h5
status_is 0 "steps can differ too"

# ---- targets ----
run pare-quantize --codebook auto --max-error .1 --report t.tsv m.h5 -o q.h5
run awk -F '\t' 'NR > 1 && $9 <= .1 && $9 > .04 { n++ } END { print n }' t.tsv
out_is 3 "each tensor has the error asked for"
run pare-quantize --uniform auto --max-error 1e-9 m.h5
fails_with 1 "an error that cannot be had"
run pare-quantize -v --codebook auto --max-drop 1 -d d.h5 m.h5 -o q.h5
status_is 0 "the fewest levels for an accuracy"
err_has '256 levels: accuracy .* 0.00 points less' "trials are told"
err_has 'accuracy [0-9.]+ before, [0-9.]+ after' "and what came of it"
acc() {
    pare-eval --split val -d d.h5 "$1" | awk 'NR == 2 { print $5 }'
}
ok "within the drop" awk "BEGIN { exit !($(acc q.h5) >= $(acc m.h5) - .01) }"
run_sh 'pare-quantize --codebook auto --max-drop 1 -d d.h5 -j 1 m.h5 | cmp - q.h5'
status_is 0 "at any number of threads"
pare-log --make --search . q.h5 >Makefile.q
run make -s -f Makefile.q OUT=again.h5
same q.h5 again.h5 "a search is replayed"
run pare-quantize --uniform auto --max-drop 100 -d d.h5 --split test m.h5 -o q.h5
status_is 0 "any drop at all"
run pare-quantize --codebook auto --bytes 10 m.h5
fails_with 1 "a file of ten bytes"
err_has '^pare-quantize: 10 bytes cannot be reached: with 2 levels' \
    "cannot be had"
run pare-quantize --codebook auto --bytes 1M -v m.h5 -o q.h5
err_has 'at most 200 levels' "a large file has the most levels"
run pare-quantize --codebook auto --bytes 2400 -v m.h5 -o q.h5
err_has 'at most [0-9]+ levels, .*; 2,[0-4][0-9][0-9] bytes when packed' \
    "a small one has as many as fit"
levels=$(sed -n 's/.*at most \([0-9]*\) levels.*/\1/p' "$ERR")
run pare-quantize --codebook auto --bytes 2500 -v m.h5 -o q.h5
ok "and fewer than a larger one" [ "$levels" -lt \
    "$(sed -n 's/.*at most \([0-9]*\) levels.*/\1/p' "$ERR")" ]
run_sh 'pare-quantize --codebook auto --bytes 2500 -j 1 m.h5 | cmp - q.h5'
status_is 0 "at any number of threads"

# ---- what the file keeps ----
run pare-quantize --codebook 6 m.h5 -o q.h5
run pare-quantize -v --codebook 5 q.h5 -o r.h5
err_has 'fc1.weight was quantised before' "quantising again is told"
run pare-quantize -q --codebook 5 q.h5 -o r2.h5
err_is '' "unless that is not asked for"
run pare-diff r.h5 r2.h5
status_is 0 "and is the same"
for how in '--codebook 6' '--uniform 4' '--int8' '--int8 --per-tensor' \
    '--fp16' '--bf16'; do
    # shellcheck disable=SC2086
    run pare-quantize $how p.h5 -o q.h5
    ok "a file is smaller: $how" [ "$(wc -c <q.h5)" -lt "$(wc -c <p.h5)" ]
    run_sh 'pare-dump q.h5 | pare-load | cmp - q.h5'
    status_is 0 "and its text gives it back: $how"
done

# ---- training ----
for how in '--codebook 6' '--uniform 3'; do
    # shellcheck disable=SC2086
    run pare-quantize $how p.h5 -o q.h5
    run pare-finetune -q -d d.h5 -e 2 q.h5 -o f.h5
    status_is 0 "it can be trained: $how"
    ok "with its mask: $how" [ "$(kept f.h5)" = "$(kept p.h5)" ]
    run pare-diff q.h5 f.h5
    status_is 1 "which moves it: $how"
    run pare-quantize --codebook 7 f.h5 -o r.h5
    err_is '' "it has as many levels as before: $how"
    run pare-diff r.h5 f.h5
    status_is 0 "and all values of a level are equal: $how"
done

# ---- models without a graph ----
{
    printf 'pare-text 1\narch weights a.weight(4x3) b.weight(2x2x3)\n'
    printf 'tensor a.weight 4 3 dense\n .5 .25 -1 2 3 -.5 .75 1 1.5 -2 .125 0\n'
    printf 'tensor b.weight 2 2 3 dense\n 1 2 3 4 5 6 7 8 9 10 11 12\nend\n'
} | pare-load -o w.h5
for how in '--codebook 4' '--uniform 3' '--int8' '--fp16' '--bf16' \
    '--codebook auto --bytes 2K' '--uniform auto --max-error .2'; do
    # shellcheck disable=SC2086
    run pare-quantize -v $how w.h5 -o q.h5
    status_is 0 "it takes no graph: $how"
    err_has '24 values of 2 tensors' "and does them all: $how"
    run pare-check q.h5
    status_is 0 "to a sound result: $how"
done
run pare-quantize --codebook auto --max-drop 1 -d d.h5 w.h5
fails_with 1 "accuracy is of networks"
err_has 'graph' "as is told"
run pare-quantize --codebook 4 --only a w.h5 -o q.h5
status_is 0 "layers are chosen by name"

# ---- bad input ----
run pare-quantize --codebook 4 none.h5
fails_with 1 "a missing file fails"
same m.h5 m.orig "the model is as it was"

finish
