#define _XOPEN_SOURCE 700 /* mkdtemp */

#include "import.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic.h"
#include "digest.h"
#include "keras.h"
#include "npz_read.h"
#include "onnx.h"
#include "safetensors.h"
#include "status.h"
#include "torch_file.h"

#define STEP ((size_t)16 << 20) /* bytes of a file gone over together */

#define HEAD 512 /* bytes by which a format is told */

static const struct pare_import_format formats[] = {
    {"safetensors", ".safetensors",
     "named tensors, and how they lie, of Hugging Face",
     "github.com/huggingface/safetensors", pare_safetensors_looks,
     pare_safetensors_read},
    {"safetensors-index", ".index.json", "several of them, by their index",
     "github.com/huggingface/transformers", pare_safetensors_index_looks,
     pare_safetensors_index},
    {"keras", ".keras .h5 .hdf5", "models and weights of Keras 2 and 3",
     "keras.io, Model saving and serialization APIs", pare_keras_looks,
     pare_keras_read},
    {"onnx", ".onnx", "graphs of operators, as other programs exchange them",
     "github.com/onnx/onnx, onnx.proto, operator sets 7 to 20", pare_onnx_looks,
     pare_onnx_read},
    {"npz", ".npz", "arrays of NumPy in an archive",
     "NumPy, numpy.savez and numpy.lib.format", pare_npz_looks,
     pare_npz_foreign},
    {"npy", ".npy", "one array of NumPy", "NumPy, numpy.lib.format",
     pare_npy_looks, pare_npy_foreign},
    {"pytorch", ".pt .pth .bin .ckpt", "tensors that torch.save wrote",
     "PyTorch, torch/serialization.py", pare_torch_looks, pare_torch_read},
};

const struct pare_import_format *pare_import_format(size_t index)
{
    return index < sizeof formats / sizeof *formats ? &formats[index] : NULL;
}

static bool ends(const char *path, const char *suffix, size_t k)
{
    size_t n = strlen(path);

    return n > k && memcmp(path + n - k, suffix, k) == 0;
}

bool pare_import_named(const struct pare_import_format *row, const char *path)
{
    for (const char *s = row->suffix; *s;) {
        size_t n = strcspn(s, " ");

        if (ends(path, s, n))
            return true;
        s += n + (s[n] == ' ');
    }
    return false;
}

static const struct pare_import_format *find(const char *name)
{
    const struct pare_import_format *row;

    for (size_t i = 0; (row = pare_import_format(i)); i++)
        if (strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

static int read_head(unsigned char head[HEAD], size_t *n, const char *path)
{
    FILE *f = fopen(path, "rb");

    if (!f)
        return pare_fail(PARE_EIO, "cannot read '%s': %s", path,
                         strerror(errno));
    errno = 0;
    *n = fread(head, 1, HEAD, f);
    if (ferror(f)) {
        int reason = errno;

        fclose(f);
        return pare_fail(PARE_EIO, "cannot read '%s': %s", path,
                         strerror(reason));
    }
    fclose(f);
    return 0;
}

/* By its name, if that is one of a format and the bytes do not deny it; else
 * the first format that its bytes may be of. */
static int tell(const struct pare_import_format **found, const char *path)
{
    const struct pare_import_format *row;
    unsigned char head[HEAD];
    size_t n = 0;
    int err = read_head(head, &n, path);

    if (err)
        return err;
    *found = NULL;
    for (size_t i = 0; (row = pare_import_format(i)); i++)
        if (row->looks(head, n) &&
            (!*found || (pare_import_named(row, path) &&
                         !pare_import_named(*found, path))))
            *found = row;
    for (size_t i = 0; !*found && (row = pare_import_format(i)); i++)
        if (pare_import_named(row, path))
            *found = row;
    if (!*found)
        return pare_fail(PARE_EFORMAT, "'%s' is of no known format", path);
    return 0;
}

static int choose(const struct pare_import_format **row, const char *path,
                  const char *format)
{
    if (!format)
        return tell(row, path);
    *row = find(format);
    return *row ? 0 : pare_fail(PARE_EINVAL, "there is no format '%s'", format);
}

/* ---- what cannot be mapped --------------------------------------------- */

static int copy_all(int to, int from, const char *path)
{
    enum { SOME = 1 << 16 };
    char *buf = malloc(SOME);
    ssize_t n = 0, put = 0;

    if (!buf)
        return pare_fail(PARE_ENOMEM, "out of memory");
    while ((n = read(from, buf, SOME)) > 0 || (n < 0 && errno == EINTR))
        for (ssize_t at = 0; at < n && put >= 0; at += put)
            if ((put = write(to, buf + at, (size_t)(n - at))) < 0 &&
                errno == EINTR)
                put = 0;
    free(buf);
    if (put < 0)
        return pare_fail(PARE_EIO, "cannot write a temporary file: %s",
                         strerror(errno));
    return n < 0 ? pare_fail(PARE_EIO, "cannot read '%s': %s", path,
                             strerror(errno))
                 : 0;
}

/* Remove such a file and its folder. */
static void unspool(char *name)
{
    char *slash = strrchr(name, '/');

    unlink(name);
    if (slash) {
        *slash = '\0';
        rmdir(name);
    }
    pare_atomic_spooled(NULL);
}

/* A new folder of a template, which becomes the name of a file in it; no
 * signal may come between that and its being known. */
static bool make_folder(char *text)
{
    sigset_t all, old;
    bool made;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    made = mkdtemp(text) != NULL;
    if (made) {
        strcat(text, "/file");
        pare_atomic_spooled(text);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return made;
}

/*
 * Put standard input, or a pipe, into a file; its name, malloc'd. The file is
 * alone in a folder, as formats that may name other files find them there.
 */
static int spool(char **name, const char *path)
{
    bool standard = strcmp(path, "-") == 0;
    const char *dir = getenv("TMPDIR");
    char text[4096];
    bool made;
    int from = standard ? 0 : open(path, O_RDONLY | O_CLOEXEC), to = -1, err;

    if (from < 0)
        return pare_fail(PARE_EIO, "cannot read '%s': %s", path,
                         strerror(errno));
    snprintf(text, sizeof text - sizeof "/file", "%s/pare-import.XXXXXX",
             dir && *dir ? dir : "/tmp");
    made = make_folder(text);
    if (made)
        to = open(text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    err = to < 0 ? pare_fail(PARE_EIO, "cannot make '%s': %s", text,
                             strerror(errno))
                 : copy_all(to, from, standard ? "standard input" : path);
    if (!err && !(*name = strdup(text)))
        err = pare_fail(PARE_ENOMEM, "out of memory");
    if (to >= 0)
        close(to);
    if (err && made)
        unspool(text);
    if (!standard)
        close(from);
    return err;
}

/* ---- reading ----------------------------------------------------------- */

/* All bytes, of which only some are in memory at a time. */
static void digest_bytes(struct pare_digest *d, const struct pare_foreign *f,
                         const unsigned char *bytes, size_t n)
{
    for (size_t at = 0; at < n; at += STEP) {
        size_t size = n - at < STEP ? n - at : STEP;

        pare_digest_bytes(d, bytes + at, size);
        pare_foreign_done(f, bytes + at, size);
    }
}

static int digest_file(struct pare_digest *d, const char *path)
{
    struct pare_foreign file = {0};
    const unsigned char *bytes;
    size_t n = 0;
    int err = pare_foreign_open(&file, &bytes, &n, path);

    if (!err)
        digest_bytes(d, &file, bytes, n);
    pare_foreign_release(&file);
    return err;
}

/* Of the file, and of those that an index names. */
static int digest(char hex[PARE_DIGEST_LEN], const struct pare_foreign *f,
                  const struct pare_import_format *row, const char *path)
{
    struct pare_digest *d = pare_digest_new();
    int err = d ? digest_file(d, path) : PARE_ENOMEM;

    if (row->read == pare_safetensors_index)
        for (size_t i = 0; !err && i < f->n_maps; i++)
            digest_bytes(d, f, f->map[i].bytes, f->map[i].size);
    pare_digest_finish(d, hex);
    if (err)
        hex[0] = '\0';
    return err;
}

static int read_path(struct pare_foreign *f, const char *path,
                     const char *format)
{
    const struct pare_import_format *row = NULL;
    struct pare_foreign new = {0};
    int err = choose(&row, path, format);

    if (!err)
        err = row->read(&new, path);
    if (!err)
        err = pare_foreign_join_masks(&new);
    if (!err)
        err = digest(new.digest, &new, row, path);
    if (err)
        pare_foreign_release(&new);
    else
        *f = new;
    return err;
}

/* The same error, of what the user named instead of where it was put. */
static int blame(int err, const char *spooled, const char *path)
{
    char text[2048];
    const char *at;

    snprintf(text, sizeof text, "%s", pare_error());
    at = strstr(text, spooled);
    if (!at)
        return err;
    return pare_fail(err, "%.*s%s%s", (int)(at - text), text, path,
                     at + strlen(spooled));
}

int pare_import_read(struct pare_foreign *f, const char *path,
                     const char *format)
{
    struct stat st;
    char *name = NULL;
    int err;

    if (format && !find(format))
        return pare_fail(PARE_EINVAL, "there is no format '%s'", format);
    if (strcmp(path, "-") != 0 &&
        (stat(path, &st) || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
        return read_path(f, path, format);
    err = spool(&name, path);
    if (!err)
        err = read_path(f, name, format);
    if (err && name)
        err =
            blame(err, name, strcmp(path, "-") == 0 ? "standard input" : path);
    if (name)
        unspool(name);
    free(name);
    return err;
}

int pare_import_with_graph(struct pare_foreign *f, const char *path,
                           const char *graph, char hex[PARE_DIGEST_LEN])
{
    struct pare_foreign new = {0};
    struct pare_digest *d = pare_digest_new();
    int err = d ? digest_file(d, graph) : PARE_ENOMEM;

    pare_digest_finish(d, hex);
    if (!err)
        err = pare_keras_read_config(&new, path, graph);
    if (!err)
        err = digest(new.digest, &new, &formats[0], path);
    if (err)
        pare_foreign_release(&new);
    else
        *f = new;
    return err;
}

int pare_import_digest(char hex[PARE_DIGEST_LEN], const char *path)
{
    const struct pare_import_format *row = NULL;
    struct pare_foreign parts = {0};
    int err = tell(&row, path);

    if (!err && row->read == pare_safetensors_index)
        err = row->read(&parts, path);
    if (!err)
        err = digest(hex, &parts, row, path);
    pare_foreign_release(&parts);
    return err;
}
