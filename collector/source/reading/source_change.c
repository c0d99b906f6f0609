/*
 * A reading that is in the ledger is in the log: what was begun and never committed holds nothing. One that
 * is under way may be in the log before it is in the ledger, so it counts as read. What an operator told a
 * source has a number of its own, and no rows.
 *
 *   day ─▶ hour      each new window lies in one of before: those stay and are read on, the new ones begin
 *                    behind the one that is open (meterd/source/schedule.h)
 *   hour ─▶ day      refused: nobody can ask for what was read without asking for what stands elsewhere
 *
 * Limits of before are looked at one by one, as far back as anything may still be read of them.
 */
#include "meterd/collector/source_change.h"

#include <inttypes.h>

#include "collector/source/limits/known.h"
#include "meterd/catalog/store.h"
#include "meterd/core/time.h"
#include "meterd/source/schedule.h"

/* ---- sources that stay ---- */

enum { LIMITS_MAX = 1000 }; /* more than two years of days: every change of clocks is among them */

static void refuse(const struct mtr_catalog *draft, const struct mtr_source *source, const char *field,
                   struct mtr_diagnostics *findings, const char *text)
{
    const struct mtr_catalog_place place = {MTR_KIND_SOURCE, source->number, field};
    mtr_catalog_fail(draft, MTR_FINDING_CATALOG_FIELD_FROZEN, &place, findings, "%s", text);
}

static bool is_limit(const struct mtr_source_window *rule, int64_t time_us)
{
    return mtr_window_at(rule, time_us).from_us == time_us;
}

/* Each window of before is one or several of the new ones. */
static bool is_refined(const struct mtr_source *before, const struct mtr_source *after, int64_t first_us)
{
    const struct mtr_reading_plan plan = mtr_reading_plan_of(before, MTR_STR(""), first_us);
    const int64_t applied_us = after->eras[after->era_count - 1].until_us;
    struct mtr_window window = mtr_plan_window_at(&plan, applied_us);
    bool is_well = is_limit(&after->window, window.to_us);
    for (int i = 0; is_well && i < LIMITS_MAX && window.from_us > 0; i++) {
        is_well = is_limit(&after->window, window.from_us);
        if (window.from_us <= plan.start_us) break;
        window = mtr_plan_window_at(&plan, window.from_us - 1);
    }
    return is_well;
}

/* first_us 0: the first reading is under way, of a window of before; which windows stay is told by when it
 * began, and the ledger does not know that yet. */
static void check_limits(const struct mtr_catalog *draft, const struct mtr_source *before,
                         const struct mtr_source *after, int64_t first_us, struct mtr_diagnostics *findings)
{
    if (!first_us)
        refuse(draft, after, "window", findings,
               "the source is being read for the first time: its windows can change when that has ended, so "
               "try again then");
    else if (!is_refined(before, after, first_us))
        refuse(draft, after, "window", findings,
               "length and zone may cut the windows of a source that was read into smaller ones, and no "
               "other way: its rows would count twice, or be lost. Make a new source whose `start` is where "
               "this one ends, and disable this one");
    else if (!after->tells_end)
        refuse(draft, after, "window", findings,
               "windows that were read under the length of before are read on as they were, and the request "
               "does not say where a window ends: write {to} or {last}, or make a new source");
}

/* Do strands that were read keep their names? Values may come and go. */
static bool is_same_each(const struct mtr_source_each *before, const struct mtr_source_each *after)
{
    return before->kind == after->kind && mtr_str_equal(before->service, after->service) &&
           mtr_str_equal(before->source, after->source) && mtr_str_equal(before->take, after->take);
}

static bool is_same_part(const struct mtr_import_map *before, const struct mtr_import_part *a,
                         const struct mtr_import_map *after, const struct mtr_import_part *b)
{
    if ((a->column < 0) != (b->column < 0)) return false;
    return a->column < 0 ? mtr_str_equal(a->literal, b->literal)
                         : mtr_str_equal(before->columns[a->column], after->columns[b->column]);
}

static bool is_same_identity(const struct mtr_import_map *before, const struct mtr_import_map *after)
{
    const struct mtr_import_value *a = &before->id, *b = &after->id;
    bool is_same = a->kind == b->kind && a->multiset == b->multiset && a->part_count == b->part_count;
    for (uint32_t i = 0; is_same && i < a->part_count; i++)
        is_same = is_same_part(before, &a->parts[i], after, &b->parts[i]);
    return is_same;
}

/* What has each row under one name for ever. */
static void check_names(const struct mtr_catalog *draft, const struct mtr_source *before,
                        const struct mtr_source *after, struct mtr_diagnostics *findings)
{
    if (!is_same_each(&before->each, &after->each))
        refuse(draft, after, "for_each", findings,
               "values may come and go, but what it goes over cannot change once the source was read: all "
               "rows would count once more. Make a new source whose `start` is where this one ends, and "
               "disable this one");
    if (before->delivery == after->delivery && after->delivery == MTR_DELIVERY_APPEND &&
        !is_same_identity(&before->map, &after->map))
        refuse(draft, after, "identity", findings,
               "cannot change once rows of an `append` delivery were read: those that come again would count "
               "once more. Make a new source whose `start` is where this one ends, and disable this one");
}

static void check_kept(const struct mtr_catalog *draft, const struct mtr_source *before,
                       const struct mtr_source *after, int64_t first_us, struct mtr_diagnostics *findings)
{
    const bool was_feed = before->window.length == MTR_LENGTH_CURSOR,
               is_feed = after->window.length == MTR_LENGTH_CURSOR;
    check_names(draft, before, after, findings);
    if (before->delivery != after->delivery)
        refuse(draft, after, "delivery", findings,
               "cannot change once the source was read: rows are told apart in another way. Make a new "
               "source, and disable this one");
    if (was_feed != is_feed)
        refuse(draft, after, "window", findings,
               "a source that was read stays a feed or stays in windows: its rows would count twice. Make a "
               "new source, and disable this one");
    else if (!is_feed && !mtr_window_is_alike(&before->window, &after->window))
        check_limits(draft, before, after, first_us, findings);
}

/* ---- the change ---- */

/* What was read, and whether more is being read: that comes first, so that the ledger has what just ended. */
static int find_read(const struct mtr_source_check *check, const struct mtr_source *source,
                     struct mtr_ledger_source *out, bool *is_under_way)
{
    const struct mtr_strand strand = {.vendor = source->vendor, .source = source->key};
    struct mtr_ledger_txn *txn;
    *is_under_way = check->is_reading(check->context, &strand);
    int rc = mtr_ledger_begin(check->ledger, false, &txn);
    if (rc) return rc;
    rc = mtr_ledger_get_source(txn, &strand, out);
    mtr_ledger_abort(txn);
    return rc;
}

static int check_gone(const struct mtr_source_check *check, const struct mtr_source *source,
                      struct mtr_diagnostics *findings)
{
    struct mtr_ledger_source read;
    bool is_under_way;
    int rc = find_read(check, source, &read, &is_under_way);
    if (rc || (!read.last_reading && !is_under_way)) return rc;
    mtr_diagnostics_addf(findings, MTR_FINDING_CATALOG_DELETE_USED, 0, 0, NULL,
                         "source `%.*s` cannot be deleted: usage %s by it, and is told apart by its key. "
                         "Write `disabled: true`",
                         MTR_STR_ARGS(source->key), read.last_reading ? "was read" : "is being read");
    return MTR_OK;
}

static int check_changed(const struct mtr_source_check *check, const struct mtr_catalog *draft,
                         const struct mtr_source *before, const struct mtr_source *after,
                         struct mtr_diagnostics *findings)
{
    struct mtr_ledger_source read;
    bool is_under_way;
    int rc = find_read(check, before, &read, &is_under_way);
    if (!rc && (read.first_us || is_under_way)) check_kept(draft, before, after, read.first_us, findings);
    return rc;
}

/* A month of 31 days. */
static int64_t longest_us(const struct mtr_source_window *window)
{
    const struct mtr_window longest = mtr_window_at(window, 0);
    return longest.to_us - longest.from_us;
}

/* From when rows of a window, or of what a feed asks again, may be received, to when they are asked for
 * last. */
static int64_t met_again_us(const struct mtr_source_window *window)
{
    const bool is_met_again = window->length == MTR_LENGTH_CURSOR || window->reread_count || window->open_us;
    const int64_t draft_us = window->open_us ? longest_us(window) : 0;
    return is_met_again ? draft_us + mtr_window_reread_most_us(window) : 0;
}

/* Rows of an append delivery are asked for again only while the intake knows them. */
static void check_known(const struct mtr_catalog *draft, const struct mtr_source *source, int64_t known_us,
                        struct mtr_diagnostics *findings)
{
    if (source->delivery != MTR_DELIVERY_APPEND || source->disabled) return;
    const bool is_feed = source->window.length == MTR_LENGTH_CURSOR;
    const int64_t asked_us = known_asked_us(known_us);
    if (met_again_us(&source->window) <= asked_us) return;
    const struct mtr_catalog_place place = {MTR_KIND_SOURCE, source->number, "window"};
    mtr_catalog_fail(draft, MTR_FINDING_SOURCE_KEY_CONFLICT, &place, findings,
                     "rows of an append delivery are known again for %" PRId64 " s (`intake.dedup_window`), "
                     "of which a reading may need %" PRId64 " s, and %s would bring older ones, which would "
                     "count twice: make one shorter, or the other longer",
                     known_us / MTR_US_PER_SECOND, (known_us - asked_us) / MTR_US_PER_SECOND,
                     is_feed                  ? "`overlap`"
                     : source->window.open_us ? "`open` with `rereads`"
                                              : "`rereads`");
}

int mtr_source_check_change(const struct mtr_source_check *check, const struct mtr_catalog *before,
                            const struct mtr_catalog *after, struct mtr_diagnostics *findings)
{
    int rc = MTR_OK;
    for (uint32_t i = 1; !rc && i <= mtr_catalog_count(before, MTR_KIND_SOURCE); i++) {
        const struct mtr_source *source = mtr_catalog_source(before, i), *now = mtr_catalog_source(after, i);
        if (!source || source == now) continue;
        rc = now ? check_changed(check, after, source, now, findings) : check_gone(check, source, findings);
    }
    for (uint32_t i = 1; !rc && i <= mtr_catalog_count(after, MTR_KIND_SOURCE); i++) {
        const struct mtr_source *source = mtr_catalog_source(after, i);
        const bool was_there = i <= mtr_catalog_count(before, MTR_KIND_SOURCE);
        const bool is_kept = was_there && mtr_catalog_source(before, i) == source;
        if (source && !is_kept) check_known(after, source, check->known_us, findings);
    }
    return rc;
}
