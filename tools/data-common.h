#ifndef PARE_DATA_COMMON_H
#define PARE_DATA_COMMON_H

#include "cli.h"
#include "dataset.h"

/** Options of all subcommands that make a data file. */
struct data_common {
    const char *output, *make_split, *normalize;
    uint64_t seed, val;
    bool seed_given, val_given, no_shuffle, verbose;
};

/** Their rows, for the option table of a tool; c is a struct data_common. */
#define DATA_COMMON_ROWS(c)                                                    \
    {                                                                          \
        'o',         "output",                                                 \
        "FILE",      CLI_TEXT,                                                 \
        &(c).output, 0,                                                        \
        0,           "data file to write, - for standard output",              \
        NULL},                                                                 \
        {'S',                                                                  \
         "seed",                                                               \
         "N",                                                                  \
         CLI_U64,                                                              \
         &(c).seed,                                                            \
         0,                                                                    \
         0,                                                                    \
         "seed of splits [from the digest of the samples]",                    \
         &(c).seed_given},                                                     \
        {0,                                                                    \
         "make-split",                                                         \
         "TRAIN[,VAL[,TEST]]",                                                 \
         CLI_TEXT,                                                             \
         &(c).make_split,                                                      \
         0,                                                                    \
         0,                                                                    \
         "deal samples to splits: counts, or fractions as .6,.3,.1",           \
         NULL},                                                                \
        {0,                                                                    \
         "no-shuffle",                                                         \
         NULL,                                                                 \
         CLI_FLAG,                                                             \
         &(c).no_shuffle,                                                      \
         0,                                                                    \
         0,                                                                    \
         "make splits of the samples as they stand",                           \
         NULL},                                                                \
        {0,                                                                    \
         "val",                                                                \
         "N",                                                                  \
         CLI_U64,                                                              \
         &(c).val,                                                             \
         1,                                                                    \
         4294967295.0,                                                         \
         "move N random training samples to val",                              \
         &(c).val_given},                                                      \
        {0,                                                                    \
         "normalize",                                                          \
         "none|unit|auto|MEAN,STD",                                            \
         CLI_TEXT,                                                             \
         &(c).normalize,                                                       \
         0,                                                                    \
         0,                                                                    \
         "how models shall take the inputs",                                   \
         NULL},                                                                \
    {                                                                          \
        'v', "verbose", NULL, CLI_FLAG, &(c).verbose, 0, 0,                    \
            "say what was made", NULL                                          \
    }

/** Usage errors of the common options; does not return if there is one. */
void data_common_check(const struct cli_tool *tool,
                       const struct data_common *c);

/**
 * Name the classes by a list, "T-shirt/top,Trouser,..."; there may be more
 * names than classes, which are then as many.
 * @return 0; PARE_EINVAL; PARE_ELIMIT; PARE_ENOMEM
 */
int data_common_classes(struct pare_dataset *d, const char *list);

/**
 * Deal the samples, normalise, record the options as the data set's origin,
 * warn of what looks wrong, and write.
 *
 * @param d      all samples in train, and test if they came apart
 * @param plain  [features] features to standardise, or NULL
 * @return 0 or a negative status
 */
int data_common_finish(const struct cli_tool *tool, struct data_common *c,
                       struct pare_dataset *d, const uint8_t *plain);

/** The subcommands; argv[0] is their name. Each returns an exit status. */
int data_cifar10_main(int argc, char **argv);
int data_cifar100_main(int argc, char **argv);
int data_idx_main(int argc, char **argv);
int data_csv_main(int argc, char **argv);
int data_npy_main(int argc, char **argv);
int data_npz_main(int argc, char **argv);
int data_images_main(int argc, char **argv);
int data_info_main(int argc, char **argv);

#endif
