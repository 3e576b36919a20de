# What users of other tools complain of, and why not here: files that pruning
# leaves as large as they were, masks in files of their own, models that only
# the program that made them can open, and no command line.
. "${0%/*}/lib.sh"
. "$HERE/small.sh"
. "$HERE/pains.sh"

# The optimiser of a trained network makes two thirds of its file.
run pare-train -a 4-200-100-3 -d d.h5 -e 1 -S 1 -o big.h5
status_is 0 "a network of 21,100 weights trains"
dense=$(bytes big.h5)

# ---- "I pruned 90 %, and the file is as large as before" ----
run pare-prune -v -s .9 big.h5 -o p.h5
status_is 0 "nine weights of ten are pruned"
holds "$(bytes p.h5) < $dense / 5" \
    "the pruned file is smaller, with no extra step"
is "$(tr -d , <"$ERR" | awk '/bytes before/ { print $2, $5 }')" \
    "$dense $(bytes p.h5)" \
    "and the bytes before and after are told as they are"
is "$(cell p.h5 total bytes)" "$(bytes p.h5)" "statistics say the same bytes"
run pare-finetune -d d.h5 -e 1 p.h5 -o f.h5
holds "$(bytes f.h5) < $(bytes p.h5) + 1000" "training on does not fill it up"
run pare-rewind -t init f.h5 -o r.h5
holds "$(bytes r.h5) < $(bytes p.h5) + 1000" "rewinding does not fill it up"

# ---- "the .h5 does not shrink, only its .gz does" ----
cp big.h5 in-place.h5
run pare-prune -s .9 in-place.h5 -o in-place.h5
same in-place.h5 p.h5 "a file that is pruned in place shrinks, too"
if have gzip; then
    gzip -9c big.h5 >big.gz
    holds "$(bytes p.h5) < $(bytes big.gz) / 4" "gzip is not what makes it small"
fi
for grain in '-g unit -A layer -f .5' '-g block:4x2 -s .5 --partial' \
    '-g 2:4 --skip fc3' '-g channel --skip fc1 -s .5'; do
    # shellcheck disable=SC2086
    run pare-prune $grain big.h5 -o g.h5
    status_is 0 "pruned with $grain"
    holds "$(bytes g.h5) < .6 * $dense" "the file is smaller: $grain"
done

# ---- "the file got bigger: it holds the mask as well" ----
before=$dense
for s in .05 .1 .2 .3 .5 .7 .9 .98; do
    run pare-prune -q -s $s big.h5 -o s.h5
    holds "$(bytes s.h5) < $before" "mask and weights take less at $s"
    before=$(bytes s.h5)
done

# ---- "where is the sparse format?" ----
kept=$(masks p.h5 | grep -c fc2.weight)
if have h5dump; then
    run h5dump -H -d /layers/fc2/weight.kept p.h5
    out_has "DATASPACE +SIMPLE \{ \( $kept \)" \
        "the file holds the weights that are left, and no others"
    run h5dump -H -d /optimizer/slot0/fc2.weight.kept p.h5
    out_has "DATASPACE +SIMPLE \{ \( $kept \)" "and their optimiser state"
fi
holds "$(cell p.h5 fc2 bytes) == 4 * ($kept + 100) + 2500" \
    "a layer takes 4 bytes a kept value and a bit a weight"
run_sh 'pare-dump p.h5 | pare-load -o again.h5'
same p.h5 again.h5 "nothing of it is lost on the way to text and back"

# ---- "the mask is in a side file that nobody can attach again" ----
mkdir here elsewhere
cd here || exit 99
run_sh 'pare-prune -s .5 ../m.h5 -o p.h5'
is "$(ls)" p.h5 "pruning makes one file"
cd .. || exit 99
cp here/p.h5 elsewhere/renamed
masks here/p.h5 >want.txt
rm -r here
run pare-finetune -d d.h5 -e 1 elsewhere/renamed -o f.h5
status_is 0 "which trains on wherever it was copied to"
masks f.h5 >got.txt
same want.txt got.txt "its mask is in it, with no call to attach it"

# ---- "parameters are renamed and wrapped, so copies and loading break" ----
parts() {
    pare-dump "$1" | awk '/^(tensor|slot|value) / { $NF = ""; print }'
}
parts m.h5 >a
parts elsewhere/renamed >b
same a b "a pruned model has the same tensors, by name and shape"
cp elsewhere/renamed copy.h5
run_sh 'pare-finetune -d d.h5 -e 1 copy.h5 -o 1.h5 &&
    pare-finetune -d d.h5 -e 1 1.h5 -o 2.h5 && pare-check 1.h5 2.h5'
status_is 0 "a copy trains, and its result trains again"
same f.h5 1.h5 "a copy behaves as what it was copied from"

# ---- "the smaller model opens only with the class that made it" ----
pare-prune -q -g unit -A layer -f .5 m.h5 | pare-shrink -q -o elsewhere/s.h5
cd elsewhere || exit 99
for step in 'eval -d ../d.h5 s.h5' 'stats s.h5' 'check s.h5' \
    'prune -s .5 s.h5 -o o.h5' 'finetune -d ../d.h5 -e 1 s.h5 -o o.h5' \
    'rewind -t epoch:2 s.h5 -o o.h5' 'dump s.h5'; do
    # shellcheck disable=SC2086
    run pare $step
    status_is 0 "a model made smaller stands alone: pare $step"
done
cd .. || exit 99
run pare-init -a "$(pare-dump elsewhere/s.h5 | sed -n 's/^arch //p')" -o i.h5
status_is 0 "the architecture in it makes a new network"
is "$(pare-stats i.h5 | cut -f 3)" "$(pare-stats elsewhere/s.h5 | cut -f 3)" \
    "of the same shapes"
if have h5dump; then
    run h5dump -d /layers/fc1/weight elsewhere/s.h5
    status_is 0 "h5dump reads it without pare"
    out_has 'DATASPACE +SIMPLE \{ \( 10, 4 \)' "in its shape, with no mask left"
    out_has 'H5T_IEEE_F32LE' "as plain numbers"
fi

# ---- "there is no command line, and it does not say how sparse it is" ----
run_sh 'pare train -q -a 4-20-3 -d d.h5 -e 1 -S 1 |
    pare prune -v -s .8 | pare finetune -q -d d.h5 -e 1 >job.h5 &&
    pare stats --total job.h5 | cut -f 7'
status_is 0 "train, prune, fine-tune and measure are one line of shell"
err_has 'asked 0\.8000, removed 112 of 140 \(0\.8000\)' "pruning says what it did"
out_has '^0\.8$' "and the sparsity of a file is a question to it"

# ---- "it no longer runs with this year's framework" ----
if have ldd; then
    for tool in pare-train pare-prune pare-eval; do
        run ldd "$(command -v $tool)"
        out_has 'libhdf5' "$tool needs HDF5"
        out_lacks '[Pp]ython|torch|tensorflow|cuda|jax' "and no framework: $tool"
    done
fi
mkdir home
run_sh 'env -i HOME="$PWD/home" PATH="$PATH" \
    LD_LIBRARY_PATH="${LD_LIBRARY_PATH-}" pare-prune -s .5 m.h5 |
    cmp - elsewhere/renamed'
status_is 0 "an empty environment gives the same bytes"
is "$(ls -A home)" '' "and nothing is put into the home directory"

# ---- "what is in this model file?" ----
run pare-stats elsewhere/renamed
out_has '^elsewhere/renamed	fc2	10x20	210	87	87	0\.615	' \
    "a saved model tells its sparsity by layer"
run pare-log elsewhere/renamed
out_has '^# outcome: asked 0\.5000, removed 155 of 310 \(0\.5000\)' \
    "what was asked of it and what was done"
run pare-check elsewhere/renamed
status_is 0 "and that its mask holds"
run pare-prune -s .3 elsewhere/renamed -o o.h5
run pare-log o.h5
out_has '^# outcome: asked 0\.3000, removed 0 of 155 \(0\.5000\)' \
    "a pruning that removed nothing says so in the file"
run pare-prune -v -s .3 elsewhere/renamed -o o.h5
err_has 'removed 0 of 155 .*nothing to do' "and to who asks"

finish
