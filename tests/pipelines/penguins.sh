# The penguins experiment on small counts: what is pruned, what stays so,
# what comes back, and the table.
HERE=$(cd "${0%/*}" && pwd)
. "$HERE/lib.sh"

quick penguins a
status_is 0 "the quick run works"
cp "$OUT" table
out_has '^Penguins: .* 60 epochs, 2 splits, 6 pairs$' "all pairs are counted"
out_has '^unpruned +0/180 ' "nothing is pruned of the control"
out_has '^pruned 30 % at the end +54/180 ' "30 % of 180 is 54, in every pair"
out_has '^lottery ticket of 30 % +54/180 ' "a ticket keeps its mask"
out_has '^dynamic, 1/3 and 2/3 +56/180 ' "31 and 25 make 56"
out_has '^dynamic, 333 and 666 +56/180 ' "wherever they are pruned"
out_has '^dynamic, 333 and 666 .* \+\.041 (within|outside)$' \
    "published differences stand beside"
ok "there are two tables of differences" test \
    "$(grep -c ' one more split published$' table)" -eq 2
ok "no line is too long" awk 'length > 110 { exit 1 }' table

cat a/quick/split*/seed*/eval.tsv | awk -F '\t' '
    { sub(/.*\//, "", $1) }
    $1 == "unpruned.h5" { u = $4 }
    $1 == "lottery.h5" { sum += $4 - u; n++ }
    END { printf "%+.4f\n", sum / n }' >want
awk '/^lottery/ && ++n == 2 { print $6 }' table >got
same want got "the mean difference is that of the pairs"

quick penguins b -j2
same "$OUT" table "side by side: the same table"

data=a/quick/split2/data.h5
pair=a/quick/split2/seed3
for arm in unpruned pruned lottery thirds early; do
    pare dump "$pair/$arm.h5" | grep '^init' >"$arm.init"
    weights "$pair/$arm.h5" >"$arm.weights"
    places "$pair/$arm.h5" >"$arm.places"
    same unpruned.init "$arm.init" "$arm begins with the pair's weights"
done
pare rewind -t init -o init.h5 $pair/unpruned.h5
weights init.h5 >init.weights
pare rewind -t init -o ticket.h5 $pair/pruned.h5
weights ticket.h5 >ticket.weights
places ticket.h5 >ticket.places
within ticket.weights init.weights "survivors are the initial ones to the bit"
within pruned.weights unpruned.weights "pruning leaves the others alone"
same ticket.places pruned.places "rewinding keeps the mask"
same lottery.places pruned.places "retraining keeps the mask"
ok "retraining moves weights" test \
    "$(comm -12 lottery.weights ticket.weights | wc -l)" -lt 54

# The dynamic arm by way of files.
pare train -q -j 1 -a 'in(12) linear(12) relu linear(3) tanh' -d $data \
    -b 50 -l 1e-4 -e 20 -S 3 -o 1.h5 2>/dev/null
run pare prune -v -f .17 -o 2.h5 1.h5
err_has 'removed 31 of 180 ' "17 % of 180 is 31"
pare finetune -q -j 1 -d $data -e 20 -o 3.h5 2.h5 2>/dev/null
run pare prune -v -f .17 -o 4.h5 3.h5
err_has 'removed 25 of 149 ' "17 % of the 149 that remain is 25"
pare finetune -q -j 1 -d $data -e 20 -o 5.h5 4.h5 2>/dev/null
same 5.h5 $pair/thirds.h5 "files and pipes make the same model"
for n in 2 3 4; do places $n.h5 >$n.places; done
same 3.places 2.places "what was pruned while training stays pruned"
within 4.places 3.places "the second pruning only removes more"
same thirds.places 4.places "and stays to the end"

run make -C "$PIPELINES/penguins" demo "O=$PWD/d" EPOCHS=300 \
    FASHION_DIR=/nowhere
status_is 0 "the demo works"
out_has '^unpruned\.h5 +[0-9]+ +0 of 180 ' "it has the control"
out_has '^pruned\.h5 +[0-9]+ +54 of 180 ' "the pruned network"
out_has '^lottery\.h5 +[0-9]+ +54 of 180 ' "the ticket"
out_has '^thirds\.h5 +[0-9]+ +56 of 180 ' "the one pruned while training"
models=$(sed -n 's/^in //p' "$OUT")
ok "and says where they lie" pare stats "$models/thirds.h5"
out_has '^No Fashion-MNIST in /nowhere' "and what it leaves out"

# A run that is interrupted by an error leaves a message and no table.
run make -C "$PIPELINES/penguins" quick "O=$PWD/c" BATCH=none
ok "a wrong setting fails" test "$status" -ne 0
err_has '^pare-train: ' "the message of the tool is shown"
ok "no table is left" test ! -e c/quick/table.txt
finish
