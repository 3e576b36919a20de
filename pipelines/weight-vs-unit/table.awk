# Table of the two curves of one data set: published.tsv first, then the
# curves.tsv of every seed.  Needs interval.awk; the file `notes` is printed
# below.

BEGIN { FS = "\t" }

FNR == 1 { published = $1 == "data"; seeds += !published; next }
published {
    if ($1 == data) {
        low[$2, $3] = 100 * $4
        high[$2, $3] = 100 * $5
    }
    next
}
{
    if ($1 == "weight" && seeds == 1)
        k[++n_k] = $2
    accuracy[$1, $2, seeds] = 100 * $6
    loss[$1, $2, seeds] = $5
    gone[$1, $2] = 100 * (1 - $3 / $4)
}

function gather(value, grain, k,    i)
{
    for (i = 1; i <= seeds; i++)
        x[i] = value[grain, k, i]
}

# Mean and deviation, the published range, and how far outside of it.
function columns(grain, k,    m, range, off)
{
    gather(loss, grain, k)
    m = mean(x, seeds)
    gather(accuracy, grain, k)
    range = "-"
    off = ""
    if ((grain, k) in low) {
        range = sprintf("%.1f-%.1f", low[grain, k], high[grain, k])
        if (mean(x, seeds) < low[grain, k])
            off = sprintf("low %.1f", low[grain, k] - mean(x, seeds))
        if (mean(x, seeds) > high[grain, k])
            off = sprintf("high %.1f", mean(x, seeds) - high[grain, k])
    }
    return sprintf("%14s %6.3f %10s %-8s", sprintf("%.2f (%.2f)",
        mean(x, seeds), deviation(x, seeds)), m, range, off)
}

function average(grain, k)
{
    gather(accuracy, grain, k)
    return mean(x, seeds)
}

# Least and greatest mean accuracy of a curve at those k from a to b.
function extremes(grain, a, b,    i, m)
{
    least = 101
    for (i = 1; i <= n_k; i++) {
        m = average(grain, k[i])
        if (k[i] + 0 >= a && k[i] + 0 <= b && m < least)
            least = m
    }
}

END {
    printf "\nWeights against units: %s, %s, %d epochs, %d seeds\n\n", data,
        arch, epochs, seeds
    printf "%3s %6s | %14s %6s %10s %-8s | %14s %6s %10s\n", "k", "gone",
        "weight", "loss", "published", "", "unit", "loss", "published"
    for (i = 1; i <= n_k; i++) {
        line = sprintf("%3d %6.2f | %s | %s", k[i], gone["weight", k[i]],
            columns("weight", k[i]), columns("unit", k[i]))
        sub(/ +$/, "", line)
        print line
        if (k[i] >= 70 && k[i] <= 97) {
            compared++
            ahead += average("weight", k[i]) >= average("unit", k[i])
        }
    }
    extremes("weight", 0, 80)
    printf "\nweights, worst to k = 80: %.2f points below k = 0", \
        average("weight", k[1]) - least
    print (data == "mnist" ? " (band: 0.6)" : \
           data == "fashion" ? " (band: 3)" : "")
    extremes("unit", 0, 50)
    printf "units, worst to k = 50: %.2f points below k = 0", \
        average("unit", k[1]) - least
    print (data == "mnist" ? " (band: 1.5, but in two of six 4 and 10)" : "")
    printf "weights at least as good as units at %d of %d k from 70 to 97", \
        ahead, compared
    print " (published: all)"
    while ((getline line <notes) > 0)
        print line
}
