#include "h5image.h"

#include <stdlib.h>
#include <string.h>

#if H5_VERSION_GE(1, 14, 0)
#include <H5FDdevelop.h>
#endif

#include "read_at.h"

#define DRIVER_VALUE 512 /* the first of those free for private use */
#define ADDRESS_MAX  ((haddr_t)INT64_MAX)

/* HDF5's part comes first. */
struct image_file {
    H5FD_t base;
    struct pare_h5_bytes bytes;
    haddr_t end; /* of what HDF5 may address */
};

static H5FD_t *image_open(const char *name, unsigned flags, hid_t fapl,
                          haddr_t maxaddr)
{
    const struct pare_h5_bytes *bytes = H5Pget_driver_info(fapl);
    struct image_file *f;

    (void)name;
    (void)maxaddr;
    if (!bytes || flags & (H5F_ACC_RDWR | H5F_ACC_CREAT | H5F_ACC_TRUNC))
        return NULL;
    f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->bytes = *bytes;
    return &f->base;
}

static herr_t image_close(H5FD_t *file)
{
    free(file);
    return 0;
}

static herr_t image_query(const H5FD_t *file, unsigned long *flags)
{
    (void)file;
    *flags = 0;
    return 0;
}

static haddr_t image_get_eoa(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const struct image_file *)file)->end;
}

static herr_t image_set_eoa(H5FD_t *file, H5FD_mem_t type, haddr_t end)
{
    (void)type;
    ((struct image_file *)file)->end = end;
    return 0;
}

static haddr_t image_get_eof(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const struct image_file *)file)->bytes.size;
}

int pare_h5image_read(const struct pare_h5_bytes *b, uint64_t at, size_t n,
                      void *out)
{
    if (at > b->size || n > b->size - at)
        return -1;
    if (b->image) {
        memcpy(out, b->image + at, n);
        return 0;
    }
    return pare_read_at(b->fd, out, n, at) ? 0 : -1;
}

static herr_t image_read(H5FD_t *file, H5FD_mem_t type, hid_t dxpl, haddr_t at,
                         size_t n, void *out)
{
    (void)type;
    (void)dxpl;
    return pare_h5image_read(&((struct image_file *)file)->bytes, at, n, out);
}

static herr_t image_write(H5FD_t *file, H5FD_mem_t type, hid_t dxpl, haddr_t at,
                          size_t n, const void *in)
{
    (void)file;
    (void)type;
    (void)dxpl;
    (void)at;
    (void)n;
    (void)in;
    return -1;
}

static const H5FD_class_t image_class = {
#if H5_VERSION_GE(1, 14, 0)
    .version = H5FD_CLASS_VERSION,
    .value = DRIVER_VALUE,
#endif
    .name = "pare-image",
    .maxaddr = ADDRESS_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(struct pare_h5_bytes),
    .open = image_open,
    .close = image_close,
    .query = image_query,
    .get_eoa = image_get_eoa,
    .set_eoa = image_set_eoa,
    .get_eof = image_get_eof,
    .read = image_read,
    .write = image_write,
    .fl_map = H5FD_FLMAP_SINGLE,
};

/*
 * The driver must stay registered until the file is closed: libhdf5 1.10
 * would free its class first and call the function in it then.
 */
int pare_h5image_open(struct pare_h5image *f, const struct pare_h5_bytes *bytes)
{
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);

    f->file = H5I_INVALID_HID;
    f->driver = H5FDregister(&image_class);
    if (f->driver >= 0 && fapl >= 0 &&
        H5Pset_driver(fapl, f->driver, bytes) >= 0 &&
        H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG) >= 0)
        f->file = H5Fopen("/proc/self/nonexistent/image", H5F_ACC_RDONLY, fapl);
    if (fapl >= 0)
        H5Pclose(fapl);
    if (f->file >= 0)
        return 0;
    pare_h5image_close(f);
    return -1;
}

void pare_h5image_close(struct pare_h5image *f)
{
    if (f->file >= 0)
        H5Fclose(f->file);
    if (f->driver >= 0)
        H5FDunregister(f->driver);
}
