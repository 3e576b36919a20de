# pare-log(1): scripts, Makefiles (promise 7) and histories.
. "${0%/*}/lib.sh"

mkdir -p 'data dir/it'\''s #1 $x'
awk 'BEGIN {
    print "a,b,c,label"
    for (i = 0; i < 90; i++)
        printf "%g,%g,%g,%s\n", (i * 7 % 11) / 11 + i % 3,
            (i * 5 % 13) / 13 - i % 3, (i * 3 % 17) / 17, substr("xyz", i % 3 + 1, 1)
}' >t.csv
pare data csv --label label --make-split 60,20,10 -S 1 -o d.h5 t.csv
pare train -q -a 3-8-3 -d d.h5 -e 3 -b 16 -o dense.h5
pare prune -s .5 dense.h5 | pare rewind -t init |
    pare finetune -q -d d.h5 -e 2 -o ticket.h5

# ---- the script
run pare log ticket.h5
status_is 0 "a model tells what made it"
out_has '^pare train -a .in\(3\) fc1=linear\(8\) relu1=relu fc2=linear\(3\). .* -e 3 -b 16 ' \
    "with the options that matter"
out_has ' -S [0-9]+ -d data-[0-9a-f]{12}\.h5 -o [0-9a-f]{12}\.h5$' \
    "the seed that nobody gave, and files by digest"
out_has '^# .*removed 24 of 48' "and what was achieved"
ok "in order" test "$(grep -c '^pare ' "$OUT")" -eq 4
run_sh 'pare log <ticket.h5'
out_has '^pare rewind -t init' "also from standard input"

# ---- the Makefile
mkdir again
run pare log --make --search . ticket.h5
status_is 0 "a Makefile can be had"
cp "$OUT" again/Makefile
run make -s -C again OUT=ticket.h5
status_is 0 "it runs in an empty directory"
same again/ticket.h5 ticket.h5 "and makes the model again, bit for bit"

mv d.h5 'data dir/it'\''s #1 $x/d.h5'
run pare log --make --search 'data dir' --search . dense.h5
mkdir strange
cp "$OUT" strange/Makefile
run make -s -C strange OUT=dense.h5
status_is 0 "data are found below a directory with a strange name"
same strange/dense.h5 dense.h5 "and used"
mv 'data dir/it'\''s #1 $x/d.h5' d.h5

run pare log --make ticket.h5
status_is 0 "without data it is a Makefile all the same"
variable=$(sed -n 's/^\(DATA_[0-9a-f]*\) = data-.*/\1/p' "$OUT")
ok "with a variable for them" test -n "$variable"
mkdir bare
cp "$OUT" bare/Makefile
run make -s -C bare
ok "that has to be set" test "$status" -ne 0
run make -s -C bare "$variable=../d.h5" OUT=ticket.h5
status_is 0 "set, it runs"
same bare/ticket.h5 ticket.h5 "and makes the model again"

# ---- steps that change nothing, and an input that no step made
pare prune -s .5 ticket.h5 | pare prune -s .5 -o twice.h5
mkdir twice
pare log --make --search . twice.h5 >twice/Makefile
run make -s -C twice OUT=twice.h5
status_is 0 "a step that changes nothing is a step"
same twice/twice.h5 twice.h5 "and is made again"
pare dump dense.h5 | sed '/^step /d' | pare load -o foreign.h5
pare prune -s .3 foreign.h5 -o pruned.h5
mkdir foreign
pare log --make --search . pruned.h5 >foreign/Makefile
ok "a model without provenance is an input" \
    grep -q '^MODEL_[0-9a-f]* = .*/foreign.h5$' foreign/Makefile
run make -s -C foreign OUT=pruned.h5
same foreign/pruned.h5 pruned.h5 "found by the digest of its state"

# ---- a graph: a last step with two models, as a mask transplanted has
digest() { pare dump "$1" | sed -n 's/^step .*"out":"\(.*\)"}$/\1/p' | tail -n 1; }
a=$(digest ticket.h5)
b=$(digest pruned.h5)
step='step {"tool":"join","version":"0","args":[["-x","it'\''s $(touch pwned) #1 `id`"]],"in":[{"option":"","kind":"model","digest":"'$a'"},{"option":"--mask","kind":"model","digest":"'$b'"}],"notes":{},"out":"'$a'"}'
{
    pare dump ticket.h5 | sed '/^end$/d'
    pare dump pruned.h5 | grep '^step '
    printf '%s\nend\n' "$step"
} >join.txt
pare load join.txt -o join.h5
run pare log --make --search . join.h5
status_is 0 "two parents are no trouble"
out_has "^\\\$\\(OUT\\): $(echo "$a" | cut -c 1-12).h5 $(echo "$b" | cut -c 1-12).h5$" \
    "both are made first"
mkdir join bin
sed 's/^\(.(OUT):\).*/\1/' "$OUT" >join/Makefile
printf '#!/bin/sh\nprintf "<%%s>" "$@"\necho\n' >bin/fake
chmod +x bin/fake
run make -s -C join "PARE=$PWD/bin/fake"
out_is "<join><-x><it's \$(touch pwned) #1 \`id\`><$(echo "$a" | cut -c 1-12).h5><--mask><$(echo "$b" | cut -c 1-12).h5><-o><$(echo "$a" | cut -c 1-12)-2.h5>" \
    "nothing in a model is a command to the shell"
ok "nothing at all" test ! -e join/pwned

# ---- provenance that is not to be trusted
edited() {
    pare dump ticket.h5 | sed "$1" | pare load -o bad.h5
    run pare log bad.h5
    fails_with 1 "$2"
}
edited '/^step /s/"tool":"prune"/"tool":"..\/prune"/' "a tool is a name"
edited '/^step /s/"-b"/"-o"/' "no step says where it writes"
for option in -vo --out --log --report --autosave-file=x; do
    edited "/^step /s/\"-b\"/\"$option\"/" "by $option neither"
done
edited 's/^history 3 /history 4 /' "a model changed by hand does not tell"
err_has 'the provenance ends in state' "and why is said"
pare dump ticket.h5 | sed '/^step/d' | pare load -o bad.h5
run pare log bad.h5
fails_with 1 "nor one without provenance"

# ---- histories
run pare log --history ticket.h5 foreign.h5
status_is 0 "histories are tables"
ok "of all models" test "$(wc -l <"$OUT")" -eq 9
out_has '^model	epoch	step	lr	train_loss	train_acc	val_loss	val_acc	sparsity$' \
    "with a header"
out_has '^ticket.h5	5	20	0\.001	.*	0\.5$' "and a line an epoch"
run pare log --history --make ticket.h5
fails_with 2 "one thing at a time"
run pare log ticket.h5 pruned.h5
fails_with 2 "and one model"
run pare log --search no-such-dir ticket.h5
fails_with 1 "where nothing is nothing can be found"

finish
