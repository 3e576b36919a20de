# Networks that others trained, from their own files: each reaches on MNIST the
# accuracy that was stated for it. PARE_MODELS names the folder of the models,
# beside which is the data set; without them there is nothing to test.
. "${0%/*}/lib.sh"

models=${PARE_MODELS:-$HERE/../../../shared/data/models}
data=$models/../mnist
[ -d "$models" ] && [ -d "$data" ] || skip "no models of others"

# The first 2,000 test images.
run pare-data idx --make-split 2000,0,1 --no-shuffle -o data.h5 \
    "$data"/t10k-images*gz "$data"/t10k-labels*gz
status_is 0 "the images are read"

# reaches NAME ACCURACY FILE OPTIONS...: within half a point of it, or above.
reaches() {
    name=$1 want=$2 file=$3
    shift 3
    if [ ! -f "$models/$file" ]; then
        echo "not there: $file"
        return
    fi
    run pare-import "$@" "$models/$file" -o model.h5
    status_is 0 "$name is imported"
    run pare-eval --split train -d data.h5 model.h5
    accuracy=$(sed -n '2s/^[^	]*	[^	]*	[^	]*	[^	]*	\([^	]*\).*/\1/p' "$OUT")
    echo "$name: stated $want, reached $accuracy"
    ok "$name reaches $want" awk "BEGIN { exit !($accuracy >= $want - .005) }"
    run pare-prune -s .5 model.h5 -o half.h5
    status_is 0 "$name is pruned to a half"
    run pare-eval --split train -d data.h5 half.h5
    half=$(sed -n '2s/^[^	]*	[^	]*	[^	]*	[^	]*	\([^	]*\).*/\1/p' "$OUT")
    echo "$name: half of its weights $half"
    ok "$name loses less than a point" \
        awk "BEGIN { exit !($half > $accuracy - .01) }"
}

cnn='in(1,28,28) conv2d(32,5) relu conv2d(32,5) relu batchnorm2d maxpool(2)
conv2d(64,3) relu conv2d(64,3) relu batchnorm2d maxpool(2) flatten linear(10)'
lenet='in(1,28,28) conv2d(6,5) maxpool(2) relu conv2d(16,5) maxpool(2) relu
flatten linear(120) relu linear(84) relu linear(10)'

reaches "dfdx's MLP" .982 safetensors/dfdx_mnist.safetensors \
    -a 784-512-128-32-10 --normalize unit
reaches "denograd's CNN with batch norm" .988 \
    safetensors/denograd_mnist.safetensors -a "$cnn" --normalize none
reaches "an MLP of NumPy" .956 npz/muknbuck_weights.npz \
    -a 784-30-30-10 --transpose --normalize unit
reaches "LeNet-5 of PyTorch" .975 lenet-fyh620/lenet.pth \
    -a "$lenet" --normalize .1307,.3081

if [ -f "$models/squeezenet-deepcompression/squeezenet_pruned.npz" ]; then
    for kind in safetensors npz; do
        run pare-import -o "$kind.h5" \
            "$models/squeezenet-deepcompression/squeezenet_pruned.$kind"
        status_is 0 "SqueezeNet comes from $kind"
    done
    run_sh 'pare-stats --total npz.h5 | cut -f 4,6'
    out_has '^12' "with its weights"
fi
if [ -f "$models/pruning-lenet/ranjith_lenet.pth" ]; then
    run pare-import "$models/pruning-lenet/ranjith_lenet.pth"
    fails_with 1 "a pickle of a whole module is refused"
    err_has 'wants to call core\.model\.lenet\.LeNet' "by what it would call"
fi

finish
