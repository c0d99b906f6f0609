/*
 * Credits: their rows, and what rows cannot say: whose one is, that it is of money or of units, its instants.
 */
#include "lib/catalog/record.h"

#include "meterd/core/limits.h"
#include "meterd/core/time.h"

static const struct mtr_field rows[] = {
    {MTR_ROW(mtr_credit_fields, key), .type = MTR_FIELD_KEY, .doc = "its key"},
    {MTR_ROW(mtr_credit_fields, name), .type = MTR_FIELD_TEXT, .max = 256, .doc = "for people"},
    {MTR_ROW(mtr_credit_fields, subscription), .type = MTR_FIELD_KEY,
     .doc = "key of the subscription whose it is"},
    {MTR_ROW(mtr_credit_fields, customer), .type = MTR_FIELD_KEY,
     .doc = "or of the customer whose subscriptions share it"},
    {MTR_ROW(mtr_credit_fields, amount), .type = MTR_FIELD_MONEY,
     MTR_ROW_GIVEN(mtr_credit_fields, has_amount), .doc = "prepaid money"},
    {MTR_ROW(mtr_credit_fields, currency), .type = MTR_FIELD_TEXT,
     .doc = "of the amount: a code of ISO 4217, or the pricing currency of a tariff"},
    {MTR_ROW(mtr_credit_fields, quantity), .type = MTR_FIELD_QUANTITY,
     MTR_ROW_GIVEN(mtr_credit_fields, has_quantity),
     .doc = "or prepaid units, as components price them"},
    {MTR_ROW(mtr_credit_fields, meter), .type = MTR_FIELD_NAME,
     .doc = "of a quantity: key of the meter whose use draws on it"},
    {MTR_ROW(mtr_credit_fields, components), .type = MTR_FIELD_TEXTS,
     .max = MTR_TARIFF_COMPONENTS_MAX,
     .doc = "keys of the tariff's components that draw on it; all unless given"},
    {.name = "from", MTR_ROW_AT(mtr_credit_fields, from_text), .type = MTR_FIELD_TEXT, .required = true,
     .doc = "drawn on by billing periods that end after it: a date or an instant"},
    {.name = "expires", MTR_ROW_AT(mtr_credit_fields, expires_text), .type = MTR_FIELD_TEXT,
     .doc = "and that begin before it: a date or an instant; never unless given"},
    {MTR_ROW(mtr_credit_fields, priority), .type = MTR_FIELD_U64, .default_text = "100",
     .min = 0, .max = MTR_POOL_PRIORITY_MAX,
     .doc = "the lowest is drawn first; then the earliest expiry, then the key"},
    {0},
};

static void check_order(struct mtr_record *record, struct mtr_diagnostics *findings)
{
    const struct mtr_credit_fields *f = &record->fields.credit;
    if (f->expires.text.size && f->expires.time_us <= f->from.time_us)
        record_fail(record, MTR_FINDING_CATALOG_TIME_ORDER, "expires", findings, "must be after from");
}

static void check_money(struct mtr_record *record, struct mtr_diagnostics *findings)
{
    const struct mtr_credit_fields *f = &record->fields.credit;
    if (f->amount.e18 <= 0)
        record_fail(record, MTR_FINDING_CATALOG_NUMBER_NOT_POSITIVE, "amount", findings,
                    "must be more than 0");
    if (f->meter.size)
        record_fail(record, MTR_FINDING_CATALOG_CREDIT_KIND, "meter", findings,
                    "money pays for every meter: name components, or give a quantity");
    if (!f->currency.size)
        record_fail(record, MTR_FINDING_CATALOG_CREDIT_KIND, "currency", findings,
                    "that of the amount is needed: an ISO 4217 code, as EUR, or a tariff's pricing currency");
}

static void check_units(struct mtr_record *record, struct mtr_diagnostics *findings)
{
    const struct mtr_credit_fields *f = &record->fields.credit;
    if (f->quantity.e12 <= 0)
        record_fail(record, MTR_FINDING_CATALOG_NUMBER_NOT_POSITIVE, "quantity", findings,
                    "must be more than 0");
    if (f->currency.size)
        record_fail(record, MTR_FINDING_CATALOG_CREDIT_KIND, "currency", findings,
                    "units have no currency: remove it");
    if (!f->meter.size)
        record_fail(record, MTR_FINDING_CATALOG_CREDIT_KIND, "meter", findings,
                    "name the meter whose units these are");
}

static int finish(struct mtr_record *record, struct mtr_zones *zones, struct mtr_diagnostics *findings)
{
    struct mtr_credit_fields *f = &record->fields.credit;
    size_t errors = findings->errors;
    (void)zones;
    if (!f->subscription.size == !f->customer.size)
        record_fail(record, MTR_FINDING_CATALOG_CREDIT_WHOSE, "subscription", findings,
                    "a credit is of one subscription or of one customer: name one of them");
    if (f->has_amount == f->has_quantity)
        record_fail(record, MTR_FINDING_CATALOG_CREDIT_KIND, "amount", findings,
                    "give an amount (of money) or a quantity (of units)");
    else if (f->has_amount) check_money(record, findings);
    else check_units(record, findings);
    record_read_time(record, "from", f->from_text, &f->from, findings);
    record_read_time(record, "expires", f->expires_text, &f->expires, findings);
    if (findings->errors == errors) check_order(record, findings);
    return MTR_OK;
}

const struct mtr_kind credit_kind = {
    .id = MTR_KIND_CREDIT,
    .name = "credit",
    .plural = "credits",
    .fields = rows,
    .finish = finish,
};
