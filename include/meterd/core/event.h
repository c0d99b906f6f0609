/*
 * One usage report: the attributes of CloudEvents 1.0 that meterd keeps, and its data as a flat map.
 *
 * An event borrows all of its text: from the request's body and arena on the way in, from the decoded block
 * on the way out. Identity is (vendor, source, id), never the time. `vendor` comes from the credential, never
 * from the body.
 */
#ifndef METERD_CORE_EVENT_H
#define METERD_CORE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/decimal.h"
#include "meterd/core/json_writer.h"
#include "meterd/core/str.h"

enum mtr_property_kind {
    MTR_PROPERTY_STRING = 0,
    MTR_PROPERTY_NUMBER = 1,
    MTR_PROPERTY_TRUE = 2,
    MTR_PROPERTY_FALSE = 3
};

struct mtr_property {
    struct mtr_str name;
    enum mtr_property_kind kind;
    union {
        struct mtr_str text;       /* STRING: UTF-8 */
        struct mtr_decimal number; /* NUMBER: exact, canonical */
    };
};

/* How the log keeps the event. Only NORMAL and VOID reach the rollups; the others are quarantine, with the
 * reason in their name. */
enum mtr_disposition {
    MTR_DISPOSITION_NORMAL = 0,
    MTR_DISPOSITION_VOID = 1,     /* takes back the event at target_seq */
    MTR_DISPOSITION_CONFLICT = 2, /* the identity at target_seq was used before with other content */
    MTR_DISPOSITION_EXPIRED = 3,  /* older than the accepted lateness */
    MTR_DISPOSITION_FUTURE = 4,   /* further ahead than the accepted clock skew */
    MTR_DISPOSITION_REFUSED = 5,  /* a row of a source that would be turned away, had it a sender to tell */
    MTR_DISPOSITION_NOTE = 6,     /* the daemon's own: the receipt of a reading. It counts for nothing */
};
enum { MTR_DISPOSITION_COUNT = 7 };
/* normal void conflict expired future refused note */
const char *mtr_disposition_name(enum mtr_disposition disposition);

struct mtr_event {
    struct mtr_str vendor;  /* vendor key */
    struct mtr_str source;  /* CloudEvents source */
    struct mtr_str id;      /* CloudEvents id, 1…256 bytes */
    struct mtr_str type;    /* CloudEvents type */
    struct mtr_str subject; /* the subscription, by the vendor's id */
    int64_t time_us;        /* when the usage happened; the receive time when the vendor gave none */
    bool time_given;        /* false: the vendor gave no time */
    enum mtr_disposition disposition;
    uint64_t target_seq; /* for VOID and CONFLICT, else 0 */
    const struct mtr_property *properties;
    uint32_t property_count; /* names are unique */
};

/* The type that takes back an earlier event of the same vendor and source; its data is {"id": "<the id to
 * void>"}. */
#define MTR_EVENT_TYPE_VOID "meterd.void"
/* A row of a source that is a list: a note in the log, no usage. */
#define MTR_EVENT_TYPE_ITEM "meterd.item"

/* What only the daemon says: sources that begin with the one (what is polled is `meterd:<source's key>`), and
 * types that begin with the other, but for the void. */
#define MTR_EVENT_SOURCE_OWN "meterd:"
#define MTR_EVENT_TYPE_OWN "meterd."
/* Notes that are of no source: that an operator accepted what the machine's clock says. */
#define MTR_EVENT_VENDOR_OWN "meterd"
#define MTR_EVENT_TYPE_CLOCK "meterd.clock"
/* … and that held events were dropped; before it in the block stands a void of this other type for each. Why,
 * in a word, is a property of these. */
#define MTR_EVENT_TYPE_HELD "meterd.held"
#define MTR_EVENT_TYPE_DROP "meterd.drop"
#define MTR_EVENT_PROPERTY_WHY "why"

/* Why an event is REFUSED, or was dropped: one sentence in a property of that name, where the event had room
 * for it. */
#define MTR_EVENT_PROPERTY_REASON "meterd.reason"

/* A property that the intake gives the receipt of a reading: so many rows of its request, which could be
 * mapped, are in quarantine. Lacks for none. */
#define MTR_EVENT_PROPERTY_QUARANTINED "quarantined"

/* The property of that name, or NULL. */
const struct mtr_property *mtr_event_property(const struct mtr_event *event, struct mtr_str name);

/* What filters, dimensions and unique values see of a property: its text; a number in canonical form, so that
 * 1.0 is 1; true or false. Borrowed from the property, or in `number`. */
struct mtr_str mtr_property_text(const struct mtr_property *property, char number[MTR_DECIMAL_TEXT_BYTES]);

/* Its data as the next value of json: {"region":"eu","gb":1.5,"spot":true}, in the event's order. Numbers
 * are JSON numbers, canonical. */
void mtr_event_write_data(const struct mtr_event *event, struct mtr_json_writer *json);

/* 128-bit identity of (vendor, source, id), keyed so that strangers cannot choose collisions:
 * SipHash-2-4-128. */
struct mtr_event_identity {
    uint64_t high;
    uint64_t low;
};
enum { MTR_EVENT_KEY_BYTES = 16 };
struct mtr_event_identity mtr_event_identity(const struct mtr_event *event,
                                             const uint8_t key[MTR_EVENT_KEY_BYTES]);
/* Identity of a quarantined copy: also covers the content and the disposition, so that it never claims the
 * true identity. */
struct mtr_event_identity mtr_event_quarantine_identity(const struct mtr_event *event, uint64_t digest,
                                                        enum mtr_disposition disposition,
                                                        const uint8_t key[MTR_EVENT_KEY_BYTES]);

/* 64-bit digest of the content: type, subject, time when given, and data in any order of its properties;
 * numbers by value (1.0 equals 1). Same identity and digest: duplicate. Same identity, other digest:
 * conflict. */
uint64_t mtr_event_digest(const struct mtr_event *event);

#endif
