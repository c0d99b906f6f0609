/*
 * The JSON of a price, as the API, `meterd price` and `meterd explain` show it. Money and quantities are
 * strings; the version is named by the hash of its document.
 */
#include "meterd/tariff/price.h"

#include <inttypes.h>
#include <stdio.h>

/* What it costs the seller, and what is left of what is charged. */
static void write_margin(struct mtr_money charged, struct mtr_money cost, unsigned digits,
                         struct mtr_json_writer *json)
{
    struct mtr_money margin;
    mtr_json_name(json, "cost");
    mtr_json_money(json, cost, digits);
    mtr_json_name(json, "margin");
    if (mtr_money_sub(charged, cost, &margin)) mtr_json_null(json);
    else mtr_json_money(json, margin, digits);
}

static void write_text(const char *name, struct mtr_str text, struct mtr_json_writer *json)
{
    mtr_json_name(json, name);
    mtr_json_text(json, text);
}

/* part: NULL where there is only one. */
static void write_line(const struct mtr_price_line *line, const struct mtr_priced_part *part,
                       const struct mtr_price_exchange *exchange, unsigned digits,
                       struct mtr_json_writer *json)
{
    mtr_json_map(json);
    if (part) {
        write_text("from", part->from, json);
        write_text("to", part->to, json);
    }
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

/* first_line: the index of the part's first line among those of all parts. */
static void write_step(const struct mtr_price_step *step, const struct mtr_priced_part *part,
                       uint64_t first_line, struct mtr_json_writer *json)
{
    mtr_json_map(json);
    if (part) write_text("from", part->from, json);
    mtr_json_name(json, "line");
    if (step->line == UINT32_MAX)
        mtr_json_null(json);
    else
        mtr_json_u64(json, first_line + step->line);
    mtr_json_name(json, "part");
    mtr_json_text(json, step->part);
    mtr_json_name(json, "input");
    mtr_json_text(json, step->input);
    mtr_json_name(json, "output");
    mtr_json_text(json, step->output);
    mtr_json_map_end(json);
}

struct steps {
    const struct mtr_priced_part *part;
    uint64_t first_line;
    struct mtr_json_writer *json;
};

static int on_step(void *context, const struct mtr_price_step *step)
{
    const struct steps *steps = context;
    write_step(step, steps->part, steps->first_line, steps->json);
    return steps->json->error;
}

/* Steps that were kept, or that are made once more: the same input gives the same price. */
static void write_steps(const struct mtr_price_input *input, const struct mtr_price *price,
                        struct steps steps)
{
    enum { CHUNK_BYTES = 64 << 10, BYTES_MAX = 512 << 20 };
    struct mtr_price_input traced = *input;
    struct mtr_price again;
    struct mtr_arena arena;
    for (uint32_t i = 0; i < price->step_count; i++)
        write_step(&price->steps[i], steps.part, steps.first_line, steps.json);
    if (price->step_count > 0 || steps.json->error) return;
    traced.on_step = on_step;
    traced.step_context = &steps;
    mtr_arena_init(&arena, CHUNK_BYTES, BYTES_MAX);
    const int rc = mtr_price(&traced, true, &arena, &again);
    MTR_ASSERT(rc || mtr_money_compare(again.total, price->total) == 0); /* pricing is a function */
    if (rc && !steps.json->error) steps.json->error = rc;
    mtr_arena_release(&arena);
}

static unsigned digits_of(const struct mtr_price_input *input)
{
    return input->exchange ? input->exchange->digits : input->tariff->rounding_digits;
}

static void write_version(const struct mtr_tariff_version *version, struct mtr_json_writer *json)
{
    char text[40];
    snprintf(text, sizeof(text), "%016" PRIx64 "%016" PRIx64, version->hash_high, version->hash_low);
    mtr_json_name(json, "version");
    mtr_json_cstr(json, text);
}

/* What stands before the lines. */
static void write_sums(const struct mtr_price_input *input, const struct mtr_price *sums,
                       struct mtr_json_writer *json)
{
    const unsigned digits = digits_of(input);
    mtr_json_name(json, "total");
    mtr_json_money(json, sums->total, digits);
    if (sums->has_cost) write_margin(sums->total, sums->cost, digits, json);
    mtr_json_name(json, "residue");
    mtr_json_money(json, sums->residue, 0);
    write_text("currency", input->exchange ? input->exchange->question.to : input->tariff->currency, json);
    write_text("tariff", input->tariff->key, json);
}

void mtr_price_write_json(const struct mtr_price_input *input, const struct mtr_price *price, bool with_trace,
                          struct mtr_json_writer *json)
{
    mtr_json_map(json);
    write_sums(input, price, json);
    write_version(input->version, json);
    mtr_json_name(json, "lines");
    mtr_json_list(json);
    for (uint32_t i = 0; i < price->line_count; i++)
        write_line(&price->lines[i], NULL, input->exchange, digits_of(input), json);
    mtr_json_list_end(json);
    if (with_trace) {
        mtr_json_name(json, "trace");
        mtr_json_list(json);
        write_steps(input, price, (struct steps){NULL, 0, json});
        mtr_json_list_end(json);
    }
    mtr_json_map_end(json);
}

static int add_up(const struct mtr_priced_part *parts, uint32_t count, struct mtr_price *sums)
{
    *sums = (struct mtr_price){0};
    for (uint32_t i = 0; i < count; i++) {
        const struct mtr_price *price = parts[i].price;
        int rc = mtr_money_add(sums->total, price->total, &sums->total);
        if (!rc) rc = mtr_money_add(sums->residue, price->residue, &sums->residue);
        if (!rc) rc = mtr_money_add(sums->cost, price->cost, &sums->cost);
        if (rc) return rc;
        sums->has_cost = sums->has_cost || price->has_cost;
    }
    return MTR_OK;
}

static void write_part_lines(const struct mtr_priced_part *parts, uint32_t count,
                             struct mtr_json_writer *json)
{
    mtr_json_name(json, "lines");
    mtr_json_list(json);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < parts[i].price->line_count; j++)
            write_line(&parts[i].price->lines[j], &parts[i], parts[i].input->exchange,
                       digits_of(parts[i].input), json);
    mtr_json_list_end(json);
}

static void write_part_steps(const struct mtr_priced_part *parts, uint32_t count,
                             struct mtr_json_writer *json)
{
    uint64_t first_line = 0;
    mtr_json_name(json, "trace");
    mtr_json_list(json);
    for (uint32_t i = 0; i < count; i++) {
        write_steps(parts[i].input, parts[i].price, (struct steps){&parts[i], first_line, json});
        first_line += parts[i].price->line_count;
    }
    mtr_json_list_end(json);
}

static void write_period(const struct mtr_priced_part *part, struct mtr_json_writer *json)
{
    mtr_json_map(json);
    write_text("from", part->from, json);
    write_text("to", part->to, json);
    write_version(part->input->version, json);
    mtr_json_name(json, "total");
    mtr_json_money(json, part->price->total, digits_of(part->input));
    mtr_json_name(json, "residue");
    mtr_json_money(json, part->price->residue, 0);
    mtr_json_map_end(json);
}

int mtr_price_write_parts_json(const struct mtr_priced_part *parts, uint32_t count, bool with_trace,
                               struct mtr_json_writer *json)
{
    struct mtr_price sums;
    MTR_ASSERT(count > 0);
    int rc = add_up(parts, count, &sums);
    if (rc) return rc;
    mtr_json_map(json);
    write_sums(parts[0].input, &sums, json);
    write_part_lines(parts, count, json);
    if (with_trace) write_part_steps(parts, count, json);
    mtr_json_name(json, "periods");
    mtr_json_list(json);
    for (uint32_t i = 0; i < count; i++) write_period(&parts[i], json);
    mtr_json_list_end(json);
    mtr_json_map_end(json);
    return MTR_OK;
}
