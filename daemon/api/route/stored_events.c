/*
 * GET /v1/events: what vendors said, as the log holds it. "Which events made this charge?" ends here.
 *
 * Read block by block with a reader of this call's own, on a pool thread. A call looks at a bounded number of
 * events: `next_after` is where the next call goes on, also when a filter left out everything that was looked
 * at.
 */
#include "daemon/api/rows.h"
#include "daemon/api/routes.h"
#include "daemon/api/waits.h"

#include "meterd/store/log_carried.h"
#include "meterd/store/rollups.h"

enum { LOOKED_AT_MAX = 1 << 20 };

struct events_query {
    uint64_t up_to;
    uint64_t limit;
    struct mtr_str vendor;                       /* empty: any */
    const struct mtr_subscription *subscription; /* NULL: any */
    const struct mtr_catalog *catalog;
    struct mtr_rollups_txn *txn; /* of one piece */
    /* where it stands */
    uint64_t listed;
    uint64_t looked_at;
    uint64_t next_after; /* everything up to it was looked at */
};

struct event_row {
    uint64_t seq;
    int64_t received_at;
    const char *disposition;
    bool has_target;
    uint64_t target_seq;
    struct mtr_str vendor, source, id, type, subject;
    int64_t time;
    bool time_given;
    const char *waits_for; /* NULL: for nothing */
    const struct mtr_event *event;
};

static void write_data(struct mtr_json_writer *json, const void *context)
{
    const struct event_row *row = context;
    mtr_event_write_data(row->event, json);
}

static const char *disposition_choice(unsigned index)
{
    return index < MTR_DISPOSITION_COUNT ? mtr_disposition_name((enum mtr_disposition)index) : NULL;
}

static const struct mtr_shape data_shape = {
    .schema =
        "{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"string\",\"number\",\"boolean\"]}}"};

#define ROW(field) MTR_MEMBER(event_row, field)
static const struct mtr_json_member members[] = {
    {ROW(seq), .type = MTR_MEMBER_U64, .doc = "its place in the log"},
    {ROW(received_at), .type = MTR_MEMBER_TIME, .doc = "when it was stored"},
    {ROW(disposition), .type = MTR_MEMBER_WORD, .choice = disposition_choice,
     .doc = "normal, or why it does not count by itself"},
    {ROW(target_seq), .type = MTR_MEMBER_U64, .presence = MTR_MAY_LACK, MTR_PRESENT(event_row, has_target),
     .doc = "of the event that it takes back or contradicts"},
    {ROW(vendor), .type = MTR_MEMBER_TEXT, .doc = "key of who sent it"},
    {ROW(source), .type = MTR_MEMBER_TEXT, .doc = "who saw it"},
    {ROW(id), .type = MTR_MEMBER_TEXT, .doc = "unique for its source"},
    {ROW(type), .type = MTR_MEMBER_TEXT, .doc = "what happened"},
    {ROW(subject), .type = MTR_MEMBER_TEXT, .doc = "whose use it is"},
    {ROW(time), .type = MTR_MEMBER_TIME, .doc = "when it happened"},
    {ROW(time_given), .type = MTR_MEMBER_BOOL, .doc = "false: it had no time, and has that of its arrival"},
    {ROW(waits_for), .type = MTR_MEMBER_WORD, .choice = api_waits_choice, .presence = MTR_MAY_LACK,
     .doc = "what keeps it from counting, at one meter at least: GET /v1/held says more"},
    {.name = "data",
     .type = MTR_MEMBER_MAP,
     .shape = &data_shape,
     .write = write_data,
     .doc = "its properties"},
    {0},
};
static const struct mtr_shape row_shape = {.name = "StoredEvent", .members = members};

/* Does a meter hold it beyond its quota? */
static int is_beyond(const struct events_query *query, const struct mtr_event *event, uint64_t seq, bool *out)
{
    const struct mtr_event_address address = {event->vendor, event->subject, event->type, event->time_us};
    const struct mtr_subscription *subscription = mtr_catalog_find_subject(query->catalog, &address);
    const struct mtr_meter *const *meters;
    const uint32_t count =
        subscription
            ? mtr_catalog_find_meters(query->catalog, subscription->service, event->type, &meters)
            : 0;
    int rc = MTR_ENOTFOUND;
    for (uint32_t i = 0; i < count && rc == MTR_ENOTFOUND; i++) {
        const struct mtr_values_of of = {mtr_subscription_first_number(subscription), meters[i]->number};
        rc = mtr_rollups_find_beyond(query->txn, &of, seq);
    }
    *out = rc == MTR_OK;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static int find_wait(const struct events_query *query, const struct mtr_event *event, uint64_t seq,
                     const char **waits_for)
{
    struct mtr_held_event held = {MTR_HELD_SUBSCRIPTION, event->vendor, event->subject, seq, false};
    bool beyond = false;
    *waits_for = NULL;
    if (event->disposition != MTR_DISPOSITION_NORMAL) return MTR_OK;
    int rc = mtr_rollups_get_held(query->txn, &held);
    if (rc == MTR_ENOTFOUND) {
        held.reason = MTR_HELD_METER;
        held.name = event->type;
        rc = mtr_rollups_get_held(query->txn, &held);
    }
    if (!rc && !held.voided) *waits_for = api_waits_choice(held.reason);
    if (rc != MTR_ENOTFOUND) return rc;
    rc = is_beyond(query, event, seq, &beyond);
    if (beyond) *waits_for = api_waits_choice(API_WAITS_DIMENSIONS);
    return rc;
}

static int write_event(const struct events_query *query, struct api_rows *rows, const struct mtr_event *event,
                       uint64_t seq, int64_t received_us)
{
    const char *waits_for;
    int rc = find_wait(query, event, seq, &waits_for);
    if (rc) return rc;
    const struct event_row row = {.seq = seq,
                                  .received_at = received_us,
                                  .disposition = mtr_disposition_name(event->disposition),
                                  .has_target = event->target_seq > 0,
                                  .target_seq = event->target_seq,
                                  .vendor = event->vendor,
                                  .source = event->source,
                                  .id = event->id,
                                  .type = event->type,
                                  .subject = event->subject,
                                  .time = event->time_us,
                                  .time_given = event->time_given,
                                  .waits_for = waits_for,
                                  .event = event};
    return api_row(rows, &row);
}

static bool is_wanted(const struct events_query *query, const struct mtr_event *event)
{
    if (query->vendor.size && !mtr_str_equal(query->vendor, event->vendor)) return false;
    if (!query->subscription) return true;
    /* Another one may have the subject for another service, or another time. */
    const struct mtr_event_address address = {event->vendor, event->subject, event->type, event->time_us};
    const struct mtr_subscription *of = mtr_catalog_find_subject(query->catalog, &address);
    return of && mtr_str_equal(of->key, query->subscription->key);
}

/* The wanted events of one block, from next_after on. API_STOP: the piece is full, or the answer ended. */
static int write_block(struct events_query *query, struct api_rows *rows,
                       const struct mtr_block_header *header, const struct mtr_event *events)
{
    for (uint32_t i = 0; i < header->count; i++) {
        const uint64_t seq = header->first_seq + i;
        if (seq <= query->next_after) continue;
        if (seq > query->up_to) break;
        if (api_rows_full(rows)) return API_STOP;
        const bool wanted = is_wanted(query, &events[i]);
        if ((wanted && query->listed == query->limit) || query->looked_at == LOOKED_AT_MAX) {
            api_rows_end(rows, query->next_after, true);
            return API_STOP;
        }
        query->looked_at++;
        query->next_after = seq;
        if (!wanted) continue;
        query->listed++;
        int rc = write_event(query, rows, &events[i], seq, header->received_us);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int fill(struct api_call *call, struct api_rows *rows)
{
    struct events_query *query = call->state;
    struct mtr_log_reader *reader = NULL;
    struct mtr_block_header header;
    const struct mtr_event *events;
    struct mtr_diagnostic diagnostic = {0};
    int rc = mtr_log_reader_attach(call->host->log, &reader);
    if (!rc) rc = mtr_rollups_begin(call->host->rollups, false, &query->txn);
    while (!rc && query->next_after < query->up_to) {
        rc = mtr_log_read_kept(reader, query->next_after + 1, &header, &events, &diagnostic);
        if (!rc && header.first_seq > query->up_to) break;
        if (!rc) rc = write_block(query, rows, &header, events);
    }
    mtr_log_reader_close(reader);
    mtr_rollups_abort(query->txn);
    query->txn = NULL;
    if (rc == API_STOP) return MTR_OK;
    if (rc && rc != MTR_ENOTFOUND) return rc;
    api_rows_end(rows, query->next_after, false);
    return MTR_OK;
}

static bool begin(struct api_call *call)
{
    const uint64_t last_seq = mtr_log_last_seq(call->host->log);
    struct events_query *query = api_allocate(call, sizeof(*query));
    if (!query || !api_subscription(call, "subscription", &query->subscription)) return false;
    query->catalog = call->catalog;
    query->limit = api_u64(call, "limit");
    query->next_after = api_u64(call, "after");
    query->up_to = api_u64(call, "up_to");
    if (query->up_to > last_seq || !api_text(call, "up_to").size) query->up_to = last_seq;
    if (call->credential->vendor) query->vendor = call->credential->vendor->key;
    call->state = query;
    return true;
}

static const struct api_parameter parameters[] = {
    {"after", API_INTEGER, .max = UINT64_MAX,
     .doc = "events with a greater sequence number; default: from the oldest that is kept"},
    {"up_to", API_INTEGER, .max = UINT64_MAX,
     .doc = "no event with a greater sequence number; default: the newest"},
    {"limit", API_INTEGER, .min = 1, .max = 10000, .default_text = "100", .doc = "events at most"},
    {"subscription", API_TEXT, .doc = "only events of this subscription (key)"},
    {0},
};

static const struct api_list list = {
    .name = "StoredEvents",
    .member = "events",
    .row = &row_shape,
    .failure = "the log cannot be read",
    .begin = begin,
    .fill = fill,
};

const struct api_route api_list_events = {
    .method = MTR_HTTP_GET,
    .path = "/v1/events",
    .scope = MTR_SCOPE_ADMIN,
    .operation = "listEvents",
    .summary = "Raw events as the log keeps them, by sequence number",
    .parameters = parameters,
    .list = &list,
    .handle = api_answer_rows,
};
