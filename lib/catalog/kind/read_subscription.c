/*
 * Subscriptions: their rows, and what rows cannot say: the zone, instants in that zone, the billing anchor,
 * the trial. Service, subject, zone and opening may not change: usage was folded with them.
 */
#include "lib/catalog/record.h"

#include <stdio.h>

#include "meterd/core/currency.h"
#include "meterd/core/limits.h"

static const char *const periods[] = {"day", "week", "month", "quarter", "year", NULL};

static const struct mtr_field billing_rows[] = {
    {MTR_ROW(mtr_billing_fields, every), .type = MTR_FIELD_ENUM, .default_text = "month",
     .choices = periods, .doc = "length of a billing period"},
    {MTR_ROW(mtr_billing_fields, anchor), .type = MTR_FIELD_TEXT, .default_text = "calendar",
     .doc = "calendar, anniversary (of start), or a date that periods are counted from"},
    {0},
};

static const struct mtr_field change_rows[] = {
    {MTR_ROW(mtr_change_fields, from), .type = MTR_FIELD_TEXT, .required = true,
     .doc = "from when on it holds: a date (midnight in the zone) or an instant; a billing period begins "
            "then"},
    {MTR_ROW(mtr_change_fields, tariff), .type = MTR_FIELD_NAME, .doc = "key of the tariff"},
    {MTR_ROW(mtr_change_fields, customer), .type = MTR_FIELD_KEY, .doc = "who pays"},
    {MTR_ROW(mtr_change_fields, currency), .type = MTR_FIELD_TEXT, .doc = "ISO 4217"},
    {MTR_ROW(mtr_change_fields, billing), .type = MTR_FIELD_MAP, .fields = billing_rows,
     MTR_ROW_GIVEN(mtr_change_fields, has_billing),
     .doc = "its billing periods, all of it; anniversary: of `from`"},
    {0},
};

static const char *const trial_then[] = {"convert", "stop", NULL};

static const struct mtr_field trial_rows[] = {
    {MTR_ROW(mtr_trial_fields, end), .type = MTR_FIELD_TEXT,
     .doc = "when it ends: a date or an instant"},
    {MTR_ROW(mtr_trial_fields, days), .type = MTR_FIELD_U64,
     MTR_ROW_GIVEN(mtr_trial_fields, has_days), .min = 1, .max = 36500,
     .doc = "instead of end: how many local days from start it lasts"},
    {MTR_ROW(mtr_trial_fields, tariff), .type = MTR_FIELD_NAME,
     .doc = "what is charged until then; nothing unless given"},
    {MTR_ROW(mtr_trial_fields, then), .type = MTR_FIELD_ENUM, .choices = trial_then,
     .default_text = "convert",
     .doc = "convert: the subscription's tariff from then on; stop: nothing is charged"},
    {MTR_ROW(mtr_trial_fields, quantity), .type = MTR_FIELD_LABELS,
     .max = MTR_TARIFF_COMPONENTS_MAX,
     .doc = "component: units of it that are free; beyond them its tariff is charged from the start on"},
    {MTR_ROW(mtr_trial_fields, amount), .type = MTR_FIELD_MONEY,
     MTR_ROW_GIVEN(mtr_trial_fields, has_amount),
     .doc = "money that is free, in what the tariff is priced in; beyond it its tariff is charged from the "
            "start on"},
    {0},
};

static const struct mtr_field opening_rows[] = {
    {MTR_ROW(mtr_opening_fields, meter), .type = MTR_FIELD_NAME, .required = true,
     .doc = "key of a meter of time_weighted or counter"},
    {MTR_ROW(mtr_opening_fields, value), .type = MTR_FIELD_QUANTITY, .required = true,
     .doc = "the level, or the counter's reading, at the start"},
    {MTR_ROW(mtr_opening_fields, dimensions), .type = MTR_FIELD_LABELS, .max = MTR_METER_GROUP_BY_MAX,
     .doc = "of the meter: which level or counter; one that is not named is empty"},
    {0},
};

static const struct mtr_field rows[] = {
    {MTR_ROW(mtr_subscription_fields, key), .type = MTR_FIELD_KEY, .doc = "its key"},
    {MTR_ROW(mtr_subscription_fields, service), .type = MTR_FIELD_KEY, .required = true,
     .doc = "key of the service bought; fixed"},
    {MTR_ROW(mtr_subscription_fields, subject), .type = MTR_FIELD_TEXT, .min = 1,
     .max = MTR_EVENT_SUBJECT_BYTES_MAX,
     .doc = "the vendor's id of it, as events carry it; the key unless given; fixed. It may come again after "
            "an end, and for another service"},
    {MTR_ROW(mtr_subscription_fields, customer), .type = MTR_FIELD_KEY, .required = true,
     .doc = "who pays"},
    {MTR_ROW(mtr_subscription_fields, tariff), .type = MTR_FIELD_NAME, .required = true,
     .doc = "key of the tariff"},
    {MTR_ROW(mtr_subscription_fields, cost_tariff), .type = MTR_FIELD_NAME,
     .doc = "key of the tariff that says what its use costs the seller; its service's unless given"},
    {MTR_ROW(mtr_subscription_fields, currency), .type = MTR_FIELD_TEXT,
     .doc = "ISO 4217; the tariff's unless given; another one only from a time on, in `changes`"},
    {.name = "zone", MTR_ROW_AT(mtr_subscription_fields, zone_name), .type = MTR_FIELD_TEXT,
     .default_text = "UTC", .min = 1, .max = 64,
     .doc = "time zone of its hours, days and periods, as Europe/Berlin; fixed"},
    {MTR_ROW(mtr_subscription_fields, billing), .type = MTR_FIELD_MAP,
     .fields = billing_rows, .doc = "its billing periods"},
    {MTR_ROW(mtr_subscription_fields, start), .type = MTR_FIELD_TEXT, .required = true,
     .doc = "usage and fees from here on: a date (midnight in the zone) or an instant"},
    {MTR_ROW(mtr_subscription_fields, trial_end), .type = MTR_FIELD_TEXT,
     .doc = "free until then: short for trial: {end: …}"},
    {MTR_ROW(mtr_subscription_fields, trial), .type = MTR_FIELD_MAP, .fields = trial_rows,
     MTR_ROW_GIVEN(mtr_subscription_fields, has_trial), .doc = "how it begins"},
    {MTR_ROW(mtr_subscription_fields, end), .type = MTR_FIELD_TEXT,
     .doc = "no usage and fees from then on: a date or an instant"},
    {MTR_ROW(mtr_subscription_fields, opening), .type = MTR_FIELD_LIST, .fields = opening_rows,
     .item_size = sizeof(struct mtr_opening_fields), .max = 1000,
     .doc = "what levels and counters stand at when it begins; fixed"},
    {MTR_ROW(mtr_subscription_fields, labels), .type = MTR_FIELD_LABELS, .max = 64,
     .doc = "free texts for queries"},
    {MTR_ROW(mtr_subscription_fields, changes), .type = MTR_FIELD_LIST,
     .max = MTR_SUBSCRIPTION_CHANGES_MAX, .fields = change_rows,
     .item_size = sizeof(struct mtr_change_fields),
     .doc = "what becomes another from a time on, in that order; what is left out stays"},
    {0},
};

static bool is_date(struct mtr_str text)
{
    return text.size == 10;
}

/* A date is local midnight in the zone. */
static bool decode_instant(const struct mtr_zone *zone, struct mtr_str text, int64_t *out_us)
{
    if (mtr_time_parse_date(text, out_us)) return false;
    if (is_date(text)) *out_us = mtr_zone_midnight(zone, *out_us / MTR_US_PER_DAY);
    return true;
}

static void fail_instant(const struct mtr_record *record, const char *name, struct mtr_str text,
                         struct mtr_diagnostics *findings)
{
    char fault[MTR_DATE_FAULT_BYTES];
    mtr_date_fault(text, fault);
    record_fail(record, MTR_FINDING_CATALOG_TIME_MALFORMED, name, findings, "%s", fault);
}

static void decode_optional(struct mtr_record *record, const char *name, struct mtr_str text, int64_t *out_us,
                            struct mtr_diagnostics *findings)
{
    if (text.size == 0 || decode_instant(record->fields.subscription.zone, text, out_us)) return;
    fail_instant(record, name, text, findings);
}

static int64_t local_days(const struct mtr_zone *zone, int64_t time_us)
{
    struct mtr_civil civil = mtr_zone_to_civil(zone, time_us);
    return mtr_days_from_civil(civil.year, civil.month, civil.day);
}

/* The day that periods are counted from, INT64_MIN: the calendar, of billing that begins at start_us. False:
 * it is none of what is expected. */
static bool decode_anchor(const struct mtr_record *record, const struct mtr_billing_fields *billing,
                          int64_t start_us, int64_t *out_days)
{
    int64_t time_us;
    *out_days = INT64_MIN;
    if (mtr_str_equal(billing->anchor, MTR_STR("calendar"))) return true;
    if (mtr_str_equal(billing->anchor, MTR_STR("anniversary"))) {
        *out_days = local_days(record->fields.subscription.zone, start_us);
        return true;
    }
    if (!is_date(billing->anchor) || mtr_time_parse_date(billing->anchor, &time_us)) return false;
    *out_days = time_us / MTR_US_PER_DAY;
    return true;
}

#define WRONG_ANCHOR "anchor: calendar, anniversary or a date is expected, not `%.*s%s`%s"
static const char *const anchors[] = {"calendar", "anniversary", NULL};

/* In the order of time, each behind the start, and each says something. */
static void decode_changes(struct mtr_record *record, struct mtr_diagnostics *findings)
{
    struct mtr_subscription_fields *f = &record->fields.subscription;
    struct mtr_change_fields *changes = f->changes.items;
    int64_t before_us = f->start_us;
    char meant[MTR_MEANT_BYTES];
    for (uint32_t i = 0; i < f->changes.count; i++) {
        struct mtr_change_fields *change = &changes[i];
        if (!decode_instant(f->zone, change->from, &change->from_us)) {
            char fault[MTR_DATE_FAULT_BYTES];
            mtr_date_fault(change->from, fault);
            record_fail_item(record, MTR_FINDING_CATALOG_TIME_MALFORMED, "changes", i, findings, "from: %s",
                             fault);
            continue;
        }
        if (change->from_us <= before_us)
            record_fail_item(record, MTR_FINDING_CATALOG_CHANGE_ORDER, "changes", i, findings,
                             "from: must be later than %s", i ? "that of the change before it" : "start");
        if (!change->tariff.size && !change->customer.size && !change->currency.size && !change->has_billing)
            record_fail_item(record, MTR_FINDING_CATALOG_CHANGE_EMPTY, "changes", i, findings,
                             "changes nothing: tariff, customer, currency or billing is expected");
        if (change->currency.size && !mtr_currency_find(change->currency))
            record_fail_item(record, MTR_FINDING_CATALOG_CURRENCY_UNKNOWN, "changes", i, findings,
                             "currency: `%.*s%s` is no ISO 4217 code, as EUR%s",
                             MTR_STR_QUOTED(change->currency), mtr_currency_meant(change->currency, meant));
        if (change->has_billing &&
            !decode_anchor(record, &change->billing, change->from_us, &change->anchor_days))
            record_fail_item(record, MTR_FINDING_CATALOG_BILLING_ANCHOR, "changes", i, findings, WRONG_ANCHOR,
                             MTR_STR_QUOTED(change->billing.anchor),
                             mtr_str_meant_of(change->billing.anchor, anchors, meant));
        before_us = mtr_time_later(before_us, change->from_us);
    }
}

/* That many local days later, at the same time of the clock. */
static int64_t days_later(const struct mtr_zone *zone, int64_t time_us, uint64_t days)
{
    struct mtr_civil civil = mtr_zone_to_civil(zone, time_us);
    int32_t year = 0;
    unsigned month = 0, day = 0;
    mtr_civil_from_days(local_days(zone, time_us) + (int64_t)days, &year, &month, &day);
    civil.year = year;
    civil.month = (uint8_t)month;
    civil.day = (uint8_t)day;
    return mtr_zone_from_civil(zone, civil) + time_us % MTR_US_PER_SECOND;
}

/* At the number, where the trial is written. */
static void fail_units(const struct mtr_record *record, uint32_t index, const struct mtr_label *label,
                       int error, struct mtr_diagnostics *findings)
{
    const struct mtr_node *trial = record->node ? mtr_node_get(record->node, "trial") : NULL;
    const struct mtr_node *units = trial ? mtr_node_get(trial, "quantity") : NULL;
    const struct mtr_node *place = units && index < units->child_count ? &units->children[index] : trial;
    char fault[MTR_NUMBER_FAULT_BYTES];
    if (error == MTR_EINVALID) mtr_number_fault(label->value, fault);
    else if (error == MTR_EPRECISION)
        snprintf(fault, sizeof(fault), "`%.*s%s` has more than 12 digits after the point",
                 MTR_STR_QUOTED(label->value));
    else if (error)
        snprintf(fault, sizeof(fault), "`%.*s%s` is too large: at most " MTR_QUANTITY_MAX_TEXT,
                 MTR_STR_QUOTED(label->value));
    else
        snprintf(fault, sizeof(fault), "must be more than 0");
    mtr_diagnostics_addf(findings, MTR_FINDING_CATALOG_NUMBER_NOT_POSITIVE, place ? place->line : 0,
                         place ? place->column : 0, "trial", "quantity of `%.*s%s`: %s",
                         MTR_STR_QUOTED(label->name), fault);
}

/* What a trial frees of its subscription's tariff. */
static int decode_limits(struct mtr_record *record, struct mtr_diagnostics *findings)
{
    struct mtr_trial_fields *trial = &record->fields.subscription.trial;
    const struct mtr_label *labels = trial->quantity.items;
    trial->units = mtr_arena_calloc(&record->arena, (size_t)trial->quantity.count + 1, sizeof(*trial->units));
    if (!trial->units) return MTR_ENOMEM;
    for (uint32_t i = 0; i < trial->quantity.count; i++) {
        trial->units[i].component = labels[i].name;
        const int rc = mtr_quantity_parse(labels[i].value, &trial->units[i].quantity);
        if (rc || trial->units[i].quantity.e12 <= 0) fail_units(record, i, &labels[i], rc, findings);
    }
    if (trial->has_amount && trial->amount.e18 <= 0)
        record_fail(record, MTR_FINDING_CATALOG_NUMBER_NOT_POSITIVE, "trial", findings,
                    "amount: must be more than 0");
    if (trial->tariff.size)
        record_fail(
            record, MTR_FINDING_CATALOG_FIELD_CONFLICT, "trial", findings,
            "has a tariff of its own, and frees units or money of the subscription's: remove one of them");
    return MTR_OK;
}

static bool is_limited(const struct mtr_subscription_fields *f)
{
    return f->trial.quantity.count > 0 || f->trial.has_amount;
}

/* Free units and money are use of the tariff, so that it is in force from the start on. */
static void decode_limited_end(struct mtr_subscription_fields *f, bool has_end)
{
    const int64_t end_us = has_end ? f->trial_end_us : INT64_MAX;
    f->free_until_us = end_us;
    f->trial_end_us = f->start_us;
    if (f->trial.then == 1) f->charged_until_us = end_us;
}

static void decode_trial(struct mtr_record *record, struct mtr_diagnostics *findings)
{
    struct mtr_subscription_fields *f = &record->fields.subscription;
    const bool has_end = f->trial.end.size || f->trial.has_days;
    f->trial_end_us = f->start_us;
    f->free_until_us = f->charged_until_us = INT64_MAX;
    decode_optional(record, "trial_end", f->trial_end, &f->trial_end_us, findings);
    if (!f->has_trial) return;
    if (f->trial_end.size)
        record_fail(record, MTR_FINDING_CATALOG_FIELD_CONFLICT, "trial_end", findings,
                    "stands beside `trial`: write `end` into it");
    if (f->trial.end.size && f->trial.has_days)
        record_fail(record, MTR_FINDING_CATALOG_FIELD_CONFLICT, "trial", findings,
                    "has both of `end` and `days`");
    else if (!has_end && !is_limited(f))
        record_fail(record, MTR_FINDING_CATALOG_TRIAL_END, "trial", findings,
                    "needs one of `end` and `days`");
    else if (!has_end && f->trial.then == 1)
        record_fail(record, MTR_FINDING_CATALOG_TRIAL_END, "trial", findings,
                    "stops, but never ends: write `end` or `days`");
    decode_optional(record, "trial", f->trial.end, &f->trial_end_us, findings);
    if (f->trial.has_days) f->trial_end_us = days_later(f->zone, f->start_us, f->trial.days);
    if (f->trial_end_us < f->start_us)
        record_fail(record, MTR_FINDING_CATALOG_TIME_ORDER, "trial", findings, "the trial ends before start");
    if (is_limited(f)) decode_limited_end(f, has_end);
}

static void check_order(struct mtr_record *record, struct mtr_diagnostics *findings)
{
    const struct mtr_subscription_fields *f = &record->fields.subscription;
    if (f->trial_end_us < f->start_us && !f->has_trial)
        record_fail(record, MTR_FINDING_CATALOG_TIME_ORDER, "trial_end", findings,
                    "the trial ends before start");
    if (f->end_us <= f->start_us)
        record_fail(record, MTR_FINDING_CATALOG_TIME_ORDER, "end", findings, "end must be after start");
}

static int finish(struct mtr_record *record, struct mtr_zones *zones, struct mtr_diagnostics *findings)
{
    struct mtr_subscription_fields *f = &record->fields.subscription;
    char meant[MTR_MEANT_BYTES];
    if (f->subject.size == 0) f->subject = record->key;
    if (f->currency.size && !mtr_currency_find(f->currency))
        record_fail(record, MTR_FINDING_CATALOG_CURRENCY_UNKNOWN, "currency", findings,
                    "`%.*s%s` is no ISO 4217 code, as EUR%s", MTR_STR_QUOTED(f->currency),
                    mtr_currency_meant(f->currency, meant));
    int rc = zones_get(zones, f->zone_name, &f->zone);
    if (rc == MTR_ENOMEM) return rc;
    if (rc) {
        record_fail(record, MTR_FINDING_CATALOG_ZONE_UNKNOWN, "zone", findings,
                    "`%.*s%s` is no time zone of this system, as Europe/Berlin or UTC%s",
                    MTR_STR_QUOTED(f->zone_name),
                    mtr_diagnostics_is_full(findings) ? "" : mtr_zone_meant(f->zone_name, meant));
        return MTR_OK; /* without a zone a date is no instant */
    }
    f->end_us = INT64_MAX;
    if (!decode_instant(f->zone, f->start, &f->start_us)) {
        fail_instant(record, "start", f->start, findings);
        return MTR_OK;
    }
    decode_trial(record, findings);
    decode_optional(record, "end", f->end, &f->end_us, findings);
    if (!decode_anchor(record, &f->billing, f->start_us, &f->anchor_days))
        record_fail(record, MTR_FINDING_CATALOG_BILLING_ANCHOR, "billing", findings, WRONG_ANCHOR,
                    MTR_STR_QUOTED(f->billing.anchor), mtr_str_meant_of(f->billing.anchor, anchors, meant));
    decode_changes(record, findings);
    check_order(record, findings);
    return is_limited(f) ? decode_limits(record, findings) : MTR_OK;
}

static bool same_labels(const struct mtr_list *a, const struct mtr_list *b)
{
    const struct mtr_label *x = a->items, *y = b->items;
    if (a->count != b->count) return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (!mtr_str_equal(x[i].name, y[i].name) || !mtr_str_equal(x[i].value, y[i].value)) return false;
    return true;
}

static bool same_openings(const struct mtr_list *a, const struct mtr_list *b)
{
    const struct mtr_opening_fields *x = a->items, *y = b->items;
    if (a->count != b->count) return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (!mtr_str_equal(x[i].meter, y[i].meter) || mtr_quantity_compare(x[i].value, y[i].value) ||
            !same_labels(&x[i].dimensions, &y[i].dimensions))
            return false;
    return true;
}

static void check_frozen(const struct mtr_record *old, const struct mtr_record *now,
                         struct mtr_diagnostics *findings)
{
    const struct mtr_subscription_fields *a = &old->fields.subscription, *b = &now->fields.subscription;
    record_freeze(now, "service", mtr_str_equal(a->service, b->service), findings);
    record_freeze(now, "subject", mtr_str_equal(a->subject, b->subject), findings);
    record_freeze(now, "zone", mtr_str_equal(a->zone_name, b->zone_name), findings);
    record_freeze(now, "opening", same_openings(&a->opening, &b->opening), findings);
}

const struct mtr_kind subscription_kind = {
    .id = MTR_KIND_SUBSCRIPTION,
    .name = "subscription",
    .plural = "subscriptions",
    .fields = rows,
    .finish = finish,
    .check_frozen = check_frozen,
};
