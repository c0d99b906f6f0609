/*
 * A source: where a vendor's usage is fetched, at which period, and how its rows become events. The checked
 * model of a document of the catalog's kind `source` (docs/reference/catalog.md has every key):
 *
 *   sources:
 *     - key: acme-usage
 *       vendor: acme
 *       base_url: https://api.acme.example/v2
 *       schedule: {every: 1h, at: "00:10"}
 *       window: {length: day, start: 2026-01-01, lateness: 6h, rereads: [1d, 10d]}
 *       request: {path: /usage, query: {from: "{from:%Y-%m-%d}", to: "{to:%Y-%m-%d}"}}
 *       auth: {header: {value: "Bearer {secret}", secret_file: /etc/meterd/acme.token}}
 *       paging: {cursor: {path: meta.next, send: query.cursor}}
 *       format: {json: {rows: "data[]"}}
 *       identity: {id: lineId}
 *       map: {type: =vm.hour, subject: accountId, time: usageStart, data: {quantity: amount}}
 *
 * What the rows of a document are for stands in headers of their own: source_timing.h (schedule, window),
 * source_request.h (request, for_each, job), source_auth.h, source_paging.h, source_answer.h (answer,
 * complete), import_map.h (format, identity, map).
 *
 * Values are checked when the document is applied, templates included; who works by them meets no surprise
 * but the vendor's. Texts that are templates say so: they stay text, and were parsed once. Secrets are never
 * here: files are named that hold them.
 *
 * A source is immutable once read, for any thread; all that it points to is in the arena that it was read
 * into, zones in the cache of whoever gave them.
 */
#ifndef METERD_SOURCE_SOURCE_H
#define METERD_SOURCE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/str.h"
#include "meterd/source/import_map.h"
#include "meterd/source/source_answer.h"
#include "meterd/source/source_auth.h"
#include "meterd/source/source_paging.h"
#include "meterd/source/source_request.h"
#include "meterd/source/source_timing.h"

enum {
    MTR_SOURCE_TEXT_BYTES_MAX = 4096, /* of a template, a path, a name of a file */
    MTR_SOURCE_HOSTS_MAX = 16
};

/* What a reading does to the rows that its window has. */
enum mtr_source_delivery {
    MTR_DELIVERY_OVERWRITE, /* it replaces them: what is gone is taken back */
    MTR_DELIVERY_APPEND     /* it adds to them */
};

/* https://api.acme.example:8443/v2, cut: to it alone go credentials. */
struct mtr_source_base {
    bool is_https;
    struct mtr_str host; /* as written; of an IPv6 address without its brackets */
    uint16_t port;       /* 443 and 80 where none is written */
    struct mtr_str path; /* "/v2": without a slash at its end; may be empty */
    struct mtr_str url;  /* all of it, without a slash at its end */
};

/* Of requests to the vendor. One bucket for all sources that name the same key. */
struct mtr_source_limits {
    struct mtr_str key;   /* of the bucket; empty: base_url's host */
    uint32_t rate_count;  /* requests in rate_per_us; 0: no bound */
    int64_t rate_per_us;
    uint64_t daily;       /* requests in a day of UTC; 0: no bound */
    uint32_t concurrency; /* requests at a time */
};

/* What a reading must not do to a window unless it is confirmed (a `suspect`). */
struct mtr_source_guard {
    uint32_t shrink_percent; /* of rows or quantity that may vanish at once; 100: all */
    uint64_t jump_times;     /* of the usual; 0: no bound */
    uint64_t rows_max;       /* of one reading: more is the alarm `limit` */
    uint32_t agree;          /* equal readings that confirm it */
    int64_t every_us;        /* between two of them, at least */
};

/* What rows look like, and how many come. */
enum mtr_source_columns {
    MTR_COLUMNS_ANY,  /* nobody looks */
    MTR_COLUMNS_GROW, /* new ones may come, none may go */
    MTR_COLUMNS_EXACT
};
struct mtr_source_expect {
    enum mtr_source_columns columns;
    int64_t freshness_us; /* the newest row is at most so old; 0: nobody looks */
    uint64_t rows_min;    /* of a reading of a closed window */
};

struct mtr_source {
    uint32_t number; /* that the catalog gave to the key; 0: none yet */
    uint64_t edition; /* a hash of the document: another one after each change of it */
    int64_t created_us; /* when the catalog first had it: of a document that is read alone 0 */
    struct mtr_str key;
    struct mtr_str vendor; /* key of the vendor whose events these are */
    struct mtr_str preset; /* empty: none */
    bool disabled;
    /* Of a stored document that a later rule refuses, or whose zone the system has lost: "FIELD: why". It is
     * disabled then, and of what follows only the limits of its windows are known, where has_limits says so.
     * Empty: it was read. */
    struct mtr_str unreadable;
    bool has_limits; /* nothing is wrong with length, periods and zone of its windows */
    bool by_hand; /* nobody is asked: files are its answers. base, request, auth, paging, job are empty */
    struct mtr_source_base base;
    const struct mtr_str *hosts; /* where links of answers may lead besides base.host; "*.NAME": below it */
    uint32_t host_count;
    struct mtr_source_schedule schedule;
    struct mtr_source_window window;
    const struct mtr_source_era *eras; /* that the catalog remembers, oldest first */
    uint32_t era_count;
    enum mtr_source_delivery delivery;
    struct mtr_source_each each;
    struct mtr_source_request request;
    struct mtr_source_auth auth;
    struct mtr_source_paging paging;
    const struct mtr_source_job *job; /* NULL: answers are the rows */
    bool tells_end; /* what asks for usage says where the window ends */
    bool asks_from; /* the same: says from when usage is wanted */
    struct mtr_source_answer answer;
    struct mtr_source_complete complete;
    struct mtr_import_map map; /* and how its rows are packed (format) and told apart (identity: map.id) */
    struct mtr_source_limits limits;
    struct mtr_source_guard guard;
    struct mtr_source_expect expect;
    bool holds_close;             /* billing periods wait for its windows … */
    int64_t holds_close_most_us;  /* … at most so long */
    int64_t pages_keep_us;        /* the vendor's bytes stay so long; 0: until they are applied */
};

/* Do its rows name what other sources ask for (`for_each: {rows: …}`)? They are of the type `meterd.item`, no
 * usage, and a reading of a window replaces them. */
bool mtr_source_is_list(const struct mtr_source *source);

#endif
