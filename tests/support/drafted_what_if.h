/*
 * A what-if of a draft in the world of drafting.h: of all its periods, or of those that a tariff prices.
 */
#ifndef METERD_TESTS_SUPPORT_DRAFTED_WHAT_IF_H
#define METERD_TESTS_SUPPORT_DRAFTED_WHAT_IF_H

#include "meterd/query/what_if.h"
#include "tests/support/drafting.h"

static inline int ignore_subscription(void *context, const struct mtr_subscription *subscription, uint32_t done, uint32_t total)
{
    (void)context;
    (void)subscription;
    return done > total;
}

static inline struct mtr_what_if_options what_if_options(const struct mtr_catalog *draft)
{
    return (struct mtr_what_if_options){.stored = world.rating.catalog,
                                        .draft = draft,
                                        .to.time_us = MTR_TIME_US_MAX,
                                        .grace_us = world.rating.options.grace_us,
                                        .memory_bytes_max = 64 << 20,
                                        .reader = world.reader};
}

static inline void ask_what_if(const struct mtr_what_if_options *options, int (*on_period)(void *, const struct mtr_what_if_period *),
                               void *context)
{
    const struct mtr_what_if_hooks hooks = {on_period, ignore_subscription, context};
    struct mtr_diagnostic diagnostic = {.text = ""};
    int rc = mtr_what_if(world.rating.rollups, world.rating.charges, options, &hooks, &diagnostic);
    if (rc) fail_msg("%s: %s", mtr_error_name(rc), diagnostic.text);
}

#endif
