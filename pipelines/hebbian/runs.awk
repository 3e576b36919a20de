# Histories of runs, of `pare log --history DIR/RUN/SEED.h5 ...`, and tables
# of published numbers.  Used as a library, with interval.awk.
#
# result["max", RUN, i] and result["last", RUN, i], i = 1 .. runs[RUN], are
# the best validation accuracy of an epoch, after which epoch result["epoch",
# RUN, i], and that of the last one.

BEGIN { FS = "\t" }
$1 == "model" {
    for (i = 1; i <= NF; i++)
        column[$i] = i
    next
}
{
    n = split($1, part, "/")
    if ($1 != model) {
        model = $1
        run = part[n - 1]
        at = ++runs[run]
        result["max", run, at] = -1
    }
    accuracy = $(column["val_acc"])
    result["last", run, at] = accuracy
    if (accuracy > result["max", run, at]) {
        result["max", run, at] = accuracy
        result["epoch", run, at] = $(column["epoch"])
    }
    if ($(column["epoch"]) > epochs)
        epochs = $(column["epoch"])
}

# The results of runs, commas between them, as x[1 .. count]; 0 without all.
function collect(what, list, x,    name, n, i, k, count)
{
    n = split(list, name, ",")
    for (i = 1; i <= n; i++) {
        if (!(name[i] in runs))
            return 0
        for (k = 1; k <= runs[name[i]]; k++)
            x[++count] = result[what, name[i], k]
    }
    return count
}

# ".9806" of .98061, as many places as asked.
function short(number, places,    text)
{
    text = sprintf("%." places "f", number)
    sub(/^0\./, ".", text)
    return text
}
