#!/usr/bin/env python3
"""Print tests/ref/graph_ref.h: small graphs over images run by PyTorch.

    python3 graph_ref.py > graph_ref.h

Between them the networks hold every layer over images and every option.
Weights, inputs and labels come from formulas that test_graph_reference.c
shares.  With i counting the elements of tensor t (layer order), and
v = sin(0.37 i + 0.11 t) / 2:

    weight, bias, shift   v
    scale                 1 + v
    mean, var             0, 1
    tl, al, tr, ar        v - 0.6, 0.3 + v / 2, v + 0.6, 1 + v
    x[s][f]               sin(0.7 s + 1.3 f + 0.05 s f + 0.2)
    y[s]                  (5 s + s // 4) mod classes

All rounded to float32 once, then computed in float64.  The features of x, f,
are in order channels, height, width.
"""

import re

import numpy as np
import torch
import torch.nn.functional as F

WIDE = ("in(2,7,6) conv2d(4,3,pad=1,bias=no) batchnorm2d relu maxpool(2) "
        "conv2d(6,3x2,stride=2x1,pad=1x0) silu flatten linear(3)")
CASES = [
    # samples, network; every layer that is named again has a name
    (5, WIDE),
    (70, WIDE),
    (10, "in(4,9,8) conv2d(6,3,dilation=2x1,groups=2) gelu "
         "avgpool(3,stride=2,pad=1,count-pad=no) "
         "conv2d(4,1x2,groups=2,bias=no) batchnorm2d(eps=0.001,momentum=0.3) "
         "tanh avgpool(2x1,stride=1,pad=1x0) linear(3)"),
    (12, "in(3,8,8) conv2d(6,3,pad=1,bias=no) batchnorm2d r=relu "
         "conv2d(6,3,pad=1,groups=6,bias=no) m=batchnorm2d add(m,r) relu "
         "maxpool(3,stride=2,pad=1) conv2d(8,3,stride=2,pad=1) sigmoid "
         "globalavgpool linear(4)"),
    (9, "in(2,6,6) conv2d(4,3,pad=1) r=relu p=conv2d(3,1) "
        "r -> conv2d(3,5x3,pad=2x1) q=silu in -> z=avgpool(3,stride=1,pad=1) "
        "concat(p,q,z,r) conv2d(4,3,bias=no) batchnorm2d globalavgpool "
        "flatten linear(3)"),
    (1, "in(4,8,8) conv2d(8,3,stride=2,pad=1,bias=no) n=batchnorm2d "
        "in -> avgpool(1,stride=2) s=pad(front=2,back=2) add(n,s,n) "
        "leaky-relu(0.1) globalavgpool linear(3)"),
    (20, "in(3,20) conv1d(6,5,stride=2,pad=2,groups=3,bias=no) batchnorm "
         "srelu maxpool(3,stride=1,pad=1) conv1d(4,3,dilation=2) gelu "
         "avgpool(2) identity pad(left=1,right=2,front=1,value=0.25) "
         "globalavgpool linear(3)"),
    (33, "in(2,5,5) conv2d(4,3) srelu dropout(0) "
         "pad(top=1,left=2,right=1,back=1,value=0.5) conv2d(3,2,bias=no) "
         "batchnorm2d srelu a=linear(6) srelu b=linear(6) add(a,b) "
         "linear(3)"),
]
STEPS = 10
LAYERS = 14
TENSORS = 26


def pair(text):
    h, _, w = text.partition("x")
    return int(h), int(w or h)


def parse(text):
    """Input shape, and layers (name, kind, positional, options, sources)."""
    words = text.split()
    shape = [int(n) for n in words[0][3:-1].split(",")]
    layers, source = [], None
    for i, word in enumerate(words[1:], 1):
        if word == "->":
            continue
        if words[i + 1:i + 2] == ["->"]:
            source = word
            continue
        name, kind, args = re.fullmatch(
            r"(?:(\w+)=)?([\w-]+)(?:\((.*)\))?", word).groups()
        args = args.split(",") if args else []
        opt = dict(a.split("=") for a in args if "=" in a)
        pos = [a for a in args if "=" not in a]
        before = layers[-1][0] if layers else "in"
        sources = pos if kind in ("add", "concat") else [source or before]
        layers.append((name or "#%d" % len(layers), kind, pos, opt, sources))
        source = None
    return shape, layers


def shapes_of(kind, pos, opt, x):
    """Suffixes and shapes of a layer's tensors, in pare's order."""
    channels = x.shape[1]
    if kind == "linear":
        own = [("weight", (int(pos[0]), x[0].numel())),
               ("bias", (int(pos[0]),))]
    elif kind in ("conv1d", "conv2d"):
        kernel = pair(pos[1]) if kind == "conv2d" else (int(pos[1]),)
        own = [("weight", (int(pos[0]),
                           channels // int(opt.get("groups", 1))) + kernel),
               ("bias", (int(pos[0]),))]
    elif kind.startswith("batchnorm"):
        own = [(s, (channels,)) for s in ("scale", "shift", "mean", "var")]
    elif kind == "srelu":
        own = [(s, (channels,)) for s in ("tl", "al", "tr", "ar")]
    else:
        own = []
    return own[:1] if opt.get("bias") == "no" else own


def start(suffix, shape, t):
    i = np.arange(int(np.prod(shape)))
    v = np.sin(0.37 * i + 0.11 * t) / 2
    v = {"scale": 1 + v, "mean": 0 * v, "var": 0 * v + 1, "tl": v - 0.6,
         "al": 0.3 + v / 2, "tr": v + 0.6, "ar": 1 + v}.get(suffix, v)
    v = v.astype(np.float32).astype(np.float64).reshape(shape)
    return torch.tensor(v, requires_grad=suffix not in ("mean", "var"))


def window(pos, opt, flat):
    """Kernel, stride and pad of a pool."""
    def get(text):
        return pair(text)[1:] if flat else pair(text)
    kernel = get(pos[0])
    stride = get(opt["stride"]) if "stride" in opt else kernel
    return kernel, stride, get(opt.get("pad", "0"))


def pool(kind, pos, opt, x):
    flat = x.dim() == 3
    kernel, stride, margin = window(pos, opt, flat)
    if kind == "maxpool":
        return (F.max_pool1d if flat else F.max_pool2d)(
            x, kernel, stride, margin)
    return (F.avg_pool1d if flat else F.avg_pool2d)(
        x, kernel, stride, margin,
        count_include_pad=opt.get("count-pad") != "no")


def conv(kind, opt, own, x):
    bias, groups = own[1] if len(own) > 1 else None, int(opt.get("groups", 1))
    get = pair if kind == "conv2d" else int
    return (F.conv2d if kind == "conv2d" else F.conv1d)(
        x, own[0], bias, get(opt.get("stride", "1")), get(opt.get("pad", "0")),
        get(opt.get("dilation", "1")), groups)


def srelu(own, x):
    tl, al, tr, ar = [p.reshape([1, -1] + [1] * (x.dim() - 2)) for p in own]
    low = torch.where(x <= tl, tl + al * (x - tl), x)
    return torch.where(x >= tr, tr + ar * (x - tr), low)


def border(opt, x):
    n = [int(opt.get(k, 0)) for k in ("left", "right", "top", "bottom",
                                      "front", "back")]
    if x.dim() == 3:
        n = n[:2] + n[4:]
    return F.pad(x, n, value=float(opt.get("value", 0)))


def layer(kind, pos, opt, own, inputs, training):
    x = inputs[0]
    if kind == "linear":
        return F.linear(x.flatten(1), *own)
    if kind in ("conv1d", "conv2d"):
        return conv(kind, opt, own, x)
    if kind in ("maxpool", "avgpool"):
        return pool(kind, pos, opt, x)
    if kind.startswith("batchnorm"):
        return F.batch_norm(x, own[2], own[3], own[0], own[1], training,
                            float(opt.get("momentum", 0.1)),
                            float(opt.get("eps", 1e-5)))
    simple = {"relu": F.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
              "silu": F.silu, "gelu": F.gelu, "identity": lambda v: v,
              "flatten": lambda v: v.flatten(1), "dropout": lambda v: v,
              "globalavgpool": lambda v: v.mean(
                  tuple(range(2, v.dim())), keepdim=True),
              "leaky-relu": lambda v: F.leaky_relu(v, float(pos[0]))}
    if kind in simple:
        return simple[kind](x)
    if kind == "srelu":
        return srelu(own, x)
    if kind == "pad":
        return border(opt, x)
    return sum(inputs) if kind == "add" else torch.cat(inputs, 1)


class Net:
    def __init__(self, text):
        self.shape, self.layers = parse(text)
        self.own, self.tensors = None, []

    def outputs(self, x, training):
        """What every layer gives; the tensors are made on the way, once."""
        at, fresh = {"in": x}, self.own is None
        self.own = [] if fresh else self.own
        for i, (name, kind, pos, opt, sources) in enumerate(self.layers):
            inputs = [at[s] for s in sources]
            if fresh:
                own = [start(s, shape, len(self.tensors) + k)
                       for k, (s, shape)
                       in enumerate(shapes_of(kind, pos, opt, inputs[0]))]
                self.own.append(own)
                self.tensors += own
            at[name] = layer(kind, pos, opt, self.own[i], inputs, training)
        return [at[l[0]] for l in self.layers]


def data(samples, shape, classes):
    s, f = np.meshgrid(np.arange(samples), np.arange(int(np.prod(shape))),
                       indexing="ij")
    x = np.sin(0.7 * s + 1.3 * f + 0.05 * s * f + 0.2).astype(np.float32)
    y = [(5 * k + k // 4) % classes for k in range(samples)]
    return (torch.tensor(x.astype(np.float64)).reshape([samples] + shape),
            torch.tensor(y))


def rows(values, indent):
    values = ["%.9g" % v for v in values]
    out = [", ".join(values[i:i + 5]) for i in range(0, len(values), 5)]
    return (",\n" + " " * indent).join(out)


def sums(values):
    return ([v.detach().sum().item() for v in values],
            [(v.detach() ** 2).sum().item() for v in values])


def train(net, x, y):
    opt = torch.optim.SGD([t for t in net.tensors if t.requires_grad],
                          lr=0.005, momentum=0.9, weight_decay=0.01)
    losses = []
    for _ in range(STEPS):
        opt.zero_grad()
        loss = F.cross_entropy(net.outputs(x, True)[-1], y)
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return losses, F.cross_entropy(net.outputs(x, False)[-1], y).item()


def quoted(text):
    """The network as string literals, a few layers each."""
    words, lines = text.split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) > 55:
            lines.append("")
        lines[-1] += word + " "
    lines[-1] = lines[-1].rstrip()
    return "\n     ".join('"%s"' % line for line in lines)


def main():
    print("/* Printed by graph_ref.py with PyTorch %s. */"
          % torch.__version__.split("+")[0])
    print("enum { REF_STEPS = %d, REF_LAYERS = %d, REF_TENSORS = %d };\n"
          % (STEPS, LAYERS, TENSORS))
    print("""static const struct graph_ref {
    int samples;
    const char *arch;
    /* Sum and sum of squares of what each layer gives to all samples, in
     * evaluation mode, before training. */
    double sum[REF_LAYERS], square[REF_LAYERS];
    double loss[REF_STEPS]; /* before each step, in training mode */
    double last;            /* after the last, in evaluation mode */
    double tensor_sum[REF_TENSORS], tensor_square[REF_TENSORS];
} graph_ref[] = {""")
    for samples, text in CASES:
        net = Net(text)
        x, _ = data(samples, net.shape, 2)
        out = net.outputs(x, False)
        x, y = data(samples, net.shape, out[-1].shape[1])
        assert len(out) <= LAYERS and len(net.tensors) <= TENSORS
        print("    {%d,\n     %s," % (samples, quoted(text)))
        for values in sums(out):
            print("     {%s}," % rows(values, 6))
        losses, last = train(net, x, y)
        print("     {%s},\n     %.9g," % (rows(losses, 6), last))
        print("     {%s},\n     {%s}}," % tuple(rows(v, 6)
                                               for v in sums(net.tensors)))
    print("};")


if __name__ == "__main__":
    main()
