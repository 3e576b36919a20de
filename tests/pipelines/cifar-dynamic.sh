# Five prunings on the way of a small network on made-up images, and the
# counts of the published network.
HERE=$(cd "${0%/*}" && pwd)
. "$HERE/lib.sh"

quick cifar-dynamic a
status_is 0 "the quick run works"
cp "$OUT" table
out_has '^CIFAR-10 CNN: images, 10 epochs, 2 seeds$' "the title"
out_has '^dense +0/4312 ' "nothing is pruned of the control"
out_has '^pruned at the end, as much +3491/4312 ' "nor more before the end"
out_has '^pruned five times on the way +3491/4312 ' "than on the way"
awk '$1 ~ /^[1-5]$/ && NF == 8 { print $1, $2, $3, $5 }' table >got
printf '%s\n' '1 3 1335 .3826' '2 3 2215 .6157' '3 4 2806 .7583' \
    '4 5 3210 .8461' '5 9 3491 .9006' >want
same got want "epochs and counts of the prunings"
awk '$1 == "dense" { exit !($3 > 30) }' table
ok "the dense network learns" test $? -eq 0
ok "no line is too long" awk 'length > 110 { exit 1 }' table

quick cifar-dynamic b -j2
same "$OUT" table "side by side: the same table"

seed=a/quick/images/seed2
ok "all models are in order" pare check -q $seed/*.h5
last=
for k in 1 2 3 4 5; do
    places $seed/pruned$k.h5 >$k.places
    places $seed/stage$k.h5 >stage$k.places
    same stage$k.places $k.places "training keeps mask $k"
    [ -z "$last" ] || within $k.places "$last.places" "a mask only shrinks"
    last=$k
done
# The dense network is one that was trained in one go.
pare train -q -j 1 -a "$(pare dump $seed/dense.h5 | sed -n 's/^arch //p')" \
    -d a/quick/images/data.h5 -e 10 -b 8 -l 3e-3 -S 2 -o whole.h5
run pare diff -q --state whole.h5 $seed/dense.h5
status_is 0 "the parts of the dense training are one training"

# The published network.
pare init -a cifar-cnn -S 1 -o 0.h5
for k in 1 2 3 4 5; do
    pare prune -A layer -f .4 --layer 'conv*=.2' -o $k.h5 $((k - 1)).h5
done
run_sh "pare stats [0-5].h5 | awk -F '\t' '
    FNR > 1 && \$2 != \"total\" { n[\$1] += \$4 - \$5 }
    END { for (k = 1; k <= 5; k++) printf \"%.4f\\n\", n[k \".h5\"] / 1294528 }'"
out_is '0.3826
0.6157
0.7583
0.8461
0.9006' "its sparsities are the published ones"

run make -C "$PIPELINES/cifar-dynamic" quick "O=$PWD/s" SOFTMAX=1
status_is 0 "a softmax before the loss is a run of its own"
ok "with models of its own" test -e s/quick/images-softmax/seed1/stage5.h5

# A run that was stopped goes on and ends in the same models.
mkdir c && cp -R a/quick c/
rm -r c/quick/images/table.txt c/quick/images/seed1/stage[345].h5 \
    c/quick/images/seed1/*.tsv
quick cifar-dynamic c
same "$OUT" table "what is missing is made again, the same"
run make -C "$PIPELINES/cifar-dynamic" "O=$PWD/none" CIFAR10_DIR=/nowhere \
    JPEG_DIR=/nowhere
status_is 0 "no data is no error"
err_is "No CIFAR-10 in /nowhere: skipped; set CIFAR10_DIR
No JPEG files in /nowhere: skipped; set JPEG_DIR" "but it is said"
finish
