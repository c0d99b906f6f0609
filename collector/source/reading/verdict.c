/*
 * The checks, one function each, in the order of the header's table.
 */
#include "collector/source/reading/verdict.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool object(struct verdict *out, enum mtr_window_state state, enum mtr_alarm alarm, const char *format,
                   ...) MTR_PRINTF(4, 5);
static bool object(struct verdict *out, enum mtr_window_state state, enum mtr_alarm alarm, const char *format,
                   ...)
{
    va_list args;
    va_start(args, format);
    const int size = vsnprintf(out->problem, sizeof(out->problem), format, args);
    va_end(args);
    MTR_ASSERT(size > 0 && (size_t)size < sizeof(out->problem));
    out->state = state;
    out->alarm = alarm;
    return true;
}

/* Each check: true when it objects. */
typedef bool check_fn(const struct reading_facts *facts, struct verdict *out);

static bool check_paging(const struct reading_facts *facts, struct verdict *out)
{
    return facts->fault && object(out, MTR_WINDOW_INCOMPLETE, facts->fault, "%.*s",
                                  MTR_STR_ARGS(mtr_str_quoted(mtr_str_from(facts->said), 300)));
}

static bool check_warnings(const struct reading_facts *facts, struct verdict *out)
{
    return facts->warnings.size && object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                                          "the vendor warns: %.*s%s", MTR_STR_QUOTED(facts->warnings));
}

static bool check_clash(const struct reading_facts *facts, struct verdict *out)
{
    return facts->clash && object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                                  "row %" PRIu64 " of the reading has the id of one before it, and other "
                                  "content: name in `identity` what tells them apart",
                                  facts->clash);
}

/* ---- proofs ---- */

static bool proof_lacks(const char *what, struct mtr_str path, struct verdict *out)
{
    return object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                  "the answer has no number at `%.*s%s`, where `complete.%s` looks for it",
                  MTR_STR_QUOTED(path), what);
}

/* "There is none" has neither count nor sum: it is asked again. */
static bool is_none(const struct reading_facts *facts) { return facts->is_absent && !facts->taken; }

static bool check_count(const struct reading_facts *facts, struct verdict *out)
{
    uint64_t count;
    const struct mtr_str path = facts->source->complete.count;
    if (!path.size || is_none(facts)) return false;
    if (facts->count.kind != MTR_FOUND_NUMBER && facts->count.kind != MTR_FOUND_TEXT)
        return proof_lacks("count", path, out);
    if (!mtr_str_to_u64(facts->count.text, &count)) return proof_lacks("count", path, out);
    return count != facts->proof_rows && object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                                          "the vendor counts %" PRIu64 " row%s, and %" PRIu64 " came", count,
                                          mtr_plural(count), facts->proof_rows);
}

static bool check_sum(const struct reading_facts *facts, struct verdict *out)
{
    struct mtr_decimal sum;
    char said[MTR_DECIMAL_TEXT_BYTES], came[MTR_DECIMAL_TEXT_BYTES];
    const struct mtr_str path = facts->source->complete.sum;
    if (!path.size || is_none(facts)) return false;
    if (mtr_decimal_parse(facts->proof.text, &sum)) return proof_lacks("sum", path, out);
    if (facts->not_summed)
        return object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                      "%" PRIu64 " row%s cannot be added up, so the vendor's sum proves nothing",
                      facts->not_summed, mtr_plural(facts->not_summed));
    mtr_decimal_format(sum, said);
    mtr_decimal_format(facts->proof_sum, came);
    return strcmp(said, came) != 0 &&
           object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                  "the vendor's sum is %s, and the rows that came have %s", said, came);
}

static bool check_flag(const struct reading_facts *facts, struct verdict *out)
{
    const struct mtr_str path = facts->source->complete.flag;
    if (!path.size || is_none(facts)) return false;
    const bool is_true =
        facts->flag.kind == MTR_FOUND_TRUE ||
        (facts->flag.kind == MTR_FOUND_TEXT && mtr_str_equal(facts->flag.text, MTR_STR("true")));
    return !is_true &&
           object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                  "the vendor does not say yet that the window is complete (`%.*s%s`)", MTR_STR_QUOTED(path));
}

static bool check_rows_max(const struct reading_facts *facts, struct verdict *out)
{
    const uint64_t most = facts->source->guard.rows_max;
    return facts->taken > most && object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_LIMIT,
                                         "%" PRIu64 " rows are more than `guard.rows_max`, %" PRIu64
                                         ": shorten the window, or raise it",
                                         facts->taken, most);
}

/* ---- what must be said again ---- */

static bool is_same_content(const struct reading_facts *facts)
{
    return facts->before->content.high == facts->content.high &&
           facts->before->content.low == facts->content.low;
}

/* How often the same was said in a row, this time included; *is_news: this time counts. */
static uint32_t times_said(const struct reading_facts *facts, int64_t from_us, bool *is_news)
{
    const struct mtr_ledger_window *before = facts->before;
    *is_news = true;
    if (!before || !before->agreed || !is_same_content(facts)) return 1;
    if (before->agreed >= VERDICT_ACCEPTED) return VERDICT_ACCEPTED;
    const int64_t again_us = before->noted_us + facts->source->guard.every_us;
    *is_news = facts->began_us >= (from_us > again_us ? from_us : again_us);
    return before->agreed + (*is_news ? 1 : 0);
}

/* It is taken for what was said; by an operator that is no proof. */
static void note_agreed(struct verdict *out)
{
    if (out->agreed < VERDICT_ACCEPTED) out->proofs |= MTR_PROOF_AGREE;
    out->agreed = 0;
}

/* True: it was not said often enough. */
static bool wait_for(const struct reading_facts *facts, uint32_t times, struct verdict *out)
{
    if (facts->is_accepted) return false;
    out->agreed = times_said(facts, 0, &out->is_news);
    out->is_acceptable = out->agreed < times;
    if (out->is_acceptable) return true;
    note_agreed(out);
    return false;
}

static bool check_absent(const struct reading_facts *facts, struct verdict *out)
{
    return facts->is_absent && !facts->is_draft && wait_for(facts, facts->source->guard.agree, out) &&
           object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                  "the vendor says that there is none: it is asked again (%u of %u)", (unsigned)out->agreed,
                  (unsigned)facts->source->guard.agree);
}

static bool check_rows_min(const struct reading_facts *facts, struct verdict *out)
{
    const uint64_t least = facts->source->expect.rows_min;
    return !facts->is_draft && facts->rows < least && wait_for(facts, VERDICT_ACCEPTED, out) &&
           object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                  "%" PRIu64 " row%s came, `expect.rows_min` is %" PRIu64, facts->rows,
                  mtr_plural(facts->rows), least);
}

static bool check_columns(const struct reading_facts *facts, struct verdict *out)
{
    return facts->drift && facts->drift[0] && wait_for(facts, VERDICT_ACCEPTED, out) &&
           object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_DRIFT, "%s", facts->drift);
}

static bool check_agree(const struct reading_facts *facts, struct verdict *out)
{
    const uint32_t times = facts->source->complete.agree;
    return times > 1 && !facts->is_replay && wait_for(facts, times, out) &&
           object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                  "the same must be read %u times in a row, and was %u", (unsigned)times,
                  (unsigned)out->agreed);
}

/* ---- the guard ---- */

static mtr_int128 whole(struct mtr_decimal number)
{
    struct mtr_quantity quantity;
    if (mtr_quantity_from_decimal(number, &quantity))
        return 0; /* beyond what is counted: nothing is guarded */
    return quantity.e12 < 0 ? -quantity.e12 : quantity.e12;
}

static bool shrinks(mtr_int128 before, mtr_int128 now, uint32_t percent)
{
    return before > now && (before - now) > before / 100 * percent + before % 100 * percent / 100;
}

/* What it had when it was over. A draft of before says nothing: its window was still being filled. */
static mtr_int128 own_sum(const struct mtr_ledger_window *before)
{
    const bool was_over = before && before->readings && before->last_us >= before->end_us;
    return was_over ? whole(before->sum) : 0;
}

static bool jumps(mtr_int128 before, mtr_int128 now, uint64_t times)
{
    return times && before && now / (mtr_int128)times > before;
}

/* It was taken so when it was over, which is once that it was said. */
static uint32_t times_taken(const struct reading_facts *facts)
{
    const struct mtr_ledger_window *before = facts->before;
    const bool was_whole =
        before && mtr_window_is_whole(before->state) && before->last_us >= before->end_us;
    return was_whole && is_same_content(facts) &&
           facts->began_us >= before->noted_us + facts->source->guard.every_us;
}

/* A list without a row that was taken so: nobody leaves by it. */
static bool is_list_as_taken(const struct reading_facts *facts)
{
    const struct mtr_ledger_window *before = facts->before;
    return facts->is_list && before && mtr_window_is_taken(before->state) && is_same_content(facts);
}

/* Nobody is told that it is suspect: it is a draft of usage, or whoever gave it says that it is meant. */
static bool is_unguarded(const struct reading_facts *facts)
{
    return (facts->is_draft && !facts->is_given && !facts->is_list) || facts->is_accepted;
}

bool verdict_wants_usual(const struct reading_facts *facts)
{
    return !is_unguarded(facts) && (facts->source->guard.jump_times || !facts->taken);
}

static bool check_guard(const struct reading_facts *facts, struct verdict *out)
{
    const struct mtr_source_guard *guard = &facts->source->guard;
    const struct mtr_ledger_window *before = facts->before;
    const bool was_read = before && before->readings;
    const mtr_int128 sum = whole(facts->sum), usual = whole(facts->usual_sum);
    const uint64_t around = facts->usual_rows > facts->later_rows ? facts->usual_rows : facts->later_rows;
    char what[160] = "";
    if (is_unguarded(facts) || facts->is_same || is_list_as_taken(facts)) return false;
    if (shrinks((mtr_int128)facts->counted, (mtr_int128)(facts->counted - facts->counted_gone),
                guard->shrink_percent))
        snprintf(what, sizeof(what), "%" PRIu64 " of the window's %" PRIu64 " rows would go",
                 facts->counted_gone, facts->counted);
    else if (was_read && shrinks(whole(before->sum), sum, guard->shrink_percent))
        snprintf(what, sizeof(what), "the window's quantity would shrink by more than %u %%",
                 (unsigned)guard->shrink_percent);
    else if (!facts->taken && !facts->known && around)
        snprintf(what, sizeof(what), "there is no row, where %" PRIu64 " are usual", around);
    else if (guard->jump_times && facts->usual_rows && facts->taken / guard->jump_times > facts->usual_rows)
        snprintf(what, sizeof(what), "%" PRIu64 " rows, where %" PRIu64 " are usual", facts->taken,
                 facts->usual_rows);
    else if (jumps(own_sum(before), sum, guard->jump_times))
        snprintf(what, sizeof(what), "the window's quantity would be more than %" PRIu64 " times what it was",
                 guard->jump_times);
    else if (jumps(usual, sum, guard->jump_times))
        snprintf(what, sizeof(what), "the quantity is more than %" PRIu64 " times the usual",
                 guard->jump_times);
    if (!what[0]) return false;
    out->is_acceptable = true;
    if (facts->is_replay) return object(out, MTR_WINDOW_SUSPECT, MTR_ALARM_SUSPECT, "%s", what);
    out->agreed = times_said(facts, facts->confirms_us, &out->is_news) + times_taken(facts);
    if (out->agreed >= guard->agree) {
        note_agreed(out);
        out->is_acceptable = false;
        return false;
    }
    return object(out, MTR_WINDOW_SUSPECT, MTR_ALARM_SUSPECT,
                  "%s: taken when it is read again (%u of %u), or by `meterd source accept`", what,
                  (unsigned)out->agreed, (unsigned)guard->agree);
}

/* What the vendor may have forgotten stands as it is. */
static bool check_forgotten(const struct reading_facts *facts, struct verdict *out)
{
    return facts->is_forgotten && facts->gone &&
           object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                  "%" PRIu64 " row%s of the window would go, and the vendor no longer keeps them "
                  "(`window.vendor_keeps`): it stands as it is",
                  facts->gone, mtr_plural(facts->gone));
}

/* What retention has removed cannot be taken back: a new row in its place would count beside it. */
static bool check_lost(const struct reading_facts *facts, struct verdict *out)
{
    return facts->lost && object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                                 "%" PRIu64 " row%s of the window changed or would go, and retention has "
                                 "removed what the log had of them: it stands as it is",
                                 facts->lost, mtr_plural(facts->lost));
}

/* The ledger says so already, word for word; and of the same rows, where the next reading is held against
 * them. */
static bool is_known(const struct reading_facts *facts, const struct verdict *verdict)
{
    const struct mtr_ledger_window *before = facts->before;
    return before && before->state == verdict->state && before->agreed == verdict->agreed &&
           mtr_str_equal(before->problem, mtr_str_from(verdict->problem)) &&
           (!verdict->agreed || is_same_content(facts));
}

bool verdict_is_proved(const struct reading_facts *facts)
{
    struct verdict said;
    return !check_count(facts, &said) && !check_sum(facts, &said) && !check_flag(facts, &said);
}

/* Those of the vendor that were looked at, and have held. */
static unsigned held_proofs(const struct reading_facts *facts)
{
    if (is_none(facts)) return 0;
    return (facts->source->complete.count.size ? MTR_PROOF_COUNT : 0u) |
           (facts->source->complete.sum.size ? MTR_PROOF_SUM : 0u) |
           (facts->source->complete.flag.size ? MTR_PROOF_FLAG : 0u);
}

void verdict_make(const struct reading_facts *facts, struct verdict *out)
{
    static check_fn *const checks[] = {check_paging, check_warnings, check_count,    check_sum,
                                       check_flag,   check_clash,    check_rows_max, check_lost,
                                       check_forgotten, check_absent, check_columns, check_rows_min,
                                       check_agree,  check_guard};
    *out =
        (struct verdict){.state = facts->is_draft ? MTR_WINDOW_OPEN : MTR_WINDOW_COMPLETE, .is_news = true};
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        if (checks[i](facts, out)) {
            out->is_news = out->is_news && !is_known(facts, out);
            out->proofs = 0;
            return;
        }
    out->proofs |= held_proofs(facts);
}
