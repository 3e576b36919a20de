#!/bin/sh
# pare-prune by every grain, division, budget and kind of score.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

# ---- usage ----
for bad in '-s .5 -g 2:4' '-g 2:4 --layer fc1=.5' '-g 2:4 -A erk' '-g 2:2' '-g 4:2' \
    '-g block -s .5' '-g block:4 -s .5' '-s .5 --norm l2' \
    '-s .5 -g block:1x1 --norm l3' '-s .5 --min-sparsity fc1' \
    '-s .5 --partial' '-f .5 -g unit --partial' \
    '-s .5 --max-sparsity fc1=2' '-s .5 --floor x' '-s .5 -m file' \
    '-s .5 -m file:' '-s .5 --scores x.h5' '-s .5 -m magnitude,rounds=3' \
    '-s .5 -m magnitude,size=3' '-s .5 -m random,inverse' \
    '-s .5 -m magnitude,largest=maybe' '--bytes 0' '--bytes 5x' \
    '--bytes 5000 -s .5' '--max-drop 1' '--max-drop 1 --bytes 5000 -d d.h5' \
    '--max-drop -1 -d d.h5' '-s .5 --split val' '-s .5 -d d.h5' \
    '--max-drop 1 -d d.h5 --split all' '-s .5 -m wanda' \
    '-s .5 -m synflow -d d.h5'; do
    # shellcheck disable=SC2086
    run pare-prune $bad m.h5 -o no.h5
    fails_with 2 "wrong usage: $bad"
done
ok "no file was made" [ ! -e no.h5 ]

# ---- grains ----
run pare-prune -v -g 2:4 m.h5 -o p.h5
fails_with 1 "2:4 does not divide 10 inputs"
err_has '2:4 does not divide the 10 inputs of fc3.weight' "which is named"
run pare-prune -v -g 2:4 --partial m.h5 -o p.h5
err_has 'asked 2:4, removed 152 of 310 \(0.4903\)' "a short group keeps two"
ok "of each four inputs two stay" [ "$(kept p.h5)" = "40 100 18 158" ]
run pare-prune -v -g block:5x2 -n 3 --skip fc3 m.h5 -o p.h5
err_has 'removed 3 of 28 blocks, 30 of 280 weights' "blocks are counted"
run pare-prune -g block:4x3 -n 3 m.h5 -o p.h5
err_has 'blocks of 4 x 3 do not divide fc1.weight, 20 x 4' "so are edges"
run pare-prune -v -g channel -n 2 --only fc2 m.h5 -o p.h5
err_has 'removed 2 of 20 channels, 20 of 200 weights' "channels are counted"
run pare-prune -g channel -n 2 --bias m.h5 -o no.h5
fails_with 1 "a bias reads no channel"
err_has 'biases have no channels, as fc1.bias' "which is named"
run pare-prune -g filter -n 3 m.h5 -o p1.h5
run pare-prune -g unit -n 3 m.h5 -o p2.h5
same p1.h5 p2.h5 "a filter is a unit"

# ---- divisions and bounds ----
for a in global layer uniform+ er erk lamp; do
    run pare-prune -A $a -s .6 m.h5 -o p.h5
    ok "-A $a keeps 124 of 310" [ "$(kept p.h5 | awk '{ print $4 }')" = 124 ]
done
run pare-prune -A sensitivity -s .6 m.h5 -o no.h5
fails_with 1 "-A sensitivity needs curves"
err_has 'no curve of layer fc1: pare-scan measures' "and says what makes them"
run pare-prune -s .9 --max-sparsity 'fc[13]=.5' m.h5 -o p.h5
fails_with 1 "bounds can exclude an amount"
err_has 'the nearest sparsity is about 0.82' "and the nearest is told"
run pare-prune -s .8 --max-sparsity fc3=.5 --min-sparsity fc1=.9 m.h5 -o p.h5
ok "bounds hold and the amount too" [ "$(kept p.h5 |
    awk '{ print ($1 <= 8), ($3 >= 15), $4 }')" = "1 1 62" ]
run pare-prune -s .1 --min-sparsity fc1=.9 m.h5 -o p.h5
ok "a bound can take more than the amount" [ "$(kept p.h5)" = "8 200 30 238" ]
run pare-prune -s .5 --min-sparsity fc1=1 --floor 1 m.h5 -o no.h5
fails_with 1 "bounds of a layer can exclude each other"
err_has 'fc1 is to keep 1 weights and to have a sparsity of at least 1' \
    "the layer is named"
run pare-prune -v -c 2 -m synflow m.h5 -o p.h5
status_is 0 "a ratio is reached in rounds"
err_has 'asked 2.0000, removed 171 of 310 \(1.9942' "172 of 343 stay"
run pare-prune -v -c 2 -m synflow --layer fc1=3 m.h5 -o p.h5
err_has 'asked 2.0000 and by layer, removed 171 of 310 \(1.9942' \
    "so with a layer that has its own"
run pare-prune -s 1 m.h5 --floor 2 -o no.h5
fails_with 1 "a floor can exclude an amount"
pare-init -a 784-300-10 -S 1 | pare-prune -s 1 --floor 1 -o no.h5 2>err
ok "what is nearest to all is not told as all" \
    grep -q 'is about 0\.99999[0-9]*$' err
run pare-prune -s .5 --layer 'fc*=.3' m.h5 -o no.h5
fails_with 1 "an amount can have no layer"
err_has 'the general amount has no layer' "and that is told"
run pare-prune m.h5 -o no.h5
err_has 'no amount: .*--max-drop' "amounts are named where there is none"
run pare-prune -n 303 m.h5 --floor 2 -o p.h5
ok "a floor keeps layers alive" [ "$(kept p.h5 |
    awk '{ print ($1 > 1), ($2 > 1), ($3 > 1), $4 }')" = "1 1 1 7" ]

# ---- budgets ----
run pare-prune -v --bytes 24kB m.h5 -o p.h5
status_is 0 "a file of 24 kB is reached"
size=$(wc -c <p.h5)
ok "$size bytes are no more than 24,000" [ "$size" -le 24000 ]
err_has ": $(printf %s "$size" | sed 's/\(..\)\(...\)/\1,\2/') bytes" \
    "a trial had just this size"
err_has '^pare-prune: asked 24,000 bytes, removed ' "what was asked is told"
run pare-prune --bytes $((size - 1)) m.h5 -o q.h5
ok "a byte less costs a weight" [ "$(kept q.h5 | awk '{ print $4 }')" -lt \
    "$(kept p.h5 | awk '{ print $4 }')" ]
run pare-prune --bytes 24kB --floor 2 m.h5 -o q.h5
status_is 0 "a floor bounds the search"
ok "with nearly the same result" [ "$(echo "$(kept p.h5) $(kept q.h5)" |
    awk '{ d = $4 - $8; print (d >= 0 && d <= 4) }')" = 1 ]
run pare-prune --bytes 1M m.h5 -o q.h5
ok "what fits loses nothing" [ "$(kept q.h5)" = "$(kept m.h5)" ]
run pare-prune --bytes 1K m.h5 -o no.h5
fails_with 1 "a budget can be out of reach"
err_has '1,024 bytes cannot be reached: the nearest is [0-9,]+, with all' \
    "and the nearest is told"
accuracy() { pare-eval -d d.h5 --split val "$1" | awk 'NR > 1 { print $5 }'; }
pare-train -q -a 4-20-10-3 -d d.h5 -e 30 -b 10 -l .01 -S 1 -o good.h5
run pare-prune -v --max-drop 10 -d d.h5 good.h5 -o p.h5
status_is 0 "a drop of 10 points is allowed"
ok "and not passed" [ "$(echo "$(accuracy good.h5) $(accuracy p.h5)" |
    awk '{ print $1 - $2 <= .1000001 }')" = 1 ]
err_has 'sparsity [0-9.]+: accuracy [0-9.]+, -?[0-9.]+ points less' \
    "trials are told"
got=$(printf 'accuracy %.4f before, %.4f after' "$(accuracy good.h5)" \
    "$(accuracy p.h5)")
err_has "asked at most 10 points less, removed .*; $got\$" "and what was found"
ok "in the provenance too" sh -c "pare-log p.h5 | grep -q '; $got'"
run pare-prune --max-drop 10 -d d.h5 --layer fc3=.7 good.h5 -o p.h5
ok "what other options remove counts in the drop" [ \
    "$(echo "$(accuracy good.h5) $(accuracy p.h5)" |
        awk '{ print $1 - $2 <= .1000001 }')" = 1 ]
run pare-prune --max-drop 1 -d d.h5 --min-sparsity 'fc*=1' good.h5 -o no.h5
fails_with 1 "so much that nothing can be had"
err_has 'a drop of 1 points cannot be kept to: .* costs [0-9.]+ points' \
    "and what it costs is told"
run pare-prune --max-drop 100 -d d.h5 m.h5 -o q.h5
ok "any drop prunes all" [ "$(kept q.h5 | awk '{ print $4 }')" = 0 ]
cut -d , -f 1-5 d.csv >e.csv
pare-data csv --label kind --make-split 100,0,20 -S 1 -o noval.h5 e.csv
run pare-prune --max-drop 1 -d noval.h5 m.h5 -o no.h5
fails_with 1 "accuracy needs its split"
err_has 'no val split; there is train, test' "and those there are are named"

# ---- scores from a file ----
scores_probe m.h5 s.h5 good
run pare-prune -s .7 -m file:s.h5 m.h5 -o p1.h5
status_is 0 "scores come from a file"
run pare-prune -s .7 -m file --scores s.h5 m.h5 -o p2.h5
same p1.h5 p2.h5 "by either way to name it"
run pare-prune -s .7 -m magnitude,largest m.h5 -o p3.h5
run pare-diff p1.h5 p3.h5
status_is 0 "scores of -|w| are magnitude turned round"
for how in tiny huge; do
    scores_probe m.h5 far.h5 $how
    run pare-prune -s .7 -m file:far.h5 m.h5 -o p1.h5
    run pare-diff p1.h5 p3.h5
    status_is 0 "so are $how ones, which float32 does not hold"
done
for how in nan shape type none; do
    scores_probe m.h5 bad.h5 $how
    run pare-prune -s .7 -m file:bad.h5 m.h5 -o no.h5
    fails_with 1 "a file of scores can be bad: $how"
    err_has "^pare-prune: 'bad.h5': " "and is named"
done
scores_probe m.h5 part.h5 part
run pare-prune -s .7 -m file:part.h5 m.h5 -o no.h5
fails_with 1 "a layer without scores is an error"
err_has "fc2.weight" "that names it"
run pare-prune -s .7 -m file:part.h5 --only fc1 m.h5 -o p1.h5
status_is 0 "unless it is left alone"
run pare-prune -s .7 -m file:d.csv m.h5 -o no.h5
fails_with 1 "no HDF5 file, no scores"
run pare-prune -s .7 -m file:gone.h5 m.h5 -o no.h5
fails_with 1 "nor from a file that is not there"
head -c 1500 s.h5 >cut.h5
run pare-prune -s .7 -m file:cut.h5 m.h5 -o no.h5
fails_with 1 "nor from one that is cut"
ok "which is named once" [ "$(grep -o cut.h5 "$ERR" | wc -l)" -eq 1 ]
ok "no file was made of all that" [ ! -e no.h5 ]

# ---- scores that training gathers ----
for m in movement hebbian; do
    run pare-prune -s .5 -m $m m.h5 -o no.h5
    fails_with 1 "$m needs its scores"
    err_has "train it with --accumulate $m" "and says how to get them"
done

# ---- criteria on data, the same bytes, and replay ----
for m in taylor snip grasp wanda activation fisher obs gradient; do
    run pare-prune -j 1 -s .5 -m $m -d d.h5 --calibrate 40 m.h5 -o a.h5
    status_is 0 "$m prunes"
    ok "$m keeps 155 of 310" [ "$(kept a.h5 | awk '{ print $4 }')" = 155 ]
    run pare-prune -j 2 -s .5 -m $m -d d.h5 --calibrate 40 m.h5 -o b.h5
    same a.h5 b.h5 "$m does not depend on threads"
done
for m in taylor activation activation,mean fisher geometric-median; do
    data='-d d.h5'
    [ $m = geometric-median ] && data=
    # shellcheck disable=SC2086
    run pare-prune -g unit -n 7 -m $m $data m.h5 -o a.h5
    status_is 0 "$m prunes units"
done
run pare-prune -n 7 -m geometric-median m.h5 -o no.h5
fails_with 1 "what scores units prunes no single weights"
err_has 'use the grain unit' "and says so"
run pare-prune -g unit -n 7 -m bn-scale m.h5 -o no.h5
fails_with 1 "without batch norm there is no scale"
run pare-prune -s .95 -m synflow m.h5 -o a.h5
ok "synflow leaves each layer alive" [ "$(kept a.h5 |
    awk '{ print ($1 > 0), ($2 > 0), ($3 > 0), $4 }')" = "1 1 1 16" ]

mkdir again
for args in '-s .6 -A erk --max-sparsity *=.9 --floor 3 -m wanda -d d.h5' \
    '-g 2:4 --partial --skip fc3 -m obs,damp=.05 -d d.h5 --calibrate 30' \
    '--bytes 24kB' '--max-drop 5 -d d.h5' \
    '-g block:5x2 --norm mean -f .3 --skip fc3 -m snip,rounds=4 -d d.h5'; do
    set -f
    # shellcheck disable=SC2086
    run pare-prune $args m.h5 -o again/want.h5
    set +f
    status_is 0 "prunes: $args"
    pare-log --make --search . again/want.h5 >again/Makefile
    rm -f again/*.h5.new
    run_sh 'cd again && make -s OUT=got.h5'
    same again/got.h5 again/want.h5 "and is replayed to the bit: $args"
    rm -f again/*.h5
done
finish
