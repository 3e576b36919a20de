# Table of the cases: published.tsv first, then the reports of pare quantize
# with the directory before each line, and the output of pare stats --total and
# pare eval on models NET/HOW/LEVELS/small.h5 and NET/HOW/sparse.h5.  The file
# `notes` is printed below.

BEGIN { FS = "\t" }

FNR == 1 {
    kind = $1 == "case" ? "published" : $3 == "n" ? "eval" \
        : $3 == "shape" ? "stats" : "codes"
    if (kind != "codes")
        next
}
kind == "published" { 
    if (data == "mnist") {
        error[$1] = $2
        size[$1] = $3
    }
    next
}

# "out/mnist/lenet-5/best/16/small.h5": case "lenet-5/best", 16 levels.
{
    n = split($1, part, "/")
    if (part[n] ~ /\.h5$/)
        n--
    coded = part[n] ~ /^[0-9]+$/
    if (coded)
        n--
    this = part[n - 1] "/" part[n]
    if (coded)
        this = this "/" part[n + 1]
}
kind == "codes" && $2 != "layer" {
    bits[this] += $5 * $9
    values[this] += $5
    if ($3 ~ /weight$/) {
        weights[this] += $5
        kept[this] += $6
    }
    next
}
kind == "stats" {
    params[this] = $4
    bytes[this] = $10
    name[++cases] = this
    next
}
kind == "eval" { wrong[this] = 100 * (1 - $5) }

END {
    printf "Deep compression: %s\n\n", data
    printf "%-20s %6s %15s %7s %7s %8s %13s %15s\n", "network", "levels",
        "weights kept", "bytes", "limit", "smaller", "error %", "paper"
    for (k = 1; k <= cases; k++) {
        c = name[k]
        n = split(c, part, "/")
        net = part[1]
        printf "%-20s %6d %15s %7d %7.0f %7.1fx %13s %15s\n",
            net "/" part[2], part[3], kept[c] "/" weights[c], bytes[c],
            bits[c] / 8 + 4 * (params[c] - values[c]),
            4 * params[c] / bytes[c],
            sprintf("%.2f, %.2f", wrong[net "/" part[2]], wrong[c]),
            net in error ? size[net] ", " error[net] : "-"
    }
    while ((getline line <notes) > 0)
        print line
}
