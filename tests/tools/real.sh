# Networks that other programs trained, where they are: in, pruned, packed,
# out, and read by the libraries of their own formats.
. "${0%/*}/lib.sh"

models=${PARE_MODELS:-$HERE/../../../shared/data/models}
mnist=$models/../mnist
[ -d "$models/keras-h5" ] && [ -d "$mnist" ] || skip "no models here"

# first HEADER SKIP FILE SIZE: an IDX file of the first 2,000 of a gzip'd one.
first() {
    printf "$1"
    gzip -dc "$3" | tail -c +"$(($2 + 1))" | head -c $((2000 * $4))
}

# Accuracies on the first 2,000 test images, give or take two of them.
first '\0\0\010\003\0\0\007\320\0\0\0\034\0\0\0\034' 16 \
    "$mnist"/t10k-images* 784 >x.idx
first '\0\0\010\001\0\0\007\320' 8 "$mnist"/t10k-labels* 1 >y.idx
pare-data idx x.idx y.idx x.idx y.idx -o mnist.h5

# accuracy MODEL
accuracy() {
    pare-eval -d mnist.h5 "$1" | awk -F '\t' 'FNR > 1 { print $5 }'
}

# near A B POINTS: is A at least B less so many points?
near() {
    awk "BEGIN { exit !($1 >= $2 - $3 / 100) }"
}

python=${PARE_PEER_PYTHON:-}

# peer FORMAT FILE MODEL: its library finds the zeros that pare made.
peer() {
    [ -n "$python" ] || return 0
    run "$python" "$HERE/../ref/peer_read.py" "$1" "$2"
    status_is 0 "$1 of $3 is read by its own library"
    run_sh "awk '{ exit !(\$1 > 0 && \$2 / \$1 > .499) }' $OUT"
    status_is 0 "and half of it is 0"
}

# reaches EXPECTED FILE ARG...: the accuracy that its own library gave it; half
# of it loses less than a point.
reaches() {
    want=$1
    file=$2
    shift 2
    run pare-import "$@" "$models/$file" -o real.h5
    status_is 0 "$file comes in"
    run pare-check real.h5
    status_is 0 "and is valid"
    got=$(accuracy real.h5)
    ok "it reaches $want: $got" near "$got" "$want" 0.101
    pare-prune -q -s .5 real.h5 -o half.h5
    pare-pack -9 half.h5 -o packed.h5
    ok "half of it loses less than a point" \
        near "$(accuracy packed.h5)" "$got" .999
    ok "in fewer bytes" test "$(wc -c <packed.h5)" -lt "$(wc -c <real.h5)"
    for format in safetensors npz onnx keras; do
        run pare-export $format packed.h5 -o out.$format
        status_is 0 "and goes out as $format"
        peer $format out.$format "$file"
    done
    run pare-import out.onnx -o back.h5
    ok "and comes back from there" near "$(accuracy back.h5)" \
        "$(accuracy packed.h5)" 0.02
}

reaches .968 keras-h5/c3nz_mnist.h5 --normalize unit
reaches .970 keras-pruned/alper_original_model.h5 --normalize unit
reaches .982 safetensors/dfdx_mnist.safetensors \
    -a 784-512-128-32-10 --normalize unit
reaches .988 safetensors/denograd_mnist.safetensors --normalize none \
    -a 'in(1,28,28) conv2d(32,5) relu conv2d(32,5) relu batchnorm2d maxpool(2)
        conv2d(64,3) relu conv2d(64,3) relu batchnorm2d maxpool(2) linear(10)'
reaches .956 npz/muknbuck_weights.npz -a 784-30-30-10 --transpose \
    --normalize unit
reaches .975 lenet-fyh620/lenet.pth --normalize .1307,.3081 \
    -a 'in(1,28,28) conv2d(6,5) relu maxpool(2) conv2d(16,5) relu maxpool(2)
        linear(120) relu linear(84) relu linear(10)'

# Pruned before it came: its zeros can be a mask.
run pare-import --normalize unit --zeros-pruned \
    "$models/keras-pruned/alper_pruned_model.h5" -o pruned.h5
status_is 0 "a pruned network comes in"
ok "it reaches .958" near "$(accuracy pruned.h5)" .958 0.05
run_sh "pare-stats --total pruned.h5 | awk -F '\t' 'NR > 1 && \$7 > .79'"
ok "four fifths of its weights are pruned" test -s "$OUT"

# Weights alone: Han's SqueezeNet, pruned and quantised to 8 bits.
squeeze=$models/squeezenet-deepcompression
run pare-import "$squeeze/squeezenet_pruned.safetensors" -o squeeze.h5
status_is 0 "weights come without a graph"
run pare-import "$squeeze/squeezenet_pruned.npz" -o npz.h5
status_is 0 "also as NPZ"
for weights in squeeze npz; do
    run_sh "pare-stats --total $weights.h5 | cut -f 4 | tail -n 1"
    out_has '^12[0-9]{5}$' "with its million of values"
done
pare-pack -9 --strip squeeze.h5 -o packed.h5
run pare-diff squeeze.h5 packed.h5
status_is 0 "packing changes nothing"
ok "and takes less than its own codes" test "$(wc -c <packed.h5)" -lt 675763

run pare-import "$models/pruning-lenet/ranjith_lenet.pth" -o never.h5
fails_with 1 "a pickle of a program"
err_has 'wants to call core\.model\.lenet\.LeNet' "is refused by what it calls"
ok "and nothing is made" test ! -e never.h5
finish
