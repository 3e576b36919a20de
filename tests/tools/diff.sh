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
