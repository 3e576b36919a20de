#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "atomic.h"
#include "h5strings.h"
#include "keras.h"
#include "model_io.h"
#include "status.h"
#include "trial.h"
#include "zip.h"

#define CONFIG_MAX ((size_t)64 << 20)
#define NAMES_MAX  65536
#define DEPTH_MAX  8
#define ROLES_MAX  4096 /* of a layer, that are compared with each other */
#define PATH_BYTES 1024
#define ZIP_MAX    ((size_t)4 << 30)

static const unsigned char signature[8] = {0x89, 'H',  'D',  'F',
                                           '\r', '\n', 0x1a, '\n'};

/** An open file of weights. */
struct source {
    struct pare_h5 *h;
    const char *root; /* group of the layers, "" for the file's */
    bool numbered;    /* as Keras 3 has it: arrays are vars/0, vars/1 ... */
    size_t n;         /* layers; numbered ones have groups of other names */
    char **layer, **group;
    bool *asked; /* [n] what of a layer was taken for the graph */
};

bool pare_keras_looks(const unsigned char *head, size_t n)
{
    static const char *const first[] = {"metadata.json", "config.json",
                                        "model.weights.h5"};

    if (n >= sizeof signature && memcmp(head, signature, sizeof signature) == 0)
        return true;
    for (size_t i = 0; n > 30 && i < sizeof first / sizeof *first; i++) {
        size_t size = strlen(first[i]);

        if (memcmp(head, "PK\3\4", 4) == 0 && n >= 30 + size &&
            memcmp(head + 30, first[i], size) == 0)
            return true;
    }
    return false;
}

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

static void close_source(struct source *s)
{
    pare_h5_free_strings(s->layer, s->n);
    pare_h5_free_strings(s->group, s->n);
    free(s->asked);
    pare_h5_close(s->h);
}

/* "conv2d/kernel:0" -> "kernel" and its length. */
static const char *role_of(size_t *n, const char *name)
{
    const char *slash = strrchr(name, '/');

    name = slash ? slash + 1 : name;
    *n = strcspn(name, ":");
    return name;
}

static bool has_role(const char *name, const char *role)
{
    size_t n;
    const char *part = role_of(&n, name);

    /* Keras 3 calls the kernel of a depthwise convolution a kernel, too. */
    if (n == 6 && strncmp(part, "kernel", n) == 0 &&
        strcmp(role, "depthwise_kernel") == 0)
        return true;
    return n == strlen(role) && strncmp(part, role, n) == 0;
}

/* Read a dataset of floats as float32; malloc'd. */
static int read_floats(float **out, struct pare_h5 *h, const char *path,
                       const struct pare_h5_info *info)
{
    size_t size = info->type == PARE_H5_F64 ? sizeof(double) : sizeof(float);
    void *values = NULL;
    int err;

    if (info->type != PARE_H5_F32 && info->type != PARE_H5_F64)
        return pare_fail(PARE_EFORMAT, "'%s' does not hold floats", path);
    /* All is read once without memory for it, which checks the sizes. */
    err = pare_h5_probe(h, path, info->type, info->count);
    if (!err && !(values = malloc(info->count * size + 1)))
        err = no_memory();
    if (!err)
        err = pare_h5_read(values, h, path, info->type, info->count);
    for (size_t i = 0; !err && size > sizeof(float) && i < info->count; i++) {
        double v;

        memcpy(&v, (char *)values + i * size, size);
        ((float *)values)[i] = (float)v;
    }
    if (err)
        free(values);
    else
        *out = values;
    return err;
}

/* Where an array of a layer is. */
static int find_array(char path[PATH_BYTES], struct source *s,
                      const char *layer, const char *role, int index)
{
    char group[PATH_BYTES], **name = NULL;
    size_t n = 0;
    int err, len;

    for (size_t i = 0; s->numbered && i < s->n; i++)
        if (strcmp(s->layer[i], layer) == 0) {
            len = snprintf(path, PATH_BYTES, "%s/%s/vars/%d", s->root,
                           s->group[i], index);
            return len < PATH_BYTES ? 0 : pare_fail(PARE_ELIMIT, "long name");
        }
    if (s->numbered)
        return pare_fail(PARE_EFORMAT, "layer '%s' has no weights", layer);
    if (snprintf(group, sizeof group, "%s/%s", s->root, layer) >= PATH_BYTES)
        return pare_fail(PARE_ELIMIT, "a name is too long");
    err = pare_h5_attr_strings(&name, &n, s->h, group, "weight_names",
                               CONFIG_MAX);
    if (err)
        return err;
    err = pare_fail(PARE_EFORMAT, "layer '%s' has no %s", layer, role);
    for (size_t i = 0; i < n; i++)
        if (has_role(name[i], role)) {
            len = snprintf(path, PATH_BYTES, "%s/%s", group, name[i]);
            err = len < PATH_BYTES
                      ? 0
                      : pare_fail(PARE_ELIMIT, "a name is too long");
            break;
        }
    pare_h5_free_strings(name, n);
    return err;
}

static int get(void *arg, float **out, const char *layer, const char *role,
               int index, int rank, const uint64_t *dim)
{
    struct source *s = arg;
    struct pare_h5_info info;
    char path[PATH_BYTES];
    int err = find_array(path, s, layer, role, index);
    bool same;

    for (size_t i = 0; i < s->n; i++)
        s->asked[i] |= strcmp(s->layer[i], layer) == 0;
    if (!err)
        err = pare_h5_info(&info, s->h, path);
    if (err)
        return err;
    same = info.rank == rank;
    for (int i = 0; same && i < rank; i++)
        same = info.dim[i] == dim[i];
    if (!same)
        return pare_fail(PARE_EFORMAT,
                         "'%s' has another shape than its configuration says",
                         path);
    return read_floats(out, s->h, path, &info);
}

/* Layers that have arrays are layers of the graph. */
static int all_asked(struct source *s)
{
    char group[PATH_BYTES], **name = NULL;
    size_t n = 0;
    int err = 0;

    for (size_t i = 0; !err && !s->numbered && i < s->n; i++) {
        if (s->asked[i])
            continue;
        if (snprintf(group, sizeof group, "%s/%s", s->root, s->layer[i]) >=
            PATH_BYTES)
            return pare_fail(PARE_ELIMIT, "a name is too long");
        err = pare_h5_attr_strings(&name, &n, s->h, group, "weight_names",
                                   CONFIG_MAX);
        if (err)
            return err;
        pare_h5_free_strings(name, n);
        if (n)
            err = pare_fail(PARE_EFORMAT,
                            "layer '%s' has weights, and its configuration "
                            "has no place for them",
                            s->layer[i]);
    }
    return err;
}

/* A dataset as a tensor of that name; what is no float is left out. */
static int take_array(struct pare_foreign *f, struct pare_h5 *h,
                      const char *path, const char *name)
{
    struct pare_foreign_tensor *t;
    struct pare_h5_info info;
    float *values = NULL;
    int err = pare_h5_info(&info, h, path);

    if (err || (info.type != PARE_H5_F32 && info.type != PARE_H5_F64))
        return pare_foreign_note(f, "'%.200s' left out: no floats", path);
    err = read_floats(&values, h, path, &info);
    if (err)
        return err;
    t = pare_foreign_add(f, name);
    if (!t) {
        free(values);
        return PARE_ENOMEM;
    }
    t->type = PARE_FOREIGN_F32;
    t->rank = info.rank;
    for (int i = 0; i < info.rank; i++)
        t->dim[i] = info.dim[i];
    t->owned = values;
    t->bytes = values;
    return 0;
}

/* All arrays below a group, named by their paths. */
static int take_group(struct pare_foreign *f, struct pare_h5 *h,
                      const char *path, int depth)
{
    char **name = NULL, below[PATH_BYTES];
    size_t n = 0;
    int err = pare_h5_list(&name, &n, h, path, NAMES_MAX);

    for (size_t i = 0; !err && i < n; i++) {
        struct pare_h5_info info;

        if (snprintf(below, sizeof below, "%s/%s", path, name[i]) >=
                PATH_BYTES ||
            depth == DEPTH_MAX)
            err = pare_fail(PARE_ELIMIT, "'%s' is too deep", path);
        else if (pare_h5_info(&info, h, below) == 0)
            err = take_array(f, h, below, below + 1);
        else
            err = take_group(f, h, below, depth + 1);
    }
    pare_h5_free_strings(name, n);
    return err;
}

/* Is there another array of that role? A model in a model is one layer. */
static bool is_twice(char *const *name, size_t n, size_t i)
{
    size_t size, other;
    const char *role = role_of(&size, name[i]);

    for (size_t k = 0; k < n && n <= ROLES_MAX; k++) {
        const char *its = role_of(&other, name[k]);

        if (k != i && size == other && strncmp(role, its, size) == 0)
            return true;
    }
    return false;
}

/* "dense_1/kernel:0" of layer dense_1 -> "dense_1/kernel", and where that is
 * not the only kernel the whole name behind the layer's. */
static int take_layer(struct pare_foreign *f, struct source *s,
                      const char *layer)
{
    char group[PATH_BYTES], path[PATH_BYTES], as[PATH_BYTES], **name = NULL;
    size_t n = 0;
    int err;

    if (snprintf(group, sizeof group, "%s/%s", s->root, layer) >= PATH_BYTES)
        return pare_fail(PARE_ELIMIT, "a name is too long");
    err = pare_h5_attr_strings(&name, &n, s->h, group, "weight_names",
                               CONFIG_MAX);
    for (size_t i = 0; !err && i < n; i++) {
        size_t size;
        const char *role = role_of(&size, name[i]);

        if (is_twice(name, n, i)) {
            role = name[i];
            size = strlen(layer);
            if (strncmp(role, layer, size) == 0 && role[size] == '/')
                role += size + 1;
            size = strcspn(role, ":");
        }
        if (snprintf(path, sizeof path, "%s/%s", group, name[i]) >=
                PATH_BYTES ||
            snprintf(as, sizeof as, "%s/%.*s", layer, (int)size, role) >=
                PATH_BYTES)
            err = pare_fail(PARE_ELIMIT, "a name is too long");
        else
            err = take_array(f, s->h, path, as);
    }
    pare_h5_free_strings(name, n);
    return err;
}

static int take_all(struct pare_foreign *f, struct source *s)
{
    int err = 0;

    if (s->numbered)
        return take_group(f, s->h, s->root, 0);
    for (size_t i = 0; !err && i < s->n; i++)
        err = take_layer(f, s, s->layer[i]);
    return err;
}

/* "MaxPooling2D" -> "max_pooling2d", as Keras names groups. */
static void snake(char out[64], const char *name)
{
    size_t n = 0;

    for (size_t i = 0; name[i] && n < 60; i++) {
        if (i && isupper((unsigned char)name[i]) &&
            (islower((unsigned char)name[i + 1]) ||
             islower((unsigned char)name[i - 1])))
            out[n++] = '_';
        if (isalnum((unsigned char)name[i]) || name[i] == '_')
            out[n++] = (char)tolower((unsigned char)name[i]);
    }
    out[n] = '\0';
}

static char *copy(const char *text)
{
    char *s = malloc(strlen(text) + 1);

    return s ? strcpy(s, text) : NULL;
}

/* Groups are named by kind and number: dense, dense_1, ... */
static int number_groups(struct source *s, const json_t *list)
{
    size_t n = json_array_size(list);

    s->layer = calloc(n + 1, sizeof *s->layer);
    s->group = calloc(n + 1, sizeof *s->group);
    for (size_t i = 0; s->layer && s->group && i < n; i++) {
        const json_t *item = json_array_get(list, i);
        const char *class_name =
            json_string_value(json_object_get(item, "class_name"));
        const char *name = json_string_value(
            json_object_get(json_object_get(item, "config"), "name"));
        char kind[64], other[64], group[96];
        size_t before = 0;

        snake(kind, class_name ? class_name : "");
        for (size_t k = 0; k < i; k++) {
            const char *earlier = json_string_value(
                json_object_get(json_array_get(list, k), "class_name"));

            snake(other, earlier ? earlier : "");
            before += strcmp(kind, other) == 0;
        }
        snprintf(group, sizeof group, before ? "%s_%zu" : "%s", kind, before);
        s->layer[i] = copy(name ? name : "");
        s->group[i] = copy(group);
        s->n++;
        if (!s->layer[i] || !s->group[i])
            return no_memory();
    }
    return s->layer && s->group ? 0 : no_memory();
}

/* Newer files say in an attribute which layer a group is of. */
static int name_groups(struct source *s)
{
    char path[PATH_BYTES], **group = NULL, **text;
    size_t n = 0, k;
    int err = pare_h5_list(&group, &n, s->h, s->root, NAMES_MAX);

    for (size_t i = 0; !err && i < n; i++) {
        int there;

        snprintf(path, sizeof path, "%s/%.900s/vars", s->root, group[i]);
        there = pare_h5_exists(s->h, path);
        if (there > 0)
            there = pare_h5_has_attr(s->h, path, "name");
        if (there <= 0) {
            err = there;
            continue;
        }
        err = pare_h5_attr_strings(&text, &k, s->h, path, "name", 4096);
        for (size_t l = 0; !err && k == 1 && l < s->n; l++)
            if (strcmp(s->layer[l], text[0]) == 0) {
                free(s->group[l]);
                s->group[l] = copy(group[i]);
                err = s->group[l] ? 0 : no_memory();
            }
        if (!err || k)
            pare_h5_free_strings(text, k);
    }
    pare_h5_free_strings(group, n);
    return err;
}

/* Layers of a file of Keras 3, whose configuration says which there are. */
static int open_numbered(struct source *s, const char *config, size_t n)
{
    json_t *root, *list;
    int err;

    s->numbered = true;
    s->root = pare_h5_exists(s->h, "/layers") > 0
                  ? "/layers"
                  : "/_layer_checkpoint_dependencies";
    if (!config)
        return 0;
    root = json_loadb(config, n, JSON_REJECT_DUPLICATES, NULL);
    list = json_object_get(json_object_get(root, "config"), "layers");
    if (!json_is_array(list) || json_array_size(list) > 4096)
        err = pare_fail(PARE_EFORMAT, "its configuration has no layers");
    else
        err = number_groups(s, list);
    json_decref(root);
    return err ? err : name_groups(s);
}

/* Which of the three layouts is it? */
static int open_source(struct source *s, const char *config, size_t n)
{
    int whole = pare_h5_exists(s->h, "/model_weights"), listed, numbered;

    if (pare_h5_has_attr(s->h, "/", "format") > 0)
        return pare_fail(PARE_EFORMAT,
                         "a file of pare already: there is nothing to import");
    if (whole < 0)
        return whole;
    s->root = whole ? "/model_weights" : "";
    listed = pare_h5_has_attr(s->h, whole ? s->root : "/", "layer_names");
    if (listed > 0)
        return pare_h5_attr_strings(&s->layer, &s->n, s->h,
                                    whole ? s->root : "/", "layer_names",
                                    CONFIG_MAX);
    numbered = listed < 0 ? listed : pare_h5_exists(s->h, "/layers");
    if (numbered == 0)
        numbered = pare_h5_exists(s->h, "/_layer_checkpoint_dependencies");
    if (numbered > 0)
        return open_numbered(s, config, n);
    if (numbered < 0)
        return numbered;
    return pare_fail(PARE_EFORMAT, "an HDF5 file, but not a model of Keras");
}

/** One reading. */
struct reading {
    const char *path;
    const void *bytes; /* of the HDF5 file, if it lies in an archive */
    size_t n;
    const char *config; /* JSON, or NULL: in the file, or nowhere */
    size_t config_size;
    struct pare_foreign *f;
};

static int read_source(struct reading *r, struct source *s)
{
    const struct keras_weights w = {get, s};
    char **text = NULL;
    size_t n = 0;
    int rc = 0, there;

    there = r->config ? 0 : pare_h5_has_attr(s->h, "/", "model_config");
    if (there > 0)
        rc = pare_h5_attr_strings(&text, &n, s->h, "/", "model_config",
                                  CONFIG_MAX);
    if (!rc && n == 1) {
        r->config = text[0];
        r->config_size = strlen(text[0]);
    }
    if (!rc)
        rc = open_source(s, r->config, r->config_size);
    if (!rc && !(s->asked = calloc(s->n + 1, sizeof *s->asked)))
        rc = no_memory();
    if (!rc && r->config)
        rc = keras_graph(r->f, r->config, r->config_size, &w);
    if (rc > 0)
        rc = all_asked(s);
    else if (rc == 0) /* no graph */
        rc = take_all(r->f, s);
    if (text) {
        pare_h5_free_strings(text, n);
        r->config = NULL;
    }
    return there < 0 ? there : rc < 0 ? rc : 0;
}

static int read_hdf5(struct reading *r)
{
    struct source s = {0};
    int err = pare_h5_open(&s.h, r->bytes, r->n, r->path);

    if (err)
        return err;
    err = read_source(r, &s);
    close_source(&s);
    return err;
}

/* The same for a trial: what was read is thrown away. */
static int try_hdf5(void *arg)
{
    struct reading r = *(struct reading *)arg;
    struct pare_foreign f = {0};
    int err;

    r.f = &f;
    err = read_hdf5(&r);
    pare_foreign_release(&f);
    return err;
}

static int read_safely(struct pare_foreign *f, struct reading *r)
{
    struct pare_foreign found = {0};
    struct stat st;
    uint64_t size = r->bytes                  ? r->n
                    : stat(r->path, &st) == 0 ? (uint64_t)st.st_size
                                              : 0;
    int err;

    pare_h5_start();
    err = pare_trial(try_hdf5, r, r->path, pare_model_budget(size));
    r->f = &found;
    if (!err)
        err = read_hdf5(r);
    if (err)
        pare_foreign_release(&found);
    else
        *f = found;
    return err ? pare_fail_prefix(err, "'%s'", r->path) : 0;
}

/* A .keras archive: the configuration and the weights are its members. */
static int read_archive(struct pare_foreign *f, const char *path)
{
    void *config = NULL, *weights = NULL;
    struct reading r = {.path = path};
    struct pare_zip *z = NULL;
    int err = pare_zip_open(&z, path, ZIP_MAX);

    if (!err)
        err = pare_zip_read(&config, &r.config_size, z, "config.json",
                            CONFIG_MAX, "config.json");
    if (!err)
        err = pare_zip_read(&weights, &r.n, z, "model.weights.h5", ZIP_MAX,
                            "model.weights.h5");
    pare_zip_free(z);
    r.config = config;
    r.bytes = weights;
    if (!err)
        err = read_safely(f, &r);
    free(config);
    free(weights);
    return err;
}

/* Does the file begin as an archive does? */
static int is_archive(const char *path)
{
    char head[2] = "";
    FILE *file = fopen(path, "rb");
    size_t n;

    if (!file)
        return 0; /* the error comes when it is opened */
    n = fread(head, 1, sizeof head, file);
    fclose(file);
    return n == sizeof head && memcmp(head, "PK", 2) == 0;
}

int pare_keras_read(struct pare_foreign *f, const char *path)
{
    struct reading r = {.path = path};

    return is_archive(path) ? read_archive(f, path) : read_safely(f, &r);
}

int pare_keras_read_config(struct pare_foreign *f, const char *path,
                           const char *config)
{
    struct reading r = {.path = path};
    json_error_t fault;
    json_t *text = NULL;
    void *json = NULL;
    int err = pare_read_file(&json, &r.config_size, config, CONFIG_MAX);

    r.config = json;
    if (!err && !(text = json_loadb(json, r.config_size, 0, &fault)))
        err =
            pare_fail(PARE_EFORMAT, "'%s' is no JSON: %s", config, fault.text);
    json_decref(text);
    if (!err)
        err = read_safely(f, &r);
    free(json);
    return err;
}
