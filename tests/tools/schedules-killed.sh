# Runs with a pruning schedule that are killed and go on end in the same bytes.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

wait_for() {
    tries=0
    while [ ! -e "$1" ] && [ "$tries" -lt 500 ]; do
        sleep 0.02
        tries=$((tries + 1))
    done
    [ -e "$1" ]
}
long="pare-train -q -v -a 4-20-20-3 -d d.h5 -b 1 -S 3 --schedule cosine \
    --select best-val-loss"
last_steps() {
    sed -n 's/.*: \([0-9]*\) steps in .*/\1/p' "$ERR"
}
# A run whose log nobody reads any more dies of that at once, as by a kill; a
# line a step is more than what fits the pipe.
for each in '40 iterative rounds=2 f=.2 rewind=epoch:9 m=random' \
    '40 iterative rounds=2 f=.2' '110 agp to=.97 start=1 end=109 every=9'; do
    spec=${each#* }
    one="$long -e ${each%% *} --prune '$spec' --autosave 3ep"
    run_sh "$one -o whole.h5"
    status_is 0 "a long run: $spec"
    whole=$(last_steps)
    for lines in 300 4000; do
        run_sh "$one --log - --log-every 1 -o killed.h5 |
            head -n $lines >/dev/null"
        ok "killed after $lines lines: $spec" test ! -e killed.h5
    done
    run_sh "$long -e 60 --prune 'at=1 f=.1' --autosave 3ep -o killed.h5"
    fails_with 1 "another schedule does not go on from it"
    run_sh "$one -o killed.h5"
    status_is 0 "the same does"
    err_has 'resuming at epoch' "from where it was"
    ok "in fewer steps" test "$(last_steps)" -lt "$whole"
    same whole.h5 killed.h5 "and ends in the same bytes: $spec"
    ok "the kept state is gone" test ! -e killed.h5.autosave
    rm -f killed.*
done
one="pare-finetune -q -d d.h5 -b 1 -e 60 --autosave 3ep whole.h5 \
    --prune 'at=1/3,2/3 f=.2 m=random'"
run_sh "$one -o tuned.h5"
status_is 0 "a long run of fine-tuning"
run_sh "$one --log - --log-every 1 -o killed.h5 | head -n 2000 >/dev/null"
ok "killed" test ! -e killed.h5 -a -e killed.h5.autosave
run_sh "$one -o killed.h5"
same tuned.h5 killed.h5 "ends in the same bytes too"
rm -f killed.*
one="$long -e 100000 --prune 'iterative rounds=9 f=.01'"
for sig in KILL:137 INT:130; do
    rm -f killed.h5.autosave
    sh -c "exec env --default-signal=INT $one --autosave .1s -o killed.h5" \
        >"$OUT" 2>"$ERR" &
    pid=$!
    ran="pare-train ... until SIG${sig%:*}"
    ok "it keeps its state" wait_for killed.h5.autosave
    kill -s "${sig%:*}" $pid
    { wait $pid; } 2>/dev/null
    status=$?
    status_is ${sig#*:} "it ends by SIG${sig%:*}"
done
err_has 'stopped by signal 2 at step [0-9]+; the same command goes on' \
    "and says so where it can"
ok "with nothing written" test ! -e killed.h5

finish
