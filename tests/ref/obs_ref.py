#!/usr/bin/env python3
"""Print tests/ref/obs_ref.h: SparseGPT by NumPy, unfolding by PyTorch.

    python3 obs_ref.py > obs_ref.h

Algorithm 1 of Frantar & Alistarh 2023 (arXiv:2301.00774), one weight at a
time and in float64: the inverse of the damped Hessian is computed as such and
its upper Cholesky factor taken.  Of a block as many weights go as make the
count up to its end round(all that go x weights so far / weights), halves up.

Numbers are hash(i) = (2654435761 (i + 1) mod 2^32 >> 8) 2^-24 - 1/2, exact in
float32.  Matrices: weights hash(i), inputs x[s][j] = hash(500 + s cols + j) +
0.7 x[s][j - 1].  Network: weights and biases of tensor t hash(i + 1000 t) / 2,
inputs hash(9000 + i).
"""

import numpy as np
import torch
import torch.nn.functional as F


def hashes(first, n):
    i = np.arange(first + 1, first + n + 1, dtype=np.uint64)
    word = (i * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF)
    return (word >> np.uint64(8)).astype(np.float64) * 2.0 ** -24 - 0.5


def hessian(x):
    return 2 / len(x) * x.T @ x


def factor(h, damp):
    """Upper U with (H + damp mean(diag H) I)^-1 = U^T U."""
    h = h + damp * np.mean(np.diag(h)) * np.eye(len(h))
    return np.linalg.cholesky(np.linalg.inv(h)).T


def prepare(w, h, damp):
    w, h = w.copy(), h.copy()
    dead = np.diag(h) == 0
    w[:, dead] = 0
    h[dead, dead] = 1
    return w, factor(h, damp)


def scores(w, h, damp):
    w, u = prepare(w, h, damp)
    return (w / np.diag(u)) ** 2


def sparsegpt(w, h, mask, before=None, damp=.01, block=128, of=0,
              fixed=False, step=1):
    """New weights and mask; the mask given says how many are kept."""
    w, u = prepare(w, h, damp)
    rows, cols = w.shape
    before = np.ones_like(mask) if before is None else before
    keep = mask.copy()
    there, go = before.sum(), before.sum() - mask.sum()
    gone = 0
    for first in range(0, cols, block):
        last = min(first + block, cols)
        if not of and not fixed:
            until = (2 * go * before[:, :last].sum() + there) // (2 * there)
            order = sorted(
                (np.float32((w[r, c] / u[c, c]) ** 2), r, c)
                for r in range(rows) for c in range(first, last)
                if before[r, c])
            keep[:, first:last] = before[:, first:last]
            for _, r, c in order[:until - gone]:
                keep[r, c] = 0
            gone = until
        for c in range(first, last):
            for r in range(rows):
                if of and not fixed and c // step % of == 0:
                    group = range(c, min(c + of * step, cols), step)
                    n = sum(mask[r, k] for k in group)
                    best = sorted(((w[r, k] / u[k, k]) ** 2, k)
                                  for k in group if before[r, k])
                    for k in group:
                        keep[r, k] = 0
                    for _, k in best[len(best) - n:]:
                        keep[r, k] = 1
                if keep[r, c]:
                    continue
                e = w[r, c] / u[c, c]
                w[r, c + 1:] -= e * u[c, c + 1:]
                w[r, c] = 0
    return w, keep


def number(x):
    return "%.12g" % x


def array(kind, name, values, text):
    print("static const %s %s[] = {" % (kind, name))
    line = "   "
    for v in values:
        if len(line) + len(text(v)) + 2 > 78:
            print(line)
            line = "   "
        line += " " + text(v) + ","
    print(line + "};\n")


def bits(mask):
    return "".join(str(int(b)) for b in mask.flatten())


# name, rows, cols, samples, block, of, kind
CASES = [("plain", 6, 10, 40, 4, 0, "half"),
         ("whole", 6, 10, 40, 128, 0, "half"),
         ("ntom", 5, 14, 40, 6, 4, "2:4"),
         ("fixed", 6, 10, 40, 4, 0, "fixed"),
         ("again", 7, 9, 40, 4, 0, "before"),
         ("dead", 4, 8, 40, 3, 0, "dead"),
         ("damped", 4, 12, 8, 5, 0, "half")]

print("/* Printed by obs_ref.py with NumPy %s and PyTorch %s. */"
      % (np.__version__, torch.__version__.split("+")[0]))
for name, rows, cols, n, block, of, kind in CASES:
    w = hashes(0, rows * cols).reshape(rows, cols)
    x = hashes(500, n * cols).reshape(n, cols)
    for j in range(1, cols):
        x[:, j] += 0.7 * x[:, j - 1]
    if kind == "dead":
        x[:, 2] = 0
    mask = (np.arange(rows * cols) % 2).reshape(rows, cols)
    before = None
    if kind == "fixed":
        mask = (hashes(77, rows * cols) > 0).astype(int).reshape(rows, cols)
    if kind == "before":
        before = (hashes(99, rows * cols) > -.2).astype(int)
        before = before.reshape(rows, cols)
        mask = before * mask
    h = hessian(x)
    new, keep = sparsegpt(w, h, mask, before, .01, block, of,
                          kind == "fixed")
    assert keep.sum() == mask.sum()
    print('static const char *const obs_%s_mask =\n    "%s";' %
          (name, bits(keep)))
    array("double", "obs_%s_w" % name, new.flatten(), number)
    if kind == "before":
        print('static const char *const obs_%s_before =\n    "%s";' %
              (name, bits(before)))
    array("double", "obs_%s_score" % name, scores(w, h, .01).flatten(),
          number)

# ---- a network: a convolution in groups, then linear layers ----
N, SHAPE = 20, (4, 5, 5)
DIMS = [(6, 2, 3, 3), (6,), (5, 54), (5,), (3, 5), (3,)]
tensors = [hashes(1000 * t, int(np.prod(d))).reshape(d) / 2
           for t, d in enumerate(DIMS)]
x = torch.tensor(hashes(9000, N * int(np.prod(SHAPE))).reshape(N, *SHAPE))


def forward(t, last):
    """The input of tensor `last`, with weights t."""
    z = x
    if last == 0:
        return z
    z = F.conv2d(z, torch.tensor(t[0]), torch.tensor(t[1]), stride=2,
                 padding=1, groups=2).relu().flatten(1)
    if last == 2:
        return z
    return (z @ torch.tensor(t[2]).T + torch.tensor(t[3])).relu()


def parts(t, k):
    """Unfolded inputs of each group of layer k, samples x positions rows."""
    z = forward(t, k)
    if k:
        return [z.numpy()]
    return [F.unfold(z[:, 2 * g:2 * g + 2], 3, padding=1, stride=2)
            .permute(0, 2, 1).reshape(-1, 18).numpy() for g in range(2)]


def layer(t, k, of):
    """Scores, weights and mask of layer k; the Hessian is per sample."""
    dim = DIMS[k]
    mask = np.arange(int(np.prod(dim))) % 2
    out = []
    for g, p in enumerate(parts(t, k)):
        h = hessian(p) * (len(p) / N)
        rows = dim[0] // len(parts(t, k))
        w = t[k].reshape(dim[0], -1)[g * rows:(g + 1) * rows]
        m = mask.reshape(dim[0], -1)[g * rows:(g + 1) * rows]
        new, keep = sparsegpt(w, h, m, block=16, of=of,
                              step=9 if k == 0 else 1)
        out.append((scores(w, h, .01), new, keep))
    return [np.concatenate(part) for part in zip(*out)]


score = [layer(tensors, k, 0)[0] for k in (0, 2, 4)]
array("double", "obs_net_score", np.concatenate(
    [s.flatten() for s in score]), number)
for name, of in ("plain", 0), ("ntom", 2):
    now, text = list(tensors), ""
    for k in 0, 2, 4:
        _, new, keep = layer(now, k, of)
        now[k] = new.astype(np.float32).astype(np.float64).reshape(DIMS[k])
        text += bits(keep)
    print('static const char *const obs_net_%s_mask =\n    "%s";' %
          (name, '"\n    "'.join(text[i:i + 70]
                                 for i in range(0, len(text), 70))))
    array("double", "obs_net_%s_w" % name, np.concatenate(
        [now[k].flatten() for k in (0, 2, 4)]), number)
