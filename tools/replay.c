#define _XOPEN_SOURCE 700 /* realpath */

#include "replay.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data_file.h"
#include "import.h"
#include "model_file.h"
#include "status.h"

#define SHORT 12 /* digits of a digest in a file's name */
#define DEPTH 16 /* directories below the one searched */

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* ---- the graph ------------------------------------------------------- */

/** The latest step before `before` that made this state, or NULL. */
static struct replay_step *maker(const struct replay *r, size_t before,
                                 const struct provenance_in *in)
{
    while (strcmp(in->kind, "model") == 0 && before--)
        if (strcmp(r->step[before].said.out, in->digest) == 0)
            return &r->step[before];
    return NULL;
}

static struct replay_source *find_source(const struct replay *r,
                                         const struct provenance_in *in)
{
    for (size_t i = 0; i < r->n_sources; i++)
        if (strcmp(r->source[i].digest, in->digest) == 0 &&
            strcmp(r->source[i].kind, in->kind) == 0)
            return &r->source[i];
    return NULL;
}

static int add_source(struct replay *r, const struct provenance_in *in)
{
    struct replay_source *grown;

    if (find_source(r, in))
        return 0;
    grown = realloc(r->source, (r->n_sources + 1) * sizeof *grown);
    if (!grown)
        return no_memory();
    r->source = grown;
    grown[r->n_sources++] = (struct replay_source){in->kind, in->digest, NULL};
    return 0;
}

/** Digest of its output, with a number if an earlier step made the same. */
static void name_step(struct replay *r, size_t i)
{
    struct replay_step *s = &r->step[i];
    size_t twins = 0;

    for (size_t k = 0; k < i; k++)
        twins += strncmp(r->step[k].said.out, s->said.out, SHORT) == 0;
    if (twins)
        snprintf(s->name, sizeof s->name, "%.*s-%zu.h5", SHORT, s->said.out,
                 twins + 1);
    else
        snprintf(s->name, sizeof s->name, "%.*s.h5", SHORT, s->said.out);
}

/** Mark the last step and what it stands on; collect the sources. */
static int trace(struct replay *r)
{
    int err = 0;

    r->step[r->n_steps - 1].needed = true;
    for (size_t i = r->n_steps; i-- && !err;) {
        const struct replay_step *s = &r->step[i];

        for (size_t k = 0; s->needed && !err && k < s->said.n_inputs; k++) {
            struct replay_step *from = maker(r, i, &s->said.input[k]);

            if (from)
                from->needed = true;
            else
                err = add_source(r, &s->said.input[k]);
        }
    }
    return err;
}

/** Is it an option that names a file to write, perhaps cut short? */
static bool writes_file(const char *name)
{
    static const char *const option[] = {"--output", "--log", "--report",
                                         "--autosave-file"};
    size_t n = strcspn(name, "=");

    if (name[0] == '-' && name[1] != '-')
        return strchr(name, 'o') != NULL;
    for (size_t i = 0; i < sizeof option / sizeof *option; i++)
        if (n > 3 && strncmp(name, option[i], n) == 0)
            return true;
    return false;
}

/** A step chooses what it makes, never where: the replay does that. */
static int refuse_output(const struct replay_step *s, size_t number)
{
    for (size_t i = 0; i < s->said.n_args; i++)
        if (writes_file(s->said.arg[i].name))
            return pare_fail(PARE_EFORMAT,
                             "provenance: step %zu names its output", number);
    return 0;
}

int replay_read(struct replay *r, const struct pare_model *m, const char *state)
{
    int err = 0;

    if (!m->n_steps)
        return pare_fail(PARE_EFORMAT, "the model has no provenance");
    r->step = calloc(m->n_steps, sizeof *r->step);
    if (!r->step)
        return no_memory();
    r->n_steps = m->n_steps;
    for (size_t i = 0; i < m->n_steps && !err; i++) {
        err = provenance_parse(&r->step[i].said, m->step[i]);
        if (!err)
            err = refuse_output(&r->step[i], i + 1);
        if (!err)
            name_step(r, i);
    }
    if (err)
        return err;
    if (strcmp(r->step[m->n_steps - 1].said.out, state))
        return pare_fail(PARE_EMISMATCH,
                         "the provenance ends in state %s, the model is %s",
                         r->step[m->n_steps - 1].said.out, state);
    return trace(r);
}

void replay_release(struct replay *r)
{
    for (size_t i = 0; i < r->n_steps; i++)
        provenance_release(&r->step[i].said);
    for (size_t i = 0; i < r->n_sources; i++)
        free(r->source[i].path);
    free(r->step);
    free(r->source);
    memset(r, 0, sizeof *r);
}

/* ---- finding the sources --------------------------------------------- */

static bool wanted(const struct replay *r, const char *kind)
{
    for (size_t i = 0; i < r->n_sources; i++)
        if (!r->source[i].path && strcmp(r->source[i].kind, kind) == 0)
            return true;
    return false;
}

static int take(struct replay *r, const char *kind, const char *digest,
                const char *path)
{
    for (size_t i = 0; i < r->n_sources; i++) {
        struct replay_source *s = &r->source[i];

        if (s->path || strcmp(s->kind, kind) || strcmp(s->digest, digest))
            continue;
        s->path = realpath(path, NULL);
        if (!s->path)
            return pare_fail(PARE_EIO, "cannot resolve '%s': %s", path,
                             strerror(errno));
    }
    return 0;
}

/** Did the last step of its provenance make the model? */
static bool explained(const struct pare_model *m, const char *state)
{
    struct provenance_step last = {0};
    bool yes = m->n_steps &&
               provenance_parse(&last, m->step[m->n_steps - 1]) == 0 &&
               strcmp(last.out, state) == 0;

    provenance_release(&last);
    return yes;
}

/** Is it named as files that are imported? */
static bool is_foreign(const char *path)
{
    const struct pare_import_format *row;

    for (size_t i = 0; (row = pare_import_format(i)); i++)
        if (pare_import_named(row, path))
            return true;
    return false;
}

static bool is_model_or_data(const char *path)
{
    size_t n = strlen(path);

    return n > 3 && strcmp(path + n - 3, ".h5") == 0;
}

/**
 * Is the file one of the sources? Files that are neither are passed by, and
 * so are models with steps that made them: those would stand in the
 * provenance before the step that took them in.
 */
static int look_at(struct replay *r, const char *path)
{
    struct pare_model m = {0};
    struct pare_model_file info = {0};
    char digest[PARE_DIGEST_LEN];
    int err = 0;

    if (wanted(r, "file") && is_foreign(path) &&
        pare_import_digest(digest, path) == 0)
        err = take(r, "file", digest, path);
    if (err || !is_model_or_data(path))
        return err;
    if (wanted(r, "data") && pare_data_peek_digest(digest, path) == 0)
        return take(r, "data", digest, path);
    if (wanted(r, "model") && pare_model_read(&m, &info, path) == 0 &&
        !explained(&m, info.state))
        err = take(r, "model", info.state, path);
    pare_model_file_release(&info, m.n_tensors);
    pare_model_release(&m);
    return err;
}

static int search(struct replay *r, const char *dir, int depth)
{
    DIR *d = opendir(dir);
    const struct dirent *e;
    char path[PATH_MAX];
    int err = 0;

    if (!d)
        return depth ? 0
                     : pare_fail(PARE_EIO, "cannot read '%s': %s", dir,
                                 strerror(errno));
    while (!err && (e = readdir(d))) {
        struct stat st;

        if (e->d_name[0] == '.' ||
            snprintf(path, sizeof path, "%s/%s", dir, e->d_name) >=
                (int)sizeof path ||
            lstat(path, &st))
            continue;
        if (S_ISDIR(st.st_mode) && depth < DEPTH)
            err = search(r, path, depth + 1);
        else if (S_ISREG(st.st_mode))
            err = look_at(r, path);
    }
    closedir(d);
    return err;
}

int replay_search(struct replay *r, const char *dir)
{
    return search(r, dir, 0);
}

/* ---- printing -------------------------------------------------------- */

/** A word of sh, quoted where it must be; with make, $ doubled. */
static void print_word(FILE *out, const char *word, bool make)
{
    const char *plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789_./=,:+@%-";
    bool quote = !*word || word[strspn(word, plain)];

    if (quote)
        putc('\'', out);
    for (const char *c = word; *c; c++) {
        if (*c == '\'')
            fputs("'\\''", out);
        else if (*c == '$' && make)
            fputs("$$", out);
        else
            putc(*c, out);
    }
    if (quote)
        putc('\'', out);
}

/** The value of a variable: as a word, and '#' begins no comment. */
static void print_value(FILE *out, const char *path)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);

    if (!f)
        return;
    print_word(f, path, true);
    fclose(f);
    for (const char *c = text; c && *c; c++) {
        if (*c == '#')
            putc('\\', out);
        putc(*c, out);
    }
    free(text);
}

static const char *variable(const struct replay_source *s)
{
    return s->kind[0] == 'd' ? "DATA" : s->kind[0] == 'm' ? "MODEL" : "FILE";
}

/** "data-3f2a91c0d4e5.h5", or in a Makefile "$(DATA_3f2a91c0d4e5)". */
static void print_source(FILE *out, const struct replay_source *s, bool make)
{
    if (make)
        fprintf(out, "$(%s_%.*s)", variable(s), SHORT, s->digest);
    else if (s->path)
        print_word(out, s->path, false);
    else
        fprintf(out, "%s-%.*s%s", s->kind, SHORT, s->digest,
                s->kind[0] == 'f' ? "" : ".h5");
}

static void print_command(FILE *out, const struct replay *r, size_t i,
                          bool make)
{
    const struct provenance_step *s = &r->step[i].said;

    fprintf(out, "%s %s", make ? "$(PARE)" : "pare", s->tool);
    for (size_t k = 0; k < s->n_args; k++) {
        putc(' ', out);
        print_word(out, s->arg[k].name, make);
        if (s->arg[k].value) {
            putc(' ', out);
            print_word(out, s->arg[k].value, make);
        }
    }
    for (size_t k = 0; k < s->n_inputs; k++) {
        const struct replay_step *from = maker(r, i, &s->input[k]);

        if (s->input[k].option[0]) {
            putc(' ', out);
            print_word(out, s->input[k].option, make);
        }
        putc(' ', out);
        if (from)
            fputs(from->name, out);
        else
            print_source(out, find_source(r, &s->input[k]), make);
    }
}

/** What a person wants to know of the step: asked, achieved. */
static void print_notes(FILE *out, const struct provenance_step *s)
{
    for (size_t i = 0; i < s->n_notes; i++)
        fprintf(out, "# %s: %s\n", s->note[i].name, s->note[i].value);
}

void replay_print_script(const struct replay *r, FILE *out)
{
    fprintf(out, "#!/bin/sh -e\n# Makes model %s.\n",
            r->step[r->n_steps - 1].said.out);
    for (size_t i = 0; i < r->n_sources; i++) {
        fprintf(out, "# %s %s: ", r->source[i].kind, r->source[i].digest);
        print_source(out, &r->source[i], false);
        putc('\n', out);
    }
    for (size_t i = 0; i < r->n_steps; i++) {
        if (!r->step[i].needed)
            continue;
        fprintf(out, "\n# pare %s\n", r->step[i].said.version);
        print_notes(out, &r->step[i].said);
        print_command(out, r, i, false);
        fprintf(out, " -o %s\n", r->step[i].name);
    }
}

/** Target, the models it is made from, and the command. */
static void print_rule(FILE *out, const struct replay *r, size_t i)
{
    const struct provenance_step *s = &r->step[i].said;

    putc('\n', out);
    print_notes(out, s);
    fprintf(out, "%s:", i + 1 == r->n_steps ? "$(OUT)" : r->step[i].name);
    for (size_t k = 0; k < s->n_inputs; k++) {
        const struct replay_step *from = maker(r, i, &s->input[k]);

        if (from)
            fprintf(out, " %s", from->name);
    }
    fputs("\n\t", out);
    print_command(out, r, i, true);
    fputs(" -o $@\n", out);
}

void replay_print_make(const struct replay *r, FILE *out)
{
    const struct replay_step *last = &r->step[r->n_steps - 1];

    fprintf(out,
            "# Makes model %s, bit for bit.\n# With pare %s.\n\n"
            "PARE = pare\nOUT = %s\n",
            last->said.out, last->said.version, last->name);
    for (size_t i = 0; i < r->n_sources; i++) {
        const struct replay_source *s = &r->source[i];

        fprintf(out, "\n# %s %s%s\n%s_%.*s = ", s->kind, s->digest,
                s->path ? "" : ", not found: put it there or set this",
                variable(s), SHORT, s->digest);
        if (s->path)
            print_value(out, s->path);
        else
            print_source(out, s, false);
        putc('\n', out);
    }
    fputs("\nall: $(OUT)\n", out);
    for (size_t i = 0; i < r->n_steps; i++)
        if (r->step[i].needed)
            print_rule(out, r, i);
}
