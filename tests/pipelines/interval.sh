# The arithmetic of the tables.
HERE=$(cd "${0%/*}" && pwd)
. "$HERE/lib.sh"

cat >probe.awk <<'EOF'
BEGIN {
    n = split("1 2 3 4 5 9 10 19 99", df, " ")
    for (i = 1; i <= n; i++)
        printf "%d %.4f\n", df[i], t95(df[i])
    n = split("4.1 3.9 4.4 4 4.6", x, " ")
    printf "%.4f %.6f %.6f\n", mean(x, n), deviation(x, n),
        half_interval(x, n)
    printf "%g %g\n", deviation(x, 1), half_interval(x, 1)
}
EOF
run awk -f "$PIPELINES/interval.awk" -f probe.awk
# Quantiles as in printed tables.
out_is '1 12.7062
2 4.3027
3 3.1824
4 2.7764
5 2.5706
9 2.2622
10 2.2281
19 2.0930
99 1.9842
4.2000 0.291548 0.362004
0 0' "quantiles of t, means, deviations and intervals"

# Generated images are the same with every awk.
run_sh "awk -f '$PIPELINES/generate.awk' | cksum"
out_is '3818896526 4710216' "generated images are these"
run_sh "sh '$PIPELINES/images.sh' 3 16 20 10 made &&
    cat made.images made.labels | cksum"
out_is '1704916204 15408' "and so are square ones"
run_sh "pare data idx -o made.h5 made.images made.labels &&
    pare data info made.h5 | awk '\$2 == \"shape\" || \$3 == \"9\" { print \$4 }'"
out_is '3x16x16
2' "which are of this shape and these classes"
# Means of the seeds, and of the differences from the control.
mkdir seed1 seed2
for s in 1 2; do
    printf 'model\tsplit\tn\tloss\taccuracy\nseed%s/a.h5\tt\t9\t.%s\t.%s\n' \
        $s $s $s >seed$s/eval.tsv
    printf 'seed%s/b.h5\tt\t9\t.5\t.%s\n' $s $((3 * s)) >>seed$s/eval.tsv
    printf 'model\tlayer\tshape\tparams\tkept\nseed%s/b.h5\tc\t2x3x2\t14\t9\n' \
        $s >seed$s/stats.tsv
    printf 'seed%s/b.h5\tn\t7\t14\t14\nseed%s/b.h5\ttotal\t-\t28\t23\n' $s $s \
        >>seed$s/stats.tsv
done
printf 'a\tcontrol\t10\nb\tother\t-\n' >arms.tsv
run awk -f "$PIPELINES/interval.awk" -f "$PIPELINES/arms.awk" -v arms=arms.tsv \
    -v notes=/dev/null -v title=T seed1/stats.tsv seed1/eval.tsv \
    seed2/stats.tsv seed2/eval.tsv
out_has '^T, 2 seeds$' "seeds are counted"
out_has '^control +15\.00 \(7\.07\) +0\.1500 \(0\.0707\) +- +10$' "the control"
out_has '^other +5/12 +45\.00 \(21\.21\) \+30\.00 \+- 127\.06 ' \
    "an arm, its weights without what has one dimension"

# Each experiment is told of, by its row and its section and in the manual.
for file in "$PIPELINES"/*/Makefile; do
    name=$(basename "$(dirname "$file")")
    ok "$name has a row" grep -q "^| .$name. |" "$PIPELINES/README.md"
    ok "$name has a section" grep -qx "## $name" "$PIPELINES/README.md"
    ok "$name is in the manual" grep -Eq "^\.It Pa (.* )?$name( |\$)" \
        "$SRC/man/pare-pipelines.7"
done
finish
