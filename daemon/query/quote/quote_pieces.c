/*
 * See quote_pieces.h. Spans are cut at cells; then time is walked once, with the versions of both
 * tariffs beside it, to find what each piece is of.
 */
#include "daemon/query/quote/quote_pieces.h"

#include <stdlib.h>

#include "meterd/catalog/cell.h"
#include "meterd/core/time.h"
#include "meterd/rater/billing_period.h"

struct cutting {
    const struct quote_use_options *options;
    struct mtr_meter meter; /* of the shortest cells */
    struct mtr_arena *arena;
    struct mtr_diagnostics *findings;
    struct quote_cut *out;
};

/* ---- cutting ---- */

static int compare_pieces(const void *a, const void *b)
{
    const struct quote_piece *x = a, *y = b;
    if (x->time_us != y->time_us) return x->time_us < y->time_us ? -1 : 1;
    return (x->given > y->given) - (x->given < y->given);
}

static int add_piece(struct cutting *cutting, struct quote_pieces *pieces, const struct quote_piece *piece)
{
    int rc = mtr_arena_make_room(cutting->arena, (void **)&pieces->items, pieces->count, &pieces->capacity,
                                 sizeof(*piece));
    if (rc) return rc;
    pieces->items[pieces->count++] = *piece;
    return MTR_OK;
}

enum { E12_PER_US = 1000000 };

int64_t quote_row_length_us(const struct quote_row *row)
{
    return (int64_t)(row->seconds.e12 / E12_PER_US);
}

/* A span in pieces by cells; each has its share of the quantity, and all together the whole. */
static int add_span(struct cutting *cutting, const struct quote_piece *moment)
{
    const struct quote_row *given = moment->given;
    const mtr_int128 most = (mtr_int128)MTR_SPREAD_S_MAX * E12_PER_US * MTR_US_PER_SECOND;
    struct mtr_quantity before = {0}, after = given->quantity;
    struct quote_piece piece = *moment;
    if (given->seconds.e12 < 0 || given->seconds.e12 > most || given->seconds.e12 % E12_PER_US)
        return quote_fail_row(cutting->findings, MTR_FINDING_QUOTE_SECONDS, given, "seconds",
                              "is a length of 0 to 2764800 seconds (32 days), to the microsecond",
                              (struct mtr_str){NULL, 0});
    const int64_t end_us = moment->time_us + quote_row_length_us(given);
    int rc = MTR_OK;
    do {
        const struct mtr_cell_bounds cell =
            mtr_cell_at(cutting->options->subscription, &cutting->meter, piece.time_us);
        const int64_t until_us = mtr_time_sooner(cell.end_us, end_us);
        const struct mtr_quantity elapsed = {(mtr_int128)(until_us - moment->time_us) * E12_PER_US};
        after = given->quantity;
        if (until_us < end_us)
            rc = mtr_quantity_scale(given->quantity, elapsed, given->seconds, MTR_QUANTITY_DIGITS,
                                    MTR_ROUND_HALF_EVEN, &after);
        if (!rc) rc = mtr_quantity_sub(after, before, &piece.quantity);
        if (!rc) rc = add_piece(cutting, &cutting->out->pieces, &piece);
        before = after;
        piece.time_us = until_us;
    } while (!rc && piece.time_us < end_us);
    MTR_ASSERT(rc || before.e12 == given->quantity.e12); /* nothing of the span is lost */
    return rc;
}

static int cut_rows(struct cutting *cutting)
{
    const struct quote_use_options *options = cutting->options;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < options->row_count; i++) {
        const struct quote_row *given = &options->rows[i];
        const bool is_span = given->has_seconds && !options->without_times;
        const struct quote_piece moment = {
            given, {NULL}, options->without_times ? options->at_us : given->time_us, given->quantity};
        rc = add_piece(cutting, &cutting->out->moments, &moment);
        if (!rc)
            rc = is_span ? add_span(cutting, &moment) : add_piece(cutting, &cutting->out->pieces, &moment);
    }
    if (rc || !cutting->out->moments.count) return rc;
    qsort(cutting->out->moments.items, cutting->out->moments.count, sizeof(struct quote_piece),
          compare_pieces);
    qsort(cutting->out->pieces.items, cutting->out->pieces.count, sizeof(struct quote_piece), compare_pieces);
    return MTR_OK;
}

/* ---- which component, under the version in force ---- */

/* One tariff, and how far its versions were followed. */
struct timeline {
    const struct mtr_tariff_document *tariff; /* NULL: none */
    const struct mtr_zone *zone;
    const struct mtr_tariff_version *version; /* in force; NULL before the first */
    uint32_t next;
    int64_t next_us; /* when the next begins */
};

static struct timeline open_timeline(const struct mtr_tariff_document *tariff, const struct mtr_zone *zone)
{
    struct timeline line = {.tariff = tariff, .zone = zone, .next_us = INT64_MAX};
    if (tariff && tariff->version_count) line.next_us = mtr_tariff_version_start(&tariff->versions[0], zone);
    return line;
}

static void advance(struct timeline *line, int64_t time_us)
{
    while (line->next_us <= time_us) {
        line->version = &line->tariff->versions[line->next++];
        line->next_us = line->next < line->tariff->version_count
                            ? mtr_tariff_version_start(&line->tariff->versions[line->next], line->zone)
                            : INT64_MAX;
    }
}

/* What counts by the hour of a row without a time is asked for `at`. */
static int check_masks(const struct cutting *cutting, const struct mtr_component *component)
{
    if (!cutting->options->without_times || cutting->options->has_at || !mtr_component_has_masks(component))
        return MTR_OK;
    return quote_fail(cutting->findings, MTR_FINDING_QUOTE_TIME, NULL, "at",
                      "is needed, or a time of each row: use counts by the hour in component",
                      component->key);
}

/* All tariffs at one time: those of the phase in force. */
struct timelines {
    const struct quote_use_options *options;
    struct timeline sides[QUOTE_SIDES];
    uint32_t next_phase;
};

static void follow(struct timelines *lines, int64_t time_us)
{
    const struct quote_phases *phases = &lines->options->phases;
    while (lines->next_phase < phases->count &&
           (!lines->next_phase || phases->items[lines->next_phase].from_us <= time_us)) {
        const struct quote_phase *phase = &phases->items[lines->next_phase++];
        for (int side = 0; side < QUOTE_SIDES; side++)
            lines->sides[side] = open_timeline(phase->of[side], lines->options->subscription->zone);
    }
    for (int side = 0; side < QUOTE_SIDES; side++) advance(&lines->sides[side], time_us);
}

static bool is_taken_beside(const struct timelines *lines, int side, const struct quote_row *given)
{
    for (int other = 0; other < QUOTE_SIDES; other++)
        if (other != side && quote_first_version(&lines->options->phases, other, given)) return true;
    return false;
}

/* What takes the piece on one side: a component of the version in force; where that leaves it to another
 * version (it is of a meter) or to another side, the first there is: a level goes on into what prices it
 * later. */
static int find_on_side(struct cutting *cutting, const struct timelines *lines, int side,
                        const struct quote_row *given, const struct mtr_component **out)
{
    const struct mtr_tariff_version *version = lines->sides[side].version;
    uint32_t index = 0;
    const bool is_now = version && quote_has_component(version, given);
    if (!is_now && (!version || given->of_meter || is_taken_beside(lines, side, given)))
        version = quote_first_version(&lines->options->phases, side, given);
    if (!version) return MTR_OK;
    int rc = quote_find_component(version, given, &index, cutting->findings);
    if (rc) return rc;
    *out = &version->components[index];
    return is_now ? check_masks(cutting, *out) : MTR_OK;
}

static int fail_before_versions(const struct cutting *cutting, const struct timelines *lines,
                                const struct quote_row *given)
{
    return quote_fail_row(cutting->findings, MTR_FINDING_QUOTE_TIME, given, "time",
                          "lies before the first version of the tariff, which begins at",
                          lines->sides[QUOTE_CHARGED].tariff->versions[0].from);
}

/* What is used outside of the subscription's time is of nothing. */
static int find_components(struct cutting *cutting, struct quote_pieces *pieces)
{
    const struct mtr_subscription *subscription = cutting->options->subscription;
    const int64_t begun_us = mtr_subscription_begun_us(subscription),
                  ends_us = mtr_subscription_ends_us(subscription);
    struct timelines lines = {.options = cutting->options};
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < pieces->count; i++) {
        struct quote_piece *piece = &pieces->items[i];
        if (piece->time_us < begun_us || piece->time_us >= ends_us) continue;
        follow(&lines, piece->time_us);
        if (!lines.sides[QUOTE_CHARGED].version && !lines.sides[QUOTE_TRIAL].version)
            return fail_before_versions(cutting, &lines, piece->given);
        for (int side = 0; !rc && side < QUOTE_SIDES; side++)
            rc = find_on_side(cutting, &lines, side, piece->given, &piece->of[side]);
    }
    return rc;
}

int quote_cut_rows(const struct quote_use_options *options, int64_t cell_us, struct mtr_arena *arena,
                   struct mtr_diagnostics *findings, struct quote_cut *out)
{
    struct cutting cutting = {options, {.cell_us = cell_us}, arena, findings, out};
    *out = (struct quote_cut){0};
    int rc = cut_rows(&cutting);
    if (!rc) rc = find_components(&cutting, &out->moments);
    return rc ? rc : find_components(&cutting, &out->pieces);
}
