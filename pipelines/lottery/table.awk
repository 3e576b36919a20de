# Table of the rounds of one data set: stats.tsv first, then what watch.sh
# saw of each model.  Needs interval.awk; the file `notes` is printed below.

BEGIN {
    FS = "\t"
    n_paper = split("100 80.04 64.06 51.28 41.05 32.87 26.32 21.07 16.88 " \
                    "13.52 10.83 8.68 6.95 5.57 4.47 3.58 2.87 2.31 1.85 " \
                    "1.49 1.19 .96", paper, " ")
}

# "out/fashion/seed1/trained3.h5": arm "trained", round 3, seed "seed1".
function place(name,    part, n)
{
    n = split(name, part, "/")
    seed = part[n - 1]
    arm = round = part[n]
    sub(/[0-9].*/, "", arm)
    gsub(/[^0-9]|\.(h5|tsv)$/, "", round)
    round += 0
}

# Biases are parameters but no weights, and none is ever pruned.
FNR == 1 { stats = $1 == "model"; if (!stats) begin_curve(); next }
stats {
    place($1)
    kept[round] = $5 - ($4 - $11)
    weights = $11
    if (arm == "trained") {
        if (round + 1 > rounds)
            rounds = round + 1
        if (!(seed in seeds)) {
            seeds[seed]
            n_seeds++
        }
    }
    next
}

function begin_curve()
{
    place(FILENAME)
    which = arm SUBSEP round
    run = ++runs[which]
    least = ""
}

# The early stop is where the validation loss is least.
{
    if (least == "" || $2 < least) {
        least = $2 + 0
        stop[which, run] = $1
        at_stop[which, run] = 100 * $5
    }
    at_end[which, run] = 100 * $5
}

function gather(from, which, out,    i)
{
    for (i = 1; i <= runs[which]; i++)
        out[i] = from[which, i]
    return runs[which]
}

# Mean with the least and the greatest, as the paper's bars.
function spread(from, which,    x, n, i, low, high)
{
    n = gather(from, which, x)
    low = high = x[1]
    for (i = 2; i <= n; i++) {
        if (x[i] < low)
            low = x[i]
        if (x[i] > high)
            high = x[i]
    }
    return sprintf("%.2f (%.2f-%.2f)", mean(x, n), low, high)
}

function columns(which,    x, n)
{
    if (!(which in runs)) {
        printf " |"
        return
    }
    n = gather(stop, which, x)
    printf " | %6.0f %22s %22s", mean(x, n), spread(at_stop, which),
        spread(at_end, which)
}

END {
    printf "\nLottery tickets: %s, LeNet-300-100, %d steps a round, %d seed%s\n\n",
        data, steps, n_seeds, n_seeds == 1 ? "" : "s"
    printf "%5s %7s %6s %6s | %-52s | %s\n", "", "", "", "",
        "ticket: early stop, test %", "new init under its mask"
    printf "%5s %7s %6s %6s | %6s %22s %22s | %6s %22s %22s\n", "round",
        "kept", "P_m", "paper", "step", "then", "at the end", "step", "then",
        "at the end"
    for (r = 0; r < rounds; r++) {
        printf "%5d %7d %6.2f %6s", r, kept[r], 100 * kept[r] / weights,
            r < n_paper ? paper[r + 1] : "-"
        columns("trained" SUBSEP r)
        columns("control" SUBSEP r)
        print ""
    }
    while ((getline line <notes) > 0)
        print line
}
