#include "amount.h"

#include <math.h>

#include "number.h"
#include "select.h"
#include "status.h"

const char *pare_amount_name(enum pare_amount_kind k)
{
    static const char *const name[] = {"sparsity", "fraction", "compression",
                                       "count"};

    return name[k];
}

int pare_amount_check(enum pare_amount_kind kind, double amount)
{
    char text[PARE_NUMBER_MAX];

    pare_number_print(text, amount);
    switch (kind) {
    case PARE_AMOUNT_COMPRESSION:
        if (amount >= 1 && isfinite(amount))
            return 0;
        return pare_fail(PARE_EINVAL,
                         "compression %s is not a number of at least 1", text);
    case PARE_AMOUNT_COUNT:
        if (amount >= 0 && amount <= 0x1p53 && floor(amount) == amount)
            return 0;
        return pare_fail(PARE_EINVAL, "count %s is not a whole number", text);
    default:
        if (amount >= 0 && amount <= 1)
            return 0;
        return pare_fail(PARE_EINVAL, "%s %s is not between 0 and 1",
                         pare_amount_name(kind), text);
    }
}

int pare_amount_grains(uint64_t *grains, enum pare_amount_kind kind,
                       double amount, const struct pare_amount_pool *pool)
{
    if (kind == PARE_AMOUNT_FRACTION) {
        *grains = pare_round_count(amount * (double)pool->grains);
        return 0;
    }
    if (amount > (double)pool->grains)
        return pare_fail(PARE_EINVAL, "cannot remove %.0f: %llu remain", amount,
                         (unsigned long long)pool->grains);
    *grains = (uint64_t)amount;
    return 0;
}

uint64_t pare_amount_sparsity(double amount,
                              const struct pare_amount_pool *pool)
{
    uint64_t want = pare_round_count(amount * (double)pool->total);
    uint64_t gone = pool->total - pool->kept;

    return want > gone ? want - gone : 0;
}

int pare_amount_compression(uint64_t *keep, double ratio, uint64_t all,
                            uint64_t fixed, uint64_t total)
{
    uint64_t target = pare_round_count((double)all / ratio);

    /* Rounded down, so that the ratio named can be asked for. */
    if (target < fixed)
        return pare_fail(PARE_EINVAL,
                         "compression %.6g cannot be reached: the largest is "
                         "%.4f, as %llu of %llu parameters stay",
                         ratio, floor((double)all / (double)fixed * 1e4) / 1e4,
                         (unsigned long long)fixed, (unsigned long long)all);
    *keep = target - fixed < total ? target - fixed : total;
    return 0;
}
