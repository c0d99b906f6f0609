/*
 * The alarms of one strand. Each kind stands at most once, with when it began and why; several kinds may
 * stand beside one another, since each has its own end:
 *
 *   failing, loop, truncated,
 *   limit, incomplete,
 *   suspect               what the last reading of a window ended with: until the next one of that window ends
 *                         otherwise, whatever comes of other windows
 *   auth, reauthorize     until a reading is let in
 *   refused               until each window that had rows in quarantine is read without any; the ledger knows
 *                         them, also after a restart. Of an append delivery also until the catalog has changed
 *                         and a reading is good; a feed's, which come once, for a time
 *   after_end,
 *   unknown_subject       what readings of windows brought, all of them together: until each is read without it,
 *                         or the catalog has changed and a reading brings none. Rows that are held stay as
 *                         they are: of these a reading must take back or restate some
 *   range                 what a reading of a window brought, likewise, but of the last such window alone
 *   gap                   until no window is past its time
 *   stale                 until a row is young enough
 *   drift                 until the columns are what they were, or the document says something new
 *   skew                  until an answer's Date agrees
 *
 * Owned by the strand; texts are its own. One thread.
 */
#ifndef METERD_COLLECTOR_SOURCE_POLL_ALARMS_H
#define METERD_COLLECTOR_SOURCE_POLL_ALARMS_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/collector/source_alarm.h"

/* More windows than that, or no memory: the next good reading ends the alarm of those that are not kept. */
enum { ALARMS_WINDOWS_MAX = 1024 };

struct alarm_window {
    int64_t from_us;
    enum mtr_alarm alarm;
};

/* Rows in quarantine. */
struct refused_window {
    int64_t from_us;
    uint64_t rows;       /* more than 0 */
    uint64_t generation; /* of an append delivery's window: of the catalog of then; 0 else */
    int64_t until_us;    /* of a feed; 0 else */
};

struct alarms {
    struct {
        int64_t since_us; /* 0: it does not stand */
        char *text;       /* NULL: there was no memory for it, and the kind's own sentence stands for it */
    } of[MTR_ALARM_COUNT];
    struct alarm_window *windows; /* of which a kind stands */
    uint32_t window_count, window_capacity;
    struct refused_window *refused;
    uint32_t refused_count, refused_capacity;
    bool has_more_refused; /* than could be noted */
};

bool alarms_have(const struct alarms *alarms, enum mtr_alarm alarm);
int64_t alarms_since_us(const struct alarms *alarms, enum mtr_alarm alarm); /* 0: it does not stand */
const char *alarms_text(const struct alarms *alarms, enum mtr_alarm alarm); /* of one that stands */

/* Rows of windows of which there is something to say, beside the catalog of then; begins as zeros. */
struct noted_window {
    int64_t from_us;
    uint64_t rows; /* more than 0 */
    uint64_t generation;
};
struct noted_rows {
    struct noted_window *windows;
    uint32_t count, capacity;
};
/* In the place of what was noted of that window; rows 0: there are none any more. */
void noted_rows_put(struct noted_rows *noted, const struct noted_window *now);
/* What another catalog made of its rows is nothing any more. */
void noted_rows_forget(struct noted_rows *noted, uint64_t generation);
uint64_t noted_rows_sum(const struct noted_rows *noted);
void noted_rows_release(struct noted_rows *noted);

/* True: that is news, of its kind or its text. now_us > 0; one that stands keeps its begin. */
bool alarms_raise(struct alarms *alarms, enum mtr_alarm alarm, const char *text, int64_t now_us);
/* True: it stood. */
bool alarms_clear(struct alarms *alarms, enum mtr_alarm alarm);
void alarms_release(struct alarms *alarms);

/* What the window's last reading ended with, NONE: well; returns what the one before did. */
enum mtr_alarm alarms_note_window(struct alarms *alarms, int64_t from_us, enum mtr_alarm alarm);
/* What it ended with, NONE: well, or it was not read. */
enum mtr_alarm alarms_of_window(const struct alarms *alarms, int64_t from_us);
/* A window whose last reading ended with it. */
const struct alarm_window *alarms_find_window(const struct alarms *alarms, enum mtr_alarm alarm);
/* In the place of what was noted of that window; rows 0: there are none any more. Where there is no room for
 * one more, has_more_refused says so. */
void alarms_note_refused(struct alarms *alarms, const struct refused_window *now);
/* start_us: where the plan's first window begins, which may be before `start`. Those before it are not asked
 * for any more. */
void alarms_forget_windows_before(struct alarms *alarms, int64_t start_us);

/* One of those that readings end with. */
bool alarm_is_of_reading(enum mtr_alarm alarm);

#endif
