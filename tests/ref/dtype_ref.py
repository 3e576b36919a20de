#!/usr/bin/env python3
"""Reference for test_dtype.c: NumPy's float16, PyTorch's bfloat16.

    dtype_ref.py > dtype_ref.h

Rounds the 65,536 float32 whose bits are i * 0x10001, and widens all half
floats; of the bits that come out it prints an FNV-1a hash. NaN count as one.
"""
import numpy as np
import torch


def fnv(a):
    h = 0xcbf29ce484222325
    for b in a.astype("<u4").tobytes():
        h = (h ^ b) * 0x100000001b3 & 0xffffffffffffffff
    return h


def one_nan(bits, exponent):
    nan = (bits & 0x7fffffff) > exponent
    return np.where(nan, 0xffffffff, bits).astype(np.uint32)


wide = (np.arange(65536, dtype=np.uint64) * 0x10001).astype(np.uint32)
value = wide.view(np.float32)
narrow = np.arange(65536, dtype=np.uint16)
with np.errstate(over="ignore", invalid="ignore"):
    f16 = value.astype(np.float16).view(np.uint16).astype(np.uint32)
    from16 = narrow.view(np.float16).astype(np.float32).view(np.uint32)
bf16 = torch.from_numpy(value.copy()).to(torch.bfloat16)
bf16 = bf16.view(torch.int16).numpy().view(np.uint16).astype(np.uint32)
nan = np.isnan(value)

print("/* Made by dtype_ref.py. */")
for name, bits in (
        ("TO_F16", np.where(nan, 0xffffffff, f16)),
        ("TO_BF16", np.where(nan, 0xffffffff, bf16)),
        ("FROM_F16", one_nan(from16, 0x7f800000))):
    print(f"#define DTYPE_{name} UINT64_C(0x{fnv(bits):016x})")
