/*
 * The probes, a function each, in the order of the header's table. Each says one finding, and rests it on the
 * readings that it shows.
 */
#include <inttypes.h>
#include <stdio.h>

#include "daemon/certificate_state.h"
#include "meterd/core/time.h"

enum { PIECES_MAX = 24, SMALL_PAGES = 20, EMPTY_YEARS = 6, WINDOWS_LOOKED_AT = 7 };
#define LONG_AGO_US (EMPTY_YEARS * INT64_C(365) * MTR_US_PER_DAY)

static const struct mtr_source *source_of(const struct probing *probing)
{
    return probing->options->trying.source;
}

/* Reads, and shows it to the probe. */
static int look(struct probing *probing, enum certificate_probe probe, const struct mtr_trial_ask *ask,
                struct probe_reading *out)
{
    int rc = probe_read(probing, probing->trying, ask, out);
    if (!rc) probe_show(probing, probe, out);
    return rc;
}

/* ---- others beside it ---- */

static int try_wrong_secret(struct probing *probing)
{
    struct mtr_diagnostic diagnostic;
    struct probe_reading reading;
    struct trying *trying = NULL;
    const struct mtr_source *source = source_of(probing);
    if (!probe_has_secret(source) || mtr_trial_burns_tokens(source)) {
        probe_say(probing, CERTIFICATE_WRONG_SECRET, CERTIFICATE_NOT_OFFERED,
                  probe_has_secret(source)
                      ? "a wrong refresh token may lock out the right one: it is not tried"
                      : "requests carry no secret");
        return MTR_OK;
    }
    int rc = probe_open(probing, MTR_TRIAL_SECRET_WRONG, &trying, &diagnostic);
    if (rc) return rc;
    rc = probe_read(probing, trying, &(struct mtr_trial_ask){.window = probing->window}, &reading);
    trying_close(trying);
    if (rc) return rc;
    probe_show(probing, CERTIFICATE_WRONG_SECRET, &reading);
    if (reading.report.pages || reading.row_count)
        probe_say(probing, CERTIFICATE_WRONG_SECRET, CERTIFICATE_FAILED,
                  "another secret gets an answer too: %" PRIu64 " row%s", reading.report.rows,
                  mtr_plural(reading.report.rows));
    else if (reading.report.last_status == 401 || reading.report.last_status == 403 ||
             reading.report.alarm == MTR_ALARM_AUTH)
        probe_say(probing, CERTIFICATE_WRONG_SECRET, CERTIFICATE_PASSED, "it is refused with HTTP %u",
                  reading.report.last_status);
    else
        probe_say(probing, CERTIFICATE_WRONG_SECRET, CERTIFICATE_WARNED,
                  "it is refused, but not as wrong credentials are (401, 403): %s", probe_reason(&reading));
    probe_release(&reading);
    return MTR_OK;
}

static int try_pages(struct probing *probing)
{
    struct mtr_source small = *source_of(probing);
    struct probe_reading reading;
    const bool is_counted = small.paging.kind == MTR_PAGING_PAGE || small.paging.kind == MTR_PAGING_OFFSET;
    if (!is_counted || small.paging.count->limit.place == MTR_SEND_NOWHERE || probing->whole.row_count < 2) {
        probe_say(probing, CERTIFICATE_PAGES, CERTIFICATE_NOT_OFFERED,
                  "requests do not say how large a page is, or there are too few rows");
        return MTR_OK;
    }
    struct mtr_paging_count count = *small.paging.count;
    const uint64_t most = probing->whole.row_count / SMALL_PAGES + 1;
    count.limit_value = most > 2 ? most : 2;
    small.paging.count = &count;
    int rc = look(probing, CERTIFICATE_PAGES,
                  &(struct mtr_trial_ask){.source = &small, .window = probing->window}, &reading);
    if (rc) return rc;
    const struct probe_difference difference = probe_compare(&probing->whole, &reading);
    if (!probe_is_whole(&reading))
        probe_say(probing, CERTIFICATE_PAGES, CERTIFICATE_FAILED, "pages of %" PRIu64 ": %s",
                  count.limit_value, probe_reason(&reading));
    else if (difference.lacking || difference.more || difference.other)
        probe_say(probing, CERTIFICATE_PAGES, CERTIFICATE_FAILED,
                  "pages of %" PRIu64 " lack %" PRIu64 " rows, have %" PRIu64 " more and %" PRIu64 " others",
                  count.limit_value, difference.lacking, difference.more, difference.other);
    else
        probe_say(probing, CERTIFICATE_PAGES, CERTIFICATE_PASSED,
                  "%u pages of %" PRIu64 " have the same rows", (unsigned)reading.report.pages,
                  count.limit_value);
    probe_release(&reading);
    return MTR_OK;
}

static int try_again(struct probing *probing)
{
    struct probe_reading reading;
    int rc = look(probing, CERTIFICATE_AGREE, &(struct mtr_trial_ask){.window = probing->window}, &reading);
    if (rc) return rc;
    const struct probe_difference difference = probe_compare(&probing->whole, &reading);
    if (!probe_is_whole(&reading))
        probe_say(probing, CERTIFICATE_AGREE, CERTIFICATE_FAILED, "%s", probe_reason(&reading));
    else if (difference.lacking || difference.more || difference.other)
        probe_say(probing, CERTIFICATE_AGREE, CERTIFICATE_FAILED,
                  "seconds later %" PRIu64 " rows are gone, %" PRIu64 " new and %" PRIu64
                  " others: `guard` and "
                  "`complete.agree` are for this",
                  difference.lacking, difference.more, difference.other);
    else
        probe_say(probing, CERTIFICATE_AGREE, CERTIFICATE_PASSED, "%" PRIu64 " rows, the same twice",
                  reading.row_count);
    probe_release(&reading);
    return MTR_OK;
}

static bool is_same_request(const struct probe_reading *a, const struct probe_reading *b)
{
    return a->asked.high == b->asked.high && a->asked.low == b->asked.low;
}

struct parts {
    struct probe_reading all;
    uint64_t twice;
    bool is_whole, is_offered;
    char why[CERTIFICATE_TEXT_BYTES];
};

static int read_parts(struct probing *probing, uint32_t pieces, struct parts *parts)
{
    const int64_t step_us = (probing->window.to_us - probing->window.from_us) / pieces;
    struct probe_reading last = {0};
    int rc = MTR_OK;
    parts->is_whole = parts->is_offered = true;
    for (uint32_t i = 0; !rc && parts->is_offered && parts->is_whole && i < pieces; i++) {
        struct probe_reading piece;
        uint64_t common;
        const int64_t from_us = probing->window.from_us + i * step_us;
        const struct mtr_trial_ask ask = {
            .window = {from_us, i + 1 == pieces ? probing->window.to_us : from_us + step_us}};
        rc = look(probing, CERTIFICATE_PARTS, &ask, &piece);
        if (rc) return rc;
        parts->is_offered =
            !is_same_request(&piece, &probing->whole) && (!i || !is_same_request(&piece, &last));
        last.asked = piece.asked;
        parts->is_whole = probe_is_whole(&piece);
        snprintf(parts->why, sizeof(parts->why), "%s", probe_reason(&piece));
        if (!probe_unite(&parts->all, &piece, &common)) rc = MTR_ENOMEM;
        parts->twice += common;
        probe_release(&piece);
    }
    return rc;
}

static void say_parts(struct probing *probing, uint32_t pieces, const struct parts *parts)
{
    const struct probe_difference difference = probe_compare(&probing->whole, &parts->all);
    if (!parts->is_offered)
        probe_say(probing, CERTIFICATE_PARTS, CERTIFICATE_NOT_OFFERED,
                  "requests cannot ask for less than a window");
    else if (!parts->is_whole)
        probe_say(probing, CERTIFICATE_PARTS, CERTIFICATE_WARNED, "a part cannot be read: %s", parts->why);
    else if (difference.lacking || difference.more || difference.other)
        probe_say(probing, CERTIFICATE_PARTS, CERTIFICATE_FAILED,
                  "%u parts together lack %" PRIu64 " rows of the whole, have %" PRIu64 " more and %" PRIu64
                  " others",
                  (unsigned)pieces, difference.lacking, difference.more, difference.other);
    else if (parts->twice > probing->whole.row_count) /* one on a border: in two parts */
        probe_say(probing, CERTIFICATE_PARTS, CERTIFICATE_WARNED,
                  "the window is ignored, or rounded to a longer one: rows of %u parts of it come %" PRIu64
                  " times too often",
                  (unsigned)pieces, parts->twice);
    else
        probe_say(probing, CERTIFICATE_PARTS, CERTIFICATE_PASSED, "%u parts have its rows%s",
                  (unsigned)pieces, parts->twice ? ", those on borders twice" : ", each once");
}

static int try_parts(struct probing *probing)
{
    struct parts parts = {0};
    const int64_t length_us = probing->window.to_us - probing->window.from_us;
    const int64_t hours = length_us / MTR_US_PER_HOUR;
    const uint32_t pieces = hours > PIECES_MAX || hours < 3 ? 4 : (uint32_t)hours;
    if (!probing->window.to_us || !probing->whole.row_count ||
        source_of(probing)->window.length == MTR_LENGTH_PERIODS) {
        probe_say(probing, CERTIFICATE_PARTS, CERTIFICATE_NOT_OFFERED,
                  "there is no window that could be divided, or no row in it");
        return MTR_OK;
    }
    int rc = read_parts(probing, pieces, &parts);
    if (!rc) say_parts(probing, pieces, &parts);
    probe_release(&parts.all);
    return rc;
}

/* ---- the border ---- */

/* A whole second in the window at which a row is, near its middle. */
static const struct probe_row *pick_border(const struct probing *probing)
{
    const struct probe_reading *whole = &probing->whole;
    const int64_t middle_us = probing->window.from_us + (probing->window.to_us - probing->window.from_us) / 2;
    const struct probe_row *best = NULL;
    for (uint64_t i = 0; i < whole->row_count; i++) {
        const struct probe_row *row = &whole->rows[i];
        const int64_t away_us =
            row->time_us < middle_us ? middle_us - row->time_us : row->time_us - middle_us;
        const bool is_inside = row->time_us > probing->window.from_us && row->time_us < probing->window.to_us;
        if (!is_inside || row->time_us % MTR_US_PER_SECOND) continue;
        const int64_t best_us = !best                       ? INT64_MAX
                                : best->time_us < middle_us ? middle_us - best->time_us
                                                            : best->time_us - middle_us;
        if (away_us < best_us) best = row;
    }
    return best;
}

static void say_border(struct probing *probing, const struct probe_row *row,
                       const struct probe_reading *before, const struct probe_reading *behind)
{
    const bool in_before = probe_find(before, row) != NULL, in_behind = probe_find(behind, row) != NULL;
    if (is_same_request(before, behind) || is_same_request(before, &probing->whole) ||
        is_same_request(behind, &probing->whole))
        probe_say(probing, CERTIFICATE_BORDER, CERTIFICATE_NOT_OFFERED,
                  "requests cannot ask for an end at which a row is");
    else if (!probe_is_whole(before) || !probe_is_whole(behind))
        probe_say(probing, CERTIFICATE_BORDER, CERTIFICATE_WARNED, "it cannot be measured: %s",
                  probe_reason(probe_is_whole(before) ? behind : before));
    else if (in_before && in_behind)
        probe_say(probing, CERTIFICATE_BORDER,
                  source_of(probing)->map.id.multiset ? CERTIFICATE_FAILED : CERTIFICATE_WARNED,
                  "both ends count: a row on the border is in two windows%s",
                  source_of(probing)->map.id.multiset ? ", and without an id it would count twice"
                                                      : ", and counts once by its id");
    else if (!in_before && !in_behind)
        probe_say(probing, CERTIFICATE_BORDER, CERTIFICATE_FAILED,
                  "neither end counts: a row on the border is in no window");
    else
        probe_say(probing, CERTIFICATE_BORDER, CERTIFICATE_PASSED, "%s",
                  in_behind ? "from counts, to does not" : "to counts, from does not");
}

static int try_border(struct probing *probing)
{
    struct probe_reading before, behind;
    const struct probe_row *row = probing->window.to_us ? pick_border(probing) : NULL;
    if (!row || source_of(probing)->window.length == MTR_LENGTH_PERIODS) {
        probe_say(probing, CERTIFICATE_BORDER, CERTIFICATE_NOT_OFFERED,
                  "there is no row inside of a window at a whole second");
        return MTR_OK;
    }
    const struct mtr_trial_ask first = {.window = {probing->window.from_us, row->time_us}};
    const struct mtr_trial_ask second = {.window = {row->time_us, probing->window.to_us}};
    int rc = look(probing, CERTIFICATE_BORDER, &first, &before);
    if (rc) return rc;
    rc = look(probing, CERTIFICATE_BORDER, &second, &behind);
    if (!rc) say_border(probing, row, &before, &behind);
    if (!rc) probe_release(&behind);
    probe_release(&before);
    return rc;
}

/* ---- what is not there ---- */

static void say_nothing(struct probing *probing, enum certificate_probe probe,
                        const struct probe_reading *reading, enum certificate_result when_rows)
{
    const struct mtr_trial_report *report = &reading->report;
    if (reading->row_count)
        probe_say(probing, probe, when_rows, "%" PRIu64 " row%s came", reading->row_count,
                  mtr_plural(reading->row_count));
    else if (report->result == MTR_TRIAL_FAILED)
        probe_say(probing, probe, CERTIFICATE_WARNED,
                  "it is answered as an error: %.200s; where the vendor says so that there is none, "
                  "`answer.absent` names it",
                  probe_reason(reading));
    else if (report->result == MTR_TRIAL_AGAIN)
        probe_say(probing, probe, CERTIFICATE_PASSED, "the vendor says that there is none");
    else
        probe_say(probing, probe, CERTIFICATE_PASSED, "HTTP %u without a row", report->last_status);
}

static int try_empty(struct probing *probing)
{
    struct probe_reading reading;
    const struct mtr_source_window *rule = &source_of(probing)->window;
    if (!probing->window.to_us || rule->length == MTR_LENGTH_PERIODS) {
        probe_say(probing, CERTIFICATE_EMPTY, CERTIFICATE_NOT_OFFERED, "there are no windows to choose from");
        return MTR_OK;
    }
    const struct mtr_trial_ask ask = {.window = mtr_window_at(rule, probing->window.from_us - LONG_AGO_US)};
    int rc = look(probing, CERTIFICATE_EMPTY, &ask, &reading);
    if (rc) return rc;
    say_nothing(probing, CERTIFICATE_EMPTY, &reading, CERTIFICATE_FAILED);
    probe_release(&reading);
    return MTR_OK;
}

static int try_unknown(struct probing *probing)
{
    struct probe_reading reading;
    const enum mtr_each_kind kind = source_of(probing)->each.kind;
    if (kind != MTR_EACH_VALUE && kind != MTR_EACH_ROW) {
        probe_say(probing, CERTIFICATE_UNKNOWN, CERTIFICATE_NOT_OFFERED,
                  "requests name no account, or one of the catalog alone");
        return MTR_OK;
    }
    const struct mtr_trial_ask ask = {.window = probing->window, .each = MTR_STR("meterd-no-such-account")};
    int rc = look(probing, CERTIFICATE_UNKNOWN, &ask, &reading);
    if (rc) return rc;
    say_nothing(probing, CERTIFICATE_UNKNOWN, &reading, CERTIFICATE_FAILED);
    probe_release(&reading);
    return MTR_OK;
}

/* ---- plausible ---- */

/* Is a the larger one by so much, each for its number of rows? */
static bool is_times(const struct probe_reading *a, const struct probe_reading *b, uint64_t times)
{
    const struct mtr_decimal of_a = mtr_decimal_round(a->quantity, MTR_QUANTITY_DIGITS, MTR_ROUND_DOWN),
                             of_b = mtr_decimal_round(b->quantity, MTR_QUANTITY_DIGITS, MTR_ROUND_DOWN);
    struct mtr_quantity first, second;
    if (mtr_quantity_from_decimal(of_a, &first) || mtr_quantity_from_decimal(of_b, &second)) return false;
    return first.e12 / (mtr_int128)a->row_count >=
               second.e12 / (mtr_int128)b->row_count * (mtr_int128)times &&
           second.e12 > 0;
}

static void say_quantity(struct probing *probing, const struct probe_reading *before)
{
    enum { TIMES = 30 };
    const struct probe_reading *whole = &probing->whole;
    const bool is_known = before->row_count && probe_is_whole(before);
    if (is_known && (is_times(whole, before, TIMES) || is_times(before, whole, TIMES)))
        probe_say(probing, CERTIFICATE_QUANTITY, CERTIFICATE_WARNED,
                  "a row is worth %d times what it is in the window before, or a %dth: is it the same unit?",
                  TIMES, TIMES);
    else if (whole->negative)
        probe_say(probing, CERTIFICATE_QUANTITY, CERTIFICATE_WARNED, "%" PRIu64 " numbers are below zero",
                  whole->negative);
    else
        probe_say(probing, CERTIFICATE_QUANTITY, CERTIFICATE_PASSED,
                  "up to %u digits after the point, none below zero%s", whole->digits_max,
                  is_known ? ", and of the size of the window before" : "");
}

static int try_quantity(struct probing *probing)
{
    struct probe_reading before;
    const struct mtr_source_window *rule = &source_of(probing)->window;
    if (!probing->whole.row_count) {
        probe_say(probing, CERTIFICATE_QUANTITY, CERTIFICATE_NOT_OFFERED, "there are no rows to look at");
        return MTR_OK;
    }
    probe_show(probing, CERTIFICATE_QUANTITY, &probing->whole);
    if (!probing->window.to_us || rule->length == MTR_LENGTH_PERIODS) {
        say_quantity(probing, &(struct probe_reading){0});
        return MTR_OK;
    }
    const struct mtr_trial_ask ask = {.window = mtr_window_at(rule, probing->window.from_us - 1)};
    int rc = look(probing, CERTIFICATE_QUANTITY, &ask, &before);
    if (rc) return rc;
    say_quantity(probing, &before);
    probe_release(&before);
    return MTR_OK;
}

static int try_age(struct probing *probing)
{
    struct probe_reading newest;
    const struct mtr_source *source = source_of(probing);
    const struct mtr_source_window *rule = &source->window;
    const int64_t now_us = trying_now_us(probing->trying);
    struct mtr_trial_ask ask = {0};
    if (rule->length != MTR_LENGTH_CURSOR) ask.window = mtr_window_at(rule, now_us);
    int rc = look(probing, CERTIFICATE_AGE, &ask, &newest);
    if (rc) return rc;
    const int64_t at_us = mtr_time_later(newest.report.newest_us, probing->whole.report.newest_us);
    const int64_t length_us = ask.window.to_us - ask.window.from_us;
    const int64_t most_us =
        source->expect.freshness_us ? source->expect.freshness_us : 2 * length_us + rule->lateness_us;
    probe_release(&newest);
    if (at_us == INT64_MIN || !most_us) {
        probe_say(probing, CERTIFICATE_AGE, CERTIFICATE_NOT_OFFERED,
                  "no row has a time, or nobody says how new it should be (`expect.freshness`)");
        return MTR_OK;
    }
    const int64_t age_us = now_us - at_us, minute_us = 60 * MTR_US_PER_SECOND;
    if (age_us <= -minute_us) { /* less is its clock, of which another probe tells */
        probe_say(probing, CERTIFICATE_AGE, CERTIFICATE_WARNED,
                  "the newest row is of %" PRId64 " minutes ahead: usage that was not yet",
                  -age_us / minute_us);
        return MTR_OK;
    }
    probe_say(probing, CERTIFICATE_AGE, age_us <= most_us ? CERTIFICATE_PASSED : CERTIFICATE_WARNED,
              "the newest row is %" PRId64 " minutes old, %" PRId64 " are expected (%s)",
              age_us > 0 ? age_us / minute_us : 0, most_us / MTR_US_PER_SECOND / 60,
              source->expect.freshness_us ? "`expect.freshness`" : "two windows and `lateness`");
    return MTR_OK;
}

/* ---- all ---- */

/* Without a reading to compare with there is nothing to be measured. */
static void say_unmeasured(struct probing *probing)
{
    static const enum certificate_probe probes[] = {
        CERTIFICATE_PAGES, CERTIFICATE_AGREE,   CERTIFICATE_PARTS,    CERTIFICATE_BORDER,
        CERTIFICATE_EMPTY, CERTIFICATE_UNKNOWN, CERTIFICATE_QUANTITY, CERTIFICATE_AGE,
        CERTIFICATE_RESTATED};
    for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
        probe_say(probing, probes[i], CERTIFICATE_NOT_OFFERED, "the window itself cannot be read");
}

/* The newest window that has rows, of the last WINDOWS_LOOKED_AT; the one that was named, whatever it has. */
static int read_whole(struct probing *probing)
{
    const struct mtr_source_window *rule = &source_of(probing)->window;
    const bool is_named = probing->options->window.to_us || !probing->window.to_us ||
                          rule->length == MTR_LENGTH_PERIODS;
    for (unsigned i = 1;; i++) {
        const struct mtr_trial_ask ask = {.window = probing->window};
        int rc = probe_read(probing, probing->trying, &ask, &probing->whole);
        const bool is_empty = probe_is_whole(&probing->whole) && !probing->whole.row_count;
        if (rc || is_named || !is_empty || i == WINDOWS_LOOKED_AT) return rc;
        probe_release(&probing->whole);
        probing->window = mtr_window_at(rule, probing->window.from_us - 1);
    }
}

int probe_all(struct probing *probing)
{
    static const struct {
        enum certificate_probe probe;
        int (*run)(struct probing *probing);
    } probes[] = {{CERTIFICATE_PAGES, try_pages},       {CERTIFICATE_AGREE, try_again},
                  {CERTIFICATE_PARTS, try_parts},       {CERTIFICATE_BORDER, try_border},
                  {CERTIFICATE_EMPTY, try_empty},       {CERTIFICATE_UNKNOWN, try_unknown},
                  {CERTIFICATE_QUANTITY, try_quantity}, {CERTIFICATE_AGE, try_age},
                  {CERTIFICATE_RESTATED, probe_restated}};
    const struct certificate_options *options = probing->options;
    int rc = read_whole(probing);
    if (rc) return rc;
    probe_say_whole(probing);
    const bool is_whole = probe_is_whole(&probing->whole);
    if (!is_whole) say_unmeasured(probing);
    for (size_t i = 0; !rc && is_whole && i < sizeof(probes) / sizeof(probes[0]); i++) {
        if (options->on_probe) options->on_probe(options->context, probes[i].probe);
        rc = probes[i].run(probing);
    }
    if (!rc && probing->whole.answers) rc = try_wrong_secret(probing);
    if (!rc && !probing->whole.answers)
        probe_say(probing, CERTIFICATE_WRONG_SECRET, CERTIFICATE_NOT_OFFERED, "nobody answers");
    probe_say_rate(probing);
    return rc;
}
