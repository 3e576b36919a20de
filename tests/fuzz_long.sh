#!/bin/sh
# Run targets of libFuzzer, each for some time, from seeds that are made here:
#
#     cmake --preset fuzz && cmake --build --preset fuzz
#     sh tests/fuzz_long.sh build-fuzz [SECONDS [TARGET...]]
#
# A line a target: its name, inputs run, branches seen, findings. These, and
# the inputs that the next run begins with, are kept in build-fuzz/found/TARGET
# and build-fuzz/corpus/TARGET. Targets that read by way of libhdf5 go on
# behind a crash, as that library has some of its own: what failed is kept as
# crash-*, and what ./pare says about it, is for people to see.
BUILD=$(cd "$1" && pwd) || exit 2
shift
PATH=$BUILD/tools:$BUILD/tests:$PATH
[ -n "${TMPDIR-}" ] || [ ! -w /dev/shm ] || TMPDIR=/dev/shm
export TMPDIR
. "${0%/*}/tools/lib.sh"

seconds=${1:-60}
[ $# -eq 0 ] || shift
all="codec rans model data scores twin arch json csv idx npy npz cifar image
    onnx keras config safetensors index zip torch pickle state_dict"
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $all
ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1
LSAN_OPTIONS=suppressions=$HERE/lsan.supp:print_suppressions=0
export ASAN_OPTIONS LSAN_OPTIONS
. "$HERE/fuzz_seeds.sh"

# give TARGET FILE...: seeds.
give() {
    into=$BUILD/corpus/$1
    shift
    mkdir -p "$into"
    for file in "$@"; do
        [ ! -s "$file" ] || cp "$file" "$into/seed-${file##*/}"
    done
}
mkdir -p "$BUILD/corpus/codec" "$BUILD/corpus/rans" "$BUILD/corpus/model"
seeds_codec 0 1 "$BUILD/corpus/codec"
seeds_rans 0 1 "$BUILD/corpus/rans"
seeds_model 0 1 "$BUILD/corpus/model"
# shellcheck disable=SC2086
give model dense.h5 trained.h5 masked.h5 undo.h5 coded.h5 $more
give data table.data.h5
give scores odd.scores.h5
give twin twin.txt
give arch graph.arch
give json one.json list.json types.index.json layers.config
give csv table.csv
give idx images.idx packed.idx
give npy x.npy
give npz archive.npz arrays.npz masks.npz
give cifar one.bin
give image palette.png alpha.png colour.jpg ink.jpg
give onnx graph.onnx
give keras graph.keras.h5 graph.keras
give config layers.config joined.config
give safetensors named.safetensors types.safetensors
give index types.index.json
give zip archive.npz arrays.npz new.pth masks.pth
give torch old.pth new.pth masks.pth
give pickle plain.pickle
give state_dict data.pkl masks.pkl

# limits TARGET: what a target may take. libhdf5 asks for what a file says.
limits() {
    case $1 in
    model | data | scores | keras)
        echo -fork=1 -ignore_crashes=1 -ignore_ooms=1 -ignore_timeouts=1 \
            -malloc_limit_mb=1000000 -rss_limit_mb=3000
        ;;
    *) echo -malloc_limit_mb=1000 -rss_limit_mb=3000 ;;
    esac
}

for target; do
    found=$BUILD/found/$target
    mkdir -p "$found"
    # shellcheck disable=SC2046
    run "fuzz_$target" $(limits "$target") -max_total_time="$seconds" \
        -timeout=20 -max_len=20000 -use_value_profile=1 -dict="$HERE/fuzz.dict" \
        -print_final_stats=1 -artifact_prefix="$found/" "$BUILD/corpus/$target"
    cp "$ERR" "$found/log"
    awk -v target="$target" '
        /^#[0-9]+/ { runs = substr($1, 2) + 0
            for (i = 2; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
        /stat::number_of_executed_units/ { runs = $2 }
        END { printf "%-12s %9d runs %6d branches", target, runs, cov }' "$ERR"
    kept=$(find "$found" -type f ! -name log | wc -l)
    echo " $kept findings"
    if [ "$kept" -eq 0 ]; then pass; else fail "$target" "see $found"; fi
done
finish
