# pare stats --connections, --trend and --rewiring.
. "${0%/*}/lib.sh"

awk 'BEGIN {
    printf "label"
    for (p = 0; p < 36; p++) printf ",p%d", p
    print ""
    for (i = 0; i < 40; i++) {
        printf "%s", substr("xy", i % 2 + 1, 1)
        for (p = 0; p < 36; p++) printf ",%d", (i * 7 + p * 5) % 9
        print ""
    }
}' >d.csv
ok "there are data" pare-data csv --label label --make-split 30,0,10 -S 1 \
    -o d.h5 d.csv
ok "and a model" pare-train -q -a 36-5-4-2 -d d.h5 -e 1 -S 1 -o m.h5
ok "and half of it" pare-prune -q -m random -S 1 -s .5 m.h5 -o half.h5
# Kept weights of an output, of the text twin: the test's own count.
pare-dump half.h5 >half.txt

# ---- connections ----
run pare-stats --connections fc1 half.h5
status_is 0 "a layer's connections are listed"
out_has '^model	layer	side	unit	connections$' "with a header"
ok "a line for each input and output" test "$(wc -l <"$OUT")" -eq 42
cp "$OUT" list
sums=$(awk -F '\t' 'NR > 1 { n[$3] += $5 } END { print n["in"], n["out"] }' list)
kept=$(pare-stats half.h5 | awk -F '\t' '$2 == "fc1" { print $5 - 5 }')
ok "inputs and outputs add up to what is kept" test "$sums" = "$kept $kept"
run pare-stats --connections fc2 m.h5
ok "without a mask all are there" awk -F '\t' '
    NR > 1 && $5 != ($3 == "in" ? 4 : 5) { exit 1 }' "$OUT"

run pare-stats --connections fc1 --shape 6x6 half.h5
status_is 0 "with a shape it is a map"
out_has '^model	layer	row	0	1	2	3	4	5$' "with a header of columns"
cp "$OUT" map
awk -F '\t' '$3 == "in" { print $5 }' list >a
awk -F '\t' 'NR > 1 { for (i = 4; i <= NF; i++) print $i }' map >b
same a b "of the inputs in order"
run pare-stats --connections fc1 --shape 4x9 half.h5
ok "of any shape that multiplies to them" test "$(wc -l <"$OUT")" -eq 5
run pare-stats --connections fc1 --shape 4x3x3 half.h5
awk 'NR <= 9 { s[NR] = $1 } NR > 9 { s[(NR - 1) % 9 + 1] += $1 }
    END { for (i = 1; i <= 9; i++) print s[i] }' a >want
awk -F '\t' 'NR > 1 { for (i = 4; i <= NF; i++) print $i }' "$OUT" >b
same want b "channels are added up"
run pare-stats --connections fc1 --json half.h5
out_has '"model":"half.h5","layer":"fc1","in":\[[0-9,]*\],"out":\[' "JSON"
run pare-stats --connections fc1 --shape 6x6 --json half.h5
out_has '"map":\[\[([0-9]+,){5}[0-9]+\],\[' "JSON of a map has rows"

# ---- trend ----
run pare-stats --trend half.h5
status_is 0 "there is a trend"
out_has '^model	layer	2	4	6	all	side4_all	centre_border$' "by squares"
cp "$OUT" trend
awk -F '\t' 'NR == 1 { next } { r = $3
    for (c = 0; c < 6; c++) {
        all += $(c + 4)
        if (r >= 1 && r <= 4 && c >= 1 && c <= 4) four += $(c + 4)
        else ring += $(c + 4)
        if (r >= 2 && r <= 3 && c >= 2 && c <= 3) two += $(c + 4)
    } } END { printf "%.6f %.6f %.6f %.6f %.6f\n", two / 4, four / 16,
        all / 36, four / 16 / (all / 36), two / 4 / (ring / 20) }' map >want
awk -F '\t' 'NR > 1 { printf "%.6f %.6f %.6f %.6f %.6f\n", $3, $4, $6, $7,
    $8 }' trend >got
same want got "as awk has it of the map"
run pare-stats --trend --connections fc1 --shape 6x6 half.h5
same trend "$OUT" "first layer and square are the defaults"
run pare-stats --trend --json half.h5
out_has '"squares":\[\{"side":2,"mean":[0-9.]+\}' "JSON has the squares"
run pare-stats --trend --shape 4x9 half.h5
out_has '^model	layer	2	4	all	side2_all	centre_border$' "an oblong has one"
run pare-stats --trend half.h5 m.h5
ok "a line for each model" test "$(wc -l <"$OUT")" -eq 3
out_has '^m.h5	fc1	5	5	5	5	1	1$' "a full layer is even"

# ---- rewiring ----
run pare-stats --rewiring m.h5
status_is 0 "a model that was never rewired has a record"
out_is 'model	epoch	layer	times	before	removed	grown	fresh	survived	survival	kept_density	added_density' \
    "without lines"
run pare-stats --rewiring --json m.h5
out_is '[{"model":"m.h5","rewiring":[]}]' "in JSON too"

# Rewired at the ends of three of four epochs; 36x5 and 5x4 positions.
ok "a model is rewired" pare-train -q -a 36-5-4-2 -d d.h5 -e 4 -S 1 \
    --density .3 --sparse-layers 'fc[12]' --sparse uniform \
    --evolve 'set zeta=.3' -o evolved.h5
run pare-stats --rewiring evolved.h5
ok "two layers at three times" test "$(wc -l <"$OUT")" -eq 7
cp "$OUT" record
ok "as much is grown as removed" awk -F '\t' '
    NR > 1 && ($6 != $7 || ($3 == "fc1" && $6 == 0)) { exit 1 }' record
ok "what is fresh is what was grown before" awk -F '\t' '
    NR > 1 { if ($8 != grown[$3] + 0 || $9 > $8) exit 1; grown[$3] = $7 }' record
ok "the first time nothing is" awk -F '\t' '
    NR > 1 && $2 == 1 && ($8 != 0 || $10 != "nan") { exit 1 }' record
awk -F '\t' 'NR > 1 { n = $3 == "fc1" ? 180 : 20
    printf "%s %.6f %.6f", $3, ($5 - $6) / n, $7 / n
    if ($8) printf " %.6f", $9 / $8
    print "" }' record >want
awk -F '\t' 'NR > 1 { printf "%s %.6f %.6f", $3, $11, $12
    if ($8) printf " %.6f", $10
    print "" }' record >got
same want got "densities and survival follow from the counts"
run pare-stats --rewiring --json evolved.h5
out_has '"epoch":1,"layer":"fc1","times":1,' "JSON has the record"

# 800,000,000 positions: connections alone are held.
ok "a large model" pare-init -a 40000-20000-2 --epsilon 1 \
    --sparse-layers fc1 -S 1 -o large.h5
run_sh 'pare-stats --connections fc1 large.h5 | awk -F "\t" "
    NR > 1 { n[\$3] += \$5 } END { print n[\"in\"], n[\"out\"] }"'
out_is '60000 60000' "has the connections that were drawn"
run pare-stats --trend --shape 200x200 large.h5
status_is 0 "and a trend"

# ---- what is wrong ----
run pare-stats --connections fc9 m.h5
fails_with 1 "a layer must be there"
err_has "'fc9'.*fc1, fc2, fc3" "and those that are, are named"
run pare-stats --connections fc1 --shape 28x28 m.h5
fails_with 1 "a shape must multiply to the inputs"
err_has '28x28 has 784 pixels.*36 inputs' "and the numbers are told"
for shape in 6 6x 0x6 6x6x6x6 6x-6 x6 6X6 99999999x99999999 ''; do
    run pare-stats --connections fc1 --shape "$shape" m.h5
    fails_with 2 "'$shape' is no shape"
done
run pare-stats --trend --connections fc2 m.h5
fails_with 1 "five inputs are no square"
err_has 'give their --shape' "as is told"
run pare-stats --shape 6x6 m.h5
fails_with 2 "a shape alone says nothing"
run pare-stats --trend --units m.h5
fails_with 2 "one table at a time"
run pare-stats --rewiring --connections fc1 m.h5
fails_with 2 "of the record too"
ok "another image" pare-init -a 25-2 -S 1 -o other.h5
run pare-stats --trend m.h5 other.h5
status_is 1 "a table is of one shape"
err_has 'other.h5.*5 x 5' "and the model that has another is named"
finish
