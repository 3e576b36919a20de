"""Both digests of a model file, from the words of pare-model(5) alone.

Prints digest_ref.h for models without dropout or convolutions; needs h5py,
numpy and xxhash.  test_digest.c makes the same models, the second with scores,
curves and undo points, the others with tensors of 16 bits and of levels, and
writes them when files are named:

    test_digest rich.h5 extra.h5 levels.h5 scales.h5
    python digest_ref.py rich.h5 extra.h5 levels.h5 scales.h5 > digest_ref.h
"""

import struct
import sys

import h5py
import numpy as np
import xxhash

TENSORS = {"linear": ("weight", "bias"),
           "batchnorm": ("scale", "shift", "mean", "var")}
RUNNING = ("mean", "var")


def u64(x):
    return struct.pack("<Q", int(x))


def f64(x):
    return struct.pack("<d", float(x))


def text(s):
    s = s if isinstance(s, bytes) else s.encode()
    return u64(len(s)) + s


def values(v):
    v = np.asarray(v, "<f4").ravel()
    out = [u64(v.size)]
    for first in range(0, v.size, 64):
        block = v[first:first + 64]
        some = block != 0
        if some.any():
            bits = sum(1 << j for j in np.flatnonzero(some).tolist())
            out += [u64(first // 64), u64(bits), block[some].tobytes()]
    return b"".join(out) + u64(2**64 - 1)


def mask_bytes(mask):
    if mask is None:
        return u64(0)
    out = [u64(1)]
    for first in range(0, mask.size, 64):
        bits = sum(1 << j
                   for j in np.flatnonzero(mask[first:first + 64]).tolist())
        if bits:
            out += [u64(first // 64), u64(bits)]
    return b"".join(out) + u64(2**64 - 1)


def dataset_text(f, name):
    return f[name][:].tobytes() if name in f else b""


def spread(kept, mask):
    v = np.zeros(mask.size, "<f4")
    v[mask] = kept[:]
    return v


def read_mask(group, name, n):
    if name + ".index" in group:
        mask = np.zeros(n, bool)
        mask[group[name + ".index"][:]] = True
        return mask
    if name + ".mask" in group:
        return np.unpackbits(group[name + ".mask"][:],
                             bitorder="little")[:n].astype(bool)
    return None


def word(attribute):
    return attribute.decode() if isinstance(attribute, bytes) else attribute


def numbers(dataset):
    """Their type and the numbers as float32."""
    v = dataset[:]
    if v.dtype == np.uint16:
        assert word(dataset.attrs["dtype"]) == "bfloat16"
        return "bfloat16", (v.astype("<u4") << 16).view("<f4")
    return v.dtype.name, v.astype("<f4")


class Tensor:
    def __init__(self, f, layer, suffix):
        group = f["layers"][layer]
        self.name = layer + "." + suffix
        self.trained = suffix not in RUNNING
        self.mask = None
        self.quant, self.book, self.scale = "none", [], []
        name = next(name for name in (suffix, suffix + ".kept",
                                      suffix + ".codes") if name in group)
        data = group[name]
        self.shape = data.shape
        if name.endswith(".kept") or read_mask(group, suffix, 1) is not None:
            self.shape = tuple(int(d) for d in data.attrs["shape"].split())
            self.mask = read_mask(group, suffix, int(np.prod(self.shape)))
        if name.endswith(".codes"):
            kept = self.decode(group, suffix, data)
        else:
            self.dtype, kept = numbers(data)
        self.value = kept.ravel() if self.mask is None else spread(kept,
                                                                   self.mask)

    def decode(self, group, suffix, data):
        """Values of codes: one for each, or for each that is kept."""
        self.quant = word(data.attrs["quant"])
        if self.quant != "int8":
            self.dtype, self.book = numbers(group[suffix + ".book"])
            return self.book[data[:].ravel()]
        self.dtype, self.scale = numbers(group[suffix + ".scale"])
        size = int(np.prod(self.shape))
        where = np.arange(size) if self.mask is None else np.flatnonzero(
            self.mask)
        rows = where // (size // self.shape[0]) * (self.scale.size > 1)
        return data[:].ravel().astype("<f4") * self.scale[rows]

    def own_mask(self, group):
        """Of an undo point."""
        return read_mask(group, self.name, int(np.prod(self.shape)))

    def read(self, group, mask=None):
        if self.name in group:
            return group[self.name][:].ravel()
        return spread(group[self.name + ".kept"],
                      self.mask if mask is None else mask)

    def shape_bytes(self):
        return (text(self.name) + u64(len(self.shape))
                + b"".join(map(u64, self.shape)))


def optim(f, path, lines, tensors, masks=None):
    spec, step, slots = (next(lines)[1] for _ in range(3))
    out = text(spec) + u64(step) + u64(slots)
    for k in range(int(slots)):
        group = f[f"{path}/slot{k}"]
        out += b"".join(values(t.read(group, masks and masks[i]))
                        for i, t in enumerate(tensors) if t.trained)
    return out


def find_tensors(f):
    found = []
    for layer in dataset_text(f, "arch").decode().split()[1:]:
        name, kind = layer.split("=")
        for suffix in TENSORS.get(kind.split("(")[0], ()):
            if name in f["layers"]:
                found.append(Tensor(f, name, suffix))
    return found


def input_bytes(f):
    group = f["input"]
    out = f64(group["scale"][()])
    n = group["mean"].size if "mean" in group else 0
    out += u64(n)
    if n:
        out += values(group["mean"][:]) + values(group["std"][:])
    out += u64(group.attrs["classes"])
    for name in dataset_text(f, "input/class_names").split(b"\n")[:-1]:
        out += text(name)
    return out


def history_bytes(f):
    rows = dataset_text(f, "history").decode().splitlines()[1:]
    out = u64(len(rows))
    for row in rows:
        epoch, step, *rest = row.split("\t")
        out += u64(epoch) + u64(step)
        out += b"".join(f64("-1e300" if x == "nan" else x) for x in rest)
    return out


def training_bytes(lines):
    real = ("lr", "weight_decay", "sum_loss")
    words = ("loss", "schedule", "select", "augment")
    out, key = b"", ""
    while key != "sum_samples":
        key, value = next(lines)
        out += (f64(value) if key in real else
                text(value) if key in words else u64(value))
    return out


def checkpoints_bytes(f, lines, tensors):
    out, n = b"", 0
    for _, name in lines:
        kind = next(lines)[1]
        masks = None
        out += text(name)
        out += b"".join(u64(next(lines)[1]) for _ in range(4))
        out += u64({"none": 0, "stored": 1, "whole": 2}[kind])
        if kind != "none":
            group = f["checkpoints"][name]
            if kind == "whole":
                masks = [t.own_mask(group) for t in tensors]
            out += b"".join(values(t.read(group, masks and masks[i]))
                            for i, t in enumerate(tensors))
            out += b"".join(map(mask_bytes, masks or ()))
        out += optim(f, f"checkpoints/{name}/optimizer", lines, tensors, masks)
        n += 1
    return u64(n) + out


def scores_bytes(f, tensors):
    if "scores" not in f:
        return b""
    out = text("scores") + u64(len(f["scores"]))
    for name in sorted(f["scores"]):
        group = f["scores"][name]
        out += text(name) + u64(group.attrs["count"])
        for t in tensors:
            there = t.name in group or t.name + ".kept" in group
            out += u64(there) + (values(t.read(group)) if there else b"")
    return out


def curves_bytes(f, tensors):
    if "curves" not in f:
        return b""
    out = text("curves") + u64(len(f["curves"]))
    for layer in dict.fromkeys(t.name.split(".")[0] for t in tensors):
        if layer in f["curves"]:
            rows = f["curves"][layer][:]
            out += text(layer) + u64(len(rows))
            out += b"".join(f64(-1e300 if x != x else x) for x in rows.flat)
    return out


def levels_bytes(tensors):
    if all(t.dtype == "float32" and t.quant == "none" for t in tensors):
        return b""
    return text("levels") + b"".join(
        text(t.dtype) + text(t.quant) + values(t.book) + values(t.scale)
        for t in tensors)


def digests(f):
    tensors = find_tensors(f)
    weights = xxhash.xxh3_128_hexdigest(
        b"".join(t.shape_bytes() + values(t.value) for t in tensors))
    lines = iter([tuple(line.split("=", 1)) for line in
                  dataset_text(f, "training").decode().splitlines()])
    spec, seed, first = (next(lines)[1] for _ in range(3))
    training = training_bytes(lines)
    state = (text(dataset_text(f, "arch")) + input_bytes(f) + text(weights)
             + b"".join(mask_bytes(t.mask) for t in tensors)
             + optim(f, "optimizer", lines, tensors) + training
             + text(spec) + u64(seed) + text(first)
             + checkpoints_bytes(f, lines, tensors) + history_bytes(f)
             + scores_bytes(f, tensors) + curves_bytes(f, tensors)
             + levels_bytes(tensors))
    return weights, xxhash.xxh3_128_hexdigest(state)


print("/* Made by digest_ref.py; do not edit. */")
for which, path in zip(("ref", "extra", "levels", "scales"), sys.argv[1:]):
    with h5py.File(path) as model:
        w, s = digests(model)
    print(f'static const char {which}_weights[] = "{w}";')
    print(f'static const char {which}_state[] = "{s}";')
