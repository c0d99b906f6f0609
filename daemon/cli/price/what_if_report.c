/*
 * The report of a what-if, written as its periods come: memory does not grow with their number, but for the
 * table's rows.
 */
#include "daemon/cli/price/what_if_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/core/csv.h"
#include "meterd/core/currency.h"
#include "meterd/core/time.h"

enum { TEXT_BYTES_MAX = 64 << 20, FLUSH_BYTES = 1 << 16, PROBLEM_BYTES = 400 };

static const char *const csv_columns[] = {"subscription", "customer",    "from",       "to",
                                          "status",       "exists",      "currency",   "emitted",
                                          "as_emitted",   "stored",      "draft",      "difference",
                                          "stored_cost",  "draft_cost",  "uncovered",  "problem"};

/* ---- words ---- */

static const char *status_of(const struct mtr_what_if_period *period)
{
    return period->over ? "over" : "running";
}

/* On which sides there is such a period. */
static const char *exists_in(const struct mtr_what_if_period *period)
{
    if (!period->in_draft) return "stored";
    return period->in_stored ? "both" : "draft";
}

static const char *as_emitted(const struct mtr_what_if_period *period)
{
    if (!period->rated) return "";
    return period->as_emitted ? "yes" : "no";
}

static int problem_of(const struct mtr_what_if_period *period)
{
    return period->stored_problem ? period->stored_problem : period->draft_problem;
}

static void problem_text(const struct mtr_what_if_period *period, char *text, size_t size)
{
    const char *which = period->stored_problem ? "stored tariff" : "draft";
    text[0] = '\0';
    if (problem_of(period))
        snprintf(text, size, "%s: %s", which, period->problem);
}

static unsigned digits_of(struct mtr_str currency)
{
    const struct mtr_currency *found = mtr_currency_find(currency);
    return found ? found->digits : 0;
}

/* The offset of the subscription's zone stands with the instant, so that a month begins on its first. */
static struct mtr_str local_time(const struct mtr_subscription *subscription, int64_t time_us,
                                 char text[MTR_TIME_TEXT_BYTES])
{
    int32_t offset_s = mtr_zone_at(subscription->zone, time_us).offset_s;
    int size = mtr_time_format_offset(time_us, offset_s, text);
    return (struct mtr_str){text, (size_t)size};
}

static void flush(struct mtr_what_if_report *report, size_t above)
{
    if (report->text.size <= above) return;
    fwrite(report->text.data, 1, report->text.size, stdout);
    mtr_buffer_reset(&report->text);
}

/* ---- sums ---- */

static int add_period(struct mtr_what_if_sums *sums, const struct mtr_what_if_period *period)
{
    sums->periods++;
    if (period->uncovered) sums->uncovered++;
    if (problem_of(period)) { /* half a comparison would be a wrong one */
        sums->problems++;
        return MTR_OK;
    }
    if (!period->in_stored) sums->drafted++;
    else if (period->rated) *(period->as_emitted ? &sums->charged : &sums->otherwise) += 1;
    sums->has_cost = sums->has_cost || period->has_cost;
    int rc = mtr_money_add(sums->emitted, period->emitted, &sums->emitted);
    if (!rc) rc = mtr_money_add(sums->stored_cost, period->stored_cost, &sums->stored_cost);
    if (!rc) rc = mtr_money_add(sums->draft_cost, period->draft_cost, &sums->draft_cost);
    if (!rc) rc = mtr_money_add(sums->stored, period->stored, &sums->stored);
    return rc ? rc : mtr_money_add(sums->draft, period->draft, &sums->draft);
}

static int add_sums(struct mtr_what_if_sums *sums, const struct mtr_what_if_sums *more)
{
    sums->subscriptions += more->subscriptions;
    sums->periods += more->periods;
    sums->charged += more->charged;
    sums->otherwise += more->otherwise;
    sums->drafted += more->drafted;
    sums->problems += more->problems;
    sums->uncovered += more->uncovered;
    sums->has_cost = sums->has_cost || more->has_cost;
    int rc = mtr_money_add(sums->emitted, more->emitted, &sums->emitted);
    if (!rc) rc = mtr_money_add(sums->stored_cost, more->stored_cost, &sums->stored_cost);
    if (!rc) rc = mtr_money_add(sums->draft_cost, more->draft_cost, &sums->draft_cost);
    if (!rc) rc = mtr_money_add(sums->stored, more->stored, &sums->stored);
    return rc ? rc : mtr_money_add(sums->draft, more->draft, &sums->draft);
}

/* A row into the total of its currency. */
static int add_total(struct mtr_what_if_report *report, struct mtr_what_if_row *row)
{
    const struct mtr_str currency = row->phase->currency;
    uint32_t i = 0;
    while (i < report->total_count && !mtr_str_equal(report->totals[i].currency, currency)) i++;
    if (i == MTR_WHAT_IF_CURRENCIES_MAX) return MTR_ELIMIT;
    struct mtr_what_if_total *total = &report->totals[i];
    if (i == report->total_count) report->totals[report->total_count++].currency = currency;
    row->sums.subscriptions = total->last_subscription != row->phase->number;
    total->last_subscription = row->phase->number;
    return add_sums(&total->sums, &row->sums);
}

struct mtr_what_if_sums what_if_report_counts(const struct mtr_what_if_report *report)
{
    struct mtr_what_if_sums counts = {.subscriptions = report->subscriptions}; /* one may be in two totals */
    for (uint32_t i = 0; i < report->total_count; i++) {
        const struct mtr_what_if_sums *sums = &report->totals[i].sums;
        counts.periods += sums->periods;
        counts.charged += sums->charged;
        counts.otherwise += sums->otherwise;
        counts.drafted += sums->drafted;
        counts.problems += sums->problems;
        counts.uncovered += sums->uncovered;
    }
    return counts;
}

/* ---- CSV ---- */

static int write_cell(struct mtr_buffer *out, struct mtr_str text, bool last)
{
    int rc = mtr_csv_write_cell(out, text);
    return rc ? rc : mtr_buffer_append_char(out, last ? '\n' : ',');
}

static int write_money_cell(struct mtr_buffer *out, struct mtr_money value, unsigned digits)
{
    char text[MTR_DECIMAL_TEXT_BYTES];
    mtr_money_format_min(value, digits, text);
    return write_cell(out, mtr_str_from(text), false);
}

static int write_cost_cell(struct mtr_buffer *out, const struct mtr_what_if_period *period,
                           struct mtr_money cost, unsigned digits)
{
    return period->has_cost ? write_money_cell(out, cost, digits) : write_cell(out, MTR_STR(""), false);
}

static int csv_header(struct mtr_buffer *out)
{
    int rc = MTR_OK;
    for (size_t i = 0; !rc && i < sizeof(csv_columns) / sizeof(csv_columns[0]); i++)
        rc = mtr_buffer_printf(out, "%s%s", i ? "," : "", csv_columns[i]);
    return rc ? rc : mtr_buffer_append_char(out, '\n');
}

static int csv_period(struct mtr_buffer *out, const struct mtr_what_if_period *period,
                      struct mtr_money difference)
{
    const struct mtr_subscription *subscription = period->subscription;
    const unsigned digits = digits_of(subscription->currency);
    char from[MTR_TIME_TEXT_BYTES], to[MTR_TIME_TEXT_BYTES], problem[PROBLEM_BYTES];
    problem_text(period, problem, sizeof(problem));
    int rc = write_cell(out, subscription->key, false);
    if (!rc) rc = write_cell(out, subscription->customer, false);
    if (!rc) rc = write_cell(out, local_time(subscription, period->start_us, from), false);
    if (!rc) rc = write_cell(out, local_time(subscription, period->end_us, to), false);
    if (!rc) rc = write_cell(out, mtr_str_from(status_of(period)), false);
    if (!rc) rc = write_cell(out, mtr_str_from(exists_in(period)), false);
    if (!rc) rc = write_cell(out, subscription->currency, false);
    if (!rc) rc = write_money_cell(out, period->emitted, digits);
    if (!rc) rc = write_cell(out, mtr_str_from(as_emitted(period)), false);
    if (!rc) rc = write_money_cell(out, period->stored, digits);
    if (!rc) rc = write_money_cell(out, period->draft, digits);
    if (!rc) rc = write_money_cell(out, difference, digits);
    if (!rc) rc = write_cost_cell(out, period, period->stored_cost, digits);
    if (!rc) rc = write_cost_cell(out, period, period->draft_cost, digits);
    if (!rc) rc = write_cell(out, mtr_str_from(period->uncovered ? "yes" : "no"), false);
    return rc ? rc : write_cell(out, mtr_str_from(problem), true);
}

/* ---- JSON ---- */

/* Null where the cost is not known. */
static void name_costs(struct mtr_json_writer *json, bool known, struct mtr_money stored,
                       struct mtr_money draft, unsigned digits)
{
    mtr_json_name(json, "stored_cost");
    if (known) mtr_json_money(json, stored, digits);
    else mtr_json_null(json);
    mtr_json_name(json, "draft_cost");
    if (known) mtr_json_money(json, draft, digits);
    else mtr_json_null(json);
}

static void json_period(struct mtr_json_writer *json, const struct mtr_what_if_period *period,
                        struct mtr_money difference)
{
    const struct mtr_subscription *subscription = period->subscription;
    const unsigned digits = digits_of(subscription->currency);
    char from[MTR_TIME_TEXT_BYTES], to[MTR_TIME_TEXT_BYTES], problem[PROBLEM_BYTES];
    problem_text(period, problem, sizeof(problem));
    mtr_json_map(json);
    mtr_json_named_text(json, "subscription", subscription->key);
    mtr_json_named_text(json, "customer", subscription->customer);
    mtr_json_named_text(json, "from", local_time(subscription, period->start_us, from));
    mtr_json_named_text(json, "to", local_time(subscription, period->end_us, to));
    mtr_json_named_text(json, "status", mtr_str_from(status_of(period)));
    mtr_json_named_text(json, "exists", mtr_str_from(exists_in(period)));
    mtr_json_named_text(json, "currency", subscription->currency);
    mtr_json_named_money(json, "emitted", period->emitted, digits);
    mtr_json_name(json, "as_emitted");
    if (period->rated) mtr_json_bool(json, period->as_emitted);
    else mtr_json_null(json);
    mtr_json_named_money(json, "stored", period->stored, digits);
    mtr_json_named_money(json, "draft", period->draft, digits);
    mtr_json_named_money(json, "difference", difference, digits);
    name_costs(json, period->has_cost, period->stored_cost, period->draft_cost, digits);
    mtr_json_named_bool(json, "uncovered", period->uncovered);
    mtr_json_name(json, "problem");
    if (problem[0]) mtr_json_cstr(json, problem);
    else mtr_json_null(json);
    mtr_json_map_end(json);
}

static int json_sums(struct mtr_json_writer *json, const struct mtr_what_if_sums *sums,
                     struct mtr_str currency)
{
    const unsigned digits = digits_of(currency);
    struct mtr_money difference;
    int rc = mtr_money_sub(sums->draft, sums->stored, &difference);
    if (rc) return rc;
    mtr_json_map(json);
    mtr_json_named_text(json, "currency", currency);
    mtr_json_named_u64(json, "subscriptions", sums->subscriptions);
    mtr_json_named_u64(json, "periods", sums->periods);
    mtr_json_named_u64(json, "as_emitted", sums->charged);
    mtr_json_named_u64(json, "not_as_emitted", sums->otherwise);
    mtr_json_named_u64(json, "in_draft_alone", sums->drafted);
    mtr_json_named_u64(json, "problems", sums->problems);
    mtr_json_named_u64(json, "uncovered", sums->uncovered);
    mtr_json_named_money(json, "emitted", sums->emitted, digits);
    mtr_json_named_money(json, "stored", sums->stored, digits);
    mtr_json_named_money(json, "draft", sums->draft, digits);
    mtr_json_named_money(json, "difference", difference, digits);
    name_costs(json, sums->has_cost, sums->stored_cost, sums->draft_cost, digits);
    mtr_json_map_end(json);
    return MTR_OK;
}

static int json_end(struct mtr_what_if_report *report)
{
    struct mtr_json_writer *json = &report->json;
    int rc = MTR_OK;
    mtr_json_list_end(json);
    mtr_json_name(json, "totals");
    mtr_json_list(json);
    for (uint32_t i = 0; !rc && i < report->total_count; i++)
        rc = json_sums(json, &report->totals[i].sums, report->totals[i].currency);
    mtr_json_list_end(json);
    mtr_json_named_u64(json, "components", report->components);
    mtr_json_map_end(json);
    if (!rc) rc = mtr_json_finish(json);
    return rc ? rc : mtr_buffer_append_char(&report->text, '\n');
}

/* ---- table ---- */

static void open_table(struct mtr_what_if_report *report)
{
    static const char *const amounts[] = {"EMITTED", "STORED", "DRAFT", "DIFFERENCE"};
    report->table = table_open(stdout);
    table_column(report->table, "SUBSCRIPTION", MTR_TABLE_LEFT);
    table_column(report->table, "CUSTOMER", MTR_TABLE_LEFT);
    table_column(report->table, "PERIODS", MTR_TABLE_RIGHT);
    for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++)
        table_column(report->table, amounts[i], MTR_TABLE_RIGHT);
    table_column(report->table, "CURRENCY", MTR_TABLE_LEFT);
}

static void money_cell(struct mtr_table *table, struct mtr_money value, unsigned digits)
{
    char text[MTR_DECIMAL_TEXT_BYTES];
    mtr_money_format_min(value, digits, text);
    table_cell(table, mtr_str_from(text));
}

static int table_sums(struct mtr_table *table, const struct mtr_subscription *subscription,
                      const struct mtr_what_if_sums *sums)
{
    const unsigned digits = digits_of(subscription->currency);
    struct mtr_money difference;
    char count[24];
    int rc = mtr_money_sub(sums->draft, sums->stored, &difference);
    if (rc) return rc;
    snprintf(count, sizeof(count), "%" PRIu64, sums->periods);
    table_row(table);
    table_cell(table, subscription->key);
    table_cell(table, subscription->customer);
    table_cell(table, mtr_str_from(count));
    money_cell(table, sums->emitted, digits);
    money_cell(table, sums->stored, digits);
    money_cell(table, sums->draft, digits);
    money_cell(table, difference, digits);
    table_cell(table, subscription->currency);
    return MTR_OK;
}

/* " (+5.3 %)", to one digit; nothing where there was nothing before. */
static void percent_text(struct mtr_money before, struct mtr_money difference, char *text, size_t size)
{
    static const struct mtr_quantity hundred = {(mtr_int128)100 * 1000000000000};
    struct mtr_quantity share, percent;
    char number[MTR_DECIMAL_TEXT_BYTES];
    text[0] = '\0';
    if (!before.e18) return;
    /* both stand as 10^-12 of something: what, does not matter to their ratio */
    share.e12 = difference.e18;
    if (mtr_quantity_scale(share, hundred, (struct mtr_quantity){before.e18 < 0 ? -before.e18 : before.e18},
                           1, MTR_ROUND_HALF_EVEN, &percent))
        return;
    mtr_quantity_format(percent, number);
    snprintf(text, size, " (%s%s %%)", percent.e12 > 0 ? "+" : "", number);
}

static int print_margin(struct mtr_str currency, const struct mtr_what_if_sums *sums)
{
    const unsigned digits = digits_of(currency);
    char stored[MTR_DECIMAL_TEXT_BYTES], draft[MTR_DECIMAL_TEXT_BYTES];
    struct mtr_money before, after;
    int rc = mtr_money_sub(sums->stored, sums->stored_cost, &before);
    if (!rc) rc = mtr_money_sub(sums->draft, sums->draft_cost, &after);
    if (rc) return rc;
    mtr_money_format_min(before, digits, stored);
    mtr_money_format_min(after, digits, draft);
    printf("margin %s %.*s as stored, %s %.*s under the draft\n", stored, MTR_STR_ARGS(currency), draft,
           MTR_STR_ARGS(currency));
    return MTR_OK;
}

static int print_total(struct mtr_str currency, const struct mtr_what_if_sums *sums)
{
    const unsigned digits = digits_of(currency);
    char stored[MTR_DECIMAL_TEXT_BYTES], draft[MTR_DECIMAL_TEXT_BYTES], by[MTR_DECIMAL_TEXT_BYTES],
        percent[MTR_DECIMAL_TEXT_BYTES + 8];
    struct mtr_money difference;
    int rc = mtr_money_sub(sums->draft, sums->stored, &difference);
    if (rc) return rc;
    mtr_money_format_min(sums->stored, digits, stored);
    mtr_money_format_min(sums->draft, digits, draft);
    mtr_money_format_min(difference, digits, by);
    percent_text(sums->stored, difference, percent, sizeof(percent));
    printf("total %s %.*s as stored, %s %.*s under the draft: %s%s%s\n", stored, MTR_STR_ARGS(currency),
           draft, MTR_STR_ARGS(currency), difference.e18 > 0 ? "+" : "", by, percent);
    return MTR_OK;
}

static int table_end(struct mtr_what_if_report *report)
{
    const struct mtr_what_if_sums counts = what_if_report_counts(report);
    table_print(report->table);
    for (uint32_t i = 0; i < report->total_count; i++) {
        int rc = print_total(report->totals[i].currency, &report->totals[i].sums);
        if (!rc && report->totals[i].sums.has_cost)
            rc = print_margin(report->totals[i].currency, &report->totals[i].sums);
        if (rc) return rc;
    }
    if (!counts.periods) return MTR_OK;
    printf("%" PRIu64 " period%s of %" PRIu64 " subscription%s: %" PRIu64
           " charged as the stored tariff prices them",
           counts.periods, mtr_plural(counts.periods), counts.subscriptions, mtr_plural(counts.subscriptions),
           counts.charged);
    if (counts.otherwise) printf(", %" PRIu64 " charged otherwise so far", counts.otherwise);
    const uint64_t unrated =
        counts.periods - counts.charged - counts.otherwise - counts.drafted - counts.problems;
    if (unrated) printf(", %" PRIu64 " not rated yet", unrated);
    if (counts.drafted) printf(", %" PRIu64 " of the draft alone", counts.drafted);
    printf("\n");
    return MTR_OK;
}

/* ---- the report ---- */

int what_if_report_open(struct mtr_what_if_report *report, enum mtr_what_if_form form)
{
    *report = (struct mtr_what_if_report){.form = form};
    mtr_buffer_init(&report->text, TEXT_BYTES_MAX);
    mtr_json_begin(&report->json, &report->text);
    if (form == MTR_WHAT_IF_TABLE) open_table(report);
    if (form == MTR_WHAT_IF_CSV) return csv_header(&report->text);
    if (form != MTR_WHAT_IF_JSON) return MTR_OK;
    mtr_json_map(&report->json);
    mtr_json_name(&report->json, "periods");
    mtr_json_list(&report->json);
    return report->json.error;
}

void what_if_report_close(struct mtr_what_if_report *report)
{
    table_close(report->table);
    free(report->rows);
    mtr_buffer_release(&report->text);
}

/* Periods of another customer, or in another currency, are another row. */
static int find_row(struct mtr_what_if_report *report, const struct mtr_subscription *phase,
                    struct mtr_what_if_row **out)
{
    for (uint32_t i = 0; i < report->row_count; i++) {
        const struct mtr_subscription *known = report->rows[i].phase;
        *out = &report->rows[i];
        if (mtr_str_equal(known->customer, phase->customer) &&
            mtr_str_equal(known->currency, phase->currency))
            return MTR_OK;
    }
    if (report->row_count == report->row_capacity) {
        const uint32_t capacity = report->row_capacity ? 2 * report->row_capacity : 8;
        struct mtr_what_if_row *rows = realloc(report->rows, capacity * sizeof(*rows));
        if (!rows) return MTR_ENOMEM;
        report->rows = rows;
        report->row_capacity = capacity;
    }
    *out = &report->rows[report->row_count++];
    **out = (struct mtr_what_if_row){.phase = phase};
    return MTR_OK;
}

int what_if_report_period(struct mtr_what_if_report *report, const struct mtr_what_if_period *period)
{
    struct mtr_money difference = {0};
    struct mtr_what_if_row *row;
    report->components += period->components;
    int rc = find_row(report, period->subscription, &row);
    if (!rc) rc = add_period(&row->sums, period);
    if (!rc && !problem_of(period)) rc = mtr_money_sub(period->draft, period->stored, &difference);
    if (!rc && report->form == MTR_WHAT_IF_CSV) rc = csv_period(&report->text, period, difference);
    if (!rc && report->form == MTR_WHAT_IF_JSON) json_period(&report->json, period, difference);
    flush(report, FLUSH_BYTES);
    return rc ? rc : report->json.error;
}

int what_if_report_subscription(struct mtr_what_if_report *report)
{
    int rc = MTR_OK;
    report->subscriptions += report->row_count > 0;
    for (uint32_t i = 0; !rc && i < report->row_count; i++) {
        struct mtr_what_if_row *row = &report->rows[i];
        rc = add_total(report, row);
        if (!rc && report->form == MTR_WHAT_IF_TABLE) rc = table_sums(report->table, row->phase, &row->sums);
    }
    report->row_count = 0;
    return rc;
}

int what_if_report_end(struct mtr_what_if_report *report)
{
    int rc = MTR_OK;
    if (report->form == MTR_WHAT_IF_TABLE) rc = table_end(report);
    if (report->form == MTR_WHAT_IF_JSON) rc = json_end(report);
    flush(report, 0);
    return rc;
}
