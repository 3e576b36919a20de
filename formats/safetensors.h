#ifndef PARE_SAFETENSORS_H
#define PARE_SAFETENSORS_H

#include "foreign.h"

#define PARE_SAFETENSORS_HEADER 100000000 /* bytes, of its JSON */
#define PARE_SAFETENSORS_SHARDS 4096

/**
 * Read a safetensors file: its header is checked, its values stay where they
 * lie in the mapped file. Tensors are in order of their names.
 *
 * The header begins with '{', has no name twice, and the ranges of the
 * tensors are as long as their shapes say and lie one after the other from
 * the first byte of the values to the last. Floats of 8 bits become float16
 * and bfloat16, which hold them all; complex numbers and types of less than
 * a byte are refused.
 *
 * @param f     zeroed, out; written only on success
 * @param path  a regular file
 * @return 0; PARE_EIO; PARE_EFORMAT; PARE_ELIMIT (header, 65,536 tensors);
 *         PARE_ENOMEM
 *
 * Source: github.com/huggingface/safetensors, "Format"; the types from
 * safetensors/src/tensor.rs.
 */
int pare_safetensors_read(struct pare_foreign *f, const char *path);

/**
 * Read the files that an index, NAME.safetensors.index.json, names: those in
 * its own folder and no others. Each tensor is in the file that the index
 * says, and there are no more.
 */
int pare_safetensors_index(struct pare_foreign *f, const char *path);

struct pare_json_scan;

/**
 * The metadata of a header: pairs of strings. Of what pare-export(1) puts
 * there architecture, normalisation and classes become those of f; what does
 * not fit is left out.
 * @return 0; PARE_EFORMAT; PARE_ENOMEM
 */
int pare_safetensors_own(struct pare_foreign *f, struct pare_json_scan *s);

bool pare_safetensors_looks(const unsigned char *head, size_t n);
bool pare_safetensors_index_looks(const unsigned char *head, size_t n);

#endif
