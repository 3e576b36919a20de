# The arms of the convolutional network on few steps and made-up images:
# what is pruned, what stays so, what comes back, and the table.
HERE=$(cd "${0%/*}" && pwd)
. "$HERE/lib.sh"

quick fashion-cnn a
status_is 0 "the quick run works"
cp "$OUT" table
out_has '^Fashion CNN: images, 9 steps of 4, 1 seed$' "the title"
out_has '^unpruned +0/1199648 ' "nothing is pruned of the control"
out_has '^pruned 30 % at the end +359894/1199648 ' "30 % as published"
out_has '^lottery 50 % \(fc2 25 %\) +599504/1199648 ' "the ticket"
out_has '^dynamic, 1/3 and 2/3 +373210/1199648 ' "17 % twice"
out_has '^dynamic, 333 and 666 +373210/1199648 ' "wherever they are pruned"
ok "no line is too long" awk 'length > 110 { exit 1 }' table

quick fashion-cnn b -j2
same "$OUT" table "side by side: the same table"

seed=a/quick/images/seed1
ok "all models are in order" pare check -q $seed/*.h5
ok "pruned in the middle: 203,940 and 169,270" test "$(sed -n \
    's/.*removed \([0-9,]*\) of.*/\1/p' $seed/thirds.log | tr '\n' ' ')" = \
    '203,940 169,270 '
pare rewind -t init -o init.h5 $seed/unpruned.h5
for m in pruned lottery thirds; do
    pare dump $seed/$m.h5 | grep '^init' >$m.init
    same pruned.init $m.init "$m begins with the seed's weights"
done
awk -F '\t' '$1 ~ /lottery/ && $2 == "fc2" { print $4 - $5 }' \
    $seed/stats.tsv >got
ok "fc2 of the ticket lost a quarter of 1,280" test "$(cat got)" = 320

# The lottery arm by way of files, its optimiser's state kept.
data=a/quick/images/data.h5
pare prune -f .5 --skip fc2 -o 1.h5 $seed/unpruned.h5
pare prune -f .25 --only fc2 -o 2.h5 1.h5
pare rewind -t init --also schedule -o 3.h5 2.h5
pare finetune -q -j 1 -d $data --steps 9 -o 4.h5 3.h5
run pare diff -q --state 4.h5 $seed/lottery.h5
status_is 0 "one pruning of two amounts is two prunings"
places 3.h5 'conv|fc2' >3.places
places $seed/lottery.h5 'conv|fc2' >lottery.places
same lottery.places 3.places "training keeps the mask"
weights 3.h5 'conv|fc2' >3.weights
weights init.h5 'conv|fc2' >init.weights
within 3.weights init.weights "survivors start where they started"
ok "with the optimiser's state" test "$(pare dump 3.h5 | grep -c ^slot)" -eq 16
awk -F '\t' '$3 == 1 { exit !($5 > 2 && $5 < 2.6) }' $seed/unpruned.steps
ok "the first loss is about ln 10" test $? -eq 0

# The demo, on the made-up images.
mkdir -p d/demo-lenet-5/fashion
cp $data d/demo-lenet-5/fashion/data.h5
run make -C "$PIPELINES/fashion-cnn" demo "O=$PWD/d" DATA=fashion \
    FASHION_DIR=/nowhere DEMO_STEPS=3 DEMO_MORE=2
status_is 0 "the demo works"
out_has '^dense\.h5 +[0-9]+ +0 of 430500 ' "LeNet-5 whole"
out_has '^weights\.h5 +[0-9]+ +387450 of 430500 ' "without 90 % of its weights"
out_has '^filters\.h5 +[0-9]+ +127650 of 430500 ' "without 30 % of its filters"
run make -C "$PIPELINES/fashion-cnn" demo "O=$PWD/e" FASHION_DIR=/nowhere
out_has '^No Fashion-MNIST in /nowhere' "without the data it says so"
finish
