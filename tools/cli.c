#include "cli.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "atomic.h"
#include "status.h"
#include "versions.h"

#define LONG_BASE 256 /* getopt values of long options: LONG_BASE + row */
#define ROWS_MAX  96

static const char levels[] = "123456789"; /* letters of a CLI_LEVEL */

/*
 * Arguments of repeatable options; kept for the life of the process, since
 * the tools' structures point into it.
 */
static const char **list_pool;

static const struct cli_option builtin[] = {
    {'h', "help", NULL, CLI_FLAG, NULL, 0, 0, "print this text", NULL},
    {'V', "version", NULL, CLI_FLAG, NULL, 0, 0,
     "print the version of pare and of its libraries", NULL},
    {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};

/** The tool's own rows, then the builtin ones. NULL at the end. */
static const struct cli_option *row(const struct cli_tool *tool, size_t i)
{
    size_t n = 0;

    while (tool->option && tool->option[n].name)
        n++;
    if (i < n)
        return &tool->option[i];
    return i - n < 2 ? &builtin[i - n] : NULL;
}

/* ---- messages -------------------------------------------------------- */

/* A line on standard error; what files and callers put into it does not
 * reach the terminal as control characters. */
__attribute__((format(printf, 2, 0))) static void
say(const struct cli_tool *tool, const char *fmt, va_list ap)
{
    char text[4096];

    vsnprintf(text, sizeof text, fmt, ap);
    for (char *c = text; *c; c++)
        if (((unsigned char)*c < 0x20 && *c != '\n') || *c == 0x7f)
            *c = '?';
    fprintf(stderr, "%s: %s\n", tool->name, text);
}

void cli_warn(const struct cli_tool *tool, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(tool, fmt, ap);
    va_end(ap);
}

int cli_fail(const struct cli_tool *tool)
{
    cli_warn(tool, "%s", pare_error());
    return tool->trouble;
}

void cli_usage(const struct cli_tool *tool, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(tool, fmt, ap);
    va_end(ap);
    fprintf(stderr, "%s: see '%s --help'\n", tool->name, tool->name);
    exit(2);
}

int cli_exit(const struct cli_tool *tool, int status)
{
    int failed = fflush(stdout) != 0 || ferror(stdout);
    int reason = errno;

    if (!failed && fclose(stdout) != 0 && errno != EBADF) {
        failed = 1;
        reason = errno;
    }
    if (!failed)
        return status;
    cli_warn(tool, "standard output: %s", strerror(reason));
    return status > tool->trouble ? status : tool->trouble;
}

/* ---- numbers --------------------------------------------------------- */

int cli_real(double *v, const char *text, double lo, double hi)
{
    char *end;
    double d;

    if (!*text || text[strspn(text, "0123456789+-.eE")])
        return -1;
    d = strtod(text, &end);
    if (*end || !isfinite(d) || d < lo || d > hi)
        return -1;
    *v = d;
    return 0;
}

int cli_u64(uint64_t *v, const char *text, uint64_t lo, uint64_t hi)
{
    uint64_t u = 0;

    if (!*text)
        return -1;
    for (; *text; text++) {
        unsigned digit = (unsigned)(*text - '0');
        if (digit > 9 || u > (UINT64_MAX - digit) / 10)
            return -1;
        u = u * 10 + digit;
    }
    if (u < lo || u > hi)
        return -1;
    *v = u;
    return 0;
}

char *cli_count(char *buf, uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
    char *out = buf;

    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    *out = '\0';
    return buf;
}

/** A row's bound as an unsigned number; 2^64 and more mean the largest. */
static uint64_t bound(double d)
{
    return d >= 18446744073709551616.0 ? UINT64_MAX : (uint64_t)d;
}

/* ---- help ------------------------------------------------------------ */

static bool optional(const struct cli_option *o)
{
    return o->arg && o->arg[0] == '[';
}

static bool ranged(const struct cli_option *o)
{
    return o->lo < o->hi;
}

/** "-e, --epochs N" or "    --loss NAME". */
static void option_name(char *buf, size_t size, const struct cli_option *o)
{
    int n = o->letter ? snprintf(buf, size, "-%c, ", o->letter)
                      : snprintf(buf, size, "    ");

    snprintf(buf + n, size - (size_t)n, "--%s%s%s", o->name,
             o->arg && !optional(o) ? " " : "", o->arg ? o->arg : "");
}

/**
 * The default in force, " [20]". None for options whose absence the tool
 * looks at (given), for empty texts, for NaN, and for a number outside the
 * range, which says "not set".
 */
static void option_default(char *buf, size_t size, const struct cli_option *o)
{
    char number[32];
    const char *text = NULL;
    double v = 0;

    buf[0] = '\0';
    if (o->given || !o->value)
        return;
    if (o->type == CLI_U64)
        v = (double)*(uint64_t *)o->value;
    else if (o->type == CLI_INT || o->type == CLI_LEVEL)
        v = *(int *)o->value;
    if ((o->type == CLI_U64 || o->type == CLI_INT || o->type == CLI_LEVEL) &&
        o->lo < o->hi && (v < o->lo || v > o->hi))
        return;
    if (o->type == CLI_TEXT) {
        text = *(const char **)o->value;
    } else if (o->type == CLI_U64) {
        snprintf(number, sizeof number, "%" PRIu64, *(uint64_t *)o->value);
        text = number;
    } else if (o->type == CLI_INT || o->type == CLI_LEVEL) {
        snprintf(number, sizeof number, "%d", *(int *)o->value);
        text = number;
    } else if (o->type == CLI_REAL && !isnan(*(double *)o->value)) {
        snprintf(number, sizeof number, "%.10g", *(double *)o->value);
        text = number;
    }
    if (text && *text)
        snprintf(buf, size, " [%s]", text);
}

/** Append a word to the usage line, breaking it before column 79. */
static void usage_word(size_t *column, size_t indent, const char *word)
{
    if (*column + 1 + strlen(word) > 78) {
        printf("\n%*s", (int)indent, "");
        *column = indent;
    }
    *column += (size_t)printf(" %s", word);
}

/** "usage: pare-x [-hqVv] [-d DATA] [--loss NAME] [MODEL]". */
static void usage_line(const struct cli_tool *tool)
{
    char word[160];
    size_t column = (size_t)printf("usage: %s", tool->name);
    size_t indent = column, n = 2;
    const struct cli_option *o;

    snprintf(word, sizeof word, "[-");
    for (size_t i = 0; (o = row(tool, i)); i++)
        if (o->letter && !o->arg && n < sizeof word - 2)
            word[n++] = o->letter;
    memcpy(word + n, "]", 2);
    usage_word(&column, indent, word);
    for (size_t i = 0; (o = row(tool, i)); i++) {
        if (!o->letter || !o->arg)
            continue;
        snprintf(word, sizeof word, "[-%c %s]", o->letter, o->arg);
        usage_word(&column, indent, word);
    }
    for (size_t i = 0; (o = row(tool, i)); i++) {
        if (o->letter)
            continue;
        snprintf(word, sizeof word, "[--%s%s%s]", o->name,
                 o->arg && !optional(o) ? " " : "", o->arg ? o->arg : "");
        usage_word(&column, indent, word);
    }
    if (tool->synopsis && *tool->synopsis)
        usage_word(&column, indent, tool->synopsis);
    putchar('\n');
}

/** Words from `column` on, the lines below indented to it. */
static void print_wrapped(const char *text, size_t column)
{
    size_t at = column;

    while (*text) {
        size_t n = strcspn(text, " ");

        if (at > column && at + 1 + n > 79) {
            printf("\n%*s", (int)column, "");
            at = column;
        } else if (at > column) {
            putchar(' ');
            at++;
        }
        printf("%.*s", (int)n, text);
        at += n;
        text += n + (text[n] == ' ');
    }
    putchar('\n');
}

static void print_help(const struct cli_tool *tool)
{
    const struct cli_option *o;
    char name[96], def[96], text[256];
    size_t width = 0;

    usage_line(tool);
    printf("%s\n\n", tool->summary);
    for (size_t i = 0; (o = row(tool, i)); i++) {
        option_name(name, sizeof name, o);
        if (strlen(name) > width)
            width = strlen(name);
    }
    if (width > 30)
        width = 30;
    for (size_t i = 0; (o = row(tool, i)); i++) {
        option_name(name, sizeof name, o);
        option_default(def, sizeof def, o);
        snprintf(text, sizeof text, "%s%s", o->help, def);
        if (strlen(name) > width)
            printf("  %s\n%*s", name, (int)width + 4, "");
        else
            printf("  %-*s  ", (int)width, name);
        print_wrapped(text, width + 4);
    }
}

static void print_version(const struct cli_tool *tool)
{
    char text[160];

    printf("%s %s\n%s\n", tool->name, PARE_VERSION,
           pare_versions(text, sizeof text));
}

/** Letter, name, argument: for completion and the test of the manual. */
static void print_options(const struct cli_tool *tool)
{
    const struct cli_option *o;

    for (size_t i = 0; (o = row(tool, i)); i++)
        printf("%c\t%s\t%s\n", o->letter ? o->letter : '-', o->name,
               o->arg && !optional(o) ? o->arg : "");
}

/* ---- parsing --------------------------------------------------------- */

/**
 * Give every closed standard stream a descriptor that refuses its use, so
 * that no file of ours becomes number 1.
 */
static void hold_streams(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

/** Each list gets argc places, which is as many as there can be. */
static void append(const struct cli_tool *tool, const struct cli_option *o,
                   const char *text, size_t argc)
{
    struct cli_list *list = o->value;
    size_t before = 0, lists = 0;

    for (const struct cli_option *r = tool->option; r->name; r++) {
        before += r < o && r->type == CLI_LIST;
        lists += r->type == CLI_LIST;
    }
    if (!list_pool)
        list_pool = calloc(lists * argc, sizeof *list_pool);
    if (!list_pool) {
        cli_warn(tool, "out of memory");
        exit(tool->trouble);
    }
    list->item = list_pool + before * argc;
    list->item[list->n++] = text;
}

static void range_error(const struct cli_tool *tool, const struct cli_option *o,
                        const char *text)
{
    const char *kind = o->type == CLI_REAL ? "a number" : "a whole number";

    if (ranged(o))
        cli_usage(tool, "--%s: '%s' is not %s in %.10g..%.10g", o->name, text,
                  kind, o->lo, o->hi);
    cli_usage(tool, "--%s: '%s' is not %s", o->name, text, kind);
}

static int set_int(const struct cli_option *o, const char *text)
{
    bool minus = text[0] == '-';
    uint64_t u;
    int v;

    if (cli_u64(&u, text + minus, 0, INT_MAX))
        return -1;
    v = minus ? -(int)u : (int)u;
    if (ranged(o) && (v < o->lo || v > o->hi))
        return -1;
    *(int *)o->value = v;
    return 0;
}

static void set_value(const struct cli_tool *tool, const struct cli_option *o,
                      const char *text, size_t argc)
{
    int failed = 0;

    switch (o->type) {
    case CLI_FLAG:
        *(bool *)o->value = true;
        break;
    case CLI_TEXT:
        *(const char **)o->value = text ? text : "";
        break;
    case CLI_LIST:
        append(tool, o, text, argc);
        break;
    case CLI_U64:
        failed = cli_u64(o->value, text, ranged(o) ? bound(o->lo) : 0,
                         ranged(o) ? bound(o->hi) : UINT64_MAX);
        break;
    case CLI_INT:
    case CLI_LEVEL:
        failed = set_int(o, text);
        break;
    case CLI_REAL:
        failed = cli_real(o->value, text, ranged(o) ? o->lo : -HUGE_VAL,
                          ranged(o) ? o->hi : HUGE_VAL);
        break;
    }
    if (failed)
        range_error(tool, o, text);
    if (o->given)
        *o->given = true;
}

/** Turn the rows into what getopt_long wants; returns their number. */
static size_t getopt_tables(const struct cli_tool *tool, struct option *opt,
                            char *letters)
{
    const struct cli_option *o;
    size_t n = 0;

    *letters++ = ':';
    for (; n < ROWS_MAX && (o = row(tool, n)); n++) {
        opt[n].name = o->name;
        opt[n].has_arg = optional(o) ? optional_argument
                         : o->arg    ? required_argument
                                     : no_argument;
        opt[n].flag = NULL;
        opt[n].val = LONG_BASE + (int)n;
        if (o->type == CLI_LEVEL)
            letters = stpcpy(letters, levels);
        if (!o->letter)
            continue;
        *letters++ = o->letter;
        if (o->arg)
            *letters++ = ':';
    }
    *letters = '\0';
    memset(&opt[n], 0, sizeof opt[n]);
    return n;
}

static const struct cli_option *by_value(const struct cli_tool *tool, int c)
{
    const struct cli_option *o;

    if (c >= LONG_BASE)
        return row(tool, (size_t)(c - LONG_BASE));
    for (size_t i = 0; (o = row(tool, i)); i++)
        if (o->letter == c || (o->type == CLI_LEVEL && c && strchr(levels, c)))
            return o;
    return NULL;
}

/* A long name that getopt does not take: a beginning of several, or of none. */
static void bad_name(const struct cli_tool *tool, const char *word)
{
    const struct cli_option *o;
    size_t n = strcspn(word, "="), used = 0;
    char names[512] = "";

    for (size_t i = 0; n > 2 && (o = row(tool, i)); i++)
        if (strncmp(o->name, word + 2, n - 2) == 0 && used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used,
                                     "%s--%s", used ? ", " : "", o->name);
    if (used)
        cli_usage(tool, "ambiguous option '%.*s': %s", (int)n, word, names);
    cli_usage(tool, "unknown option '%.*s'", (int)n, word);
}

static void bad_option(const struct cli_tool *tool, int c, char **argv)
{
    const struct cli_option *o = by_value(tool, optopt);

    if (c == ':' && o)
        cli_usage(tool, "option '--%s' needs an argument %s", o->name, o->arg);
    if (optopt >= LONG_BASE && o)
        cli_usage(tool, "option '--%s' takes no argument", o->name);
    if (optopt)
        cli_usage(tool, "unknown option '-%c'", isprint(optopt) ? optopt : '?');
    bad_name(tool, argv[optind - 1]);
}

static void handle(const struct cli_tool *tool, const struct cli_option *o,
                   int c, int argc)
{
    const char digit[] = {(char)c, '\0'};

    if (o == &builtin[0]) {
        print_help(tool);
        exit(cli_exit(tool, 0));
    }
    if (o == &builtin[1]) {
        print_version(tool);
        exit(cli_exit(tool, 0));
    }
    set_value(tool, o, o->type == CLI_LEVEL && c < LONG_BASE ? digit : optarg,
              (size_t)argc);
}

/* A fatal signal removes the file that is being written, then kills. Not
 * before: a second one may come to another thread meanwhile. */
static void on_fatal(int sig)
{
    pare_atomic_abandon();
    signal(sig, SIG_DFL);
    raise(sig);
}

static void leave_no_temporary(void)
{
    /* SIGBUS: a file that is mapped was cut off by another process. */
    static const int fatal[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
                                SIGPIPE, SIGXCPU, SIGBUS};
    struct sigaction act = {.sa_handler = on_fatal};
    struct sigaction old;

    sigemptyset(&act.sa_mask);
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++)
        if (sigaction(fatal[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(fatal[i], &act, NULL);
}

int cli_parse(const struct cli_tool *tool, int argc, char **argv)
{
    struct option opt[ROWS_MAX + 1];
    char letters[2 * ROWS_MAX + 2 + sizeof levels];
    int c;

    hold_streams();
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_IGN); /* writing fails instead, which is said */
    leave_no_temporary();
    if (argc == 2 && strcmp(argv[1], "--list-options") == 0) {
        print_options(tool);
        exit(cli_exit(tool, 0));
    }
    getopt_tables(tool, opt, letters);
    opterr = 0;
    while ((c = getopt_long(argc, argv, letters, opt, NULL)) != -1) {
        if (c == '?' || c == ':')
            bad_option(tool, c, argv);
        handle(tool, by_value(tool, c), c, argc);
    }
    if (argc - optind < tool->min_operands)
        cli_usage(tool, "missing operand: %s", tool->synopsis);
    if (tool->max_operands >= 0 && argc - optind > tool->max_operands)
        cli_usage(tool, "one operand too many: '%s'",
                  argv[optind + tool->max_operands]);
    return optind;
}
