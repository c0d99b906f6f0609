/*
 * How the price of a period came about, as JSON: each part priced once more, with its trace.
 *
 * What is written stands in the charges store as it was, and is shown by `meterd explain`.
 */
#include "rater/period/price.h"

#include "meterd/core/time.h"
#include "meterd/rater/charge_body.h"

struct trace_row {
    bool of_costs;
    struct mtr_local_time from, to;
    struct mtr_str tariff, version, hash;
    bool with_price;
    const struct mtr_part_price *part;
    const struct mtr_period_price *priced;
    struct mtr_arena *arena;
};

/* Of lines that are priced range by range, but together, each range explains its own. */
static bool shows_line(const void *context, const struct mtr_price_line *line)
{
    return rater_is_asked_for(context, line) || line->is_rest;
}

static void write_price(struct mtr_json_writer *json, const void *context)
{
    const struct trace_row *row = context;
    mtr_price_write_some_json(&row->part->input, &row->part->price, shows_line, row->priced, row->arena,
                              json);
}

#define ROW(field) MTR_MEMBER(trace_row, field)
static const struct mtr_json_member trace_members[] = {
    {.name = "cost", .type = MTR_MEMBER_BOOL, .offset = offsetof(struct trace_row, of_costs),
     .presence = MTR_MAY_LACK, MTR_PRESENT(trace_row, of_costs), .doc = "true: of what the seller pays"},
    {ROW(from), .type = MTR_MEMBER_LOCAL, .doc = "of what one tariff version covers of the period"},
    {ROW(to), .type = MTR_MEMBER_LOCAL, .doc = "exclusive"},
    {ROW(tariff), .type = MTR_MEMBER_TEXT, .doc = "key"},
    {ROW(version), .type = MTR_MEMBER_TEXT, .doc = "when the version begins, as written there"},
    {ROW(hash), .type = MTR_MEMBER_TEXT, .doc = "of the version's document"},
    {.name = "price", .type = MTR_MEMBER_MAP, .presence = MTR_MAY_BE_NULL,
     MTR_PRESENT(trace_row, with_price), .shape = &mtr_price_shape, .write = write_price,
     .doc = "with its trace; null where that was too long to keep"},
    {0},
};
#undef ROW
const struct mtr_shape mtr_charge_trace_shape = {.name = "PricePart", .members = trace_members};

/* All parts of one side. */
static void write_side(const struct mtr_period_price *priced, struct trace_row row,
                       struct mtr_json_writer *json)
{
    for (uint32_t i = 0; i < priced->period.part_count; i++) {
        const struct mtr_billing_part *part = &priced->period.parts[i];
        const struct mtr_tariff_version *version = part->version;
        char hash[RATER_HASH_TEXT_BYTES];
        rater_hash_format((struct mtr_hash128){version->hash_high, version->hash_low}, hash);
        row.from = rater_local_time(priced->subscription, part->start_us);
        row.to = rater_local_time(priced->subscription, part->end_us);
        row.tariff = part->tariff->key;
        row.version = version->from;
        row.hash = mtr_str_from(hash);
        row.part = &priced->parts[i];
        row.priced = priced;
        mtr_shape_write(&mtr_charge_trace_shape, &row, json);
    }
}

/* arena NULL: without the prices. */
static int write_traces(const struct mtr_period_price *priced, struct mtr_arena *arena,
                        struct mtr_buffer *out)
{
    struct mtr_json_writer json;
    struct trace_row row = {.with_price = arena != NULL, .arena = arena};
    mtr_buffer_reset(out);
    mtr_json_begin(&json, out);
    mtr_json_list(&json);
    write_side(priced, row, &json);
    row.of_costs = true;
    if (priced->costs) write_side(priced->costs, row, &json);
    mtr_json_list_end(&json);
    return mtr_json_finish(&json);
}

int rater_write_traces(const struct mtr_period_price *priced, bool fewer_need_less, struct mtr_arena *arena,
                       struct mtr_buffer *out)
{
    int rc = write_traces(priced, arena, out);
    const bool is_left_out = rc == MTR_ELIMIT || (rc == MTR_ENOMEM && !fewer_need_less);
    return is_left_out ? write_traces(priced, NULL, out) : rc;
}
