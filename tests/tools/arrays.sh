# Arrays and archives of arrays in NumPy's formats, made of text; sourced.

# npy TYPE SHAPE VALUES: an array of version 1.0; VALUES as printf has them.
npy() {
    head="{'descr': '$1', 'fortran_order': ${order:-False}, 'shape': ($2), }"
    # shellcheck disable=SC2059
    printf "\\223NUMPY\\1\\0\\$(printf %03o ${#head})\\0"
    printf '%s' "$head"
    # shellcheck disable=SC2059
    printf "$3"
}
# put N BYTES: a number as little-endian bytes.
put() {
    v=$1 left=$2
    while [ "$left" -gt 0 ]; do
        # shellcheck disable=SC2059
        printf "\\$(printf %03o $((v % 256)))"
        v=$((v / 256)) left=$((left - 1))
    done
}
# npz NAME FILE...: a ZIP archive of stored files, or with $method 8 of
# deflated ones; these, and crc32, from gzip.
# Names end in $suffix, or ".npy" where that is not set.
npz() {
    : >directory
    : >archive
    entries=0
    while [ $# -gt 0 ]; do
        name=$1${suffix-.npy} size=$(wc -c <"$2") at=$(wc -c <archive)
        gzip -nc "$2" >member.gz
        tail -c 8 member.gz | head -c 4 >crc
        cp "$2" member
        [ "${method:-0}" -eq 0 ] ||
            tail -c +11 member.gz | head -c -8 >member
        held=$(wc -c <member)
        { put 67324752 4; put 20 2; put 0 2; put "${method:-0}" 2; put 0 4
            cat crc; put "$held" 4; put "$size" 4; put ${#name} 2; put 0 2
            printf '%s' "$name"; cat member; } >>archive
        { put 33639248 4; put 20 2; put 20 2; put 0 2; put "${method:-0}" 2
            put 0 4; cat crc; put "$held" 4; put "$size" 4; put ${#name} 2; put 0 12; put "$at" 4
            printf '%s' "$name"; } >>directory
        entries=$((entries + 1))
        shift 2
    done
    at=$(wc -c <archive)
    cat archive directory
    put 101010256 4; put 0 4; put $entries 2; put $entries 2
    put "$(wc -c <directory)" 4; put "$at" 4; put 0 2
}
