/*
 * See whole.h. Documents go along as the text that their author wrote, so that findings have its places.
 */
#include "daemon/cli/price/whole.h"

#include <stdio.h>

#include "daemon/cli/inputs.h"
#include "daemon/cli/price/request.h"
#include "meterd/core/json_writer.h"
#include "meterd/core/limits.h"

bool price_whole_is_in(const struct cli_invocation *invocation, const struct price_bundle *bundle)
{
    const char *key = invocation_option(invocation, "subscription");
    const struct mtr_node *list = mtr_node_get(bundle->root, "subscriptions");
    if (!key || !list || list->kind != MTR_NODE_LIST) return false;
    if (invocation_flag(invocation, "tariff") || invocation_flag(invocation, "curve")) return false;
    for (uint32_t i = 0; i < list->child_count; i++)
        if (mtr_str_equal(mtr_node_text(&list->children[i], "key"), mtr_str_from(key))) return true;
    return false;
}

/* What the documents say. */
static bool check_options(const struct cli_invocation *invocation)
{
    static const char *const options[] = {"cost",  "currency", "customer", "start", "end",   "billing",
                                          "trial", "zone",     "rates",    "rate",  "credit"};
    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
        if (!invocation_flag(invocation, options[i])) continue;
        fprintf(stderr,
                "meterd price: a subscription is priced as its documents have it: leave out --%s [%s]\n",
                options[i], mtr_finding_kind(MTR_FINDING_QUOTE_SUBSCRIPTION)->code);
        return false;
    }
    return true;
}

/* `text` empty: no documents go along. */
static int write_request(const struct cli_invocation *invocation, struct mtr_str text,
                         const struct price_places *places, struct mtr_buffer *out)
{
    struct mtr_json_writer json;
    struct mtr_buffer documents;
    mtr_buffer_init(&documents, PRICE_REQUEST_BYTES_MAX);
    mtr_json_begin(&json, &documents);
    int rc = MTR_OK;
    if (places->documents) {
        mtr_json_text(&json, text);
        rc = mtr_json_finish(&json);
    }
    const struct price_request parts = {.documents = mtr_buffer_str(&documents),
                                        .series = mtr_buffer_str(&places->series.rows)};
    if (!rc) rc = price_request_write(invocation, &parts, out);
    mtr_buffer_release(&documents);
    if (!rc) return MTR_EXIT_OK;
    fprintf(stderr, "meterd: the request is too large\n");
    return MTR_EXIT_FAILED;
}

int price_whole_here(const struct cli_invocation *invocation, const char *path, struct mtr_str text,
                     struct price_places *places, struct mtr_arena *arena)
{
    struct mtr_buffer request;
    if (!check_options(invocation)) return MTR_EXIT_USAGE;
    places->documents = path;
    mtr_buffer_init(&request, PRICE_REQUEST_BYTES_MAX);
    int code = write_request(invocation, text, places, &request);
    if (!code) code = price_ask_here(invocation, mtr_buffer_str(&request), places, arena);
    mtr_buffer_release(&request);
    return code;
}

static int ask(const struct cli_invocation *invocation, struct mtr_str text, struct price_places *places)
{
    struct mtr_client *client;
    struct mtr_buffer request;
    int code = client_open(invocation, &client);
    if (code) return code;
    mtr_buffer_init(&request, PRICE_REQUEST_BYTES_MAX);
    code = write_request(invocation, text, places, &request);
    if (!code) code = price_ask_daemon(invocation, client, mtr_buffer_str(&request), places);
    mtr_buffer_release(&request);
    client_close(client);
    return code;
}

int price_whole_asked(const struct cli_invocation *invocation, struct price_places *places)
{
    struct mtr_buffer text;
    places->documents = invocation_option(invocation, "documents");
    if (!check_options(invocation)) return MTR_EXIT_USAGE;
    if (!places->documents) return ask(invocation, (struct mtr_str){NULL, 0}, places);
    int code = cli_load_file(places->documents, MTR_DOCUMENT_BYTES_MAX, &text);
    if (code) return code;
    code = ask(invocation, mtr_buffer_str(&text), places);
    mtr_buffer_release(&text);
    return code;
}
