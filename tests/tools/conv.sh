#!/bin/sh
# Models of convolutions through the tools that need no data.
. "${0%/*}/lib.sh"

net='in(3,8,8) c=conv2d(8,3,pad=1,bias=no) batchnorm2d relu
     d=conv2d(8,3x1,pad=1x0,groups=2) srelu e=add(relu1,srelu1) maxpool(2)
     e -> maxpool(3,2,1) concat(pool1,pool2) f=linear(4)'
run pare-init -a "$net" -S 1 -o a.h5
status_is 0 "a graph of convolutions becomes a model"
run pare-check a.h5
status_is 0 "which is sound"
run_sh 'pare-dump a.h5 | grep "^tensor" | cut -d" " -f2-'
out_has '^c.weight 8 3 3 3' "filters are out by in by height by width"
out_has '^d.weight 8 4 3 1' "and read the channels of their group"
out_has '^f.weight 4 256' "linear layers take images as they lie"
run_sh 'pare-dump a.h5 | sed -n "/^tensor srelu1.tl/,/^tensor f.weight/p"'
out_has '0x1.99999ap-3' "an srelu starts as a leaky ReLU"

run pare-stats a.h5
out_has '^a.h5	c	8x3x3x3	216	.*	13824	13824	1	1	' \
    "multiply-adds are weights times pixels"
out_has '^a.h5	d	8x4x3x1	104	.*	6144	6144	1	1	' "in groups too"

run pare-prune -v -s 0.5 a.h5 -o b.h5
err_has 'removed 668 of 1,336' "half of the weights can go"
run pare-prune -q -g unit -n 3 b.h5 -o c.h5
status_is 0 "filters are units"
run_sh 'pare-stats c.h5 | awk -F"\t" "/total/ { print \$9 }"'
out_is 3 "three of them are dead"
run pare-check a.h5 b.h5 c.h5
status_is 0 "the pruned models are sound"
run_sh 'pare-dump c.h5 >c.txt && pare-load c.txt -o again.h5'
status_is 0 "the text twin is read back"
same c.h5 again.h5 "to the bit"
run pare-rewind -t init c.h5 -o r.h5
status_is 0 "rewinding keeps the mask"
run pare-diff c.h5 r.h5
status_is 0 "and gives the first weights under it"

run_sh 'pare-init -a "in(4,20) conv1d(6,3,groups=2) batchnorm globalavgpool
        linear(2)" -S 1 | pare-prune -q -s .5 | pare-stats -'
out_has '^-	conv1	6x2x3	' "convolutions over a length have three dimensions"

run pare-init -a 'in(3,4,4) conv2d(8,7)'
fails_with 2 "a kernel that is larger than the image"
err_has "conv2d 'conv1': kernel 7x7 is larger than the padded input 4x4" \
    "is told with both"
run pare-init -a resnet-20 -S 1 -o r20.h5
run pare-stats --total r20.h5
out_has '^r20.h5	total	-	269722	' "resnet-20 has its parameters"
finish
