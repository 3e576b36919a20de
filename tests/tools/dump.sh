# pare-dump(1) and pare-load(1): the text twin. Its grammar is tested in
# tests/test_text_twin.c, here that files survive the round trip.
. "${0%/*}/lib.sh"

pare-init -a 'in(4) linear(3) batchnorm relu linear(2)' -S 1 -o m.h5

run_sh 'pare-dump m.h5 | pare-load >back.h5'
status_is 0 "a model goes through text"
same m.h5 back.h5 "and comes back in the same bytes"
run_sh 'pare-dump <m.h5 -o m.txt'
status_is 0 "a file can be named"
out_is '' "then nothing is printed"
run pare-load m.txt -o back.h5
same m.h5 back.h5 "the text can be a file"

# Pruned weights: the line below is the first row of fc1.weight.
sed 's/^\(tensor fc1.weight 3 4\) dense$/\1 sparse/
    /sparse$/,/^tensor fc1.bias/ { /^ /d; s/sparse$/&\n  0:0x1p+0 3:-0x0p+0 11:0.1/; }' \
    m.txt >sparse.txt
run pare-load sparse.txt -o sparse.h5
status_is 0 "text may be edited"
run_sh 'pare-dump sparse.h5 | sed -n "/^tensor fc1.weight/,/^tensor/p"'
out_is 'tensor fc1.weight 3 4 sparse
  0:0x1p+0 3:-0x0p+0 11:0x1.99999ap-4
tensor fc1.bias 3 dense' "survivors only, decimals rounded to float32"
run_sh 'pare-dump sparse.h5 | pare-load | cmp - sparse.h5'
status_is 0 "a pruned model comes back in the same bytes"

for user in 00 ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff; do
    {
        sed '/^end$/d' m.txt
        printf 'user 128\n'
        awk -v byte="$user" 'BEGIN {
            while (length(all) < 256) all = all byte
            print "  " all; print "end" }'
    } >user.txt
    run pare-load user.txt -o bad.h5
    fails_with 1 "bytes that are nothing under /user"
    err_has 'under /user' "are refused by name"
done
sed 's/dense/dens/' m.txt >bad.txt
run pare-load bad.txt -o bad.h5
fails_with 1 "bad text is refused"
err_has '^pare-load: bad.txt:[0-9]+: ' "by line"
ok "and nothing is written" test ! -e bad.h5
run_sh 'head -n 30 m.txt | pare-load -o bad.h5'
fails_with 1 "so is half of a text"
err_has 'standard input:[0-9]+: ' "with the stream's name"
run pare-load m.h5 -o bad.h5
fails_with 1 "a model is no text"
run pare-load no-such.txt
fails_with 1 "nor is what is not there"
run pare-load .
fails_with 1 "nor a directory"
run pare-dump m.txt
fails_with 1 "and text is no model"
cp m.txt keep.txt
run_sh 'pare-dump no-such.h5 -o keep.txt'
fails_with 1 "a failure"
same m.txt keep.txt "leaves the old text"

finish
