# pare itself: finding and running tools.
. "${0%/*}/lib.sh"

mkdir bin
cat >bin/pare-echo <<'END'
#!/bin/sh
printf '%s\n' "${0##*/}" "$@"
exit 3
END
printf '#!/bin/sh\n' >bin/pare-plain
chmod +x bin/pare-echo
PATH=$PATH:$PWD/bin
export PATH

run pare
status_is 0 "alone, pare lists the tools"
out_has '^  prune +[a-z]' "with a line each"
out_has '^  echo$' "and those in PATH"
out_lacks 'plain' "but only programs"

run pare -V
out_has '^pare [0-9.]+$' "pare has a version"
run pare --help
out_has '^usage: pare ' "and a help"
run pare -x
fails_with 2 "and knows no other option"

run pare echo a 'b c' --help -q
status_is 3 "the tool's status is pare's"
out_is 'pare-echo
a
b c
--help
-q' "all arguments go to the tool"

run pare prnue
fails_with 2 "an unknown tool is wrong usage"
err_has "did you mean 'prune'" "the nearest name is offered"
run pare ecko
err_has "did you mean 'echo'" "also of other people's tools"
run pare xyzzy
fails_with 2 "a name like no other"
err_has "'pare' lists them" "has no neighbour"
run pare plain
status_is 1 "a file that is no program cannot be run"
err_has 'Permission denied' "and the system says why"
run pare ../bin/pare-echo
fails_with 2 "a path is no tool"
run pare ''
fails_with 2 "nor is nothing"

cat >bin/man <<'END'
#!/bin/sh
[ "$1" = -w ] && { [ "$2" = pare-prune ]; exit; }
echo "page $1"
END
chmod +x bin/man
PATH=$PWD/bin:$PATH
run pare help prune
out_is 'page pare-prune' "help shows the manual page"
run pare help echo
out_is 'pare-echo
--help' "or asks the tool where there is none"
run pare help xyzzy
fails_with 2 "no help for what is not there"
run pare help a b
fails_with 2 "help has one operand"

run_sh 'pare >/dev/full'
fails_with 1 "a full standard output is a failure"

finish
