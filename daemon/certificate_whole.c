/*
 * What the reading of the window itself shows: address, login, rows, ids, range, totals and clock; and what
 * all readings did, of rates.
 */
#include <inttypes.h>

#include "daemon/certificate_state.h"
#include "meterd/core/time.h"

#define CLOCK_PASSES_US (INT64_C(5) * MTR_US_PER_SECOND)
#define CLOCK_FAILS_US (INT64_C(300) * MTR_US_PER_SECOND)

static const struct mtr_source *source_of(const struct probing *probing)
{
    return probing->options->trying.source;
}

bool probe_has_secret(const struct mtr_source *source)
{
    return source->auth.kind != MTR_AUTH_NONE && source->auth.kind != MTR_AUTH_PRESIGNED;
}

static void say_address(struct probing *probing)
{
    const struct probe_reading *whole = &probing->whole;
    const struct mtr_source_base *base = &source_of(probing)->base;
    probe_show(probing, CERTIFICATE_ADDRESS, whole);
    if (!whole->answers)
        probe_say(probing, CERTIFICATE_ADDRESS, CERTIFICATE_FAILED, "%s", probe_reason(whole));
    else if (!base->is_https)
        probe_say(probing, CERTIFICATE_ADDRESS, CERTIFICATE_WARNED,
                  "%.*s answers by http: nobody proves who answers, and credentials can be read on the way",
                  MTR_STR_ARGS(base->host));
    else
        probe_say(probing, CERTIFICATE_ADDRESS, CERTIFICATE_PASSED, "%.*s answers, with a certificate for it",
                  MTR_STR_ARGS(base->host));
}

static void say_login(struct probing *probing)
{
    const struct probe_reading *whole = &probing->whole;
    const enum mtr_alarm alarm = whole->report.alarm;
    if (!probe_has_secret(source_of(probing)) && !source_of(probing)->auth.certificate_file.size) {
        probe_say(probing, CERTIFICATE_LOGIN, CERTIFICATE_NOT_OFFERED, "requests carry no credentials");
        return;
    }
    probe_show(probing, CERTIFICATE_LOGIN, whole);
    if (alarm == MTR_ALARM_AUTH || alarm == MTR_ALARM_REAUTHORIZE || !whole->report.pages)
        probe_say(probing, CERTIFICATE_LOGIN, CERTIFICATE_FAILED, "%s", probe_reason(whole));
    else
        probe_say(probing, CERTIFICATE_LOGIN, CERTIFICATE_PASSED, "the vendor answers with %u page%s",
                  (unsigned)whole->report.pages, mtr_plural(whole->report.pages));
}

static void say_rows(struct probing *probing)
{
    const struct probe_reading *whole = &probing->whole;
    const struct mtr_trial_report *report = &whole->report;
    probe_show(probing, CERTIFICATE_ROWS, whole);
    if (!probe_is_whole(whole))
        probe_say(probing, CERTIFICATE_ROWS, CERTIFICATE_FAILED, "%s", probe_reason(whole));
    else if (report->problems)
        probe_say(probing, CERTIFICATE_ROWS, CERTIFICATE_FAILED,
                  "of %" PRIu64 " rows %" PRIu64 " cannot become events: `meterd source test` says why",
                  report->rows, report->problems);
    else if (!report->rows)
        probe_say(probing, CERTIFICATE_ROWS, CERTIFICATE_WARNED,
                  "the window has no rows, so little is proved: ask for one with usage by --from");
    else
        probe_say(probing, CERTIFICATE_ROWS, CERTIFICATE_PASSED, "%" PRIu64 " row%s, all of them events",
                  report->rows, mtr_plural(report->rows));
}

static void say_ids(struct probing *probing)
{
    const struct probe_reading *whole = &probing->whole;
    const struct mtr_trial_report *report = &whole->report;
    const uint64_t mapped = report->rows - report->skipped;
    probe_show(probing, CERTIFICATE_IDS, whole);
    if (!probe_is_whole(whole) || !report->rows)
        probe_say(probing, CERTIFICATE_IDS, CERTIFICATE_NOT_OFFERED, "there are no rows to look at");
    else if (whole->row_count + report->repeated < mapped)
        probe_say(probing, CERTIFICATE_IDS, CERTIFICATE_FAILED,
                  "%" PRIu64
                  " row%s the id of another, and other content: name in `identity` what tells them "
                  "apart",
                  mapped - whole->row_count - report->repeated,
                  mapped - whole->row_count - report->repeated == 1 ? " has" : "s have");
    else if (report->repeated)
        probe_say(probing, CERTIFICATE_IDS, CERTIFICATE_WARNED,
                  "%" PRIu64 " row%s more than once, and counted once", report->repeated,
                  report->repeated == 1 ? " comes" : "s come");
    else
        probe_say(probing, CERTIFICATE_IDS, CERTIFICATE_PASSED, "%" PRIu64 " rows, and as many ids",
                  whole->row_count);
}

static void say_range(struct probing *probing)
{
    const struct probe_reading *whole = &probing->whole;
    if (!probing->window.to_us || !whole->row_count) {
        probe_say(probing, CERTIFICATE_RANGE, CERTIFICATE_NOT_OFFERED, "there is no window, or no row in it");
        return;
    }
    probe_show(probing, CERTIFICATE_RANGE, whole);
    if (whole->outside)
        probe_say(probing, CERTIFICATE_RANGE,
                  whole->outside == whole->row_count ? CERTIFICATE_FAILED : CERTIFICATE_WARNED,
                  "%" PRIu64 " of %" PRIu64 " rows have a time outside of the window: zone, or an end that "
                  "counts",
                  whole->outside, whole->row_count);
    else
        probe_say(probing, CERTIFICATE_RANGE, CERTIFICATE_PASSED, "all rows have a time in the window");
}

static bool is_wrong(const struct mtr_trial_report *report)
{
    return report->result == MTR_TRIAL_NOT_TAKEN && report->alarm == MTR_ALARM_INCOMPLETE;
}

static void say_totals(struct probing *probing)
{
    const struct mtr_trial_report *report = &probing->whole.report;
    if (!report->count.is_asked && !report->sum.is_asked && !report->flag.is_asked) {
        probe_say(probing, CERTIFICATE_TOTALS, CERTIFICATE_NOT_OFFERED,
                  "the document asks for no proof (`complete`): what is missing cannot be noticed");
        return;
    }
    probe_show(probing, CERTIFICATE_TOTALS, &probing->whole);
    if (!probe_is_whole(&probing->whole) || is_wrong(report))
        probe_say(probing, CERTIFICATE_TOTALS, CERTIFICATE_FAILED, "%s", probe_reason(&probing->whole));
    else
        probe_say(probing, CERTIFICATE_TOTALS, CERTIFICATE_PASSED, "%s%s%s%s%s",
                  report->count.is_asked ? "count " : "", report->count.is_asked ? report->count.came : "",
                  report->sum.is_asked ? " sum " : "", report->sum.is_asked ? report->sum.came : "",
                  report->flag.is_asked ? " and the vendor says that it is complete" : "");
}

static void say_clock(struct probing *probing)
{
    const int64_t skew_us = probing->whole.report.skew_us;
    if (skew_us == INT64_MIN) {
        probe_say(probing, CERTIFICATE_CLOCK, CERTIFICATE_NOT_OFFERED, "answers have no Date");
        return;
    }
    const int64_t away_us = skew_us < 0 ? -skew_us : skew_us;
    probe_show(probing, CERTIFICATE_CLOCK, &probing->whole);
    probe_say(probing, CERTIFICATE_CLOCK,
              away_us <= CLOCK_PASSES_US ? CERTIFICATE_PASSED
              : away_us < CLOCK_FAILS_US ? CERTIFICATE_WARNED
                                         : CERTIFICATE_FAILED,
              "it is %" PRId64 " s %s", away_us / MTR_US_PER_SECOND, skew_us < 0 ? "behind" : "ahead");
}

void probe_say_rate(struct probing *probing)
{
    if (!probing->busy)
        probe_say(probing, CERTIFICATE_RATE, CERTIFICATE_NOT_OFFERED, "none of %u requests was too many",
                  (unsigned)probing->out->requests);
    else if (probing->busy_said < probing->busy)
        probe_say(probing, CERTIFICATE_RATE, CERTIFICATE_WARNED,
                  "%u of %u answers 429 did not say when to come again (Retry-After)",
                  (unsigned)(probing->busy - probing->busy_said), (unsigned)probing->busy);
    else
        probe_say(probing, CERTIFICATE_RATE, CERTIFICATE_PASSED, "%u answers 429, all with Retry-After",
                  (unsigned)probing->busy);
}

void probe_say_whole(struct probing *probing)
{
    say_address(probing);
    say_login(probing);
    say_rows(probing);
    say_ids(probing);
    say_range(probing);
    say_totals(probing);
    say_clock(probing);
}
