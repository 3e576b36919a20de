# What each pruning does, of stages.tsv and history.tsv of every seed: the
# models are DIR/SEED/stageK.h5 and prunedK.h5, `at` the epochs over at each.
# The file `notes` is printed below.

BEGIN {
    FS = "\t"
    split(at, epoch, " ")
    split(".3826 .6157 .7583 .8461 .9006", published, " ")
}

# What a model is: "stage" or "pruned" and its number, or an arm.
function place(name)
{
    sub(/.*\//, "", name)
    sub(/\.h5$/, "", name)
    return name
}

$1 == "model" { kind = $3 == "n" ? "eval" : $2 == "layer" ? "stats" : "log"; next }
{ m = place($1) }
kind == "eval" { accuracy[m] += 100 * $5; seeds[m]++; next }
kind == "stats" && $2 != "total" {
    n = split($3, size, "x")
    for (product = n > 1; n > 0; n--)
        product *= size[n]
    weights[m] += product
    if (product)
        removed[m] += $4 - $5
}
# Of each file the last epoch stays.
kind == "log" { last[FILENAME, m] = $5; count[FILENAME, m] = m; next }

END {
    printf "\n%8s %6s %9s %9s %6s   %8s %8s %12s\n", "pruning", "epoch",
        "removed", "sparsity", "publ.", "before %", "after %", "at the end %"
    for (k = 1; k <= 5; k++) {
        before = "stage" k - 1
        after = "pruned" k
        end = "stage" k
        printf "%8d %6d %9d %9.4f %6s   %8.2f %8.2f %12.2f\n", k, epoch[k],
            removed[after] / seeds[after], removed[after] / weights[after],
            published[k], accuracy[before] / seeds[before],
            accuracy[after] / seeds[after], accuracy[end] / seeds[end]
    }
    for (key in count) {
        n_last[count[key]]++
        sum[count[key]] += last[key]
    }
    printf "\ntraining loss of the last epoch: dense %.4f, pruned %.4f\n",
        sum["dense"] / n_last["dense"], sum["stage5"] / n_last["stage5"]
    while ((getline line <notes) > 0)
        print line
}
