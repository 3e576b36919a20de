# pare plot: tables and scripts always, pictures where gnuplot is installed.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

for s in 1 2; do
    for p in .5 .8; do
        ok "prune -s $p, seed $s" sh -c "pare-prune -q -m random -S $s -s $p \
            m.h5 | pare-finetune -q -d d.h5 -e 1 -S $s -o r$p-$s.h5"
    done
done
run_sh 'pare-eval -d d.h5 *.h5 2>/dev/null >eval.tsv'
ok "another model of the same name" sh -c 'mkdir sub && cp m.h5 sub/m.h5'

# ---- kinds ----
run pare-plot list
status_is 0 "the kinds are listed"
cp "$OUT" list
for kind in history curve heatmap trend hist layers; do
    ok "$kind is listed" grep -q "^$kind	[a-z]" list
    run pare-plot "$kind" --script r.5-1.h5
    status_is 0 "$kind has a script"
    out_has '^set terminal svg noenhanced ' "$kind draws an SVG"
    out_has '^plot \$p0_0 ' "$kind draws something"
    run pare-plot "$kind" --table r.5-1.h5
    out_has '^panel	series	x	y	z$' "$kind has a table"
    ok "$kind has numbers" test "$(wc -l <"$OUT")" -ge 2
done

# ---- the numbers ----
ok "a model is rewired" pare-train -q -a 4-20-10-3 -d d.h5 -e 4 -S 1 \
    --density .3 --sparse-layers 'fc[12]' --sparse uniform \
    --evolve 'set zeta=.3' -o evolved.h5
run pare-plot rewiring --table evolved.h5
awk -F '\t' '$1 ~ /^Survival/ { print $2, $3, $4 }' "$OUT" | sort >got
pare-stats --rewiring evolved.h5 | awk -F '\t' '
    NR > 1 { print $3, $2, $10 }' | sort >want
same want got "survival is that of pare stats"
out_has '^Density after growing	fc1	1	0.3	nan$' "density stays"
ok "a model is rewired once" pare-train -q -a 4-20-3 -d d.h5 -e 2 -S 1 \
    --density .3 --sparse-layers fc1 --evolve set -o once.h5
run pare-plot rewiring --table once.h5
cut -f 1 "$OUT" | sort -u >got
printf '%s\n' 'Density after growing' 'Removed connections' panel >want
same want got "of one rewiring there is no survival to draw"
ok "a curve by a setting of an option" sh -c "
    pare-plot curve --table --by --evolve:zeta evolved.h5 m.h5 |
    cut -f 2 | sed 1d >settings"
printf '%s\n' 0.3 none >want
same want settings "which others have not"
pare-log --history m.h5 >history
run pare-plot history --table m.h5
awk -F '\t' '$1 == "Loss" && $2 == "training" { print $3, $4 }' "$OUT" >got
awk -F '\t' 'NR > 1 { print $2, $5 }' history >want
same want got "the history is that of pare log"
awk -F '\t' '$1 == "Accuracy" && $2 == "validation" { print $3, $4 }' "$OUT" >got
awk -F '\t' 'NR > 1 { print $2, $8 }' history >want
same want got "validation too"
run pare-plot history --table m.h5 sub/m.h5
out_has '^Loss .*	sub/m.h5, training	' "models of one name have their paths"
run pare-plot history --table m.h5 r.5-1.h5
cp "$OUT" models
pare-log --history m.h5 r.5-1.h5 >history
run pare-plot history --table history
same models "$OUT" "a table of histories says the same"
ok "a log is written" pare-train -q -a 4-5-3 -d d.h5 -e 3 -S 1 --log-every 2 \
    --log log.tsv -o logged.h5
run pare-plot history --table logged.h5
cp "$OUT" models
run pare-plot history --table log.tsv
same models "$OUT" "the log of a run too"
run pare-plot history --table eval.tsv
fails_with 1 "another table is no history"
err_has 'eval.tsv' "and is named"
printf 'epoch\ttrain_loss\nx\t1\n' >bad.tsv
run pare-plot history --table bad.tsv
fails_with 1 "an epoch is a number"

run pare-plot layers --table r.5-1.h5
awk -F '\t' 'NR > 1 { printf "%s %.6g\n", $3, $4 }' "$OUT" >got
pare-stats r.5-1.h5 | awk -F '\t' 'NR > 1 { sub("total", "all", $2)
    printf "%s %.6g\n", $2, $7 }' >want
same want got "the bars are those of pare stats"

run pare-plot hist --table r.8-1.h5
pruned=$(pare-stats --total r.8-1.h5 | awk -F '\t' 'NR > 1 { print $4 - $5 }')
out_has "^	pruned: $pruned	0	$pruned	" "pruned weights are counted"
ok "and all others lie in a bin" sh -c "awk -F '\t' '
    \$2 == \"kept\" { n += \$4 } END { exit n != 310 - $pruned }' '$OUT'"
run_sh 'pare-prune -q -s .5 --keep-undo m.h5 | pare-plot hist --table'
ok "with an undo point, as they were" awk -F '\t' '
    $2 == "pruned last, as they were" { n += $4 } END { exit n != 155 }' "$OUT"

run pare-plot heatmap --table --shape 2x2 r.5-1.h5
awk -F '\t' 'NR > 1 { print $5 }' "$OUT" >got
pare-stats --connections fc1 --shape 2x2 r.5-1.h5 |
    awk -F '\t' 'NR > 1 { print $4; print $5 }' >want
same want got "the map is that of pare stats"
run pare-plot trend --table r.5-1.h5
pare-stats --trend r.5-1.h5 | awk -F '\t' 'NR > 1 { print $3 }' >want
awk -F '\t' 'NR > 1 { print $4 }' "$OUT" >got
same want got "the trend is that of pare stats"

run pare-plot curve --table eval.tsv r.5-?.h5 r.8-?.h5
status_is 0 "a curve is through runs"
awk -F '\t' 'NR > 1 { printf "%.6g %.8f %.8f\n", $3, $4, $5 }' "$OUT" >got
for p in .5 .8; do
    awk -F '\t' -v p="$p" 'index($1, "r" p "-") == 1 { a[++n] = $5 }
        END { m = (a[1] + a[2]) / 2
            s = sqrt((a[1] - m) ^ 2 + (a[2] - m) ^ 2)
            printf "%s %.8f %.8f\n", p * 1, m, s }' eval.tsv
done >want
same want got "its points are means with deviations over n - 1"
pare-stats r.5-?.h5 r.8-?.h5 m.h5 >stats.tsv
run pare-plot curve --table eval.tsv stats.tsv
ok "tables alone will do, m.h5 has its own point" \
    test "$(grep -c '	none\|^		0	' "$OUT")" -eq 1
ok "of three" test "$(wc -l <"$OUT")" -eq 4
run pare-plot curve --table --by -s --metric val_acc --against nonzero r.5-?.h5 r.8-?.h5
out_has '^	0.5	' "a curve for each value of an option"
ok "in order" sh -c "cut -f 2 '$OUT' | sed 1d | sort -cn"
printf 'model\tlr\tacc\na\t.1\t.5\nb\t.1\t.7\nc\t.2\t.9\n' >own.tsv
run pare-plot curve --table --against lr --metric acc own.tsv
out_has '^		0.1	0.6	0.14142135623730[0-9]*$' "of any table"
out_has '^		0.2	0.9	nan$' "a single run has no deviation"

# ---- hostile names ----
evil="a'b\"\`touch pwned\`\$(touch pwned)@{x}_^\\n<b>&.h5"
cp m.h5 "$evil"
printf '#!/bin/sh\ntouch pwned\n' >pwn
run pare-plot layers --script "$evil" m.h5
out_has "title 'a''b\"\`touch pwned\`" "a name stays between quotes"
nl="x
system('touch pwned')
.h5"
cp m.h5 "$nl"
run pare-plot layers --script "$nl" m.h5
out_lacks "^system" "a newline does not leave the line"
run pare-plot layers --script --title "$(printf 'a\377b\033[0m\302\205')" m.h5
out_has "title 'a[?]b[?]\[0m[?]+' font" "what is no text becomes a question mark"

# ---- without gnuplot ----
mkdir bin
for tool in pare-plot; do ln -s "$(command -v $tool)" bin/$tool; done
run env PATH="$PWD/bin" pare-plot history m.h5
fails_with 1 "without gnuplot no picture"
err_is 'pare-plot: gnuplot is not installed: apt-get install gnuplot-nox; --script prints what it would draw' \
    "and how to get it"
printf 'old\n' >old.svg
run env PATH="$PWD/bin" pare-plot history -o old.svg m.h5
ok "what was there stays" grep -qx old old.svg
run env PATH="$PWD/bin" pare-plot history --script m.h5
status_is 0 "the script is there without it"
printf '#!/bin/sh\necho "it is broken" >&2\nexit 3\n' >bin/gnuplot
chmod +x bin/gnuplot
run env PATH="$PWD/bin:$PATH" pare-plot history m.h5
fails_with 1 "a gnuplot that fails"
err_has 'gnuplot failed: it is broken' "is quoted"

# ---- wrong usage ----
run pare-plot
fails_with 2 "a kind is needed"
run pare-plot pie m.h5
fails_with 2 "which there is"
err_has "'pie'.*history, curve" "and those are named"
run pare-plot history -o x.doc m.h5
fails_with 2 "a suffix says the format"
run pare-plot history --format gif m.h5
fails_with 2 "of those there are"
run pare-plot history --size 0x0 m.h5
fails_with 2 "a size has pixels"
run pare-plot history --table --script m.h5
fails_with 2 "one text at a time"
run pare-plot history --by -m m.h5
fails_with 2 "a history has no curves"
run pare-plot curve --shape 2x2 m.h5
fails_with 2 "a curve has no map"
run pare-plot heatmap --table --shape 3x3 m.h5
fails_with 1 "a shape multiplies to the inputs"
run pare-plot curve --table --against nothing m.h5
fails_with 1 "a key that no run has"
err_has "'nothing'" "is named"
printf 'a\tb\n1\t2\n' >no.tsv
run pare-plot curve --table no.tsv
fails_with 1 "a table needs a column model"
run pare-plot rewiring --table m.h5
fails_with 1 "a record that is empty"
pare-init -a 4-3 -S 1 -o init.h5
run pare-plot history --table init.h5
fails_with 1 "an untrained model has no history"
run pare-plot history --table init.h5 m.h5
status_is 0 "others beside it have"
err_is "pare-plot: warning: 'init.h5' has no training history and is left out" \
    "and it is named"
run pare-plot rewiring --table m.h5 evolved.h5
status_is 0 "one of two models was rewired"
err_is "pare-plot: warning: 'm.h5' has no record of rewirings and is left out" \
    "the other is named"

# ---- axes and legends ----
run pare-plot history --script evolved.h5
ok "training has small points, so that one epoch can be seen" test \
    "$(grep -c 'linespoints .* dt 2 .* ps 0.5 ' "$OUT")" -eq 2
run pare-plot curve --script --metric accuracy eval.tsv m.h5 r.5-1.h5
out_has '^set xrange \[0:\*\]$' "no axis of sparsity begins below 0"
printf 'model\tx\taccuracy\na\t-1\t.9\nb\t1\t1\n' >own.tsv
run pare-plot curve --script --against x own.tsv
out_has '^set xrange \[\*:\*\]$' "but that of other numbers may"
out_has '^set yrange \[\*:100\]$' "no accuracy is above 100 %"
run pare-plot rewiring --script evolved.h5
ok "shares begin at 0" test "$(grep -c '^set yrange .0:' "$OUT")" -eq 3
long=$(printf 'a%.0s' 1 2 3 4 5 6 7 8 9 10)
long=begin-$long$long$long$long$long$long$long$long-end
cp evolved.h5 "$long.h5"
run pare-plot trend --script --shape 2x2 "$long.h5"
ok "a name too wide for the legend loses its middle" \
    grep -Eq "title 'begin-a*…a*-end [(]side [0-9]* / all: .*[)]'" "$OUT"
ok "the title too" grep -q "title 'Connections a.*…a*-end' font" "$OUT"
run pare-plot trend --table --shape 2x2 "$long.h5"
out_has "	$long " "but not in the table"
for i in 1 2 3 4 5 6 7 8 9; do cp m.h5 "n$i.h5"; done
run pare-plot layers --script n?.h5
ok "nine models have nine patterns and colours" test \
    "$(grep -o "pattern .*'#......'" "$OUT" | sort -u | wc -l)" -eq 9
run pare-plot history --script n?.h5
ok "and nine lines of validation" test \
    "$(grep -o "dt [145] lc rgb '#......'" "$OUT" | sort -u | wc -l)" -eq 9

# ---- pictures ----
if ! have gnuplot; then
    echo "gnuplot is not installed: no pictures"
    finish
fi
for kind in history curve heatmap trend hist layers; do
    run pare-plot "$kind" -o a.svg r.5-1.h5 r.8-2.h5
    status_is 0 "$kind is drawn"
    err_is '' "$kind: gnuplot has no complaint"
    ok "$kind is an SVG" grep -q '</svg>' a.svg
done
run pare-plot rewiring -o once.svg once.h5
status_is 0 "a single rewiring is drawn"
for format in png pdf txt; do
    run pare-plot layers -o "a.$format" r.5-1.h5 r.8-2.h5
    status_is 0 "layers are drawn as $format"
    err_is '' "$format: gnuplot has no complaint"
done
ok "a PNG" sh -c "head -c 4 a.png | grep -q PNG"
ok "a PDF" sh -c "head -c 5 a.pdf | grep -q '^%PDF-'"
ok "text" grep -q 'pruned weights' a.txt
run pare-plot heatmap --format txt r.5-1.h5
out_has 'connections, @ is 12' "text tells what its letters are"
ok "and has one for each pixel" test "$(tr -cd '@' <"$OUT" | wc -c)" -ge 2
sleep 1
run pare-plot layers -o b.pdf r.5-1.h5 r.8-2.h5
same a.pdf b.pdf "the same bytes a second later"
run env TZ=UTC-9 pare-plot layers -o b.pdf r.5-1.h5 r.8-2.h5
same a.pdf b.pdf "and in another time zone"
run pare-plot layers r.5-1.h5 r.8-2.h5
same a.svg "$OUT" "an SVG on standard output"
run pare-plot layers "$evil" "$nl" -o e.svg
status_is 0 "hostile names can be drawn"
ok "and run nothing" test ! -e pwned
ok "markup is text" sh -c "! grep -q '<b>' e.svg"
if have script && script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    run script -qec 'pare-plot layers m.h5' /dev/null
    out_has 'pruned weights|layer' "on a terminal it is text"
fi
finish
