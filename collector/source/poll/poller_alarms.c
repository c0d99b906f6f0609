/*
 * What of a strand's alarms is news, and how a source's alarms are put together; see poller_alarms.h.
 *
 * Invariant: poller->totals.alarms counts the strands that have each.
 */
#include "collector/source/poll/poller_alarms.h"

#include <stdio.h>
#include <string.h>

#include "meterd/core/time.h"

static void tell(struct mtr_poller *poller, const struct poller_strand *strand, bool is_raised,
                 enum mtr_alarm alarm, const char *text)
{
    char line[POLL_TEXT_BYTES + 100];
    snprintf(line, sizeof(line), is_raised ? "%s: %s" : "%s is over%s", mtr_alarm_name(alarm), text);
    poller->hooks.tell(poller->hooks.context, is_raised, strand->strand.source, line);
}

static void tell_change(struct mtr_poller *poller, const struct poller_strand *strand,
                        const struct mtr_alarm_change *of)
{
    struct mtr_alarm_change change = *of;
    change.vendor = strand->strand.vendor;
    change.source = strand->strand.source;
    change.each = strand->strand.each;
    if (poller->hooks.alarm) poller->hooks.alarm(poller->hooks.context, &change);
}

void poller_raise(struct mtr_poller *poller, struct poller_strand *strand, enum mtr_alarm alarm,
                  const char *text, int64_t now_us)
{
    const bool is_new = !alarms_have(&strand->alarms, alarm);
    poller->totals.alarms[alarm] += is_new;
    if (!alarms_raise(&strand->alarms, alarm, text, now_us)) return;
    tell(poller, strand, true, alarm, text);
    if (is_new)
        tell_change(poller, strand,
                    &(struct mtr_alarm_change){.alarm = alarm,
                                               .is_raised = true,
                                               .text = text,
                                               .since_us = now_us,
                                               .now_us = now_us});
}

void poller_clear(struct mtr_poller *poller, struct poller_strand *strand, enum mtr_alarm alarm,
                  int64_t now_us)
{
    const int64_t since_us = alarms_since_us(&strand->alarms, alarm);
    if (!alarms_clear(&strand->alarms, alarm)) return;
    poller->totals.alarms[alarm]--;
    tell(poller, strand, false, alarm, "");
    tell_change(poller, strand,
                &(struct mtr_alarm_change){.alarm = alarm, .since_us = since_us, .now_us = now_us});
}

/* Another window has it still. */
static void name_other(struct mtr_poller *poller, struct poller_strand *strand,
                       const struct alarm_window *other, int64_t now_us)
{
    char begin[MTR_TIME_TEXT_BYTES], text[POLL_TEXT_BYTES];
    mtr_time_format(other->from_us, begin);
    snprintf(text, sizeof(text), "the window from %s, too: %s", begin,
             other->alarm == MTR_ALARM_FAILING ? "it is tried again by itself" /* no reading tells of it */
                                               : "meterd source windows says why");
    poller_raise(poller, strand, other->alarm, text, now_us);
}

static bool is_of_credentials(enum mtr_alarm alarm)
{
    return alarm == MTR_ALARM_AUTH || alarm == MTR_ALARM_REAUTHORIZE;
}

void poller_is_let_in(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us)
{
    poller_clear(poller, strand, MTR_ALARM_AUTH, now_us);
    poller_clear(poller, strand, MTR_ALARM_REAUTHORIZE, now_us);
}

void poller_set_reading_alarm(struct mtr_poller *poller, struct poller_strand *strand, int64_t from_us,
                              enum mtr_alarm alarm, const char *text, int64_t now_us)
{
    const enum mtr_alarm before = alarms_note_window(&strand->alarms, from_us, alarm);
    for (int i = 1; i < MTR_ALARM_COUNT; i++) {
        const enum mtr_alarm other = (enum mtr_alarm)i;
        if (other == alarm || !alarm_is_of_reading(other)) continue;
        if (alarm == MTR_ALARM_FAILING && is_of_credentials(other)) continue; /* poller_conclude says */
        const struct alarm_window *window = alarms_find_window(&strand->alarms, other);
        if (!window)
            poller_clear(poller, strand, other, now_us);
        else if (other == before)
            name_other(poller, strand, window, now_us);
    }
    if (alarm) poller_raise(poller, strand, alarm, text, now_us);
}

void poller_restore_alarm(struct mtr_poller *poller, struct poller_strand *strand,
                          const struct mtr_ledger_window *record, int64_t now_us)
{
    char text[POLL_TEXT_BYTES];
    const enum mtr_alarm alarm = record->state == MTR_WINDOW_SUSPECT      ? MTR_ALARM_SUSPECT
                                 : record->state == MTR_WINDOW_INCOMPLETE ? MTR_ALARM_INCOMPLETE
                                                                          : MTR_ALARM_NONE;
    const enum mtr_alarm said = alarms_of_window(&strand->alarms, record->start_us);
    if (!alarm || (said && alarms_have(&strand->alarms, said))) return;
    snprintf(text, sizeof(text), "%.*s", MTR_STR_ARGS(record->problem));
    (void)alarms_note_window(&strand->alarms, record->start_us, alarm);
    if (!alarms_have(&strand->alarms, alarm)) poller_raise(poller, strand, alarm, text, now_us);
}

void poller_set_forgotten_alarm(struct mtr_poller *poller, struct poller_strand *strand,
                                const struct mtr_ledger_window *record, int64_t now_us)
{
    const enum mtr_alarm before = alarms_of_window(&strand->alarms, record->start_us);
    const bool is_draft = record->state == MTR_WINDOW_OPEN && record->last_us < record->end_us;
    if (mtr_window_has_problem(record->state)) return; /* that is said */
    if (record->state != MTR_WINDOW_PARTIAL && !is_draft) {
        if (before) poller_set_reading_alarm(poller, strand, record->start_us, MTR_ALARM_NONE, "", now_us);
    } else if (before != MTR_ALARM_INCOMPLETE) {
        static const char text[] = "what was taken last of a window is a draft, or a part of a reading, and "
                                   "its rows in the log are no longer known: they would count twice, so it "
                                   "is not asked for. " POLLER_KNOW_LONGER;
        poller_set_reading_alarm(poller, strand, record->start_us, MTR_ALARM_INCOMPLETE, text, now_us);
    }
}

void poller_drop_alarms(struct mtr_poller *poller, struct poller_strand *strand)
{
    for (int i = 1; i < MTR_ALARM_COUNT; i++)
        if (alarms_have(&strand->alarms, (enum mtr_alarm)i)) {
            poller->totals.alarms[i]--;
            const int64_t since_us = alarms_since_us(&strand->alarms, (enum mtr_alarm)i);
            tell_change(poller, strand,
                        &(struct mtr_alarm_change){
                            .alarm = (enum mtr_alarm)i, .since_us = since_us, .now_us = poller->now_us});
        }
    alarms_release(&strand->alarms);
    noted_rows_release(&strand->after_end);
    noted_rows_release(&strand->unknown_subject);
    noted_rows_release(&strand->range);
}

/* ---- of a source ---- */

static void show(const struct poller_strand *strand, enum mtr_alarm alarm, struct mtr_source_alarm *shown)
{
    if (!alarms_have(&strand->alarms, alarm)) return;
    const int64_t since_us = alarms_since_us(&strand->alarms, alarm);
    shown->alarm = alarm;
    if (shown->strands++ && shown->since_us <= since_us) return;
    shown->since_us = since_us;
    snprintf(shown->text, sizeof(shown->text), "%s", alarms_text(&strand->alarms, alarm));
}

void poller_show_alarms(const struct poller_source *source, struct mtr_source_status *status)
{
    status->alarm_count = 0;
    for (int i = 1; i < MTR_ALARM_COUNT; i++) {
        struct mtr_source_alarm shown = {.alarm = MTR_ALARM_NONE};
        for (const struct poller_strand *strand = source->strands; strand; strand = strand->next)
            show(strand, (enum mtr_alarm)i, &shown);
        if (!shown.strands) continue;
        uint32_t at = status->alarm_count++;
        for (; at && mtr_alarm_gravity(status->alarms[at - 1].alarm) < mtr_alarm_gravity(shown.alarm); at--)
            status->alarms[at] = status->alarms[at - 1];
        status->alarms[at] = shown;
    }
}
