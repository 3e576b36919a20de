#!/usr/bin/env python3
"""Print tests/ref/numenta_ref.h: a masked run with dense momentum, by PyTorch.

    python3 numenta_ref.py > numenta_ref.h

The optimiser sees the whole gradient, and weights alone are multiplied by
their masks after each step.  After step 4 the masks change, as a rewiring
changes them: the momentum of a weight that comes then is the one that it has
gathered under the mask.  First weights, inputs and labels are those of
tests/net_case.h; all samples are one batch; float64.
"""

import torch
import torch.nn.functional as F

IN, HIDDEN, OUT, SAMPLES, STEPS = 6, 8, 5, 12, 8
LR, MOMENTUM, DECAY = 0.1, 0.9, 1e-4
torch.set_default_dtype(torch.float64)


def first(t, shape, scale=False):
    i = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    v = torch.sin(0.37 * i + 0.11 * t) / 2
    return (1 + v if scale else v).float().double().reshape(shape)


def masks(turn):
    fc1 = (torch.arange(HIDDEN * IN) * 7 + turn) % 5 < 2
    fc2 = (torch.arange(OUT * HIDDEN) * 7 + 3 * turn) % 5 < 2
    return fc1.reshape(HIDDEN, IN), fc2.reshape(OUT, HIDDEN)


s = torch.arange(SAMPLES).double()[:, None]
f = torch.arange(IN).double()[None, :]
x = torch.sin(0.7 * s + 1.3 * f + 0.05 * s * f + 0.2).float().double()
label = torch.arange(SAMPLES)
y = (5 * label + label // 4) % OUT

net = torch.nn.Sequential(torch.nn.Linear(IN, HIDDEN),
                          torch.nn.BatchNorm1d(HIDDEN), torch.nn.ReLU(),
                          torch.nn.Linear(HIDDEN, OUT))
# Tensors of pare: fc1 0 1, bn1 2 3 (running 4 5), fc2 6 7.
values = [first(0, (HIDDEN, IN)), first(1, (HIDDEN,)),
          first(2, (HIDDEN,), True), first(3, (HIDDEN,)),
          first(6, (OUT, HIDDEN)), first(7, (OUT,))]
params = list(net.parameters())
with torch.no_grad():
    for p, v in zip(params, values):
        p.copy_(v)
weights = [params[0], params[4]]
opt = torch.optim.SGD(params, lr=LR, momentum=MOMENTUM, weight_decay=DECAY)


def apply(turn):
    with torch.no_grad():
        for w, m in zip(weights, masks(turn)):
            w.mul_(m)


apply(0)
losses = []
for step in range(STEPS):
    if step == STEPS // 2:
        apply(1)
    loss = F.cross_entropy(net(x), y)
    losses.append(loss.item())
    opt.zero_grad()
    loss.backward()
    opt.step()
    apply(step >= STEPS // 2)

print("/* Printed by numenta_ref.py with PyTorch %s. */" % torch.__version__)
print("enum { NUMENTA_IN = %d, NUMENTA_OUT = %d, NUMENTA_SAMPLES = %d,\n"
      "       NUMENTA_STEPS = %d };" % (IN, OUT, SAMPLES, STEPS))
print("\nstatic const double numenta_ref_loss[] = {%s};" %
      ", ".join("%.10g" % v for v in losses))
for name, get in (("value", lambda p: p.detach()),
                  ("state", lambda p: opt.state[p]["momentum_buffer"])):
    print("\nstatic const double numenta_ref_%s[] = {" % name)
    for p in params:
        for v in get(p).ravel().tolist():
            print("    %.10g," % v)
    print("};")
