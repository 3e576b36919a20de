#!/usr/bin/env python3
"""Print tests/ref/schedule_ref.h: learning rates of a run by PyTorch.

    python3 schedule_ref.py > schedule_ref.h

Six epochs of 4 steps, base learning rate 0.4.  StepLR and MultiStepLR are
stepped once an epoch, the others at each optimiser step.  Warm-up is
LinearLR from 1/W in W steps, chained.
"""

import warnings

import torch
from torch.optim import lr_scheduler as S

EPOCHS, PER_EPOCH, BASE = 6, 4, 0.4
TOTAL = EPOCHS * PER_EPOCH
warnings.filterwarnings("ignore")

CASES = [
    # spec, per-epoch schedule, per-step schedule, warm-up steps
    ("constant", None, None, 0),
    ("constant,warmup=2", None, None, 8),
    ("step,every=2,gamma=.5", lambda o: S.StepLR(o, 2, 0.5), None, 0),
    ("step,every=2,gamma=.5,warmup=1.5", lambda o: S.StepLR(o, 2, 0.5),
     None, 6),
    ("step,at=1:4,gamma=.1", lambda o: S.MultiStepLR(o, [1, 4], 0.1),
     None, 0),
    ("cosine", None, lambda o: S.CosineAnnealingLR(o, TOTAL), 0),
    ("cosine,min=.05", None, lambda o: S.CosineAnnealingLR(o, TOTAL, 0.05),
     0),
    ("one-cycle", None, lambda o: S.OneCycleLR(
        o, BASE, total_steps=TOTAL, cycle_momentum=False), 0),
    ("one-cycle,pct=.4,div=10,final_div=100", None, lambda o: S.OneCycleLR(
        o, BASE, total_steps=TOTAL, pct_start=0.4, div_factor=10,
        final_div_factor=100, cycle_momentum=False), 0),
]


def run(epochly, stepwise, warmup):
    w = torch.zeros(1, requires_grad=True)
    opt = torch.optim.SGD([w], lr=BASE)
    a = epochly(opt) if epochly else None
    b = stepwise(opt) if stepwise else None
    c = S.LinearLR(opt, 1 / warmup, 1, warmup - 1) if warmup else None
    lrs = []
    for t in range(TOTAL):
        lrs.append(opt.param_groups[0]["lr"])
        if t == TOTAL - 1:
            break
        opt.step()
        if a and t % PER_EPOCH == PER_EPOCH - 1:
            a.step()
        for s in b, c:
            if s:
                s.step()
    return lrs


print("/* Printed by schedule_ref.py with PyTorch %s. */"
      % torch.__version__.split("+")[0])
print("enum { REF_STEPS = %d, REF_PER_EPOCH = %d };\n" % (TOTAL, PER_EPOCH))
print("static const struct {")
print("    const char *spec;")
print("    double lr[REF_STEPS];")
print("} schedule_ref[] = {")
for spec, *how in CASES:
    v = ["%.9g" % x for x in run(*how)]
    print('    {"%s",' % spec)
    print("     {%s}}," % ",\n      ".join(
        ", ".join(v[i:i + 4]) for i in range(0, TOTAL, 4)))
print("};")
