# Models with layers of more positions than any mask can have.
. "${0%/*}/lib.sh"

# huge VALUE TARGET [IN OUT]: 3,000,000 inputs and 1,000,000 outputs, or so
# many; of all positions three are kept.
huge() {
    in=${3:-3000000} out=${4:-1000000}
    last=$((in * out - 1)) second=$((in + 1))
    cat <<EOF
pare-text 1
arch in($in) fc1=linear($out,bias=no) relu fc2=linear(2)
scale 0x1p+0
classes 2
training epoch=2 epoch_step=0 step=20 sched_step=20 sched_total=0 seed=1 batch=5 steps_per_epoch=10 sum_correct=0 sum_samples=0
sum-loss 0
lr 0.1
weight-decay 0
loss cross-entropy
schedule constant
select last
dialect synapses
tensor fc1.weight $out $in sparse
  0:0.5 $second:$1 $last:-2
tensor fc2.weight 2 $out sparse
  7:1 $((2 * out - 1)):-1
tensor fc2.bias 2 dense
  0.25 0.5
optimizer 20 1 sgd,momentum=0.9
slot 0 fc1.weight sparse
  $second:0.125
slot 0 fc2.weight sparse
slot 0 fc2.bias dense
  1 2
checkpoint epoch=1 epoch_step=0 step=10 sched_step=10 stored epoch:1
value fc1.weight sparse
  0:0.25 $last:-1
value fc2.weight sparse
  7:2
value fc2.bias dense
  0 0
end-checkpoint
target fc1.weight $2
removed fc1.weight 2
  1 $((last - 1))
removed-slot 0 fc1.weight
  0.5 -0.5
added fc1.weight 1
  $second
rewiring 1 fc1.weight 1 3 1 1 0 0
rewiring 2 fc1.weight 1 3 1 1 1 1
end
EOF
}

huge 1.5 4 >huge.txt
run pare-load -o huge.h5 huge.txt
status_is 0 "a model of 3e12 positions is made of its text"
run pare-check huge.h5
status_is 0 "it is in order"
out_is '' "and nothing is said of it"
run_sh 'pare-dump huge.h5 | tee twin.txt | pare-load -o twin.h5 && cmp huge.h5 twin.h5'
status_is 0 "its text gives the same file"
run grep -c -e '^target fc1.weight 4' -e '^dialect synapses' \
    -e '^removed fc1.weight 2' -e '^added fc1.weight 1' \
    -e '^removed-slot 0 fc1.weight' -e '^rewiring ' twin.txt
out_has 7 "the text has all that rewiring carries"
run_sh "pare-stats huge.h5 | cut -f 2-6,8,9"
out_has 'fc1	1000000x3000000	3000000000000	3	3	2999997	999997' \
    "its connections are counted"

huge 1.75 4 | pare-load -o other.h5
run pare-diff huge.h5 other.h5
status_is 1 "another value differs"
out_has 'fc1.weight	3000000000000	3	3	0	0	1	0.25' "where it is"
run_sh "sed 's/3000001:/3000002:/' huge.txt | pare-load -o moved.h5 &&
    pare-diff huge.h5 moved.h5"
out_has 'fc1.weight	3000000000000	3	3	1	1	0	1.5' "a moved one, too"
run pare-diff --masks huge.h5 moved.h5
out_has 'fc1	3	3	2	4	' "and the masks of both"
huge 1.5 5 | pare-load -o target.h5
run pare-diff --state huge.h5 target.h5
status_is 1 "another target is another state"

run_sh 'pare-rewind -t epoch:1 --also schedule -o back.h5 huge.h5 && pare-check back.h5'
status_is 0 "it is rewound to a checkpoint"
run_sh "pare-dump back.h5 | grep -A1 -e '^tensor fc1' -e ^rewiring"
out_has '0:0x1p-2 3000001:0x0p.0 2999999999999:-0x1p.0' "to its values"
out_lacks 'rewiring 2' "and the record of what came after is gone"
run pare-log --history huge.h5
status_is 0 "its history is told"

# The connections of the layer above 2^32 positions see the same inputs as those
# of a layer with a mask, so the numbers of both are the same.
for n in 70000 700; do
    awk -v n=$n 'BEGIN {
        printf "y"
        for (k = 0; k < n; k++) printf ",x%d", k
        for (i = 0; i < 20; i++) {
            printf "\nc%d", i % 2
            for (k = 0; k < n; k++) printf ",%d", (k + i) % 2
        }
        print ""
    }' >data.csv
    run pare-data csv --label y --normalize none -o data-$n.h5 data.csv
    huge 1.5 4 $n $n | pare-load -o start-$n.h5
    run pare-finetune -q -e 2 -b 5 -d data-$n.h5 -o tuned-$n.h5 start-$n.h5
    status_is 0 "a layer of $n x $n positions is trained"
    run pare-check tuned-$n.h5
    status_is 0 "and in order then"
    for m in start tuned; do
        run pare-eval -d data-$n.h5 --split train $m-$n.h5
        status_is 0 "the $m model is measured"
        cut -f 3- "$OUT" >$m-$n.tsv
    done
done
same start-700.tsv start-70000.tsv "compact and masked have the same loss"
same tuned-700.tsv tuned-70000.tsv "after training, too"
differ start-700.tsv tuned-700.tsv "training did something"

for tool in 'pare-prune -s .5' pare-shrink 'pare-mask not' 'pare-stats --units'; do
    run $tool huge.h5
    status_is 1 "$tool needs a mask and says so"
    err_has 'fc1' "$tool names the layer"
done

sed 's/^tensor fc1.*/tensor fc1.weight 1000000 3000000 dense/' huge.txt >dense.txt
run pare-load -o dense.h5 dense.txt
status_is 1 "it cannot be dense"
err_has 'dense.txt:13: layer fc1 has 3000000000000 positions' "by its name"
sed 's/^tensor fc1/#&/; s/^  0:0.5 .*//' huge.txt >late.txt
run pare-load -o late.h5 late.txt
status_is 1 "an index that is not kept is refused"
err_has "index 3000001 of 'fc1.weight' is not kept" "by its name"
[ ! -e late.h5 ] && pass || fail "nothing is left of it"
run_sh 'head -c 3000 huge.h5 >cut.h5; pare-check cut.h5'
status_is 1 "a cut file is refused"

finish
