#ifndef PARE_IMAGE_FOLDER_H
#define PARE_IMAGE_FOLDER_H

#include <stdbool.h>

#include "dataset.h"

/** A folder whose files are samples of one class in one split. */
struct pare_folder_class {
    char *path;
    char *name; /* of the class; points into path */
    enum pare_split_id split;
    int32_t label;
};

/** A file of such a folder. */
struct pare_folder_file {
    size_t folder; /* index of it */
    char *name;
    char *fault; /* why it could not be read, or NULL */
};

/** Class folders and their files, in the order of the samples. */
struct pare_folders {
    size_t n_classes, n_folders, n_files, n_others;
    const char **class_name;          /* [n_classes] sorted by bytes */
    struct pare_folder_class *folder; /* by split, class, directory given */
    struct pare_folder_file *file;    /* by folder, then name */
    char **other; /* files beside class folders: no samples */
};

/**
 * List the class folders of directories.
 *
 * A directory holds either class folders, whose names are those of the
 * classes, or the folders train, val and test, any of them, which hold class
 * folders. Names are sorted by their bytes. Hidden names (that begin with a
 * dot, and Thumbs.db and desktop.ini) are passed over. Symbolic links are
 * followed, but nothing is searched for deeper than this.
 *
 * @param f    zeroed, out; release with pare_folders_release
 * @param dir  [n] directories; without val and test all is train
 * @return 0; PARE_EIO; PARE_EFORMAT (no class folder, other folders beside
 *         those of splits, names that are not one line of text); PARE_ELIMIT;
 *         PARE_ENOMEM
 */
int pare_folders_list(struct pare_folders *f, char *const *dir, size_t n);

/** Free what the struct owns and zero it. */
void pare_folders_release(struct pare_folders *f);

/** How images become samples. */
struct pare_folder_recipe {
    size_t height, width; /* 0: as the first image, and all the same */
    int channels;         /* 1, 3, or 0: 1 if all files are grey, else 3 */
    bool crop;            /* the middle in that shape, rather than stretched */
    int threads;
};

/**
 * Read all files as images and make a data set of bytes of them.
 *
 * Files that cannot be read as images get a fault and are left out.
 * The result does not depend on the number of threads.
 *
 * @param d      zeroed, out; splits, classes and shape are set
 * @param n_bad  files with a fault, out
 * @return 0; PARE_EMISMATCH (images of two sizes, without a size asked for);
 *         PARE_EFORMAT (no image at all); PARE_ELIMIT; PARE_ENOMEM
 */
int pare_folders_read(struct pare_dataset *d, size_t *n_bad,
                      struct pare_folders *f,
                      const struct pare_folder_recipe *r);

#endif
