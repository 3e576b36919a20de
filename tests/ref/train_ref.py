#!/usr/bin/env python3
"""Print tests/ref/train_ref.h: a whole run of training by PyTorch.

    python3 train_ref.py > train_ref.h

The network and the formulas for weights, inputs and labels are those of
net_ref.py (its build() and data()).  Samples 0..22 are the train split,
23..29 the validation split.  Batches of 5, the last of 3; the order of each
epoch is pare's own permutation, computed here a second time.  SGD with
Nesterov momentum, cosine with one epoch of warm-up; float64.
"""

import contextlib
import io
import math

import torch
import torch.nn.functional as F

with contextlib.redirect_stdout(io.StringIO()):
    from net_ref import build, data, number

TRAIN, VAL, INPUTS, BATCH, EPOCHS, SEED = 23, 7, 6, 5, 4, 12345
LAYERS = ["linear(9)", "relu", "linear(5,bias=no)", "batchnorm", "tanh",
          "linear(3)"]
LR, WARMUP = 0.05, 1
MASK = (1 << 32) - 1


def philox(counter, key):
    """Philox4x32-10 of Salmon et al. 2011."""
    x, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
        x = [b >> 32 ^ x[1] ^ k[0], b & MASK, a >> 32 ^ x[3] ^ k[1], a & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return x


def permutation(n, epoch):
    """Fisher-Yates with 64 bits a draw; stream 2 is shuffling."""
    perm = list(range(n))
    for i in range(n - 1):
        if i % 2 == 0:
            word = philox([i // 2, 0, epoch, 2], [SEED & MASK, SEED >> 32])
        high, low = word[i % 2 * 2], word[i % 2 * 2 + 1]
        j = i + ((high << 32 | low) * (n - i) >> 64)
        perm[i], perm[j] = perm[j], perm[i]
    return perm


net, tensors, classes = build(INPUTS, LAYERS)
x, y = data(TRAIN + VAL, INPUTS, classes)
opt = torch.optim.SGD(net.parameters(), lr=LR, momentum=0.9, nesterov=True,
                      weight_decay=0.01)
steps = -(-TRAIN // BATCH)
rows = []
for epoch in range(EPOCHS):
    order, total, correct = permutation(TRAIN, epoch), 0, 0
    net.train()
    for k in range(steps):
        s = epoch * steps + k
        lr = LR * (1 + math.cos(math.pi * s / (EPOCHS * steps))) / 2
        lr *= min(1, (s + 1) / (WARMUP * steps))
        opt.param_groups[0]["lr"] = lr
        batch = order[k * BATCH:(k + 1) * BATCH]
        z = net(x[batch])
        loss = F.cross_entropy(z, y[batch])
        total += loss.item() * len(batch)
        correct += (z.argmax(1) == y[batch]).sum().item()
        opt.zero_grad()
        loss.backward()
        opt.step()
    net.eval()
    z = net(x[TRAIN:])
    rows.append((lr, total / TRAIN, correct / TRAIN,
                 F.cross_entropy(z, y[TRAIN:]).item(),
                 (z.argmax(1) == y[TRAIN:]).double().mean().item()))

print("/* Printed by train_ref.py with PyTorch %s. */"
      % torch.__version__.split("+")[0])
print("enum { REF_TRAIN = %d, REF_VAL = %d, REF_INPUTS = %d, REF_BATCH = %d,"
      "\n       REF_EPOCHS = %d, REF_SEED = %d, REF_TENSORS = %d };\n"
      % (TRAIN, VAL, INPUTS, BATCH, EPOCHS, SEED, len(tensors)))
print("static const char *const train_ref_layer[] = {\n    %s};\n"
      % ",\n    ".join('"%s"' % t for t in LAYERS))
print("""/* After each epoch. */
static const struct {
    double lr, train_loss, train_acc, val_loss, val_acc;
} train_ref_epoch[REF_EPOCHS] = {""")
for r in rows:
    print("    {%s}," % ", ".join(number(v) for v in r))
print("};\n\n/* Sum and sum of squares of each tensor at the end. */")
print("static const double train_ref_sum[REF_TENSORS][2] = {")
for p in tensors:
    p = p.detach()
    print("    {%s, %s}," % (number(p.sum().item()),
                             number((p ** 2).sum().item())))
print("};")
