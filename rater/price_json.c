/*
 * The JSON of a price, as the API, `meterd price` and `meterd explain` show it. Money and quantities are strings; the version is named by
 * the hash of its document.
 */
#include "meterd/rater/price.h"

#include <inttypes.h>
#include <stdio.h>

/* What it costs the seller, and what is left of what is charged. */
static void write_margin(struct mtr_money charged, struct mtr_money cost, unsigned digits, struct mtr_json_writer *json)
{
    struct mtr_money margin;
    mtr_json_name(json, "cost");
    mtr_json_money(json, cost, digits);
    mtr_json_name(json, "margin");
    if (mtr_money_sub(charged, cost, &margin)) mtr_json_null(json);
    else mtr_json_money(json, margin, digits);
}

static void write_line(const struct mtr_price_line *line, const struct mtr_price_exchange *exchange, unsigned digits, struct mtr_json_writer *json)
{
    mtr_json_map(json);
    mtr_json_name(json, "component");
    mtr_json_text(json, line->component);
    if (line->dimensions.size) {
        mtr_json_name(json, "dimensions");
        mtr_json_text(json, line->dimensions);
    }
    mtr_json_name(json, "kind");
    mtr_json_text(json, line->kind);
    if (line->tax_code.size) {
        mtr_json_name(json, "tax_code");
        mtr_json_text(json, line->tax_code);
    }
    mtr_json_name(json, "quantity");
    mtr_json_quantity(json, line->quantity);
    if (line->has_unit_price && !exchange) { /* it is in the tariff's currency */
        mtr_json_name(json, "unit_price");
        mtr_json_money(json, line->unit_price, 0);
    }
    mtr_json_name(json, "amount");
    mtr_json_money(json, line->amount, digits);
    if (line->has_cost) write_margin(line->amount, line->cost, digits, json);
    if (exchange) {
        mtr_json_name(json, "exchange");
        mtr_price_write_exchange(exchange, line->exact, json);
    }
    mtr_json_map_end(json);
}

static void write_step(const struct mtr_price_step *step, struct mtr_json_writer *json)
{
    mtr_json_map(json);
    mtr_json_name(json, "line");
    if (step->line == UINT32_MAX)
        mtr_json_null(json);
    else
        mtr_json_u64(json, step->line);
    mtr_json_name(json, "part");
    mtr_json_text(json, step->part);
    mtr_json_name(json, "input");
    mtr_json_text(json, step->input);
    mtr_json_name(json, "output");
    mtr_json_text(json, step->output);
    mtr_json_map_end(json);
}

void mtr_price_write_json(const struct mtr_price_input *input, const struct mtr_price *price, bool with_trace, struct mtr_json_writer *json)
{
    const struct mtr_price_exchange *exchange = input->exchange;
    unsigned digits = exchange ? exchange->digits : input->tariff->rounding_digits;
    char version[40];
    snprintf(version, sizeof(version), "%016" PRIx64 "%016" PRIx64, input->version->hash_high, input->version->hash_low);
    mtr_json_map(json);
    mtr_json_name(json, "total");
    mtr_json_money(json, price->total, digits);
    if (price->has_cost) write_margin(price->total, price->cost, digits, json);
    mtr_json_name(json, "residue");
    mtr_json_money(json, price->residue, 0);
    mtr_json_name(json, "currency");
    mtr_json_text(json, exchange ? exchange->question.to : input->tariff->currency);
    mtr_json_name(json, "tariff");
    mtr_json_text(json, input->tariff->key);
    mtr_json_name(json, "version");
    mtr_json_cstr(json, version);
    mtr_json_name(json, "lines");
    mtr_json_list(json);
    for (uint32_t i = 0; i < price->line_count; i++) write_line(&price->lines[i], exchange, digits, json);
    mtr_json_list_end(json);
    if (with_trace) {
        mtr_json_name(json, "trace");
        mtr_json_list(json);
        for (uint32_t i = 0; i < price->step_count; i++) write_step(&price->steps[i], json);
        mtr_json_list_end(json);
    }
    mtr_json_map_end(json);
}
