/*
 * GET /v1/events: what vendors said, as the log holds it. "Which events made this charge?" ends here.
 *
 * Read block by block with a reader of this call's own, on a pool thread. A call looks at a bounded number of
 * events: `next_after` is where the next call goes on, also when a filter left out everything that was looked
 * at.
 */
#include "daemon/api/api.h"

#include "meterd/store/log.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 10000, LOOKED_AT_MAX = 1 << 20 };

struct events_query {
    uint64_t after;
    uint64_t up_to;
    uint64_t limit;
    struct mtr_str vendor; /* empty: any */
    const struct mtr_subscription *subscription;
    uint64_t rows;
    uint64_t looked_at;
    uint64_t next_after; /* everything up to it was looked at */
    bool more;
};

static void write_property(struct mtr_json_writer *json, const struct mtr_property *property)
{
    char number[MTR_DECIMAL_TEXT_BYTES];
    mtr_json_name_text(json, property->name);
    switch (property->kind) {
    case MTR_PROPERTY_STRING: mtr_json_text(json, property->text); break;
    case MTR_PROPERTY_NUMBER:
        mtr_json_raw(json, (struct mtr_str){number, (size_t)mtr_decimal_format(property->number, number)});
        break;
    default: mtr_json_bool(json, property->kind == MTR_PROPERTY_TRUE); break;
    }
}

static void write_event(struct mtr_json_writer *json, const struct mtr_event *event, uint64_t seq,
                        int64_t received_us)
{
    mtr_json_map(json);
    mtr_json_name(json, "seq");
    mtr_json_u64(json, seq);
    mtr_json_name(json, "received_at");
    mtr_json_time(json, received_us);
    mtr_json_name(json, "disposition");
    mtr_json_cstr(json, mtr_disposition_name(event->disposition));
    if (event->target_seq) {
        mtr_json_name(json, "target_seq");
        mtr_json_u64(json, event->target_seq);
    }
    mtr_json_named_text(json, "vendor", event->vendor);
    mtr_json_named_text(json, "source", event->source);
    mtr_json_named_text(json, "id", event->id);
    mtr_json_named_text(json, "type", event->type);
    mtr_json_named_text(json, "subject", event->subject);
    mtr_json_name(json, "time");
    mtr_json_time(json, event->time_us);
    mtr_json_name(json, "time_given");
    mtr_json_bool(json, event->time_given);
    mtr_json_name(json, "data");
    mtr_json_map(json);
    for (uint32_t i = 0; i < event->property_count; i++) write_property(json, &event->properties[i]);
    mtr_json_map_end(json);
    mtr_json_map_end(json);
}

static bool is_wanted(const struct events_query *query, const struct mtr_event *event)
{
    if (query->vendor.size && !mtr_str_equal(query->vendor, event->vendor)) return false;
    const struct mtr_subscription *subscription = query->subscription;
    return !subscription || (mtr_str_equal(subscription->subject, event->subject) &&
                             mtr_str_equal(subscription->service->vendor->key, event->vendor));
}

/* One row, in a list or as a line of its own. */
static int write_row(struct api_call *call, struct mtr_json_writer *list, const struct mtr_event *event,
                     uint64_t seq, int64_t received_us)
{
    struct mtr_json_writer line;
    if (list) {
        write_event(list, event, seq, received_us);
        return list->error;
    }
    mtr_json_begin(&line, &call->answer);
    write_event(&line, event, seq, received_us);
    int rc = mtr_json_finish(&line);
    if (!rc) rc = mtr_buffer_append_char(&call->answer, '\n');
    return !rc && call->answer.size >= API_PIECE_BYTES ? api_pack_answer(call) : rc;
}

static int write_block(struct api_call *call, struct events_query *query, struct mtr_json_writer *list,
                       const struct mtr_block_header *header, const struct mtr_event *events)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < header->count; i++) {
        uint64_t seq = header->first_seq + i;
        if (seq <= query->next_after) continue;
        if (seq > query->up_to) break;
        bool wanted = is_wanted(query, &events[i]);
        if ((wanted && query->rows == query->limit) || query->looked_at == LOOKED_AT_MAX) {
            query->more = true;
            break;
        }
        query->looked_at++;
        query->next_after = seq;
        if (!wanted) continue;
        query->rows++;
        rc = write_row(call, list, &events[i], seq, header->received_us);
    }
    return rc;
}

static int write_events(struct api_call *call, struct events_query *query, struct mtr_json_writer *list)
{
    struct mtr_log_reader *reader = NULL;
    struct mtr_block_header header;
    const struct mtr_event *events;
    struct mtr_diagnostic diagnostic = {0};
    int rc = mtr_log_reader_attach(call->host->log, &reader);
    while (!rc && !query->more && query->next_after < query->up_to) {
        rc = mtr_log_read(reader, query->next_after + 1, &header, &events, &diagnostic);
        if (!rc && header.first_seq > query->up_to) break;
        if (!rc) rc = write_block(call, query, list, &header, events);
    }
    mtr_log_reader_close(reader);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static bool read_query(struct api_call *call, struct events_query *query)
{
    struct mtr_str key = api_text(call, "subscription");
    uint64_t last_seq = mtr_log_last_seq(call->host->log);
    *query = (struct events_query){.limit = LIMIT_DEFAULT, .up_to = last_seq};
    if (!api_u64(call, "after", 0, UINT64_MAX, &query->after) ||
        !api_u64(call, "limit", 1, LIMIT_MAX, &query->limit) ||
        !api_u64(call, "up_to", 0, UINT64_MAX, &query->up_to))
        return false;
    if (query->up_to > last_seq) query->up_to = last_seq;
    query->next_after = query->after;
    if (call->credential->vendor) query->vendor = call->credential->vendor->key;
    if (!key.size) return true;
    query->subscription = mtr_catalog_find_subscription(call->catalog, key);
    if (!query->subscription)
        api_problem(call, 404, "there is no subscription '%.*s'", MTR_STR_ARGS(key));
    return query->subscription != NULL;
}

void api_list_events(struct api_call *call)
{
    enum { AS_JSON, AS_NDJSON };
    struct events_query query;
    struct mtr_json_writer json;
    int as = api_negotiate(call);
    if (as < 0 || !read_query(call, &query)) return;
    if (as == AS_NDJSON) {
        call->status = 200;
        call->answer_type = "application/x-ndjson";
    } else {
        api_json(call, &json);
        mtr_json_map(&json);
        mtr_json_name(&json, "events");
        mtr_json_list(&json);
    }
    int rc = write_events(call, &query, as == AS_JSON ? &json : NULL);
    if (rc) {
        api_error(call, rc, "the log cannot be read");
    } else if (as == AS_JSON) {
        mtr_json_list_end(&json);
        mtr_json_name(&json, "next_after");
        mtr_json_u64(&json, query.next_after);
        mtr_json_name(&json, "has_more");
        mtr_json_bool(&json, query.more);
        mtr_json_map_end(&json);
        api_json_end(call, &json);
    }
}
