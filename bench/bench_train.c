/*
 * bench_train: a worker that trains in process, through pare_train, so that
 * all a run does is timed: order, gather, loss, accuracy, update, history.
 *
 *     bench_train DATA.h5 ARCH OPTIMIZER BATCH THREADS [KERNEL]
 *
 * DATA may be "random:SAMPLES". With "phases" for KERNEL it prints the parts
 * of a step instead.
 */
#include <string.h>

#include "initializer.h"
#include "kernel.h"
#include "net.h"
#include "samples.h"
#include "status.h"
#include "train.h"
#include "worker.h"

struct count {
    struct worker worker;
    unsigned long long left;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "bench_train: %s\n", what);
    exit(1);
}

/* The step that ends a sample answers, and waits for the next. */
static int on_step(void *arg, const struct pare_model *m, double lr,
                   double loss)
{
    struct count *c = arg;

    (void)m;
    (void)lr;
    (void)loss;
    if (--c->left > 0)
        return 0;
    worker_answer(&c->worker);
    c->left = worker_next(&c->worker);
    return c->left == 0;
}

/* Where the time of a step goes: seconds of parts, medians of none. */
static void phases(struct pare_model *m, const struct pare_dataset *d,
                   const struct pare_train_options *o)
{
    const double end = worker_now() + 4;
    double at[5], least[4] = {1e9, 1e9, 1e9, 1e9}, *loss;
    struct pare_gather from = {.data = d, .split = &d->split[PARE_TRAIN]};
    struct pare_update u = {.lr = 1e-3f};
    struct pare_net *net;
    uint32_t *rank = malloc(o->batch * sizeof *rank);

    loss = malloc(o->batch * sizeof *loss);
    if (!loss || !rank || pare_net_new(&net, m, o->batch, true, o->threads) ||
        pare_optstate_alloc(&m->optim, m, o->optimizer.n_slots))
        die("out of memory");
    for (size_t s = 0; s < 400 && worker_now() < end; s++) {
        size_t first = s * o->batch % (d->split[PARE_TRAIN].n - o->batch + 1);
        const int32_t *y = d->split[PARE_TRAIN].y + first;

        at[0] = worker_now();
        pare_net_gather(net, &from, NULL, first, o->batch);
        at[1] = worker_now();
        pare_net_forward(net, o->batch, true, 0, s);
        at[2] = worker_now();
        pare_net_loss(net, o->loss, loss, y, 1.0f / (float)o->batch);
        pare_net_rank(net, rank, NULL, y);
        at[3] = worker_now();
        o->optimizer.row->prepare(&u, o->optimizer.opt, s + 1);
        pare_net_backward_update(net, o->optimizer.row, &u, &m->optim);
        at[4] = worker_now();
        for (int i = 0; i < 4; i++)
            if (at[i + 1] - at[i] < least[i])
                least[i] = at[i + 1] - at[i];
    }
    printf("  least us a step: gather %.1f, forward %.1f, loss and rank "
           "%.1f, backward and update %.1f\n",
           1e6 * least[0], 1e6 * least[1], 1e6 * least[2], 1e6 * least[3]);
    pare_net_free(net);
    free(loss);
    free(rank);
}

int main(int argc, char **argv)
{
    struct pare_train_options o = {.lr = 0.01, .val = PARE_VAL, .seed = 1};
    struct pare_arch arch = {0};
    struct pare_dataset d = {0};
    struct pare_model m = {0};
    struct count c = {0};
    struct pare_train_hooks hooks = {&c, on_step, NULL};
    bool split = argc == 7 && strcmp(argv[6], "phases") == 0;

    if (argc != 6 && argc != 7)
        die("usage: DATA ARCH OPTIMIZER BATCH THREADS [KERNEL|phases]");
    o.batch = strtoull(argv[4], NULL, 10);
    o.threads = atoi(argv[5]);
    o.loss = pare_loss_find("cross-entropy");
    if ((argc == 7 && !split && pare_kernel_use(argv[6])) ||
        pare_optimizer_parse(&o.optimizer, argv[3]) ||
        pare_schedule_parse(&o.schedule, "constant") ||
        pare_arch_parse(&arch, argv[2]) || samples_read(&d, &arch, argv[1]) ||
        pare_model_init(&m, &arch) || pare_norm_copy(&m.norm, &d.norm) ||
        pare_model_draw(&m, "pytorch", 1))
        die(pare_error());
    if (o.batch < 1 || o.batch > d.split[PARE_TRAIN].n)
        die("batch out of range");
    o.lr = o.optimizer.row->default_lr;
    o.end_step = 1000000000000;
    /* As many samples as a step has on average: the last batch is short. */
    if (split) {
        phases(&m, &d, &o);
    } else {
        double n = (double)d.split[PARE_TRAIN].n /
                   (double)pare_steps_per_epoch(&d, o.batch);
        int err = 0;

        printf("ready %.17g %.17g\n", n, samples_flops(&m.arch, n, true));
        fflush(stdout);
        c.left = worker_next(&c.worker);
        if (c.left)
            err = pare_train(&m, &d, &o, &hooks);
        if (err && err != PARE_ESTOPPED)
            die(pare_error());
    }
    pare_model_release(&m);
    pare_dataset_release(&d);
    return 0;
}
