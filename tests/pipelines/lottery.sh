# Two lottery rounds of few steps on made-up images.
HERE=$(cd "${0%/*}" && pwd)
. "$HERE/lib.sh"

quick lottery a
status_is 0 "the quick run works"
cp "$OUT" table
out_has '^Lottery tickets: generated, .* 40 steps a round, 1 seed$' "the title"
awk '$1 ~ /^[0-9]+$/ && $5 == "|" { print $1, $2, $3, $4 }' table >got
printf '%s\n' '0 266200 100.00 100' '1 213060 80.04 80.04' \
    '2 170538 64.06 64.06' >want
same got want "P_m is that of the paper, exactly"
ok "columns are parted by bars" awk \
    '$1 ~ /^[12]$/ && gsub(/\|/, "") != 2 { exit 1 }' table

quick lottery b -j2
same "$OUT" table "side by side: the same table"

run=a/quick/generated/seed1
for m in ticket0 ticket1 ticket2 trained1 trained2 reinit2 control2; do
    weights $run/$m.h5 >$m.weights
    places $run/$m.h5 >$m.places
done
within ticket1.weights ticket0.weights "survivors start where they started"
within ticket2.weights ticket1.weights "in every round"
same trained1.places ticket1.places "training keeps the mask"
same trained2.places ticket2.places "in every round"
same control2.places ticket2.places "the control has the ticket's mask"
ok "and other initial weights" test \
    "$(comm -12 reinit2.weights ticket2.weights | wc -l)" -eq 0
for part in 'fc1 120422 150528' 'fc2 15360 19200' 'fc3 810 810'; do
    # shellcheck disable=SC2086
    set -- $part
    ok "$1 keeps its share" test \
        "$(grep -c "^$1" ticket2.places)" -eq "$3"
done

# The early stop is read where the validation loss is least.
printf 'step\tv\ta\tl\tt\n%s\n' "1	.5	.5	0	.10
2	.3	.5	0	.20
3	.4	.5	0	.30" >curve.tsv
mkdir -p d/seed1 && mv curve.tsv d/seed1/trained0.tsv
sed -n '1p; /trained0/s/.*trained0/d\/seed1\/trained0/p' \
    $run/../stats.tsv >d/stats.tsv
run awk -f "$PIPELINES/interval.awk" -f "$PIPELINES/rounds.awk" \
    -v data=d -v steps=3 -v notes=/dev/null d/stats.tsv d/seed1/trained0.tsv
out_has '\| +2 +20\.00 \(20\.00-20\.00\) +30\.00 ' "least validation loss"

# Training watched in two parts is training in one.
pare finetune -q -j 1 -d a/quick/generated/data.h5 --steps 40 -o whole.h5 \
    $run/ticket1.h5
run pare diff -q --state whole.h5 $run/trained1.h5
status_is 0 "looking on the way changes nothing"

# A round that was stopped goes on: the mark is of the part before.
watch() {
    THREADS=1 sh "$PIPELINES/watch.sh" a/quick/generated/data.h5 \
        $run/ticket1.h5 "$1" 20 "$2"
}
watch 20 on.h5 >on.tsv
sed '$s/$/mark/' on.tsv >on.h5.curve
mv on.h5 on.h5.20
watch 40 on.h5 >on.tsv
same on.h5 $run/trained1.h5 "a round that was stopped ends in the same model"
sed '2s/$/mark/' $run/trained1.tsv >want
same on.tsv want "and the same curve, its beginning not run again"
set -- on.h5.*
ok "with nothing left lying about" test ! -e "$1"
finish
