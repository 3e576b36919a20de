#!/bin/sh
# A full disk, and a writer that is killed: the old file stays.
. "${0%/*}/lib.sh"

# ---- killed at any moment ----
ok "a model" pare-init -a 700-400-10 -S 1 -o old.h5
ok "another" pare-prune -s 0.3 old.h5 -o new.h5
cp old.h5 model.h5
i=0
torn=0
while [ "$i" -lt 50 ]; do
    pare-prune -s 0.3 old.h5 -o model.h5 2>/dev/null &
    pid=$!
    # From before the first byte to after the last.
    sleep "0.0$((i % 10))"
    kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    cmp -s model.h5 old.h5 || cmp -s model.h5 new.h5 || torn=$((torn + 1))
    [ "$(ls | grep -c 'pare-tmp')" -le 1 ] || torn=$((torn + 1))
    [ $((i % 5)) -ne 4 ] || cp old.h5 model.h5
    i=$((i + 1))
done
ran="pare-prune, killed 50 times"
ok "a killed run leaves the old file or the new one" [ "$torn" -eq 0 ]
: >model.h5.pare-tmp
run pare-prune -s 0.3 old.h5 -o model.h5
status_is 0 "the next run succeeds"
same model.h5 new.h5 "and writes the model"
ok "what a killed run left is gone" [ ! -e model.h5.pare-tmp ]

# ---- full ----
mkdir disk
mount -t tmpfs -o size=1536k tmpfs disk 2>/dev/null ||
    { [ "$failed" -eq 0 ] || finish; skip "no tmpfs without privileges"; }
trap 'cd /; umount "$SCRATCH/work/disk"; rm -rf "$SCRATCH"' EXIT
cp old.h5 disk/model.h5
run pare-prune -s 0.3 old.h5 -o disk/model.h5
fails_with 1 "a full disk is an error"
err_has 'No space left' "which says so"
same disk/model.h5 old.h5 "and leaves the old file"
ok "and no temporary" [ ! -e disk/model.h5.pare-tmp ]
run pare-train -q -a 4-3 -d missing.h5 -o disk/t.h5
ok "nor does a run that fails before" [ ! -e disk/t.h5.pare-tmp ]
dd if=/dev/zero of=disk/fill bs=65536 count=64 2>/dev/null
run pare-init -a 784-300-10 -S 1 -o disk/new.h5
fails_with 1 "a disk with no byte left is an error"
ok "and no file is begun" [ ! -e disk/new.h5 ]
finish
