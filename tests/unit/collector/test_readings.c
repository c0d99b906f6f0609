/*
 * The law of polling: after readings that nothing disturbs, what the log has is what the vendor last
 * published, row for row; whatever was restated, moved, taken away and brought back before, wherever a crash
 * cut a reading, and whether the ledger of windows was kept or folded again.
 */
#include "tests/support/intake_world.h"

#include "collector/source/reading/applying.h"
#include "collector/source/reading/ledger_fold.h"
#include "meterd/store/backup.h"
#include "tests/support/random.h"

enum { ROWS = 240, WINDOWS = 5, STEPS = 120, PART = 7 };

/* What the vendor publishes. */
struct published {
    bool is_there;
    int window;
    int64_t quantity;
    int subject;
    bool is_at_border; /* the first instant of the next window, and an answer for this one has it too */
};

struct vendor {
    struct world *world;
    struct mtr_log_reader *reader;
    struct mtr_ledger *ledger;
    struct ledger_fold *fold;
    struct random_source random;
    struct published rows[ROWS];
    char directory[80];
    uint64_t last_reading;
    bool settles;
    bool is_anew; /* the ledger was of another log */
};

static const struct mtr_strand strand = {{"acme", 4}, {"usage", 5}, {NULL, 0}};
static const char *const subjects[] = {"sub-1", "sub-1", "sub-1", "sub-9", "rival-1"}; /* held; refused */

static int64_t window_start(int window)
{
    return instant("2026-03-01T00:00:00Z") + window * MTR_US_PER_DAY;
}

/* ---- the world around ---- */

static void open_ledger(struct vendor *vendor)
{
    struct mtr_diagnostic diagnostic = {0};
    if (mtr_ledger_open(vendor->directory, false, &vendor->ledger, &diagnostic)) fail_msg("%s", diagnostic.text);
    assert_int_equal(mtr_log_reader_attach(vendor->world->log, &vendor->reader), 0);
    assert_int_equal(ledger_fold_open(vendor->reader, vendor->ledger, KEY, &vendor->fold), 0);
    if (ledger_fold_begin(vendor->fold, mtr_log_last_seq(vendor->world->log), &vendor->is_anew, &diagnostic)) fail_msg("%s", diagnostic.text);
    for (bool more = true; more;)
        if (ledger_fold_step(vendor->fold, 3, &more, &diagnostic)) fail_msg("%s", diagnostic.text);
    struct mtr_ledger_txn *txn;
    struct mtr_ledger_source source;
    assert_int_equal(mtr_ledger_begin(vendor->ledger, false, &txn), 0);
    assert_int_equal(mtr_ledger_get_source(txn, &strand, &source), 0);
    mtr_ledger_abort(txn);
    vendor->last_reading = source.last_reading;
}

static void close_ledger(struct vendor *vendor)
{
    ledger_fold_close(vendor->fold);
    mtr_log_reader_close(vendor->reader);
    mtr_ledger_close(vendor->ledger);
}

static void crash(struct vendor *vendor, bool forgets)
{
    close_ledger(vendor);
    close_log(vendor->world);
    if (forgets) remove_tree(vendor->directory);
    open_log(vendor->world);
    open_ledger(vendor);
}

static struct vendor *new_vendor(uint64_t seed)
{
    struct vendor *vendor = calloc(1, sizeof(*vendor));
    vendor->world = new_world();
    vendor->random.state = seed;
    snprintf(vendor->directory, sizeof(vendor->directory), "%s/intake", vendor->world->directory);
    open_ledger(vendor);
    return vendor;
}

static void free_vendor(struct vendor *vendor)
{
    close_ledger(vendor);
    free_world(vendor->world);
    free(vendor);
}

/* ---- what is published ---- */

static void restate(struct vendor *vendor)
{
    struct random_source *random = &vendor->random;
    for (uint64_t i = random_below(random, 30); i-- > 0;) {
        struct published *row = &vendor->rows[random_below(random, ROWS)];
        switch (random_below(random, 5)) {
        case 0: row->is_there = false; break;
        case 1: row->window = (int)random_below(random, WINDOWS); break;
        case 2: row->subject = (int)random_below(random, 5); break;
        default: row->is_there = true;
        }
        row->quantity = 1 + (int64_t)random_below(random, 3); /* few, so that old content comes back */
        row->is_at_border = random_below(random, 12) == 0;
    }
}

struct event_room {
    char id[16];
    struct mtr_property property;
};

static struct mtr_event event_of(const struct published *row, int number, struct event_room *room)
{
    snprintf(room->id, sizeof(room->id), "row-%d", number);
    room->property = (struct mtr_property){.name = MTR_STR("seconds"), .kind = MTR_PROPERTY_NUMBER, .number = {.mantissa = row->quantity}};
    return (struct mtr_event){.vendor = strand.vendor, .source = MTR_STR("meterd:usage"), .id = mtr_str_from(room->id), .type = MTR_STR("cpu"),
                              .subject = mtr_str_from(subjects[row->subject]),
                              .time_us = window_start(row->is_at_border ? row->window + 1 : row->window), .time_given = true,
                              .properties = &room->property, .property_count = 1};
}

/* Whether an answer for the window has the row. */
static bool answer_has(const struct published *row, int window)
{
    return row->is_there && (row->window == window || (row->is_at_border && row->window + 1 == window));
}

/* ---- a reading ---- */

static void collect(struct vendor *vendor, int window, struct read_rows *rows, uint64_t *ordinals)
{
    uint64_t repeated, clash;
    for (int i = 0; i < ROWS; i++) {
        struct event_room room;
        const struct mtr_event event = event_of(&vendor->rows[i], i, &room);
        if (!answer_has(&vendor->rows[i], window)) continue;
        const struct read_row row = {.key = read_row_key(event.vendor, event.source, event.id, KEY), .digest = mtr_event_digest(&event),
                                     .ordinal = (*ordinals)++, .is_outside = event.time_us >= window_start(window + 1)};
        assert_int_equal(read_rows_add(rows, &row, ROWS), 0);
    }
    assert_int_equal(read_rows_sort(rows, &repeated, &clash), 0);
    assert_int_equal(repeated, 0);
}

static struct applying begin(struct vendor *vendor, int window)
{
    struct read_rows rows = {0};
    struct merge merge;
    struct applying applying;
    uint64_t ordinals = 0;
    struct mtr_ledger_txn *txn;
    collect(vendor, window, &rows, &ordinals);
    assert_int_equal(mtr_ledger_begin(vendor->ledger, false, &txn), 0);
    const struct merge_question question = {.txn = txn, .strand = strand, .start_us = window_start(window), .from_us = window_start(window),
                                            .to_us = window_start(window + 1), .rows = &rows, .ordinals = ordinals};
    assert_int_equal(merge_make(&question, &merge), 0);
    mtr_ledger_abort(txn);
    const struct receipt receipt = {.strand = strand, .start_us = window_start(window), .end_us = window_start(window + 1),
                                    .began_us = vendor->world->now_us, .reading = ++vendor->last_reading,
                                    .state = vendor->settles ? MTR_WINDOW_SETTLED : MTR_WINDOW_COMPLETE,
                                    .rows = rows.count, .content = read_rows_content(&rows)};
    applying_begin(&applying, &merge, &receipt, PART);
    read_rows_release(&rows);
    return applying;
}

/* One part of the reading: rows from *next on. */
static bool send_part(struct vendor *vendor, struct applying *applying, int window, int *next)
{
    struct mtr_request *request;
    bool is_last;
    int rc = 0;
    for (; !rc && *next < ROWS && !applying_is_full(applying); ++*next) {
        struct event_room room;
        const struct mtr_event event = event_of(&vendor->rows[*next], *next, &room);
        if (answer_has(&vendor->rows[*next], window)) rc = applying_row(applying, &event);
    }
    assert_int_equal(rc, 0);
    assert_int_equal(applying_part(applying, *next == ROWS, &request, &is_last), 0);
    assert_true(request->count <= PART + 1);
    assert_int_equal(mtr_intake_submit(vendor->world->intake, request), 0);
    step(vendor->world);
    assert_int_equal(request->error, 0);
    return is_last;
}

/* odds 0: no crash. False: it was cut. */
static bool read_window(struct vendor *vendor, int window, uint64_t odds)
{
    struct mtr_diagnostic diagnostic;
    struct applying applying = begin(vendor, window);
    bool is_last = false, is_cut = false;
    int next = 0;
    while (!is_last && !is_cut) {
        is_last = send_part(vendor, &applying, window, &next);
        is_cut = odds && random_below(&vendor->random, odds) == 0;
        if (is_cut && random_below(&vendor->random, 2)) break; /* between log and ledger */
        assert_int_equal(ledger_fold_blocks(vendor->fold, &(uint64_t){mtr_log_last_seq(vendor->world->log)}, 1, &diagnostic), 0);
    }
    applying_release(&applying);
    free_answers(vendor->world);
    if (is_cut) crash(vendor, random_below(&vendor->random, 3) == 0);
    return !is_cut;
}

/* ---- what the log has ---- */

struct counted {
    uint8_t *voided; /* by sequence */
    uint64_t last_seq;
    int64_t quantity[ROWS];
    int64_t time_us[ROWS];
    int times[ROWS];
};

static void count_event(struct counted *counted, const struct mtr_event *event, uint64_t seq)
{
    struct mtr_str own;
    if (event->disposition != MTR_DISPOSITION_NORMAL || counted->voided[seq]) return;
    assert_true(read_row_own_id(event->id, &own));
    uint64_t number;
    assert_true(mtr_str_to_u64((struct mtr_str){own.data + 4, own.size - 4}, &number));
    assert_true(number < ROWS);
    counted->times[number]++;
    counted->quantity[number] = (int64_t)event->properties[0].number.mantissa;
    counted->time_us[number] = event->time_us;
}

static void walk_log(struct vendor *vendor, struct counted *counted, bool voids)
{
    struct mtr_block_header header;
    const struct mtr_event *events;
    struct mtr_diagnostic diagnostic;
    for (uint64_t seq = 1; seq <= counted->last_seq; seq = header.first_seq + header.count) {
        assert_int_equal(mtr_log_read(vendor->reader, seq, &header, &events, &diagnostic), 0);
        for (uint32_t i = 0; i < header.count; i++) {
            if (voids && events[i].disposition == MTR_DISPOSITION_VOID) {
                assert_false(counted->voided[events[i].target_seq]); /* nothing is taken back twice */
                counted->voided[events[i].target_seq] = 1;
            }
            if (!voids) count_event(counted, &events[i], header.first_seq + i);
        }
    }
}

static void check_law(struct vendor *vendor)
{
    struct counted counted = {.last_seq = mtr_log_last_seq(vendor->world->log)};
    counted.voided = calloc(counted.last_seq + 1, 1);
    walk_log(vendor, &counted, true);
    walk_log(vendor, &counted, false);
    for (int i = 0; i < ROWS; i++) {
        const struct published *row = &vendor->rows[i];
        struct event_room room;
        const struct mtr_event event = event_of(row, i, &room);
        const bool counts = row->is_there && row->subject != 4;
        if (counted.times[i] != counts) fail_msg("row-%d stands %d times, not %d", i, counted.times[i], counts);
        if (counts) assert_int_equal(counted.quantity[i], row->quantity);
        if (counts) assert_int_equal(counted.time_us[i], event.time_us);
    }
    free(counted.voided);
}

static void check_windows(struct vendor *vendor)
{
    struct mtr_ledger_txn *txn;
    struct mtr_ledger_window window;
    uint64_t rows = 0, refused = 0, there = 0, foreign = 0;
    assert_int_equal(mtr_ledger_begin(vendor->ledger, false, &txn), 0);
    for (int i = 0; i <= WINDOWS; i++) {
        assert_int_equal(mtr_ledger_get_window(txn, &strand, window_start(i), &window), 0);
        assert_int_equal(window.state, MTR_WINDOW_COMPLETE);
        rows += window.rows;
        refused += window.refused;
    }
    mtr_ledger_abort(txn);
    for (int i = 0; i < ROWS; i++) {
        there += vendor->rows[i].is_there;
        foreign += vendor->rows[i].is_there && vendor->rows[i].subject == 4;
    }
    assert_int_equal(rows, there);
    assert_int_equal(refused, foreign);
}

/* Behind `seq` the log has nothing but receipts. */
static void check_receipts_alone(struct vendor *vendor, uint64_t seq)
{
    struct mtr_block_header header;
    const struct mtr_event *events;
    struct mtr_diagnostic diagnostic;
    for (seq++; seq <= mtr_log_last_seq(vendor->world->log); seq = header.first_seq + header.count) {
        assert_int_equal(mtr_log_read(vendor->reader, seq, &header, &events, &diagnostic), 0);
        for (uint32_t i = 0; i < header.count; i++) assert_true(receipt_is(&events[i]));
    }
}

static void drain(struct vendor *vendor)
{
    for (int round = 0; round < 2; round++) /* a row at a border may need the window behind to be read */
        for (int window = 0; window <= WINDOWS; window++) assert_true(read_window(vendor, window, 0));
}

static void test_the_law(void **state)
{
    (void)state;
    const char *given = getenv("METERD_SEED"), *many = getenv("METERD_SEEDS");
    const uint64_t first = given ? strtoull(given, NULL, 10) : 1, count = given ? 1 : many ? strtoull(many, NULL, 10) : 4;
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct vendor *vendor = new_vendor(seed);
        printf("seed %llu\n", (unsigned long long)seed);
        for (int i = 0; i < STEPS; i++) {
            restate(vendor);
            vendor->world->now_us += MTR_US_PER_SECOND;
            (void)read_window(vendor, (int)random_below(&vendor->random, WINDOWS + 1), 12);
        }
        drain(vendor);
        check_law(vendor);
        check_windows(vendor);
        const uint64_t before = mtr_log_last_seq(vendor->world->log);
        drain(vendor); /* nothing has changed: receipts are all that is written */
        check_receipts_alone(vendor, before);
        crash(vendor, true);
        check_windows(vendor);
        free_vendor(vendor);
    }
}

/* What was refused counts when the catalog allows it, and is not stored again until then. */
static void test_the_refused_are_tried_again(void **state)
{
    (void)state;
    struct vendor *vendor = new_vendor(1);
    for (int i = 0; i < 20; i++) vendor->rows[i] = (struct published){.is_there = true, .quantity = i + 1, .subject = i % 2 ? 0 : 4};
    assert_true(read_window(vendor, 0, 0));
    const uint64_t before = mtr_log_last_seq(vendor->world->log);
    assert_true(read_window(vendor, 0, 0));
    check_receipts_alone(vendor, before);
    for (int i = 0; i < 20; i++) vendor->rows[i].subject = 0;           /* the vendor says whose it is */
    assert_true(read_window(vendor, 0, 0));
    check_law(vendor);
    free_vendor(vendor);
}

static void read_some(struct vendor *vendor, int steps)
{
    for (int i = 0; i < steps; i++) {
        restate(vendor);
        vendor->world->now_us += MTR_US_PER_SECOND;
        assert_true(read_window(vendor, (int)random_below(&vendor->random, WINDOWS + 1), 0));
    }
}

enum { PATH = 100 };

static void path_of(const struct vendor *vendor, const char *name, char out[PATH])
{
    snprintf(out, PATH, "%s/%s", vendor->world->directory, name);
}

static void close_all(struct vendor *vendor)
{
    close_ledger(vendor);
    close_log(vendor->world);
}

static void open_all(struct vendor *vendor)
{
    open_log(vendor->world);
    open_ledger(vendor);
}

static void copy_log(const char *from, const char *to)
{
    struct mtr_diagnostic diagnostic = {0};
    struct mtr_backup_log_counts counts;
    remove_tree(to);
    if (mtr_backup_log(from, to, NULL, &counts, &diagnostic)) fail_msg("%s", diagnostic.text);
}

/* A log that was put back beside a newer ledger, whether it has grown since or not: what the ledger knows of and
 * the log has lost is read again. */
static void test_a_ledger_of_another_log(void **state)
{
    (void)state;
    char log[PATH], newer[PATH];
    for (int grown = 0; grown <= 40; grown += 20) {
        struct vendor *vendor = new_vendor(7 + (uint64_t)grown);
        path_of(vendor, "log-copy", log);
        path_of(vendor, "intake-copy", newer);
        read_some(vendor, 10);
        close_all(vendor);
        copy_log(vendor->world->log_directory, log);
        open_all(vendor);
        assert_false(vendor->is_anew);
        read_some(vendor, 10);
        const uint64_t applied = mtr_log_last_seq(vendor->world->log);
        close_all(vendor);
        assert_int_equal(rename(vendor->directory, newer), 0);
        copy_log(log, vendor->world->log_directory);
        if (grown) {
            open_all(vendor);
            read_some(vendor, grown);
            assert_true(mtr_log_last_seq(vendor->world->log) > applied);
            close_all(vendor);
        }
        remove_tree(vendor->directory);
        assert_int_equal(rename(newer, vendor->directory), 0);
        open_all(vendor);
        assert_true(vendor->is_anew);
        drain(vendor);
        check_law(vendor);
        check_windows(vendor);
        crash(vendor, false);
        assert_false(vendor->is_anew);
        free_vendor(vendor);
    }
}

/* Retention may take the block at which the ledger stands: the one behind it says whose it is. A ledger that is made
 * of what is left knows from when on. */
static void test_a_log_without_its_beginning(void **state)
{
    (void)state;
    struct vendor *vendor = new_vendor(3);
    struct mtr_ledger_txn *txn;
    uint32_t removed = 0;
    int64_t begun_us;
    read_some(vendor, 5);
    const int64_t rolled_us = vendor->world->now_us;
    const uint64_t applied = mtr_log_last_seq(vendor->world->log);
    close_ledger(vendor);
    for (int i = 0; i < 2; i++) { /* the first of two is sealed */
        assert_int_equal(mtr_log_roll(vendor->world->log, vendor->world->now_us += MTR_US_PER_DAY), 0);
        const struct mtr_event event = {.vendor = strand.vendor, .source = MTR_STR("x"), .id = MTR_STR("push"), .type = MTR_STR("cpu"),
                                        .subject = MTR_STR("sub-1"), .time_us = vendor->world->now_us, .time_given = true};
        uint64_t seq;
        assert_int_equal(mtr_log_append(vendor->world->log, &event, 1, vendor->world->now_us, &seq), 0);
        if (!i) assert_int_equal(mtr_log_seal(vendor->world->log, 1, NULL, 0), 0);
    }
    assert_int_equal(mtr_log_retain(vendor->world->log, rolled_us + 1, applied, &removed), 0);
    assert_int_equal(removed, 1);
    open_ledger(vendor);
    assert_false(vendor->is_anew);
    assert_int_equal(mtr_ledger_begin(vendor->ledger, false, &txn), 0);
    assert_int_equal(mtr_ledger_begun(txn, &begun_us), 0);
    assert_int_equal(begun_us, 0);
    mtr_ledger_abort(txn);
    close_ledger(vendor);
    remove_tree(vendor->directory);
    open_ledger(vendor);
    assert_int_equal(mtr_ledger_begin(vendor->ledger, false, &txn), 0);
    assert_int_equal(mtr_ledger_begun(txn, &begun_us), 0);
    assert_int_equal(begun_us, rolled_us + MTR_US_PER_DAY);
    mtr_ledger_abort(txn);
    free_vendor(vendor);
}

/* Windows that are settled with their first reading, as in a backfill, in whatever order: a row at a border, which the
 * answers for both have, counts once. */
static void test_border_rows_of_settled_windows(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct vendor *vendor = new_vendor(seed);
        int order[WINDOWS + 1];
        restate(vendor);
        for (int i = 0; i <= WINDOWS; i++) {
            const int other = (int)random_below(&vendor->random, (uint64_t)i + 1);
            order[i] = order[other];
            order[other] = i;
        }
        for (int i = 0; i <= WINDOWS && seed <= 2; i++)
            order[i] = seed == 1 ? i : WINDOWS - i; /* up, down, and then at random */
        for (int i = 0; i < ROWS; i++)
            vendor->rows[i] = (struct published){.is_there = true, .window = (int)random_below(&vendor->random, WINDOWS), .quantity = i + 1,
                                                 .is_at_border = random_below(&vendor->random, 4) == 0};
        vendor->settles = true;
        for (int i = 0; i <= WINDOWS; i++) {
            assert_true(read_window(vendor, order[i], 0));
            if (i == 2) crash(vendor, seed % 2);
        }
        check_law(vendor);
        free_vendor(vendor);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_law),
        cmocka_unit_test(test_the_refused_are_tried_again),
        cmocka_unit_test(test_border_rows_of_settled_windows),
        cmocka_unit_test(test_a_ledger_of_another_log),
        cmocka_unit_test(test_a_log_without_its_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
