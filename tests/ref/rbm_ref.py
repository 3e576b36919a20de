#!/usr/bin/env python3
"""Print tests/ref/rbm_ref.h: three steps of a sparse Boltzmann machine.

    python3 rbm_ref.py > rbm_ref.h

Contrastive divergence as the program of SET has it, in float64: h is drawn,
v' are probabilities, h' is drawn; W += lr (mean(v h) - mean(v' h')) - wd W
on the connections there are, and the biases alike.  The uniform numbers are
those of pare's counters, computed here a second time.
"""

import numpy as np

V, H, TRAIN, VAL, BATCH, SEED = 11, 7, 13, 6, 5, 91
LR, DECAY = 0.1, 0.002
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


def uniform(n, sub, place):
    """(n, H) numbers; four samples share a block of stream 13."""
    u = np.zeros((n, H))
    for s in range(n):
        for j in range(H):
            word = philox([(place + s // 4) * H + j, 0, sub, 13],
                          [SEED & M, SEED >> 32])
            u[s, j] = (word[s % 4] >> 8) * 2.0 ** -24
    return u


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def first(t, shape):
    i = np.arange(np.prod(shape), dtype=float)
    v = (np.sin(0.37 * i + 0.11 * t) / 2).astype(np.float32)
    return v.astype(float).reshape(shape)


n = TRAIN + VAL
s, f = np.meshgrid(np.arange(n), np.arange(V), indexing="ij")
x = np.sin(0.7 * s + 1.3 * f + 0.05 * s * f + 0.2).astype(np.float32)
x = (x * x).astype(np.float32).astype(float)

mask = ((np.arange(H * V).reshape(H, V) * 7) % 5 < 3).astype(float)
W, b, c = first(0, (H, V)) * mask, first(1, (H,)), first(2, (V,))
order, losses = permutation(TRAIN, 0), []
for step in range(-(-TRAIN // BATCH)):
    v = x[order[step * BATCH:(step + 1) * BATCH]]
    place = step * -(-BATCH // 4)
    h = (uniform(len(v), 0, place) < sigmoid(v @ W.T + b)).astype(float)
    v2 = sigmoid(h @ W + c)
    h2 = (uniform(len(v), 1, place) < sigmoid(v2 @ W.T + b)).astype(float)
    losses.append(((v - v2) ** 2).mean() * len(v) / TRAIN)
    W = W + (LR * (h.T @ v - h2.T @ v2) / len(v) - DECAY * W) * mask
    b = b + LR * (h - h2).mean(0) - DECAY * b
    c = c + LR * (v - v2).mean(0) - DECAY * c
v = x[TRAIN:]
h = (uniform(VAL, 2, 0) < sigmoid(v @ W.T + b)).astype(float)
val = ((v - sigmoid(h @ W + c)) ** 2).mean()

print("/* Printed by rbm_ref.py with NumPy %s. */" % np.__version__)
print("enum { RBM_V = %d, RBM_H = %d, RBM_TRAIN = %d, RBM_VAL = %d,\n"
      "       RBM_BATCH = %d, RBM_SEED = %d };" %
      (V, H, TRAIN, VAL, BATCH, SEED))
print("\nstatic const double rbm_ref_loss = %.10g, rbm_ref_val = %.10g;" %
      (sum(losses), val))
print("\n/* Weights, hidden and visible bias after one epoch. */")
print("static const double rbm_ref_value[] = {")
for value in list(W.ravel()) + list(b) + list(c):
    print("    %.10g," % value)
print("};")
