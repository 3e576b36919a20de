#!/bin/sh
# pare-stats as a program.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"

run pare-stats --help
status_is 0 "help succeeds"
run pare-stats --nonsense m.h5
fails_with 2 "an unknown option is wrong usage"
run pare-stats m.h5
status_is 0 "a model has statistics"
out_has '^model	layer	shape	params	kept	nonzero	sparsity	dead_in	dead_out	bytes	macs	nonzero_macs	compression	speedup$' "the table has a header"
out_has '^m.h5	fc2	10x20	210	210	210	0	0	0	840	200	200	1	1$' \
    "a layer is a row"
out_has "^m.h5	total	-	343	343	343	0	0	0	$(wc -c <m.h5)	310	310	1	1\$" \
    "the total has the bytes of the file"
run pare-stats --total m.h5 m.h5
ok "--total prints a row a model" [ "$(wc -l <"$OUT")" -eq 3 ]
run_sh 'pare-prune -q --layer fc3=1 m.h5 | pare-stats'
out_has '^-	fc3	3x10	33	3	3	1	10	3	[0-9]*	30	0	11	inf$' \
    "standard input is a model; infinite is inf"
run pare-stats --json m.h5
out_has '"layer":"fc1","shape":"20x4","params":100' "JSON has the layers"
out_has '"total":\{"params":343' "and the total"
ok "JSON is one line" [ "$(wc -l <"$OUT")" -eq 1 ]
run pare-stats none.h5
status_is 1 "a missing file fails"
err_has 'none.h5' "and is named"
run pare-stats d.h5
status_is 1 "a data file is no model"
[ -c /dev/full ] && run_sh 'pare-stats m.h5 >/dev/full' &&
    status_is 1 "a full disk fails"
finish
