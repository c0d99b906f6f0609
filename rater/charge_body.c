/*
 * The body of a charge. What it holds is the rows below; where each comes from is body_row.
 *
 * Invariant: bodies that are stored stay as they were written. A new member may be added; none is renamed,
 * moved or left out where it was always there.
 */
#include "meterd/rater/charge_body.h"

#include "meterd/core/currency.h"
#include "meterd/tariff/line_dimensions.h"
#include "rater/emit.h"
#include "rater/period/gather.h"

struct tariff_row {
    struct mtr_str key, from, hash;
};

struct body_row {
    uint64_t number;
    struct mtr_str id;
    const char *status;
    struct mtr_str vendor, service, subscription, customer;
    struct mtr_str component, kind, meter, unit, tax_code;
    struct mtr_str dimensions; /* as stored */
    struct mtr_local_time period_start, period_end, part_start, part_end;
    struct mtr_quantity quantity, quantity_delta;
    struct mtr_shown_money amount, amount_total;
    struct mtr_str currency;
    bool has_pricing, has_exchange;
    const struct mtr_pricing_currency *pricing;
    const struct mtr_price_exchange *exchange;
    struct mtr_exact exact; /* the line in what it is priced in */
    bool has_cost;
    struct mtr_shown_money cost, cost_total, margin, margin_total;
    struct tariff_row tariff;
    uint64_t revision;
    int64_t created_at;
    uint64_t seq_first, seq_last;
};

static void write_dimensions(struct mtr_json_writer *json, const void *context)
{
    const struct body_row *row = context;
    mtr_line_dimensions_write(json, row->dimensions);
}

static void write_pricing(struct mtr_json_writer *json, const void *context)
{
    const struct body_row *row = context;
    mtr_price_write_pricing(row->pricing, row->exact, NULL, json);
}

static void write_exchange(struct mtr_json_writer *json, const void *context)
{
    const struct body_row *row = context;
    struct mtr_exact amount = row->exact;
    int rc = row->pricing ? mtr_price_of_units(row->pricing, row->exact, &amount) : MTR_OK;
    MTR_ASSERT(rc == MTR_OK); /* its price is charged */
    mtr_price_write_exchange(row->exchange, amount, json);
}

#define ROW(field) MTR_MEMBER(body_row, field)
#define OF_COST .type = MTR_MEMBER_MONEY, .presence = MTR_MAY_LACK, MTR_PRESENT(body_row, has_cost)

static const struct mtr_json_member tariff_members[] = {
    {MTR_MEMBER(tariff_row, key), .type = MTR_MEMBER_TEXT, .doc = "of the tariff"},
    {MTR_MEMBER(tariff_row, from), .type = MTR_MEMBER_TEXT,
     .doc = "when its version begins, as written there"},
    {MTR_MEMBER(tariff_row, hash), .type = MTR_MEMBER_TEXT, .doc = "of the version's document"},
    {0},
};
static const struct mtr_shape tariff_shape = {.members = tariff_members};

static const struct mtr_json_member body_members[] = {
    {ROW(number), .type = MTR_MEMBER_U64, .doc = "its place in the feed; grows, without gaps"},
    {ROW(id), .type = MTR_MEMBER_TEXT,
     .doc = "32 hex digits: the same rating gives the same id, so that it is taken over once"},
    {ROW(status), .type = MTR_MEMBER_WORD, .choice = mtr_charge_status_choice,
     .doc = "draft while its period is open, final when it closes, correction after that"},
    {ROW(vendor), .type = MTR_MEMBER_TEXT, .doc = "key of who sells it"},
    {ROW(service), .type = MTR_MEMBER_TEXT, .doc = "key of what is sold"},
    {ROW(subscription), .type = MTR_MEMBER_TEXT, .doc = "key of who uses it"},
    {ROW(customer), .type = MTR_MEMBER_TEXT, .doc = "who pays"},
    {ROW(component), .type = MTR_MEMBER_TEXT, .doc = "key in the tariff; empty: of the whole tariff"},
    {ROW(kind), .type = MTR_MEMBER_TEXT, .doc = "why there is such a line: usage, recurring, minimum, …"},
    {ROW(meter), .type = MTR_MEMBER_TEXT, .doc = "key; empty: it has none"},
    {ROW(unit), .type = MTR_MEMBER_TEXT, .doc = "of the quantity"},
    {ROW(tax_code), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK, .doc = "as the tariff says"},
    {.name = "dimensions",
     .type = MTR_MEMBER_LABELS,
     .write = write_dimensions,
     .doc = "values of the component's group_by"},
    {ROW(period_start), .type = MTR_MEMBER_LOCAL, .doc = "of the billing period, in its zone"},
    {ROW(period_end), .type = MTR_MEMBER_LOCAL, .doc = "exclusive"},
    {ROW(part_start), .type = MTR_MEMBER_LOCAL, .doc = "of what one tariff version covers of the period"},
    {ROW(part_end), .type = MTR_MEMBER_LOCAL, .doc = "exclusive"},
    {ROW(quantity), .type = MTR_MEMBER_QUANTITY, .doc = "of the line, as of now"},
    {ROW(quantity_delta), .type = MTR_MEMBER_QUANTITY, .doc = "what this charge adds to it"},
    {ROW(amount), .type = MTR_MEMBER_MONEY, .doc = "the charge: what it adds to the line"},
    {ROW(amount_total), .type = MTR_MEMBER_MONEY, .doc = "all charges of the line, this one included"},
    {ROW(currency), .type = MTR_MEMBER_CURRENCY, .doc = "of all amounts"},
    {.name = "pricing",
     .type = MTR_MEMBER_MAP,
     .presence = MTR_MAY_LACK,
     MTR_PRESENT(body_row, has_pricing),
     .shape = &mtr_price_pricing_shape,
     .write = write_pricing,
     .doc = "where the tariff is priced in a unit of the seller's own: the line in it"},
    {.name = "exchange",
     .type = MTR_MEMBER_MAP,
     .presence = MTR_MAY_LACK,
     MTR_PRESENT(body_row, has_exchange),
     .shape = &mtr_price_exchange_shape,
     .write = write_exchange,
     .doc = "where the tariff is in another currency"},
    {ROW(cost), OF_COST, .doc = "what the seller pays more than before, where that is known"},
    {ROW(cost_total), OF_COST, .doc = "what the seller pays for the line"},
    {ROW(margin), OF_COST, .doc = "amount − cost"},
    {ROW(margin_total), OF_COST, .doc = "amount_total − cost_total"},
    {ROW(tariff), .type = MTR_MEMBER_MAP, .shape = &tariff_shape, .doc = "that priced it"},
    {ROW(revision), .type = MTR_MEMBER_U64, .doc = "of the period: how often it was rated to another result"},
    {ROW(created_at), .type = MTR_MEMBER_TIME, .doc = "when it was charged"},
    {ROW(seq_first), .type = MTR_MEMBER_U64, .doc = "its events are in the log from here"},
    {ROW(seq_last), .type = MTR_MEMBER_U64, .doc = "up to here; both 0: it has none"},
    {0},
};
const struct mtr_shape mtr_charge_shape = {.name = "Charge", .members = body_members};

static void set_when(struct body_row *row, const struct rater_emission *emission,
                     const struct rater_difference *difference)
{
    const struct mtr_charge_line *line = &difference->line;
    const int64_t start_us =
        difference->has_vanished ? difference->period_start_us : emission->bounds.start_us;
    row->period_start = rater_local_time(emission->subscription, start_us);
    row->period_end = rater_local_time(emission->subscription, emission->bounds.end_us);
    row->part_start = rater_local_time(emission->subscription, line->part_start_us);
    row->part_end = rater_local_time(emission->subscription, line->part_end_us);
}

static void set_money(struct body_row *row, const struct rater_difference *difference)
{
    const struct mtr_currency *currency = mtr_currency_find(difference->line.currency);
    const unsigned digits = currency ? currency->digits : 0;
    row->currency = difference->line.currency;
    row->amount = (struct mtr_shown_money){difference->amount, digits};
    row->amount_total = (struct mtr_shown_money){difference->emitted_after, digits};
    row->has_pricing = difference->pricing != NULL;
    row->pricing = difference->pricing;
    row->has_exchange = difference->exchange != NULL;
    row->exchange = difference->exchange;
    row->exact = difference->exact;
    row->has_cost = difference->has_cost;
    row->cost = (struct mtr_shown_money){difference->cost, digits};
    row->cost_total = (struct mtr_shown_money){difference->cost_after, digits};
    row->margin = (struct mtr_shown_money){difference->margin, digits};
    row->margin_total = (struct mtr_shown_money){difference->margin_after, digits};
}

int rater_write_charge_body(struct mtr_buffer *out, const struct rater_emission *emission,
                            const struct mtr_charge *charge, const struct rater_difference *difference)
{
    const struct mtr_subscription *subscription = emission->subscription;
    const struct mtr_charge_line *line = &difference->line;
    struct mtr_json_writer json;
    char id[MTR_CHARGE_ID_TEXT_BYTES], version[RATER_HASH_TEXT_BYTES];
    mtr_charge_id_format(charge->id, id);
    rater_hash_format(line->version_hash, version);
    struct body_row row = {
        .number = charge->number,
        .id = mtr_str_from(id),
        .status = mtr_charge_status_name(charge->status),
        .vendor = subscription->service->vendor->key,
        .service = subscription->service->key,
        .subscription = subscription->key,
        .customer = line->customer.size ? line->customer : subscription->customer,
        .component = line->component,
        .kind = line->kind,
        .meter = line->meter,
        .unit = line->unit,
        .tax_code = line->tax_code.size ? line->tax_code : (struct mtr_str){NULL, 0},
        .dimensions = line->dimensions,
        .quantity = charge->quantity,
        .quantity_delta = charge->quantity_delta,
        .tariff = {.key = line->tariff, .from = line->version_from, .hash = mtr_str_from(version)},
        .revision = emission->period->revision,
        .created_at = charge->created_us,
        .seq_first = charge->seq_first,
        .seq_last = charge->seq_last,
    };
    set_when(&row, emission, difference);
    set_money(&row, difference);
    mtr_buffer_reset(out);
    mtr_json_begin(&json, out);
    mtr_shape_write(&mtr_charge_shape, &row, &json);
    return mtr_json_finish(&json);
}
