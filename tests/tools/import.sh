# pare-import(1): models of files of other programs.
. "${0%/*}/lib.sh"
. "$HERE/arrays.sh"
. "$HERE/foreign.sh"

run pare-import --format list
status_is 0 "formats are listed"
out_has '^safetensors	' "with safetensors"
run pare-import --format nothing x
fails_with 2 "an unknown format"
err_has "'nothing'" "is named"
run pare-import -a nonsense x
fails_with 2 "an architecture that is none"
run pare-import --map a=b x
fails_with 2 "a mapping needs an architecture"
run pare-import -a 'weights a.b(2)' x
fails_with 2 "-a is a graph"

# ---- safetensors ----
safetensors '{"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},
"a/w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}' \
    "$one$minus_two$half$three" >two.safetensors
run pare-import two.safetensors -o two.h5
status_is 0 "named tensors are a model"
run pare-check two.h5
status_is 0 "which is valid"
run pare-dump two.h5
out_has '^arch weights a\.w\(1x2\) b\.bias\(2\)$' "of weights without a graph"
out_has '^  0x1p.0 -0x1p.1$' "with their values"
run_sh 'pare-import <two.safetensors | cmp - two.h5'
status_is 0 "also from standard input"
run pare-import two.safetensors -o again.h5
same two.h5 again.h5 "twice the same bytes"
run pare-eval -d none.h5 two.h5
fails_with 1 "there is nothing to evaluate"

# bad WHY HEADER [VALUES]: it is refused, saying why.
bad() {
    safetensors "$2" "${3:-}" >bad.safetensors
    run pare-import bad.safetensors
    fails_with 1 "refused: $1"
    err_has "$1" "and said: $1"
}
t() { # t NAME TYPE SHAPE BEGIN END
    printf '"%s":{"dtype":"%s","shape":[%s],"data_offsets":[%s,%s]}' "$@"
}
bad "overlaps another" "{$(t a F32 1 0 4),$(t b F32 1 0 4)}" "$one"
bad "has a hole" "{$(t a F32 1 4 8)}" "$one$one"
bad "belong to no tensor" "{$(t a F32 1 0 4)}" "$one$one"
bad "beyond the end" "{$(t a F32 2 0 8)}" "$one"
bad "not as long as its shape" "{$(t a F32 2 0 4)}" "$one"
bad "not as long as its shape" "{$(t a F32 1 4 0)}" "$one"
bad "too large" "{$(t a F32 4294967296,4294967296 0 4)}" "$one"
bad "is there twice" "{$(t a F32 1 0 4),$(t a F32 1 4 8)}" "$one$one"
bad "of type C64" "{$(t a C64 1 0 8)}" "$one$one"
bad "both be named 'a.b'" "{$(t a.b F32 1 0 4),$(t a/b F32 1 4 8)}" "$one$one"
bad "not finite" "{$(t a F32 1 0 4)}" '\0\0\200\177'
bad "lacks one of" '{"a":{"dtype":"F32","shape":[]}}' "$one"
bad "a field twice" '{"a":{"dtype":"F32","dtype":"F32"}}'
bad "a field that is not known" '{"a":{"type":"F32"}}'
bad "more than 8 numbers" "{$(t a F32 1,1,1,1,1,1,1,1,1 0 4)}" "$one"
bad "there are no tensors" '{}'
bad "there is more" '{} x'
bad "lacks '}'" "{$(t a F32 1 0 4)" "$one"
bad "lacks a whole number" "{$(t a F32 -1 0 4)}" "$one"
bad "lacks a whole number" "{$(t a F32 1.0 0 4)}" "$one"
bad "has no name" "{$(t '' F32 1 0 4)}" "$one"
bad "at most 95 bytes" "{$(t "$(printf %0200d 0)" F32 1 0 4)}" "$one"
bad "lacks a string of plain" "{$(t '\u0000' F32 1 0 4)}" "$one"
bad "lacks a string" '{"__metadata__":{"a":{}}}'
bad "twice" '{"__metadata__":{},"__metadata__":{}}'
{ le64 100000001; printf '{}'; } >bad.safetensors
run pare-import bad.safetensors
fails_with 1 "a header of more than 100,000,000 bytes"
err_has 'more than 100000000 bytes' "as is said"
{ le64 99999999; printf '{}'; } >bad.safetensors
run pare-import bad.safetensors
err_has 'cut off' "a header that is not there"
{ le64 50000000; head -c 50000000 /dev/zero | tr '\0' '['; } >bad.safetensors
# Sanitizers reserve more than any limit.
limit='ulimit -v 400000;'
ldd "$(command -v pare-import)" 2>/dev/null | grep -q 'lib[a-z]*san' && limit=
run_sh "$limit pare-import --format safetensors bad.safetensors"
fails_with 1 "fifty million brackets"
err_has 'not a safetensors file' "which begin no header"
{ le64 50000014; printf '{"__metadata__'; head -c 50000000 /dev/zero |
    tr '\0' '['; } >bad.safetensors
run_sh "$limit pare-import --format safetensors bad.safetensors"
fails_with 1 "nor one that goes on"
err_has 'its JSON lacks' "but JSON that lacks something"
printf '{"weight_map":%s' "$(head -c 99999 /dev/zero | tr '\0' '{')" >deep.index.json
run pare-import deep.index.json
fails_with 1 "brackets in an index"
: >empty.safetensors
run pare-import empty.safetensors
fails_with 1 "an empty file"
run pare-import missing.safetensors
fails_with 1 "a file that is not there"
mkdir dir.safetensors
run pare-import dir.safetensors
fails_with 1 "a directory"
printf 'hello\n' >text
run pare-import text
fails_with 1 "a text"
err_has 'no known format' "of no known format"

# ---- types ----
safetensors "{$(t bf BF16 2 0 4),$(t h F16 2 4 8),$(t i I64 1 8 16),$(t u U8 2 16 18),$(t e F8_E4M3 4 18 22),$(t o BOOL 1 22 23),$(t d F64 1 23 31),$(t none F32 0 31 31)}" \
    '\200\77\0\300\0\74\0\300\7\0\0\0\0\0\0\0\377\1\1\70\176\270\1\0\0\0\0\0\0\360\277' >types.safetensors
run pare-import types.safetensors -o types.h5
status_is 0 "other types are read"
err_has "'none' has no values" "and what has no values is left out"
run pare-dump types.h5
cp "$OUT" dump
for line in '0x1p+0 -0x1p+1' '0x1.cp+2' '0x1.fep+7 0x1p+0' \
    '0x1p-9 0x1p+0 0x1.cp+8 -0x1p+0' '-0x1p+0'; do
    run grep -qx -e "  $line" dump
    status_is 0 "with values $line"
done
safetensors "{$(t i I64 1 0 8),$(t b F32 1 8 12)}" '\1\0\0\1\0\0\0\0'"$one" \
    >int.safetensors
run pare-import int.safetensors -o int.h5
status_is 0 "an integer that float32 does not hold"
err_has "'i' has integers .* left out" "is left out, as is said"
run_sh 'pare-stats int.h5 | cut -f 2'
out_lacks '^i$' "and is not there"

# ---- several files ----
safetensors "{$(t a.weight F32 1,2 0 8)}" "$one$half" >m-1.safetensors
safetensors "{$(t a.bias F32 2 0 8)}" "$three$half" >m-2.safetensors
index() {
    printf '{"metadata":{"total_size":16,"x":[1,{"y":null}]},"weight_map":{%s}}' "$1" \
        >m.safetensors.index.json
    run pare-import m.safetensors.index.json -o m.h5
}
index '"a.weight":"m-1.safetensors","a.bias":"m-2.safetensors"'
status_is 0 "an index and its files are one model"
run pare-dump m.h5
out_has '^arch weights a\.weight\(1x2\) a\.bias\(2\)$' "with all tensors"
index '"a.weight":"m-1.safetensors","a.bias":"m-1.safetensors"'
fails_with 1 "a tensor that is not where the index says"
index '"a.weight":"m-1.safetensors"'
status_is 0 "files that the index does not name are not read"
index '"a.weight":"m-1.safetensors","a.bias":"m-3.safetensors"'
fails_with 1 "a file that is missing"
for name in ../m-2.safetensors /dev/zero . .. '' 'a\\b'; do
    index "\"a.weight\":\"m-1.safetensors\",\"a.bias\":\"$name\""
    fails_with 1 "an index that names '$name'"
    err_has 'not the name of a file beside it' "by its name: $name"
done
mkfifo pipe
index '"a.weight":"m-1.safetensors","a.bias":"pipe"'
fails_with 1 "an index that names a pipe is not waited for"
err_has 'not a regular file' "which it says"
index '"a.weight":"m-1.safetensors","a.weight":"m-1.safetensors"'
fails_with 1 "a tensor twice in an index"

# ---- PyTorch ----
# A matrix, the same turned, and its second row, of one storage.
# What PyTorch's own pruning keeps: values and masks. Where the second is no
# mask, or of another shape, both stay.
pair() {
    printf '{"a.weight_mask":{"dtype":"F32","shape":[%s],"data_offsets":[0,%d]},' \
        "$1" "$2"
    printf '"a.weight_orig":{"dtype":"F32","shape":[2,2],"data_offsets":[%d,%d]}}' \
        "$2" $(($2 + 16))
}
orig=$one$minus_two$half$three
zero='\0\0\0\0'
safetensors "$(pair 2,2 16)" "$one$zero$one$zero$orig" >pair.safetensors
run pare-import --zeros-pruned pair.safetensors -o pair.h5
status_is 0 "values and their mask"
err_has '1 tensors' "are said to be"
run pare-dump pair.h5
cp "$OUT" dump
ok "one tensor" grep -q '^arch weights a.weight(2x2)$' dump
ok "of what the mask keeps" grep -qx '  0:0x1p+0 2:0x1p-1' dump
safetensors "$(pair 2,2 16)" "$one$zero$half$zero$orig" >pair.safetensors
run pare-import pair.safetensors -o pair.h5
run pare-dump pair.h5
out_has 'a.weight_mask[(]2x2' "what is no mask stays"
safetensors "$(pair 2 8)" "$one$zero$orig" >pair.safetensors
run pare-import pair.safetensors -o pair.h5
run pare-dump pair.h5
out_has 'a.weight_mask[(]2[)]' "as does one of another shape"

# The same from NumPy, as it is and packed.
npy '<f4' '2, 2' "$orig" >orig
npy '|b1' '2, 2' '\1\0\1\0' >mask
npy '>u2' '2, 2' '\0\1\0\0\0\1\0\0' >mask16
for method in 0 8; do
    for mask in mask mask16; do
        npz a.weight_orig orig a.weight_mask $mask >pair.npz
        run pare-import --zeros-pruned pair.npz -o pair$method.h5
        status_is 0 "arrays and their $mask, packed by method $method"
        run pare-dump pair$method.h5
        out_has '^  0:0x1p[+]0 2:0x1p-1$' "are what the $mask keeps: $method"
    done
done

values='\4\0\0\0\0\0\0\0'$one$minus_two$half$three
turned=$(tensor "$(storage 0 4)" 0 'K\002K\002' 'K\001K\002')
dict="ccollections\\nOrderedDict\\n)R($(text a)$(tensor "$(storage 0 4)" 0 'K\002K\002' 'K\002K\001')$(text b.turned)${turned}$(text n)K\\7$(text c)}$(text row)$(tensor "$(storage 0 4)" 2 'K\2' 'K\1')su"
torch_old "$dict" "]$(text 0)a" "$values" >old.pth
run pare-import old.pth -o old.h5
status_is 0 "a dictionary of tensors in the old format"
run pare-dump old.h5
cp "$OUT" dump
ok "and within another" grep -q '^tensor c.row 2 ' dump
ok "in order" grep -qx '  0x1p+0 -0x1p+1 0x1p-1 0x1.8p+1' dump
ok "by their strides" grep -qx '  0x1p+0 0x1p-1 -0x1p+1 0x1.8p+1' dump
ok "and offsets" grep -qx '  0x1p-1 0x1.8p+1' dump

# The same in an archive.
# The pickle is a format.
# shellcheck disable=SC2059
printf "\\200\\002$dict." >data.pkl
# shellcheck disable=SC2059
printf "$one$minus_two$half$three" >data0
suffix=
npz x/data.pkl data.pkl x/data/0 data0 >new.pth
method=8
npz x/data.pkl data.pkl x/data/0 data0 >packed.pth
unset method
npz x/data.pkl data.pkl >lacks.pth
npz x/data.pkl data.pkl x/data/0 data.pkl >long.pth
unset suffix
run pare-import new.pth -o new.h5
status_is 0 "and in the new one"
run pare-diff old.h5 new.h5
status_is 0 "which is the same"
run pare-import packed.pth -o packed.h5
status_is 0 "and packed"
run pare-diff old.h5 packed.h5
status_is 0 "which is the same, too"

# Values that the mask hides are of a storage that others show.
square() {
    tensor "$(storage "$1" 4)" 0 'K\002K\002' 'K\002K\001'
}
# shellcheck disable=SC2059
printf "\\200\\002}($(text v_orig)$(square 0)$(text v_mask)$(square 1)$(text w)$(square 0)u." >data.pkl
# shellcheck disable=SC2059
printf "$one$zero$one$zero" >data1
for method in 0 8; do
    suffix=
    npz x/data.pkl data.pkl x/data/0 data0 x/data/1 data1 >shared.pth
    unset suffix
    run pare-import --zeros-pruned shared.pth -o shared.h5
    status_is 0 "a storage of two tensors, one of them masked: $method"
    run pare-dump shared.h5
    out_has '^  0:0x1p[+]0 2:0x1p-1$' "of which one is what its mask keeps"
    out_has '^  0x1p[+]0 -0x1p[+]1 0x1p-1 0x1.8p[+]1$' "and one all of it"
done
unset method
run pare-import lacks.pth
fails_with 1 "an archive without the values"
run pare-import long.pth
fails_with 1 "or with more of them"

# no WHY MAIN [KEYS [STORAGES]]: it is refused, saying why.
no() {
    torch_old "$2" "${3:-]$(text 0)a}" "${4-$values}" >bad.pth
    run pare-import bad.pth
    fails_with 1 "refused: $1: $2"
    err_has "$1" "and said: $1"
}
one_tensor() {
    printf '}%s%ss' "$(text w)" "$(tensor "$@")"
}
no "wants to call os.system" 'cos\nsystem\n(X\4\0\0\0true\205R'
no "wants to call builtins.eval" "$(text builtins)$(text eval)\\223"
no "wants to call torch.FloatStorage" 'ctorch\nFloatStorage\n)R'
no "opcode 0x81" 'ccollections\nOrderedDict\n)\201'
no "opcode 0x69" '(ios\nsystem\n'
no "opcode 0x6f" '(ccollections\nOrderedDict\no'
no "beyond its storage" "$(one_tensor "$(storage 0 4)" 3 'K\2' 'K\1')"
no "beyond its storage" "$(one_tensor "$(storage 0 4)" 0 'K\002K\002' 'K\3K\1')"
no "beyond its storage" "$(one_tensor "$(storage 0 4)" 4 '' '')"
no "elements of its storage twice" \
    "$(one_tensor "$(storage 0 4)" 0 'K\11' 'K\0')"
no "a stride that is none" \
    "$(one_tensor "$(storage 0 4)" 0 'K\1' 'J\377\377\377\377')"
no "strides of others" "$(one_tensor "$(storage 0 4)" 0 'K\1' 'K\1K\1')"
no "not as long" "$(one_tensor "$(storage 0 5)" 0 'K\1' 'K\1')"
no "no tensor has" "$(one_tensor "$(storage 1 4)" 0 'K\1' 'K\1')"
no "a storage that the file has not" \
    "$(one_tensor "$(storage 0 4)" 0 'K\1' 'K\1')" ']'
no "cut off" "$(one_tensor "$(storage 0 4)" 0 'K\1' 'K\1')" '' '\4\0\0\0\0\0\0\0'
square=$(square 0)
more() { # more ARGUMENT: a tensor with a seventh one
    torch_old "}$(text w)${square%tR}$1tRs" "]$(text 0)a" "$values" >more.pth
    run pare-import more.pth -o more.h5
}
more "}$(text neg)\\210s"
fails_with 1 "values that are to be negated"
err_has 'to be negated' "are not read"
for none in N '}'; do
    more "$none"
    status_is 0 "a tensor of which nothing more is said: $none"
done
no "has no tensors" '}' ']' ''
no "an empty stack" '0'
no "no mark" 't'
no "a mark in a container" ']('"a"
no "nothing was remembered" 'h\1'
no "nested more than" '}q\0'"$(text a)h\\0s" ']' ''
no "wants to call torch.ComplexFloatStorage" \
    "$(one_tensor "$(storage 0 4 ComplexFloat)" 0 'K\1' 'K\1')"
# tied N: a small storage that five tensors show, and one of 400,000 bytes
# that N tensors do.
tied() {
    small=$(tensor "$(storage 0 4)" 0 'K\4' 'K\1')
    large="X\\7\\0\\0\\0storagectorch\\nFloatStorage\\nX\\1\\0\\0\\0001X\\3\\0\\0\\0cpuJ\\240\\206\\1\\0NtQ"
    large=$(tensor "($large" 0 'J\240\206\1\0' 'K\1')
    torch_old "}($(seq 5 | while read -r k; do
        printf '%s%s' "$(text "s$k")" "$small"
    done)$(seq "$1" | while read -r k; do
        printf '%s%s' "$(text "l$k")" "$large"
    done)u" "]($(text 0)$(text 1)e" "$values"'\240\206\1\0\0\0\0\0'
    head -c 400000 /dev/zero
}
tied 12 >tied.pth
run pare-import tied.pth -o tied.h5
status_is 0 "tied weights come as often as they are named"
run_sh 'pare-dump tied.h5 | grep -c "^tensor l"'
out_is 12 "each of them"
tied 70 >tied.pth
run pare-import tied.pth
fails_with 1 "but not without end"
err_has 'again and again' "which is said"
no "not one object" 'NN'
head -c 100 old.pth >cut.pth
run pare-import cut.pth
fails_with 1 "half a file"

# What torch.save itself writes; PARE_PYTHON names a Python that has torch.
if [ -n "${PARE_PYTHON:-}" ]; then
    run "$PARE_PYTHON" "$SRC/tests/ref/torch_files.py" pare-import pare-dump
    status_is 0 "files of torch.save are read, value for value"
fi

# ---- an architecture ----
npy '<f8' '3, 2' '\0\0\0\0\0\0\360\77\0\0\0\0\0\0\0\100\0\0\0\0\0\0\10\100\0\0\0\0\0\0\20\100\0\0\0\0\0\0\24\100\0\0\0\0\0\0\30\100' >W.npy
npy '<f4' '1, 2' "$one$half" >b.npy
npz W W.npy b b.npy >net.npz
run pare-import -v -a 'in(3) linear(2)' --transpose --normalize .5,2 net.npz -o net.h5
status_is 0 "arrays fill an architecture"
err_has 'fc1.weight=W' "as is told"
run pare-dump net.h5
cp "$OUT" dump
ok "transposed" grep -q '^  0x1p+0 0x1.8p+1 0x1.4p+2 0x1p+1 ' dump
ok "with a bias" grep -qx '  0x1p+0 0x1p-1' dump
ok "and a normalisation" grep -q '^scale 0x1.010102p-8$' dump
run pare-import -a 'in(3) linear(2)' net.npz
fails_with 1 "arrays the other way round"
err_has 'to be transposed' "with advice"
run pare-import -a 'in(3) linear(2) linear(2)' --transpose net.npz
fails_with 1 "arrays that are missing"
err_has "architecture's fc2.weight, 2x2" "by the first"
run pare-import -a 'in(3) linear(2,bias=no)' --transpose net.npz
fails_with 1 "an array too much"
err_has "no place for 'b'" "by its name"
run pare-import -a 'in(3) linear(2,bias=no)' --transpose --only W net.npz -o w.h5
status_is 0 "which can be left out"
npy '|O' '1' 'cos\nsystem\n.' >O.npy
npy '<U1' '1' 'a\0\0\0' >U.npy
npy '<f4' '0, 2' '' >none.npy
npz W W.npy o O.npy u U.npy none none.npy b b.npy >mixed.npz
run pare-import -a 'in(3) linear(2)' --transpose mixed.npz -o mixed.h5
status_is 0 "arrays come without what is none"
err_has "'o' holds Python objects.*left out" "such as objects"
err_has "'u' holds values of type '<U1'.*left out" "texts"
err_has "'none': dimension 1 is 0: left out" "and nothing"
run pare-import -a 'in(3) linear(2)' --transpose net.npz -o plain.h5
run pare-diff mixed.h5 plain.h5
status_is 0 "which changes nothing else"
npz o O.npy >objects.npz
run pare-import objects.npz
fails_with 1 "an archive of nothing else"
run pare-import O.npy
fails_with 1 "objects alone"
head -c 90 W.npy >cut.npy
npz W W.npy b cut.npy >damaged.npz
run pare-import damaged.npz
fails_with 1 "an array that is cut off"
npz W W.npy b b.npy c b.npy >more.npz
run pare-import -v -a 'in(3) linear(2)' --transpose --map fc1.weight=W \
    --map fc1.bias=c --only W --only c more.npz -o mapped.h5
status_is 0 "arrays can be mapped"
err_has 'fc1.bias=c' "and are what they are said to be"
for map in fc1.weight=b fc1.weight=nothing fc9=W fc1.weight; do
    run pare-import -a 'in(3) linear(2)' --transpose --map $map net.npz
    fails_with 1 "mapped wrongly: $map"
done
run pare-import -a 'in(3) linear(2)' --transpose --classes yes,no net.npz -o c.h5
status_is 0 "classes have names"
run pare-import -a 'in(3) linear(2)' --transpose --classes yes net.npz
fails_with 1 "as many as outputs"
awk 'BEGIN { print "label,a,b,c"
    for (i = 0; i < 9; i++) print substr("xy", i % 2 + 1, 1) "," i ",2,-" i }' >t.csv
pare-data csv --label label --normalize 3,4 -o d.h5 t.csv
pare-data csv --label label --ignore c -o narrow.h5 t.csv
run pare-import -a 'in(3) linear(2)' --transpose -d d.h5 net.npz -o by-data.h5
status_is 0 "data say what inputs are"
pare-dump by-data.h5 >dump
ok "how they are normalised" sh -c 'grep -qx "mean 1" dump && grep -qx "  0x1.8p+1" dump'
run pare-eval -d d.h5 --split train by-data.h5
status_is 0 "so that it can be evaluated on them"
out_has '^by-data.h5	train	9	' "on all of them"
run pare-import -a 'in(3) linear(2)' --transpose -d d.h5 --normalize .5,2 \
    net.npz -o both.h5
pare-dump both.h5 >dump
ok "numbers are not divided by 255" grep -qx 'scale 0x1p+0' dump
run pare-import -a 'in(3) linear(2)' --transpose -d narrow.h5 net.npz
fails_with 1 "data of other inputs"
err_has 'has 2 inputs, the model takes 3' "are told"
run pare-import -a 'in(3) linear(2)' --transpose --normalize auto net.npz
fails_with 1 "nothing says what auto would be"
run pare-import --normalize unit net.npz
fails_with 1 "weights without a graph have no inputs"

# ---- what pare wrote itself comes back whole ----
pare-init -a 'in(1,4,4) conv2d(2,3) batchnorm2d relu flatten linear(3)' -S 3 -o own.h5
pare-export safetensors own.h5 -o own.safetensors
run pare-import own.safetensors -o back.h5
status_is 0 "an exported model is imported with its graph"
run pare-diff own.h5 back.h5
status_is 0 "and is the same"
run pare-import --transpose own.safetensors
fails_with 1 "what says how it lies is not transposed"
safetensors "{\"__metadata__\":{\"pare.arch\":\"in(1) linear(1,bias=no)\",\"pare.mean\":\"x\",\"pare.std\":\"1\",\"pare.classes\":\"[\"},$(t fc1.weight F32 1,1 0 4)}" "$one" >odd.safetensors
run pare-import odd.safetensors -o odd.h5
status_is 0 "what does not fit in the metadata is passed over"

# ---- the record ----
run pare-log net.h5
out_has "^pare import -a .* --transpose --normalize \.5,2 file-[0-9a-f]{12} -o" \
    "a model tells what it was made of"
mkdir replay
pare-log --make --search . net.h5 >replay/Makefile
run make -s -C replay OUT=net.h5
status_is 0 "and can be made again"
same replay/net.h5 net.h5 "bit for bit"
index '"a.weight":"m-1.safetensors","a.bias":"m-2.safetensors"'
pare-log --make --search . m.h5 >replay/Makefile
run make -s -C replay OUT=m.h5
same replay/m.h5 m.h5 "also of several files"

run pare-import /dev/null
fails_with 1 "nothing"
err_has "'/dev/null' is of no known format" "is called by its name"
run_sh 'printf x | pare-import'
fails_with 1 "nonsense on standard input"
err_has "'standard input' is of no" "is, too"
finish
