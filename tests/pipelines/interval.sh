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
finish
