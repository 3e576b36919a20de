# A model of 2 GiB in the memory of two of its eight tensors and 128 MiB; on
# request only: it takes minutes and gigabytes of disk.
. "${0%/*}/lib.sh"
. "$HERE/arrays.sh"

[ -n "${PARE_TEST_LARGE:-}" ] || skip "PARE_TEST_LARGE is not set"
[ -x /usr/bin/time ] || skip "no /usr/bin/time"

side=8192 # of a square matrix
size=$((side * side * 4))
most=$(((2 * size + (128 << 20)) / 1024))

# Matrices that are holes but for stretches of weights that were drawn.
pare-init -a 3000-1000-10 -S 1 | pare-export safetensors -o drawn.safetensors
tail -c 12000000 drawn.safetensors >drawn
header=$(awk -v n="$size" -v d="$side" 'BEGIN {
    printf "{"
    for (i = 0; i < 8; i++)
        printf "%s\"m%d.weight\":{\"dtype\":\"F32\",\"shape\":[%d,%d],\"data_offsets\":[%.0f,%.0f]}", \
            i ? "," : "", i, d, d, i * n, (i + 1) * n
    printf "}"
}')
while [ $((${#header} % 8)) -ne 0 ]; do
    header="$header "
done
n=${#header}
# shellcheck disable=SC2059
{
    printf "\\$(printf %03o $((n % 256)))\\$(printf %03o $((n / 256)))"
    printf '\0\0\0\0\0\0%s' "$header"
} >in.safetensors
truncate -s $((8 + n + 8 * size)) in.safetensors
for i in 0 1 2 3 4 5 6; do
    # Not aligned: stretches begin within blocks of the file.
    dd if=drawn of=in.safetensors conv=notrunc bs=$((1 << 20)) \
        oflag=seek_bytes seek=$((8 + n + i * size + i * 40000000)) \
        2>"$SCRATCH/io/dd"
done

# small NAME COMMAND...: the command stays within its memory.
small() {
    small_name=$1
    shift
    run /usr/bin/time -o "$SCRATCH/io/time" -f '%M %e' "$@"
    read -r peak seconds <<END
$(tail -n 1 "$SCRATCH/io/time")
END
    printf '%s: %s KiB, %s s\n' "$small_name" "$peak" "$seconds"
    ok "$small_name: $peak KiB of $most" test "$peak" -le "$most"
}

small import pare-import -o a.h5 in.safetensors
status_is 0 "a large file is imported"
run env PARE_MODEL_MEMORY=1000000000000 pare-import -o whole.h5 in.safetensors
ok "as in memory" cmp a.h5 whole.h5
rm whole.h5
# A tensor and its mask in an archive, as they are and packed.
npy '<f4' "$side, $side" '' >mask
truncate -s +$size mask
cp mask orig
dd if=drawn of=orig conv=notrunc bs=$((1 << 20)) oflag=seek_bytes \
    seek=40000000 2>"$SCRATCH/io/dd"
for method in 0 8; do
    npz a.weight_orig orig a.weight_mask mask >pair.npz
    for way in '' --transpose --zeros-pruned; do
        # shellcheck disable=SC2086
        small "archive, method $method $way" env PARE_MODEL_MEMORY=1 \
            pare-import $way -o pair.h5 pair.npz
        status_is 0 "an archive is imported $way, method $method"
    done
done
unset method
rm mask orig pair.npz pair.h5 member archive
small stats pare-stats --total a.h5
out_has '	536870912	536870912	' "its weights are counted"
small check pare-check a.h5
status_is 0 "it is sound"
small prune pare-prune -s .98 -o p.h5 a.h5
status_is 0 "it is pruned"
run env PARE_MODEL_MEMORY=1000000000000 pare-prune -s .98 -o whole.h5 a.h5
ok "as in memory" cmp p.h5 whole.h5
rm whole.h5
small diff pare-diff a.h5 p.h5
status_is 1 "both are compared"
out_has '^total	536870912	536870912	10737418	' "by position"
small random pare-prune -m random -s .5 -o r.h5 p.h5
status_is 0 "a pruned one is pruned at random"
for way in '--uniform 4' --fp16; do
    # shellcheck disable=SC2086
    small "quantize $way" pare-quantize $way -o q.h5 p.h5
    status_is 0 "it is quantised by $way"
done
small export pare-export safetensors -o out.safetensors p.h5
status_is 0 "it is exported"
small again pare-import -o b.h5 out.safetensors
status_is 0 "and imported again"
small same pare-diff -q p.h5 b.h5
status_is 1 "without its mask"
rm out.safetensors b.h5
finish
