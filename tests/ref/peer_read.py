#!/usr/bin/env python3
"""Read a file with the library of its own format and count its numbers.

    python3 peer_read.py safetensors|keras|npz|onnx FILE

prints how many numbers the weights and biases are, and how many of them are
0. An ONNX file must also load in ONNX Runtime.
"""
import sys

import numpy as np


def arrays(kind, path):
    if kind == "safetensors":
        from safetensors.numpy import load_file
        return load_file(path).values()
    if kind == "npz":
        return dict(np.load(path)).values()
    if kind == "onnx":
        import onnx
        import onnxruntime
        from onnx import numpy_helper
        onnxruntime.InferenceSession(path)
        graph = onnx.load(path).graph
        return [numpy_helper.to_array(t) for t in graph.initializer
                if t.data_type == onnx.TensorProto.FLOAT]
    import h5py
    found = []
    with h5py.File(path) as f:
        f["model_weights"].visititems(
            lambda name, o: found.append(o[()])
            if isinstance(o, h5py.Dataset) and "/.norm/" not in name else None)
    return found


values = [np.asarray(a) for a in arrays(sys.argv[1], sys.argv[2])]
print(sum(v.size for v in values if v.ndim > 1),
      sum(int((v == 0).sum()) for v in values if v.ndim > 1))
