/*
 * Names of alarms.
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
