# Sourced after lib.sh by the tests of what users of other pruning tools
# complain of, pains-*.sh: each check says the complaint's opposite.

# bytes FILE...: of each file.
bytes() {
    for f; do wc -c <"$f"; done | tr -d ' '
}

# cell FILE LAYER COLUMN: of what pare stats tells.
cell() {
    pare-stats "$1" | awk -F '\t' -v l="$2" -v c="$3" '
        NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) k = i }
        $2 == l { print $k }'
}

# masks FILE: the positions kept of each weight, one a line.
masks() {
    pare-dump "$1" | awk '
        !/^ / {
            on = $1 == "tensor" && $2 ~ /\.weight$/ && $2 !~ /^bn/
            name = $2
            sparse = $NF == "sparse"
            n = 0
            next
        }
        on && sparse { for (i = 1; i <= NF; i++) { split($i, p, ":")
                           print name, p[1] } }
        on && !sparse { for (i = 1; i <= NF; i++) print name, n++ }'
}

# left FILE: how many they are.
left() {
    masks "$1" | wc -l | tr -d ' '
}

# strays FILE: how many values of optimiser state and checkpoints stand where
# the mask of their tensor prunes, by the text alone.
strays() {
    pare-dump "$1" | awk '
        $1 == "tensor" { name = $2; own = 1; masked[name] = $NF == "sparse" }
        $1 == "slot" { name = $3; own = 0 }
        $1 == "value" { name = $2; own = 0 }
        !/^ / { on = $1 ~ /^(tensor|slot|value)$/ && masked[name]
                whole = on && $NF == "dense"; next }
        !on { next }
        whole { strays += NF; next }
        { for (i = 1; i <= NF; i++) { split($i, p, ":")
              if (own) kept[name, p[1]] = 1
              else if (!((name, p[1]) in kept)) strays++ } }
        END { print strays + 0 }'
}

# measure FILE [DATA]: loss and accuracy on the test split.
measure() {
    pare-eval -d "${2:-d.h5}" "$1" | awk -F '\t' 'NR > 1 { print $4, $5 }'
}

# is GOT WANT NAME: two texts are the same.
is() {
    ran=$3
    if [ "$1" = "$2" ]; then pass; else fail "$3" "got '$1', not '$2'"; fi
}

# holds CONDITION NAME: an expression of awk is true.
holds() {
    ran="awk '$1'"
    if awk "BEGIN { exit !($1) }"; then pass; else fail "$2" "not: $1"; fi
}
