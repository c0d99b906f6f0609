/*
 * GET /v1/sources: how the sources stand, by their number in the catalog.
 */
#include "daemon/api/rows.h"
#include "daemon/api/routes.h"
#include "daemon/api/route/source_row.h"

#include "meterd/catalog/catalog.h"
#include "meterd/collector/poller.h"

struct sources {
    uint64_t limit, listed;
    uint32_t after;
};

const struct mtr_source *source_of_path(struct api_call *call)
{
    const struct mtr_str key = call->path_parameters[0];
    const struct mtr_source *source = mtr_catalog_find_source(call->catalog, key);
    if (!source) api_unknown(call, MTR_KIND_SOURCE, key);
    return source;
}

static const char *state_choice(unsigned index)
{
    static const char *const states[] = {"waiting",  "reading", "paused",
                                         "disabled", "unreadable", "new", NULL};
    return index < 7 ? states[index] : NULL;
}

const char *source_certificate_choice(unsigned index)
{
    static const char *const results[] = {"not_offered", "passed", "warned", "failed", NULL};
    return index < 5 ? results[index] : NULL;
}

const char *source_alarm_choice(unsigned index)
{
    return index + 1 < MTR_ALARM_COUNT ? mtr_alarm_name((enum mtr_alarm)(index + 1)) : NULL;
}

#define ROW(field) MTR_MEMBER(source_alarm_row, field)
static const struct mtr_json_member alarm_members[] = {
    {ROW(alarm), .type = MTR_MEMBER_WORD, .choice = source_alarm_choice, .doc = "what it is"},
    {ROW(problem), .type = MTR_MEMBER_TEXT, .doc = "a sentence, of the request that has had it longest"},
    {ROW(since), .type = MTR_MEMBER_TIME, .presence = MTR_MAY_LACK, MTR_PRESENT(source_alarm_row, has_since),
     .doc = "when it began"},
    {ROW(requests), .type = MTR_MEMBER_U32, .doc = "how many of the source's requests have it"},
    {0},
};
#undef ROW
static const struct mtr_shape alarm_shape = {.name = "SourceAlarm", .members = alarm_members};

#define ROW(field) MTR_MEMBER(source_row, field)
static const struct mtr_json_member members[] = {
    {ROW(source), .type = MTR_MEMBER_TEXT, .doc = "its key"},
    {ROW(vendor), .type = MTR_MEMBER_TEXT, .doc = "key of the vendor whose usage it is"},
    {ROW(state), .type = MTR_MEMBER_WORD, .choice = state_choice,
     .doc = "what the poller does with it; unreadable: its document was stored by an earlier edition and is "
            "refused now, and nothing is asked; new: the poller has not come to it yet"},
    {ROW(alarm), .type = MTR_MEMBER_WORD, .choice = source_alarm_choice, .presence = MTR_MAY_LACK,
     MTR_PRESENT(source_row, has_alarm),
     .doc = "why a window of it is not complete, or what is to be looked at: the gravest of its alarms"},
    {ROW(problem), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK, MTR_PRESENT(source_row, has_problem),
     .doc = "the alarm in a sentence; unreadable: what its document is refused for"},
    {ROW(since), .type = MTR_MEMBER_TIME, .presence = MTR_MAY_LACK, MTR_PRESENT(source_row, has_since),
     .doc = "when the alarm began"},
    {ROW(alarms), .type = MTR_MEMBER_LIST, .shape = &alarm_shape,
     .item_size = sizeof(struct source_alarm_row),
     .doc = "all of them, each kind once, the gravest first"},
    {ROW(certificate), .type = MTR_MEMBER_WORD, .choice = source_certificate_choice, .presence = MTR_MAY_LACK,
     MTR_PRESENT(source_row, has_certificate), .doc = "the worst of the probes of its certificate"},
    {ROW(certificate_is_current), .type = MTR_MEMBER_BOOL, .presence = MTR_MAY_LACK,
     MTR_PRESENT(source_row, has_certificate), .doc = "it is of the document in force"},
    {ROW(read_at), .type = MTR_MEMBER_TIME, .presence = MTR_MAY_LACK, MTR_PRESENT(source_row, was_read),
     .doc = "when a window was last read well"},
    {ROW(next_at), .type = MTR_MEMBER_TIME, .presence = MTR_MAY_LACK, MTR_PRESENT(source_row, is_next),
     .doc = "when a window is due next; not said while all that it asks for are being read"},
    {ROW(requests), .type = MTR_MEMBER_U32, .doc = "how many for_each makes of it; 1 without"},
    {ROW(reading), .type = MTR_MEMBER_U32, .doc = "windows that are being read"},
    {ROW(readings), .type = MTR_MEMBER_U64, .doc = "good ones since the daemon started"},
    {ROW(failures), .type = MTR_MEMBER_U64, .doc = "readings that came to nothing since the daemon started"},
    {ROW(rows), .type = MTR_MEMBER_U64, .doc = "rows that were read since the daemon started"},
    {ROW(changes), .type = MTR_MEMBER_U64,
     .doc = "rows that were new, changed or gone since the daemon started"},
    {0},
};
#undef ROW
const struct mtr_shape source_row_shape = {.name = "Source", .members = members};

struct source_row source_row_of(struct api_call *call, const struct mtr_source *source,
                                struct source_row_room *room)
{
    struct source_alarm_row *alarms = room->alarms;
    room->status = (struct mtr_source_status){0};
    const bool is_known = call->host->source_status &&
                          call->host->source_status(call->host->context, source, &room->status);
    const struct mtr_source_status status = room->status;
    for (uint32_t i = 0; i < status.alarm_count; i++)
        alarms[i] = (struct source_alarm_row){.alarm = mtr_alarm_name(status.alarms[i].alarm),
                                       .problem = mtr_str_from(room->status.alarms[i].text),
                                       .since = status.alarms[i].since_us,
                                       .has_since = status.alarms[i].since_us > 0,
                                       .requests = status.alarms[i].strands};
    bool is_current = false;
    const char *certificate =
        call->host->certificate_result
            ? call->host->certificate_result(call->host->context, source, &is_current)
            : NULL;
    const struct source_alarm_row gravest = status.alarm_count ? alarms[0] : (struct source_alarm_row){0};
    return (struct source_row){.source = source->key,
                                   .vendor = source->vendor,
                                   .state = source->unreadable.size ? "unreadable"
                                            : source->disabled      ? "disabled"
                                            : !is_known             ? "new"
                                            : status.is_paused      ? "paused"
                                            : status.reading        ? "reading"
                                                                    : "waiting",
                                   .alarm = gravest.alarm,
                                   .problem = status.alarm_count ? gravest.problem : source->unreadable,
                                   .has_problem = status.alarm_count || source->unreadable.size,
                                   .has_alarm = status.alarm_count > 0,
                                   .has_since = gravest.has_since,
                                   .since = gravest.since,
                                   .alarms = {alarms, status.alarm_count},
                                   .certificate = certificate,
                                   .has_certificate = certificate != NULL,
                                   .certificate_is_current = is_current,
                                   .was_read = status.read_us > 0,
                                   .read_at = status.read_us,
                                   .is_next = is_known && status.next_us != INT64_MAX,
                                   .next_at = status.next_us,
                                   .requests = status.strands,
                                   .reading = status.reading,
                                   .readings = status.readings,
                                   .failures = status.failures,
                                   .rows = status.rows,
                                   .changes = status.changes};
}

static int write_source(struct api_call *call, struct api_rows *rows, const struct mtr_source *source)
{
    struct source_row_room room;
    const struct source_row row = source_row_of(call, source, &room);
    return api_row(rows, &row);
}

static int fill(struct api_call *call, struct api_rows *rows)
{
    struct sources *sources = call->state;
    const uint32_t count = mtr_catalog_count(call->catalog, MTR_KIND_SOURCE);
    while (sources->after < count) {
        const struct mtr_source *source = mtr_catalog_source(call->catalog, sources->after + 1);
        if (api_rows_full(rows)) return MTR_OK;
        if (source && sources->listed == sources->limit) {
            api_rows_end(rows, sources->after, true);
            return MTR_OK;
        }
        sources->after++;
        int rc = source ? write_source(call, rows, source) : MTR_OK;
        if (rc) return rc;
        sources->listed += source != NULL;
    }
    api_rows_end(rows, sources->after, false);
    return MTR_OK;
}

static bool begin(struct api_call *call)
{
    struct sources *sources = api_allocate(call, sizeof(*sources));
    if (!sources) return false;
    sources->after = (uint32_t)api_u64(call, "after");
    sources->limit = api_u64(call, "limit");
    call->state = sources;
    return true;
}

static const struct api_parameter parameters[] = {
    {"after", API_INTEGER, .max = UINT32_MAX,
     .doc = "go on behind what the answer before named as next_after"},
    {"limit", API_INTEGER, .min = 1, .max = 10000, .default_text = "1000", .doc = "at most so many rows"},
    {0},
};

static const struct api_list list = {
    .name = "Sources",
    .member = "sources",
    .row = &source_row_shape,
    .failure = "the sources cannot be read",
    .begin = begin,
    .fill = fill,
};

const struct api_route api_list_sources = {
    .method = MTR_HTTP_GET,
    .path = "/v1/sources",
    .scope = MTR_SCOPE_ADMIN,
    .operation = "listSources",
    .summary = "How the sources stand: what is read, and which alarms there are",
    .parameters = parameters,
    .list = &list,
    .handle = api_answer_rows,
};
