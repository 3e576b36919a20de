# What the tests of the pipelines share, on top of what the tools' tests do.
. "$HERE/../tools/lib.sh"

have make || skip "no make"
PIPELINES=$SRC/pipelines

# quick EXPERIMENT OUT [SETTING...]: its quick run, in OUT/quick.
quick() {
    quick_of=$1
    quick_in=$PWD/$2
    shift 2
    run make -C "$PIPELINES/$quick_of" quick "O=$quick_in" "$@"
}

# weights MODEL [PATTERN]: those that are kept, of all tensors or those that
# match, one a line: tensor, index, value.
weights() {
    pare dump "$1" | awk -v only="${2-}" '
        /^tensor/ { on = $2 ~ /weight$/ && $2 ~ only; name = $2; index_ = 0; next }
        /^  / && on {
            for (f = 1; f <= NF; f++) {
                if (split($f, part, ":") == 1) {
                    part[2] = part[1]
                    part[1] = index_++
                }
                print name, part[1], part[2]
            }
            next
        }
        { on = 0 }' | sort
}

# Their places only.
places() {
    weights "$@" | cut -d ' ' -f 1,2
}

# within A B NAME: every line of A is one of B; both are sorted.
within() {
    if [ -s "$1" ] && [ -z "$(comm -23 "$1" "$2")" ]; then
        pass
    else
        fail "$3" "$1 is empty or not within $2"
    fi
}
