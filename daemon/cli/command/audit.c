/*
 * meterd audit: the laws, checked from the log up.
 *
 *   log → rollups folded again == live rollups, bit for bit; not where retention has removed some of the log
 *   Σ charges of every line == its price now
 *   each row that was polled counts once
 *   --log: hashes of blocks, and the chain
 */
#include "daemon/cli/command/audit.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "meterd/core/time.h"
#include "daemon/cli/command/audit_polled.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/inputs.h"
#include "daemon/cli/refold.h"
#include "daemon/stores/leftovers.h"
#include "meterd/net/loop.h"
#include "meterd/rater/audit.h"
#include "meterd/store/charges.h"
#include "meterd/store/damage.h"
#include "meterd/store/log.h"

enum { PATH_BYTES = 4096, FINDINGS_PRINTED_MAX = 100, COMPARE_ATTEMPTS = 40, COMPARE_WAIT_MS = 50 };

struct audit {
    const struct cli_invocation *invocation;
    struct mtr_config config;
    char data[PATH_BYTES];
    char again[PATH_BYTES]; /* directory of the rollups folded again */
    int hold;               /* of it; -1: there is none */
    struct mtr_refold *refold;
    struct mtr_rollups *live;
    struct mtr_charges *charges;
    bool progress;
    bool rollups_equal;
    bool log_checked;
    bool charges_checked;
    uint64_t removed; /* of the log's events, by retention: the rollups are not compared then */
    uint64_t events;
    uint64_t log_events;
    struct mtr_audit_counts counts;
    bool has_sources;
    struct mtr_polled_rows polled;
    uint64_t printed, printed_notes;
    uint64_t problems; /* findings about periods that cannot be rated */
};

static void on_progress(void *context, uint64_t last_seq)
{
    struct audit *audit = context;
    if (audit->progress) fprintf(stderr, "\rfolding the log again: %" PRIu64 " events", last_seq);
}

int audit_failed(const char *what, int rc, const struct mtr_diagnostic *diagnostic)
{
    struct mtr_damage damage;
    mtr_store_damage(&damage);
    const bool is_damaged = rc == MTR_ECORRUPT && damage.count;
    const char *code = mtr_finding_kind(is_damaged ? MTR_FINDING_STORE_DAMAGED : diagnostic->code)->code;
    const char *told = diagnostic->text[0] ? diagnostic->text : mtr_error_text(rc);
    fprintf(stderr, "meterd: %s: %s%s%s%s\n", what, is_damaged ? damage.text : told, *code ? " [" : "", code,
            *code ? "]" : "");
    return rc == MTR_EAGAIN ? MTR_EXIT_TRY_AGAIN : MTR_EXIT_FAILED;
}

static int begin_again(struct audit *audit, struct mtr_diagnostic *diagnostic)
{
    const int rc =
        leftovers_begin_audit(audit->data, audit->again, sizeof(audit->again), &audit->hold);
    if (rc)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNWRITABLE, 0, 0, NULL,
                           "cannot make a directory in %.180s: %s", audit->data, mtr_error_text(rc));
    return rc;
}

static int open_live(struct audit *audit, struct mtr_diagnostic *diagnostic)
{
    char path[PATH_BYTES + 16];
    snprintf(path, sizeof(path), "%s/rollups", audit->data);
    int rc = mtr_rollups_open(path, true, &audit->live, diagnostic);
    snprintf(path, sizeof(path), "%s/charges", audit->data);
    if (!rc) rc = mtr_charges_open(path, true, &audit->charges, diagnostic);
    return rc;
}

/* Where the log begins, and how far the live rollups have folded it. */
static int find_removed(struct audit *audit, struct mtr_diagnostic *diagnostic)
{
    char path[PATH_BYTES + 16];
    struct mtr_log_reader *reader = NULL;
    struct mtr_rollups_txn *txn = NULL;
    struct mtr_block_header header;
    const struct mtr_event *events;
    int64_t watermark_us;
    uint64_t next_seq = 1, change;
    snprintf(path, sizeof(path), "%s/log", audit->data);
    int rc = mtr_log_reader_open(path, &reader, diagnostic);
    if (!rc) rc = mtr_log_read(reader, 1, &header, &events, diagnostic);
    audit->removed = rc ? 0 : header.first_seq - 1;
    if (rc == MTR_ENOTFOUND) rc = MTR_OK; /* it is empty */
    mtr_log_reader_close(reader);
    if (!rc) rc = mtr_rollups_begin(audit->live, false, &txn);
    if (!rc) rc = mtr_rollups_get_cursor(txn, &next_seq, &watermark_us, &change);
    if (txn) mtr_rollups_abort(txn);
    audit->events = next_seq - 1;
    return rc;
}

static int cursor_and_hash(struct mtr_rollups *rollups, uint64_t *next_seq, struct mtr_hash128 *hash)
{
    struct mtr_rollups_txn *txn = NULL;
    int64_t watermark_us;
    uint64_t change;
    int rc = mtr_rollups_begin(rollups, false, &txn);
    if (!rc) rc = mtr_rollups_get_cursor(txn, next_seq, &watermark_us, &change);
    if (!rc) rc = mtr_rollups_hash(txn, hash);
    if (txn) mtr_rollups_abort(txn);
    return rc;
}

/* Are the cells of all subscriptions cut where the catalog says, as those that were folded again, and of the
 * events that it says? */
static int are_cells_cut(struct audit *audit, bool *cut)
{
    const uint32_t count = mtr_catalog_count(refold_catalog(audit->refold), MTR_KIND_SUBSCRIPTION);
    bool moving = false;
    struct mtr_rollups_txn *live = NULL, *again = NULL;
    int rc = mtr_rollups_begin(audit->live, false, &live);
    if (!rc) rc = mtr_rollups_begin(refold_rollups(audit->refold), false, &again);
    *cut = true;
    for (uint32_t i = 1; !rc && *cut && i <= count; i++) {
        struct mtr_str now, expected;
        rc = mtr_rollups_get_cuts(live, i, &now);
        if (!rc) rc = mtr_rollups_get_cuts(again, i, &expected);
        if (!rc) rc = mtr_rollups_is_moving(live, i, &moving);
        *cut = rc || (mtr_str_equal(now, expected) && !moving);
    }
    if (again) mtr_rollups_abort(again);
    if (live) mtr_rollups_abort(live);
    return rc;
}

/* Beside a daemon at work the live rollups move on, and what the catalog just learned is worked in a
 * little later; the comparison is made when both stand at the same event, and a difference counts when it
 * stays. */
static int compare(struct audit *audit, struct mtr_diagnostic *diagnostic)
{
    struct mtr_hash128 live, again;
    uint64_t live_seq = 0, again_seq = 0;
    bool compared = false, cut = true;
    for (int attempt = 0; attempt < COMPARE_ATTEMPTS && !audit->rollups_equal; attempt++) {
        if (attempt) poll(NULL, 0, COMPARE_WAIT_MS);
        int rc = refold_run(audit->refold, on_progress, audit, diagnostic);
        if (!rc) rc = cursor_and_hash(refold_rollups(audit->refold), &again_seq, &again);
        if (!rc) rc = cursor_and_hash(audit->live, &live_seq, &live);
        if (rc) return rc;
        if (live_seq != again_seq) continue;
        compared = true;
        audit->events = again_seq - 1;
        audit->rollups_equal = live.high == again.high && live.low == again.low;
    }
    int rc = compared && !audit->rollups_equal ? are_cells_cut(audit, &cut) : MTR_OK;
    if (rc || (compared && cut)) return rc;
    if (!cut)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_AUDIT_BEHIND, 0, 0, NULL,
                           "cells that the catalog cuts anew, or gives to another subscription, are not "
                           "folded yet; let the daemon fold them first");
    else if (live_seq < again_seq)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_AUDIT_BEHIND, 0, 0, NULL,
                           "the live rollups are %" PRIu64
                           " event%s behind the log; let the daemon fold them first",
                           again_seq - live_seq, mtr_plural(again_seq - live_seq));
    else
        mtr_diagnostic_set(
            diagnostic, MTR_FINDING_AUDIT_BEHIND, 0, 0, NULL,
            "the daemon folds faster than the audit can catch up; try when fewer events arrive");
    return MTR_EAGAIN;
}

static int on_finding(void *context, const struct mtr_audit_finding *finding)
{
    struct audit *audit = context;
    char start[MTR_TIME_TEXT_BYTES], expected[MTR_DECIMAL_TEXT_BYTES], emitted[MTR_DECIMAL_TEXT_BYTES];
    const bool is_problem = finding->code == MTR_FINDING_AUDIT_PROBLEM;
    audit->problems += is_problem;
    if ((mtr_audit_is_note(finding) ? audit->printed_notes++ : audit->printed++) >=
        FINDINGS_PRINTED_MAX)
        return 0;
    mtr_time_format(finding->period_start_us, start);
    if (mtr_audit_is_note(finding)) {
        fprintf(stderr, "note: %.*s %s %.*s: %.*s [%s]\n", MTR_STR_ARGS(finding->subscription), start,
                MTR_STR_ARGS(finding->component), MTR_STR_ARGS(finding->text),
                mtr_finding_kind(finding->code)->code);
        return 0;
    }
    if (is_problem) {
        fprintf(stderr, "problem: the period of %.*s from %s cannot be rated: %.*s [%s]\n",
                MTR_STR_ARGS(finding->subscription), start, MTR_STR_ARGS(finding->text),
                mtr_finding_kind(finding->code)->code);
        return 0;
    }
    mtr_money_format(finding->expected, expected);
    mtr_money_format(finding->emitted, emitted);
    fprintf(stderr, "%s: %.*s %s %.*s %.*s: expected %s, emitted %s: %.*s\n",
            mtr_finding_kind(finding->code)->code, MTR_STR_ARGS(finding->subscription), start,
            MTR_STR_ARGS(finding->component), MTR_STR_ARGS(finding->dimensions), expected, emitted,
            MTR_STR_ARGS(finding->text));
    return 0;
}

static int audit_charges(struct audit *audit)
{
    struct mtr_rater_options options = mtr_rater_options_default();
    options.grace_us = audit->config.rater.grace;
    options.draft_every_us = audit->config.rater.draft_every;
    const struct mtr_audit_of of = {audit->live, audit->charges, refold_catalog(audit->refold)};
    return mtr_rater_audit(&of, &options, on_finding, audit, &audit->counts);
}

static int audit_log(struct audit *audit, struct mtr_diagnostic *diagnostic)
{
    char path[PATH_BYTES + 16];
    struct mtr_log_reader *reader = NULL;
    snprintf(path, sizeof(path), "%s/log", audit->data);
    int rc = mtr_log_reader_open(path, &reader, diagnostic);
    if (!rc) rc = mtr_log_verify(reader, &audit->log_events, diagnostic);
    mtr_log_reader_close(reader);
    audit->log_checked = !rc;
    return rc;
}

static void report_log(const struct audit *audit)
{
    const uint64_t kept = audit->events > audit->removed ? audit->events - audit->removed : 0;
    const char *verified = audit->log_checked ? "; every block's hash and the chain hold" : "";
    if (audit->removed) {
        printf("log      %" PRIu64 " event%s removed after log.retention, %" PRIu64 " kept%s\n",
               audit->removed, mtr_plural(audit->removed), kept, verified);
        printf("rollups  not compared: the log no longer has all that they were folded of\n");
        return;
    }
    printf("log      %" PRIu64 " event%s folded again%s\n", audit->events, mtr_plural(audit->events),
           verified);
    printf("rollups  %s\n", audit->rollups_equal
                                ? "equal, bit for bit"
                                : "DIFFERENT from the log: run `meterd rebuild` and keep the old ones");
}

static void report_polled(const struct audit *audit)
{
    if (!audit->has_sources) return;
    printf("polled   %" PRIu64 " row%s: ", audit->polled.rows, mtr_plural(audit->polled.rows));
    if (audit->polled.twice) printf("%" PRIu64 " of them COUNT TWICE\n", audit->polled.twice);
    else printf("each counts once\n");
}

static void report(const struct audit *audit)
{
    const struct mtr_audit_counts *counts = &audit->counts;
    bool json = invocation_flag(audit->invocation, "json");
    const char *equal = audit->removed ? "null" : audit->rollups_equal ? "true" : "false";
    if (json && !audit->charges_checked) {
        printf("{\"events\":%" PRIu64 ",\"rollups_equal\":%s}\n", audit->events, equal);
        return;
    }
    if (json) {
        printf("{\"events\":%" PRIu64 ",\"events_removed\":%" PRIu64
               ",\"rollups_equal\":%s,\"log_verified\":%s,\"subscriptions\":%" PRIu64
               ",\"periods\":%" PRIu64 ",\"lines\":%" PRIu64 ",\"charges\":%" PRIu64 ",\"pending\":%" PRIu64
               ",\"findings\":%" PRIu64 ",\"notes\":%" PRIu64 ",\"polled_rows\":%" PRIu64
               ",\"polled_twice\":%" PRIu64 "}\n",
               audit->events, audit->removed, equal, audit->log_checked ? "true" : "null",
               counts->subscriptions, counts->periods, counts->lines, counts->charges, counts->pending,
               counts->findings, counts->notes, audit->polled.rows, audit->polled.twice);
        return;
    }
    report_log(audit);
    if (!audit->charges_checked) return;
    report_polled(audit);
    printf("charges  %" PRIu64 " on %" PRIu64 " line%s of %" PRIu64 " period%s of %" PRIu64
           " subscription%s: %s\n",
           counts->charges, counts->lines, mtr_plural(counts->lines), counts->periods,
           mtr_plural(counts->periods), counts->subscriptions, mtr_plural(counts->subscriptions),
           counts->findings > audit->problems ? "DIFFERENT from the price of the usage"
                                              : "each line's sum is its price");
    if (audit->problems)
        printf("         %" PRIu64 " period%s cannot be rated (meterd charges --waiting)\n", audit->problems,
               mtr_plural(audit->problems));
    if (counts->pending)
        printf("         %" PRIu64 " period%s to be rated again\n", counts->pending,
               mtr_plural(counts->pending));
    const uint64_t differences = counts->findings - audit->problems;
    if (differences) printf("         %" PRIu64 " finding%s\n", differences, mtr_plural(differences));
    if (counts->notes)
        printf("notes    %" PRIu64 " of usage that is not charged\n", counts->notes);
}

static void close_audit(struct audit *audit)
{
    refold_close(audit->refold);
    mtr_charges_close(audit->charges);
    mtr_rollups_close(audit->live);
    leftovers_end_audit(audit->again, audit->hold);
    config_release(&audit->config);
}

int audit_run(const struct cli_invocation *invocation, bool with_charges, bool with_log)
{
    static struct audit audit;
    struct mtr_diagnostic diagnostic = {0};
    audit.invocation = invocation;
    audit.progress = isatty(STDERR_FILENO) == 1;
    audit.hold = -1;
    int code = cli_load_config(invocation, &audit.config);
    if (code) return code;
    snprintf(audit.data, sizeof(audit.data), "%.*s", MTR_STR_ARGS(audit.config.data.directory));
    leftovers_remove(audit.data, false, leftovers_say);
    int rc = with_log ? audit_log(&audit, &diagnostic) : MTR_OK;
    if (!rc) rc = open_live(&audit, &diagnostic);
    const struct mtr_refold_of of = {
        .data_directory = audit.data, .live = audit.live, .now_us = mtr_clock_wall_us()};
    if (!rc) rc = begin_again(&audit, &diagnostic);
    if (!rc) rc = refold_open(&of, audit.again, &audit.refold, &diagnostic);
    if (!rc) rc = find_removed(&audit, &diagnostic);
    if (!rc && !(audit.removed && with_charges)) rc = compare(&audit, &diagnostic);
    audit.charges_checked = with_charges;
    audit.has_sources = !rc && mtr_catalog_count(refold_catalog(audit.refold), MTR_KIND_SOURCE) > 0;
    if (!rc && with_charges && audit.has_sources)
        rc = audit_polled(audit.data, audit.progress, &audit.polled, &diagnostic);
    if (!rc && with_charges) rc = audit_charges(&audit);
    if (audit.progress) fprintf(stderr, "\r\033[K");
    if (rc) {
        code = audit_failed("cannot audit", rc, &diagnostic);
    } else {
        report(&audit);
        const bool holds = audit.removed || audit.rollups_equal;
        code = holds && !audit.counts.findings && !audit.polled.twice ? MTR_EXIT_OK : MTR_EXIT_FAILED;
    }
    close_audit(&audit);
    return code;
}

static int run(const struct cli_invocation *invocation)
{
    return audit_run(invocation, true, invocation_flag(invocation, "log"));
}

static const struct cli_option options[] = {
    {"log", 0, NULL, "also verify the hash of every block and the chain"},
    CLI_JSON_OPTION,
    {0},
};

const struct cli_command cli_audit = {
    .name = "audit",
    .arguments = "",
    .doc = "check the laws: usage against the log, charges against usage",
    .text = "Folds the log again and compares: rollups bit for bit, and every line's charges with its\n"
            "price. Of what was polled, each row must count once. Runs beside a daemon at work and\n"
            "changes nothing. Where retention has removed some of the log, rollups are not compared.\n",
    .exits = "0 what can be checked holds (notes are no findings), 1 with findings, 64 wrong usage, 75 the "
             "daemon is behind, 78 bad configuration",
    .options = options,
    .run = run,
};
