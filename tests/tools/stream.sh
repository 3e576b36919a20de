# Models that are worked on tensor by tensor give what those in memory give.
. "${0%/*}/lib.sh"
. "$HERE/arrays.sh"
. "$HERE/foreign.sh"

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

for m in a.h5 q.h5 net.h5; do
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

# prune ARGUMENT...: the pruned file is the same, byte by byte.
prune() {
    run pare-prune -v "$@" -o whole.h5
    cp "$ERR" "$SCRATCH/io/err.0"
    prune_status=$status
    run env PARE_MODEL_MEMORY=1 pare-prune -v "$@" -o parts.h5
    status_is "$prune_status" "prune $*"
    ok "prune $*: the messages" cmp "$ERR" "$SCRATCH/io/err.0"
    ok "prune $*: the bytes" cmp whole.h5 parts.h5
}

for m in a.h5 p.h5; do
    prune -s .7 $m
    prune -s .7 -m magnitude,largest $m
    prune -f .5 -m random $m
    prune -c 3 -A layer -j 3 $m
    prune -n 17 -j 1 $m
done
prune -f .5 -m random -S 7 net.h5
prune -s .5 --bias a.h5
prune -s .9 --only 'a' --skip c a.h5
prune -s .9 --min 'c=.95' --max 'b=.2' a.h5
prune -s .9 --layer b=.1 a.h5
prune -s .9 -A erk a.h5
prune -s .3 p.h5
prune -s 1 a.h5
prune -n 100000 a.h5
# Methods that need the whole model get it.
prune -s .5 -m lamp a.h5
prune --grain 2:4 --partial net.h5
prune -s .5 --keep-undo net.h5
run_sh 'PARE_MODEL_MEMORY=1 pare-prune -s .7 <a.h5 | cat >piped.h5'
pare-prune -s .7 -o whole.h5 a.h5
ok "through pipes: the bytes" cmp whole.h5 piped.h5
run env PARE_MODEL_MEMORY=1 pare-prune -s .7 a.h5 -o a2.h5 --report table
pare-prune -s .7 -o whole.h5 --report table2 a.h5
ok "the report is the same" cmp table table2
cp a.h5 over.h5
run env PARE_MODEL_MEMORY=1 pare-prune -s .7 over.h5 -o over.h5
ok "a file is pruned over itself" cmp whole.h5 over.h5

# Quantised, and what tools make of that.
quantize() {
    run pare-quantize -v "$@" -o whole.h5
    status_is 0 "quantize $*"
    cp "$ERR" "$SCRATCH/io/err.0"
    run env PARE_MODEL_MEMORY=1 pare-quantize -v "$@" -o parts.h5
    status_is 0 "quantize $* tensor by tensor"
    ok "quantize $*: the messages" cmp "$ERR" "$SCRATCH/io/err.0"
    ok "quantize $*: the bytes" cmp whole.h5 parts.h5
}
quantize --uniform 4 a.h5
quantize --uniform 3 --prune-zeros --bias p.h5
same "stats of levels" pare-stats whole.h5
same "check of levels" pare-check whole.h5
same "diff of levels" pare-diff a.h5 whole.h5
cp whole.h5 levels.h5
# Where there are no zeros none is pruned, and no mask made.
for m in a.h5 p.h5; do
    quantize --bf16 --prune-zeros $m
    same "check of $m without zeros" pare-check whole.h5
    cp whole.h5 no-zeros.h5
    quantize --bf16 $m
    ok "16 bits of $m without zeros" test "$(wc -c <no-zeros.h5)" -le \
        "$(($(wc -c <whole.h5) + 40))"
done
quantize --fp16 p.h5
cp whole.h5 half.h5
prune -s .8 half.h5
prune -s .8 levels.h5
quantize --bf16 a.h5
same "stats of 16 bits" pare-stats whole.h5
quantize --int8 net.h5
quantize --codebook 8 --layer a=4 q.h5
quantize --codebook auto --bytes 4000 a.h5
quantize --uniform auto --bytes 3500 --prune-zeros --layer a=3 p.h5
quantize --uniform auto --bytes 3700 --only b levels.h5

# Packed, where equal tensors are found by their digests.
{
    printf 'pare-text 1\narch weights a.weight(40x50) b.weight(40x50) c.weight(40x50) d.weight(50x40)\n'
    for t in 'a.weight 40 50' 'b.weight 40 50' 'c.weight 40 50' 'd.weight 50 40'; do
        printf 'tensor %s dense\n' "$t"
        case $t in b*) values 2000 2 ;; *) values 2000 1 ;; esac
    done
    printf 'end\n'
} | pare-load -o equal.h5
pack() {
    pack_model=$1
    shift
    run pare-pack -v "$@" -o whole.h5 "$pack_model"
    status_is 0 "pack $* $pack_model"
    cp "$ERR" "$SCRATCH/io/err.0"
    run env PARE_MODEL_MEMORY=1 pare-pack -v "$@" -o parts.h5 "$pack_model"
    ok "pack $* $pack_model: the messages" cmp "$ERR" "$SCRATCH/io/err.0"
    ok "pack $* $pack_model: the bytes" cmp whole.h5 parts.h5
    cp whole.h5 packed.h5
    run pare-unpack -o whole.h5 packed.h5
    run env PARE_MODEL_MEMORY=1 pare-unpack -o parts.h5 packed.h5
    ok "unpack $pack_model: the bytes" cmp whole.h5 parts.h5
}
for m in a.h5 q.h5 half.h5 levels.h5 net.h5; do
    pack $m
done
pack equal.h5 -9 -j 3
run env PARE_MODEL_MEMORY=1 pare-stats packed.h5
out_has '^packed.h5	c	' "a packed model has statistics"
same "stats of a packed model" pare-stats packed.h5
same "check of a packed model" pare-check packed.h5
same "diff of packed models" pare-diff packed.h5 equal.h5
prune -s .5 packed.h5

for m in a.h5 levels.h5 net.h5; do
    for format in safetensors npz anndata binsparse; do
        run pare-export $format -o whole.out $m
        run env PARE_MODEL_MEMORY=1 pare-export $format -o parts.out $m
        status_is 0 "export of $m to $format"
        ok "export of $m to $format: the bytes" cmp whole.out parts.out
    done
done
for how in --bf16 '--codebook 8' --int8; do
    # The words are options.
    # shellcheck disable=SC2086
    pare-quantize $how net.h5 -o dressed.h5 || fail "quantize $how"
    for format in safetensors npz; do
        pare-export $format -o whole.out dressed.h5
        run env PARE_MODEL_MEMORY=1 pare-export $format -o parts.out dressed.h5
        ok "export of $how to $format: the bytes" cmp whole.out parts.out
    done
    pare-export c -o source dressed.h5
    cp source.c whole.c
    run env PARE_MODEL_MEMORY=1 pare-export c -o source dressed.h5
    ok "export of $how to C: the bytes" cmp source.c whole.c
done

pare-quantize --bf16 -o half.h5 a.h5
for m in a.h5 half.h5; do
    pare-export safetensors -o in.safetensors $m
    for way in '' --transpose '--only a'; do
        run pare-import $way -o whole.h5 in.safetensors
        status_is 0 "import $way of $m"
        run env PARE_MODEL_MEMORY=1 pare-import $way -o parts.h5 in.safetensors
        ok "import $way of $m: the bytes" cmp whole.h5 parts.h5
    done
done

# Archives, whose members are stored or packed.
npy '<f4' '2, 3' "$one$half$three$minus_two$half$three" >w.npy
npz a w.npy b.weight w.npy >stored.npz
pare-export npz -o packed.npz q.h5
dict="ccollections\\nOrderedDict\\n)R($(text a)$(tensor "$(storage 0 6)" 0 \
    'K\002K\003' 'K\003K\001')$(text b)$(tensor "$(storage 1 6)" 0 \
    'K\003K\002' 'K\001K\003')u"
# The pickle is a format.
# shellcheck disable=SC2059
printf "\\200\\002$dict." >data.pkl
tail -c 24 w.npy >data0
suffix=
npz x/data.pkl data.pkl x/data/0 data0 x/data/1 data0 >state.pth
unset suffix
for file in stored.npz packed.npz state.pth w.npy; do
    for way in '' --transpose --zeros-pruned; do
        run pare-import $way -o whole.h5 $file
        status_is 0 "import $way of $file"
        run env PARE_MODEL_MEMORY=1 pare-import $way -o parts.h5 $file
        status_is 0 "import $way of $file tensor by tensor"
        ok "import $way of $file: the bytes" cmp whole.h5 parts.h5
    done
done

# First weights that do not come back.
pare-dump net.h5 | sed 's/^init-seed 1$/init-seed 2/' >net.txt
pare-load -o seed.h5 net.txt
same "check of another seed" pare-check seed.h5
status_is 1 "which is a finding"

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
