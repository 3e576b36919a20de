#include "stages.h"

#include <math.h>
#include <string.h>

#include "status.h"
#include "tied.h"

void stages_parse(struct stages *s, const struct cli_tool *tool,
                  const struct stages_given *given)
{
    *s = (struct stages){.prunes = given->prune, .evolves = given->evolve};
    if (s->prunes && s->evolves)
        cli_usage(tool, "--prune and --evolve exclude each other");
    if (s->evolves && strcmp(given->select, "last") != 0)
        cli_usage(tool,
                  "--evolve and --select %s exclude each other: the "
                  "connections of earlier epochs are gone",
                  given->select);
    if (s->prunes)
        course_parse(&s->course, tool, given->prune, &given->run, given->fresh);
    if (s->evolves)
        evolution_parse(&s->evolution, tool, given->evolve, &given->run);
}

bool stages_cut(const struct stages *s)
{
    return s->prunes || s->evolves;
}

int stages_lay(struct stages *s, struct pare_train_options *t,
               const struct pare_model *m, const struct pare_dataset *d,
               bool anew)
{
    if ((s->evolves || s->prunes) && pare_model_tied(m))
        return pare_fail(PARE_EMISMATCH,
                         "the weights are quantised: prune or rewire them "
                         "first, without %s",
                         s->evolves ? "--evolve" : "--prune");
    if (s->evolves)
        return evolution_lay(&s->evolution, t, m, d, anew);
    return s->prunes ? course_lay(&s->course, t, m, d, anew) : 0;
}

void stages_provenance(const struct stages *s, struct provenance *p)
{
    if (s->prunes)
        course_provenance(&s->course, p);
    if (s->evolves)
        evolution_provenance(&s->evolution, p);
}

void stages_begin(struct stages *s, struct pare_train_options *t,
                  const struct pare_model *m, const struct pare_dataset *d,
                  bool anew)
{
    if (s->prunes)
        course_begin(&s->course, t, m, d, anew);
    if (s->evolves)
        evolution_begin(&s->evolution, t, m, d, anew);
}

void stages_tell(struct stages *s, bool quiet, bool verbose)
{
    s->course.quiet = quiet;
    s->course.verbose = verbose;
    s->evolution.verbose = verbose;
}

int stages_hold(const struct stages *s, struct pare_model *m,
                const struct pare_train_options *t)
{
    return s->evolves ? evolution_hold(m, t) : 0;
}

bool stages_over(const struct stages *s)
{
    return s->evolves ? s->evolution.over : s->course.at >= s->course.n;
}

/* Prune or rewire; was there anything to do? */
static int act(bool *done, struct stages *s, const struct cli_tool *tool,
               struct pare_train_options *t, struct pare_model *m,
               const struct pare_dataset *d)
{
    if (s->evolves)
        return evolution_step(done, &s->evolution, tool, t, m, d);
    *done = s->course.stage[s->course.at].prune;
    return course_step(&s->course, tool, t, m, d);
}

int stages_step(struct stages_event *event, struct stages *s,
                const struct cli_tool *tool, struct pare_train_options *t,
                struct pare_model *m, const struct pare_dataset *d)
{
    const double none = (double)NAN;
    struct pare_history_row *row = &event->row;
    bool done = false;
    int err = act(&done, s, tool, t, m, d);

    event->kind = !done ? NULL : s->evolves ? "evolve" : "prune";
    *row = (struct pare_history_row){.lr = none,
                                     .train_loss = none,
                                     .train_acc = none,
                                     .val_loss = none,
                                     .val_acc = none,
                                     .sparsity = pare_model_sparsity(m)};
    if (!err && done && s->evolves && s->evolution.spec.measure) {
        row->val_loss = m->history[m->n_history - 1].val_loss;
        row->val_acc = m->history[m->n_history - 1].val_acc;
    }
    return err;
}

char *stages_save(const struct stages *s, const struct pare_train_options *t)
{
    char *text;

    if (s->prunes)
        return course_save(&s->course, t);
    if (s->evolves)
        return evolution_save(&s->evolution, t);
    text = strdup("");
    if (!text)
        pare_fail(PARE_ENOMEM, "out of memory");
    return text;
}

int stages_resume(struct stages *s, struct pare_train_options *t,
                  const struct pare_model *m, const char *text)
{
    if (s->evolves)
        return evolution_resume(&s->evolution, t, m, text);
    return s->prunes ? course_resume(&s->course, t, m, text) : 0;
}

void stages_outcomes(const struct stages *s, struct provenance *p)
{
    if (s->prunes)
        course_outcomes(&s->course, p);
    if (s->evolves)
        evolution_outcome(&s->evolution, p);
}

void stages_release(struct stages *s)
{
    course_release(&s->course);
    evolution_release(&s->evolution);
    memset(s, 0, sizeof *s);
}
