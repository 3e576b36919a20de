/* pare TOOL runs pare-TOOL, git's way. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"

#define FOUND_MAX 256

/** A tool of ours, in the order of the manual. */
struct row {
    const char *name;
    const char *help;
};

static const struct row table[] = {
    {"data", "make a data file of images, arrays or tables"},
    {"init", "make an untrained model from an architecture and a seed"},
    {"import", "make a model of a file of another program"},
    {"train", "train a model, from an architecture if need be"},
    {"prune", "remove weights, units or filters"},
    {"grow", "grow connections in sparse layers"},
    {"shrink", "take dead units out of the network, with the same outputs"},
    {"finetune", "go on training with the pruned weights held at 0"},
    {"quantize", "give weights few levels, or 16 bits"},
    {"mask", "combine, shuffle or move the masks of models"},
    {"rewind", "set weights back to an earlier state"},
    {"pack", "write a model as few bytes"},
    {"unpack", "write a packed model with named datasets"},
    {"eval", "loss and accuracy of models on data"},
    {"scan", "prune each layer alone and measure what it does"},
    {"stats", "sparsity, bytes and multiply-adds by layer"},
    {"export", "write a model for other programs"},
    {"plot", "pictures of models and tables, by gnuplot"},
    {"report", "one page of tables and pictures about runs"},
    {"log", "what made a model, as a script or a Makefile; its history"},
    {"check", "is this a valid model, and does it keep the promises?"},
    {"diff", "which weights differ, died or came back, by layer"},
    {"dump", "print a model as text"},
    {"load", "make a model from that text, bit for bit"},
    {NULL, NULL}};

/** Names of pare-* programs that are not in the table. */
struct found {
    size_t n;
    char name[FOUND_MAX][64];
};

static const struct cli_tool tool = {
    "pare",
    "TOOL [ARG ...]",
    "Run a tool; without one, list the tools. See also 'pare help TOOL'.",
    NULL,
    0,
    0,
    1};

/** Directory of the running program, "" when unknown. */
static void own_directory(char dir[PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", dir, PATH_MAX - 1);
    char *slash;

    dir[n > 0 ? n : 0] = '\0';
    slash = strrchr(dir, '/');
    if (slash)
        *slash = '\0';
}

static bool in_table(const char *name)
{
    for (const struct row *r = table; r->name; r++)
        if (strcmp(r->name, name) == 0)
            return true;
    return false;
}

/** Add the executable pare-* of a directory that are not yet known. */
static void scan_directory(struct found *f, const char *dir)
{
    DIR *d = opendir(*dir ? dir : ".");
    const struct dirent *e;

    while (d && (e = readdir(d)) && f->n < FOUND_MAX) {
        const char *name = e->d_name + 5;
        size_t i = 0;

        if (strncmp(e->d_name, "pare-", 5) || !*name || in_table(name) ||
            strlen(name) >= sizeof f->name[0] || strchr(name, '.') ||
            faccessat(dirfd(d), e->d_name, X_OK, 0))
            continue;
        while (i < f->n && strcmp(f->name[i], name))
            i++;
        if (i == f->n)
            strcpy(f->name[f->n++], name);
    }
    if (d)
        closedir(d);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/** Other people's tools: beside this program and in PATH. */
static void find_others(struct found *f)
{
    char dir[PATH_MAX];
    const char *path = getenv("PATH");

    own_directory(dir);
    if (*dir)
        scan_directory(f, dir);
    while (path && *path) {
        size_t n = strcspn(path, ":");

        if (n < sizeof dir) {
            memcpy(dir, path, n);
            dir[n] = '\0';
            scan_directory(f, dir);
        }
        path += n + (path[n] == ':');
    }
    qsort(f->name, f->n, sizeof f->name[0], by_name);
}

static void list_tools(void)
{
    static struct found others;

    puts("usage: pare TOOL [ARG ...]\n       pare help TOOL\n");
    for (const struct row *r = table; r->name; r++)
        printf("  %-9s %s\n", r->name, r->help);
    find_others(&others);
    if (others.n)
        puts("\nfound beside them or in PATH:");
    for (size_t i = 0; i < others.n; i++)
        printf("  %s\n", others.name[i]);
}

/* ---- suggestions ----------------------------------------------------- */

/**
 * Edits between two names: insertions, deletions, replacements, swaps of
 * neighbours. Names longer than 31 bytes are far from everything.
 */
static size_t distance(const char *a, const char *b)
{
    size_t d[33][33], n = strlen(a), m = strlen(b);

    if (n > 31 || m > 31)
        return 99;
    for (size_t i = 0; i <= n; i++) {
        for (size_t j = 0; j <= m; j++) {
            size_t best;

            if (!i || !j) {
                d[i][j] = i + j;
                continue;
            }
            best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best)
                best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
                a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    }
    return d[n][m];
}

/** The nearest name at most two edits away, or NULL. */
static const char *nearest(const char *name, const struct found *others)
{
    const char *best = NULL;
    size_t least = strlen(name) > 3 ? 3 : 2;

    for (const struct row *r = table; r->name; r++) {
        if (distance(name, r->name) < least) {
            least = distance(name, r->name);
            best = r->name;
        }
    }
    for (size_t i = 0; i < others->n; i++) {
        if (distance(name, others->name[i]) < least) {
            least = distance(name, others->name[i]);
            best = others->name[i];
        }
    }
    return best;
}

static int unknown_tool(const char *name)
{
    static struct found others;
    const char *best;

    if (in_table(name))
        cli_usage(&tool, "pare-%s is neither beside pare nor in PATH", name);
    find_others(&others);
    best = nearest(name, &others);
    if (best)
        cli_usage(&tool, "no tool '%s'; did you mean '%s'?", name, best);
    cli_usage(&tool, "no tool '%s'; 'pare' lists them", name);
}

/* ---- running --------------------------------------------------------- */

/** Become pare-NAME; returns the exit status if that cannot be. */
static int run_tool(const char *name, char **argv)
{
    char program[PATH_MAX + 80], dir[PATH_MAX];

    if (!*name || strchr(name, '/') || strlen(name) > 64)
        return unknown_tool(name);
    own_directory(dir);
    snprintf(program, sizeof program, "%s/pare-%s", dir, name);
    argv[0] = strrchr(program, '/') + 1;
    if (*dir)
        execv(program, argv);
    if (!*dir || errno == ENOENT)
        execvp(argv[0], argv);
    if (errno == ENOENT)
        return unknown_tool(name);
    cli_warn(&tool, "cannot run '%s': %s", argv[0], strerror(errno));
    return 1;
}

/** Put the manual that was installed with this program first. */
static void set_manpath(void)
{
    char dir[PATH_MAX], path[2 * PATH_MAX];
    const char *old = getenv("MANPATH");

    own_directory(dir);
    snprintf(path, sizeof path, "%s/../share/man:%s", dir, old ? old : "");
    setenv("MANPATH", path, 1);
}

/** Does man(1) know the page? */
static bool has_page(const char *page)
{
    int status = 1, null;
    pid_t child = fork();

    if (child == 0) {
        null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        dup2(null, 2);
        execlp("man", "man", "-w", page, (char *)NULL);
        _exit(127);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

/** Show a manual page, or else what --help says. */
static int help(int argc, char **argv)
{
    char page[80], option[] = "--help";
    char *help_argv[] = {NULL, option, NULL};

    if (argc > 3)
        cli_usage(&tool, "one operand too many: '%s'", argv[3]);
    if (argc == 3 && strlen(argv[2]) > 64)
        return unknown_tool(argv[2]);
    snprintf(page, sizeof page, "pare%s%s", argc == 3 ? "-" : "",
             argc == 3 ? argv[2] : "");
    set_manpath();
    if (has_page(page))
        execlp("man", "man", page, (char *)NULL);
    if (argc == 3)
        return run_tool(argv[2], help_argv);
    list_tools();
    return cli_exit(&tool, 0);
}

int main(int argc, char **argv)
{
    if (argc > 1 && argv[1][0] != '-') {
        if (strcmp(argv[1], "help") == 0)
            return help(argc, argv);
        return run_tool(argv[1], argv + 1);
    }
    cli_parse(&tool, argc, argv);
    list_tools();
    return cli_exit(&tool, 0);
}
