#!/usr/bin/env python3
"""Connections, maps and trends by NumPy, for tests/test_topology.c.

Prints topology_ref.h. The mask of a 784 x 12 layer is
(7 * r * r + 13 * c + r * c * c) % 11 < 4 - |c % 28 - 14| / 7, so that the
middle columns are denser.
"""
import numpy as np


def mask():
    r, c = np.mgrid[0:12, 0:784]
    return ((7 * r * r + 13 * c + r * c * c) % 11
            < 4 - np.abs(c % 28 - 14) // 7)


def trend(t):
    means = [t[13 - i:15 + i, 13 - i:15 + i].mean() for i in range(14)]
    ring = np.ones((28, 28), bool)
    ring[4:-4, 4:-4] = False
    return means, means[6] / t.mean(), t[8:20, 8:20].mean() / t[ring].mean()


m = mask()
means, half, centre = trend(m.sum(0).reshape(28, 28))
print("/* Made by topology_ref.py. */")
print("static const double ref_squares[14] = {")
for v in means:
    print(f"    {v:.15g},")
print("};")
print(f"static const double ref_half = {half:.15g};")
print(f"static const double ref_centre = {centre:.15g};")
print("static const unsigned ref_out[12] = {"
      + ", ".join(map(str, m.sum(1))) + "};")
