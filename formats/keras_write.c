#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "keras_out.h"
#include "model_copy.h"
#include "status.h"

/* Whole-model HDF5 of Keras 2, which Keras 3 reads as well. */

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* ---- layers of the configuration -------------------------------------- */

static json_t *inbound(const struct keras_out *const *from, size_t n)
{
    json_t *node = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(node,
                              json_pack("[s,i,i,{}]", from[i]->name, 0, 0));
    return json_pack("[o]", node);
}

static int remember_name(struct keras_writer *k, const char *name)
{
    if (k->n == k->room) {
        size_t room = 2 * k->room + 16;
        char **more = realloc(k->name, room * sizeof *more);

        if (!more)
            return no_memory();
        k->name = more;
        k->room = room;
    }
    k->name[k->n] = malloc(strlen(name) + 1);
    if (!k->name[k->n])
        return no_memory();
    strcpy(k->name[k->n++], name);
    return 0;
}

/* Append a layer; config is taken over, NULL for no memory. Its group is
 * made, with the names of its arrays. */
int keras_w_append(struct keras_writer *k, struct keras_out *out,
                   const char *class_name, const char *name, json_t *config,
                   const struct keras_out *const *from, size_t n,
                   const char *const *arrays)
{
    char path[PATH_BYTES], inner[PATH_BYTES + PARE_LAYER_MAX];
    char text[ARRAYS][PARE_LAYER_MAX + 32];
    const char *list[ARRAYS];
    json_t *layer;
    size_t a = 0;
    int err;

    json_object_set_new(config, "name", json_string(name));
    if (n) /* not the input */
        json_object_set_new(config, "trainable", json_true());
    json_object_set_new(config, "dtype", json_string("float32"));
    layer = json_pack("{s:s,s:o,s:s,s:o}", "class_name", class_name, "config",
                      config, "name", name, "inbound_nodes",
                      n ? inbound(from, n) : json_array());
    if (!layer || json_array_append_new(k->layers, layer) != 0)
        return no_memory();
    snprintf(out->name, sizeof out->name, "%s", name);
    snprintf(path, sizeof path, "/model_weights/%s", name);
    snprintf(inner, sizeof inner, "%s/%s", path, name);
    for (; arrays && arrays[a]; a++) {
        snprintf(text[a], sizeof text[a], "%s/%s:0", name, arrays[a]);
        list[a] = text[a];
    }
    err = remember_name(k, name);
    if (!err)
        err = pare_h5w_group(k->w, path);
    if (!err)
        err = pare_h5w_attr_texts(k->w, path, "weight_names", a, list);
    return err || a == 0 ? err : pare_h5w_group(k->w, inner);
}

/* One that takes one value and has no arrays. */
int keras_w_simple(struct keras_writer *k, struct keras_out *out,
                   const char *class_name, const char *name, json_t *config,
                   const struct keras_out *in)
{
    return keras_w_append(k, out, class_name, name, config, &in, 1, NULL);
}

/* ---- arrays ----------------------------------------------------------- */

/* Write values with axis i of the array being axis order[i] of theirs. */
int keras_w_array(struct keras_writer *k, const char *layer, const char *what,
                  const float *from, int rank, const size_t *dim,
                  const int *order)
{
    size_t n = 1, step[PARE_RANK_MAX], size[PARE_RANK_MAX];
    size_t at[PARE_RANK_MAX] = {0};
    char path[PATH_BYTES];
    float *to;
    int err;

    for (int i = rank; i-- > 0;) {
        step[i] = n;
        n *= dim[i];
    }
    to = malloc(n * sizeof *to);
    if (!to)
        return no_memory();
    for (int i = 0; i < rank; i++)
        size[i] = dim[order[i]];
    for (size_t j = 0; j < n; j++) {
        size_t source = 0;

        for (int i = 0; i < rank; i++)
            source += at[i] * step[order[i]];
        to[j] = from[source];
        for (int i = rank - 1; i >= 0 && ++at[i] == size[i]; i--)
            at[i] = 0;
    }
    snprintf(path, sizeof path, "/model_weights/%s/%s/%s:0", layer, layer,
             what);
    err = pare_h5w_data(k->w, path, PARE_H5_F32, rank, size, to, false);
    free(to);
    return err;
}

int keras_w_row(struct keras_writer *k, const char *layer, const char *what,
                const float *from, size_t n, const size_t image[3])
{
    static const int same[] = {0};
    char path[PATH_BYTES];
    float *to;
    int err;

    if (!image[0])
        return keras_w_array(k, layer, what, from, 1, &n, same);
    /* Features that were an image are in order height, width, channel. */
    to = malloc(n * sizeof *to);
    if (!to)
        return no_memory();
    for (size_t i = 0; i < n; i++) {
        size_t place = i / image[0], c = i % image[0];

        to[i] = from[c * image[1] * image[2] + place];
    }
    snprintf(path, sizeof path, "/model_weights/%s/%s/%s:0", layer, layer,
             what);
    err = pare_h5w_data(k->w, path, PARE_H5_F32, 1, &n, to, false);
    free(to);
    return err;
}

/* ---- the whole -------------------------------------------------------- */

static json_t *input_shape(const struct pare_shape *s)
{
    json_t *shape = json_pack("[n]");

    for (int i = 1; i < s->rank; i++)
        json_array_append_new(shape, json_integer((json_int_t)s->dim[i]));
    json_array_append_new(shape, json_integer((json_int_t)s->dim[0]));
    return shape;
}

/* The input, and its normalisation: a Rescaling by one mean and deviation, a
 * BatchNormalization by those of channels. */
static int say_input(struct keras_writer *k, struct keras_out *out)
{
    static const char *const arrays[] = {"gamma", "beta", "moving_mean",
                                         "moving_variance", NULL};
    const struct pare_norm *norm = &k->m->norm;
    double scale = (double)norm->scale, std = 1, mean = 0;
    struct keras_out raw = {.shape = k->m->arch.input}, scaled;
    const struct keras_out *from = &raw;
    int err;

    err = keras_w_append(
        k, &raw, "InputLayer", ".input",
        json_pack("{s:o}", "batch_input_shape", input_shape(&k->m->arch.input)),
        NULL, 0, NULL);
    *out = raw;
    if (norm->n == 1) {
        std = (double)norm->std[0];
        mean = (double)norm->mean[0];
    }
    if (!err && (scale != 1 || norm->n == 1)) {
        scaled = raw;
        err = keras_w_simple(
            k, &scaled, "Rescaling", ".scale",
            json_pack("{s:f,s:f}", "scale", scale / std, "offset", -mean / std),
            &raw);
        *out = scaled;
        from = &scaled;
    }
    if (err || norm->n < 2)
        return err;
    if (norm->n != k->m->arch.input.dim[0])
        return pare_fail(PARE_EINVAL,
                         "normalisation by pixel: Keras has no such layer");
    err = keras_w_append(k, out, "BatchNormalization", ".norm",
                         json_pack("{s:i,s:f,s:b,s:b}", "axis", -1, "epsilon",
                                   1e-12, "center", 1, "scale", 1),
                         &from, 1, arrays);
    for (int i = 0; i < ARRAYS && !err; i++) {
        float *v = malloc(norm->n * sizeof *v);

        if (!v)
            return no_memory();
        for (size_t j = 0; j < norm->n; j++)
            v[j] = i == 0   ? 1
                   : i == 1 ? 0
                   : i == 2 ? norm->mean[j]
                            : norm->std[j] * norm->std[j];
        err = keras_w_row(k, ".norm", arrays[i], v, norm->n, out->image);
        free(v);
    }
    return err;
}

static int say_config(struct keras_writer *k)
{
    const struct keras_out *last = &k->value[k->m->arch.n_layers - 1];
    json_t *root =
        json_pack("{s:s,s:{s:s,s:b,s:O,s:[[s,i,i]],s:[[s,i,i]]}}", "class_name",
                  "Functional", "config", "name", "model", "trainable", 1,
                  "layers", k->layers, "input_layers", k->name[0], 0, 0,
                  "output_layers", last->name, 0, 0);
    char *text =
        root ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    int err = text ? pare_h5w_attr_long(k->w, "/", "model_config", text)
                   : no_memory();

    free(text);
    json_decref(root);
    return err;
}

static int write_all(struct keras_writer *k)
{
    const struct pare_arch *a = &k->m->arch;
    struct pare_tensor_spec spec[PARE_LAYER_TENSORS];
    int err = pare_h5w_group(k->w, "/model_weights");

    if (!err)
        err = say_input(k, &k->value[a->n_layers]);
    for (size_t i = 0; i < a->n_layers && !err; i++) {
        err = keras_w_say_layer(k, i);
        k->tensor += (size_t)a->layer[i].kind->tensors(&a->layer[i], spec);
    }
    if (!err && k->value[a->n_layers - 1].image[0])
        err = pare_fail(PARE_EINVAL, "the network puts out an image made "
                                     "flat: Keras has another order of them");
    if (!err)
        err = say_config(k);
    if (!err)
        err = pare_h5w_attr_texts(k->w, "/model_weights", "layer_names", k->n,
                                  (const char *const *)k->name);
    for (int i = 0; i < 2 && !err; i++) {
        const char *at = i ? "/model_weights" : "/";

        err = pare_h5w_attr_text(k->w, at, "keras_version", "2.15.0");
        if (!err)
            err = pare_h5w_attr_text(k->w, at, "backend", "tensorflow");
    }
    return err;
}

static int write_model(const char *path, const struct pare_model *m)
{
    struct keras_writer k = {.m = m, .layers = json_array()};
    uint64_t bytes;
    int err = k.layers ? pare_h5w_new(&k.w, NULL) : no_memory();

    if (!err && !(k.value = calloc(m->arch.n_layers + 1, sizeof *k.value)))
        err = no_memory();
    if (!err)
        err = write_all(&k);
    if (!err)
        err = pare_h5w_put(k.w, path, &bytes);
    pare_h5w_free(k.w);
    for (size_t i = 0; i < k.n; i++)
        free(k.name[i]);
    free(k.name);
    free(k.value);
    json_decref(k.layers);
    return err;
}

int pare_keras_write(const char *path, const struct pare_model *m)
{
    struct pare_model dense = {0};
    bool compact = false;
    int err = pare_arch_need_graph(&m->arch);

    for (size_t t = 0; !err && t < m->n_tensors; t++)
        compact |= m->tensor[t].pattern != NULL;
    if (err || !compact)
        return err ? err : write_model(path, m);
    err = pare_model_copy(&dense, m);
    if (!err)
        err = pare_model_expand(&dense);
    if (!err)
        err = write_model(path, &dense);
    pare_model_release(&dense);
    return err;
}
