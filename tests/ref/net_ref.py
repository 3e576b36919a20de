#!/usr/bin/env python3
"""Print tests/ref/net_ref.h: small networks run and trained by PyTorch.

    python3 net_ref.py > net_ref.h

Weights, inputs and labels come from formulas that tests/test_net_reference.c
shares.  With i counting the elements of tensor t (layer order; weight, bias;
or scale, shift, mean, var):

    weight, bias, shift   sin(0.37 i + 0.11 t) / 2
    scale                 1 + sin(0.37 i + 0.11 t) / 2
    mean, var             0, 1
    x[s][f]               sin(0.7 s + 1.3 f + 0.05 s f + 0.2)
    y[s]                  (5 s + s // 4) mod classes

(No bias before batch norm: its gradient is nothing but rounding, which Adam
would blow up.)  All rounded to float32 once, then computed in float64.
"""

import numpy as np
import torch
import torch.nn.functional as F

CASES = [
    # samples, inputs, loss, layers
    (10, 5, "cross-entropy", ["linear(7)", "relu", "linear(3)"]),
    (10, 5, "cross-entropy", ["linear(6)", "leaky-relu(0.1)", "linear(6)",
                              "tanh", "linear(3)"]),
    (10, 5, "mse", ["linear(6)", "sigmoid", "linear(3)"]),
    (10, 5, "cross-entropy", ["linear(6,bias=no)", "batchnorm", "relu",
                              "linear(3)"]),
    (9, 5, "cross-entropy", ["linear(6)", "tanh", "linear(3)", "softmax"]),
    (1, 5, "nll", ["linear(8,bias=no)", "relu", "linear(3,bias=no)",
                   "log-softmax"]),
    (10, 5, "cross-entropy", ["linear(6)", "dropout(0)", "relu",
                              "linear(3)", "tanh"]),
    (100, 20, "cross-entropy", ["linear(33)", "relu", "linear(17,bias=no)",
                                "batchnorm(eps=0.001,momentum=0.3)",
                                "tanh", "linear(4)"]),
]
STEPS = 10
LAYERS = 6
TENSORS = 10


def build(inputs, layers):
    """The modules and the flat list of tensors in pare's order."""
    mods, tensors, n = [], [], inputs
    for text in layers:
        kind, _, args = text.rstrip(")").partition("(")
        args = [a for a in args.split(",") if a]
        opt = dict(a.split("=") for a in args if "=" in a)
        if kind == "linear":
            m = torch.nn.Linear(n, int(args[0]),
                                bias=opt.get("bias") != "no")
            n = int(args[0])
            own = [m.weight] + ([m.bias] if m.bias is not None else [])
        elif kind == "batchnorm":
            m = torch.nn.BatchNorm1d(n, eps=float(opt.get("eps", 1e-5)),
                                     momentum=float(opt.get("momentum", .1)))
            own = [m.weight, m.bias, m.running_mean, m.running_var]
        else:
            m = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh,
                 "sigmoid": torch.nn.Sigmoid,
                 "softmax": lambda: torch.nn.Softmax(1),
                 "log-softmax": lambda: torch.nn.LogSoftmax(1),
                 "leaky-relu": lambda: torch.nn.LeakyReLU(float(args[0])),
                 "dropout": lambda: torch.nn.Dropout(float(args[0]))}[kind]()
            own = []
        mods.append(m.double())
        if kind == "batchnorm":  # .double() replaced the buffers
            own = [m.weight, m.bias, m.running_mean, m.running_var]
        for k, p in enumerate(own):
            t, i = len(tensors), np.arange(p.numel())
            v = np.sin(0.37 * i + 0.11 * t) / 2
            if kind == "batchnorm":
                v = [1 + v, v, 0 * v, 0 * v + 1][k]
            v = v.astype(np.float32).astype(np.float64).reshape(p.shape)
            with torch.no_grad():
                p.copy_(torch.tensor(v))
            tensors.append(p)
    return torch.nn.Sequential(*mods), tensors, n


def loss_of(name, z, y):
    if name == "mse":
        return F.mse_loss(z, F.one_hot(y, z.shape[1]).double())
    return {"cross-entropy": F.cross_entropy, "nll": F.nll_loss}[name](z, y)


def data(samples, inputs, classes):
    s, f = np.meshgrid(np.arange(samples), np.arange(inputs), indexing="ij")
    x = np.sin(0.7 * s + 1.3 * f + 0.05 * s * f + 0.2).astype(np.float32)
    y = [(5 * k + k // 4) % classes for k in range(samples)]
    return torch.tensor(x.astype(np.float64)), torch.tensor(y)


def number(v):
    return "%.9g" % v


def rows(values, indent):
    out = [", ".join(number(v) for v in values[i:i + 5])
           for i in range(0, len(values), 5)]
    return (",\n" + " " * indent).join(out)


def train(case, make):
    samples, inputs, loss, layers = case
    net, tensors, classes = build(inputs, layers)
    x, y = data(samples, inputs, classes)
    opt = make(net.parameters())
    net.train()
    losses = []
    for _ in range(STEPS):
        opt.zero_grad()
        l = loss_of(loss, net(x), y)
        l.backward()
        opt.step()
        losses.append(l.item())
    net.eval()
    last = loss_of(loss, net(x), y).item()
    sums = [p.detach().sum().item() for p in tensors]
    squares = [(p.detach() ** 2).sum().item() for p in tensors]
    print("         {{%s},\n          %s,\n          {%s},\n          {%s}},"
          % (rows(losses, 11), number(last), rows(sums, 11),
             rows(squares, 11)))


print("/* Printed by net_ref.py with PyTorch %s. */"
      % torch.__version__.split("+")[0])
print("enum { REF_STEPS = %d, REF_LAYERS = %d, REF_TENSORS = %d };\n"
      % (STEPS, LAYERS, TENSORS))
print("""/* A training run: 0 is SGD, 1 is Adam, as in net_ref.py. */
struct net_run_ref {
    double loss[REF_STEPS]; /* before each step, in training mode */
    double last;            /* after the last, in evaluation mode */
    double sum[REF_TENSORS], square[REF_TENSORS];
};

static const struct net_ref {
    int samples, inputs;
    const char *loss;
    const char *layer[REF_LAYERS];
    /* Sum and sum of squares of what each layer gives to all samples, in
     * evaluation mode, before training. */
    double sum[REF_LAYERS], square[REF_LAYERS];
    struct net_run_ref run[2];
} net_ref[] = {""")
for case in CASES:
    samples, inputs, loss, layers = case
    net, tensors, classes = build(inputs, layers)
    assert len(tensors) <= TENSORS and len(layers) <= LAYERS
    x, _ = data(samples, inputs, classes)
    net.eval()
    sums, squares = [], []
    for m in net:
        x = m(x)
        sums.append(x.sum().item())
        squares.append((x ** 2).sum().item())
    print('    {%d,\n     %d,\n     "%s",' % (samples, inputs, loss))
    print("     {%s}," % ",\n      ".join('"%s"' % t for t in layers))
    print("     {%s},\n     {%s},\n     {" % (rows(sums, 6),
                                              rows(squares, 6)))
    train(case, lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9,
                                          weight_decay=0.01))
    train(case, lambda p: torch.optim.Adam(p, lr=0.01))
    print("     }},")
print("};")
