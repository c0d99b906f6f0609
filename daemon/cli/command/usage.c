/*
 * meterd usage: what was used, by subscription, meter, time and dimensions.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/cli/client.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/rows.h"

enum { VENDORS_MAX = 64 };

/* Rows of several services of one vendor without a subscription, which would tell its service: their meters
 * may have the same key. So has it more vendors than are looked at. */
static bool needs_service(const struct mtr_node *rows)
{
    struct {
        struct mtr_str vendor, service;
    } first[VENDORS_MAX];
    size_t count = 0, at;
    for (uint32_t i = 0; rows && i < rows->child_count; i++) {
        const struct mtr_node *row = &rows->children[i];
        const struct mtr_str vendor = mtr_node_text(row, "vendor"), service = mtr_node_text(row, "service");
        if (mtr_node_text(row, "subscription").size) continue;
        for (at = 0; at < count && !mtr_str_equal(first[at].vendor, vendor); at++) {
        }
        if (at == VENDORS_MAX || (at < count && !mtr_str_equal(first[at].service, service))) return true;
        if (at < count) continue;
        first[count].vendor = vendor;
        first[count++].service = service;
    }
    return false;
}

/* Rows of several vendors without a subscription, which would tell its vendor. */
static bool needs_vendor(const struct mtr_node *rows)
{
    for (uint32_t i = 1; rows && i < rows->child_count; i++)
        if (!mtr_node_text(&rows->children[i], "subscription").size &&
            !mtr_str_equal(mtr_node_text(&rows->children[i], "vendor"),
                           mtr_node_text(&rows->children[0], "vendor")))
            return true;
    return false;
}

static void print_usage(const struct mtr_node *root)
{
    static const struct rows_column vendor = {"VENDOR", "vendor", MTR_TABLE_LEFT, ROWS_SHOWN},
                                    service = {"SERVICE", "service", MTR_TABLE_LEFT, ROWS_SHOWN};
    static const struct rows_column others[] = {
        {"START", "start", MTR_TABLE_LEFT, ROWS_TIME},
        {"SUBSCRIPTION", "subscription", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
        {"CUSTOMER", "customer", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
        {"METER", "meter", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"DIMENSIONS", "dimensions", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
        {"QUANTITY", "quantity", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"UNIT", "unit", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
        {"EVENTS", "events", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"RESETS", "resets", MTR_TABLE_RIGHT, ROWS_SHOWN_WHEN_USED},
        {"GAPS", "gaps", MTR_TABLE_RIGHT, ROWS_SHOWN_WHEN_USED},
        {"PROBLEM", "problem", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
    };
    enum { OTHERS = sizeof(others) / sizeof(others[0]) };
    const struct mtr_node *rows = mtr_node_get(root, "rows");
    struct rows_column columns[OTHERS + 2];
    size_t count = 0;
    if (needs_vendor(rows)) columns[count++] = vendor;
    if (needs_service(rows)) columns[count++] = service;
    memcpy(columns + count, others, sizeof(others));
    if (!rows_print(rows, columns, count + OTHERS)) fprintf(stderr, "no usage in this time\n");
}

static int run(const struct cli_invocation *invocation)
{
    static const char *const parameters[] = {"subscription", "customer", "vendor", "meter",    "from",
                                             "to",           "window",   "zone",   "group-by", NULL};
    const struct rows_query query = {.path = "/v1/usage",
                                     .options = parameters,
                                     .csv = invocation_flag(invocation, "csv"),
                                     .print = print_usage};
    return rows_query(invocation, &query);
}

static const struct cli_option options[] = {
    {"subscription", 's', "KEY", "only this subscription"},
    {"customer", 0, "NAME", "only this customer"},
    {"vendor", 0, "KEY", "only this vendor"},
    {"meter", 'm', "KEY", "only this meter; SERVICE/KEY where several services have it"},
    {"from", 0, "TIME", "RFC 3339 time, or a date: its midnight in the zone (default: 30 days ago)"},
    {"to", 0, "TIME", "exclusive (default: now)"},
    {"window", 'w', "WINDOW", "hour, day, month or total (default: day)"},
    {"zone", 0, "ZONE", "days and months of this time zone (default: the subscription's own)"},
    {"group-by", 'g', "NAME…",
     "subscription, customer, vendor, service, meter or a dimension (default: subscription, meter)"},
    {"csv", 0, NULL, "print CSV"},
    CLI_JSON_OPTION,
    CLI_CLIENT_OPTIONS,
    {0},
};

const struct cli_command cli_usage = {
    .name = "usage",
    .arguments = "",
    .doc = "show usage",
    .text = "For example: meterd usage --window month --from 2026-01-01 --group-by customer --group-by "
            "region\n",
    .options = options,
    .run = run,
};
