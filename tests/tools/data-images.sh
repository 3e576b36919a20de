# pare data images: class folders, and what is found in such folders.
. "${0%/*}/lib.sh"

# put KIND WIDTH HEIGHT VALUE FILE: an image, in folders that it needs.
put() {
    mkdir -p "${5%/*}"
    image_probe "$1" "$2" "$3" "$4" >"$5" || exit 99
}

# pixels_are FILE SPLIT TEXT NAME: all values, in order.
pixels_are() {
    have h5dump || return 0
    run_sh "h5dump -d /$2/x -y -w 0 $1 | sed -n '/DATA {/,/}/p' |
        grep -v '[{}]' | tr -s ' \n' ' '"
    out_is " $3 " "$4"
}

# ---- folders ----

put rgb 2 1 20 a/b/1.png
put rgb 2 1 10 a/b/0.PNG
put rgb 2 1 30 a/C/x
put rgb 2 1 40 'a/two words/é.png'
run pare-data images a -o a.h5
status_is 0 "a data file of class folders"
out_is "" "silence is success"
err_is "" "on both streams"
value_is a.h5 shape - 3x1x2 "images have channels, height, width"
value_is a.h5 type - uint8 "and bytes"
value_is a.h5 train - 4 "all are in train"
value_is a.h5 val - 0 "and none elsewhere"
value_is a.h5 classes - 3 "folders are classes"
value_is a.h5 train b 2 "with their names"
value_is a.h5 train 'two words' 1 "whatever these are"
pixels_are a.h5 train "30, 30, 40, 40, 50, 50, 10, 10, 20, 20, 30, 30, 20, 20, \
30, 30, 40, 40, 40, 40, 50, 50, 60, 60" \
    "samples are in the order of the bytes of their names"
run pare-data images a -j 1 -o a1.h5
same a.h5 a1.h5 "threads make no difference"
run_sh "pare-data images a/ -o - >a1.h5"
same a.h5 a1.h5 "nor does standard output or a slash"

put rgb 2 1 50 s/train/b/1.png
put rgb 2 1 60 s/train/a/1.png
put rgb 2 1 70 s/test/b/1.png
put rgb 2 1 80 s/test/new/1.png
run pare-data images s -o s.h5
status_is 0 "folders of splits"
value_is s.h5 train - 2 "are training samples"
value_is s.h5 test - 2 "and test samples"
value_is s.h5 classes - 3 "of all classes there are"
err_has 'warning: 1 of 3 classes are not in train' "which need not be in train"
run pare-data images s --val 1 -S 1 -o v.h5
value_is v.h5 val - 1 "validation samples are taken from train"

run pare-data images a s -o as.h5
status_is 0 "two directories"
value_is as.h5 train - 6 "are put together"
value_is as.h5 train b 3 "class by class"
value_is as.h5 classes - 5 "with the classes of both"
run pare-data images s/train s/test --make-split 3,1 -S 2 -o m.h5
status_is 0 "splits that are made"
value_is m.h5 test - 0 "of what is there"
value_is m.h5 val - 1 "at random"
value_is m.h5 origin - "pare data images --make-split 3,1 --normalize unit --seed 2" \
    "and recorded"

ln -s a/b linked
mkdir ln && ln -s ../a/b ln/b && ln -s ../a/C ln/C
run pare-data images ln -o ln.h5
status_is 0 "links to folders are followed"
value_is ln.h5 train - 3 "to all that is in them"

# ---- pixels ----

put grey 2 2 9 g/a/0.png
put jpeg-grey 2 2 200 g/b/1.jpg
run pare-data images g -o g.h5
value_is g.h5 shape - 1x2x2 "grey images have one channel"
pixels_are g.h5 train "9, 9, 9, 9, 200, 200, 200, 200" "of bytes"
run pare-data images g --channels 3 -o g3.h5
value_is g3.h5 shape - 3x2x2 "or three, if asked"
pixels_are g3.h5 train "9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 200, 200, 200, \
200, 200, 200, 200, 200, 200, 200, 200, 200" "all the same"
put rgba 2 2 0 g/c/2.png
run pare-data images g -o g.h5
pixels_are g.h5 train "9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 200, 200, 200, \
200, 200, 200, 200, 200, 200, 200, 200, 200, 255, 255, 0, 0, 255, 255, 10, 10, \
255, 255, 20, 20" "one in colour makes all of them three"
run pare-data images g --channels 1 -o g.h5
pixels_are g.h5 train "9, 9, 9, 9, 200, 200, 200, 200, 255, 255, 8, 8" \
    "and colour can become grey"
put palette 2 2 0 k/a/0.png
put jpeg-cmyk 2 2 100 k/a/1.jpg
run pare-data images k -o k.h5
value_is k.h5 shape - 3x2x2 "palettes and inks are colours"

put rgb 4 2 100 z/a/0.png
put rgba 2 4 0 z/a/1.png
run pare-data images z --size 2 --channels 1 -o z.h5
status_is 0 "images of two sizes"
value_is z.h5 shape - 1x2x2 "become one"
pixels_are z.h5 train "108, 108, 108, 108, 255, 255, 8, 8" "stretched"
run pare-data images z --size 1x2 --channels 1 -o z.h5
value_is z.h5 shape - 1x1x2 "the height comes first"
pixels_are z.h5 train "108, 108, 132, 132" "and shrinking takes the mean"
run pare-data images z --size 1x2 --fit crop --channels 1 -o z.h5
pixels_are z.h5 train "108, 108, 255, 255" "or the middle is cut out"
value_is z.h5 origin - \
    "pare data images --size 1x2 --fit crop --channels 1 --normalize unit" \
    "the options are recorded"

# ---- what is not an image ----

cp -R a w
head -c 40 a/b/0.PNG >w/b/2.png
image_probe jpeg 20 20 3 | head -c 300 >w/C/broken.jpg
echo text >w/C/README.txt
: >w/C/empty.png
mkdir w/C/inner
ln -s loop w/C/loop
ln -s nowhere w/C/gone
mkfifo w/C/fifo
: >w/C/.DS_Store
: >w/C/Thumbs.db
: >w/LICENSE
name=$(printf 'new\nline\033[2J.png')
: >"w/b/$name"
run pare-data images w -o w.h5
status_is 0 "broken files are left out"
err_is "pare-data images: warning: 9 of 13 files could not be read; -v names them" \
    "and counted"
same a.h5 w.h5 "the others are as if alone"
run pare-data images w -v -o w.h5
err_has "'w/b/2.png': damaged PNG: the file is cut off" "-v names cut files"
err_has "'w/C/broken.jpg': damaged JPEG" "also of JPEG"
err_has "'w/C/README.txt': not a JPEG or PNG image" "other files"
err_has "'w/C/empty.png': an empty file" "empty files"
err_has "'w/C/inner': a folder within a class folder" "folders"
err_has "'w/C/fifo': not a regular file" "pipes"
err_has "'w/C/loop': Too many levels" "loops"
err_has "'w/C/gone': No such file" "links to nowhere"
err_has "'w/b/new\?line\?\[2J.png': an empty file" "names that are no text"
err_has "'w/LICENSE': ignored, not in a class folder" "and what is elsewhere"
cp "$ERR" j2
run pare-data images w -v -j 1 -o w.h5
ok "in the same order at any number of threads" cmp "$ERR" j2

if [ "$(id -u)" -ne 0 ]; then
    cp -R a closed
    chmod 0 closed/b/1.png
    run pare-data images closed -v -o c.h5
    err_has "'closed/b/1.png': Permission denied" "closed files are named"
fi

cp -R a e
mkdir e/none
run pare-data images e -o e.h5
status_is 0 "a class without an image"
err_has "warning: class 'none' has no image" "is told"
value_is e.h5 classes - 4 "and stays a class"
mkdir one && cp -R a/b one
run pare-data images one -o one.h5
status_is 0 "one class alone"
err_has 'warning: there is only one class' "is told"

# ---- what is refused ----

# bad PATTERN STATUS ARGS...: refused with this message, nothing written.
bad() {
    pattern=$1 want=$2
    shift 2
    rm -f bad.h5
    run pare-data images "$@" -o bad.h5
    fails_with "$want" "$*"
    err_has "$pattern" "$* says why"
    ok "$* writes nothing" test ! -e bad.h5
}
mkdir void flat onlyempty onlyempty/a rot rot/a
cp a/b/1.png flat
echo text >rot/a/1.png
put rgb 2 1 5 valid/train/a/1.png
put rgb 2 1 5 valid/validation/a/1.png
put rgb 2 1 5 mixed/train/a/1.png
put rgb 2 1 5 mixed/dog/1.png
mkdir -p "line/$name" && cp a/b/1.png "line/$name"
put rgb 1 1 5 huge/a/0.png
{
    head -c 16 huge/a/0.png
    printf '\0\0\165\60\0\0\165\60'
    tail -c +25 huge/a/0.png
} >huge/a/1.png

bad 'missing operand' 2
bad '1 or 3' 2 a --channels 2
bad 'whole number in 1..3' 2 a --channels 4
bad 'HEIGHT or HEIGHTxWIDTH' 2 a --size 0
bad 'HEIGHT or HEIGHTxWIDTH' 2 a --size 10x
bad 'HEIGHT or HEIGHTxWIDTH' 2 a --size 10x10x10
bad 'HEIGHT or HEIGHTxWIDTH' 2 a --size 99999
bad 'stretch or crop' 2 a --size 2 --fit pad
bad 'is for --size' 2 a --fit crop
bad "'nowhere': No such file" 1 nowhere
bad "'a/b/1.png': Not a directory" 1 a/b/1.png
bad "no class folder in 'void'\$" 1 void
bad "no class folder in 'flat': its files must be in folders, one a class" 1 flat
bad "there is no file in any folder" 1 onlyempty
bad "not a JPEG or PNG image; there is no image" 1 rot
bad "'validation': the folders of splits are called train, val and test" 1 valid
bad "'mixed/dog': a folder beside those of the splits" 1 mixed
bad "not one line of text" 1 line
bad "'z/a/1.png' has 4x2 pixels, 'z/a/0.png' has 2x4" 1 z
bad "is in a split already" 1 s --make-split .5,.5
bad "README.txt.: not a JPEG.*9 of 13 files could not be read" 1 w --strict
bad "class 'none' has no image" 1 e --strict
run pare-data images huge --size 1 -v -o h.h5
status_is 0 "a claim of 30,000 pixels a side"
err_has "30000 pixels wide and 30000 high, more than" "is told and left out"

finish
