#include "stage.h"

#include <stdlib.h>
#include <string.h>

struct pare_prune_run stage_whole_run(const struct pare_train_options *t,
                                      const struct pare_training *pos,
                                      uint64_t per_epoch)
{
    struct pare_prune_run run = {.per_epoch = per_epoch};

    if (t->end_step)
        run.steps = t->end_step - pos->step;
    else
        run.epochs = t->end_epoch - t->first_epoch;
    if (!pare_train_cuts_epoch(pos, t->batch, t->seed, per_epoch))
        run.begun = pos->epoch_step;
    return run;
}

uint64_t stage_steps(const struct pare_train_options *t,
                     const struct pare_training *pos, uint64_t per_epoch)
{
    uint64_t begun = 0;

    if (t->end_step)
        return t->end_step > pos->step ? t->end_step - pos->step : 0;
    if (!pare_train_cuts_epoch(pos, t->batch, t->seed, per_epoch))
        begun = pos->epoch_step;
    if (t->end_epoch <= t->first_epoch)
        return 0;
    return (t->end_epoch - t->first_epoch) * per_epoch - begun;
}

void stage_schedule(struct pare_train_options *t,
                    const struct pare_training *pos, uint64_t per_epoch,
                    bool anew)
{
    uint64_t steps = stage_steps(t, pos, per_epoch);
    uint64_t end = pos->sched_step + steps;

    if (anew) {
        t->sched_total =
            pare_schedule_total(&t->schedule, steps, per_epoch ? per_epoch : 1);
        return;
    }
    t->sched_total = pos->sched_total;
    if (pare_schedule_open_ended(&t->schedule) && end > t->sched_total)
        t->sched_total = end;
}

uint64_t stage_number(const char *text, const char *key)
{
    const char *at = strstr(text, key);

    return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}
