/*
 * When the worlds of these tests are: in January 2026.
 */
#ifndef METERD_TESTS_SUPPORT_JANUARY_H
#define METERD_TESTS_SUPPORT_JANUARY_H

#include "meterd/core/time.h"

static const int64_t HOUR_US = MTR_US_PER_HOUR, DAY_US = MTR_US_PER_DAY;
static const int64_t JANUARY_US = INT64_C(1767225600) * MTR_US_PER_SECOND; /* 2026-01-01T00:00:00Z */

#endif
