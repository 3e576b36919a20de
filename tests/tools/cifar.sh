# pare data cifar10 and cifar100: files made of records, and what is refused.
. "${0%/*}/lib.sh"

# record BYTE COUNT LABEL...: a record of 3072 bytes that are BYTE.
record() {
    byte=$1
    shift
    for label in "$@"; do
        # shellcheck disable=SC2059
        printf "\\$(printf %03o "$label")"
    done
    head -c 3072 /dev/zero | tr '\0' "\\$(printf %03o "$byte")"
}

mkdir ten
{ record 1 0; record 2 9; } >ten/data_batch_1.bin
record 3 4 >ten/data_batch_2.bin
record 4 5 >ten/data_batch_10.bin
{ record 200 1; record 201 2; } >ten/test_batch.bin
printf '%s\n' a b c d e f g h i j '' >ten/batches.meta.txt
echo 'not a batch' >ten/readme.html

run pare-data cifar10 ten -o dir.h5
status_is 0 "a directory of batches"
err_has '6 of 10 classes are not in train' "lacks some classes"
value_is dir.h5 shape - 3x32x32 "images have three channels"
value_is dir.h5 type - uint8 "of bytes"
value_is dir.h5 train - 4 "all batches are read"
value_is dir.h5 test - 2 "and the test"
value_is dir.h5 train j 1 "classes have their names"
value_is dir.h5 test b 1 "in the test too"
run pare-data cifar10 -o files.h5 ten/data_batch_1.bin ten/data_batch_2.bin \
    ten/data_batch_10.bin ten/test_batch.bin
same dir.h5 files.h5 "batches go by number, test_batch is the test"
run pare-data cifar10 -o other.h5 ten/test_batch.bin ten/data_batch_2.bin \
    ten/data_batch_1.bin ten/data_batch_10.bin
differ dir.h5 other.h5 "files are read in the order given"
(cd ten && pare-data cifar10 -o ../here.h5 . 2>/dev/null)
same dir.h5 here.h5 "where the directory is makes no difference"
if have h5dump; then
    run h5dump -d /train/y -y -w 80 dir.h5
    out_has '^ *0, 9, 4, 5$' "labels are the first bytes"
    run h5dump -d /train/x -s 1,2,31,0 -c 1,1,1,3 -y dir.h5
    out_has '2, 2, 2' "images the others"
fi
run pare-data cifar10 ten/data_batch_1.bin --val 1 -S 1 -o val.h5
status_is 0 "one file"
value_is val.h5 val - 1 "has no test, and gives some to val"

# Means of the channels and then their deviations.
run pare-data cifar10 ten --normalize .1,.2,.3,1,2,4 -o norm.h5
status_is 0 "numbers for each channel"
value_is norm.h5 mean - 0.100000001,0.200000003,0.300000012 "means first"
value_is norm.h5 std - 1,2,4 "and deviations"
run pare-data cifar10 ten --normalize .1,.2,.3,1 -o no.h5
fails_with 1 "not two, and not six"
err_has 'with 3 channels 6 numbers, means first' "as is said"
run pare-data cifar10 ten --normalize .1,.2,.3,1,0,4 -o no.h5
fails_with 1 "a deviation of 0"
err_has 'each STD is above 0' "as is said"
run pare-data cifar10 ten --normalize 1, -o no.h5
fails_with 1 "a number that is not there"

mkdir hundred
{ record 1 0 99; record 2 19 0; } >hundred/train.bin
record 3 7 42 >hundred/test.bin
i=0
while [ $i -lt 20 ]; do echo "super $i"; i=$((i + 1)); done \
    >hundred/coarse_label_names.txt
run pare-data cifar100 hundred -o fine.h5
status_is 0 "a directory of CIFAR-100"
value_is fine.h5 classes - 100 "has 100 classes"
value_is fine.h5 train 99 1 "which are the second byte"
run pare-data cifar100 --coarse hundred -o coarse.h5
value_is coarse.h5 classes - 20 "or 20"
value_is coarse.h5 train 'super 19' 1 "which are the first"
value_is coarse.h5 test 'super 7' 1 "with their names"
run_sh "pare-$(value coarse.h5 origin - | sed 's/^pare //') -o again.h5 hundred"
same coarse.h5 again.h5 "the recorded options make the same file"

bad() {
    pattern=$1 want=$2
    shift 2
    rm -f bad.h5
    run pare-data "$@" -o bad.h5
    fails_with "$want" "$*"
    err_has "$pattern" "$* says why"
    ok "$* writes nothing" test ! -e bad.h5
}
mkdir none names
: >empty
head -c 3072 ten/data_batch_1.bin >short
{ record 1 0; record 1 10; } >label
record 1 100 100 >labels
record 1 20 0 >coarse
cp ten/data_batch_1.bin names
seq 9 >names/batches.meta.txt
bad 'missing operand' 2 cifar10
bad 'nowhere.*No such file' 1 cifar10 nowhere
bad "'none' has no data_batch_1.bin" 1 cifar10 none
bad "'none' has no train.bin" 1 cifar100 none
bad "'empty' is empty" 1 cifar10 empty
bad '3072 bytes are not a number of records of 3073' 1 cifar10 short
bad 'not a number of records of 3074' 1 cifar100 ten/data_batch_1.bin
bad 'not a number of records' 1 cifar10 ten/readme.html
bad 'label 10 of record 1 is not within 0 to 9' 1 cifar10 label
bad 'label 100 of record 0' 1 cifar100 labels
bad 'label 20 of record 0' 1 cifar100 --coarse coarse
bad "batches.meta.txt' has 9 names, expected 10" 1 cifar10 names
bad 'no training file' 1 cifar10 ten/test_batch.bin
bad 'training files alone' 1 cifar10 ten --make-split .5,.5
head -c 100 /dev/zero >names/batches.meta.txt
bad 'is not a text' 1 cifar10 names
: >names/batches.meta.txt
bad 'is empty' 1 cifar10 names

finish
