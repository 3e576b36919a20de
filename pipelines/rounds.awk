# Table of the rounds of one data set: stats.tsv first, then what watch.sh
# saw of each model.  `published` is the paper's P_m by round.  Needs
# interval.awk; the file `notes` is printed below.

BEGIN {
    FS = "\t"
    n_paper = split(published, paper, " ")
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

# Weights are the tensors of more than one dimension; no other is pruned.
FNR == 1 { stats = $1 == "model"; if (!stats) begin_curve(); next }
stats && $2 != "total" {
    n = split($3, size, "x")
    for (product = n > 1; n > 0; n--)
        product *= size[n]
    all[$1] += product
    left[$1] += product ? product - ($4 - $5) : 0
    next
}
stats {
    place($1)
    weights = all[$1]
    kept[round] = left[$1]
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

# How a network of the last round compares with the dense one.
function compare(what, arm,    which, dense, n, steps, there, when)
{
    which = arm SUBSEP rounds - 1
    dense = "trained" SUBSEP 0
    n = gather(stop, which, x)
    steps = mean(x, n)
    n = gather(at_stop, which, x)
    there = mean(x, n)
    n = gather(stop, dense, x)
    steps /= mean(x, n)
    n = gather(at_stop, dense, x)
    when = sprintf("%.0f %% earlier", 100 * (1 - steps))
    if (steps > 1)
        when = sprintf("%.0f %% later", 100 * (steps - 1))
    printf "%s stops %s than the dense network, %+.2f points from it\n",
        what, when, there - mean(x, n)
}

END {
    printf "\nLottery tickets: %s, %s, %d steps a round, %d seed%s\n\n",
        data, net, steps, n_seeds, n_seeds == 1 ? "" : "s"
    printf "%5s %7s %6s %6s | %-52s | %s\n", "", "", "", "",
        "ticket", "new initial weights under its mask"
    printf "%5s %7s %6s %6s | %6s %22s %22s | %6s %22s %22s\n", "round",
        "kept", "P_m", "paper", "stop", "test % there", "test % at the end",
        "stop", "test % there", "test % at the end"
    for (r = 0; r < rounds; r++) {
        printf "%5d %7d %6.2f %6s", r, kept[r], 100 * kept[r] / weights,
            r < n_paper ? paper[r + 1] : "-"
        columns("trained" SUBSEP r)
        columns("control" SUBSEP r)
        print ""
    }
    if (rounds > 1) {
        printf "\nAt P_m %.2f: ", 100 * kept[rounds - 1] / weights
        compare("the ticket", "trained")
        printf "%14s", ""
        compare("its control", "control")
    }
    while ((getline line <notes) > 0)
        print line
}
