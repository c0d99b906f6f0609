/*
 * Calendar masks: of a line's rows only those at the times of `when`, each counted as often as its time
 * weighs. A row that holds over a span is split where masks change, by time; the pieces of a quantity add up
 * to it. A row of a cell is judged by the cell's begin, an event (scope event) by its own.
 *
 * Weighted quantities are differences of what all use so far comes to, so that together they are the weighted
 * sum, rounded once to 10^-12. The line's own quantity stays what was measured.
 */
#include "lib/tariff/price/pricer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/core/time.h"


/* A row, or a piece of one, that counts. */
struct masked_row {
    struct mtr_usage_row row;
    uint32_t weight; /* index in the component's weights; weight_count for none */
};

struct masking {
    struct mtr_pricer *pricer;
    const struct mtr_component *component;
    uint64_t word; /* what holds in [from, until): the answer of the calendar that was asked for last */
    int64_t from_us, until_us;
    struct masked_row *rows; /* by input, then time; their quantities before weights */
    uint32_t count, capacity;
    bool unsorted;                 /* pieces of spans that overlap came out of order */
    struct mtr_quantity all, kept; /* of input 0, for the trace */
};

static uint64_t masks_at(struct masking *masking, int64_t time_us)
{
    const struct mtr_price_input *input = masking->pricer->input;
    if (time_us < masking->from_us || time_us >= masking->until_us) {
        masking->from_us = time_us;
        masking->word =
            mtr_calendar_at(&input->version->calendar, input->zone, time_us, &masking->until_us);
    }
    return masking->word;
}

/* The index of the weight at that time; false when the component does not count it. */
static bool judge(const struct mtr_component *component, uint64_t word, uint32_t *weight)
{
    if (component->has_when && ((word >> component->when & 1) != 0) == component->when_not) return false;
    *weight = 0;
    while (*weight < component->weight_count && !(word >> component->weights[*weight].mask & 1)) ++*weight;
    return true;
}

static int grow(struct masking *masking)
{
    const uint32_t capacity = masking->capacity * 2;
    struct masked_row *rows = mtr_arena_calloc(masking->pricer->arena, capacity, sizeof(*rows));
    if (!rows) return MTR_ENOMEM;
    if (masking->count) memcpy(rows, masking->rows, masking->count * sizeof(*rows));
    masking->rows = rows;
    masking->capacity = capacity;
    return MTR_OK;
}

static int compare_rows(const void *a, const void *b)
{
    const struct mtr_usage_row *x = &((const struct masked_row *)a)->row,
                               *y = &((const struct masked_row *)b)->row;
    if (x->input != y->input) return x->input < y->input ? -1 : 1;
    if (x->time_us != y->time_us) return x->time_us < y->time_us ? -1 : 1;
    if (x->earlier != y->earlier) return x->earlier ? -1 : 1;
    return mtr_quantity_compare(x->quantity, y->quantity); /* what is equal may stand in any order */
}

/* A row, or a piece of one: counted, or left out. */
static int add_piece(struct masking *masking, const struct mtr_usage_row *piece, bool counts, uint32_t weight)
{
    int rc = piece->input == 0 ? mtr_quantity_add(masking->all, piece->quantity, &masking->all) : MTR_OK;
    if (rc || !counts) return rc;
    if (piece->input == 0) rc = mtr_quantity_add(masking->kept, piece->quantity, &masking->kept);
    if (!rc && masking->count == masking->capacity) rc = grow(masking);
    if (rc) return rc;
    masking->rows[masking->count] = (struct masked_row){*piece, weight};
    if (masking->count)
        masking->unsorted = masking->unsorted || compare_rows(&masking->rows[masking->count - 1],
                                                              &masking->rows[masking->count]) > 0;
    masking->count++;
    return MTR_OK;
}

/* What of a span's quantity is used until then. A level is the same all the time. */
static int used_until(const struct mtr_usage_row *row, int64_t time_us, struct mtr_quantity *out)
{
    const struct mtr_quantity gone = {time_us - row->time_us}, whole = {row->until_us - row->time_us};
    return mtr_quantity_scale(row->quantity, gone, whole, MTR_QUANTITY_DIGITS, MTR_ROUND_HALF_EVEN, out);
}

static int add_span(struct masking *masking, const struct mtr_usage_row *row)
{
    const enum mtr_curve_scope by = masking->component->scope;
    const bool is_level = by == MTR_CURVE_SCOPE_LEVEL,
               by_hours = by == MTR_CURVE_SCOPE_HOUR || by == MTR_CURVE_SCOPE_DAY;
    struct mtr_usage_row piece = *row;
    struct mtr_quantity before = {0}, after;
    int rc = MTR_OK;
    while (!rc && piece.time_us < row->until_us) {
        uint32_t weight = 0, next_weight = 0;
        const bool counts = judge(masking->component, masks_at(masking, piece.time_us), &weight);
        for (piece.until_us = piece.time_us;
             piece.until_us < row->until_us;) { /* as far as nothing changes */
            const bool next_counts =
                judge(masking->component, masks_at(masking, piece.until_us), &next_weight);
            if (next_counts != counts || next_weight != weight ||
                (by_hours && piece.until_us > piece.time_us))
                break;
            piece.until_us = masking->until_us;
        }
        if (piece.until_us > row->until_us) piece.until_us = row->until_us;
        if (!is_level) {
            rc = used_until(row, piece.until_us, &after);
            if (!rc) rc = mtr_quantity_sub(after, before, &piece.quantity);
            before = after;
        }
        if (!rc) rc = add_piece(masking, &piece, counts, weight);
        piece.time_us = piece.until_us;
    }
    return rc;
}

static int add_row(struct masking *masking, const struct mtr_usage_row *row)
{
    uint32_t weight = 0;
    if (row->until_us > row->time_us && masking->component->scope != MTR_CURVE_SCOPE_EVENT)
        return add_span(masking, row);
    const bool counts = judge(masking->component, masks_at(masking, row->time_us), &weight);
    return add_piece(masking, row, counts, weight);
}

static int weigh(const struct masking *masking, uint32_t weight, struct mtr_quantity quantity,
                 struct mtr_quantity *out)
{
    *out = quantity;
    if (weight == masking->component->weight_count) return MTR_OK;
    const struct mtr_quantity factor = masking->component->weights[weight].factor;
    return mtr_quantity_scale(quantity, factor, MTR_QUANTITY(1), MTR_QUANTITY_DIGITS, MTR_ROUND_HALF_EVEN,
                              out);
}

static int trace_quantities(struct mtr_pricer *pricer, const char *name, struct mtr_quantity before,
                            struct mtr_quantity after)
{
    char input[MTR_DECIMAL_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES];
    mtr_quantity_format(before, input);
    mtr_quantity_format(after, output);
    return price_trace(pricer, price_next_line(pricer), name, input, output);
}

static int trace_when(const struct masking *masking)
{
    const struct mtr_component *component = masking->component;
    char name[128];
    if (!component->has_when || component->scope == MTR_CURVE_SCOPE_LEVEL) return MTR_OK;
    snprintf(name, sizeof(name), "when %s%.*s", component->when_not ? "not " : "",
             MTR_STR_ARGS(masking->pricer->input->version->calendar.masks[component->when].key));
    return trace_quantities(masking->pricer, name, masking->all, masking->kept);
}

static int trace_weight(const struct masking *masking, uint32_t weight, struct mtr_quantity before,
                        struct mtr_quantity after)
{
    const struct mtr_weight *row = &masking->component->weights[weight];
    char factor[MTR_DECIMAL_TEXT_BYTES], name[MTR_DECIMAL_TEXT_BYTES + 128];
    mtr_quantity_format(row->factor, factor);
    snprintf(name, sizeof(name), "%.*s × %s",
             MTR_STR_ARGS(masking->pricer->input->version->calendar.masks[row->mask].key), factor);
    return trace_quantities(masking->pricer, name, before, after);
}

/* All rows of one weight and one input, in order of time. */
static int apply_weight(struct masking *masking, uint32_t weight, uint32_t input)
{
    struct mtr_quantity sum = {0}, weighted = {0};
    bool any = false;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < masking->count; i++) {
        struct mtr_usage_row *row = &masking->rows[i].row;
        if (masking->rows[i].weight != weight || row->input != input) continue;
        const struct mtr_quantity before = weighted;
        any = true;
        rc = mtr_quantity_add(sum, row->quantity, &sum);
        if (!rc) rc = weigh(masking, weight, sum, &weighted);
        if (!rc) rc = mtr_quantity_sub(weighted, before, &row->quantity);
    }
    return rc || !any || input > 0 || !masking->pricer->with_trace
               ? rc
               : trace_weight(masking, weight, sum, weighted);
}

static int apply_weights(struct masking *masking, struct mtr_line_work *work)
{
    const struct mtr_component *component = masking->component;
    int rc = MTR_OK;
    work->is_weighted = true;
    for (uint32_t i = 0; !rc && i < masking->count; i++) {
        const struct mtr_usage_row *row = &masking->rows[i].row;
        struct mtr_quantity *sum = row->earlier ? &work->measured_earlier : &work->measured;
        if (row->input == 0) rc = mtr_quantity_add(*sum, row->quantity, sum);
    }
    for (uint32_t input = 0; input < component->input_count; input++)
        for (uint32_t weight = 0; !rc && weight < component->weight_count; weight++)
            rc = apply_weight(masking, weight, input);
    return rc;
}

int price_masks(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    struct masking masking = {.pricer = pricer,
                              .component = work->component,
                              .from_us = INT64_MAX,
                              .until_us = INT64_MIN,
                              .capacity = work->row_count};
    MTR_ASSERT(mtr_component_has_masks(work->component) && work->row_count > 0);
    int rc = grow(&masking);
    for (uint32_t i = 0; !rc && i < work->row_count; i++) rc = add_row(&masking, work->rows[i]);
    if (!rc && masking.unsorted) qsort(masking.rows, masking.count, sizeof(*masking.rows), compare_rows);
    if (!rc && pricer->with_trace) rc = trace_when(&masking);
    if (!rc && work->component->weight_count) rc = apply_weights(&masking, work);
    if (rc) return rc;
    const struct mtr_usage_row **rows =
        mtr_arena_calloc(pricer->arena, (size_t)masking.count + 1, sizeof(*rows));
    if (!rows) return MTR_ENOMEM;
    for (uint32_t i = 0; i < masking.count; i++) rows[i] = &masking.rows[i].row;
    work->rows = rows;
    work->row_count = masking.count;
    return MTR_OK;
}
