#ifndef PARE_TORCH_FILE_H
#define PARE_TORCH_FILE_H

#include "foreign.h"

/**
 * Read tensors that torch.save has written, as a ZIP archive or in the
 * format before version 1.6 of PyTorch: a tensor, or dictionaries and lists
 * of them, within each other or not. A tensor in them is named by the keys,
 * with dots between; all that is no tensor is passed over. Nothing is
 * executed, see pickle.h; whole modules are refused.
 *
 * Tensors are in the order of the dictionaries. One whose strides are not
 * those of C order is copied; one that shows elements of its storage twice
 * is refused, and so are tensors that together show more than 64 times the
 * bytes of the file and of the storages that are packed in it.
 *
 * @return 0; PARE_EIO; PARE_EFORMAT; PARE_ELIMIT; PARE_ENOMEM
 *
 * Source: PyTorch, torch/serialization.py.
 */
int pare_torch_read(struct pare_foreign *f, const char *path);

bool pare_torch_looks(const unsigned char *head, size_t n);

#endif
