/*
 * The spare times of known.h.
 */
#include "collector/source/limits/known.h"

#include "meterd/core/time.h"

#define READING_US MTR_US_PER_DAY
#define COMMIT_US (INT64_C(300) * MTR_US_PER_SECOND)

int64_t known_asked_us(int64_t window_us) { return window_us - mtr_time_sooner(READING_US, window_us / 8); }

/* The intake takes a part within that. */
static int64_t sent_us(int64_t window_us) { return window_us - mtr_time_sooner(COMMIT_US, window_us / 16); }

int64_t known_window_until_us(int64_t window_us, const struct mtr_source *source,
                              const struct mtr_ledger_window *record)
{
    const bool is_met_again = source->delivery == MTR_DELIVERY_APPEND && record->seq_first;
    return is_met_again && window_us ? record->first_us + sent_us(window_us) : INT64_MAX;
}

int64_t known_refused_before_us(int64_t window_us, const struct mtr_source *source,
                                const struct mtr_window *window, int64_t from_us, int64_t now_us)
{
    const bool is_asked = source->delivery == MTR_DELIVERY_APPEND && source->asks_from;
    const bool begins = !window->to_us && !from_us;
    if (!window_us || !is_asked || begins) return 0;
    const int64_t length_us = window->to_us - window->from_us;
    if (window->to_us) from_us = window->from_us - mtr_time_later(length_us, MTR_US_PER_DAY);
    return mtr_time_sooner(from_us, now_us - known_asked_us(window_us));
}

struct known_feed known_feed_of(int64_t window_us, int64_t overlap_us, const struct mtr_feed *feed,
                                int64_t now_us)
{
    struct known_feed known = {.since_us = feed->read_us, .until_us = INT64_MAX};
    if (!window_us) return known;
    const int64_t asked_us = mtr_time_sooner(feed->read_us, now_us - known_asked_us(window_us)),
                  from_us = mtr_time_later(feed->read_us - overlap_us, asked_us);
    if (feed->read_us) known.since_us = from_us + overlap_us;
    if (from_us < feed->read_us) known.until_us = from_us + sent_us(window_us);
    if (feed->begun_us)
        known.until_us = mtr_time_sooner(known.until_us, feed->begun_us + sent_us(window_us));
    return known;
}
