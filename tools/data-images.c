#include <stdlib.h>
#include <string.h>

#include "data-common.h"
#include "image_folder.h"
#include "image_resize.h"
#include "parallel.h"
#include "status.h"

struct options {
    struct data_common common;
    const char *size, *fit;
    uint64_t channels;
    int threads;
    bool channels_given, strict;
};

/* --size HEIGHT[xWIDTH]. */
static int parse_size(struct pare_folder_recipe *r, const char *text)
{
    char first[16];
    const char *x = strchr(text, 'x');
    size_t n = x ? (size_t)(x - text) : strlen(text);
    uint64_t height, width;

    if (n >= sizeof first)
        return -1;
    memcpy(first, text, n);
    first[n] = '\0';
    if (cli_u64(&height, first, 1, PARE_RESIZE_SIDE) != 0 ||
        cli_u64(&width, x ? x + 1 : first, 1, PARE_RESIZE_SIDE) != 0)
        return -1;
    r->height = (size_t)height;
    r->width = (size_t)width;
    return 0;
}

static void recipe(const struct cli_tool *tool, struct pare_folder_recipe *r,
                   const struct options *opt)
{
    r->channels = (int)opt->channels;
    r->threads = opt->threads ? opt->threads : pare_processors();
    if (opt->channels == 2)
        cli_usage(tool, "--channels is 1 or 3");
    if (opt->size && parse_size(r, opt->size) != 0)
        cli_usage(tool,
                  "--size '%s': HEIGHT or HEIGHTxWIDTH, of 1 to %d pixels",
                  opt->size, PARE_RESIZE_SIDE);
    if (!opt->fit)
        return;
    if (!opt->size)
        cli_usage(tool, "--fit is for --size");
    r->crop = strcmp(opt->fit, "crop") == 0;
    if (!r->crop && strcmp(opt->fit, "stretch") != 0)
        cli_usage(tool, "--fit '%s': stretch or crop", opt->fit);
}

/* A name as a message may show it. */
static void say_file(const struct cli_tool *tool, const char *folder,
                     const char *name, const char *why)
{
    pare_fail(PARE_EFORMAT, "'%s%s%s': %s", folder, *folder ? "/" : "", name,
              why);
    cli_warn(tool, "%s", pare_error());
}

/* What was left out: a line in all, or one for each file. */
static void say_left_out(const struct cli_tool *tool, const struct options *opt,
                         const struct pare_folders *f, size_t n_bad)
{
    for (size_t i = 0; opt->common.verbose && i < f->n_others; i++)
        say_file(tool, "", f->other[i], "ignored, not in a class folder");
    for (size_t i = 0; opt->common.verbose && i < f->n_files; i++)
        if (f->file[i].fault)
            say_file(tool, f->folder[f->file[i].folder].path, f->file[i].name,
                     f->file[i].fault);
    if (n_bad)
        cli_warn(tool, "warning: %zu of %zu files could not be read%s", n_bad,
                 f->n_files, opt->common.verbose ? "" : "; -v names them");
}

/* With --strict nothing is left out. */
static int refuse_bad(const struct pare_folders *f, size_t n_bad)
{
    for (size_t i = 0; i < f->n_files; i++)
        if (f->file[i].fault)
            return pare_fail(PARE_EFORMAT,
                             "'%s/%s': %s (%zu of %zu files could not be "
                             "read)",
                             f->folder[f->file[i].folder].path, f->file[i].name,
                             f->file[i].fault, n_bad, f->n_files);
    return 0;
}

/* Classes without any image keep their number, with a word about it. */
static int check_classes(const struct cli_tool *tool,
                         const struct pare_dataset *d, bool strict)
{
    uint8_t *seen = calloc(d->n_classes, 1);
    int rc = 0;

    if (!seen)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (int s = 0; s < PARE_SPLITS; s++)
        for (size_t i = 0; i < d->split[s].n; i++)
            seen[d->split[s].y[i]] = 1;
    for (size_t k = 0; rc == 0 && k < d->n_classes; k++) {
        if (seen[k])
            continue;
        if (strict)
            rc = pare_fail(PARE_EFORMAT, "class '%s' has no image",
                           d->class_name[k]);
        else
            cli_warn(tool, "warning: class '%s' has no image",
                     d->class_name[k]);
    }
    free(seen);
    return rc;
}

static int make(const struct cli_tool *tool, struct options *opt,
                const struct pare_folder_recipe *r, struct pare_dataset *d,
                struct pare_folders *f)
{
    size_t n_bad = 0;
    int rc = pare_folders_read(d, &n_bad, f, r);

    if (rc)
        return rc;
    if (opt->strict && (rc = refuse_bad(f, n_bad)) != 0)
        return rc;
    say_left_out(tool, opt, f, n_bad);
    if ((rc = check_classes(tool, d, opt->strict)) != 0)
        return rc;
    return data_common_finish(tool, &opt->common, d, NULL);
}

static int run(const struct cli_tool *tool, struct options *opt,
               const struct pare_folder_recipe *r, char **dir, size_t n)
{
    struct pare_dataset d = {0};
    struct pare_folders f = {0};
    int rc = pare_folders_list(&f, dir, n);

    for (size_t i = 0; rc == 0 && opt->common.make_split && i < f.n_folders;
         i++)
        if (f.folder[i].split != PARE_TRAIN)
            rc = pare_fail(PARE_EINVAL,
                           "--make-split, but '%s' is in a split already",
                           f.folder[i].path);
    if (rc == 0)
        rc = make(tool, opt, r, &d, &f);
    pare_folders_release(&f);
    pare_dataset_release(&d);
    return rc;
}

int data_images_main(int argc, char **argv)
{
    struct options opt = {0};
    struct pare_folder_recipe r = {0};
    const struct cli_option table[] = {
        {0, "size", "HEIGHT[xWIDTH]", CLI_TEXT, &opt.size, 0, 0,
         "pixels of a sample [those of the images]", NULL},
        {0, "fit", "stretch|crop", CLI_TEXT, &opt.fit, 0, 0,
         "images of another shape [stretch]", NULL},
        {0, "channels", "1|3", CLI_U64, &opt.channels, 1, 3,
         "grey or colour [grey if all images are]", &opt.channels_given},
        {0, "strict", NULL, CLI_FLAG, &opt.strict, 0, 0,
         "fail when a file cannot be read as an image", NULL},
        {'j', "threads", "N", CLI_INT, &opt.threads, 1, 1024,
         "threads; all processors otherwise", NULL},
        DATA_COMMON_ROWS(opt.common),
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {
        "pare-data images",
        "DIR ...",
        "Make a data file of class folders of JPEG and PNG images.",
        table,
        1,
        -1,
        1};
    int first = cli_parse(&tool, argc, argv);

    data_common_check(&tool, &opt.common);
    recipe(&tool, &r, &opt);
    if (run(&tool, &opt, &r, argv + first, (size_t)(argc - first)))
        return cli_fail(&tool);
    return cli_exit(&tool, 0);
}
