"""Masks that pare-mask draws, from the words of mask.h and rng.h alone.

Prints mask_ref.h: which of N positions are kept when K are, by selection
sampling with the 64-bit numbers of Philox4x32-10, stream 12, in Python's
integers.

    python mask_ref.py > mask_ref.h
"""

M = 0xFFFFFFFF
CASES = ((20, 7, 0, 0), (33, 20, 5, 2), (16, 1, 2**64 - 1, 0), (9, 8, 77, 4))


def philox(counter, key):
    """Philox4x32-10 of Salmon et al. 2011."""
    x, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
        x = [b >> 32 ^ x[1] ^ k[0], b & M, a >> 32 ^ x[3] ^ k[1], a & M]
        k = [(k[0] + 0x9E3779B9) & M, (k[1] + 0xBB67AE85) & M]
    return x


def draw(n, k, seed, tensor):
    kept = []
    for i in range(n):
        word = philox([i // 2, 0, tensor, 12], [seed & M, seed >> 32])
        high, low = word[i % 2 * 2], word[i % 2 * 2 + 1]
        if (high << 32 | low) * (n - i) >> 64 < k - len(kept):
            kept.append(i)
    assert len(kept) == k
    return kept


print("/* Made by mask_ref.py; do not edit. */")
print("static const struct {\n    size_t n, k, tensor;\n    uint64_t seed;")
print("    const char *mask;\n} mask_ref[] = {")
for n, k, seed, tensor in CASES:
    kept = set(draw(n, k, seed, tensor))
    bits = "".join("01"[i in kept] for i in range(n))
    print(f'    {{{n}, {k}, {tensor}, {seed}u, "{bits}"}},')
print("};")
