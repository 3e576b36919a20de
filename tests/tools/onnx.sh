# Models to ONNX and back, and real ones where they are.
. "${0%/*}/lib.sh"

# there_and_back ARCH: the weights come back to the bit, by the same names,
# and what came back goes out and in the same.
there_and_back() {
    pare-init -a "$1" -S 3 -o m.h5
    run pare-export onnx m.h5 -o m.onnx
    status_is 0 "it goes out: $1"
    run pare-import m.onnx -o back.h5
    status_is 0 "it comes back: $1"
    case $1 in
    *' softmax') err_has 'ends in a softmax' "with a warning: $1" ;;
    *) err_is "" "without a warning: $1" ;;
    esac
    run pare-diff m.h5 back.h5
    status_is 0 "as it was: $1"
    pare-export onnx back.h5 -o again.onnx
    pare-import again.onnx -o again.h5
    run pare-diff back.h5 again.h5
    status_is 0 "and again: $1"
}

there_and_back 784-30-10
there_and_back 'in(12) linear(5,bias=no) tanh linear(3) softmax'
there_and_back 'in(3,16,16) conv2d(8,3,pad=1) batchnorm2d relu maxpool(2)
    conv2d(8,3x2,stride=2x1,pad=1x0,dilation=1x2,groups=2,bias=no)
    leaky-relu(.2) avgpool(3,stride=2,pad=1) linear(20) batchnorm(eps=1e-3)
    silu gelu tanh dropout(.3) linear(7) log-softmax'
there_and_back 'in(4,32) conv1d(8,5,stride=2,pad=2) batchnorm relu maxpool(2)
    conv1d(6,3,groups=2) avgpool(2,pad=1,count-pad=no) globalavgpool linear(5)'
there_and_back 'in(3,8,8) a=conv2d(4,3,pad=1) relu b=conv2d(4,3,pad=1)
    c=add(b,a) d=concat(c,a,in) s=srelu
    pad(top=1,left=2,back=1,value=.5) globalavgpool sigmoid linear(3)'
there_and_back 'in(3,8,8) a=conv2d(4,3,pad=1) b=conv2d(4,3) a -> relu
    maxpool(3,stride=1) e=add(pool1,b,b) linear(4) s=srelu'

pare-init -a 4-3-2 -S 1 -o m.h5
pare-export onnx m.h5 -o m.onnx
run_sh 'pare-export onnx m.h5 | pare-import | pare-check'
status_is 0 "through pipes"
run_sh 'pare-export onnx <m.h5 | cmp - m.onnx'
status_is 0 "with the same bytes"

# The names of layers, and normalisation, come back.
awk 'BEGIN { print "class,a,b,c,d"
    for (i = 0; i < 40; i++) printf "%s,%d,%d,%g,%d\n",
        substr("xyz", i % 3 + 1, 1), i % 7, i % 3 * 5, i / 7, 9 - i % 5
}' >t.csv
pare-data csv t.csv --label class --standardize -o t.h5 2>/dev/null
pare-train -q -a 'in(4) hidden=linear(6) relu out=linear(3)' -d t.h5 -e 5 -b 8 \
    -S 1 -o t-model.h5
pare-export onnx t-model.h5 -o t.onnx
pare-import t.onnx -o t-back.h5
run_sh 'pare-eval -d t.h5 t-model.h5 | cut -f 2- >a.tsv
    pare-eval -d t.h5 t-back.h5 | cut -f 2- | cmp - a.tsv'
status_is 0 "what is measured is the same, normalisation included"
run pare-dump t-back.h5
out_has 'hidden=linear\(6\)' "layers keep their names"

# Values of 16 bits stay of 16 bits.
if pare-quantize --fp16 -q t-model.h5 -o half.h5 2>/dev/null; then
    pare-export onnx half.h5 -o half.onnx
    run pare-import half.onnx -o half-back.h5
    status_is 0 "weights of 16 bits come back"
    run pare-diff half.h5 half-back.h5
    status_is 0 "as they were"
    run pare-dump half-back.h5
    out_has 'float16' "and are of 16 bits still"
fi

# Operators that are none of ours leave the weights. The text of the file is
# changed in place, by another of the same length.
LC_ALL=C sed 's/Relu/Selu/g' m.onnx >other.onnx
run pare-import other.onnx -o other.h5
status_is 0 "a graph of other operators"
err_has 'the graph is left out: no layers are Selu' "names them"
run pare-stats other.h5
status_is 0 "and gives the weights"

# Files that are broken.
LC_ALL=C sed '0,/fc2\.weight/s//fc9.weight/' m.onnx >broken.onnx
run pare-import broken.onnx
fails_with 1 "a node of what is not there"
err_has 'the graph is broken' "says so"
n=$(($(wc -c <m.onnx) - 1))
while [ $n -gt 0 ]; do
    head -c $n m.onnx >cut.onnx
    run pare-import --format onnx cut.onnx
    fails_with 1 "a file cut at $n bytes"
    n=$((n * 2 / 3))
done
pare-init -a 'rbm(4,3)' -S 1 -o rbm.h5
run pare-export onnx rbm.h5 -o rbm.onnx
fails_with 1 "a Boltzmann machine"
ok "nothing is written" test ! -e rbm.onnx

models=${PARE_MODELS:-$HERE/../../../shared/data/models}
mnist=$models/../mnist
cifar=$models/../cifar10

# floats FILE: raw float32 as text, a number a line.
floats() {
    od -An -v -t f4 -w4 "$1"
}

# The vectors that came with a model: tensors whose values are at the end.
for k in 0 1 2; do
    v=$models/onnx-mnist8/test_data_set_$k
    [ -r "$v/input_0.pb" ] || continue
    pare-import "$models/onnx-mnist8/model.onnx" -o m8.h5
    tail -c 3136 "$v/input_0.pb" | outputs_probe m8.h5 >ours
    tail -c 40 "$v/output_0.pb" >theirs
    floats ours >ours.txt
    floats theirs >theirs.txt
    run_sh "paste ours.txt theirs.txt | awk '{ d = \$1 - \$2 }
        d > .002 || d < -.002 { bad = 1 } END { exit bad || NR != 10 }'"
    status_is 0 "vector $k"
done

# A batch norm between transpositions, beside the network that it was made of.
twin=$models/hls4ml
if [ -r "$twin/three_layer_bn_keras.onnx" ]; then
    run pare-import "$twin/three_layer_bn_keras.onnx" -o bn.h5
    err_has 'is read as over the features' "its batch norms are told of"
    pare-import --graph "$twin/KERAS_3layer_batch_norm.json" \
        "$twin/KERAS_3layer_batch_norm_weights.h5" -o keras.h5
    awk 'BEGIN { for (i = 0; i < 80; i++)
        printf "\\000\\000\\%o\\%o", i * 37 % 256, i % 3 ? 63 : 191 }' \
        >samples.txt
    # shellcheck disable=SC2059
    printf "$(cat samples.txt)" >samples
    outputs_probe bn.h5 <samples >ours
    outputs_probe keras.h5 <samples >theirs
    floats ours >ours.txt
    floats theirs >theirs.txt
    run_sh "paste ours.txt theirs.txt | awk '{ d = \$1 - \$2 }
        d > 1e-4 || d < -1e-4 { bad = 1 } END { exit bad || NR != 25 }'"
    status_is 0 "they are as in Keras"
fi

# reaches ACCURACY MODEL DATA NORMALISATION: as the model's own library has it,
# pruned to a half within a point, and the same behind an export.
reaches() {
    run pare-import --normalize "$4" "$models/$2" -o real.h5
    status_is 0 "$2 comes in"
    pare-prune -q -s .5 real.h5 -o half.h5
    pare-export onnx half.h5 -o half.onnx
    pare-import half.onnx -o back.h5
    run pare-eval -d "$3" real.h5 half.h5 back.h5
    run_sh "awk -F '\t' 'FNR > 1 { print \$5 }' $OUT | tr '\n' ' '"
    run_sh "awk '{ exit !(\$1 - $1 > -.0005 && \$1 - \$2 < .01 &&
        \$2 == \$3) }' $OUT && cat $OUT"
    status_is 0 "$2 reaches $1"
}

if [ -d "$models/onnx-mnist8" ] && [ -d "$mnist" ]; then
    pare-data idx "$mnist"/train-images* "$mnist"/train-labels* \
        "$mnist"/t10k-images* "$mnist"/t10k-labels* -o mnist.h5
    reaches .984 onnx-mnist8/model.onnx mnist.h5 none
    reaches .975 lenet-fyh620/lenet.onnx mnist.h5 .1307,.3081
    reaches .974 vnncomp2021/mnist-net_256x2.onnx mnist.h5 unit
    if [ -d "$cifar" ]; then
        pare-data cifar10 "$cifar" -o cifar.h5
        reaches .684 vnncomp2021/resnet_2b.onnx cifar.h5 \
            .4914,.4822,.4465,.247,.2435,.2616
        reaches .603 vnncomp2021/cifar_base_kw.onnx cifar.h5 \
            .485,.456,.406,.225,.225,.225
    fi
else
    printf '%s\n' "SKIP: no models of ONNX here"
fi
finish
