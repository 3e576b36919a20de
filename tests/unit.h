#ifndef PARE_TESTS_UNIT_H
#define PARE_TESTS_UNIT_H

/* What every cmocka program of the suite includes, once and first. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/**
 * |a - b| <= tol, and both finite: unlike cmocka's assert_float_equal,
 * which passes when one of them is NaN.
 */
#define assert_close(a, b, tol)                                              \
    do {                                                                     \
        double a_ = (double)(a), b_ = (double)(b), tol_ = (double)(tol);     \
        if (!isfinite(a_) || !isfinite(b_) || fabs(a_ - b_) > tol_)          \
            fail_msg("%s = %.9g, expected %.9g +- %g", #a, a_, b_, tol_);    \
    } while (0)

/** Run a group; the status is 1 for any number of failures. */
#define run_group(tests)                                                     \
    (cmocka_run_group_tests(tests, NULL, NULL) != 0 ? 1 : 0)

#endif
