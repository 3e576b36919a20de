# Points of the curves, a line each, of the output of pare stats and pare
# eval.  Models are DIR/seedN/STRATEGY_C.h5 and, fine-tuned, _C-tuned.h5;
# those of the control, which is compressed once, have no _C.

BEGIN {
    FS = OFS = "\t"
    print "strategy", "asked", "seed", "params", "kept", "compression", \
        "speedup", "loss_before", "accuracy_before", "loss_after", \
        "accuracy_after", "empty"
}

FNR == 1 { is_eval = $3 == "n"; next }
{
    n = split($1, part, "/")
    point = part[n - 1] "/" part[n]
    tuned = sub(/-tuned\.h5$/, "", point)
    sub(/\.h5$/, "", point)
}

# A layer that has lost all of its weights lets nothing through.
!is_eval && !tuned && $2 != "total" {
    n = split($3, size, "x")
    if (n > 1 && $12 == 0)
        empty[point] = empty[point] (empty[point] == "" ? "" : ",") $2
}
!is_eval && tuned && $2 == "total" {
    params[point] = $4
    kept[point] = $5
    macs[point] = $11
    left[point] = $12
}
is_eval {
    result[point, tuned] = $4 OFS $5
    if (!tuned)
        name[++points] = point
}

END {
    for (i = 1; i <= points; i++) {
        p = name[i]
        split(p, part, "/")
        strategy = asked = part[2]
        if (sub(/.*_/, "", asked) == 0)
            asked = 1
        sub(/_.*/, "", strategy)
        print strategy, asked, substr(part[1], 5), params[p], kept[p],
            sprintf("%.4f", params[p] / kept[p]),
            left[p] ? sprintf("%.4f", macs[p] / left[p]) : "inf",
            result[p, 0], result[p, 1], empty[p] == "" ? "-" : empty[p]
    }
}
