# The command line that all tools share, seen through a tool made for it.
. "${0%/*}/lib.sh"

defaults='quiet=0
data=x.h5
seed=none
epochs=20
lr=0.1'

run cli_probe
status_is 0 "no arguments are fine"
out_is "$defaults" "defaults stand"

run cli_probe a --layer x=1 -qe -1 b --layer=y=2 --lo z -S18446744073709551615
out_is 'quiet=1
data=x.h5
seed=18,446,744,073,709,551,615
epochs=-1
lr=0.1
layer=x=1
layer=y=2
loss=z
operand=a
operand=b' "options follow operands, lists repeat, names are abbreviated"

run cli_probe -- -q
out_is "$defaults
operand=-q" "-- ends the options"

run cli_probe -
out_is "$defaults
operand=-" "- is an operand"

for level in -7 --level=7 '--level 7' '-1 -7' -27; do
    # shellcheck disable=SC2086
    run cli_probe $level
    out_is "$defaults
level=7" "a level by $level"
done
run cli_probe --also x -q1
out_is "$(echo "$defaults" | sed 's/quiet=0/quiet=1/')
level=1
also=
operand=x" "an argument that may lack is never the next word"
run cli_probe --also=x
out_is "$defaults
also=x" "but what follows ="

run cli_probe -h
status_is 0 "help succeeds"
out_is "usage: pare-probe [-qhV] [-d FILE] [-S N] [-e N] [-l X] [--level N]
                  [--also[=WHAT]] [--layer GLOB=X] [--loss NAME] [A [B]]
Print what was understood.

  -q, --quiet         a flag
  -d, --data FILE     a text [x.h5]
  -S, --seed N        a seed
  -e, --epochs N      an int [20]
  -l, --lr X          a real [0.1]
      --level N       a level
      --also[=WHAT]   if you like
      --layer GLOB=X  a list
      --loss NAME     another
  -h, --help          print this text
  -V, --version       print the version of pare and of its libraries" \
    "help is the table with its live defaults"

run cli_probe -V
status_is 0 "version succeeds"
out_has '^pare-probe [0-9]+\.[0-9]+\.[0-9]+$' "version names the tool"
out_has '^HDF5 [0-9.]+, zlib [0-9.]+$' "and the libraries in use"
run pare-train -V
out_has ', OpenBLAS [0-9.]+$' "a tool that computes names OpenBLAS, too"

run cli_probe --list-options
out_has '^d	data	FILE$' "the table can be listed"
out_has '^-	layer	GLOB=X$' "a long option has no letter in it"

bad() {
    want=$1
    shift
    run cli_probe "$@"
    fails_with 2 "bad usage: $*"
    err_has "$want" "message for: $*"
}
bad "unknown option '-x'" -x
bad "'--[?]\[2Jfoo'" "--$(printf '\033')[2Jfoo"
bad "unknown option '--foo'$" --foo
bad "unknown option '--foo'$" --foo=1
bad "ambiguous option '--l': --lr, --level, --layer, --loss$" --l 1
bad "ambiguous option '--l': --lr, --level, --layer, --loss$" --l=1
bad "'--epochs' needs an argument N" -e
bad "unknown option '-0'" -0
bad "--level: '10' is not a whole number in 1..9" --level 10
bad "'--quiet' takes no argument" --quiet=1
bad "--epochs: '1x' is not a whole number in -1..1000000" -e 1x
bad "'1.0'" -e 1.0
bad "'-2'" -e -2
bad "'1000001'" -e 1000001
bad "''" -e ''
bad "' 1'" -e ' 1'
bad "'99999999999999999999'" -e 99999999999999999999
bad "'-1' is not a whole number" -S -1
bad "'18446744073709551616'" -S 18446744073709551616
bad "'nan' is not a number in 0..10" -l nan
bad "'inf'" -l inf
bad "'0x1'" -l 0x1
bad "'1e400'" -l 1e400
bad "'10.1'" -l 10.1
bad "''" -l ''
bad "one operand too many: 'c'" a b c

if [ -c /dev/full ]; then
    run_sh 'cli_probe >/dev/full'
    fails_with 1 "a full standard output is a failure"
    run_sh 'cli_probe -h >/dev/full'
    fails_with 1 "also for the help"
fi
run_sh 'cli_probe >&-'
fails_with 1 "a closed standard output is a failure"
run_sh 'cli_probe | :'
status_is 0 "a closed pipe is quiet"
err_is '' "and says nothing"

finish
