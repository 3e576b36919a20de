#!/bin/sh
# Damage models, data files, texts, tables, IDX files, arrays, images and
# files of other programs and read them.
# usage: fuzz.sh [SECONDS [SEED]]; needs the programs and fuzz_files in PATH
. "${0%/*}/tools/lib.sh"
. "$HERE/tools/arrays.sh"
. "$HERE/tools/foreign.sh"

seconds=${1:-3}
seed=${2:-1}

# Three classes of four columns, enough to train on.
awk 'BEGIN { print "class,a,b,c,d"
    for (i = 0; i < 60; i++) printf "%s,%d,%d,%g,%d\n",
        substr("xyz", i % 3 + 1, 1), i % 7, i % 3 * 5, i / 7, 9 - i % 5
}' >table.csv
ok "a data file" pare-data csv table.csv --label class -o data.h5
ok "a drawn model" pare-init -a 4-6-3 -S 1 -o dense.h5
ok "a trained model" pare-train -q -d data.h5 -e 3 -b 8 --checkpoint every:1 \
    -S 2 dense.h5 -o trained.h5
ok "a pruned model" pare-prune -s 0.5 trained.h5 -o masked.h5
ok "one with an undo point" pare-prune -f 0.3 --keep-undo masked.h5 -o undo.h5
ok "a large model" pare-init -a 1024-300-10 -S 1 -o wide.h5
ok "its positions" pare-prune -s 0.99 wide.h5 -o index.h5
ok "its bits" pare-prune -s 0.9 wide.h5 -o bits.h5
ok "a packed model" pare-pack undo.h5 -o coded.h5
ok "a small one" pare-pack -9 --strip bits.h5 -o small.h5
run_sh "pare-dump masked.h5 >twin.txt"
status_is 0 "a text"
printf '\0\0\10\3\0\0\0\2\0\0\0\2\0\0\0\2abcdefgh' >images.idx
npy '<f8' '2, 3' "$(head -c 48 /dev/zero | tr '\0' 5)" >x.npy
npz x x.npy y x.npy >archive.npz
gzip -nc images.idx >packed.idx
pare-init -a 'in(2,8,8) conv2d(3,3) batchnorm2d relu maxpool(2) gelu a=silu
    conv2d(3,1,bias=no) add(conv2,a) srelu pad(left=1) concat(pad1,pad1)
    dropout linear(4) softmax' -S 1 | pare-export onnx -o graph.onnx
pare-init -a 'in(2,8,8) conv2d(3,3,pad=1) batchnorm2d relu maxpool(2) flatten
    linear(4) softmax' -S 1 | pare-export keras -o graph.keras
ok "one with a filter" pare-pack --tier F bits.h5 -o filter.h5
pare-export safetensors masked.h5 -o named.safetensors
safetensors '{"a.w":{"dtype":"F32","shape":[1,2],"data_offsets":[4,12]},
"a.i":{"dtype":"I64","shape":[],"data_offsets":[12,20]},
"a.h":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},
"a.e":{"dtype":"F8_E5M2","shape":[2,1],"data_offsets":[2,4]}}' \
    "\0\74\1\2$one$half\7\0\0\0\0\0\0\0" >types.safetensors
printf '{"metadata":{"x":[1,{"y":null}]},"weight_map":{"a.w":"%s","a.i":"%s",
"a.h":"%s","a.e":"%s"}}' types.safetensors types.safetensors types.safetensors \
    types.safetensors >types.index.json
dict="ccollections\\nOrderedDict\\n)R($(text a)$(tensor "$(storage 0 4)" 0 \
    'K\002K\002' 'K\001K\002')$(text b)(K\\003G12345678Nt$(text f)]q\\007(K\\1$(text c)e$(text d)}$(text e)$(tensor \
    "$(storage 0 4)" 1 'K\003' 'K\001')su"
torch_old "$dict" "]$(text 0)a" \
    "\\4\\0\\0\\0\\0\\0\\0\\0$one$half$three$minus_two" >old.pth
# The pickle is a format.
# shellcheck disable=SC2059
printf "\\200\\002$dict." >data.pkl
# shellcheck disable=SC2059
printf "$one$half$three$minus_two" >data0
suffix=
npz x/data.pkl data.pkl x/data/0 data0 >new.pth
unset suffix
for file in named.safetensors types.safetensors types.index.json old.pth \
    new.pth graph.keras; do
    run_sh "pare-import $file | pare-check -"
    status_is 0 "a file of another program: $file"
done
image_probe palette 40 30 27 >palette.png
image_probe rgba 40 30 1 >alpha.png
image_probe jpeg 40 30 1 >colour.jpg
image_probe jpeg-cmyk 40 30 1 >ink.jpg

# Other structures of HDF5 that readers accept, where its tools are there.
more=
if have h5repack; then
    h5repack --latest -l CHUNK=7 masked.h5 late.h5 2>"$ERR" &&
        h5repack --latest -f GZIP=1 trained.h5 packed.h5 2>>"$ERR" &&
        h5repack -l CHUNK=3 dense.h5 chunked.h5 2>>"$ERR" &&
        more="late.h5 packed.h5 chunked.h5"
fi

run fuzz_files "$seconds" "$seed" data.h5 dense.h5 trained.h5 masked.h5 \
    index.h5 bits.h5 undo.h5 coded.h5 small.h5 filter.h5 trained.h5 masked.h5 data.h5 twin.txt table.csv \
    images.idx packed.idx x.npy archive.npz palette.png alpha.png colour.jpg \
    ink.jpg graph.onnx graph.onnx graph.keras graph.keras named.safetensors types.safetensors \
    types.index.json old.pth old.pth old.pth new.pth $more
cat "$OUT"
status_is 0 "nothing crashes, hangs, or is read as something else"
if [ "$status" -ne 0 ]; then
    keep=$(mktemp -d "${TMPDIR:-/tmp}/pare-fuzz.XXXXXX")
    cp bad-* "$keep" 2>/dev/null
    echo "cases kept in $keep"
fi
finish
