/*
 * What a reading's rows are worth: sorted, held against the ledger, and judged.
 */
#include <stdlib.h>
#include <string.h>

#include "collector/source/reading/reading_state.h"
#include "meterd/source/schedule.h"

enum { USUAL_WINDOWS = 32, BEYOND_WINDOWS_MAX = 100000 };

/* ---- what is usual ---- */

struct usual {
    uint64_t rows, windows;
    uint64_t own; /* of the rows, as far as is known those that count */
    struct counting_rows counting; /* of those windows of which it is known */
    uint64_t counting_windows;
    struct mtr_decimal sum;
    bool has_sum;
};

static void add_usual(struct usual *usual, const struct mtr_ledger_window *window, bool is_list)
{
    const bool is_known = mtr_window_is_whole(window->state) || (is_list && window->state == MTR_WINDOW_OPEN);
    struct counting_rows own;
    if (!is_known || !window->readings) return;
    usual->windows++;
    usual->rows += window->rows;
    const bool knows_held = verdict_counting_rows(window, &own);
    usual->own += own.counting;
    if (knows_held || is_list) {
        usual->counting_windows++;
        usual->counting.counting += own.counting;
        usual->counting.mute += own.mute;
    }
    if (mtr_decimal_add(usual->sum, window->sum, &usual->sum)) usual->has_sum = false;
}

/* The windows are those that the plan has there. */
struct usual_walk {
    struct mtr_ledger_txn *txn;
    const struct mtr_strand *strand;
    struct mtr_reading_plan plan;
    bool is_list; /* what it had when its window was open says as much: it is no sum of a day */
};

static int add_window_at(const struct usual_walk *walk, int64_t start_us, struct usual *usual)
{
    struct mtr_ledger_window window;
    int rc = mtr_ledger_get_window(walk->txn, walk->strand, start_us, &window);
    if (!rc) add_usual(usual, &window, walk->is_list);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

/* Before `at_us`, and not before `from_us`. */
static int walk_back(const struct usual_walk *walk, int64_t at_us, int64_t from_us, struct usual *usual)
{
    int rc = MTR_OK;
    for (int i = 0; !rc && i < USUAL_WINDOWS && at_us > from_us; i++) {
        at_us = mtr_plan_window_at(&walk->plan, at_us - 1).from_us;
        if (at_us >= from_us) rc = add_window_at(walk, at_us, usual);
    }
    return rc;
}

static int walk_on(const struct usual_walk *walk, int64_t at_us, int64_t last_us, struct usual *usual)
{
    int rc = MTR_OK;
    for (int i = 0; !rc && i < USUAL_WINDOWS && at_us <= last_us; i++) {
        const struct mtr_window at = mtr_plan_window_at(&walk->plan, at_us);
        rc = add_window_at(walk, at.from_us, usual);
        at_us = at.to_us;
    }
    return rc;
}

/* Of the windows behind this one, the next that are known; where those that follow are not, the newest: past
 * windows are read from the oldest on, when the newest has been. */
static int find_later(const struct reading *reading, const struct usual_walk *walk, uint64_t *counting)
{
    const int64_t end_us = reading->ask.window.to_us;
    struct usual later = {.windows = 0};
    int64_t newest_us;
    int rc = mtr_ledger_newest(walk->txn, walk->strand, &newest_us);
    if (rc == MTR_ENOTFOUND || (!rc && newest_us < end_us)) return MTR_OK;
    if (!rc) rc = walk_on(walk, end_us, newest_us, &later);
    if (!rc && !later.windows) rc = walk_back(walk, newest_us + 1, end_us, &later);
    if (!rc && later.windows) *counting = later.own / later.windows;
    return rc;
}

/* The mean of the windows before this one, and its rows of those behind it. A sum's is its whole part; less
 * than one row is none. */
static int find_usual(struct reading *reading, struct mtr_ledger_txn *txn, struct reading_facts *facts)
{
    struct usual usual = {.has_sum = true};
    struct mtr_ledger_source source;
    struct mtr_quantity sum;
    struct usual_walk walk = {.txn = txn, .strand = &reading->ask.strand, .is_list = reading->is_list};
    if (!reading->ask.window.to_us || !verdict_wants_usual(facts)) return MTR_OK;
    int rc = mtr_ledger_get_source(txn, walk.strand, &source);
    if (rc) return rc;
    walk.plan = mtr_reading_plan_of(reading->ask.source, walk.strand->each, source.first_us);
    rc = walk_back(&walk, reading->ask.window.from_us, 1, &usual);
    if (!rc && !facts->counting.rows && !facts->is_forgotten)
        rc = find_later(reading, &walk, &facts->later_own);
    if (rc || !usual.windows) return rc;
    facts->usual_rows = usual.rows / usual.windows;
    facts->usual_own = usual.own / usual.windows;
    if (usual.counting_windows)
        facts->usual_counting = (struct counting_rows){usual.counting.counting / usual.counting_windows,
                                                       usual.counting.mute / usual.counting_windows};
    const struct mtr_decimal rounded = mtr_decimal_round(usual.sum, MTR_QUANTITY_DIGITS, MTR_ROUND_DOWN);
    if (usual.has_sum && !mtr_quantity_from_decimal(rounded, &sum))
        facts->usual_sum = (struct mtr_decimal){.mantissa = sum.e12 / (mtr_int128)usual.windows, .scale = 12};
    return MTR_OK;
}

/* ---- facts ---- */

static void take_end(const struct reading *reading, const struct reading_end *end,
                     struct reading_facts *facts)
{
    facts->source = reading->ask.source;
    facts->began_us = reading->ask.began_us;
    facts->is_draft = reading->ask.is_draft;
    facts->is_list = reading->is_list;
    facts->is_replay = reading->ask.replays > 0;
    facts->confirms_us = end->confirms_us;
    facts->is_append = reading->ask.source->delivery == MTR_DELIVERY_APPEND;
    facts->is_feed = reading->ask.source->window.length == MTR_LENGTH_CURSOR;
    facts->doubt = end->doubt;
    facts->is_absent = end->is_absent;
    facts->is_forgotten = end->is_forgotten;
    facts->is_given = end->is_given;
    facts->is_accepted = end->is_accepted;
    facts->fault = end->fault;
    facts->said = end->said;
    facts->warnings = end->warnings;
}

/* Behind the comparison, which says which of them are other windows'. */
static void count_own(const struct reading *reading, struct reading_facts *facts)
{
    const struct read_rows *rows = &reading->rows;
    facts->counting.sum = reading->counting_sum;
    for (uint64_t i = 0; i < rows->count; i++) {
        const struct read_row *row = &rows->rows[i];
        facts->unread += row->is_mute && !row->is_unknown;
        if (row->is_elsewhere) continue;
        facts->own++;
        facts->unknown += row->is_unknown;
        facts->mute += row->is_mute;
        facts->counting.rows += !row->is_mute && !row->is_passed;
    }
    if (!reading->ask.catalog || reading->is_list) facts->unknown = MTR_LEDGER_NOBODY_LOOKED;
}

static void take_rows(const struct reading *reading, struct reading_facts *facts)
{
    facts->clash = reading->clash;
    facts->rows = reading->counts.rows;
    facts->taken = reading->rows.count;
    facts->repeated = reading->repeated;
    facts->sum = reading->counts.sum;
    reading_take_proofs(reading, facts);
    facts->content = read_rows_content(&reading->rows);
}

static struct receipt receipt_of(const struct reading *reading, const struct reading_facts *facts,
                                 const struct verdict *verdict)
{
    return (struct receipt){.strand = reading->ask.strand,
                            .start_us = reading->ask.window.from_us,
                            .end_us = reading->ask.window.to_us,
                            .began_us = reading->ask.began_us,
                            .reading = reading->ask.number,
                            .is_append = reading->ask.source->delivery == MTR_DELIVERY_APPEND,
                            .state = verdict->state == MTR_WINDOW_COMPLETE && reading->ask.is_last
                                         ? MTR_WINDOW_SETTLED
                                         : verdict->state,
                            .agreed = verdict->agreed,
                            .pieces = reading_pieces_read(reading),
                            .replays = reading->ask.replays,
                            .rows = facts->rows,
                            .skipped = reading->counts.skipped,
                            .problems = reading->problems,
                            .repeated = facts->repeated,
                            .unknown = facts->unknown,
                            .counting = facts->counting,
                            .proofs = verdict->proofs,
                            .sum = facts->sum,
                            .content = facts->content,
                            .newest_us = reading->newest_us > 0 ? reading->newest_us : 0,
                            .columns = verdict->alarm ? (struct mtr_str){NULL, 0}
                                                      : mtr_buffer_str(&reading->drift.columns)};
}

static int find_begin(const struct reading *reading, struct mtr_ledger_txn *txn, struct reading_facts *facts)
{
    struct mtr_feed feed = {0};
    if (!facts->is_feed) return MTR_OK;
    int rc = mtr_ledger_feed(txn, &reading->ask.strand, &feed);
    facts->is_first = !feed.read_us;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static int find_drift(struct reading *reading, struct mtr_ledger_txn *txn, struct reading_facts *facts)
{
    struct mtr_strand_facts known;
    facts->drift = "";
    if (reading->ask.replays) return MTR_OK; /* old pages do not say what is expected from now on */
    int rc = mtr_ledger_facts(txn, &reading->ask.strand, &known);
    if (!rc && facts->rows)
        rc = drift_find(reading->ask.source, known.columns, &reading->columns, &reading->drift);
    facts->drift = reading->drift.verdict ? reading->drift.text : "";
    facts->is_drift_refused = reading->drift.verdict == DRIFT_REFUSED;
    return rc;
}

/* A feed adds: every row is sent, and intake knows those of before by their ids. */
static int send_all(const struct reading *reading, struct merge *out)
{
    *out = (struct merge){.added = reading->rows.count, .sends = malloc(reading->ordinals / 8 + 1)};
    if (!out->sends) return MTR_ENOMEM;
    memset(out->sends, 0xff, reading->ordinals / 8 + 1);
    return MTR_OK;
}

/* What the log has of a window without a run. */
static int collect(const struct reading *reading, const struct mtr_ledger_window *before,
                   struct log_rows *out)
{
    struct mtr_diagnostic diagnostic;
    if (before->is_cut) return reading->is_list ? MTR_OK : MTR_ENOTFOUND; /* notes may stand twice */
    struct log_rows_question question = {.strand = reading->ask.strand,
                                         .start_us = reading->ask.window.from_us,
                                         .seq_first = before->seq_first,
                                         .seq_last = before->seq_last,
                                         .event_key = reading->ask.event_key,
                                         .memory = reading->ask.memory};
    int rc = mtr_log_reader_attach(reading->ask.log, &question.reader);
    if (rc) return rc;
    rc = log_rows_collect(&question, out, &diagnostic);
    mtr_log_reader_close(question.reader);
    return rc;
}

/* ---- rows beyond the window ---- */

/* What the log has of the settled windows that they may be of. */
struct beyond {
    const struct merge_question *question;
    int64_t start_us, until_us;   /* windows that begin then */
    uint64_t seq_first, seq_last; /* 0: there is none */
    bool is_lost;                 /* of one of them it does not have all */
    int64_t at_us;                /* of the window that was looked up last */
    bool is_settled;
};

static void look_at_settled(struct beyond *beyond, const struct mtr_ledger_window *window)
{
    if (window->start_us == beyond->question->start_us || !window->has_no_run) return;
    beyond->is_lost = beyond->is_lost || window->is_cut;
    if (!window->seq_first) return;
    if (!beyond->seq_first || window->seq_first < beyond->seq_first) beyond->seq_first = window->seq_first;
    if (window->seq_last > beyond->seq_last) beyond->seq_last = window->seq_last;
}

/* Windows as they are cut, between the reading's first row and its last. */
static int find_settled(const struct reading *reading, struct beyond *beyond)
{
    const struct merge_question *question = beyond->question;
    struct mtr_ledger_source source;
    int64_t begun_us = 0, at_us = question->from_us;
    int rc = mtr_ledger_get_source(question->txn, &question->strand, &source);
    if (!rc) rc = mtr_ledger_begun(question->txn, &begun_us);
    if (rc) return rc;
    const struct mtr_reading_plan plan =
        mtr_reading_plan_of(reading->ask.source, question->strand.each, source.first_us);
    for (int i = 0; at_us <= question->to_us && !beyond->is_lost; i++) {
        const struct mtr_window at = mtr_plan_window_at(&plan, at_us);
        struct mtr_ledger_window window;
        if (!i) beyond->start_us = at.from_us;
        rc = mtr_ledger_get_window(question->txn, &question->strand, at.from_us, &window);
        if (rc && rc != MTR_ENOTFOUND) return rc;
        if (rc) beyond->is_lost = at.from_us < begun_us;
        else look_at_settled(beyond, &window);
        beyond->is_lost = beyond->is_lost || i == BEYOND_WINDOWS_MAX;
        beyond->until_us = at_us = at.to_us;
    }
    return MTR_OK;
}

/* Of other windows only a part of what was said of a row lies in this stretch of the log. */
static bool is_wanted(void *context, const struct row_change *change)
{
    struct beyond *beyond = context;
    const struct merge_question *question = beyond->question;
    struct mtr_ledger_window window;
    if (!merge_is_beyond(question, &change->row.key)) return false;
    if (beyond->at_us == change->start_us) return beyond->is_settled;
    beyond->at_us = change->start_us;
    beyond->is_settled =
        change->start_us != question->start_us &&
        !mtr_ledger_get_window(question->txn, &question->strand, change->start_us, &window) &&
        window.has_no_run;
    return beyond->is_settled;
}

/* A row that is new, and lies beyond the window, may be one that a settled window has. Where nobody can tell,
 * it is not sent: its window stands as it is. */
static int leave_beyond(const struct reading *reading, const struct merge_question *question,
                        struct merge *merge)
{
    struct beyond beyond = {.question = question, .at_us = INT64_MIN};
    struct log_rows there = {0};
    struct mtr_diagnostic diagnostic;
    if (reading->is_list || !merge_has_beyond(question)) return MTR_OK;
    int rc = find_settled(reading, &beyond);
    if (rc || (!beyond.seq_first && !beyond.is_lost)) return rc;
    struct log_rows_question asked = {.strand = question->strand,
                                      .start_us = beyond.start_us,
                                      .until_us = beyond.until_us,
                                      .seq_first = beyond.seq_first,
                                      .seq_last = beyond.seq_last,
                                      .wants = is_wanted,
                                      .context = &beyond,
                                      .event_key = reading->ask.event_key,
                                      .memory = reading->ask.memory};
    if (!beyond.is_lost) rc = mtr_log_reader_attach(reading->ask.log, &asked.reader);
    if (rc) return rc;
    if (asked.reader) {
        rc = log_rows_collect(&asked, &there, &diagnostic);
        mtr_log_reader_close(asked.reader);
    }
    beyond.is_lost = beyond.is_lost || rc == MTR_ENOTFOUND;
    if (!rc || beyond.is_lost) merge_leave_beyond(question, beyond.is_lost ? NULL : &there, merge);
    log_rows_release(&there);
    return beyond.is_lost ? MTR_OK : rc;
}

/* A list's rows are notes, of which two that say the same do no harm. */
static int leave_lost(const struct reading *reading, const struct merge_question *question,
                      struct merge *merge)
{
    uint64_t begin_seq;
    struct mtr_diagnostic diagnostic;
    if (reading->is_list || !merge->void_count) return MTR_OK;
    int rc = log_rows_begin(reading->ask.log, &begin_seq, &diagnostic);
    if (!rc) merge_leave_lost(question, begin_seq ? begin_seq : UINT64_MAX, merge);
    return rc;
}

/* before: the window as the ledger has it; NULL: it has none. */
static int compare(struct reading *reading, struct mtr_ledger_txn *txn,
                   const struct mtr_ledger_window *before, struct merge *out)
{
    struct log_rows log_rows = {0};
    struct merge_question question = {.txn = txn,
                                      .strand = reading->ask.strand,
                                      .start_us = reading->ask.window.from_us,
                                      .from_us = reading->rows_from_us,
                                      .to_us = reading->rows_to_us,
                                      .is_list = reading->is_list,
                                      .is_replay = reading->ask.replays > 0,
                                      .rows = &reading->rows,
                                      .ordinals = reading->ordinals};
    *out = (struct merge){.known = before ? before->rows : 0};
    if (reading->clash) return MTR_OK; /* its rows are not what it takes to compare */
    if (reading->ask.source->delivery == MTR_DELIVERY_APPEND) return send_all(reading, out);
    const bool has_no_run = before && before->has_no_run;
    int rc = has_no_run ? collect(reading, before, &log_rows) : MTR_OK;
    if (has_no_run) question.log_rows = &log_rows;
    if (!rc) rc = merge_make(&question, out);
    log_rows_release(&log_rows);
    if (!rc) rc = leave_beyond(reading, &question, out);
    if (!rc) rc = leave_lost(reading, &question, out);
    return rc || reading->is_list ? rc : merge_find_left(&question, out); /* items move on with time */
}

/* The window stands as it is: a receipt says that it was looked at. */
static int take_unchanged(struct reading *reading, const struct mtr_ledger_window *before,
                          struct verdict *out)
{
    const struct merge merge = {.known = before->rows, .same = before->rows};
    *out = (struct verdict){.state = reading->ask.is_draft ? MTR_WINDOW_OPEN : MTR_WINDOW_COMPLETE,
                            .is_news = true,
                            .proofs = before->proofs};
    const struct reading_facts facts = {.rows = before->rows,
                                        .repeated = before->repeated,
                                        .sum = before->sum,
                                        .unknown = before->unknown,
                                        .counting = before->counting,
                                        .content = before->content};
    const struct receipt receipt = receipt_of(reading, &facts, out);
    applying_begin(&reading->applying, &merge, &receipt, reading->ask.events_max);
    reading->is_applying = true;
    return MTR_OK;
}

/* Rows that are equal to one another may be more or fewer than before: they count once, sums do not know. */
static bool is_same(const struct merge *merge)
{
    return merge->known && merge->same == merge->known &&
           !(merge->added + merge->changed + merge->gone + merge->moved);
}

static int check_in(struct reading *reading, struct mtr_ledger_txn *txn, const struct reading_end *end,
                    struct verdict *out)
{
    struct reading_facts facts = {0};
    struct mtr_ledger_window before;
    struct merge merge;
    take_end(reading, end, &facts);
    take_rows(reading, &facts);
    int rc = mtr_ledger_get_window(txn, &reading->ask.strand, reading->ask.window.from_us, &before);
    if (end->is_unchanged) return rc ? rc : take_unchanged(reading, &before, out);
    if (!rc) facts.before = &before;
    reading->had_sum = !rc && before.readings && reading->watched.size;
    if (reading->had_sum) reading->sum_before = before.sum;
    if (!rc || rc == MTR_ENOTFOUND) rc = find_drift(reading, txn, &facts);
    if (rc) return rc;
    rc = compare(reading, txn, facts.before, &merge);
    count_own(reading, &facts);
    if (!rc) rc = find_usual(reading, txn, &facts);
    if (!rc) rc = find_begin(reading, txn, &facts);
    facts.is_same = is_same(&merge);
    if (!rc && !facts.is_same) rc = reading_find_other(reading, txn, &facts.other);
    if (rc) {
        merge_release(&merge);
        return rc;
    }
    facts.known = merge.known;
    facts.gone = merge.gone;
    facts.lost = merge.lost;
    facts.left_us = merge.left.start_us;
    facts.left = merge.left.rows;
    facts.left_of = merge.left.of;
    facts.left_all = merge.left_rows;
    facts.counted = merge.known - merge.known_refused;
    facts.counted_gone = merge.gone - merge.gone_refused;
    verdict_make(&facts, out);
    const struct receipt receipt = receipt_of(reading, &facts, out);
    applying_begin(&reading->applying, &merge, &receipt, reading->ask.events_max);
    reading->is_applying = true;
    return MTR_OK;
}

/* Pages of before go as the document says. */
static void expire_pages(const struct reading *reading)
{
    const int64_t keep_us = reading->ask.source->pages_keep_us;
    if (keep_us && reading->ask.expires_pages)
        pages_expire(reading->directory, reading->ask.began_us - keep_us);
}

int reading_check(struct reading *reading, struct mtr_ledger *ledger, const struct reading_end *end,
                  struct verdict *out)
{
    struct mtr_ledger_txn *txn;
    uint64_t clash = 0;
    MTR_ASSERT(!reading->is_applying);
    reading_end_piece(reading, false);
    int rc = read_rows_sort(&reading->rows, &reading->repeated, &clash);
    if (rc && rc != MTR_EEXISTS) return rc;
    if (rc) reading->clash = clash + 1;
    if (rc) reading->repeated = 0; /* not all were looked at */
    if (!reading->ask.replays) expire_pages(reading); /* its own may be among them */
    rc = mtr_ledger_begin(ledger, false, &txn);
    if (rc) return rc;
    rc = check_in(reading, txn, end, out);
    mtr_ledger_abort(txn);
    return rc;
}

static uint64_t count_far(const struct reading *reading)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < reading->rows.count; i++) count += reading->rows.rows[i].is_far;
    return count;
}

struct reading_counts reading_counts_of(const struct reading *reading)
{
    const struct merge *merge = &reading->applying.merge;
    return (struct reading_counts){.rows = reading->counts.rows,
                                   .skipped = reading->counts.skipped,
                                   .problems = reading->problems,
                                   .repeated = reading->repeated,
                                   .same = merge->same,
                                   .added = merge->added,
                                   .changed = merge->changed,
                                   .gone = merge->gone,
                                   .moved = merge->moved,
                                   .elsewhere = merge->elsewhere,
                                   .far = count_far(reading),
                                   .newest_us = reading->newest_us,
                                   .has_sum = reading->watched.size && !reading->counts.not_summed,
                                   .had_sum = reading->had_sum,
                                   .sum = reading->counts.sum,
                                   .sum_before = reading->sum_before,
                                   .counters = reading->counts.counters,
                                   .drift = reading->drift.text};
}

struct reading_proofs reading_proofs_of(const struct reading *reading)
{
    return (struct reading_proofs){.count = reading->proofs[READING_COUNT],
                                   .sum = reading->proofs[READING_SUM],
                                   .flag = reading->proofs[READING_FLAG],
                                   .rows = reading->counts.rows,
                                   .rows_sum = reading->counts.sum};
}
