/*
 * meterd credits: allowances and prepaid credits.
 */
#include <stdio.h>

#include "daemon/cli/client.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/rows.h"

static void print_credits(const struct mtr_node *root)
{
    static const struct rows_column columns[] = {
        {"KEY", "key", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"GRANT", "grant", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"SUBSCRIPTION", "subscription", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
        {"PRIORITY", "priority", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"EXPIRES", "expires", MTR_TABLE_LEFT, ROWS_TIME},
        {"GRANTED", "granted", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"DRAWN", "drawn", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"BALANCE", "balance", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"EXPIRED", "expired", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"CURRENCY", "currency", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
    };
    if (!rows_print(mtr_node_get(root, "credits"), ROWS_COLUMNS(columns)))
        fprintf(stderr, "no allowances and no credits\n");
    rows_say_more(root, "credits");
}

static int run(const struct cli_invocation *invocation)
{
    static const char *const parameters[] = {"subscription", "customer", "at", "after", "limit", NULL};
    const struct rows_query query = {
        .path = "/v1/credits", .options = parameters, .csv = false, .print = print_credits};
    return rows_query(invocation, &query);
}

static const struct cli_option options[] = {
    {"subscription", 's', "KEY", "of this subscription"},
    {"customer", 0, "KEY", "or of all subscriptions of this customer"},
    {"at", 0, "TIME", "allowances of the billing periods of that time (default: now)"},
    {"after", 0, "N", "of a customer: go on behind this one"},
    {"limit", 'n', "N", "no further subscription once there are this many rows (default 1000)"},
    CLI_JSON_OPTION,
    CLI_CLIENT_OPTIONS,
    {0},
};

const struct cli_command cli_credits = {
    .name = "credits",
    .arguments = "",
    .doc = "allowances and prepaid credits: granted, drawn, left",
    .text = "Name a subscription or a customer.\n",
    .options = options,
    .run = run,
};
