/*
 * The rows of a tariff document: types, ranges, defaults, one-line docs. Reference page and JSON Schema come
 * out of them. Rows of curves and of the parts around them stand in their files.
 */
#include "lib/tariff/fields.h"

#include "lib/tariff/curve/curve.h"
#include "lib/tariff/part/part.h"

static const char *const rounding_places[] = {"line", "total", NULL};

static const char *const acrosses[] = {"subscription", "customer", NULL};

#define CURVE(key) TARIFF_CURVE_ROW(tariff_component_fields, key),
#define PART(part, key)                                                                                      \
    {.name = (key), .type = MTR_FIELD_ROW, .row = &tariff_part_##part.row,                                   \
     .offset = offsetof(struct tariff_component_fields, parts) + tariff_part_index_##part * sizeof(void *)},

static const struct mtr_field component_rows[] = {
    {.name = "key", .type = MTR_FIELD_KEY, AT(tariff_component_fields, key), .required = true,
     .doc = "name of the line; unique in its version"},
    {.name = "meter", .type = MTR_FIELD_NAME, AT(tariff_component_fields, meter),
     PRESENT(tariff_component_fields, has_meter),
     .doc = "the meter whose quantity is priced; none for a recurring fee"},
    TARIFF_CURVES(CURVE)
    {.name = "tier_by", .type = MTR_FIELD_NAME, AT(tariff_component_fields, tier_by),
     PRESENT(tariff_component_fields, has_tier_by),
     .doc = "of volume: the meter whose quantity chooses the tier; the price applies to that of `meter`"},
    {.name = "flat_at_zero", .type = MTR_FIELD_BOOL, AT(tariff_component_fields, flat_at_zero),
     .default_text = "false",
     .doc = "the first tier's flat is due at zero use too"},
    {.name = "scope", .type = MTR_FIELD_ENUM, AT(tariff_component_fields, scope),
     .choices = mtr_tariff_scopes, .default_text = "period",
     .doc = "what the curve applies to before amounts are added"},
    {.name = "across", .type = MTR_FIELD_ENUM, AT(tariff_component_fields, across), .choices = acrosses,
     .default_text = "subscription",
     .doc = "whose use fills the tiers and takes the free units: the subscription's, or that of all the "
            "customer's subscriptions of the tariff"},
    TARIFF_COMPONENT_KEYS(PART, TARIFF_PART_NOTHING)
    {.name = "when", .type = MTR_FIELD_NODE, AT(tariff_component_fields, when),
     .doc = "a mask of `calendar`, or {not: MASK}: only use at those times counts"},
    {.name = "weights", .type = MTR_FIELD_LABELS, AT(tariff_component_fields, weights),
     PRESENT(tariff_component_fields, has_weights), .min = 1, .max = MTR_CALENDAR_MASKS_MAX,
     .doc = "mask: factor on the quantity at its times; the first mask that holds, else 1"},
    {.name = "unit", .type = MTR_FIELD_TEXT, AT(tariff_component_fields, unit), .max = 64,
     .doc = "what the price is for: must be the meter's unit, unless `convert` makes another of it"},
    {.name = "tax_code", .type = MTR_FIELD_TEXT, AT(tariff_component_fields, tax_code), .max = 64,
     .doc = "carried on each line and charge, for whoever makes invoices of them"},
    {.name = "group_by", .type = MTR_FIELD_TEXTS, AT(tariff_component_fields, group_by),
     PRESENT(tariff_component_fields, has_group_by),
     .doc = "dimensions of the meter: a line and a curve of its own for each combination of their values"},
    {0},
};

static const struct mtr_field account_rows[] = {
    {.name = "minimum", .type = MTR_FIELD_MONEY, AT(tariff_account_fields, minimum),
     PRESENT(tariff_account_fields, has_minimum),
     .doc = "least amount of all together; the difference is a line of the last subscription"},
    {.name = "cap", .type = MTR_FIELD_MONEY, AT(tariff_account_fields, cap),
     PRESENT(tariff_account_fields, has_cap),
     .doc = "greatest amount of all together; the last subscriptions are cut first"},
    {0},
};

static const struct mtr_field override_rows[] = {
    {.name = "customer", .type = MTR_FIELD_KEY, AT(tariff_override_fields, customer),
     .doc = "for the subscriptions of this customer that have no override of their own"},
    {.name = "subscription", .type = MTR_FIELD_KEY, AT(tariff_override_fields, subscription),
     .doc = "for this subscription"},
    {.name = "components", .type = MTR_FIELD_LIST, AT(tariff_override_fields, components),
     .max = MTR_TARIFF_COMPONENTS_MAX, .fields = component_rows,
     .item_size = sizeof(struct tariff_component_fields),
     .doc = "by key: what is written here replaces what the version's component says, a curve its curve"},
    {.name = "pricing_currency", .type = MTR_FIELD_MAP, AT(tariff_override_fields, pricing),
     .fields = mtr_tariff_pricing_rows, .doc = "instead of the version's: the same name at another price"},
    {.name = "minimum", .type = MTR_FIELD_MONEY, AT(tariff_override_fields, minimum),
     PRESENT(tariff_override_fields, has_minimum), .doc = "instead of the version's; null: none"},
    {.name = "minimum_prorate", .type = MTR_FIELD_ENUM, AT(tariff_override_fields, minimum_prorate),
     PRESENT(tariff_override_fields, has_minimum_prorate), .choices = mtr_tariff_prorates,
     .default_text = "none", .doc = "instead of the version's"},
    {.name = "cap", .type = MTR_FIELD_MONEY, AT(tariff_override_fields, cap),
     PRESENT(tariff_override_fields, has_cap), .doc = "instead of the version's; null: none"},
    {.name = "commitment", .type = MTR_FIELD_MAP, AT(tariff_override_fields, commitment),
     PRESENT(tariff_override_fields, has_commitment), .fields = mtr_tariff_commitment_rows,
     .doc = "instead of the version's; null: none"},
    {.name = "term", .type = MTR_FIELD_MAP, AT(tariff_override_fields, term), .fields = mtr_tariff_term_rows,
     .doc = "instead of the version's; null: none"},
    {.name = "account", .type = MTR_FIELD_MAP, AT(tariff_override_fields, account), .fields = account_rows,
     .doc = "instead of the version's; null: none"},
    {.name = "allowances", .type = MTR_FIELD_LIST, AT(tariff_override_fields, allowances),
     .max = MTR_TARIFF_ALLOWANCES_MAX, .fields = mtr_tariff_allowance_rows,
     .item_size = sizeof(struct tariff_allowance_fields),
     .doc = "instead of the version's, all of them; null: none"},
    {0},
};

const struct mtr_field mtr_tariff_version_rows[] = {
    {.name = "from", .type = MTR_FIELD_TEXT, AT(tariff_version_fields, from), .required = true,
     .doc = "in force from here on: a date (local midnight of the subscription's zone) or an RFC 3339 "
            "instant"},
    {.name = "reset", .type = MTR_FIELD_BOOL, AT(tariff_version_fields, reset), .default_text = "false",
     .doc = "tiers and free units begin anew; else they go on from what the period used before"},
    {.name = "components", .type = MTR_FIELD_LIST, AT(tariff_version_fields, components), .required = true,
     .min = 1, .max = MTR_TARIFF_COMPONENTS_MAX, .fields = component_rows,
     .item_size = sizeof(struct tariff_component_fields), .doc = "what is priced, one line or more each"},
    {.name = "calendar", .type = MTR_FIELD_NAMED, AT(tariff_version_fields, calendar),
     .max = MTR_CALENDAR_MASKS_MAX, .fields = mtr_tariff_mask_rows,
     .item_size = sizeof(struct tariff_mask_fields),
     .doc = "names for times of day, weekdays, months and dates, for `when` and `weights`"},
    {.name = "calendar_zone", .type = MTR_FIELD_ENUM, AT(tariff_version_fields, calendar_zone),
     PRESENT(tariff_version_fields, has_calendar_zone), .choices = mtr_tariff_mask_zones,
     .default_text = "local", .doc = "`zone` of the masks that name none"},
    {.name = "pricing_currency", .type = MTR_FIELD_MAP, AT(tariff_version_fields, pricing),
     PRESENT(tariff_version_fields, has_pricing), .fields = mtr_tariff_pricing_rows,
     .doc = "a unit of the seller's own that all amounts of the version are in, and what one of it costs"},
    {.name = "minimum", .type = MTR_FIELD_MONEY, AT(tariff_version_fields, minimum),
     PRESENT(tariff_version_fields, has_minimum), .doc = "least amount of the whole tariff in a period"},
    {.name = "minimum_prorate", .type = MTR_FIELD_ENUM, AT(tariff_version_fields, minimum_prorate),
     PRESENT(tariff_version_fields, has_minimum_prorate), .choices = mtr_tariff_prorates,
     .default_text = "none",
     .doc = "share of the minimum in a period that the subscription runs through in part"},
    {.name = "account", .type = MTR_FIELD_MAP, AT(tariff_version_fields, account), .fields = account_rows,
     .doc = "limits of all the customer's subscriptions of the tariff together, in the same billing period"},
    {.name = "cap", .type = MTR_FIELD_MONEY, AT(tariff_version_fields, cap),
     PRESENT(tariff_version_fields, has_cap), .doc = "greatest amount of the whole tariff in a period"},
    {.name = "commitment", .type = MTR_FIELD_MAP, AT(tariff_version_fields, commitment),
     PRESENT(tariff_version_fields, has_commitment), .fields = mtr_tariff_commitment_rows,
     .doc = "of the whole tariff: amount that is due in any case, with a factor beyond it"},
    {.name = "term", .type = MTR_FIELD_MAP, AT(tariff_version_fields, term),
     PRESENT(tariff_version_fields, has_term), .fields = mtr_tariff_term_rows,
     .doc = "limits of all that the tariff comes to over several billing periods"},
    {.name = "overrides", .type = MTR_FIELD_LIST, AT(tariff_version_fields, overrides),
     .max = MTR_TARIFF_OVERRIDES_MAX, .fields = override_rows,
     .item_size = sizeof(struct tariff_override_fields),
     .doc = "prices of their own for customers and subscriptions"},
    {.name = "allowances", .type = MTR_FIELD_LIST, AT(tariff_version_fields, allowances),
     .max = MTR_TARIFF_ALLOWANCES_MAX, .fields = mtr_tariff_allowance_rows,
     .item_size = sizeof(struct tariff_allowance_fields),
     .doc = "pools of units or money that every billing period is granted"},
    {0},
};

static const struct mtr_field rounding_rows[] = {
    {.name = "mode", .type = MTR_FIELD_ENUM, AT(tariff_rounding_fields, mode),
     .choices = mtr_tariff_rounding_modes, .default_text = "half_even",
     .doc = "half_up: ties away from zero; up and down: away from and towards zero"},
    {.name = "place", .type = MTR_FIELD_ENUM, AT(tariff_rounding_fields, place), .choices = rounding_places,
     .default_text = "line", .doc = "round each line, or only the total, recording the residue"},
    {.name = "digits", .type = MTR_FIELD_U64, AT(tariff_rounding_fields, digits),
     PRESENT(tariff_rounding_fields, has_digits), .min = 0, .max = MTR_MONEY_DIGITS,
     .doc = "fraction digits; those of the currency (ISO 4217) unless given"},
    {.name = "step", .type = MTR_FIELD_NODE, AT(tariff_rounding_fields, step),
     .doc = "instead of digits: amounts are whole multiples of this, as 0.05; or a map of steps by the "
            "currency that is charged"},
    {0},
};

static const struct mtr_field exchange_rows[] = {
    {.name = "source",
     .type = MTR_FIELD_KEY,
     AT(tariff_exchange_fields, source),
     .required = true,
     .doc = "source of the rates, as rates documents name it"},
    {.name = "at",
     .type = MTR_FIELD_ENUM,
     AT(tariff_exchange_fields, at),
     .choices = mtr_tariff_exchange_days,
     .default_text = "period_end",
     .doc = "which day's rate: the period's last day, each day's own, the day in which the period ends, or "
            "the subscription's first day"},
    {.name = "max_age_days",
     .type = MTR_FIELD_U64,
     AT(tariff_exchange_fields, max_age_days),
     .min = 0,
     .max = 366,
     .default_text = "7",
     .doc = "how many days before that day a rate may be of: banks rest on holidays"},
    {0},
};

const struct mtr_field mtr_tariff_fields[] = {
    {.name = "key", .type = MTR_FIELD_KEY, AT(tariff_fields, key), .required = true,
     .doc = "name of the tariff"},
    {.name = "name", .type = MTR_FIELD_TEXT, AT(tariff_fields, name), .doc = "for people"},
    {.name = "service", .type = MTR_FIELD_KEY, AT(tariff_fields, service),
     .doc = "key of the service whose meters it prices, and whose subscriptions may name it; any unless "
            "given. The tariff's key is unique within it"},
    {.name = "currency", .type = MTR_FIELD_TEXT, AT(tariff_fields, currency), .required = true,
     .doc = "ISO 4217 code of every amount; of several, that of subscriptions that name none; the first of "
            "`currencies` unless given"},
    {.name = "currencies", .type = MTR_FIELD_TEXTS, AT(tariff_fields, currencies),
     .max = MTR_TARIFF_CURRENCIES_MAX,
     .doc = "those that the tariff has prices in; what its prices name unless given"},
    {.name = "rounding", .type = MTR_FIELD_MAP, AT(tariff_fields, rounding), .fields = rounding_rows,
     .doc = "where and how money is rounded"},
    {.name = "exchange", .type = MTR_FIELD_MAP, AT(tariff_fields, exchange),
     PRESENT(tariff_fields, has_exchange), .fields = exchange_rows,
     .doc = "subscriptions may be charged in other currencies, at these rates"},
    {.name = "retired", .type = MTR_FIELD_TEXT, AT(tariff_fields, retired),
     .doc = "no subscription that starts from then on may name it: a date (midnight in its zone) or an "
            "instant"},
    {.name = "versions", .type = MTR_FIELD_LIST, AT(tariff_fields, versions), .required = true, .min = 1,
     .max = MTR_TARIFF_VERSIONS_MAX, .fields = mtr_tariff_version_rows,
     .item_size = sizeof(struct tariff_version_fields), .doc = "ascending by from"},
    {0},
};
