/*
 * The daemon's own events in the log: receipts of readings, reports of vendors, what operators told a source. Whatever
 * an event of such a type holds, it is read or refused as damage; what is read and written again says the same. The
 * first byte chooses the type, then come time, subject, and properties: a name by its place, a kind, a value.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collector/source/control/control_note.h"
#include "collector/source/job/job_note.h"
#include "collector/source/reading/receipt.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"
#include "tests/fuzz/bytes.h"
#include "tests/support/directory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECEIPT, JOB, CONTROL, ROW, TYPES, PROPERTIES_MAX = 48, ARENA_BYTES_MAX = 1 << 20 };

static const char *const names[] = {
    "each",   "window_start", "window_end", "state",    "reading", "part",    "last",    "append", "agreed", "rows",    "same",   "new",    "changed",
    "gone",   "problems",     "skipped",    "repeated", "proof",   "lifted",  "pages",   "pieces", "replays", "sum",    "content", "cursor", "cursor2",
    "cursor3", "cursor4",     "problem",    "newest",   "columns", "columns2", "columns3", "id",   "id2",    "known",   "action", "by",     "other",
};
enum { NAMES = sizeof(names) / sizeof(*names) };

static struct mtr_ledger *ledger;
static char directory[DIRECTORY_PATH_BYTES];

static const struct mtr_strand strand = {{"acme", 4}, {"s", 1}, {"east", 4}};

static void clean_up(void)
{
    mtr_ledger_close(ledger);
    remove_tree(directory);
}

static void open_ledger(void)
{
    struct mtr_diagnostic diagnostic;
    make_temporary_in_memory(directory);
    int rc = mtr_ledger_open(directory, false, &ledger, &diagnostic);
    MTR_ASSERT(rc == MTR_OK);
    atexit(clean_up);
}

static uint32_t make_properties(struct bytes *bytes, struct mtr_property out[PROPERTIES_MAX])
{
    uint32_t count = 0;
    for (; bytes->at < bytes->end && count < PROPERTIES_MAX; count++) {
        const uint8_t name = take_u8(bytes) % NAMES, kind = take_u8(bytes);
        out[count] = (struct mtr_property){.name = mtr_str_from(names[name]), .kind = (enum mtr_property_kind)(kind % 4)};
        for (uint32_t i = 0; i < count; i++)
            if (mtr_str_equal(out[i].name, out[count].name)) return count;
        if (kind % 4 == MTR_PROPERTY_NUMBER) {
            const int64_t number = (int64_t)take_number(bytes, kind / 4 % 2 ? 8 : 1);
            out[count].number = (struct mtr_decimal){number, kind / 8 % 2 && number % 10 ? 1 : 0};
        } else if (kind % 4 == MTR_PROPERTY_STRING) {
            out[count].text = take_text(bytes);
            /* So long that it goes on in the next piece. */
            if (kind & 0x40) out[count].text = take_rest(bytes);
            if (out[count].text.size > MTR_PROPERTY_TEXT_BYTES_MAX) {
                bytes->at -= out[count].text.size - MTR_PROPERTY_TEXT_BYTES_MAX;
                out[count].text.size = MTR_PROPERTY_TEXT_BYTES_MAX;
            }
        }
    }
    return count;
}

static void check_same(const struct mtr_event *a, const struct mtr_event *b)
{
    MTR_ASSERT(mtr_str_equal(a->id, b->id) && mtr_str_equal(a->source, b->source) && mtr_event_digest(a) == mtr_event_digest(b));
}

/* As whoever writes columns ends each with its line. */
static bool has_lines(struct mtr_str columns)
{
    size_t line = 0;
    for (size_t i = 0; i < columns.size; i++) {
        line = columns.data[i] == '\n' ? 0 : line + 1;
        if (line > MTR_PROPERTY_TEXT_BYTES_MAX / 2) return false;
    }
    return true;
}

static void check_receipt(const struct mtr_event *event, struct mtr_arena *arena)
{
    struct receipt receipt;
    struct mtr_event first, second;
    int rc = receipt_read(event, arena, &receipt);
    MTR_ASSERT(rc == MTR_OK || rc == MTR_ECORRUPT);
    if (rc || !has_lines(receipt.columns)) return;
    MTR_ASSERT(receipt.cursor.size <= MTR_LEDGER_CURSOR_BYTES_MAX && receipt.columns.size <= MTR_LEDGER_COLUMNS_BYTES_MAX);
    MTR_ASSERT(receipt.start_us < receipt.end_us || (!receipt.start_us && !receipt.end_us));
    rc = receipt_write(&receipt, arena, &first);
    if (!rc) rc = receipt_read(&first, arena, &receipt);
    if (!rc) rc = receipt_write(&receipt, arena, &second);
    MTR_ASSERT(rc == MTR_OK);
    check_same(&first, &second);
}

static void check_job(const struct mtr_event *event, struct mtr_arena *arena)
{
    struct job_note note;
    struct mtr_request *requests[2];
    int rc = job_note_read(event, arena, &note);
    MTR_ASSERT(rc == MTR_OK || rc == MTR_ECORRUPT);
    if (rc) return;
    MTR_ASSERT(note.job.id.size <= MTR_LEDGER_JOB_ID_BYTES_MAX && note.job.known.size <= MTR_LEDGER_JOB_KNOWN_BYTES_MAX);
    rc = job_note_make(&note, &requests[0]);
    MTR_ASSERT(rc == MTR_OK && requests[0]->count == 1 && job_note_is(&requests[0]->events[0]));
    rc = job_note_read(&requests[0]->events[0], arena, &note);
    if (!rc) rc = job_note_make(&note, &requests[1]);
    MTR_ASSERT(rc == MTR_OK);
    check_same(&requests[0]->events[0], &requests[1]->events[0]);
    for (int i = 0; i < 2; i++) {
        mtr_request_release(requests[i]);
        free(requests[i]);
    }
}

/* Over a window that waits. */
static void check_control(const struct mtr_event *event)
{
    const struct mtr_ledger_window window = {.start_us = 0, .end_us = 1, .state = MTR_WINDOW_SUSPECT, .agreed = 1, .content = {0, 1}, .problem = MTR_STR("p")};
    struct mtr_ledger_txn *txn;
    struct mtr_ledger_source source;
    int rc = mtr_ledger_begin(ledger, true, &txn);
    if (!rc) rc = mtr_ledger_put_window(txn, &strand, &window);
    MTR_ASSERT(rc == MTR_OK);
    rc = control_fold(txn, event);
    MTR_ASSERT(rc == MTR_OK || rc == MTR_ECORRUPT);
    if (!rc) {
        rc = mtr_ledger_get_source(txn, &strand, &source);
        MTR_ASSERT(rc == MTR_OK && (source.last_reading > 0 || !mtr_str_equal(event->subject, strand.source)));
    }
    mtr_ledger_abort(txn);
}

static void check_row(const struct mtr_event *event, struct mtr_arena *arena)
{
    struct mtr_event_identity key, again;
    struct mtr_str own, id;
    struct mtr_event gone;
    (void)read_row_digest(event);
    if (read_row_own_id(event->id, &own)) MTR_ASSERT(own.size && own.size < event->id.size);
    if (event->id.size && event->id.size <= READ_ROW_ID_BYTES_MAX) {
        int rc = read_row_id(event->id, (uint64_t)event->time_us, arena, &id);
        MTR_ASSERT(rc == MTR_OK && read_row_own_id(id, &own) && mtr_str_equal(own, event->id));
    }
    if (!read_void_key(event, &key)) return;
    const struct mtr_run_row row = {.key = key, .seq = 7};
    int rc = read_void(&row, event->time_us, arena, &gone);
    MTR_ASSERT(rc == MTR_OK && read_void_key(&gone, &again) && again.high == key.high && again.low == key.low);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[TYPES] = {MTR_EVENT_TYPE_READING, MTR_EVENT_TYPE_JOB, MTR_EVENT_TYPE_CONTROL, MTR_EVENT_TYPE_ROW};
    struct bytes bytes = {data, data + size};
    struct mtr_property properties[PROPERTIES_MAX];
    struct mtr_arena arena;
    if (!size || size > 16384) return 0;
    if (!ledger) open_ledger();
    const unsigned type = take_u8(&bytes) % TYPES;
    struct mtr_event event = {.vendor = strand.vendor, .type = mtr_str_from(types[type]), .time_given = true, .properties = properties,
                              .disposition = type == ROW ? MTR_DISPOSITION_VOID : MTR_DISPOSITION_NOTE};
    event.time_us = (int64_t)(take_number(&bytes, 8) % (uint64_t)MTR_TIME_US_MAX);
    event.subject = take_text(&bytes);
    if (type == ROW) event.id = event.subject;
    event.property_count = make_properties(&bytes, properties);
    mtr_arena_init(&arena, 4096, ARENA_BYTES_MAX);
    switch (type) {
    case RECEIPT: check_receipt(&event, &arena); break;
    case JOB: check_job(&event, &arena); break;
    case CONTROL: check_control(&event); break;
    default: check_row(&event, &arena); break;
    }
    mtr_arena_release(&arena);
    return 0;
}
