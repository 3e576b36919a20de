/*
 * bench_score: a worker that scores a network's weights, or with a + before
 * the criterion its units; a step is one scoring of all of them.
 *
 *     bench_score DATA.h5 ARCH CRITERION CALIBRATE THREADS
 *
 * DATA may be "random:SAMPLES". Weights are drawn, not trained.
 */
#include "criterion.h"
#include "initializer.h"
#include "samples.h"
#include "worker.h"

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "bench_score: %s\n", what);
    exit(1);
}

static float **new_scores(const struct pare_model *m)
{
    float **score = calloc(m->n_tensors + 1, sizeof *score);

    for (size_t t = 0; score && t < m->n_tensors; t++)
        if (pare_tensor_prunable(&m->tensor[t]))
            score[t] = calloc(m->tensor[t].n, sizeof **score);
    if (!score)
        die("out of memory");
    return score;
}

static void serve(struct pare_model *m, const struct pare_criterion_spec *c,
                  const struct pare_criterion_input *in, bool units)
{
    float **score = new_scores(m);
    unsigned long long steps;
    struct worker w;

    while ((steps = worker_next(&w)) > 0) {
        for (; steps > 0; steps--)
            if ((units ? c->row->units : c->row->score)(score, m, in))
                die(pare_error());
        worker_answer(&w);
    }
    for (size_t t = 0; t < m->n_tensors; t++)
        free(score[t]);
    free(score);
}

int main(int argc, char **argv)
{
    struct pare_criterion_input in = {0};
    struct pare_criterion_spec c;
    struct pare_arch arch = {0};
    struct pare_dataset d = {0};
    struct pare_model m = {0};
    bool units;

    if (argc != 6)
        die("usage: DATA ARCH CRITERION CALIBRATE THREADS");
    units = argv[3][0] == '+';
    if (pare_arch_parse(&arch, argv[2]) || samples_read(&d, &arch, argv[1]) ||
        pare_model_init(&m, &arch) || pare_norm_copy(&m.norm, &d.norm) ||
        pare_model_draw(&m, "pytorch", 1) ||
        pare_criterion_parse(&c, argv[3] + units))
        die(pare_error());
    if (!(units ? c.row->units : c.row->score))
        die("the criterion does not score that");
    in.data = &d;
    in.calibrate = strtoull(argv[4], NULL, 10);
    in.threads = atoi(argv[5]);
    in.opt = c.opt;
    printf("ready %.17g %.17g\n", (double)in.calibrate,
           samples_flops(&m.arch, (double)in.calibrate, true));
    fflush(stdout);
    serve(&m, &c, &in, units);
    pare_model_release(&m);
    pare_dataset_release(&d);
    return 0;
}
