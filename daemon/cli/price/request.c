/*
 * Options of `meterd price` as the JSON of a request. What is wrong with a value is a finding of the request.
 */
#include "daemon/cli/price/request.h"

#include <stdio.h>
#include <string.h>

#include "meterd/core/json_writer.h"
#include "meterd/core/limits.h"

static void write_dimensions(const struct cli_invocation *invocation, struct mtr_json_writer *json)
{
    const char *pair;
    mtr_json_name(json, "dimensions");
    mtr_json_map(json);
    for (uint32_t i = 0; (pair = invocation_option_at(invocation, "dim", i)) != NULL; i++) {
        char name[MTR_PROPERTY_NAME_BYTES_MAX + 1];
        const char *equals = strchr(pair, '=');
        snprintf(name, sizeof(name), "%.*s", (int)(equals - pair), pair);
        mtr_json_named_cstr(json, name, equals + 1);
    }
    mtr_json_map_end(json);
}

static void write_text(struct mtr_json_writer *json, const char *name, const char *text)
{
    if (!text) return;
    mtr_json_named_cstr(json, name, text);
}

bool price_names_meters(const struct cli_invocation *invocation)
{
    const char *quantity = invocation_option(invocation, "quantity");
    return quantity && strchr(quantity, '=');
}

static void write_quantities(const struct cli_invocation *invocation, struct mtr_json_writer *json)
{
    const char *quantity;
    mtr_json_name(json, "usage");
    mtr_json_list(json);
    for (uint32_t i = 0; (quantity = invocation_option_at(invocation, "quantity", i)) != NULL; i++) {
        const char *equals = strchr(quantity, '=');
        mtr_json_map(json);
        write_text(json, "component", invocation_option(invocation, "component"));
        mtr_json_named_text(json, "meter", (struct mtr_str){quantity, (size_t)(equals - quantity)});
        write_text(json, "quantity", equals + 1);
        write_dimensions(invocation, json);
        mtr_json_map_end(json);
    }
    mtr_json_list_end(json);
}

static void write_part(struct mtr_json_writer *json, const char *name, struct mtr_str part)
{
    if (!part.size) return;
    mtr_json_name(json, name);
    mtr_json_raw(json, part);
}

/* --credit AMOUNT[:PRIORITY[:EXPIRES]] */
static void write_credits(const struct cli_invocation *invocation, struct mtr_json_writer *json)
{
    const char *text;
    mtr_json_name(json, "credits");
    mtr_json_list(json);
    for (uint32_t i = 0; (text = invocation_option_at(invocation, "credit", i)) != NULL; i++) {
        const char *end = text + strlen(text), *first = strchr(text, ':'),
                   *second = first ? strchr(first + 1, ':') : NULL;
        mtr_json_map(json);
        mtr_json_named_text(json, "amount", (struct mtr_str){text, (size_t)((first ? first : end) - text)});
        if (first) {
            const struct mtr_str priority = {first + 1, (size_t)((second ? second : end) - first - 1)};
            uint64_t number = 0;
            mtr_json_name(json, "priority");
            if (mtr_str_to_u64(priority, &number)) mtr_json_u64(json, number);
            else mtr_json_text(json, priority); /* a finding of the request */
        }
        if (second) write_text(json, "expires", second + 1);
        mtr_json_map_end(json);
    }
    mtr_json_list_end(json);
}

int price_request_write(const struct cli_invocation *invocation, const struct price_request *parts,
                        struct mtr_buffer *out)
{
    static const char *const options[] = {"at",           "component", "currency", "customer",
                                          "subscription", "zone",      "start",    "end"};
    struct mtr_json_writer json;
    mtr_json_begin(&json, out);
    mtr_json_map(&json);
    write_part(&json, "tariff", parts->tariff);
    write_part(&json, "documents", parts->documents);
    write_part(&json, "cost", parts->cost);
    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
        write_text(&json, options[i], invocation_option(invocation, options[i]));
    if (!price_names_meters(invocation))
        write_text(&json, "quantity", invocation_option(invocation, "quantity"));
    write_dimensions(invocation, &json);
    write_part(&json, "usage", parts->series);
    write_part(&json, "rates", parts->rates);
    write_part(&json, "meters", parts->meters);
    write_part(&json, "billing", parts->billing);
    write_part(&json, "trial", parts->trial);
    write_credits(invocation, &json);
    if (!parts->series.size && price_names_meters(invocation)) write_quantities(invocation, &json);
    mtr_json_named_bool(&json, "trace", invocation_flag(invocation, "trace"));
    mtr_json_map_end(&json);
    return mtr_json_finish(&json);
}
