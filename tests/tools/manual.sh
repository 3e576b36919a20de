# The manual: every page lints, every tool has one, and pages, usage and
# option tables say the same.
. "${0%/*}/lib.sh"

have mandoc || skip "no mandoc"
man=$SRC/man

for page in "$man"/*.[157]; do
    run mandoc -T lint -W warning "$page"
    status_is 0 "${page##*/} lints"
    run awk '/^\.Bd/ { on = 1 } /^\.Ed/ { on = 0 }
        on && /(^|[^\\])\\$/ { print FILENAME ": " $0 }' "$page"
    out_is '' "a backslash that ends a line of its examples is seen: \\e"
    have groff || continue
    run groff -mandoc -Tutf8 "$page"
    err_is '' "and groff, which man-db calls, has no complaint"
done

# The flags that a piece of mdoc names, one a line: "-d", "--data".
flags() {
    awk '
    {
        inside = 0
        sub(/^\./, "")
        for (i = 1; i <= NF; i++) {
            if ($i == "Fl") inside = 1
            else if ($i ~ /^[A-Z][a-z]$/) inside = 0
            else if (inside && $i !~ /^[,.:;|()]$/) print "-" $i
        }
    }' | sort -u
}

# Grouped letters apart: "-qv" is "-q" and "-v".
apart() {
    awk '/^--/ { print; next }
        { for (i = 2; i <= length($0); i++) print "-" substr($0, i, 1) }' |
        sort -u
}

section() {
    awk -v want="$2" '/^\.Sh / { on = (substr($0, 5) == want); next } on' "$1"
}

# The options of a tool and of its subcommands.
table() {
    for sub in '' $(subcommands "$1"); do
        # An empty word is no argument.
        # shellcheck disable=SC2086
        "$1" $sub --list-options
    done | sort -u
}
subcommands() {
    case $1 in pare-data) echo idx csv images cifar10 cifar100 npy npz info ;; esac
}

names() {
    awk -F '\t' '{ if ($1 != "-") print "-" $1; print "--" $2 }' | sort -u
}

# agree WHAT NAME: the files a and b are the same.
agree() {
    run diff a b
    status_is 0 "$1"
}

tools=$(pare | awk '/^$/ { part++ } part == 1 && NF { print $1 }')
ok "pare lists its tools" test "$(echo "$tools" | wc -l)" -ge 13
: >all
for name in $tools; do
    tool=pare-$name
    page=$man/$tool.1
    ok "$tool is there" have "$tool"
    ok "$tool has a page" test -f "$page"
    have "$tool" && [ -f "$page" ] || continue
    table "$tool" >table
    sed "s/^/$name	/" table >>all

    names <table | grep -Ev '^(-h|--help|-V|--version)$' >a
    grep '^\.It .*Fl' "$page" | flags |
        grep -Ev '^(-h|--help|-V|--version)$' >b
    agree "$tool: the page describes the options there are"

    # Every option is in the synopsis by its letter, or else by its name.
    awk -F '\t' '{ print $1 == "-" ? "--" $2 : "-" $1 }' table | sort -u >a
    section "$page" SYNOPSIS | flags | apart >b
    agree "$tool: the synopsis names every option"

    ok "$tool is in pare(1)" grep -q "Xr pare-$name 1" "$man/pare.1"
    ok "$tool has two examples" test \
        "$(section "$page" EXAMPLES | grep -c '^\$ ')" -ge 2
    ok "$tool tells its exit status" grep -q '^\.Sh EXIT STATUS' "$page"
done

# One long option has one letter, and takes an argument, everywhere.
awk -F '\t' '{ print $3 "\t" $2 "\t" ($4 != "") }' all | sort -u >forms
cut -f 1 forms | uniq -d >a
: >b
agree "a long option is the same in every tool"
awk -F '\t' '$2 != "-" { print $2 "\t" $3 }' all | sort -u | cut -f 1 |
    uniq -d >a
agree "a letter is the same in every tool"

cut -f 2- all | names >a
awk '/^\.Ss Options/ { on = 1 } /^\.Sh / { on = 0 } on && /^\.It/' \
    "$man/pare.1" | flags >b
agree "pare(1) lists the options of all tools, and no others"

finish
