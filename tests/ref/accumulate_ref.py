#!/usr/bin/env python3
"""Print tests/ref/accumulate_ref.h: scores gathered in training, by PyTorch.

    python3 accumulate_ref.py > accumulate_ref.h

The run is the beginning of that of train_ref.py, with every third weight of the first layer
pruned.  Movement: minus the sum over steps of weight times gradient of the
mean loss, before the update and without weight decay.  Coactivations: samples
of all steps whose input and unit are both above 0, a unit being what comes
out of the batch norm and activation after its linear layer.  float64.
"""

import contextlib
import io
import math

import torch
import torch.nn.functional as F

with contextlib.redirect_stdout(io.StringIO()):
    from net_ref import build, data, number
    from train_ref import (BATCH, EPOCHS, INPUTS, LAYERS, LR, TRAIN, VAL,
                           WARMUP, permutation)

net, tensors, classes = build(INPUTS, LAYERS)
x, y = data(TRAIN + VAL, INPUTS, classes)
linear = [m for m in net if isinstance(m, torch.nn.Linear)]
mask = torch.ones(linear[0].weight.numel(), dtype=torch.float64)
mask[::3] = 0
mask = mask.view_as(linear[0].weight)
linear[0].weight.data.mul_(mask)

seen = {}
for i, m in enumerate(net):
    m.register_forward_hook(
        lambda mod, a, b, i=i: seen.__setitem__(i, (a[0].detach(),
                                                    b.detach())))
# Number of the linear module, and of the module that its units come out of.
ends, kinds = [], [type(m).__name__ for m in net]
for i, k in enumerate(kinds):
    if k == "Linear":
        end = i
        while end + 1 < len(kinds) and kinds[end + 1] != "Linear":
            end += 1
        ends.append((i, end))

opt = torch.optim.SGD(net.parameters(), lr=LR, momentum=0.9, nesterov=True,
                      weight_decay=0.01)
RUN, EARLY = 2, 2  # epochs and steps: the rounding of float32 grows fast
steps = -(-TRAIN // BATCH)
move = [torch.zeros_like(m.weight.data) for m in linear]
both = [torch.zeros(m.weight.shape, dtype=torch.int64) for m in linear]
nearest = 1.0
net.train()
for s in range(RUN * steps):
    epoch, k = divmod(s, steps)
    lr = LR * (1 + math.cos(math.pi * s / (EPOCHS * steps))) / 2
    lr *= min(1, (s + 1) / (WARMUP * steps))
    opt.param_groups[0]["lr"] = lr
    batch = permutation(TRAIN, epoch)[k * BATCH:(k + 1) * BATCH]
    loss = F.cross_entropy(net(x[batch]), y[batch])
    opt.zero_grad()
    loss.backward()
    linear[0].weight.grad.mul_(mask)
    for j, (at, end) in enumerate(ends):
        a, b = seen[at][0], seen[end][1]
        both[j] += (b > 0).long().T @ (a > 0).long()
        move[j] -= net[at].weight.grad * net[at].weight.data
        for v in (a, b):
            if (v != 0).any():
                nearest = min(nearest, v[v != 0].abs().min().item())
    if s + 1 == EARLY:
        early = [m.clone() for m in move]
    opt.step()
    linear[0].weight.data.mul_(mask)

assert nearest > 1e-5, nearest  # float32 must see the same signs
n = max(m.numel() for m in move)
print("/* Printed by accumulate_ref.py with PyTorch %s. */"
      % torch.__version__.split("+")[0])
print("enum { ACC_LINEAR = %d, ACC_MOST = %d, ACC_EPOCHS = %d,\n"
      "       ACC_EARLY = %d };" % (len(linear), n, RUN, EARLY))
print("\n/* After ACC_EARLY steps, and at the end. */")
print("static const double accumulate_ref_move[2][ACC_LINEAR][ACC_MOST] = {")
for some in early, move:
    print("    {")
    for m in some:
        print("        {%s}," % ",\n         ".join(number(v) for v in
                                                  m.flatten().tolist()))
    print("    },")
print("};\n\nstatic const int accumulate_ref_both[ACC_LINEAR][ACC_MOST] = {")
for m in both:
    print("    {%s}," % ",\n     ".join(str(v) for v in
                                        m.flatten().tolist()))
print("};")
