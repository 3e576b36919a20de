# Models that are worked on tensor by tensor give what those in memory give.
. "${0%/*}/lib.sh"

# Values of a small generator, so that no two tensors are alike.
values() {
    awk -v n="$1" -v s="$2" 'BEGIN {
        for (i = 0; i < n; i++) {
            s = (s * 1103 + 12345) % 65536
            printf " %s", (s - 32768) / 1024
        }
        print ""
    }'
}

model() {
    printf 'pare-text 1\narch weights a.weight(40x50) a.bias(40) b.weight(7x40) c.weight(3x4x5x2)\n'
    printf 'tensor a.weight 40 50 dense\n'
    values 2000 "$1"
    printf 'tensor a.bias 40 dense\n'
    values 40 "$2"
    printf 'tensor b.weight 7 40 dense\n'
    values 280 "$3"
    printf 'tensor c.weight 3 4 5 2 dense\n'
    values 120 "$4"
    printf 'end\n'
}
model 1 2 3 4 | pare-load -o a.h5
model 1 2 3 5 | pare-load -o b.h5
pare-prune -s .5 -o p.h5 a.h5
pare-prune -s .99 -o q.h5 p.h5
pare-init -a 30-20-10 -S 1 -o net.h5

# same NAME COMMAND...: the command gives the same output, messages and status
# with a model in memory and tensor by tensor.
same() {
    same_name=$1
    shift
    run "$@"
    cp "$OUT" "$SCRATCH/io/out.0"
    cp "$ERR" "$SCRATCH/io/err.0"
    same_status=$status
    run env PARE_MODEL_MEMORY=1 "$@"
    status_is "$same_status" "$same_name"
    ok "$same_name: the output" cmp "$OUT" "$SCRATCH/io/out.0"
    ok "$same_name: the messages" cmp "$ERR" "$SCRATCH/io/err.0"
}

for m in a.h5 p.h5 q.h5 net.h5; do
    same "stats of $m" pare-stats $m
    same "stats of $m in JSON" pare-stats --json $m
    same "check of $m" pare-check $m
    same "diff of $m and itself" pare-diff --all $m $m
    same "diff of the masks of $m" pare-diff --masks p.h5 $m
done
run pare-check a.h5
status_is 0 "which is sound"
for m in b.h5 p.h5 q.h5; do
    same "diff of a.h5 and $m" pare-diff a.h5 $m
    same "diff of $m and a.h5" pare-diff --all --state $m a.h5
done
run env PARE_MODEL_MEMORY=1 pare-diff a.h5 q.h5
status_is 1 "which differ"
same "stats of two models" pare-stats a.h5 q.h5
same "units" pare-stats --units net.h5

# Standard input is spooled.
cat a.h5 >pipe.h5
IN=pipe.h5
same "stats of standard input" pare-stats -
same "diff with standard input" pare-diff - p.h5
unset IN

# A damaged file is found by its digest.
size=$(wc -c <a.h5)
for at in $((size / 3)) $((size / 2)); do
    cp a.h5 bad.h5
    printf x | dd of=bad.h5 bs=1 seek="$at" conv=notrunc 2>"$SCRATCH/io/dd"
    same "damage at $at" pare-stats bad.h5
done
run env PARE_MODEL_MEMORY=1 pare-stats bad.h5
status_is 1 "which is an error"

for bad in x 0 '' -1 99999999999999999999; do
    run env PARE_MODEL_MEMORY="$bad" pare-stats a.h5
    status_is 1 "PARE_MODEL_MEMORY=$bad is an error"
    err_has "PARE_MODEL_MEMORY is '$bad'" "which is said"
done
finish
