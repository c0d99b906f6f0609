/*
 * What a what-if prints: a table with a row per subscription, and for each of its customers and currencies
 * where they change; CSV with a row per period, or JSON with both; totals per currency. Private to daemon.
 */
#ifndef METERD_DAEMON_CLI_PRICE_WHAT_IF_REPORT_H
#define METERD_DAEMON_CLI_PRICE_WHAT_IF_REPORT_H

#include "meterd/core/json_writer.h"
#include "daemon/cli/table.h"
#include "meterd/query/what_if.h"

enum mtr_what_if_form { MTR_WHAT_IF_TABLE, MTR_WHAT_IF_CSV, MTR_WHAT_IF_JSON };

struct mtr_what_if_sums {
    uint64_t subscriptions, periods;
    uint64_t charged, otherwise; /* periods whose charges are the stored tariff's price; and those whose
                                    charges are not yet */
    uint64_t drafted; /* periods that the draft alone has */
    uint64_t problems, uncovered;
    struct mtr_money emitted, stored, draft;
    bool has_cost;
    struct mtr_money stored_cost, draft_cost; /* of the seller */
};

enum { MTR_WHAT_IF_CURRENCIES_MAX = 256 }; /* ISO 4217 has fewer */

struct mtr_what_if_report {
    enum mtr_what_if_form form;
    struct mtr_buffer text; /* not printed yet */
    struct mtr_json_writer json;
    struct mtr_table *table;
    /* Of the subscription at hand: one for each customer and currency, by when they first come. */
    struct mtr_what_if_row {
        const struct mtr_subscription *phase; /* a phase of that customer and currency */
        struct mtr_what_if_sums sums;
    } *rows;
    uint32_t row_count, row_capacity;
    struct mtr_what_if_total {
        struct mtr_str currency;
        struct mtr_what_if_sums sums;
        uint32_t last_subscription; /* by number: each counts once */
    } totals[MTR_WHAT_IF_CURRENCIES_MAX];
    uint32_t total_count;
    uint64_t subscriptions, components;
};

/* To be closed whatever it returns. */
int what_if_report_open(struct mtr_what_if_report *report, enum mtr_what_if_form form) MTR_MUST_USE;
void what_if_report_close(struct mtr_what_if_report *report);
int what_if_report_period(struct mtr_what_if_report *report,
                          const struct mtr_what_if_period *period) MTR_MUST_USE;
/* Its periods are through. */
int what_if_report_subscription(struct mtr_what_if_report *report) MTR_MUST_USE;
int what_if_report_end(struct mtr_what_if_report *report) MTR_MUST_USE;
/* Over all currencies: periods, problems … */
struct mtr_what_if_sums what_if_report_counts(const struct mtr_what_if_report *report);

#endif
