/*
 * Vendors that were made for ActivePlatform: their consumption URL is asked once for each subscription, by
 * its id at the vendor. The names in the body are those of its other subscription events; a vendor that
 * has others writes them.
 */
#include "lib/source/preset/preset.h"

const struct mtr_source_preset source_preset_activeplatform = {
    .key = "activeplatform",
    .doc = "consumption URLs of vendors made for ActivePlatform, a request for each subscription",
    .text =
            "schedule: {every: 30m, jitter: 5m}\n"
            "window: {length: day, lateness: 1h, open: 30m, rereads: [6h, 1d, 3d]}\n"
            "delivery: overwrite\n"
            "request:\n"
            "  method: POST\n"
            "  path: /subscription/consumption\n"
            "  headers: {Accept: application/json}\n"
            "  body:\n"
            "    json:\n"
            "      external_id: \"{each.subject}\"\n"
            "      date_from: \"{from:%Y-%m-%d}\"\n"
            "      date_to: \"{last:%Y-%m-%d}\"\n"
            "  unit: 1d\n"
            "auth: {header: {name: Authorization, value: \"Bearer {secret}\"}}\n"
            "format: {json: {rows: \"[]\"}}\n"
            "map: {subject: each.subject}\n",
};
