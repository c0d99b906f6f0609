/*
 * The feed that we recommend to vendors: CloudEvents 1.0 as NDJSON, oldest first, each request after the
 * last event's id. An event is told apart by its source and id.
 */
#include "lib/source/preset/preset.h"

const struct mtr_source_preset source_preset_cloudevents = {
    .key = "cloudevents",
    .doc = "a feed of CloudEvents as NDJSON, after the last event's id",
    .text =
            "schedule: {every: 1m}\n"
            "window: {length: cursor}\n"
            "delivery: append\n"
            "request: {query: {limit: \"1000\"}, headers: {Accept: application/x-ndjson}}\n"
            "auth: {header: {name: Authorization, value: \"Bearer {secret}\"}}\n"
            "paging: {after_id: {send: query.after, id: id}}\n"
            "format: {ndjson: {}}\n"
            "identity: {id: \"{source}/{id}\"}\n"
            "map: {type: type, subject: subject, time: time}\n",
};
