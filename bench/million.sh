#!/bin/sh
# million.sh BUILD [BOUND]: the network of a million neurons that Mocanu et
# al. built, 54,675-500,000-500,000-18 at epsilon 10: made, trained for 20
# steps of 5 random samples, saved, read again, checked; each under BOUND MiB.
set -eu
build=${1:?usage: million.sh BUILD [BOUND]}
bound=${2:-4096}
tools=$build/tools
tmp=$(mktemp -d "${TMPDIR:-/tmp}/pare-million.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM

# npy TYPE SHAPE: the head of an array of NumPy's, its bytes from stdin.
npy() {
    head="{'descr': '$1', 'fortran_order': False, 'shape': ($2), }"
    printf "\\223NUMPY\\1\\0\\$(printf %03o ${#head})\\0%s" "$head"
    cat
}
head -c $((100 * 54675)) /dev/urandom | npy '|u1' '100, 54675' >"$tmp/x.npy"
for i in $(seq 0 99); do
    printf "\\$(printf %03o $((i % 18)))"
done | npy '|u1' '100,' >"$tmp/y.npy"

once() {
    "$build/bench/once" -m "$bound" "$@"
}
once 'pare data npy' "$tools/pare-data" npy -o "$tmp/d.h5" "$tmp/x.npy" \
    "$tmp/y.npy"
once 'pare init' "$tools/pare-init" -v -S 1 --epsilon 10 --init normal,sd=.1 \
    -a 'in(54675) linear(500000) relu linear(500000) relu linear(18)' \
    -o "$tmp/a.h5"
once 'pare train' "$tools/pare-train" -v -d "$tmp/d.h5" -S 1 -b 5 --steps 20 \
    --optimizer sgd,momentum=.9 -l .01 -j 2 -o "$tmp/b.h5" "$tmp/a.h5"
once 'pare check' "$tools/pare-check" "$tmp/b.h5"
once 'pare eval' "$tools/pare-eval" -d "$tmp/d.h5" --split train -j 2 \
    "$tmp/b.h5"
once 'pare stats' "$tools/pare-stats" "$tmp/b.h5"
once 'pare rewind -t init' "$tools/pare-rewind" -t init -o "$tmp/c.h5" \
    "$tmp/b.h5"
once 'pare diff' "$tools/pare-diff" "$tmp/a.h5" "$tmp/c.h5"
