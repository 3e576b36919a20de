# Losses and trends of runs, beside the published ones, of published.tsv,
# `pare log --history` and `pare stats --trend`.  Models are
# DIR/RUN/seedN/eEPOCH[-core|-grown].h5.  Needs interval.awk.

BEGIN { FS = "\t" }
/^#/ { next }
$1 == "loss" || $1 == "trend" {
    for (i = 4; i <= NF; i++)
        published[$1, $2, $3, i - 3] = $i
    next
}
$1 == "model" {
    is_history = $2 == "epoch"
    for (i = 1; i <= NF; i++) {
        column[$i] = i
        if (!is_history && $i ~ /^[0-9]+$/)
            sides = i - 2
    }
    next
}
{
    n = split($1, part, "/")
    run = part[n - 2]
    epoch = name = part[n]
    gsub(/^e|-.*|\.h5$/, "", epoch)
    kind = name ~ /-grown/ ? "after" : "before"
    if (!(run in seen))
        order[++runs] = run
    seen[run]
}
is_history {
    # A run's first epochs are in the models of all later ones.
    if ($1 != model)
        at = ++seeds[run, epoch]
    model = $1
    split("train_loss train_acc val_loss val_acc", field, " ")
    for (i = 1; i <= 4; i++)
        x[run, epoch, i, at] = $(column[field[i]]) * (i % 2 ? 1 : 100)
    add_epoch(run, epoch)
    next
}
{
    at = ++looks[kind, run, epoch]
    for (i = 1; i <= sides; i++)
        y[kind, run, epoch, i, at] = $(i + 2)
    y[kind, run, epoch, "ratio", at] = $(column["side14_all"])
    y[kind, run, epoch, "centre", at] = $(column["centre_border"])
    add_epoch(run, epoch)
}

function add_epoch(r, e)
{
    if ((r, e) in told)
        return
    told[r, e]
    epochs[r, ++n_epochs[r]] = e
}

# The mean of d[1 .. count], and the deviation if there is one.
function spread(places,    form)
{
    form = "%." places "f"
    if (count == 1)
        return sprintf(form "%" 5 + places "s", d[1], "")
    return sprintf(form " (" form ")", mean(d, count), deviation(d, count))
}

function losses(r, e,    i, k)
{
    count = seeds[r, e]
    if (!count)
        return
    printf "%-14s %5d", label(r), e
    for (i = 1; i <= 4; i++) {
        for (k = 1; k <= count; k++)
            d[k] = x[r, e, i, k]
        printf " %15s", spread(i % 2 ? 4 : 2)
    }
    print ""
    if (("loss", r, e, 1) in published) {
        printf "%-14s %5s", "  published", ""
        for (i = 1; i <= 4; i++)
            printf i % 2 ? " %6.4f         " : "  %5.2f        ",
                published["loss", r, e, i]
        print ""
    }
}

function label(r,    text)
{
    text = r
    sub(/_/, " ", text)
    return text
}

function trend(kind, r, e,    i, k, what)
{
    count = looks[kind, r, e]
    if (!count)
        return
    printf "%-14s %5d %-6s", label(r), e, kind
    for (i = 1; i <= sides; i++) {
        for (k = 1; k <= count; k++)
            d[k] = y[kind, r, e, i, k]
        printf " %4.1f", mean(d, count)
    }
    split("ratio centre", what, " ")
    for (i = 1; i <= 2; i++) {
        for (k = 1; k <= count; k++)
            d[k] = y[kind, r, e, what[i], k]
        printf " %13s", spread(3)
    }
    print ""
    if (kind == "before" && ("trend", r, e, 1) in published) {
        printf "%-14s %5s %-6s", "  published", "", ""
        for (i = 1; i <= 14; i++)
            printf " %4.1f", published["trend", r, e, i]
        printf " %4.2f\n", published["trend", r, e, 15]
    }
}

END {
    print title
    printf "\n%-14s %5s %15s %15s %15s %15s\n", "run", "epoch",
        "training loss", "accuracy %", "test loss", "accuracy %"
    for (j = 1; j <= runs; j++)
        for (m = 1; m <= n_epochs[order[j]]; m++)
            losses(order[j], epochs[order[j], m])
    printf "\n%-14s %5s %-6s", "connections of", "epoch", ""
    for (i = 1; i <= sides; i++)
        printf " %4d", 2 * i
    printf " %13s %13s\n", "14/all", "c/b"
    for (j = 1; j <= runs; j++)
        for (m = 1; m <= n_epochs[order[j]]; m++) {
            trend("before", order[j], epochs[order[j], m])
            trend("after", order[j], epochs[order[j], m])
        }
}
