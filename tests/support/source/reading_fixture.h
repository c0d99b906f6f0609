/*
 * A reading and what it needs, for tests of readings: an intake world, the ledger and its fold, a source of one window, and the log as text.
 */
#ifndef METERD_TESTS_SUPPORT_SOURCE_READING_FIXTURE_H
#define METERD_TESTS_SUPPORT_SOURCE_READING_FIXTURE_H

#include "tests/support/intake_world.h"

#include "collector/source/reading/ledger_fold.h"
#include "collector/source/reading/reading.h"
#include "tests/support/random.h"
static const char MAP[] = "id: Id\ntype: =cpu\nsubject: Account\ntime: At\ndata: {seconds: {column: Amount, as: number, decimal: ','}}\n"
                          "format: {csv: {delimiter: ';'}}\n";
static const struct mtr_strand strand = {{"acme", 4}, {"usage", 5}, {NULL, 0}};

struct fixture {
    struct world *world;
    struct mtr_ledger *ledger;
    struct mtr_log_reader *reader;
    struct ledger_fold *fold;
    struct mtr_source source;
    const struct mtr_subscription *subscription;
    const struct mtr_catalog *catalog; /* NULL: nobody looks whose rows are */
    struct mtr_window window;
    struct mtr_str each; /* of the strand */
    char directory[80], pages[80];
    uint64_t number;
    struct random_source random;
    struct verdict verdict;
    struct reading_counts counts;
    bool is_draft; /* what is read */
};

static inline struct fixture *new_fixture(void)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct mtr_diagnostic diagnostic = {0};
    f->world = new_world();
    snprintf(f->directory, sizeof(f->directory), "%s/intake", f->world->directory);
    snprintf(f->pages, sizeof(f->pages), "%s/pages", f->world->directory);
    if (mtr_ledger_open(f->directory, false, &f->ledger, &diagnostic)) fail_msg("%s", diagnostic.text);
    assert_int_equal(mtr_log_reader_attach(f->world->log, &f->reader), 0);
    assert_int_equal(ledger_fold_open(f->reader, f->ledger, KEY, &f->fold), 0);
    if (mtr_import_map_parse(mtr_str_from(MAP), &f->source.map, &diagnostic)) fail_msg("%s", diagnostic.text);
    f->source.guard = (struct mtr_source_guard){.shrink_percent = 100, .rows_max = 1000, .agree = 2, .every_us = 600 * MTR_US_PER_SECOND};
    f->source.answer.bytes_max = 1 << 20;
    f->source.complete.agree = 1;
    f->window = (struct mtr_window){instant("2026-03-10T00:00:00Z"), instant("2026-03-11T00:00:00Z")};
    return f;
}

static inline void free_fixture(struct fixture *f)
{
    ledger_fold_close(f->fold);
    mtr_log_reader_close(f->reader);
    mtr_ledger_close(f->ledger);
    mtr_import_map_release(&f->source.map);
    free_world(f->world);
    free(f);
}

static inline struct reading *open_reading(struct fixture *f)
{
    struct reading *reading;
    const char *fault;
    const struct mtr_strand asked = {strand.vendor, strand.source, f->each};
    const struct reading_ask ask = {.source = &f->source, .strand = asked, .subscription = f->subscription, .window = f->window, .number = ++f->number,
                                    .is_draft = f->is_draft,
                                    .log = f->world->log, .catalog = f->catalog,
                                    .began_us = f->world->now_us, .event_key = KEY, .pages = f->pages, .events_max = 4};
    int rc = reading_open(&ask, &reading, &fault);
    if (rc) fail_msg("%s", fault);
    return reading;
}

/* A page in pieces at random. */
static inline int feed_page(struct fixture *f, struct reading *reading, struct mtr_str page)
{
    int rc = reading_begin_page(reading);
    while (!rc && page.size) {
        const size_t size = 1 + (size_t)random_below(&f->random, page.size);
        rc = reading_feed(reading, (struct mtr_str){page.data, size});
        page = (struct mtr_str){page.data + size, page.size - size};
    }
    return rc ? rc : reading_end_page(reading);
}

static inline void send(struct fixture *f, struct mtr_request *request)
{
    struct mtr_diagnostic diagnostic;
    assert_int_equal(mtr_intake_submit(f->world->intake, request), 0);
    step(f->world);
    assert_int_equal(request->error, 0);
    assert_int_equal(ledger_fold_blocks(f->fold, &(uint64_t){mtr_log_last_seq(f->world->log)}, 1, &diagnostic), 0);
    free_answers(f->world);
}

static inline void conclude(struct fixture *f, struct reading *reading, const struct reading_end *end)
{
    struct mtr_request *request;
    bool is_last = false;
    assert_int_equal(reading_check(reading, f->ledger, end, &f->verdict), 0);
    if (f->verdict.alarm) {
        assert_int_equal(reading_note(reading, &f->verdict, &request), 0);
        send(f, request);
    }
    while (!f->verdict.alarm && !is_last) {
        assert_int_equal(reading_part(reading, (struct mtr_str){NULL, 0}, &request, &is_last), 0);
        send(f, request);
    }
    f->counts = reading_counts_of(reading);
    reading_close(reading);
}

static inline void read_pages(struct fixture *f, const char *const *pages, int count)
{
    static const struct reading_end end = {.fault = MTR_ALARM_NONE};
    struct reading *reading = open_reading(f);
    for (int i = 0; i < count; i++)
        if (feed_page(f, reading, mtr_str_from(pages[i]))) fail_msg("%s", reading_fault(reading));
    conclude(f, reading, &end);
}

/* What counts in the log, as "row-id=quantity " in the order of sequences. */
static inline void write_log(struct fixture *f, char *out, size_t room)
{
    struct mtr_block_header header;
    const struct mtr_event *events;
    struct mtr_diagnostic diagnostic;
    const uint64_t last = mtr_log_last_seq(f->world->log);
    uint8_t *voided = calloc(last + 1, 1);
    out[0] = '\0';
    for (int pass = 0; pass < 2; pass++)
        for (uint64_t seq = 1; seq <= last; seq = header.first_seq + header.count) {
            assert_int_equal(mtr_log_read(f->reader, seq, &header, &events, &diagnostic), 0);
            for (uint32_t i = 0; i < header.count; i++) {
                const struct mtr_event *event = &events[i];
                const uint64_t at = header.first_seq + i;
                if (event->disposition == MTR_DISPOSITION_VOID) voided[event->target_seq] = 1;
                if (!pass || voided[at] || (event->disposition != MTR_DISPOSITION_NORMAL && event->disposition != MTR_DISPOSITION_REFUSED)) continue;
                struct mtr_str own;
                if (!read_row_own_id(event->id, &own)) own = event->id; /* of a feed */
                char number[MTR_DECIMAL_TEXT_BYTES] = "!";
                if (event->disposition == MTR_DISPOSITION_NORMAL) mtr_decimal_format(event->properties[0].number, number);
                const size_t size = strlen(out);
                snprintf(out + size, room - size, "%.*s=%s ", event->disposition == MTR_DISPOSITION_REFUSED ? 1 : (int)own.size, own.data, number);
            }
        }
    free(voided);
}

static inline void check_log(struct fixture *f, const char *expected)
{
    char text[1000];
    write_log(f, text, sizeof(text));
    assert_string_equal(text, expected);
}

#define HEAD "Id;Account;At;Amount\n"
#define ROW(id, amount) id ";sub-1;2026-03-10T05:00:00Z;" amount "\n"

static inline struct mtr_ledger_window window_of(struct fixture *f)
{
    struct mtr_ledger_txn *txn;
    struct mtr_ledger_window window;
    assert_int_equal(mtr_ledger_begin(f->ledger, false, &txn), 0);
    assert_int_equal(mtr_ledger_get_window(txn, &strand, f->window.from_us, &window), 0);
    window.problem = MTR_STR("");
    mtr_ledger_abort(txn);
    return window;
}

/* Of one key and one content: one counts, and that there were more is told, wherever they stand. */

#endif
