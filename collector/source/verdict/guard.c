/*
 * The guard; see guard.h.
 */
#include "collector/source/verdict/guard.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collector/source/verdict/said.h"
#include "meterd/core/time.h"

/* ---- sizes ---- */

/* What is published may have more digits than usage. */
static mtr_int128 whole(struct mtr_decimal number)
{
    struct mtr_quantity quantity;
    if (mtr_quantity_from_decimal(mtr_decimal_round(number, MTR_QUANTITY_DIGITS, MTR_ROUND_DOWN), &quantity))
        return 0; /* beyond what is counted: nothing is guarded */
    return quantity.e12 < 0 ? -quantity.e12 : quantity.e12;
}

static bool shrinks(mtr_int128 before, mtr_int128 now, uint32_t percent)
{
    return before > now && (before - now) > before / 100 * percent + before % 100 * percent / 100;
}

/* What is left of a sum: a credit where usage was, or the other way round, is less than none of it. */
static mtr_int128 left_of(struct mtr_decimal before, struct mtr_decimal sum)
{
    const bool is_turned = before.mantissa && (before.mantissa < 0) != (sum.mantissa < 0);
    return is_turned ? -whole(sum) : whole(sum);
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

static bool sum_shrinks(struct mtr_decimal before, struct mtr_decimal sum, uint32_t percent)
{
    return shrinks(whole(before), left_of(before, sum), percent);
}

static bool is_counted(const struct mtr_ledger_counting *counting)
{
    return counting->rows != MTR_LEDGER_NOBODY_LOOKED;
}

/* Of the window's quantity, when it was read last: of what counts, to which rows that would not lend nothing,
 * and of all, among which is what was held then and may count by now. */
static bool quantity_shrinks(const struct reading_facts *facts)
{
    const struct mtr_ledger_window *before = facts->before;
    const uint32_t percent = facts->source->guard.shrink_percent;
    if (!before || !before->readings) return false;
    return sum_shrinks(before->sum, facts->sum, percent) ||
           (is_counted(&before->counting) &&
            sum_shrinks(before->counting.sum, facts->counting.sum, percent));
}

/* It was taken so when it was over, which is once that it was said. */
static uint32_t times_taken(const struct reading_facts *facts)
{
    const struct mtr_ledger_window *before = facts->before;
    const bool was_whole =
        before && mtr_window_is_whole(before->state) && before->last_us >= before->end_us;
    return was_whole && verdict_is_same_content(facts) &&
           facts->began_us >= before->noted_us + facts->source->guard.every_us;
}

/* A list without a row that was taken so: nobody leaves by it. */
static bool is_list_as_taken(const struct reading_facts *facts)
{
    const struct mtr_ledger_window *before = facts->before;
    return facts->is_list && before && mtr_window_is_taken(before->state) && verdict_is_same_content(facts);
}

/* Less of what counts than was said. */
static bool counting_shrinks(const struct reading_facts *facts)
{
    const struct mtr_ledger_counting *said = &facts->before->said_counting;
    const uint32_t percent = facts->source->guard.shrink_percent;
    return is_counted(said) &&
           (shrinks((mtr_int128)said->rows, (mtr_int128)facts->counting.rows, percent) ||
            sum_shrinks(said->sum, facts->counting.sum, percent));
}

/* It says what was doubted before, or more, as a draft goes on growing: less, or much more, is another
 * doubt. */
static bool is_doubted_again(const struct reading_facts *facts)
{
    const struct mtr_ledger_window *before = facts->before;
    const uint32_t percent = facts->source->guard.shrink_percent;
    const uint64_t times = facts->source->guard.jump_times;
    const mtr_int128 said = whole(before->said_sum);
    return verdict_is_filling(facts) && before->state == MTR_WINDOW_SUSPECT &&
           !shrinks((mtr_int128)before->said_rows, (mtr_int128)facts->rows, percent) &&
           !sum_shrinks(before->said_sum, facts->sum, percent) && !counting_shrinks(facts) &&
           !(times && before->said_rows && facts->rows / times > before->said_rows) &&
           !jumps(said, whole(facts->sum), times);
}

static uint32_t times_doubted(const struct reading_facts *facts, bool *is_news)
{
    const struct mtr_ledger_window *before = facts->before;
    const bool is_same = before && (verdict_is_same_content(facts) || is_doubted_again(facts));
    return verdict_count_said(facts, is_same, facts->confirms_us, is_news);
}

/* What a draft of before comes to by now, if it went on as it began; 0: none was taken. */
static mtr_int128 projected(const struct reading_facts *facts)
{
    enum { PARTS = 1000 };
    const struct mtr_ledger_window *before = facts->before;
    if (!before || !before->readings || before->last_us >= before->end_us) return 0;
    const int64_t was_us = before->last_us - before->start_us;
    const int64_t is_us = mtr_time_sooner(facts->began_us, before->end_us) - before->start_us;
    if (was_us <= 0 || is_us < was_us) return 0;
    const mtr_int128 had = whole(before->sum), times = (mtr_int128)is_us * PARTS / was_us;
    const mtr_int128 most = (((mtr_int128)1 << 126) - 1) / times;
    return had / PARTS > most ? 0 : had > most ? had / PARTS * times : had * times / PARTS;
}

bool verdict_wants_usual(const struct reading_facts *facts)
{
    return !facts->is_accepted &&
           (facts->source->guard.jump_times || !facts->counting.rows || facts->mute);
}

/* ---- rows that would not count ---- */

bool verdict_counting_rows(const struct mtr_ledger_window *window, struct counting_rows *out)
{
    const bool is_known = window->unknown != MTR_LEDGER_NOBODY_LOOKED;
    const uint64_t mute = window->refused + (is_known ? window->unknown : 0);
    const uint64_t stay = window->rows > mute ? window->rows - mute : 0; /* some may have moved */
    *out = (struct counting_rows){stay < window->counting.rows ? stay : window->counting.rows, mute};
    return is_known;
}

/* Of the window, or, where it was not read, as is usual. */
static struct counting_rows counting_before(const struct reading_facts *facts, bool *knows_held)
{
    struct counting_rows own;
    *knows_held = true;
    if (!facts->before || !facts->before->readings) return facts->usual_counting;
    *knows_held = verdict_counting_rows(facts->before, &own);
    return own;
}

static uint64_t held_rows(const struct reading_facts *facts)
{
    return facts->unknown == MTR_LEDGER_NOBODY_LOOKED ? 0 : facts->unknown;
}

/* A feed goes on behind what it has taken, and is not replayed: where not one row of its first reading can be
 * read, or would be taken, it does not begin. */
static bool begins_with_nothing(const struct reading_facts *facts)
{
    return facts->is_first && facts->taken && facts->unread == facts->taken;
}

/* Rows that counted would give way to others that do not; or fewer do, among others that go. Few rows may be
 * most of the quantity. */
static bool becomes_mute(const struct reading_facts *facts, struct counting_rows before, bool knows_held)
{
    const uint32_t percent = facts->source->guard.shrink_percent;
    const uint64_t held = knows_held ? 0 : held_rows(facts);
    const mtr_int128 was = (mtr_int128)before.counting, is = (mtr_int128)(facts->counting.rows + held),
                     more = (mtr_int128)(facts->mute - held) - (mtr_int128)before.mute;
    if (facts->is_append || more <= 0) return false;
    if (shrinks(was, is, percent) && (shrinks(was, was - more, percent) || !shrinks(was, is + more, percent)))
        return true;
    return quantity_shrinks(facts);
}

/* counted: so many rows did. */
static bool object_mute(const struct reading_facts *facts, uint64_t counted, struct verdict *out)
{
    const uint64_t held = held_rows(facts);
    if (facts->is_feed)
        return verdict_object(out, MTR_WINDOW_INCOMPLETE, MTR_ALARM_INCOMPLETE,
                              "none of its %" PRIu64 " rows can be read or counted, and none came before: "
                              "the feed begins when some can. `meterd source test` says why",
                              facts->taken);
    return verdict_object(out, MTR_WINDOW_SUSPECT, MTR_ALARM_SUSPECT,
                          "%" PRIu64 " of %" PRIu64 " rows %s%s%s, where %" PRIu64 " counted: taken when as "
                          "many do again, or by `meterd source accept`",
                          facts->mute, facts->own, facts->mute > held ? "cannot be read or counted" : "",
                          facts->mute > held && held ? ", or " : "",
                          held ? "are of accounts or types that the catalog does not know" : "", counted);
}

/* The vendor writes its rows or spells its accounts in another way, or another catalog is in force. That it
 * says so again proves nothing: taken, what counted would be gone, and what came in quarantine, or held. */
bool guard_check_mute(const struct reading_facts *facts, struct verdict *out)
{
    bool knows_held;
    const struct counting_rows before = counting_before(facts, &knows_held);
    if (facts->is_accepted || facts->is_same) return false;
    if (!begins_with_nothing(facts) && !becomes_mute(facts, before, knows_held)) return false;
    out->agreed = times_doubted(facts, &out->is_news);
    out->is_acceptable = out->agreed < VERDICT_ACCEPTED && !facts->is_feed;
    if (out->agreed < VERDICT_ACCEPTED) return object_mute(facts, before.counting, out);
    verdict_note_agreed(out);
    return false;
}

/* ---- rows of other requests and windows ---- */

/* That it is said again proves nothing. False: somebody has said that it is meant. */
static bool waits_for_word(const struct reading_facts *facts, struct verdict *out)
{
    out->agreed = times_doubted(facts, &out->is_news);
    out->is_acceptable = out->agreed < VERDICT_ACCEPTED;
    if (!out->is_acceptable) verdict_note_agreed(out);
    return out->is_acceptable;
}

/* Taken, they would count here and there. */
bool guard_check_others(const struct reading_facts *facts, struct verdict *out)
{
    if (facts->is_accepted || facts->is_same || !facts->other.size) return false;
    return waits_for_word(facts, out) &&
           verdict_object(out, MTR_WINDOW_SUSPECT, MTR_ALARM_SUSPECT,
                          "rows of `%.*s` are among its own, which another request of `for_each` asks for: "
                          "does the vendor heed whom it is asked for? Taken when they are not, or by `meterd "
                          "source accept`",
                          MTR_STR_ARGS(mtr_str_quoted(facts->other, 100)));
}

/* Ids that are unique within a window alone: the vendor gives them again each time. What has moved in truth
 * is new here as soon as its window was read again, and lacks it. A small window takes little of a large one,
 * and yet all that it has itself. */
bool guard_check_left(const struct reading_facts *facts, struct verdict *out)
{
    char at[MTR_TIME_TEXT_BYTES];
    const uint32_t percent = facts->source->guard.shrink_percent;
    const mtr_int128 had = (mtr_int128)facts->left_of, own = (mtr_int128)facts->own;
    const bool is_of_one = shrinks(had, had - (mtr_int128)facts->left, percent);
    const bool is_of_own = shrinks(own, own - (mtr_int128)facts->left_all, percent);
    if (facts->is_accepted || !(is_of_one || is_of_own) || !waits_for_word(facts, out)) return false;
    mtr_time_format(facts->left_us, at);
    return verdict_object(out, MTR_WINDOW_SUSPECT, MTR_ALARM_SUSPECT,
                          "%" PRIu64 " of the %" PRIu64 " rows of the window of %s would move into this one, "
                          "which has their ids: where ids are unique within a window alone, name in "
                          "`identity` what tells rows apart, such as their time ({hash: [id, time]}); taken "
                          "when that window does not have them any more, or by `meterd source accept`",
                          facts->left, facts->left_of, at);
}

/* ---- too much, or too little ---- */

/* Of the window, as it was read last, fewer count. Those that went may be few among what is held. */
static bool counting_rows_shrink(const struct reading_facts *facts, uint64_t *had)
{
    struct counting_rows own = {0};
    const bool was_read = facts->before && facts->before->readings;
    const bool knows_held = was_read && verdict_counting_rows(facts->before, &own);
    const mtr_int128 is = (mtr_int128)facts->counting.rows + (knows_held ? 0 : held_rows(facts));
    *had = own.counting;
    return shrinks((mtr_int128)own.counting, is, facts->source->guard.shrink_percent);
}

/* Zero needs evidence, and what would not count is none. */
static bool is_empty_among_others(const struct reading_facts *facts, uint64_t *around)
{
    struct counting_rows own = {0};
    const bool was_read = facts->before && facts->before->readings;
    if (was_read) (void)verdict_counting_rows(facts->before, &own);
    *around = facts->usual_own > facts->later_own ? facts->usual_own : facts->later_own;
    return !verdict_is_filling(facts) && !facts->counting.rows && *around &&
           !(facts->own ? own.counting : facts->known);
}

enum { WHAT_BYTES = 160 };

/* Empty: nothing. */
static void find_loss(const struct reading_facts *facts, char what[static WHAT_BYTES])
{
    const struct mtr_source_guard *guard = &facts->source->guard;
    uint64_t had, around;
    if (shrinks((mtr_int128)facts->counted, (mtr_int128)(facts->counted - facts->counted_gone),
                guard->shrink_percent))
        snprintf(what, WHAT_BYTES, "%" PRIu64 " of the window's %" PRIu64 " rows would go",
                 facts->counted_gone, facts->counted);
    else if (!facts->is_append && counting_rows_shrink(facts, &had))
        snprintf(what, WHAT_BYTES, "%" PRIu64 " of its rows would count, where %" PRIu64 " did",
                 facts->counting.rows, had);
    else if (!facts->is_append && quantity_shrinks(facts))
        snprintf(what, WHAT_BYTES, "the window's quantity would shrink by more than %u %%",
                 (unsigned)guard->shrink_percent);
    else if (is_empty_among_others(facts, &around))
        snprintf(what, WHAT_BYTES, "there is no row%s, where %" PRIu64 " are usual",
                 facts->own ? " that counts" : "", around);
}

static void find_jump(const struct reading_facts *facts, char what[static WHAT_BYTES])
{
    const uint64_t times = facts->source->guard.jump_times;
    const mtr_int128 sum = whole(facts->sum);
    if (times && facts->usual_rows && facts->taken / times > facts->usual_rows)
        snprintf(what, WHAT_BYTES, "%" PRIu64 " rows, where %" PRIu64 " are usual", facts->taken,
                 facts->usual_rows);
    else if (jumps(own_sum(facts->before), sum, times))
        snprintf(what, WHAT_BYTES, "the window's quantity would be more than %" PRIu64 " times what it was",
                 times);
    else if (jumps(whole(facts->usual_sum), sum, times))
        snprintf(what, WHAT_BYTES, "the quantity is more than %" PRIu64 " times the usual", times);
    else if (!facts->usual_rows && jumps(projected(facts), sum, times))
        snprintf(what, WHAT_BYTES, "the quantity is more than %" PRIu64 " times what the draft led to",
                 times);
}

bool guard_check_size(const struct reading_facts *facts, struct verdict *out)
{
    const uint32_t agree = facts->source->guard.agree;
    char what[WHAT_BYTES] = "";
    if (facts->is_accepted || facts->is_same || is_list_as_taken(facts)) return false;
    find_loss(facts, what);
    if (!what[0]) find_jump(facts, what);
    if (!what[0]) return false;
    out->is_acceptable = true;
    if (facts->is_replay) return verdict_object(out, MTR_WINDOW_SUSPECT, MTR_ALARM_SUSPECT, "%s", what);
    out->agreed = times_doubted(facts, &out->is_news) + times_taken(facts);
    if (out->agreed >= agree) {
        verdict_note_agreed(out);
        out->is_acceptable = false;
        return false;
    }
    return verdict_object(out, MTR_WINDOW_SUSPECT, MTR_ALARM_SUSPECT,
                          "%s: taken when it is read again (%u of %u), or by `meterd source accept`", what,
                          (unsigned)out->agreed, (unsigned)agree);
}
