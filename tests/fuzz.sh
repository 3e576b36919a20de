#!/bin/sh
# Damage models, data files, texts, tables, IDX files, arrays, images and
# files of other programs and read them.
# usage: fuzz.sh [CASES [SEED]]; needs the programs and fuzz_files in PATH
. "${0%/*}/tools/lib.sh"

cases=${1:-1500}
seed=${2:-1}
. "$HERE/fuzz_seeds.sh"

# Some are taken more often, as there is more in them.
run fuzz_files "$cases" "$seed" table.data.h5 dense.h5 trained.h5 masked.h5 \
    index.h5 bits.h5 undo.h5 coded.h5 small.h5 filter.h5 levels.h5 trained.h5 \
    masked.h5 table.data.h5 odd.scores.h5 twin.txt table.csv images.idx packed.idx x.npy \
    archive.npz arrays.npz palette.png alpha.png colour.jpg ink.jpg one.bin \
    graph.onnx graph.onnx graph.keras.h5 graph.keras.h5 graph.keras \
    layers.config joined.config named.safetensors types.safetensors \
    types.index.json old.pth old.pth old.pth new.pth data.pkl plain.pickle \
    masks.npz masks.pth masks.pkl masks.pkl \
    deflated.zip stored.zip graph.arch one.json list.json $more
cat "$OUT"
status_is 0 "nothing crashes, hangs, or is read as something else"
if [ "$status" -ne 0 ]; then
    keep=$(mktemp -d "${TMPDIR:-/tmp}/pare-fuzz.XXXXXX")
    cp bad-* "$keep" 2>/dev/null
    echo "cases kept in $keep"
fi
finish
