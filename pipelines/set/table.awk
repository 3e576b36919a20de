# Accuracy and loss by epoch, and where connections lie, of the runs of one
# study, beside the published ones: of published.tsv, `pare log --history` and
# `pare stats --trend`.  Models are DIR/ARM/seedN/eEPOCH[-core].h5.  Needs
# interval.awk; `show` lists epochs, `beyond` those that have published values
# even if no run came so far.

BEGIN { FS = "\t" }
/^#/ { next }
$1 == "model" {
    is_history = $2 == "epoch"
    sides = 0
    for (i = 1; i <= NF; i++) {
        column[$i] = i
        if ($i ~ /^[0-9]+$/)
            sides++
        if ($i ~ /^side[0-9]+_all$/)
            half = i
    }
    next
}
$1 !~ /\// {
    if ($1 != study)
        next
    if ($2 != "trend")
        published[$2, $3, $4] = $5
    else
        for (i = 5; i <= NF; i++)
            published["trend", $4, i - 4] = $i
    next
}
{
    n = split($1, part, "/")
    arm = part[n - 2]
    epoch = kind = part[n]
    gsub(/^e|-.*|\.h5$/, "", epoch)
    kind = kind ~ /-core/ ? "stay" : "all"
}
is_history {
    if ($1 != model) {
        if (!(arm in seeds))
            arms[++n_arms] = arm
        at = ++seeds[arm]
        model = $1
    }
    keep("loss", $(column["val_loss"]), -1)
    if ($(column["val_acc"]) != "nan")
        keep("accuracy", 100 * $(column["val_acc"]), 1)
    if ($2 > last)
        last = $2
    next
}
{
    if (!((kind, epoch) in looks) && kind == "all")
        epochs[++n_epochs] = epoch
    at = ++looks[kind, epoch]
    for (i = 1; i <= sides; i++)
        y[kind, epoch, i, at] = $(i + 2)
    y[kind, epoch, sides + 1, at] = $half
    y[kind, epoch, sides + 2, at] = $(column["centre_border"])
}

# A value of an epoch, and the best of its run; sign 1: high is good.
function keep(what, value, sign,    best)
{
    has[what]
    x[what, arm, $2, at] = value
    best = x[what, arm, "best", at]
    if (best == "" || sign * value > sign * best)
        x[what, arm, "best", at] = value
}

function collect(what, a, e,    i)
{
    for (i = 1; i <= seeds[a]; i++) {
        if (!((what, a, e, i) in x))
            return 0
        d[i] = x[what, a, e, i]
    }
    return seeds[a]
}

function by_epoch(what, form,    i, k, a, deviations, others)
{
    printf "\n%-14s", what (what == "accuracy" ? " %" : "")
    for (i = 1; i <= n_shown; i++)
        printf " %7s", shown[i]
    print ""
    for (k = 1; k <= n_arms; k++) {
        a = arms[k]
        printf "%-14s", a
        deviations = others = ""
        for (i = 1; i <= n_shown; i++) {
            n = collect(what, a, shown[i])
            printf " %7s", n ? sprintf(form, mean(d, n)) : "-"
            deviations = deviations " " (n ? sprintf(form, deviation(d, n)) : \
                "      -")
            if ((what, a, shown[i]) in published)
                others = others sprintf(" " form, published[what, a, shown[i]])
            else
                others = others "       -"
        }
        print ""
        if (seeds[a] > 1)
            print "  deviation   " deviations
        if (others ~ /[0-9]/)
            print "  published   " others
    }
}

# Before the first rewiring two arms are one.
function first_epoch(    i, same, n)
{
    n = seeds["set"] < seeds["fixed"] ? seeds["set"] : seeds["fixed"]
    for (i = 1; i <= n; i++)
        same += x["loss", "set", 1, i] == x["loss", "fixed", 1, i]
    if (n)
        printf "\nset and fixed are equal after epoch 1 in %d of %d seeds\n",
            same, n
}

function trend(kind, e,    i, k, n)
{
    n = looks[kind, e]
    if (!n)
        return
    printf "%-5s %4d", kind, e
    for (i = 1; i <= sides + 2; i++) {
        for (k = 1; k <= n; k++)
            d[k] = y[kind, e, i, k]
        if (i <= sides)
            printf " %4.1f", mean(d, n)
        else
            printf " %6.3f %7s", mean(d, n), (n < 2 ? "" : \
                sprintf("(%5.3f)", deviation(d, n)))
    }
    print ""
    if (kind == "all" || !(("trend", e, 1) in published))
        return
    printf "%-10s", "  publ."
    for (i = 1; i <= sides + 2; i++)
        printf (i > sides ? " %6.3f        " : " %4.1f"),
            published["trend", e, i]
    print ""
}

END {
    m = split(show, part, " ")
    for (i = 1; i <= m && part[i] < last; i++)
        shown[++n_shown] = part[i]
    shown[++n_shown] = last
    m = split(beyond, part, " ")
    for (i = 1; i <= m; i++)
        if (part[i] > last)
            shown[++n_shown] = part[i]
    shown[++n_shown] = "best"
    for (k = 1; k <= n_arms; k++)
        most = seeds[arms[k]] > most ? seeds[arms[k]] : most
    printf "%s, %d seed%s\n", title, most, most == 1 ? "" : "s"
    if ("accuracy" in has)
        by_epoch("accuracy", "%7.2f")
    if (n_arms)
        by_epoch("loss", "%7.5f")
    first_epoch()
    if (n_epochs) {
        printf "\n%-10s", "set: side"
        for (i = 1; i <= sides; i++)
            printf " %4d", 2 * i
        printf " %6s %7s %6s\n", (half ? sides "/all" : ""), "", "c/b"
    }
    for (k = 1; k <= n_epochs; k++) {
        trend("all", epochs[k])
        trend("stay", epochs[k])
    }
    print ""
}
