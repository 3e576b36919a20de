# --augment of pare-train and pare-finetune: what it changes, what stays the
# same bytes, what the model keeps of it, and what is refused.
. "${0%/*}/lib.sh"

# 60 images of 9 x 9, a bright bar whose side is the class, as IDX.
u32() {
    printf "\\0\\0\\$(printf %o $(($1 / 256)))\\$(printf %o $(($1 % 256)))"
}
{
    u32 2051 && u32 60 && u32 9 && u32 9
    awk 'BEGIN { for (i = 0; i < 60 * 81; i++) {
        s = int(i / 81); x = i % 9; y = int(i % 81 / 9)
        on = s % 3 == 0 ? x == 1 : s % 3 == 1 ? x == 6 : y == 2
        printf "%c", on ? 200 - s : 1 + (i * i + s) % 40 } }'
} >x
{
    u32 2049 && u32 60
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        printf '\0\1\2'
    done
} >y
run pare-data idx x y --make-split 40,10,10 -S 1 -o i.h5
status_is 0 "images are data"
run pare-data info i.h5
out_has '1x9x9' "of one channel, height and width"

spec=flip,crop=2,rotate=15
train() {
    pare-train -q -a 'in(81) linear(20) relu linear(3)' -d i.h5 -S 1 -b 7 "$@"
}
train -e 4 -o plain.h5
run train -e 4 --augment $spec -o a.h5
status_is 0 "it trains with augmentation"
run pare-diff -q a.h5 plain.h5
status_is 1 "which makes a difference"
run train -e 4 --augment none -o none.h5
same none.h5 plain.h5 "none makes none"
run train -e 4 --augment crop=0,rotate=0 -o none.h5
same none.h5 plain.h5 "nor do changes of nothing"
for one in flip flip=1 crop=1 shift=3 rotate=45; do
    run train -e 4 --augment $one -o one.h5
    status_is 0 "$one is a change"
    run pare-diff -q one.h5 plain.h5
    status_is 1 "that counts"
done
run train -e 4 --augment crop=2 -o crop.h5
run train -e 4 --augment shift=2 -o shift.h5
run pare-diff -q crop.h5 shift.h5
status_is 1 "crop and shift have numbers of their own"

# ---- the same bytes ----
for j in 2 3; do
    run train -e 4 --augment $spec -j $j -o j.h5
    same a.h5 j.h5 "with $j threads the same bytes"
done
run train -e 1 --augment $spec -o 1.h5
run pare-finetune -d i.h5 -e 2 -o 3.h5 1.h5
run pare-finetune -d i.h5 -e 1 -o 4.h5 3.h5
run pare-diff --state -q 4.h5 a.h5
status_is 0 "in parts it is the same, as the file says how"
run train --steps 8 --augment $spec -o s.h5
run_sh 'pare-finetune -d i.h5 -e 3 s.h5 | pare-diff --state -q - a.h5'
status_is 0 "also when a part ends inside an epoch"
run train -e 4 --augment $spec --autosave 1ep --autosave-file kept -o a2.h5
same a.h5 a2.h5 "keeping the state changes nothing"

wait_for() {
    tries=0
    while [ ! -e "$1" ] && [ "$tries" -lt 500 ]; do
        sleep 0.02
        tries=$((tries + 1))
    done
    [ -e "$1" ]
}
run train -e 3000 --augment $spec -o whole.h5
pare-train -q -a 'in(81) linear(20) relu linear(3)' -d i.h5 -S 1 -b 7 \
    -e 3000 --augment $spec --autosave 100ep -o killed.h5 &
pid=$!
ok "a long run keeps its state" wait_for killed.h5.autosave
kill -s KILL $pid
{ wait $pid; } 2>/dev/null
run train -e 3000 --augment flip --autosave 100ep -o killed.h5
fails_with 1 "another augmentation does not go on from it"
run train -e 3000 --augment $spec --autosave 100ep -v -o killed.h5
err_has 'resuming at epoch [0-9]+00,' "the same does"
same whole.h5 killed.h5 "and ends in the same bytes"

# ---- what the model keeps ----
pare-dump a.h5 >a.txt
ok "the text says it" grep -qx 'augment flip=0.5,crop=2,rotate=15' a.txt
run_sh 'pare-load a.txt | cmp - a.h5'
status_is 0 "and is read back to the same bytes"
run pare-check a.h5
status_is 0 "the model is valid"
ok "a model without it does not speak of it" \
    test "$(pare-dump plain.h5 | grep -c augment)" = 0
run pare-log a.h5
out_has '--augment flip=0.5,crop=2,rotate=15' "the provenance names it"
run pare-log plain.h5
out_lacks augment "or does not"
run pare-finetune -d i.h5 -e 1 --augment none -o off.h5 a.h5
status_is 0 "it can be turned off"
ok "for good" test "$(pare-dump off.h5 | grep -c '^augment')" = 0
run pare-log off.h5
out_has '--augment none' "which the provenance says"
run pare-finetune -d i.h5 -e 1 --augment shift=1 -o other.h5 a.h5
ok "or changed" test "$(pare-dump other.h5 | grep '^augment')" = \
    'augment shift=1'
run pare-finetune -d i.h5 -e 1 --augment flip -o on.h5 plain.h5
ok "or turned on" test "$(pare-dump on.h5 | grep '^augment')" = \
    'augment flip=0.5'
run_sh 'pare-prune -s .5 a.h5 | pare-dump | grep ^augment'
out_is 'augment flip=0.5,crop=2,rotate=15' "pruning leaves it"
run pare-train -d i.h5 -e 1 -o anew.h5 a.h5
ok "training anew does not take it over" \
    test "$(pare-dump anew.h5 | grep -c '^augment')" = 0
sed 's/^augment .*/augment zoom=3/' a.txt | pare-load -o odd.h5
run pare-check odd.h5
status_is 1 "check finds one that is unknown"
out_has "no change 'zoom'" "by its name"
run pare-finetune -d i.h5 -e 1 -o o.h5 odd.h5
fails_with 1 "with which nothing goes on"
run pare-finetune -d i.h5 -e 1 --augment none -o o.h5 odd.h5
status_is 0 "unless told otherwise"

# ---- only training images ----
for split in train val test; do
    run pare-eval -d i.h5 --split $split a.h5
    cp "$OUT" before
    run_sh "pare-dump a.h5 | grep -v ^augment | pare-load |
        pare-eval -d i.h5 --split $split"
    ok "evaluation changes no image of $split" \
        test "$(cut -f 2- before)" = "$(cut -f 2- "$OUT")"
done

# ---- what is refused ----
for bad in '' flip, zoom crop crop=1.5 crop=-1 flip=2 rotate=181 flip,flip \
    none,flip; do
    run train -e 1 --augment "$bad" -o o2.h5
    fails_with 2 "no augmentation: '$bad'"
    run pare-finetune -d i.h5 -e 1 --augment "$bad" -o o2.h5 a.h5
    fails_with 2 "nor in finetune: '$bad'"
done
run train -e 1 --augment crop=9 -o o2.h5
fails_with 1 "an image cannot leave its frame"
err_is 'pare-train: moving by 9 pixels takes images of 9 x 9 out of sight' \
    "as is said"
awk -f "$HERE/small.awk" >d.csv
run pare-data csv --label kind --make-split 80,20,20 -S 1 -o d.h5 d.csv
run pare-train -a 4-3 -d d.h5 -e 1 --augment flip -o o2.h5
fails_with 1 "a table has no images"
err_has 'augmentation needs images' "as is said"
ok "nothing was written" test ! -e o2.h5
run pare-train -a 'in(9,9) conv1d(3,2) flatten linear(3)' -d i.h5 -e 1 \
    --augment flip -o o2.h5
fails_with 1 "a network of rows takes no images"
err_has 'takes images, not rows of 9x9$' "as is said"
run pare-train -a 'in(9,9) conv1d(3,2) flatten linear(3)' -d i.h5 -e 1 -o o.h5
status_is 0 "but without, their values"

# ---- networks of images ----
net='in(1,9,9) conv2d(4,3) batchnorm2d relu globalavgpool flatten linear(3)'
for j in 1 2; do
    run pare-train -a "$net" -d i.h5 -e 3 -S 1 -b 20 --augment $spec -j $j \
        -o c$j.h5
    status_is 0 "one trains with augmentation, $j threads"
    err_is '' "in silence"
done
same c1.h5 c2.h5 "to the same bytes"
run pare-train -a "$net" -d i.h5 -e 1 -S 1 -b 20 --augment $spec -o c.h5
run_sh 'pare-finetune -d i.h5 -e 2 c.h5 | pare-diff --state -q - c1.h5'
status_is 0 "and in parts to the same model"
for in in 9,1,9 9,9,1 3,3,9 1,3,27; do
    run pare-train -a "in($in) flatten linear(3)" -d i.h5 -e 1 -o o2.h5
    fails_with 1 "$in is another shape"
    err_is "pare-train: the data are 1x9x9, the model takes \
$(echo $in | tr , x)" "as is said"
done
run pare-train -a 'in(1,8,8) flatten linear(3)' -d i.h5 -e 1 -o o2.h5
err_has 'are 1x9x9, the model takes 1x8x8$' "so is another size"
run pare-train -a 'in(1,2,2) flatten linear(3)' -d d.h5 -e 1 -o o.h5
status_is 0 "a table can be taken as images"
for last in 'globalavgpool' 'flatten linear(3)' 'globalavgpool flatten' \
    'flatten linear(3) batchnorm' 'flatten linear(3) identity'; do
    run pare-train -a "in(1,9,9) conv2d(3,3) $last" -d i.h5 -e 1 -o o.h5
    err_is '' "logits come out of $last"
done
run pare-train -a "in(1,9,9) conv2d(3,9) sigmoid flatten" -d i.h5 -e 1 -o o.h5
err_has 'the last layer is sigmoid' "but not of a sigmoid behind flatten"
run pare-train -a "in(1,9,9) conv2d(3,3)" -d i.h5 -e 1 -o o.h5
err_has 'gives out 3x7x7, all of it taken as classes' "a map is warned of"

finish
