/*
 * From JSON tokens to the draft of an event. A fault in a value does not stop the reading: the id may stand
 * after it.
 */
#include "collector/decode/json_event.h"

int json_data_read(struct mtr_json_cursor *cursor, struct mtr_draft *draft)
{
    int rc = json_cursor_expect(cursor, '{', "'{' is expected");
    if (rc) return rc;
    bool more = json_cursor_peek(cursor) != '}';
    if (!more) cursor->offsets++;
    while (more) {
        struct mtr_value value;
        struct mtr_str name;
        const char *refused;
        rc = json_cursor_name_read(cursor, &name, &refused);
        if (!rc) rc = json_cursor_value_read(cursor, &value);
        if (rc) return rc;
        if (refused) {
            draft_fault(draft, MTR_FINDING_EVENT_FIELD_TEXT, "data", refused);
        } else {
            value.utf8_checked = cursor->utf8_checked;
            draft_data(draft, name, &value);
        }
        rc = json_cursor_more(cursor, '}', &more);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int read_attribute(struct mtr_json_cursor *cursor, struct mtr_draft *draft)
{
    struct mtr_value value;
    struct mtr_str name;
    const char *refused;
    int rc = json_cursor_name_read(cursor, &name, &refused);
    if (rc) return rc;
    if (refused) draft_fault(draft, MTR_FINDING_EVENT_FIELD_TEXT, NULL, refused);
    enum mtr_attribute attribute = draft_attribute_from_name(name);
    if (attribute == MTR_ATTRIBUTE_DATA && json_cursor_peek(cursor) == '{' && draft_data_begin(draft))
        return json_data_read(cursor, draft);
    rc = json_cursor_value_read(cursor, &value);
    if (rc) return rc;
    draft_attribute(draft, attribute, name, &value);
    return MTR_OK;
}

int json_event_read(struct mtr_json_cursor *cursor, struct mtr_draft *draft)
{
    struct mtr_value value;
    if (json_cursor_peek(cursor) != '{') {
        int rc = json_cursor_value_read(cursor, &value);
        if (!rc) draft_fault(draft, MTR_FINDING_EVENT_FIELD_KIND, NULL, "an event must be a map");
        return rc;
    }
    cursor->offsets++;
    bool more = json_cursor_peek(cursor) != '}';
    if (!more) cursor->offsets++;
    while (more) {
        int rc = read_attribute(cursor, draft);
        if (!rc) rc = json_cursor_more(cursor, '}', &more);
        if (rc) return rc;
    }
    return MTR_OK;
}

/* Size of the well-formed UTF-8 sequence at p, or 0. */
static size_t sequence_bytes(const char *p, size_t left)
{
    for (size_t size = 1; size <= 4 && size <= left; size++)
        if (mtr_str_is_utf8((struct mtr_str){p, size})) return size;
    return 0;
}

const char *json_locate_fault(struct mtr_str text, uint64_t *offset)
{
    bool in_string = false;
    uint64_t opened = 0;
    for (size_t i = 0; i < text.size;) {
        size_t step = sequence_bytes(text.data + i, text.size - i);
        *offset = i;
        if (step == 0) return "not valid UTF-8";
        if (in_string && (unsigned char)text.data[i] < 0x20)
            return "control character inside a string (is a quote missing before it?)";
        if (text.data[i] == '"') {
            in_string = !in_string;
            opened = i;
        }
        bool escapes = in_string && text.data[i] == '\\' && i + 1 < text.size;
        unsigned char next = escapes ? (unsigned char)text.data[i + 1] : 0;
        i += escapes && next >= 0x20 && next < 0x80 ? 2 : step;
    }
    *offset = in_string ? opened : text.size;
    return in_string ? "string without an end" : "malformed";
}
