# Small networks pruned, quantised, trained on and packed, on made-up images.
HERE=$(cd "${0%/*}" && pwd)
. "$HERE/lib.sh"

have pare-pack || skip "no pare pack"
quick deep-compression a
status_is 0 "the quick run works"
cp "$OUT" table
out_has '^Deep compression: images$' "the title"
awk -F ' +' '$3 ~ "/[0-9]" { print $1, $2, $3 }' table >got
printf '%s\n' 'lenet-300-100/paper 16 1358/16640' \
    'lenet-300-100/paper 4 1358/16640' 'lenet-300-100/best 16 832/16640' \
    'lenet-300-100/best 4 832/16640' 'lenet-5/paper 16 257/1734' \
    'lenet-5/paper 4 257/1734' >want
same got want "what is kept is what was asked for"
all=a/quick/images
for c in lenet-300-100/paper/16 lenet-300-100/best/4 lenet-5/paper/4; do
    wc -c <$all/$c/small.h5
done | tr -d ' ' >want
awk '$1 "/" $2 == "lenet-300-100/paper/16" ||
    $1 "/" $2 == "lenet-300-100/best/4" || $1 "/" $2 == "lenet-5/paper/4" {
        print $4 }' table >got
same got want "bytes are those of the whole files"
ok "all models are in order" pare check -q $all/*/*/*.h5 $all/*/*/*/*.h5

# Levels stay as few, and the weights of a level equal.
for k in 16 4; do
    for f in $all/*/*/$k/tuned.h5 $all/*/*/$k/small.h5; do
        pare stats "$f" | awk -F '\t' -v k=$k '
            NR > 1 && $2 != "total" && $16 + 0 > k { print $1, $2, $16 }'
    done
done >got
: >want
same got want "trained levels are as few as asked for"
pare diff --all $all/lenet-5/paper/4/tuned.h5 $all/lenet-5/paper/4/small.h5 \
    2>&1 | tail -n 1 | cut -f 5-7 >got
printf '0\t0\t0\n' >want
same got want "packing changes no value"
run pare diff -q $all/lenet-5/paper/4/coded.h5 $all/lenet-5/paper/4/tuned.h5
status_is 1 "training moves levels"

# The same by hand.
pare quantize -q --codebook 4 --lambda .01 $all/lenet-5/paper/sparse.h5 |
    pare finetune -q -j 1 -d $all/data.h5 -e 1 -l .003 --schedule cosine |
    pare pack -9 --strip -o hand.h5
status=$?
status_is 0 "three commands do it"
same hand.h5 $all/lenet-5/paper/4/small.h5 "and give the same bytes"

quick deep-compression b -j2
same "$OUT" table "side by side: the same table"

finish
