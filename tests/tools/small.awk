# A table of 120 rows, three classes on four inputs that tell them apart.
BEGIN {
    s = 7
    print "a,b,c,d,kind"
    for (i = 0; i < 120; i++) {
        k = i % 3
        for (j = 0; j < 4; j++) {
            s = (s * 1103 + 12345) % 65536
            printf "%.3f,", s / 65536 + (j == k)
        }
        print substr("redtopsky", 3 * k + 1, 3)
    }
}
