/*
 * meterd delete: one document of the catalog goes.
 */
#include <stdio.h>

#include "daemon/cli/client.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/rows.h"

enum { PATH_BYTES = 1024 };

static int document_path(const struct cli_invocation *invocation, struct mtr_buffer *path)
{
    int rc = mtr_buffer_printf(path, "/v1/catalog/");
    if (!rc) rc = client_escape(path, mtr_str_from(invocation->arguments[0]));
    if (!rc) rc = mtr_buffer_append_char(path, '/');
    if (!rc) rc = client_escape(path, mtr_str_from(invocation->arguments[1]));
    if (!rc && invocation_flag(invocation, "dry-run")) rc = mtr_buffer_printf(path, "?dry_run=true");
    return rc ? rc : mtr_buffer_append_char(path, '\0');
}

static int run(const struct cli_invocation *invocation)
{
    struct mtr_client *client;
    struct mtr_document *answer = NULL;
    struct mtr_buffer path;
    int code = client_open(invocation, &client);
    if (code) return code;
    mtr_buffer_init(&path, PATH_BYTES);
    if (document_path(invocation, &path)) {
        fprintf(stderr, "meterd delete: KEY is too long\n");
        code = MTR_EXIT_USAGE;
    } else code = client_json(client, "DELETE", path.data, NULL, (struct mtr_str){NULL, 0}, &answer);
    if (!code && invocation_flag(invocation, "json")) rows_print_json(mtr_document_root(answer));
    else if (!code)
        printf("%s %s %s deleted; catalog version %.*s\n", invocation->arguments[0], invocation->arguments[1],
               invocation_flag(invocation, "dry-run") ? "would be" : "is",
               MTR_STR_ARGS(mtr_node_text(mtr_document_root(answer), "version")));
    mtr_document_close(answer);
    mtr_buffer_release(&path);
    client_close(client);
    return code;
}

static const struct cli_option options[] = {
    {"dry-run", 0, NULL, "check and say what would change"},
    CLI_JSON_OPTION,
    CLI_CLIENT_OPTIONS,
    {0},
};

const struct cli_command cli_delete = {
    .name = "delete",
    .arguments = "KIND KEY",
    .arguments_min = 2,
    .arguments_max = 2,
    .doc = "delete a meter, service, tariff, API key or source that was never used",
    .text = "Refused while another document names it, and once usage was folded or charged with it: what was "
            "used is\nretired (`retired: DATE`). Its revisions stay, and its key may come again.\n",
    .options = options,
    .run = run,
};
