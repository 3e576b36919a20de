"""What rules to drop by remove, from their published descriptions, in NumPy.

Prints rewire_ref.h. One layer of 10 x 12 with a mask, weights with ties and
kept zeros, and coactivations with many zeros; another of few weights, all
above -2, for what happens where a count is 0.

    python3 rewire_ref.py >rewire_ref.h
"""
import math

import numpy as np


def slots(w, zeta):
    """int(zeta #) of each sign closest to zero, zeros never."""
    gone = np.zeros(len(w), bool)
    for side in (w > 0, w < 0):
        place = np.flatnonzero(side)
        order = place[np.argsort(np.abs(w[place]), kind="stable")]
        gone[order[: int(zeta * len(place))]] = True
    return gone


def kth(w, zeta):
    """Signs apart, thresholds at the k-th smallest."""
    p, q = np.sort(w[w > 0]), np.sort(w[w < 0])
    k = int(zeta * len(p))
    high = p[k - 1] if k else -1.0
    k = int((1 - zeta) * len(q))
    low = q[k - 1] if k else (q[0] - 1 if len(q) else -math.inf)
    return ~((w > high) | (w <= low))


def first_and_last(v):
    """Positions of the value closest to 0: the first, and after the last."""
    a = np.abs(v)
    return a.argmin(), len(v) - a[::-1].argmin()


def by_sorted(w, zeta):
    v = np.sort(w)
    p, q = first_and_last(v)
    low = v[int((1 - zeta) * p)]
    high = v[int(min(len(v) - 1, q + zeta * (len(v) - q)))]
    return ~((w < low) | (w > high))


def magnitude(w, zeta):
    gone = np.zeros(len(w), bool)
    k = int(np.round(zeta * len(w)))
    gone[np.argsort(np.abs(w), kind="stable")[:k]] = True
    return gone


def hebbian(c, tau):
    k = int(tau * len(c))
    if k == 0:
        return np.zeros(len(c), bool)
    return c <= np.sort(c)[k - 1]


def highest(c, tau):
    k = int((1 - tau) * len(c))
    if k == 0:
        return np.ones(len(c), bool)
    return c > np.sort(c)[k - 1]


FORMS = {"slots": slots, "kth": kth, "sorted": by_sorted}


def mixed(w, c, tau, zeta, form, join, most):
    weight = FORMS[form](w, zeta) if zeta else None
    count = (highest if most else hebbian)(c, tau) if tau else None
    if weight is None and count is None:
        return np.zeros(len(w), bool)
    if weight is None:
        return count
    if count is None:
        return weight
    # A synapse stays if either keeps it (or), if both do (and).
    if join == "or":
        return ~(~weight | ~count)
    return ~(~weight & ~count)


def cases():
    for form in FORMS:
        for zeta in (0.1, 0.3, 0.5, 0.75, 1):
            yield (f"set,zeta={zeta},form={form}",
                   lambda w, c, z=zeta, f=form: FORMS[f](w, z))
    yield "set,zeta=0.02,form=kth", lambda w, c: kth(w, 0.02)
    yield "set,zeta=0.98,form=kth", lambda w, c: kth(w, 0.98)
    for zeta in (0.025, 0.3, 1):
        yield (f"magnitude,zeta={zeta}",
               lambda w, c, z=zeta: magnitude(w, z))
    for zeta in (0.02, 0.2, 0.6, 1):
        yield (f"weighted,zeta={zeta}",
               lambda w, c, z=zeta: kth(w * c, z))
    yield "w*c,zeta=0.4,form=slots", lambda w, c: slots(w * c, 0.4)
    for most in (False, True):
        for tau in (0.01, 0.2, 0.6, 1):
            for zeta in (0, 0.2, 0.6, 1):
                for join in ("or", "and"):
                    spec = f"hebbian,tau={tau},zeta={zeta},join={join}"
                    yield (spec + (",highest" if most else ""),
                           lambda w, c, t=tau, z=zeta, j=join, m=most:
                           mixed(w, c, t, z, "kth", j, m))
    yield ("hebbian,tau=0.3,zeta=0.3,form=slots",
           lambda w, c: mixed(w, c, 0.3, 0.3, "slots", "or", False))
    yield ("hebbian,tau=0,zeta=0.3",
           lambda w, c: mixed(w, c, 0, 0.3, "kth", "or", False))
    yield ("hebbian,tau=0,zeta=0",
           lambda w, c: mixed(w, c, 0, 0, "kth", "or", False))


def array(kind, name, values, text):
    print(f"static const {kind} {name}[] = {{")
    for i in range(0, len(values), 12):
        print("    " + ", ".join(text(v) for v in values[i:i + 12]) + ",")
    print("};\n")


def number(v):
    return f"{float(np.round(float(v), 6))!r}f"


def layer(rng, n, share):
    w = np.round(rng.normal(0, 1, n), 1).astype(np.float32)
    mask = rng.random(n) < share
    w[rng.random(n) < 0.05] = 0
    w[~mask] = 0
    c = np.where(rng.random(n) < 0.3, 0, rng.integers(0, 20, n))
    return w + np.float32(0), mask, c.astype(np.float32)


def main():
    rng = np.random.default_rng(5)
    print("/* Made by rewire_ref.py: what rules to drop by remove. */")
    print("#define REF_OUT 10\n#define REF_IN  12\n")
    many = layer(rng, 120, 0.6)
    few = (np.zeros(120, np.float32), np.zeros(120, bool), many[2])
    few[1][[3, 17, 40, 41, 77, 99, 119]] = True
    few[0][[3, 17, 40, 41, 77, 99, 119]] = [-1.5, 0.5, -0.5, -1.0, 0.0,
                                            2.0, -0.25]
    for name, (w, mask, c) in (("many", many), ("few", few)):
        array("float", f"ref_{name}_weight", w, number)
        array("unsigned char", f"ref_{name}_mask", mask.astype(int), str)
    array("float", "ref_count", many[2], number)
    print("static const struct {\n    const char *spec;")
    print("    const char *many, *few; /* 1: goes */\n} ref_drop[] = {")
    for spec, rule in cases():
        print(f'    {{"{spec}",')
        for k, (w, mask, c) in enumerate((many, few)):
            gone = np.zeros(120, int)
            gone[mask] = rule(w[mask], c[mask])
            text = "".join(map(str, gone))
            print(f'     "{text[:60]}"\n     "{text[60:]}"'
                  + (",", "},")[k])
    print("};")


main()
