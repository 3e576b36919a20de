# Small networks pruned before any training, on made-up images.
HERE=$(cd "${0%/*}" && pwd)
. "$HERE/lib.sh"

quick at-init a
status_is 0 "the quick run works"
cp "$OUT" table
out_has '^Pruned at initialisation: images, .* 8 epochs, 2 seeds$' "a title"
out_has '^Collapse: images, .* a layer is emptied between' "the other title"
out_has '^weights kept +5016 +502 +50$' "powers of ten of the weights are kept"
out_has '^order at 10\^1: ' "the methods are put in order"

quick at-init b -j2 METHODS=grasp SEEDS=1
for m in b/quick/images/seed1/*.h5; do
    same "$m" "a${m#b}" "side by side: the same model"
done
same b/quick/images/collapse/seed1/grasp.tsv \
    a/quick/images/collapse/seed1/grasp.tsv "and the same levels"

run=a/quick/images/seed1
data=a/quick/images/data.h5
ok "all models are in order" pare check -q $run/*.h5
weights $run/start.h5 >start.weights
for m in "$run"/*_1.h5; do
    m=${m##*/}
    m=${m%.h5}
    weights $run/$m.h5 >$m.weights
    places $run/$m.h5 >$m.places
done
for m in *_1.places; do
    m=${m%.places}
    places $run/$m-trained.h5 >trained.places
    same trained.places $m.places "$m: training keeps the mask"
    ok "$m: a tenth is left" test "$(wc -l <$m.places)" -eq 502
    case $m in
    *-redrawn*)
        same $m.places "${m%-*}_1.places" "$m: the same weights"
        ok "$m: other values" test \
            "$(comm -12 $m.weights start.weights | wc -l)" -eq 0
        ;;
    *) within $m.weights start.weights "$m: initial values" ;;
    esac
    case $m in
    *-shuffled*)
        cut -d ' ' -f 1 $m.places | uniq -c >got
        cut -d ' ' -f 1 "${m%-*}_1.places" | uniq -c >want
        same got want "$m: as many of each layer"
        ok "$m: but others" test \
            "$(comm -12 $m.places "${m%-*}_1.places" | wc -l)" -lt 400
        ;;
    esac
done
pare train -q -j 1 -d $data -e 8 -b 20 -l .02 --schedule cosine -S 1 \
    -o byhand.h5 $run/magnitude_1.h5
run pare diff -q --state byhand.h5 $run/magnitude_1-trained.h5
status_is 0 "a network is trained from its beginning"
awk -F '\t' '$1 ~ /random_1-/ { x[++n] = 100 * $5 }
    END { m = (x[1] + x[2]) / 2; d = x[1] - m
          printf "%.2f (%.2f)\n", m, sqrt(2 * d * d)
    }' a/quick/images/eval.tsv >want
awk '$1 == "random" && NF > 6 { print $4, $5 }' table >got
same got want "means and deviations are over the seeds"

# Collapse.
awk -F '\t' 'FNR > 1 { n[FILENAME FS $1] += $4 }
    END { for (k in n) print n[k] }' a/quick/images/collapse/seed1/*.tsv |
    sort -n | uniq -c | awk '{ print $2 }' | tr '\n' ' ' >got
printf '1 5 50 502 ' >want
same got want "levels are exact"
pare prune -q -s .99 -m random -S 1 a/quick/images/collapse/seed1/start.h5 |
    pare stats | awk -F '\t' '$2 == "conv2" { print $5 - 8 }' >want
awk -F '\t' '$1 == 2 && $2 == "conv2" { print $4 }' \
    a/quick/images/collapse/seed1/random.tsv >got
same got want "and of the layers"
awk -F '\t' '$4 == "0" { print $1 }' \
    a/quick/images/collapse/seed1/magnitude.tsv | uniq >got
tail -n 1 a/quick/images/collapse/seed1/magnitude.tsv | cut -f 1 >want
same got want "an empty layer is the last level"
mkdir -p made/seed1 made/seed2
{
    printf 'power\tlayer\tweights\tkept\n'
    printf '%s\n' "1	fc1	9	4" "1	fc2	9	3" "1.5	fc1	9	1" "1.5	fc2	9	0" \
        "2	fc1	9	0" "2	fc2	9	0"
} >made/seed1/random.tsv
sed 's/0$/2/' made/seed1/random.tsv >made/seed2/random.tsv
run awk -f "$PIPELINES/at-init/collapse.awk" made/seed1/random.tsv \
    made/seed2/random.tsv
out_has '^random +1-1\.5 fc2  none to 2$' "the first layer to be emptied"
finish
