/*
 * Pricing on request. Everything is allocated from the caller's arena.
 */
#include "meterd/daemon/price_request.h"

#include <string.h>

#include "meterd/core/document.h"
#include "meterd/core/schema.h"
#include "meterd/core/time.h"
#include "meterd/rater/price.h"

enum { USAGE_ROWS_MAX = 10000 };

struct usage_row {
    struct mtr_str component;
    struct mtr_quantity quantity;
    struct mtr_list dimensions;
};

struct request {
    const struct mtr_node *tariff;
    int64_t at_us;
    bool has_at;
    struct mtr_quantity quantity;
    bool has_quantity;
    struct mtr_str component;
    struct mtr_list dimensions;
    struct mtr_list usage;
    bool closing;
    bool trace;
};

#define FIELD(struct_, key, type_, doc_) .name = #key, .type = type_, .offset = offsetof(struct struct_, key), .doc = doc_

static const struct mtr_field usage_fields[] = {
    {FIELD(usage_row, component, MTR_FIELD_TEXT, "key of the tariff's component"), .required = true},
    {FIELD(usage_row, quantity, MTR_FIELD_QUANTITY, "decimal quantity"), .required = true},
    {FIELD(usage_row, dimensions, MTR_FIELD_LABELS, "values of the component's group_by")},
    {.name = NULL},
};

static const struct mtr_field request_fields[] = {
    {FIELD(request, tariff, MTR_FIELD_NODE, "key of a stored tariff, or the document"), .required = true},
    {.name = "at", .type = MTR_FIELD_TIME, .offset = offsetof(struct request, at_us), .present_offset = offsetof(struct request, has_at) + 1,
     .doc = "which version is in force"},
    {FIELD(request, quantity, MTR_FIELD_QUANTITY, "decimal quantity of the component"), .present_offset = offsetof(struct request, has_quantity) + 1},
    {FIELD(request, component, MTR_FIELD_TEXT, "default: the only one with a meter")},
    {FIELD(request, dimensions, MTR_FIELD_LABELS, "of the quantity")},
    {FIELD(request, usage, MTR_FIELD_LIST, "several quantities"), .fields = usage_fields, .item_size = sizeof(struct usage_row), .max = USAGE_ROWS_MAX},
    {FIELD(request, closing, MTR_FIELD_BOOL, "the period is over"), .default_text = "true"},
    {FIELD(request, trace, MTR_FIELD_BOOL, "with the trace"), .default_text = "true"},
    {.name = NULL},
};

static int fail(struct mtr_diagnostics *findings, const struct mtr_node *node, const char *field, const char *sentence, struct mtr_str name)
{
    mtr_diagnostics_addf(findings, MTR_SEVERITY_ERROR, node ? node->line : 0, node ? node->column : 0, field, "%s%s%.*s", sentence, name.size ? " " : "",
                         MTR_STR_ARGS(name));
    return MTR_EINVALID;
}

/* The tariff named or supplied. */
static int find_tariff(const struct request *request, const struct mtr_catalog *catalog, struct mtr_arena *arena,
                       const struct mtr_tariff_document **out, struct mtr_diagnostics *findings)
{
    const struct mtr_node *node = request->tariff;
    if (node->kind == MTR_NODE_MAP) {
        struct mtr_tariff_document *document = mtr_arena_calloc(arena, 1, sizeof(*document));
        if (!document) return MTR_ENOMEM;
        *out = document;
        return mtr_tariff_read(node, arena, document, findings);
    }
    *out = catalog ? mtr_catalog_find_tariff(catalog, node->text) : NULL;
    return *out ? MTR_OK : fail(findings, node, "tariff", "there is no tariff", node->text);
}

static int64_t version_start_us(const struct mtr_tariff_version *version)
{
    return version->from_is_date ? version->from_days * MTR_US_PER_DAY : version->from_us;
}

static const struct mtr_tariff_version *find_version(const struct mtr_tariff_document *tariff, int64_t at_us)
{
    const struct mtr_tariff_version *found = NULL;
    for (uint32_t i = 0; i < tariff->version_count; i++)
        if (version_start_us(&tariff->versions[i]) <= at_us) found = &tariff->versions[i];
    return found;
}

/* Index of the component of that name; without a name the only one that has a meter. */
static int find_component(const struct mtr_tariff_version *version, struct mtr_str name, uint32_t *out, struct mtr_diagnostics *findings)
{
    uint32_t found = UINT32_MAX, metered = 0;
    for (uint32_t i = 0; i < version->component_count; i++) {
        const struct mtr_component *component = &version->components[i];
        if (!name.size && !component->meter.size) continue;
        if (name.size && !mtr_str_equal(component->key, name)) continue;
        found = i;
        metered++;
    }
    if (metered == 0 && name.size) return fail(findings, NULL, "component", "the tariff has no component", name);
    if (metered == 0) return fail(findings, NULL, "component", "the tariff has no component with a meter", (struct mtr_str){NULL, 0});
    if (metered > 1)
        return fail(findings, NULL, "component", "the tariff has several components with a meter: name the one that is meant",
                    (struct mtr_str){NULL, 0});
    if (!version->components[found].meter.size) return fail(findings, NULL, "component", "a fee has no meter and takes no quantity:", name);
    *out = found;
    return MTR_OK;
}

static struct mtr_str label_value(const struct mtr_list *labels, struct mtr_str name)
{
    const struct mtr_label *items = labels->items;
    for (uint32_t i = 0; i < labels->count; i++)
        if (mtr_str_equal(items[i].name, name)) return items[i].value;
    return (struct mtr_str){NULL, 0};
}

static int append_escaped(struct mtr_buffer *out, struct mtr_str value)
{
    int rc = MTR_OK;
    for (size_t i = 0; !rc && i < value.size; i++) {
        if (memchr(",=\\", value.data[i], 3)) rc = mtr_buffer_append_char(out, '\\');
        if (!rc) rc = mtr_buffer_append_char(out, value.data[i]);
    }
    return rc;
}

/* "region=eu,sku=x" in the order of the component's group_by, as charges write it. */
static int write_dimensions(const struct mtr_component *component, const struct mtr_list *labels, struct mtr_arena *arena, struct mtr_str *out)
{
    struct mtr_buffer text;
    mtr_buffer_init(&text, 1 << 14);
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < component->group_by_count; i++) {
        rc = mtr_buffer_printf(&text, "%s%.*s=", i ? "," : "", MTR_STR_ARGS(component->group_by[i]));
        if (!rc) rc = append_escaped(&text, label_value(labels, component->group_by[i]));
    }
    if (!rc) rc = mtr_arena_copy(arena, mtr_buffer_str(&text), out);
    mtr_buffer_release(&text);
    return rc;
}

static int add_row(const struct mtr_tariff_version *version, struct mtr_str component, const struct mtr_list *labels, struct mtr_quantity quantity,
                   struct mtr_arena *arena, struct mtr_usage_row *row, struct mtr_diagnostics *findings)
{
    int rc = find_component(version, component, &row->component, findings);
    row->quantity = quantity;
    return rc ? rc : write_dimensions(&version->components[row->component], labels, arena, &row->dimensions);
}

static int build_usage(const struct request *request, const struct mtr_tariff_version *version, struct mtr_arena *arena, struct mtr_price_input *input,
                       struct mtr_diagnostics *findings)
{
    const struct usage_row *given = request->usage.items;
    struct mtr_usage_row *rows = mtr_arena_calloc(arena, (size_t)request->usage.count + 1, sizeof(*rows));
    uint32_t count = 0;
    int rc = rows ? MTR_OK : MTR_ENOMEM;
    if (!rc && request->has_quantity) rc = add_row(version, request->component, &request->dimensions, request->quantity, arena, &rows[count++], findings);
    for (uint32_t i = 0; !rc && i < request->usage.count; i++)
        rc = add_row(version, given[i].component, &given[i].dimensions, given[i].quantity, arena, &rows[count++], findings);
    input->usage = rows;
    input->usage_count = count;
    return rc;
}

static int price(const struct request *request, const struct mtr_catalog *catalog, int64_t now_us, struct mtr_arena *arena,
                 struct mtr_json_writer *json, struct mtr_diagnostics *findings)
{
    struct mtr_zone *utc = NULL;
    struct mtr_price_input input = {.closing = request->closing};
    struct mtr_price result;
    int64_t at_us = request->has_at ? request->at_us : now_us;
    int rc = find_tariff(request, catalog, arena, &input.tariff, findings);
    if (rc) return rc;
    input.version = find_version(input.tariff, at_us);
    if (!input.version) return fail(findings, request->tariff, "at", "no version of the tariff is in force yet", (struct mtr_str){NULL, 0});
    rc = mtr_zone_open(MTR_STR("UTC"), &utc);
    if (rc) return rc;
    const struct mtr_period_rule month = {MTR_PERIOD_MONTH, INT64_MIN, utc};
    input.period = mtr_period_at(&month, at_us / MTR_US_PER_SECOND);
    input.active_from_s = input.period.start_s;
    input.active_to_s = input.period.end_s;
    input.runs_from_s = input.period.start_s;
    input.runs_to_s = input.period.end_s;
    input.zone = utc;
    rc = build_usage(request, input.version, arena, &input, findings);
    if (!rc) rc = mtr_price(&input, request->trace, arena, &result);
    if (!rc) mtr_price_write_json(&input, &result, request->trace, json);
    mtr_zone_close(utc);
    return rc;
}

int mtr_price_request_run(struct mtr_str text, const struct mtr_catalog *catalog, int64_t now_us, struct mtr_arena *arena, struct mtr_json_writer *json,
                          struct mtr_diagnostics *findings)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic broken;
    struct request request = {0};
    int rc = mtr_document_parse(text, &document, &broken);
    if (rc) mtr_diagnostics_add(findings, &broken);
    else rc = mtr_schema_decode(request_fields, mtr_document_root(document), arena, &request, findings);
    if (!rc) rc = price(&request, catalog, now_us, arena, json, findings);
    mtr_document_close(document);
    return rc;
}
