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

/* Drift ends by itself; what is noted is that it says why the window was not taken. */
static bool is_of_window(enum mtr_alarm alarm)
{
    if (alarm == MTR_ALARM_DRIFT) return true;
    return alarm_is_of_reading(alarm) && alarm != MTR_ALARM_AUTH && alarm != MTR_ALARM_REAUTHORIZE;
}

static struct alarm_window *find_window(const struct alarms *alarms, int64_t from_us)
{
    for (uint32_t i = 0; i < alarms->window_count; i++)
        if (alarms->windows[i].from_us == from_us) return &alarms->windows[i];
    return NULL;
}

/* Room for one more of `count`; false: there is none. */
static bool make_room(void **rows, size_t row_bytes, uint32_t count, uint32_t *capacity)
{
    if (count == ALARMS_WINDOWS_MAX) return false;
    if (count < *capacity) return true;
    const uint32_t more = *capacity ? 2 * *capacity : 1;
    void *grown = realloc(*rows, more * row_bytes);
    if (!grown) return false;
    *rows = grown;
    *capacity = more;
    return true;
}

static void add_window(struct alarms *alarms, int64_t from_us, enum mtr_alarm alarm)
{
    void *rows = alarms->windows;
    if (!make_room(&rows, sizeof(*alarms->windows), alarms->window_count, &alarms->window_capacity)) return;
    alarms->windows = rows;
    alarms->windows[alarms->window_count++] = (struct alarm_window){from_us, alarm};
}

enum mtr_alarm alarms_note_window(struct alarms *alarms, int64_t from_us, enum mtr_alarm alarm)
{
    struct alarm_window *window = find_window(alarms, from_us);
    if (!is_of_window(alarm)) alarm = MTR_ALARM_NONE;
    if (!window) {
        if (alarm) add_window(alarms, from_us, alarm);
        return MTR_ALARM_NONE;
    }
    const enum mtr_alarm before = window->alarm;
    if (alarm) window->alarm = alarm;
    else *window = alarms->windows[--alarms->window_count];
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

static struct refused_window *find_refused(const struct alarms *alarms, int64_t from_us)
{
    for (uint32_t i = 0; i < alarms->refused_count; i++)
        if (alarms->refused[i].from_us == from_us) return &alarms->refused[i];
    return NULL;
}

void alarms_note_refused(struct alarms *alarms, const struct refused_window *now)
{
    const struct refused_window noted = *now; /* which may be the one that goes */
    struct refused_window *window = find_refused(alarms, noted.from_us);
    void *rows = alarms->refused;
    if (window && noted.rows) {
        *window = noted;
    } else if (window) {
        *window = alarms->refused[--alarms->refused_count];
    } else if (noted.rows && make_room(&rows, sizeof(*alarms->refused), alarms->refused_count,
                                       &alarms->refused_capacity)) {
        alarms->refused = rows;
        alarms->refused[alarms->refused_count++] = noted;
    } else if (noted.rows) {
        alarms->has_more_refused = true;
    }
}

void noted_rows_put(struct noted_rows *noted, const struct noted_window *now)
{
    void *windows = noted->windows;
    uint32_t i = 0;
    while (i < noted->count && noted->windows[i].from_us != now->from_us) i++;
    if (i < noted->count && !now->rows) noted->windows[i] = noted->windows[--noted->count];
    else if (i < noted->count) noted->windows[i] = *now;
    else if (now->rows && make_room(&windows, sizeof(*now), noted->count, &noted->capacity)) {
        noted->windows = windows;
        noted->windows[noted->count++] = *now;
    }
}

void noted_rows_forget(struct noted_rows *noted, uint64_t generation)
{
    for (uint32_t i = noted->count; i-- > 0;)
        if (noted->windows[i].generation != generation) noted->windows[i] = noted->windows[--noted->count];
}

uint64_t noted_rows_sum(const struct noted_rows *noted)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; i < noted->count; i++) rows += noted->windows[i].rows;
    return rows;
}

void noted_rows_release(struct noted_rows *noted)
{
    free(noted->windows);
    *noted = (struct noted_rows){0};
}

void alarms_forget_windows_before(struct alarms *alarms, int64_t start_us)
{
    for (uint32_t i = alarms->window_count; i-- > 0;)
        if (alarms->windows[i].from_us < start_us)
            alarms->windows[i] = alarms->windows[--alarms->window_count];
    for (uint32_t i = alarms->refused_count; i-- > 0;)
        if (alarms->refused[i].from_us < start_us)
            alarms->refused[i] = alarms->refused[--alarms->refused_count];
}

void alarms_release(struct alarms *alarms)
{
    free(alarms->windows);
    alarms->windows = NULL;
    alarms->window_count = alarms->window_capacity = 0;
    free(alarms->refused);
    alarms->refused = NULL;
    alarms->refused_count = alarms->refused_capacity = 0;
    alarms->has_more_refused = false;
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
