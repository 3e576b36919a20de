"""Reference numbers for divisions of the budget and grains, by NumPy alone.

Densities of random sparse networks as Evci et al. 2020 describe them: layers
whose share would pass 1 are made dense, one round after the other, and the
factor is found anew for the rest.  Run: python3 prune_ways_ref.py > prune_ways_ref.h
"""
import numpy as np

SHAPES = [(20, 1, 5, 5), (50, 20, 5, 5), (500, 800), (10, 500)]  # mnistnet


def share(shape, kernel):
    sides = shape if kernel else shape[:2]
    return sum(sides) / np.prod(sides)


def densities(density, kernel):
    n = np.array([np.prod(s) for s in SHAPES], float)
    raw = np.array([share(s, kernel) for s in SHAPES])
    dense = np.zeros(len(n), bool)
    while True:
        budget = density * n.sum() - n[dense].sum()
        factor = budget / (raw[~dense] * n[~dense]).sum()
        over = ~dense & (raw * factor > 1)
        if not over.any():
            break
        dense |= raw * factor >= (raw[~dense] * factor).max()
    return np.where(dense, 1.0, raw * factor)


def values(n, seed):
    """Weights that C can make too: a Weyl sequence, all different."""
    x = (np.arange(n, dtype=np.uint64) * np.uint64(2654435761)
         + np.uint64(seed)) % np.uint64(1 << 32)
    return (x.astype(np.float64) / 2.0**32 - 0.5).astype(np.float32)


def lamp_kept(shapes, sparsity):
    scores, total = [], 0
    for k, s in enumerate(shapes):
        w = values(int(np.prod(s)), 1000 * (k + 1)).astype(np.float64) * (k + 1)
        square = w.astype(np.float32).astype(np.float64) ** 2
        order = np.argsort(square, kind="stable")
        tail = np.cumsum(square[order][::-1])[::-1]
        score = np.empty_like(square)
        score[order] = square[order] / tail
        scores.append(score)
        total += len(w)
    flat = np.sort(np.concatenate(scores))
    cut = flat[round(sparsity * total)]
    return [int((s >= cut).sum()) for s in scores]


def two_of_four(shape, seed):
    w = np.abs(values(int(np.prod(shape)), seed)).reshape(shape)
    moved = np.moveaxis(w, 1, -1).reshape(-1, 4)  # input channels innermost
    mask = np.zeros_like(moved, int)
    for row, m in zip(moved, mask):
        m[np.argsort(-row, kind="stable")[:2]] = 1
    back = np.moveaxis(mask.reshape(np.moveaxis(w, 1, -1).shape), -1, 1)
    return "".join(str(x) for x in back.ravel())


def blocks(shape, seed, r, c, k):
    w = values(int(np.prod(shape)), seed).astype(np.float64)
    w = w.reshape(shape[0], -1)
    norm = np.array([[np.linalg.norm(w[i:i + r, j:j + c])
                      for j in range(0, w.shape[1], c)]
                     for i in range(0, w.shape[0], r)])
    gone = np.argsort(norm.ravel(), kind="stable")[:k]
    return sorted(int(g) for g in gone)


def row(name, numbers, form):
    print("static const double %s[] = {%s};"
          % (name, ", ".join(form % x for x in numbers)))


print("/* Made by prune_ways_ref.py; do not edit. */")
for s in (50, 90, 98):
    row("ref_er_%d" % s, densities(1 - s / 100, False), "%.12f")
    row("ref_erk_%d" % s, densities(1 - s / 100, True), "%.12f")
for s in (50, 90, 98):
    row("ref_lamp_%d" % s, lamp_kept([(30, 20), (12, 30), (5, 12)], s / 100),
        "%d")
print('static const char ref_2_of_4[] = "%s";' % two_of_four((3, 8, 2, 2), 7))
row("ref_blocks", blocks((6, 10), 77, 2, 3, 5), "%d")
