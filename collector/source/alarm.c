/*
 * Names of alarms, and their order.
 */
#include "meterd/collector/source_alarm.h"

#include "meterd/core/error.h"

static const struct {
    const char *name, *doc;
} rows[MTR_ALARM_COUNT] = {[MTR_ALARM_NONE] = {"", ""},
#define ALARM_ROW(name, text, doc) [MTR_ALARM_##name] = {text, doc},
                           MTR_ALARM_MAP(ALARM_ROW)
#undef ALARM_ROW
};

/* The gravest first. */
static const enum mtr_alarm by_gravity[] = {
    MTR_ALARM_REAUTHORIZE, MTR_ALARM_AUTH,  MTR_ALARM_FAILING,    MTR_ALARM_LOOP,
    MTR_ALARM_TRUNCATED,   MTR_ALARM_LIMIT, MTR_ALARM_INCOMPLETE, MTR_ALARM_SUSPECT,
    MTR_ALARM_GAP,         MTR_ALARM_DRIFT, MTR_ALARM_REFUSED,    MTR_ALARM_STALE,
    MTR_ALARM_RANGE,       MTR_ALARM_AFTER_END, MTR_ALARM_SKEW,   MTR_ALARM_UNKNOWN_SUBJECT};
enum { GRAVITIES = sizeof(by_gravity) / sizeof(by_gravity[0]) };
_Static_assert(GRAVITIES == MTR_ALARM_COUNT - 1, "each alarm has its place");

unsigned mtr_alarm_gravity(enum mtr_alarm alarm)
{
    for (unsigned i = 0; i < GRAVITIES; i++)
        if (by_gravity[i] == alarm) return GRAVITIES - i;
    MTR_ASSERT(alarm == MTR_ALARM_NONE);
    return 0;
}

const char *mtr_alarm_name(enum mtr_alarm alarm)
{
    MTR_ASSERT((unsigned)alarm < MTR_ALARM_COUNT);
    return rows[alarm].name;
}

const char *mtr_alarm_doc(enum mtr_alarm alarm)
{
    MTR_ASSERT((unsigned)alarm < MTR_ALARM_COUNT);
    return rows[alarm].doc;
}
