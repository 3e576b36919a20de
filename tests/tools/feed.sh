# Data files larger than the memory that samples may take: the same bytes.
. "${0%/*}/lib.sh"

# 80,000 samples of 28x28 bytes, 60 MiB, that repeat every 1,009 bytes.
n=80000
awk 'BEGIN { for (i = 0; i < 1009; i++) printf "%c", 1 + i * i % 126 }' >part
i=0
while [ $i -lt 64 ]; do cat part; i=$((i + 1)); done >parts
{
    printf '\0\0\10\3\0\1\70\200\0\0\0\34\0\0\0\34'
    i=0
    while [ $i -lt 1000 ]; do cat parts; i=$((i + 1)); done |
        head -c $((n * 784))
} >x
{
    printf '\0\0\10\1\0\1\70\200'
    awk 'BEGIN { for (i = 0; i < 8000; i++)
        printf "\1\2\3\4\5\6\7\3\5\1" }' | head -c $n
} >y
run pare-data idx x y --val 1000 -S 1 --classes a,b,c,d,e,f,g,h -o data.h5
status_is 0 "a data file of 60 MiB"
run pare-data idx x y --make-split 64,16 -S 1 --classes a,b,c,d,e,f,g,h \
    -o little.h5
status_is 0 "and a little one"

# train DATA OUT [THREADS]
train() {
    run pare-train -q -a 784-8-8 -d "$1" -e 1 -b 256 -S 3 -j "${3:-2}" -o "$2"
}
train data.h5 memory.h5
status_is 0 "training in memory"
PARE_DATA_MEMORY=0
export PARE_DATA_MEMORY
train data.h5 file.h5
status_is 0 "training from the file"
same memory.h5 file.h5 "gives the same model"
train data.h5 file1.h5 1
same memory.h5 file1.h5 "with one thread too"
run pare-eval -d data.h5 --split val file.h5
status_is 0 "evaluating from the file"
mv "$OUT" from-file
run env PARE_DATA_MEMORY=1000000000 pare-eval -d data.h5 --split val file.h5
same "$OUT" from-file "gives the same numbers"
run pare-data info data.h5
out_has '^data.h5	train	-	79000$' "and pare data info counts"

# Convolutions, and images that are changed on the way.
run pare-data idx x y --make-split 64 -S 1 --classes a,b,c,d,e,f,g,h,i,j \
    -o ten.h5
for room in 0 1000000000; do
    run env PARE_DATA_MEMORY=$room pare-train -q -a lenet-5 \
        --augment flip,crop=2 -d ten.h5 -e 1 -b 32 -S 3 -o image$room.h5
    status_is 0 "training on changed images with room for $room bytes"
done
same image0.h5 image1000000000.h5 "gives the same model"

# As little address space as does for the little data, and a half of the
# samples' more: what reads them into memory cannot live in it.
limited() {
    run_sh "ulimit -v $1 && OPENBLAS_NUM_THREADS=1 PARE_DATA_MEMORY=$2 \
        exec pare-train -q -a 784-8-8 -d $3 -e 1 -b 256 -S 3 -j 1 -o limited.h5"
}
least=65536
if ! ldd "$(command -v pare-train)" 2>/dev/null | grep -q 'lib[a-z]*san'; then
    limited $least 0 little.h5
    while [ "$status" -ne 0 ] && [ $least -lt 4194304 ]; do
        least=$((least + 16384 + least / 16))
        limited $least 0 little.h5
    done
    limited $((least + 24576)) 0 data.h5
    status_is 0 "training in less memory than the samples take"
    same memory.h5 limited.h5 "gives the same model"
    limited $((least + 24576)) 1000000000 data.h5
    status_is 1 "in which they cannot be read whole"
    err_has 'memory' "as is said"
fi

run env PARE_DATA_MEMORY=much pare-eval -d data.h5 file.h5
fails_with 1 "the room must be a number"
err_has "PARE_DATA_MEMORY is 'much'" "which is said"

# The file becomes shorter under a run that has begun.
pare-train -q -a 784-8-8 -d data.h5 -e 100000 -b 256 -S 3 -j 1 --log log \
    --log-every 1 -o never.h5 2>"$ERR" &
pid=$!
: >>log
while kill -0 $pid 2>/dev/null && [ "$(wc -l <log)" -lt 3 ]; do sleep 0.1; done
head -c 1000000 data.h5 >cut
cat cut >data.h5
wait $pid
status=$?
ran="truncating data.h5 under pare-train"
status_is 1 "a file that is cut off ends the run"
err_has 'became shorter|was changed' "with a message"
ok "and without a model" test ! -e never.h5

finish
