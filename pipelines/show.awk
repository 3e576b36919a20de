# A small table of models, of the output of pare eval and pare stats. Where
# that has totals only, the networks have linear layers only: their weights
# are as many as their multiply-adds.
# Where the files lie, names being of the directory `here`, is said below it.

BEGIN { FS = "\t" }
FNR == 1 { is_eval = $3 == "n"; next }
is_eval { name[++n] = $1; loss[n] = $4; accuracy[n] = $5; next }
$2 != "total" && $11 > 0 {
    n_sizes = split($3, size, "x")
    for (product = i = 1; i <= n_sizes; i++)
        product *= size[i]
    counted[$1] += product
}
$2 == "total" {
    removed[$1] = $4 - $5
    weights[$1] = $1 in counted ? counted[$1] : $11
    bytes[$1] = $10
}
END {
    printf "\n%-12s %8s %16s %11s %9s\n", "model", "bytes", "weights removed",
        "test loss", "accuracy"
    for (i = 1; i <= n; i++) {
        short = directory = name[i]
        sub(/.*\//, "", short)
        sub(/[^\/]*$/, "", directory)
        printf "%-12s %8d %16s %11.4f %9.4f\n", short, bytes[name[i]],
            removed[name[i]] " of " weights[name[i]], loss[i], accuracy[i]
    }
    print "in " (directory ~ /^\// ? "" : here "/") directory
}
