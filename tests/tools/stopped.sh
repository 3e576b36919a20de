#!/bin/sh
# Tools that work tensor by tensor are stopped, or their disk is full: nothing
# half written and no temporary stays.
. "${0%/*}/lib.sh"
have timeout || skip "no timeout"

mkdir tmp
TMPDIR=$PWD/tmp
PARE_MODEL_MEMORY=1
export TMPDIR PARE_MODEL_MEMORY

ok "a model" pare-init -a 700-600-300-10 -S 1 -o m.h5
ok "a packed one" pare-pack m.h5 -o p.h5
ok "a file of another program" pare-export safetensors m.h5 -o m.safetensors
ok "an archive of one" pare-export npz m.h5 -o m.npz
mkdir out

# left: what there is that should not be. A run that was as good as done when
# the signal came has made its file, whole.
left() {
    if [ -e out/file ] && cmp -s out/file whole; then rm -rf out/file*; fi
    ls -A out tmp | grep -v -e '^$' -e ':$'
}

# stopped NAME COMMAND...: by a signal at several moments.
stopped() {
    stopped_name=$1
    shift
    run "$@"
    status_is 0 "$stopped_name: ends if it is let"
    rm -f whole
    [ ! -e out/file ] || mv out/file whole
    rm -rf out/*
    for signal in INT TERM; do
        for at in .004 .02 .08; do
            run timeout --preserve-status -s $signal $at "$@"
            case $status in
            0 | 130 | 143) pass ;;
            *) fail "$stopped_name: status after $signal" ;;
            esac
            if [ -z "$(left)" ]; then
                pass
            else
                fail "$stopped_name: stopped by $signal" "leaves $(left)"
                rm -rf out/* tmp/*
            fi
        done
    done
}
stopped pack pare-pack m.h5 -o out/file
stopped unpack pare-unpack p.h5 -o out/file
stopped prune pare-prune -s .5 m.h5 -o out/file
stopped quantize pare-quantize --fp16 m.h5 -o out/file
stopped "quantize to levels" pare-quantize --uniform 4 m.h5 -o out/file
stopped import pare-import m.safetensors -o out/file
stopped "import of an archive" pare-import m.npz -o out/file
for format in safetensors npz anndata; do
    stopped "export $format" pare-export $format m.h5 -o out/file
done
stopped diff pare-diff --all m.h5 p.h5
stopped stats pare-stats m.h5
stopped check pare-check p.h5

# While they wait for more of standard input.
mkfifo pipe
# waits TOOL SIGNAL STATUS
waits() {
    # Both ends are open here, so that nothing ends.
    exec 3<>pipe
    head -c 60000 m.safetensors >&3
    # The words are a command.
    # shellcheck disable=SC2086
    timeout --preserve-status -s "$2" .3 $1 <&3 >"$OUT" 2>"$ERR"
    status=$?
    ran="$1, waiting"
    exec 3>&-
    status_is "$3" "$1: stopped by $2 while it reads"
    ok "$1: nothing stays after $2" [ -z "$(left)" ]
    rm -rf tmp/*
}
for tool in "pare-import -o out/file" "pare-pack -o out/file -" \
    "pare-check -" "pare-stats -"; do
    waits "$tool" TERM 143
done
for signal in HUP QUIT PIPE XCPU BUS; do
    run sh -c "ulimit -c 0; kill -s $signal \$\$"
    waits "pare-import -o out/file" $signal "$status"
done

# A limit of the size of files is an error of the one that is written.
for command in "prune -s .1 m.h5" "import m.npz" "import -"; do
    IN=m.npz
    run_sh "ulimit -f 100; pare $command -o out/file"
    unset IN
    fails_with 1 "$command: no larger file is allowed"
    err_has 'File too large' "$command: which is said"
    ok "$command: nothing stays" [ -z "$(left)" ]
    rm -rf out/* tmp/*
done

# ---- full ----
# each NAME COMMAND...: fails, and leaves the file that was there.
full() {
    full_name=$1
    shift
    cp p.h5 disk/file
    run "$@"
    fails_with 1 "$full_name: no room"
    err_has 'No space left' "$full_name: which is said"
    ok "$full_name: the old file stays" cmp disk/file p.h5
    ok "$full_name: alone" [ "$(ls -A disk)" = file ]
    ok "$full_name: no temporary" [ -z "$(ls -A tmp)" ]
}
mkdir disk
mount -t tmpfs -o size=2700k tmpfs disk 2>/dev/null || finish
trap 'cd /; umount "$SCRATCH/work/disk"; rm -rf "$SCRATCH"' EXIT
full pack pare-pack -1 m.h5 -o disk/file
full unpack pare-unpack p.h5 -o disk/file
full prune pare-prune -s .1 m.h5 -o disk/file
full quantize pare-quantize --fp16 m.h5 -o disk/file
full import pare-import m.safetensors -o disk/file
full "import of an archive" pare-import m.npz -o disk/file
for format in safetensors npz anndata; do
    full "export $format" pare-export $format m.h5 -o disk/file
done
rm disk/file
head -c 2700000 /dev/zero >disk/fill 2>/dev/null
TMPDIR=$PWD/disk
run_sh "cat m.safetensors | pare-import -o out/file"
fails_with 1 "no room for standard input"
ok "no copy of it stays" [ "$(ls -A disk)" = fill ]
ok "and no model" [ -z "$(ls -A out)" ]
TMPDIR=$PWD/tmp
finish
