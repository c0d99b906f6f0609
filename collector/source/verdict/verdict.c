/*
 * The checks, one function each, in the order of the header's table.
 */
#include "collector/source/verdict/verdict.h"

#include <inttypes.h>
#include <string.h>

#include <xxhash.h>

#include "collector/source/verdict/guard.h"
#include "collector/source/verdict/said.h"

/* Each check: true when it objects. */
typedef bool check_fn(const struct reading_facts *facts, struct verdict *out);

static bool check_paging(const struct reading_facts *facts, struct verdict *out)
{
    return facts->fault && verdict_object(out, MTR_WINDOW_INCOMPLETE, facts->fault, "%.*s",
                                  MTR_STR_ARGS(mtr_str_quoted(mtr_str_from(facts->said), 300)));
}

static bool check_warnings(const struct reading_facts *facts, struct verdict *out)
{
    return facts->warnings.size && verdict_object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                                          "the vendor warns: %.*s%s", MTR_STR_QUOTED(facts->warnings));
}

static bool check_clash(const struct reading_facts *facts, struct verdict *out)
{
    return facts->clash && verdict_object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                                  "row %" PRIu64 " of the reading has the id of one before it, and other "
                                  "content: name in `identity` what tells them apart",
                                  facts->clash);
}

/* ---- proofs ---- */

static bool proof_lacks(const char *what, struct mtr_str path, struct verdict *out)
{
    return verdict_object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                  "the answer has no number at `%.*s%s`, where `complete.%s` looks for it",
                  MTR_STR_QUOTED(path), what);
}

static bool is_said(const struct mtr_found *found)
{
    return found->kind != MTR_FOUND_NOTHING && found->kind != MTR_FOUND_NULL;
}

/* "There is none" need not have a count or a sum: it is asked again. What it has is held against it. */
static bool is_due(const struct reading_facts *facts, struct mtr_str path, const struct mtr_found *found)
{
    return path.size && (!facts->is_none || is_said(found));
}

static bool check_count(const struct reading_facts *facts, struct verdict *out)
{
    uint64_t count;
    const struct mtr_str path = facts->source->complete.count;
    if (!is_due(facts, path, &facts->count)) return false;
    if (facts->count.kind != MTR_FOUND_NUMBER && facts->count.kind != MTR_FOUND_TEXT)
        return proof_lacks("count", path, out);
    if (!mtr_str_to_u64(facts->count.text, &count)) return proof_lacks("count", path, out);
    return count != facts->proof_rows && verdict_object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                                          "the vendor counts %" PRIu64 " row%s, and %" PRIu64 " came", count,
                                          mtr_plural(count), facts->proof_rows);
}

static bool check_sum(const struct reading_facts *facts, struct verdict *out)
{
    struct mtr_decimal sum;
    char said[MTR_DECIMAL_TEXT_BYTES], came[MTR_DECIMAL_TEXT_BYTES];
    const struct mtr_str path = facts->source->complete.sum;
    if (!is_due(facts, path, &facts->proof)) return false;
    if (mtr_decimal_parse(facts->proof.text, &sum)) return proof_lacks("sum", path, out);
    if (facts->not_summed)
        return verdict_object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                      "%" PRIu64 " row%s cannot be added up, so the vendor's sum proves nothing",
                      facts->not_summed, mtr_plural(facts->not_summed));
    mtr_decimal_format(sum, said);
    mtr_decimal_format(facts->proof_sum, came);
    return strcmp(said, came) != 0 &&
           verdict_object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                  "the vendor's sum is %s, and the rows that came have %s", said, came);
}

static bool check_flag(const struct reading_facts *facts, struct verdict *out)
{
    const struct mtr_str path = facts->source->complete.flag;
    if (!is_due(facts, path, &facts->flag)) return false;
    const bool is_true =
        facts->flag.kind == MTR_FOUND_TRUE ||
        (facts->flag.kind == MTR_FOUND_TEXT && mtr_str_equal(facts->flag.text, MTR_STR("true")));
    return !is_true &&
           verdict_object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                  "the vendor does not say yet that the window is complete (`%.*s%s`)", MTR_STR_QUOTED(path));
}

static bool check_rows_max(const struct reading_facts *facts, struct verdict *out)
{
    const uint64_t most = facts->source->guard.rows_max;
    return facts->taken > most && verdict_object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_LIMIT,
                                         "%" PRIu64 " rows are more than `guard.rows_max`, %" PRIu64
                                         ": shorten the window, or raise it",
                                         facts->taken, most);
}

/* ---- what must be said again ---- */

static uint32_t times_said(const struct reading_facts *facts, int64_t from_us, bool *is_news)
{
    return verdict_count_said(facts, verdict_is_same_content(facts), from_us, is_news);
}

/* True: it was not said often enough. */
static bool wait_for(const struct reading_facts *facts, uint32_t times, struct verdict *out)
{
    if (facts->is_accepted) return false;
    out->agreed = times_said(facts, 0, &out->is_news);
    out->is_acceptable = out->agreed < times;
    if (out->is_acceptable) return true;
    verdict_note_agreed(out);
    return false;
}

static bool check_absent(const struct reading_facts *facts, struct verdict *out)
{
    return facts->is_absent && !facts->is_draft && !facts->is_feed &&
           wait_for(facts, facts->source->guard.agree, out) &&
           verdict_object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                  "the vendor says that there is none: it is asked again (%u of %u)", (unsigned)out->agreed,
                  (unsigned)facts->source->guard.agree);
}

static bool check_rows_min(const struct reading_facts *facts, struct verdict *out)
{
    const uint64_t least = facts->source->expect.rows_min;
    return !facts->is_draft && facts->rows < least && wait_for(facts, VERDICT_ACCEPTED, out) &&
           verdict_object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                  "%" PRIu64 " row%s came, `expect.rows_min` is %" PRIu64, facts->rows,
                  mtr_plural(facts->rows), least);
}

/* Of a draft, which goes on growing, to lack the same again is to say the same. */
static bool lacks_as_before(const struct reading_facts *facts)
{
    const struct mtr_ledger_window *before = facts->before;
    return verdict_is_filling(facts) && before && mtr_str_equal(before->problem, mtr_str_from(facts->drift));
}

/* The rows of a feed that were not taken come again, and others behind them. Taken so, it is not doubted
 * again until the column is back. */
static uint32_t count_feed_lacks(const struct reading_facts *facts, struct verdict *out)
{
    const struct columns_doubt *before = &facts->doubt;
    const uint64_t text = XXH3_64bits(facts->drift, strlen(facts->drift));
    const bool is_same = before->times && before->text == text;
    out->is_news = !is_same || facts->began_us >= before->at_us + facts->source->guard.every_us;
    if (out->is_news)
        out->doubt = (struct columns_doubt){text, facts->began_us, is_same ? before->times + 1 : 1};
    return out->doubt.times;
}

static bool check_columns(const struct reading_facts *facts, struct verdict *out)
{
    const bool is_as_expected = !facts->drift || !facts->drift[0];
    const uint32_t times = facts->is_drift_refused ? VERDICT_ACCEPTED : facts->source->guard.agree;
    const bool is_taken_so = facts->is_same && !facts->is_drift_refused;
    if (is_as_expected && facts->rows) out->doubt.times = 0;
    if (is_as_expected || facts->is_accepted || is_taken_so) return false;
    const bool is_same = lacks_as_before(facts) || (facts->before && verdict_is_same_content(facts));
    out->agreed = facts->is_feed ? count_feed_lacks(facts, out)
                                 : verdict_count_said(facts, is_same, 0, &out->is_news);
    out->is_acceptable = out->agreed < times;
    if (out->is_acceptable)
        return verdict_object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_DRIFT, "%s", facts->drift);
    verdict_note_agreed(out);
    return false;
}

static bool check_agree(const struct reading_facts *facts, struct verdict *out)
{
    const uint32_t times = facts->source->complete.agree;
    return times > 1 && !facts->is_replay && wait_for(facts, times, out) &&
           verdict_object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                  "the same must be read %u times in a row, and was %u", (unsigned)times,
                  (unsigned)out->agreed);
}

/* What the vendor may have forgotten stands as it is. */
static bool check_forgotten(const struct reading_facts *facts, struct verdict *out)
{
    return facts->is_forgotten && facts->gone &&
           verdict_object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                  "%" PRIu64 " row%s of the window would go, and the vendor no longer keeps them "
                  "(`window.vendor_keeps`): it stands as it is",
                  facts->gone, mtr_plural(facts->gone));
}

/* What retention has removed cannot be taken back: a new row in its place would count beside it. */
static bool check_lost(const struct reading_facts *facts, struct verdict *out)
{
    return facts->lost && verdict_object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
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
           (!verdict->agreed || verdict_is_same_content(facts));
}

bool verdict_is_proved(const struct reading_facts *facts)
{
    struct verdict said;
    return !check_count(facts, &said) && !check_sum(facts, &said) && !check_flag(facts, &said);
}

/* Those of the vendor that were looked at, and have held. */
static unsigned held_proofs(const struct reading_facts *facts)
{
    const struct mtr_source_complete *complete = &facts->source->complete;
    return (is_due(facts, complete->count, &facts->count) ? MTR_PROOF_COUNT : 0u) |
           (is_due(facts, complete->sum, &facts->proof) ? MTR_PROOF_SUM : 0u) |
           (is_due(facts, complete->flag, &facts->flag) ? MTR_PROOF_FLAG : 0u);
}

void verdict_make(const struct reading_facts *facts, struct verdict *out)
{
    static check_fn *const checks[] = {
        check_paging,    check_warnings, check_count,   check_sum,      check_flag,
        check_clash,     check_rows_max, check_lost,    check_forgotten, check_absent,
        check_columns,   check_rows_min, check_agree,   guard_check_others,
        guard_check_left, guard_check_mute, guard_check_size};
    *out = (struct verdict){.state = facts->is_draft ? MTR_WINDOW_OPEN : MTR_WINDOW_COMPLETE,
                            .is_news = true,
                            .doubt = facts->doubt};
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        if (checks[i](facts, out)) {
            out->is_news = out->is_news && !is_known(facts, out);
            out->proofs = 0;
            return;
        }
    out->proofs |= held_proofs(facts);
}
