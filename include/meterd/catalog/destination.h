/*
 * Destinations: where charges are posted to, as webhooks (emitter/outbox.h has the delivery's guarantees).
 *
 *   destinations:
 *     - {key: erp, kind: http, url: "https://erp.example/charges", secret_files: [/run/secrets/erp],
 *        batch_max: 100, timeout: 30s, drafts: false}
 *
 * Who fetches charges (GET /v1/charges) needs no document. Part of a snapshot: see catalog.h for lifetime.
 */
#ifndef METERD_CATALOG_DESTINATION_H
#define METERD_CATALOG_DESTINATION_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/str.h"

enum mtr_destination_kind { MTR_DESTINATION_HTTP };

struct mtr_destination {
    uint32_t number;
    struct mtr_str key;
    enum mtr_destination_kind kind;
    struct mtr_str url;           /* http */
    struct mtr_str *secret_files; /* http: Standard Webhooks secrets "whsec_<base64>", one file each; the
                                     first signs first */
    uint32_t secret_count;
    uint32_t batch_max;          /* charges per message */
    int64_t timeout_us;
    bool drafts;                 /* also send draft charges */
    bool disabled;
};

#endif
