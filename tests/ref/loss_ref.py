#!/usr/bin/env python3
"""Print tests/ref/loss_ref.h: losses and their gradients by PyTorch.

    python3 loss_ref.py > loss_ref.h

Outputs z[c][s] = 3 sin(1.3 c + 0.7 s) of 4 classes (c) and 3 samples (s) in
float32, labels 2 s mod 4; nll takes their log-softmax (in float32).
"""

import numpy as np
import torch
import torch.nn.functional as F

C, S = 4, 3
c, s = np.meshgrid(np.arange(C), np.arange(S), indexing="ij")
Z = (3 * np.sin(1.3 * c + 0.7 * s)).astype(np.float32)
Y = torch.tensor([2 * k % C for k in range(S)])


def number(v):
    t = "%.9g" % v
    return (t if "." in t or "e" in t else t + ".0") + "f"


def one(name, z):
    z = torch.tensor(z, requires_grad=True)  # [classes][samples]
    if name == "cross-entropy":
        loss = F.cross_entropy(z.t(), Y, reduction="none")
        F.cross_entropy(z.t(), Y).backward()
    elif name == "nll":
        loss = F.nll_loss(z.t(), Y, reduction="none")
        F.nll_loss(z.t(), Y).backward()
    else:
        t = F.one_hot(Y, C).float()
        loss = F.mse_loss(z.t(), t, reduction="none").mean(1)
        F.mse_loss(z.t(), t).backward()
    return z, loss, z.grad


print("/* Printed by loss_ref.py with PyTorch %s. */"
      % torch.__version__.split("+")[0])
print("enum { REF_CLASSES = %d, REF_SAMPLES = %d };\n" % (C, S))
print("static const struct {")
print("    const char *name;")
print("    float z[REF_CLASSES][REF_SAMPLES];")
print("    float loss[REF_SAMPLES];")
print("    float grad[REF_CLASSES][REF_SAMPLES];")
print("} loss_ref[] = {")
for name in "cross-entropy", "nll", "mse":
    z = Z if name != "nll" else \
        torch.log_softmax(torch.tensor(Z), 0).numpy()
    z, loss, grad = one(name, z)
    rows = ["{" + ", ".join(number(v) for v in r) + "}" for r in z.tolist()]
    print('    {"%s",\n     {%s},' % (name, ",\n      ".join(rows)))
    print("     {%s}," % ", ".join(number(v) for v in loss.tolist()))
    rows = ["{" + ", ".join(number(v) for v in r) + "}" for r in grad.tolist()]
    print("     {%s}}," % ",\n      ".join(rows))
print("};")
