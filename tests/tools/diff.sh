# pare-diff(1).
. "${0%/*}/lib.sh"

head='tensor	n	kept_a	kept_b	died	revived	changed	largest'
model() {
    printf 'pare-text 1\narch 3-2\ntensor fc1.weight 2 3 %s\n' "$1"
    printf 'tensor fc1.bias 2 dense\n  0 %s\nend\n' "$2"
}
dense='dense
  1 2 3 4 5 6'
model "$dense" 1 | pare-load -o a.h5
model "$dense" 1.25 | pare-load -o bias.h5
model 'sparse
  0:1 2:3 4:5' 1 | pare-load -o p.h5
model 'sparse
  0:1 1:9 2:4' 1 | pare-load -o q.h5

run pare-diff a.h5 a.h5
status_is 0 "a model is the same as itself"
out_is "$head
total	8	8	8	0	0	0	0" "and the table says so"
run pare-diff --all a.h5 a.h5
out_has '^fc1.bias	2	2	2	0	0	0	0$' "--all shows every tensor"

run pare-diff a.h5 bias.h5
status_is 1 "a changed bias is a difference"
out_is "$head
fc1.bias	2	2	2	0	0	1	0.25
total	8	8	8	0	0	1	0.25" "of that tensor"

run pare-diff a.h5 p.h5
status_is 1 "a pruned model differs"
out_is "$head
fc1.weight	6	6	3	3	0	0	6
total	8	8	5	3	0	0	6" "its weights died"
run pare-diff p.h5 a.h5
out_has '^fc1.weight	6	3	6	0	3	0	6$' "the other way they came back"
run pare-diff p.h5 q.h5
out_has '^fc1.weight	6	3	3	1	1	1	9$' "all three at once"
run_sh 'pare-diff - q.h5 <p.h5'
status_is 1 "one may be standard input"

run pare-diff -q a.h5 p.h5
status_is 1 "quiet answers too"
out_is '' "and prints nothing"
pare-dump a.h5 | sed 's/^training epoch=0/training epoch=3/' | pare-load -o e.h5
run pare-diff a.h5 e.h5
status_is 0 "the position is no weight"
run pare-diff --state a.h5 e.h5
status_is 1 "but it is state"

# ---- masks: p keeps 0 2 4, q keeps 0 1 2; by hand
mhead='layer	kept_a	kept_b	both	either	overlap	jaccard'
run pare-diff --masks p.h5 q.h5
status_is 1 "masks differ"
out_is "$mhead
fc1	3	3	2	4	0.6666666666666666	0.5
total	3	3	2	4	0.6666666666666666	0.5" "by so much"
run pare-diff --masks a.h5 p.h5
status_is 1 "no mask keeps everything"
out_has '^fc1	6	3	3	6	1	0.5$' "and a smaller mask lies in a larger"
run pare-diff --masks a.h5 bias.h5
status_is 0 "other weights under the same mask are the same"
out_has '^total	6	6	6	6	1	1$' "and unpruned biases do not count"
printf 'pare-text 1\narch 3-2-1\ntensor fc1.weight 2 3 sparse\n  0:1\n
tensor fc1.bias 2 sparse\n  1:2\ntensor fc2.weight 1 2 sparse\n
tensor fc2.bias 1 dense\n 0\nend\n' >two.txt
pare-load two.txt -o two.h5
sed 's/0:1/1:1 4:1/; s/^  1:2//' two.txt | pare-load -o three.h5
run pare-diff --masks two.h5 three.h5
out_is "$mhead
fc1	2	2	0	4	0	0
fc2	0	0	0	0	nan	nan
total	2	2	0	4	0	0" "pruned biases and empty layers do"
run pare-diff --masks two.h5 two.h5
status_is 0 "a mask is the same as itself"
run_sh 'pare-mask shuffle -S 1 --fill zero p.h5 | pare-diff -q --masks p.h5 -'
status_is 1 "quiet answers for masks"
out_is '' "and prints nothing"
run pare-diff --masks --all a.h5 p.h5
fails_with 2 "all layers are shown in any case"
run pare-diff --masks --state a.h5 p.h5
fails_with 2 "a state is more than masks"
run pare-diff --masks a.h5 two.h5
status_is 1 "another architecture has another mask"
err_has 'architectures differ' "which is said"
run pare-diff --masks a.h5 missing.h5
fails_with 2 "a missing file is trouble for masks too"

pare-init -a 4-2 -o other.h5
run pare-diff a.h5 other.h5
status_is 1 "another architecture is a difference"
err_has 'architectures differ' "and that is said"
run pare-diff a.h5 missing.h5
fails_with 2 "a missing file is trouble"
run pare-diff a.h5
fails_with 2 "two models are needed"
run pare-diff - -
fails_with 2 "not both from standard input"

finish
