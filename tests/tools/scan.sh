# pare-scan as a program: each layer pruned alone, measured, and kept.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

# ---- the table ----
run pare-scan -d d.h5 m.h5
status_is 0 "a model is scanned"
cp "$OUT" table
ok "with a header" test "$(head -n 1 table)" = \
    'layer	sparsity	kept	loss	accuracy	drop'
ok "each layer as it is and at the default sparsities" test \
    "$(cut -f 1 table | sed 1d | sort | uniq -c | tr -s ' \n' ' ')" = \
    ' 12 fc1 12 fc2 12 fc3 '
ok "the first line of a layer is the model as it is" awk -F '\t' '
    $2 == 0 { n++; if ($6 != "0.00" || seen && $4 != loss) exit 1
              loss = $4; seen = 1 }
    END { if (n != 3) exit 1 }' table
same m.h5 m.orig "the model is as it was"

# Every line is that of two other commands. What a line says, to compare.
lines() {
    awk -F '\t' -v l="$1" '$1 == l && $2 > 0 { print $2, $3, $4, $5 }' "$2"
}
as_commands() {
    for layer in fc1 fc2 fc3; do
        for s in .2 .5 .9; do
            pare-prune -q -s $s --only $layer $1 m.h5 -o p.h5
            pare-stats p.h5 | awk -F '\t' -v l=$layer '
                $2 == l { split($3, d, "x"); n = d[1] * d[2]
                          k = $5 - d[1]; printf "%.17g %d ", (n - k) / n, k }'
            pare-eval -d d.h5 --split val p.h5 | awk -F '\t' 'NR > 1 { print $4, $5 }'
        done
    done | sort >want
    run pare-scan -d d.h5 --levels .2,.5,.9 $2 m.h5
    status_is 0 "scanned by: $2"
    for layer in fc1 fc2 fc3; do
        lines $layer "$OUT"
    done | awk '{ printf "%.17g %s %s %s\n", $1, $2, $3, $4 }' | sort >got
    ran="compare $1 $2"
    ok "nine lines" test "$(wc -l <got)" -eq 9
    same want got "a scan is prunings and evaluations: $2"
}
as_commands '' ''
as_commands '-m random' '-m random'
as_commands '-m gradient --calibrate 60 -d d.h5' '-m gradient --calibrate 60'
as_commands '-m random -S 4' '-m random -S 4'

run pare-scan -d d.h5 --levels 1 --only fc2 --split train -v m.h5
out_has '^fc2	1	0	' "a layer may go whole"
err_has '^pare-scan: as it is: loss [0-9.]+, accuracy [0-9.]+$' \
    "what is compared with is told"
ok "drops are points of accuracy" awk -F '\t' '
    NR == 2 { a = $5 } NR == 3 && (100 * (a - $5) - $6) ^ 2 > .001 { exit 1 }
    END { if (NR != 3) exit 1 }' "$OUT"
run pare-scan -d d.h5 --levels .1 --only fc2 m.h5
out_has '^fc2	0.1	180	' "a tenth is 0.1"
run pare-scan -d d.h5 -g unit --levels .5 m.h5
ok "units leave the last layer alone" test "$(grep -c fc3 "$OUT")" -eq 0
out_has '^fc1	0.5	40	' "and go whole"
run pare-scan -d d.h5 -g unit --levels .4 --only fc3 m.h5
out_has '^fc3	0.66' "unless it is named"
pare-prune -q -s .5 --only fc1 m.h5 -o half.h5
run_sh 'pare-scan -d d.h5 --levels .1,.5,.501,.8 <half.h5'
status_is 0 "a model comes from standard input"
ok "what is pruned already makes no line" test \
    "$(grep fc1 "$OUT" | cut -f 2 | tr '\n' ' ')" = '0.5 0.8 '
ok "levels that remove the same make one" test \
    "$(grep fc3 "$OUT" | cut -f 2 | wc -l)" -eq 4
for j in 1 2 3; do
    pare-scan -d d.h5 -m gradient -j $j m.h5 -o j$j.h5 >j$j
done
same j1 j2 "two threads print the same"
same j1.h5 j3.h5 "and three write the same"

# ---- the model with its curves ----
run pare-scan -d d.h5 -o scanned.h5 m.h5
status_is 0 "the measurements are kept"
cmp -s "$OUT" table && pass || fail "with the same table"
run pare-check scanned.h5
status_is 0 "in a sound model"
run pare-dump scanned.h5
ok "three curves of twelve points" awk '
    /^curve fc[123] / { n[$2]++ }
    END { exit n["fc1"] != 12 || n["fc2"] != 12 || n["fc3"] != 12 }' "$OUT"
run pare-prune -s .6 -A sensitivity scanned.h5 -v -o s.h5
status_is 0 "pruning divides its amount by them"
err_has 'removed 186 of 310' "exactly"
run pare-prune -s .6 -A sensitivity m.h5 -o none.h5
fails_with 1 "which it cannot without"
mkdir again
cp d.h5 again
pare-log --make --search . s.h5 >again/Makefile
run make -s -C again PARE=pare OUT=s.h5
status_is 0 "the provenance replays"
same again/s.h5 s.h5 "to the same bytes"
pare-scan -d d.h5 --levels .3 -o two.h5 scanned.h5 >/dev/null
pare-scan -d d.h5 --levels .3 -o one.h5 m.h5 >/dev/null
run pare-diff --state -q one.h5 two.h5
status_is 0 "a new scan replaces the curves of another"
pare-dump scanned.h5 | grep -v '^curve \|^step ' >a
pare-dump m.h5 | grep -v '^step ' >b
same a b "nothing else is other in the file"

# ---- images ----
conv='in(1,2,2) conv1=conv2d(6,2,pad=1) batchnorm2d relu fc1=linear(9) relu
    fc2=linear(3)'
pare-train -q -a "$conv" -d d.h5 -e 2 -S 1 -o conv.h5
run pare-scan -d d.h5 -g unit --norm l1 --levels .5 conv.h5
status_is 0 "filters are scanned"
out_has '^conv1	0.5	12	' "as units"

# ---- what is refused ----
run pare-scan m.h5
fails_with 2 "without data"
err_has '-d FILE is needed' "nothing is measured"
for levels in '' 1.1 -.1 .5,.5 .5,.2 .1, nan .1,,.2 x; do
    run pare-scan -d d.h5 --levels "$levels" m.h5
    fails_with 2 "no levels: '$levels'"
    err_has '--levels: ' "as is said: '$levels'"
done
run pare-scan -d d.h5 --split dev m.h5
fails_with 2 "no such split"
run pare-scan -d d.h5 -g 2:4 m.h5
fails_with 2 "a grain without levels"
run pare-scan -d d.h5 -o - m.h5
fails_with 2 "a table and a model do not go to one place"
run pare-scan -d d.h5 --only nix m.h5
fails_with 1 "a layer that is not there"
err_has 'fc1, fc2, fc3' "is told with those there are"
pare-data csv --label kind --make-split 100,0,20 -S 1 -o noval.h5 d.csv
run pare-scan -d noval.h5 m.h5
fails_with 1 "a split without samples"
err_has 'no val split; there is train, test' "is told with those there are"
pare-init -a 'in(4) relu batchnorm' -S 1 -o none.h5
run pare-scan -d d.h5 none.h5
fails_with 1 "a model without layers to prune"
err_has 'pare-scan: .*layer' "is told"
run pare-scan -d d.h5 --split val -m gradient --calibrate 81 m.h5
status_is 1 "more samples than there are"
err_has 'cannot calibrate on 81 samples' "are told"
echo old >old.h5
run pare-scan -d noval.h5 -o old.h5 m.h5
ok "and what was there stays" grep -qx old old.h5

finish
