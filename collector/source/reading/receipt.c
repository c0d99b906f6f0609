/*
 * Receipts to events and back. The names of the data are part of the log's format (docs/formats.md).
 */
#include "collector/source/reading/receipt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "collector/source/note.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"

enum { COLUMN_PIECES_MAX = 6 };
enum { CURSOR_PIECES_MAX = MTR_LEDGER_CURSOR_BYTES_MAX / MTR_PROPERTY_TEXT_BYTES_MAX };
_Static_assert(MTR_EVENT_ID_BYTES_MAX == 256, "as READ_ROW_ID_BYTES_MAX says");

/* ---- writing ---- */

static const char *const cursor_names[CURSOR_PIECES_MAX] = {"cursor", "cursor2", "cursor3", "cursor4"};

static void add_cursor(struct note_writing *writing, struct mtr_str cursor)
{
    MTR_ASSERT(cursor.size <= MTR_LEDGER_CURSOR_BYTES_MAX);
    if (cursor.data && !cursor.size)
        note_add(writing, cursor_names[0], MTR_PROPERTY_STRING)->text = MTR_STR("");
    for (int i = 0; cursor.size; i++) {
        size_t size = cursor.size < MTR_PROPERTY_TEXT_BYTES_MAX ? cursor.size : MTR_PROPERTY_TEXT_BYTES_MAX;
        note_add_text(writing, cursor_names[i], (struct mtr_str){cursor.data, size});
        cursor = (struct mtr_str){cursor.data + size, cursor.size - size};
    }
}

static const char *const column_names[COLUMN_PIECES_MAX] = {"columns",  "columns2", "columns3",
                                                            "columns4", "columns5", "columns6"};

/* Cut between two lines, so that each piece is a text. */
static void add_columns(struct note_writing *writing, struct mtr_str columns)
{
    for (int i = 0; columns.size && i < COLUMN_PIECES_MAX; i++) {
        size_t size = columns.size < MTR_PROPERTY_TEXT_BYTES_MAX ? columns.size : MTR_PROPERTY_TEXT_BYTES_MAX;
        while (size < columns.size && columns.data[size - 1] != '\n') size--;
        note_add_text(writing, column_names[i], (struct mtr_str){columns.data, size});
        columns = (struct mtr_str){columns.data + size, columns.size - size};
    }
    MTR_ASSERT(!columns.size); /* a line is short, so a piece is nearly full */
}

static void add_counting(struct note_writing *writing, const struct mtr_ledger_counting *counting)
{
    if (counting->rows == MTR_LEDGER_NOBODY_LOOKED) return;
    note_add_number(writing, "counting", counting->rows);
    note_add(writing, "counting_sum", MTR_PROPERTY_NUMBER)->number = counting->sum;
}

static void add_all(struct note_writing *writing, const struct receipt *receipt)
{
    char proofs[MTR_PROOFS_TEXT_BYTES];
    note_add_text(writing, "each", receipt->strand.each);
    note_add_window(writing, receipt->start_us, receipt->end_us);
    note_add_text(writing, "state", mtr_str_from(mtr_window_state_name(receipt->state)));
    note_add_number(writing, "reading", receipt->reading);
    note_add_number(writing, "part", receipt->part);
    note_add_flag(writing, "last", receipt->is_last);
    note_add_flag(writing, "append", receipt->is_append);
    if (receipt->agreed) note_add_number(writing, "agreed", receipt->agreed);
    note_add_number(writing, "rows", receipt->rows);
    note_add_number(writing, "same", receipt->same);
    note_add_number(writing, "new", receipt->added);
    note_add_number(writing, "changed", receipt->changed);
    note_add_number(writing, "gone", receipt->gone);
    note_add_number(writing, "problems", receipt->problems);
    note_add_number(writing, "skipped", receipt->skipped);
    if (receipt->unknown != MTR_LEDGER_NOBODY_LOOKED) note_add_number(writing, "unknown", receipt->unknown);
    if (receipt->repeated) note_add_number(writing, "repeated", receipt->repeated);
    note_add_text(writing, "proof", mtr_proofs_text(receipt->proofs, proofs));
    if (receipt->lifted) note_add_number(writing, "lifted", receipt->lifted);
    if (receipt->pages) note_add_number(writing, "pages", receipt->pages);
    if (receipt->pieces > 1) note_add_number(writing, "pieces", receipt->pieces);
    if (receipt->replays) note_add_number(writing, "replays", receipt->replays);
    note_add(writing, "sum", MTR_PROPERTY_NUMBER)->number = receipt->sum;
    add_counting(writing, &receipt->counting);
    note_add_hash(writing, "content", receipt->content);
    add_cursor(writing, receipt->cursor);
    note_add_text(writing, "problem", receipt->problem);
    if (receipt->newest_us) note_add_time(writing, "newest", receipt->newest_us);
    add_columns(writing, receipt->columns);
    if (receipt->quarantined) note_add_number(writing, MTR_EVENT_PROPERTY_QUARANTINED, receipt->quarantined);
}

int receipt_write(const struct receipt *receipt, struct mtr_arena *arena, struct mtr_event *out)
{
    char id[48];
    struct note_writing writing = {.arena = arena};
    int rc = note_begin(&writing);
    if (rc) return rc;
    snprintf(id, sizeof(id), "@%" PRIu64 ".%u", receipt->reading, (unsigned)receipt->part);
    add_all(&writing, receipt);
    const struct note_head head = {receipt->strand.vendor, receipt->strand.source, MTR_EVENT_TYPE_READING, id,
                                   receipt->began_us};
    return note_end(&writing, &head, out);
}

/* ---- reading ---- */

bool receipt_is(const struct mtr_event *event)
{
    return event->disposition == MTR_DISPOSITION_NOTE &&
           mtr_str_equal(event->type, MTR_STR(MTR_EVENT_TYPE_READING));
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex_of(struct mtr_str text, uint64_t *high, uint64_t *low)
{
    uint64_t halves[2] = {0, 0};
    if (text.size != 32) return false;
    for (size_t i = 0; i < 32; i++) {
        const int digit = hex_digit(text.data[i]);
        if (digit < 0) return false;
        halves[i / 16] = halves[i / 16] << 4 | (uint64_t)digit;
    }
    *high = halves[0];
    *low = halves[1];
    return true;
}

static bool state_of(struct mtr_str text, enum mtr_window_state *out)
{
    for (int i = 0; i < MTR_WINDOW_STATE_COUNT; i++) {
        *out = (enum mtr_window_state)i;
        if (mtr_str_equal(text, mtr_str_from(mtr_window_state_name(*out)))) return true;
    }
    return false;
}

static bool read_counting(const struct mtr_event *event, struct mtr_ledger_counting *out)
{
    const struct mtr_property *sum = mtr_event_property(event, MTR_STR("counting_sum"));
    out->rows = MTR_LEDGER_NOBODY_LOOKED;
    if (!sum || sum->kind != MTR_PROPERTY_NUMBER) return true;
    out->sum = sum->number;
    return note_number_of(event, "counting", &out->rows);
}

static bool read_counts(const struct mtr_event *event, struct receipt *out)
{
    uint64_t part, agreed, pages, pieces;
    if (!note_number_of(event, "reading", &out->reading) || !note_number_of(event, "part", &part) ||
        !note_number_of(event, "agreed", &agreed) || part > RECEIPT_PARTS_MAX || agreed > UINT32_MAX)
        return false;
    if (!note_number_of(event, "pages", &pages) || !note_number_of(event, "pieces", &pieces) ||
        pages > UINT32_MAX || pieces > UINT32_MAX)
        return false;
    out->pages = (uint32_t)pages;
    out->pieces = pieces ? (uint32_t)pieces : 1;
    const struct mtr_property *sum = mtr_event_property(event, MTR_STR("sum"));
    if (sum && sum->kind == MTR_PROPERTY_NUMBER) out->sum = sum->number;
    const bool is_told = mtr_event_property(event, MTR_STR("unknown"));
    out->part = (uint32_t)part;
    out->agreed = (uint32_t)agreed;
    out->unknown = MTR_LEDGER_NOBODY_LOOKED;
    if (is_told && !note_number_of(event, "unknown", &out->unknown)) return false;
    return note_number_of(event, "rows", &out->rows) && note_number_of(event, "same", &out->same) &&
           note_number_of(event, "new", &out->added) && note_number_of(event, "changed", &out->changed) &&
           note_number_of(event, "gone", &out->gone) && note_number_of(event, "problems", &out->problems) &&
           note_number_of(event, "skipped", &out->skipped) &&
           note_number_of(event, "repeated", &out->repeated) &&
           note_number_of(event, MTR_EVENT_PROPERTY_QUARANTINED, &out->quarantined) &&
           note_number_of(event, "lifted", &out->lifted) && note_number_of(event, "replays", &out->replays);
}

static int read_cursor(const struct mtr_event *event, struct mtr_arena *arena, struct mtr_str *out)
{
    const struct mtr_str first = note_text_of(event, cursor_names[0]);
    *out = first;
    if (first.size < MTR_PROPERTY_TEXT_BYTES_MAX) return MTR_OK;
    char *text = mtr_arena_alloc(arena, MTR_LEDGER_CURSOR_BYTES_MAX);
    if (!text) return MTR_ENOMEM;
    size_t size = 0;
    for (int i = 0; i < CURSOR_PIECES_MAX; i++) {
        const struct mtr_str piece = note_text_of(event, cursor_names[i]);
        if (piece.size > MTR_PROPERTY_TEXT_BYTES_MAX) return MTR_ECORRUPT;
        if (piece.size) memcpy(text + size, piece.data, piece.size);
        size += piece.size;
    }
    *out = (struct mtr_str){text, size};
    return MTR_OK;
}

static int read_columns(const struct mtr_event *event, struct mtr_arena *arena, struct mtr_str *out)
{
    char *text = NULL;
    size_t size = 0;
    for (int i = 0; i < COLUMN_PIECES_MAX; i++) {
        const struct mtr_str piece = note_text_of(event, column_names[i]);
        if (!piece.size) break;
        if (size + piece.size > MTR_LEDGER_COLUMNS_BYTES_MAX) return MTR_ECORRUPT;
        if (!text) text = mtr_arena_alloc(arena, MTR_LEDGER_COLUMNS_BYTES_MAX);
        if (!text) return MTR_ENOMEM;
        memcpy(text + size, piece.data, piece.size);
        size += piece.size;
    }
    *out = (struct mtr_str){text, size};
    return MTR_OK;
}

int receipt_read(const struct mtr_event *event, struct mtr_arena *arena, struct receipt *out)
{
    MTR_ASSERT(receipt_is(event));
    *out = (struct receipt){.strand = {event->vendor, event->subject, note_text_of(event, "each")},
                            .began_us = event->time_us,
                            .is_last = note_flag_of(event, "last"),
                            .is_append = note_flag_of(event, "append"),
                            .problem = note_text_of(event, "problem")};
    if (!event->subject.size || event->subject.size > MTR_KEY_BYTES_MAX ||
        out->strand.each.size > MTR_LEDGER_EACH_BYTES_MAX ||
        out->problem.size > MTR_LEDGER_PROBLEM_BYTES_MAX ||
        !note_read_window(event, &out->start_us, &out->end_us) ||
        !read_counts(event, out) || !read_counting(event, &out->counting) ||
        !mtr_proofs_parse(note_text_of(event, "proof"), &out->proofs) ||
        !state_of(note_text_of(event, "state"), &out->state) ||
        !hex_of(note_text_of(event, "content"), &out->content.high, &out->content.low))
        return MTR_ECORRUPT;
    const struct mtr_str newest = note_text_of(event, "newest");
    if (newest.size && mtr_time_parse(newest, &out->newest_us)) return MTR_ECORRUPT;
    int rc = read_columns(event, arena, &out->columns);
    return rc ? rc : read_cursor(event, arena, &out->cursor);
}

/* ---- rows ---- */

struct mtr_event_identity read_row_key(struct mtr_str vendor, struct mtr_str source, struct mtr_str id,
                                       const uint8_t event_key[MTR_EVENT_KEY_BYTES])
{
    const struct mtr_event row = {.vendor = vendor, .source = source, .id = id};
    return mtr_event_identity(&row, event_key);
}

int read_row_id(struct mtr_str id, uint64_t reading, struct mtr_arena *arena, struct mtr_str *out)
{
    MTR_ASSERT(id.size && id.size <= READ_ROW_ID_BYTES_MAX);
    char number[24], *begin = number + sizeof(number);
    do
        *--begin = (char)('0' + reading % 10);
    while (reading /= 10);
    *--begin = '#';
    const size_t size = (size_t)(number + sizeof(number) - begin);
    char *text = mtr_arena_alloc(arena, id.size + size);
    if (!text) return MTR_ENOMEM;
    memcpy(text, id.data, id.size);
    memcpy(text + id.size, begin, size);
    *out = (struct mtr_str){text, id.size + size};
    return MTR_OK;
}

bool read_row_own_id(struct mtr_str id, struct mtr_str *own)
{
    size_t size = id.size;
    while (size && id.data[size - 1] >= '0' && id.data[size - 1] <= '9')
        size--;
    if (size < 2 || size == id.size || id.data[size - 1] != '#') return false;
    *own = (struct mtr_str){id.data, size - 1};
    return true;
}

int read_void(const struct mtr_run_row *row, int64_t window_start_us, struct mtr_arena *arena,
              struct mtr_event *out)
{
    char id[72];
    snprintf(id, sizeof(id), "-%016" PRIx64 "%016" PRIx64 ".%" PRIu64, row->key.high, row->key.low,
             (uint64_t)row->seq);
    const char *copy = mtr_arena_strdup(arena, mtr_str_from(id));
    if (!copy) return MTR_ENOMEM;
    *out = (struct mtr_event){.id = mtr_str_from(copy),
                              .type = MTR_STR(MTR_EVENT_TYPE_VOID),
                              .time_us = window_start_us,
                              .time_given = true,
                              .disposition = MTR_DISPOSITION_VOID,
                              .target_seq = row->seq};
    return MTR_OK;
}

bool read_void_key(const struct mtr_event *event, struct mtr_event_identity *key)
{
    const struct mtr_str id = event->id;
    return event->disposition == MTR_DISPOSITION_VOID && id.size > 34 && id.data[0] == '-' &&
           id.data[33] == '.' && hex_of((struct mtr_str){id.data + 1, 32}, &key->high, &key->low);
}

uint64_t read_row_digest(const struct mtr_event *event)
{
    struct mtr_event row = *event;
    struct mtr_str own;
    if (mtr_str_equal(row.type, MTR_STR(MTR_EVENT_TYPE_ROW))) {
        if (!read_row_own_id(row.id, &own)) own = row.id;
        return XXH3_64bits(own.data, own.size);
    }
    if (row.disposition == MTR_DISPOSITION_REFUSED && row.property_count &&
        mtr_str_equal(row.properties[row.property_count - 1].name, MTR_STR(MTR_EVENT_PROPERTY_REASON)))
        row.property_count--;
    return mtr_event_digest(&row);
}
