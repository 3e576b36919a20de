# Ways to be sparse from the first step, on a small network.
HERE=$(cd "${0%/*}" && pwd)
. "$HERE/lib.sh"

quick rigl a
status_is 0 "the quick run works"
cp "$OUT" table
out_has ': generated, 4 epochs, 2 seeds$' "the title"
awk '/^removed %/, /^accuracy  /' table | awk 'NF == 3 { print $1 }' >got
printf '%s\n' static set rigl momentum gradual >want
same got want "every way has its row"
awk '/^removed %/, /^accuracy  /' table | awk 'NF == 3 &&
    !($2 > 79.98 && $2 < 80.02 && $3 > 94.98 && $3 < 95.02)' >got
ok "as much is gone as is asked" test ! -s got

quick rigl b -j2
same "$OUT" table "side by side: the same table"

runs=a/quick/generated
data=$runs/data.h5
ok "all models are in order" pare check -q $runs/*/seed?.h5
for way in static set rigl momentum; do
    pare rewind -t init -o init.h5 $runs/${way}_95/seed1.h5
    places init.h5 >$way.init
    places $runs/${way}_95/seed1.h5 >$way.places
done
for way in set rigl momentum; do
    pare stats $runs/${way}_95/seed1.h5 | awk '$2 == "total" { print $5 }'
done | sort -u >got
pare stats $runs/static_95/seed1.h5 | awk '$2 == "total" { print $5 }' >want
same got want "as many connections to the last step"
same static.init static.places "static ones stay"
for way in set rigl momentum; do
    n=$(comm -13 static.places $way.places | wc -l)
    ok "those of $way move" test "$n" -gt 50
done

# What is printed.
for s in 1 2; do
    pare eval -d $data $runs/set_80/seed$s.h5 $runs/static_80/seed$s.h5 |
        awk -F '\t' 'NR > 1 { printf "%s ", 100 * $5 } END { print "" }'
done | awk '{ x[NR] = $1; d[NR] = $1 - $2 }
    END { m = (x[1] + x[2]) / 2; e = x[1] - m
          printf "%.2f (%.2f) %+.2f\n", m, sqrt(2 * e * e), (d[1] + d[2]) / 2
    }' >want
awk '$1 == "set" { line[++n] = $0 }
    END { split(line[1], a, " "); split(line[2], b, " ")
          print a[2], a[3], b[2] }' table >got
same got want "means, deviations and differences are over the seeds"

run make -C "$PIPELINES/rigl" "O=$PWD/none" MNIST_DIR=/nowhere \
    FASHION_DIR=/nowhere
status_is 0 "no data is no error"
err_is "No Fashion-MNIST in /nowhere: skipped; install dataset-fashion-mnist or set FASHION_DIR
No MNIST in /nowhere: skipped; set MNIST_DIR" "but it is said"
finish
