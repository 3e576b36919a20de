# Runs that rewire and are killed go on and end in the same bytes.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

run_sh "pare-train -q -a 4-20-20-3 -d d.h5 -e 0 -S 3 -b 1 \
    --optimizer sgd,momentum=.9 -l .01 |
    pare-prune -q -m random -S 1 -A layer -s .6 -o sparse.h5"
status_is 0 "there is a sparse network"

# A run whose log nobody reads any more dies of that at once, as by a kill; a
# line a step is more than what fits the pipe.
kills='300 3000'
for spec in 'set every=2' 'set p=.02 value=fan velocity=reset seed=5' \
    'set last=yes measure count=bernoulli' 'rigl every=step:150' momentum \
    'hebbian tau=.4 grow=hebbian' 'weighted every=step:250'; do
    one="pare-finetune -q -v -d d.h5 -e 110 --autosave 3ep sparse.h5 \
        --evolve '$spec'"
    run_sh "$one -o whole.h5"
    status_is 0 "a long run: $spec"
    for lines in $kills; do
        run_sh "$one --log - --log-every 1 -o killed.h5 |
            head -n $lines >/dev/null"
        ok "killed after $lines lines: $spec" test ! -e killed.h5
    done
    ok "its state is kept: $spec" test -e killed.h5.autosave
    run_sh "pare-finetune -q -d d.h5 -e 110 --autosave 3ep sparse.h5 \
        --evolve 'set zeta=.1' -o killed.h5"
    fails_with 1 "another way to rewire does not go on from it"
    run_sh "$one -o killed.h5"
    status_is 0 "the same does"
    err_has 'resuming at epoch' "from where it was"
    same whole.h5 killed.h5 "and ends in the same bytes: $spec"
    ok "the kept state is gone" test ! -e killed.h5.autosave
    rm -f killed.*
    kills=2000
done

# ---- interrupted between two stages ----
# Most of the time of these runs goes into rewiring or pruning, so that a
# signal comes after a stage is over and before the first step of the next.
for each in 'train -a 4-400-400-3 --density .3 --evolve|set every=step:2 grow=random' \
    'train -a 4-400-400-3 --prune|agp to=.9 start=step:1 end=step:60 every=step:1'; do
    one="pare-${each%|*} '${each#*|}' -q -d d.h5 -e 4 -b 5 -S 1"
    run_sh "$one -o whole.h5"
    status_is 0 "a run of many stages: ${each#*|}"
    for _ in 1 2 3; do
        sh -c "exec env --default-signal=INT $one --autosave .02s \
            -o killed.h5" >"$OUT" 2>"$ERR" &
        pid=$!
        sleep 0.15
        kill -s INT $pid 2>/dev/null
        wait $pid
    done
    run_sh "$one --autosave 1h -o killed.h5"
    status_is 0 "it goes on after signals: ${each#*|}"
    same whole.h5 killed.h5 "to the same bytes: ${each#*|}"
    rm -f killed.*
done

finish
