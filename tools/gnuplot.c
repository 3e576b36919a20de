/* The program that draws. */
#include "gnuplot.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "status.h"

#define NOT_THERE 127

/* Become gnuplot; script, picture and messages are files. */
static void become(FILE *script, FILE *picture, FILE *messages)
{
    char name[] = "gnuplot", settings[] = "--default-settings";
    char *argv[] = {name, settings, NULL};

    if (dup2(fileno(script), 0) == 0 && dup2(fileno(picture), 1) == 1 &&
        dup2(fileno(messages), 2) == 2 && setenv("LC_ALL", "C", 1) == 0 &&
        setenv("TZ", "UTC0", 1) == 0) /* a PDF has its time zone */
        execvp(name, argv);
    _exit(NOT_THERE);
}

static int run(int *status, FILE *script, FILE *picture, FILE *messages)
{
    pid_t child;

    fflush(NULL);
    rewind(script);
    /* The offset is what the child shares. */
    if (lseek(fileno(script), 0, SEEK_SET) != 0)
        return pare_fail(PARE_EIO, "cannot rewind a temporary file: %s",
                         strerror(errno));
    child = fork();
    if (child < 0)
        return pare_fail(PARE_EIO, "cannot run gnuplot: %s", strerror(errno));
    if (child == 0)
        become(script, picture, messages);
    while (waitpid(child, status, 0) < 0)
        if (errno != EINTR)
            return pare_fail(PARE_EIO, "cannot wait for gnuplot: %s",
                             strerror(errno));
    return 0;
}

static int read_all(char **bytes, size_t *n, FILE *f)
{
    long size;
    char *b;

    if (fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0)
        return pare_fail(PARE_EIO, "cannot read a temporary file: %s",
                         strerror(errno));
    rewind(f);
    b = malloc((size_t)size + 1);
    if (!b)
        return pare_fail(PARE_ENOMEM, "out of memory");
    if (fread(b, 1, (size_t)size, f) != (size_t)size) {
        free(b);
        return pare_fail(PARE_EIO, "cannot read a temporary file");
    }
    b[size] = '\0';
    *bytes = b;
    *n = (size_t)size;
    return 0;
}

/* The last line that gnuplot said which says something. */
static int complain(FILE *messages)
{
    char *text, *line = NULL;
    size_t n;
    int rc = read_all(&text, &n, messages);

    if (rc)
        return rc;
    while (n && strchr(" \t\n", text[n - 1]))
        text[--n] = '\0';
    line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    rc = pare_fail(PARE_EIO, "gnuplot failed: %s", *line ? line : "no message");
    free(text);
    return rc;
}

/* A PDF has the time it was made in it: a fixed one takes its place. */
static void undate(char *bytes, size_t n)
{
    static const char key[] = "/CreationDate (D:", none[] = "20000101000000";
    size_t len = sizeof key - 1;

    for (size_t i = 0; i + len + sizeof none < n; i++)
        if (bytes[i] == key[0] && memcmp(bytes + i, key, len) == 0) {
            memcpy(bytes + i + len, none, sizeof none - 1);
            /* What may follow is the zone. */
            for (char *p = bytes + i + len + sizeof none - 1;
                 p < bytes + n && *p != ')' && *p != '\n'; p++)
                *p = *p == 'Z' ? 'Z' : *p >= '0' && *p <= '9' ? '0' : *p;
        }
}

static int finish(char **bytes, size_t *n, int status, FILE *picture,
                  FILE *messages, bool *missing)
{
    int rc;

    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_THERE) {
        if (missing)
            *missing = true;
        return pare_fail(PARE_EIO, "gnuplot is not installed: apt-get install "
                                   "gnuplot-nox; --script prints what it "
                                   "would draw");
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return complain(messages);
    rc = read_all(bytes, n, picture);
    if (!rc && *n == 0) {
        free(*bytes);
        rc = complain(messages);
    }
    return rc;
}

int gnuplot_draw(void **bytes, size_t *n, const struct figure *f,
                 const struct figure_medium *m, bool *missing)
{
    FILE *script = NULL, *picture = NULL, *messages = NULL;
    char *drawn = NULL;
    int rc, status = 0;

    if (!figure_has_points(f))
        return pare_fail(PARE_EINVAL, "there is nothing to draw");
    script = tmpfile();
    picture = tmpfile();
    messages = tmpfile();
    if (!script || !picture || !messages) {
        rc = pare_fail(PARE_EIO, "cannot make a temporary file: %s",
                       strerror(errno));
        goto out;
    }
    figure_print_script(f, m, script);
    if (fflush(script) != 0 || ferror(script)) {
        rc = pare_fail(PARE_EIO, "cannot write a temporary file: %s",
                       strerror(errno));
        goto out;
    }
    rc = run(&status, script, picture, messages);
    if (!rc)
        rc = finish(&drawn, n, status, picture, messages, missing);
    if (!rc) {
        if (m->format == FIGURE_PDF)
            undate(drawn, *n);
        *bytes = drawn;
    }
out:
    if (script)
        fclose(script);
    if (picture)
        fclose(picture);
    if (messages)
        fclose(messages);
    return rc;
}
