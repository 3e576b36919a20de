/* Tensors whose data lie in files beside the model. */
#include "onnx_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "status.h"

#define NAME_MAX_BYTES 1024
#define DATA_MAX       ((uint64_t)1 << 34) /* bytes of one tensor */

static const char *entry(const Onnx__TensorProto *t, const char *key)
{
    for (size_t i = 0; i < t->n_external_data; i++)
        if (t->external_data[i]->key &&
            strcmp(t->external_data[i]->key, key) == 0)
            return t->external_data[i]->value;
    return NULL;
}

/* A whole number in decimal, nothing else. */
static bool parse_size(uint64_t *v, const char *text)
{
    *v = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (*v > DATA_MAX)
            return false;
        *v = *v * 10 + (uint64_t)(*text - '0');
    }
    return *text == '\0';
}

static int refuse(const Onnx__TensorProto *t, const char *location,
                  const char *why)
{
    return pare_fail(PARE_EFORMAT, "external data '%s' of tensor '%s': %s",
                     location ? location : "", t->name ? t->name : "", why);
}

/* Open a part of the path in a folder; a link is an error. */
static int open_part(int *fd, const char *part, bool is_folder)
{
    int next = openat(*fd, part,
                      O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK |
                          (is_folder ? O_DIRECTORY : 0));

    if (next < 0)
        return -1;
    close(*fd);
    *fd = next;
    return 0;
}

/* The folder that the model is in. */
static int open_folder(int *fd, const char *model)
{
    const char *slash = strrchr(model, '/');
    char *folder =
        slash ? strndup(model, (size_t)(slash - model) + 1) : strdup(".");

    if (!folder)
        return pare_fail(PARE_ENOMEM, "out of memory");
    *fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    return *fd < 0 ? pare_fail(PARE_EIO, "cannot open the model's folder: %s",
                               strerror(errno))
                   : 0;
}

static int open_location(int *fd, const char *model, const char *location,
                         const Onnx__TensorProto *t)
{
    char path[NAME_MAX_BYTES], *part = path, *slash;
    int rc = 0;

    if (strlen(location) >= sizeof path || !location[0])
        return refuse(t, location, "not a name");
    if (location[0] == '/')
        return refuse(t, location, "not in the model's folder");
    strcpy(path, location);
    rc = open_folder(fd, model);
    for (; !rc && part; part = slash ? slash + 1 : NULL) {
        slash = strchr(part, '/');
        if (slash)
            *slash = '\0';
        if (strcmp(part, "..") == 0)
            rc = refuse(t, location, "not in the model's folder");
        else if (part[0] && open_part(fd, part, slash != NULL) != 0)
            rc = errno == ELOOP ? refuse(t, location, "it is a link")
                                : pare_fail(PARE_EIO, "cannot open '%s': %s",
                                            location, strerror(errno));
    }
    if (rc && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return rc;
}

static int read_range(void **bytes, int fd, uint64_t offset, uint64_t n,
                      const char *location)
{
    char *b = malloc(n ? (size_t)n : 1);

    if (!b)
        return pare_fail(PARE_ENOMEM, "out of memory");
    for (uint64_t done = 0; done < n;) {
        ssize_t k =
            pread(fd, b + done, (size_t)(n - done), (off_t)(offset + done));

        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0) {
            free(b);
            return pare_fail(PARE_EIO, "cannot read '%s': %s", location,
                             k ? strerror(errno) : "it has become shorter");
        }
        done += (uint64_t)k;
    }
    *bytes = b;
    return 0;
}

int pare_onnx_external(void **bytes, size_t *n, const char *model,
                       const Onnx__TensorProto *t)
{
    const char *location = entry(t, "location");
    const char *from = entry(t, "offset"), *much = entry(t, "length");
    uint64_t offset = 0, length = 0;
    struct stat st;
    int fd = -1, rc;

    if (!location || strcmp(model, "-") == 0)
        return refuse(t, location, "there is no file of that name");
    if ((from && !parse_size(&offset, from)) ||
        (much && !parse_size(&length, much)))
        return refuse(t, location, "offset or length is no number");
    rc = open_location(&fd, model, location, t);
    if (rc)
        return rc;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        rc = refuse(t, location, "not a regular file");
    else if (offset > (uint64_t)st.st_size)
        rc = refuse(t, location, "the offset is past the end");
    else if (!much)
        length = (uint64_t)st.st_size - offset;
    if (!rc && (length > (uint64_t)st.st_size - offset || length > DATA_MAX))
        rc = refuse(t, location, "the data go past the end");
    if (!rc)
        rc = read_range(bytes, fd, offset, length, location);
    if (!rc)
        *n = (size_t)length;
    close(fd);
    return rc;
}
