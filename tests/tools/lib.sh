# What the tests of the programs share; POSIX sh, sourced first:
#
#     . "${0%/*}/lib.sh"
#     run pare-stats model.h5
#     status_is 0 "a model has statistics"
#     out_has 'fc1	' "its first layer is listed"
#     finish
#
# A test starts in an empty directory of its own, which goes away at the end;
# the programs under test are first in PATH, $SRC is the source tree.
# Helpers take the name of the case last; a failing case prints what was
# seen, and the script goes on.

set -u
LC_ALL=C
export LC_ALL

HERE=$(cd "${0%/*}" && pwd)
SRC=${PARE_SOURCE:-$(cd "$HERE/../.." && pwd)}
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/pare-test.XXXXXX") || exit 99
trap 'cd / && chmod -R u+w "$SCRATCH" && rm -rf "$SCRATCH"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$SCRATCH/io" "$SCRATCH/work"
cd "$SCRATCH/work" || exit 99
OUT=$SCRATCH/io/out
ERR=$SCRATCH/io/err
passed=0
failed=0
status=0

# Run a command with standard input from /dev/null unless IN names a file.
# Leaves $status, and the files $OUT and $ERR.
run() {
    ran=$*
    "$@" <"${IN:-/dev/null}" >"$OUT" 2>"$ERR"
    status=$?
}

# The same for a line of shell: pipes, redirections.
run_sh() {
    ran=$1
    sh -c "$1" <"${IN:-/dev/null}" >"$OUT" 2>"$ERR"
    status=$?
}

pass() {
    passed=$((passed + 1))
}

# fail NAME [WHY]: count a failure and show the last command.
fail() {
    failed=$((failed + 1))
    printf 'FAILED: %s\n' "$1"
    [ $# -lt 2 ] || printf '  %s\n' "$2"
    printf '  command: %s\n  status: %s\n' "${ran:-}" "$status"
    for f in "$OUT" "$ERR"; do
        [ -s "$f" ] || continue
        printf '  %s:\n' "${f##*/}"
        head -c 2000 "$f" | tr -c '\t\n -~' '?' | head -n 20 | sed 's/^/  | /'
    done
}

# ok NAME COMMAND...: the command succeeds; nothing of it is printed.
ok() {
    ok_name=$1
    shift
    if "$@" >/dev/null 2>&1; then pass; else fail "$ok_name" "not true: $*"; fi
}

# value FILE ITEM [CLASS]: what pare data info tells of a data file.
value() {
    pare-data info "$1" | awk -F '\t' -v i="$2" -v c="${3:--}" \
        '$2 == i && $3 == c { print $4 }'
}

# value_is FILE ITEM CLASS VALUE NAME
value_is() {
    got=$(value "$1" "$2" "$3")
    ran="pare-data info $1 ($2 $3)"
    if [ "$got" = "$4" ]; then pass; else fail "$5" "got '$got', not '$4'"; fi
}

status_is() {
    if [ "$status" -eq "$1" ]; then pass; else fail "$2" "expected status $1"; fi
}

# out_is TEXT NAME: standard output is exactly this text and a newline
# (or nothing for the empty text).
out_is() {
    if [ "$(cat "$OUT")" = "$1" ]; then pass; else fail "$2" "expected: $1"; fi
}
err_is() {
    if [ "$(cat "$ERR")" = "$1" ]; then pass; else fail "$2" "expected: $1"; fi
}

# out_has PATTERN NAME: a line of standard output matches (grep -E).
out_has() {
    if grep -Eq -e "$1" "$OUT"; then pass; else fail "$2" "no line like: $1"; fi
}
err_has() {
    if grep -Eq -e "$1" "$ERR"; then pass; else fail "$2" "no line like: $1"; fi
}
out_lacks() {
    if grep -Eq -e "$1" "$OUT"; then fail "$2" "has a line: $1"; else pass; fi
}

# Failed as a tool should: this status, nothing on stdout, one line or two
# of message from this program, no sanitizer report.
fails_with() {
    if [ "$status" -ne "$1" ]; then
        fail "$2" "expected status $1"
    elif [ -s "$OUT" ]; then
        fail "$2" "wrote to standard output"
    elif ! head -n 1 "$ERR" | grep -q '^pare[a-z0-9 -]*: .'; then
        fail "$2" "no message"
    elif [ "$(wc -l <"$ERR")" -gt 3 ]; then
        fail "$2" "message too long"
    else
        pass
    fi
}

same() {
    ok "$3" cmp "$1" "$2"
}
differ() {
    if cmp -s "$1" "$2"; then fail "$3" "$1 and $2 are the same"; else pass; fi
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# Leave the whole script: something it cannot do without is missing.
skip() {
    printf 'skipped: %s\n' "$1"
    exit 77
}

# The last line of every script.
finish() {
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
    exit $?
}
