/*
 * How an answer goes on: `paging` of a source, a driver each.
 *
 *   paging: none
 *   paging: {page: {send: query.page, first: 1}}
 *   paging: {offset: {send: query.offset, limit: {send: query.limit, value: 50}}}
 *   paging: {cursor: {path: meta.next, send: query.cursor, has_more: has_more}}
 *   paging: {next_url: {path: '["@odata.nextLink"]'}}
 *   paging: {link_header: {rel: next}}
 *   paging: {after_id: {send: query.starting_after, id: id, has_more: has_more, newest_first: true,
 *                       time: created, since: "query.created[gte]"}}
 *   paging: {parts: {list: "blobs[]", url: url, size: size, md5: md5, count: blobCount, etag: eTag}}
 *                    (of Microsoft's manifests: root: rootDirectory, token_query: sasToken)
 *   paging: {parts: {list: "reportKeys[]", item: ".", url: "/bucket/{item}", etag: assemblyId}}
 *   paging: {parts: {s3_list: true, token: NextContinuationToken, send: query.continuation-token,
 *                    url: "/bucket/{item}"}}
 *
 * Paths are of the page's body (row_path.h); those of `parts` beside list are of an item, unless they say
 * otherwise.
 */
#ifndef METERD_SOURCE_SOURCE_PAGING_H
#define METERD_SOURCE_SOURCE_PAGING_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/str.h"

enum mtr_paging_kind {
    MTR_PAGING_NONE,
    MTR_PAGING_PAGE,
    MTR_PAGING_OFFSET, /* moves by the rows that came */
    MTR_PAGING_CURSOR,
    MTR_PAGING_NEXT_URL,
    MTR_PAGING_LINK_HEADER,
    MTR_PAGING_AFTER_ID,
    MTR_PAGING_PARTS
};

/* Where of the request a value goes: query.NAME, header.NAME, body.PATH. */
enum mtr_send_place { MTR_SEND_NOWHERE, MTR_SEND_QUERY, MTR_SEND_HEADER, MTR_SEND_BODY };
struct mtr_send {
    enum mtr_send_place place;
    struct mtr_str name; /* of BODY a path of names: meta.page */
};

/* page and offset */
struct mtr_paging_count {
    struct mtr_send send;
    uint64_t first;
    struct mtr_send limit; /* NOWHERE: none is sent */
    uint64_t limit_value;  /* rows asked for in a page; 0: not known */
    struct mtr_str total;  /* path of the number of rows; empty: the end is an empty page */
    struct mtr_str has_more;
    bool short_page_ends; /* a page of fewer rows than asked for is the last */
};

struct mtr_paging_cursor {
    struct mtr_str path;
    struct mtr_send send;
    struct mtr_str has_more; /* path; empty: an absent, null or empty token ends it */
};

struct mtr_paging_after_id {
    struct mtr_send send;
    struct mtr_str id;       /* path in a row */
    struct mtr_str has_more; /* path in the page */
    bool newest_first;       /* pages lead back in time, to the id that is known */
    struct mtr_str time;     /* path in a row: with it the last second is asked again … */
    struct mtr_send since;   /* … by this */
};

struct mtr_paging_parts {
    bool is_s3_list;
    struct mtr_str list;     /* path of the parts in a manifest: "blobs[]" */
    struct mtr_str url;      /* path in a part; or, where it holds "{item}", a template */
    bool url_is_template;
    struct mtr_str item;        /* path in a part: what {item} of the template is */
    struct mtr_str root;        /* path in the manifest: stands before each link, with a slash between */
    struct mtr_str token_query; /* path in the manifest: a query string behind each link */
    struct mtr_str size, md5, sha256; /* paths in a part; empty: not checked */
    struct mtr_str count, etag;       /* paths in the manifest; empty: not checked */
    struct mtr_str token;             /* of a listing that goes on */
    struct mtr_send send;
    const uint16_t *expired; /* statuses of a link that is too old: the manifest is asked anew */
    uint32_t expired_count;
};

struct mtr_source_paging {
    enum mtr_paging_kind kind;
    union {
        const struct mtr_paging_count *count; /* PAGE, OFFSET */
        const struct mtr_paging_cursor *cursor;
        const struct mtr_paging_after_id *after_id;
        const struct mtr_paging_parts *parts;
        struct {
            struct mtr_str next_path;     /* NEXT_URL */
            struct mtr_str next_has_more; /* path; may be empty */
        };
        struct mtr_str rel; /* LINK_HEADER */
    };
};

#endif
