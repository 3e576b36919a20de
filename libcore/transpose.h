#ifndef PARE_TRANSPOSE_H
#define PARE_TRANSPOSE_H

#include <stddef.h>

/**
 * Transpose: to[j * ldt + i] = from[i * ldf + j], in blocks of four by four
 * that stay in registers.
 *
 * @param to    [cols][ldt] out, ldt >= rows
 * @param from  [rows][ldf], ldf >= cols; must not overlap `to`
 */
void pare_transpose(float *to, size_t ldt, const float *from, size_t ldf,
                    size_t rows, size_t cols);

#endif
