# The four arms of the flowers on a small network and made-up images, and the
# counts of the published network.
HERE=$(cd "${0%/*}" && pwd)
. "$HERE/lib.sh"

quick flowers a
status_is 0 "the quick run works"
cp "$OUT" table
out_has '^Flowers: images, 5 epochs, measured on test, 2 seeds$' "the title"
out_has '^unpruned +0/19268 ' "nothing is pruned of the control"
out_has '^pruned 30 % at the end +5554/19268 ' "30 % of the linear layers"
out_has '^lottery ticket of 30 % +5554/19268 ' "a ticket keeps its mask"
out_has '^dynamic, 1/3 and 2/3 +5759/19268 ' "17 % twice"
ok "no line is too long" awk 'length > 110 { exit 1 }' table
ok "all four networks learn, the ticket too" awk '
    $1 ~ /^(unpruned|pruned|lottery|dynamic,)$/ && /\// {
        for (f = 1; f <= NF; f++)
            if ($f ~ /\/19268$/) { n++; if ($(f + 1) < 60) bad = 1 }
    }
    END { exit bad || n != 4 }' table

quick flowers b -j2
same "$OUT" table "side by side: the same table"

seed=a/quick/images/seed1
data=a/quick/images/data.h5
ok "all models are in order" pare check -q $seed/*.h5
for arm in unpruned pruned lottery third2 dynamic; do
    pare dump $seed/$arm.h5 | grep '^init' >$arm.init
    weights $seed/$arm.h5 >$arm.weights
    places $seed/$arm.h5 >$arm.places
    same unpruned.init $arm.init "$arm begins with the seed's weights"
done
ok "convolutions are whole" test "$(grep -c '^conv' dynamic.places)" -eq \
    "$(grep -c '^conv' unpruned.places)"
within pruned.weights unpruned.weights "what was pruned is what is measured"
same lottery.places pruned.places "retraining keeps the mask"
within dynamic.places third2.places "the second pruning only removes more"
# The network kept is that of the best epoch.
for arm in unpruned lottery dynamic; do
    pare log --history $seed/$arm.h5 | cut -f 8 | sort -n | tail -n 1 >want
    pare eval -d $data --split val $seed/$arm.h5 | awk -F '\t' \
        'NR == 2 { print $5 }' >got
    ran="best of $arm"
    ok "$arm has its best validation accuracy" awk \
        'NR == FNR { best = $1; next } { d = $1 - best
         exit !(d < 1e-6 && d > -1e-6) }' want got
done
ok "train is mirrored" sh -c "pare log $seed/unpruned.h5 | grep -q augment.*flip"

# The published network.
run_sh "pare init -a flower-cnn -S 1 | pare prune -v --only 'fc*' -f .3 |
    pare stats"
err_has 'removed 2,488,368 of 8,294,560 ' "30 % as published"
run_sh "pare init -a flower-cnn -S 1 | pare prune -v --only 'fc*' -f .17 |
    pare prune -v --only 'fc*' -f .17 | pare stats --total"
err_has 'removed 1,410,075 of 8,294,560 ' "the first 17 %"
err_has 'removed 1,170,362 of ' "the second 17 %"

run make -C "$PIPELINES/flowers" "O=$PWD/none" FLOWERS_DIR=/nowhere
status_is 0 "no data is no error"
err_is "No photos in /nowhere/train: skipped; set FLOWERS_DIR" "but it is said"
finish
