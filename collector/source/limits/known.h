/*
 * Until when rows of an append delivery may be asked for and sent once more. The intake knows them again for
 * `intake.dedup_window`, from when it received them; what comes again behind that counts twice.
 *
 *   the rows are received ────────────────── known ──────────────────┤ forgotten
 *                          what is asked for ─┤ a reading ─┤ a part waits for its commit
 *
 * window_us is the dedup window; 0: nobody looks. Pure; any thread.
 */
#ifndef METERD_COLLECTOR_SOURCE_LIMITS_KNOWN_H
#define METERD_COLLECTOR_SOURCE_LIMITS_KNOWN_H

#include "meterd/source/source.h"
#include "meterd/source/window.h"
#include "meterd/store/ledger.h"

/* A document asks for nothing that was received longer ago: a day less than the window, or an eighth of a
 * short one, is for the reading itself. */
int64_t known_asked_us(int64_t window_us);

/* Nothing of the window is sent from then on; INT64_MAX: never. record: as the ledger has it, zero where it
 * has nothing. */
int64_t known_window_until_us(int64_t window_us, const struct mtr_source *source,
                              const struct mtr_ledger_window *record);

/* Rows of the source that lie before that are refused, where nobody knows them: they are not of what was
 * asked for, which begins at from_us, and if they came before, they may be forgotten. A window's may lie a
 * length of it, or a day, before it (the vendor's zone). 0: none is. from_us 0: of a feed that begins. */
int64_t known_refused_before_us(int64_t window_us, const struct mtr_source *source,
                                const struct mtr_window *window, int64_t from_us, int64_t now_us);

/* Of a feed, which goes on as the ledger has it; zero: it begins. */
struct known_feed {
    int64_t since_us; /* asked since then, before its overlap: since its last good reading; after a rest so
                         much later that nothing is met again which may be forgotten meanwhile */
    int64_t until_us; /* nothing is sent from then on; INT64_MAX: never */
};
struct known_feed known_feed_of(int64_t window_us, int64_t overlap_us, const struct mtr_feed *feed,
                                int64_t now_us);

#endif
