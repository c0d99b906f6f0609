"""Rates that API keys keep within, and addresses without one. Rows as __main__.py says."""
LIMITING, EVENTS = "daemon/api/limiting.c", "daemon/api/route/events.c"

MUTANTS = {
    "a bucket grows above its burst": (
        "daemon/limits/bucket.c", "if (passed_us > bucket->spent / rate->per_second) bucket->spent = 0;\n    else bucket->spent", "bucket->spent", "test_limit_buckets"),
    "a clock that goes back fills a bucket": (
        "daemon/limits/bucket.c", "if (passed_us > INT64_MAX) return;", "if (!rate) return;", "test_limit_buckets"),
    "what is refused costs": (
        "daemon/limits/bucket.c", "    if (bucket->spent > spent_max(rate, count)) return false;\n    spend(bucket, count);\n    return true;",
        "    const bool is_over = bucket->spent > spent_max(rate, count);\n    spend(bucket, count);\n    return !is_over;", "test_limit_buckets"),
    "more than the burst is never taken": (
        "daemon/limits/bucket.c", "    if (bucket->spent > spent_max(rate, count)) return false;\n",
        "    if (count > limit_burst(rate) || bucket->spent > spent_max(rate, count)) return false;\n", "test_limit_buckets"),
    "who is forgotten has a full bucket": (
        "daemon/limits/owners.c", "if (!row || !is_idle(row, rates, now_us)) return NULL;", "if (!row) return NULL;", "test_limit_buckets"),
    "who has calls under way is forgotten": (
        "daemon/limits/owners.c", "    return !row->owner.calls;\n", "    return true;\n", "test_limit_buckets"),
    "headers that were added go to the next answer": (
        "lib/net/http_request.c", "    http_buffer_empty(&request->added);\n", "", "test_http_server"),
    "all keys share one bucket": (
        LIMITING, ".owner = call->job.owner, .is_key = true,", ".owner = MTR_OWNER_SELF, .is_key = true,", "test_rate_limits"),
    "events over the rate are taken": (
        EVENTS, "!api_limit_events(host, ingest->http, &ingest->allowance, count);", "!api_limit_events(host, ingest->http, &ingest->allowance, 1);", "test_rate_limits"),
    "a body without a length costs nothing": (
        LIMITING, "&allowance->rates.of[LIMIT_BYTES], bytes - 1, now_us);", "&allowance->rates.of[LIMIT_BYTES], 0, now_us);", "test_rate_limits"),
    "calls that are over stay under way": (
        "daemon/api/call.c", "    if (call->counted_for) call->counted_for->calls--;\n", "", "test_rate_limits"),
    "who administers is locked out": (
        LIMITING, "if (call->credential->scopes & MTR_SCOPE_ADMIN) all", "if (!call->credential->scopes) all", "test_rate_limits"),
    "what a key's own document says is not looked at": (
        LIMITING, "    if (own->is_given) *value = own->value;\n", "    if (own->is_given && !value) *value = own->value;\n", "test_rate_limits"),
    "wrong keys have no bound": (
        "daemon/api/server.c", "    if (!api_limit_admit_stranger(call)) return;\n", "", "test_rate_limits"),
    "limits wait for the next start": (
        "daemon/reload.c", "    after->limits = fresh->limits;\n", "", "test_rate_limits"),
}
