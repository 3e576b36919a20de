# Sparse evolutionary training on small networks, machines and made-up images.
HERE=$(cd "${0%/*}" && pwd)
. "$HERE/lib.sh"

quick set a
status_is 0 "the quick run works"
cp "$OUT" table
sed -n 's/ [^ ]*(.*, generated, / /p' table >got
printf '%s\n' 'mlp: 2 seeds' 'lung: 2 seeds' 'turned: 1 seed' 'rbm: 1 seed' \
    'cifar: 1 seed' >want
same got want "the studies"
sed -n '/^set and fixed/p; s/: the same in one process$//p' table >got
cat >want <<'END'
set and fixed are equal after epoch 1 in 2 of 2 seeds
set and fixed are equal after epoch 1 in 2 of 2 seeds
set and fixed are equal after epoch 1 in 1 of 1 seeds
set and fixed are equal after epoch 1 in 1 of 1 seeds
set and fixed are equal after epoch 1 in 1 of 1 seeds
mlp
lung
turned
rbm
cifar
END
same got want "before it is rewired set is fixed, and its parts make the whole"

quick set b -j2
grep -v ': the same' "$OUT" >got
grep -v ': the same' table >want
same got want "side by side: the same table"

runs=a/quick
ok "all models are in order" pare check -q $runs/*/*/seed?/e*.h5

# connections MODEL: of each layer.
connections() {
    pare dump "$1" | awk '/^tensor/ { n = 0 } /^tensor.*weight/ { print $2 }'
    pare stats "$1" | awk -F '\t' '$2 ~ /^(fc|rbm)/ {
        split($3, d, "x"); print $5 - d[1] - ($2 ~ /rbm/ ? d[2] : 0) }'
}
for m in mlp/set/seed2/e1 mlp/set/seed2/e2-grown mlp/set/seed2/e4 \
    mlp/fixed/seed2/e4; do
    connections $runs/$m.h5 >got
    connections $runs/mlp/set/seed2/e0.h5 >want
    same got want "as many connections in $m as at first"
done
ok "at most epsilon (inputs + outputs)" test "$(connections \
    $runs/mlp/set/seed2/e0.h5 | awk '/^[0-9]/ { print $1; exit }')" -lt 5004
pare dump $runs/mlp/set/seed2/e0.h5 | awk '
    /^tensor/ { on = $2 ~ /bias/; next } on && /^  / && /[1-9]/' >got
ok "biases begin at 0" test ! -s got
places $runs/mlp/fixed/seed1/e4.h5 >got
places $runs/mlp/set/seed1/e0.h5 >want
same got want "those of fixed stay where they are"
places $runs/mlp/set/seed1/e4.h5 fc1 | comm -13 want - >got
ok "those of set move" test "$(wc -l <got)" -gt 1000
pare stats --rewiring $runs/mlp/set/seed1/e4-core.h5 | awk -F '\t' '
    $3 == "fc1" { print $2, int(100 * $6 / $5 + .5) }' >got
printf '%s 30\n' 1 2 3 4 >want
same got want "three tenths of them after each epoch"

# Numbers of the table by hand.
sed -n '/^lung/q; /^mlp:/,$p' table >mlp
for s in 1 2; do
    pare log --history $runs/mlp/set/seed$s/e4.h5 |
        awk -F '\t' 'NR > 1 { a = 100 * $8; if (NR == 2 || a > best) best = a }
            END { print a, best }'
done | awk '{ x[NR] = $1; y[NR] = $2 }
    END { e = (x[1] - x[2]) / sqrt(2)
          printf "%.2f %.2f %.2f\n", (x[1] + x[2]) / 2, (y[1] + y[2]) / 2,
              (e < 0) ? -e : e }' >want
awk '/^set/ && !n++ { l = $3 " " $4; getline; print l, $3 }' mlp >got
same got want "accuracies are means and deviations of the seeds"
pare log --history $runs/rbm/fixed/seed1/e3.h5 |
    awk -F '\t' 'NR > 1 { printf "%.5f ", $7; if (NR == 2 || $7 < best)
        best = $7 } END { printf "%.5f\n", best }' >want
awk '/^rbm/ { on = 1 }
    on && /^fixed/ && !n++ { print $2, $3, $4, $5 }' table >got
same got want "errors of machines are of each epoch, the best the lowest"
for s in 1 2; do
    pare stats --connections fc1 --shape 28x28 \
        $runs/mlp/set/seed$s/e2-core.h5 | awk -F '\t' '$3 ~ /^[0-9]/ {
            for (i = 4; i <= NF; i++) {
                y = $3; x = i - 4; n += $i
                if (y >= 7 && y < 21 && x >= 7 && x < 21) half += $i
                if (y >= 8 && y < 20 && x >= 8 && x < 20) centre += $i
                else if (y < 4 || y >= 24 || x < 4 || x >= 24) border += $i
            }
        }
        END { print half / 196, n / 784, centre / 144 / (border / 384) }'
done >sides
awk '{ h += $1; n += $2; r += $1 / $2; c += $3 }
    END { printf "%.1f %.1f %.3f %.3f\n", h / 2, n / 2, r / 2, c / 2 }' \
    sides >want
awk '/^stay +2/ { print $9, $16, $17, $19 }' mlp >got
same got want "squares, centre and border are those of the image"

# Tissues.
pare data info $runs/generated/lung.h5 | awk -F '\t' '
    $2 ~ /train|val/ { n[$3] += $4; if ($3 == "-") print $2, $4 }
    END { print n["adenocarcinoma"], n["carcinoid"], n["normal"],
              n["small-cell"], n["squamous"] }' >got
printf '%s\n' 'train 135' 'val 68' '139 20 17 6 21' >want
same got want "203 tissues of five kinds"
run_sh "awk -v genes=100 -f '$PIPELINES/set/lung.awk' | cksum"
out_is '3528669724 109531' "the same numbers with every awk"
for s in 1 2; do
    pare log --history $runs/lung/set/seed$s/e4.h5 |
        awk -F '\t' '{ l = $7; a = 100 * $8 } END { print l, a }'
done | awk '{ l += $1; a += $2 } END { printf "%.5f %.2f\n", l / 2, a / 2 }' \
    >want
awk '/^lung/ { on = 1 } on && /^set / && n++ < 2 { a = l; l = $5 }
    END { print l, a }' table >got
same got want "losses and accuracies are those of the seeds"

# The network with masks.
masks=$runs/cifar/set/seed1
connections $masks/e0.h5 >want
for k in e2 e2-grown e6; do
    connections $masks/$k.h5 >got
    same got want "as many connections in $k as at first"
done
pare stats $masks/e6.h5 | awk -F '\t' '$2 == "fc4" { print $5, $4 }' >got
echo 610 610 >want
same got want "the last layer is dense"
weights $masks/e2-core.h5 >core
weights $masks/e2-grown.h5 | comm -23 - core | awk '$3 != "0x0p+0" { other++ }
    END { print NR, other + 0 }' >got
sed -n 's/,//g; s/.*grew \([0-9]*\) conn.*/\1 0/p' $masks/e2-grown.log >want
same got want "new connections begin at 0"
pare log $masks/e6.h5 >got
ok "the optimiser begins anew with them" \
    grep -q 'reset-optimizer.* velocity=reset' got
pare log --history $runs/cifar/dense/seed1/e3.h5 | wc -l >got
echo 4 >want
same got want "an arm can have epochs of its own"
awk '/^cifar/ { on = 1 } on && /^accuracy %/ { $1 = $2 = ""; print }
    on && /^set / && !n++ { getline; print $2, $(NF - 1), $NF }' table >got
printf '%s\n' '  1 2 3 6 10 best' '17.10 42.76 73.85' >want
same got want "published numbers stand under epochs that were not run"

# Images as they are here.
mkdir -p ten class/train/cat class/test/dog
for f in data_batch_1 data_batch_2 test_batch; do
    { printf '\003'; head -c 3072 /dev/zero; } >ten/$f.bin
done
cat ten/data_batch_1.bin >>ten/data_batch_2.bin
printf '\005' >ten/last
head -c 3072 /dev/zero >>ten/last
cat ten/last >>ten/test_batch.bin
printf '\211PNG\r\n\032\n\0\0\0\rIHDR\0\0\0\001\0\0\0\001\010\0\0\0\0' >dot
printf '\072\176\233\125\0\0\0\012IDAT\170\332cp\0\0\0B\0A' >>dot
printf '\204\277\216b\0\0\0\0IEND\256B\140\202' >>dot
cp dot class/train/cat/1.png
cp dot class/test/dog/1.png
for d in lossless jpeg; do
    run make -s -C "$PIPELINES/set" "O=$PWD/d" DATA=$d \
        "CIFAR10_DIR=$PWD/ten" "JPEG_DIR=$PWD/class" "$PWD/d/$d/joined.h5"
    status_is 0 "$d images make a file"
    pare data info d/$d/joined.h5 | awk -F '\t' '$2 ~ /train|val|test/ &&
        $3 == "-" { print $2, $4 }'
done >got
printf '%s\n' 'train 3' 'val 2' 'test 0' 'train 1' 'val 1' 'test 0' >want
same got want "test images are measured with"
ok "nothing else is left" test ! -e d/lossless/links -a ! -e d/jpeg/links

# Pictures.
awk 'BEGIN { for (i = 0; i < 784; i++) print (i * 37) % 256 }' >picture
awk -f "$PIPELINES/set/turned.awk" picture >turned.csv
awk -F , 'NR == 1 { print NF } END { print NR }' turned.csv >got
printf '%s\n' 1025 73 >want
same got want "72 pictures of each"
awk -F , 'NR == 2 { for (i = 0; i < 784; i++) print int(255 * $(2 + 32 * \
    (2 + int(i / 28)) + 2 + i % 28) + .5) }' turned.csv >got
same got picture "the first is as it was"
awk -F , 'NR == 20 { for (i = 0; i < 784; i++) print int(255 * $(2 + 32 * \
    (2 + i % 28) + 29 - int(i / 28)) + .5) }' turned.csv >got
same got picture "after 18 a quarter turn"
pare data info $runs/generated/turned.h5 | awk -F '\t' '
    $2 ~ /train|val/ && !($2 in n) { n[$2]; print $2, $4 }' >got
printf '%s\n' 'train 960' 'val 480' >want
same got want "two thirds of them are trained on"

run make -s -C "$PIPELINES/set" partial "O=$PWD/a/quick" DATA=generated \
    SEEDS='1 2' WIDTH=50 EPSILON_mlp=6 EPOCHS_mlp=4 LOOK_mlp='1 2' \
    STUDIES=mlp
same "$OUT" mlp "what is there can be printed at any time"
rm $runs/mlp/*.tsv $runs/mlp/table.txt
run make -s -C "$PIPELINES/set" table "O=$PWD/a/quick" DATA=generated \
    SEEDS='1 2' WIDTH=50 EPSILON_mlp=6 EPOCHS_mlp=4 LOOK_mlp='1 2' \
    STUDIES=mlp ARMS_mlp='dense fixed'
status_is 0 "an arm can be left out"
grep -c '^set' "$OUT" >got
sed -n '/^accuracy  /,$p' "$OUT" | grep -c '^set' >want
same got want "and is not told of then"
run make -C "$PIPELINES/set" "O=$PWD/none" MNIST_DIR=/nowhere \
    FASHION_DIR=/nowhere CIFAR10_DIR=/nowhere JPEG_DIR=/none \
    STUDIES='mlp turned rbm cifar'
status_is 0 "no data is no error"
err_is 'No CIFAR-10 in /nowhere or /none: skipped; set CIFAR10_DIR or JPEG_DIR
No Fashion-MNIST in /nowhere: skipped; install dataset-fashion-mnist or set FASHION_DIR
No MNIST in /nowhere: skipped; set MNIST_DIR' "but it is said"
finish
