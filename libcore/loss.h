#ifndef PARE_LOSS_H
#define PARE_LOSS_H

#include <stddef.h>
#include <stdint.h>

#define PARE_TILE_MAX 64 /* widest tile of samples */

/** A loss: a row of the table in loss.c; files store the name. */
struct pare_loss {
    const char *name; /* cross-entropy, nll, mse, reconstruction */
    const char *help;
    const char *source;
    /**
     * NULL: a Boltzmann machine's, see rbm.h. Else
     * loss and gradient of one tile. Exponentials and sums are this
     * library's own and go over the classes in order, so the bits do not
     * depend on the width; a NaN output gives a NaN loss.
     *
     * @param loss   [n] per-sample loss, double, out
     * @param grad   [classes][width] d(mean loss)/d(output), out, or NULL;
     *               columns n..width-1 become 0; not the same as z
     * @param z      [classes][width] the network's output
     * @param y      [n] labels, 0 <= y < classes
     * @param width  of the tile, 1..PARE_TILE_MAX
     * @param n      samples in it, 0 <= n <= width
     * @param scale  1/batch: gradients are of the mean over the batch
     */
    void (*tile)(double *loss, float *grad, const float *z, const int32_t *y,
                 size_t classes, size_t width, size_t n, float scale);
};

/** Rows of the table, in order of the manual; index n returns NULL. */
const struct pare_loss *pare_loss(size_t index);

/** The row of that name, or NULL. */
const struct pare_loss *pare_loss_find(const char *name);

#endif
