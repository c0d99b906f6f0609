/*
 * Query parameters: checked against the route's rows before a handler runs, so that a handler only reads
 * them.
 */
#include "daemon/api/api.h"

#include <string.h>

#include "meterd/core/time.h"

static const struct api_parameter *find_row(const struct api_route *route, struct mtr_str name)
{
    for (const struct api_parameter *row = route->parameters; row && row->name; row++)
        if (mtr_str_equal(mtr_str_from(row->name), name)) return row;
    return NULL;
}

static struct mtr_str parameter_at(const void *context, unsigned i)
{
    const struct api_route *route = context;
    for (const struct api_parameter *row = route->parameters; row && row->name; row++, i--)
        if (i == 0) return mtr_str_from(row->name);
    return (struct mtr_str){NULL, 0};
}

/* ---- checking ---- */

/* One of "hour|day|month"; no data: there are no more. */
static struct mtr_str choice_at(const void *context, unsigned i)
{
    const char *at = context;
    for (; *at && i; i--) {
        at += strcspn(at, "|");
        at += *at == '|';
    }
    return *at ? (struct mtr_str){at, strcspn(at, "|")} : (struct mtr_str){NULL, 0};
}

static bool is_choice(const char *choices, struct mtr_str value)
{
    struct mtr_str choice;
    for (unsigned i = 0; (choice = choice_at(choices, i)).data; i++)
        if (mtr_str_equal(choice, value)) return true;
    return false;
}

static bool is_given_before(const struct mtr_query *query, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (mtr_str_equal(query->parameters[i].name, query->parameters[index].name)) return true;
    return false;
}

static bool check_choice(struct api_call *call, const struct api_parameter *row, struct mtr_str value)
{
    const char *choices = row->type == API_BOOLEAN ? "true|false|1|0" : row->choices;
    if ((row->type == API_BOOLEAN && !value.size) || is_choice(choices, value)) return true;
    char meant[MTR_MEANT_BYTES];
    api_problem(call, 400, MTR_FINDING_REQUEST_PARAMETER_VALUE, "%s: '%.*s%s' is not one of %s%s", row->name,
                MTR_STR_QUOTED(value), choices, mtr_str_meant(value, choice_at, choices, meant));
    return false;
}

static bool check_integer(struct api_call *call, const struct api_parameter *row, struct mtr_str value)
{
    uint64_t number;
    if (mtr_str_to_u64(value, &number) && number >= row->min && number <= row->max) return true;
    api_problem(call, 400, MTR_FINDING_REQUEST_PARAMETER_VALUE,
                "%s: '%.*s%s' is not a whole number from %llu to %llu", row->name, MTR_STR_QUOTED(value),
                (unsigned long long)row->min, (unsigned long long)row->max);
    return false;
}

static bool check_time(struct api_call *call, const struct api_parameter *row, struct mtr_str value)
{
    char fault[MTR_DATE_FAULT_BYTES];
    int64_t time_us;
    if (mtr_time_parse_date(value, &time_us) == MTR_OK) return true;
    mtr_date_fault(value, fault);
    api_problem(call, 400, MTR_FINDING_REQUEST_PARAMETER_VALUE, "%s: %s", row->name, fault);
    return false;
}

/* A value that is empty is none; of choices it would be a wrong one. */
static bool check_value(struct api_call *call, const struct api_parameter *row, struct mtr_str value)
{
    if (row->type == API_BOOLEAN || row->type == API_CHOICE) return check_choice(call, row, value);
    if (!value.size || row->type == API_TEXT) return true;
    return row->type == API_INTEGER ? check_integer(call, row, value) : check_time(call, row, value);
}

bool api_check_query(struct api_call *call)
{
    for (uint32_t i = 0; i < call->query.count; i++) {
        struct mtr_str name = call->query.parameters[i].name, value = call->query.parameters[i].value;
        const struct api_parameter *row = find_row(call->route, name);
        if (!row) {
            char meant[MTR_MEANT_BYTES];
            api_problem(call, 400, MTR_FINDING_REQUEST_PARAMETER_UNKNOWN,
                        "%s has no query parameter '%.*s%s'; GET /v1/openapi.json lists those it has%s",
                        call->route->operation, MTR_STR_QUOTED(name),
                        mtr_str_meant(name, parameter_at, call->route, meant));
            return false;
        }
        if (!check_value(call, row, value)) return false;
        if (row->repeatable || !is_given_before(&call->query, i)) continue;
        api_problem(call, 400, MTR_FINDING_REQUEST_PARAMETER_REPEATED, "%s is given twice", row->name);
        return false;
    }
    return true;
}

/* ---- reading ---- */

struct mtr_str api_text(const struct api_call *call, const char *name)
{
    struct mtr_str value;
    MTR_ASSERT(find_row(call->route, mtr_str_from(name)) != NULL);
    return mtr_query_find(&call->query, name, &value) ? value : (struct mtr_str){NULL, 0};
}

uint64_t api_u64(const struct api_call *call, const char *name)
{
    const struct api_parameter *row = find_row(call->route, mtr_str_from(name));
    struct mtr_str text = api_text(call, name);
    uint64_t value = 0;
    MTR_ASSERT(row && row->type == API_INTEGER);
    if (!text.size && row->default_text) text = mtr_str_from(row->default_text);
    if (!text.size) return 0;
    MTR_ASSERT(mtr_str_to_u64(text, &value) && value >= row->min && value <= row->max);
    return value;
}

int64_t api_time_us(const struct api_call *call, const char *name, int64_t default_us)
{
    const struct mtr_str text = api_text(call, name);
    int64_t time_us = default_us;
    MTR_ASSERT(!text.size || mtr_time_parse_date(text, &time_us) == MTR_OK);
    return time_us;
}

bool api_flag(const struct api_call *call, const char *name)
{
    struct mtr_str value;
    MTR_ASSERT(find_row(call->route, mtr_str_from(name)) != NULL);
    if (!mtr_query_find(&call->query, name, &value)) return false;
    return !mtr_str_equal(value, MTR_STR("false")) && !mtr_str_equal(value, MTR_STR("0"));
}

bool api_customer(struct api_call *call, const char *name, struct mtr_str *out)
{
    char meant[MTR_MEANT_BYTES];
    *out = api_text(call, name);
    if (!out->size || mtr_catalog_has_customer(call->catalog, *out, call->credential->vendor, meant))
        return true;
    api_problem(call, 404, MTR_FINDING_REQUEST_UNKNOWN, "no subscription has the customer '%.*s%s'%s",
                MTR_STR_QUOTED(*out), meant);
    return false;
}

bool api_subscription(struct api_call *call, const char *name, const struct mtr_subscription **out)
{
    const struct mtr_str key = api_text(call, name);
    *out = key.size ? mtr_catalog_find_subscription(call->catalog, key) : NULL;
    if (!key.size || *out) return true;
    api_unknown(call, MTR_KIND_SUBSCRIPTION, key);
    return false;
}
