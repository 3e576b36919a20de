# 1,200 images of 28 x 28 in ten classes, as CSV: a bar that stands where its
# class says, among noise.  The same numbers with every awk.

function noise()
{
    state = (state * 16807) % 2147483647
    return state / 2147483647
}

BEGIN {
    state = 20261122
    printf "class"
    for (i = 0; i < 784; i++)
        printf ",p%d", i
    print ""
    for (n = 0; n < 1200; n++) {
        class = n % 10
        printf "%d", class
        shift = int(4 * noise())
        for (y = 0; y < 28; y++)
            for (x = 0; x < 28; x++) {
                place = class < 5 ? x : y
                at = 5 * (class % 5) + shift
                v = (place >= at && place < at + 4) * .1 + .9 * noise()
                printf ",%.2f", v
            }
        print ""
    }
}
