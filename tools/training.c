#include "training.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "accumulate.h"
#include "atomic.h"
#include "digest.h"
#include "model_file.h"
#include "number.h"
#include "status.h"

/* One watched run. */
struct watch {
    const struct cli_tool *tool;
    const struct training_watch *w;
    struct pare_train_options o; /* of the stage, where there are several */
    struct stages *stages;
    char key[PARE_DIGEST_LEN];
    char *autosave_path; /* NULL: none */
    double autosave_seconds;
    uint64_t autosave_epochs;
    double begun, saved_at, shown_at; /* seconds of the monotonic clock */
    double before;                    /* seconds of earlier, killed runs */
    uint64_t saved_epoch, steps; /* done since this process began */
    FILE *log;
    bool bar; /* a progress line is being drawn */
};

static volatile sig_atomic_t caught;

static void on_signal(int sig)
{
    if (caught) { /* the second time means it */
        pare_atomic_abandon();
        signal(sig, SIG_DFL);
        raise(sig);
    }
    caught = sig;
}

/* What the parent has set to be ignored (nohup) stays ignored. */
static void catch_signals(void)
{
    static const int stop[] = {SIGINT, SIGTERM};
    struct sigaction act = {.sa_handler = on_signal}, old;

    caught = 0;
    sigemptyset(&act.sa_mask);
    for (size_t i = 0; i < sizeof stop / sizeof stop[0]; i++)
        if (sigaction(stop[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(stop[i], &act, NULL);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool to_stdout(const struct training_watch *w)
{
    return !w->output || strcmp(w->output, "-") == 0;
}

void training_check(const struct cli_tool *tool,
                    const struct training_watch *w)
{
    double seconds;
    uint64_t epochs;

    if (w->autosave && training_every(&seconds, &epochs, w->autosave))
        cli_usage(tool, "--autosave takes a time (30s, 5m, 1h) or epochs "
                        "(1ep), not '%s'", w->autosave);
    if (w->autosave_file && !w->autosave)
        cli_usage(tool, "--autosave-file goes with --autosave");
    if (w->autosave && !w->autosave_file && to_stdout(w))
        cli_usage(tool, "--autosave with standard output needs "
                        "--autosave-file");
    if (w->log_every && !w->log)
        cli_usage(tool, "--log-every goes with --log");
    if (w->log && strcmp(w->log, to_stdout(w) ? "-" : w->output) == 0)
        cli_usage(tool, "--log and the model both go to %s",
                  to_stdout(w) ? "standard output: use -o" : w->output);
}

/* Kept state. */

static int autosave_write(struct watch *s, const struct pare_model *m)
{
    long at = s->log ? ftell(s->log) : 0;
    char *stage = stages_save(s->stages, &s->o);
    size_t room = stage ? strlen(stage) + 128 : 0;
    char *text = stage ? malloc(room) : NULL;
    int err;

    if (!text) {
        err = pare_fail(PARE_ENOMEM, "out of memory");
    } else if (s->log && fflush(s->log) != 0) {
        err = pare_fail(PARE_EIO, "cannot write '%s': %s", s->w->log,
                        strerror(errno));
    } else {
        snprintf(text, room, "log=%ld\nseconds=%.3f\n%s", at,
                 s->before + now() - s->begun, stage);
        s->saved_epoch = m->training.epoch;
        err = pare_autosave_write(s->autosave_path, m, s->key, text);
        s->saved_at = now(); /* a slow disk does not take all of the time */
    }
    free(text);
    free(stage);
    return err;
}

static int autosave_if_due(struct watch *s, const struct pare_model *m)
{
    bool due;

    if (!s->autosave_path || !s->w->autosave)
        return 0;
    if (s->autosave_epochs)
        due = m->training.epoch_step == 0 &&
              m->training.epoch >= s->saved_epoch + s->autosave_epochs;
    else
        due = now() - s->saved_at >= s->autosave_seconds;
    return due ? autosave_write(s, m) : 0;
}

/* Go on from the kept state of the same command. */
static int resume(struct watch *s, struct pare_model *m, long *log_at)
{
    struct pare_model kept = {0};
    struct pare_model_file info = {0};
    int err = pare_model_read(&kept, &info, s->autosave_path);

    if (err) {
        pare_model_release(&kept);
        pare_model_file_release(&info, 0);
        return err;
    }
    if (strcmp(info.autosave_key, s->key) != 0) {
        err = pare_fail(PARE_EMISMATCH,
                        "'%s' is the kept state of another command; remove "
                        "it to begin anew", s->autosave_path);
        pare_model_release(&kept);
    } else {
        if (info.autosave_text)
            sscanf(info.autosave_text, "log=%ld\nseconds=%lf", log_at,
                   &s->before);
        pare_model_release(m);
        *m = kept;
        err = stages_resume(s->stages, &s->o, m,
                            info.autosave_text ? info.autosave_text : "");
        if (!err && s->w->verbose)
            cli_warn(s->tool, "resuming at epoch %llu, step %llu",
                     (unsigned long long)m->training.epoch,
                     (unsigned long long)m->training.step);
    }
    pare_model_file_release(&info, m->n_tensors);
    return err;
}

static int open_autosave(struct watch *s, struct pare_model *m, long *log_at)
{
    size_t size;

    if (!s->w->autosave && to_stdout(s->w))
        return 0;
    size = strlen(s->w->autosave_file ? s->w->autosave_file : s->w->output) +
           sizeof ".autosave";
    s->autosave_path = malloc(size);
    if (!s->autosave_path)
        return pare_fail(PARE_ENOMEM, "out of memory");
    snprintf(s->autosave_path, size, "%s%s",
             s->w->autosave_file ? s->w->autosave_file : s->w->output,
             s->w->autosave_file ? "" : ".autosave");
    if (!s->w->autosave)
        return 0; /* only where a diverging run is kept */
    training_every(&s->autosave_seconds, &s->autosave_epochs, s->w->autosave);
    if (access(s->autosave_path, F_OK) != 0)
        return 0;
    return resume(s, m, log_at);
}

/* The log. */

static void log_double(FILE *f, double v)
{
    char buf[PARE_NUMBER_MAX];

    if (isnan(v))
        fputs("\t-", f);
    else
        fprintf(f, "\t%s", pare_number_print(buf, v));
}

static void log_line(struct watch *s, const char *kind,
                     const struct pare_training *t,
                     const struct pare_history_row *r)
{
    const double v[] = {r->lr,       r->train_loss, r->train_acc,
                        r->val_loss, r->val_acc,    r->sparsity};

    if (!s->log)
        return;
    fprintf(s->log, "%s\t%llu\t%llu", kind, (unsigned long long)t->epoch,
            (unsigned long long)t->step);
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++)
        log_double(s->log, v[i]);
    fprintf(s->log, "\t%.3f\n", s->before + now() - s->begun);
}

/* The log as a stream of its own; "-" is standard output. */
static FILE *open_log_stream(const char *path, const char *mode)
{
    int fd;
    FILE *f;

    if (strcmp(path, "-") != 0)
        return fopen(path, mode);
    fd = dup(STDOUT_FILENO);
    f = fd < 0 ? NULL : fdopen(fd, "w");
    if (fd >= 0 && !f)
        close(fd);
    return f;
}

static int open_log(struct watch *s, long at)
{
    struct stat st;

    if (!s->w->log)
        return 0;
    if (stat(s->w->log, &st) != 0 || !S_ISREG(st.st_mode) ||
        st.st_size < at || strcmp(s->w->log, "-") == 0)
        at = 0; /* not the log that was being written */
    s->log = open_log_stream(s->w->log, at > 0 ? "r+" : "w");
    if (s->log && at > 0 &&
        (ftruncate(fileno(s->log), at) != 0 ||
         fseek(s->log, 0, SEEK_END) != 0)) {
        fclose(s->log);
        s->log = NULL;
    }
    if (!s->log)
        return pare_fail(PARE_EIO, "cannot write '%s': %s", s->w->log,
                         strerror(errno));
    if (at <= 0)
        fputs("kind\tepoch\tstep\tlr\ttrain_loss\ttrain_acc\tval_loss\t"
              "val_acc\tsparsity\tseconds\n", s->log);
    return 0;
}

static int close_log(struct watch *s)
{
    FILE *f = s->log;
    bool bad;

    s->log = NULL;
    if (!f)
        return 0;
    bad = ferror(f) != 0;
    if (fclose(f) != 0 || bad)
        return pare_fail(PARE_EIO, "cannot write '%s': %s", s->w->log,
                         strerror(errno));
    return 0;
}

/* Hooks. */

static void draw_bar(struct watch *s, const struct pare_model *m, double loss)
{
    const struct pare_training *t = &m->training;
    double t_now, part;
    int filled;

    if (!s->bar || t->epoch_step == 0)
        return; /* the next epoch has not begun */
    t_now = now();
    if (t_now - s->shown_at < 0.1)
        return;
    s->shown_at = t_now;
    part = (double)t->epoch_step / (double)t->steps_per_epoch;
    filled = (int)(part * 30);
    fprintf(stderr, "\repoch %llu [%.*s%*s] loss %.4f ",
            (unsigned long long)t->epoch + 1, filled,
            "##############################", 30 - filled, "", loss);
    fflush(stderr);
}

static void clear_bar(const struct watch *s)
{
    if (s->bar && s->shown_at > 0)
        fprintf(stderr, "\r%70s\r", "");
}

static int on_step(void *arg, const struct pare_model *m, double lr,
                   double loss)
{
    struct watch *s = arg;
    struct pare_history_row row = {
        .lr = lr, .train_loss = loss, .train_acc = (double)NAN,
        .val_loss = (double)NAN, .val_acc = (double)NAN,
        .sparsity = (double)NAN};

    s->steps++;
    if (s->w->log_every && m->training.step % s->w->log_every == 0)
        log_line(s, "step", &m->training, &row);
    draw_bar(s, m, loss);
    if (caught)
        return 1;
    return autosave_if_due(s, m);
}

/* What was measured. */
static void tell(const char *what, double v)
{
    if (!isnan(v))
        fprintf(stderr, "%s%.4f", what, v);
}

static int on_epoch(void *arg, const struct pare_model *m,
                    const struct pare_history_row *row)
{
    struct watch *s = arg;

    log_line(s, "epoch", &m->training, row);
    if (s->log && fflush(s->log) != 0)
        return pare_fail(PARE_EIO, "cannot write '%s': %s", s->w->log,
                         strerror(errno));
    if (s->w->verbose) {
        clear_bar(s);
        fprintf(stderr, "epoch %llu: loss %.4f",
                (unsigned long long)row->epoch, row->train_loss);
        tell(", accuracy ", row->train_acc);
        tell("; validation ", row->val_loss);
        tell(", ", row->val_acc);
        fprintf(stderr, "; %.1f s\n", s->before + now() - s->begun);
    }
    return 0;
}

/*
 * Find out before hours of work whether the result can be written: a
 * temporary beside it is begun and given up. Devices and pipes are left
 * alone, as opening some of them has effects.
 */
static int check_output(const struct training_watch *w)
{
    struct pare_atomic a = {0};
    struct stat st;
    int err;

    if (to_stdout(w))
        return isatty(STDOUT_FILENO)
                   ? pare_fail(PARE_EINVAL,
                               "a model is not written to a terminal")
                   : 0;
    if (stat(w->output, &st) == 0 && !S_ISREG(st.st_mode) &&
        !S_ISDIR(st.st_mode))
        return 0;
    err = pare_atomic_begin(&a, w->output);
    pare_atomic_cancel(&a);
    return err;
}

/* The end of a run. */

static int interrupted(struct watch *s, const struct pare_model *m)
{
    unsigned long long step = (unsigned long long)m->training.step;

    if (!s->w->autosave) {
        cli_warn(s->tool, "stopped by signal %d at step %llu", (int)caught,
                 step);
    } else if (autosave_write(s, m)) {
        return cli_fail(s->tool);
    } else {
        cli_warn(s->tool, "stopped by signal %d at step %llu; the same "
                          "command goes on from '%s'",
                 (int)caught, step, s->autosave_path);
    }
    return 128 + caught;
}

static int gave_up(struct watch *s, const struct pare_model *m)
{
    char why[256];

    snprintf(why, sizeof why, "training diverged: %s", pare_error());
    memset(s->key, '0', sizeof s->key - 1); /* no command goes on from it */
    if (!s->autosave_path) {
        cli_warn(s->tool, "%s; nothing was written", why);
    } else if (autosave_write(s, m)) {
        cli_warn(s->tool, "%s", why);
        return cli_fail(s->tool);
    } else {
        cli_warn(s->tool, "%s; the state after epoch %llu is kept in '%s'",
                 why, (unsigned long long)m->training.epoch,
                 s->autosave_path);
    }
    return s->tool->trouble;
}

/* What the run did not come to: places of --checkpoint, an epoch to select. */
static void warn_unkept(struct watch *s, struct pare_model *m)
{
    const char *at = s->o.checkpoint;

    while (at && *at) {
        size_t n = strcspn(at, ","), colon = strcspn(at, ":");
        char name[PARE_NAME_MAX];

        snprintf(name, sizeof name, "%.*s:%llu", (int)colon, at,
                 strtoull(at + colon + 1, NULL, 10));
        if (strncmp(name, "every:", 6) != 0 && !pare_model_checkpoint(m, name))
            cli_warn(s->tool, "warning: the run did not come to checkpoint %s",
                     name);
        at += n + (at[n] == ',');
    }
    if (s->o.select != PARE_SELECT_LAST &&
        m->training.epoch <= s->o.first_epoch)
        cli_warn(s->tool, "warning: no epoch ended; %s is the last state",
                 pare_select_name(s->o.select));
}

/* As a line of an epoch, of one that was begun. */
static void tell_rest(const struct watch *s, const struct pare_training *t)
{
    double n = (double)t->sum_samples;

    if (!t->epoch_step || !t->sum_samples)
        return;
    fprintf(stderr, "epoch %llu, %llu of %llu steps: loss %.4f",
            (unsigned long long)t->epoch + 1,
            (unsigned long long)t->epoch_step,
            (unsigned long long)t->steps_per_epoch, t->sum_loss / n);
    if (strcmp(t->loss, "reconstruction") != 0)
        tell(", accuracy ", (double)t->sum_correct / n);
    fprintf(stderr, "; %.1f s\n", s->before + now() - s->begun);
}

static int write_result(struct watch *s, struct pare_model *m,
                        struct provenance *p)
{
    struct pare_model_file info = {0};
    int err;

    stages_outcomes(s->stages, p);
    err = provenance_add(p, m);
    if (!err)
        err = pare_model_write(s->w->output, m, &info);
    if (!err)
        warn_unkept(s, m);
    if (!err && s->w->autosave && s->autosave_path)
        unlink(s->autosave_path);
    if (!err && s->w->verbose) {
        char count[32];

        tell_rest(s, &m->training);
        cli_warn(s->tool, "%llu steps in %.1f s; %s bytes written",
                 (unsigned long long)s->steps, s->before + now() - s->begun,
                 cli_count(count, info.bytes));
    }
    pare_model_file_release(&info, m->n_tensors);
    return err ? cli_fail(s->tool) : 0;
}

/* What makes a run the same run: its provenance so far, and its input. */
static int run_key(struct watch *s, const struct pare_model *m,
                   const struct provenance *p)
{
    struct pare_digest *d = pare_digest_new();
    char state[PARE_DIGEST_LEN];

    if (!d)
        return PARE_ENOMEM;
    provenance_digest(d, p);
    pare_digest_state(state, m);
    pare_digest_text(d, state);
    for (size_t i = 0; i < m->n_steps; i++)
        pare_digest_text(d, m->step[i]);
    pare_digest_finish(d, s->key);
    return 0;
}

/* Prune or rewire, and tell the log. */
static int next_stage(struct watch *s, struct pare_model *m,
                      const struct pare_dataset *d)
{
    const struct pare_training was = m->training; /* before a rewind */
    struct stages_event event;
    int err = stages_step(&event, s->stages, s->tool, &s->o, m, d);

    if (!err && event.kind) {
        log_line(s, event.kind, &was, &event.row);
        if (s->saved_epoch > m->training.epoch) /* after a rewind */
            s->saved_epoch = m->training.epoch;
    }
    if (!err && !stages_over(s->stages))
        err = pare_accumulation_begin(m, s->o.accumulate);
    if (!err && caught)
        err = pare_fail(PARE_ESTOPPED, "stopped");
    return err;
}

static int train_stages(struct watch *s, struct pare_model *m,
                        const struct pare_dataset *d)
{
    struct pare_train_hooks hooks = {s, on_step, on_epoch};
    int err = 0;

    if (!stages_cut(s->stages))
        err = pare_train(m, d, &s->o, &hooks);
    while (!err && stages_cut(s->stages) && !stages_over(s->stages)) {
        err = pare_train(m, d, &s->o, &hooks);
        clear_bar(s);
        if (!err)
            err = next_stage(s, m, d);
    }
    clear_bar(s);
    return err;
}

int training_run(const struct cli_tool *tool, struct pare_model *m,
                 const struct pare_dataset *d,
                 const struct pare_train_options *o,
                 const struct training_watch *w, struct stages *stages,
                 struct provenance *p)
{
    struct watch s = {.tool = tool, .w = w, .o = *o, .stages = stages};
    long log_at = 0;
    int err, status;

    stages_tell(stages, w->quiet, w->verbose);
    s.begun = s.saved_at = now();
    s.bar = isatty(2) && !w->quiet;
    err = check_output(w);
    if (!err)
        err = run_key(&s, m, p);
    if (!err)
        err = pare_accumulation_begin(m, o->accumulate);
    if (!err)
        err = open_autosave(&s, m, &log_at);
    if (!err)
        err = open_log(&s, log_at);
    if (!err)
        err = stages_hold(stages, m, &s.o);
    s.saved_epoch = m->training.epoch;
    if (!err) {
        catch_signals();
        err = train_stages(&s, m, d);
    }
    if (err == PARE_ESTOPPED && caught)
        status = interrupted(&s, m);
    else if (err == PARE_EDIVERGED)
        status = gave_up(&s, m);
    else if (err || close_log(&s))
        status = cli_fail(tool);
    else
        status = write_result(&s, m, p), p = NULL;
    if (close_log(&s) && status == 0)
        status = cli_fail(tool);
    provenance_free(p);
    free(s.autosave_path);
    return status;
}
