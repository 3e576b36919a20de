/* Pieces of convolutions for kernels that have none of their own. */
#include "conv_taps.h"

#include "kernel.h"

/* Begin the pixels where no weights have been added yet. */
static void start(const struct pare_taps *t)
{
    for (size_t p = 0; p < t->pixels && !t->add; p++)
        for (size_t o = 0; o < t->channels; o++) {
            float *y = t->y + p * t->y_pixel + o * t->lanes;
            float from = t->bias ? t->bias[o] : 0;

            for (size_t s = 0; s < t->lanes; s++)
                y[s] = from;
        }
}

/* For any kernels: one product a segment. */
static void by_products(const struct pare_taps *t)
{
    const struct pare_kernel *k = pare_kernel();
    /* A single row is dense either way, and OpenBLAS wants a true stride. */
    size_t ars = t->ld == 1 ? t->len : 1;

    start(t);
    for (size_t i = 0; i < t->rows; i++)
        for (size_t j = 0; j < t->segs; j++) {
            const float *x = t->x + i * t->x_row + j * t->x_seg;
            const float *w = t->w + i * t->w_row + j * t->w_seg;

            if (t->lanes == 1)
                k->gemm(t->pixels, t->channels, t->len, x, t->x_pixel, 1, w,
                        t->ld, t->y, t->y_pixel, 1);
            for (size_t p = 0; p < t->pixels && t->lanes > 1; p++)
                k->gemm(t->channels, t->lanes, t->len, w, ars, t->ld,
                        x + p * t->x_pixel, t->lanes, t->y + p * t->y_pixel,
                        t->lanes, 1);
        }
}

pare_taps_fn *conv_taps(void)
{
    const struct pare_kernel *k = pare_kernel();

    return k->taps ? k->taps : by_products;
}
