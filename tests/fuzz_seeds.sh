# Files of every kind, made of text and by our programs; sourced behind lib.sh
# by those who damage them. The end of a name tells its reader, see
# fuzz_readers.c; $more names those that only other programs can make.
. "$HERE/tools/arrays.sh"
. "$HERE/tools/foreign.sh"

# Three classes of four columns, enough to train on.
awk 'BEGIN { print "class,a,b,c,d"
    for (i = 0; i < 60; i++) printf "%s,%d,%d,%g,%d\n",
        substr("xyz", i % 3 + 1, 1), i % 7, i % 3 * 5, i / 7, 9 - i % 5
}' >table.csv
ok "a data file" pare-data csv table.csv --label class -o table.data.h5
ok "a drawn model" pare-init -a 4-6-3 -S 1 -o dense.h5
ok "a trained model" pare-train -q -d table.data.h5 -e 3 -b 8 --checkpoint every:1 \
    -S 2 dense.h5 -o trained.h5
ok "a pruned model" pare-prune -s 0.5 trained.h5 -o masked.h5
ok "one with an undo point" pare-prune -f 0.3 --keep-undo masked.h5 -o undo.h5
ok "a large model" pare-init -a 1024-300-10 -S 1 -o wide.h5
ok "its positions" pare-prune -s 0.99 wide.h5 -o index.h5
ok "its bits" pare-prune -s 0.9 wide.h5 -o bits.h5
ok "scores" scores_probe dense.h5 odd.scores.h5 good
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
    linear(4) softmax' -S 1 | pare-export keras -o graph.keras.h5
ok "one with a filter" pare-pack --tier F bits.h5 -o filter.h5
run_sh "pare-quantize --uniform 3 bits.h5 | pare-pack --tier F -o levels.h5"
status_is 0 "one with levels and kept zeros"
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
cp data.pkl plain.pickle
# shellcheck disable=SC2059
printf "$one$half$three$minus_two" >data0
suffix=
npz x/data.pkl data.pkl x/data/0 data0 >new.pth
zero='\0\0\0\0'
# Values and their mask, of one storage that another tensor shows.
square() {
    tensor "$(storage 1 64)" 0 'K\010K\010' 'K\010K\001'
}
# shellcheck disable=SC2059
printf "\\200\\002}($(text v_orig)$(square)$(text v_mask)$(square)$(text w)$(square)u." >masks.pkl
# shellcheck disable=SC2059
printf "$one$zero$one$one" >data1
while [ "$(wc -c <data1)" -lt 256 ]; do printf "$zero$zero$zero$zero" >>data1; done
method=8
npz x/data.pkl masks.pkl x/data/1 data1 >masks.pth
unset method suffix
npy '<f4' '2,' "$one$half" >v_orig
npy '|b1' '2,' '\1\0' >v_mask
method=8
npz v_orig v_orig v_mask v_mask >masks.npz
unset method
for file in named.safetensors types.safetensors types.index.json old.pth \
    new.pth masks.pth masks.npz graph.keras.h5; do
    run_sh "pare-import $file | pare-check -"
    status_is 0 "a file of another program: $file"
done
image_probe palette 40 30 27 >palette.png
image_probe rgba 40 30 1 >alpha.png
image_probe jpeg 40 30 1 >colour.jpg
image_probe jpeg-cmyk 40 30 1 >ink.jpg
pare-export npz masked.h5 -o arrays.npz
cp arrays.npz deflated.zip
cp new.pth stored.zip
{ printf '\3'; head -c 3072 /dev/zero | tr '\0' 9; } >one.bin
printf 'in(2,8,8) conv2d(3,3,pad=1) batchnorm2d relu maxpool(2) a=linear(4)
    add(a,a) dropout(p=0.5) softmax' >graph.arch
printf '{"a":[1,-2.5e3,"\\u00e9\\ud83d\\ude00",{"b":null}],"c":true}' >one.json
printf '"a" 12 "\\n" [3] 18446744073709551615 {} "b"' >list.json
cat >layers.config <<'END'
{"class_name":"Sequential","config":{"name":"s","layers":[{"class_name":
"InputLayer","config":{"batch_input_shape":[null,8,8,2],"name":"in"}},{
"class_name":"Conv2D","config":{"name":"c","filters":3,"kernel_size":[3,3],
"strides":[1,1],"padding":"same","data_format":"channels_last","dilation_rate":
[1,1],"groups":1,"activation":"relu","use_bias":true}},{"class_name":
"BatchNormalization","config":{"name":"b","axis":[3],"epsilon":0.001,"center":
true,"scale":true}},{"class_name":"MaxPooling2D","config":{"name":"m",
"pool_size":[2,2],"strides":[2,2],"padding":"valid","data_format":
"channels_last"}},{"class_name":"Flatten","config":{"name":"f"}},{"class_name":
"Dense","config":{"name":"d","units":4,"activation":"softmax","use_bias":true}}
]}}
END
cat >joined.config <<'END'
{"class_name":"Functional","config":{"name":"g","layers":[{"class_name":
"InputLayer","config":{"batch_shape":[null,6],"name":"in"},"name":"in",
"inbound_nodes":[]},{"class_name":"Dense","config":{"name":"a","units":6,
"activation":"relu","use_bias":false},"name":"a","inbound_nodes":[[["in",0,0,{}
]]]},{"class_name":"Add","config":{"name":"p"},"name":"p","inbound_nodes":[[[
"in",0,0,{}],["a",0,0,{}]]]},{"class_name":"Concatenate","config":{"name":"q",
"axis":-1},"name":"q","inbound_nodes":[[["p",0,0,{}],["a",0,0,{}]]]}],
"input_layers":[["in",0,0]],"output_layers":[["q",0,0]]}}
END
cp layers.config config.json
suffix=
npz config.json config.json model.weights.h5 graph.keras.h5 >graph.keras
unset suffix

# Other structures of HDF5 that readers accept, where its tools are there.
more=
if have h5repack; then
    h5repack --latest -l CHUNK=7 masked.h5 late.h5 2>"$ERR" &&
        h5repack --latest -f GZIP=1 trained.h5 packed.h5 2>>"$ERR" &&
        h5repack -l CHUNK=3 dense.h5 chunked.h5 2>>"$ERR" &&
        more="late.h5 packed.h5 chunked.h5"
fi
