/*
 * The judgement of an event's time.
 *
 * A retry of what is forgotten would count twice, whatever the clocks did since: so what may be forgotten is
 * expired, and what is not expired is known or new.
 */
#include "collector/intake/judge.h"

static struct mtr_verdict objection(enum mtr_result_code code, enum mtr_finding_code finding,
                                    const char *reason)
{
    return (struct mtr_verdict){.code = code, .field = "time", .reason = reason, .finding = finding};
}

/* An event came at most future_us before its time: this one may have come with what is forgotten. */
static bool may_be_forgotten(const struct mtr_judge *judge, const struct mtr_event *event,
                             int64_t forgotten_us)
{
    return forgotten_us != INT64_MIN && event->time_us - judge->options.future_us <= forgotten_us;
}

struct mtr_verdict judge_time(const struct mtr_judge *judge, const struct mtr_event *event,
                              const struct mtr_judge_times *times)
{
    if (event->time_us < times->earliest_us - judge->options.lateness_us)
        return objection(MTR_RESULT_EXPIRED, MTR_FINDING_EVENT_EXPIRED,
                         "older than the accepted lateness: kept in quarantine, not billed");
    if (may_be_forgotten(judge, event, times->forgotten_us))
        return objection(MTR_RESULT_EXPIRED, MTR_FINDING_EVENT_EXPIRED,
                         "so old that it is not known any more whether it came before: kept in quarantine, "
                         "not billed");
    return judge_future(judge, event, times->latest_us);
}

struct mtr_verdict judge_future(const struct mtr_judge *judge, const struct mtr_event *event,
                                int64_t latest_us)
{
    if (event->time_us > latest_us + judge->options.future_us)
        return objection(
            MTR_RESULT_FUTURE, MTR_FINDING_EVENT_FUTURE,
            "further in the future than the accepted clock difference: kept in quarantine, not billed");
    return (struct mtr_verdict){.code = MTR_RESULT_ACCEPTED};
}
