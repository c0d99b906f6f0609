/*
 * From the document to the model: fill, decode, read each part, check what holds between them.
 */
#include "meterd/source/source_read.h"

#include <string.h>

#include "lib/source/document/fields.h"
#include "lib/source/document/templates.h"
#include "meterd/core/time.h"

enum { SCRATCH_CHUNK_BYTES = 8 << 10, SCRATCH_BYTES_MAX = 256 << 20 };

/* ---- base_url and hosts ---- */

static bool read_port(struct mtr_str text, uint16_t *out)
{
    uint64_t port;
    if (!mtr_str_to_u64(text, &port) || !port || port > UINT16_MAX) return false;
    *out = (uint16_t)port;
    return true;
}

/* authority: not empty, without a user. */
static bool cut_authority(struct mtr_str authority, struct mtr_source_base *out)
{
    const char *end = authority.data + authority.size, *colon;
    if (*authority.data == '[') {
        const char *bracket = memchr(authority.data, ']', authority.size);
        if (!bracket || bracket == authority.data + 1) return false;
        out->host = (struct mtr_str){authority.data + 1, (size_t)(bracket - authority.data - 1)};
        colon = bracket + 1 < end ? bracket + 1 : NULL;
        if (colon && *colon != ':') return false;
    } else {
        colon = memchr(authority.data, ':', authority.size);
        out->host = (struct mtr_str){authority.data, (size_t)((colon ? colon : end) - authority.data)};
    }
    return !colon || read_port((struct mtr_str){colon + 1, (size_t)(end - colon - 1)}, &out->port);
}

static void read_base(struct source_reading *reading, struct mtr_str url, struct mtr_source_base *out)
{
    if (!source_check_url(reading, "base_url", url)) return;
    while (url.size && url.data[url.size - 1] == '/') url.size--;
    out->url = url;
    out->is_https = mtr_str_starts_with(url, MTR_STR("https://"));
    out->port = out->is_https ? 443 : 80;
    const char *authority = url.data + strlen(out->is_https ? "https://" : "http://"),
               *end = url.data + url.size;
    const char *slash = memchr(authority, '/', (size_t)(end - authority));
    if (slash) out->path = (struct mtr_str){slash, (size_t)(end - slash)};
    const struct mtr_str named = {authority, (size_t)((slash ? slash : end) - authority)};
    if (!named.size || !cut_authority(named, out))
        source_fault(reading, MTR_FINDING_SOURCE_URL, "base_url",
                     "host and port are expected behind the slashes, as https://api.acme.example:8443");
    if (memchr(url.data, '?', url.size))
        source_fault(reading, MTR_FINDING_SOURCE_URL, "base_url",
                     "has no `?`: what stands behind it is of `request: {query: …}`");
}

static bool is_host(struct mtr_str text)
{
    const struct mtr_str any = MTR_STR("*.");
    if (mtr_str_starts_with(text, any)) {
        text = (struct mtr_str){text.data + any.size, text.size - any.size};
        if (!text.size || !memchr(text.data, '.', text.size)) return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        const char c = text.data[i];
        const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_letter && c != '-' && c != '.' && c != ':') return false;
    }
    return text.size > 0 && text.size <= 253;
}

static void read_hosts(struct source_reading *reading, struct mtr_list list, struct mtr_source *out)
{
    const struct mtr_str *hosts = list.items;
    for (uint32_t i = 0; i < list.count; i++)
        if (!is_host(hosts[i]))
            source_fault(reading, MTR_FINDING_SOURCE_HOST, "hosts",
                         "`%.*s%s` is no host: write it without https:// and path, as files.acme.example "
                         "or *.blob.example",
                         MTR_STR_QUOTED(hosts[i]));
    out->hosts = hosts;
    out->host_count = list.count;
}

/* ---- small maps ---- */

/* "10/1s": so many in that time. */
static void read_limits(struct source_reading *reading, const struct source_limits_fields *fields,
                        struct mtr_source_limits *out)
{
    const struct mtr_str rate = fields->rate;
    const char *slash = rate.size ? memchr(rate.data, '/', rate.size) : NULL;
    uint64_t count = 0;
    *out = (struct mtr_source_limits){
        .key = fields->key, .daily = fields->daily, .concurrency = (uint32_t)fields->concurrency};
    if (!rate.size) return;
    const bool is_rate =
        slash && mtr_str_to_u64((struct mtr_str){rate.data, (size_t)(slash - rate.data)}, &count) &&
        !mtr_duration_parse((struct mtr_str){slash + 1, (size_t)(rate.data + rate.size - slash - 1)},
                            &out->rate_per_us);
    if (!is_rate || !count || count > 1000000 || out->rate_per_us < 1000 ||
        out->rate_per_us > MTR_US_PER_DAY)
        source_fault(reading, MTR_FINDING_SOURCE_RATE, "limits.rate",
                     "`%.*s%s` is no rate: so many requests in a time of at most a day, as 10/1s",
                     MTR_STR_QUOTED(rate));
    out->rate_count = (uint32_t)count;
}

static void read_guard(struct source_reading *reading, const struct source_guard_fields *fields,
                       struct mtr_source_guard *out)
{
    const struct mtr_str shrink = fields->shrink;
    uint64_t percent = 0;
    const bool is_percent =
        shrink.size > 1 && shrink.data[shrink.size - 1] == '%' &&
        mtr_str_to_u64((struct mtr_str){shrink.data, shrink.size - 1}, &percent) && percent <= 100;
    if (!is_percent)
        source_fault(reading, MTR_FINDING_SOURCE_RATE, "guard.shrink",
                     "`%.*s%s` is no share: 0%% to 100%% is expected, as 20%%", MTR_STR_QUOTED(shrink));
    *out = (struct mtr_source_guard){
        .shrink_percent = (uint32_t)percent,
        .jump_times = fields->jump,
        .rows_max = fields->rows_max,
        .agree = (uint32_t)fields->agree,
        .every_us = fields->every_us,
    };
}

/* ---- all of it ---- */

static bool is_loopback(struct mtr_str host)
{
    return mtr_str_equal(host, MTR_STR("localhost")) || mtr_str_equal(host, MTR_STR("::1")) ||
           mtr_str_starts_with(host, MTR_STR("127."));
}

static void read_delivery(struct source_reading *reading, const struct source_fields *fields,
                          struct mtr_source *out)
{
    const bool is_cursor = out->window.length == MTR_LENGTH_CURSOR;
    out->delivery = (enum mtr_source_delivery)fields->delivery;
    if (is_cursor && fields->has_delivery && out->delivery == MTR_DELIVERY_OVERWRITE)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_CONFLICT, "delivery",
                     "a cursor has no windows that could be overwritten: write `append`, or another length");
    if (is_cursor) out->delivery = MTR_DELIVERY_APPEND;
}

static void forbid_by_hand(struct source_reading *reading, bool is_given, const char *path)
{
    if (is_given)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_CONFLICT, path,
                     "is of sources that are asked, and this one is `by_hand`: remove one of the two");
}

/* Of a source whose answers are files. What a preset gives for requests is left aside. */
static void read_by_hand(struct source_reading *reading, const struct source_fields *fields,
                         struct mtr_source *out)
{
    const bool is_alone = !fields->preset.size;
    out->auth.kind = MTR_AUTH_NONE;
    out->paging.kind = MTR_PAGING_NONE;
    forbid_by_hand(reading, fields->base_url.size > 0, "base_url");
    forbid_by_hand(reading, fields->request.path.size || fields->request.url.size, "request");
    forbid_by_hand(reading, fields->job != NULL, "job");
    forbid_by_hand(reading, out->each.kind != MTR_EACH_NONE, "for_each");
    forbid_by_hand(reading, is_alone && source_node_at(reading, "auth"), "auth");
    forbid_by_hand(reading, is_alone && source_node_at(reading, "paging"), "paging");
    if (out->window.length == MTR_LENGTH_CURSOR)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_CONFLICT, "window.length",
                     "a file is of a window, and a cursor has none: write day, month or another length; "
                     "files whose rows only come are taken by `meterd import --map`");
}

/* Between keys of a source that is asked. */
static void check_together(struct source_reading *reading, const struct mtr_source *out)
{
    const bool is_asked = out->request.path.size || out->request.url.size;
    if (!is_asked && !out->job)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_MISSING, "request", "says no path: what is asked for?");
    if (is_asked && out->job)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_CONFLICT, "request",
                     "a source with a `job` asks by `job.submit`: remove path and url");
    if (out->job && out->job->result == MTR_JOB_MANIFEST && out->paging.kind != MTR_PAGING_PARTS)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_MISSING, "paging",
                     "a manifest is read by `paging: {parts: {list: …, url: …}}`");
    if (!out->base.is_https && out->base.host.size && !is_loopback(out->base.host) &&
        out->auth.kind != MTR_AUTH_NONE)
        source_fault(reading, MTR_FINDING_SOURCE_AUTH_PLAIN, "base_url",
                     "secrets go over the network as they are: write https://");
}

/* Does what tells its rows apart say of which of for_each they are? */
static bool names_each(const struct mtr_import_map *map)
{
    for (uint32_t i = 0; i < map->id.part_count; i++) {
        const struct mtr_import_part *part = &map->id.parts[i];
        const bool is_column = part->column >= 0;
        if (is_column && mtr_str_starts_with(map->columns[part->column], MTR_STR("each."))) return true;
    }
    return false;
}

/* Its rows come once, and are known by their identity alone. */
static void check_append(struct source_reading *reading, const struct mtr_source *out)
{
    const struct mtr_source_each *each = &out->each;
    const struct mtr_str member = each->kind == MTR_EACH_ROW            ? each->name
                                  : each->kind == MTR_EACH_SUBSCRIPTION ? MTR_STR("subject")
                                                                        : MTR_STR("value");
    if (out->delivery != MTR_DELIVERY_APPEND) return;
    if (out->complete.agree > 1)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_CONFLICT, "complete.agree",
                     "rows of an append feed come once: there is no second reading to agree with");
    if (out->map.id.multiset && out->window.length == MTR_LENGTH_CURSOR)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_CONFLICT, "identity.multiset",
                     "a feed's equal rows cannot be told apart, since each reading has others: name an `id`, "
                     "or a `hash` of columns in which no two rows are equal");
    if (each->kind != MTR_EACH_NONE && !names_each(&out->map))
        source_fault(reading, MTR_FINDING_SOURCE_KEY_MISSING, "identity",
                     "rows of an append delivery are known by it alone, and what `for_each` goes over may "
                     "number its rows alike: name it too, as `id: \"{each.%.*s}/{COLUMN}\"` or `hash: "
                     "[each.%.*s, COLUMN]`",
                     MTR_STR_ARGS(member), MTR_STR_ARGS(member));
}

/* How it is asked. */
static void read_asking(struct source_reading *reading, const struct source_fields *fields,
                        struct mtr_source *out)
{
    read_base(reading, fields->base_url, &out->base);
    source_read_request(reading, "request", &fields->request, &out->request);
    source_read_auth(reading, &fields->auth, &out->auth);
    source_read_paging(reading, &fields->paging, &out->paging);
    source_read_job(reading, fields->job, &out->job);
}

static void read_parts(struct source_reading *reading, const struct source_fields *fields,
                       struct mtr_source *out)
{
    out->key = fields->key;
    out->vendor = fields->vendor;
    out->preset = fields->preset;
    out->disabled = fields->disabled;
    out->by_hand = fields->by_hand;
    read_hosts(reading, fields->hosts, out);
    source_read_schedule(reading, &fields->schedule, &out->schedule);
    out->has_limits = source_read_window(reading, &fields->window, &out->window);
    read_delivery(reading, fields, out);
    source_read_each(reading, &fields->each, &out->each);
    if (out->by_hand)
        read_by_hand(reading, fields, out);
    else
        read_asking(reading, fields, out);
    source_read_answer(reading, &fields->answer, &out->answer);
    source_read_complete(reading, &fields->complete, &out->complete);
    read_limits(reading, &fields->limits, &out->limits);
    read_guard(reading, &fields->guard, &out->guard);
    out->expect = (struct mtr_source_expect){.columns = (enum mtr_source_columns)fields->expect.columns,
                                             .freshness_us = fields->expect.freshness_us,
                                             .rows_min = fields->expect.rows_min};
    const struct source_holds_fields *holds = fields->holds_close;
    out->holds_close = holds != NULL;
    out->holds_close_most_us = holds ? holds->at_most_us : 0;
    out->pages_keep_us = fields->pages.keep_us;
}

/* The document is refused: what holds between its keys is said when they are there. */
static int end_of_missing(struct source_reading *reading, const struct mtr_source *out)
{
    if (!reading->error && !out->by_hand) check_together(reading, out);
    return reading->error ? reading->error : MTR_EINVALID;
}

/* Of an identity that is not even of its kind the map would say once more that it is none. */
static bool has_mapping(const struct source_reading *reading, const struct source_fields *fields)
{
    return fields->format && fields->map && !source_is_told(reading, "identity");
}

static int read_document(struct source_reading *reading, const struct mtr_node *node, struct mtr_source *out)
{
    const size_t errors = reading->findings->errors;
    struct source_fields fields = {0};
    int rc = mtr_source_fill(node, reading->scratch, &reading->root, reading->findings);
    if (rc) return rc;
    rc = mtr_schema_decode(mtr_source_fields, reading->root, reading->arena, &fields, reading->findings);
    if (rc == MTR_ENOMEM || reading->root->kind != MTR_NODE_MAP) return rc;
    reading->only_missing = rc != MTR_OK;
    if (source_is_told(reading, "by_hand")) return rc; /* what such a one needs, nobody knows */
    if (!fields.by_hand && !fields.base_url.size) {
        source_fault(reading, MTR_FINDING_FIELD_MISSING, "base_url",
                     "is missing: where requests go; or say `by_hand: true`, and give files");
        reading->only_missing = true;
    }
    read_parts(reading, &fields, out);
    if (!reading->error && has_mapping(reading, &fields)) source_read_map(reading, &fields, out);
    if (reading->only_missing) return end_of_missing(reading, out);
    if (!reading->error && !reading->is_unknown.map) check_append(reading, out);
    if (!reading->error) source_check_idle(reading, out);
    if (!reading->error && !out->by_hand) {
        check_together(reading, out);
        source_check_templates(reading, out);
    }
    return reading->error ? reading->error : reading->findings->errors > errors ? MTR_EINVALID : MTR_OK;
}

int mtr_source_read(const struct mtr_node *node, const struct mtr_source_zones *zones,
                    struct mtr_arena *arena, struct mtr_source *out, struct mtr_diagnostics *findings)
{
    struct mtr_arena scratch;
    struct source_reading reading = {
        .arena = arena, .scratch = &scratch, .zones = zones, .findings = findings,
        .findings_before = findings->count};
    *out = (struct mtr_source){0};
    mtr_arena_init(&scratch, SCRATCH_CHUNK_BYTES, SCRATCH_BYTES_MAX);
    const int rc = read_document(&reading, node, out);
    out->has_limits = out->has_limits || !rc;
    mtr_arena_release(&scratch);
    return rc;
}
