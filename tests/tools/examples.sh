# The examples of the manual run. In a literal block of EXAMPLES a line that
# begins with "$ " is a command; the lines below it up to the next one belong
# to it ("> " before them goes). Each page has a directory of its own, with
#
#     penguins.csv, penguins.h5   the penguins
#     fashion.h5                  few images of 784 pixels in 10 classes
#     train-images-idx3-ubyte.gz  and so on, as MNIST has them
#     cifar-10-batches-bin        two images of CIFAR-10
#     images.npy, labels.npy      an image of four axes
#     mnist.npz                   both in an archive
#     photos                      class folders of images of varied size
#     dense.h5                    a network of three layers on fashion.h5
#     pruned.h5                   half of it
#     conv.h5                     a convolutional network on fashion.h5
. "${0%/*}/lib.sh"
. "$HERE/arrays.sh"

# idx NAME SAMPLES: images and labels in the format of MNIST.
u32() {
    printf "\\$(printf %o $(($1 / 16777216)))\\$(printf %o $(($1 / 65536 % 256)))\\$(printf %o $(($1 / 256 % 256)))\\$(printf %o $(($1 % 256)))"
}
idx() {
    { u32 2051; u32 "$2"; u32 28; u32 28
        yes "$1 is not what it was, but it will do." | head -c $(($2 * 784)); } |
        gzip >"$1-images-idx3-ubyte.gz"
    { u32 2049; u32 "$2"
        yes '\0\1\2\3\4\5\6\7\10\11' | head -n $(($2 / 10)) |
            while read -r digits; do printf "$digits"; done; } |
        gzip >"$1-labels-idx1-ubyte.gz"
}

mkdir files
cd files || exit 99
idx train 6000
idx t10k 100
idx few 200
pare data idx --val 50 -S 1 -o fashion.h5 few-images-idx3-ubyte.gz \
    few-labels-idx1-ubyte.gz t10k-images-idx3-ubyte.gz t10k-labels-idx1-ubyte.gz
rm few-*
npy '|u1' '1, 2, 2, 3' abcdefghijkl >images.npy
npy '|u1' '1,' '\0' >labels.npy
npz x_train images.npy y_train labels.npy >mnist.npz
mkdir cifar-10-batches-bin
head -c 6146 /dev/zero >cifar-10-batches-bin/data_batch_1.bin
for class in rose tulip; do
    mkdir -p "photos/$class"
    for i in 1 2 3 4 5; do
        image_probe jpeg $((190 + i)) $((150 + i)) $((20 * i)) \
            >"photos/$class/$i.jpg" || exit 99
    done
done
cp "$SRC/pipelines/penguins/penguins.csv" .
pare data csv --label species --drop-na -S 1 --one-hot island \
    --scale bill_length_mm=50 --scale bill_depth_mm=20 \
    --scale flipper_length_mm=200 --scale body_mass_g=5000 \
    --one-hot sex --one-hot year --make-split 200,100,33 \
    -o penguins.h5 penguins.csv
pare train -q -a 784-20-15-10 -d fashion.h5 -e 2 -o dense.h5 || exit 99
pare prune -s .5 dense.h5 -o pruned.h5 || exit 99
pare train -q -a lenet-5 -d fashion.h5 --steps 1 -o conv.h5 || exit 99
cd .. || exit 99

# The commands of a page, each followed by a line with a form feed.
commands() {
    awk '
    /^\.Sh / { on = ($2 == "EXAMPLES") }
    /^\.Bd -literal/ { literal = on; open = 0; next }
    /^\.Ed/ { if (open) print "\f"; literal = open = 0; next }
    !literal { next }
    /^\$ / {
        if (open) print "\f"
        open = 1
        print substr($0, 3)
        next
    }
    open { sub(/^> ?/, ""); print }' "$1" | sed 's/\\e/\\/g'
}

for page in "$SRC"/man/*.[157]; do
    name=${page##*/}
    commands "$page" >list
    [ -s list ] || continue
    cp -R files "$name.d"
    n=0
    while :; do
        n=$((n + 1))
        awk -v n="$n" '/^\f/ { i++; next } i == n - 1' list >command
        [ -s command ] || break
        case $(cat command) in
        h5dump*) have h5dump || continue ;;
        esac
        run_sh "cd '$name.d' && set -e && $(cat command)"
        status_is 0 "$name, example $n"
    done
done

finish
