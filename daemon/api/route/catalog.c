/*
 * Catalog calls: documents in, checked, versioned, and out of force. Reading them is documents.c.
 */
#include "daemon/api/rows.h"
#include "daemon/api/routes.h"
#include "meterd/catalog/store.h"

#include <stdio.h>
#include <string.h>

#include "meterd/core/limits.h"
#include "meterd/core/logline.h"
#include "meterd/query/closed_periods.h"
#include "meterd/query/meter_trial.h"

enum { FINDINGS_MAX = 200, KINDS_TEXT_BYTES = 160 };
/* Of closed periods that a change is looked at for: some seconds at most, in which no other change comes. */
enum {
    REVIEW_PERIOD_BYTES_MAX = 64 << 20,
    REVIEW_LOOKED_AT_MAX = 200000,
    REVIEW_PRICED_MAX = 10000,
    REVIEW_RECOUNTED_MAX = 5000000
};

static struct mtr_str kind_at(const void *context, unsigned i)
{
    (void)context;
    return i < MTR_KIND_COUNT ? mtr_str_from(mtr_catalog_kind_name((enum mtr_catalog_kind)i))
                              : (struct mtr_str){NULL, 0};
}

bool api_kind(struct api_call *call, struct mtr_str name, enum mtr_catalog_kind *kind)
{
    char kinds[KINDS_TEXT_BYTES] = "", meant[MTR_MEANT_BYTES];
    size_t used = 0;
    if (mtr_catalog_kind_from_name(name, kind)) return true;
    for (int i = 0; i < MTR_KIND_COUNT && used < sizeof(kinds); i++)
        used += (size_t)snprintf(kinds + used, sizeof(kinds) - used, "%s%s", i ? ", " : "",
                                 mtr_catalog_kind_name((enum mtr_catalog_kind)i));
    api_problem(call, 404, MTR_FINDING_CATALOG_KIND_UNKNOWN, "there is no kind '%.*s%s': %s%s",
                MTR_STR_QUOTED(name), kinds, mtr_str_meant(name, kind_at, NULL, meant));
    return false;
}

bool api_is_one(struct api_call *call, enum mtr_catalog_kind kind, struct mtr_str name)
{
    char which[MTR_WHICH_OF_TEXT_BYTES];
    if (!mtr_catalog_which_of(call->catalog, kind, name, which)) return true;
    api_problem(call, 400, MTR_FINDING_REQUEST_AMBIGUOUS, "%s?", which);
    return false;
}

/* ---- what is sent ---- */

struct mtr_shape api_kind_shape(enum mtr_catalog_kind kind)
{
    return (struct mtr_shape){.name = mtr_catalog_kind_name(kind),
                              .fields = mtr_catalog_kind_fields(kind),
                              .amounts_by_currency = kind == MTR_KIND_TARIFF};
}

/* Lists of documents under the plurals of their kinds. */
static void describe_bundle(const char *references, struct mtr_json_writer *json)
{
    mtr_json_map(json);
    mtr_json_named_cstr(json, "type", "object");
    mtr_json_name(json, "properties");
    mtr_json_map(json);
    for (int i = 0; i < MTR_KIND_COUNT; i++) {
        const struct mtr_shape kind = api_kind_shape((enum mtr_catalog_kind)i);
        mtr_json_name(json, mtr_catalog_kind_plural((enum mtr_catalog_kind)i));
        mtr_json_map(json);
        mtr_json_named_cstr(json, "type", "array");
        mtr_json_name(json, "items");
        mtr_shape_write_reference(&kind, references, json);
        mtr_json_map_end(json);
    }
    mtr_json_map_end(json);
    mtr_json_named_bool(json, "additionalProperties", false);
    mtr_json_map_end(json);
}

static void describe_document(const char *references, struct mtr_json_writer *json)
{
    mtr_json_map(json);
    mtr_json_name(json, "anyOf");
    mtr_json_list(json);
    for (int i = 0; i < MTR_KIND_COUNT; i++) {
        const struct mtr_shape kind = api_kind_shape((enum mtr_catalog_kind)i);
        mtr_shape_write_reference(&kind, references, json);
    }
    mtr_json_list_end(json);
    mtr_json_map_end(json);
}

static const struct mtr_shape bundle_shape = {.name = "Catalog", .describe = describe_bundle},
                              sent_shape = {.name = "CatalogDocument", .describe = describe_document};
static const char sent_types[] = API_JSON ",application/yaml";

/* ---- what is answered ---- */

struct trial_reason_row {
    const char *reason;
    bool has_property;
    struct mtr_str property;
    uint64_t events, first_seq;
};

#define ROW(field) MTR_MEMBER(trial_reason_row, field)
static const struct mtr_json_member trial_reason_members[] = {
    {ROW(reason), .type = MTR_MEMBER_WORD, .doc = "what is wrong with the property, or the event"},
    {ROW(property), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK,
     MTR_PRESENT(trial_reason_row, has_property), .doc = "that the meter reads"},
    {ROW(events), .type = MTR_MEMBER_U64, .doc = "of which it is true"},
    {ROW(first_seq), .type = MTR_MEMBER_U64, .doc = "sequence of the first of them"},
    {0},
};
#undef ROW
static const struct mtr_shape trial_reason_shape = {.name = "MeterTrialReason",
                                                    .members = trial_reason_members};

struct trial_row {
    struct mtr_str service, meter;
    const char *aggregation;
    uint64_t looked_at, events, counted, filtered, voided, elsewhere;
    bool has_quantity, has_values;
    struct mtr_quantity quantity, least, largest;
    struct mtr_list not_counted;
};

#define ROW(field) MTR_MEMBER(trial_row, field)
static const struct mtr_json_member trial_members[] = {
    {ROW(service), .type = MTR_MEMBER_TEXT, .doc = "whose meter it is"},
    {ROW(meter), .type = MTR_MEMBER_TEXT, .doc = "its key"},
    {ROW(aggregation), .type = MTR_MEMBER_WORD, .doc = "of the meter"},
    {ROW(looked_at), .type = MTR_MEMBER_U64, .doc = "stored events, the newest ones, of any type"},
    {ROW(events), .type = MTR_MEMBER_U64, .doc = "of these, of its type"},
    {ROW(counted), .type = MTR_MEMBER_U64, .doc = "events that it would have counted"},
    {ROW(quantity), .type = MTR_MEMBER_QUANTITY, .presence = MTR_MAY_LACK,
     MTR_PRESENT(trial_row, has_quantity),
     .doc = "what the aggregation makes of them; not of time_weighted and percentile, which need a period"},
    {ROW(least), .type = MTR_MEMBER_QUANTITY, .presence = MTR_MAY_LACK, MTR_PRESENT(trial_row, has_values),
     .doc = "of their quantities; not of count and unique"},
    {ROW(largest), .type = MTR_MEMBER_QUANTITY, .presence = MTR_MAY_LACK,
     MTR_PRESENT(trial_row, has_values), .doc = "the same"},
    {ROW(filtered), .type = MTR_MEMBER_U64, .doc = "events that its filter leaves out"},
    {ROW(voided), .type = MTR_MEMBER_U64, .doc = "events that were taken back"},
    {ROW(elsewhere), .type = MTR_MEMBER_U64, .doc = "events of no subscription of its service"},
    {ROW(not_counted), .type = MTR_MEMBER_LIST, .shape = &trial_reason_shape,
     .item_size = sizeof(struct trial_reason_row), .doc = "why it would not have counted the others"},
    {0},
};
#undef ROW
static const struct mtr_shape trial_shape = {.name = "MeterTrial", .members = trial_members};

struct change_row {
    uint32_t created, updated, unchanged, deleted;
    uint64_t version;
    bool dry_run;
    struct mtr_list meters; /* of trial_row */
    const struct mtr_diagnostics *findings;
};

static void write_findings(struct mtr_json_writer *json, const void *context)
{
    const struct change_row *row = context;
    mtr_json_findings(json, row->findings);
}

static const struct mtr_json_member change_members[] = {
    {MTR_MEMBER(change_row, created), .type = MTR_MEMBER_U32, .doc = "documents that are new"},
    {MTR_MEMBER(change_row, updated), .type = MTR_MEMBER_U32, .doc = "documents with a new revision"},
    {MTR_MEMBER(change_row, unchanged), .type = MTR_MEMBER_U32, .doc = "documents that say what they said"},
    {MTR_MEMBER(change_row, deleted), .type = MTR_MEMBER_U32, .doc = "documents that are gone"},
    {MTR_MEMBER(change_row, version), .type = MTR_MEMBER_U64, .doc = "of the catalog, with the change"},
    {MTR_MEMBER(change_row, dry_run), .type = MTR_MEMBER_BOOL, .doc = "true: nothing was stored"},
    {MTR_MEMBER(change_row, meters), .type = MTR_MEMBER_LIST, .shape = &trial_shape,
     .item_size = sizeof(struct trial_row), .presence = MTR_MAY_LACK,
     MTR_PRESENT(change_row, dry_run),
     .doc = "of a dry run: what meters that are new would have made of the last stored events"},
    {.name = "findings",
     .type = MTR_MEMBER_LIST,
     .shape = &mtr_finding_shape,
     .write = write_findings,
     .doc = "warnings"},
    {0},
};
static const struct mtr_shape change_shape = {.name = "CatalogChange", .members = change_members};

/* ---- what new meters would have made of the last events ---- */

static const char *trial_reason_text(const struct mtr_meter_trial_reason *reason)
{
    if (reason->take == MTR_TAKE_FAULT) return mtr_take_fault_text(reason->fault);
    return reason->take == MTR_TAKE_RETIRED ? "the meter is retired by its time"
                                            : mtr_take_fault_text(MTR_FAULT_MISSING);
}

/* Texts are copied: the draft goes before the answer is written. */
static int fill_trial_row(struct mtr_arena *arena, const struct mtr_meter_trial *trial, struct trial_row *row)
{
    struct trial_reason_row *reasons = mtr_arena_calloc(arena, trial->reason_count, sizeof(*reasons));
    if (!reasons) return MTR_ENOMEM;
    const enum mtr_aggregation aggregation = trial->meter->aggregation;
    *row = (struct trial_row){.looked_at = trial->looked_at,
                              .events = trial->events,
                              .counted = trial->counted,
                              .filtered = trial->filtered,
                              .voided = trial->voided,
                              .elsewhere = trial->elsewhere,
                              .aggregation = mtr_aggregation_name(aggregation),
                              .has_quantity = trial->has_quantity,
                              .quantity = trial->quantity,
                              .has_values = trial->counted && aggregation != MTR_COUNT &&
                                            aggregation != MTR_UNIQUE,
                              .least = trial->least,
                              .largest = trial->largest,
                              .not_counted = {reasons, trial->reason_count}};
    int rc = mtr_arena_copy(arena, trial->meter->key, &row->meter);
    if (!rc) rc = mtr_arena_copy(arena, trial->meter->service->key, &row->service);
    for (uint32_t i = 0; !rc && i < trial->reason_count; i++) {
        const struct mtr_meter_trial_reason *reason = &trial->reasons[i];
        reasons[i] = (struct trial_reason_row){.reason = trial_reason_text(reason),
                                               .has_property = reason->property.size > 0,
                                               .events = reason->events,
                                               .first_seq = reason->first_seq};
        rc = mtr_arena_copy(arena, reason->property, &reasons[i].property);
    }
    return rc;
}

/* Documents are numbered in the order they came to be: what is new has the highest. */
static int try_meters(struct api_call *call, const struct mtr_catalog *stored,
                      const struct mtr_catalog *draft, struct mtr_list *rows)
{
    const uint32_t known = mtr_catalog_count(stored, MTR_KIND_METER);
    uint32_t count = mtr_catalog_count(draft, MTR_KIND_METER) - known;
    if (count > MTR_METER_TRIALS_MAX) count = MTR_METER_TRIALS_MAX;
    if (!count) return MTR_OK;
    struct mtr_meter_trial *trials = mtr_arena_calloc(&call->arena, count, sizeof(*trials));
    struct trial_row *items = mtr_arena_calloc(&call->arena, count, sizeof(*items));
    if (!trials || !items) return MTR_ENOMEM;
    for (uint32_t i = 0; i < count; i++) trials[i].meter = mtr_catalog_meter(draft, known + 1 + i);
    const struct mtr_meter_trial_options options = {.log = call->host->log,
                                                    .rollups = call->host->rollups,
                                                    .catalog = draft,
                                                    .events_max = api_u64(call, "events")};
    int rc = mtr_meter_trial(&options, trials, count);
    for (uint32_t i = 0; !rc && i < count; i++) rc = fill_trial_row(&call->arena, &trials[i], &items[i]);
    *rows = (struct mtr_list){items, count};
    return rc;
}

/* ---- applying ---- */

static void answer_change(struct api_call *call, const struct mtr_catalog_change *change, bool dry_run,
                          struct mtr_list meters, const struct mtr_diagnostics *findings)
{
    const struct change_row row = {.created = change->created,
                                   .updated = change->updated,
                                   .unchanged = change->unchanged,
                                   .deleted = change->deleted,
                                   .version = change->version,
                                   .dry_run = dry_run,
                                   .meters = meters,
                                   .findings = findings};
    api_security_object(call, mtr_str_from(change->names));
    api_security_detail(call, "version=%llu created=%u updated=%u deleted=%u",
                        (unsigned long long)change->version, change->created, change->updated,
                        change->deleted);
    api_answer(call, &row);
    if (dry_run || !(change->created + change->updated + change->deleted)) return;
    mtr_logline(MTR_LEVEL_INFO, "catalog", "version=%llu created=%u updated=%u deleted=%u by=%.*s",
                (unsigned long long)change->version, change->created, change->updated, change->deleted,
                MTR_STR_ARGS(call->credential->key));
    call->host->catalog_changed(call->host->context);
}

struct review {
    struct api_call *call;
    bool deletes; /* what nothing names prices no period */
    bool holds_stages;
    struct mtr_list meters; /* of trial_row: of a dry run */
};

/* What applied documents do: new meters to the last events, any of them to closed periods. */
static int review_documents(struct review *review, const struct mtr_catalog *stored,
                            const struct mtr_catalog *draft, struct mtr_diagnostics *findings)
{
    struct api_call *call = review->call;
    int rc = api_flag(call, "dry_run") ? try_meters(call, stored, draft, &review->meters) : MTR_OK;
    if (rc) return rc;
    struct mtr_closed_periods_options options = {
        .stored = stored,
        .draft = draft,
        .memory_bytes_max = REVIEW_PERIOD_BYTES_MAX,
        .looked_at_max = REVIEW_LOOKED_AT_MAX,
        .priced_max = REVIEW_PRICED_MAX,
        .recounted_max = REVIEW_RECOUNTED_MAX,
    };
    rc = mtr_log_reader_attach(call->host->log, &options.reader);
    if (!rc)
        rc = mtr_closed_periods_review(call->host->rollups, call->host->charges, &options,
                                       api_flag(call, "correct_closed_periods"), findings);
    mtr_log_reader_close(options.reader);
    return rc;
}

/* Before a change is in force: that, and what was folded and charged has against it. */
static int review(void *context, const struct mtr_catalog *stored, const struct mtr_catalog *draft,
                  struct mtr_diagnostics *findings)
{
    struct review *review = context;
    int rc = review->deletes ? MTR_OK : review_documents(review, stored, draft, findings);
    if (rc) return rc;
    const struct mtr_api_host *host = review->call->host;
    review->holds_stages = true;
    return host->hold_stages(host->context, stored, draft, findings);
}

typedef int edit_catalog(struct mtr_catalog_store *store, const struct mtr_catalog_edit *edit,
                         struct mtr_catalog_change *change, struct mtr_diagnostics *findings);

static void change_catalog(struct api_call *call, edit_catalog *edit_store, const enum mtr_catalog_kind *kind,
                           struct mtr_str key, const char *refused)
{
    struct mtr_catalog_change change = {0};
    struct mtr_diagnostics findings;
    struct review reviewing = {.call = call, .deletes = edit_store == mtr_catalog_store_delete};
    bool dry_run = api_flag(call, "dry_run");
    mtr_diagnostics_init(&findings, FINDINGS_MAX);
    const struct mtr_catalog_edit edit = {.text = call->body,
                                          .kind = kind,
                                          .key = key,
                                          .who = call->credential->key,
                                          .now_us = call->now_us,
                                          .dry_run = dry_run,
                                          .review = call->host->charges ? review : NULL,
                                          .review_context = &reviewing};
    int rc = edit_store(call->host->catalog_store, &edit, &change, &findings);
    if (reviewing.holds_stages) call->host->release_stages(call->host->context);
    if (rc == MTR_EINVALID) api_findings(call, MTR_FINDING_CATALOG_CHANGE_REFUSED, refused, &findings);
    else if (rc == MTR_ENOTFOUND)
        api_unknown(call, *kind, key);
    else if (rc) api_error(call, rc, "the catalog could not be changed");
    else answer_change(call, &change, dry_run, reviewing.meters, &findings);
    mtr_diagnostics_release(&findings);
}

static void apply(struct api_call *call, const enum mtr_catalog_kind *kind, struct mtr_str key)
{
    change_catalog(call, mtr_catalog_store_apply, kind, key,
                   "the documents have errors; nothing was changed");
}

static void apply_catalog(struct api_call *call)
{
    apply(call, NULL, (struct mtr_str){NULL, 0});
}

static void put_document(struct api_call *call)
{
    enum mtr_catalog_kind kind;
    if (api_kind(call, call->path_parameters[0], &kind)) apply(call, &kind, call->path_parameters[1]);
}

static void delete_document(struct api_call *call)
{
    enum mtr_catalog_kind kind;
    const struct mtr_str name = call->path_parameters[1];
    if (api_kind(call, call->path_parameters[0], &kind) && api_is_one(call, kind, name))
        change_catalog(call, mtr_catalog_store_delete, &kind, name,
                       "the document stays: what is named or was used is retired instead");
}

static const struct api_parameter put_parameters[] = {
    {"dry_run", API_BOOLEAN, .doc = "check and say what would change; store nothing"},
    {"events", API_INTEGER, .min = 1, .max = 1000000, .default_text = "10000",
     .doc = "of a dry run: how many of the last stored events new meters are tried on"},
    {"correct_closed_periods", API_BOOLEAN,
     .doc = "apply a change without a date also where closed periods are rated again by it"},
    {0},
};

const struct api_route api_apply_catalog = {
    .method = MTR_HTTP_PUT,
    .path = "/v1/catalog",
    .scope = MTR_SCOPE_ADMIN,
    .act = API_SECURITY_CATALOG_CHANGE,
    .operation = "applyCatalog",
    .summary = "Apply many documents (YAML or JSON) as one change",
    .parameters = put_parameters,
    .request = &bundle_shape,
    .request_types = sent_types,
    .answer = &change_shape,
    .handle = apply_catalog,
};

const struct api_route api_put_document = {
    .method = MTR_HTTP_PUT,
    .path = "/v1/catalog/{kind}/{key}",
    .scope = MTR_SCOPE_ADMIN,
    .act = API_SECURITY_CATALOG_CHANGE,
    .operation = "putDocument",
    .summary = "Apply one document (YAML or JSON)",
    .parameters = put_parameters,
    .request = &sent_shape,
    .request_types = sent_types,
    .answer = &change_shape,
    .handle = put_document,
};

static const struct api_parameter delete_parameters[] = {
    {"dry_run", API_BOOLEAN, .doc = "check and say what would change; store nothing"},
    {0},
};

const struct api_route api_delete_document = {
    .method = MTR_HTTP_DELETE,
    .path = "/v1/catalog/{kind}/{key}",
    .scope = MTR_SCOPE_ADMIN,
    .act = API_SECURITY_CATALOG_CHANGE,
    .operation = "deleteDocument",
    .summary = "Delete a meter, service, tariff or API key that nothing names and nothing was folded or "
               "charged with; its revisions stay",
    .parameters = delete_parameters,
    .answer = &change_shape,
    .handle = delete_document,
};
