# What the study found in its grid, asked of the runs that are there.  After
# runs.awk, beside pivot.awk.

function cell(what, tau, zeta,    n)
{
    n = collect(what, "lowest_" tau "_" zeta "_random", x)
    return n ? mean(x, n) : -1
}

# Mean over zeta of those of a row that are there, without zeta 0.
function row_mean(what, tau,    i, m, n, sum)
{
    for (i = 2; i <= n_share; i++) {
        m = cell(what, tau, share[i])
        if (m >= 0) {
            sum += m
            n++
        }
    }
    return n ? sum / n : -1
}

function falls(what,    i, m, last, text, up, value)
{
    last = 2
    for (i = 1; i <= n_share; i++) {
        m = cell(what, share[i], "0")
        if (m < 0)
            continue
        up = up || m >= last
        last = m
        text = text " " short(m, 4)
    }
    if (split(text, value, " ") > 1)
        printf "zeta 0, tau rising, %s:%s: %s\n", what, text,
            up ? "does not fall at each step" : "falls at each step"
}

function equal_rows(what,    a, b)
{
    a = row_mean(what, "0")
    b = row_mean(what, "1")
    if (a >= 0 && b >= 0)
        printf "zeta above 0, %s: %s for tau 0, %s for tau 1 (%+.4f)\n",
            what, short(a, 4), short(b, 4), b - a
}

# Where all weights go a connection stays if coactivation keeps it.
function last_column(what,    i, a, b, n, same)
{
    if ((a = cell(what, "0", "1")) >= 0)
        printf "zeta 1, tau 0, %s: %s; published of other runs .965\n", what,
            short(a, 4)
    for (i = 2; i <= n_share; i++) {
        a = cell(what, share[i], "0")
        b = cell(what, share[i], "1")
        if (a < 0 || b < 0)
            continue
        n++
        same += a == b
    }
    if (n)
        printf "zeta 1, tau above 0, %s: as zeta 0 in %d of %d rows\n", what,
            same, n
}

END {
    print ""
    n_share = split("0 .2 .4 .6 .8 1", share, " ")
    falls("max")
    falls("last")
    equal_rows("max")
    equal_rows("last")
    last_column("max")
}
