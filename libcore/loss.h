#ifndef PARE_LOSS_H
#define PARE_LOSS_H

#include <stddef.h>
#include <stdint.h>

/** A loss: a row of the table in loss.c; files store the name. */
struct pare_loss {
    const char *name; /* cross-entropy, nll, mse */
    const char *help;
    const char *source;
    /**
     * Loss and gradient of one tile.
     *
     * @param loss   [n] per-sample loss, double, out
     * @param grad   [classes][width] d(mean loss)/d(output), out, or NULL;
     *               columns n..width-1 become 0
     * @param z      [classes][width] the network's output
     * @param y      [n] labels
     * @param scale  1/batch: gradients are of the mean over the batch
     */
    void (*tile)(double *loss, float *grad, const float *z, const int32_t *y,
                 size_t classes, size_t width, size_t n, float scale);
};

const struct pare_loss *pare_loss(size_t index);
const struct pare_loss *pare_loss_find(const char *name);

#endif
