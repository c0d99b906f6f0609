/*
 * Restatements of the last month: windows that were read, asked for once more and held against what the log
 * has of them. How far back a vendor restates is what `rereads` must cover: what changes behind the last of
 * them is never billed, and nobody hears of it.
 */
#include <inttypes.h>
#include <stdio.h>

#include "daemon/certificate_state.h"
#include "meterd/core/time.h"

enum { MONTH_DAYS = 31, ASKED_MAX = 10, FOUND_MAX = 20000 };

struct read_window {
    struct mtr_window window;
    bool is_settled;
};

struct finding_windows {
    const struct probing *probing;
    struct read_window asked[ASKED_MAX];
    uint32_t found, every, count; /* of those found each so many-th is asked for */
    int64_t before_us;
};

/* Whole windows of the strand that are over, oldest first; each `every`-th from the last one back. */
static int on_window(void *context, struct mtr_str each, const struct mtr_ledger_window *window)
{
    struct finding_windows *finding = context;
    const bool is_whole = mtr_window_is_whole(window->state);
    if (!is_whole || !window->readings || window->end_us > finding->before_us) return MTR_OK;
    if (!mtr_str_equal(each, finding->probing->options->each)) return MTR_OK;
    if (finding->every && finding->found % finding->every == 0 && finding->count < ASKED_MAX)
        finding->asked[finding->count++] = (struct read_window){{window->start_us, window->end_us},
                                                                window->state == MTR_WINDOW_SETTLED};
    return ++finding->found < FOUND_MAX ? MTR_OK : MTR_EEXISTS;
}

static int walk(struct finding_windows *finding)
{
    const struct certificate_options *options = finding->probing->options;
    const struct mtr_source *source = options->trying.source;
    const struct mtr_strand strand = {source->vendor, source->key, {NULL, 0}};
    struct mtr_ledger_txn *txn;
    finding->found = 0;
    int rc = mtr_ledger_begin(options->ledger, false, &txn);
    if (rc) return rc;
    rc = mtr_ledger_walk_windows(txn, &strand, finding->before_us - MONTH_DAYS * MTR_US_PER_DAY, on_window,
                                 finding);
    mtr_ledger_abort(txn);
    return rc == MTR_EEXISTS ? MTR_OK : rc;
}

static int find_windows(struct finding_windows *finding)
{
    int rc = walk(finding);
    if (rc || !finding->found) return rc;
    finding->every = (finding->found + ASKED_MAX - 1) / ASKED_MAX;
    return walk(finding);
}

/* ---- what the vendor says of them now ---- */

struct restated {
    uint32_t read, other, settled;
    uint64_t rows;
    int64_t oldest_us; /* end of the oldest that is another; INT64_MAX: none is */
    char why[MTR_TRIAL_TEXT_BYTES];
};

static int ask(struct probing *probing, struct trying *trying, const struct read_window *window,
               struct restated *out)
{
    struct probe_reading reading;
    int rc = probe_read(probing, trying, &(struct mtr_trial_ask){.window = window->window}, &reading);
    if (rc) return rc;
    const struct mtr_trial_report *report = &reading.report;
    const uint64_t changes = report->added + report->changed + report->gone;
    probe_show(probing, CERTIFICATE_RESTATED, &reading);
    if (!probe_is_whole(&reading)) {
        snprintf(out->why, sizeof(out->why), "%s", probe_reason(&reading));
    } else {
        out->read++;
        out->rows += changes;
        out->other += changes > 0;
        out->settled += changes && window->is_settled;
        if (changes) out->oldest_us = mtr_time_sooner(out->oldest_us, window->window.to_us);
    }
    probe_release(&reading);
    return MTR_OK;
}

static void say(struct probing *probing, const struct finding_windows *finding, const struct restated *found)
{
    const int64_t days = (finding->before_us - found->oldest_us) / MTR_US_PER_DAY;
    if (!found->read)
        probe_say(probing, CERTIFICATE_RESTATED, CERTIFICATE_WARNED, "they cannot be read: %s", found->why);
    else if (found->settled)
        probe_say(probing, CERTIFICATE_RESTATED, CERTIFICATE_WARNED,
                  "%" PRIu64 " rows of %u of %u windows are others than were read, up to %" PRId64
                  " days back, and %u of these are settled: what `window.rereads` does not reach is not "
                  "billed",
                  found->rows, (unsigned)found->other, (unsigned)found->read, days, (unsigned)found->settled);
    else if (found->other)
        probe_say(probing, CERTIFICATE_RESTATED, CERTIFICATE_PASSED,
                  "%" PRIu64 " rows of %u of %u windows are others than were read, up to %" PRId64
                  " days back; `window.rereads` comes for them",
                  found->rows, (unsigned)found->other, (unsigned)found->read, days);
    else
        probe_say(probing, CERTIFICATE_RESTATED, CERTIFICATE_PASSED, "%u window%s still what was read of %s",
                  (unsigned)found->read, found->read == 1 ? " is" : "s are",
                  found->read == 1 ? "it" : "them");
}

int probe_restated(struct probing *probing)
{
    struct mtr_diagnostic diagnostic;
    struct trying *trying = NULL;
    struct finding_windows finding = {.probing = probing, .before_us = trying_now_us(probing->trying)};
    struct restated found = {.oldest_us = INT64_MAX};
    int rc = probing->options->ledger ? find_windows(&finding) : MTR_OK;
    if (rc) return rc;
    if (!finding.count) {
        probe_say(probing, CERTIFICATE_RESTATED, CERTIFICATE_NOT_OFFERED,
                  probing->options->ledger
                      ? "no window of it was read in the last month"
                      : "what was read of it is with the daemon: `meterd source certify KEY` compares it");
        return MTR_OK;
    }
    rc = probe_open_beside(probing, &trying, &diagnostic);
    for (uint32_t i = 0; !rc && i < finding.count; i++)
        rc = ask(probing, trying, &finding.asked[i], &found);
    trying_close(trying);
    if (!rc) say(probing, &finding, &found);
    return rc;
}
