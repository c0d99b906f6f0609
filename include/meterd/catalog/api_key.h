/*
 * API keys: who may call, and for what. The secret is shown once, when the key is made (`meterd key`), and is
 * stored nowhere: documents hold its SHA-256.
 *
 *   api_keys: [{key: acme-push, vendor: acme, scopes: [ingest, query], sha256: 2bb80d53…}]
 *
 * ingest: POST /v1/events; query: usage and prices; billing: charges, credits, balances; admin: everything,
 * catalog and operations included. A key with a vendor acts for that vendor only; `retired` says from when
 * on one is refused. Part of a snapshot: see
 * catalog.h for lifetime.
 */
#ifndef METERD_CATALOG_API_KEY_H
#define METERD_CATALOG_API_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/catalog/vendor.h"

enum mtr_api_scope { MTR_SCOPE_INGEST = 1, MTR_SCOPE_QUERY = 2, MTR_SCOPE_BILLING = 4, MTR_SCOPE_ADMIN = 8 };

struct mtr_api_key_limit {
    uint64_t value; /* 0: no limit */
    bool is_given;
};

/* What it may ask for; what is not given is as section `limits` of the configuration says. */
struct mtr_api_key_limits {
    struct mtr_api_key_limit requests_per_second, request_burst, bytes_per_second, byte_burst,
        events_per_second, event_burst, queries_max;
};

struct mtr_api_key {
    uint32_t number;
    struct mtr_str key;              /* its name; the secret itself is never stored */
    uint8_t sha256[32];              /* of the secret */
    unsigned scopes;                 /* enum mtr_api_scope, or'ed */
    const struct mtr_vendor *vendor; /* ingest and query are bound to this vendor; NULL: operator */
    struct mtr_api_key_limits limits;
    bool disabled;
    int64_t retired_us;              /* refused from then on; INT64_MAX: never */
};

#endif
