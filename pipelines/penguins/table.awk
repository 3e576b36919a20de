# Table of the arms over seeds and splits, of the eval.tsv and stats.tsv of
# every pair.  Needs interval.awk; the file `notes` is printed below it.

BEGIN {
    FS = "\t"
    n_arms = split("unpruned pruned lottery thirds early", arm, " ")
    split("unpruned|pruned 30 % at the end|lottery ticket of 30 %|" \
          "dynamic, 1/3 and 2/3|dynamic, 333 and 666", what, "|")
    # The project's recipe on 20 seeds and one split; what its README says
    # of one seed; differences from the unpruned control, which for the
    # dynamic arms is one of .4020 and .912 that began from their weights.
    split(".3926 .4032 .3909 .4165 .4429", published_mean, " ")
    split(".4699 .4812 .4672 - .4289", readme, " ")
    split("- +.011 -.002 +.015 +.041", published_loss, " ")
    split("- -.016 +.010 -.007 +.002", published_accuracy, " ")
    split("15 15 16 12 13", published_solved, " ")
}

# Where a file name says which split, seed and arm it is of.
function place(name,    part, n)
{
    n = split(name, part, "/")
    sub(/\.h5$/, "", part[n])
    this_arm = part[n]
    pair = part[n - 2] SUBSEP part[n - 1]
    if (!(pair in seen)) {
        seen[pair]
        pair_split[++n_pairs] = part[n - 2]
        pair_name[n_pairs] = pair
        if (!(part[n - 2] in split_seen)) {
            split_seen[part[n - 2]]
            split_name[++n_splits] = part[n - 2]
        }
    }
}

FNR == 1 { is_eval = $3 == "n"; next }
{ place($1) }
is_eval {
    loss[pair, this_arm] = $4
    accuracy[pair, this_arm] = $5
    next
}
{
    gone = sprintf("%d/%d", $4 - $5, $11)
    if (this_arm in removed && removed[this_arm] != gone)
        gone = "varies"
    removed[this_arm] = gone
}

# Differences of an arm from the control: d[pair] and by_split[split].
function differ(value, a,    i, s, sum, n)
{
    for (i = 1; i <= n_pairs; i++) {
        d[i] = value[pair_name[i], a] - value[pair_name[i], "unpruned"]
        sum[pair_split[i]] += d[i]
        n[pair_split[i]]++
    }
    for (s = 1; s <= n_splits; s++)
        by_split[s] = sum[split_name[s]] / n[split_name[s]]
}

function collect(value, a,    i)
{
    for (i = 1; i <= n_pairs; i++)
        d[i] = value[pair_name[i], a]
}

function range(m, h)
{
    return sprintf("%+.4f to %+.4f", m - h, m + h)
}

# The last interval is that of the mean difference of another split.
function differences(value, published, title,    k, m, next_split, off)
{
    printf "\n%s\n%-22s %8s %18s %18s %18s %9s\n", title, "arm", "mean",
        "95 %, pairs", "95 %, splits", "one more split", "published"
    for (k = 2; k <= n_arms; k++) {
        differ(value, arm[k])
        m = mean(by_split, n_splits)
        next_split = half_interval(by_split, n_splits) * sqrt(n_splits + 1)
        off = published[k] - m
        printf "%-22s %+8.4f %18s %18s %18s %9s %s\n", what[k], m,
            range(m, half_interval(d, n_pairs)),
            range(m, half_interval(by_split, n_splits)),
            range(m, next_split), published[k],
            off <= next_split && -off <= next_split ? "within" : "outside"
    }
}

END {
    printf "Penguins: %s, %d epochs, %d splits, %d pairs\n\n", arch, epochs,
        n_splits, n_pairs
    printf "%-22s %7s %15s %15s %7s  %9s %6s %6s\n", "arm", "removed",
        "test CE (sd)", "accuracy (sd)", "solved", "published", "solved",
        "README"
    for (k = 1; k <= n_arms; k++) {
        collect(accuracy, arm[k])
        for (i = solved = 0; i < n_pairs;)
            solved += d[++i] >= .9
        acc = sprintf("%.4f (%.4f)", mean(d, n_pairs), deviation(d, n_pairs))
        collect(loss, arm[k])
        printf "%-22s %7s %15s %15s %7s  %9s %6s %6s\n", what[k],
            removed[arm[k]],
            sprintf("%.4f (%.4f)", mean(d, n_pairs), deviation(d, n_pairs)),
            acc, solved "/" n_pairs, published_mean[k],
            published_solved[k] "/20", readme[k]
    }
    differences(loss, published_loss, "Test CE minus that of the unpruned control of the same pair")
    differences(accuracy, published_accuracy, "Accuracy minus that of the unpruned control of the same pair")
    while ((getline line <notes) > 0)
        print line
}
