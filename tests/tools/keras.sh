# Models to Keras and back, and real ones where they are.
. "${0%/*}/lib.sh"

pare-init -a 'in(2,6,6) conv2d(4,3) batchnorm2d relu maxpool(2)
    flatten linear(6) relu linear(3)' -S 1 -o m.h5
run pare-export keras m.h5 -o m.keras.h5
status_is 0 "a network goes out to Keras"
run pare-import m.keras.h5 -o back.h5
status_is 0 "and comes back"
run pare-diff m.h5 back.h5
out_has '^total	215	215	215	0	0	0	0$' "with the same weights"
run_sh 'pare-export keras m.h5 | pare-import | pare-check'
status_is 0 "also through pipes"
run_sh 'pare-import <m.keras.h5 | cmp - back.h5'
status_is 0 "with the same bytes"
run pare-export keras back.h5 -o again.keras.h5
same m.keras.h5 again.keras.h5 "what came back goes out the same"
run pare-import m.h5
fails_with 1 "a file of pare"
err_has 'nothing to import' "is none of Keras"

# Zeros and masks.
pare-prune -q -s .5 m.h5 -o half.h5
pare-export keras half.h5 -o half.keras.h5
run pare-import half.keras.h5 -o zeros.h5
run pare-stats --total zeros.h5
run_sh "pare-stats --total zeros.h5 | cut -f 7 | tail -n 1"
out_is 0 "zeros are not a mask"
run pare-import --zeros-pruned half.keras.h5 -o masked.h5
run_sh "pare-stats --total masked.h5 | cut -f 7 | tail -n 1"
out_is 0.5 "unless it is asked for"

# A softmax at the end.
for last in softmax log-softmax; do
    pare-init -a "in(4) linear(6) relu linear(3) $last" -S 1 -o soft.h5
    pare-export keras soft.h5 -o soft.keras.h5
    run pare-import --logits soft.keras.h5 -o logits.h5
    status_is 0 "$last is left out"
    err_is '' "as was asked for"
    run_sh 'pare-dump logits.h5 | grep "^arch "'
    out_has 'linear[(]3[)]$' "of the architecture"
    run pare-check logits.h5
    status_is 0 "what stays is a model"
    run_sh 'pare-log logits.h5'
    out_has '--logits' "that tells of it"
    run_sh 'pare-init -a "in(4) linear(6) relu linear(3)" -S 1 |
        pare-diff - logits.h5'
    status_is 0 "with all weights"
done
pare-init -a "in(4) linear(6) relu linear(3) softmax" -S 1 -o soft.h5
pare-export keras soft.h5 -o soft.keras.h5
run pare-import soft.keras.h5 -o soft.h5
err_has 'ends in a softmax.*--logits' "one that stays is warned of"
run pare-import --logits m.keras.h5 -o logits.h5
status_is 0 "where there is no softmax"
err_has 'nothing was left out' "none is left out"
run pare-import --logits -a 4-6-3 soft.keras.h5
fails_with 2 "another architecture and --logits"
pare-export npz soft.h5 -o soft.npz
run pare-import --logits soft.npz
fails_with 1 "no architecture and --logits"

run pare-import --graph no.json half.keras.h5
fails_with 1 "a graph that is not there"
run pare-import --graph half.h5 half.keras.h5
fails_with 1 "a graph that is no JSON"
err_has "'half.h5' is no JSON" "is named"
cat >one.json <<'END'
{"class_name": "Sequential", "config": {"layers": [
    {"class_name": "Dense", "config": {"name": "fc1", "units": 6,
        "batch_input_shape": [null, 4], "activation": "relu"}}]}}
END
pare-init -a 'in(4) linear(6)' -S 1 | pare-export keras -o one.keras.h5
run pare-import --graph one.json one.keras.h5 -o one.h5
status_is 0 "a graph of all layers"
pare-init -a 'in(4) linear(6) relu linear(3)' -S 1 |
    pare-export keras -o two.keras.h5
run pare-import --graph one.json two.keras.h5 -o two.h5
fails_with 1 "a graph that lacks a layer with weights"
err_has "layer 'fc2' has weights" "which is named"
run pare-import --graph half.json -a 2-2 half.keras.h5
fails_with 2 "a graph and an architecture"
for n in 0 100 800 2000 4000; do
    head -c $n m.keras.h5 >cut.h5
    run pare-import cut.h5
    fails_with 1 "a file cut at $n bytes"
done
run pare-init -a 'in(4) srelu linear(2)' -S 1 -o srelu.h5
run pare-export keras srelu.h5 -o srelu.keras.h5
fails_with 1 "a layer that Keras has not"
ok "nothing is written" test ! -e srelu.keras.h5

models=${PARE_MODELS:-$HERE/../../../shared/data/models}
if [ -d "$models/keras-h5" ]; then
    for model in keras-h5/c3nz_mnist.h5 keras-pruned/alper_original_model.h5 \
        keras-pruned/alper_pruned_model.h5; do
        run pare-import --normalize unit "$models/$model" -o real.h5
        status_is 0 "$model comes in"
        run pare-check real.h5
        status_is 0 "and is valid"
    done
    run pare-import --graph "$models/hls4ml/KERAS_3layer.json" \
        "$models/hls4ml/KERAS_3layer_weights.h5" -o real.h5
    status_is 0 "weights and a graph that lie apart"
    run pare-import "$models/hls4ml/qkeras-v3_3layer.keras" -o real.h5
    err_has "QDense" "a layer that is not known is named"
    run pare-stats real.h5
    status_is 0 "and the weights are there"
else
    printf '%s\n' "SKIP: no models of Keras here"
fi
finish
