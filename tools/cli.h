#ifndef PARE_CLI_H
#define PARE_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** How an option's argument is read; numbers are strict. */
enum cli_type {
    CLI_FLAG,   /* bool *, set to true */
    CLI_TEXT,   /* const char ** */
    CLI_U64,    /* uint64_t *, decimal, within lo..hi */
    CLI_INT,    /* int *, within lo..hi */
    CLI_REAL,   /* double *, finite, within lo..hi */
    CLI_LEVEL,  /* int *, 1..9; the letters 1 to 9 say it, too */
    CLI_LIST    /* struct cli_list *, may be repeated */
};

/** Arguments of a repeatable option, in order. */
struct cli_list {
    size_t n;
    const char **item;
};

/**
 * An option: a row of a tool's table, which is its parser, its usage text,
 * its completion and the list that the manual is tested against.
 */
struct cli_option {
    char letter;          /* 0: long only */
    const char *name;     /* long name */
    const char *arg;      /* name of the argument, NULL for a flag; of one
                             that may lack "[=NAME]", and a text is "" then */
    enum cli_type type;
    void *value;          /* where it goes */
    double lo, hi;        /* range of numbers, inclusive; 0, 0: any */
    const char *help;     /* one line, without the default */
    bool *given;          /* set to true when the option occurs, or NULL;
                             a row with it shows no default in the usage */
};

/** A tool as its main() describes it. */
struct cli_tool {
    const char *name;     /* "pare-train" */
    const char *synopsis; /* operands, e.g. "[MODEL]" */
    const char *summary;  /* one line */
    const struct cli_option *option; /* name NULL ends */
    int min_operands, max_operands;  /* max -1: any number */
    int trouble;          /* status of failure: 1, or 2 for diff and check */
};

/**
 * Parse a command line. Options may follow operands; "--" ends them; long
 * names may be abbreviated. -h/--help (usage with live defaults, to stdout,
 * 0) and -V/--version (0), which are in every tool without a row, and bad
 * usage (stderr, 2) do not return.
 *
 * Also gives SIGPIPE its default action and fills closed standard streams
 * with descriptors that refuse use, so call it first in main(). The one
 * argument --list-options prints the table as TSV (letter or "-", name,
 * argument) for completion and the test of the manual.
 *
 * @return index of the first operand in argv (operands are moved last)
 */
int cli_parse(const struct cli_tool *tool, int argc, char **argv);

/** Print "pare-x: message" of pare_error() and return the failure status. */
int cli_fail(const struct cli_tool *tool);

/** Print "pare-x: ..." to stderr. */
void cli_warn(const struct cli_tool *tool, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/** Usage error: message, "try --help", exit 2. Does not return. */
void cli_usage(const struct cli_tool *tool, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), noreturn));

/**
 * Status of a finished tool: `status` itself, or failure with a message if
 * standard output could not be flushed and closed.
 */
int cli_exit(const struct cli_tool *tool, int status);

/**
 * Use the kernel that the environment's PARE_KERNEL names, if it is set;
 * called by tools that compute. A wrong name is a usage error.
 */
void cli_kernel(const struct cli_tool *tool);

/** Strict numbers: whole string, finite, in range; 0 or -1. */
int cli_real(double *v, const char *text, double lo, double hi);
int cli_u64(uint64_t *v, const char *text, uint64_t lo, uint64_t hi);

/** "1,234,567" into buf (32 bytes); returns buf. */
char *cli_count(char *buf, uint64_t n);

#endif
