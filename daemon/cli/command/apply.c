/*
 * meterd apply: catalog documents from files into the daemon.
 */
#include <inttypes.h>
#include <stdio.h>

#include "meterd/core/limits.h"
#include "daemon/cli/client.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/inputs.h"
#include "daemon/cli/rows.h"

enum { EVENTS_DEFAULT = 10000, EVENTS_MAX = 1000000 };

struct applying {
    bool dry_run, correct_closed_periods, json;
    uint64_t events; /* that new meters are tried on */
};

/* What the aggregation makes of the events counted, in its words; else which values it measures. */
static void print_made(const struct mtr_node *trial)
{
    static const struct {
        const char *aggregation, *before, *after;
    } words[] = {{"sum", "their sum ", ""},   {"min", "the least ", ""},     {"max", "the largest ", ""},
                 {"last", "the latest ", ""}, {"unique", "", " different"}, {"counter", "the growth ", ""}};
    const struct mtr_str aggregation = mtr_node_text(trial, "aggregation"),
                         quantity = mtr_node_text(trial, "quantity"), least = mtr_node_text(trial, "least");
    for (size_t i = 0; quantity.size && i < sizeof(words) / sizeof(words[0]); i++)
        if (mtr_str_equal(aggregation, mtr_str_from(words[i].aggregation)))
            printf(", %s%.*s%s", words[i].before, MTR_STR_ARGS(quantity), words[i].after);
    if (!quantity.size && least.size)
        printf(", their values from %.*s to %.*s", MTR_STR_ARGS(least),
               MTR_STR_ARGS(mtr_node_text(trial, "largest")));
}

static void print_trial(const struct mtr_node *trial)
{
    const struct mtr_node *reasons = mtr_node_get(trial, "not_counted");
    printf("meter %.*s/%.*s: of the last %.*s events %.*s are of its type: %.*s counted",
           MTR_STR_ARGS(mtr_node_text(trial, "service")), MTR_STR_ARGS(mtr_node_text(trial, "meter")),
           MTR_STR_ARGS(mtr_node_text(trial, "looked_at")),
           MTR_STR_ARGS(mtr_node_text(trial, "events")), MTR_STR_ARGS(mtr_node_text(trial, "counted")));
    print_made(trial);
    printf("; %.*s left out by its filter, %.*s taken back, %.*s of no subscription of its service\n",
           MTR_STR_ARGS(mtr_node_text(trial, "filtered")),
           MTR_STR_ARGS(mtr_node_text(trial, "voided")), MTR_STR_ARGS(mtr_node_text(trial, "elsewhere")));
    for (uint32_t i = 0; reasons && i < reasons->child_count; i++) {
        const struct mtr_node *reason = &reasons->children[i];
        const struct mtr_str property = mtr_node_text(reason, "property");
        printf("  %.*s not counted: %s%.*s%s%.*s (the first is %.*s)\n",
               MTR_STR_ARGS(mtr_node_text(reason, "events")), property.size ? "property \"" : "",
               MTR_STR_ARGS(property), property.size ? "\" " : "",
               MTR_STR_ARGS(mtr_node_text(reason, "reason")),
               MTR_STR_ARGS(mtr_node_text(reason, "first_seq")));
    }
}

static void print_change(const char *path, const struct mtr_node *change, bool dry_run)
{
    const struct mtr_node *trials = mtr_node_get(change, "meters");
    printf("%s: %s%.*s created, %.*s updated, %.*s unchanged; catalog version %.*s\n", path,
           dry_run ? "would be: " : "", MTR_STR_ARGS(mtr_node_text(change, "created")),
           MTR_STR_ARGS(mtr_node_text(change, "updated")), MTR_STR_ARGS(mtr_node_text(change, "unchanged")),
           MTR_STR_ARGS(mtr_node_text(change, "version")));
    for (uint32_t i = 0; trials && i < trials->child_count; i++) print_trial(&trials->children[i]);
}

static void print_warnings(const char *path, const struct mtr_node *change)
{
    const struct mtr_node *findings = mtr_node_get(change, "findings");
    for (uint32_t i = 0; findings && i < findings->child_count; i++) {
        const struct mtr_diagnostic finding = client_finding(&findings->children[i]);
        cli_print_finding(path, &finding);
    }
}

/* The body is the file's text, so places in it are places of the file. */
static void on_finding(void *context, const struct mtr_diagnostic *finding)
{
    const char *const *path = context;
    cli_print_finding(*path, finding);
}

static int apply_file(struct mtr_client *client, const char *path, const struct applying *applying)
{
    static const char *const headers[] = {"Content-Type: application/yaml", NULL};
    struct mtr_buffer text;
    struct mtr_document *answer = NULL;
    int code = cli_load_file(path, MTR_DOCUMENT_BYTES_MAX, &text);
    if (code) return code;
    char target[128];
    snprintf(target, sizeof(target), "/v1/catalog?dry_run=%s&events=%" PRIu64 "&correct_closed_periods=%s",
             applying->dry_run ? "true" : "false", applying->events,
             applying->correct_closed_periods ? "true" : "false");
    client_on_finding(client, on_finding, &path);
    code = client_json(client, "PUT", target, headers, mtr_buffer_str(&text), &answer);
    mtr_buffer_release(&text);
    if (code) {
        fprintf(stderr, "meterd: %s was not applied\n", path);
        return code;
    }
    const struct mtr_node *change = mtr_document_root(answer);
    print_warnings(path, change);
    if (applying->json) rows_print_json(change);
    else print_change(path, change, applying->dry_run);
    mtr_document_close(answer);
    return MTR_EXIT_OK;
}

static int run(const struct cli_invocation *invocation)
{
    struct mtr_client *client;
    struct applying applying = {
        .events = EVENTS_DEFAULT,
        .dry_run = invocation_flag(invocation, "dry-run"),
        .correct_closed_periods = invocation_flag(invocation, "correct-closed-periods"),
        .json = invocation_flag(invocation, "json"),
    };
    if (!invocation_u64(invocation, "events", 1, EVENTS_MAX, &applying.events)) return MTR_EXIT_USAGE;
    int code = client_open(invocation, &client);
    if (code) return code;
    uint32_t taken = 0;
    for (; !code && taken < invocation->argument_count; taken++)
        code = apply_file(client, invocation->arguments[taken], &applying);
    cli_say_left_out(invocation, taken, "applied");
    client_close(client);
    return code;
}

static const struct cli_option options[] = {
    {"dry-run", 0, NULL, "check and say what would change, and what new meters would have counted"},
    {"events", 0, "N", "with --dry-run: try new meters on the last N stored events (default 10000)"},
    {"correct-closed-periods", 0, NULL, "also where a change without a date rates closed periods again"},
    CLI_JSON_OPTION,
    CLI_CLIENT_OPTIONS,
    {0},
};

const struct cli_command cli_apply = {
    .name = "apply",
    .arguments = "FILE…",
    .arguments_min = 1,
    .arguments_max = 64,
    .doc = "apply catalog documents (YAML or JSON; - is standard input)",
    .text = "A file holds lists of documents under vendors, services, meters, tariffs, subscriptions, "
            "api_keys, destinations, credits, rates and sources. Each\n"
            "file is one change: all of it, or nothing. What is there already stays; the same file again "
            "changes nothing.\n"
            "A change that rates closed periods again says what becomes of them. Without a date from which "
            "it holds it is refused, unless it is asked\nfor by name.\n",
    .options = options,
    .run = run,
};
