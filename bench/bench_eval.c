/*
 * bench_eval: a worker that evaluates in process, batch after batch: gather,
 * forward, and a look at the output.
 *
 *     bench_eval DATA.h5 ARCH BATCH THREADS [KERNEL]
 *
 * DATA may be "random:SAMPLES". Weights are drawn, not trained.
 */
#include "initializer.h"
#include "kernel.h"
#include "net.h"
#include "samples.h"
#include "worker.h"

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "bench_eval: %s\n", what);
    exit(1);
}

/* Evaluate sample after sample of the split, in batches. */
static void serve(struct pare_net *net, const struct pare_dataset *d,
                  size_t batch)
{
    const struct pare_split *split = &d->split[PARE_TRAIN];
    struct pare_gather from = {.data = d, .split = split};
    struct worker w;
    unsigned long long steps;
    volatile float seen;
    size_t at = 0;

    while ((steps = worker_next(&w)) > 0) {
        for (; steps > 0; steps--) {
            size_t left = split->n - at, n = left < batch ? left : batch;

            pare_net_gather(net, &from, NULL, at, n);
            pare_net_forward(net, n, false, 0, 0);
            seen = pare_net_output(net, 0)[0];
            at = n < left ? at + n : 0;
        }
        worker_answer(&w);
    }
    (void)seen;
}

int main(int argc, char **argv)
{
    struct pare_arch arch = {0};
    struct pare_dataset d = {0};
    struct pare_model m = {0};
    struct pare_net *net = NULL;
    size_t batch, steps;
    double n;

    if (argc != 5 && argc != 6)
        die("usage: DATA ARCH BATCH THREADS [KERNEL]");
    batch = strtoull(argv[3], NULL, 10);
    if ((argc == 6 && pare_kernel_use(argv[5])) ||
        pare_arch_parse(&arch, argv[2]) || samples_read(&d, &arch, argv[1]) ||
        pare_model_init(&m, &arch) || pare_norm_copy(&m.norm, &d.norm) ||
        pare_model_draw(&m, "pytorch", 1))
        die(pare_error());
    if (batch < 1 || batch > d.split[PARE_TRAIN].n)
        die("batch out of range");
    if (pare_net_new(&net, &m, batch, false, atoi(argv[4])))
        die(pare_error());
    /* As many samples as a step has on average: the last batch is short. */
    steps = (d.split[PARE_TRAIN].n + batch - 1) / batch;
    n = (double)d.split[PARE_TRAIN].n / (double)steps;
    printf("ready %.17g %.17g\n", n, samples_flops(&m.arch, n, false));
    fflush(stdout);
    serve(net, &d, batch);
    pare_net_free(net);
    pare_model_release(&m);
    pare_dataset_release(&d);
    return 0;
}
