# pare data: files made of IDX and CSV, and what is refused.
. "${0%/*}/lib.sh"

cp "$SRC/pipelines/penguins/penguins.csv" .

# idx TYPE DIMS VALUES: an IDX file of bytes, numbers in decimal.
idx() {
    type=$1 dims=$2 n=0
    shift 2
    for dim in $dims; do n=$((n + 1)); done
    bytes="0 0 $type $n"
    for dim in $dims; do
        bytes="$bytes 0 0 $((dim / 256)) $((dim % 256))"
    done
    for byte in $bytes "$@"; do
        # shellcheck disable=SC2059
        printf "\\$(printf %03o "$byte")"
    done
}

idx 8 "6 2 2" 0 1 2 3 10 11 12 13 20 21 22 23 30 31 32 33 40 41 42 43 \
    50 51 52 255 >x
idx 8 "6" 0 1 2 0 1 2 >y
idx 8 "2 2 2" 9 9 9 9 8 8 8 8 >tx
idx 8 "2" 0 2 >ty
idx 8 "2" 0 3 >ty4
gzip -n <x >x.gz
gzip -n <y >y.gz

# ---- idx ----

run pare-data idx x y tx ty -o a.h5
status_is 0 "a data file of plain IDX files"
out_is "" "silence is success"
err_is "" "on both streams"
value_is a.h5 shape - 1x2x2 "images have one channel"
value_is a.h5 type - uint8 "bytes stay bytes"
value_is a.h5 scale - 0.00392156886 "bytes are brought to 0..1"
value_is a.h5 train - 6 "all training samples are there"
value_is a.h5 val - 0 "no validation samples unless asked for"
value_is a.h5 test 2 1 "samples of a class are counted"
run pare-data idx x y tx ty4 -o 4.h5
err_has 'warning: 1 of 4 classes are not in train' "test labels are classes"
value_is 4.h5 test 3 1 "too"

run pare-data idx x.gz y.gz tx ty -o b.h5
status_is 0 "a data file of gzip files"
same a.h5 b.h5 "gzip makes no difference"
run_sh "pare-data idx x y tx ty -o - >c.h5"
status_is 0 "a data file to standard output"
same a.h5 c.h5 "is the same file"
cp x io.h5
run pare-data idx io.h5 y tx ty -o io.h5
status_is 0 "an input may be the output"
same a.h5 io.h5 "and is replaced when all is read"

run pare-data idx x y --normalize 0.5,2 --classes 'a,b c,d,e' -o n.h5
status_is 0 "mean and deviation, names"
value_is n.h5 mean - 0.5 "the mean is kept"
value_is n.h5 std - 2 "and the deviation"
value_is n.h5 train 'b c' 2 "and the names"
value_is n.h5 train e 0 "also of classes without samples"
run pare-data idx x y --normalize auto -o n.h5
value_is n.h5 mean - 0.136928111 "mean of the training samples"
run pare-data idx x y --normalize none -o n.h5
value_is n.h5 scale - 1 "no normalisation"

run pare-data idx x y --val 2 -S 3 -v -o v1.h5
status_is 0 "validation samples"
err_has 'train 4, val 2, test 0; 4 inputs, 3 classes' "are told with -v"
err_has 'seed 3' "with the seed"
run pare-data idx x y --val 2 -S 3 -o v2.h5
same v1.h5 v2.h5 "the same seed makes the same file"
run pare-data idx x y --val 2 -o v3.h5
run pare-data idx x y --val 2 -o v4.h5
same v3.h5 v4.h5 "no seed is a seed that follows from the samples"
seed=$(value v3.h5 origin - | sed -n 's/.*--seed //p')
run pare-data idx x y --val 2 -S "$seed" -o v4.h5
same v3.h5 v4.h5 "and is recorded"
run pare-data idx x y --make-split .5,.5 -o v5.h5
value_is v5.h5 val - 3 "splits by fractions"

# ---- csv ----

recipe="--one-hot island=Torgersen,Biscoe,Dream --scale bill_length_mm=50
    --scale bill_depth_mm=20 --scale flipper_length_mm=200
    --scale body_mass_g=5000 --one-hot sex=male,female --one-hot year"
# shellcheck disable=SC2086
run pare-data csv penguins.csv --label species $recipe --drop-na \
    --make-split 200,100,33 -S 1 -o p.h5 -v
status_is 0 "the penguins"
err_has '11 rows dropped' "lack 11 rows"
err_has 'train 200, val 100, test 33; 12 inputs, 3 classes' "make 333 samples"
value_is p.h5 std - 1,1,1,50,20,200,5000,1,1,1,1,1 \
    "of 12 inputs in the published order"
sum=0
for split in train val test; do
    for class in Adelie Gentoo Chinstrap; do
        n=$(value p.h5 $split $class)
        sum=$((sum + n))
    done
done
ok "no sample is lost" test "$sum" -eq 333
run pare-data info --json p.h5
out_has '"features":\["island=Torgersen","island=Biscoe","island=Dream","bill_length_mm","bill_depth_mm","flipper_length_mm","body_mass_g","sex=male","sex=female","year=2007","year=2008","year=2009"\]' \
    "the inputs have names"
out_has '"classes":\["Adelie","Chinstrap","Gentoo"\]' "and the classes"
run_sh "pare-data csv - --label species $(echo $recipe) --drop-na \
    --make-split 200,100,33 -S 1 -o p2.h5 <penguins.csv"
same p.h5 p2.h5 "standard input makes the same file"

# A data file says how it was made: do that again.
command=$(value p.h5 origin -)
run_sh "pare-${command#pare } -o p3.h5 penguins.csv"
same p.h5 p3.h5 "the recorded options make the same file"

run pare-data csv penguins.csv --label species --ignore island,sex,year \
    --drop-na --standardize --make-split 1.0 --no-shuffle -o s.h5
status_is 0 "standardised columns"
value_is s.h5 mean - 43.9219284,17.1511688,200.915207,4201.75439 \
    "have the mean of the table"
value_is s.h5 std - 5.45159626,1.97190392,14.0411406,800.78125 \
    "and its deviation"

printf 'c;x\n1;2\n' >one.csv
run pare-data csv one.csv --separator ';' --label c -o one.h5
status_is 0 "one class is accepted"
err_has 'warning: there is only one class' "with a warning"

if have h5dump; then
    run h5dump -d /train/y -y -w 80 a.h5
    out_has '^ *0, 1, 2, 0, 1, 2$' "labels lie there to be read"
    run h5dump -H a.h5
    out_has 'H5T_STD_U8LE' "images are bytes"
    out_has '6, 2, 2' "in their dimensions"
fi

# ---- what is refused ----

# bad PATTERN STATUS ARGS...: refused with this message, nothing written.
bad() {
    pattern=$1 want=$2
    shift 2
    rm -f bad.h5
    run pare-data "$@"
    fails_with "$want" "$*"
    err_has "$pattern" "$* says why"
    ok "$* writes nothing" test ! -e bad.h5
}
printf 'PDF' >pdf
head -c 30 x >short
cat x y >long
head -c 40 x.gz >cut.gz
: >empty
mkdir dir
idx 8 "5" 0 1 2 0 1 >five
idx 9 "6" 0 1 2 255 0 1 >minus
idx 8 "1 3 3" 1 2 3 4 5 6 7 8 9 >wide
idx 8 "1" 0 >one
idx 7 "6" 0 1 2 0 1 2 >type

bad 'no subcommand .frob' 2 frob
bad 'missing operand' 2
bad 'missing operand' 2 idx -o bad.h5 x
bad 'no output' 2 idx x y
bad 'test inputs without test labels' 2 idx -o bad.h5 x y tx
bad 'for one pair' 2 idx -o bad.h5 x y tx ty --make-split .5,.5
bad 'exclude each other' 2 idx -o bad.h5 x y --make-split .5,.5 --val 1
bad 'is for --make-split' 2 idx -o bad.h5 x y --no-shuffle
bad 'whole number' 2 idx -o bad.h5 x y --val 0
bad 'whole number' 2 idx -o bad.h5 x y --val 1x
bad 'No such file' 1 idx -o bad.h5 nowhere y
bad "'dir'" 1 idx -o bad.h5 dir y
bad 'not an IDX file' 1 idx -o bad.h5 pdf y
bad 'not an IDX file' 1 idx -o bad.h5 empty y
bad 'type 0x07' 1 idx -o bad.h5 x type
bad '14 bytes of values, its header declares 24' 1 idx -o bad.h5 short y
bad '38 bytes of values, its header declares 24' 1 idx -o bad.h5 long y
bad 'cut off|end before' 1 idx -o bad.h5 cut.gz y
bad '6 samples.*5 labels' 1 idx -o bad.h5 x five
bad 'label -1 of sample 3' 1 idx -o bad.h5 x minus
bad 'labels have rank 1' 1 idx -o bad.h5 x x
bad 'inputs have 2' 1 idx -o bad.h5 y y
bad '1x3x3, the first file of 1x2x2' 1 idx -o bad.h5 x y wide one
bad 'names 2 classes, there are 3' 1 idx -o bad.h5 x y --classes a,b
bad 'name 2 is empty' 1 idx -o bad.h5 x y --classes a,,b
bad '6 validation samples of 6' 1 idx -o bad.h5 x y --val 6
bad 'more than 1' 1 idx -o bad.h5 x y --make-split .7,.7
bad 'ask for 7 samples, there are 6' 1 idx -o bad.h5 x y --make-split 4,3
bad 'counts and fractions' 1 idx -o bad.h5 x y --make-split 4,.5
bad "normalize 'half'" 1 idx -o bad.h5 x y --normalize half
bad "normalize '1,0'" 1 idx -o bad.h5 x y --normalize 1,0
bad 'no training samples' 1 idx -o bad.h5 x y --make-split 0,0,6 --normalize auto
bad 'cannot .*nowhere' 1 idx -o nowhere/bad.h5 x y

bad 'no label' 2 csv -o bad.h5 penguins.csv
bad 'separator' 2 csv -o bad.h5 penguins.csv --label species --separator ab
bad 'normalize excludes' 2 csv -o bad.h5 penguins.csv --label species \
    --standardize --normalize auto
bad 'line 5: column .bill_length_mm. has a missing' 1 \
    csv -o bad.h5 penguins.csv --label species --one-hot island
bad "line 2: column 'island': 'Torgersen' is not a number" 1 \
    csv -o bad.h5 penguins.csv --label species --drop-na
bad "no column 'specie'; there are 'species', 'island', " 1 csv -o bad.h5 penguins.csv --label specie
bad "'Biscoe' is not among" 1 csv -o bad.h5 penguins.csv --label species \
    --drop-na --one-hot island=Torgersen,Dream --one-hot sex
head -n 4 penguins.csv >rows.csv
echo 'Adelie,Dream,1' >>rows.csv
bad 'line 5 has 3 cells, the header 8' 1 csv -o bad.h5 rows.csv --label species
head -n 1 penguins.csv >none.csv
bad 'no rows' 1 csv -o bad.h5 none.csv --label species
bad 'no header' 1 csv -o bad.h5 empty --label species
bad 'not a text' 1 csv -o bad.h5 x --label species

# Reading: each file is told of, the status says that one was bad.
run pare-data info nowhere a.h5
status_is 1 "a bad file among good ones fails"
err_has 'nowhere.*No such file' "and is named"
out_has '^a.h5	train	-	6$' "the good one is told of"
refuse() {
    run pare-data info "$1"
    status_is 1 "$3"
    err_has "$2" "$3: message"
    ok "$3: no more than the header" test "$(wc -l <"$OUT")" -eq 1
}
refuse dir "cannot read 'dir': Is a directory" "a directory is no data file"
mkfifo fifo
refuse fifo "'fifo' is a pipe" "a pipe neither, and is not waited for"
refuse empty "'empty' is empty" "an empty file neither"
refuse penguins.csv 'not an HDF5 file' "nor a table"
head -c 3000 a.h5 >cut.h5
refuse cut.h5 'truncated or damaged' "a truncated data file"
at=$(LC_ALL=C grep -Fabo '()*+2' a.h5 | head -n 1 | cut -d: -f1)
{ head -c "${at:-0}" a.h5; printf '!'; tail -c +$((${at:-0} + 2)) a.h5; } >bit.h5
refuse bit.h5 'damaged: its digest' "a changed sample is seen"

cp a.h5 kept.h5
run pare-data idx short y -o kept.h5
status_is 1 "after a failure"
same a.h5 kept.h5 "the old output is intact"
ok "no temporary is left" test ! -e kept.h5.pare-tmp
if [ -w /dev/full ]; then
    run pare-data idx x y -o /dev/full
    fails_with 1 "a full disk"
    run_sh "pare-data idx x y -o - >/dev/full"
    fails_with 1 "a full disk on standard output"
    run_sh "pare-data info a.h5 >/dev/full"
    status_is 1 "a full disk for the table"
fi

# ---- help and manual ----

for sub in idx csv images cifar10 cifar100 npy npz info; do
    run pare-data $sub --help
    status_is 0 "$sub has help"
    out_has "^usage: pare-data $sub " "$sub has usage"
    run pare-data $sub --frob
    fails_with 2 "$sub refuses unknown options"
done
for sub in idx csv images cifar10 cifar100 npy npz info; do
    pare-data $sub --list-options | cut -f2
done | sort -u >options.txt
page=$SRC/man/pare-data.1
sed -n 's/^\.It Fl\( . ,\)\{0,1\} -\([a-z-]*\).*/\2/p' "$page" |
    sort -u >manual.txt
ran="options against manual"
same options.txt manual.txt "every option is in the manual, and only those"
run pare-data --help
status_is 0 "help"
run pare-data -V
status_is 0 "version"

# The manual's examples run.
cp x.gz train-images-idx3-ubyte.gz
cp y.gz train-labels-idx1-ubyte.gz
gzip -n <tx >t10k-images-idx3-ubyte.gz
gzip -n <ty >t10k-labels-idx1-ubyte.gz
. "$HERE/arrays.sh"
npy '|u1' '1, 2, 2, 3' abcdefghijkl >images.npy
npy '|u1' '1,' '\0' >labels.npy
npz x_train images.npy y_train labels.npy >mnist.npz
mkdir cifar-10-batches-bin
head -c 6146 /dev/zero >cifar-10-batches-bin/data_batch_1.bin
for i in 1 2 3 4 5; do
    mkdir -p photos/rose photos/tulip
    image_probe jpeg 200 150 "$i" | tee "photos/rose/$i" >"photos/tulip/$i"
done
sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/p' "$page" |
    sed -e 's/\\e$/\\/' -e 's/--val 5000/--val 2/' |
    sed -n '/^\$ /,/^\.Ed/p' | grep -v '^\.' | sed 's/^\$ pare data/pare-data/' >examples.sh
ok "the manual has examples" test "$(grep -c '^pare-data' examples.sh)" -ge 2
run sh -e examples.sh
status_is 0 "the examples of the manual run"
out_has 'penguins.h5	train	Adelie	[0-9]+$' "and print what they should"

finish
