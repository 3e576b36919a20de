# Two lottery rounds and a round of rewinding of small convolutional networks
# on made-up images, and the counts of the published ones.
HERE=$(cd "${0%/*}" && pwd)
. "$HERE/lib.sh"

quick conv-lottery a
status_is 0 "the quick run works"
cp "$OUT" table
out_has '^Lottery tickets: images, conv-2, 40 steps a round, 1 seed$' "a title"
out_has '^Rewinding: images, resnet-20, 6 epochs, back to 1, 1 seed$' \
    "the other title"
awk '$1 ~ /^[0-9]+$/ && $5 == "|" { print $1, $2, $3, $4 }' table >got
printf '%s\n' '0 9400 100.00 100' '1 7615 81.01 80.10' '2 6178 65.72 64.16' \
    >want
same got want "10 % of convolutions and the last layer go, 20 % of others"
out_has '^dense +0/2072 ' "nothing is pruned of the control"
for arm in 'fine-tuned' 'weights rewound' 'learning rate rewound'; do
    out_has "^$arm +414/2072 " "20 % are gone: $arm"
done

quick conv-lottery b -j2
same "$OUT" table "side by side: the same table"

run=a/quick/images/conv-2/seed1
ok "all models are in order" pare check -q $run/*.h5
for m in ticket0 ticket1 ticket2 trained1 trained2 reinit2 control2; do
    weights $run/$m.h5 >$m.weights
    places $run/$m.h5 >$m.places
done
within ticket1.weights ticket0.weights "survivors start where they started"
within ticket2.weights ticket1.weights "in every round"
same trained2.places ticket2.places "training keeps the mask"
same control2.places ticket2.places "the control has the ticket's mask"
ok "and other initial weights" test \
    "$(comm -12 reinit2.weights ticket2.weights | wc -l)" -eq 0

run=a/quick/images/resnet-20/seed1
ok "all residual models are in order" pare check -q $run/*.h5
for m in pruned tuned weights rates; do
    places $run/$m.h5 >$m.places
    same $m.places pruned.places "$m has the mask"
    pare log --history $run/$m.h5 | cut -f 2,4 >$m.lr
done
pare log --history $run/dense.h5 | cut -f 2,4 >dense.lr
same weights.lr dense.lr "weights are retrained at the rates of the schedule"
tail -n 5 dense.lr | cut -f 2 >want
tail -n 5 rates.lr | cut -f 2 >got
same got want "and so are those that stay"
ok "fine-tuning is at a hundredth" awk 'NR > 7 { n++; if ($2 != .0005) bad = 1 }
    END { exit bad || n != 5 }' tuned.lr
# Weight rewinding by way of files.
pare prune -f .2 -o 1.h5 $run/dense.h5
pare rewind -t epoch:1 --also optimizer,schedule -o 2.h5 1.h5
pare finetune -q -j 1 -d a/quick/images/data.h5 -e 5 -o 3.h5 2.h5
run pare diff -q --state 3.h5 $run/weights.h5
status_is 0 "files and pipes make the same model"

# The published network.
pare init -a conv-2 -S 1 -o 0.h5
for k in 1 2 3; do
    pare prune -f .2 -A layer --layer 'conv*=.1' --layer fc3=.1 -o $k.h5 \
        $((k - 1)).h5
done
run_sh "pare stats [0-3].h5 | awk -F '\t' '
    FNR > 1 && \$2 != \"total\" { n[\$1] += \$4 - \$5 }
    END { for (k = 1; k <= 3; k++)
        printf \"%.2f\\n\", 100 - 100 * n[k \".h5\"] / 4300992 }'"
out_is '80.10
64.16
51.41' "its P_m is that of the paper"
run_sh "pare init -a resnet-20 -S 1 | pare prune -v -f .2 | pare stats --total"
err_has 'removed 53,667 of 268,336 ' "a fifth of resnet-20"
finish
