/* Files of class folders to samples, in parallel. */
#include "image_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hugepage.h"
#include "image_resize.h"
#include "parallel.h"
#include "status.h"

#define FILES_A_TASK 64

/* What became of a file. */
enum { BAD, GREY, COLOUR };

/* What one thread needs for the files of a task. */
struct worker {
    struct pare_image_decoder *decoder;
    struct pare_image image;
    struct pare_resize resize;
    uint8_t *bytes;
    size_t room;
    int fd;        /* of a folder, or -1 */
    size_t folder; /* the one that is open */
};

/* All files of all splits. */
struct load {
    struct pare_folders *f;
    struct pare_folder_recipe r;
    size_t height, width, slot; /* slot: bytes of a sample while reading */
    uint8_t **at;               /* [n_files] where each goes, apart by slot */
    uint8_t *kind;              /* [n_files] */
    int *code;                  /* [n_files] what stops everything, or 0 */
};

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

static int worker_init(struct worker *w)
{
    memset(w, 0, sizeof *w);
    w->fd = -1;
    w->decoder = pare_image_decoder_new();
    return w->decoder ? 0 : no_memory();
}

static void worker_release(struct worker *w)
{
    if (w->fd >= 0)
        close(w->fd);
    pare_image_decoder_free(w->decoder);
    pare_image_release(&w->image);
    pare_resize_release(&w->resize);
    free(w->bytes);
}

static int open_folder(struct worker *w, const struct pare_folders *f,
                       size_t folder)
{
    if (w->fd >= 0 && w->folder == folder)
        return 0;
    if (w->fd >= 0)
        close(w->fd);
    w->folder = folder;
    w->fd = open(f->folder[folder].path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->fd < 0)
        return pare_fail(PARE_EIO, "cannot open its folder: %s",
                         strerror(errno));
    return 0;
}

/* Up to size bytes of a regular file. */
static int read_all(struct worker *w, size_t *n, int fd, size_t size)
{
    if (w->room < size) {
        free(w->bytes);
        w->room = 0;
        if (!(w->bytes = malloc(size)))
            return no_memory();
        w->room = size;
    }
    for (*n = 0; *n < size;) {
        ssize_t got = read(fd, w->bytes + *n, size - *n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return pare_fail(PARE_EIO, "%s", strerror(errno));
        if (got == 0)
            break;
        *n += (size_t)got;
    }
    return 0;
}

/* The bytes of a file; nothing but a regular file is ever waited for. */
static int read_file(struct worker *w, size_t *n, const char *name)
{
    int fd = openat(w->fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    int rc;

    if (fd < 0)
        return pare_fail(PARE_EIO, "%s", strerror(errno));
    if (fstat(fd, &st) != 0)
        rc = pare_fail(PARE_EIO, "%s", strerror(errno));
    else if (S_ISDIR(st.st_mode))
        rc = pare_fail(PARE_EINVAL, "a folder within a class folder");
    else if (!S_ISREG(st.st_mode))
        rc = pare_fail(PARE_EINVAL, "not a regular file");
    else if (st.st_size > PARE_IMAGE_FILE)
        rc = pare_fail(PARE_ELIMIT, "a file of more than %d bytes",
                       PARE_IMAGE_FILE);
    else
        rc = read_all(w, n, fd, (size_t)st.st_size);
    close(fd);
    return rc;
}

/* Decode a file into w->image. */
static int decode(struct worker *w, const struct pare_folders *f, size_t i)
{
    size_t n = 0;
    int rc = open_folder(w, f, f->file[i].folder);

    if (rc == 0)
        rc = read_file(w, &n, f->file[i].name);
    if (rc == 0)
        rc = pare_image_decode(&w->image, w->decoder, w->bytes, n);
    return rc;
}

/* Keep why a file was left out; without memory all is given up. */
static int fault(struct pare_folder_file *file, int code)
{
    if (code == PARE_ENOMEM)
        return code;
    file->fault = strdup(pare_error());
    return file->fault ? 0 : no_memory();
}

/* Put the channels of w->image, resized, where the file goes. */
static int place(struct load *l, struct worker *w, size_t i)
{
    struct pare_image *im = &w->image;
    struct pare_image_part part = {0, 0, im->width, im->height};
    size_t plane = l->height * l->width;
    int rc;

    if (l->r.height == 0 && (im->height != l->height || im->width != l->width))
        return pare_fail(PARE_EMISMATCH, "has %zux%zu pixels", im->height,
                         im->width);
    if (l->r.channels == 1)
        pare_image_grey(im);
    if (l->r.crop)
        part = pare_resize_middle(im, l->height, l->width);
    rc = pare_resize(l->at[i], l->height, l->width, im, &part, &w->resize);
    if (rc)
        return rc;
    l->kind[i] = im->channels == 1 ? GREY : COLOUR;
    if (l->r.channels == 3 && im->channels == 1)
        for (size_t c = 1; c < 3; c++)
            memcpy(l->at[i] + c * plane, l->at[i], plane);
    return 0;
}

static int load_one(struct load *l, struct worker *w, size_t i)
{
    struct pare_folder_file *file = &l->f->file[i];
    int rc = decode(w, l->f, i);

    if (rc)
        return fault(file, rc);
    rc = place(l, w, i);
    if (rc == PARE_EMISMATCH && fault(file, rc) != 0)
        return PARE_ENOMEM;
    return rc;
}

static void load_task(void *arg, size_t task)
{
    struct load *l = arg;
    size_t begin = task * FILES_A_TASK, end = begin + FILES_A_TASK;
    struct worker w;
    int rc = worker_init(&w);

    end = end < l->f->n_files ? end : l->f->n_files;
    for (size_t i = begin; i < end; i++)
        l->code[i] = rc ? rc : load_one(l, &w, i);
    worker_release(&w);
}

/* Path of a file for messages: its folder and its name. */
#define FILE_FMT        "'%s/%s'"
#define FILE_ARGS(f, i) (f)->folder[(f)->file[i].folder].path, (f)->file[i].name

/* The size of the first image that can be read; its name for messages. */
static int first_size(struct load *l, size_t *first)
{
    struct worker w;
    int rc = worker_init(&w);

    for (size_t i = 0; rc == 0 && i < l->f->n_files; i++) {
        rc = decode(&w, l->f, i);
        if (rc == 0) {
            l->height = w.image.height;
            l->width = w.image.width;
            *first = i;
            break;
        }
        rc = rc == PARE_ENOMEM ? rc : 0;
    }
    worker_release(&w);
    return rc;
}

/* Room for every file of every split. */
static int allocate(struct load *l, struct pare_dataset *d)
{
    const struct pare_folders *f = l->f;
    size_t count[PARE_SPLITS] = {0};

    l->slot = (l->r.channels == 1 ? 1 : 3) * l->height * l->width;
    for (size_t i = 0; i < f->n_files; i++)
        count[f->folder[f->file[i].folder].split]++;
    l->at = calloc(f->n_files, sizeof *l->at);
    l->kind = calloc(f->n_files, 1);
    l->code = calloc(f->n_files, sizeof *l->code);
    if (!l->at || !l->kind || !l->code)
        return no_memory();
    for (int s = 0; s < PARE_SPLITS; s++) {
        struct pare_split *split = &d->split[s];

        if (count[s] == 0)
            continue;
        if (count[s] > SIZE_MAX / 2 / l->slot || count[s] > UINT32_MAX - 1)
            return pare_fail(PARE_ELIMIT, "%zu images are too many", count[s]);
        split->x =
            pare_hugepage(malloc(count[s] * l->slot), count[s] * l->slot);
        split->y = malloc(count[s] * sizeof *split->y);
        if (!split->x || !split->y)
            return pare_fail(PARE_ENOMEM,
                             "no memory for %zu images of %zu bytes", count[s],
                             l->slot);
    }
    for (size_t i = 0; i < f->n_files; i++) {
        struct pare_split *s = &d->split[f->folder[f->file[i].folder].split];

        l->at[i] = (uint8_t *)s->x + s->n++ * l->slot;
    }
    return 0;
}

/* The first file that stops everything, and how many were left out. */
static int judge(size_t *n_bad, const struct load *l, size_t first)
{
    const struct pare_folders *f = l->f;

    *n_bad = 0;
    for (size_t i = 0; i < f->n_files; i++) {
        if (l->code[i] == PARE_EMISMATCH)
            return pare_fail(PARE_EMISMATCH,
                             FILE_FMT " %s, " FILE_FMT " has %zux%zu; a size "
                                      "for all of them is needed",
                             FILE_ARGS(f, i), f->file[i].fault,
                             FILE_ARGS(f, first), l->height, l->width);
        if (l->code[i])
            return no_memory();
        *n_bad += l->kind[i] == BAD;
    }
    if (*n_bad == f->n_files)
        return pare_fail(PARE_EFORMAT,
                         FILE_FMT ": %s; there is no image "
                                  "that can be read",
                         FILE_ARGS(f, 0), f->file[0].fault);
    return 0;
}

/* Close the gaps that bad files left, and give all the same channels. */
static void pack(struct pare_dataset *d, const struct load *l)
{
    size_t plane = l->height * l->width;
    size_t channels = (size_t)l->r.channels;

    if (channels == 0)
        channels = memchr(l->kind, COLOUR, l->f->n_files) ? 3 : 1;
    for (int s = 0; s < PARE_SPLITS; s++)
        d->split[s].n = 0;
    for (size_t i = 0; i < l->f->n_files; i++) {
        const struct pare_folder_class *folder =
            &l->f->folder[l->f->file[i].folder];
        struct pare_split *s = &d->split[folder->split];
        uint8_t *to = (uint8_t *)s->x + s->n * channels * plane;
        size_t have = l->kind[i] == GREY && l->r.channels != 3 ? 1 : channels;

        if (l->kind[i] == BAD)
            continue;
        if (to != l->at[i])
            memmove(to, l->at[i], have * plane);
        for (size_t c = have; c < channels; c++)
            memcpy(to + c * plane, to, plane);
        s->y[s->n++] = folder->label;
    }
    d->shape.rank = 3;
    d->shape.dim[0] = channels;
    d->shape.dim[1] = l->height;
    d->shape.dim[2] = l->width;
    d->features = channels * plane;
    d->type = PARE_X_U8;
}

/* Give back what bad files and grey ones did not need. */
static void trim(struct pare_dataset *d)
{
    for (int i = 0; i < PARE_SPLITS; i++) {
        struct pare_split *s = &d->split[i];
        void *x = s->n ? realloc(s->x, s->n * d->features) : NULL;

        if (x)
            s->x = x;
    }
}

static int name_classes(struct pare_dataset *d, const struct pare_folders *f)
{
    d->class_name = calloc(f->n_classes, sizeof *d->class_name);
    if (!d->class_name)
        return no_memory();
    d->n_classes = f->n_classes;
    for (size_t i = 0; i < f->n_classes; i++)
        if (!(d->class_name[i] = strdup(f->class_name[i])))
            return no_memory();
    return 0;
}

int pare_folders_read(struct pare_dataset *d, size_t *n_bad,
                      struct pare_folders *f,
                      const struct pare_folder_recipe *r)
{
    struct load l = {.f = f, .r = *r, .height = r->height, .width = r->width};
    size_t n_tasks =
        f->n_files / FILES_A_TASK + (f->n_files % FILES_A_TASK > 0);
    size_t first = 0;
    int rc = 0;

    if (f->n_files == 0)
        return pare_fail(PARE_EFORMAT, "'%s': there is no file in any folder",
                         f->folder[0].path);
    if (r->height == 0)
        rc = first_size(&l, &first);
    if (rc == 0 && l.height == 0)
        l.height = l.width = 1; /* none: their faults are found below */
    if (rc == 0)
        rc = allocate(&l, d);
    if (rc == 0) {
        pare_parallel(r->threads, n_tasks, load_task, &l);
        rc = judge(n_bad, &l, first);
    }
    if (rc == 0) {
        pack(d, &l);
        trim(d);
        rc = name_classes(d, f);
    }
    free(l.at);
    free(l.kind);
    free(l.code);
    return rc;
}
