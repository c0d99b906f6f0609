/*
 * An event in the making: the rules that every format shares.
 *
 * A decoder reads its bytes and hands over values; the draft knows what attributes and data may be, keeps the
 * first fault of each event as its result, and goes on, so that the answer can still name the event's id.
 * Events, results and properties live in the request's arena.
 *
 *   begin ─▶ (attribute | data)* ─▶ end        once for every event, in the request's order
 */
#ifndef METERD_COLLECTOR_DECODE_DRAFT_H
#define METERD_COLLECTOR_DECODE_DRAFT_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/collector/request.h"

enum mtr_attribute {
    MTR_ATTRIBUTE_ID,
    MTR_ATTRIBUTE_SOURCE,
    MTR_ATTRIBUTE_TYPE,
    MTR_ATTRIBUTE_SUBJECT,
    MTR_ATTRIBUTE_TIME,
    MTR_ATTRIBUTE_SPECVERSION,
    MTR_ATTRIBUTE_DATACONTENTTYPE,
    MTR_ATTRIBUTE_DATA_BASE64,
    MTR_ATTRIBUTE_DATA,
    MTR_ATTRIBUTE_EXTENSION, /* dataschema, extensions: allowed, not kept */
};

enum mtr_value_kind {
    MTR_VALUE_NULL,
    MTR_VALUE_TRUE,
    MTR_VALUE_FALSE,
    MTR_VALUE_NUMBER,  /* text, as written */
    MTR_VALUE_INTEGER, /* integer, exact */
    MTR_VALUE_TEXT,
    MTR_VALUE_NESTED,   /* a map or list, read over by the decoder */
    MTR_VALUE_REFUSED,  /* reason says why: a binary float, broken escape, … */
};

struct mtr_value {
    enum mtr_value_kind kind;
    bool utf8_checked;   /* TEXT: the format's own scan has checked it */
    uint8_t depth;       /* NESTED: levels of it, 1 when flat */
    struct mtr_str text; /* in the request's arena */
    enum mtr_finding_code finding; /* of the reason */
    mtr_int128 integer;
    const char *reason; /* static */
};

struct mtr_draft {
    struct mtr_request *request;
    uint32_t capacity; /* of request->events and ->results */
    uint32_t events_max;
    int64_t received_us;
    struct mtr_property *slab; /* properties of the current event stand at its start */
    uint32_t slab_left;
    struct mtr_event *event; /* the current one; NULL outside begin … end */
    struct mtr_event_result *result;
    uint32_t property_count;
    uint64_t null_mask;            /* properties given as null: known for duplicates, dropped at the end */
    unsigned seen;                 /* attributes, bit by bit */
    struct mtr_str extensions[16]; /* names of what is not kept, to refuse a second one */
    uint32_t extension_count;
};

void draft_init(struct mtr_draft *draft, struct mtr_request *request, uint32_t events_max,
                int64_t received_us);
/* Room for `count` more events at once; a hint, capped by events_max. */
int draft_reserve(struct mtr_draft *draft, uint64_t count) MTR_MUST_USE;

int draft_begin(struct mtr_draft *draft) MTR_MUST_USE; /* MTR_ELIMIT: more than events_max; MTR_ENOMEM */
enum mtr_attribute draft_attribute_from_name(struct mtr_str name);
void draft_attribute(struct mtr_draft *draft, enum mtr_attribute attribute, struct mtr_str name,
                     const struct mtr_value *value);
/* Opens the data map; false when the event already had one (the fault is set). */
bool draft_data_begin(struct mtr_draft *draft);
void draft_data(struct mtr_draft *draft, struct mtr_str name, const struct mtr_value *value);
/* The same for a name that draft_name_fault has passed and that is not in the event yet: columns are
 * checked once for all rows. */
void draft_data_named(struct mtr_draft *draft, struct mtr_str name, const struct mtr_value *value);
/* What is wrong with a name or a value: a sentence, static, and its code; text NULL: nothing. */
struct draft_reason {
    const char *text;
    enum mtr_finding_code finding;
};
/* Of the name of a property. */
struct draft_reason draft_name_fault(struct mtr_str name, bool utf8_checked);
/* First fault wins. `field` and `reason` are static or in the arena; field may be NULL. */
void draft_fault(struct mtr_draft *draft, enum mtr_finding_code finding, const char *field,
                 const char *reason);
void draft_faultf(struct mtr_draft *draft, enum mtr_finding_code finding, const char *field,
                  const char *format, ...) MTR_PRINTF(4, 5);
void draft_end(struct mtr_draft *draft);

#endif
