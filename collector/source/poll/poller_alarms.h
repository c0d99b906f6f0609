/*
 * Alarms of strands: raised and cleared, counted, told, and shown. Whatever changes one goes through here.
 * Private to poller*.c.
 */
#ifndef METERD_COLLECTOR_SOURCE_POLL_POLLER_ALARMS_H
#define METERD_COLLECTOR_SOURCE_POLL_POLLER_ALARMS_H

#include "collector/source/poll/poller_state.h"

void poller_raise(struct mtr_poller *poller, struct poller_strand *strand, enum mtr_alarm alarm,
                  const char *text, int64_t now_us);
void poller_clear(struct mtr_poller *poller, struct poller_strand *strand, enum mtr_alarm alarm,
                  int64_t now_us);
/* What a reading of the window ended with takes the place of what the one before of it did; NONE: it was
 * good. */
void poller_set_reading_alarm(struct mtr_poller *poller, struct poller_strand *strand, int64_t from_us,
                              enum mtr_alarm alarm, const char *text, int64_t now_us);
/* Credentials are right: what was said of them is over. FAILING alone ends neither AUTH nor REAUTHORIZE. */
void poller_is_let_in(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us);
/* The ledger has it as suspect or incomplete: that is an alarm, also of before a restart. */
void poller_restore_alarm(struct mtr_poller *poller, struct poller_strand *strand,
                          const struct mtr_ledger_window *record, int64_t now_us);
/* The rows of a window of an append delivery are no longer known, so it is not asked for any more: it stands
 * as its readings left it, whole or not. */
#define POLLER_KNOW_LONGER                                                                                   \
    "Make `intake.dedup_window` longer and start meterd again, as long as the log has them"
void poller_set_forgotten_alarm(struct mtr_poller *poller, struct poller_strand *strand,
                                const struct mtr_ledger_window *record, int64_t now_us);
/* The strand goes: its alarms are nobody's any more. */
void poller_drop_alarms(struct mtr_poller *poller, struct poller_strand *strand);

/* The alarms of all its strands, by kind, into the status. */
void poller_show_alarms(const struct poller_source *source, struct mtr_source_status *status);

#endif
