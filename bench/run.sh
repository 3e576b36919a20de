#!/bin/sh
# run.sh BUILD [ROW...]: the benchmark's table; see README.md.
set -u
build=${1:?usage: run.sh BUILD [ROW...]}
shift
here=$(cd "$(dirname "$0")" && pwd)
bin=$build/bench
tools=$build/tools
py=${PARE_PEER_PYTHON:-python3}
seconds=${PARE_BENCH_SECONDS:-20}
fashion=/usr/share/datasets/fashion-mnist
rows=${*:-fashion challenge penguins lenet5 fashioncnn resnet20 cifarcnn \
evalcnn scores sparse sparsestep codec setmlp images commands files prune \
startup memory memorycnn million phases}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/pare-bench.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
export OPENBLAS_NUM_THREADS=1

race() {
    "$bin/interleave" -t "$seconds" "$@" || echo "  (failed)"
}

has_torch=no
"$py" -c 'import torch' 2>/dev/null && has_torch=yes

# with_peer ARCH OPTIMIZER BATCH THREADS SAMPLES -- interleave's arguments
# with_peer eval ARCH BATCH THREADS SAMPLES -- interleave's arguments
with_peer() {
    peer="$1 $2 $3 $4 $5"
    threads=$4
    shift 6
    if [ $has_torch = no ]; then
        race "$@"
        echo "  (no peer: PARE_PEER_PYTHON=$py has no torch)"
    elif [ "$threads" = 1 ]; then
        race "$@" "w torch=exec $py $here/peer.py $peer"
    else
        race "$@" "w torch=exec $py $here/peer.py $peer" \
            "w torch-bound=OMP_PROC_BIND=true exec $py $here/peer.py $peer"
    fi
}

if [ -f $fashion/train-images-idx3-ubyte.gz ]; then
    "$tools/pare-data" idx $fashion/train-images-idx3-ubyte.gz \
        $fashion/train-labels-idx1-ubyte.gz \
        $fashion/t10k-images-idx3-ubyte.gz \
        $fashion/t10k-labels-idx1-ubyte.gz -o "$tmp/fashion.h5" || exit 1
    data=$tmp/fashion.h5
    samples="$fashion/train-images-idx3-ubyte.gz
 $fashion/train-labels-idx1-ubyte.gz"
    samples=$(echo $samples)
else
    echo "no $fashion: random samples in its place, some rows left out"
    data=random:10000
    samples=10000
fi

# Samples of the shape of the penguins: 12 inputs, 3 classes, 200 100 33.
awk 'BEGIN {
    srand(1)
    for (i = 1; i <= 12; i++)
        printf "x%d,", i
    print "class"
    for (r = 0; r < 333; r++) {
        k = int(3 * rand())
        for (i = 0; i < 12; i++)
            printf "%.4f,", rand() + (i % 3 == k)
        print "abc" ? substr("abc", k + 1, 1) : ""
    }
}' >"$tmp/small.csv"
"$tools/pare-data" csv "$tmp/small.csv" --label class --make-split 200,100,33 \
    -S 1 -o "$tmp/small.h5" || exit 1

rows_fashion() {
    for threads in 1 2; do
        for batch in 64 128; do
            [ $batch = 64 ] && goal=x1.2 || goal=x1.0
            echo "train 784-300-100-10, SGD momentum, batch $batch," \
                "$threads thread(s), samples/s"
            ours="exec $bin/bench_train $data 784-300-100-10 \
sgd,momentum=.9 $batch $threads"
            with_peer 784-300-100-10 sgd $batch $threads "$samples" -- \
                -g $goal "w pare=$ours" "w pare avx512=$ours avx512" \
                "w pare avx2=$ours avx2" "w pare openblas=$ours openblas" \
                "p product 2048^3=exec $bin/bench_gemm 2048 $threads"
        done
    done
}

rows_challenge() {
    echo "train challenge-mlp, SGD momentum, batch 128, 2 threads, samples/s"
    with_peer challenge-mlp sgd 128 2 "$samples" -- -g x1.0 \
        "w pare=exec $bin/bench_train $data challenge-mlp sgd,momentum=.9 \
128 2" "p product 2048^3=exec $bin/bench_gemm 2048 2"
}

rows_penguins() {
    echo "train 12-12-3, Adam, batch 50, 200 samples, in process, samples/s"
    with_peer 12-12-3 adam 50 1 200 -- -g x20 \
        "w pare=exec $bin/bench_train $tmp/small.h5 12-12-3 adam 50 1" \
        "w pare unvalidated=exec $bin/bench_train random:200 12-12-3 adam \
50 1"
}

# cnn ARCH BATCH THREADS DATA SAMPLES [GOAL]: a row of training.
cnn() {
    echo "train $1, SGD momentum, batch $2, $3 thread(s), samples/s"
    with_peer "$1" sgd "$2" "$3" "$5" -- ${6:+-g "$6"} \
        "w pare=exec $bin/bench_train $4 $1 sgd,momentum=.9 $2 $3" \
        "p product 2048^3=exec $bin/bench_gemm 2048 $3"
}

rows_lenet5() {
    cnn lenet-5 64 2 "$data" "$samples" x2
}

rows_fashioncnn() {
    for threads in 1 2; do
        cnn fashion-cnn 64 $threads "$data" "$samples" x1.2
    done
}

rows_resnet20() {
    cnn resnet-20 128 2 random:5120 5120 x1.0
}

rows_cifarcnn() {
    for batch in 4 32; do
        cnn cifar-cnn $batch 2 random:5120 5120
    done
}

rows_evalcnn() {
    for batch in 1 1024; do
        echo "evaluate fashion-cnn, batch $batch, 2 threads, samples/s"
        with_peer eval fashion-cnn $batch 2 "$samples" -- -g x1.3 \
            "w pare=exec $bin/bench_eval $data fashion-cnn $batch 2" \
            "p product 2048^3=exec $bin/bench_gemm 2048 2"
    done
}

# Criteria beside `gradient`, which is one forward and backward pass.
rows_scores() {
    for arch in lenet-300-100 conv-2 vgg-11; do
        echo "score $arch, 96 samples, 2 threads, samples/s"
        set --
        for c in snip taylor fisher grasp wanda activation synflow \
            lamp obs +taylor +geometric-median; do
            # Factors of Hessians of thousands of inputs take long.
            [ "$c" != obs ] || [ "$arch" = lenet-300-100 ] || continue
            set -- "$@" \
                "w $c=exec $bin/bench_score random:96 $arch $c 96 2"
        done
        race "$@" \
            "p gradient=exec $bin/bench_score random:96 $arch gradient 96 2"
    done
}

# rivals WHAT ROWS COLS BATCH SPARSITY: our dense products, then OpenBLAS's.
rivals() {
    set -- "$1" "$2 $3 $4 $5"
    sparse="exec $bin/bench_sparse $1"
    race -g "$goal" "w pare=$sparse $best $2" "w pare avx2=$sparse avx2 $2" \
        "w pare c=$sparse c $2" "w pare dense=$sparse dense-$best $2" \
        "w openblas dense=$sparse dense-openblas $2"
}

# The best row of the table that this machine has.
best=openblas
for k in avx2 avx512; do
    echo 1 | "$bin/bench_sparse" forward $k 1 1 4 0 >"$tmp/out" 2>&1 &&
        best=$k
done

# Sparse products beside dense ones of the same shape, one thread.
rows_sparse() {
    for shape in "300 784" "1000 1000"; do
        for batch in 64 256; do
            for case in 80:x3 90:x5 95:x9 99:x30; do
                goal=${case#*:}
                echo "W x, ${shape% *}x${shape#* }, batch $batch," \
                    "${case%:*} % sparse, 1 thread, products/s"
                rivals forward $shape $batch ${case%:*}
            done
        done
    done
}

# W x, W' dy, gradients and the update with momentum. PyTorch is that of the
# peer and, where it is another, that of Debian, without MKL.
debian=/usr/bin/python3
rows_sparsestep() {
    "$debian" -c 'import torch, scipy' 2>/dev/null &&
        [ "$(command -v "$py")" != $debian ] || debian=
    for shape in "300 784" "1000 1000"; do
        for batch in 64 256; do
            for case in 90:x4.5 95:x8; do
                goal=${case#*:}
                echo "step of ${shape% *}x${shape#* }, batch $batch," \
                    "${case%:*} % sparse, 1 thread, steps/s"
                rivals step $shape $batch ${case%:*}
                step="step $shape $batch ${case%:*}"
                ours="w pare=exec $bin/bench_sparse ${step%% *} $best ${step#* }"
                "$py" -c 'import torch, scipy' 2>/dev/null || continue
                peer="exec $py $here/peer_sparse.py"
                race -g x4 "$ours" "w torch=$peer autograd $step" \
                    "w torch, by hand=$peer torch $step"
                [ -z "$debian" ] || race -g x4 "$ours" "w torch of Debian, \
by hand=exec $debian $here/peer_sparse.py torch $step"
                peer="exec $py $here/peer_sparse.py scipy $step"
                race -g x12 "$ours" "w scipy, dense gradient=$peer dense" \
                    "w scipy=$peer gathered"
            done
        done
    done
}

# A tensor coded and decoded in memory, beside what HDF5 files usually have.
rows_codec() {
    for what in encode decode; do
        for s in 0 50 90 99; do
            echo "$what 4096 x 4096 float32, $s % pruned, 1 thread," \
                "dense MB/s"
            worker="exec $bin/bench_codec $what"
            race -r 7 "w pare=$worker pare $s" "w zstd -3=$worker zstd $s" \
                "w shuffle+gzip6=$worker hdf5 $s"
        done
    done
}

# The MLP of SET, an epoch and a rewiring as a whole process, beside masks.
rows_setmlp() {
    set_data=$data
    [ "$data" = random:10000 ] && set_data=$tmp/set.h5 &&
        noise "$set_data" 10000 1 28
    layer='linear(1000) relu dropout(.3)'
    "$tools/pare-init" -S 1 --epsilon 20 --sparse er,fan=sparse \
        --sparse-layers 'fc[123]' \
        -a "in(784) $layer $layer $layer linear(10)" -o "$tmp/set-a.h5" ||
        return
    echo "train --evolve, SET MLP 784-1000-1000-1000-10, epsilon 20," \
        "batch 128, 2 threads, samples/s"
    n=$("$tools/pare-data" info "$set_data" 2>/dev/null |
        awk '$2 == "train" && $3 == "-" { print $4 }')
    peer="exec $py $here/peer_set.py"
    set -- "w pare=$peer pare 2 $tools/pare-train $set_data $tmp/set-a.h5 \
$tmp/set-b.h5 ${n:-10000}"
    [ $has_torch = no ] || set -- "$@" "w torch=$peer torch 2 $samples" \
        "w torch-bound=OMP_PROC_BIND=true $peer torch 2 $samples"
    if [ $has_torch = no ]; then
        race "$@"
        echo "  (no peer: PARE_PEER_PYTHON=$py has no torch)"
    else
        race -g x10 "$@"
    fi
}

# The samples decoded, beside the same files taken from a plain tar; the
# folder that tar fills is emptied between rounds.
rows_images() {
    from=${PARE_CIFAR_JPEG:-}
    if [ ! -d "$from" ]; then
        echo "images left out: PARE_CIFAR_JPEG names no folder"
        return
    fi
    tar cf "$tmp/jpeg.tar" -C "$from" . || return
    echo "decode the JPEG files of a folder, 2 threads, whole process, ms"
    race -g 'x<3' "x pare-data images=exec $tools/pare-data images \
'$from' --size 32 -j 2 -o $tmp/jpeg.h5" \
        "x empty the folder=rm -rf $tmp/jpeg && mkdir $tmp/jpeg" \
        "x tar xf=mkdir -p $tmp/jpeg && exec tar xf $tmp/jpeg.tar \
-C $tmp/jpeg"
    rm -rf "$tmp/jpeg" "$tmp/jpeg.tar" "$tmp/jpeg.h5"
}

rows_commands() {
    echo "pare train 12-12-3, 16,000 steps, whole process, ms"
    race -g 'ms<300' "x pare-train=exec $tools/pare-train -a 12-12-3 -b 50 \
--steps 16000 -q -S 1 -d $tmp/small.h5 -o $tmp/small-model.h5"
    [ "$data" = random:10000 ] && return
    "$tools/pare-train" -a lenet-300-100 -e 1 -q -S 1 -d "$data" \
        -o "$tmp/lenet.h5" || return
    echo "pare eval lenet-300-100, 10,000 images, whole process, ms"
    race -g 'ms<250' "x pare-eval=exec $tools/pare-eval -d $data \
$tmp/lenet.h5 >$tmp/out"
}

rows_files() {
    "$tools/pare-init" -a 2236-2236-2236 -S 1 -o "$tmp/ten.h5" || return
    echo "a file of 9,999,392 weights, whole process, ms"
    for t in stats "prune -s .9"; do
        name=pare-${t%% *}
        race -g 'x<3' "x $name=$tools/pare-$t $tmp/ten.h5 >$tmp/out" \
            "x h5repack=exec h5repack -f NONE $tmp/ten.h5 $tmp/copy.h5"
    done
}

# A file of 100 million weights pruned, beside the same read and written: by
# pruning nothing, which ranks the weights but once, and by cp.
rows_prune() {
    "$tools/pare-init" -a 10000-10000-10 -S 1 -o "$tmp/hundred.h5" || return
    echo "pare prune -s .9, 100,100,000 weights, whole process, ms"
    race -g 'x<1.5' "x pare-prune -s .9=exec $tools/pare-prune -s .9 \
$tmp/hundred.h5 -o $tmp/out.h5" \
        "x cp=exec cp $tmp/hundred.h5 $tmp/copy.h5" \
        "x read and write=exec $tools/pare-prune -s 0 $tmp/hundred.h5 \
-o $tmp/copy.h5"
    echo "its peak memory: weights 382 MiB, mask 95, and at most 64: 541 MiB"
    race -r 3 "x pare-prune=exec $tools/pare-prune -s .9 $tmp/hundred.h5 \
-o $tmp/out.h5"
    rm -f "$tmp/hundred.h5" "$tmp/out.h5" "$tmp/copy.h5"
}

rows_startup() {
    echo "start-up, ms"
    for t in "$tools"/pare-*; do
        name=${t##*/}
        [ -x "$t" ] && [ -f "$t" ] && race -r 9 "x $name -h=exec $t -h >$tmp/out" \
            "x $name --version=exec $t --version >$tmp/out"
    done
}

# Peak: data as stored + 12 x parameters + activations of a batch + 128 MiB.
rows_memory() {
    [ "$data" = random:10000 ] && return
    for arch in lenet-300-100 challenge-mlp; do
        case $arch in
        lenet*) parameters=266610 features=1194 ;;
        *) parameters=2386000 features=3494 ;;
        esac
        bound=$(awk -v p=$parameters -v f=$features 'BEGIN {
            bytes = 70000 * 785 + 12 * p + 3 * 4 * 128 * f
            printf "%.0f", bytes / 1048576 + 128 }')
        echo "peak memory of pare train $arch, 60 steps: at most $bound MiB"
        race -r 3 "x pare-train=exec $tools/pare-train -a $arch -b 128 \
--steps 60 -q -S 1 --optimizer sgd,momentum=.9 -d $data -o $tmp/out"
    done
}

# be32 N...: numbers of four bytes, the highest first.
be32() {
    for n; do
        printf "$(printf '\\%03o\\%03o\\%03o\\%03o' $((n >> 24 & 255)) \
            $((n >> 16 & 255)) $((n >> 8 & 255)) $((n & 255)))"
    done
}

# noise FILE N CHANNELS SIDE: images of 10 classes, or 5, in turn.
noise() {
    { printf '\0\0\10\4'; be32 "$2" "$3" "$4" "$4"
        head -c $(($2 * $3 * $4 * $4)) /dev/urandom; } >"$tmp/noise-x"
    { printf '\0\0\10\1'; be32 "$2"
        for i in $(seq $(($2 / 10))); do
            printf '\0\1\2\3\4'
            [ "$4" = 180 ] && printf '\0\1\2\3\4' || printf '\5\6\7\10\11'
        done; } >"$tmp/noise-y"
    "$tools/pare-data" idx "$tmp/noise-x" "$tmp/noise-y" -o "$1"
    rm "$tmp/noise-x" "$tmp/noise-y"
}

# peak ARCH BATCH DATA BYTES PARAMETERS ACTIVATIONS GRADIENTS: the data as
# stored, weights, momentum and the file's image, and of a batch the outputs
# of all layers that do not work in place, and the gradients that are there
# at the same time (floats of a sample); 128 MiB for all else.
peak() {
    bound=$(awk -v d="$4" -v p="$5" -v f=$(($6 + $7)) -v b="$2" 'BEGIN {
        printf "%.0f", (d + 12 * p + 4 * b * f) / 1048576 + 128 }')
    echo "peak memory of pare train $1, batch $2, 6 steps: at most $bound MiB"
    race -r 3 "x pare-train=exec $tools/pare-train -a $1 -b $2 --steps 6 \
-q -S 1 --optimizer sgd,momentum=.9 -j 2 -d $3 -o $tmp/out"
}

rows_memorycnn() {
    [ "$data" = random:10000 ] || peak fashion-cnn 128 "$data" \
        $((70000 * 785)) 1199882 68634 58496
    noise "$tmp/noise.h5" 1280 3 32 || return
    peak resnet-20 128 "$tmp/noise.h5" $((1280 * 3073)) 269722 398410 49152
    noise "$tmp/noise.h5" 160 3 180 || return
    peak flower-cnn 32 "$tmp/noise.h5" $((160 * 97201)) 8302993 1652437 777600
}

rows_million() {
    echo "a SET MLP of 1,000,000 neurons, 21.5 million weights"
    sh "$here/million.sh" "$build"
}

rows_phases() {
    for threads in 1 2; do
        echo "parts of a step, 784-300-100-10, batch 64, $threads thread(s)"
        "$bin/bench_train" "$data" 784-300-100-10 sgd,momentum=.9 64 \
            $threads phases
    done
    echo "parts of a step, 12-12-3, Adam, batch 50"
    "$bin/bench_train" random:200 12-12-3 adam 50 1 phases
    for arch in lenet-5 fashion-cnn resnet-20; do
        echo "parts of a step, $arch, batch 64, 2 threads"
        "$bin/bench_train" random:640 $arch sgd,momentum=.9 64 2 phases
    done
}

for row in $rows; do
    "rows_$row"
done
