#include "status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[1024];

static void set_message(const char *text)
{
    size_t i;

    for (i = 0; i < sizeof message - 1 && text[i]; i++) {
        unsigned char c = (unsigned char)text[i];
        message[i] = c < 0x20 || c == 0x7f ? '?' : text[i];
    }
    message[i] = '\0';
}

int pare_fail(int code, const char *fmt, ...)
{
    char text[sizeof message];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    set_message(text);
    return code;
}

int pare_fail_prefix(int code, const char *fmt, ...)
{
    char text[2 * sizeof message];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof message, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof message)
        n = (int)strlen(text);
    snprintf(text + n, sizeof text - (size_t)n, ": %s", message);
    set_message(text);
    return code;
}

const char *pare_error(void)
{
    return message;
}
