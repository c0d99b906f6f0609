/*
 * The curve of a component: what quantities from 0 to the greatest cost, as a plot of characters or as CSV.
 * Every point is a price of the price function; borders of tiers are points of their own in the CSV and
 * columns in the plot.
 */
#include "daemon/cli/price/curve.h"

#include <stdio.h>
#include <string.h>

#include "daemon/cli/price/places.h"
#include "daemon/query/quote/quote_rows.h"
#include "meterd/core/time.h"
#include "meterd/net/loop.h"
#include "meterd/rater/billing_period.h"

enum {
    COLUMNS = 61,
    ROWS = 16,
    BORDERS_MAX = 64,
    POINTS_MAX = COLUMNS + BORDERS_MAX,
    FINDINGS_MAX = 8,
    CELL_BYTES = 4
};

struct point {
    struct mtr_quantity quantity;
    struct mtr_money amount;
    bool border;
};

struct curve {
    const struct mtr_tariff_document *tariff;
    const struct mtr_tariff_version *version;
    struct mtr_usage_row row; /* of every point, but for its quantity */
    struct mtr_quantity most;
    struct point points[POINTS_MAX]; /* by quantity */
    uint32_t count;
};

static const struct mtr_str nothing = {NULL, 0};

static int find_version(const struct cli_invocation *invocation, struct curve *curve,
                        struct mtr_diagnostics *findings)
{
    const char *at = invocation_option(invocation, "at");
    int64_t at_us = mtr_clock_wall_us();
    struct mtr_zone *utc;
    if (at && mtr_time_parse_date(mtr_str_from(at), &at_us)) {
        char fault[MTR_DATE_FAULT_BYTES];
        mtr_date_fault(mtr_str_from(at), fault);
        return quote_fail(findings, MTR_FINDING_FIELD_TIME, NULL, "at", fault, nothing);
    }
    int rc = mtr_zone_open(MTR_STR("UTC"), &utc);
    if (rc) return rc;
    curve->version = mtr_tariff_version_at(curve->tariff, utc, at_us);
    mtr_zone_close(utc);
    curve->row.time_us = curve->row.until_us = at_us;
    return curve->version
               ? MTR_OK
               : quote_fail(findings, MTR_FINDING_QUOTE_TIME, NULL, "at",
                            "no version of the tariff is in force yet: the first begins at",
                            curve->tariff->versions[0].from);
}

/* The component and dimensions that are meant. What counts by the hour is plotted as if all of it were
 * used at --at. */
static int find_row(const struct cli_invocation *invocation, struct curve *curve, struct mtr_arena *arena,
                    struct mtr_diagnostics *findings)
{
    const char *component = invocation_option(invocation, "component"), *pair;
    struct mtr_label labels[MTR_INVOCATION_OPTIONS_MAX];
    struct quote_row given = {.component = component ? mtr_str_from(component) : nothing,
                                    .dimensions = {labels, 0}};
    for (uint32_t i = 0; (pair = invocation_option_at(invocation, "dim", i)) != NULL; i++) {
        const char *equals = strchr(pair, '=');
        labels[given.dimensions.count++] =
            (struct mtr_label){{pair, (size_t)(equals - pair)}, mtr_str_from(equals + 1)};
    }
    struct quote_phase phase = {.of = {[QUOTE_CHARGED] = curve->tariff}};
    const struct quote_dimensions known = {.phases = {&phase, 1, 1}};
    int rc = quote_check_dimensions(&known, &given, "dimensions", findings);
    if (!rc) rc = quote_usage_row(curve->version, &given, arena, &curve->row, findings);
    if (rc || !mtr_component_has_masks(&curve->version->components[curve->row.component]) ||
        invocation_option(invocation, "at"))
        return rc;
    return quote_fail(findings, MTR_FINDING_QUOTE_TIME, NULL, "at",
                      "is needed: use counts by the hour in this component", nothing);
}

/* --quantity; else somewhat beyond the last border; else a round number. */
static int find_most(const struct cli_invocation *invocation, const struct mtr_quantity *borders,
                     uint32_t count, struct curve *curve, struct mtr_diagnostics *findings)
{
    static const struct mtr_quantity five = {5}, four = {4};
    const char *text = invocation_option(invocation, "quantity");
    if (!text) {
        curve->most = MTR_QUANTITY(100);
        return count ? mtr_quantity_scale(borders[count - 1], five, four, MTR_QUANTITY_DIGITS, MTR_ROUND_UP,
                                          &curve->most)
                     : MTR_OK;
    }
    int rc = mtr_quantity_parse(mtr_str_from(text), &curve->most);
    if (rc == MTR_EINVALID) {
        char fault[MTR_NUMBER_FAULT_BYTES];
        mtr_number_fault(mtr_str_from(text), fault);
        return quote_fail(findings, MTR_FINDING_FIELD_NUMBER, NULL, "quantity", fault, nothing);
    }
    if (rc || curve->most.e12 <= 0)
        return quote_fail(findings, MTR_FINDING_QUOTE_QUANTITY, NULL, "quantity",
                          "must be a number above 0, not", mtr_str_from(text));
    return MTR_OK;
}

static void add_point(struct curve *curve, struct mtr_quantity quantity, bool border)
{
    uint32_t i = curve->count;
    while (i > 0 && mtr_quantity_compare(curve->points[i - 1].quantity, quantity) > 0) i--;
    if (i > 0 && mtr_quantity_compare(curve->points[i - 1].quantity, quantity) == 0) {
        curve->points[i - 1].border |= border;
        return;
    }
    memmove(&curve->points[i + 1], &curve->points[i], (curve->count - i) * sizeof(curve->points[0]));
    curve->points[i] = (struct point){.quantity = quantity, .border = border};
    curve->count++;
}

static int lay_points(struct curve *curve, const struct mtr_quantity *borders, uint32_t border_count)
{
    for (int i = 0; i < COLUMNS; i++) {
        struct mtr_quantity quantity;
        int rc = mtr_quantity_scale(curve->most, (struct mtr_quantity){i}, (struct mtr_quantity){COLUMNS - 1},
                                    MTR_QUANTITY_DIGITS, MTR_ROUND_DOWN, &quantity);
        if (rc) return rc;
        add_point(curve, quantity, false);
    }
    for (uint32_t i = 0; i < border_count; i++)
        if (mtr_quantity_compare(borders[i], curve->most) <= 0) add_point(curve, borders[i], true);
    return MTR_OK;
}

/* The component's own lines: use, overage, minimum, true-up. */
static int price_points(struct curve *curve, struct mtr_diagnostics *findings)
{
    const struct mtr_component *component = &curve->version->components[curve->row.component];
    struct mtr_zone *utc;
    struct mtr_arena result;
    int rc = mtr_zone_open(MTR_STR("UTC"), &utc);
    if (rc) return rc;
    const struct mtr_period_rule month = {MTR_PERIOD_MONTH, INT64_MIN, utc};
    const struct mtr_period period = mtr_period_at(&month, 0);
    mtr_arena_init(&result, 1 << 14, 64 << 20);
    for (uint32_t i = 0; !rc && i < curve->count; i++) {
        struct mtr_usage_row row = curve->row;
        row.quantity = curve->points[i].quantity;
        if (component->scope == MTR_CURVE_SCOPE_LEVEL) { /* it holds for the whole month */
            row.time_us = period.start_us;
            row.until_us = period.end_us;
        }
        const struct mtr_price_input input = {.tariff = curve->tariff,
                                              .version = curve->version,
                                              .period = period,
                                              .active_from_us = period.start_us,
                                              .active_to_us = period.end_us,
                                              .runs_from_us = period.start_us,
                                              .runs_to_us = period.end_us,
                                              .closing = true,
                                              .zone = utc,
                                              .usage = &row,
                                              .usage_count = 1};
        struct mtr_price price;
        mtr_arena_reset(&result);
        rc = mtr_price(&input, false, &result, &price);
        if (rc == MTR_EOVERFLOW)
            mtr_diagnostics_addf(findings, MTR_FINDING_RATING_RANGE, 0, 0, "quantity", "%.*s",
                                 MTR_STR_ARGS(price.problem));
        for (uint32_t j = 0; !rc && j < price.line_count; j++)
            if (mtr_str_equal(price.lines[j].component, component->key))
                rc = mtr_money_add(curve->points[i].amount, price.lines[j].amount, &curve->points[i].amount);
    }
    mtr_arena_release(&result);
    mtr_zone_close(utc);
    return rc;
}

static void print_csv(const struct curve *curve)
{
    char quantity[MTR_DECIMAL_TEXT_BYTES], amount[MTR_DECIMAL_TEXT_BYTES];
    printf("quantity,amount,border\n");
    for (uint32_t i = 0; i < curve->count; i++) {
        mtr_quantity_format(curve->points[i].quantity, quantity);
        mtr_money_format_min(curve->points[i].amount, curve->tariff->rounding_digits, amount);
        printf("%s,%s,%s\n", quantity, amount, curve->points[i].border ? "true" : "false");
    }
}

static int column_of(const struct curve *curve, struct mtr_quantity quantity)
{
    struct mtr_quantity column;
    if (mtr_quantity_scale(quantity, MTR_QUANTITY(COLUMNS - 1),
                           curve->most, 0, MTR_ROUND_HALF_UP, &column))
        return COLUMNS - 1;
    return (int)(column.e12 / MTR_QUANTITY(1).e12);
}

/* 0 at the least amount shown, ROWS − 1 at the greatest. */
static int row_of(struct mtr_money amount, struct mtr_money least, struct mtr_money greatest)
{
    mtr_int128 height = (greatest.e18 - least.e18) / (ROWS - 1);
    if (height <= 0) return 0;
    mtr_int128 row = (amount.e18 - least.e18 + height / 2) / height;
    return row < ROWS ? (int)row : ROWS - 1;
}

static void find_range(const struct curve *curve, struct mtr_money *least, struct mtr_money *greatest)
{
    *least = *greatest = (struct mtr_money){0};
    for (uint32_t i = 0; i < curve->count; i++) {
        if (mtr_money_compare(curve->points[i].amount, *least) < 0) *least = curve->points[i].amount;
        if (mtr_money_compare(curve->points[i].amount, *greatest) > 0) *greatest = curve->points[i].amount;
    }
}

static void print_rows(char cells[ROWS][COLUMNS][CELL_BYTES], const char *top, const char *bottom)
{
    int width = (int)(strlen(top) > strlen(bottom) ? strlen(top) : strlen(bottom));
    for (int y = ROWS - 1; y >= 0; y--) {
        printf("%*s │", width, y == ROWS - 1 ? top : y == 0 ? bottom : "");
        int used = COLUMNS;
        while (used > 0 && strcmp(cells[y][used - 1], " ") == 0) used--;
        for (int x = 0; x < used; x++) fputs(cells[y][x], stdout);
        putchar('\n');
    }
    printf("%*s └", width, "");
    for (int x = 0; x < COLUMNS; x++) fputs("─", stdout);
    putchar('\n');
}

static void print_borders(const struct curve *curve)
{
    char quantity[MTR_DECIMAL_TEXT_BYTES], amount[MTR_DECIMAL_TEXT_BYTES];
    for (uint32_t i = 0; i < curve->count; i++) {
        if (!curve->points[i].border) continue;
        mtr_quantity_format(curve->points[i].quantity, quantity);
        mtr_money_format_min(curve->points[i].amount, curve->tariff->rounding_digits, amount);
        printf("┊ border at %s: %s\n", quantity, amount);
    }
}

static void print_plot(const struct curve *curve)
{
    char cells[ROWS][COLUMNS][CELL_BYTES];
    char top[MTR_DECIMAL_TEXT_BYTES], bottom[MTR_DECIMAL_TEXT_BYTES], most[MTR_DECIMAL_TEXT_BYTES];
    struct mtr_money least, greatest;
    find_range(curve, &least, &greatest);
    for (int y = 0; y < ROWS; y++)
        for (int x = 0; x < COLUMNS; x++) snprintf(cells[y][x], CELL_BYTES, " ");
    for (uint32_t i = 0; i < curve->count; i++)
        for (int y = 0; curve->points[i].border && y < ROWS; y++)
            snprintf(cells[y][column_of(curve, curve->points[i].quantity)], CELL_BYTES, "┊");
    for (uint32_t i = 0; i < curve->count; i++)
        snprintf(cells[row_of(curve->points[i].amount, least, greatest)]
                      [column_of(curve, curve->points[i].quantity)],
                 CELL_BYTES, "•");
    mtr_money_format_min(greatest, curve->tariff->rounding_digits, top);
    mtr_money_format_min(least, curve->tariff->rounding_digits, bottom);
    mtr_quantity_format(curve->most, most);
    printf("%.*s of %.*s in %.*s, from 0 to %s\n\n",
           MTR_STR_ARGS(curve->version->components[curve->row.component].key),
           MTR_STR_ARGS(curve->tariff->key), MTR_STR_ARGS(curve->tariff->currency), most);
    print_rows(cells, top, bottom);
    print_borders(curve);
}

int price_curve_plot(const struct cli_invocation *invocation, const struct mtr_tariff_document *tariff,
                     struct mtr_arena *arena)
{
    struct mtr_quantity borders[BORDERS_MAX];
    struct curve *curve = mtr_arena_calloc(arena, 1, sizeof(*curve));
    struct price_places nowhere = {.series = {.path = NULL}}; /* all of it are options */
    struct mtr_diagnostics findings;
    uint32_t border_count = 0;
    mtr_diagnostics_init(&findings, FINDINGS_MAX);
    int rc = curve ? MTR_OK : MTR_ENOMEM;
    if (!rc) {
        curve->tariff = tariff;
        rc = find_version(invocation, curve, &findings);
    }
    if (!rc) rc = find_row(invocation, curve, arena, &findings);
    if (!rc) {
        border_count = mtr_price_borders(
            mtr_price_select(&curve->version->components[curve->row.component], curve->row.dimensions),
            borders, BORDERS_MAX);
        rc = find_most(invocation, borders, border_count, curve, &findings);
    }
    if (!rc) rc = lay_points(curve, borders, border_count);
    if (!rc) rc = price_points(curve, &findings);
    for (size_t i = 0; rc && i < findings.count; i++) price_print_finding(&nowhere, &findings.items[i]);
    if (rc && findings.count) MTR_ASSERT(findings.errors);
    else if (rc) fprintf(stderr, "meterd: cannot plot this: %s\n", mtr_error_text(rc));
    else if (invocation_flag(invocation, "csv")) print_csv(curve);
    else print_plot(curve);
    mtr_diagnostics_release(&findings);
    return rc ? MTR_EXIT_FAILED : MTR_EXIT_OK;
}
