"""Levels and codes for a few numbers, from their definitions alone.

Prints quantize_ref.h: for seeded numbers, codebooks by Lloyd's rounds from
equal steps, with and without a price on the length of codes, the least squared
error by looking at every way to cut the sorted numbers, and uniform levels
whose step is sought. Every distance is computed; nothing is sorted except for
the exhaustive search.

    python quantize_ref.py > quantize_ref.h
"""

import itertools

import numpy as np

rng = np.random.default_rng(6)
value = rng.normal(0, 0.05, 300).astype(np.float32)
value[rng.permutation(300)[:40]] = 0
x = value[value != 0].astype(np.float64)
zeros = int(np.sum(value == 0))
power = np.mean(x * x)


def settle(at, lam, moving):
    """Rounds until the codes stay; the level 0 is not moved."""
    bits = np.zeros(len(at))
    code = None
    for _ in range(10000):
        cost = (x[:, None] - at) ** 2 + lam * power * bits
        new = np.argmin(cost, axis=1)
        if code is not None and len(new) == len(code) and (new == code).all():
            break
        code = new
        count = np.array([np.sum(code == j) for j in range(len(at))])
        count = count + np.where(at == 0, zeros, 0)
        if lam > 0:
            keep = count > 0
            at, count = at[keep], count[keep]
            code = np.cumsum(keep)[code] - 1
            bits = -np.log2(count / count.sum())
        if moving:
            at = np.array([x[code == j].mean() if a != 0 and (code == j).any()
                           else a for j, a in enumerate(at)])
    used = np.array([np.any(code == j) or a == 0 for j, a in enumerate(at)])
    return at[used], np.cumsum(used)[code] - 1


def start(k):
    at = np.linspace(x.min(), x.max(), k - 1)
    return np.sort(np.append(at, 0))


def length(at, code):
    count = np.bincount(code, minlength=len(at)) + np.where(at == 0, zeros, 0)
    p = count[count > 0] / count.sum()
    return float(-np.sum(p * np.log2(p))), count


def floats(name, v):
    body = ",".join(f"{t:.9g}" if "." in f"{t:.9g}" or "e" in f"{t:.9g}"
                    else f"{t:.9g}.0" for t in v)
    lines, line = [], "   "
    for word in body.split(","):
        if len(line) + len(word) > 76:
            lines.append(line)
            line = "   "
        line += f" {word}f,"
    lines.append(line)
    print(f"static const float {name}[{len(v)}] = {{")
    print("\n".join(lines) + "\n};")


def report(name, at, code):
    entropy, _ = length(at, code)
    error = np.sum((x - at.astype(np.float32)[code]) ** 2) / np.sum(x * x)
    floats(f"{name}_book", at.astype(np.float32))
    print(f"static const double {name}_entropy = {entropy:.12g};")
    print(f"static const double {name}_error = {np.sqrt(error):.12g};")


print("/* Made by quantize_ref.py; do not edit. */")
floats("ref_value", value)

book, code = settle(start(10), 0, True)
report("ref_plain", book, code)
book, code = settle(book, 0.02, True)
report("ref_priced", book, code)

# The best way to cut 24 sorted numbers into 4.
few = np.sort(x[:24])
best = None
for cut in itertools.combinations(range(1, 24), 3):
    parts = np.split(few, cut)
    d = sum(np.sum((p - p.mean()) ** 2) for p in parts)
    if best is None or d < best[0]:
        best = (d, [p.mean() for p in parts])
floats("ref_few", x[:24].astype(np.float32))
floats("ref_best", np.array(best[1]).astype(np.float32))


def uniform(step, most, lam):
    at = np.arange(-most, most + 1) * step
    at, code = settle(at, 0, False)
    if lam > 0:
        at, code = settle(at, lam, False)
    entropy, count = length(at, code)
    d = np.sum((x - at[code]) ** 2) / power
    return d + lam * count.sum() * entropy, at, code




def seek(most, lam):
    first = np.abs(x).max() / most
    step = [first * 2 ** (-i / 16) for i in range(97)]
    price = [uniform(float(np.float32(s)), most, lam)[0] for s in step]
    i = int(np.argmin(price))
    top = step[i - 1] if i else step[0]
    step = [top * 2 ** (-i / 256) for i in range(33)]
    price = [uniform(float(np.float32(s)), most, lam)[0] for s in step]
    return float(np.float32(step[int(np.argmin(price))]))


for name, bits, lam in (("ref_three", 3, 0), ("ref_four", 4, 0.05)):
    most = 2 ** (bits - 1) - 1
    step = seek(most, lam)
    _, at, code = uniform(step, most, lam)
    report(name, at, code)
    print(f"static const double {name}_step = {step:.9g};")
_, at, code = uniform(float(np.float32(0.01)), 40, 0)
report("ref_step", at, code)
