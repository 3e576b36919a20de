#!/bin/sh
# pare-pack and pare-unpack as programs.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

# ---- usage ----
for bad in '--level 0' '--level 10' '-0' '--strip=none' '--strip=user,' \
    '--strip=user,user' '--plain -9' '--report -' '--report x -o x' \
    '--strip user m.h5' '-j 0'; do
    # shellcheck disable=SC2086
    run pare-pack $bad m.h5
    fails_with 2 "wrong usage: $bad"
done
run pare-pack --strip=list
out_has '^provenance	' "the parts can be listed"
ok "there are ten" test "$(wc -l <"$OUT")" -eq 11
for part in $(awk 'NR > 1 { print $1 }' "$OUT"); do
    ok "the page tells of $part" grep -q "^\.It Cm $part$" \
        "$SRC/man/pare-pack.1"
done

# ---- there and back ----
pare-prune -q -s .8 m.h5 -o half.h5
pare-prune -q -f .3 --keep-undo half.h5 -o undo.h5
pare-quantize --codebook 4 half.h5 -o book.h5
pare-quantize --bf16 half.h5 -o bf16.h5
pare-train -q -a 4-20-10-3 -d d.h5 -e 2 -S 3 --density .4 --evolve set \
    -o set.h5
for m in m half undo book bf16 set; do
    for level in 1 9; do
        run pare-pack -$level "$m.h5" -o "$m.$level.h5"
        status_is 0 "$m is packed at level $level"
        run pare-diff --state "$m.h5" "$m.$level.h5"
        status_is 0 "nothing of it changed"
    done
    ok "a packed file is smaller: $m" test \
        "$(wc -c <"$m.9.h5")" -lt "$(wc -c <"$m.h5")"
    run pare-check "$m.9.h5"
    status_is 0 "it is sound"
    pare-unpack "$m.9.h5" -o back.h5
    pare-pack --plain "$m.h5" -o plain.h5
    for f in back plain; do
        pare-dump "$f.h5" | sed '/^step /d' >"$f.txt"
    done
    same back.txt plain.txt "unpacked $m is what it was"
    run_sh "pare-pack $m.h5 | pare-unpack | pare-dump | sed '/^step /d'"
    same back.txt "$OUT" "through pipes, too"
    pare-pack -j 1 "$m.h5" -o j1.h5
    pare-pack -j 3 "$m.h5" -o j3.h5
    same j1.h5 j3.h5 "on any number of threads"
    pare-eval -d d.h5 "$m.h5" | cut -f 2- >a
    pare-eval -d d.h5 "$m.9.h5" | cut -f 2- >b
    same a b "a packed $m gives the same outputs"
done
for f in half half.9; do
    pare-finetune -q -d d.h5 -e 1 "$f.h5" | pare-dump | sed '/^step /d' >"$f.txt"
done
same half.txt half.9.txt "training goes on from a packed model alike"
run_sh "pare-prune -f .5 half.9.h5 | pare-stats -"
status_is 0 "what other tools write can be read"
ok "and is plain" sh -c \
    "pare-prune -f .5 half.9.h5 | pare-unpack -v 2>&1 >/dev/null |
     grep -q 'it was not packed'"

# ---- what is told ----
run pare-pack --report - -o x.h5 half.h5
out_has '^layer	tensor	params	kept	bytes_before	bytes_after	mask	values	encoding$' \
    "the report has a head"
ok "and a line for each tensor" test "$(wc -l <"$OUT")" -eq 7
ok "sums are right" awk -F '\t' 'NR > 1 && $6 != $7 + $8 { exit 1 }' "$OUT"
awk -F '\t' 'NR > 1 { s += $6 } END { print s }' "$OUT" >want
ok "stats counts the bytes of packed tensors" sh -c \
    "pare-stats x.h5 | awk -F '\t' 'NR > 1 && \$2 != \"total\" { s += \$10 }
     END { print s }' | cmp - want"
run pare-pack -v -o x.h5 half.h5
err_has '^pare-pack: fc2.weight: [0-9,]+ bytes before, [0-9,]+ after \(' \
    "-v tells of each tensor"
err_has "^pare-pack: [0-9,]+ bytes before, $(wc -c <x.h5 |
    sed ':a
s/\([0-9]\)\([0-9]\{3\}\)\($\|,\)/\1,\2\3/
ta') after$" "and of the file"

# ---- what is stripped ----
pare-pack -9 --strip undo.h5 -o bare.h5
pare-pack -9 undo.h5 -o full.h5
ok "a stripped file is smaller" test \
    "$((2 * $(wc -c <bare.h5)))" -lt "$(wc -c <full.h5)"
run pare-check bare.h5
status_is 0 "check accepts it"
pare-eval -d d.h5 undo.h5 | cut -f 2- >a
run_sh "pare-eval -d d.h5 bare.h5 | cut -f 2-"
same a "$OUT" "eval evaluates it"
run pare-diff undo.h5 bare.h5
status_is 0 "its weights are the same"
run pare-log bare.h5
ok "it has no provenance" test ! -s "$OUT"
run_sh "pare-dump bare.h5 | grep -c '^step \|^checkpoint '"
out_is 0 "and no checkpoints"
run pare-rewind -t init bare.h5
fails_with 1 "it cannot be rewound"
run pare-finetune -q -d d.h5 -e 1 bare.h5 -o on.h5
ok "training it further works or says what is missing" test "$status" -le 1
pare-pack --plain --strip undo.h5 | pare-dump >a
pare-dump bare.h5 >b
same a b "--plain strips the same"
pare-pack --strip=history,user undo.h5 | pare-dump >a
ok "a list strips what it names" sh -c "! grep -q '^history' a"
ok "and nothing else" grep -q '^checkpoint' a

# ---- provenance replays ----
pare-prune -s .5 m.h5 | pare-pack -9 --strip=history,scores | pare-unpack |
    pare-pack --plain -o end.h5
mkdir again
run_sh "pare-log --make --search . end.h5 >again/Makefile && cd again &&
    make -s"
status_is 0 "the steps can be run again"
same end.h5 "again/$(cd again && find . -name '*.h5' -newer Makefile |
    while read -r f; do cmp -s "$f" ../end.h5 && echo "$f"; done |
    head -n 1)" "with the same bytes"

# ---- damage ----
n=$(wc -c <half.9.h5)
i=40
while [ $i -lt "$n" ]; do
    head -c $i half.9.h5 >bad.h5
    printf '\377\001' >>bad.h5
    tail -c +$((i + 3)) half.9.h5 >>bad.h5
    run pare-dump bad.h5
    if [ "$status" -eq 0 ]; then
        sed -i '/^step /d' "$OUT"
        pare-dump half.9.h5 | sed '/^step /d' >want
        cmp -s want "$OUT" || fail "damage at $i is read as something else"
    elif [ "$status" -ne 1 ]; then
        fail "damage at $i"
    fi
    i=$((i + 397))
done
head -c $((n - 20)) half.9.h5 >cut.h5
run pare-check cut.h5
ok "a truncated file is found out" test "$status" -eq 1

# ---- the example of pare-model(5); PARE_PYTHON names a Python with h5py
if [ -n "${PARE_PYTHON:-}" ]; then
    awk '/^Rebuild a tensor of a packed/ { found = 1 }
        found && /^\.Ed/ { exit }
        found && code { gsub(/\\e/, "\\"); print }
        found && /^\.Bd/ { code = 1 }' "$SRC/man/pare-model.5" >example.py
    pare-init -a 784-300-3 -S 1 -o wide.h5
    pare-init -a 'in(784) fc1=linear(300,bias=no)' -S 1 -o dense.h5
    for s in 0 .5 .9 .97 .999; do
        pare-prune -s $s --only fc1 wide.h5 -o wide$s.h5
    done
    pare-quantize --fp16 wide.5.h5 -o wide16.h5
    pare-quantize --bf16 wide.9.h5 -o widebf.h5
    pare-prune -s .9 -g unit wide.h5 -o widerows.h5
    for f in wide*.h5 dense.h5; do
        pare-pack "$f" -o packed.h5
        { cat example.py; echo 'for v in w.flat: print("%.9g" % v)'; } >run.py
        "$PARE_PYTHON" run.py >all.txt 2>"$ERR"
        status=$?
        status_is 0 "the example reads $f"
        tail -n 235200 all.txt >got
        pare-unpack packed.h5 -o plain.h5
        "$PARE_PYTHON" - >want <<'END'
import h5py, numpy
with h5py.File("plain.h5") as f:
    g = f["layers/fc1"]
    kept = g["weight.kept"] if "weight.kept" in g else g["weight"]
    v = kept[:].ravel()
    if kept.attrs.get("dtype") == b"bfloat16":
        v = (v.astype(numpy.uint32) << 16).view(numpy.float32)
    where = numpy.arange(235200)
    if "weight.index" in g:
        where = g["weight.index"][:]
    elif "weight.mask" in g:
        where = numpy.flatnonzero(numpy.unpackbits(g["weight.mask"][:],
                                                   bitorder="little"))
    w = numpy.zeros(235200, numpy.float32)
    w[where] = v
    for x in w: print("%.9g" % x)
END
        same want got "and finds the values of $f"
    done
fi

finish
