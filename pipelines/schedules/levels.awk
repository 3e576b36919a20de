# Sparsities of n + 1 prunings, a line each, from `from` to `to`: along a
# cubic (way=agp), so that most goes early, or the same fraction of what is
# left each time (way=exp).
#
# Source: Zhu and Gupta 2017, arXiv:1710.01878.

BEGIN {
    for (k = 0; k <= n; k++) {
        if (way == "agp")
            s = to + (from - to) * (1 - k / n) ^ 3
        else
            s = 1 - (1 - from) * ((1 - to) / (1 - from)) ^ (k / n)
        printf "%.9f\n", s
    }
}
