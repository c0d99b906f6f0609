/*
 * Where the pipeline stands, and what it keeps aside: quarantined and held events.
 */
#include "daemon/api.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 10000, STOP = 1 };

static void name_u64(struct mtr_json_writer *json, const char *name, uint64_t value)
{
    mtr_json_name(json, name);
    mtr_json_u64(json, value);
}

static void name_bool(struct mtr_json_writer *json, const char *name, bool value)
{
    mtr_json_name(json, name);
    mtr_json_bool(json, value);
}

void mtr_api_get_status(struct mtr_api_call *call)
{
    struct mtr_daemon *daemon = call->daemon;
    struct mtr_rollups_txn *txn = NULL;
    struct mtr_json_writer json;
    uint64_t next_seq, change, last_seq = mtr_log_last_seq(daemon->log);
    int64_t watermark_us;
    int rc = mtr_rollups_begin(daemon->rollups, false, &txn);
    if (!rc) rc = mtr_rollups_get_cursor(txn, &next_seq, &watermark_us, &change);
    if (txn) mtr_rollups_abort(txn);
    if (rc) {
        mtr_api_error(call, rc, "the rollups cannot be read");
        return;
    }
    uint64_t rated_seq = atomic_load(&daemon->rated_after_seq);
    mtr_api_json(call, &json);
    mtr_json_map(&json);
    mtr_json_name(&json, "version");
    mtr_json_cstr(&json, METERD_VERSION);
    mtr_json_name(&json, "started_at");
    mtr_json_time(&json, daemon->started_us);
    name_bool(&json, "ready", atomic_load(&daemon->ready) && !atomic_load(&daemon->disk_full));
    mtr_json_name(&json, "catalog");
    mtr_json_map(&json);
    name_u64(&json, "version", mtr_catalog_version(call->catalog));
    mtr_json_map_end(&json);
    mtr_json_name(&json, "log");
    mtr_json_map(&json);
    name_u64(&json, "last_seq", last_seq);
    mtr_json_map_end(&json);
    mtr_json_name(&json, "aggregator");
    mtr_json_map(&json);
    name_u64(&json, "next_seq", next_seq);
    name_bool(&json, "idle", atomic_load(&daemon->aggregator_idle));
    mtr_json_name(&json, "watermark");
    mtr_json_time(&json, watermark_us);
    mtr_json_map_end(&json);
    mtr_json_name(&json, "rater");
    mtr_json_map(&json);
    name_bool(&json, "idle", atomic_load(&daemon->rater_idle) && rated_seq + 1 >= next_seq);
    mtr_json_map_end(&json);
    mtr_json_map_end(&json);
    mtr_api_json_end(call, &json);
}

struct rows {
    struct mtr_json_writer json;
    uint64_t after;
    uint64_t limit;
    uint64_t count;
    bool more;
};

static int on_quarantined(void *context, const struct mtr_quarantined_event *event)
{
    struct rows *rows = context;
    if (rows->count == rows->limit) {
        rows->more = true;
        return STOP;
    }
    rows->count++;
    mtr_json_map(&rows->json);
    name_u64(&rows->json, "seq", event->seq);
    mtr_json_name(&rows->json, "reason");
    mtr_json_text(&rows->json, event->reason);
    mtr_json_name(&rows->json, "text");
    mtr_json_text(&rows->json, event->text);
    mtr_json_map_end(&rows->json);
    return rows->json.error;
}

static int on_held(void *context, const struct mtr_held_event *held)
{
    struct rows *rows = context;
    if (held->seq <= rows->after) return 0;
    if (rows->count == rows->limit) {
        rows->more = true;
        return STOP;
    }
    rows->count++;
    mtr_json_map(&rows->json);
    name_u64(&rows->json, "seq", held->seq);
    mtr_json_name(&rows->json, "vendor");
    mtr_json_text(&rows->json, held->vendor);
    mtr_json_name(&rows->json, "waits_for");
    mtr_json_cstr(&rows->json, held->reason == MTR_HELD_SUBSCRIPTION ? "subscription" : "meter");
    mtr_json_name(&rows->json, held->reason == MTR_HELD_SUBSCRIPTION ? "subject" : "type");
    mtr_json_text(&rows->json, held->name);
    mtr_json_map_end(&rows->json);
    return rows->json.error;
}

static void list_rows(struct mtr_api_call *call, bool quarantine)
{
    struct rows rows = {.limit = LIMIT_DEFAULT};
    struct mtr_rollups_txn *txn = NULL;
    struct mtr_str any = {NULL, 0};
    if (!mtr_api_u64(call, "after", 0, UINT64_MAX, &rows.after) || !mtr_api_u64(call, "limit", 1, LIMIT_MAX, &rows.limit)) return;
    int rc = mtr_rollups_begin(call->daemon->rollups, false, &txn);
    mtr_api_json(call, &rows.json);
    mtr_json_map(&rows.json);
    mtr_json_name(&rows.json, "events");
    mtr_json_list(&rows.json);
    if (!rc && quarantine) rc = mtr_rollups_walk_quarantined(txn, rows.after, on_quarantined, &rows);
    if (!rc && !quarantine) rc = mtr_rollups_walk_held(txn, MTR_HELD_SUBSCRIPTION, any, any, 0, on_held, &rows);
    if (!rc && !quarantine) rc = mtr_rollups_walk_held(txn, MTR_HELD_METER, any, any, 0, on_held, &rows);
    if (txn) mtr_rollups_abort(txn);
    if (rc && rc != STOP) {
        mtr_api_error(call, rc, "the rollups cannot be read");
        return;
    }
    mtr_json_list_end(&rows.json);
    name_bool(&rows.json, "has_more", rows.more);
    mtr_json_map_end(&rows.json);
    mtr_api_json_end(call, &rows.json);
}

void mtr_api_list_quarantine(struct mtr_api_call *call)
{
    list_rows(call, true);
}

void mtr_api_list_held(struct mtr_api_call *call)
{
    list_rows(call, false);
}
