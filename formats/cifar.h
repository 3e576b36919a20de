#ifndef PARE_CIFAR_H
#define PARE_CIFAR_H

#include "dataset.h"

#define PARE_CIFAR_LIMIT 4294967296u /* bytes of all files */

/** CIFAR-10, or CIFAR-100 by one of its two labels. */
enum pare_cifar { PARE_CIFAR_10, PARE_CIFAR_100_FINE, PARE_CIFAR_100_COARSE };

/**
 * Read the binary version of CIFAR: records of the labels, one byte each,
 * and 3072 bytes of an image {3, 32, 32}, red, green, blue.
 *
 * A directory stands for the files in it: data_batch_N.bin by number and
 * test_batch.bin, or train.bin and test.bin. Of files, those named
 * test_batch* or test.* (CIFAR-100) are the test split, all others train in
 * the order given. Class names come from batches.meta.txt,
 * fine_label_names.txt or coarse_label_names.txt in the directory of the
 * first file, if it is there; blank lines are skipped.
 *
 * @param d     zeroed, out; release with pare_dataset_release
 * @param path  [n] files, or one directory; n >= 1
 * @return 0; PARE_EIO; PARE_EFORMAT (a size that is not a number of records,
 *         a label out of range with its record, no files, no training file,
 *         class names that are not as many as classes); PARE_ELIMIT;
 *         PARE_ENOMEM
 *
 * Source: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny
 * Images", and the description of the binary version that goes with it.
 */
int pare_cifar_read(struct pare_dataset *d, enum pare_cifar kind,
                    char *const *path, size_t n);

#endif
