# Small networks pruned while they train, on made-up images, and the shell
# loop that prunes them.
HERE=$(cd "${0%/*}" && pwd)
. "$HERE/lib.sh"

quick record a
status_is 0 "the quick run works"
cp "$OUT" table
out_has '^Sparse LeNets: images, 2 seeds$' "the title"
awk -F ' +' '$1 ~ /\/9/ { print $1, $2 }' table >got
printf '%s\n' 'lenet-300-100/95 832/16640' 'lenet-300-100/99 166/16640' \
    'lenet-5/99 95/9544' >want
same got want "95 and 99 percent are gone, exactly"
awk -F '\t' '$1 ~ /100\/99/ { x[++n] = 100 * $5 }
    END { m = (x[1] + x[2]) / 2; d = x[1] - m
          printf "%.2f (%.2f) %.2f %.2f\n", m, sqrt(2 * d * d), x[1], x[2]
    }' a/quick/images/eval.tsv >want
awk '$1 == "lenet-300-100/99" { print $4, $5, $8, $9 }' table >got
same got want "accuracy is that of the seeds"

quick record b -j2
same "$OUT" table "side by side: the same table"

run=a/quick/images/lenet-300-100/99/seed1
data=a/quick/images/data.h5
ok "all models are in order" pare check -q $run/*.h5
# The same by hand: 99 percent in five steps along the cubic.
cp $run/dense.h5 m.h5
for s in .48312 .77616 .92664 .98208 .99; do
    pare prune -s $s m.h5 |
        pare finetune -q -j 1 -d $data -e 1 -o m.h5 || exit 1
done
run pare diff -q --state m.h5 $run/sparse.h5
status_is 0 "most goes early"
pare finetune -q -j 1 -d $data -o whole.h5 m.h5
run pare diff -q --state whole.h5 $run/final.h5
status_is 0 "then the schedule is run to its end"
pare log --history whole.h5 | awk -F '\t' 'NR > 1 { print $2 }' |
    tail -n 1 >got
echo 12 >want
same got want "which is that of all epochs"

# A run that was stopped goes on: `finetune` is counted.
mkdir bin
cat >bin/pare <<END
#!/bin/sh
[ "\$1" != finetune ] || echo >>'$PWD/count'
exec '$(command -v pare)' "\$@"
END
chmod +x bin/pare
gradual() {
    PATH=$PWD/bin:$PATH sh "$PIPELINES/gradual.sh" $data $run/dense.h5 .99 5 \
        on.h5 "$@"
}
cp $run/dense.h5 part.h5
for s in .48312 .77616 .92664; do
    pare prune -s $s part.h5 | pare finetune -q -j 1 -d $data -e 1 -o part.h5
done
mv part.h5 on.h5.3
gradual
run pare diff -q --state on.h5 $run/sparse.h5
status_is 0 "a run that was stopped ends in the same model"
ok "and has run what was missing only" test "$(wc -l <count)" -eq 2
set -- on.h5.*
ok "with nothing left lying about" test ! -e "$1"
gradual --skip fc3
run_sh "pare stats on.h5 | awk -F '\t' '\$2 == \"fc3\" { print \$7 }'"
out_is 0 "options are those of pare prune"

run make -C "$PIPELINES/record" "O=$PWD/none" MNIST_DIR=/nowhere \
    FASHION_DIR=/nowhere
status_is 0 "no data is no error"
err_is 'No MNIST in /nowhere: skipped; set MNIST_DIR' "but it is said"
finish
