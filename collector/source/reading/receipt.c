/*
 * Receipts to events and back. The names of the data are part of the log's format (docs/formats.md).
 */
#include "collector/source/reading/receipt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "meterd/core/limits.h"
#include "meterd/core/time.h"

enum { COLUMN_PIECES_MAX = 6 };
enum { CURSOR_PIECES_MAX = MTR_LEDGER_CURSOR_BYTES_MAX / MTR_PROPERTY_TEXT_BYTES_MAX, PROPERTIES_MAX = 40 };
_Static_assert(MTR_EVENT_ID_BYTES_MAX == 256, "as READ_ROW_ID_BYTES_MAX says");

/* ---- writing ---- */

struct writing {
    struct mtr_arena *arena;
    struct mtr_property *properties;
    uint32_t count;
    int rc;
};

static struct mtr_property *add(struct writing *writing, const char *name, enum mtr_property_kind kind)
{
    MTR_ASSERT(writing->count < PROPERTIES_MAX);
    struct mtr_property *property = &writing->properties[writing->count++];
    *property = (struct mtr_property){.name = mtr_str_from(name), .kind = kind};
    return property;
}

static void add_text(struct writing *writing, const char *name, struct mtr_str text)
{
    if (!text.size) return;
    int rc = mtr_arena_copy(writing->arena, text, &add(writing, name, MTR_PROPERTY_STRING)->text);
    if (rc) writing->rc = rc;
}

static void add_number(struct writing *writing, const char *name, uint64_t number)
{
    add(writing, name, MTR_PROPERTY_NUMBER)->number = (struct mtr_decimal){.mantissa = (mtr_int128)number};
}

static void add_flag(struct writing *writing, const char *name, bool flag)
{
    if (flag) (void)add(writing, name, MTR_PROPERTY_TRUE);
}

static void add_time(struct writing *writing, const char *name, int64_t time_us)
{
    char text[MTR_TIME_TEXT_BYTES];
    mtr_time_format(time_us, text);
    add_text(writing, name, mtr_str_from(text));
}

static void add_hash(struct writing *writing, const char *name, struct mtr_hash128 hash)
{
    char text[33];
    snprintf(text, sizeof(text), "%016" PRIx64 "%016" PRIx64, hash.high, hash.low);
    add_text(writing, name, mtr_str_from(text));
}

static const char *const cursor_names[CURSOR_PIECES_MAX] = {"cursor", "cursor2", "cursor3", "cursor4"};

static void add_cursor(struct writing *writing, struct mtr_str cursor)
{
    MTR_ASSERT(cursor.size <= MTR_LEDGER_CURSOR_BYTES_MAX);
    if (cursor.data && !cursor.size) add(writing, cursor_names[0], MTR_PROPERTY_STRING)->text = MTR_STR("");
    for (int i = 0; cursor.size; i++) {
        size_t size = cursor.size < MTR_PROPERTY_TEXT_BYTES_MAX ? cursor.size : MTR_PROPERTY_TEXT_BYTES_MAX;
        add_text(writing, cursor_names[i], (struct mtr_str){cursor.data, size});
        cursor = (struct mtr_str){cursor.data + size, cursor.size - size};
    }
}

static const char *const column_names[COLUMN_PIECES_MAX] = {"columns",  "columns2", "columns3",
                                                            "columns4", "columns5", "columns6"};

/* Cut between two lines, so that each piece is a text. */
static void add_columns(struct writing *writing, struct mtr_str columns)
{
    for (int i = 0; columns.size && i < COLUMN_PIECES_MAX; i++) {
        size_t size = columns.size < MTR_PROPERTY_TEXT_BYTES_MAX ? columns.size : MTR_PROPERTY_TEXT_BYTES_MAX;
        while (size < columns.size && columns.data[size - 1] != '\n') size--;
        add_text(writing, column_names[i], (struct mtr_str){columns.data, size});
        columns = (struct mtr_str){columns.data + size, columns.size - size};
    }
    MTR_ASSERT(!columns.size); /* a line is short, so a piece is nearly full */
}

static void add_all(struct writing *writing, const struct receipt *receipt)
{
    add_text(writing, "each", receipt->strand.each);
    if (receipt->end_us > receipt->start_us) {
        add_time(writing, "window_start", receipt->start_us);
        add_time(writing, "window_end", receipt->end_us);
    }
    add_text(writing, "state", mtr_str_from(mtr_window_state_name(receipt->state)));
    add_number(writing, "reading", receipt->reading);
    add_number(writing, "part", receipt->part);
    add_flag(writing, "last", receipt->is_last);
    add_flag(writing, "append", receipt->is_append);
    if (receipt->agreed) add_number(writing, "agreed", receipt->agreed);
    add_number(writing, "rows", receipt->rows);
    add_number(writing, "same", receipt->same);
    add_number(writing, "new", receipt->added);
    add_number(writing, "changed", receipt->changed);
    add_number(writing, "gone", receipt->gone);
    add_number(writing, "problems", receipt->problems);
    add_number(writing, "skipped", receipt->skipped);
    if (receipt->lifted) add_number(writing, "lifted", receipt->lifted);
    add(writing, "sum", MTR_PROPERTY_NUMBER)->number = receipt->sum;
    add_hash(writing, "content", receipt->content);
    add_cursor(writing, receipt->cursor);
    add_text(writing, "problem", receipt->problem);
    if (receipt->newest_us) add_time(writing, "newest", receipt->newest_us);
    add_columns(writing, receipt->columns);
}

int receipt_source(struct mtr_str key, struct mtr_arena *arena, struct mtr_str *out)
{
    const struct mtr_str prefix = MTR_STR(MTR_EVENT_SOURCE_OWN);
    char *text = mtr_arena_alloc(arena, prefix.size + key.size);
    if (!text) return MTR_ENOMEM;
    memcpy(text, prefix.data, prefix.size);
    memcpy(text + prefix.size, key.data, key.size);
    *out = (struct mtr_str){text, prefix.size + key.size};
    return MTR_OK;
}

int receipt_write(const struct receipt *receipt, struct mtr_arena *arena, struct mtr_event *out)
{
    char id[48];
    struct writing writing = {.arena = arena};
    writing.properties = mtr_arena_calloc(arena, PROPERTIES_MAX, sizeof(*writing.properties));
    if (!writing.properties) return MTR_ENOMEM;
    snprintf(id, sizeof(id), "@%" PRIu64 ".%u", receipt->reading, (unsigned)receipt->part);
    add_all(&writing, receipt);
    *out = (struct mtr_event){.vendor = receipt->strand.vendor,
                              .type = MTR_STR(MTR_EVENT_TYPE_READING),
                              .time_us = receipt->began_us,
                              .time_given = true,
                              .disposition = MTR_DISPOSITION_NOTE,
                              .properties = writing.properties,
                              .property_count = writing.count};
    int rc = writing.rc;
    if (!rc) rc = mtr_arena_copy(arena, mtr_str_from(id), &out->id);
    if (!rc) rc = mtr_arena_copy(arena, receipt->strand.source, &out->subject);
    return rc ? rc : receipt_source(receipt->strand.source, arena, &out->source);
}

/* ---- reading ---- */

bool receipt_is(const struct mtr_event *event)
{
    return event->disposition == MTR_DISPOSITION_NOTE &&
           mtr_str_equal(event->type, MTR_STR(MTR_EVENT_TYPE_READING));
}

static struct mtr_str text_of(const struct mtr_event *event, const char *name)
{
    const struct mtr_property *property = mtr_event_property(event, mtr_str_from(name));
    if (!property || property->kind != MTR_PROPERTY_STRING) return (struct mtr_str){NULL, 0};
    return property->text;
}

static bool number_of(const struct mtr_event *event, const char *name, uint64_t *out)
{
    const struct mtr_property *property = mtr_event_property(event, mtr_str_from(name));
    *out = 0;
    if (!property) return true;
    const bool is_one = property->kind == MTR_PROPERTY_NUMBER && !property->number.scale &&
                        property->number.mantissa >= 0 && property->number.mantissa <= INT64_MAX;
    if (is_one) *out = (uint64_t)property->number.mantissa;
    return is_one;
}

static bool flag_of(const struct mtr_event *event, const char *name)
{
    const struct mtr_property *property = mtr_event_property(event, mtr_str_from(name));
    return property && property->kind == MTR_PROPERTY_TRUE;
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

static bool read_window(const struct mtr_event *event, struct receipt *out)
{
    const struct mtr_str start = text_of(event, "window_start"), end = text_of(event, "window_end");
    if (!start.size && !end.size) return true;
    return !mtr_time_parse(start, &out->start_us) && !mtr_time_parse(end, &out->end_us) &&
           out->start_us < out->end_us;
}

static bool read_counts(const struct mtr_event *event, struct receipt *out)
{
    uint64_t part, agreed;
    if (!number_of(event, "reading", &out->reading) || !number_of(event, "part", &part) ||
        !number_of(event, "agreed", &agreed) || part > RECEIPT_PARTS_MAX || agreed > UINT32_MAX)
        return false;
    const struct mtr_property *sum = mtr_event_property(event, MTR_STR("sum"));
    if (sum && sum->kind == MTR_PROPERTY_NUMBER) out->sum = sum->number;
    out->part = (uint32_t)part;
    out->agreed = (uint32_t)agreed;
    return number_of(event, "rows", &out->rows) && number_of(event, "same", &out->same) &&
           number_of(event, "new", &out->added) && number_of(event, "changed", &out->changed) &&
           number_of(event, "gone", &out->gone) && number_of(event, "problems", &out->problems) &&
           number_of(event, "skipped", &out->skipped) && number_of(event, "lifted", &out->lifted);
}

static int read_cursor(const struct mtr_event *event, struct mtr_arena *arena, struct mtr_str *out)
{
    const struct mtr_str first = text_of(event, cursor_names[0]);
    *out = first;
    if (first.size < MTR_PROPERTY_TEXT_BYTES_MAX) return MTR_OK;
    char *text = mtr_arena_alloc(arena, MTR_LEDGER_CURSOR_BYTES_MAX);
    if (!text) return MTR_ENOMEM;
    size_t size = 0;
    for (int i = 0; i < CURSOR_PIECES_MAX; i++) {
        const struct mtr_str piece = text_of(event, cursor_names[i]);
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
        const struct mtr_str piece = text_of(event, column_names[i]);
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
    *out = (struct receipt){.strand = {event->vendor, event->subject, text_of(event, "each")},
                            .began_us = event->time_us,
                            .is_last = flag_of(event, "last"),
                            .is_append = flag_of(event, "append"),
                            .problem = text_of(event, "problem")};
    if (!event->subject.size || event->subject.size > MTR_KEY_BYTES_MAX ||
        out->strand.each.size > MTR_LEDGER_EACH_BYTES_MAX ||
        out->problem.size > MTR_LEDGER_PROBLEM_BYTES_MAX || !read_window(event, out) ||
        !read_counts(event, out) || !state_of(text_of(event, "state"), &out->state) ||
        !hex_of(text_of(event, "content"), &out->content.high, &out->content.low))
        return MTR_ECORRUPT;
    const struct mtr_str newest = text_of(event, "newest");
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
    char number[24];
    const int digits = snprintf(number, sizeof(number), "#%" PRIu64, reading);
    char *text = mtr_arena_alloc(arena, id.size + (size_t)digits);
    if (!text) return MTR_ENOMEM;
    memcpy(text, id.data, id.size);
    memcpy(text + id.size, number, (size_t)digits);
    *out = (struct mtr_str){text, id.size + (size_t)digits};
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
