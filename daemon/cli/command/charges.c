/*
 * meterd charges: the feed of charges, the periods of which none can be made, or the outbox.
 */
#include <stdio.h>

#include "daemon/cli/client.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/modes.h"
#include "daemon/cli/outbox.h"
#include "daemon/cli/rows.h"

static void print_charges(const struct mtr_node *root)
{
    static const struct rows_column columns[] = {
        {"NUMBER", "number", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"STATUS", "status", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"SUBSCRIPTION", "subscription", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"PERIOD FROM", "period_start", MTR_TABLE_LEFT, ROWS_TIME},
        {"COMPONENT", "component", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"DIMENSIONS", "dimensions", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
        {"QUANTITY", "quantity", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"UNIT", "unit", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
        {"AMOUNT", "amount", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"COST", "cost", MTR_TABLE_RIGHT, ROWS_SHOWN_WHEN_USED},
    };
    if (rows_print(mtr_node_get(root, "charges"), ROWS_COLUMNS(columns))) rows_say_more(root, "charges");
    else rows_say_none(root, "charges");
}

static void print_waiting(const struct mtr_node *root)
{
    static const struct rows_column columns[] = {
        {"SUBSCRIPTION", "subscription", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"CUSTOMER", "customer", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"PERIOD FROM", "period_start", MTR_TABLE_LEFT, ROWS_TIME},
        {"TO", "period_end", MTR_TABLE_LEFT, ROWS_TIME},
        {"SINCE", "since", MTR_TABLE_LEFT, ROWS_TIME},
        {"REASON", "reason", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"PROBLEM", "problem", MTR_TABLE_LEFT, ROWS_SHOWN},
    };
    if (!rows_print(mtr_node_get(root, "periods"), ROWS_COLUMNS(columns)))
        fprintf(stderr, "no period waits: all can be rated\n");
    rows_say_more(root, "periods");
}

enum { FEED = 1, WAITING = 2, OUTBOX = 4, RETRY = 8, DELIVERED = 16 };

static const struct cli_mode modes[] = {
    {RETRY, "retry", NULL, "--retry settles a message"},
    {DELIVERED, "delivered", NULL, "--delivered settles a message"},
    {OUTBOX, "outbox", NULL, "--outbox lists messages"},
    {WAITING, "waiting", NULL, "--waiting lists billing periods"},
    {FEED, NULL, NULL, "charges are listed"},
};

static const struct cli_mode_option mode_options[] = {
    {"subscription", FEED | WAITING},
    {"after", FEED | WAITING | OUTBOX},
    {"limit", FEED | WAITING | OUTBOX},
    {"csv", FEED | WAITING},
    {"json", FEED | WAITING | OUTBOX},
    {"waiting", WAITING},
    {"outbox", OUTBOX | RETRY | DELIVERED},
    {"state", OUTBOX | RETRY | DELIVERED},
    {"destination", OUTBOX | RETRY | DELIVERED},
    {"from", OUTBOX | RETRY | DELIVERED},
    {"to", OUTBOX | RETRY | DELIVERED},
    {"retry", RETRY},
    {"delivered", DELIVERED},
    {"up-to", DELIVERED},
    {0},
};

static int run(const struct cli_invocation *invocation)
{
    if (!cli_check_options(invocation, modes, mode_options)) return MTR_EXIT_USAGE;
    static const char *const of_charges[] = {"subscription", "after", "limit", NULL};
    const char *retry = invocation_option(invocation, "retry"),
               *delivered = invocation_option(invocation, "delivered");
    if (retry) return outbox_settle(invocation, retry, "retry");
    if (delivered) return outbox_settle(invocation, delivered, "delivered");
    if (invocation_flag(invocation, "outbox")) return outbox_list(invocation);
    const bool csv = invocation_flag(invocation, "csv");
    const struct rows_query charges = {.path = "/v1/charges",
                                       .options = of_charges,
                                       .csv = csv,
                                       .print = print_charges},
                            waiting = {.path = "/v1/charges/waiting",
                                       .options = of_charges,
                                       .csv = csv,
                                       .print = print_waiting};
    return rows_query(invocation, invocation_flag(invocation, "waiting") ? &waiting : &charges);
}

static const struct cli_option options[] = {
    {"subscription", 's', "KEY", "only this subscription"},
    {"after", 0, "N", "go on after this number"},
    {"limit", 'n', "N", "how many (default 100)"},
    {"csv", 0, NULL, "print CSV"},
    {"waiting", 0, NULL, "the billing periods that cannot be rated or closed instead, and why"},
    {"outbox", 0, NULL, "the messages to destinations and their states instead"},
    {"state", 0, "STATE", "only messages that are pending, attempted, acked, rejected or unknown"},
    {"destination", 0, "KEY", "only messages to this destination"},
    {"from", 0, "TIME", "only messages that were made then or later"},
    {"to", 0, "TIME", "only messages that were made before"},
    {"retry", 0, "MESSAGE", "send a message again, or now if it waits; `all`: those of --state"},
    {"delivered", 0, "MESSAGE", "mark a message as delivered; `all`: those of --state"},
    {"up-to", 0, "N", "of a notice after a restore: the last charge that its receiver still has"},
    CLI_JSON_OPTION,
    CLI_CLIENT_OPTIONS,
    {0},
};

const struct cli_command cli_charges = {
    .name = "charges",
    .arguments = "",
    .doc = "show charges, periods that wait, or the outbox",
    .text = "A charge is a difference: the sum of a line's charges is what it costs. `meterd explain "
            "NUMBER` shows how one came about.\n"
            "A billing period that cannot be rated waits: nothing more is charged of it. It is tried again "
            "each hour and when the catalog changes.\n",
    .options = options,
    .run = run,
};
