/*
 * The JSON of a price, as the API, `meterd price` and `meterd explain` show it: rows, and where their values
 * come from. Money and quantities are strings; the version is named by the hash of its document.
 *
 * A single price is one part without times.
 */
#include "meterd/tariff/price.h"

#include <inttypes.h>
#include <stdio.h>

#include "meterd/tariff/line_dimensions.h"

enum { VERSION_TEXT_BYTES = 40 };

static unsigned digits_of(const struct mtr_price_input *input)
{
    return input->exchange ? input->exchange->digits : input->tariff->rounding_digits;
}

static struct mtr_str text_or_none(struct mtr_str text)
{
    return text.size ? text : (struct mtr_str){NULL, 0};
}

static struct mtr_str version_text(const struct mtr_tariff_version *version, char text[VERSION_TEXT_BYTES])
{
    snprintf(text, VERSION_TEXT_BYTES, "%016" PRIx64 "%016" PRIx64, version->hash_high, version->hash_low);
    return mtr_str_from(text);
}

/* What it costs the seller, and what is left of what is charged. */
struct margin {
    bool has_cost, has_margin;
    struct mtr_shown_money cost, margin;
};

static struct margin margin_of(struct mtr_money charged, bool has_cost, struct mtr_money cost,
                               unsigned digits)
{
    struct margin margin = {.has_cost = has_cost, .cost = {cost, digits}, .margin = {.digits_min = digits}};
    margin.has_margin = has_cost && mtr_money_sub(charged, cost, &margin.margin.amount) == MTR_OK;
    return margin;
}

/* ---- a line ---- */

struct line_row {
    struct mtr_str from, to;
    struct mtr_str component, kind, tax_code;
    bool has_dimensions;
    struct mtr_quantity quantity;
    bool has_unit_price;
    struct mtr_shown_money unit_price, amount;
    struct margin margin;
    bool has_pricing, has_exchange;
    const struct mtr_pricing_currency *pricing;
    const struct mtr_price_exchange *exchange;
    const struct mtr_price_line *line;
};

static void write_dimensions(struct mtr_json_writer *json, const void *context)
{
    const struct line_row *row = context;
    mtr_line_dimensions_write(json, row->line->dimensions);
}

static void write_pricing(struct mtr_json_writer *json, const void *context)
{
    const struct line_row *row = context;
    mtr_price_write_pricing(row->pricing, row->line->exact,
                            row->line->has_unit_price ? &row->line->unit_price : NULL, json);
}

static void write_exchange(struct mtr_json_writer *json, const void *context)
{
    const struct line_row *row = context;
    struct mtr_exact amount;
    int rc = mtr_price_of_units(row->pricing, row->line->exact, &amount);
    MTR_ASSERT(rc == MTR_OK); /* its price has been told */
    mtr_price_write_exchange(row->exchange, amount, json);
}

#define OF_MARGIN(row, field, flag)                                                                          \
    .name = #field, .type = MTR_MEMBER_MONEY, .offset = offsetof(struct row, margin.field),                  \
    .presence = MTR_MAY_LACK, MTR_PRESENT(row, margin.flag)
#define OPTIONAL_TEXT .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK
#define ROW(field) MTR_MEMBER(line_row, field)
static const struct mtr_json_member line_members[] = {
    {ROW(from), OPTIONAL_TEXT, .doc = "when its part begins, where there are several"},
    {ROW(to), OPTIONAL_TEXT, .doc = "exclusive"},
    {ROW(component), .type = MTR_MEMBER_TEXT, .doc = "key in the tariff, or what of the whole tariff it is"},
    {.name = "dimensions",
     .type = MTR_MEMBER_LABELS,
     .presence = MTR_MAY_LACK,
     MTR_PRESENT(line_row, has_dimensions),
     .write = write_dimensions,
     .doc = "values of the component's group_by"},
    {ROW(kind), .type = MTR_MEMBER_TEXT, .doc = "why there is such a line: usage, recurring, minimum, …"},
    {ROW(tax_code), OPTIONAL_TEXT, .doc = "as the tariff says"},
    {ROW(quantity), .type = MTR_MEMBER_QUANTITY, .doc = "of the meter, before conversion and free units"},
    {ROW(unit_price), .type = MTR_MEMBER_MONEY, .presence = MTR_MAY_LACK,
     MTR_PRESENT(line_row, has_unit_price), .doc = "where one price applies to all of it"},
    {ROW(amount), .type = MTR_MEMBER_MONEY, .doc = "of the line"},
    {OF_MARGIN(line_row, cost, has_cost), .doc = "what the seller pays, where that is asked for"},
    {OF_MARGIN(line_row, margin, has_margin), .doc = "amount − cost"},
    {.name = "pricing",
     .type = MTR_MEMBER_MAP,
     .shape = &mtr_price_pricing_shape,
     .presence = MTR_MAY_LACK,
     MTR_PRESENT(line_row, has_pricing),
     .write = write_pricing,
     .doc = "where prices are in a unit of the seller's own"},
    {.name = "exchange",
     .type = MTR_MEMBER_MAP,
     .shape = &mtr_price_exchange_shape,
     .presence = MTR_MAY_LACK,
     MTR_PRESENT(line_row, has_exchange),
     .write = write_exchange,
     .doc = "where it is charged in another currency"},
    {0},
};
#undef ROW
static const struct mtr_shape line_shape = {.name = "PriceLine", .members = line_members};

static void write_line(const struct mtr_priced_part *part, const struct mtr_price_line *line,
                       struct mtr_json_writer *json)
{
    const struct mtr_price_exchange *exchange = part->input->exchange;
    const struct mtr_pricing_currency *pricing = &part->input->version->pricing;
    const unsigned digits = digits_of(part->input);
    const struct line_row row = {
        .from = part->from,
        .to = part->to,
        .component = line->component,
        .has_dimensions = line->dimensions.size > 0,
        .kind = line->kind,
        .tax_code = text_or_none(line->tax_code),
        .quantity = line->quantity,
        /* it is in what the tariff is priced in */
        .has_unit_price = line->has_unit_price && !exchange && !pricing->name.size,
        .unit_price = {line->unit_price, 0},
        .amount = {line->amount, digits},
        .margin = margin_of(line->amount, line->has_cost, line->cost, digits),
        .has_pricing = pricing->name.size > 0,
        .pricing = pricing,
        .has_exchange = exchange != NULL,
        .exchange = exchange,
        .line = line,
    };
    mtr_shape_write(&line_shape, &row, json);
}

/* ---- a step of the trace ---- */

struct step_row {
    struct mtr_str from;
    bool has_line;
    uint64_t line;
    struct mtr_str part, input, output;
};

#define ROW(field) MTR_MEMBER(step_row, field)
static const struct mtr_json_member step_members[] = {
    {ROW(from), OPTIONAL_TEXT, .doc = "when its part begins, where there are several"},
    {ROW(line), .type = MTR_MEMBER_U64, .presence = MTR_MAY_BE_NULL, MTR_PRESENT(step_row, has_line),
     .doc = "index in lines; null: of the total"},
    {ROW(part), .type = MTR_MEMBER_TEXT, .doc = "of the computation"},
    {ROW(input), .type = MTR_MEMBER_TEXT, .doc = "what it is handed"},
    {ROW(output), .type = MTR_MEMBER_TEXT, .doc = "what it makes of it"},
    {0},
};
#undef ROW
static const struct mtr_shape step_shape = {.name = "PriceStep", .members = step_members};

/* first_line: the index of the part's first line among those of all parts. */
static void write_step(const struct mtr_priced_part *part, const struct mtr_price_step *step,
                       uint64_t first_line, struct mtr_json_writer *json)
{
    const struct step_row row = {.from = part->from,
                                 .has_line = step->line != UINT32_MAX,
                                 .line = first_line + step->line,
                                 .part = step->part,
                                 .input = step->input,
                                 .output = step->output};
    mtr_shape_write(&step_shape, &row, json);
}

/* Which lines are shown. */
struct shown {
    mtr_price_shows_line shows; /* NULL: all */
    const void *context;
};

static bool is_shown(const struct shown *shown, const struct mtr_price_line *line)
{
    return !shown->shows || shown->shows(shown->context, line);
}

struct steps {
    const struct mtr_priced_part *part;
    uint64_t first_line;
    uint32_t *numbers; /* of the lines that are shown, by index; NULL: all are */
    struct mtr_json_writer *json;
};

#define NOT_SHOWN (UINT32_MAX - 1)

static int on_step(void *context, const struct mtr_price_step *step)
{
    const struct steps *steps = context;
    struct mtr_price_step shown = *step;
    MTR_ASSERT(step->line == UINT32_MAX || step->line < steps->part->price->line_count);
    if (steps->numbers && step->line != UINT32_MAX) shown.line = steps->numbers[step->line];
    if (shown.line == NOT_SHOWN) return MTR_OK;
    write_step(steps->part, &shown, steps->first_line, steps->json);
    return steps->json->error;
}

static int number_lines(struct steps *steps, const struct shown *shown, struct mtr_arena *arena)
{
    const struct mtr_price *price = steps->part->price;
    uint32_t count = 0;
    if (!shown->shows) return MTR_OK;
    steps->numbers = mtr_arena_calloc(arena, (size_t)price->line_count + 1, sizeof(*steps->numbers));
    if (!steps->numbers) return MTR_ENOMEM;
    for (uint32_t i = 0; i < price->line_count; i++)
        steps->numbers[i] = is_shown(shown, &price->lines[i]) ? count++ : NOT_SHOWN;
    return MTR_OK;
}

static int price_again(struct steps *steps, struct mtr_arena *arena)
{
    struct mtr_price_input traced = *steps->part->input;
    struct mtr_price again;
    traced.on_step = on_step;
    traced.step_context = steps;
    int rc = mtr_price(&traced, true, arena, &again);
    MTR_ASSERT(rc || mtr_money_compare(again.total, steps->part->price->total) == 0); /* it is a function */
    return rc;
}

/* Steps that were kept, or that are made once more: the same input gives the same price. */
static void write_steps(struct steps steps, const struct shown *shown, struct mtr_arena *arena)
{
    const struct mtr_price *price = steps.part->price;
    const struct mtr_arena_mark mark = mtr_arena_mark(arena);
    int rc = number_lines(&steps, shown, arena);
    for (uint32_t i = 0; !rc && i < price->step_count; i++) rc = on_step(&steps, &price->steps[i]);
    if (!rc && !price->step_count) rc = price_again(&steps, arena);
    if (rc && !steps.json->error) steps.json->error = rc;
    mtr_arena_rewind(arena, mark);
}

/* ---- a part of several ---- */

struct period_row {
    struct mtr_str from, to, tariff, version, currency;
    struct mtr_shown_money total, residue;
};

#define ROW(field) MTR_MEMBER(period_row, field)
static const struct mtr_json_member period_members[] = {
    {ROW(from), .type = MTR_MEMBER_TEXT, .doc = "when the part begins"},
    {ROW(to), .type = MTR_MEMBER_TEXT, .doc = "exclusive"},
    {ROW(tariff), .type = MTR_MEMBER_TEXT, .doc = "key"},
    {ROW(version), .type = MTR_MEMBER_TEXT, .doc = "hash of the version's document"},
    {ROW(total), .type = MTR_MEMBER_MONEY, .doc = "of its lines"},
    {ROW(residue), .type = MTR_MEMBER_MONEY, .doc = "what rounding left over"},
    {ROW(currency), .type = MTR_MEMBER_CURRENCY, .doc = "of its amounts"},
    {0},
};
#undef ROW
static const struct mtr_shape period_shape = {.name = "PricePeriod", .members = period_members};

static void write_period(const struct mtr_priced_part *part, struct mtr_json_writer *json)
{
    char version[VERSION_TEXT_BYTES];
    const struct period_row row = {.from = part->from,
                                   .to = part->to,
                                   .tariff = part->input->tariff->key,
                                   .version = version_text(part->input->version, version),
                                   .currency = part->currency,
                                   .total = {part->price->total, digits_of(part->input)},
                                   .residue = {part->price->residue, 0}};
    mtr_shape_write(&period_shape, &row, json);
}

/* ---- what the parts of one currency come to ---- */

struct total_row {
    struct mtr_str currency;
    struct mtr_shown_money total, residue;
    struct margin margin;
};

#define ROW(field) MTR_MEMBER(total_row, field)
static const struct mtr_json_member total_members[] = {
    {ROW(currency), .type = MTR_MEMBER_CURRENCY, .doc = "of all its amounts"},
    {ROW(total), .type = MTR_MEMBER_MONEY, .doc = "of all lines in it"},
    {OF_MARGIN(total_row, cost, has_cost), .doc = "what the seller pays, where that is asked for"},
    {OF_MARGIN(total_row, margin, has_margin), .doc = "total − cost"},
    {ROW(residue), .type = MTR_MEMBER_MONEY, .doc = "what rounding left over"},
    {0},
};
#undef ROW
static const struct mtr_shape total_shape = {.name = "PriceTotal", .members = total_members};

static int add_up(const struct mtr_priced_part *parts, uint32_t count, struct mtr_str currency,
                  struct mtr_price *sums)
{
    *sums = (struct mtr_price){0};
    for (uint32_t i = 0; i < count; i++) {
        const struct mtr_price *price = parts[i].price;
        if (!mtr_str_equal(parts[i].currency, currency)) continue;
        int rc = mtr_money_add(sums->total, price->total, &sums->total);
        if (!rc) rc = mtr_money_add(sums->residue, price->residue, &sums->residue);
        if (!rc) rc = mtr_money_add(sums->cost, price->cost, &sums->cost);
        if (rc) return rc;
        sums->has_cost = sums->has_cost || price->has_cost;
    }
    return MTR_OK;
}

/* Is it the first part in its currency? */
static bool is_first(const struct mtr_priced_part *parts, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (mtr_str_equal(parts[i].currency, parts[index].currency)) return false;
    return true;
}

static struct total_row total_row(const struct mtr_priced_part *part, const struct mtr_price *sums)
{
    const unsigned digits = digits_of(part->input);
    return (struct total_row){.currency = part->currency,
                              .total = {sums->total, digits},
                              .residue = {sums->residue, 0},
                              .margin = margin_of(sums->total, sums->has_cost, sums->cost, digits)};
}

/* ---- the price ---- */

struct price_row {
    struct mtr_shown_money total, residue;
    struct margin margin;
    struct mtr_str currency, tariff, version;
    bool with_trace, with_periods, is_of_one, is_of_several; /* currencies */
    const struct mtr_priced_part *parts;
    uint32_t count;
    struct shown shown;
    struct mtr_arena *arena;
};

static void write_lines(struct mtr_json_writer *json, const void *context)
{
    const struct price_row *row = context;
    mtr_json_list(json);
    for (uint32_t i = 0; i < row->count; i++)
        for (uint32_t j = 0; j < row->parts[i].price->line_count; j++)
            if (is_shown(&row->shown, &row->parts[i].price->lines[j]))
                write_line(&row->parts[i], &row->parts[i].price->lines[j], json);
    mtr_json_list_end(json);
}

static void write_trace(struct mtr_json_writer *json, const void *context)
{
    const struct price_row *row = context;
    uint64_t first_line = 0;
    mtr_json_list(json);
    for (uint32_t i = 0; i < row->count; i++) {
        write_steps((struct steps){.part = &row->parts[i], .first_line = first_line, .json = json},
                    &row->shown, row->arena);
        first_line += row->parts[i].price->line_count;
    }
    mtr_json_list_end(json);
}

static void write_periods(struct mtr_json_writer *json, const void *context)
{
    const struct price_row *row = context;
    mtr_json_list(json);
    for (uint32_t i = 0; i < row->count; i++) write_period(&row->parts[i], json);
    mtr_json_list_end(json);
}

static void write_totals(struct mtr_json_writer *json, const void *context)
{
    const struct price_row *row = context;
    mtr_json_list(json);
    for (uint32_t i = 0; i < row->count; i++) {
        struct mtr_price sums;
        if (!is_first(row->parts, i)) continue;
        int rc = add_up(row->parts, row->count, row->parts[i].currency, &sums);
        MTR_ASSERT(rc == MTR_OK); /* they were added up before */
        const struct total_row total = total_row(&row->parts[i], &sums);
        mtr_shape_write(&total_shape, &total, json);
    }
    mtr_json_list_end(json);
}

#define OF_ONE .presence = MTR_MAY_LACK, MTR_PRESENT(price_row, is_of_one)
#define ROW(field) MTR_MEMBER(price_row, field)
static const struct mtr_json_member price_members[] = {
    {ROW(total), .type = MTR_MEMBER_MONEY, OF_ONE,
     .doc = "of all lines; lacks where these are of several currencies"},
    {OF_MARGIN(price_row, cost, has_cost), .doc = "what the seller pays, where that is asked for"},
    {OF_MARGIN(price_row, margin, has_margin), .doc = "total − cost"},
    {ROW(residue), .type = MTR_MEMBER_MONEY, OF_ONE, .doc = "what rounding left over"},
    {ROW(currency), .type = MTR_MEMBER_CURRENCY, OF_ONE, .doc = "of all amounts"},
    {.name = "totals",
     .type = MTR_MEMBER_LIST,
     .shape = &total_shape,
     .presence = MTR_MAY_LACK,
     MTR_PRESENT(price_row, is_of_several),
     .write = write_totals,
     .doc = "instead of these four for each currency, where a subscription changes it"},
    {ROW(tariff), .type = MTR_MEMBER_TEXT, .doc = "key; of several parts that of the first"},
    {ROW(version), OPTIONAL_TEXT, .doc = "hash of the version's document, where there is one"},
    {.name = "lines",
     .type = MTR_MEMBER_LIST,
     .shape = &line_shape,
     .write = write_lines,
     .doc = "by component, then dimensions, then what is of the whole tariff"},
    {.name = "trace",
     .type = MTR_MEMBER_LIST,
     .shape = &step_shape,
     .presence = MTR_MAY_LACK,
     MTR_PRESENT(price_row, with_trace),
     .write = write_trace,
     .doc = "each step of the computation"},
    {.name = "periods",
     .type = MTR_MEMBER_LIST,
     .shape = &period_shape,
     .presence = MTR_MAY_LACK,
     MTR_PRESENT(price_row, with_periods),
     .write = write_periods,
     .doc = "the parts, where use has times"},
    {0},
};
#undef ROW
const struct mtr_shape mtr_price_shape = {.name = "Price", .members = price_members};

static struct price_row price_row(const struct mtr_price_input *input, const struct mtr_price *sums,
                                  bool with_trace)
{
    const unsigned digits = digits_of(input);
    return (struct price_row){
        .total = {sums->total, digits},
        .residue = {sums->residue, 0},
        .margin = margin_of(sums->total, sums->has_cost, sums->cost, digits),
        .currency = input->exchange ? input->exchange->question.to : input->tariff->currency,
        .tariff = input->tariff->key,
        .with_trace = with_trace,
        .is_of_one = true,
    };
}

static void write_price(const struct mtr_priced_part *part, struct shown shown, bool with_trace,
                        struct mtr_arena *arena, struct mtr_json_writer *json)
{
    char version[VERSION_TEXT_BYTES];
    struct price_row row = price_row(part->input, part->price, with_trace);
    row.version = version_text(part->input->version, version);
    row.parts = part;
    row.count = 1;
    row.shown = shown;
    row.arena = arena;
    mtr_shape_write(&mtr_price_shape, &row, json);
}

void mtr_price_write_json(const struct mtr_price_input *input, const struct mtr_price *price, bool with_trace,
                          struct mtr_arena *arena, struct mtr_json_writer *json)
{
    const struct mtr_priced_part part = {.input = input, .price = price};
    write_price(&part, (struct shown){0}, with_trace, arena, json);
}

void mtr_price_write_some_json(const struct mtr_price_input *input, const struct mtr_price *price,
                               mtr_price_shows_line shows, const void *context, struct mtr_arena *arena,
                               struct mtr_json_writer *json)
{
    const struct mtr_priced_part part = {.input = input, .price = price};
    write_price(&part, (struct shown){shows, context}, true, arena, json);
}

int mtr_price_write_parts_json(const struct mtr_priced_part *parts, uint32_t count, bool with_trace,
                               struct mtr_arena *arena, struct mtr_json_writer *json)
{
    struct mtr_price sums = {0};
    uint32_t currencies = 0;
    int rc = MTR_OK;
    MTR_ASSERT(count > 0);
    for (uint32_t i = count; !rc && i-- > 0;) {
        if (!is_first(parts, i)) continue;
        rc = add_up(parts, count, parts[i].currency, &sums);
        currencies++;
    }
    if (rc) return rc;
    struct price_row row = price_row(parts[0].input, &sums, with_trace);
    row.currency = parts[0].currency;
    row.is_of_one = currencies == 1;
    row.is_of_several = !row.is_of_one;
    if (row.is_of_several) row.margin = (struct margin){.has_cost = false};
    row.with_periods = true;
    row.parts = parts;
    row.count = count;
    row.arena = arena;
    mtr_shape_write(&mtr_price_shape, &row, json);
    return MTR_OK;
}
