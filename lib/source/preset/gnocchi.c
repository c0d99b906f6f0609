/*
 * Gnocchi: measures of one granularity, refreshed, so that what metricd has not worked off is there. A
 * metric or resource that is not found is absent, which is not zero. Tokens are Keystone's;
 * auth.login.request names its URL and the body that it wants.
 */
#include "lib/source/preset/preset.h"

const struct mtr_source_preset source_preset_gnocchi = {
    .key = "gnocchi",
    .doc = "measures of Gnocchi, with tokens of Keystone",
    .text =
            "schedule: {every: 10m}\n"
            "window: {length: hour, lateness: 30m, rereads: [2h, 1d, 3d]}\n"
            "request:\n"
            "  query:\n"
            "    {start: \"{from}\", stop: \"{to}\", granularity: \"300\", aggregation: mean,\n"
            "     refresh: \"true\"}\n"
            "  headers: {Accept: application/json}\n"
            "  unit: 1s\n"
            "auth:\n"
            "  login:\n"
            "    request: {method: POST}\n"
            "    token: {header: X-Subject-Token}\n"
            "    expires: {path: token.expires_at}\n"
            "    send: {header: X-Auth-Token, value: \"{token}\"}\n"
            "answer:\n"
            "  absent:\n"
            "    - {status: 404}\n"
            "    - {status: 400, path: description.cause, equals: Metrics not found}\n"
            "format: {json: {rows: \"[]\"}}\n"
            "map: {time: \"[0]\", data: {quantity: \"[2]\"}}\n",
};
