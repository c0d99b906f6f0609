/*
 * meterd clock: what is believed of the machine's clock, and the word that it is right.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/cli/client.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/rows.h"
#include "meterd/core/document.h"

static const char path[] = "/v1/clock";

static void print_clock(const struct mtr_node *root)
{
    const struct mtr_str state = mtr_node_text(root, "state"), wall = mtr_node_text(root, "wall"),
                         trusted = mtr_node_text(root, "trusted");
    if (mtr_str_equal(state, MTR_STR("believed"))) {
        printf("believed: it is %.*s\n", MTR_STR_ARGS(trusted));
        return;
    }
    printf("not believed: the machine's clock says %.*s, trusted time is %.*s\n", MTR_STR_ARGS(wall),
           MTR_STR_ARGS(trusted));
    printf("Events are accepted; billing periods open and close by the earlier of both.\n");
    if (mtr_str_equal(state, MTR_STR("ahead")))
        printf("Is the machine's clock right? Then more time has passed than the machine has seen (it was\n"
               "off, or was restored): meterd clock accept. Is it wrong? Set it right, that is all.\n");
    else
        printf("Is the machine's clock wrong? Set it right, that is all. Is it right? Then it was ahead\n"
               "before: meterd clock accept.\n");
}

static int show(struct mtr_client *client, const struct cli_invocation *invocation,
                struct mtr_document **answer)
{
    const int code = client_json(client, "GET", path, NULL, (struct mtr_str){NULL, 0}, answer);
    if (code || invocation->argument_count) return code;
    if (invocation_flag(invocation, "json")) rows_print_json(mtr_document_root(*answer));
    else print_clock(mtr_document_root(*answer));
    return MTR_EXIT_OK;
}

/* What was shown is what is accepted: a clock that says something else by then is refused. */
static int accept_shown(struct mtr_client *client, const struct cli_invocation *invocation,
                        const struct mtr_node *shown)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct mtr_document *answer = NULL;
    char body[128];
    const struct mtr_str wall = mtr_node_text(shown, "wall"), trusted = mtr_node_text(shown, "trusted");
    snprintf(body, sizeof(body), "{\"wall\": \"%.*s\"}", MTR_STR_ARGS(wall));
    const int code = client_json(client, "POST", path, headers, mtr_str_from(body), &answer);
    if (!code && invocation_flag(invocation, "json")) rows_print_json(mtr_document_root(answer));
    else if (!code)
        printf("accepted: it was %.*s, and is %.*s\n", MTR_STR_ARGS(trusted),
               MTR_STR_ARGS(mtr_node_text(mtr_document_root(answer), "trusted")));
    mtr_document_close(answer);
    return code;
}

static int run(const struct cli_invocation *invocation)
{
    struct mtr_client *client;
    struct mtr_document *answer = NULL;
    if (invocation->argument_count && strcmp(invocation->arguments[0], "accept") != 0) {
        fprintf(stderr, "meterd clock: there is no `%s`, only `accept`\n", invocation->arguments[0]);
        return MTR_EXIT_USAGE;
    }
    int code = client_open(invocation, &client);
    if (code) return code;
    code = show(client, invocation, &answer);
    if (!code && invocation->argument_count)
        code = accept_shown(client, invocation, mtr_document_root(answer));
    mtr_document_close(answer);
    client_close(client);
    return code;
}

static const struct cli_option options[] = {
    CLI_JSON_OPTION,
    CLI_CLIENT_OPTIONS,
    {0},
};

const struct cli_command cli_clock = {
    .name = "clock",
    .arguments = "[accept]",
    .arguments_max = 1,
    .doc = "whether the machine's clock is believed; accept: it is right",
    .text = "A clock that leaps, ahead or back, opens and closes no billing period and forgets nothing\n"
            "until it is right again, which the daemon sees by itself; or until you say that it is:\n"
            "`accept` trusts what it says now, and the log notes who said so.\n",
    .options = options,
    .run = run,
};
