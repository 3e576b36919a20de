#ifndef PARE_TRIAL_H
#define PARE_TRIAL_H

#include <stdint.h>

/**
 * Let a child process do a reading first, and see whether it survives.
 *
 * libhdf5 can be brought to use freed memory, to loop, or to ask for any
 * amount of memory by a file whose metadata are damaged. The child may take
 * 5 seconds of processor time and `memory` bytes more than this process
 * has; it may read files but not write any, nor start programs, nor use the
 * network, where the system can forbid that. What it finds wrong, or that it
 * dies, becomes the error of this call, and the caller does not do the
 * reading. When no child can be made, nothing is tried and 0 is returned.
 *
 * @param work    what is tried: 0 or a status with its message; must not
 *                write anything but memory
 * @param arg     its argument
 * @param name    of the file, for messages
 * @param memory  bytes
 * @return 0; the status of work (PARE_ENOMEM becomes PARE_ELIMIT);
 *         PARE_EFORMAT where the child died
 */
int pare_trial(int (*work)(void *arg), void *arg, const char *name,
               uint64_t memory);

/** Shared by trial.c and trial_calls.c only: forbid this process all system
 *  calls but those of a reader; nothing happens where that is impossible. */
void pare_trial_forbid(void);

#endif
