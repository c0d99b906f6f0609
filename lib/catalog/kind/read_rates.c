/*
 * Rates documents: their rows, and what rows cannot say: the day, the base, each quote as a ratio of whole
 * numbers.
 */
#include "lib/catalog/record.h"

#include <stdio.h>
#include <stdlib.h>

#include "meterd/core/currency.h"

enum { DATE_BYTES = 10 };

static const struct mtr_field rows[] = {
    {MTR_ROW(mtr_rates_fields, key), .type = MTR_FIELD_KEY, .doc = "its key, as ecb-2026-11-20"},
    {MTR_ROW(mtr_rates_fields, source), .type = MTR_FIELD_KEY, .required = true,
     .doc = "who says so: the name that tariffs ask for; one document per source and day"},
    {MTR_ROW(mtr_rates_fields, date), .type = MTR_FIELD_TEXT, .required = true,
     .doc = "the day that the rates are of, as 2026-11-20"},
    {MTR_ROW(mtr_rates_fields, base), .type = MTR_FIELD_TEXT, .required = true,
     .doc = "ISO 4217; what the rates count from"},
    {MTR_ROW(mtr_rates_fields, quotes), .type = MTR_FIELD_NODE, .required = true,
     .doc = "currency: how much of it 1 base is; or currency: {nominal, value}: nominal of it are value of "
            "the base"},
    {0},
};

static int fail_at(const struct mtr_node *node, struct mtr_diagnostics *findings, struct mtr_str currency,
                   const char *text)
{
    mtr_diagnostics_addf(findings, MTR_FINDING_RATES_QUOTE, node->line, node->column, "quotes", "%.*s: %s",
                         currency.size < 60 ? (int)currency.size : 60, currency.data, text);
    return MTR_EINVALID;
}

static int fail_code(const struct mtr_node *node, struct mtr_diagnostics *findings)
{
    char sentence[MTR_MEANT_BYTES + 40], meant[MTR_MEANT_BYTES];
    snprintf(sentence, sizeof(sentence), "is no ISO 4217 code, as USD%s",
             mtr_currency_meant(node->key, meant));
    return fail_at(node, findings, node->key, sentence);
}

/* The digits of a number above zero, and the power of ten that they count in: 62.5 is 625 of tenths. */
static int decode_number(const struct mtr_node *node, struct mtr_str currency, int64_t *mantissa,
                         int64_t *power, struct mtr_diagnostics *findings)
{
    const mtr_int128 mantissa_max = (mtr_int128)1000000000000000000;
    struct mtr_decimal number;
    char sentence[MTR_NUMBER_FAULT_BYTES];
    if (node->kind != MTR_NODE_NUMBER && node->kind != MTR_NODE_STRING)
        return fail_at(node, findings, currency, "a decimal number is expected, as \"1.0842\"");
    int rc = mtr_decimal_parse(node->text, &number);
    if (rc == MTR_EINVALID) {
        mtr_number_fault(node->text, sentence);
        return fail_at(node, findings, currency, sentence);
    }
    if (rc)
        return fail_at(node, findings, currency, "a rate has at most 18 digits, 12 of them after the point");
    if (number.mantissa <= 0) return fail_at(node, findings, currency, "a rate is above zero");
    if (number.scale > MTR_RATES_FRACTION_MAX || number.mantissa >= mantissa_max)
        return fail_at(node, findings, currency, "a rate has at most 18 digits, 12 of them after the point");
    *mantissa = (int64_t)number.mantissa;
    *power = 1;
    for (unsigned i = 0; i < number.scale; i++) *power *= 10;
    return MTR_OK;
}

/* {nominal: 100, value: "62.5"}: 100 of the currency are 62.5 of the base. */
static int decode_priced(const struct mtr_node *node, struct mtr_rate_quote *quote,
                         struct mtr_diagnostics *findings)
{
    const struct mtr_node *value = NULL;
    char sentence[160];
    uint64_t nominal = 1;
    for (uint32_t i = 0; i < node->child_count; i++) {
        const struct mtr_node *child = &node->children[i];
        if (mtr_str_equal(child->key, MTR_STR("value"))) value = child;
        else if (!mtr_str_equal(child->key, MTR_STR("nominal")))
            return fail_at(child, findings, quote->currency,
                           "write {nominal: 100, value: \"62.5\"}: so many of it are so many of the base");
        else if (!mtr_str_to_u64(child->text, &nominal) || nominal < 1 || nominal > MTR_RATES_NOMINAL_MAX) {
            snprintf(sentence, sizeof(sentence), "nominal is a whole number from 1 to 1000000, not `%.*s%s`",
                     MTR_STR_QUOTED(child->text));
            return fail_at(child, findings, quote->currency, sentence);
        }
    }
    if (!value)
        return fail_at(node, findings, quote->currency,
                       "value is missing: so many of the base are `nominal` of it");
    int rc = decode_number(value, quote->currency, &quote->denominator, &quote->numerator, findings);
    quote->numerator *= (int64_t)nominal; /* at most 10^12 × 10^6 */
    return rc;
}

static int decode_quote(const struct mtr_node *node, struct mtr_str base, struct mtr_arena *arena,
                        struct mtr_rate_quote *out, struct mtr_diagnostics *findings)
{
    int rc = mtr_arena_copy(arena, node->key, &out->currency);
    if (rc) return rc;
    if (!mtr_currency_find(node->key))
        return fail_code(node, findings);
    if (mtr_str_equal(node->key, base)) return fail_at(node, findings, node->key, "is the base itself");
    if (node->kind == MTR_NODE_MAP) return decode_priced(node, out, findings);
    return decode_number(node, node->key, &out->numerator, &out->denominator, findings);
}

static int compare_quotes(const void *a, const void *b)
{
    const struct mtr_rate_quote *x = a, *y = b;
    return mtr_str_compare(x->currency, y->currency);
}

static int decode_quotes(const struct mtr_node *node, struct mtr_arena *arena, struct mtr_rates *rates,
                         struct mtr_diagnostics *findings)
{
    int result = MTR_OK;
    if (node->kind != MTR_NODE_MAP || node->child_count == 0 || node->child_count > MTR_RATES_QUOTES_MAX) {
        mtr_diagnostics_addf(findings, MTR_FINDING_RATES_QUOTE, node->line, node->column, "quotes",
                             "a map of 1 to 1000 rates is expected, as {USD: \"1.0842\"}");
        return MTR_EINVALID;
    }
    rates->quotes = mtr_arena_calloc(arena, node->child_count, sizeof(*rates->quotes));
    if (!rates->quotes) return MTR_ENOMEM;
    for (uint32_t i = 0; i < node->child_count && result != MTR_ENOMEM; i++) {
        int rc = decode_quote(&node->children[i], rates->base, arena, &rates->quotes[i], findings);
        if (rc) result = rc;
    }
    rates->quote_count = node->child_count;
    qsort(rates->quotes, rates->quote_count, sizeof(*rates->quotes),
          compare_quotes); /* a document has no key twice */
    return result;
}

static int complete(const struct mtr_node *node, struct mtr_rates_fields *fields, struct mtr_arena *arena,
                    struct mtr_diagnostics *findings)
{
    const struct mtr_node *quotes = fields->quotes;
    size_t errors = findings->errors;
    int64_t time_us = 0;
    if (fields->date.size != DATE_BYTES || mtr_time_parse_date(fields->date, &time_us)) {
        const struct mtr_node *date = mtr_node_get(node, "date");
        mtr_diagnostics_addf(findings, MTR_FINDING_RATES_DAY, date->line, date->column, "date",
                             "a date is expected, as 2026-11-20, not `%.*s%s`", MTR_STR_QUOTED(fields->date));
    }
    if (!mtr_currency_find(fields->base)) {
        const struct mtr_node *base = mtr_node_get(node, "base");
        char meant[MTR_MEANT_BYTES];
        mtr_diagnostics_addf(findings, MTR_FINDING_CATALOG_CURRENCY_UNKNOWN, base->line, base->column, "base",
                             "an ISO 4217 code is expected, as EUR, not `%.*s%s`%s",
                             MTR_STR_QUOTED(fields->base), mtr_currency_meant(fields->base, meant));
    }
    fields->quotes = NULL; /* it ends with the text */
    fields->decoded = (struct mtr_rates){
        .key = fields->key, .source = fields->source, .day = time_us / MTR_US_PER_DAY, .base = fields->base};
    int rc = decode_quotes(quotes, arena, &fields->decoded, findings);
    if (rc == MTR_ENOMEM) return rc;
    return findings->errors > errors ? MTR_EINVALID : MTR_OK;
}

static int finish(struct mtr_record *record, struct mtr_zones *zones, struct mtr_diagnostics *findings)
{
    struct mtr_rates_fields *fields = &record->fields.rates;
    (void)zones;
    int rc = complete(record->node, fields, &record->arena, findings);
    fields->decoded.number = record->number;
    fields->decoded.key = record->key;
    return rc == MTR_ENOMEM ? rc : MTR_OK;
}

const struct mtr_kind rate_kind = {
    .id = MTR_KIND_RATE,
    .name = "rate",
    .plural = "rates",
    .fields = rows,
    .finish = finish,
};

int mtr_rates_read(const struct mtr_node *node, struct mtr_arena *arena, struct mtr_rates *out,
                   struct mtr_diagnostics *findings)
{
    struct mtr_rates_fields fields = {0};
    int rc = mtr_schema_decode(rows, node, arena, &fields, findings);
    if (!rc) rc = complete(node, &fields, arena, findings);
    if (!rc) *out = fields.decoded;
    return rc;
}
