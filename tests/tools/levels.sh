# Tensors of 16 bits and of few levels in files, as the text twin makes them;
# what tools do to them. The format itself is tested in test_model_quant.c.
. "${0%/*}/lib.sh"

pare-init -a 'in(6) fc1=linear(5) relu fc2=linear(4) relu fc3=linear(3)' \
    -S 1 -o plain.h5
pare-dump plain.h5 | grep -v '^step ' >plain.txt

# book KIND MASK: the text of plain.h5 with other values of fc1.weight, which is
# 5 x 6, and what they are; with a mask every other one of them.
book() {
    awk -v kind="$1" -v mask="$2" '
        /^tensor fc1.weight/ { print "tensor fc1.weight 5 6 " \
                (mask ? "sparse" : "dense"); own = 1
            for (i = 0; i < 30; i++) {
                v = i % 7 == 3 ? "-0.5" : i % 3 ? "0.25" : "2"
                if (!mask) print "  " v
                else if (i % 2) print "  " i ":" v
            }
            next }
        /^tensor/ { own = 0 }
        !/^ / || !own { print }' plain.txt | sed '/^end$/d'
    case $1 in
    codebook | uniform) printf 'quant fc1.weight %s 3\n  -0.5 0.25 2\n' "$1" ;;
    int8) printf 'quant fc1.weight int8 5\n  0.25 .125 .25 .25 .03125\n' ;;
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

# ---- the example of pare-model(5); PARE_PYTHON names a Python with h5py
if [ -n "${PARE_PYTHON:-}" ]; then
    awk '/^Rebuild a masked/ { found = 1 }
        found && /^\.Ed/ { exit }
        found && code { gsub(/\\e/, "\\"); print }
        found && /^\.Bd/ { code = 1 }' "$SRC/man/pare-model.5" >example.py
    for f in *.h5; do
        case $f in plain.h5) continue ;; esac
        sed "s/model.h5/$f/" example.py >run.py
        echo 'for v in w.flat: print("%g" % v)' >>run.py
        "$PARE_PYTHON" run.py >all.txt 2>"$ERR"
        status=$?
        status_is 0 "the example reads $f"
        tail -n 30 all.txt >"$OUT"
        awk -v f="$f" 'BEGIN {
            for (i = 0; i < 30; i++) {
                v = i % 7 == 3 ? "-0.5" : i % 3 ? "0.25" : "2"
                print f ~ /1.h5/ && i % 2 == 0 ? "0" : v
            } }' >want
        same want "$OUT" "and finds its values"
    done
fi

finish
