/*
 * From a request's body to events. One decoder per content type: a const struct with hooks, its own file, one
 * row in the registry.
 *
 *   application/json                       one plain event object or an array of them
 *   application/cloudevents+json           one structured CloudEvent
 *   application/cloudevents-batch+json     an array of them
 *   application/x-ndjson                   one object a line
 *   application/msgpack (also application/x-msgpack, application/vnd.msgpack)
 *                                          array of maps, or of compact rows:
 *                                          {"fields": [...], "rows": [[...], …]}
 *   anything but the structured types, with ce-specversion
 *                                          CloudEvents binary mode: attributes from ce-* headers, the body
 *                                          (a JSON object, or empty) is the data
 *
 * Content-Encoding identity, gzip or zstd. A body that cannot be read at all (the envelope) is an error with
 * the byte offset and gives 400; an event that is wrong in itself gets the result `invalid` with its field
 * and leaves the others alone. Offsets count bytes of the plain body, except for damaged gzip and zstd, where
 * they count what was received. In NDJSON each line is its own envelope: a line that cannot be read is
 * `invalid`; lines of white space are passed over and take no index.
 *
 * Attributes: id, type, subject are required; source is the vendor's key when left out; time is RFC 3339
 * text, in msgpack also an integer of microseconds since 1970, and the receive time when left out.
 * specversion, when given, must be "1.0"; datacontenttype must be JSON. null is the same as left out. Other
 * attributes (dataschema, extensions) are allowed and not kept. Data is a flat map string → string, number,
 * bool (null members are left out). Numbers stay exact decimals; binary floats in msgpack are refused (`send
 * it as a decimal string or an integer`). Duplicate keys, depth, sizes, counts: limits.h.
 */
#ifndef METERD_COLLECTOR_DECODE_H
#define METERD_COLLECTOR_DECODE_H

#include "meterd/collector/request.h"

/* One ce-* header of binary mode: name without "ce-", lower case; value percent-decoded by the decoder. */
struct mtr_decode_header {
    struct mtr_str name;
    struct mtr_str value;
};

struct mtr_decode_input {
    struct mtr_str body;
    struct mtr_str content_type;             /* with parameters; empty: application/json */
    struct mtr_str content_encoding;         /* empty: identity */
    const struct mtr_decode_header *headers; /* binary mode */
    uint32_t header_count;
    uint64_t body_bytes_max;         /* after decompression */
    uint32_t events_max;
    int64_t received_us;             /* becomes the time of events without one */
};

/* Fills request->events and ->results (request initialized, vendor set). Events borrow from the request's
 * arena only, never from `input`. MTR_EINVALID: unreadable envelope (400). MTR_ENOTFOUND: unknown content
 * type or encoding (415). MTR_ELIMIT: too large or too many events (413). MTR_ENOMEM. The diagnostic says
 * what and at which byte. */
int mtr_decode(const struct mtr_decode_input *input, struct mtr_request *request,
               struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
