/*
 * A JSON API over HTTP as most vendors have one: days that are read again as they settle, a bearer token,
 * a bare list of rows. Path, times and columns are the vendor's own.
 */
#include "lib/source/preset/preset.h"

const struct mtr_source_preset source_preset_rest = {
    .key = "rest",
    .doc = "a JSON API with a bearer token: days, read again after 1, 3 and 10 days",
    .text =
            "schedule: {every: 1h, jitter: 5m}\n"
            "window: {length: day, lateness: 6h, rereads: [1d, 3d, 10d]}\n"
            "request: {headers: {Accept: application/json}}\n"
            "auth: {header: {name: Authorization, value: \"Bearer {secret}\"}}\n"
            "answer: {retry_after: [Retry-After, RateLimit-Reset]}\n"
            "format: {json: {rows: \"[]\"}}\n",
};
