/*
 * The limits of the program: unit, reason, and how they must relate.
 *
 * What stands here holds always: stores, formats and buffers on the stack rely on it. What operators may
 * change is in the configuration, with a range of its own, never beyond these. A limit is checked once, where
 * data comes in (the collector's judge, the catalog's readers): there more is an error value, further in it
 * is an assertion. Names say what they count; sizes are bytes, `1 << 20` is a MiB.
 *
 *   events of a request  ≤  events of a block       one request is one commit
 *   attributes of events ─▶ keys of the stores      ≤ MTR_LMDB_KEY_BYTES_MAX
 *   quantity of an event ×  events of a cell        < what 128 bits hold
 *
 * The assertions at the end say it to the compiler. A limit of one module stands in that module's header.
 */
#ifndef METERD_CORE_LIMITS_H
#define METERD_CORE_LIMITS_H

#include <stdint.h>

/* Event attributes, bytes. Keys of the stores are at most 511 bytes (LMDB), and they are made of these. */
enum {
    MTR_EVENT_ID_BYTES_MAX = 256,
    MTR_EVENT_SOURCE_BYTES_MAX = 256,
    MTR_EVENT_TYPE_BYTES_MAX = 128,
    MTR_EVENT_SUBJECT_BYTES_MAX = 128,
    MTR_EVENT_PROPERTIES_MAX = 64,
    MTR_PROPERTY_NAME_BYTES_MAX = 64,
    MTR_PROPERTY_TEXT_BYTES_MAX = 1024,
    MTR_EVENT_DEPTH_MAX = 4, /* nesting of the envelope around the flat data map */
};

/* One event's quantity, in whole units, in magnitude. A sum holds 1.7 × 10^26 units (128 bits of 10^-12),
 * which is 1.7 × 10^10 of the largest events: more than a vendor can send into one cell, so that nobody
 * can make a sum overflow and stop the fold. */
#define MTR_EVENT_QUANTITY_MAX INT64_C(10000000000000000)

/* Documents of the catalog. Depth and nodes bound what a text can make the reader allocate. */
enum {
    MTR_KEY_BYTES_MAX = 64,     /* keys of vendors, services, meters, tariffs, subscriptions, destinations */
    MTR_NAME_BYTES_MAX = 2 * MTR_KEY_BYTES_MAX + 1, /* of meters and tariffs elsewhere: SERVICE/KEY */
    MTR_METER_GROUP_BY_MAX = 8, /* dimensions of one meter */
    MTR_SUBSCRIPTION_CUTS_MAX = 4096, /* instants inside local hours at which a part of it begins */
    MTR_DIMENSIONS_BYTES_MAX = 384, /* encoded dimensions inside a cell's key */
    MTR_DOCUMENT_BYTES_MAX = 16 << 20,
    MTR_DOCUMENT_DEPTH_MAX = 32,
    MTR_DOCUMENT_NODES_MAX = 4 << 20,
};

/* One group commit. A request never spans two blocks, so the request's limit must fit the block's. */
enum {
    MTR_REQUEST_EVENTS_MAX = 100000,
    MTR_BLOCK_EVENTS_MAX = 131072,
    MTR_BLOCK_BYTES_MAX = 256 << 20, /* decoded */
};

/* LMDB (lmdb.h): its own bound of a key, and how many read transactions a store has at a time. */
enum {
    MTR_LMDB_KEY_BYTES_MAX = 511,
    MTR_LMDB_READERS_MAX = 512,
};

_Static_assert(MTR_REQUEST_EVENTS_MAX <= MTR_BLOCK_EVENTS_MAX, "a request must fit one block");
_Static_assert(MTR_DIMENSIONS_BYTES_MAX + 64 <= MTR_LMDB_KEY_BYTES_MAX, "a cell's key must fit");
_Static_assert(MTR_EVENT_SUBJECT_BYTES_MAX + MTR_KEY_BYTES_MAX + 32 <= MTR_LMDB_KEY_BYTES_MAX,
               "a held event's key must fit");

/* Changes of one subscription over its life. */
enum { MTR_SUBSCRIPTION_CHANGES_MAX = 256 };

#endif
