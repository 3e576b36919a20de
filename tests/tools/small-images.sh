# Sourced after lib.sh by tests of networks over images: d.h5, data of 150
# images in three classes.

# Images of 3x9x9, or their labels: class k is bright where the row is 3k, 3k+1 or 3k+2.
pixels() {
    awk -v n="$1" -v labels="${2-}" 'BEGIN {
        srand(7)
        for (i = 0; i < n; i++) {
            k = i % 3
            if (labels) {
                printf "\\%03o", k
                continue
            }
            for (c = 0; c < 3; c++)
                for (y = 0; y < 9; y++)
                    for (x = 0; x < 9; x++)
                        printf "\\%03o", 20 + 60 * rand() +             \
                            (int(y / 3) == k ? 90 * rand() : 0)
        }
    }'
}
printf "$(printf '\\000\\000\\010\\004\\000\\000\\000\\226')" >x.idx
printf '\000\000\000\003\000\000\000\011\000\000\000\011' >>x.idx
printf "$(pixels 150)" >>x.idx
printf '\000\000\010\001\000\000\000\226' >y.idx
printf "$(pixels 150 yes)" >>y.idx
run pare-data idx x.idx y.idx --make-split 90,30,30 -S 1 -o d.h5
status_is 0 "images make a data file"
