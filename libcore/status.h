#ifndef PARE_STATUS_H
#define PARE_STATUS_H

/**
 * What a function that can fail returns: 0 or one of these.
 *
 * The line that sees the fault sets the thread's one message with
 * pare_fail(); callers pass the code up untouched.
 */
enum pare_status {
    PARE_OK = 0,
    PARE_EINVAL = -1,    /* an argument or option outside its range */
    PARE_ENOMEM = -2,    /* no memory */
    PARE_EFORMAT = -3,   /* a file that is not what it should be */
    PARE_EIO = -4,       /* the system refused to read or write */
    PARE_ELIMIT = -5,    /* larger than a stated limit */
    PARE_EMISMATCH = -6, /* two inputs that do not fit each other */
    PARE_EDIVERGED = -7, /* training left the finite numbers */
    PARE_ESTOPPED = -8,  /* asked to stop by the caller (a signal) */
    PARE_EUNREAD = -9    /* sound, but of a kind that is not read */
};

/**
 * Set the thread's error message and return the code given.
 *
 * The message is cut at 1,023 bytes; control characters in it are replaced
 * by '?', so that a hostile file cannot write to the terminal.
 *
 * @param code  a negative enum pare_status
 * @param fmt   printf format of one line without a newline
 * @return code
 */
int pare_fail(int code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/** Put "fmt: " before the message that is set; returns code. */
int pare_fail_prefix(int code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/** The thread's last message, "" when none was set; never NULL. */
const char *pare_error(void);

#endif
