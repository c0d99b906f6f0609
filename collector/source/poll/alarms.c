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

/* ---- windows ---- */

static bool is_of_window(enum mtr_alarm alarm)
{
    return alarm_is_of_reading(alarm) && alarm != MTR_ALARM_AUTH && alarm != MTR_ALARM_REAUTHORIZE;
}

static struct alarm_window *find_window(const struct alarms *alarms, int64_t from_us)
{
    for (uint32_t i = 0; i < alarms->window_count; i++)
        if (alarms->windows[i].from_us == from_us) return &alarms->windows[i];
    return NULL;
}

static void add_window(struct alarms *alarms, int64_t from_us, enum mtr_alarm alarm)
{
    if (alarms->window_count == ALARMS_WINDOWS_MAX) return;
    if (alarms->window_count == alarms->window_capacity) {
        const uint32_t capacity = alarms->window_capacity ? 2 * alarms->window_capacity : 1;
        void *grown = realloc(alarms->windows, capacity * sizeof(*alarms->windows));
        if (!grown) return;
        alarms->windows = grown;
        alarms->window_capacity = capacity;
    }
    alarms->windows[alarms->window_count++] = (struct alarm_window){from_us, alarm};
}

enum mtr_alarm alarms_note_window(struct alarms *alarms, int64_t from_us, enum mtr_alarm alarm)
{
    struct alarm_window *window = find_window(alarms, from_us);
    const enum mtr_alarm before = window ? window->alarm : MTR_ALARM_NONE;
    if (!is_of_window(alarm)) alarm = MTR_ALARM_NONE;
    if (window && alarm)
        window->alarm = alarm;
    else if (window)
        *window = alarms->windows[--alarms->window_count];
    else if (alarm)
        add_window(alarms, from_us, alarm);
    return before;
}

enum mtr_alarm alarms_of_window(const struct alarms *alarms, int64_t from_us)
{
    const struct alarm_window *window = find_window(alarms, from_us);
    return window ? window->alarm : MTR_ALARM_NONE;
}

const struct alarm_window *alarms_find_window(const struct alarms *alarms, enum mtr_alarm alarm)
{
    for (uint32_t i = 0; i < alarms->window_count; i++)
        if (alarms->windows[i].alarm == alarm) return &alarms->windows[i];
    return NULL;
}

void alarms_forget_windows_before(struct alarms *alarms, int64_t start_us)
{
    for (uint32_t i = alarms->window_count; i-- > 0;)
        if (alarms->windows[i].from_us < start_us)
            alarms->windows[i] = alarms->windows[--alarms->window_count];
}

void alarms_release(struct alarms *alarms)
{
    free(alarms->windows);
    alarms->windows = NULL;
    alarms->window_count = alarms->window_capacity = 0;
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
