/*
 * What a credit's rows cannot say: whose it is, that it is of money or of units, and its instants.
 */
#include "lib/catalog/record.h"

#include "meterd/core/currency.h"
#include "meterd/core/time.h"

/* A date is kept as one: which instant it is depends on the subscription that draws. */
static void decode_time(struct mtr_record *record, const char *name, struct mtr_str text,
                        struct mtr_catalog_time *out, struct mtr_diagnostics *findings)
{
    enum { DATE_BYTES = 10 };
    int64_t time_us = 0;
    *out = (struct mtr_catalog_time){.text = text, .is_date = text.size == DATE_BYTES};
    if (mtr_time_parse_date(text, &time_us) || time_us % MTR_US_PER_SECOND != 0) {
        record_fail(
            record, name, findings,
            "a date or an instant of whole seconds is expected, as 2026-03-01 or 2026-03-01T12:00:00Z");
        return;
    }
    out->time_s = time_us / MTR_US_PER_SECOND;
    out->days = time_us / MTR_US_PER_DAY;
}

static void check_order(struct mtr_record *record, struct mtr_diagnostics *findings)
{
    const struct mtr_credit_fields *f = &record->fields.credit;
    if (f->expires.text.size && f->expires.time_s <= f->from.time_s)
        record_fail(record, "expires", findings, "must be after from");
}

static void check_money(struct mtr_record *record, struct mtr_diagnostics *findings)
{
    const struct mtr_credit_fields *f = &record->fields.credit;
    if (f->amount.e18 <= 0) record_fail(record, "amount", findings, "must be more than 0");
    if (f->meter.size)
        record_fail(record, "meter", findings,
                        "money pays for every meter: name components, or give a quantity");
    if (!mtr_currency_find(f->currency))
        record_fail(record, "currency", findings, "the ISO 4217 code of the amount is needed, as EUR");
}

static void check_units(struct mtr_record *record, struct mtr_diagnostics *findings)
{
    const struct mtr_credit_fields *f = &record->fields.credit;
    if (f->quantity.e12 <= 0) record_fail(record, "quantity", findings, "must be more than 0");
    if (f->currency.size) record_fail(record, "currency", findings, "units have no currency: remove it");
    if (!f->meter.size) record_fail(record, "meter", findings, "name the meter whose units these are");
}

int credit_finish(struct mtr_record *record, struct mtr_zones *zones, struct mtr_diagnostics *findings)
{
    struct mtr_credit_fields *f = &record->fields.credit;
    size_t errors = findings->errors;
    (void)zones;
    if (!f->subscription.size == !f->customer.size)
        record_fail(record, "subscription", findings,
                        "a credit is of one subscription or of one customer: name one of them");
    if (f->has_amount == f->has_quantity)
        record_fail(record, "amount", findings, "give an amount (of money) or a quantity (of units)");
    else if (f->has_amount) check_money(record, findings);
    else check_units(record, findings);
    decode_time(record, "from", f->from_text, &f->from, findings);
    if (f->expires_text.size) decode_time(record, "expires", f->expires_text, &f->expires, findings);
    if (findings->errors == errors) check_order(record, findings);
    return MTR_OK;
}
