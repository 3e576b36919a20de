#!/bin/sh
# pare-pack --tier F: weights by our filter, and its plug-in for others.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

plugin=${PARE_BUILD:-}/formats

# ---- usage ----
for bad in '--tier p' '--tier' '--tier F -9' '--tier F --plain'; do
    # shellcheck disable=SC2086
    run pare-pack $bad m.h5
    fails_with 2 "wrong usage: $bad"
done

# ---- there and back ----
ok "a model" pare-init -a 200-64-10 -S 1 -o large.h5
for s in 0 .5 .9 .95; do
    pare-prune -s $s large.h5 -o p.h5
    run pare-pack --tier F -j 1 p.h5 -o f.h5
    status_is 0 "a model of sparsity $s is packed"
    pare-pack --tier F -j 3 p.h5 -o f3.h5
    same f.h5 f3.h5 "on any number of threads"
    run pare-diff --state p.h5 f.h5
    status_is 0 "and read, to the bit"
    run pare-check f.h5
    status_is 0 "it is sound"
    pare-pack --plain f.h5 | pare-dump | sed '/^step /d' >f.txt
    pare-pack --plain p.h5 | pare-dump | sed '/^step /d' >p.txt
    same f.txt p.txt "nothing else changed"
    pare-pack --tier F -v p.h5 >f3.h5 2>said
    ok "the filter is told of" grep -q 'fc1.weight: .*(rans: ' said
done
run_sh "pare-pack --tier F p.h5 | pare-prune -f .5 | pare-stats -"
status_is 0 "it goes through pipes"

# ---- levels and 16 bits ----
pare-prune -s .9 large.h5 -o p.h5
for q in '--codebook 16' '--uniform 3' '--int8 --per-tensor' --int8 --fp16 \
    --bf16; do
    # shellcheck disable=SC2086
    pare-quantize $q p.h5 -o q.h5
    run pare-pack --tier F --report report -o f.h5 q.h5
    status_is 0 "a model of $q is packed"
    ok "by the filter, the small layer plain" test "$(awk \
        '/weight/ { printf "%s ", $NF }' report)" = "rans bitmap "
    run pare-diff --state q.h5 f.h5
    status_is 0 "and read, to the bit"
    run pare-check f.h5
    status_is 0 "it is sound"
    pare-pack --plain f.h5 | pare-dump | sed '/^step /d' >f.txt
    pare-pack --plain q.h5 | pare-dump | sed '/^step /d' >q.txt
    same f.txt q.txt "with its levels"
    pare-stats f.h5 | cut -f 2-9,11-14,16-17 >f.txt
    pare-stats q.h5 | cut -f 2-9,11-14,16-17 >q.txt
    same f.txt q.txt "stats says the same of it"
    PARE_MODEL_MEMORY=1 pare-pack --tier F f.h5 -o stream.h5
    pare-pack --tier F f.h5 -o whole.h5
    same stream.h5 whole.h5 "tensor by tensor it is the same file"
    PARE_MODEL_MEMORY=1 pare-unpack f.h5 -o stream.h5
    pare-unpack f.h5 -o whole.h5
    same stream.h5 whole.h5 "and unpacked, too"
done
pare-pack --tier F -v p.h5 >f.h5 2>said
ok "what stays plain is told" grep -q 'fc2.bias: .*(dense, plain: ' said

# ---- what others see ----
if have h5dump && [ -f "$plugin/libpare_rans.so" ]; then
    pare-prune -s .9 large.h5 -o p.h5
    pare-pack --tier F p.h5 -o f.h5
    h5dump -d /layers/fc1/weight -y -o seen.txt f.h5 >"$OUT" 2>"$ERR"
    ok "without the plug-in others see no values" test ! -s seen.txt
    HDF5_PLUGIN_PATH=$plugin h5dump -d /layers/fc1/weight -y -o seen.txt \
        f.h5 >"$OUT" 2>"$ERR"
    zeros=$(tr -s ', \n' '\n' <seen.txt | grep -c '^0$')
    all=$(tr -s ', \n' '\n' <seen.txt | grep -c .)
    kept=$(pare-stats p.h5 | awk '$2 == "fc1" { print $5 - 64 }')
    ok "with it a dense array" test "$all" -eq 12800
    ok "of as many zeros as are pruned" test $((all - zeros)) -eq "$kept"
    pare-quantize --fp16 p.h5 | pare-pack --tier F -o f.h5
    HDF5_PLUGIN_PATH=$plugin h5dump -d /layers/fc1/weight -y -o seen.txt \
        f.h5 >"$OUT" 2>"$ERR"
    all=$(tr -s ', \n' '\n' <seen.txt | grep -c .)
    zeros=$(tr -s ', \n' '\n' <seen.txt | grep -c '^0$')
    ok "of half floats, too" test "$all" -eq 12800 -a $((all - zeros)) -eq \
        "$kept"
    pare-pack --tier F p.h5 -o f.h5
fi

# ---- damage ----
size=$(wc -c <f.h5)
block=$(grep -abo PRNS f.h5 | head -n 1 | cut -d : -f 1)
for more in 5 16 40 200 1000; do
    at=$((block + more))
    cp f.h5 bad.h5
    printf '\125\252\125\252' |
        dd of=bad.h5 bs=1 seek="$at" conv=notrunc 2>/dev/null
    run pare-diff --state p.h5 bad.h5
    ok "damage $more bytes into a block is seen" test "$status" -ne 0
done
head -c $((size - 100)) f.h5 >bad.h5
run pare-dump bad.h5
fails_with 1 "a file that is cut off"

# ---- little memory ----
# From too little address space on to what is enough: that is no damage.
# Sanitizers reserve more than any limit.
if ! ldd "$(command -v pare-check)" 2>/dev/null | grep -q 'lib[a-z]*san'; then
    pare-init -a 'in(2000) linear(2000,bias=no)' -S 1 | pare-prune -s .3 |
        pare-pack --tier F -o wide.h5
    room=65536
    status=1
    : >said
    while [ "$status" -ne 0 ] && [ $room -lt 4194304 ]; do
        room=$((room + 5000))
        run_sh "ulimit -v $room && OPENBLAS_NUM_THREADS=1 exec pare-check \
            wide.h5"
        cat "$OUT" "$ERR" >>said
    done
    status_is 0 "a model is read where there is memory enough"
    ok "with less of it that is said" grep -q 'no memory' said
    ok "and no chunk is called damaged" sh -c '! grep -q "chunk" said'
fi
finish
