/* What searches for an amount are to reach. */
#include "goal.h"

#include <string.h>

#include "evaluate.h"
#include "model_copy.h"
#include "number.h"
#include "status.h"

int goal_bytes(uint64_t *bytes, const char *text)
{
    static const struct {
        const char *unit;
        double factor;
    } unit[] = {{"", 1},     {"K", 1024}, {"M", 1048576}, {"G", 1073741824},
                {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}};
    size_t n = strspn(text, "0123456789.");
    char number[32];
    double v;

    if (n == 0 || n >= sizeof number)
        return -1;
    memcpy(number, text, n);
    number[n] = '\0';
    if (pare_number_parse(&v, number))
        return -1;
    for (size_t i = 0; i < sizeof unit / sizeof unit[0]; i++)
        if (strcmp(text + n, unit[i].unit) == 0) {
            v *= unit[i].factor;
            if (v < 1 || v > 1e15)
                return -1;
            *bytes = (uint64_t)v;
            return 0;
        }
    return -1;
}

int goal_accuracy(double *v, struct pare_model *m, const struct goal *goal)
{
    struct pare_evaluation e = {0};
    int rc = pare_evaluate(&e, m, goal->data, goal->split, goal->threads);

    if (!rc && e.n_classes == 0)
        rc = pare_fail(PARE_EMISMATCH, "a Boltzmann machine has no accuracy to "
                                       "search by");
    if (!rc)
        *v = (double)e.correct / (double)e.n;
    pare_evaluation_release(&e);
    return rc;
}

int goal_begin(struct goal *goal, const struct pare_model *m)
{
    struct pare_model copy = {0};
    int rc = pare_model_copy(&copy, m);

    if (!rc)
        rc = goal_accuracy(&goal->base, &copy, goal);
    pare_model_release(&copy);
    return rc;
}

bool goal_reached(const struct goal *goal, double v)
{
    if (goal->bytes)
        return v <= (double)goal->bytes;
    /* Accuracies are fractions of few samples: rounding must not decide. */
    return v >= goal->base - goal->drop / 100 - 1e-9;
}
