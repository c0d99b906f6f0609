/*
 * Lists as Stripe has them: newest first, has_more, and an id to go on after. The last second is asked
 * again by its time, since ids of one second come in no order.
 */
#include "lib/source/preset/preset.h"

const struct mtr_source_preset source_preset_stripe_list = {
    .key = "stripe-list",
    .doc = "lists with has_more and starting_after, newest first",
    .text =
            "schedule: {every: 5m}\n"
            "window: {length: cursor, overlap: 5m}\n"
            "delivery: append\n"
            "request: {query: {limit: \"100\"}, headers: {Accept: application/json}}\n"
            "auth: {basic: {secret: \"\"}}\n"
            "paging:\n"
            "  after_id:\n"
            "    {send: query.starting_after, id: id, has_more: has_more, newest_first: true,\n"
            "     time: created, since: \"query.created[gte]\"}\n"
            "format: {json: {rows: \"data[]\"}}\n"
            "identity: {id: id}\n"
            "map: {time: {path: created, format: unix_s}}\n",
};
