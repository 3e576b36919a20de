#ifndef PARE_MODEL_IO_H
#define PARE_MODEL_IO_H

/* Shared by the model_*.c files of this folder, and by their tests. */
#include <stdio.h>

#include "h5read.h"
#include "h5write.h"
#include "model_file.h"

/* A larger model is written by a child process and read from the file
 * instead of from an image. */
#define PARE_IMAGE_MAX ((size_t)256 << 20)

#define PARE_TEXT_MAX        ((size_t)64 << 20) /* history, provenance */
#define PARE_CHECKPOINTS_MAX 4096
#define PARE_CLASSES_MAX     ((size_t)1 << 20)
#define PARE_USER_ITEMS      64
#define PARE_USER_BYTES      ((size_t)1 << 20)

/** Texts of a model: malloc'd, or parsed into the model (text is cut up). */
int pare_training_text(char **text, const struct pare_model *m);
/** The same without lines whose value is 0 or empty; and either back. */
int pare_training_brief(char **text, const struct pare_model *m);
int pare_training_parse(struct pare_model *m, char *text, bool brief);
int pare_history_text(char **text, const struct pare_model *m);
int pare_history_parse(struct pare_model *m, char *text);
int pare_lines_text(char **text, char *const *line, size_t n);
/** Cut a text into its lines: malloc'd copies in a malloc'd array. */
int pare_lines_parse(char ***line, size_t *n, const char *text, size_t most);

/** Finish a memory stream: 0 or `err` and the text, or everything freed. */
int pare_text_close(FILE *f, char **text, char *const *buffer, int err);

/** Cut the next line off a text; NULL at its end. */
char *pare_text_line(char **text);

/** A decimal count below 2^64, and nothing else. 0; PARE_EFORMAT. */
int pare_text_count(uint64_t *v, const char *text);

/** 0 if a text has no control characters (newlines apart) and is UTF-8. */
int pare_text_check(const char *text, const char *what);

/** /user to and from the opaque bytes of the model. */
int pare_user_read(struct pare_model *m, struct pare_model_file *info,
                   struct pare_h5 *h);
int pare_user_write(struct pare_h5w *w, const struct pare_model *m);

/** Remember a path that this version does not know. */
int pare_unknown_add(struct pare_model_file *info, const char *dir,
                     const char *name);

/** List what lies beside the known objects. */
int pare_unknown_find(struct pare_model_file *info, const struct pare_model *m,
                      struct pare_h5 *h);

/** pare_h5w_new for a file of the layout that info says. */
int pare_model_begin(struct pare_h5w **w, const char *path,
                     const struct pare_model_file *info);

/** Put a model into a file being built; info holds digests and autosave,
 *  and gets the stored sizes. */
int pare_model_build(struct pare_h5w *w, const struct pare_model *m,
                     struct pare_model_file *info);

/**
 * The oldest version of the format that can say what a model holds.
 *
 * @param packed  its layout is packed, or datasets have a filter
 */
int pare_model_version(const struct pare_model *m, bool packed);

/** Read all of a model; size is that of the file. */
int pare_model_parse(struct pare_model *m, struct pare_model_file *info,
                     struct pare_h5 *h, uint64_t size);

/** The same without the values of arrays and what is checked on them: all
 *  in which libhdf5 trusts the file. The model is of no use. */
int pare_model_walk(struct pare_model *m, struct pare_model_file *info,
                    struct pare_h5 *h, uint64_t size);

/** One of both: with more than `whole` positions of all tensors it is a walk.
 *  With more than `limit` bytes of values the model may get a loader, which
 *  then closes h; 0: never. */
int pare_model_parse_limit(struct pare_model *m, struct pare_model_file *info,
                           struct pare_h5 *h, uint64_t size, uint64_t limit,
                           uint64_t whole);

/** Bytes of memory that a file of this size may ask for. */
uint64_t pare_model_budget(uint64_t size);

/** pare_model_read and pare_model_write with another PARE_IMAGE_MAX. */
int pare_model_read_limit(struct pare_model *m, struct pare_model_file *info,
                          const char *path, size_t limit);
int pare_model_write_limit(const char *path, const struct pare_model *m,
                           struct pare_model_file *info, size_t limit);

/* A model up to this size is read wholly by a trial (see trial.h), and from
 * memory; of a larger one the trial reads all but the arrays. */
#define PARE_TRIAL_WHOLE ((int)1 << 20)
/* So is one that has more positions: coded they may take few bytes, and more
 * time and memory than a trial has. */
#define PARE_TRIAL_POSITIONS ((uint64_t)1 << 26)

/* Memory a file may ask for: so many times its size, and this besides. */
#define PARE_EXPANSION 1100
#define PARE_ALLOWANCE ((uint64_t)256 << 20)

/** Where an image comes from: memory, a spooled standard input, a file. */
struct pare_source {
    void *bytes; /* NULL: behind fd */
    size_t n;
    int fd; /* -1: in memory */
};
int pare_source_open(struct pare_source *s, const char *path, size_t limit);
void pare_source_close(struct pare_source *s);

/* A model with more bytes of values comes tensor by tensor, where a tool can
 * work so; PARE_MODEL_MEMORY sets another number. */
#define PARE_STREAM_MIN ((uint64_t)1 << 30)

/* A larger standard input is spooled to a file if it may come so. */
#define PARE_SPOOL_MIN ((size_t)64 << 20)

/** pare_model_open with another PARE_STREAM_MIN. */
int pare_model_open_limit(struct pare_model *m, struct pare_model_file *info,
                          const char *path, uint64_t limit);

/** Let the loader of an opened model have its source, which is emptied. */
void pare_stream_take(struct pare_model *m, struct pare_source *source);

/** PARE_STREAM_MIN, or what the environment says. 0; PARE_EINVAL. */
int pare_stream_min(uint64_t *bytes);

/** Write a model that comes tensor by tensor; info as pare_model_build. */
int pare_stream_write(const char *path, const struct pare_model *m,
                      struct pare_model_file *info);

/** Write a large model by a child process; info as pare_model_build. */
int pare_model_spawn(const char *path, const struct pare_model *m,
                     struct pare_model_file *info);

#endif
