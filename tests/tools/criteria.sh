#!/bin/sh
# The criteria of pare-prune that look at data and at the graph.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

# ---- one result for any number of threads, exact counts ----
for c in taylor taylor,normalize snip grasp wanda activation fisher; do
    for j in 1 2; do
        run pare-prune -j $j -f .5 -m $c -d d.h5 --calibrate 50 m.h5 -o $j.h5
        status_is 0 "$c prunes on $j threads"
    done
    same 1.h5 2.h5 "$c does not depend on threads"
    run kept 1.h5
    out_has ' 155$' "$c removes half"
done
run pare-log 1.h5
out_has 'fisher' "the criterion is told"
run pare-dump 1.h5
out_has '"linalg":"openblas ' "and the library that its bits depend on"
for c in synflow lamp; do
    for j in 1 2; do
        run pare-prune -j $j -n 200 -m $c m.h5 -o $j.h5
        status_is 0 "$c prunes on $j threads"
    done
    same 1.h5 2.h5 "$c does not depend on threads"
    run kept 1.h5
    out_has ' 110$' "$c removes the number"
done
for c in taylor taylor,normalize activation activation,mean fisher; do
    for j in 1 2; do
        run pare-prune -j $j -g unit -n 12 -m $c -d d.h5 m.h5 -o $j.h5
        status_is 0 "$c prunes units on $j threads"
    done
    same 1.h5 2.h5 "$c of units does not depend on threads"
done
run pare-prune -g unit -n 12 -m geometric-median m.h5 -o 1.h5
status_is 0 "geometric-median prunes units"

# ---- they choose differently ----
for c in taylor snip grasp wanda activation fisher; do
    run pare-prune -f .5 -m $c -d d.h5 -S 1 -o $c.h5 m.h5
done
for c in snip grasp wanda activation; do
    run pare-diff -q taylor.h5 $c.h5
    status_is 1 "$c is not taylor"
done

# ---- wanda by rows takes the same of each output ----
run pare-prune -s .5 -m wanda,rows -d d.h5 -o rows.h5 m.h5
run kept rows.h5
out_has '^40 100 15 155$' "wanda,rows keeps half of every layer"

# ---- synflow keeps a path as long as one fits ----
run pare-prune -n 307 -m synflow,bias=no m.h5 -o path.h5
run kept path.h5
out_has '^1 1 1 3$' "three weights of synflow are one path"
run pare-prune -n 307 -m synflow,rounds=1 m.h5 -o one.h5
status_is 0 "a single round is possible"
run pare-log path.h5
out_has 'synflow,bias=no,rounds=100' "the rounds are told"

# ---- lamp as a criterion and as an allocation ----
run pare-prune -s .7 -m lamp m.h5 -o criterion.h5
run pare-prune -s .7 -m magnitude -A lamp m.h5 -o allocation.h5
kept criterion.h5 >a.txt
kept allocation.h5 >b.txt
same a.txt b.txt "global pruning by lamp is magnitude allocated by lamp"

# ---- what cannot be ----
for bad in '-m taylor' '-m wanda' '-m synflow -d d.h5' '-m lamp -d d.h5' \
    '-m grasp,temperature=0 -d d.h5' '-m taylor,nice -d d.h5' \
    '-m wanda,mean -d d.h5' '-m synflow,rounds=0'; do
    # shellcheck disable=SC2086
    run pare-prune -f .5 $bad m.h5
    fails_with 2 "wrong usage: $bad"
done
run pare-prune -f .5 -m grasp,temperature=0 -d d.h5 m.h5
err_has 'temperature' "the setting that is wrong is named"
for c in bn-scale geometric-median; do
    run pare-prune -f .5 -m $c m.h5
    [ $status -ne 0 ] && pass || fail "$c scores no single weights"
    err_has 'unit' "and $c tells of units"
done
run pare-prune -f .5 -g unit -m bn-scale m.h5
fails_with 1 "bn-scale needs a batch norm"
err_has "bn-scale: no batch norm follows 'fc1' alone" "and names the layer"
run pare-init -a 'in(4) linear(6) batchnorm relu linear(3)' -S 1 -o bn.h5
run pare-prune -f .5 -g unit -m bn-scale bn.h5 -o 1.h5
status_is 0 "bn-scale takes the scale of the batch norm"
run kept 1.h5
out_has '^12 ' "and removes half of the units"
run pare-init -a 5-4-3 -S 1 -o five.h5
run pare-prune -f .5 -m wanda -d d.h5 five.h5
fails_with 1 "data with other inputs fail"
run pare-prune -f .5 -m taylor -d d.h5 --calibrate 81 m.h5
fails_with 1 "more samples than there are fail"
same m.h5 m.orig "nothing of that touched the model"
finish
