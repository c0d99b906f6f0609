/*
 * Fuzz target: a TZif file of hostile bytes is an error or a zone whose hours hold their instants; the same
 * for a footer alone.
 */
#include <stddef.h>
#include <stdint.h>

#include "lib/core/time/tzif.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct mtr_zone *zone)
{
    for (int64_t time_us = 0; time_us < MTR_TIME_US_MAX; time_us += INT64_C(700000001000000)) {
        struct mtr_hour hour = mtr_zone_hour(zone, time_us);
        MTR_ASSERT(hour.start_us <= time_us && time_us < hour.end_us && hour.end_us - hour.start_us <= MTR_US_PER_HOUR);
        struct mtr_zone_span span = mtr_zone_at(zone, time_us);
        MTR_ASSERT(span.start_us <= time_us && time_us < span.end_us);
        (void)mtr_zone_from_civil(zone, mtr_zone_to_civil(zone, time_us));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mtr_str bytes = {(const char *)data, size};
    struct mtr_tz_data parsed = {0};
    struct mtr_zone *zone = NULL;
    if (tzif_parse(bytes, &parsed) == MTR_OK) {
        if (zone_from_data(MTR_STR("fuzzed"), &parsed, &zone) == MTR_OK) ask(zone);
        mtr_zone_close(zone);
        tzif_release(&parsed);
    }
    struct mtr_tz_rule rule;
    if (tz_rule_parse(bytes, &rule) == MTR_OK) {
        struct tz_span span = tz_rule_at(&rule, 1774745999);
        MTR_ASSERT(span.start_s <= 1774745999 && 1774745999 < span.end_s);
    }
    return 0;
}
