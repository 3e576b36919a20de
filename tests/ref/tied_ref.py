#!/usr/bin/env python3
"""Print tests/ref/tied_ref.h: two steps of SGD with shared weights, PyTorch.

    python3 tied_ref.py > tied_ref.h

The network, data and order of train_ref.py. Every weight matrix is book[code]
under a mask, the book a parameter: its gradient is PyTorch's own sum. A weight
w has level floor(8 w + .3) / 8; position i is pruned where i % 4 is 1.
float64, Nesterov momentum, weight decay.
"""

import contextlib
import io

import torch
import torch.nn.functional as F
from torch.func import functional_call

with contextlib.redirect_stdout(io.StringIO()):
    from net_ref import build, data, number
    from train_ref import BATCH, INPUTS, LAYERS, LR, TRAIN, VAL, permutation

net, tensors, classes = build(INPUTS, LAYERS)
x, y = data(TRAIN + VAL, INPUTS, classes)
tied, free = {}, {}
for name, p in net.named_parameters():
    if p.dim() != 2:
        free[name] = p
        continue
    level = torch.floor(8 * p.detach() + .3) / 8
    mask = torch.tensor([i % 4 != 1 for i in range(p.numel())])
    mask = mask.reshape(p.shape)
    book, code = torch.unique(level[mask], return_inverse=True)
    tied[name] = (torch.nn.Parameter(book), code, mask)


def weights():
    out = dict(free)
    for name, (book, code, mask) in tied.items():
        w = torch.zeros(mask.shape, dtype=torch.float64)
        out[name] = w.masked_scatter(mask, book[code])
    return out


opt = torch.optim.SGD(list(free.values()) + [t[0] for t in tied.values()],
                      lr=LR, momentum=0.9, nesterov=True, weight_decay=0.01)
order = permutation(TRAIN, 0)
net.train()
for k in range(2):
    batch = order[k * BATCH:(k + 1) * BATCH]
    loss = F.cross_entropy(functional_call(net, weights(), (x[batch],)),
                           y[batch])
    opt.zero_grad()
    loss.backward()
    opt.step()

print("/* Printed by tied_ref.py with PyTorch %s. */"
      % torch.__version__.split("+")[0])
print("/* Levels of each weight matrix in order, at the end. */")
for k, (book, code, mask) in enumerate(tied.values()):
    print("static const double tied_ref_%d[] = {" % k)
    for v in sorted(book.tolist()):
        print("    %s," % number(v))
    print("};")
print("/* Sum of the biases of the first layer. */")
print("static const double tied_ref_bias = %s;"
      % number(free["0.bias"].sum().item()))
