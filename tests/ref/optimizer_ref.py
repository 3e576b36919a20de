#!/usr/bin/env python3
"""Print tests/ref/optimizer_ref.h: five steps of each optimiser by PyTorch.

    python3 optimizer_ref.py > optimizer_ref.h

Eight weights w[i] = sin(0.37 i + 0.11) / 2 take the gradients
g[t][i] = cos(0.53 i + 0.71 t) (step t = 0..4) in float32.
"""

import numpy as np
import torch

N, STEPS = 8, 5

CASES = [
    # spec, lr, weight decay, PyTorch optimiser
    ("sgd", 0.1, 0.0, torch.optim.SGD, {}),
    ("sgd", 0.1, 0.05, torch.optim.SGD, {}),
    ("sgd,momentum=.9", 0.1, 0.0, torch.optim.SGD, {"momentum": 0.9}),
    ("sgd,momentum=.9", 0.1, 0.05, torch.optim.SGD, {"momentum": 0.9}),
    ("sgd,momentum=.9,nesterov", 0.1, 0.0, torch.optim.SGD,
     {"momentum": 0.9, "nesterov": True}),
    ("sgd,momentum=.9,nesterov", 0.1, 0.05, torch.optim.SGD,
     {"momentum": 0.9, "nesterov": True}),
    ("adam", 1e-3, 0.0, torch.optim.Adam, {}),
    ("adam", 1e-2, 0.1, torch.optim.Adam, {}),
    ("adam,beta1=.5,beta2=.9,eps=1e-3", 1e-2, 0.0, torch.optim.Adam,
     {"betas": (0.5, 0.9), "eps": 1e-3}),
    ("adadelta", 1.0, 0.0, torch.optim.Adadelta, {}),
    ("adadelta,rho=.5,eps=1e-3", 0.5, 0.1, torch.optim.Adadelta,
     {"rho": 0.5, "eps": 1e-3}),
]


def run(lr, decay, cls, options):
    i = np.arange(N, dtype=np.float64)
    w = torch.tensor(np.sin(0.37 * i + 0.11) / 2, dtype=torch.float32)
    w.requires_grad_()
    opt = cls([w], lr=lr, weight_decay=decay, foreach=False, **options)
    rows = []
    for t in range(STEPS):
        w.grad = torch.tensor(np.cos(0.53 * i + 0.71 * t),
                              dtype=torch.float32)
        opt.step()
        rows.append(w.detach().clone().numpy())
    return rows


print("/* Printed by optimizer_ref.py with PyTorch %s. */"
      % torch.__version__.split("+")[0])
print("enum { REF_N = %d, REF_STEPS = %d };\n" % (N, STEPS))
print("static const struct {")
print("    const char *spec;")
print("    double lr, weight_decay;")
print("    float w[REF_STEPS][REF_N]; /* after each step */")
print("} optimizer_ref[] = {")
for spec, lr, decay, cls, options in CASES:
    print('    {"%s",\n     %g,\n     %g,\n     {' % (spec, lr, decay))
    for row in run(lr, decay, cls, options):
        print("         {%s,\n          %s}," % (
            ", ".join("%.9gf" % v for v in row[:4]),
            ", ".join("%.9gf" % v for v in row[4:])))
    print("     }},")
print("};")
