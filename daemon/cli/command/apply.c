/*
 * meterd apply: catalog documents from files into the daemon.
 */
#include <stdio.h>

#include "meterd/core/limits.h"
#include "daemon/cli/client.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/inputs.h"
#include "daemon/cli/rows.h"

struct applying {
    bool dry_run, correct_closed_periods, json;
};

static void print_warnings(const char *path, const struct mtr_node *change)
{
    const struct mtr_node *findings = mtr_node_get(change, "findings");
    for (uint32_t i = 0; findings && i < findings->child_count; i++) {
        const struct mtr_node *finding = &findings->children[i];
        struct mtr_str field = mtr_node_text(finding, "field"), line = mtr_node_text(finding, "line");
        if (!mtr_str_equal(line, MTR_STR("0")))
            fprintf(stderr, "%s:%.*s:%.*s: ", path, MTR_STR_ARGS(line),
                    MTR_STR_ARGS(mtr_node_text(finding, "column")));
        else
            fprintf(stderr, "%s: ", path);
        fprintf(stderr, "%.*s: %.*s%s%.*s\n",
                MTR_STR_ARGS(mtr_node_text(finding, "severity")), MTR_STR_ARGS(field), field.size ? ": " : "",
                MTR_STR_ARGS(mtr_node_text(finding, "text")));
    }
}

static int apply_file(struct mtr_client *client, const char *path, const struct applying *applying)
{
    static const char *const headers[] = {"Content-Type: application/yaml", NULL};
    struct mtr_buffer text;
    struct mtr_document *answer = NULL;
    int code = cli_load_file(path, MTR_DOCUMENT_BYTES_MAX, &text);
    if (code) return code;
    char target[96];
    snprintf(target, sizeof(target), "/v1/catalog?dry_run=%s&correct_closed_periods=%s",
             applying->dry_run ? "true" : "false", applying->correct_closed_periods ? "true" : "false");
    code = client_json(client, "PUT", target, headers, mtr_buffer_str(&text), &answer);
    mtr_buffer_release(&text);
    if (code) {
        fprintf(stderr, "meterd: %s was not applied\n", path);
        return code;
    }
    const struct mtr_node *change = mtr_document_root(answer);
    print_warnings(path, change);
    if (applying->json) rows_print_json(change);
    else
        printf("%s: %s%.*s created, %.*s updated, %.*s unchanged; catalog version %.*s\n", path,
               applying->dry_run ? "would be: " : "", MTR_STR_ARGS(mtr_node_text(change, "created")),
               MTR_STR_ARGS(mtr_node_text(change, "updated")),
               MTR_STR_ARGS(mtr_node_text(change, "unchanged")),
               MTR_STR_ARGS(mtr_node_text(change, "version")));
    mtr_document_close(answer);
    return MTR_EXIT_OK;
}

static int run(const struct cli_invocation *invocation)
{
    struct mtr_client *client;
    const struct applying applying = {
        .dry_run = invocation_flag(invocation, "dry-run"),
        .correct_closed_periods = invocation_flag(invocation, "correct-closed-periods"),
        .json = invocation_flag(invocation, "json"),
    };
    int code = client_open(invocation, &client);
    if (code) return code;
    for (uint32_t i = 0; !code && i < invocation->argument_count; i++)
        code = apply_file(client, invocation->arguments[i], &applying);
    client_close(client);
    return code;
}

static const struct cli_option options[] = {
    {"dry-run", 0, NULL, "check and say what would change"},
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
            "api_keys, destinations, credits and rates. Each\n"
            "file is one change: all of it, or nothing. What is there already stays; the same file again "
            "changes nothing.\n"
            "A change that rates closed periods again says what becomes of them. Without a date from which "
            "it holds it is refused, unless it is asked\nfor by name.\n",
    .options = options,
    .run = run,
};
