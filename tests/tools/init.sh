# pare-init(1).
. "${0%/*}/lib.sh"

run pare-init -a 4-3-2 -S 1 -o a.h5
status_is 0 "an architecture and a seed make a model"
out_is '' "silently"
err_is '' "silently"
run_sh 'pare-init -a 4-3-2 -S 1 >b.h5'
same a.h5 b.h5 "the same seed gives the same bytes, through a pipe too"
run pare-init -a 4-3-2 -S 2 -o b.h5
differ a.h5 b.h5 "another seed gives others"
run pare-init -a 4-3-2 -o c.h5
run pare-init -a 'in(4) linear(3) relu linear(2)' -o d.h5
same c.h5 d.h5 "without a seed it follows from the architecture"
run pare-init -a 4-3-3 -o d.h5
run_sh 'pare-dump c.h5 | grep ^init-seed; pare-dump d.h5 | grep ^init-seed'
ok "another architecture has another" \
    test "$(sort -u "$OUT" | wc -l)" -eq 2

run pare-init -v -a 4-3-2 -o v.h5
err_has '^pare-init: 23 parameters, [0-9,]+ bytes$' "-v says what was made"

# Shapes and bounds: PyTorch draws from +-1/sqrt(in).
run_sh 'pare-dump a.h5 | grep "^tensor"'
out_is 'tensor fc1.weight 3 4 dense
tensor fc1.bias 3 dense
tensor fc2.weight 2 3 dense
tensor fc2.bias 2 dense' "weights are out by in"
run pare-init -a 4-3-2 --init he-normal -o he.h5
differ a.h5 he.h5 "an initialiser can be chosen"
run pare-init --init list
out_has '^pytorch	' "initialisers are listed"
run pare-init -a list
out_has '^lenet-300-100	784-300-100-10	' "and named architectures"

run pare-init
fails_with 2 "an architecture is needed"
run pare-init -a 'in(4) liner(3)'
fails_with 2 "a wrong architecture"
err_has 'column 7' "is pointed at"
run pare-init -a 4-2 --init no-such
fails_with 2 "a wrong initialiser"
run pare-init -a 4-2 x
fails_with 2 "no operand"

finish
