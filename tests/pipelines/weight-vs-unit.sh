# Both curves of the pruning challenge on a small network and made-up images.
HERE=$(cd "${0%/*}" && pwd)
. "$HERE/lib.sh"

quick weight-vs-unit a
status_is 0 "the quick run works"
cp "$OUT" table
out_has '^Weights against units: generated, .* 20 epochs, 2 seeds$' "the title"
awk '$3 == "|" { print $1, $2 }' table | grep -v k >got
printf '%s\n' '0 0.00' '25 24.94' '50 49.88' '90 89.78' >want
same got want "k percent of all layers but the last are gone"
out_has '^weights at least as good as units at [01] of 1 k' "they are compared"

quick weight-vs-unit b -j2
same "$OUT" table "side by side: the same table"

seed=a/quick/generated/seed1
data=a/quick/generated/data.h5
cut -f 1-4 $seed/curves.tsv >got
{
    printf 'grain\tk\tkept\tweights\n'
    for grain in weight unit; do
        for k in 0:80600 25:60500 50:40400 90:8240; do
            printf '%s\t%s\t%s\t80600\n' $grain "${k%:*}" "${k#*:}"
        done
    done
} >want
same got want "weights and units take the same number"
run pare eval -d $data $seed/dense.h5
awk -F '\t' 'NR == 2 { print $4, $5 }' "$OUT" >want
awk -F '\t' '$2 == 0 { print $5, $6 }' $seed/curves.tsv | uniq >got
same got want "both begin at the dense network"
pare prune -g unit -A layer --skip fc3 -f .50 -o half.h5 $seed/dense.h5
run pare eval -d $data half.h5
awk -F '\t' 'NR == 2 { print $4, $5 }' "$OUT" >want
awk -F '\t' '$1 == "unit" && $2 == 50 { print $5, $6 }' \
    $seed/curves.tsv >got
same got want "a point is what eval says of the cut network"
places half.h5 >half.places
ok "the last layer is whole" test "$(grep -c '^fc3' half.places)" -eq 200
awk '/^fc1/ { n[int($2 / 784)]++ }
    END { for (u in n) if (n[u] == 784) whole++; else part++
          print whole + 0, part + 0 }' half.places >got
echo '50 0' >want
same got want "half the units are whole, half are gone"
# Mean and deviation of the table are those of the seeds.
cat a/quick/generated/seed*/curves.tsv |
    awk -F '\t' '$1 == "unit" && $2 == 50 { x[++n] = 100 * $6 }
        END { m = (x[1] + x[2]) / 2; d = x[1] - m
              printf "%.2f (%.2f)\n", m, sqrt(2 * d * d) }' >want
awk '$1 == 50 && $3 == "|" { print $9, $10 }' table >got
same got want "means and deviations are over the seeds"

run make -C "$PIPELINES/weight-vs-unit" "O=$PWD/none" MNIST_DIR=/nowhere \
    FASHION_DIR=/nowhere
status_is 0 "no data is no error"
err_is "No Fashion-MNIST in /nowhere: skipped; install dataset-fashion-mnist or set FASHION_DIR
No MNIST in /nowhere: skipped; set MNIST_DIR" "but it is said"
finish
