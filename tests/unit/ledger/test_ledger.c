/*
 * The ledger of windows: rows of windows as they were put, in their order; runs against a plain sorted list,
 * with changes at random; and that all of it can be forgotten.
 */
#include "tests/support/store/ledger_world.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/random.h"

static void numbers_and_cursors_stay(void **state)
{
    struct fixture *f = *state;
    struct mtr_ledger_source source;
    int64_t begun_us;
    struct mtr_feed feed;
    struct mtr_ledger_place place;
    assert_int_equal(mtr_ledger_applied(f->txn, &place), 0);
    assert_int_equal(place.seq, 0);
    assert_int_equal(mtr_ledger_begun(f->txn, &begun_us), 0);
    assert_int_equal(begun_us, 0);
    assert_int_equal(mtr_ledger_get_source(f->txn, &alone, &source), 0);
    assert_int_equal(source.last_reading, 0);
    assert_int_equal(mtr_ledger_feed(f->txn, &east, &feed), MTR_ENOTFOUND);
    assert_int_equal(mtr_ledger_put_applied(f->txn, &(struct mtr_ledger_place){77, {1, UINT64_MAX}}), 0);
    assert_int_equal(mtr_ledger_put_begun(f->txn, -3), 0);
    assert_int_equal(mtr_ledger_put_source(f->txn, &alone, &(struct mtr_ledger_source){9, -8, 70}), 0);
    assert_int_equal(mtr_ledger_put_feed(f->txn, &east, &(struct mtr_feed){MTR_STR("page 3"), -7, -5}), 0);
    reopen(f);
    assert_int_equal(mtr_ledger_applied(f->txn, &place), 0);
    assert_int_equal(place.seq, 77);
    assert_int_equal(place.block.high, 1);
    assert_int_equal(place.block.low, UINT64_MAX);
    assert_int_equal(mtr_ledger_begun(f->txn, &begun_us), 0);
    assert_int_equal(begun_us, -3);
    assert_int_equal(mtr_ledger_get_source(f->txn, &east, &source), 0); /* of the source, not of a strand */
    assert_int_equal(source.last_reading, 9);
    assert_int_equal(source.first_us, -8);
    assert_int_equal(source.paused_us, 70);
    assert_int_equal(mtr_ledger_get_source(f->txn, &other, &source), 0);
    assert_int_equal(source.last_reading, 0);
    assert_int_equal(mtr_ledger_feed(f->txn, &east, &feed), 0);
    assert_true(mtr_str_equal(feed.cursor, MTR_STR("page 3")));
    assert_int_equal(feed.read_us, -7);
    assert_int_equal(feed.begun_us, -5);
    assert_int_equal(mtr_ledger_feed(f->txn, &alone, &feed), MTR_ENOTFOUND);
    assert_int_equal(mtr_ledger_clear(f->txn), 0);
    reopen(f);
    assert_int_equal(mtr_ledger_applied(f->txn, &place), 0);
    assert_int_equal(place.seq, 0);
    assert_int_equal(mtr_ledger_begun(f->txn, &begun_us), 0);
    assert_int_equal(begun_us, 0);
    assert_int_equal(mtr_ledger_get_source(f->txn, &alone, &source), 0);
    assert_int_equal(source.last_reading, 0);
    assert_int_equal(mtr_ledger_feed(f->txn, &east, &feed), MTR_ENOTFOUND);
}

/* A log that is put back may not know of a pause: it waits until what that log has is folded, and a start in between
 * loses none. */
static void pauses_stay(void **state)
{
    struct fixture *f = *state;
    struct mtr_ledger_source source;
    bool has_some;
    assert_int_equal(mtr_ledger_take_pauses(f->txn, &has_some), 0);
    assert_false(has_some);
    assert_int_equal(mtr_ledger_put_source(f->txn, &alone, &(struct mtr_ledger_source){9, 8, 70}), 0);
    assert_int_equal(mtr_ledger_put_source(f->txn, &other, &(struct mtr_ledger_source){5, 4, 0}), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mtr_ledger_clear_but_pauses(f->txn), 0);
        reopen(f);
        assert_int_equal(mtr_ledger_get_source(f->txn, &alone, &source), 0);
        assert_true(!source.last_reading && !source.paused_us);
        assert_int_equal(mtr_ledger_put_source(f->txn, &alone, &(struct mtr_ledger_source){3, 2, 0}), 0);
    }
    assert_int_equal(mtr_ledger_take_pauses(f->txn, &has_some), 0);
    assert_true(has_some);
    reopen(f);
    assert_int_equal(mtr_ledger_get_source(f->txn, &alone, &source), 0);
    assert_true(source.last_reading == 3 && source.first_us == 2 && source.paused_us == 70);
    assert_int_equal(mtr_ledger_get_source(f->txn, &other, &source), 0);
    assert_true(!source.last_reading && !source.paused_us);
    assert_int_equal(mtr_ledger_take_pauses(f->txn, &has_some), 0);
    assert_false(has_some);
    assert_int_equal(mtr_ledger_clear_but_pauses(f->txn), 0); /* of one that no log knows */
    assert_int_equal(mtr_ledger_take_pauses(f->txn, &has_some), 0);
    assert_int_equal(mtr_ledger_get_source(f->txn, &alone, &source), 0);
    assert_true(!source.last_reading && source.paused_us == 70);
}

static int on_item(void *context, const struct mtr_ledger_item *item)
{
    char *to = context;
    const size_t size = strlen(to);
    snprintf(to + size, 200 - size, "%.*s%s%d ", (int)item->subject.size, item->subject.data, item->gone_us ? "-" : "+",
             (int)(item->gone_us ? item->gone_us : item->start_us));
    return 0;
}

/* What a row said before is gone; what it says again is there; and of many only the last. */
static void rows_that_say_something_else(void **state)
{
    struct fixture *f = *state;
    static const struct mtr_event_identity row = {3, 64};
    static const char said[] = "aababcdefghij";
    for (int i = 0; said[i]; i++) {
        const struct mtr_ledger_item item = {.start_us = 1, .seq = (uint64_t)i + 1, .subject = {&said[i], 1}};
        assert_int_equal(mtr_ledger_keep_former(f->txn, &alone, &row, &item, 10 + i), 0);
        assert_int_equal(mtr_ledger_put_item(f->txn, &alone, &row, &item), 0);
        char text[200] = "";
        assert_int_equal(mtr_ledger_walk_items(f->txn, &alone, NULL, on_item, text), 0);
        if (i == 1) assert_string_equal(text, "a+1 ");
        if (i == 3) assert_string_equal(text, "a+1 a-12 b-13 ");
        if (!said[i + 1]) assert_string_equal(text, "j+1 h-21 i-22 c-16 d-17 e-18 f-19 g-20 ");
    }
}

/* One of each strand: the last word on it counts. */
static void a_strand_has_one_report(void **state)
{
    struct fixture *f = *state;
    static char id[MTR_LEDGER_JOB_ID_BYTES_MAX], known[MTR_LEDGER_JOB_KNOWN_BYTES_MAX];
    struct mtr_ledger_job job;
    memset(id, 'i', sizeof(id));
    memset(known, '7', sizeof(known));
    const struct mtr_ledger_job asked = {.start_us = -5, .end_us = 7, .began_us = 9, .reading = 3, .state = MTR_JOB_SUBMITTING,
                                         .known = {known, sizeof(known)}},
                                named = {.start_us = -5, .end_us = 7, .began_us = 9, .reading = 4, .state = MTR_JOB_SUBMITTED, .id = {id, sizeof(id)}};
    assert_int_equal(mtr_ledger_job(f->txn, &alone, &job), MTR_ENOTFOUND);
    assert_int_equal(mtr_ledger_put_job(f->txn, &alone, &asked), 0);
    assert_int_equal(mtr_ledger_put_job(f->txn, &east, &named), 0);
    reopen(f);
    assert_int_equal(mtr_ledger_job(f->txn, &alone, &job), 0);
    assert_true(job.start_us == -5 && job.end_us == 7 && job.began_us == 9 && job.reading == 3 && job.state == MTR_JOB_SUBMITTING && !job.id.size);
    assert_true(mtr_str_equal(job.known, asked.known));
    assert_int_equal(mtr_ledger_job(f->txn, &east, &job), 0);
    assert_true(job.reading == 4 && job.state == MTR_JOB_SUBMITTED && mtr_str_equal(job.id, named.id) && !job.known.size);
    assert_int_equal(mtr_ledger_job(f->txn, &other, &job), MTR_ENOTFOUND);
    assert_int_equal(mtr_ledger_put_job(f->txn, &alone, &named), 0);
    assert_int_equal(mtr_ledger_job(f->txn, &alone, &job), 0);
    assert_int_equal(job.state, MTR_JOB_SUBMITTED);
    for (int i = 0; i < 2; i++) assert_int_equal(mtr_ledger_drop_job(f->txn, &alone), 0); /* once more is no fault */
    assert_int_equal(mtr_ledger_job(f->txn, &alone, &job), MTR_ENOTFOUND);
    assert_int_equal(mtr_ledger_job(f->txn, &east, &job), 0);
}

static struct mtr_ledger_window window_at(int64_t start_us)
{
    return (struct mtr_ledger_window){.start_us = start_us, .end_us = start_us + 10, .state = MTR_WINDOW_SUSPECT, .reading = 3, .readings = 2,
                                      .agreed = 1, .first_us = -5, .last_us = 6, .noted_us = 7, .rows = 8, .refused = 9, .repeated = 16, .unknown = 20,
                                      .proofs = MTR_PROOF_COUNT | MTR_PROOF_AGREE,
                                      .changes = 10,
                                      .seq_first = 11, .seq_last = 12, .content = {13, 14}, .sum = {.mantissa = -15, .scale = 2},
                                      .said_rows = 17, .said_sum = {.mantissa = -((mtr_int128)18 << 64) - 19, .scale = 3},
                                      .counting = {21, {.mantissa = -((mtr_int128)22 << 64) - 23, .scale = 4}},
                                      .said_counting = {MTR_LEDGER_NOBODY_LOOKED, {.mantissa = 24, .scale = 5}},
                                      .problem = MTR_STR("half of it is gone")};
}

static void check_window(const struct mtr_ledger_window *found, const struct mtr_ledger_window *put)
{
    assert_true(mtr_str_equal(found->problem, put->problem));
    assert_true(found->counting.rows == put->counting.rows && found->said_counting.rows == put->said_counting.rows);
    assert_true(!mtr_decimal_compare(found->counting.sum, put->counting.sum) && found->counting.sum.scale == put->counting.sum.scale);
    assert_true(!mtr_decimal_compare(found->said_counting.sum, put->said_counting.sum) && found->said_counting.sum.scale == put->said_counting.sum.scale);
    const struct mtr_ledger_window *both[] = {found, put};
    uint64_t numbers[2][20];
    for (int i = 0; i < 2; i++) {
        const struct mtr_ledger_window *w = both[i];
        const uint64_t row[20] = {(uint64_t)w->start_us, (uint64_t)w->end_us, w->state, w->reading, w->readings, w->agreed, (uint64_t)w->first_us,
                                  (uint64_t)w->last_us, (uint64_t)w->noted_us, w->rows, w->refused, w->repeated, w->unknown, w->proofs, w->changes,
                                  w->seq_first, w->seq_last,
                                  w->content.high ^ w->content.low << 1 ^ (uint64_t)w->sum.mantissa << 8 ^ w->sum.scale, w->said_rows,
                                  (uint64_t)w->said_sum.mantissa ^ (uint64_t)(w->said_sum.mantissa >> 64) << 1 ^ (uint64_t)w->said_sum.scale << 32};
        memcpy(numbers[i], row, sizeof(row));
    }
    assert_memory_equal(numbers[0], numbers[1], sizeof(numbers[0]));
}

static void proofs_are_words(void **state)
{
    (void)state;
    char text[MTR_PROOFS_TEXT_BYTES];
    unsigned proofs;
    for (unsigned all = 0; all <= MTR_PROOFS_ALL; all++) {
        assert_true(mtr_proofs_parse(mtr_proofs_text(all, text), &proofs));
        assert_int_equal(proofs, all);
    }
    assert_string_equal(text, "count, sum, flag, agree");
    assert_false(mtr_proofs_parse(MTR_STR("sum, count"), &proofs));
}

struct walked {
    int64_t starts[8];
    struct mtr_str each[8];
    int count, stop_after;
};

static int on_window(void *context, struct mtr_str each, const struct mtr_ledger_window *window)
{
    struct walked *walked = context;
    walked->starts[walked->count] = window->start_us;
    walked->each[walked->count] = each;
    return ++walked->count == walked->stop_after ? 99 : 0;
}

static void windows_stand_by_their_start(void **state)
{
    struct fixture *f = *state;
    static const int64_t starts[] = {500, -20, 0, 30};
    struct mtr_ledger_window window, found;
    for (int i = 0; i < 4; i++) {
        window = window_at(starts[i]);
        assert_int_equal(mtr_ledger_put_window(f->txn, &alone, &window), 0);
    }
    window = window_at(30);
    assert_int_equal(mtr_ledger_put_window(f->txn, &east, &window), 0);
    assert_int_equal(mtr_ledger_put_window(f->txn, &other, &window), 0);
    reopen(f);
    assert_int_equal(mtr_ledger_get_window(f->txn, &alone, 31, &found), MTR_ENOTFOUND);
    assert_int_equal(mtr_ledger_get_window(f->txn, &alone, -20, &found), 0);
    window = window_at(-20);
    check_window(&found, &window);
    struct walked walked = {.count = 0};
    assert_int_equal(mtr_ledger_walk_windows(f->txn, &alone, INT64_MIN, on_window, &walked), 0);
    static const int64_t expected[] = {-20, 0, 30, 30, 500};
    assert_int_equal(walked.count, 5);
    assert_memory_equal(walked.starts, expected, sizeof(expected));
    assert_int_equal(walked.each[2].size + walked.each[3].size, 4);
    walked = (struct walked){.stop_after = 2};
    assert_int_equal(mtr_ledger_walk_windows(f->txn, &alone, 1, on_window, &walked), 99);
    assert_int_equal(walked.starts[0], 30);
}

/* Whoever goes on behind each row in turn sees every row once, in the order of the whole walk. */
struct counting {
    int64_t start_us, end_us;
    struct mtr_ledger_total total;
};

static int on_counted(void *context, struct mtr_str each, const struct mtr_ledger_window *window)
{
    struct counting *counting = context;
    const struct mtr_strand strand = {alone.vendor, alone.source, each};
    if (window->start_us != counting->start_us || window->end_us != counting->end_us) return 0;
    counting->total.windows++;
    counting->total.whole += window->state >= MTR_WINDOW_COMPLETE;
    mtr_ledger_add_strand(&counting->total.strands, mtr_ledger_strand_id(&strand));
    return 0;
}

/* Whatever is written over, also by a window of another length. */
static void totals_are_those_of_the_windows(void **state)
{
    struct fixture *f = *state;
    static const char *const eaches[] = {"", "east", "west", "north"};
    struct random_source random = {.state = 5};
    uint64_t seq_last[8][2] = {{0}};
    for (uint64_t i = 1; i <= 4000; i++) {
        const int64_t at = (int64_t)random_below(&random, 8), length = (int64_t)random_below(&random, 2);
        const struct mtr_strand strand = {alone.vendor, random_below(&random, 5) ? alone.source : other.source, mtr_str_from(eaches[random_below(&random, 4)])};
        const struct mtr_ledger_window window = {
            .start_us = at * 10 - 30, .end_us = at * 10 - 25 + length * 5, .state = (enum mtr_window_state)random_below(&random, 6), .seq_last = i};
        assert_int_equal(mtr_ledger_put_window(f->txn, &strand, &window), 0);
        if (mtr_str_equal(strand.source, alone.source)) seq_last[at][length] = i;
        if (i % 10) continue;
        struct counting counting = {.start_us = window.start_us, .end_us = window.end_us};
        struct mtr_ledger_total total;
        counting.total.seq_last = seq_last[at][length];
        assert_int_equal(mtr_ledger_walk_windows(f->txn, &alone, INT64_MIN, on_counted, &counting), 0);
        assert_int_equal(mtr_ledger_total(f->txn, &east, window.start_us, window.end_us, &total), 0);
        assert_memory_equal(&total, &counting.total, sizeof(total));
    }
}

static void walks_go_on_behind_a_row(void **state)
{
    struct fixture *f = *state;
    static const struct mtr_strand *const strands[] = {&alone, &east, &other};
    for (int i = 0; i < 3; i++)
        for (int64_t start_us = -20; start_us <= 20; start_us += 20) {
            const struct mtr_ledger_window window = window_at(start_us);
            assert_int_equal(mtr_ledger_put_window(f->txn, strands[i], &window), 0);
        }
    struct walked whole = {.count = 0}, one;
    assert_int_equal(mtr_ledger_walk_windows(f->txn, &alone, INT64_MIN, on_window, &whole), 0);
    assert_int_equal(whole.count, 6);
    for (int i = 0; i < 6; i++) {
        const struct mtr_strand at = {alone.vendor, alone.source, whole.each[i]};
        one = (struct walked){.stop_after = 1};
        assert_int_equal(mtr_ledger_walk_windows_behind(f->txn, &at, whole.starts[i], on_window, &one), i < 5 ? 99 : 0);
        assert_int_equal(one.count, i < 5);
        if (i == 5) break;
        assert_int_equal(one.starts[0], whole.starts[i + 1]);
        assert_true(mtr_str_equal(one.each[0], whole.each[i + 1]));
    }
    one = (struct walked){.count = 0}; /* a row that is gone */
    assert_int_equal(mtr_ledger_walk_windows_behind(f->txn, &alone, -10, on_window, &one), 0);
    assert_int_equal(one.count, 4);
}

/* ---- runs ---- */

enum { KEYS = 6000, ROUNDS = 60 };

static struct mtr_event_identity key_of(uint64_t number)
{
    struct random_source hash = {number};
    return (struct mtr_event_identity){random_u64(&hash) >> 40, random_u64(&hash)}; /* high halves that are equal, too */
}

static int compare_rows(const void *a, const void *b)
{
    const struct mtr_run_row *x = a, *y = b;
    return mtr_run_row_compare(&x->key, &y->key);
}

struct model {
    struct mtr_run_row rows[KEYS]; /* sorted; seq 0: not there */
    int64_t rows_there, refused;
};

static void check_run(struct fixture *f, const struct model *model, struct random_source *random)
{
    struct mtr_run_cursor *cursor;
    const struct mtr_run_row *row;
    assert_int_equal(mtr_run_open(f->txn, &east, 40, &cursor), 0);
    for (uint32_t i = 0; i < KEYS; i++) {
        if (!model->rows[i].seq) continue;
        assert_int_equal(mtr_run_next(cursor, NULL, &row), 0);
        assert_memory_equal(row, &model->rows[i], sizeof(*row));
    }
    assert_int_equal(mtr_run_next(cursor, NULL, &row), MTR_ENOTFOUND);
    mtr_run_close(cursor);
    assert_int_equal(mtr_run_open(f->txn, &east, 40, &cursor), 0);
    for (uint32_t i = 0; i < KEYS; i += 1 + (uint32_t)random_below(random, 200)) { /* looks with steps */
        uint32_t k = i;
        while (k < KEYS && !model->rows[k].seq) k++;
        int rc = mtr_run_next(cursor, &model->rows[i].key, &row);
        assert_int_equal(rc, k == KEYS ? MTR_ENOTFOUND : 0);
        if (k == KEYS) break;
        assert_memory_equal(row, &model->rows[k], sizeof(*row));
        assert_int_equal(mtr_run_next(cursor, &model->rows[k].key, &row), 0); /* it stays before what was looked up */
        assert_memory_equal(row, &model->rows[k], sizeof(*row));
        i = k; /* a cursor does not go back */
    }
    mtr_run_close(cursor);
}

static void change_run(struct fixture *f, struct model *model, struct random_source *random, uint64_t round)
{
    static struct mtr_run_row changes[KEYS];
    uint32_t count = 0;
    const uint64_t odds = 1 + random_below(random, 50), gone = random_below(random, 4);
    for (uint32_t i = 0; i < KEYS; i++) {
        if (random_below(random, odds)) continue;
        model->rows[i].seq = random_below(random, 4) < gone ? 0 : round * KEYS + i + 1;
        model->rows[i].digest = random_u64(random);
        model->rows[i].is_refused = random_below(random, 2);
        changes[count++] = model->rows[i];
    }
    const struct mtr_run_delta before = {model->rows_there, model->refused};
    struct mtr_run_delta delta = {-before.rows, -before.refused}; /* it is added to */
    assert_int_equal(mtr_run_apply(f->txn, &east, 40, changes, count, &delta), 0);
    model->rows_there = model->refused = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        model->rows_there += model->rows[i].seq > 0;
        model->refused += model->rows[i].seq > 0 && model->rows[i].is_refused;
    }
    assert_int_equal(delta.rows, model->rows_there - 2 * before.rows);
    assert_int_equal(delta.refused, model->refused - 2 * before.refused);
}

static void runs_are_what_changes_made_of_them(void **state)
{
    struct fixture *f = *state;
    const char *given = getenv("METERD_SEED");
    struct random_source random = {given ? strtoull(given, NULL, 10) : 1};
    static struct model model;
    struct mtr_run_delta delta = {0, 0};
    const struct mtr_run_row neighbour = {.key = {5, 5}, .seq = 5};
    printf("seed %llu\n", (unsigned long long)random.state);
    for (uint32_t i = 0; i < KEYS; i++) model.rows[i].key = key_of(i);
    qsort(model.rows, KEYS, sizeof(model.rows[0]), compare_rows);
    assert_int_equal(mtr_run_apply(f->txn, &east, 39, &neighbour, 1, &delta), 0);
    assert_int_equal(mtr_run_apply(f->txn, &east, 41, &neighbour, 1, &delta), 0);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        change_run(f, &model, &random, round);
        if (round % 8 == 0) reopen(f);
        check_run(f, &model, &random);
    }
    assert_int_equal(mtr_run_settle(f->txn, &east, 40), 0);
    for (uint32_t i = 0; i < KEYS; i++) model.rows[i].seq = 0;
    check_run(f, &model, &random);
    for (int64_t start = 39; start <= 41; start += 2) {
        struct mtr_run_cursor *cursor;
        const struct mtr_run_row *row;
        assert_int_equal(mtr_run_open(f->txn, &east, start, &cursor), 0);
        assert_int_equal(mtr_run_next(cursor, NULL, &row), 0);
        assert_memory_equal(row, &neighbour, sizeof(neighbour));
        mtr_run_close(cursor);
    }
}

/* Windows of a strand with rows in their runs, from any instant on; those of others, and without rows, are passed over. */
static void runs_are_found_by_their_start(void **state)
{
    struct fixture *f = *state;
    static const int64_t starts[] = {-40, 0, 40, 900};
    const struct mtr_run_row row = {.key = {5, 5}, .seq = 5}, gone = {.key = {5, 5}};
    struct mtr_run_delta delta = {0, 0};
    int64_t found_us = 0;
    for (int i = 0; i < 4; i++) assert_int_equal(mtr_run_apply(f->txn, &east, starts[i], &row, 1, &delta), 0);
    for (int64_t start = -50; start < 1000; start += 7) assert_int_equal(mtr_run_apply(f->txn, &alone, start, &row, 1, &delta), 0);
    assert_int_equal(mtr_run_apply(f->txn, &east, 0, &gone, 1, &delta), 0);
    reopen(f);
    static const struct {
        int64_t from_us, start_us;
    } looks[] = {{INT64_MIN, -40}, {-40, -40}, {-39, 40}, {0, 40}, {41, 900}, {900, 900}};
    for (int i = 0; i < 6; i++) {
        assert_int_equal(mtr_run_find(f->txn, &east, looks[i].from_us, &found_us), 0);
        assert_int_equal(found_us, looks[i].start_us);
    }
    assert_int_equal(mtr_run_find(f->txn, &east, 901, &found_us), MTR_ENOTFOUND);
    assert_int_equal(mtr_run_find(f->txn, &other, INT64_MIN, &found_us), MTR_ENOTFOUND);
}

/* Of a settled window the rows stay that lie outside of it. */
static void rows_outside_stay(void **state)
{
    struct fixture *f = *state;
    enum { MANY = 2000 };
    struct mtr_run_row rows[MANY];
    struct mtr_run_delta delta = {0, 0};
    struct mtr_run_cursor *cursor;
    const struct mtr_run_row *row;
    for (uint64_t i = 0; i < MANY; i++) rows[i] = (struct mtr_run_row){.key = {i, i}, .digest = i, .seq = i + 1, .is_outside = i % 9 == 4};
    assert_int_equal(mtr_run_apply(f->txn, &east, 40, rows, MANY, &delta), 0);
    assert_int_equal(mtr_run_apply(f->txn, &east, 50, rows, MANY, &delta), 0);
    assert_int_equal(mtr_run_settle(f->txn, &east, 40), 0);
    reopen(f);
    for (int64_t start_us = 40; start_us <= 50; start_us += 10) {
        assert_int_equal(mtr_run_open(f->txn, &east, start_us, &cursor), 0);
        for (uint64_t i = 0; i < MANY; i++) {
            if (start_us == 40 && !rows[i].is_outside) continue;
            assert_int_equal(mtr_run_next(cursor, NULL, &row), 0);
            assert_memory_equal(row, &rows[i], sizeof(*row));
        }
        assert_int_equal(mtr_run_next(cursor, NULL, &row), MTR_ENOTFOUND);
        mtr_run_close(cursor);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers_and_cursors_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(pauses_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_that_say_something_else, setup, teardown),
        cmocka_unit_test_setup_teardown(a_strand_has_one_report, setup, teardown),
        cmocka_unit_test_setup_teardown(windows_stand_by_their_start, setup, teardown),
        cmocka_unit_test(proofs_are_words),
        cmocka_unit_test_setup_teardown(walks_go_on_behind_a_row, setup, teardown),
        cmocka_unit_test_setup_teardown(totals_are_those_of_the_windows, setup, teardown),
        cmocka_unit_test_setup_teardown(runs_are_what_changes_made_of_them, setup, teardown),
        cmocka_unit_test_setup_teardown(runs_are_found_by_their_start, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_outside_stay, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
