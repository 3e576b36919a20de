/* Do data and model go together? */
#include <string.h>

#include "rbm.h"
#include "status.h"
#include "train.h"

static int class_names_fit(const struct pare_model *m,
                           const struct pare_dataset *d)
{
    if (m->n_classes && m->n_classes != d->n_classes)
        return pare_fail(PARE_EMISMATCH,
                         "the data have %zu classes, the model was trained "
                         "on %zu",
                         d->n_classes, m->n_classes);
    for (size_t i = 0; m->class_name && d->class_name && i < m->n_classes; i++)
        if (strcmp(m->class_name[i], d->class_name[i]) != 0)
            return pare_fail(PARE_EMISMATCH,
                             "class %zu of the data is '%s', of the model "
                             "'%s'",
                             i, d->class_name[i], m->class_name[i]);
    return 0;
}

/*
 * Images of one size may be laid out otherwise. Rows, features and images fit
 * each other by the number of values.
 */
static int shapes_fit(const struct pare_shape *model,
                      const struct pare_shape *data)
{
    char x[PARE_SHAPE_TEXT], y[PARE_SHAPE_TEXT];

    if (data->rank != model->rank || data->rank < 2 ||
        memcmp(data->dim, model->dim,
               (size_t)data->rank * sizeof data->dim[0]) == 0)
        return 0;
    return pare_fail(PARE_EMISMATCH, "the data are %s, the model takes %s",
                     pare_shape_print(x, data), pare_shape_print(y, model));
}

int pare_model_fits(const struct pare_model *m, const struct pare_dataset *d)
{
    size_t inputs = pare_shape_size(&m->arch.input);
    size_t outputs = pare_shape_size(pare_arch_output(&m->arch));
    int err = pare_arch_need_graph(&m->arch);

    if (!err)
        err = shapes_fit(&m->arch.input, &d->shape);
    if (err)
        return err;
    if (d->features != inputs)
        return pare_fail(PARE_EMISMATCH,
                         "the data have %zu inputs a sample, the model "
                         "takes %zu",
                         d->features, inputs);
    if (d->n_classes > outputs && !pare_arch_is_rbm(&m->arch))
        return pare_fail(PARE_EMISMATCH,
                         "the data have %zu classes, the model has %zu "
                         "outputs",
                         d->n_classes, outputs);
    if (m->norm.n > 1 && (inputs % m->norm.n) != 0)
        return pare_fail(PARE_EMISMATCH,
                         "the model normalises %zu channels, the data have "
                         "%zu inputs",
                         m->norm.n, inputs);
    return class_names_fit(m, d);
}

int pare_augment_fits_model(const struct pare_augment *a,
                            const struct pare_model *m,
                            const struct pare_dataset *d)
{
    const struct pare_shape *in = &m->arch.input;
    char takes[PARE_SHAPE_TEXT];
    int err = pare_augment_fits(a, &d->shape);

    if (!err && a->canon[0] && in->rank == 2)
        err = pare_fail(PARE_EMISMATCH,
                        "augmentation needs a network that takes images, "
                        "not rows of %s",
                        pare_shape_print(takes, in));
    return err;
}
