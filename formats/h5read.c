#include "h5read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "h5image.h"
#include "h5open.h"
#include "status.h"

#define PATH_MAX_BYTES 1024

static const unsigned char signature[8] = {0x89, 'H',  'D',  'F',
                                           '\r', '\n', 0x1a, '\n'};

void pare_h5_start(void)
{
    pare_h5lib_init();
}

/* Open what begins with HDF5's signature. */
static int open_bytes(struct pare_h5 **h, const struct pare_h5_bytes *b,
                      const char *path)
{
    unsigned char head[sizeof signature];
    struct pare_h5 *new;

    if (b->size == 0)
        return pare_fail(PARE_EFORMAT,
                         strcmp(path, "standard input") == 0
                             ? "nothing came on %s"
                             : "'%s' is empty", path);
    if (pare_h5image_read(b, 0, sizeof head, head) != 0 ||
        memcmp(head, signature, sizeof head) != 0)
        return pare_fail(PARE_EFORMAT, "'%s' is not an HDF5 file", path);
    pare_h5lib_init();
    new = calloc(1, sizeof *new);
    if (!new)
        return pare_fail(PARE_ENOMEM, "no memory");
    new->size = b->size;
    new->bytes = *b;
    if (pare_h5image_open(&new->image, b) != 0) {
        free(new);
        return pare_h5lib_fail(PARE_EFORMAT, "'%s' is truncated or damaged",
                               path);
    }
    new->file = new->image.file;
    *h = new;
    return 0;
}

int pare_h5_open(struct pare_h5 **h, const void *bytes, size_t n,
                 const char *path)
{
    int fd, err;

    if (bytes)
        return open_bytes(h, &(struct pare_h5_bytes){bytes, -1, n}, path);
    /* Not to wait for the writer of a pipe, which would be refused. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return pare_fail(PARE_EIO, "cannot open '%s': %s", path,
                         strerror(errno));
    err = pare_h5_open_fd(h, fd, path);
    if (err)
        close(fd);
    else
        (*h)->own = true;
    return err;
}

int pare_h5_open_fd(struct pare_h5 **h, int fd, const char *path)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return pare_fail(PARE_EIO, "cannot look at '%s': %s", path,
                         strerror(errno));
    if (S_ISDIR(st.st_mode))
        return pare_fail(PARE_EIO, "cannot read '%s': %s", path,
                         strerror(EISDIR));
    if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))
        return pare_fail(PARE_EIO,
                         "'%s' is a pipe: a file must be read in any order",
                         path);
    return open_bytes(
        h, &(struct pare_h5_bytes){NULL, fd, (uint64_t)st.st_size}, path);
}

void pare_h5_close(struct pare_h5 *h)
{
    if (!h)
        return;
    pare_h5image_close(&h->image);
    H5Eclear2(H5E_DEFAULT);
    if (h->own)
        close(h->bytes.fd);
    free(h);
}

void pare_h5_threads(struct pare_h5 *h, int threads)
{
    h->threads = threads;
}

void pare_h5_again(struct pare_h5 *h)
{
    h->declared = 0;
}

/* Is the link at a path there, and a hard one? */
static int check_link(struct pare_h5 *h, const char *path)
{
    H5L_info_t info;
    htri_t there = H5Lexists(h->file, path, H5P_DEFAULT);

    if (there == 0)
        return 0;
    if (there < 0 || H5Lget_info(h->file, path, &info, H5P_DEFAULT) < 0)
        return pare_h5lib_fail(PARE_EFORMAT, "cannot look at '%s'", path);
    if (info.type == H5L_TYPE_HARD)
        return 1;
    return pare_fail(PARE_EFORMAT, "'%s' is %s link, which is not followed",
                     path,
                     info.type == H5L_TYPE_SOFT       ? "a soft"
                     : info.type == H5L_TYPE_EXTERNAL ? "an external"
                                                      : "an unknown");
}

int pare_h5_exists(struct pare_h5 *h, const char *path)
{
    char part[PATH_MAX_BYTES];
    size_t n = strlen(path);

    if (n >= sizeof part || path[0] != '/')
        return pare_fail(PARE_EINVAL, "a path of %zu bytes", n);
    for (size_t i = 1; i <= n && n > 1; i++) {
        int there;

        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        there = check_link(h, part);
        if (there <= 0)
            return there;
    }
    return 1;
}

int pare_h5lib_object(struct pare_h5 *h, const char *path, H5O_type_t want)
{
    H5O_info_t info;
    int there = pare_h5_exists(h, path);

    if (there < 0)
        return there;
    if (there == 0)
        return pare_fail(PARE_EFORMAT, "'%s' is missing", path);
    if (H5Oget_info_by_name2(h->file, path, &info, H5O_INFO_BASIC,
                             H5P_DEFAULT) < 0)
        return pare_h5lib_fail(PARE_EFORMAT, "cannot look at '%s'", path);
    if (info.type != want && want != H5O_TYPE_UNKNOWN)
        return pare_fail(PARE_EFORMAT, "'%s' is not a %s", path,
                         want == H5O_TYPE_GROUP ? "group" : "dataset");
    return 0;
}

/* An attribute of one element; the handle is the caller's. */
static int open_attribute(hid_t *attr, struct pare_h5 *h, const char *path,
                          const char *name)
{
    int err = pare_h5lib_object(h, path, H5O_TYPE_UNKNOWN);
    htri_t there;
    hid_t a, s;

    if (err)
        return err;
    there = H5Aexists_by_name(h->file, path, name, H5P_DEFAULT);
    if (there == 0)
        return pare_fail(PARE_EFORMAT, "'%s' has no attribute '%s'", path,
                         name);
    a = there < 0
            ? H5I_INVALID_HID
            : H5Aopen_by_name(h->file, path, name, H5P_DEFAULT, H5P_DEFAULT);
    if (a < 0)
        return pare_h5lib_fail(
            PARE_EFORMAT, "cannot read attribute '%s' of '%s'", name, path);
    s = H5Aget_space(a);
    if (s < 0 || H5Sget_simple_extent_npoints(s) != 1) {
        if (s >= 0)
            H5Sclose(s);
        H5Aclose(a);
        return pare_h5lib_fail(PARE_EFORMAT,
                               "attribute '%s' of '%s' is not one value", name,
                               path);
    }
    H5Sclose(s);
    *attr = a;
    return 0;
}

static int read_string(char **text, hid_t a, hid_t type, size_t limit)
{
    size_t size = H5Tget_size(type);
    char *s;

    if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0)
        return pare_fail(PARE_EFORMAT, "not a string of fixed length");
    if (size == 0 || size > limit)
        return pare_fail(PARE_ELIMIT, "longer than %zu bytes", limit);
    s = calloc(1, size + 1);
    if (!s)
        return pare_fail(PARE_ENOMEM, "no memory");
    if (H5Aread(a, type, s) < 0) {
        free(s);
        return pare_h5lib_fail(PARE_EFORMAT, "unreadable");
    }
    *text = s;
    return 0;
}

int pare_h5_attr_text(char **text, struct pare_h5 *h, const char *path,
                      const char *attr, size_t limit)
{
    hid_t a, type;
    int err = open_attribute(&a, h, path, attr);

    if (err)
        return err;
    type = H5Aget_type(a);
    err = type < 0 ? pare_h5lib_fail(PARE_EFORMAT, "unreadable")
                   : read_string(text, a, type, limit);
    if (type >= 0)
        H5Tclose(type);
    H5Aclose(a);
    if (err)
        return pare_fail_prefix(err, "attribute '%s' of '%s'", attr, path);
    return 0;
}

int pare_h5_attr_i64(int64_t *v, struct pare_h5 *h, const char *path,
                     const char *attr)
{
    int64_t value;
    hid_t a, type;
    bool ok;
    int err = open_attribute(&a, h, path, attr);

    if (err)
        return err;
    type = H5Aget_type(a);
    ok = type >= 0 && H5Tget_class(type) == H5T_INTEGER &&
         H5Tget_size(type) <= sizeof value &&
         H5Aread(a, H5T_NATIVE_INT64, &value) >= 0;
    if (type >= 0)
        H5Tclose(type);
    H5Aclose(a);
    if (!ok)
        return pare_h5lib_fail(PARE_EFORMAT,
                               "attribute '%s' of '%s' is not an integer", attr,
                               path);
    *v = value;
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(char **name, size_t n)
{
    for (size_t i = 0; name && i < n; i++)
        free(name[i]);
    free(name);
}

/* Names as libhdf5 goes through a group once. */
struct listing {
    char **name;
    size_t n, most;
    int err;
};

static herr_t take_name(hid_t group, const char *name, const H5L_info_t *info,
                        void *arg)
{
    struct listing *l = arg;
    size_t size = strlen(name) + 1;

    (void)group;
    (void)info;
    if (l->n == l->most)
        l->err = pare_fail(PARE_EFORMAT, "more names than it declares");
    else if (size == 1 || size > 256)
        l->err = pare_fail(PARE_EFORMAT, "a name of %zu bytes", size - 1);
    else if (!(l->name[l->n] = malloc(size)))
        l->err = pare_fail(PARE_ENOMEM, "no memory");
    else
        memcpy(l->name[l->n++], name, size);
    return l->err ? -1 : 0;
}

int pare_h5_list(char ***name, size_t *n, struct pare_h5 *h, const char *path,
                 size_t most)
{
    hid_t group = H5I_INVALID_HID;
    struct listing l = {0};
    H5G_info_t info;
    hsize_t at = 0;
    int err = pare_h5lib_object(h, path, H5O_TYPE_GROUP);

    if (err)
        return err;
    group = H5Gopen2(h->file, path, H5P_DEFAULT);
    if (group < 0 || H5Gget_info(group, &info) < 0) {
        err = pare_h5lib_fail(PARE_EFORMAT, "cannot look into '%s'", path);
        goto out;
    }
    if (info.nlinks > most) {
        err = pare_fail(PARE_ELIMIT, "'%s' holds more than %zu objects", path,
                        most);
        goto out;
    }
    l.most = (size_t)info.nlinks;
    l.name = calloc(l.most + 1, sizeof *l.name);
    if (!l.name) {
        err = pare_fail(PARE_ENOMEM, "no memory");
        goto out;
    }
    if (H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, &at, take_name, &l) <
        0)
        err = l.err ? pare_fail_prefix(l.err, "'%s'", path)
                    : pare_h5lib_fail(PARE_EFORMAT, "cannot list '%s'", path);
    H5Eclear2(H5E_DEFAULT);
    if (err)
        goto out;
    qsort(l.name, l.n, sizeof *l.name, compare_names);
    *name = l.name;
    *n = l.n;
    l.name = NULL;
out:
    free_names(l.name, l.n);
    if (group >= 0)
        H5Gclose(group);
    return err;
}
