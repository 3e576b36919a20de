#include <stdlib.h>
#include <string.h>

#include "keras_parts.h"
#include "status.h"

/* The table of layers of Keras, and how each is said in our language. */

/* Features in order channel, height, width instead of height, width,
 * channel: a permuted copy of rows x features. */
static float *unflatten(float *from, size_t rows, const size_t image[3])
{
    const uint64_t dim[] = {rows, image[1], image[2], image[0]};

    return keras_permute(from, 4, dim, (const int[]){0, 3, 1, 2});
}

/* ---- activations ------------------------------------------------------ */

/* Of an activation by name: our layer, or NULL; "" for none at all. */
static const char *activation(const char *name)
{
    static const char *const table[][2] = {
        {"linear", ""},         {"relu", "relu"},
        {"tanh", "tanh"},       {"sigmoid", "sigmoid"},
        {"softmax", "softmax"}, {"log_softmax", "log-softmax"},
        {"gelu", "gelu"},       {"silu", "silu"},
        {"swish", "silu"},      {"leaky_relu", "leaky-relu(slope=0.2)"}};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(name, table[i][0]) == 0)
            return table[i][1];
    return NULL;
}

/* softmax and log-softmax go over features. */
static bool fits(const char *kind, const struct keras_value *v)
{
    return !strstr(kind, "softmax") || v->shape.rank == 1;
}

/* Append the activation that a layer has built in. */
int keras_activate(struct keras_builder *b, const struct keras_layer *l,
                   struct keras_value *out)
{
    const json_t *given = json_object_get(l->config, "activation");
    const char *name = json_is_string(given) ? json_string_value(given)
                       : json_is_object(given)
                           ? keras_text(given, "class_name", "?")
                           : "linear";
    const char *kind = activation(name);
    struct keras_value before = *out;
    char want[KERAS_NAME];

    if (!kind || !fits(kind, out))
        return keras_cannot(b, l, "has an activation that is not known here");
    if (!*kind)
        return 1;
    snprintf(want, sizeof want, "%.20s_%.12s", out->name, name);
    out->positive = strcmp(kind, "relu") == 0;
    return keras_emit(b, out, &before, want, "%s", kind);
}

static int say_activation(struct keras_builder *b, const struct keras_layer *l,
                          struct keras_value *out)
{
    const char *kind = activation(keras_text(l->config, "activation", "?"));

    *out = *l->in[0];
    if (!kind || !fits(kind, out))
        return keras_cannot(b, l, "has an activation that is not known here");
    out->positive |= strcmp(kind, "relu") == 0;
    return *kind ? keras_emit(b, out, l->in[0], l->name, "%s", kind) : 1;
}

static int say_relu(struct keras_builder *b, const struct keras_layer *l,
                    struct keras_value *out)
{
    double slope = keras_real(l->config, "negative_slope", 0);

    *out = *l->in[0];
    if (!keras_is_null(l, "max_value") ||
        keras_real(l->config, "threshold", 0) != 0 || slope < 0 || slope > 1)
        return keras_cannot(b, l, "has a maximum or a threshold");
    if (slope > 0)
        return keras_emit(b, out, l->in[0], l->name, "leaky-relu(slope=%.9g)",
                          slope);
    out->positive = true;
    return keras_emit(b, out, l->in[0], l->name, "relu");
}

static int say_leaky_relu(struct keras_builder *b, const struct keras_layer *l,
                          struct keras_value *out)
{
    double slope = keras_real(l->config, "negative_slope",
                              keras_real(l->config, "alpha", .3));

    *out = *l->in[0];
    if (!(slope >= 0 && slope <= 1))
        return keras_cannot(b, l, "has a slope that is not in 0..1");
    return keras_emit(b, out, l->in[0], l->name, "leaky-relu(slope=%.9g)",
                      slope);
}

static int say_softmax(struct keras_builder *b, const struct keras_layer *l,
                       struct keras_value *out)
{
    *out = *l->in[0];
    if (out->shape.rank != 1)
        return keras_cannot(b, l, "is not over features");
    return keras_emit(b, out, l->in[0], l->name, "softmax");
}

/* ---- layers with weights ---------------------------------------------- */

static int say_dense(struct keras_builder *b, const struct keras_layer *l,
                     struct keras_value *out)
{
    const struct keras_value *in = l->in[0];
    int64_t units = keras_int(l->config, "units", 0);
    bool bias = keras_bool(l->config, "use_bias", true);
    size_t features = pare_shape_size(&in->shape);
    const uint64_t dim[] = {features, (uint64_t)units};
    const uint64_t ours[] = {(uint64_t)units, features};
    float *v = NULL;
    int rc;

    if (units < 1 || units > 1 << 24 || in->shape.rank != 1)
        return keras_cannot(b, l, "is not over features");
    out->shape = (struct pare_shape){1, {(size_t)units}};
    rc = keras_emit(b, out, in, l->name, "linear(%lld%s)", (long long)units,
                    bias ? "" : ",bias=no");
    if (rc > 0)
        rc = keras_get(b, &v, l, "kernel", 0, 2, dim);
    if (rc == 0 && !(v = keras_permute(v, 2, dim, (const int[]){1, 0})))
        rc = PARE_ENOMEM;
    if (rc == 0 && in->image[0] &&
        !(v = unflatten(v, (size_t)units, in->image)))
        rc = PARE_ENOMEM;
    if (rc == 0)
        rc = keras_add(b, out->name, "weight", v, 2, ours);
    if (rc == 0 && bias)
        rc = keras_add_bias(b, l, out->name, (size_t)units);
    return rc < 0 ? rc : keras_activate(b, l, out);
}

/* What a batch norm has of one array; ones or zeros where it has none. */
static int add_norm(struct keras_builder *b, const struct keras_layer *l,
                    const char *name, const char *role, const char *suffix,
                    int *index, bool there, float missing)
{
    const struct keras_value *in = l->in[0];
    const uint64_t dim[] = {in->shape.dim[0]};
    float *v = NULL;
    int err = 0;

    if (there) {
        err = keras_get(b, &v, l, role, (*index)++, 1, dim);
        if (!err && in->image[0] && !(v = unflatten(v, 1, in->image)))
            err = PARE_ENOMEM;
    } else {
        v = malloc((size_t)dim[0] * sizeof *v);
        if (!v)
            err = pare_fail(PARE_ENOMEM, "out of memory");
        for (size_t i = 0; v && i < dim[0]; i++)
            v[i] = missing;
    }
    return err ? err : keras_add(b, name, suffix, v, 1, dim);
}

/* The axis of a batch norm, -1 or the last, alone or in a list. */
static bool over_channels(const struct keras_layer *l)
{
    const json_t *axis = json_object_get(l->config, "axis");
    int64_t a;

    if (json_is_array(axis) && json_array_size(axis) == 1)
        axis = json_array_get(axis, 0);
    a = json_is_integer(axis) ? json_integer_value(axis) : -1;
    return a == -1 || a == l->in[0]->shape.rank;
}

static int say_norm(struct keras_builder *b, const struct keras_layer *l,
                    struct keras_value *out)
{
    const struct keras_value *in = l->in[0];
    double eps = keras_real(l->config, "epsilon", 1e-3);
    double momentum = 1 - keras_real(l->config, "momentum", .99);
    int index = 0, rc;

    if (!over_channels(l) || !(eps >= 1e-12 && eps <= 1) ||
        !(momentum >= 0 && momentum <= 1))
        return keras_cannot(b, l, "is not a norm of channels");
    *out = *in;
    out->positive = false;
    rc = keras_emit(b, out, in, l->name, "batchnorm%s(eps=%.9g,momentum=%.9g)",
                    in->shape.rank == 3 ? "2d" : "", eps, momentum);
    if (rc > 0)
        rc = add_norm(b, l, out->name, "gamma", "scale", &index,
                      keras_bool(l->config, "scale", true), 1);
    if (rc == 0)
        rc = add_norm(b, l, out->name, "beta", "shift", &index,
                      keras_bool(l->config, "center", true), 0);
    if (rc == 0)
        rc = add_norm(b, l, out->name, "moving_mean", "mean", &index, true, 0);
    if (rc == 0)
        rc = add_norm(b, l, out->name, "moving_variance", "var", &index, true,
                      1);
    return rc < 0 ? rc : 1;
}

/* ---- layers without weights ------------------------------------------- */

static int say_global(struct keras_builder *b, const struct keras_layer *l,
                      struct keras_value *out)
{
    const struct keras_value *in = l->in[0];
    struct keras_value pooled = {0};
    char want[KERAS_NAME], kind[64] = "globalavgpool";
    const size_t *d = in->shape.dim;
    int rc;

    if (in->shape.rank < 2)
        return keras_cannot(b, l, "is not over channels");
    if (strstr(l->class_name, "Max") && in->shape.rank == 2)
        snprintf(kind, sizeof kind, "maxpool(%zu)", d[1]);
    else if (strstr(l->class_name, "Max"))
        snprintf(kind, sizeof kind, "maxpool(%zux%zu)", d[1], d[2]);
    out->shape = in->shape;
    for (int i = 1; i < in->shape.rank; i++)
        out->shape.dim[i] = 1;
    if (keras_bool(l->config, "keepdims", false))
        return keras_emit(b, out, in, l->name, "%s", kind);
    rc = keras_emit(b, &pooled, in, l->name, "%s", kind);
    out->shape.rank = 1;
    snprintf(want, sizeof want, "%.30s_flat", l->name);
    return rc <= 0 ? rc : keras_emit(b, out, &pooled, want, "flatten");
}

static int say_flatten(struct keras_builder *b, const struct keras_layer *l,
                       struct keras_value *out)
{
    const struct keras_value *in = l->in[0];

    *out = *in;
    if (in->shape.rank == 1)
        return 1;
    out->shape = (struct pare_shape){1, {pare_shape_size(&in->shape)}};
    /* Of one channel, or one place, both orders are the same. */
    if (in->shape.dim[0] > 1 && out->shape.dim[0] > in->shape.dim[0])
        pare_shape_image(out->image, &in->shape);
    return keras_emit(b, out, in, l->name, "flatten");
}

static int say_reshape(struct keras_builder *b, const struct keras_layer *l,
                       struct keras_value *out)
{
    const json_t *to = json_object_get(l->config, "target_shape");
    const struct keras_value *in = l->in[0];
    int rank = (int)json_array_size(to);
    bool same = rank == in->shape.rank;

    *out = *in;
    if (rank == 1)
        return say_flatten(b, l, out);
    for (int i = 0; same && i < rank; i++) {
        int64_t want = json_integer_value(json_array_get(to, (size_t)i));

        same = want == -1 ||
               want == (int64_t)in->shape.dim[i == rank - 1 ? 0 : i + 1];
    }
    return same ? 1 : keras_cannot(b, l, "changes a shape");
}

static int say_dropout(struct keras_builder *b, const struct keras_layer *l,
                       struct keras_value *out)
{
    double rate = keras_real(l->config, "rate", .5);

    *out = *l->in[0];
    if (!(rate >= 0 && rate <= .999))
        return keras_cannot(b, l, "has a rate that is not in 0..0.999");
    return keras_emit(b, out, l->in[0], l->name, "dropout(p=%.9g)", rate);
}

static bool same_value(const struct keras_value *a, const struct keras_value *b)
{
    return memcmp(a->image, b->image, sizeof a->image) == 0 &&
           a->shape.rank == b->shape.rank;
}

/* add(a, b), concat(a, b) */
static int join(struct keras_builder *b, const struct keras_layer *l,
                struct keras_value *out, const char *kind)
{
    char list[PARE_LAYER_INPUTS * (KERAS_NAME + 2)] = "";
    size_t n = 0;

    if (l->n_in < 2)
        return keras_cannot(b, l, "joins fewer than two layers");
    *out = *l->in[0];
    for (size_t i = 0; i < l->n_in; i++) {
        if (!same_value(l->in[0], l->in[i]))
            return keras_cannot(b, l, "joins layers of different shapes");
        out->positive &= l->in[i]->positive;
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? "," : "",
                              l->in[i]->name);
    }
    return keras_emit(b, out, NULL, l->name, "%s(%s)", kind, list);
}

static int say_add(struct keras_builder *b, const struct keras_layer *l,
                   struct keras_value *out)
{
    return join(b, l, out, "add");
}

static int say_concat(struct keras_builder *b, const struct keras_layer *l,
                      struct keras_value *out)
{
    size_t channels = 0;
    int rc;

    if (!over_channels(l) || l->in[0]->image[0])
        return keras_cannot(b, l, "does not join channels");
    for (size_t i = 0; i < l->n_in; i++)
        channels += l->in[i]->shape.dim[0];
    rc = join(b, l, out, "concat");
    out->shape.dim[0] = channels;
    return rc;
}

/* A normalisation of the input: numbers times a scale plus an offset. */
static int say_rescaling(struct keras_builder *b, const struct keras_layer *l,
                         struct keras_value *out)
{
    double scale = keras_real(l->config, "scale", 0);
    double offset = keras_real(l->config, "offset", 0);
    struct pare_norm *norm = &b->f->norm;

    *out = *l->in[0];
    if (strcmp(out->name, "in") != 0 || norm->scale != 0 || scale == 0 ||
        !json_is_number(json_object_get(l->config, "scale")))
        return keras_cannot(b, l, "is not one scale of the input");
    norm->scale = (float)scale;
    if (offset == 0)
        return 1;
    norm->mean = malloc(sizeof *norm->mean);
    norm->std = malloc(sizeof *norm->std);
    if (!norm->mean || !norm->std)
        return pare_fail(PARE_ENOMEM, "out of memory");
    norm->n = 1;
    norm->mean[0] = (float)-offset;
    norm->std[0] = 1;
    return 1;
}

static const struct keras_kind kinds[] = {
    {"Activation", say_activation},
    {"Add", say_add},
    {"AveragePooling1D", keras_say_pool},
    {"AveragePooling2D", keras_say_pool},
    {"BatchNormalization", say_norm},
    {"Concatenate", say_concat},
    {"Conv1D", keras_say_conv},
    {"Conv2D", keras_say_conv},
    {"Dense", say_dense},
    {"DepthwiseConv2D", keras_say_depthwise},
    {"Dropout", say_dropout},
    {"Flatten", say_flatten},
    {"GlobalAveragePooling1D", say_global},
    {"GlobalAveragePooling2D", say_global},
    {"GlobalMaxPooling1D", say_global},
    {"GlobalMaxPooling2D", say_global},
    {"LeakyReLU", say_leaky_relu},
    {"MaxPooling1D", keras_say_pool},
    {"MaxPooling2D", keras_say_pool},
    {"ReLU", say_relu},
    {"Rescaling", say_rescaling},
    {"Reshape", say_reshape},
    {"Softmax", say_softmax},
    {"ZeroPadding1D", keras_say_pad},
    {"ZeroPadding2D", keras_say_pad},
};

const struct keras_kind *keras_kind(const char *class_name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(class_name, kinds[i].name) == 0)
            return &kinds[i];
    return NULL;
}
