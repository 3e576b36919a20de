# Tensors of 16 bits and of few levels in files, as the text twin makes them;
# what tools do to them. The format itself is tested in test_model_quant.c.
. "${0%/*}/lib.sh"

pare-init -a 'in(4) fc1=linear(6) relu fc2=linear(4) relu fc3=linear(3)' \
    -S 1 -o plain.h5
pare-dump plain.h5 | grep -v '^step ' >plain.txt

# book KIND MASK: the text of plain.h5 with other values of fc1.weight, which is
# 6 x 4, and what they are; with a mask every other one of them.
book() {
    awk -v kind="$1" -v mask="$2" '
        /^tensor fc1.weight/ { print "tensor fc1.weight 6 4 " \
                (mask ? "sparse" : "dense"); own = 1
            for (i = 0; i < 24; i++) {
                v = i % 7 == 3 ? "-0.5" : i % 3 ? "0.25" : "2"
                if (!mask) print "  " v
                else if (i % 2) print "  " i ":" v
            }
            next }
        /^tensor/ { own = 0 }
        !/^ / || !own { print }' plain.txt | sed '/^end$/d'
    case $1 in
    codebook | uniform) printf 'quant fc1.weight %s 3\n  -0.5 0.25 2\n' "$1" ;;
    int8) printf 'quant fc1.weight int8 6\n  0.25 .125 .25 .25 .03125 .0625\n' ;;
    both) printf 'dtype fc1.weight bfloat16\n'
        printf 'quant fc1.weight codebook 3\n  -0.5 0.25 2\n' ;;
    *) printf 'dtype fc1.weight %s\n' "$1" ;;
    esac
    echo end
}

for kind in codebook uniform int8 both float16 bfloat16; do
    for mask in '' 1; do
        name=$kind$mask.h5
        book $kind "$mask" >text
        run pare-load text -o "$name"
        status_is 0 "a model of $kind$mask is made"
        run_sh "pare-dump $name | pare-load | cmp - $name"
        status_is 0 "$kind$mask goes through text in the same bytes"
        run pare-check "$name"
        status_is 0 "$kind$mask is in order"
    done
done

book codebook '' >text
sed 's/^  2$/  3/' text >bad.txt
run pare-load bad.txt -o bad.h5
fails_with 1 "values that are no levels"
err_has "'fc1.weight' holds 3, which is no level" "are refused by name"
ok "and nothing is written" test ! -e bad.h5

# ---- training keeps weights of a level equal
. "$HERE/small.sh"
levels_of() { # different kept values of fc1.weight
    pare-dump "$1" | sed -n '/^tensor fc1.weight/,/^tensor fc1.bias/s/^  //p' |
        tr ' ' '\n' | sed 's/.*://' | sort -u | wc -l | tr -d ' '
}
for name in codebook codebook1 uniform both1; do
    run pare-train -d d.h5 -e 4 -S 1 -b 7 $name.h5 -o whole.h5
    status_is 0 "a model of $name is trained"
    run pare-check whole.h5
    status_is 0 "and is in order"
    run levels_of whole.h5
    out_is 3 "with as many levels"
    run_sh 'pare-dump whole.h5 | grep "^quant"'
    out_is 'quant fc1.weight codebook 3' "which are a codebook"
    run pare-finetune -d d.h5 -e 2 -l .1 --optimizer adam whole.h5 -o tuned.h5
    status_is 0 "another optimizer goes on: $name"
    run levels_of tuned.h5
    out_is 3 "with the levels"
done
for j in 1 2; do
    run pare-finetune -j $j -l .1 -d d.h5 -e 2 whole.h5 -o $j.h5
done
same 1.h5 2.h5 "the bytes are the same at any thread count"
run_sh 'pare-finetune -q -d d.h5 -e 1 -l .1 whole.h5 |
    pare-finetune -q -d d.h5 -e 1 -o pipe.h5; pare-dump pipe.h5 | grep -v ^step >pipe
    pare-dump 1.h5 | grep -v ^step | cmp - pipe'
status_is 0 "two runs of one epoch are one of two"
for name in int81 float16 both; do
    run pare-train -d d.h5 -e 1 -S 1 $name.h5 -o whole.h5
    err_has 'warning: 1 tensor of 16 bits or int8 becomes float32' \
        "training $name warns"
    run pare-train -q -d d.h5 -e 1 -S 1 whole.h5 -o again.h5
    run pare-check again.h5
    status_is 0 "and $name is trained"
done
for way in "--prune=at=1 s=.5" "--evolve=set zeta=.2"; do
    run pare-train -d d.h5 -e 2 -S 1 "$way" codebook1.h5 -o bad.h5
    fails_with 1 "quantised weights do not go with $way"
    err_has 'the weights are quantised: .* without --(prune|evolve)' "it says"
done

# ---- what stats tells
# 24 weights and 6 biases: codes and 3 levels; a mask of 3 bytes; 6 scales.
for line in 'codebook 16.0_3_codebook' 'codebook1 13.6_3_codebook' \
    'uniform 16.0_3_uniform' 'int8 19.2_255_int8' 'float16 19.2_-_float16' \
    'bfloat161 13.6_-_bfloat16' 'plain 32_-_float32'; do
    run_sh "pare-stats ${line% *}.h5 | awk -F '\t' '\$2 == \"fc1\" {
        printf \"%.1f_%s_%s\\n\", \$15, \$16, \$17 }' | sed 's/32.0/32/'"
    out_is "${line#* }" "bits, levels and type of ${line% *}"
done
out_of_json=$(pare-stats --json codebook.h5 | tr -d ' \n')
case $out_of_json in
*'"levels":3,"type":"codebook"'*) pass ;;
*) fail "JSON has them too" "$out_of_json" ;;
esac

run pare-diff int8.h5 codebook.h5
status_is 0 "the same values in another form are no difference"
err_is 'pare-diff: fc1.weight: int8 of 6, then codebook of 3' "that is told"
run pare-diff -q int8.h5 codebook.h5
err_is '' "unless nothing is to be"
run pare-diff --state int8.h5 codebook.h5
status_is 1 "the states differ"

# ---- what other tools do to them
quant() { pare-dump "$1" | grep -E '^(quant|dtype) fc1.weight'; }
gone='warning: the values of 1 tensor are no longer quantised or of 16 bits'
run pare-prune -q -s .5 codebook.h5 -o cut.h5
run quant cut.h5
out_is 'quant fc1.weight codebook 3' "pruned weights need no level"
run pare-check cut.h5
status_is 0 "and the file is in order"
pare-prune -q -g unit -n 1 --only fc1 int8.h5 | pare-shrink -q -o cut.h5
status=$?
status_is 0 "a unit is cut off"
run quant cut.h5
out_is 'quant fc1.weight int8 5' "with its scale"
run pare-check cut.h5
status_is 0 "and the others keep theirs"
pare-train -q -d d.h5 -e 1 -S 1 codebook.h5 -o whole.h5
run pare-prune -m obs -d d.h5 -s .2 --only fc1 whole.h5 -o cut.h5
status_is 0 "surgery moves weights"
run quant cut.h5
out_is '' "off their levels"
run pare-rewind -t init plain.h5 -o back.h5
err_is '' "what was not quantised is rewound"
pare-quantize -q --codebook 4 plain.h5 | pare-rewind -t init -o back.h5 2>"$ERR"
status=$?
status_is 0 "a quantised model is rewound"
err_has 'warning: the values of 3 tensors are no longer quantised' "and says it"
run_sh 'pare-dump back.h5 | grep ^quant'
out_is '' "it is not any more"
run pare-grow -m random -n 2 -S 1 --only fc1 codebook1.h5 -o grown.h5
err_has "$gone" "new connections are of no level"
run pare-grow -m random -n 2 -S 1 --only fc1 float161.h5 -o grown.h5
err_is '' "but 0 is a float16"
run pare-mask not codebook1.h5 -o other.h5
err_has "$gone" "weights that come back have none"

# ---- the example of pare-model(5); PARE_PYTHON names a Python with h5py
if [ -n "${PARE_PYTHON:-}" ]; then
    awk '/^Rebuild a masked/ { found = 1 }
        found && /^\.Ed/ { exit }
        found && code { gsub(/\\e/, "\\"); print }
        found && /^\.Bd/ { code = 1 }' "$SRC/man/pare-model.5" >example.py
    for f in codebook*.h5 uniform*.h5 int8*.h5 both*.h5 *float16*.h5; do
        sed "s/model.h5/$f/" example.py >run.py
        echo 'for v in w.flat: print("%g" % v)' >>run.py
        "$PARE_PYTHON" run.py >all.txt 2>"$ERR"
        status=$?
        status_is 0 "the example reads $f"
        tail -n 24 all.txt >"$OUT"
        awk -v f="$f" 'BEGIN {
            for (i = 0; i < 24; i++) {
                v = i % 7 == 3 ? "-0.5" : i % 3 ? "0.25" : "2"
                print f ~ /1.h5/ && i % 2 == 0 ? "0" : v
            } }' >want
        same want "$OUT" "and finds its values"
    done
fi

finish
