#!/bin/sh
# The rules of the house that a machine can see. Run from the source tree.
set -u
cd "${PARE_SOURCE:-$(dirname "$0")/..}" || exit 99
failed=0
passed=0

# verdict NAME FINDINGS: no finding is a pass.
verdict() {
    if [ -z "$2" ]; then
        passed=$((passed + 1))
        return
    fi
    failed=$((failed + 1))
    printf 'FAILED: %s\n%s\n' "$1" "$2"
}

sources=$(find libcore formats tools tests bench -name '*.[ch]' 2>/dev/null |
    grep -v '^tests/ref/' | sort)
ours=$(printf '%s\n' $sources | grep -v '^tests/')

verdict "no .c over 1000 lines, no .h over 250" "$(wc -l $sources |
    awk '$2 ~ /\.c$/ && $1 > 1000 || $2 ~ /\.h$/ && $1 > 250')"

# With Linux braces a function is what lies between { and } in column 1.
verdict "no function over 100 lines" "$(awk '
    FNR == 1 { begun = 0 }
    /^\{/ { begun = FNR }
    /^\}/ { if (begun && FNR - begun > 100) print FILENAME ":" begun
            begun = 0 }' $ours)"

verdict "only formats/ includes the headers of file libraries" "$(grep -nE \
    '#include *[<"](hdf5|zlib|jansson|H5|jpeglib|png)' libcore/*.[ch] tools/*.[ch])"

verdict "libcore/ neither prints nor exits nor opens files" "$(grep -nE \
    '(^|[^a-z_])(printf|fprintf|puts|exit|abort|fopen|open|perror)\(' \
    libcore/*.c)"

verdict "calls go tools -> formats -> libcore" "$(
    for header in formats/*.h tools/*.h; do
        grep -n "#include \"${header##*/}\"" libcore/*.[ch]
    done
    for header in tools/*.h; do
        grep -n "#include \"${header##*/}\"" formats/*.[ch]
    done)"

verdict "no unbounded or unchecked string functions" "$(grep -nwE \
    'gets|sprintf|vsprintf|strtok|atoi|atol|atof|alloca' \
    libcore/*.c formats/*.c tools/*.c | grep -vE '^[^:]*:[0-9]*: *(\*|/\*)')"

verdict "file names are unique in the tree" "$(printf '%s\n' $sources |
    sed 's|.*/||' | sort | uniq -d)"

verdict "every public header says what it is" "$(for header in libcore/*.h \
    formats/*.h tools/*.h; do
        grep -q '/\*' "$header" || echo "$header"
    done)"

verdict "no line of code left for later" "$(grep -nwE \
    'T[O]DO|F[I]XME|H[A]CK' $sources | grep -v '\-XXXXXX')"

verdict "no line over 100 columns" "$(awk 'length > 100 {
    print FILENAME ":" FNR }' $ours)"

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
