#include <stdio.h>
#include <string.h>

#include "data-common.h"
#include "npz.h"
#include "status.h"

struct options {
    struct data_common common;
    const char *classes, *layout;
    const char *x, *y, *test_x, *test_y; /* names in an NPZ file */
};

#define NPY_ROWS(o)                                                            \
    {0,                                                                        \
     "classes",                                                                \
     "NAME,...",                                                               \
     CLI_TEXT,                                                                 \
     &(o).classes,                                                             \
     0,                                                                        \
     0,                                                                        \
     "names of classes 0, 1, ...",                                             \
     NULL},                                                                    \
    {                                                                          \
        0, "layout", "nchw|nhwc", CLI_TEXT, &(o).layout, 0, 0,                 \
            "order of the axes of arrays of four", NULL                        \
    }

/* Take a pair of arrays over as one split, and release them. */
static int take(struct pare_dataset *d, enum pare_split_id id,
                struct pare_npy *x, struct pare_npy *y, const struct options *o,
                const char *x_name, const char *y_name)
{
    int rc = pare_npy_split(d, id, x, y, strcmp(o->layout, "nhwc") == 0, x_name,
                            y_name);

    pare_npy_release(x);
    pare_npy_release(y);
    return rc;
}

/* Channels are few; the last axis of photographs often is meant. */
static void warn_layout(const struct cli_tool *tool,
                        const struct pare_dataset *d)
{
    const size_t *dim = d->shape.dim;

    if (d->shape.rank == 3 && dim[0] > 4 && (dim[2] == 1 || dim[2] == 3))
        cli_warn(tool,
                 "warning: samples of %zu channels of %zux%zu; if the "
                 "channels are last, --layout nhwc",
                 dim[0], dim[1], dim[2]);
}

static int finish(const struct cli_tool *tool, struct options *o,
                  struct pare_dataset *d)
{
    int rc = 0;

    if (o->common.make_split && d->split[PARE_TEST].n)
        return pare_fail(PARE_EINVAL, "--make-split is for one pair of "
                                      "arrays, here is a test too");
    warn_layout(tool, d);
    if (o->classes)
        rc = data_common_classes(d, o->classes);
    return rc ? rc : data_common_finish(tool, &o->common, d, NULL);
}

static int take_files(struct pare_dataset *d, enum pare_split_id id,
                      const struct options *o, const char *x_path,
                      const char *y_path)
{
    struct pare_npy x = {0}, y = {0};
    int rc = pare_npy_read(&x, x_path);

    if (rc == 0 && (rc = pare_npy_read(&y, y_path)) != 0)
        pare_npy_release(&x);
    return rc ? rc : take(d, id, &x, &y, o, x_path, y_path);
}

static int run_npy(const struct cli_tool *tool, struct options *o, char **file,
                   int n)
{
    struct pare_dataset d = {0};
    int rc = take_files(&d, PARE_TRAIN, o, file[0], file[1]);

    if (rc == 0 && n == 4)
        rc = take_files(&d, PARE_TEST, o, file[2], file[3]);
    if (rc == 0)
        rc = finish(tool, o, &d);
    pare_dataset_release(&d);
    return rc;
}

static int take_arrays(struct pare_dataset *d, enum pare_split_id id,
                       const struct options *o, const struct pare_npz *z,
                       const char *x_name, const char *y_name)
{
    struct pare_npy x = {0}, y = {0};
    int rc = pare_npz_read(&x, z, x_name, x_name);

    if (rc == 0 && (rc = pare_npz_read(&y, z, y_name, y_name)) != 0)
        pare_npy_release(&x);
    return rc ? rc : take(d, id, &x, &y, o, x_name, y_name);
}

/* The arrays that are meant where none is named. */
static int choose(struct options *o, const struct pare_npz *z)
{
    static const char *const usual[][4] = {
        {"x_train", "y_train", "x_test", "y_test"},
        {"x", "y", "x_test", "y_test"},
        {"arr_0", "arr_1", "arr_2", "arr_3"}};
    char names[400];

    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        const char *const *name = usual[i];

        if (!pare_npz_has(z, name[0]) || !pare_npz_has(z, name[1]))
            continue;
        o->x = name[0];
        o->y = name[1];
        if (!o->test_x &&
            (pare_npz_has(z, name[2]) || pare_npz_has(z, name[3]))) {
            o->test_x = name[2];
            o->test_y = name[3];
        }
        return 0;
    }
    pare_npz_names(names, sizeof names, z);
    return pare_fail(PARE_EFORMAT,
                     "neither x_train and y_train, x and y, nor arr_0 and "
                     "arr_1 are there, but: %s; name them by --x and --y",
                     names);
}

static int check_names(const struct options *o, const struct pare_npz *z)
{
    const char *const name[] = {o->x, o->y, o->test_x, o->test_y};
    char names[400];

    for (size_t i = 0; i < 4; i++) {
        if (!name[i] || pare_npz_has(z, name[i]))
            continue;
        pare_npz_names(names, sizeof names, z);
        return pare_fail(PARE_EFORMAT, "there is no array '%s', but: %s",
                         name[i], names);
    }
    return 0;
}

static int run_npz(const struct cli_tool *tool, struct options *o,
                   const char *path)
{
    struct pare_dataset d = {0};
    struct pare_npz *z = NULL;
    int rc = pare_npz_open(&z, path);

    if (rc)
        return rc;
    if (!o->x)
        rc = choose(o, z);
    if (rc == 0)
        rc = check_names(o, z);
    if (rc == 0)
        rc = take_arrays(&d, PARE_TRAIN, o, z, o->x, o->y);
    if (rc == 0 && o->test_x)
        rc = take_arrays(&d, PARE_TEST, o, z, o->test_x, o->test_y);
    pare_npz_free(z);
    if (rc)
        rc = pare_fail_prefix(rc, "'%s'", path);
    else
        rc = finish(tool, o, &d);
    pare_dataset_release(&d);
    return rc;
}

static void check(const struct cli_tool *tool, const struct options *o)
{
    if (strcmp(o->layout, "nchw") != 0 && strcmp(o->layout, "nhwc") != 0)
        cli_usage(tool, "--layout '%s': nchw or nhwc", o->layout);
    if (!o->x != !o->y || !o->test_x != !o->test_y)
        cli_usage(tool, "inputs and labels are named both or not at all");
    data_common_check(tool, &o->common);
}

int data_npy_main(int argc, char **argv)
{
    struct options opt = {.layout = "nchw"};
    const struct cli_option table[] = {
        NPY_ROWS(opt),
        DATA_COMMON_ROWS(opt.common),
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {
        "pare-data npy",
        "TRAIN_X TRAIN_Y [TEST_X TEST_Y]",
        "Make a data file of arrays that NumPy saved.",
        table,
        2,
        4,
        1};
    int first = cli_parse(&tool, argc, argv);

    if (argc - first == 3)
        cli_usage(&tool, "test inputs without test labels");
    check(&tool, &opt);
    if (run_npy(&tool, &opt, argv + first, argc - first))
        return cli_fail(&tool);
    return cli_exit(&tool, 0);
}

int data_npz_main(int argc, char **argv)
{
    struct options opt = {.layout = "nchw"};
    const struct cli_option table[] = {
        {0, "x", "NAME", CLI_TEXT, &opt.x, 0, 0, "array of training inputs",
         NULL},
        {0, "y", "NAME", CLI_TEXT, &opt.y, 0, 0, "and of their labels", NULL},
        {0, "test-x", "NAME", CLI_TEXT, &opt.test_x, 0, 0,
         "array of test inputs", NULL},
        {0, "test-y", "NAME", CLI_TEXT, &opt.test_y, 0, 0,
         "and of their labels", NULL},
        NPY_ROWS(opt),
        DATA_COMMON_ROWS(opt.common),
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {
        "pare-data npz",
        "FILE",
        "Make a data file of an archive of arrays that NumPy saved.",
        table,
        1,
        1,
        1};
    int first = cli_parse(&tool, argc, argv);

    check(&tool, &opt);
    if (run_npz(&tool, &opt, argv[first]))
        return cli_fail(&tool);
    return cli_exit(&tool, 0);
}
