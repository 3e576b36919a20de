# pare data npy and npz: files made of NumPy's arrays, and what is refused.
. "${0%/*}/lib.sh"
. "$HERE/arrays.sh"

npy '|u1' '3, 2, 2' 'abcdefghijkl' >x.npy
npy '|u1' '3,' '\0\1\2' >y.npy
npy '|u1' '1, 2, 2' 'mnop' >tx.npy
npy '>i4' '1, 1' '\0\0\0\1' >ty.npy
npy '|u1' '3, 3' '\1\0\0\0\1\0\0\0\1' >hot.npy
npy '>f4' '2, 2' '\77\200\0\0\100\0\0\0\277\200\0\0\0\0\0\0' >f.npy
npy '|b1' '2,' '\1\0' >fy.npy
npy '|u1' '1, 5, 5, 3' "$(head -c 75 /dev/zero | tr '\0' a)" >nhwc.npy
npy '|u1' '1,' '\0' >one.npy

run pare-data npy x.npy y.npy tx.npy ty.npy -o a.h5
status_is 0 "a data file of arrays"
err_is '' "silence is success"
value_is a.h5 shape - 1x2x2 "images have one channel"
value_is a.h5 type - uint8 "bytes stay bytes"
value_is a.h5 train - 3 "all samples are there"
value_is a.h5 test 1 1 "labels may be a column"
run pare-data npy x.npy hot.npy tx.npy ty.npy -o b.h5
same a.h5 b.h5 "or a column for each class"
if have h5dump; then
    run h5dump -d /test/x -y a.h5
    out_has '109, 110' "values are those of the array"
    run pare-data npy f.npy fy.npy -o f.h5
    run h5dump -d /train/x -y -w 80 f.h5
    out_has '1, 2,' "numbers become float32"
    out_has '-1, 0' "in their order"
    run h5dump -H -d /train/x f.h5
    out_has 'H5T_IEEE_F32LE' "as the file has them"
fi
order=True
npy '|u1' '3, 2, 2' 'aeicgkbfjdhl' >fortran.npy
order=
run pare-data npy fortran.npy y.npy tx.npy ty.npy -o c.h5
same a.h5 c.h5 "the other order of the axes makes no difference"
run pare-data npy nhwc.npy one.npy -o l.h5
status_is 0 "images of four axes"
value_is l.h5 shape - 5x5x3 "have their channels first"
err_has 'warning: samples of 5 channels of 5x3.*--layout nhwc' \
    "with a warning where it looks wrong"
run pare-data npy --layout nhwc nhwc.npy one.npy -o l.h5
value_is l.h5 shape - 3x5x5 "or last, where one says so"
run_sh "pare-$(value l.h5 origin - | sed 's/^pare //') -o m.h5 nhwc.npy one.npy"
same l.h5 m.h5 "the recorded options make the same file"
run pare-data npy x.npy y.npy --classes a,b,c,d --val 1 -S 1 -o n.h5
value_is n.h5 train d 0 "classes have names"
value_is n.h5 val - 1 "and splits are made"

# ---- archives ----

npz x_train x.npy y_train y.npy x_test tx.npy y_test ty.npy >keras.npz
npz arr_0 x.npy arr_1 y.npy >plain.npz
npz arr_0 x.npy arr_1 y.npy arr_2 tx.npy >three.npz
npz images x.npy labels y.npy more tx.npy last ty.npy >named.npz

run pare-data npz keras.npz -o k.h5
status_is 0 "a data file of an archive"
for part in digest train test; do
    value_is k.h5 $part - "$(value a.h5 $part -)" "is that of its arrays ($part)"
done
run pare-data npz plain.npz -o p.h5
status_is 0 "arrays without names"
value_is p.h5 test - 0 "have no test"
run pare-data npz named.npz --x images --y labels --test-x more --test-y last \
    -o n.h5
status_is 0 "arrays may be named"
value_is n.h5 digest - "$(value a.h5 digest -)" "and are the same"

bad() {
    pattern=$1 want=$2
    shift 2
    rm -f bad.h5
    run pare-data "$@" -o bad.h5
    fails_with "$want" "$*"
    err_has "$pattern" "$* says why"
    ok "$* writes nothing" test ! -e bad.h5
}
npy '|O' '3,' 'abc' >object.npy
npy '|u1' '2,' '\0\1' >two.npy
npy '|u1' '3, 2, 3' "$(head -c 18 /dev/zero | tr '\0' a)" >wide.npy
npy '>f4' '1, 1' '\177\300\0\0' >nan.npy
npy '|i1' '3,' '\0\377\0' >minus.npy
: >empty
mkdir dir
head -c 70 x.npy >short.npy
head -c 300 keras.npz >cut.npz
bad 'missing operand' 2 npy x.npy
bad 'test inputs without' 2 npy x.npy y.npy tx.npy
bad 'nchw or nhwc' 2 npy x.npy y.npy --layout hwc
bad 'named both or not' 2 npz keras.npz --x x_train
bad 'missing operand' 2 npz
bad 'nowhere.*No such file' 1 npy nowhere y.npy
bad "'dir'" 1 npy dir y.npy
bad "'empty' is not an NPY file" 1 npy empty y.npy
bad 'is not an NPY file' 1 npy keras.npz y.npy
bad "short.npy': ends" 1 npy short.npy y.npy
bad "object.npy' holds Python objects" 1 npy object.npy y.npy
bad "3 samples, 'two.npy' 2 labels" 1 npy x.npy two.npy
bad 'label -1 of sample 1' 1 npy x.npy minus.npy
bad 'value 0 of sample 0 is not a finite' 1 npy nan.npy one.npy
bad 'rank 1; inputs have 2' 1 npy y.npy y.npy
bad 'rank 3; labels have 1' 1 npy x.npy x.npy
bad '1x2x3, the first file of 1x2x2' 1 npy x.npy y.npy wide.npy y.npy
bad 'for one pair' 1 npy x.npy y.npy tx.npy ty.npy --make-split .5,.5
bad "'empty' is not a ZIP archive" 1 npz empty
bad 'is not a ZIP archive' 1 npz x.npy
bad "'cut.npz' is cut off" 1 npz cut.npz
bad 'but: images, labels, more, last; name them' 1 npz named.npz
bad "no array 'image', but: images, " 1 npz named.npz --x image --y labels
bad "three.npz.: there is no array 'arr_3', but: arr_0, " 1 npz three.npz
bad "'named.npz': 'last' has rank 2|'last'" 1 npz named.npz --x last --y images

finish
