/*
 * The rules of events, format by format the same: attributes and their sizes, flat data, exact numbers, no
 * key twice.
 *
 * Invariants: request->count counts begun events; slab[0 … property_count) is the current event's data; a
 * property slab always has room for one event's maximum when an event begins, so that adding a property never
 * allocates. One thread at a time. It does not judge time windows, subscriptions or duplicates of other
 * events: that is the intake's.
 */
#include "collector/decode/draft.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "meterd/core/limits.h"
#include "meterd/core/time.h"

enum { EVENTS_FIRST = 16, PROPERTY_SLAB_MAX = 2048, FAULT_TEXT_BYTES = 200 };

#define EXTENSIONS_MAX (sizeof(((struct mtr_draft *)0)->extensions) / sizeof(struct mtr_str))

static const char *const attribute_names[] = {
    "id", "source", "type", "subject", "time", "specversion", "datacontenttype", "data_base64", "data"};
static const size_t attribute_bytes_max[] = {MTR_EVENT_ID_BYTES_MAX, MTR_EVENT_SOURCE_BYTES_MAX,
                                             MTR_EVENT_TYPE_BYTES_MAX, MTR_EVENT_SUBJECT_BYTES_MAX};

static bool is_name(struct mtr_str name, enum mtr_attribute attribute)
{
    return memcmp(name.data, attribute_names[attribute], name.size) == 0;
}

enum mtr_attribute draft_attribute_from_name(struct mtr_str name)
{
    enum mtr_attribute candidate = MTR_ATTRIBUTE_EXTENSION;
    switch (name.size) {
    case 2: candidate = MTR_ATTRIBUTE_ID; break;
    case 4:
        candidate = name.data[0] == 'd'   ? MTR_ATTRIBUTE_DATA
                    : name.data[1] == 'y' ? MTR_ATTRIBUTE_TYPE
                                          : MTR_ATTRIBUTE_TIME;
        break;
    case 6: candidate = MTR_ATTRIBUTE_SOURCE; break;
    case 7: candidate = MTR_ATTRIBUTE_SUBJECT; break;
    case 11: candidate = name.data[0] == 's' ? MTR_ATTRIBUTE_SPECVERSION : MTR_ATTRIBUTE_DATA_BASE64; break;
    case 15: candidate = MTR_ATTRIBUTE_DATACONTENTTYPE; break;
    default: return MTR_ATTRIBUTE_EXTENSION;
    }
    return is_name(name, candidate) ? candidate : MTR_ATTRIBUTE_EXTENSION;
}

void draft_init(struct mtr_draft *draft, struct mtr_request *request, uint32_t events_max,
                int64_t received_us)
{
    *draft = (struct mtr_draft){.request = request, .events_max = events_max, .received_us = received_us};
    request->events = NULL;
    request->results = NULL;
    request->count = 0;
}

static int grow(struct mtr_draft *draft, uint32_t capacity)
{
    struct mtr_request *request = draft->request;
    struct mtr_event *events = mtr_arena_alloc(&request->arena, capacity * sizeof(*events));
    struct mtr_event_result *results = mtr_arena_alloc(&request->arena, capacity * sizeof(*results));
    if (!events || !results) return MTR_ENOMEM;
    if (request->count) {
        memcpy(events, request->events, request->count * sizeof(*events));
        memcpy(results, request->results, request->count * sizeof(*results));
    }
    request->events = events;
    request->results = results;
    draft->capacity = capacity;
    return MTR_OK;
}

int draft_reserve(struct mtr_draft *draft, uint64_t count)
{
    uint64_t wanted = draft->request->count + count;
    if (wanted > draft->events_max) wanted = draft->events_max;
    return wanted > draft->capacity ? grow(draft, (uint32_t)wanted) : MTR_OK;
}

/* Slabs follow the room for events: a request of one event does not pay for a thousand. */
static int ensure_slab(struct mtr_draft *draft)
{
    if (draft->slab_left >= MTR_EVENT_PROPERTIES_MAX) return MTR_OK;
    uint32_t count = draft->capacity < PROPERTY_SLAB_MAX / 4 ? draft->capacity * 4 : PROPERTY_SLAB_MAX;
    if (count < MTR_EVENT_PROPERTIES_MAX) count = MTR_EVENT_PROPERTIES_MAX;
    struct mtr_property *slab = mtr_arena_alloc(&draft->request->arena, count * sizeof(*slab));
    if (!slab) return MTR_ENOMEM;
    draft->slab = slab;
    draft->slab_left = count;
    return MTR_OK;
}

int draft_begin(struct mtr_draft *draft)
{
    struct mtr_request *request = draft->request;
    MTR_ASSERT(!draft->event);
    if (request->count == draft->events_max) return MTR_ELIMIT;
    if (request->count == draft->capacity) {
        uint64_t doubled = draft->capacity ? (uint64_t)draft->capacity * 2 : EVENTS_FIRST;
        int rc = grow(draft, doubled > draft->events_max ? draft->events_max : (uint32_t)doubled);
        if (rc) return rc;
    }
    int rc = ensure_slab(draft);
    if (rc) return rc;
    draft->event = &request->events[request->count];
    draft->result = &request->results[request->count];
    request->count++;
    *draft->event = (struct mtr_event){.vendor = request->vendor};
    *draft->result = (struct mtr_event_result){.code = MTR_RESULT_ACCEPTED};
    draft->property_count = 0;
    draft->null_mask = 0;
    draft->seen = 0;
    draft->extension_count = 0;
    return MTR_OK;
}

static bool has_fault(const struct mtr_draft *draft)
{
    return draft->result->code == MTR_RESULT_INVALID;
}

void draft_fault(struct mtr_draft *draft, enum mtr_finding_code finding, const char *field,
                 const char *reason)
{
    if (has_fault(draft)) return;
    *draft->result = (struct mtr_event_result){
        .code = MTR_RESULT_INVALID, .field = field, .reason = reason, .finding = finding};
}

void draft_faultf(struct mtr_draft *draft, enum mtr_finding_code finding, const char *field,
                  const char *format, ...)
{
    char text[FAULT_TEXT_BYTES];
    va_list args;
    if (has_fault(draft)) return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    const char *copy = mtr_arena_strdup(&draft->request->arena, mtr_str_from(text));
    draft_fault(draft, finding, field, copy ? copy : "malformed");
}

/* "data.<name>", the name cut to its limit so that an answer stays small. */
static void fault_property(struct mtr_draft *draft, struct mtr_str name, struct draft_reason reason)
{
    char field[sizeof("data.") + MTR_PROPERTY_NAME_BYTES_MAX];
    if (has_fault(draft)) return;
    if (name.size > MTR_PROPERTY_NAME_BYTES_MAX) name.size = MTR_PROPERTY_NAME_BYTES_MAX;
    snprintf(field, sizeof(field), "data.%.*s", MTR_STR_ARGS(name));
    const char *copy = mtr_arena_strdup(&draft->request->arena, mtr_str_from(field));
    draft_fault(draft, reason.finding, copy ? copy : "data", reason.text);
}

#define EVERY_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

static uint64_t word_at(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof(word));
    return word;
}

/* All of 1 to 7 bytes, some of them twice. */
static uint64_t short_word(struct mtr_str text)
{
    if (text.size >= 4) {
        uint32_t first, last;
        memcpy(&first, text.data, sizeof(first));
        memcpy(&last, text.data + text.size - sizeof(last), sizeof(last));
        return (uint64_t)last << 32 | first;
    }
    uint64_t first = (unsigned char)text.data[0], middle = (unsigned char)text.data[text.size / 2],
             last = (unsigned char)text.data[text.size - 1];
    return EVERY_BYTE(first) << 24 | last << 16 | middle << 8 | first;
}

static uint64_t controls(uint64_t word)
{
    return (word - EVERY_BYTE(0x20)) & ~word;
}

/* 0x80 in a byte of `beyond_ascii` or `control`: there is one. Eight bytes at a time, the last eight too. */
struct text_scan {
    uint64_t beyond_ascii, control;
};

static struct text_scan scan_text(struct mtr_str text)
{
    uint64_t word = 0;
    struct text_scan scan = {0, 0};
    if (text.size == 0) return scan;
    for (size_t i = 0; i + 8 < text.size; i += 8) {
        word = word_at(text.data + i);
        scan.beyond_ascii |= word;
        scan.control |= controls(word);
    }
    word = text.size < 8 ? short_word(text) : word_at(text.data + text.size - 8);
    return (struct text_scan){(scan.beyond_ascii | word) & EVERY_BYTE(0x80),
                              (scan.control | controls(word)) & EVERY_BYTE(0x80)};
}

static bool has_control(struct mtr_str text)
{
    return scan_text(text).control != 0;
}

static bool is_utf8(struct mtr_str text)
{
    return scan_text(text).beyond_ascii == 0 || mtr_str_is_utf8(text);
}

static bool is_well_formed(const struct mtr_value *value)
{
    return value->utf8_checked || is_utf8(value->text);
}

static void set_text(struct mtr_draft *draft, enum mtr_attribute attribute, const struct mtr_value *value)
{
    struct mtr_str *const targets[] = {&draft->event->id, &draft->event->source, &draft->event->type,
                                       &draft->event->subject};
    const char *field = attribute_names[attribute];
    if (value->text.size == 0) {
        draft_fault(draft, MTR_FINDING_EVENT_FIELD_MISSING, field, "must not be empty");
    } else if (value->text.size > attribute_bytes_max[attribute]) {
        draft_faultf(draft, MTR_FINDING_EVENT_FIELD_LENGTH, field, "longer than %zu bytes",
                     attribute_bytes_max[attribute]);
    } else if (!is_well_formed(value)) {
        draft_fault(draft, MTR_FINDING_EVENT_FIELD_TEXT, field, "not valid UTF-8");
    } else if (has_control(value->text)) {
        draft_fault(draft, MTR_FINDING_EVENT_FIELD_TEXT, field, "holds a control character");
    } else {
        *targets[attribute] = value->text;
    }
}

static void set_time(struct mtr_draft *draft, const struct mtr_value *value)
{
    int64_t time_us = 0;
    if (value->kind == MTR_VALUE_INTEGER) {
        if (value->integer < 0 || value->integer >= (mtr_int128)MTR_TIME_S_MAX * MTR_US_PER_SECOND) {
            draft_fault(draft, MTR_FINDING_EVENT_TIME_RANGE, "time",
                        "outside the years 1970 to 2199 (integers are microseconds since 1970)");
            return;
        }
        time_us = (int64_t)value->integer;
    } else {
        int rc = mtr_time_parse_fine(value->text, &time_us);
        if (rc == MTR_EOVERFLOW) {
            draft_fault(draft, MTR_FINDING_EVENT_TIME_RANGE, "time", "outside the years 1970 to 2199");
        } else if (rc) {
            draft_fault(draft, MTR_FINDING_EVENT_TIME_MALFORMED, "time", mtr_time_fault(value->text));
        }
        if (rc) return;
    }
    draft->event->time_us = time_us;
    draft->event->time_given = true;
}

static bool ends_with_lower(struct mtr_str text, struct mtr_str suffix)
{
    if (text.size < suffix.size) return false;
    return mtr_str_equal_lower((struct mtr_str){text.data + text.size - suffix.size, suffix.size}, suffix);
}

/* application/json, text/json, anything/…+json; parameters do not matter. */
static bool is_json_media_type(struct mtr_str text)
{
    const char *semicolon = text.size ? memchr(text.data, ';', text.size) : NULL;
    if (semicolon) text.size = (size_t)(semicolon - text.data);
    while (text.size && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t')) text.size--;
    return ends_with_lower(text, MTR_STR("/json")) || ends_with_lower(text, MTR_STR("+json"));
}

static void set_checked(struct mtr_draft *draft, enum mtr_attribute attribute, const struct mtr_value *value)
{
    switch (attribute) {
    case MTR_ATTRIBUTE_TIME: set_time(draft, value); break;
    case MTR_ATTRIBUTE_SPECVERSION:
        if (!mtr_str_equal(value->text, MTR_STR("1.0")))
            draft_fault(draft, MTR_FINDING_EVENT_CLOUDEVENTS, "specversion",
                        "only CloudEvents 1.0 is understood");
        break;
    case MTR_ATTRIBUTE_DATACONTENTTYPE:
        if (!is_json_media_type(value->text))
            draft_fault(draft, MTR_FINDING_EVENT_CLOUDEVENTS, "datacontenttype", "data must be JSON");
        break;
    case MTR_ATTRIBUTE_DATA_BASE64:
        draft_fault(draft, MTR_FINDING_EVENT_CLOUDEVENTS, "data_base64",
                    "binary data is not usage: send a map as data");
        break;
    case MTR_ATTRIBUTE_DATA:
        draft_fault(draft, MTR_FINDING_EVENT_FIELD_KIND, "data", "must be a map");
        break;
    default: set_text(draft, attribute, value); break;
    }
}

static const char *extension_field(struct mtr_draft *draft, struct mtr_str name)
{
    if (name.size > MTR_PROPERTY_NAME_BYTES_MAX) name.size = MTR_PROPERTY_NAME_BYTES_MAX;
    return mtr_arena_strdup(&draft->request->arena, name);
}

/* Extensions are not kept, yet a key twice is a sender's mistake that must not pass. */
static void note_extension(struct mtr_draft *draft, struct mtr_str name, const struct mtr_value *value)
{
    for (uint32_t i = 0; i < draft->extension_count; i++) {
        if (!mtr_str_equal(draft->extensions[i], name)) continue;
        draft_fault(draft, MTR_FINDING_EVENT_FIELD_REPEATED, extension_field(draft, name), "given twice");
        return;
    }
    if (draft->extension_count == EXTENSIONS_MAX) {
        draft_fault(draft, MTR_FINDING_EVENT_LIMIT, NULL, "more than 16 extension attributes");
        return;
    }
    draft->extensions[draft->extension_count++] = name;
    /* The event itself is the first level. */
    if (value->kind == MTR_VALUE_NESTED && value->depth + 1 > MTR_EVENT_DEPTH_MAX)
        draft_faultf(draft, MTR_FINDING_EVENT_LIMIT, extension_field(draft, name),
                     "nested deeper than %d levels", MTR_EVENT_DEPTH_MAX);
}

static bool first_time(struct mtr_draft *draft, enum mtr_attribute attribute)
{
    unsigned bit = 1u << attribute;
    if (draft->seen & bit) {
        draft_fault(draft, MTR_FINDING_EVENT_FIELD_REPEATED, attribute_names[attribute], "given twice");
        return false;
    }
    draft->seen |= bit;
    return true;
}

void draft_attribute(struct mtr_draft *draft, enum mtr_attribute attribute, struct mtr_str name,
                     const struct mtr_value *value)
{
    if (attribute == MTR_ATTRIBUTE_EXTENSION) {
        note_extension(draft, name, value);
        return;
    }
    if (!first_time(draft, attribute) || value->kind == MTR_VALUE_NULL) return;
    if (value->kind == MTR_VALUE_REFUSED) {
        draft_fault(draft, value->finding, attribute_names[attribute], value->reason);
    } else if (value->kind == MTR_VALUE_TEXT ||
               (attribute == MTR_ATTRIBUTE_TIME && value->kind == MTR_VALUE_INTEGER)) {
        set_checked(draft, attribute, value);
    } else {
        draft_fault(draft, MTR_FINDING_EVENT_FIELD_KIND, attribute_names[attribute],
                    attribute == MTR_ATTRIBUTE_DATA   ? "must be a map"
                    : attribute == MTR_ATTRIBUTE_TIME ? "must be a string such as \"2026-03-29T01:59:59Z\""
                                                      : "must be a string");
    }
}

bool draft_data_begin(struct mtr_draft *draft)
{
    return first_time(draft, MTR_ATTRIBUTE_DATA);
}

static const struct draft_reason no_fault = {.text = NULL};

struct draft_reason draft_name_fault(struct mtr_str name, bool utf8_checked)
{
    if (name.size == 0)
        return (struct draft_reason){"a property's name must not be empty", MTR_FINDING_EVENT_FIELD_NAME};
    if (name.size > MTR_PROPERTY_NAME_BYTES_MAX)
        return (struct draft_reason){"the name is longer than 64 bytes", MTR_FINDING_EVENT_FIELD_NAME};
    if (!utf8_checked && !is_utf8(name))
        return (struct draft_reason){"the name is not valid UTF-8", MTR_FINDING_EVENT_FIELD_NAME};
    if (has_control(name))
        return (struct draft_reason){"the name holds a control character", MTR_FINDING_EVENT_FIELD_NAME};
    return no_fault;
}

static struct draft_reason place_fault(const struct mtr_draft *draft, struct mtr_str name)
{
    for (uint32_t i = 0; i < draft->property_count; i++)
        if (mtr_str_equal(draft->slab[i].name, name))
            return (struct draft_reason){"given twice", MTR_FINDING_EVENT_FIELD_REPEATED};
    if (draft->property_count == MTR_EVENT_PROPERTIES_MAX)
        return (struct draft_reason){"more than 64 properties", MTR_FINDING_EVENT_LIMIT};
    return no_fault;
}

static struct draft_reason set_number(struct mtr_property *property, struct mtr_str text)
{
    property->kind = MTR_PROPERTY_NUMBER;
    switch (mtr_decimal_parse(text, &property->number)) {
    case MTR_OK: return no_fault;
    case MTR_EPRECISION:
        return (struct draft_reason){"more than 38 digits: it cannot be kept exactly",
                                     MTR_FINDING_EVENT_FIELD_NUMBER};
    case MTR_EOVERFLOW:
        return (struct draft_reason){"number out of range: 38 digits at most",
                                     MTR_FINDING_EVENT_FIELD_NUMBER};
    default:
        return (struct draft_reason){"not a finite number, string, true, false or null",
                                     MTR_FINDING_EVENT_FIELD_KIND};
    }
}

static struct draft_reason set_integer(struct mtr_property *property, mtr_int128 integer)
{
    property->kind = MTR_PROPERTY_NUMBER;
    property->number = (struct mtr_decimal){.mantissa = integer};
    return no_fault;
}

static struct draft_reason set_string(struct mtr_property *property, const struct mtr_value *value)
{
    if (value->text.size > MTR_PROPERTY_TEXT_BYTES_MAX)
        return (struct draft_reason){"longer than 1024 bytes", MTR_FINDING_EVENT_FIELD_LENGTH};
    if (!is_well_formed(value)) return (struct draft_reason){"not valid UTF-8", MTR_FINDING_EVENT_FIELD_TEXT};
    property->kind = MTR_PROPERTY_STRING;
    property->text = value->text;
    return no_fault;
}

/* Fills the property, or says what is wrong with the value. */
static struct draft_reason set_value(struct mtr_property *property, const struct mtr_value *value)
{
    switch (value->kind) {
    case MTR_VALUE_NUMBER: return set_number(property, value->text);
    case MTR_VALUE_INTEGER: return set_integer(property, value->integer);
    case MTR_VALUE_TRUE: property->kind = MTR_PROPERTY_TRUE; return no_fault;
    case MTR_VALUE_FALSE: property->kind = MTR_PROPERTY_FALSE; return no_fault;
    case MTR_VALUE_NULL: property->kind = MTR_PROPERTY_FALSE; return no_fault;
    case MTR_VALUE_NESTED: return (struct draft_reason){"data must be flat", MTR_FINDING_EVENT_FIELD_KIND};
    case MTR_VALUE_REFUSED: return (struct draft_reason){value->reason, value->finding};
    case MTR_VALUE_TEXT: break;
    }
    return set_string(property, value);
}

void draft_data_named(struct mtr_draft *draft, struct mtr_str name, const struct mtr_value *value)
{
    MTR_ASSERT(draft->property_count < MTR_EVENT_PROPERTIES_MAX);
    struct mtr_property *property = &draft->slab[draft->property_count];
    property->name = name;
    const struct draft_reason reason = set_value(property, value);
    if (reason.text) {
        fault_property(draft, name, reason);
        return;
    }
    if (value->kind == MTR_VALUE_NULL) draft->null_mask |= UINT64_C(1) << draft->property_count;
    draft->property_count++;
}

void draft_data(struct mtr_draft *draft, struct mtr_str name, const struct mtr_value *value)
{
    struct draft_reason reason = draft_name_fault(name, value->utf8_checked);
    if (!reason.text) reason = place_fault(draft, name);
    if (reason.text) {
        fault_property(draft, name, reason);
    } else {
        draft_data_named(draft, name, value);
    }
}

static void drop_nulls(struct mtr_draft *draft)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < draft->property_count; i++)
        if (!(draft->null_mask >> i & 1)) draft->slab[kept++] = draft->slab[i];
    draft->property_count = kept;
}

void draft_end(struct mtr_draft *draft)
{
    struct mtr_event *event = draft->event;
    MTR_ASSERT(event);
    if (!event->id.size) draft_fault(draft, MTR_FINDING_EVENT_FIELD_MISSING, "id", "missing");
    if (!event->type.size) draft_fault(draft, MTR_FINDING_EVENT_FIELD_MISSING, "type", "missing");
    if (!event->subject.size) draft_fault(draft, MTR_FINDING_EVENT_FIELD_MISSING, "subject", "missing");
    if (!event->source.size) event->source = event->vendor;
    if (!event->time_given) event->time_us = draft->received_us;
    if (draft->null_mask) drop_nulls(draft);
    event->properties = draft->property_count ? draft->slab : NULL;
    event->property_count = draft->property_count;
    draft->slab += draft->property_count;
    draft->slab_left -= draft->property_count;
    draft->event = NULL;
}

_Static_assert(MTR_EVENT_PROPERTIES_MAX <= 64, "null_mask has a bit for each property");
