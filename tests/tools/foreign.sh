# Files of other programs, made of text; sourced after lib.sh.

# le64 N: a number as 8 bytes, least significant first.
le64() {
    n=$1
    for _ in 1 2 3 4 5 6 7 8; do
        printf "\\$(printf %o $((n % 256)))"
        n=$((n / 256))
    done
}

# safetensors HEADER VALUES: a file on standard output; the values are octal
# escapes of printf.
safetensors() {
    le64 ${#1}
    printf %s "$1"
    # The values are a format.
    # shellcheck disable=SC2059
    printf "$2"
}

# The bytes of 1, -2, 0.5 and 3 as float32.
one='\0\0\200\77'
minus_two='\0\0\0\300'
half='\0\0\0\77'
three='\0\0\100\100'

# Pickles, as formats of printf. text TEXT; storage KEY ELEMENTS [TYPE];
# tensor STORAGE OFFSET SIZES STRIDES, these as opcodes such as K\2K\3.
text() {
    printf 'X\\%03o\\000\\000\\000%s' ${#1} "$1"
}
storage() {
    printf '(%sctorch\\n%sStorage\\n%s%sK\\%03oNtQ' "$(text storage)" \
        "${3:-Float}" "$(text "$1")" "$(text cpu)" "$2"
}
tensor() {
    printf 'ctorch._utils\\n_rebuild_tensor_v2\\n(%sK\\%03o(%st(%st\\211NtR' "$@"
}

# torch_old MAIN KEYS STORAGES: a file of torch.save before version 1.6, of
# the pickles of the object and of the list of keys.
torch_old() {
    # The arguments are formats.
    # shellcheck disable=SC2059
    printf '\200\2\212\12\154\374\234\106\371\40\152\250\120\31.\200\2M\351\3.\200\2}.\200\002'"$1"'.\200\002'"$2"".$3"
}
