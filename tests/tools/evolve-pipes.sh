# Dynamic sparse training in one process: the bytes of the pipelines that it
# stands for.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

# one_is_pipe NAME: all but the provenance is the same.
one_is_pipe() {
    run pare-diff --state -q one.h5 pipe.h5
    status_is 0 "$1"
    run pare-check one.h5
    status_is 0 "it is sound: $1"
}
tune="pare-finetune -q -d d.h5"

# pipeline STAGES: $start, then so often $by and on for $long more; $each is
# what a stage is told besides, $later all but the first.
pipeline() {
    line="$start $each $long"
    for i in $(seq 2 "$1"); do
        line="$line | $(eval echo "\"$by\"") | $tune $each $later $long"
    done
    run_sh "$line >pipe.h5"
    status_is 0 "a pipeline runs: $line"
}
# in_one LENGTH SPEC
in_one() {
    run_sh "$start $1 --evolve '$2' -o one.h5"
    status_is 0 "it runs in one: $2"
}
share() {
    awk "BEGIN { printf \"%.17g\", $1 }"
}

run_sh "pare-train -q -a 4-20-10-3 -d d.h5 -e 0 -S 1 -b 7 \
    --optimizer sgd,momentum=.9 -l .02 |
    pare-prune -q -m random -S 1 -A layer -s .6 -o sparse.h5"
status_is 0 "there is a sparse network"
start="$tune sparse.h5" each='' later='' long='-e 1'

by='pare-prune -q -m set | pare-grow --avoid removed'
pipeline 4
in_one '-e 4' 'set avoid=removed'
one_is_pipe "a rewiring between two epochs"
by='pare-prune -q -m set,zeta=.4,form=kth | pare-grow --avoid removed \
    --counting bernoulli --value fan -S $((12 * i - 7))' later=--reset-optimizer
pipeline 3
in_one '-e 3' 'set zeta=.4 form=kth count=bernoulli value=fan seed=5
    velocity=reset avoid=removed'
one_is_pipe "in numenta's form, seeds and an optimizer that begins anew"
by='pare-prune -q -m set,form=sorted --only fc1 --only fc3 |
    pare-grow --value normal,sd=.1 --only fc1 --only fc3' later=''
long='--steps 5'
pipeline 5
in_one '--steps 25' 'set form=sorted every=step:5 value=normal:.1
    layers=fc1,fc3'
one_is_pipe "in the paper's form, two layers, in steps"
long='-e 1'
by='pare-prune -q -m set --measure -d d.h5 | pare-grow --avoid removed'
pipeline 3
run_sh "pare-prune -q -m set --measure -d d.h5 pipe.h5 -o last.h5"
in_one '-e 3' 'set avoid=removed measure'
one_is_pipe "measured between dropping and growing"
in_one '-e 3' 'set avoid=removed measure last=drop'
mv last.h5 pipe.h5
one_is_pipe "dropped after the last epoch"
pare-grow --avoid removed -o last.h5 pipe.h5
in_one '-e 3' 'set avoid=removed measure last=yes'
mv last.h5 pipe.h5
one_is_pipe "and grown"

# The share of a stage depends on its place.
by='pare-prune -q -m magnitude,zeta=$(share ".3 / 2 * \
    (1 + cos(atan2(0, -1) * (($i - 1) * 7 / 27)))") |
    pare-grow -m gradient -d d.h5'
long='--steps 7'
pipeline 4
run_sh "$tune pipe.h5 --steps 8 -o last.h5 && mv last.h5 pipe.h5"
in_one '-e 3' 'rigl every=step:7 until=3/4'
one_is_pipe "by gradients, fewer and fewer, until three quarters"
long='-e 1'
by='pare-prune -q -m magnitude,zeta=$(share ".5 * (1 - ($i - 1) / 3)") |
    pare-grow -m momentum --redistribute -d d.h5'
pipeline 3
in_one '-e 3' 'momentum decay=linear'
one_is_pipe "by momentum, over the layers"

each='--accumulate hebbian'
by='pare-prune -q -m hebbian,tau=.2,zeta=.2 |
    pare-grow --counting bernoulli --avoid removed'
pipeline 3
in_one '-e 3' hebbian
one_is_pipe "by coactivations and weights"
by='pare-prune -q -m hebbian,tau=.3,zeta=0,join=and,highest |
    pare-grow -m hebbian --counting strict --lowest --avoid removed'
pipeline 3
in_one '-e 3' 'hebbian tau=.3 zeta=0 join=and highest grow=hebbian lowest'
one_is_pipe "by the controls of coactivations"
by='pare-prune -q -m weighted |
    pare-grow --counting bernoulli --avoid removed'
pipeline 3
in_one '-e 3' weighted
one_is_pipe "by weights times coactivations"
each=''

# ---- random times ----
long='--steps 1'
by='pare-prune -q -m set | pare-grow --avoid removed'
run_sh "$tune -e 0 sparse.h5 | pare-prune -q -m set | pare-grow --avoid removed \
    >first.h5"
start="$tune first.h5"
pipeline 4
start="$tune sparse.h5"
in_one '--steps 4' 'set p=1 avoid=removed'
one_is_pipe "before each step"
in_one '-e 2 --log t.tsv' 'set p=.2 layers=fc2 avoid=removed'
cp one.h5 random.h5
line="$tune -e 0 sparse.h5" at=0
for step in $(awk -F '\t' '$1 == "evolve" { print $3 }' t.tsv) 24; do
    [ "$step" = "$at" ] || line="$line | $tune --steps $((step - at))"
    [ "$step" = 24 ] || line="$line | pare-prune -q -m set --only fc2 |
        pare-grow --only fc2 --avoid removed"
    at=$step
done
run_sh "$line >pipe.h5"
status_is 0 "a pipeline of random times runs"
ok "there were some" test "$(grep -c '^evolve' t.tsv)" -gt 2
one_is_pipe "at random times"

# ---- what a run is made of else ----
run_sh "pare-train -q -a 4-20-3 -d d.h5 -S 4 -b 9 -e 0 |
    pare-prune -q -f .5 -m random -S 1 -o half.h5"
by='pare-prune -q -m set | pare-grow'
start="pare-train -q -d d.h5 -S 4 -b 9 --schedule cosine,epochs=3 half.h5"
long='-e 1'
pipeline 3
start="pare-train -q -d d.h5 -S 4 -b 9 --schedule cosine half.h5"
in_one '-e 3' set
one_is_pipe "from the beginning, with a schedule as long as the run"
run_sh "$tune sparse.h5 --steps 5 -o cut.h5"
start="$tune cut.h5" each='--checkpoint step:20'
by='pare-prune -q -m set | pare-grow'
pipeline 3
start="$tune cut.h5 $each"
in_one '-e 3' set
one_is_pipe "from within an epoch, with a checkpoint"
start="$tune cut.h5 -S 9 -b 5" each=''
pipeline 2
start="$tune cut.h5 -S 9 -b 5"
in_one '-e 2' set
one_is_pipe "with other batches"
conv='in(1,2,2) conv1=conv2d(6,2,pad=1) batchnorm2d relu fc1=linear(9) relu
    dropout(.2) fc2=linear(3)'
run_sh "pare-train -q -a '$conv' -d d.h5 -b 9 -S 2 -e 1 |
    pare-prune -q -s .5 -A layer -o sparse.h5"
start="$tune sparse.h5"
by='pare-prune -q -m set,zeta=.2 | pare-grow -m gradient -d d.h5 --calibrate 20'
pipeline 3
in_one '-e 3' 'set zeta=.2 grow=gradient calibrate=20'
one_is_pipe "a convolution by gradients, with Adam"

finish
