/*
 * Prometheus, and what has its HTTP API: raw samples of a range selector at the window's end, never
 * increase(), which extrapolates. The range in request.query.query is the window and the longest gap
 * before it. A warning makes the answer incomplete; Thanos is asked for whole answers only.
 */
#include "lib/source/preset/preset.h"

const struct mtr_source_preset source_preset_prometheus = {
    .key = "prometheus",
    .doc = "raw samples of Prometheus, Thanos and the like, by a range selector at the window's end",
    .text =
            "schedule: {every: 5m}\n"
            "window: {length: hour, lateness: 5m, rereads: [1h, 1d]}\n"
            "request:\n"
            "  path: /api/v1/query\n"
            "  query: {time: \"{to:unix}\", partial_response: \"false\"}\n"
            "  headers: {Accept: application/json}\n"
            "auth: none\n"
            "answer:\n"
            "  ok: {path: status, equals: success}\n"
            "  warnings: {path: warnings, then: incomplete}\n"
            "  limit:\n"
            "    - {status: 422, path: error, contains: too many samples}\n"
            "    - {status: 400, path: error, contains: exceeded maximum resolution}\n"
            "format: {prometheus: {}}\n"
            "map: {time: {path: timestamp, format: unix_s}}\n",
};
