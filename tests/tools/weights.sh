# Models of weights without a graph, in all tools.
. "${0%/*}/lib.sh"
. "$HERE/foreign.sh"

# Two layers and a statistic; random values that are the same always.
pare-init -a 'in(1,6,6) conv2d(4,3) flatten linear(5)' -S 1 -o net.h5
pare-export npz net.h5 -o net.npz
run pare-import net.npz -o w.h5
status_is 0 "arrays are weights without a graph"
awk 'BEGIN { print "label,a"; for (i = 0; i < 20; i++) print i % 2 "," i }' >t.csv
pare-data csv --label label -o d.h5 t.csv

# ---- what can be done ----
run pare-check w.h5
status_is 0 "they are a valid model"
run_sh 'pare-stats w.h5 | cut -f 2,4'
out_has '^conv1	40$' "with layers"
out_has '^fc1	325$' "and parameters"
run pare-prune -s .75 w.h5 -o pruned.h5
status_is 0 "weights are pruned by magnitude"
run_sh 'pare-stats --total pruned.h5 | cut -f 7'
out_has '^0\.75$' "as much as was asked for"
pare-export npz pruned.h5 -o pruned.npz
run_sh 'pare-prune -s .75 net.h5 | pare-export npz | cmp - pruned.npz'
status_is 0 "the same weights as in a network"
run pare-diff w.h5 pruned.h5
status_is 1 "which is a difference"
out_has '^conv1.weight	36	36	' "by tensor"
run pare-prune -s .5 -m random -S 4 w.h5 -o random.h5
status_is 0 "at random"
for how in '-A global' '-A lamp' '-A erk' '-A er'; do
    # The options are words.
    # shellcheck disable=SC2086
    run pare-prune -s .5 $how w.h5 -o x.h5
    status_is 0 "with $how"
    run pare-check x.h5
    status_is 0 "and stays valid: $how"
done
run pare-prune -g 2:4 --partial w.h5 -o x.h5
status_is 0 "2 of 4"
run pare-prune -g block:4x1 -s .5 --partial w.h5 -o x.h5
status_is 0 "blocks"
run pare-mask and pruned.h5 random.h5 -o both.h5
status_is 0 "masks are combined"
run pare-grow -n 3 --only fc1 pruned.h5 -o grown.h5
status_is 0 "connections grow"
pare-dump pruned.h5 -o pruned.txt
run pare-load pruned.txt -o loaded.h5
status_is 0 "the text is read"
same loaded.h5 pruned.h5 "to the same bytes"
run pare-quantize --codebook 4 pruned.h5 -o q.h5
status_is 0 "they are quantised"
run pare-check q.h5
status_is 0 "and valid"
for format in safetensors npz; do
    run pare-export $format pruned.h5 -o out.$format
    status_is 0 "they are exported: $format"
    run pare-import out.$format -o back.h5
    status_is 0 "and imported: $format"
    pare-export $format back.h5 -o again.$format
    same out.$format again.$format "to the same: $format"
done
run pare-log pruned.h5
out_has '^pare import file-' "the record says where they came from"
run pare-plot hist --table pruned.h5
status_is 0 "there are pictures of them"
run pare-report pruned.h5 -o report.html
status_is 0 "and pages"

# ---- what cannot be done is said in a line ----
while read -r tool options; do
    # shellcheck disable=SC2086
    run pare-$tool $options
    fails_with 1 "needs a graph: $tool $options"
    err_has 'weights without a graph: .* \(pare import -a\)' \
        "and says so: $tool $options"
done <<'END'
eval -d d.h5 w.h5
eval --time -d d.h5 w.h5
train -q -d d.h5 -e 1 w.h5
finetune -q -d d.h5 -e 1 w.h5
scan -d d.h5 w.h5
shrink w.h5
prune -g unit -s .5 w.h5
prune -g channel -s .5 w.h5
prune -m gradient -d d.h5 -s .5 w.h5
prune -m synflow -s .5 w.h5
prune -m wanda -d d.h5 -s .5 w.h5
prune --max-drop 1 -d d.h5 w.h5
export c -o x w.h5
END
run_sh 'pare-stats --units w.h5 | sed 1d'
err_has 'weights without a graph' "and so for units"
run pare-rewind -t init w.h5
fails_with 1 "there is nothing to go back to"
err_has "no checkpoint 'init'" "as is said"
run pare-init -a 'weights a.b(2)'
fails_with 1 "nobody begins with a list"

# ---- many tensors ----
awk 'BEGIN { for (i = 0; i < 3000; i++) {
    printf "%s\"l%d.w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%d,%d]}",
        i ? "," : "{", i, 4 * i, 4 * i + 4 }; print "}" }' >header
{ le64 "$(wc -c <header)"; cat header; head -c 12000 /dev/zero; } >many.safetensors
run pare-import many.safetensors -o many.h5
status_is 0 "three thousand tensors are a model"
run_sh 'pare-stats many.h5 | wc -l'
out_is 3002 "with as many layers"

finish
