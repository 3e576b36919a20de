/* Made by dtype_ref.py. */
#define DTYPE_TO_F16 UINT64_C(0xcc4534dd9484987a)
#define DTYPE_TO_BF16 UINT64_C(0x5d636ceb15d49c31)
#define DTYPE_FROM_F16 UINT64_C(0xd5276ff0c59d5525)
