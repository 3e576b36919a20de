#!/usr/bin/env python3
"""ONNX Runtime beside pare: onnx_peer.py [MODEL.onnx...]

Each graph is run by ONNX Runtime; imported and run by pare; exported again,
checked by onnx.checker and run by ONNX Runtime. All three must agree to 1e-5.
Without operands the graphs are those made here. Needs onnx, onnxruntime and numpy, and
the programs of pare and outputs_probe in PATH; works in the current folder.
"""
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(7)
LIMIT = 1e-5


class Graph:
    def __init__(self, shape, out_rank=2, opset=13, batch="n"):
        self.nodes, self.init, self.count = [], [], 0
        self.shape, self.opset, self.batch = shape, opset, batch
        self.out_rank = out_rank

    def const(self, value):
        self.count += 1
        name = f"c{self.count}"
        self.init.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def rand(self, *shape, dtype=np.float32, scale=0.5):
        return self.const((rng.standard_normal(shape) * scale).astype(dtype))

    def pos(self, *shape):
        return self.const(rng.uniform(0.5, 1.5, shape).astype(np.float32))

    def __call__(self, op, *inputs, **attributes):
        self.count += 1
        out = f"v{self.count}"
        self.nodes.append(helper.make_node(op, list(inputs), [out],
                                           **attributes))
        return out

    def bn(self, x, c):
        return self("BatchNormalization", x, self.pos(c), self.rand(c),
                    self.rand(c), self.pos(c), epsilon=1e-3)

    def done(self, out):
        g = helper.make_graph(
            self.nodes, "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT,
                                           [self.batch, *self.shape])],
            [helper.make_tensor_value_info(out, TensorProto.FLOAT,
                                           [None] * self.out_rank)],
            self.init)
        return helper.make_model(
            g, ir_version=8 if self.opset < 20 else 9,
            opset_imports=[helper.make_opsetid("", self.opset)])


def images(opset):
    g = Graph((3, 13, 13), opset=opset)
    x = g("Conv", "x", g.rand(6, 3, 3, 3), g.rand(6), strides=[2, 2],
          auto_pad="SAME_UPPER")
    x = g("Relu", g.bn(x, 6))
    x = g("Conv", x, g.rand(8, 3, 2, 3), group=2, pads=[0, 1, 1, 1],
          dilations=[1, 1])
    x = g("LeakyRelu", x, alpha=0.15)
    if opset >= 10:
        x = g("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    x = g("AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1],
          count_include_pad=1)
    x = g("Flatten", x)
    n = 8 * (16 if opset >= 10 else 49)
    x = g("Gemm", x, g.rand(5, n), g.rand(5), transB=1, alpha=0.5, beta=2.0)
    return g.done(g("LogSoftmax", x, axis=1))


def last_channels():
    g = Graph((6, 5, 3))
    x = g("Transpose", "x", perm=[0, 3, 1, 2])
    x = g("Conv", x, g.rand(4, 3, 3, 3))
    x = g("Transpose", x, perm=[0, 2, 3, 1])
    x = g("Relu", g("Add", x, g.rand(4)))
    x = g("MatMul", x, g.rand(4, 5))
    x = g("Add", x, g.rand(5))
    x = g("Reshape", x, g.const(np.array([-1, 60], np.int64)))
    x = g("Add", g("MatMul", x, g.rand(60, 4)), g.rand(4))
    return g.done(g("Softmax", x, axis=-1))


def by_shape(opset=11):
    g = Graph((2, 4, 5), opset=opset)
    x = g("Conv", "x", g.rand(3, 2, 1, 1), g.rand(3))
    n = g("Gather", g("Shape", x), g.const(np.array(0, np.int64)), axis=0)
    n = g("Unsqueeze", n, axes=[0])
    s = g("Concat", n, g.const(np.array([-1], np.int64)), axis=0)
    x = g("Reshape", x, s)
    return g.done(g("Gemm", x, g.rand(60, 7), g.rand(7)))


def normalised():
    g = Graph((3, 6, 6))
    x = g("Div", "x", g.const(np.float32(255)))
    x = g("Sub", x, g.const(np.array([.4, .5, .6], 'f4').reshape(1, 3, 1, 1)))
    x = g("Div", x, g.const(np.array([.2, .3, .4], 'f4').reshape(3, 1, 1)))
    x = g("Conv", x, g.rand(4, 3, 3, 3))
    x = g("Mul", x, g.pos(4, 1, 1))
    x = g("Sub", g.const(np.float32(1)), g("Tanh", x))
    x = g("GlobalAveragePool", x)
    return g.done(g("Gemm", g("Flatten", x), g.rand(4, 3), g.rand(3)))


def activations(opset):
    g = Graph((10,), opset=opset)
    half, one, root = (g.const(np.float32(v)) for v in (.5, 1, 2 ** .5))

    def linear(x):
        return g("Add", g("MatMul", x, g.rand(10, 10)), g.rand(10))

    def erf(x):
        return g("Add", g("Erf", g("Div", x, root)), one)

    x = linear("x")
    x = linear(g("Mul", g("Mul", x, erf(x)), half))
    x = linear(g("Mul", g("Mul", x, half), erf(x)))
    x = linear(g("Mul", x, g("Mul", erf(x), half)))
    x = linear(g("Mul", x, g("Sigmoid", x)))
    x = linear(g("Mul", g("Sigmoid", x), x))
    x = g("PRelu", x, g.pos(10))
    if opset >= 20:
        x = linear(g("Gelu", x))
    x = g("Dropout", x) if opset < 12 else g("Dropout", x, half)
    return g.done(g("Sigmoid", linear(x)))


def branches():
    g = Graph((2, 8, 8))
    a = g("Relu", g.bn(g("Conv", "x", g.rand(4, 2, 3, 3), pads=[1] * 4), 4))
    b = g("Conv", a, g.rand(4, 4, 3, 3), pads=[1] * 4)
    x = g("Relu", g("Add", b, a))
    x = g("Concat", x, "x", a, x, b, "x", a, b, x, a, axis=1)
    x = g("Slice", x, *(g.const(np.array(v, np.int64)) for v in
                        ([0, 0], [2 ** 40, 2 ** 40], [2, 3], [2, 2])))
    x = g("Pad", x, g.const(np.array([0, 1, 1, 0, 0, 2, 0, 1], np.int64)),
          g.const(np.float32(.25)))
    x = g("PRelu", x, g.pos(39, 1, 1))
    x = g("ReduceMean", x, axes=[2, 3], keepdims=0)
    return g.done(g("Gemm", x, g.rand(39, 3), g.rand(3)))


def quantised():
    g = Graph((2, 6, 6))
    w = g.const(rng.integers(-127, 128, (4, 2, 3, 3)).astype(np.int8))
    w = g("DequantizeLinear", w, g.pos(4), g.const(np.zeros(4, np.int8)),
          axis=0)
    x = g("GlobalMaxPool", g("Conv", "x", w))
    w = g("Cast", g.rand(4, 3, dtype=np.float16), to=TensorProto.FLOAT)
    x = g("MatMul", g("Squeeze", x, g.const(np.array([2, 3], np.int64))), w)
    return g.done(x)


def lengths():
    g = Graph((4, 20))
    x = g("Conv", "x", g.rand(6, 4, 5), g.rand(6), strides=[2], pads=[2, 1])
    x = g("MaxPool", g("Relu", g.bn(x, 6)), kernel_shape=[2])
    x = g("AveragePool", x, kernel_shape=[3], strides=[2], pads=[1, 1])
    return g.done(g("Gemm", g("Flatten", x), g.rand(30, 3), g.rand(3)))


def made():
    yield from ((f"images-{o}", images(o)) for o in (7, 9, 11, 13, 17, 19))
    yield "last-channels", last_channels()
    yield "by-shape", by_shape()
    yield "normalised", normalised()
    yield from ((f"activations-{o}", activations(o)) for o in (9, 13, 20))
    yield "branches", branches()
    yield "quantised", quantised()
    yield "lengths", lengths()


def run(path, x):
    s = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    batch, *shape = s.get_inputs()[0].shape
    name = s.get_inputs()[0].name
    x = x.reshape(-1, *shape)
    if not isinstance(batch, int) or len(x) % batch:
        batch = len(x)
    return np.concatenate([
        s.run(None, {name: x[i:i + batch]})[0].reshape(batch, -1)
        for i in range(0, len(x), batch)])


def compare(path):
    s = onnx.load(path).graph
    shape = [d.dim_value for d in s.input[0].type.tensor_type.shape.dim][1:]
    x = rng.standard_normal([6, *shape]).astype(np.float32)
    theirs = run(path, x)
    said = subprocess.run(["pare-import", path, "-o", "peer.h5"],
                          capture_output=True, text=True)
    if said.returncode or "left out" in said.stderr:
        return said.stderr
    if "channels are the last" in said.stderr:
        x = np.ascontiguousarray(np.moveaxis(x, -1, 1))
    ours = np.frombuffer(subprocess.run(
        ["outputs_probe", "peer.h5"], input=x.tobytes(), check=True,
        capture_output=True).stdout, "f4").reshape(len(x), -1)
    subprocess.check_call(["pare-export", "onnx", "peer.h5", "-o", "out.onnx"])
    onnx.checker.check_model(onnx.load("out.onnx"), full_check=True)
    again = run("out.onnx", x)
    scale = max(1, np.abs(theirs).max())
    worst = max(np.abs(theirs - ours).max(), np.abs(theirs - again).max(),
                np.abs(ours - again).max()) / scale
    print(f"{path}\t{worst:.2g}")
    return "" if worst <= LIMIT else f"differs by {worst:.3g}"


def main():
    paths = sys.argv[1:]
    if not paths:
        for name, m in made():
            onnx.save(m, f"{name}.onnx")
            paths.append(f"{name}.onnx")
    bad = 0
    for path in paths:
        why = compare(path)
        if why:
            bad += 1
            print(f"{path}: {why}")
    sys.exit(bad != 0)


main()
