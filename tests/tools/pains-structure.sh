# What users of other tools complain of, and why not here: networks that are
# pruned and no cheaper, odd widths, branches that no longer fit together, and
# layers left without channels.
. "${0%/*}/lib.sh"
. "$HERE/small-images.sh"
. "$HERE/pains.sh"

# A convolution before, a residual sum, a join of two branches of different
# kind, and a flattening into linear layers; all with batch norm somewhere.
net='in(3,9,9) conv2d(16,3,pad=1) batchnorm2d a=relu
conv2d(16,3,pad=1) b=batchnorm2d add(a,b) c=relu
conv2d(16,3,stride=2) d=relu c -> e=maxpool(3,stride=2) concat(d,e)
conv2d(24,3) batchnorm2d relu flatten linear(20) relu linear(3)'
run pare-train -a "$net" -d d.h5 -e 12 -b 10 -S 1 -l .003 \
    --checkpoint epoch:2 -o n.h5
status_is 0 "a network with branches trains"
holds "$(measure n.h5 | cut -d ' ' -f 2) > .9" "and learns"

# widths FILE: of the layers with weights.
widths() {
    pare-stats "$1" | awk -F '\t' '$2 ~ /^(conv|fc)/ { sub(/x.*/, "", $3)
        printf "%s%s", sep, $3; sep = " " }'
}
# alike A B NAME: loss and accuracy are the same, but for rounding.
alike() {
    is "$(measure "$1" | awk '{ printf "%.5f %s", $1, $2 }')" \
        "$(measure "$2" | awk '{ printf "%.5f %s", $1, $2 }')" "$3"
}

# ---- "pruned, but not faster" ----
run pare-prune -g unit -A layer -f .5 n.h5 -o p.h5
run pare-shrink p.h5 -o s.h5
status_is 0 "the network shrinks after half of the units went"
is "$(cell p.h5 total macs)" "$(cell n.h5 total macs)" \
    "zeroes are not sold as fewer multiply-adds"
# Pixels of the outputs: 9x9, 9x9, 4x4, 2x2, and none.
counted=$(pare-stats s.h5 | awk -F '\t' '
    BEGIN { split("conv1 81 conv2 81 conv3 16 conv4 4 fc1 1 fc2 1", p, " ")
            for (i = 1; i < 12; i += 2) pixels[p[i]] = p[i + 1] }
    $2 in pixels { n = split($3, s, "x"); m = pixels[$2]
        for (i = 1; i <= n; i++) m *= s[i]
        sum += m }
    END { print sum }')
is "$(cell s.h5 total macs)" "$counted" \
    "what is left is counted by the shapes there are"
holds "$counted < .5 * $(cell n.h5 total macs)" \
    "a network without half of its units takes half of the multiply-adds"
holds "$(cell s.h5 total params) < .4 * $(cell n.h5 total params)" \
    "and fewer than half of the parameters"
pare-prune -q -g unit -A layer -f .5 --only 'fc*' n.h5 | pare-shrink -q -o f.h5
is "$(pare-stats f.h5 | awk -F '\t' '$2 ~ /^fc/ { print $2, $3, $11 }')" \
    "fc1 10x96 960
fc2 3x10 30" "dense layers of half the width, counted by hand"

# ---- "slower, as the number of channels became odd" ----
for n in 4 8; do
    run pare-shrink -q --round $n p.h5 -o r.h5
    is "$(widths r.h5 | tr ' ' '\n' | sed '$d' |
        awk -v n=$n '$1 % n' | wc -l | tr -d ' ')" 0 \
        "every width is a multiple of $n, but the classes"
    holds "$(cell r.h5 total macs) < $(cell n.h5 total macs)" \
        "and the network is cheaper still: $n"
    alike p.h5 r.h5 "and computes the same: $n"
done

# ---- "accuracy is 0 after the removal, though only zeroes went" ----
alike p.h5 s.h5 "residual sum, join and flattening come along"
run pare-shrink -d d.h5 --split test p.h5 -o s2.h5
err_has 'outputs differ by [0-9.e-]+ at most on 30 test samples' \
    "the difference of the outputs is measured, each time"
run pare-shrink -q --tolerance 0 p.h5 -o s3.h5
fails_with 1 "one that is too large is an error"
ok "and no model" test ! -e s3.h5
for one in 'residual:conv2d(8,3,pad=1) a=relu conv2d(8,3,pad=1) b=batchnorm2d add(a,b) relu' \
    'downsampling:conv2d(8,3,pad=1) a=relu conv2d(8,3,stride=2,pad=1) b=batchnorm2d a -> c=conv2d(8,1,stride=2) add(b,c) relu' \
    'join:a=conv2d(6,3) b=relu in -> conv2d(5,3) c=relu concat(b,c) conv2d(7,3) relu' \
    'depthwise:conv2d(8,3) relu conv2d(8,3,groups=8) batchnorm2d relu conv2d(6,1) relu' \
    'groups:conv2d(8,3) relu conv2d(8,3,groups=2) relu' \
    'pooling:conv2d(8,3) tanh avgpool(3) conv2d(9,1) relu'; do
    run pare-train -q -a "in(3,9,9) ${one#*:} flatten linear(12) relu linear(3)" \
        -d d.h5 -e 4 -b 10 -S 1 -o one.h5
    status_is 0 "a network with ${one%%:*} trains"
    for bias in '' --bias; do
        # shellcheck disable=SC2086
        pare-prune -q -g unit -A layer -f .5 $bias one.h5 -o cut.h5
        run pare-shrink -q cut.h5 -o thin.h5
        status_is 0 "and loses units: ${one%%:*} $bias"
        alike cut.h5 thin.h5 "with no change of what it computes"
        holds "$(cell thin.h5 total params) < .8 * $(cell one.h5 total params)" \
            "and many of its parameters"
        run pare-check thin.h5
        status_is 0 "as a model in order"
    done
done

# ---- "batch norm stays behind" ----
is "$(pare-dump s.h5 | awk '$1 == "tensor" && $2 ~ /^bn1\./ { print $3 }' |
    sort -u)" "$(widths s.h5 | cut -d ' ' -f 1)" \
    "batch norm goes with its channels, running statistics too"
is "$(pare-dump s.h5 | awk '$1 == "tensor" && $2 ~ /^bn3\./ { print $3 }' |
    sort -u)" 12 "behind each convolution"

# ---- "the small model cannot be loaded, trained or pruned further" ----
run pare-finetune -q -d d.h5 -e 2 s.h5 -o t.h5
status_is 0 "it trains on"
holds "$(measure t.h5 | cut -d ' ' -f 2) >= $(measure s.h5 | cut -d ' ' -f 2)" \
    "and gets no worse by it"
run pare-prune -g unit -A layer -f .5 t.h5 -o u.h5
status_is 0 "is pruned again"
run_sh 'pare-shrink -q u.h5 | pare-rewind -t epoch:2 -o v.h5 && pare-check v.h5'
status_is 0 "shrinks again and rewinds to a checkpoint of the large network"
run_sh 'pare-dump s.h5 | pare-load -o again.h5'
same s.h5 again.h5 "and is text and back"

# ---- "a layer has 0 channels" ----
run pare-prune -g unit --only conv4 -f 1 n.h5 -o none.h5
status_is 0 "all filters of a layer can be removed, if one asks for it"
err_has 'warning: layer conv4 has no weight left' "and is told"
run pare-prune --no-collapse -g unit --only conv4 -f 1 n.h5 -o none2.h5
fails_with 1 "or refused"
run pare-shrink none.h5 -o one.h5
err_has 'warning: the outputs depend on no unit of layer' \
    "what lies before it and is read no more is named"
run pare-eval -d d.h5 one.h5
status_is 0 "and what is left of it still is a network"
alike none.h5 one.h5 "that computes the same"
run pare-prune -g unit -s .8 --floor 2 n.h5 -o p.h5
status_is 0 "a floor keeps filters in every layer"
is "$(pare-stats p.h5 | awk -F '\t' '$2 ~ /^(conv|fc1)/ {
    split($3, s, "x"); if (s[1] - $9 < 2) print $2 }')" '' \
    "two of each at least"

finish
