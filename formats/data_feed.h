#ifndef PARE_DATA_FEED_H
#define PARE_DATA_FEED_H

#include "dataset.h"

/**
 * A feed of samples that lie one after the other in a file.
 *
 * They are read by pread, so that a file that becomes shorter is an error
 * and not a signal; what was read lately, and what `want` names, is in the
 * system's cache, which gives it up when memory is short. The file must
 * stay as it is while the feed is used: a change of its size or of the time
 * of its last change is a fault (PARE_EIO). A file that is replaced, as all
 * tools write theirs, is another one and does no harm.
 *
 * @param f     out
 * @param fd    of the file; taken over, closed on failure too
 * @param at    of the first byte of the first sample
 * @param size  bytes of a sample
 * @param name  of the file, for messages
 * @return 0; PARE_EIO; PARE_ENOMEM
 */
int pare_data_feed(struct pare_feed **f, int fd, uint64_t at, size_t size,
                   const char *name);

#endif
