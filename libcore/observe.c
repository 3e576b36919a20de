#include "observe.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>

#include "dialect.h"
#include "hugepage.h"
#include "observe_parts.h"
#include "parallel.h"
#include "rbm.h"
#include "room.h"
#include "status.h"

#define BLOCK        16                /* samples, where layers are small */
#define BLOCK_VALUES ((size_t)1 << 24) /* of all layers, of one block */

static size_t buffer_size(const struct pare_arch *a, size_t i)
{
    return pare_shape_size(i == a->n_layers ? &a->input : &a->layer[i].out);
}

static size_t block_of(const struct pare_arch *a)
{
    size_t values = 0, block = BLOCK;

    for (size_t i = 0; i <= a->n_layers; i++)
        values += buffer_size(a, i);
    while (block > 1 && block * values > BLOCK_VALUES)
        block /= 2;
    return block;
}

/* Is there memory for values and buffers? Sizes are limited where the
   architecture is read, so that sums of doubles are near enough. */
static bool fits(const struct pare_observer *o)
{
    double floats = 0, planes = o->want == PARE_OBSERVE_VALUES     ? 1
                                : o->want == PARE_OBSERVE_GRADIENT ? 2
                                                                   : 4;

    for (size_t i = 0; i <= o->m->arch.n_layers; i++)
        floats +=
            planes * (double)o->block * (double)buffer_size(&o->m->arch, i);
    for (size_t t = 0; t < o->m->n_tensors; t++)
        floats += (double)o->m->tensor[t].n;
    floats += (double)o->threads * (double)o->scratch_size;
    return floats * sizeof(double) < (double)pare_room();
}

static bool alloc_buffers(struct pare_observer *o)
{
    const struct pare_arch *a = &o->m->arch;

    for (size_t i = 0; i <= a->n_layers; i++) {
        struct observe_buffer *b = &o->buffer[i];
        double **each[] = {&b->x, &b->g, &b->rx, &b->rg};

        b->size = buffer_size(a, i);
        for (int k = 0; k < 4; k++) {
            if (k >= 1 && o->want == PARE_OBSERVE_VALUES)
                break;
            if (k >= 2 && o->want == PARE_OBSERVE_GRADIENT)
                break;
            *each[k] = calloc(o->block * b->size, sizeof(double));
            if (!*each[k])
                return false;
        }
    }
    return true;
}

static bool alloc_values(struct pare_observer *o)
{
    const struct pare_model *m = o->m;

    for (size_t t = 0; t < m->n_tensors; t++) {
        o->value[t] = malloc(m->tensor[t].n * sizeof(double));
        pare_hugepage(o->value[t], m->tensor[t].n * sizeof(double));
        if (!o->value[t])
            return false;
        for (size_t i = 0; i < m->tensor[t].n; i++)
            o->value[t][i] = (double)m->tensor[t].value[i];
    }
    return true;
}

static bool alloc(struct pare_observer *o)
{
    const struct pare_arch *a = &o->m->arch;
    struct pare_tensor_spec spec[PARE_LAYER_TENSORS];
    size_t tensor = 0;

    o->buffer = calloc(a->n_layers + 1, sizeof *o->buffer);
    o->tensor = calloc(a->n_layers + 1, sizeof *o->tensor);
    o->value = calloc(o->m->n_tensors + 1, sizeof *o->value);
    o->y = calloc(o->block, sizeof *o->y);
    o->rows = calloc(o->block * buffer_size(a, a->n_layers), sizeof *o->rows);
    o->slot = calloc((size_t)o->threads, sizeof *o->slot);
    if (!o->buffer || !o->tensor || !o->value || !o->y || !o->rows || !o->slot)
        return false;
    for (size_t i = 0; i < a->n_layers; i++) {
        size_t need = 0;

        o->tensor[i] = tensor;
        tensor += (size_t)a->layer[i].kind->tensors(&a->layer[i], spec);
        if (a->layer[i].kind->op == PARE_OP_LINEAR)
            need = observe_linear_scratch(o);
        else if (a->layer[i].kind->op == PARE_OP_CONV)
            need = observe_conv_scratch(&a->layer[i]);
        o->scratch_size = need > o->scratch_size ? need : o->scratch_size;
    }
    if (!fits(o))
        return false;
    o->scratch =
        malloc((size_t)o->threads * (o->scratch_size + 1) * sizeof(double));
    return o->scratch && alloc_buffers(o) && alloc_values(o);
}

/* Passes here know no dialect and no Boltzmann machine. */
static int check_known(const struct pare_model *m)
{
    const struct pare_dialect *dialect = pare_dialect_find(m->training.dialect);

    if (pare_arch_is_rbm(&m->arch))
        return pare_fail(PARE_EMISMATCH,
                         "a Boltzmann machine has no outputs to look at");
    for (size_t i = 0;
         dialect && dialect->plain_dropout && i < m->arch.n_layers; i++)
        if (m->arch.layer[i].kind->op == PARE_OP_DROPOUT)
            return pare_fail(PARE_EMISMATCH,
                             "layer %s: this criterion does not know the "
                             "dropout of dialect %s",
                             m->arch.layer[i].name, dialect->name);
    return 0;
}

int pare_observer_new(struct pare_observer **out, const struct pare_model *m,
                      enum pare_observe want, int threads)
{
    struct pare_observer *o;
    int err = pare_arch_need_graph(&m->arch);

    if (!err)
        err = check_known(m);
    if (err)
        return err;
    o = calloc(1, sizeof *o);
    if (!o)
        return pare_fail(PARE_ENOMEM, "out of memory");
    o->m = m;
    o->want = want;
    o->threads = threads;
    o->block = block_of(&m->arch);
    o->temperature = 1;
    o->until = m->arch.n_layers;
    openblas_set_num_threads(1);
    if (!alloc(o)) {
        pare_observer_free(o);
        return pare_fail(PARE_ENOMEM, "out of memory");
    }
    *out = o;
    return 0;
}

void pare_observer_free(struct pare_observer *o)
{
    if (!o)
        return;
    for (size_t i = 0; o->buffer && i <= o->m->arch.n_layers; i++) {
        free(o->buffer[i].x);
        free(o->buffer[i].g);
        free(o->buffer[i].rx);
        free(o->buffer[i].rg);
    }
    for (size_t t = 0; o->value && t < o->m->n_tensors; t++)
        free(o->value[t]);
    free(o->buffer);
    free(o->value);
    free(o->tensor);
    free(o->y);
    free(o->rows);
    free(o->scratch);
    free(o->slot);
    free(o);
}

double *observe_take(struct pare_observer *o, size_t *slot)
{
    for (*slot = 0;; *slot = (*slot + 1) % (size_t)o->threads)
        if (!atomic_flag_test_and_set(&o->slot[*slot]))
            return o->scratch + *slot * o->scratch_size;
}

void observe_give(struct pare_observer *o, size_t slot)
{
    atomic_flag_clear(&o->slot[slot]);
}

size_t pare_observer_block(const struct pare_observer *o)
{
    return o->block;
}

double *pare_observer_values(struct pare_observer *o, size_t tensor)
{
    return o->value[tensor];
}

void pare_observer_temperature(struct pare_observer *o, double temperature)
{
    o->temperature = temperature;
}

void pare_observer_until(struct pare_observer *o, size_t layer)
{
    o->until = layer;
}

void pare_observer_straighten(struct pare_observer *o)
{
    o->straight = true;
}

void pare_observer_direction(struct pare_observer *o,
                             const double *const *direction)
{
    o->direction = direction;
}

static struct observe_buffer *buffer_of(const struct pare_observer *o,
                                        size_t layer)
{
    return &o->buffer[layer == PARE_INPUT ? o->m->arch.n_layers : layer];
}

const double *pare_observer_input(const struct pare_observer *o, size_t layer)
{
    return buffer_of(o, o->m->arch.layer[layer].input[0])->x;
}

const double *pare_observer_output(const struct pare_observer *o, size_t layer)
{
    return buffer_of(o, layer)->x;
}

static void forward_task(void *arg, size_t i)
{
    observe_forward(arg, i);
}

static void backward_task(void *arg, size_t i)
{
    observe_backward(arg, i);
}

static void run_input(struct observe_layer *k, bool back)
{
    enum pare_layer_op op = k->l->kind->op;

    if (op == PARE_OP_LINEAR)
        (back ? observe_linear_backward : observe_linear_forward)(k);
    else if (op == PARE_OP_CONV)
        (back ? observe_conv_backward : observe_conv_forward)(k);
    else
        pare_parallel(k->o->threads, k->o->n,
                      back ? backward_task : forward_task, k);
}

static void run_layer(struct pare_observer *o, size_t i, bool back)
{
    const struct pare_layer *l = &o->m->arch.layer[i];
    struct observe_layer k = {.o = o,
                              .l = l,
                              .tensor = o->tensor[i],
                              .out = &o->buffer[i],
                              .first = true};

    pare_shape_image(k.ochw, &l->out);
    for (int j = 0; j < l->n_inputs; j++) {
        k.in = buffer_of(o, l->input[j]);
        pare_shape_image(k.chw, &l->in[j]);
        if (!back || l->input[j] != PARE_INPUT)
            run_input(&k, back);
        k.first = false;
        if (l->kind->op == PARE_OP_CONCAT)
            k.channel += k.chw[0];
    }
}

static void forward(struct pare_observer *o)
{
    for (size_t i = 0; i < o->until; i++)
        run_layer(o, i, false);
}

int pare_observer_run(struct pare_observer *o, const struct pare_dataset *d,
                      const uint32_t *index, size_t n)
{
    const struct pare_split *split = &d->split[PARE_TRAIN];
    const struct pare_gather from = {
        .data = d, .norm = &o->m->norm, .split = split, .planes = 1};
    const struct observe_buffer *in = buffer_of(o, PARE_INPUT);
    int err;

    for (size_t i = 0; i < n; i++) {
        if (index[i] >= split->n)
            return pare_fail(PARE_EINVAL, "sample %u of %zu",
                             (unsigned)index[i], split->n);
        o->y[i] = split->y[index[i]];
    }
    pare_dataset_gather(NULL, o->rows, 4, &from, index, 0, n);
    err = pare_split_fault(split);
    if (err)
        return err;
    for (size_t i = 0; i < n * in->size; i++)
        in->x[i] = (double)o->rows[i];
    o->n = n;
    forward(o);
    return 0;
}

void pare_observer_run_constant(struct pare_observer *o, double x)
{
    const struct observe_buffer *in = buffer_of(o, PARE_INPUT);

    for (size_t i = 0; i < in->size; i++)
        in->x[i] = x;
    o->n = 1;
    forward(o);
}

static void clear_gradients(struct pare_observer *o)
{
    for (size_t i = 0; i <= o->m->arch.n_layers; i++) {
        const struct observe_buffer *b = &o->buffer[i];

        memset(b->g, 0, o->n * b->size * sizeof *b->g);
        if (o->direction)
            memset(b->rg, 0, o->n * b->size * sizeof *b->rg);
    }
}

static void backward(struct pare_observer *o)
{
    for (size_t i = o->m->arch.n_layers; i-- > 0;)
        run_layer(o, i, true);
}

int pare_observer_backward(struct pare_observer *o)
{
    int err;

    clear_gradients(o);
    err = observe_loss(o);
    if (!err)
        backward(o);
    return err;
}

void pare_observer_backward_sum(struct pare_observer *o)
{
    const struct observe_buffer *b = &o->buffer[o->m->arch.n_layers - 1];

    clear_gradients(o);
    for (size_t i = 0; i < o->n * b->size; i++)
        b->g[i] = 1;
    backward(o);
}
