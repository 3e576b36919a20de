# Where a layer loses its last weight, of the tables of levels.sh, which are
# DIR/seedN/METHOD.tsv.

BEGIN { FS = "\t" }
FNR == 1 {
    n = split(FILENAME, part, "/")
    method = part[n]
    sub(/\.tsv$/, "", method)
    if (!(method in seeds))
        name[++methods] = method
    run = ++seeds[method]
    next
}
{
    if (!($1 in seen)) {
        seen[$1]
        power[++powers] = $1
    }
    if (!((method, run, $1) in least) || $4 < least[method, run, $1]) {
        least[method, run, $1] = $4
        layer[method, run, $1] = $2
    }
}

# The first power at which a layer is empty; the table is in their order.
function first(method, run,    k)
{
    for (k = 1; k <= powers; k++)
        if ((method, run, power[k]) in least &&
            least[method, run, power[k]] == 0)
            return k
    return 0
}

END {
    printf "Collapse: %s, %s, a layer is emptied between these powers of 10\n",
        data, arch
    printf "\n%-12s %s\n", "method", "for each seed: powers, layer"
    for (i = 1; i <= methods; i++) {
        printf "%-12s", name[i]
        for (run = 1; run <= seeds[name[i]]; run++) {
            k = first(name[i], run)
            if (k == 0)
                printf "  none to %s", power[powers]
            else
                printf "  %s-%s %s", (k > 1) ? power[k - 1] : 0, power[k],
                    layer[name[i], run, power[k]]
        }
        print ""
    }
}
