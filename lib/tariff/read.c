/*
 * Tariff documents: decoded by the rows of fields.c, turned into the checked model, linted (lint.c).
 *
 * Every finding is reported, errors or not; the model is handed out only when there is no error. The arena
 * owns all of it. It does not know meters or subscriptions: whether a meter exists is the catalog's check.
 */
#include "meterd/tariff/tariff.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "lib/tariff/curve/curve.h"
#include "lib/tariff/part/limits.h"
#include "lib/tariff/report.h"
#include "lib/tariff/variants.h"
#include "meterd/core/currency.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"

enum { SCRATCH_CHUNK_BYTES = 1 << 14 };
#define SCRATCH_BYTES_MAX ((size_t)1 << 30)

/* The document being read: where everything goes. */
struct reading {
    struct mtr_arena *arena;
    struct mtr_arena *scratch; /* rewritten trees; until the whole document is read */
    struct mtr_diagnostics *findings;
    struct mtr_tariff_document *tariff;
    size_t overridden_components;        /* so far, in all versions */
    const struct mtr_calendar *calendar; /* of the version being read */
};

/* The meters that are named beside the curve. */
static int read_inputs(struct reading *reading, const struct tariff_component_fields *fields,
                       struct tariff_given_curve given, struct mtr_component *out)
{
    if (!fields->has_meter) return MTR_OK;
    out->inputs = mtr_arena_calloc(reading->arena, 2, sizeof(*out->inputs));
    if (!out->inputs) return MTR_ENOMEM;
    out->inputs[out->input_count++] = fields->meter;
    const struct mtr_str side = fields->has_tier_by       ? fields->tier_by
                                : given.curve->side_meter ? given.curve->side_meter(given.fields)
                                                          : MTR_STR("");
    out->has_side_input = side.size > 0;
    if (out->has_side_input) out->inputs[out->input_count++] = side;
    return MTR_OK;
}

/* What stands beside the curve and does not go with it. */
static void lint_beside(const struct mtr_node *node, const struct tariff_component_fields *fields,
                        const struct tariff_curve *curve, struct mtr_diagnostics *findings)
{
    if (!curve->without_use && !curve->names_meters && !fields->has_meter)
        tariff_report(findings, MTR_FINDING_TARIFF_FIELD_REQUIRED, node, "components",
                      "has no meter: name the one whose use it prices with `meter:`");
    if (curve->lint_beside) curve->lint_beside(node, fields, findings);
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node,
                  fields->has_tier_by && !curve->takes_tier_by, "tier_by",
                  "chooses a tier of `volume`: this is another curve");
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node,
                  fields->flat_at_zero && !curve->has_flats, "flat_at_zero",
                  "only curves with tiers have a flat amount");
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_CONFLICT, node,
                  fields->flat_at_zero && curve->has_flats && fields->has_group_by, "flat_at_zero",
                  "with group_by there is no line at zero use that the flat could be on");
}

static int read_component(struct reading *reading, const struct mtr_node *node,
                          const struct tariff_component_fields *fields, struct mtr_component *out)
{
    size_t errors_before = reading->findings->errors;
    *out = (struct mtr_component){
        .key = fields->key,
        .meter = fields->meter,
        .scope = (enum mtr_curve_scope)fields->scope,
        .across_customer = fields->across == 1,
        .flat_at_zero = fields->flat_at_zero,
        .group_by = fields->group_by.items,
        .group_by_count = fields->group_by.count,
        .parts = mtr_arena_calloc(reading->arena, TARIFF_PART_COUNT, sizeof(void *)),
        .tax_code = fields->tax_code,
        .unit = fields->unit,
        .line = node->line,
        .column = node->column,
    };
    if (!out->parts) return MTR_ENOMEM;
    memcpy(out->parts, fields->parts, sizeof(fields->parts));
    const struct tariff_given_curve given =
        tariff_one_curve(node, &tariff_curves_of_components, fields->curves, reading->findings);
    if (given.curve) lint_beside(node, fields, given.curve, reading->findings);
    if (reading->findings->errors > errors_before) return MTR_OK; /* reported; it has no curve */
    int rc = read_inputs(reading, fields, given, out);
    if (!rc) rc = tariff_read_curve(node, given, reading->arena, out, reading->findings);
    if (!rc)
        rc = tariff_read_masks(node, fields, reading->calendar, reading->arena, out, reading->findings);
    if (!rc) rc = tariff_read_parts(node, reading->tariff, reading->arena, out, reading->findings);
    if (rc) return rc;
    tariff_lint_component(node, out, reading->findings);
    if (!given.curve->read_rows) return MTR_OK;
    return given.curve->read_rows(node, given.fields, reading->arena, out, reading->findings);
}

static void read_from(struct reading *reading, const struct mtr_node *node, struct mtr_tariff_version *out)
{
    enum { DATE_BYTES = 10 };
    int rc = mtr_time_parse_date(out->from, &out->from_us);
    if (rc) {
        char fault[MTR_DATE_FAULT_BYTES];
        mtr_date_fault(out->from, fault);
        mtr_diagnostics_addf(reading->findings, MTR_FINDING_TARIFF_VERSION_FROM, node->line, node->column,
                             "from", "%s", fault);
        return;
    }
    out->from_is_date = out->from.size == DATE_BYTES;
    if (!out->from_is_date) return;
    out->from_days = out->from_us / MTR_US_PER_DAY;
    out->from_us = 0;
}

/* The canonical JSON of the version names it, so that a change of spacing or comments is no new version. */
static int hash_version(const struct mtr_node *node, struct mtr_tariff_version *out)
{
    struct mtr_buffer json;
    mtr_buffer_init(&json, MTR_DOCUMENT_BYTES_MAX);
    int rc = mtr_node_write_json(node, &json);
    if (!rc) {
        XXH128_hash_t hash = XXH3_128bits(json.data, json.size);
        out->hash_high = hash.high64;
        out->hash_low = hash.low64;
    }
    mtr_buffer_release(&json);
    return rc;
}

/* `node` has no overrides. */
static int read_plain_version(struct reading *reading, const struct mtr_node *node,
                              const struct tariff_version_fields *fields, struct mtr_tariff_version *out)
{
    *out = (struct mtr_tariff_version){
        .from = fields->from,
        .reset = fields->reset,
        .has_minimum = fields->has_minimum,
        .has_cap = fields->has_cap,
        .minimum = fields->minimum,
        .cap = fields->cap,
        .account = {fields->account.has_minimum, fields->account.has_cap, fields->account.minimum,
                    fields->account.cap},
        .minimum_prorate = (enum mtr_prorate)fields->minimum_prorate,
        .component_count = fields->components.count,
    };
    if (fields->has_pricing)
        out->pricing = (struct mtr_pricing_currency){fields->pricing.name, fields->pricing.price};
    tariff_lint_pricing(node, reading->tariff, &out->pricing, reading->findings);
    if (fields->has_commitment) out->commitment = tariff_commitment_of(&fields->commitment);
    if (fields->has_term) out->term = tariff_term_of(&fields->term);
    read_from(reading, mtr_node_get(node, "from"), out);
    int rc = hash_version(node, out);
    if (!rc)
        rc = tariff_read_calendar(node, fields, reading->arena, &out->calendar, reading->findings);
    if (rc) return rc;
    reading->calendar = &out->calendar;
    const struct mtr_node *list = mtr_node_get(node, "components");
    const struct tariff_component_fields *components = fields->components.items;
    out->components = mtr_arena_calloc(reading->arena, out->component_count, sizeof(*out->components));
    if (!out->components) return MTR_ENOMEM;
    for (uint32_t i = 0; i < out->component_count; i++) {
        rc = read_component(reading, &list->children[i], &components[i], &out->components[i]);
        if (rc) return rc;
    }
    tariff_lint_version(node, reading->tariff, out, reading->findings);
    return tariff_read_allowances(node, reading->tariff, fields, reading->arena, out, reading->findings);
}

static int read_override(struct reading *reading, const struct mtr_node *plain, const struct mtr_node *node,
                         const struct tariff_override_fields *fields, struct mtr_tariff_override *out)
{
    struct mtr_diagnostics *findings = reading->findings, found;
    struct tariff_version_fields version = {0};
    struct mtr_node merged;
    out->subscription = fields->subscription;
    out->customer = fields->customer;
    if ((fields->subscription.size != 0) == (fields->customer.size != 0)) {
        tariff_report(findings, MTR_FINDING_TARIFF_FIELD_ONE_OF, node, "overrides",
                      "is for a customer or for a subscription: write one of `customer` and `subscription`");
        return MTR_OK;
    }
    int rc = tariff_overridden_version(plain, node, reading->scratch, &merged, findings);
    if (rc) return rc == MTR_EINVALID ? MTR_OK : rc;
    mtr_diagnostics_init(&found, findings->count_max); /* what is not overridden is found again */
    reading->findings = &found;
    rc = mtr_schema_decode(mtr_tariff_version_rows, &merged, reading->arena, &version, &found);
    if (!rc) rc = read_plain_version(reading, &merged, &version, &out->version);
    reading->findings = findings;
    tariff_add_findings(findings, &found);
    mtr_diagnostics_release(&found);
    return rc == MTR_EINVALID ? MTR_OK : rc; /* reported */
}

static void lint_overrides(struct reading *reading, const struct mtr_node *list,
                           const struct mtr_tariff_version *version)
{
    for (uint32_t i = 1; i < version->override_count; i++) {
        const struct mtr_tariff_override *override = &version->overrides[i];
        if (tariff_compare_overrides(override - 1, override) != 0) continue;
        mtr_diagnostics_addf(
            reading->findings, MTR_FINDING_TARIFF_OVERRIDE_REPEATED, list->line, list->column, "overrides",
            "has two overrides for %s `%.*s`", override->subscription.size ? "subscription" : "customer",
            MTR_STR_ARGS(override->subscription.size ? override->subscription : override->customer));
    }
}

static int read_overrides(struct reading *reading, const struct mtr_node *node, const struct mtr_node *plain,
                          const struct mtr_list *fields, struct mtr_tariff_version *out)
{
    const struct mtr_node *list = mtr_node_get(node, "overrides");
    const struct tariff_override_fields *rows = fields->items;
    int rc = MTR_OK;
    if (!fields->count) return MTR_OK;
    reading->overridden_components += (size_t)fields->count * out->component_count;
    if (reading->overridden_components > MTR_TARIFF_OVERRIDDEN_COMPONENTS_MAX) {
        mtr_diagnostics_addf(
            reading->findings, MTR_FINDING_TARIFF_OVERRIDE_LIMIT, list->line, list->column, "overrides",
            "are too many: times the components of their versions they may come to %d in a tariff",
            MTR_TARIFF_OVERRIDDEN_COMPONENTS_MAX);
        return MTR_OK;
    }
    out->overrides = mtr_arena_calloc(reading->arena, fields->count, sizeof(*out->overrides));
    if (!out->overrides) return MTR_ENOMEM;
    out->override_count = fields->count;
    for (uint32_t i = 0; i < fields->count && !rc; i++) {
        const struct mtr_node *account = mtr_node_get(&list->children[i], "account");
        if (account && rows[i].subscription.size)
            tariff_report(reading->findings, MTR_FINDING_TARIFF_ACCOUNT_WHOSE, account, "account",
                          "is of all the customer's subscriptions: write it in an override of the customer");
        rc = read_override(reading, plain, &list->children[i], &rows[i], &out->overrides[i]);
    }
    qsort(out->overrides, out->override_count, sizeof(*out->overrides), tariff_compare_overrides);
    lint_overrides(reading, list, out);
    return rc;
}

static int read_version(struct reading *reading, const struct mtr_node *node,
                        const struct tariff_version_fields *fields, struct mtr_tariff_version *out)
{
    size_t errors_before = reading->findings->errors;
    struct mtr_node plain;
    int rc = tariff_plain_version(node, reading->scratch, &plain);
    if (!rc) rc = read_plain_version(reading, &plain, fields, out);
    if (rc || reading->findings->errors > errors_before) return rc;
    return read_overrides(reading, node, &plain, &fields->overrides, out);
}

/* A date begins between 14 hours before and 12 hours after its midnight in UTC, by zone; an instant is
 * what it is. */
static int64_t earliest_us(const struct mtr_tariff_version *version)
{
    return version->from_is_date ? version->from_days * MTR_US_PER_DAY - 14 * MTR_US_PER_HOUR
                                 : version->from_us;
}

static int64_t latest_us(const struct mtr_tariff_version *version)
{
    return version->from_is_date ? version->from_days * MTR_US_PER_DAY + 12 * MTR_US_PER_HOUR
                                 : version->from_us;
}

static bool is_before(const struct mtr_tariff_version *a, const struct mtr_tariff_version *b)
{
    if (a->from_is_date && b->from_is_date) return a->from_days < b->from_days;
    return latest_us(a) < earliest_us(b);
}

static void check_order(struct reading *reading, const struct mtr_node *list)
{
    const struct mtr_tariff_document *tariff = reading->tariff;
    for (uint32_t i = 1; i < tariff->version_count; i++) {
        const struct mtr_tariff_version *before = &tariff->versions[i - 1], *version = &tariff->versions[i];
        const struct mtr_node *from = mtr_node_get(&list->children[i], "from");
        if (is_before(before, version)) continue;
        mtr_diagnostics_addf(reading->findings, MTR_FINDING_TARIFF_VERSION_ORDER, from->line, from->column,
                             "versions.from",
                             "versions must ascend, and `%.*s` does not come after `%.*s` in every time zone",
                             MTR_STR_ARGS(version->from), MTR_STR_ARGS(before->from));
    }
}

static int read_currency(struct reading *reading, const struct mtr_node *node,
                         const struct tariff_fields *fields)
{
    struct mtr_tariff_document *tariff = reading->tariff;
    const struct mtr_currency *currency = mtr_currency_find(fields->currency);
    if (!currency) {
        const struct mtr_node *place = mtr_node_get(node, "currency");
        char meant[MTR_MEANT_BYTES];
        mtr_diagnostics_addf(reading->findings, MTR_FINDING_TARIFF_CURRENCY_UNKNOWN, place->line,
                             place->column, "currency",
                             "`%.*s%s` is no currency of ISO 4217: a code is three capitals, like EUR%s",
                             MTR_STR_QUOTED(fields->currency), mtr_currency_meant(fields->currency, meant));
    }
    tariff->currency = fields->currency;
    if (fields->has_exchange)
        tariff->exchange = (struct mtr_exchange_rule){
            .given = true,
            .source = fields->exchange.source,
            .at = (enum mtr_exchange_at)fields->exchange.at,
            .max_age_days = (int64_t)fields->exchange.max_age_days,
        };
    return tariff_read_rounding(node, &fields->rounding, currency, reading->arena, tariff, reading->findings);
}

static void note_customer(const struct mtr_tariff_version *version, struct mtr_tariff_document *tariff)
{
    tariff->has_account = tariff->has_account || version->account.has_minimum || version->account.has_cap;
    tariff->has_term = tariff->has_term || version->term.given;
    for (uint32_t i = 0; i < version->component_count; i++)
        tariff->across_customer = tariff->across_customer || version->components[i].across_customer;
    for (uint32_t i = 0; i < version->override_count; i++)
        note_customer(&version->overrides[i].version, tariff);
}

/* SERVICE/KEY, unless it was written so, or the tariff is of no service. */
static int name_meter(const struct mtr_tariff_document *tariff, struct mtr_arena *arena, struct mtr_str *name)
{
    const struct mtr_str service = tariff->service;
    if (!service.size || !name->size || mtr_schema_short_name(*name).size != name->size) return MTR_OK;
    const size_t size = service.size + 1 + name->size;
    char *text = mtr_arena_alloc(arena, size + 1);
    if (!text) return MTR_ENOMEM;
    memcpy(text, service.data, service.size);
    text[service.size] = '/';
    memcpy(text + service.size + 1, name->data, name->size);
    text[size] = '\0';
    *name = (struct mtr_str){text, size};
    return MTR_OK;
}

/* What was written short is of the tariff's service; whoever looks the meters up has one name for each. */
static int name_meters(const struct mtr_tariff_document *tariff, struct mtr_tariff_version *version,
                       struct mtr_arena *arena)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < version->component_count; i++) {
        struct mtr_component *component = &version->components[i];
        rc = name_meter(tariff, arena, &component->meter);
        for (uint32_t input = 0; !rc && input < component->input_count; input++)
            rc = name_meter(tariff, arena, &component->inputs[input]);
    }
    for (uint32_t i = 0; !rc && i < version->override_count; i++)
        rc = name_meters(tariff, &version->overrides[i].version, arena);
    return rc;
}

/* A document of one currency. */
static int read_document(const struct mtr_node *node, struct mtr_arena *arena, struct mtr_arena *scratch,
                         struct mtr_tariff_document *out, struct mtr_diagnostics *findings)
{
    struct tariff_fields fields = {0};
    size_t errors_before = findings->errors;
    int rc = mtr_schema_decode(mtr_tariff_fields, node, arena, &fields, findings);
    if (rc) return rc;
    struct mtr_tariff_document tariff = {.key = fields.key,
                                         .name = fields.name,
                                         .service = fields.service,
                                         .retired = fields.retired,
                                         .version_count = fields.versions.count};
    struct reading reading = {.arena = arena, .scratch = scratch, .findings = findings, .tariff = &tariff};
    rc = read_currency(&reading, node, &fields);
    if (rc) return rc;
    const struct mtr_node *list = mtr_node_get(node, "versions");
    const struct tariff_version_fields *versions = fields.versions.items;
    if (versions->has_pricing) tariff.pricing_currency = versions->pricing.name;
    tariff.versions = mtr_arena_calloc(arena, tariff.version_count, sizeof(*tariff.versions));
    if (!tariff.versions) return MTR_ENOMEM;
    for (uint32_t i = 0; i < tariff.version_count; i++) {
        rc = read_version(&reading, &list->children[i], &versions[i], &tariff.versions[i]);
        if (rc) return rc;
    }
    for (uint32_t i = 0; !rc && i < tariff.version_count; i++)
        rc = name_meters(&tariff, &tariff.versions[i], arena);
    if (rc) return rc;
    for (uint32_t i = 0; i < tariff.version_count; i++) note_customer(&tariff.versions[i], &tariff);
    if (findings->errors == errors_before) check_order(&reading, list);
    if (findings->errors > errors_before) return MTR_EINVALID;
    *out = tariff;
    return MTR_OK;
}

/* One document for each currency; *out is that of the tariff's own. */
static int read_currencies(const struct mtr_node *node, const struct tariff_currencies *currencies,
                           struct mtr_arena *arena, struct mtr_arena *scratch,
                           struct mtr_tariff_document *out, struct mtr_diagnostics *findings)
{
    struct mtr_tariff_document *documents = mtr_arena_calloc(arena, currencies->count, sizeof(*documents));
    int result = documents ? MTR_OK : MTR_ENOMEM;
    for (uint32_t i = 0; i < currencies->count && result != MTR_ENOMEM; i++) {
        struct mtr_diagnostics found;
        struct mtr_node rewritten;
        mtr_diagnostics_init(&found, findings->count_max);
        int rc = tariff_in_currency(node, &currencies->items[i], scratch, &rewritten);
        if (!rc) rc = read_document(&rewritten, arena, scratch, &documents[i], &found);
        tariff_add_findings(findings, &found);
        mtr_diagnostics_release(&found);
        if (rc) result = rc;
    }
    if (result) return result;
    *out = documents[0];
    out->currencies = documents;
    out->currency_count = currencies->count;
    return MTR_OK;
}

int mtr_tariff_read(const struct mtr_node *node, struct mtr_arena *arena, struct mtr_tariff_document *out,
                    struct mtr_diagnostics *findings)
{
    struct tariff_currencies currencies;
    struct mtr_arena scratch;
    mtr_arena_init(&scratch, SCRATCH_CHUNK_BYTES, SCRATCH_BYTES_MAX);
    int rc = tariff_read_currencies(node, &scratch, &currencies, findings);
    if (!rc) rc = tariff_lint_step_currencies(node, &currencies, findings);
    if (!rc && currencies.count) rc = read_currencies(node, &currencies, arena, &scratch, out, findings);
    else if (!rc) rc = read_document(node, arena, &scratch, out, findings);
    mtr_arena_release(&scratch);
    return rc;
}
