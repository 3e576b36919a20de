# Table of the arms of an experiment over seeds, of the output of pare stats,
# pare eval and train's --log, whose models are DIR/SEED/ARM.h5.  The file
# `arms` has a line for each: name, what it is, published accuracy; the first
# is the control.  Needs interval.awk; the file `notes` is printed below.

BEGIN {
    FS = "\t"
    while ((getline <arms) > 0) {
        arm[++n_arms] = $1
        what[n_arms] = $2
        published[n_arms] = $3
    }
}

# "out/fashion/seed1/lottery.h5": arm "lottery", seed "seed1".
function place(name,    part, n)
{
    n = split(name, part, "/")
    this_arm = part[n]
    sub(/\..*/, "", this_arm)
    seed = part[n - 1]
    if (!(seed in seen)) {
        seen[seed]
        seed_name[++n_seeds] = seed
    }
}

FNR == 1 {
    kind = $1 == "kind" ? "log" : $3 == "n" ? "eval" : "stats"
    if (kind == "log")
        place(FILENAME)
    next
}
kind == "log" {
    if ($1 == "step" && $3 == 1)
        first[seed, this_arm] = $5
    next
}
{ place($1) }
kind == "eval" {
    loss[seed, this_arm] = $4
    accuracy[seed, this_arm] = 100 * $5
    next
}

# Weights are the tensors of more than one dimension.
$2 == "total" {
    total = removed[this_arm, seed] "/" weights[this_arm, seed]
    if (this_arm in gone && gone[this_arm] != total)
        total = "varies"
    gone[this_arm] = total
}
$2 != "total" && (n = split($3, size, "x")) > 1 {
    for (product = 1; n > 0; n--)
        product *= size[n]
    weights[this_arm, seed] += product
    removed[this_arm, seed] += $4 - $5
}

function collect(value, a,    i)
{
    for (i = 1; i <= n_seeds; i++)
        d[i] = value[seed_name[i], a]
}

function with_deviation(number)
{
    return sprintf(number " (" number ")", mean(d, n_seeds),
        deviation(d, n_seeds))
}

# Points of an arm over the control of the same seed, and half the interval.
function over_control(a,    i, h)
{
    for (i = 1; i <= n_seeds; i++)
        d[i] = accuracy[seed_name[i], a] - accuracy[seed_name[i], arm[1]]
    h = n_seeds > 1 ? sprintf("%.2f", half_interval(d, n_seeds)) : "?"
    return sprintf("%+.2f +- %s", mean(d, n_seeds), h)
}

function first_loss(a,    i, key)
{
    for (i = 1; i <= n_seeds; i++) {
        key = seed_name[i] SUBSEP a
        if (!(key in first))
            return "-"
    }
    collect(first, a)
    return sprintf("%.3f", mean(d, n_seeds))
}

END {
    printf "%s, %d seed%s\n\n", title, n_seeds, n_seeds == 1 ? "" : "s"
    printf "%-25s %17s %13s %16s %15s %6s %6s\n", "arm", "removed",
        "accuracy %", "over control", "loss", "first", "publ."
    for (k = 1; k <= n_arms; k++) {
        collect(accuracy, arm[k])
        acc = with_deviation("%.2f")
        over = k > 1 ? over_control(arm[k]) : ""
        collect(loss, arm[k])
        printf "%-25s %17s %13s %16s %15s %6s %6s\n", what[k], gone[arm[k]],
            acc, over, with_deviation("%.4f"),
            first_loss(arm[k]), published[k]
    }
    while ((getline line <notes) > 0)
        print line
}
