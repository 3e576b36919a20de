/*
 * outputs_probe MODEL: run a model on samples of raw float32 from standard
 * input, and write its outputs in the same way. For comparing with other
 * programs; its own normalisation is applied.
 */
#include <stdio.h>
#include <stdlib.h>

#include "model_file.h"
#include "net.h"

#define ROOM (1 << 26) /* floats */

static int run(struct pare_model *m, float *x, size_t n, size_t features)
{
    const struct pare_norm plain = {.scale = 1};
    struct pare_dataset d = {
        .shape = m->arch.input, .features = features, .type = PARE_X_F32};
    struct pare_split *split = &d.split[PARE_TRAIN];
    struct pare_gather from = {.data = &d,
                               .norm = m->norm.scale > 0 ? &m->norm : &plain,
                               .split = split};
    size_t outputs = pare_shape_size(pare_arch_output(&m->arch));
    struct pare_net *net;
    size_t w;

    split->n = n;
    split->x = x;
    if (pare_net_new(&net, m, n, false, 1))
        return 1;
    pare_net_gather(net, &from, NULL, 0, n);
    pare_net_forward(net, n, false, 0, 0);
    w = pare_net_lanes(net);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < outputs; c++)
            fwrite(&pare_net_output(net, i / w)[c * w + i % w], sizeof(float),
                   1, stdout);
    pare_net_free(net);
    return fflush(stdout) != 0;
}

int main(int argc, char **argv)
{
    struct pare_model m = {0};
    struct pare_model_file info = {0};
    float *x = malloc(ROOM * sizeof *x);
    size_t n, features;
    int rc = 1;

    if (argc == 2 && x && pare_model_read(&m, &info, argv[1]) == 0) {
        n = fread(x, sizeof *x, ROOM, stdin);
        features = pare_shape_size(&m.arch.input);
        if (n && n % features == 0)
            rc = run(&m, x, n / features, features);
    }
    free(x);
    pare_model_file_release(&info, m.n_tensors);
    pare_model_release(&m);
    return rc;
}
