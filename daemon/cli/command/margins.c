/*
 * meterd margins: what is charged of each line, what it costs the seller, and what is left.
 */
#include <stdio.h>

#include "daemon/cli/client.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/rows.h"

static void print_margins(const struct mtr_node *root)
{
    static const struct rows_column columns[] = {
        {"SUBSCRIPTION", "subscription", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"PERIOD FROM", "period_start", MTR_TABLE_LEFT, ROWS_TIME},
        {"COMPONENT", "component", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"KIND", "kind", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"DIMENSIONS", "dimensions", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
        {"QUANTITY", "quantity", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"AMOUNT", "amount", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"COST", "cost", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"MARGIN", "margin", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"CURRENCY", "currency", MTR_TABLE_LEFT, ROWS_SHOWN},
    };
    if (!rows_print(mtr_node_get(root, "margins"), ROWS_COLUMNS(columns))) fprintf(stderr, "no such lines\n");
    rows_say_more(root, "margins");
}

static int run(const struct cli_invocation *invocation)
{
    static const char *const parameters[] = {"subscription", "customer", "from", "after", "limit", NULL};
    const struct rows_query query = {.path = invocation_flag(invocation, "losses")
                                                 ? "/v1/margins?losses=true"
                                                 : "/v1/margins?losses=false",
                                     .options = parameters,
                                     .print = print_margins};
    return rows_query(invocation, &query);
}

static const struct cli_option options[] = {
    {"losses", 0, NULL, "only lines that cost more than is charged for them"},
    {"subscription", 's', "KEY", "only this subscription"},
    {"customer", 0, "KEY", "only this customer"},
    {"from", 0, "TIME", "only periods that begin then or later"},
    {"after", 0, "N", "go on behind this one"},
    {"limit", 'n', "N", "no further subscription once there are this many lines (default 1000)"},
    CLI_JSON_OPTION,
    CLI_CLIENT_OPTIONS,
    {0},
};

const struct cli_command cli_margins = {
    .name = "margins",
    .arguments = "",
    .doc = "what is charged of each line, what it costs the seller, and what is left",
    .options = options,
    .run = run,
};
