#ifndef PARE_TRIAL_H
#define PARE_TRIAL_H

/**
 * Let a child process do a reading first, and see whether it survives.
 *
 * libhdf5 can be brought to use freed memory, or to loop, by a file whose
 * metadata are damaged. A child that dies of it, or takes 20 seconds of
 * processor time, makes an error message here; the caller then does not do
 * the reading. A child that comes back, with any result, makes none: the
 * caller reads in the same way and gets its own message. When no child can
 * be made, nothing is tried and 0 is returned.
 *
 * @param work  what is tried; must not write anything but memory
 * @param arg   its argument
 * @param name  of the file, for the message
 * @return 0; PARE_EFORMAT
 */
int pare_trial(int (*work)(void *arg), void *arg, const char *name);

#endif
