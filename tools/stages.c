#include "stages.h"

#include <math.h>
#include <string.h>

#include "status.h"

void stages_parse(struct stages *s, const struct cli_tool *tool,
                  const struct stages_given *given)
{
    *s = (struct stages){.prunes = given->prune != NULL};
    if (s->prunes)
        course_parse(&s->course, tool, given->prune, &given->run, given->fresh);
}

bool stages_cut(const struct stages *s)
{
    return s->prunes;
}

int stages_lay(struct stages *s, struct pare_train_options *t,
               const struct pare_model *m, const struct pare_dataset *d,
               bool anew)
{
    return s->prunes ? course_lay(&s->course, t, m, d, anew) : 0;
}

void stages_provenance(const struct stages *s, struct provenance *p)
{
    if (s->prunes)
        course_provenance(&s->course, p);
}

void stages_begin(struct stages *s, struct pare_train_options *t,
                  const struct pare_model *m, const struct pare_dataset *d,
                  bool anew)
{
    if (s->prunes)
        course_begin(&s->course, t, m, d, anew);
}

void stages_tell(struct stages *s, bool quiet, bool verbose)
{
    s->course.quiet = quiet;
    s->course.verbose = verbose;
}

bool stages_over(const struct stages *s)
{
    return s->course.at >= s->course.n;
}

int stages_step(struct stages_event *event, struct stages *s,
                const struct cli_tool *tool, struct pare_train_options *t,
                struct pare_model *m, const struct pare_dataset *d)
{
    bool prunes = s->course.stage[s->course.at].prune;

    *event = (struct stages_event){.kind = prunes ? "prune" : NULL,
                                   .val_loss = (double)NAN,
                                   .val_acc = (double)NAN};
    return course_step(&s->course, tool, t, m, d);
}

char *stages_save(const struct stages *s, const struct pare_train_options *t)
{
    char *text;

    if (s->prunes)
        return course_save(&s->course, t);
    text = strdup("");
    if (!text)
        pare_fail(PARE_ENOMEM, "out of memory");
    return text;
}

int stages_resume(struct stages *s, struct pare_train_options *t,
                  const struct pare_model *m, const char *text)
{
    return s->prunes ? course_resume(&s->course, t, m, text) : 0;
}

void stages_outcomes(const struct stages *s, struct provenance *p)
{
    if (s->prunes)
        course_outcomes(&s->course, p);
}

void stages_release(struct stages *s)
{
    course_release(&s->course);
    memset(s, 0, sizeof *s);
}
