# What is asked of every tool: help, version, bad usage, bad input, outputs
# that cannot be written, standard input and output, threads.
. "${0%/*}/lib.sh"

awk 'BEGIN {
    print "a,b,c,label"
    for (i = 0; i < 90; i++)
        printf "%g,%g,%g,%s\n", (i * 7 % 11) / 11 + i % 3,
            (i * 5 % 13) / 13 - i % 3, (i * 3 % 17) / 17, substr("xyz", i % 3 + 1, 1)
}' >t.csv
pare data csv --label label --make-split 60,20,10 -S 1 -o d.h5 t.csv
pare train -q -a 3-8-3 -d d.h5 -e 1 -b 16 -o m.h5

# ---- every tool
for tool in $(pare | awk '/^$/ { part++ } part == 1 && NF { print "pare-" $1 }'); do
    run "$tool" --help
    status_is 0 "$tool --help"
    out_has "^usage: $tool " "$tool --help has its usage"
    err_is '' "$tool --help is all on standard output"
    cp "$OUT" help
    run "$tool" -h
    same help "$OUT" "$tool -h is the same"
    ok "$tool's help fits 80 columns" awk 'length($0) > 80 { exit 1 }' help
    run "$tool" --version
    status_is 0 "$tool --version"
    out_has "^$tool [0-9]+\.[0-9]+\.[0-9]+$" "$tool --version has its version"
    run "$tool" --no-such-option
    fails_with 2 "$tool --no-such-option"
    err_has "'--no-such-option'" "$tool names the option"
    run "$tool" -%
    fails_with 2 "$tool -%"
    run_sh "$tool --help >/dev/full"
    ok "$tool --help into a full disk fails" test "$status" -ne 0
done

# ---- tools that read a model: name|options|what comes out
readers='check||table
diff|m.h5|table
dump||table
eval|-d d.h5|table
export|safetensors|table
finetune|-q -d d.h5 -e 1|model
grow|-n 0 --only fc1|model
log||table
plot|history --table|table
mask|random -s .5|model
pack|--strip=history|model
prune|-s .5|model
quantize|--codebook 8|model
rewind|-t init|model
shrink||model
scan|-d d.h5|table
stats||table
train|-q -d d.h5 -e 1|model
unpack||model'

: >empty.h5
head -c 3000 m.h5 >cut.h5
{ head -c 2000 m.h5; printf 'xxxx'; tail -c +2005 m.h5; } >flipped.h5
printf 'not a model\n' >text.h5
mkdir dir.h5

# Status of a tool that cannot read its model at all.
trouble() {
    case $1 in check | diff) echo 2 ;; *) echo 1 ;; esac
}

bad_model() {
    # The options are words.
    # shellcheck disable=SC2086
    run "pare-$1" $2 "$3"
    if [ "$1" = check ] && [ "$4" = content ]; then
        status_is 1 "check finds: $3"
        out_has "$3" "check names the file: $3"
    else
        # A table may have begun.
        sed -i 1d "$OUT"
        fails_with "$(trouble "$1")" "$1 refuses: $3"
        err_has "$3" "$1 names the file: $3"
    fi
}

echo "$readers" | while IFS='|' read -r tool options kind; do
    echo "$tool|$options|$kind"
done >rows
while IFS='|' read -r tool options kind <&3; do
    bad_model "$tool" "$options" missing.h5 system
    bad_model "$tool" "$options" dir.h5 system
    bad_model "$tool" "$options" empty.h5 content
    bad_model "$tool" "$options" cut.h5 content
    bad_model "$tool" "$options" text.h5 content
    bad_model "$tool" "$options" d.h5 content

    run_sh "pare-$tool $options m.h5"
    cp "$OUT" by_name
    run_sh "pare-$tool $options - <m.h5"
    status_is 0 "$tool reads standard input"
    sed 's/^-	/m.h5	/; s/"-"/"m.h5"/' "$OUT" >by_stdin
    [ "$kind" = model ] && cp "$OUT" by_stdin
    same by_name by_stdin "$tool says the same of standard input"
    run_sh "pare-$tool $options - <&-"
    ok "$tool without standard input fails" test "$status" -ne 0
    run_sh "cat m.h5 | pare-$tool $options - | :"
    err_is '' "$tool is quiet about a closed pipe"
    [ -s by_name ] || continue
    run_sh "pare-$tool $options m.h5 >/dev/full"
    fails_with "$(trouble "$tool")" "$tool into a full disk fails"
    run_sh "pare-$tool $options m.h5 >&-"
    fails_with "$(trouble "$tool")" "$tool without standard output fails"

    case $(pare-$tool --list-options) in *threads*) ;; *) continue ;; esac
    run_sh "pare-$tool $options -j 1 m.h5 >j1 && pare-$tool $options -j 2 m.h5"
    same j1 "$OUT" "$tool gives the same bytes with two threads"
done 3<rows

# ---- tools that write a file
writers='dump m.h5
export safetensors m.h5
finetune -q -d d.h5 -e 1 m.h5
grow -n 0 --only fc1 m.h5
import m.safetensors
init -a 4-3-2
load m.txt
mask random -s .5 m.h5
pack -9 --strip m.h5
plot history --script m.h5
prune -s .5 m.h5
quantize --codebook 8 m.h5
report m.h5
rewind -t init m.h5
shrink m.h5
train -q -d d.h5 -e 1 m.h5
unpack m.h5
data csv --label label t.csv'
pare dump m.h5 >m.txt
pare export safetensors m.h5 >m.safetensors
echo "$writers" >rows
while read -r command <&3; do
    rm -f out.h5
    run_sh "pare $command -o out.h5"
    status_is 0 "it can: $command"
    out_is '' "with -o nothing else comes out: $command"
    run_sh "pare $command -o again.h5 2>&1 && cmp out.h5 again.h5"
    status_is 0 "twice the same bytes: $command"
    run_sh "pare $command -o no/such/out.h5"
    fails_with 1 "no such directory: $command"
    run_sh "pare $command -o dir.h5"
    fails_with 1 "the output is a directory: $command"
    run_sh "pare $command -o /dev/full"
    fails_with 1 "the disk is full: $command"
    printf 'old\n' >out.h5
    run_sh "(ulimit -f 1; trap '' XFSZ; pare $command -o out.h5)"
    if [ "$status" -eq 0 ]; then
        pass # It fits in a block.
    else
        ok "a failure leaves the old file: $command" grep -qx old out.h5
    fi
    ok "and no temporary: $command" test ! -e out.h5.pare-tmp
done 3<rows

cp m.h5 inplace.h5
run pare prune -s .5 inplace.h5 -o inplace.h5
status_is 0 "the output may be the input"
run_sh 'pare prune -s .5 m.h5 | cmp - inplace.h5'
status_is 0 "with the same result"

# ---- a terminal
if have script && script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    for command in 'init -a 4-3-2' 'prune -s .5 m.h5' 'load m.txt' \
        'export safetensors m.h5'; do
        run script -qec "pare $command" /dev/null
        status_is 1 "no model on a terminal: $command"
        out_has 'terminal' "and why: $command"
    done
    ran='pare stats on a terminal'
    script -qec 'pare stats' /dev/null >"$OUT" 2>"$ERR"
    status=$?
    status_is 1 "and none from a terminal"
    out_has 'standard input is a terminal' "as is told"
fi

finish
