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
out_has '^model	layer	shape	params	kept	nonzero	sparsity	dead_in	dead_out	bytes	macs	nonzero_macs	compression	speedup	bits	levels	type$' "the table has a header"
out_has '^m.h5	fc2	10x20	210	210	210	0	0	0	840	200	200	1	1	32	-	float32$' \
    "a layer is a row"
out_has "^m.h5	total	-	343	343	343	0	0	0	$(wc -c <m.h5)	310	310	1	1	32	-	-\$" \
    "the total has the bytes of the file"
run pare-stats --total m.h5 m.h5
ok "--total prints a row a model" [ "$(wc -l <"$OUT")" -eq 3 ]
run_sh 'pare-prune -q --layer fc3=1 m.h5 | pare-stats'
out_has '^-	fc3	3x10	33	3	3	1	10	3	[0-9]*	30	0	11	inf	[0-9.]*	-	float32$' \
    "standard input is a model; infinite is inf"
run pare-stats --json m.h5
out_has '"layer":"fc1","shape":"20x4","params":100' "JSON has the layers"
out_has '"total":\{"params":343' "and the total"
ok "JSON is one line" [ "$(wc -l <"$OUT")" -eq 1 ]
pare-prune -q -g unit --layer fc1=.1 m.h5 -o u.h5
run pare-stats --units u.h5
out_has '^model	layer	unit	kind	of	in	read	value$' "units have a header"
ok "two units are dead" [ "$(grep -c '^u.h5	fc1	[0-9]*	dead	-	0	yes	-*[0-9.e-]*$' "$OUT")" -eq 2 ]
ok "and that is all" [ "$(wc -l <"$OUT")" -eq 3 ]
run pare-stats --units --json u.h5
out_has '"model":"u.h5","units":\[\{"layer":"fc1","unit":[0-9]*,"kind":"dead","in":0,"read":"yes","value":' \
    "JSON has the units"
run_sh 'pare-prune -q --layer fc2=1 m.h5 | pare-stats --units'
out_has '^-	fc1	0	dead	-	4	no	-$' "what nothing reads is dead"
out_has '^-	fc2	9	dead	-	0	yes	' "and what reads nothing"
run pare-stats --units --total m.h5
fails_with 2 "--units and --total exclude each other"
run pare-stats none.h5
status_is 1 "a missing file fails"
err_has 'none.h5' "and is named"
run pare-stats d.h5
status_is 1 "a data file is no model"
run pare-stats --total none.h5 m.h5 d.h5 m.h5
status_is 1 "some models of several cannot be read"
ok "the others are shown" [ "$(grep -c '^m.h5	total	' "$OUT")" -eq 2 ]
ok "each that cannot has a line" [ "$(grep -c "none.h5\|d.h5" "$ERR")" -eq 2 ]
run pare-stats --json --connections fc3 none.h5 m.h5
status_is 1 "so it is in JSON"
out_has '^[[][{]"model":"m.h5","layer":"fc3",' "which has what there is"
run pare-stats --json --connections fc9 m.h5
fails_with 1 "and is not begun where there is none"
[ -c /dev/full ] && run_sh 'pare-stats m.h5 >/dev/full' &&
    status_is 1 "a full disk fails"
finish
