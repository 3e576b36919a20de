# The answers of pare-methods(7) to what toolkits for pruning are asked for:
# every question has one, what it names is there, every way to prune is named,
# and what it denies is not there.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

awk '/^\.Sh / { on = /WHAT THERE IS/ } on' "$SRC/man/pare-methods.7" >page
ok "the page has answers" test -s page

# ---- every question of the comparison, in order ----
sed -n 's/^\.It //p' page >asked
cat >want <<'END'
Magnitude
Random
Gradient, saliency, movement
Activation
Second order
Batch norm scale, group lasso, growing regularisation
Scores and masks of the user
Single weights
N:M
Blocks
Channels, filters, neurons
Uniform
Global
Erdos-Renyi
LAMP
Search
Layers by name
Least and most of a layer
One-shot
Iterative
Polynomial, cubic
Exponential, geometric
Dynamic sparse training
Back to the start or to a step
Random masks, shuffled masks, new weights
The mask survives saving and loading
Bytes on disk
One file
Smaller layers
Quantisation with sparsity
Nonzeros and compression
Multiply-adds, dense and nonzero
Measured time
Bytes of the file
Sensitivity of layers
Comparing masks
Logs
Determinism
Going on after a crash
A command line
Python and a framework
END
run diff want asked
status_is 0 "every question is answered"
run awk '/^\.It / { asked = substr($0, 5); getline
    if ($1 !~ /^(Yes|Partly|No|Not)[,:]?$/) print asked ": " $0 }' page
out_is '' "by yes, partly or no"

# ---- what it names is there ----
# Commands, one a line: "pare prune -m magnitude".
sed -n 's/^\.Ic //p' page | sed 's/ , pare /\npare /g; s/ *[.,;]$//' |
    sed 's/ *$//' | sort -u >commands
ok "commands are named" test "$(wc -l <commands)" -ge 70
run grep -v '^pare [a-z]' commands
out_is '' "and begin with pare"

has_option() {
    "pare-$1" --list-options | awk -F '\t' -v o="$2" '
        "-" $1 == o || "--" $2 == o { found = 1 } END { exit !found }'
}
# listed TOOL OPTION VALUE: a name that the option's list has.
listed() {
    "pare-$1" "$2" list | cut -f 1 | grep -qx -e "${3%%[,:]*}"
}
: >named
while read -r _ tool rest; do
    ok "there is pare $tool" have "pare-$tool"
    # shellcheck disable=SC2086
    set -- $rest
    while [ $# -gt 0 ]; do
        case $tool/$1 in
        mask/[a-z]*)
            ok "pare mask has $1" sh -c "pare-mask list | grep -q '^$1	'"
            ;;
        prune/-m | prune/-A)
            ok "pare prune $1 has $2" listed prune "$1" "$2"
            echo "$1 ${2%%[,:]*}" >>named
            run pare-prune "$1" "$2" -n 1 -d none.h5 none.h5
            ok "with these settings: $2" sh -c "! grep -q -e '$1: ' '$ERR'"
            shift
            ;;
        prune/-g)
            run pare-prune -g "$2" -n 1 none.h5
            ok "pare prune -g takes $2" grep -Eq 'none\.h5|says itself' "$ERR"
            echo "-g $2" >>named
            shift
            ;;
        train/--prune)
            run pare-train --prune "$2 s=.5" -a 4-3 -d none.h5 -e 9
            ok "pare train --prune knows $2" sh -c \
                "! grep -q 'no schedule\|unknown' '$ERR'"
            shift
            ;;
        train/--evolve)
            run pare-train --evolve "$2" -a 4-3 -d none.h5 -e 9
            ok "pare train --evolve knows $2" grep -q 'none\.h5' "$ERR"
            echo "--evolve $2" >>named
            shift
            ;;
        */--norm)
            ok "pare $tool has $1" has_option "$tool" "$1"
            shift
            ;;
        */-*)
            ok "pare $tool has $1" has_option "$tool" "$1"
            ;;
        *)
            fail "pare $tool takes no $1"
            ;;
        esac
        shift
    done
done <commands

# ---- every way to prune is named ----
for option in m A; do
    for name in $(pare-prune -$option list | awk 'NR > 1 { print $1 }'); do
        ok "the answers name -$option $name" grep -qx -e "-$option $name" named
    done
done
for name in weight '[0-9]*:[0-9]*' 'block:.*' unit channel; do
    ok "the answers name -g $name" grep -qx -e "-g $name" named
done
ok "there are no more grains" test "$(pare-prune -g list | wc -l)" -eq 6
for name in $(pare-mask list | awk 'NR > 1 { print $1 }'); do
    ok "the answers name pare mask $name" grep -q "pare mask $name" commands
done

for name in $(pare-prune -m list |
    awk 'NR > 1 && $1 != "file" { print $1 }'); do
    ok "the README names $name" grep -q "\`$name\`" "$SRC/README.md"
done

# ---- what it tells of times is there ----
run pare-eval --time -d d.h5 m.h5
ok "evaluations have times" sh -c "head -n 1 '$OUT' | grep -q dense_ms"

finish
