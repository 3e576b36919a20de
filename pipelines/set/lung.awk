# 203 tissues of the lung with `genes` expression levels each, as CSV: as many
# of each kind as in the data of Bhattacharjee et al. (2001), all else made up.
# Levels are logarithms: what is usual for a gene, programs of many genes that
# a tissue runs more or less of whatever its kind, what its kind changes in a
# tenth of the genes, times the part of it that is tumour, and noise.  How much
# it changes was chosen such that a sparse network that is not rewired gets
# about as far as the published one.  The same numbers with every awk.

function uniform()
{
    state = (state * 16807) % 2147483647
    return state / 2147483647
}

# Nearly normal, of mean 0 and deviation 1.
function normal()
{
    return 2 * (uniform() + uniform() + uniform() - 1.5)
}

function tissue(kind,    i, k, part, run, level)
{
    printf "%s", kind
    part = .1 + .9 * uniform()
    for (k = 0; k < programs; k++)
        run[k] = normal()
    for (i = 0; i < genes; i++) {
        level = usual[i] + part * change[kind, i] + spread[i] * normal()
        for (k = i % 4; k < programs; k += 4)
            level += load[k, i] * run[k]
        printf ",%.2f", level
    }
    print ""
}

BEGIN {
    state = 20261122
    programs = 12
    n = split("adenocarcinoma 139 carcinoid 20 normal 17 small-cell 6 " \
        "squamous 21", kinds, " ")
    printf "tissue"
    for (i = 0; i < genes; i++) {
        printf ",g%d", i
        usual[i] = 4 + 8 * uniform()
        spread[i] = .3 + .7 * uniform()
        for (k = i % 4; k < programs; k += 4)
            load[k, i] = .5 * normal()
        for (k = 1; k < n; k += 2)
            change[kinds[k], i] = kinds[k] != "normal" && uniform() < .1 ? \
                4 * normal() : 0
    }
    print ""
    for (k = 1; k < n; k += 2)
        for (i = 0; i < kinds[k + 1]; i++)
            tissue(kinds[k])
}
