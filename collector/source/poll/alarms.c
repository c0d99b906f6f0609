/*
 * A strand's alarms; see alarms.h.
 */
#include "collector/source/poll/alarms.h"

#include <stdlib.h>
#include <string.h>

#include "meterd/core/error.h"

bool alarms_have(const struct alarms *alarms, enum mtr_alarm alarm)
{
    return alarms->of[alarm].since_us != 0;
}

int64_t alarms_since_us(const struct alarms *alarms, enum mtr_alarm alarm)
{
    return alarms->of[alarm].since_us;
}

const char *alarms_text(const struct alarms *alarms, enum mtr_alarm alarm)
{
    MTR_ASSERT(alarms_have(alarms, alarm));
    return alarms->of[alarm].text ? alarms->of[alarm].text : mtr_alarm_doc(alarm);
}

bool alarms_raise(struct alarms *alarms, enum mtr_alarm alarm, const char *text, int64_t now_us)
{
    MTR_ASSERT(alarm != MTR_ALARM_NONE && now_us > 0);
    const bool stood = alarms_have(alarms, alarm);
    if (stood && !strcmp(alarms_text(alarms, alarm), text)) return false;
    free(alarms->of[alarm].text);
    alarms->of[alarm].text = strdup(text);
    if (!stood) alarms->of[alarm].since_us = now_us;
    return true;
}

bool alarms_clear(struct alarms *alarms, enum mtr_alarm alarm)
{
    const bool stood = alarms_have(alarms, alarm);
    free(alarms->of[alarm].text);
    alarms->of[alarm].text = NULL;
    alarms->of[alarm].since_us = 0;
    return stood;
}

void alarms_release(struct alarms *alarms)
{
    for (int alarm = 0; alarm < MTR_ALARM_COUNT; alarm++) (void)alarms_clear(alarms, (enum mtr_alarm)alarm);
}

bool alarm_is_of_reading(enum mtr_alarm alarm)
{
    switch (alarm) {
    case MTR_ALARM_FAILING:
    case MTR_ALARM_AUTH:
    case MTR_ALARM_REAUTHORIZE:
    case MTR_ALARM_LOOP:
    case MTR_ALARM_TRUNCATED:
    case MTR_ALARM_LIMIT:
    case MTR_ALARM_INCOMPLETE:
    case MTR_ALARM_SUSPECT: return true;
    default: return false;
    }
}
