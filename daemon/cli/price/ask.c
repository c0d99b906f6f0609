/*
 * See ask.h. Warnings of an answered request are those about its documents: all else was looked at before.
 */
#include "daemon/cli/price/ask.h"

#include <stdio.h>

#include "daemon/cli/price/table.h"
#include "meterd/net/loop.h"
#include "meterd/query/quote.h"

enum { FINDINGS_MAX = 200 };

int price_ask_here(const struct cli_invocation *invocation, struct mtr_str request,
                   struct price_places *places, struct mtr_arena *arena)
{
    struct mtr_diagnostics findings;
    struct mtr_json_writer json;
    struct mtr_buffer answer;
    mtr_diagnostics_init(&findings, FINDINGS_MAX);
    mtr_buffer_init(&answer, PRICE_ARENA_BYTES_MAX);
    mtr_json_begin(&json, &answer);
    const struct mtr_price_asker asker = {.now_us = mtr_clock_wall_us()};
    int rc = mtr_price_request_run(request, &asker, arena, &json, &findings);
    if (!rc) rc = mtr_json_finish(&json);
    int code = MTR_EXIT_FAILED;
    if (rc && !findings.count) fprintf(stderr, "meterd: cannot price this: %s\n", mtr_error_text(rc));
    for (size_t i = 0; i < findings.count; i++)
        if (rc || price_is_of_documents(places, &findings.items[i]))
            price_print_finding(places, &findings.items[i]);
    if (!rc) code = price_print_answer(invocation, mtr_buffer_str(&answer));
    mtr_buffer_release(&answer);
    mtr_diagnostics_release(&findings);
    return code;
}

int price_ask_daemon(const struct cli_invocation *invocation, struct mtr_client *client,
                     struct mtr_str request, struct price_places *places)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct mtr_document *document = NULL;
    struct mtr_buffer answer;
    client_on_finding(client, price_print_finding, places);
    int code = client_json(client, "POST", "/v1/price", headers, request, &document);
    mtr_buffer_init(&answer, PRICE_ARENA_BYTES_MAX);
    if (!code && mtr_node_write_json(mtr_document_root(document), &answer) == MTR_OK)
        code = price_print_answer(invocation, mtr_buffer_str(&answer));
    mtr_buffer_release(&answer);
    mtr_document_close(document);
    return code;
}
