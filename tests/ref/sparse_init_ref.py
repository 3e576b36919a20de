"""Reference numbers for networks that are sparse from the start, by NumPy.

Numbers of connections: SET gives a layer epsilon (inputs + outputs) of them
(Mocanu et al. 2018); at a density, layers whose share would pass 1 are made
dense, one round after the other, and the factor is found anew for the rest
(Evci et al. 2020).  Positions: drawn from Philox4x32-10 (Salmon et al. 2011)
as sparse_draw.h says, here with Python's whole numbers.
Run: python3 sparse_init_ref.py > sparse_init_ref.h
"""
import math

import numpy as np

LENET = [(300, 784), (100, 300), (10, 100)]
CONV = [(20, 1, 5, 5), (50, 20, 5, 5), (500, 800), (10, 500)]  # mnistnet
SET = [(1000, 784), (1000, 1000), (1000, 1000), (10, 1000)]
SYNAPSES = [(512, 784), (128, 512)]


def share(shape, kernel):
    sides = shape if kernel else shape[:2]
    return sum(sides) / math.prod(sides)


def by_epsilon(shapes, epsilon, kernel):
    n = [math.prod(s) for s in shapes]
    return [math.floor(epsilon * share(s, kernel) * k + 1e-6)
            for s, k in zip(shapes, n)]


def by_density(shapes, density, kernel):
    """Real numbers of connections; they are whole within 1 in the tool."""
    n = np.array([math.prod(s) for s in shapes], float)
    raw = np.array([share(s, kernel) for s in shapes])
    dense = np.zeros(len(n), bool)
    while True:
        budget = density * n.sum() - n[dense].sum()
        factor = budget / (raw[~dense] * n[~dense]).sum()
        over = ~dense & (raw * factor > 1)
        if not over.any():
            break
        dense |= over & (raw * factor >= (raw[~dense] * factor).max())
    return list(np.where(dense, 1.0, raw * factor) * n)


def philox(counter, key):
    x, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
        x = [p1 >> 32 ^ x[1] ^ k[0], p1 & 0xFFFFFFFF,
             p0 >> 32 ^ x[3] ^ k[1], p0 & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return x


def word64(i, seed, sub):
    block = i // 2
    w = philox([block & 0xFFFFFFFF, block >> 32, sub, 8],
               [seed & 0xFFFFFFFF, seed >> 32])
    return w[i % 2 * 2] << 32 | w[i % 2 * 2 + 1]


def exact(total, count, seed, sub):
    absent = count > total // 2
    want, drawn, i = (total - count if absent else count), set(), 0
    while len(drawn) < want:
        drawn.add(word64(i, seed, sub) * total >> 64)
        i += 1
    return sorted(set(range(total)) - drawn if absent else drawn)


def replace(total, count, seed, sub):
    return sorted({word64(i, seed, sub) * total >> 64 for i in range(count)})


def bernoulli(total, p, seed, sub):
    at, i, drawn = 0, 0, []
    while True:
        u = ((word64(i, seed, sub) >> 11) + 0.5) * 2.0**-53
        at += math.floor(math.log(u) / math.log1p(-p))
        if at >= total:
            return drawn
        drawn.append(at)
        at, i = at + 1, i + 1


def put(name, kind, values, form):
    text = ", ".join(form % v for v in values)
    print("static const %s %s[%d] = {%s};" % (kind, name, len(values), text))


print("/* Made by sparse_init_ref.py. */")
put("ref_set_13", "uint64_t", by_epsilon(SET[:3], 13, False), "%d")
put("ref_synapses_11", "uint64_t", by_epsilon(SYNAPSES, 11, False), "%d")
put("ref_erk_2", "uint64_t", by_epsilon(CONV, 2, True), "%d")
for d in (2, 10, 20):
    put("ref_lenet_%d" % d, "double", by_density(LENET, d / 100, False), "%.6f")
    put("ref_conv_er_%d" % d, "double", by_density(CONV, d / 100, False), "%.6f")
    put("ref_conv_erk_%d" % d, "double", by_density(CONV, d / 100, True), "%.6f")
put("ref_exact", "uint64_t", exact(120, 25, 7, 3), "%d")
put("ref_absent", "uint64_t", exact(120, 100, 7 + (5 << 32), 0), "%d")
put("ref_replace", "uint64_t", replace(120, 60, 11, 2), "%d")
put("ref_bernoulli", "uint64_t", bernoulli(120, 0.2, 1 << 40, 1), "%d")
