# pare report: the numbers of its tables, what it escapes, and itself again.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

mkdir runs
for m in magnitude random; do
    for p in .5 .8; do
        for s in 1 2 3; do
            ok "-m $m -s $p -S $s" sh -c "pare-prune -q -m $m -S $s -s $p m.h5 |
                pare-finetune -q -d d.h5 -e 1 -S $s -o runs/$m$p-$s.h5"
        done
    done
done
cp d.h5 runs/data.h5
pare-eval -d d.h5 runs/magnitude*.h5 runs/random*.h5 >eval.tsv

# The cells of the table after a heading, a line for each row.
table() {
    awk -v want="<h[23]>$2</h[23]>" '
        $0 ~ want { on = 1 } on && /<\/table>/ { exit } on' "$1" |
        sed -n '/^<tr>/ { s/<[^>]*>/ /g; s/&ndash;/-/g; s/&plusmn;/+-/g
            s/  */ /g; s/^ //; s/ $//; p; }'
}

run pare-report -o r.html runs eval.tsv
status_is 0 "a directory has a report"
out_is '' "in a file"
err_is '' "and nothing else is said"
ok "with 12 runs in 4 groups" grep -q '12 runs in 4 groups' r.html

# ---- groups, by awk ----
table r.html accuracy >numbered
ok "groups have numbers" [ "$(cut -d ' ' -f 1 numbered | paste -s -)" = \
    "1	2	3	4" ]
cut -d ' ' -f 2- numbered >got
for p in 0.5 0.8; do
    for m in magnitude random; do
        awk -F '\t' -v p="${p#0}" -v m="$m" '
            index($1, "runs/" m p "-") == 1 { a[++n] = $5; t += $5 }
            END { mean = t / n; lo = hi = a[1]
                for (i = 1; i <= n; i++) {
                    v += (a[i] - mean) ^ 2
                    if (a[i] < lo) lo = a[i]
                    if (a[i] > hi) hi = a[i]
                }
                printf "0%s %s %d %.4f %.4f %.4f %.4f\n", p, m, n, mean,
                    sqrt(v / (n - 1)), lo, hi }' eval.tsv
    done
done >want
# The columns are in the order of the first model's options.
head -n 1 got | grep -q '^0' || awk '{ t = $1; $1 = $2; $2 = t; print }' \
    want | sort >sorted
[ -s sorted ] && mv sorted want
same want got "groups have number, mean, deviation, least and largest"
pare-log --history runs/random.8-3.h5 | awk -F '\t' '
    { last = $8; if (NR > 1 && $8 > best) best = $8 }
    END { printf "%.4f %.4f\n", last, best }' >want
table r.html Runs | awk '$1 == "runs/random.8-3.h5" { print $9, $10 }' >got
same want got "a run has the last and the best of its history"
ok "what is shared is told once" grep -q '<th>prune -g</th><td>weight</td>' r.html
ok "and differs where it differs" sh -c "! grep -q '<th>prune -m</th><td>' r.html"

# ---- pivots ----
run pare-report --pivot 'prune -m,prune -s' --metric accuracy runs eval.tsv
status_is 0 "a pivot"
awk '/<h2>Pivots/ { on = 1 } on' "$OUT" >pivot.html
table pivot.html accuracy >got
awk '{ print $1, $2, $3, $4, $5 }' got >rows
ok "has a line for each value and all" test "$(wc -l <got)" -eq 3
for m in magnitude random; do
    awk -F '\t' -v m="$m" '
        function add(k) { n[k]++; t[k] += $5; q[k] += $5 * $5 }
        index($1, "runs/" m) == 1 { add(index($1, m ".5") ? 1 : 2); add(3) }
        END { printf "%s", m
            for (k = 1; k <= 3; k++) {
                v = (q[k] - t[k] ^ 2 / n[k]) / (n[k] - 1)
                printf " %.4f +- %.4f (%d)", t[k] / n[k], (v > 0 ? sqrt(v) : 0),
                    n[k]
            }
            print "" }' eval.tsv
done >want
head -n 2 got >cells
same want cells "its cells are the samples"
run pare-report --by 'prune -m' --metric accuracy runs eval.tsv
ok "groups by one key" grep -q '12 runs in 2 groups' "$OUT"
printf 'model\tlr\tacc\na\t.1\t.5\nb\t.1\t.7\nc\t.2\t.9\n' >own.tsv
run pare-report --by lr --metric acc own.tsv
status_is 0 "a table alone has a report"
table "$OUT" acc >got
printf '%s\n' '1 .1 2 0.6000 0.1414 0.5000 0.7000' \
    '2 .2 1 0.9000 - 0.9000 0.9000' >want
same want got "of its own columns"

# ---- self-contained, escaped, the same again ----
run pare-report -o again.html runs eval.tsv
same r.html again.html "the same runs give the same bytes"
ok "nothing comes from elsewhere" sh -c "! sed 's/xmlns[:a-z]*=\"[^\"]*\"//g' \
    r.html | grep -Eq 'https?:|<script|<link|<iframe|src='"
ok "a file that is no model is listed" grep -q '<li>runs/data.h5: ' r.html
ok "the commands are there" grep -q 'pare prune' r.html
evil='<script>alert(1)<%script>&"'"'"'.h5'
cp m.h5 "$evil"
run pare-report --title '<img onerror=x>' "$evil"
status_is 0 "a hostile name"
out_lacks '<script|<img' "is escaped"
out_has '&lt;script&gt;alert\(1\)' "and shown"
out_has '<title>&lt;img' "the title too"
run pare-report --title "$(printf 'a\377\033[1m')" m.h5
out_has '<title>a\?\?\[1m</title>' "what is no text is a question mark"

# ---- with and without gnuplot ----
mkdir bin
ln -s "$(command -v pare-report)" bin/pare-report
run env PATH="$PWD/bin" pare-report runs
status_is 0 "without gnuplot there is a page"
out_has 'gnuplot is not installed' "that says so"
out_has '<h3>val_acc</h3>' "with its tables"
out_lacks '<svg' "and no picture"
if have gnuplot; then
    ok "with it there are pictures" test "$(grep -c '</svg>' r.html)" -eq 3
    run grep -oE "[ ]id=['\"][^'\"]*['\"]" r.html
    ok "names in them are unique" test -z "$(sort "$OUT" | uniq -d)"
    for g in 1 2 3 4; do
        ok "the legend has group $g" grep -q ">$g: prune -[ms]" r.html
    done
    run pare-report m.h5
    ok "a single model has two" test "$(grep -c '</svg>' "$OUT")" -eq 2
fi

# ---- what is wrong ----
run pare-report
fails_with 2 "an operand is needed"
run pare-report --pivot a runs
fails_with 2 "a pivot has two keys"
run pare-report --pivot a,b,c runs
fails_with 2 "and no more"
run pare-report --metric nothing runs
fails_with 1 "a metric that no run has"
run pare-report none.h5
fails_with 1 "a missing file"
err_has 'none.h5' "is named"
run pare-report m.h5 m.h5
fails_with 1 "a model twice"
pare-dump m.h5 | sed '/^history /s/ 0x[^ ]*p[^ ]* / nan /g
    /^history /s/ 0x[^ ]*p[^ ]* / nan /g' | pare-load -o nan.h5
run pare-report nan.h5
status_is 0 "a history without a number has no picture, but a page"
mkdir empty
run pare-report empty
fails_with 1 "a directory without models"
head -c 3000 m.h5 >cut.h5
run pare-report cut.h5
fails_with 1 "a damaged model"
finish
