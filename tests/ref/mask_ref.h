/* Made by mask_ref.py; do not edit. */
static const struct {
    size_t n, k, tensor;
    uint64_t seed;
    const char *mask;
} mask_ref[] = {
    {20, 7, 0, 0u, "00111010000100001100"},
    {33, 20, 2, 5u, "111000000111110100011101111101110"},
    {16, 1, 0, 18446744073709551615u, "0000100000000000"},
    {9, 8, 4, 77u, "111111101"},
};
