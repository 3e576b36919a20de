# pare-eval as a program: its tables agree with each other and with the data.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"
run pare-train -a 4-20-10-3 -d d.h5 -e 60 -l .01 -S 1 -o good.h5

# ---- the table ----
run pare-eval -d d.h5 good.h5 m.h5
status_is 0 "models are measured"
cp "$OUT" table
out_has '^model	split	n	loss	accuracy	top5$' "a header"
out_has '^good.h5	test	20	[0-9.]+	[0-9.]+	1$' "a line for a model"
ok "and for each" test "$(wc -l <table)" = 3
ok "training helped" awk -F '\t' 'NR == 2 { a = $5 } NR == 3 { b = $5 }
    END { exit !(a > b && a > .9) }' table
for split in train:80 val:20 test:20; do
    run pare-eval -d d.h5 --split ${split%:*} m.h5
    out_has "^m.h5	${split%:*}	${split#*:}	" "split ${split%:*} is measured"
done
run pare-eval -d d.h5 --split val m.h5
cut -f 4,5 "$OUT" | sed 1d >a
run pare-train -a 4-20-10-3 -d d.h5 -e 3 -S 1 --log l.tsv -o x.h5
tail -n 1 l.tsv | cut -f 7,8 >b
same a b "with the numbers of the training log"
run_sh 'pare-eval -d d.h5 <m.h5'
out_has '^-	test	20	' "standard input is -"

# ---- the forms agree ----
run pare-eval -d d.h5 --confusion m.h5
out_has '^model	split	true	red	sky	top$' "the matrix names the classes"
cp "$OUT" matrix
run pare-eval -d d.h5 --per-class m.h5
out_has '^model	split	class	n	correct	precision	recall	f1$' "a header"
cp "$OUT" classes
awk -F '\t' '
    function off(a, b) { return a - b > 1e-9 || b - a > 1e-9 }
    FILENAME == "table" && $1 == "m.h5" { n = $3; accuracy = $5 }
    FILENAME == "matrix" && FNR > 1 {
        for (p = 1; p <= 3; p++) {
            c[FNR - 1, p] = $(3 + p)
            row[FNR - 1] += $(3 + p); column[p] += $(3 + p); all += $(3 + p)
        }
        hit += $(3 + FNR - 1)
    }
    FILENAME == "classes" && FNR > 1 {
        k = FNR - 1
        p = column[k] ? c[k, k] / column[k] : 0
        r = row[k] ? c[k, k] / row[k] : 0
        f = p + r ? 2 * p * r / (p + r) : 0
        if ($4 != row[k] || $5 != c[k, k] || off($6, p) || off($7, r) ||
            off($8, f)) { print "class " k; exit 1 }
        seen++
    }
    END { exit !(seen == 3 && all == n && !off(hit / n, accuracy)) }
' table matrix classes
status=$?
status_is 0 "table, matrix and classes tell the same"
run pare-eval -d d.h5 --json m.h5 good.h5
cp "$OUT" json
ok "JSON is one line" test "$(wc -l <json)" = 1
tr ',{}[]' '\n\n\n\n\n' <json >items
for item in '"model":"m.h5"' '"model":"good.h5"' '"split":"test"' '"n":20' \
    '"name":"sky"'; do
    ok "JSON has $item" grep -qxF "$item" items
done
sed 1d matrix | cut -f 4- | tr '\t' '\n' >a
sed -n '/"confusion"/,$p' items | grep -x '[0-9][0-9]*' | head -n 9 >b
same a b "JSON has the same matrix"
sed -n 's/^"loss":\(.*\)$/\1/p' items | head -n 1 >b
awk -F '\t' '$1 == "m.h5" { print $4 }' table >a
ok "and the same loss" awk 'NR == FNR { a = $1; next }
    { exit !(a > 0 && a - $1 < 1e-12 && $1 - a < 1e-12) }' a b

# ---- the normalisation is the model's ----
pare-data csv --label kind --make-split 80,20,20 -S 1 --normalize 100,7 \
    -o other.h5 d.csv
run pare-eval -d other.h5 good.h5
tail -n 1 "$OUT" >b
sed -n 2p table >a
same a b "another normalisation of the data changes nothing"

# ---- times ----
run pare-prune -s .9 -o few.h5 m.h5
run pare-eval -d d.h5 m.h5 few.h5
cp "$OUT" plain
run pare-eval --time -d d.h5 m.h5 few.h5
status_is 0 "models are timed"
out_has '	top5	batch	dense_ms	sparse_ms	speedup$' "with columns for it"
cut -f 1-6 "$OUT" >timed
same plain timed "the others stay as they are"
ok "times are above 0, their ratio is told, all samples fit" awk -F '\t' '
    NR > 1 { r = $8 / $9 / $10
             if (!($7 == 20 && $8 > 0 && $9 > 0 && r > .99 && r < 1.01)) bad++ }
    END { exit !(NR == 3 && !bad) }' "$OUT"
for b in 7:7 20:20 21:20; do
    run pare-eval --time -b ${b%:*} -j 1 -d d.h5 few.h5
    ok "of a batch of ${b%:*} ${b#*:} are there" \
        test "$(tail -n 1 "$OUT" | cut -f 7)" = "${b#*:}"
done
run pare-eval --time --json -d d.h5 few.h5
out_has '"time":[{]"batch":20,"dense_ms":[0-9.e-]+,"sparse_ms":[0-9.e-]+,"sp' \
    "JSON has them"
run pare-init -a 4-100000-100000-3 --epsilon .1 -S 1 -o wide.h5
status_is 0 "a model with 1e10 positions"
run pare-eval --time -b 4 -d d.h5 wide.h5
status_is 0 "is evaluated"
out_has '^wide.h5	test	20	.*	4	-	[0-9.e-]+	-$' "has no dense time"
run pare-eval --time -b 4 --json -d d.h5 wide.h5
out_has '"dense_ms":null,"sparse_ms":[0-9.e-]+,"speedup":null' "nor in JSON"

# ---- trouble ----
run pare-eval -d d.h5 none.h5 good.h5
status_is 1 "a model that is missing"
err_has "'none.h5'" "is named"
out_has '^good.h5	' "the others are measured"
run pare-eval -d d.h5 --json none.h5
fails_with 1 "without any there is no JSON"
run pare-eval -d d.h5 d.h5
fails_with 1 "data are no model, and have no header"
run pare-eval -d m.h5 m.h5
fails_with 1 "a model is no data"
pare-init -a 5-3 -o five.h5
run pare-eval -d d.h5 five.h5
fails_with 1 "inputs that do not fit"
err_has "'five.h5': the data have 4 inputs" "are told with the model"
pare-init -a 4-2 -o two.h5
run pare-eval -d d.h5 two.h5
fails_with 1 "classes that do not fit"
pare-data csv --label kind --make-split 100,20 -S 1 -o short.h5 d.csv
run pare-eval -d short.h5 m.h5
fails_with 1 "a split that is not there"
err_has 'no test split; there is train, val$' "is told"
for bad in '' '-d d.h5 --split all' '-d d.h5 --json --per-class' \
    '-d d.h5 --confusion --per-class' '-d d.h5 -j 0' '-d d.h5 -j two' \
    '-d d.h5 -b 4' '-d d.h5 --time -b 0' '-d d.h5 --time --per-class' \
    '-d d.h5 --time --confusion'; do
    # shellcheck disable=SC2086
    run pare-eval $bad m.h5
    fails_with 2 "wrong usage: $bad"
done

finish
