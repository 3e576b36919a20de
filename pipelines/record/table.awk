# Table of the cases: published.tsv first, then the output of pare stats and
# pare eval on models CASE/SEED/final.h5, where CASE is NET/PERCENT.  Needs
# interval.awk; the file `notes` is printed below.

BEGIN { FS = "\t" }

FNR == 1 {
    kind = $1 == "case" ? "published" : $3 == "n" ? "eval" : "stats"
    next
}
# Others are not to be compared with those.
kind == "published" { if (data == "mnist") published[$1] = $2; next }

# "out/mnist/lenet-5/99/seed1/final.h5": case "lenet-5/99".
{
    n = split($1, part, "/")
    this = part[n - 3] "/" part[n - 2]
}
kind == "stats" && $2 != "total" {
    n = split($3, size, "x")
    for (product = n > 1; n > 0; n--)
        product *= size[n]
    weights[$1] += product
    removed[$1] += product ? $4 - $5 : 0
    bytes[this] += $10
    next
}
kind == "stats" {
    count = weights[$1] - removed[$1] "/" weights[$1]
    if (this in kept && kept[this] != count)
        count = "varies"
    kept[this] = count
    next
}
{
    if (!(this in runs))
        name[++cases] = this
    accuracy[this, ++runs[this]] = 100 * $5
}

# Points over the published accuracy, and half the 95 % interval.
function over(c,    h)
{
    if (!(c in published))
        return "-"
    h = runs[c] > 1 ? sprintf("%.2f", half_interval(x, runs[c])) : "?"
    return sprintf("%+.2f +- %s", mean(x, runs[c]) - published[c], h)
}

END {
    printf "Sparse LeNets: %s, %d seed%s\n\n", data, runs[name[1]],
        runs[name[1]] == 1 ? "" : "s"
    printf "%-17s %14s %8s %13s %6s %15s   %s\n", "network/percent",
        "weights kept", "bytes", "accuracy %", "publ.", "over", "each seed"
    for (k = 1; k <= cases; k++) {
        c = name[k]
        all = ""
        for (i = 1; i <= runs[c]; i++) {
            x[i] = accuracy[c, i]
            all = all sprintf(" %.2f", x[i])
        }
        printf "%-17s %14s %8.0f %13s %6s %15s  %s\n", c, kept[c],
            bytes[c] / runs[c], sprintf("%.2f (%.2f)", mean(x, runs[c]),
            deviation(x, runs[c])), c in published ? published[c] : "-",
            over(c), all
    }
    while ((getline line <notes) > 0)
        print line
}
