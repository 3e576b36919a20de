#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "keras_parts.h"
#include "status.h"

/* From a configuration of Keras to an architecture of ours. */

#define LAYERS_MAX 4096

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

int64_t keras_int(const json_t *config, const char *key, int64_t def)
{
    const json_t *v = json_object_get(config, key);

    return json_is_integer(v) ? (int64_t)json_integer_value(v) : def;
}

double keras_real(const json_t *config, const char *key, double def)
{
    const json_t *v = json_object_get(config, key);

    return json_is_number(v) ? json_number_value(v) : def;
}

const char *keras_text(const json_t *config, const char *key, const char *def)
{
    const char *s = json_string_value(json_object_get(config, key));

    return s ? s : def;
}

bool keras_bool(const json_t *config, const char *key, bool def)
{
    const json_t *v = json_object_get(config, key);

    return json_is_boolean(v) ? json_is_true(v) : def;
}

bool keras_pair(size_t hw[2], const json_t *config, const char *key, int rank)
{
    const json_t *v = json_object_get(config, key);

    hw[0] = hw[1] = 1;
    for (int i = 0; i < rank; i++) {
        const json_t *one = json_is_array(v) ? json_array_get(v, (size_t)i) : v;
        int64_t size = json_is_integer(one) ? json_integer_value(one) : 0;

        if (size < 1 || size > 65535)
            return false;
        hw[2 - rank + i] = (size_t)size;
    }
    return !json_is_array(v) || json_array_size(v) == (size_t)rank;
}

int keras_cannot(struct keras_builder *b, const struct keras_layer *l,
                 const char *why)
{
    int err = pare_foreign_note(b->f, "no graph: layer '%.80s' (%.60s) %s",
                                l->name, l->class_name, why);

    return err ? err : 0;
}

static bool taken(const struct keras_builder *b, const char *name)
{
    for (size_t i = 0; i < b->emitted; i++)
        if (strcmp(b->name[i], name) == 0)
            return true;
    return strcmp(name, "in") == 0;
}

/* A name that a layer may have and none has yet, like the one wanted. */
static void choose_name(char out[KERAS_NAME], const struct keras_builder *b,
                        const char *want)
{
    size_t n = 0;

    if (!isalpha((unsigned char)want[0]))
        out[n++] = 'l';
    for (; *want && n < KERAS_NAME - 8; want++)
        out[n++] = isalnum((unsigned char)*want) || *want == '-' ? *want : '_';
    out[n] = '\0';
    for (unsigned k = 2; taken(b, out) && k < 100000; k++)
        snprintf(out + n, KERAS_NAME - n, "_%u", k);
}

int keras_emit(struct keras_builder *b, struct keras_value *out,
               const struct keras_value *from, const char *want,
               const char *kind, ...)
{
    char name[KERAS_NAME];
    void *more = realloc(b->name, (b->emitted + 1) * sizeof *b->name);
    va_list ap;

    if (!more)
        return no_memory();
    b->name = more;
    choose_name(name, b, want);
    strcpy(b->name[b->emitted++], name);
    fputc(' ', b->text);
    if (from)
        fprintf(b->text, "%s -> ", from->name);
    fprintf(b->text, "%s=", name);
    va_start(ap, kind);
    vfprintf(b->text, kind, ap);
    va_end(ap);
    strcpy(out->name, name);
    return 1;
}

int keras_add(struct keras_builder *b, const char *layer, const char *suffix,
              float *values, int rank, const uint64_t *dim)
{
    char name[KERAS_NAME + 16];
    struct pare_foreign_tensor *t;

    snprintf(name, sizeof name, "%s.%s", layer, suffix);
    t = pare_foreign_add(b->f, name);
    if (!t) {
        free(values);
        return PARE_ENOMEM;
    }
    t->type = PARE_FOREIGN_F32;
    t->rank = rank;
    memcpy(t->dim, dim, (size_t)rank * sizeof *dim);
    t->owned = values;
    t->bytes = values;
    return 0;
}

/* The list of layers: the configuration, or its "layers". */
static json_t *layer_list(json_t *root)
{
    json_t *config = json_object_get(root, "config");

    return json_is_array(config) ? config : json_object_get(config, "layers");
}

static bool is_sequential(const json_t *root)
{
    return strcmp(keras_text(root, "class_name", ""), "Sequential") == 0;
}

static const struct keras_value *find(const struct keras_builder *b,
                                      const char *keras)
{
    for (size_t i = b->n; keras && i-- > 0;)
        if (strcmp(b->value[i].keras, keras) == 0)
            return &b->value[i];
    return NULL;
}

/* Add what a node takes: ["name", 0, 0, ...], one output of a layer. */
static bool take_old(struct keras_layer *l, const struct keras_builder *b,
                     const json_t *from)
{
    const struct keras_value *v =
        find(b, json_string_value(json_array_get(from, 0)));

    if (!v || l->n_in == PARE_LAYER_INPUTS ||
        json_integer_value(json_array_get(from, 1)) != 0 ||
        json_integer_value(json_array_get(from, 2)) != 0)
        return false;
    l->in[l->n_in++] = v;
    return true;
}

/* The same as Keras 3 has it: tensors in the arguments of a call. */
static bool take_new(struct keras_layer *l, const struct keras_builder *b,
                     const json_t *arg)
{
    if (json_is_array(arg)) {
        for (size_t i = 0; i < json_array_size(arg); i++) {
            const json_t *one = json_array_get(arg, i);

            if (!json_is_object(one) || !take_new(l, b, one))
                return false;
        }
        return json_array_size(arg) > 0;
    }
    if (strcmp(keras_text(arg, "class_name", ""), "__keras_tensor__") != 0)
        return false;
    return take_old(
        l, b, json_object_get(json_object_get(arg, "config"), "keras_history"));
}

/* What the layer takes in a graph: it may be called once only. */
static bool take_inputs(struct keras_layer *l, const struct keras_builder *b,
                        const json_t *item)
{
    const json_t *nodes = json_object_get(item, "inbound_nodes");
    const json_t *node = json_array_get(nodes, 0);

    if (json_array_size(nodes) != 1)
        return false;
    if (json_is_object(node)) {
        const json_t *args = json_object_get(node, "args");

        return json_array_size(args) == 1 &&
               take_new(l, b, json_array_get(args, 0));
    }
    for (size_t i = 0; i < json_array_size(node); i++)
        if (!take_old(l, b, json_array_get(node, i)))
            return false;
    return l->n_in > 0;
}

/* Sizes of the input but for the batch; 0 if they are not all known. */
static int input_dims(size_t dim[3], const json_t *config)
{
    const json_t *shape = json_object_get(config, "batch_input_shape");
    int rank;

    if (!json_is_array(shape))
        shape = json_object_get(config, "batch_shape");
    rank = (int)json_array_size(shape) - 1;
    if (rank < 1 || rank > 3)
        return 0;
    for (int i = 0; i < rank; i++) {
        int64_t n = json_integer_value(json_array_get(shape, (size_t)i + 1));

        if (n < 1 || n > 1 << 24)
            return 0;
        dim[i] = (size_t)n;
    }
    return rank;
}

/* An input of that shape reads better as images where a Reshape follows. */
static bool reshaped(size_t dim[3], int *rank, const json_t *list)
{
    for (size_t i = 0; i < 2 && i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const json_t *to =
            json_object_get(json_object_get(item, "config"), "target_shape");
        size_t n = 1, have = 1, want[3];

        if (strcmp(keras_text(item, "class_name", ""), "Reshape") != 0)
            continue;
        if (json_array_size(to) != 3)
            return false;
        for (size_t k = 0; k < 3; k++) {
            int64_t d = json_integer_value(json_array_get(to, k));

            if (d < 1 || d > 65535)
                return false;
            want[k] = (size_t)d;
            n *= want[k];
        }
        for (int k = 0; k < *rank; k++)
            have *= dim[k];
        if (n != have || (want[2] != 1 && *rank > 1))
            return false;
        memcpy(dim, want, sizeof want);
        *rank = 3;
        return true;
    }
    return false;
}

/* Does a convolution or pool over one axis come before all that is flat? */
static bool over_length(const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name =
            keras_text(json_array_get(list, i), "class_name", "");
        size_t n = strlen(name);

        if (strcmp(name, "Flatten") == 0)
            return false;
        if (n > 2 && strcmp(name + n - 2, "1D") == 0)
            return true;
    }
    return false;
}

/* The input, in order channels, height, width. 1, 0 or a status. */
static int say_input(struct keras_builder *b, const struct keras_layer *l,
                     const json_t *list)
{
    struct keras_value *v = &b->value[b->n];
    size_t dim[3] = {1, 1, 1};
    int rank = input_dims(dim, l->config);

    if (rank == 0)
        return keras_cannot(b, l, "has no input shape that is known");
    reshaped(dim, &rank, list);
    *v = (struct keras_value){.keras = l->name, .name = "in"};
    if (rank == 1) {
        v->shape = (struct pare_shape){1, {dim[0]}};
        fprintf(b->text, "in(%zu)", dim[0]);
    } else if (rank == 2 && over_length(list)) {
        v->shape = (struct pare_shape){2, {dim[1], dim[0]}};
        fprintf(b->text, "in(%zu,%zu)", dim[1], dim[0]);
    } else {
        size_t channels = rank == 3 ? dim[2] : 1;

        v->shape = (struct pare_shape){3, {channels, dim[0], dim[1]}};
        fprintf(b->text, "in(%zu,%zu,%zu)", channels, dim[0], dim[1]);
    }
    b->n++;
    return 1;
}

/* A layer inside a wrapper that only prunes while it trains. */
static void unwrap(struct keras_layer *l)
{
    json_t *inner = json_object_get(l->config, "layer");

    if (strcmp(l->class_name, "PruneLowMagnitude") != 0 || !inner)
        return;
    l->class_name = keras_text(inner, "class_name", "");
    l->config = json_object_get(inner, "config");
}

/* One layer of the list. 1, 0 or a status. */
static int say_layer(struct keras_builder *b, const json_t *list, size_t i,
                     bool sequential)
{
    const json_t *item = json_array_get(list, i);
    json_t *config = json_object_get(item, "config");
    struct keras_layer l = {
        .name = keras_text(config, "name", keras_text(item, "name", "")),
        .class_name = keras_text(item, "class_name", ""),
        .config = config};
    const struct keras_kind *kind;
    struct keras_value out = {0};
    int rc;

    unwrap(&l);
    if (find(b, l.name) || !*l.name)
        return keras_cannot(b, &l, "has no name of its own");
    if (strcmp(l.class_name, "InputLayer") == 0)
        return b->n ? keras_cannot(b, &l, "is a second input")
                    : say_input(b, &l, list);
    if (sequential && b->n == 0) {
        struct keras_layer input = {
            .name = "", .class_name = l.class_name, .config = l.config};

        rc = say_input(b, &input, list);
        if (rc <= 0)
            return rc;
    }
    if (sequential)
        l.in[l.n_in++] = &b->value[b->n - 1];
    else if (!take_inputs(&l, b, item))
        return keras_cannot(b, &l, "is not called once, on layers before it");
    kind = keras_kind(l.class_name);
    if (!kind)
        return keras_cannot(b, &l, "is of a kind that is not known here");
    rc = kind->say(b, &l, &out);
    if (rc > 0) {
        out.keras = l.name;
        b->value[b->n++] = out;
    }
    return rc;
}

/* Is the only output what the last layer makes? */
static bool ends_in_last(const struct keras_builder *b, const json_t *root)
{
    const json_t *config = json_object_get(root, "config");
    const json_t *out = json_object_get(config, "output_layers");
    const struct keras_value *last = &b->value[b->n - 1];

    if (json_is_array(json_array_get(out, 0))) {
        if (json_array_size(out) != 1)
            return false;
        out = json_array_get(out, 0);
    }
    return find(b, json_string_value(json_array_get(out, 0))) == last;
}

static int say_all(struct keras_builder *b, json_t *root)
{
    json_t *list = layer_list(root);
    struct keras_layer whole = {.name = keras_text(root, "class_name", ""),
                                .class_name = "model"};
    bool sequential = is_sequential(root);
    size_t n = json_array_size(list);
    int rc = 1;

    if (n == 0 || n > LAYERS_MAX)
        return keras_cannot(b, &whole, "has no layers, or too many");
    b->value = calloc(n + 1, sizeof *b->value);
    if (!b->value)
        return no_memory();
    for (size_t i = 0; rc > 0 && i < n; i++)
        rc = say_layer(b, list, i, sequential);
    if (rc > 0 && b->emitted == 0)
        return keras_cannot(b, &whole, "has no layers");
    if (rc > 0 && b->value[b->n - 1].image[0])
        return keras_cannot(b, &whole, "puts out an image made flat");
    if (rc > 0 && !sequential && !ends_in_last(b, root))
        return keras_cannot(b, &whole, "has other outputs than its last layer");
    return rc;
}

/* Tensors of an attempt that did not come to its end. */
static void drop_tensors(struct pare_foreign *f, size_t n)
{
    while (f->n > n) {
        struct pare_foreign_tensor *t = &f->tensor[--f->n];

        free(t->name);
        free(t->owned);
    }
}

int keras_graph(struct pare_foreign *f, const char *json, size_t n,
                const struct keras_weights *w)
{
    struct keras_builder b = {.f = f, .w = w};
    size_t had = f->n, size = 0;
    json_error_t fault;
    char *text = NULL;
    json_t *root = json_loadb(json, n, JSON_REJECT_DUPLICATES, &fault);
    int rc;

    if (!root)
        return pare_fail(PARE_EFORMAT, "its configuration is no JSON: %s",
                         fault.text);
    b.text = open_memstream(&text, &size);
    rc = b.text ? say_all(&b, root) : no_memory();
    if (b.text && fclose(b.text) != 0 && rc > 0)
        rc = no_memory();
    json_decref(root);
    free(b.value);
    free(b.name);
    if (rc > 0) {
        f->arch = text;
    } else {
        drop_tensors(f, had);
        pare_norm_release(&f->norm);
        free(text);
    }
    return rc;
}
