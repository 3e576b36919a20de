# Sourced after lib.sh by tests that need a small trained model: d.h5, data
# of three classes, and m.h5, 4-20-10-3 trained for 3 epochs with checkpoints
# init and epoch:2.

have pare-data && have pare-train || skip "pare-data or pare-train is missing"
awk -f "$HERE/small.awk" >d.csv
run pare-data csv --label kind --make-split 80,20,20 -S 1 -o d.h5 d.csv
status_is 0 "the table makes a data file"
run pare-train -a 4-20-10-3 -d d.h5 -e 3 -S 1 --checkpoint epoch:2 -o m.h5
status_is 0 "the small model trains"
cp m.h5 m.orig

# kept FILE: kept weights of each layer, "80 200 30 310" with the total.
kept() {
    pare-stats "$1" | awk -F'\t' '
        NR > 1 { split($3, s, "x"); n = s[1] * s[2]
                 if ($2 == "total") k = t
                 else { k = $5 - s[1]; t += k }
                 printf "%s%d", sep, k; sep = " " }'
}
