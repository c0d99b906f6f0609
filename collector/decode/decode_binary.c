/*
 * CloudEvents binary mode: one event whose attributes stand in ce-* headers, percent-encoded as the HTTP
 * binding says (after undoing a quoted string), and whose data is the body. An empty body is an event without
 * data.
 */
#include "collector/decode/decoder.h"
#include "collector/decode/json_event.h"

#include <string.h>

/* "a\"b" to a"b; text without quotes around it stays. Writes at most text.size bytes. */
static size_t unquote(struct mtr_str text, char *out)
{
    if (text.size < 2 || text.data[0] != '"' || text.data[text.size - 1] != '"') {
        if (text.size) memcpy(out, text.data, text.size);
        return text.size;
    }
    size_t size = 0;
    for (size_t i = 1; i + 1 < text.size; i++) {
        if (text.data[i] == '\\' && i + 2 < text.size) i++;
        out[size++] = text.data[i];
    }
    return size;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One round, in place. A '%' without two digits after it stays as it is, as the binding asks. */
static size_t percent_decode(char *text, size_t size)
{
    size_t out = 0;
    for (size_t i = 0; i < size; i++) {
        int high = text[i] == '%' && i + 2 < size ? hex_digit(text[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low >= 0) i += 2;
        text[out++] = low >= 0 ? (char)(high << 4 | low) : text[i];
    }
    return out;
}

static int read_header(struct mtr_decode_job *job, const struct mtr_decode_header *header)
{
    struct mtr_str name;
    char *text = mtr_arena_alloc(&job->request->arena, header->value.size + 1);
    int rc = mtr_arena_copy(&job->request->arena, header->name, &name);
    if (!text || rc) return MTR_ENOMEM;
    size_t size = percent_decode(text, unquote(header->value, text));
    struct mtr_value value = {.kind = MTR_VALUE_TEXT, .text = {text, size}};
    draft_attribute(&job->draft, draft_attribute_from_name(name), name, &value);
    return MTR_OK;
}

static int read_data(struct mtr_decode_job *job)
{
    struct mtr_json_index index;
    struct mtr_json_cursor cursor;
    struct mtr_str text = {job->text, job->size};
    int rc = json_index_build(text, &index);
    if (rc == MTR_EINVALID) {
        uint64_t offset;
        const char *reason = json_locate_fault(text, &offset);
        return decode_fail(job, offset, "JSON", reason);
    }
    if (rc) return rc;
    json_cursor_init(&cursor, job->text, job->size, &index);
    if (json_cursor_peek(&cursor) == '{' && draft_data_begin(&job->draft)) {
        rc = json_data_read(&cursor, &job->draft);
    } else {
        struct mtr_value ignored;
        rc = json_cursor_value_read(&cursor, &ignored);
        if (!rc) draft_fault(&job->draft, MTR_FINDING_EVENT_FIELD_KIND, "data", "must be a map");
    }
    if (!rc && json_cursor_peek(&cursor) != MTR_JSON_END)
        rc = json_cursor_fail(&cursor, "something follows the end of the data");
    return rc ? decode_fail(job, cursor.fault_offset, "JSON", cursor.fault) : MTR_OK;
}

int decode_binary(struct mtr_decode_job *job)
{
    int rc = decode_begin(job);
    for (uint32_t i = 0; i < job->input->header_count && !rc; i++)
        rc = read_header(job, &job->input->headers[i]);
    if (!rc && job->size) rc = read_data(job);
    if (!rc) draft_end(&job->draft);
    return rc;
}
