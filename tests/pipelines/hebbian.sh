# A few cells of the studies of Hebbian pruning, on made-up images.
HERE=$(cd "${0%/*}" && pwd)
. "$HERE/lib.sh"
STUDY=$PIPELINES/hebbian

quick hebbian a
status_is 0 "the quick run works"
cp "$OUT" table
out_has '^grid: generated$' "the grid has a table"
awk '/^grid/, /^6 published/' table | sed -n 's/^tau \([^ ]*\) .*/\1/p' >got
printf '%s\n' 0 .4 1 >want
same got want "with the rows that were run"
sed -n '/^grid/, /published/s/^ *\(\.[0-9 .+-]*\)$/\1/p' table | tr -s ' ' >got
cat >want <<'END'
.976 +-.000 .981 +-.001
.971 +-.001 .980 +-.001
.964 +-.001 .981 +-.001
END
same got want "and what was published below them"
sed -n 's/: the same by small commands$//p' table | sort >got
printf '%s\n' highest_.2_.4_lowest lowest_.4_.2_random weighted_0_.3_random \
    >want
same got want "pipelines of small commands make the same models"
ok "no line is too long" awk 'length > 110 { exit 1 }' table

quick hebbian b -j2
grep -v ': the same' "$OUT" >got
grep -v ': the same' table >want
same got want "side by side: the same tables"

runs=a/quick/generated
ok "all models are in order" pare check -q $runs/*/seed?.h5

# A cell by hand: the best and the last epoch of both seeds.
for s in 1 2; do
    pare log --history $runs/lowest_.4_.2_random/seed$s.h5 |
        awk -F '\t' 'NR > 1 { last = $8; if (last > max) max = last }
            END { print max, last }'
done >cell
for f in 1 2; do
    awk -v f=$f '{ x[NR] = $f }
        END { m = (x[1] + x[2]) / 2; d = x[1] - m
              s = sprintf("%.4f +-%.4f", m, sqrt(2 * d * d))
              gsub(/0\./, ".", s); print s }' cell
done >want
awk '/^tau .4/ { print $5, $6 }' table | head -n 2 >got
same got want "a cell is the mean of its seeds, best and last"
awk '/^tau/ && NF == 6 { n++
        mine = mine " " $3 " " $5; next }
    mine != "" && n <= 3 && /^ *\./ { theirs = theirs " " $1 " " $3 }
    END { n = split(mine, a, " "); split(theirs, b, " ")
          for (i = 1; i <= 6; i++) {
              d = a[i] - b[i]; sum += d; size += d < 0 ? -d : d }
          printf "%+.3f %.3f\n", sum / 6, size / 6 }' table >want
sed -n 's/^6 published: mean difference //p' table | head -n 1 |
    awk '{ printf "%+.3f %.3f\n", $1, $3 }' >got
same got want "the differences are from what was published"

# What the networks are.
run_sh "pare stats $runs/lowest_0_0_random/seed1.h5 | awk -F '\t' '
    \$2 ~ /^fc/ { n = split(\$3, d, \"x\"); share = (\$5 - d[1]) / d[1] / d[2]
                  print \$2, (share > .15 && share < .25) }'"
out_is 'fc1 1
fc2 1
fc3 1
fc4 1' "each layer has a fifth of its connections"
run_sh "pare log $runs/lowest_.4_.2_random/seed1.h5"
out_has "zeta=0.2 tau=0.4 join=or" "both shares are asked for"
pare rewind -t init -o init.h5 $runs/lowest_0_0_random/seed1.h5
places init.h5 >init.places
places $runs/lowest_0_0_random/seed1.h5 >static.places
same static.places init.places "a static network keeps its connections"
places $runs/lowest_0_.2_random/seed1.h5 >moved.places
n=$(comm -12 moved.places init.places | wc -l)
ok "the others do not" test "$n" -lt "$(wc -l <init.places)"
run_sh "pare stats --rewiring $runs/lowest_1_0_random/seed1.h5 |
    awk -F '\t' 'NR > 1 && \$5 != \$6'"
out_is '' "all connections go where all coactivations do"
run_sh "pare stats --rewiring $runs/lowest_0_.2_random/seed1.h5 |
    awk -F '\t' 'NR > 1 && \$3 == \"fc1\" { print \$2 }'"
out_is '1
2' "after every epoch but the last"

# Two IDX files become one.
sh "$PIPELINES/images.sh" 1 8 20 4 one
sh "$PIPELINES/images.sh" 1 8 30 4 two
gzip -k two.images
sh "$PIPELINES/joined.sh" one.images two.images.gz >both.images
sh "$PIPELINES/joined.sh" one.labels two.labels >both.labels
pare data idx --make-split 20,30,0 --no-shuffle -o both.h5 both.images \
    both.labels
pare data idx -o apart.h5 one.images one.labels two.images two.labels
value_is both.h5 train - 20 "the first"
value_is both.h5 val - 30 "and the second"
tail -c 1280 both.images >got
tail -c 1280 two.images >want
ok "sample by sample" cmp got want
sh "$PIPELINES/images.sh" 1 9 5 4 other
run sh "$PIPELINES/joined.sh" one.images other.images
status_is 1 "images of another size are refused"

# The arithmetic of the table, on histories that are made up.
{
    printf 'model\tepoch\tval_acc\n'
    printf 'o/r1/seed1.h5\t1\t.900\no/r1/seed1.h5\t2\t.880\n'
    printf 'o/r1/seed2.h5\t1\t.700\no/r1/seed2.h5\t2\t.920\n'
    printf 'o/r2/seed1.h5\t1\t.504\n'
} >made.history
{
    printf 't\ta\tx\tr1\tmax\t.91\t.01\nt\tb\tx\tr2\tmax\t.5\t-\n'
    printf 't\ta\ty\tr1\tlast\t.8\t.0\nt\tb\ty\tr1,r2\tmax\t-\t-\n'
    printf 't\tc\tx\tr3\tmax\t.1\t.1\n'
} >made.cells
run awk -f "$PIPELINES/interval.awk" -f "$STUDY/runs.awk" \
    -f "$STUDY/pivot.awk" -v cells=made.cells made.history
out_has '^a +\.9100 \+-\.0141 \.9000 \+-\.0283$' "best and last of two seeds"
out_has '^b +\.5040 \+-\.0000 \.7747 \+-\.2346$' "runs taken together"
out_has '^3 published: mean difference \+0\.0347, absolute 0\.0347; 2 within' \
    "differences from what was published"
out_lacks '^c ' "no row without a run"

run make -C "$STUDY" "O=$PWD/none" MNIST_DIR=/nowhere
status_is 0 "no data is no error"
err_is 'No MNIST in /nowhere: skipped; set MNIST_DIR' "but it is said"
finish
