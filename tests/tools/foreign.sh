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
