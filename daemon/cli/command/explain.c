/*
 * meterd explain: why this charge; its tariff, every step, and the log range it came from.
 */
#include <stdio.h>

#include "daemon/cli/client.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/rows.h"
#include "daemon/cli/trace_table.h"
#include "meterd/core/line.h"

enum { PATH_BYTES = 8192 };

static const struct mtr_str nothing = {NULL, 0};

/* In one line: values come from vendors, and terminals obey what is in them. */
static void print_quoted(struct mtr_str text)
{
    struct mtr_buffer shown;
    mtr_buffer_init(&shown, SIZE_MAX);
    int rc = mtr_line_escape(&shown, text);
    if (!rc) rc = mtr_buffer_append_char(&shown, '\0');
    if (!rc) mtr_line_make(shown.data);
    if (!rc) fputs(shown.data, stdout);
    mtr_buffer_release(&shown);
}

static void print_fact(const char *name, struct mtr_str value, struct mtr_str unit)
{
    if (!value.size) return;
    printf("  %-16s ", name);
    print_quoted(value);
    printf("%s", unit.size ? " " : "");
    print_quoted(unit);
    putchar('\n');
}

/* The price of the whole period, part by part: a part is what one tariff version covers. */
static void print_parts(const struct mtr_node *parts, struct mtr_str component)
{
    for (uint32_t i = 0; parts && i < parts->child_count; i++) {
        const struct mtr_node *part = &parts->children[i];
        printf("\n%s from %.*s to %.*s under %.*s of %.*s:\n", mtr_node_get(part, "cost") ? "Cost" : "Price",
               MTR_STR_ARGS(mtr_node_text(part, "from")), MTR_STR_ARGS(mtr_node_text(part, "to")),
               MTR_STR_ARGS(mtr_node_text(part, "tariff")), MTR_STR_ARGS(mtr_node_text(part, "version")));
        trace_table_print(mtr_node_get(part, "price"), component);
    }
}

static void print_line_charges(const struct mtr_node *charges)
{
    static const struct rows_column columns[] = {
        {"NUMBER", "number", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"STATUS", "status", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"AMOUNT", "amount", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"ID", "id", MTR_TABLE_LEFT, ROWS_SHOWN},
    };
    printf("\nIts line's charges so far, newest first:\n");
    (void)rows_print(charges, ROWS_COLUMNS(columns));
}

static void print_explanation(const struct mtr_node *root)
{
    char dimensions[1024];
    const struct mtr_node *charge = mtr_node_get(root, "charge"), *log = mtr_node_get(root, "log");
    struct mtr_str currency = mtr_node_text(charge, "currency");
    printf("Charge %.*s (%.*s)\n", MTR_STR_ARGS(mtr_node_text(charge, "id")),
           MTR_STR_ARGS(mtr_node_text(charge, "status")));
    print_fact("subscription", mtr_node_text(charge, "subscription"), nothing);
    print_fact("customer", mtr_node_text(charge, "customer"), nothing);
    print_fact("period", mtr_node_text(charge, "period_start"), nothing);
    print_fact("until", mtr_node_text(charge, "period_end"), nothing);
    print_fact("component", mtr_node_text(charge, "component"), nothing);
    print_fact("meter", mtr_node_text(charge, "meter"), nothing);
    print_fact("dimensions",
               rows_dimensions(mtr_node_get(charge, "dimensions"), dimensions, sizeof(dimensions)), nothing);
    print_fact("quantity", mtr_node_text(charge, "quantity"), mtr_node_text(charge, "unit"));
    print_fact("tax code", mtr_node_text(charge, "tax_code"), nothing);
    print_fact("tariff", mtr_node_text(mtr_node_get(charge, "tariff"), "key"), nothing);
    print_fact("version from", mtr_node_text(mtr_node_get(charge, "tariff"), "from"), nothing);
    printf("\nThe difference that it is:\n");
    print_fact("price now", mtr_node_text(root, "emitted_after"), currency);
    print_fact("charged before", mtr_node_text(root, "emitted_before"), currency);
    print_fact("this charge", mtr_node_text(root, "difference"), currency);
    print_fact("cost now", mtr_node_text(charge, "cost_total"), currency);
    print_fact("margin now", mtr_node_text(charge, "margin_total"), currency);
    /* A minimum or the rounding of the whole tariff comes from every line. */
    print_parts(mtr_node_get(root, "price"),
                mtr_node_text(charge, "meter").size ? mtr_node_text(charge, "component") : nothing);
    print_line_charges(mtr_node_get(root, "line_charges"));
    if (log && mtr_node_text(charge, "meter").size)
        printf("\nIts events are in the log from sequence %.*s to %.*s; to see them:\n  meterd events "
               "--from-seq %.*s --to-seq %.*s --subscription %.*s\n",
               MTR_STR_ARGS(mtr_node_text(log, "seq_first")), MTR_STR_ARGS(mtr_node_text(log, "seq_last")),
               MTR_STR_ARGS(mtr_node_text(log, "seq_first")), MTR_STR_ARGS(mtr_node_text(log, "seq_last")),
               MTR_STR_ARGS(mtr_node_text(charge, "subscription")));
}

static int run(const struct cli_invocation *invocation)
{
    struct mtr_buffer path;
    mtr_buffer_init(&path, PATH_BYTES);
    int rc = mtr_buffer_printf(&path, "/v1/charges/");
    if (!rc) rc = client_escape(&path, mtr_str_from(invocation->arguments[0]));
    if (!rc) rc = mtr_buffer_append_char(&path, '\0');
    const struct rows_query query = {.path = path.data, .print = print_explanation};
    int code = rc ? MTR_EXIT_USAGE : rows_query(invocation, &query);
    mtr_buffer_release(&path);
    return code;
}

static const struct cli_option options[] = {
    CLI_JSON_OPTION,
    CLI_CLIENT_OPTIONS,
    {0},
};

const struct cli_command cli_explain = {
    .name = "explain",
    .arguments = "CHARGE",
    .arguments_min = 1,
    .arguments_max = 1,
    .doc = "why this charge: tariff, every step, and the log range it came from",
    .text = "CHARGE is a charge's number or id, as `meterd charges` shows them.\n",
    .options = options,
    .run = run,
};
