#!/usr/bin/env python3
"""Print tests/ref/set_ref.h: three steps in the arithmetic of SET's program.

    python3 set_ref.py > set_ref.h

The truly sparse perceptron of Mocanu et al. with the dropout of its tutorial,
in float64, its products written out: z = a W + b with W (in, out); the error
at the output is (a - y) s(a) (1 - s(a)) of the output a itself; gradients are
means over the batch; u = m u - lr g; W += u - wd W.  Dropout multiplies what
a layer gives out by 0 or 1 in training and is not in the way back; in
evaluation each z behind it is multiplied by the share that is kept, with its
bias.  First weights, inputs and labels are those of tests/net_case.h; order
of samples and dropout are pare's, computed here a second time.
"""

import numpy as np

IN, SIZES, TRAIN, VAL, BATCH, SEED = 6, [8, 7, 5], 12, 5, 4, 77
LR, MOMENTUM, DECAY, DROP = 0.05, 0.9, 2e-4, 0.2
M = (1 << 32) - 1


def philox(counter, key):
    """Philox4x32-10 of Salmon et al. 2011."""
    x, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
        x = [b >> 32 ^ x[1] ^ k[0], b & M, a >> 32 ^ x[3] ^ k[1], a & M]
        k = [(k[0] + 0x9E3779B9) & M, (k[1] + 0xBB67AE85) & M]
    return x


def permutation(n, epoch):
    """Fisher-Yates with 64 bits a draw; stream 2 is shuffling."""
    perm = list(range(n))
    for i in range(n - 1):
        if i % 2 == 0:
            word = philox([i // 2, 0, epoch, 2], [SEED & M, SEED >> 32])
        high, low = word[i % 2 * 2], word[i % 2 * 2 + 1]
        j = i + ((high << 32 | low) * (n - i) >> 64)
        perm[i], perm[j] = perm[j], perm[i]
    return perm


def kept(layer, features, step):
    """Who survives dropout, (BATCH, features): tiles are 4 samples wide."""
    keep = np.zeros((BATCH, features))
    for f in range(features):
        word = philox([step * features + f, 0, layer, 3],
                      [SEED & M, SEED >> 32])
        for s in range(BATCH):
            unit = np.float32((word[s] >> 8) * 2.0 ** -24)
            keep[s, f] = unit >= np.float32(DROP)
    return keep


def first(t, shape):
    i = np.arange(np.prod(shape), dtype=float)
    v = (np.sin(0.37 * i + 0.11 * t) / 2).astype(np.float32)
    return v.astype(float).reshape(shape)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


n = TRAIN + VAL
s, f = np.meshgrid(np.arange(n), np.arange(IN), indexing="ij")
x = np.sin(0.7 * s + 1.3 * f + 0.05 * s * f + 0.2).astype(np.float32)
x = x.astype(float)
label = (5 * np.arange(n) + np.arange(n) // 4) % SIZES[-1]
y = np.eye(SIZES[-1])[label]

W, b, mask, dims = [], [], [], [IN] + SIZES
for l, out in enumerate(SIZES):
    index = np.arange(out * dims[l]).reshape(out, dims[l])
    mask.append(((index * 7 + l) % 5 < 3).astype(float).T)
    W.append(first(2 * l, (out, dims[l])).T * mask[l])
    b.append(first(2 * l + 1, (out,)))
u = [np.zeros_like(w) for w in W]
ub = [np.zeros_like(v) for v in b]

# Layers of the architecture: 3 a hidden one; dropout is the third of them.
order, losses = permutation(TRAIN, 0), []
for step in range(TRAIN // BATCH):
    batch = order[step * BATCH:(step + 1) * BATCH]
    a, z = [x[batch]], []
    for l in range(3):
        z.append(a[l] @ W[l] + b[l])
        if l < 2:
            a.append(np.maximum(z[l], 0) * kept(3 * l + 2, SIZES[l], step))
        else:
            a.append(sigmoid(z[l]))
    losses.append(np.mean((a[3] - y[batch]) ** 2))
    g = sigmoid(a[3])
    delta = (a[3] - y[batch]) * g * (1 - g)
    new = []
    for l in (2, 1, 0):
        dW = a[l].T @ delta / BATCH * mask[l]
        db = delta.mean(0)
        u[l] = MOMENTUM * u[l] - LR * dW
        ub[l] = MOMENTUM * ub[l] - LR * db
        new.append((l, W[l] + u[l] - DECAY * W[l],
                    b[l] + ub[l] - DECAY * b[l]))
        if l > 0:
            delta = delta @ W[l].T * (z[l - 1] > 0)
    for l, w, v in new:
        W[l], b[l] = w, v

a = x[TRAIN:]
for l in range(3):
    z = a @ W[l] + b[l]
    z = z * (1 - DROP) if l > 0 else z
    a = np.maximum(z, 0) if l < 2 else sigmoid(z)
val = np.mean((a - y[TRAIN:]) ** 2)

print("/* Printed by set_ref.py with NumPy %s. */" % np.__version__)
print("enum { SET_IN = %d, SET_OUT = %d, SET_TRAIN = %d, SET_VAL = %d,\n"
      "       SET_BATCH = %d, SET_SEED = %d };" %
      (IN, SIZES[-1], TRAIN, VAL, BATCH, SEED))
print("\n/* Mean loss of the three steps, and of evaluation after them. */")
print("static const double set_ref_loss[] = {%s};" %
      ", ".join("%.10g" % v for v in losses))
print("static const double set_ref_val = %.10g;" % val)
print("\n/* Weights and biases after them, each tensor as (out, in). */")
print("static const double set_ref_value[] = {")
for l in range(3):
    for v in list(W[l].T.ravel()) + list(b[l]):
        print("    %.10g," % v)
print("};")
print("\n/* The last step u of the weights, over minus the rate. */")
print("static const double set_ref_state[] = {")
for l in range(3):
    for v in list(u[l].T.ravel()) + list(ub[l]):
        print("    %.10g," % (-v / LR))
print("};")
