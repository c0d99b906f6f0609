/*
 * See outbox.h. To settle all is to walk the pages and to settle one at a time: each is durable when it is
 * answered, so what was broken off is begun again with the same words.
 */
#include "daemon/cli/outbox.h"

#include <stdio.h>
#include <string.h>

#include "daemon/cli/client.h"
#include "daemon/cli/rows.h"

static void print_messages(const struct mtr_node *root)
{
    static const struct rows_column columns[] = {
        {"MESSAGE", "id", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"DESTINATION", "destination", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"STATE", "state", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"ATTEMPTS", "attempts", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"HTTP", "last_status", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"TYPE", "type", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"CHARGES", "charges", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"VALID UP TO", "valid_up_to", MTR_TABLE_RIGHT, ROWS_SHOWN_WHEN_USED},
        {"MADE", "created_at", MTR_TABLE_LEFT, ROWS_SECOND},
        {"NEXT ATTEMPT", "next_attempt_at", MTR_TABLE_LEFT, ROWS_SECOND},
    };
    if (rows_print(mtr_node_get(root, "messages"), ROWS_COLUMNS(columns))) rows_say_more(root, "messages");
    else rows_say_none(root, "messages");
}

static const char *const filters[] = {"state", "destination", "from", "to", "after", "limit", NULL};

int outbox_list(const struct cli_invocation *invocation)
{
    const struct rows_query query = {.path = "/v1/outbox", .options = filters, .print = print_messages};
    return rows_query(invocation, &query);
}

/* ---- settling ---- */

static int settle(struct mtr_client *client, struct mtr_str message, const char *action, const char *up_to)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct mtr_buffer path;
    char body[96];
    struct mtr_document *answer = NULL;
    mtr_buffer_init(&path, 4096);
    snprintf(body, sizeof(body), "{\"action\": \"%s\"%s%.24s}", action, up_to ? ", \"up_to\": " : "",
             up_to ? up_to : "");
    int rc = mtr_buffer_printf(&path, "/v1/outbox/");
    if (!rc) rc = client_escape(&path, message);
    if (!rc) rc = mtr_buffer_append_char(&path, '\0');
    int code = rc ? MTR_EXIT_USAGE
                  : client_json(client, "POST", path.data, headers, mtr_str_from(body), &answer);
    if (!code) {
        const struct mtr_str state = mtr_node_text(mtr_document_root(answer), "state");
        printf("%.*s: %.*s\n", MTR_STR_ARGS(message), MTR_STR_ARGS(state));
    }
    mtr_document_close(answer);
    mtr_buffer_release(&path);
    return code;
}

/* A page's messages; where to go on, or no text behind the last page. */
static int settle_page(struct mtr_client *client, const char *path, const char *action, char *next,
                       size_t room)
{
    static const struct mtr_str nothing = {NULL, 0};
    struct mtr_document *page = NULL;
    int code = client_json(client, "GET", path, NULL, nothing, &page);
    next[0] = '\0';
    if (code) return code;
    const struct mtr_node *root = mtr_document_root(page), *messages = mtr_node_get(root, "messages");
    for (uint32_t i = 0; !code && messages && i < messages->child_count; i++)
        code = settle(client, mtr_node_text(&messages->children[i], "id"), action, NULL);
    if (rows_is_true(root, "has_more"))
        snprintf(next, room, "%.*s", MTR_STR_ARGS(mtr_node_text(root, "next_after")));
    mtr_document_close(page);
    return code;
}

static int settle_all(const struct cli_invocation *invocation, struct mtr_client *client, const char *action)
{
    static const char *const of_all[] = {"state", "destination", "from", "to", NULL};
    struct mtr_buffer path;
    char next[32] = "0";
    int code = MTR_EXIT_OK;
    mtr_buffer_init(&path, 8192);
    while (!code && next[0]) {
        char page[80];
        const struct rows_query query = {.path = page, .options = of_all};
        snprintf(page, sizeof(page), "/v1/outbox?limit=1000&after=%s", next);
        mtr_buffer_reset(&path);
        code = rows_path(invocation, &query, &path)
                   ? MTR_EXIT_USAGE
                   : settle_page(client, path.data, action, next, sizeof(next));
    }
    mtr_buffer_release(&path);
    return code;
}

int outbox_settle(const struct cli_invocation *invocation, const char *message, const char *action)
{
    const bool is_all = strcmp(message, "all") == 0;
    struct mtr_client *client;
    if (is_all && !invocation_option(invocation, "state")) {
        fprintf(stderr, "meterd charges: --%s all: say which ones with --state, as --state rejected\n",
                action);
        return MTR_EXIT_USAGE;
    }
    for (const char *const *filter = filters; !is_all && *filter; filter++)
        if (invocation_option(invocation, *filter)) {
            fprintf(stderr, "meterd charges: --%s %s is one message: leave out --%s\n", action, message,
                    *filter);
            return MTR_EXIT_USAGE;
        }
    int code = client_open(invocation, &client);
    if (code) return code;
    code = is_all ? settle_all(invocation, client, action)
                  : settle(client, mtr_str_from(message), action, invocation_option(invocation, "up-to"));
    client_close(client);
    return code;
}
