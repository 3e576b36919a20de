# pare-export(1): what other programs are given.
. "${0%/*}/lib.sh"

# u64 FILE: the first 8 bytes as a number.
u64() {
    od -A n -t u1 -N 8 "$1" | awk '{
        for (i = 8; i > 0; i--) n = 256 * n + $i
        printf "%d", n }'
}
# header FILE: the JSON of a safetensors file.
header() {
    head -c $((8 + $(u64 "$1"))) "$1" | tail -c +9
}
# floats FILE BEGIN END: bytes of the values, as hexadecimal float32.
floats() {
    tail -c +$((9 + $(u64 "$1") + $2)) "$1" | head -c $(($3 - $2)) |
        od -A n -t f4 -v | tr -s ' \n' ' '
}

run pare-export list
status_is 0 "formats are listed"
out_has '^safetensors	\.safetensors	.' "safetensors is one"
run pare-export nothing m.h5
fails_with 2 "an unknown format is wrong usage"
err_has "no format 'nothing'" "named"
run pare-export
fails_with 2 "a format has to be given"

cat >m.txt <<'END'
pare-text 1
arch in(3) fc1=linear(2) relu fc2=linear(2)
scale 0.5
mean 1
 0.25
std 1
 2
classes 2
class a "cat"
class dog
tensor fc1.weight 2 3 sparse
 1:1.5 5:-2
tensor fc1.bias 2 dense
 0.5 -0.5
tensor fc2.weight 2 2 dense
 1 2
 3 4
tensor fc2.bias 2 dense
 5 6
end
END
pare-load m.txt -o m.h5 || exit 99

# ---- safetensors
run pare-export safetensors m.h5 -o m.safetensors
status_is 0 "a model becomes a safetensors file"
ok "the header ends on 8 bytes" test $(($(u64 m.safetensors) % 8)) -eq 0
header m.safetensors | sed 's/ *$//; s/"pare.weights":"[0-9a-f]*"/W/' >head
printf '%s\n' '{"__metadata__":{"format":"pt","pare.arch":"in(3) fc1=linear(2) relu1=relu fc2=linear(2)","pare.classes":"[\"a \\\"cat\\\"\",\"dog\"]","pare.mean":"0.25","pare.scale":"0.5","pare.std":"2",W},"fc1.bias":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"fc1.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[8,32]},"fc2.bias":{"dtype":"F32","shape":[2],"data_offsets":[32,40]},"fc2.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[40,56]}}' >want
printf '%s\n' "$(cat head)" >head
run diff want head
status_is 0 "with this header"
run floats m.safetensors 0 32
out_is ' 0.5 -0.5 0 1.5 0 0 0 -2 ' "and these values, 0 where they are pruned"
ok "and nothing behind" test "$(wc -c <m.safetensors)" -eq \
    $((8 + $(u64 m.safetensors) + 56))
digest=$(header m.safetensors | sed 's/.*"pare.weights":"\([0-9a-f]*\)".*/\1/')
ok "the digest is one" test "${#digest}" -eq 32
ok "that of the model" grep -aqF "$digest" m.h5
run_sh 'pare-export safetensors <m.h5 | cmp - m.safetensors'
status_is 0 "through pipes it is the same"
run_sh 'pare-export safetensors -o again <m.h5 && cmp again m.safetensors'
status_is 0 "and again"

# A list of tensors without a graph; types, an empty shape, order.
cat >w.txt <<'END'
pare-text 1
arch weights z.weight(2x2x1) z.scale() a.bias(3)
tensor z.weight 2 2 1 dense
 1 2 3 4
tensor z.scale dense
 9
tensor a.bias 3 dense
 5 6 7
end
END
run_sh 'pare-load w.txt | pare-export safetensors -o w.safetensors'
if [ "$status" -eq 0 ]; then
    header w.safetensors | sed 's/ *$//; s/"pare.weights":"[0-9a-f]*"/W/' >head
    run cat head
    out_is '{"__metadata__":{"format":"pt",W},"a.bias":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"z.scale":{"dtype":"F32","shape":[],"data_offsets":[12,16]},"z.weight":{"dtype":"F32","shape":[2,2,1],"data_offsets":[16,32]}}' \
        "tensors without a graph are written too"
else
    fail "tensors without a graph are written"
fi

# Positions and values alone, far apart.
pare-init -a 16400-16400-2 --density .0000001 -S 1 -o huge.h5
run_sh 'pare-export safetensors huge.h5 | wc -c'
status_is 0 "a compact weight is written"
out_has '^107[0-9]{7}$' "with its zeros"

# ---- values of 16 bits, and few levels
for how in fp16 bf16 int8; do
    pare-quantize --$how m.h5 -o $how.h5 &&
        pare-export safetensors $how.h5 -o $how.safetensors &&
        pare-export npz $how.h5 -o $how.npz || fail "$how"
done
ok "float16 stays float16" grep -aq \
    '"fc1.weight":{"dtype":"F16","shape":\[2,3\],"data_offsets":\[' \
    fp16.safetensors
ok "bfloat16 stays bfloat16" grep -aq '"fc2.weight":{"dtype":"BF16"' \
    bf16.safetensors
ok "levels are float32" grep -aq '"fc2.weight":{"dtype":"F32"' int8.safetensors

# ---- npz
pare-init 2>"$ERR" -a 300-100-10 --density .1 -S 1 -o s.h5
for f in w s; do
    [ $f = s ] || pare-load w.txt -o w.h5
    pare-export safetensors $f.h5 -o $f.safetensors && pare-export npz $f.h5 -o $f.npz
done
run pare-export npz m.h5 -o m.npz
status_is 0 "a model becomes an archive of arrays"
run_sh 'pare-export npz <m.h5 | cmp - m.npz'
status_is 0 "through pipes it is the same"
run_sh 'head -c 2 m.npz'
out_has '^PK' "an archive it is"
ok "zeros take little room" test "$(wc -c <s.npz)" -lt 30000

# ---- matrices by rows
for f in anndata binsparse; do
    run pare-export $f m.h5 -o m.$f
    status_is 0 "a model becomes matrices of $f"
    run_sh "pare-export $f <m.h5 | cmp - m.$f"
    status_is 0 "through pipes it is the same: $f"
done
ok "with the descriptor of binsparse" grep -aqF '{"binsparse":{"version":"0.1","format":"CSR","shape":[2,3],"number_of_stored_values":2,"data_types":{"pointers_to_1":"int32","indices_1":"int32","values":"float32"}}}' m.binsparse
ok "and of its vectors" grep -aqF '{"binsparse":{"version":"0.1","format":"DVEC","shape":[2],"number_of_stored_values":2,"data_types":{"values":"float32"}}}' m.binsparse
run_sh "pare-export anndata huge.h5 | wc -c"
out_has '^[0-9]{1,6}$' "a compact weight stays as small as it is"
pare-init -a lenet-5 -S 1 | pare-prune -s .9 -o conv.h5
for f in anndata binsparse npz; do
    pare-export $f conv.h5 -o conv.$f && pare-export $f w.h5 -o w.$f ||
        fail "$f of other models"
done

# ---- C source; what it computes is tested in test_export_c.c
run pare-export c m.h5
fails_with 1 "C source needs a name"
err_has 'with -o BASE' "as is told"
mkdir src
run pare-export c m.h5 -o src/2-net.c
status_is 0 "a model becomes C source"
ok "in two files" test "$(echo src/*)" = 'src/2-net.c src/2-net.h'
ok "with a function of that name" grep -q \
    '^void net_2_net_run(const float \*input, float \*output, float \*work);' \
    src/2-net.h
ok "that the header tells of" grep -qx '#define NET_2_NET_WORK 5' src/2-net.h
ok "and the digest of the model" grep -q "$digest" src/2-net.c
cp src/2-net.c first
run_sh 'pare-export c -o src/2-net <m.h5 && cmp src/2-net.c first'
status_is 0 "again it is the same"
if have gcc; then
    cp src/2-net.h other.h
    sed 's/_WORK 5/_WORK 4/' other.h >src/2-net.h
    run gcc -std=c99 -c -o net.o src/2-net.c
    ok "source and header of two networks do not go together" sh -c \
        "test $status -ne 0 && grep -q 'of another network' '$ERR'"
    cp other.h src/2-net.h
    run gcc -std=c99 -Wall -Wextra -Werror -pedantic -c -o net.o src/2-net.c
    status_is 0 "of one they do"
fi
run pare-export c -o no/such/net m.h5
fails_with 1 "no such directory"
run pare-export c -o 'src/a"b' m.h5
fails_with 1 "a name that cannot be included is refused"
run pare-export c -o net w.h5
fails_with 1 "there is no source of weights alone"
err_has 'without a graph' "as is told"
run_sh "pare-init -a 'in(4) rbm(3)' -S 1 | pare-export c -o net"
fails_with 1 "nor of a Boltzmann machine"
err_has "'rbm1'" "named"
ok "and nothing is written" test ! -e net.c

# ---- what their own libraries read; PARE_PYTHON names a Python that has them
if [ -n "${PARE_PYTHON:-}" ]; then
    "$PARE_PYTHON" - >"$OUT" 2>"$ERR" <<'END'
import safetensors, safetensors.numpy as st
for name in "m.safetensors", "w.safetensors":
    meta = safetensors.safe_open(name, "np").metadata()
    again = st.save(st.load_file(name), meta)
    have = open(name, "rb").read()
    end = int.from_bytes(have[:8], "little") + 8
    assert len(again) == len(have) and again[end:] == have[end:], name
    behind = lambda b: b[b.index(b"}"):]  # the library shuffles the metadata
    assert behind(again) == behind(have), name
END
    status=$?
    status_is 0 "safetensors reads them, and writes the same"
    "$PARE_PYTHON" - >"$OUT" 2>"$ERR" <<'END'
import numpy as np, safetensors.numpy as st, zipfile
import safetensors.torch as torch
for name in "m", "w", "s":
    a = np.load(name + ".npz")
    b = st.load_file(name + ".safetensors")
    assert sorted(a) == sorted(b), name
    for k in b:
        assert a[k].dtype == b[k].dtype and a[k].shape == b[k].shape, k
        assert a[k].tobytes() == b[k].tobytes(), k
    assert zipfile.ZipFile(name + ".npz").testzip() is None
for name in "fp16", "bf16", "int8":
    a = np.load(name + ".npz")
    b = torch.load_file(name + ".safetensors")
    for k in b:
        v = b[k]
        assert a[k].dtype == np.float16 if v.dtype.itemsize == 2 and \
            name == "fp16" else a[k].dtype == np.float32, (name, k)
        assert (v.float().numpy() == a[k].astype(np.float32)).all(), (name, k)
how = {i.filename: i.compress_type for i in zipfile.ZipFile("s.npz").infolist()}
assert how["fc1.weight.npy"] == zipfile.ZIP_DEFLATED
END
    status=$?
    status_is 0 "NumPy reads the archives"
    "$PARE_PYTHON" - >"$OUT" 2>"$ERR" <<'END'
import json, h5py, numpy as np, scipy.sparse as sp
for name in "m", "w", "conv":
    dense = np.load(name + ".npz")
    a, b = h5py.File(name + ".anndata"), h5py.File(name + ".binsparse")
    assert a.attrs["encoding-type"] == "dict"
    assert sorted(a) == sorted(b) == sorted(dense)
    for k in dense:
        v = dense[k]
        d = json.loads(b[k].attrs["binsparse"])["binsparse"]
        if v.ndim < 2:
            assert a[k].attrs["encoding-type"] == "array"
            assert (a[k][()] == v).all() and (b[k]["values"] == v).all()
            assert d["shape"] == [v.size]
            continue
        assert a[k].attrs["encoding-type"] == "csr_matrix"
        shape = tuple(a[k].attrs["shape"])
        x = sp.csr_matrix((a[k]["data"][:], a[k]["indices"][:],
                           a[k]["indptr"][:]), shape)
        y = sp.csr_matrix((b[k]["values"][:], b[k]["indices_1"][:],
                           b[k]["pointers_to_1"][:]), d["shape"])
        x.check_format(full_check=True)
        assert x.has_sorted_indices and d["number_of_stored_values"] == x.nnz
        if v.ndim > 2:
            assert tuple(a[k].attrs["pare-shape"]) == v.shape
        assert (x.toarray() == v.reshape(len(v), -1)).all()
        assert (x != y).nnz == 0
        if name == "conv":
            assert x.nnz == np.count_nonzero(v) < v.size
END
    status=$?
    status_is 0 "h5py and SciPy read the matrices"
fi

finish
