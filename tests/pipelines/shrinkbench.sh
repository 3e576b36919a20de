# The strategies of ShrinkBench on a small network and made-up images.
HERE=$(cd "${0%/*}" && pwd)
. "$HERE/lib.sh"

quick shrinkbench a
status_is 0 "the quick run works"
cp "$OUT" table
out_has '^ShrinkBench: images, .* 9588 parameters, 6\+2 epochs, 2 seeds$' \
    "the title"
out_has '^compression reached: within 0\.0419 % of what was asked$' \
    "compression is that asked, to a parameter"

quick shrinkbench b -j2
same "$OUT" table "side by side: the same table"

run=a/quick/images/seed2
data=a/quick/images/data.h5
curves=a/quick/images/curves.tsv
ok "all models are in order" pare check -q $run/*.h5
awk -F '\t' 'NR > 1 && $3 == 2 { print $2, $4, $5 }' $curves | sort -n |
    uniq -c | awk '{ print $1 * ($2 == 1 ? 0 : 1), $2, $3, $4 }' >got
n=$(sed -n '/^accuracy %/,/^$/p' table | grep -c '(')
printf '%s\n' "0 1 9588 9588" "$n 2 9588 4794" "$n 16 9588 599" >want
same got want "every strategy has every point"

# What ShrinkBench prunes: biases too, but nothing of the last layer.
run_sh "pare stats $run/*_16.h5 |
    awk -F '\t' '\$2 == \"fc2\" && \$5 != 132 || \$2 == \"fc1\" && \$5 > 1000'"
out_is '' "the last layer is whole"
pare prune -c 16 --skip fc2 --bias -A layer -S 2 -o byhand.h5 \
    $run/control.h5
run pare diff -q --state byhand.h5 $run/layer-magnitude_16.h5
status_is 0 "biases go too"
pare prune -c 16 --skip fc2 -A layer -o byhand.h5 $run/control.h5
run pare diff -q --state byhand.h5 $run/layer-magnitude_16.h5
status_is 1 "which makes a difference"
run_sh "pare stats $run/layer-gradient_16.h5 | awk -F '\t' '
    BEGIN { f = (9588 / 16 - 132) / (9588 - 132) }
    \$2 ~ /conv1|fc1/ { d = \$5 - f * \$4; print (d > -1 && d < 1) }'"
out_is '1
1' "layers keep equal shares"
pare prune -c 16 --skip fc2 --bias -m gradient -d $data --calibrate 20 -S 2 \
    -o byhand.h5 $run/control.h5
run pare diff -q --state byhand.h5 $run/global-gradient_16.h5
status_is 0 "gradients are of one batch"
pare prune -c 16 --skip fc2 --bias -m activation -d $data --calibrate 20 \
    -A layer -S 2 -o byhand.h5 $run/control.h5
run pare diff -q --state byhand.h5 $run/layer-activation_16.h5
status_is 0 "and so are activations"

# What is printed.
pare finetune -q -j 1 -d $data -l .01 -e 2 \
    --optimizer sgd,momentum=.9,nesterov -o byhand.h5 $run/random_2.h5
run pare diff -q --state byhand.h5 $run/random_2-tuned.h5
status_is 0 "all are fine-tuned alike"
pare eval -d $data $run/random_2.h5 byhand.h5 |
    awk -F '\t' 'NR > 1 { print $4, $5 }' >want
awk -F '\t' '$1 == "random" && $2 == 2 && $3 == 2 {
    print $8, $9; print $10, $11 }' $curves >got
same got want "the curves have loss and accuracy before and after"
pare stats --total byhand.h5 |
    awk -F '\t' 'NR == 2 { printf "%.4f %.4f\n", $13, $11 / $12 }' >want
awk -F '\t' '$1 == "random" && $2 == 2 && $3 == 2 { print $6, $7 }' $curves \
    >got
same got want "and compression and speed-up"
awk -F '\t' '$1 == "layer-magnitude" && $2 == 16 { x[++n] = 100 * $11 }
    END { m = (x[1] + x[2]) / 2; d = x[1] - m
          printf "%.2f (%.2f)\n", m, sqrt(2 * d * d) }' $curves >want
sed -n '/^accuracy %/,/^$/p' table |
    awk '$1 == "layer-magnitude" { print $6, $7 }' >got
same got want "means and deviations are over the seeds"

# A layer without weights is named; made up, as no strategy does it here.
{
    sed -n 1p $curves
    printf 'control\t1\t1\t9\t9\t1\t1\t1\t.5\t1\t.5\t-\n'
    printf 'random\t2\t1\t9\t4\t2.25\tinf\t1\t.5\t1\t.5\tconv1\n'
} >made.tsv
run awk -f "$PIPELINES/interval.awk" -f "$PIPELINES/shrinkbench/table.awk" \
    -v notes=/dev/null made.tsv
out_has '^random at 2: no weight is left in conv1$' "collapse is told"
out_has '^random .* inf$' "and no speed-up made of it"
finish
