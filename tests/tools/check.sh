# pare-check(1).
. "${0%/*}/lib.sh"

awk 'BEGIN {
    print "a,b,label"
    for (i = 0; i < 60; i++)
        printf "%g,%g,%s\n", (i * 7 % 11) / 11, (i * 5 % 13) / 13 - i % 3,
            substr("xyz", i % 3 + 1, 1)
}' >t.csv
pare data csv --label label --make-split 40,20 -S 1 -o d.h5 t.csv
pare train -q -a 2-6-3 -d d.h5 -e 2 --checkpoint epoch:1 -o m.h5
pare prune -s .5 m.h5 -o p.h5
pare dump p.h5 >p.txt

run pare check m.h5 p.h5
status_is 0 "good models are good"
out_is '' "and nothing is said"
run env GLIBC_TUNABLES=glibc.malloc.perturb=165:glibc.malloc.tcache_count=0 \
    pare check m.h5 p.h5
status_is 0 "also where freed memory is overwritten"
run_sh 'pare check <p.h5'
status_is 0 "standard input too"
run pare prune -q -s 1 p.h5 -o all.h5
run pare check all.h5
status_is 0 "a model without weights keeps the promises"

broken() {
    sed "$1" p.txt | pare load -o b.h5
    run pare check b.h5
    status_is 1 "$3"
    out_has "^b.h5: .*$2" "which is named: $3"
    err_is '' "on standard output: $3"
    run pare check -q b.h5
    status_is 1 "quiet: $3"
    out_is '' "quiet says nothing: $3"
}
broken 's/^init .*/init 0123456789abcdef0123456789abcdef/' 'init' \
    "the first weights have another digest"
broken 's/^init-seed .*/init-seed 5/' 'init' "another seed"
broken '/^step /s/"tool":"prune"/"tool":7/' 'step 2 of the provenance' \
    "a step that cannot be read"
broken '/^history 1 /d' 'provenance ends in state' \
    "a state that no step made"

run pare check m.h5 b.h5 p.h5
status_is 1 "one bad model of three"
ok "is one finding" test "$(wc -l <"$OUT")" -eq 1
run pare check b.h5 missing.h5
status_is 2 "trouble is worse than bad"
printf 'x' | dd of=p.h5 bs=1 seek=1500 conv=notrunc 2>/dev/null
run pare check p.h5
status_is 1 "a changed byte is found"

# The step that a kept state is in the middle of has no line yet.
run pare finetune -q -d d.h5 -e 20 -l 1e6 --optimizer sgd m.h5 -o div.h5
status_is 1 "training can diverge"
run pare check div.h5.autosave
status_is 0 "the state kept is in order"

finish
