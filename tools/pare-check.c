/* pare-check(1): is it a valid model, and does it keep the promises? */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "model_file.h"
#include "provenance.h"
#include "status.h"

struct options {
    bool quiet;
};

/** Where findings go. */
struct report {
    const char *path;
    bool quiet;
};

static void report(void *arg, const char *line)
{
    const struct report *r = arg;

    if (!r->quiet)
        printf("%s: %s\n", r->path, line);
}

/**
 * Promise 7: every step can be parsed, and the last one made this state;
 * but the step that an autosave is in the middle of has no line yet.
 */
static int check_provenance(const struct pare_model *m,
                            const struct pare_model_file *info,
                            struct report *r)
{
    struct provenance_step step = {0};
    char line[160];
    int findings = 0;

    for (size_t i = 0; i < m->n_steps; i++) {
        provenance_release(&step);
        if (provenance_parse(&step, m->step[i])) {
            snprintf(line, sizeof line, "step %zu of the %.100s", i + 1,
                     pare_error());
            report(r, line);
            findings++;
        }
    }
    if (m->n_steps && !findings && !info->autosave_key[0] &&
        strcmp(step.out, info->state)) {
        snprintf(line, sizeof line,
                 "the provenance ends in state %s, the file is %s", step.out,
                 info->state);
        report(r, line);
        findings++;
    }
    provenance_release(&step);
    return findings;
}

/** 0 good, 1 not, 2 could not tell. */
static int check(const struct cli_tool *tool, const struct options *o,
                 const char *path)
{
    struct report r = {strcmp(path, "-") ? path : "standard input", o->quiet};
    struct pare_model m = {0};
    struct pare_model_file info = {0};
    int status, n;
    int err = pare_model_open(&m, &info, path);

    if (err == PARE_EIO || err == PARE_ENOMEM)
        return cli_fail(tool);
    if (err) {
        if (!o->quiet)
            printf("%s\n", pare_error());
        return 1;
    }
    n = pare_model_check(&m, report, &r);
    if (n < 0) {
        status = cli_fail(tool);
    } else {
        n += check_provenance(&m, &info, &r);
        status = n > 0;
    }
    pare_model_file_release(&info, m.n_tensors);
    pare_model_release(&m);
    return status;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    const struct cli_option rows[] = {
        {'q', "quiet", NULL, CLI_FLAG, &o.quiet, 0, 0,
         "print nothing, only exit 0 or 1", NULL},
        {0, NULL, NULL, CLI_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct cli_tool tool = {
        "pare-check",
        "[MODEL ...]",
        "Tell whether models are valid and keep pare's promises.",
        rows,
        0,
        -1,
        2};
    int first = cli_parse(&tool, argc, argv);
    int status = first == argc ? check(&tool, &o, "-") : 0;

    for (int i = first; i < argc; i++) {
        int s = check(&tool, &o, argv[i]);

        status = s > status ? s : status;
    }
    return cli_exit(&tool, status);
}
