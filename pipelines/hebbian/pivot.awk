# Tables of the accuracies of runs, the published ones below each: of the file
# `cells`, whose lines are table, row, column, runs (with commas between
# them), measure, published mean and deviation.  After runs.awk.

function read_cells(    line, f, t)
{
    while ((getline line <cells) > 0) {
        if (line ~ /^#/ || split(line, f, "\t") != 7)
            continue
        t = f[1]
        if (!(t in rows))
            table[++tables] = t
        if (!((t, "row", f[2]) in known)) {
            known[t, "row", f[2]]
            row[t, ++rows[t]] = f[2]
        }
        if (!((t, "column", f[3]) in known)) {
            known[t, "column", f[3]]
            col[t, ++cols[t]] = f[3]
        }
        list[t, f[2], f[3]] = f[4]
        measure[t, f[2], f[3]] = f[5]
        published[t, f[2], f[3]] = f[6]
        published_deviation[t, f[2], f[3]] = f[7]
    }
}

function ours(key,    n)
{
    n = collect(measure[key], list[key], x)
    if (n == 0)
        return "-"
    if (n > most)
        most = n
    return short(mean(x, n), 4) " +-" short(deviation(x, n), 4)
}

function theirs(key)
{
    if (published[key] == "-")
        return ""
    if (published_deviation[key] == "-")
        return published[key] "      "
    return published[key] "  +-" published_deviation[key] " "
}

# Does a row or a column have a run that is there?
function any(t, r, c,    i, k, key)
{
    for (i = 1; i <= rows[t]; i++)
        for (k = 1; k <= cols[t]; k++) {
            key = t SUBSEP row[t, i] SUBSEP col[t, k]
            if ((r == "" || r == row[t, i]) &&
                (c == "" || c == col[t, k]) && key in list &&
                collect(measure[key], list[key], x))
                return 1
        }
    return 0
}

function compare(t, key,    n, d)
{
    n = collect(measure[key], list[key], x)
    if (n == 0 || published[key] == "-")
        return
    d = mean(x, n) - published[key]
    cells_n[t]++
    difference[t] += d
    absolute[t] += d < 0 ? -d : d
    within[t] += (d < 0 ? -d : d) < limit(t, key) + 1e-9
}

function limit(t, key)
{
    limits[t] = measure[key] == "last" ? .006 : .004
    return limits[t]
}

function print_table(t,    i, k, key, below)
{
    if (!any(t, "", ""))
        return
    printf "%-16s", t
    if (length(t) > 15)
        printf "\n%-16s", ""
    for (k = 1; k <= cols[t]; k++)
        if (any(t, "", col[t, k]))
            printf " %13s", col[t, k]
    print ""
    for (i = 1; i <= rows[t]; i++) {
        if (!any(t, row[t, i], ""))
            continue
        printf "%-16s", row[t, i]
        below = ""
        for (k = 1; k <= cols[t]; k++) {
            if (!any(t, "", col[t, k]))
                continue
            key = t SUBSEP row[t, i] SUBSEP col[t, k]
            printf " %13s", key in list ? ours(key) : ""
            below = below sprintf(" %13s", key in list ? theirs(key) : "")
            if (key in list)
                compare(t, key)
        }
        print ""
        sub(/ +$/, "", below)
        if (below != "")
            printf "%16s%s\n", "", below
    }
    if (cells_n[t])
        printf "%d published: mean difference %+.4f, absolute %.4f;" \
            " %d within .00%d\n", cells_n[t], difference[t] / cells_n[t],
            absolute[t] / cells_n[t], within[t], 1000 * limits[t]
    print ""
}

BEGIN { read_cells() }
END {
    for (i_table = 1; i_table <= tables; i_table++)
        print_table(table[i_table])
    printf "accuracy of validation, mean +-deviation of up to %d run%s of" \
        " %d epochs; published below\n", most, most == 1 ? "" : "s", epochs
}
