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
rows=${*:-fashion challenge penguins commands files startup memory phases}
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

rows_phases() {
    for threads in 1 2; do
        echo "parts of a step, 784-300-100-10, batch 64, $threads thread(s)"
        "$bin/bench_train" "$data" 784-300-100-10 sgd,momentum=.9 64 \
            $threads phases
    done
    echo "parts of a step, 12-12-3, Adam, batch 50"
    "$bin/bench_train" random:200 12-12-3 adam 50 1 phases
}

for row in $rows; do
    "rows_$row"
done
