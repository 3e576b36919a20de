# Table of accuracy, a line a method and a column a power of ten, of the
# output of pare stats and pare eval.  Models are
# DIR/seedN/METHOD_POWER-trained.h5, controls METHOD-CONTROL, the dense
# network none_0.  Needs interval.awk; the file `notes` is printed below.

BEGIN { FS = "\t" }

FNR == 1 { is_eval = $3 == "n"; next }
{
    n = split($1, part, "/")
    method = power = part[n]
    sub(/_.*/, "", method)
    sub(/.*_/, "", power)
    sub(/-trained\.h5$/, "", power)
}
!is_eval && $2 != "total" && (n = split($3, size, "x")) > 1 {
    for (product = 1; n > 0; n--)
        product *= size[n]
    left = $5 - ($4 - product)
    if (left == 0)
        empty[method, power]
    weights[power, $1] += product
    kept[power, $1] += left
    remain[power] = kept[power, $1]
    all = weights[power, $1]
    next
}
!is_eval { next }
{
    if (!(method in seen)) {
        seen[method]
        name[++methods] = method
    }
    if (!(power in column)) {
        column[power]
        at[++powers] = power
    }
    run = ++runs[method, power]
    if (run > seeds)
        seeds = run
    accuracy[method, power, run] = 100 * $5
}

function cell(m, p,    i, n)
{
    if (p == 0)
        m = "none"
    if (!((m, p) in runs))
        return ""
    n = runs[m, p]
    for (i = 1; i <= n; i++)
        x[i] = accuracy[m, p, i]
    return sprintf("%.2f (%.2f)%s", mean(x, n), deviation(x, n),
        (m, p) in empty ? "*" : " ")
}

# Methods at a power, the most accurate first.
function order(p,    i, k, best, text, left, m)
{
    for (i = 1; i <= methods; i++)
        if ((name[i], p) in runs && name[i] !~ /-/) {
            for (k = 1; k <= runs[name[i], p]; k++)
                x[k] = accuracy[name[i], p, k]
            left[name[i]] = mean(x, runs[name[i], p])
        }
    for (;;) {
        best = ""
        for (i = 1; i <= methods; i++)
            if (name[i] in left && (best == "" || left[name[i]] > left[best]))
                best = name[i]
        if (best == "")
            return text
        text = text " " best
        delete left[best]
    }
}

END {
    printf "Pruned at initialisation: %s, %s, %d epochs, %d seed%s\n\n", data,
        arch, epochs, seeds, seeds == 1 ? "" : "s"
    printf "%-20s", "power of 10"
    for (k = 1; k <= powers; k++)
        printf " %14s", at[k]
    printf "\n%-20s", "weights kept"
    for (k = 1; k <= powers; k++)
        printf " %14s", remain[at[k]]
    printf "\n\n"
    for (i = 2; i <= methods; i++) {
        line = sprintf("%-20s", name[i])
        for (k = 1; k <= powers; k++)
            line = line sprintf(" %14s", (k > 1 || name[i] !~ /-/) ? \
                cell(name[i], at[k]) : "")
        sub(/ +$/, "", line)
        print line
    }
    print ""
    for (k = 2; k <= powers; k++)
        printf "order at 10^%s:%s\n", at[k], order(at[k])
    while ((getline line <notes) > 0)
        print line
}
