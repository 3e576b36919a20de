# Where connections go: a small sparse network and made-up images.
HERE=$(cd "${0%/*}" && pwd)
. "$HERE/lib.sh"

quick topology a
status_is 0 "the quick run works"
cp "$OUT" table
awk '/^run/, /^$/' table | awk 'NF { print $1, $2, $3 }' >got
cat >want <<'END'
run epoch training
set 0 1
set 0 2
set 0 4
set 1e-2 1
set 1e-2 2
set 1e-2 4
p.025 0 2
p.25 0 2
then.1 0 2
END
same got want "losses of each network where it is looked at"
awk '/^connections/, /^loss/' table | awk '/after|before/ { print $1, $2, $3, $4
    }' >got
cat >want <<'END'
set 0 1 before
set 0 1 after
set 0 2 before
set 0 2 after
set 0 4 before
set 0 4 after
set 1e-2 1 before
set 1e-2 1 after
set 1e-2 2 before
set 1e-2 2 after
set 1e-2 4 before
set 1e-2 4 after
p.025 0 2 before
p.25 0 2 before
then.1 0 2 before
END
sed -i '/^loss/d' got
same got want "and trends before and after each rewiring"
out_has '^set 0: the same in one process$' "the parts make the whole"

quick topology b -j2
same "$OUT" table "side by side: the same table"

runs=a/quick/generated
ok "all models are in order" pare check -q $runs/*/seed?/*.h5
run_sh "pare stats $runs/set_0/seed2/e4*.h5 | awk -F '\t' '
    \$2 ~ /fc[12]/ { split(\$3, d, \"x\"); print \$2, \$5 - d[1] }' | sort |
    uniq -c | tr -s ' '"
cat >want <<'END'
 2 fc1 5088
 2 fc2 576
END
grep -v ' 1 ' "$OUT" >got
same got want "as many grow as go, of epsilon (inputs + outputs)"
run_sh "pare stats --rewiring $runs/set_0/seed2/e4-grown.h5 | awk -F '\t' '
    \$3 == \"fc1\" && \$2 == 4 { print int((\$6 / \$5) * 100 + .5), \$6 - \$7 }'"
out_is '30 0' "three tenths of them"

# Numbers of the table by hand.
for s in 1 2; do
    pare log --history $runs/set_1e-2/seed$s/e4-core.h5 |
        awk -F '\t' 'NR == 5 { print $5, 100 * $8 }'
done | awk '{ x[NR] = $1; y[NR] = $2 }
    END { printf "%.4f %.2f\n", (x[1] + x[2]) / 2, (y[1] + y[2]) / 2 }' >want
awk '/^set 1e-2 +4/ { print $4, $10; exit }' table >got
same got want "losses and accuracies are means of the seeds"
pare eval -d $runs/data.h5 --split val $runs/set_0/seed1/e4-core.h5 |
    awk -F '\t' 'NR == 2 { print $4, $5 }' >want
pare log --history $runs/set_0/seed1/e4-core.h5 |
    awk -F '\t' 'END { print $7, $8 }' >got
same got want "what is tested has lost its weakest connections"
for s in 1 2; do
    pare stats --connections fc1 --shape 28x28 $runs/set_0/seed$s/e4.h5 |
        awk -F '\t' '$3 >= 7 && $3 < 21 { for (c = 11; c < 25; c++) n += $c
            } END { print n / 196 }'
done >sides
awk '{ n += $1 } END { printf "%.1f\n", n / 2 }' sides >want
awk '/^set 0 +4 before/ { print $11 }' table >got
same got want "trends are those of the squares"

run make -C "$PIPELINES/topology" "O=$PWD/none" MNIST_DIR=/nowhere
status_is 0 "no data is no error"
err_is 'No MNIST in /nowhere: skipped; set MNIST_DIR' "but it is said"
finish
