#!/usr/bin/env python3
"""Print tests/ref/criteria_ref.h: pruning criteria by PyTorch, in double.

    python3 criteria_ref.py > criteria_ref.h

The networks are run by graph_ref.py's plain interpreter, their gradients and
Hessian products are PyTorch's autograd.  With i counting the elements of
tensor t and v = sin(0.37 i + 0.11 t) / 2, values are

    weight, bias, shift   v
    scale                 1 + v
    mean, var             v / 2, 1 + v

and samples and labels those of graph_ref.py.  What is printed of every
score, for each tensor, is its sum, its sum of squares and its product with
cos(0.37 i).
"""

import numpy as np
import torch
import torch.nn.functional as F

import graph_ref

CASES = [
    (7, "in(6) linear(5) relu linear(4) tanh linear(3)"),
    (6, "in(2,6,5) conv2d(4,3,pad=1,bias=no) batchnorm2d r=relu "
        "conv2d(4,3,pad=1) m=batchnorm2d add(m,r) relu maxpool(2) "
        "conv2d(6,2,groups=2) relu linear(3)"),
    (5, "in(3,9) conv1d(4,3,stride=2,pad=1) batchnorm silu "
        "conv1d(3,2,dilation=2) relu linear(8) batchnorm gelu linear(3)"),
]
TENSORS = 16


def build(samples, text):
    net = graph_ref.Net(text)
    x, _ = graph_ref.data(samples, net.shape, 2)
    classes = net.outputs(x, False)[-1].shape[1]
    x, y = graph_ref.data(samples, net.shape, classes)
    for (_, kind, *_), own in zip(net.layers, net.own):
        if kind.startswith("batchnorm"):
            for k, base in ((2, 0.0), (3, 1.0)):
                t = next(i for i, v in enumerate(net.tensors) if v is own[k])
                i = np.arange(own[k].numel())
                v = np.sin(0.37 * i + 0.11 * t) / 2
                v = base + (v / 2 if k == 2 else v)
                own[k].data = torch.tensor(
                    v.astype(np.float32).astype(np.float64))
    return net, x, y


def parts(net):
    """Tensor numbers of the weights and biases of each layer with weights."""
    out, at = [], 0
    for i, ((_, kind, *_), own) in enumerate(zip(net.layers, net.own)):
        if kind in ("linear", "conv1d", "conv2d"):
            out.append((i, list(range(at, at + len(own)))))
        at += len(own)
    return out


def all_parts(net):
    return [t for _, own in parts(net) for t in own]


def loss_of(net, x, y, temperature=1.0):
    return F.cross_entropy(net.outputs(x, False)[-1] / temperature, y)


def gradients(net, loss, create=False):
    ts = all_parts(net)
    return dict(zip(ts, torch.autograd.grad(
        loss, [net.tensors[t] for t in ts], create_graph=create)))


def per_sample(net, x, y):
    return [gradients(net, loss_of(net, x[s:s + 1], y[s:s + 1]))
            for s in range(len(y))]


def weights_only(net, scores):
    return {t: v for t, v in scores.items() if net.tensors[t].dim() > 1}


def gradient(net, x, y):
    g = gradients(net, loss_of(net, x, y))
    return {t: (net.tensors[t] * g[t]).abs() for t in g}


def taylor(net, x, y):
    each = per_sample(net, x, y)
    return {t: sum((net.tensors[t] * g[t]).abs() for g in each) / len(y)
            for t in each[0]}


def fisher(net, x, y):
    each = per_sample(net, x, y)
    return {t: sum((net.tensors[t] * g[t]) ** 2 for g in each) / 2 / len(y)
            for t in each[0]}


def normalized(net, scores):
    """Each layer's scores over their norm."""
    out = {}
    for _, own in parts(net):
        own = [t for t in own if t in scores]
        norm = torch.sqrt(sum((scores[t] ** 2).sum() for t in own))
        out.update({t: scores[t] / norm for t in own})
    return out


def taylor_normalized(net, x, y):
    return normalized(net, taylor(net, x, y))


def unit_sums(net, x, y):
    """[sample] of {weight tensor: [units]}: sum of z dL/dz over a unit's
    outputs z, which must be that of w g over its weights and bias."""
    found = []
    for s in range(len(y)):
        outs = net.outputs(x[s:s + 1], False)
        loss = F.cross_entropy(outs[-1], y[s:s + 1])
        g = gradients(net, loss_of(net, x[s:s + 1], y[s:s + 1]))
        sums = {}
        for layer, own in parts(net):
            z = outs[layer]
            dz, = torch.autograd.grad(loss, z, retain_graph=True)
            sums[own[0]] = (z * dz)[0].flatten(1).sum(1) if z.dim() > 2 \
                else (z * dz)[0]
            w = sum((net.tensors[t] * g[t]).flatten(1).sum(1)
                    if net.tensors[t].dim() > 1 else net.tensors[t] * g[t]
                    for t in own)
            assert torch.allclose(w, sums[own[0]], atol=1e-14)
        found.append(sums)
    return found


def units_taylor(net, x, y):
    each = unit_sums(net, x, y)
    return {t: sum(u[t].abs() for u in each) / len(y) for t in each[0]}


def units_taylor_normalized(net, x, y):
    return normalized(net, units_taylor(net, x, y))


def units_fisher(net, x, y):
    each = unit_sums(net, x, y)
    return {t: sum(u[t] ** 2 for u in each) / 2 / len(y) for t in each[0]}


def snip(net, x, y):
    s = weights_only(net, gradient(net, x, y))
    total = sum(v.sum() for v in s.values())
    return {t: v / total for t, v in s.items()}


def grasp(net, x, y, temperature=200.0, mask=lambda t, v: v):
    """The Hessian's product with the gradient by double backward."""
    ts = [t for t in all_parts(net) if net.tensors[t].dim() > 1]
    w = [net.tensors[t] for t in ts]
    g = torch.autograd.grad(loss_of(net, x, y, temperature), w,
                            create_graph=True)
    along = sum((mask(t, a.detach()) * a).sum() for t, a in zip(ts, g))
    return {t: v * h for t, v, h in zip(ts, w, torch.autograd.grad(along, w))}


def grasp_cool(net, x, y):
    return grasp(net, x, y, 2.0)


def thin(_, v):
    """Without every third weight."""
    keep = torch.arange(v.numel()).reshape(v.shape) % 3 > 0
    return v * keep


def grasp_thin(net, x, y):
    for t in all_parts(net):
        if net.tensors[t].dim() > 1:
            net.tensors[t].data = thin(t, net.tensors[t].data)
    return grasp(net, x, y, mask=thin)


STRAIGHT = ("tanh", "sigmoid", "silu", "gelu", "srelu", "softmax",
            "log-softmax")


def synflow(net, x, _, bias=True):
    flow = graph_ref.Net.__new__(graph_ref.Net)
    flow.shape = net.shape
    flow.layers = [(n, "identity" if k in STRAIGHT else k, p, o, s)
                   for n, k, p, o, s in net.layers]
    flow.own = [[v.detach().abs().requires_grad_(v.requires_grad)
                 for v in own] for own in net.own]
    flow.tensors = [v for own in flow.own for v in own]
    for (_, kind, *_), own in zip(flow.layers, flow.own):
        added = own[1:3] if kind.startswith("batchnorm") else own[1:]
        for v in added if not bias else []:
            v.data.zero_()
    total = flow.outputs(torch.ones_like(x[:1]), False)[-1].sum()
    return {t: (flow.tensors[t] * g).abs()
            for t, g in gradients(flow, total).items()}


def synflow_paths(net, x, y):
    return weights_only(net, synflow(net, x, y, False))


def inputs_of(net, x):
    """Input of each layer with weights."""
    outs = net.outputs(x, False)
    names = {l[0]: v for l, v in zip(net.layers, outs)}
    names["in"] = x
    return [(names[net.layers[i][4][0]], i, own) for i, own in parts(net)]


def columns(net, i, x):
    """[sample, group, row of a weight, position], by hand."""
    _, kind, pos, opt, _ = net.layers[i]
    if kind == "linear":
        return x.flatten(1)[:, None, :, None]
    if kind == "conv1d":
        x = x[:, :, None]
        kernel, get = (1, int(pos[1])), lambda k, d: (d, int(opt.get(k, d)))
        pad = (0, int(opt.get("pad", 0)))
    else:
        kernel = graph_ref.pair(pos[1])
        get = lambda k, d: graph_ref.pair(opt.get(k, str(d)))
        pad = graph_ref.pair(opt.get("pad", "0"))
    col = F.unfold(x, kernel, get("dilation", 1), pad, get("stride", 1))
    groups = int(opt.get("groups", 1))
    return col.reshape(len(x), groups, -1, col.shape[-1])


def per_unit(net, own, of_rows):
    """of_rows [group, row] as the shape of the weight."""
    w = net.tensors[own[0]]
    groups = of_rows.shape[0]
    return of_rows.repeat_interleave(len(w) // groups, 0).reshape(w.shape)


def wanda(net, x, _):
    s = {}
    for v, i, own in inputs_of(net, x):
        col = columns(net, i, v)
        norm = torch.sqrt((col ** 2).sum((0, 3)))
        s[own[0]] = net.tensors[own[0]].abs() * per_unit(net, own, norm)
        ones = float(len(x) * col.shape[3]) ** 0.5
        s.update({t: net.tensors[t].abs() * ones for t in own[1:]})
    return s


def wanda_rows(net, x, y):
    """Places in the order of each row; of all biases."""
    s = {}
    for t, v in wanda(net, x, y).items():
        rows = v.detach().reshape(len(v) if v.dim() > 1 else 1, -1).numpy()
        place = np.empty(rows.shape)
        for row, own in zip(rows, place):
            own[np.argsort(row, kind="stable")] = np.arange(1, len(row) + 1)
        s[t] = torch.tensor(place / rows.shape[1])
    return s


def activation(net, x, _):
    s = {}
    for v, i, own in inputs_of(net, x):
        w = net.tensors[own[0]]
        v = v.flatten(1) if w.dim() == 2 else v
        norm = v.mean(0).flatten(1).abs().mean(1) if v.dim() > 2 \
            else v.mean(0).abs()
        per, groups = w.shape[1], len(norm) // w.shape[1]
        of = norm.reshape(groups, per).repeat_interleave(len(w) // groups, 0)
        s[own[0]] = w.abs() * of.reshape(list(of.shape) + [1] * (w.dim() - 2))
        s.update({t: net.tensors[t].abs() * norm.mean() for t in own[1:]})
    return s


# Where the outputs of the layers with weights are looked at, by hand: the
# layer itself, or a later one by its number.
BEHIND = [[1, 3, 4], [2, 4, 9, 10], [2, 4, 7, 8]]


def behind(net, x):
    outs = net.outputs(x, False)
    case = [t for _, t in CASES].index(net.text)
    for (i, own), at in zip(parts(net), BEHIND[case]):
        units = len(net.tensors[own[0]])
        yield own[0], outs[at].reshape(len(x), units, -1)


def units_activation(net, x, _):
    return {t: (v > 0).double().mean((0, 2)) for t, v in behind(net, x)}


def units_activation_mean(net, x, _):
    return {t: v.abs().mean((0, 2)) for t, v in behind(net, x)}


def lamp(net, *_):
    s = {}
    for t in all_parts(net):
        w2 = (net.tensors[t].detach() ** 2).flatten().numpy()
        order = sorted(range(len(w2)), key=lambda i: (w2[i], i))
        out, rest = np.zeros(len(w2)), 0.0
        for i in reversed(order):
            rest += w2[i]
            out[i] = w2[i] / rest
        s[t] = torch.tensor(out)
    return s


def units_geometric_median(net, *_):
    s = {}
    for _, own in parts(net):
        w = net.tensors[own[0]].detach().flatten(1)
        s[own[0]] = torch.stack([(w - f).norm(dim=1).sum() for f in w])
    return s


WEIGHTS = [gradient, taylor, taylor_normalized, snip, grasp, grasp_cool,
           grasp_thin, synflow, synflow_paths, wanda, wanda_rows, activation,
           fisher, lamp]
UNITS = [units_taylor, units_taylor_normalized, units_activation,
         units_activation_mean, units_fisher, units_geometric_median]
SPEC = {taylor_normalized: "taylor,normalize", synflow: "synflow,rounds=1",
        synflow_paths: "synflow,bias=no", wanda_rows: "wanda,rows",
        grasp_cool: "grasp,temperature=2", grasp_thin: "grasp",
        units_taylor_normalized: "taylor,normalize",
        units_activation_mean: "activation,mean",
        units_geometric_median: "geometric-median"}


def check(v):
    v = v.detach().flatten().numpy()
    return v.sum(), (v * v).sum(), (v * np.cos(0.37 * np.arange(len(v)))).sum()


def main():
    print("/* Printed by criteria_ref.py with PyTorch %s. */"
          % torch.__version__.split("+")[0])
    print("enum { REF_TENSORS = %d, REF_CASES = %d };\n"
          % (TENSORS, len(CASES)))
    print("static const struct {\n    int samples;\n    const char *arch;\n"
          "} ref_case[] = {")
    for samples, text in CASES:
        print("    {%d,\n     %s}," % (samples, graph_ref.quoted(text)))
    print("};\n\nstatic const struct criteria_ref {\n    int net;\n"
          "    const char *spec;\n    bool units, bias;\n"
          "    bool thin; /* every third weight is masked */\n"
          "    /* Sum, sum of squares, product with cos(0.37 i). */\n"
          "    double tensor[REF_TENSORS][3];\n} criteria_ref[] = {")
    for k, (samples, text) in enumerate(CASES):
        for f in WEIGHTS + UNITS:
            net, x, y = build(samples, text)
            net.text = text
            assert len(net.tensors) <= TENSORS
            s = f(net, x, y)
            spec = SPEC.get(f, f.__name__.replace("units_", ""))
            print('    {%d, "%s", %s, %s, %s, {' % (
                k, spec, "true" if f in UNITS else "false",
                "true" if any(net.tensors[t].dim() == 1 for t in s)
                else "false", "true" if f is grasp_thin else "false"))
            for t in sorted(s):
                print("      [%d] = {%s}," % (
                    t, ", ".join("%.17g" % c for c in check(s[t]))))
            print("    }},")
    print("};")


if __name__ == "__main__":
    main()
