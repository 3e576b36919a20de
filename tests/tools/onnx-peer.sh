# ONNX Runtime runs what pare runs: opt-in, by PARE_PEER_PYTHON, a Python that
# has onnx and onnxruntime.
. "${0%/*}/lib.sh"

py=${PARE_PEER_PYTHON:-}
[ -n "$py" ] || skip "PARE_PEER_PYTHON names no Python"
"$py" -c 'import onnx, onnxruntime, numpy' 2>/dev/null ||
    skip "$py has no onnxruntime"

run "$py" "$SRC/tests/ref/onnx_peer.py"
status_is 0 "graphs that were made for it"
cat "$OUT"

models=${PARE_MODELS:-$HERE/../../../shared/data/models}
for m in hls4ml/dense_big_keras hls4ml/three_layer_keras \
    hls4ml/two_layer_keras lenet-fyh620/lenet onnx-mnist8/model \
    vnncomp2021/cifar_base_kw vnncomp2021/mnist-net_256x2 \
    vnncomp2021/resnet_2b; do
    [ -r "$models/$m.onnx" ] || continue
    run "$py" "$SRC/tests/ref/onnx_peer.py" "$models/$m.onnx"
    status_is 0 "$m"
    cat "$OUT"
done
finish
