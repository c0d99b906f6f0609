/*
 * meterd import-rates: rates of exchange as a central bank publishes them, from a file or its address, as
 * catalog documents: one for each day, named by source and day, so that the same rates again change nothing.
 */
#include <stdio.h>
#include <string.h>

#include "meterd/catalog/bank.h"
#include "meterd/core/limits.h"
#include "meterd/core/schema.h"
#include "meterd/core/time.h"
#include "daemon/cli/client.h"
#include "daemon/cli/inputs.h"
#include "meterd/net/http_client.h"

enum { FETCH_TIMEOUT_MS = 120000, DOCUMENTS_BYTES_MAX = 64 << 20, ARENA_BYTES_MAX = 256 << 20 };

struct import_rates {
    const struct cli_invocation *invocation;
    const struct mtr_bank *bank;
    const char *source;
    int64_t since_day;
    struct mtr_client *client;        /* NULL: only printed */
    struct mtr_http_session *session; /* opened with the first address */
    struct mtr_arena arena;
};

static bool is_address(const char *name)
{
    return strncmp(name, "http://", 7) == 0 || strncmp(name, "https://", 8) == 0;
}

/* An answer of another address is said, not followed: the bank's own is what rates come from. */
static int fetch(struct import_rates *import, const char *address, struct mtr_buffer *out)
{
    const struct mtr_http_call call = {.method = "GET",
                                       .url = address,
                                       .timeout_ms = FETCH_TIMEOUT_MS,
                                       .answer_bytes_max = MTR_BANK_XML_BYTES_MAX};
    struct mtr_http_answer answer;
    struct mtr_str location;
    int code = MTR_EXIT_FAILED;
    if (!import->session && mtr_http_session_open(&import->session)) return MTR_EXIT_FAILED;
    mtr_http_answer_init(&answer);
    int rc = mtr_http_session_call(import->session, &call, &answer);
    if (rc) {
        fprintf(stderr, "meterd: %s: %s\n", address, answer.reason);
        code = rc == MTR_EUNREACHABLE || rc == MTR_ETIMEDOUT || rc == MTR_EIO ? MTR_EXIT_TRY_AGAIN
                                                                              : MTR_EXIT_FAILED;
    } else if (answer.status != 200 && mtr_http_answer_header(&answer, "location", &location)) {
        fprintf(stderr, "meterd: %s answered %u and points to %.*s: give that address\n", address,
                answer.status, MTR_STR_ARGS(location));
    } else if (answer.status != 200) {
        fprintf(stderr, "meterd: %s answered %u\n", address, answer.status);
        code = answer.status == 429 || answer.status >= 500 ? MTR_EXIT_TRY_AGAIN : MTR_EXIT_FAILED;
    } else {
        rc = mtr_buffer_append_str(out, mtr_buffer_str(&answer.body));
        code = rc ? MTR_EXIT_FAILED : MTR_EXIT_OK;
    }
    mtr_http_answer_release(&answer);
    return code;
}

static int apply(struct import_rates *import, const char *name, struct mtr_str documents, uint32_t days)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    const bool dry_run = invocation_flag(import->invocation, "dry-run");
    struct mtr_document *answer = NULL;
    int code = client_json(import->client, "PUT", dry_run ? "/v1/catalog?dry_run=true" : "/v1/catalog",
                           headers, documents, &answer);
    if (code) {
        fprintf(stderr, "meterd: the rates of %s were not applied\n", name);
        return code;
    }
    const struct mtr_node *change = mtr_document_root(answer);
    struct mtr_buffer json;
    mtr_buffer_init(&json, DOCUMENTS_BYTES_MAX);
    if (invocation_flag(import->invocation, "json") && mtr_node_write_json(change, &json) == MTR_OK)
        printf("%.*s\n", MTR_STR_ARGS(mtr_buffer_str(&json)));
    else
        printf("%s: %u day%s of %s: %s%.*s created, %.*s updated, %.*s unchanged; catalog version %.*s\n",
               name, days, days == 1 ? "" : "s", import->source, dry_run ? "would be: " : "",
               MTR_STR_ARGS(mtr_node_text(change, "created")), MTR_STR_ARGS(mtr_node_text(change, "updated")),
               MTR_STR_ARGS(mtr_node_text(change, "unchanged")),
               MTR_STR_ARGS(mtr_node_text(change, "version")));
    mtr_buffer_release(&json);
    mtr_document_close(answer);
    return MTR_EXIT_OK;
}

static int take_documents(struct import_rates *import, const char *name, const struct mtr_bank_rates *rates)
{
    char skipped[MTR_BANK_SKIPPED_BYTES];
    struct mtr_buffer documents;
    struct mtr_json_writer json;
    int code = MTR_EXIT_OK;
    mtr_buffer_init(&documents, DOCUMENTS_BYTES_MAX);
    mtr_json_begin(&json, &documents);
    uint32_t days =
        mtr_bank_write_documents(import->bank, import->source, rates, import->since_day, &json, skipped);
    if (skipped[0])
        fprintf(stderr, "meterd: %s: left out %s: no currency of ISO 4217 that can be billed in\n", name,
                skipped);
    if (mtr_json_finish(&json)) {
        fprintf(stderr, "meterd: %s: too many rates for one change: take fewer days with --since\n", name);
        code = MTR_EXIT_FAILED;
    } else if (!import->client) {
        printf("%.*s\n", MTR_STR_ARGS(mtr_buffer_str(&documents)));
    } else if (days == 0) {
        fprintf(stderr, "meterd: %s: nothing of that day or later\n", name);
    } else {
        code = apply(import, name, mtr_buffer_str(&documents), days);
    }
    mtr_buffer_release(&documents);
    return code;
}

static int import_one(struct import_rates *import, const char *name)
{
    struct mtr_buffer xml = {0};
    struct mtr_diagnostic broken = {0};
    struct mtr_bank_rates rates;
    int code = MTR_EXIT_OK;
    mtr_arena_reset(&import->arena);
    if (is_address(name)) {
        mtr_buffer_init(&xml, MTR_BANK_XML_BYTES_MAX);
        code = fetch(import, name, &xml);
    } else {
        code = cli_load_file(name, MTR_BANK_XML_BYTES_MAX, &xml);
    }
    if (!code && mtr_bank_read(import->bank, mtr_buffer_str(&xml), &import->arena, &rates, &broken)) {
        cli_print_finding(name, &broken);
        code = MTR_EXIT_FAILED;
    }
    mtr_buffer_release(&xml);
    return code ? code : take_documents(import, name, &rates);
}

static bool read_options(struct import_rates *import)
{
    const struct cli_invocation *invocation = import->invocation;
    const char *format = invocation_option(invocation, "format"),
               *source = invocation_option(invocation, "source");
    const char *since = invocation_option(invocation, "since");
    int64_t time_us = 0;
    enum { SOURCE_BYTES_MAX = MTR_KEY_BYTES_MAX - 11 }; /* the key ends with -2026-11-20 */
    import->bank = format ? mtr_bank_find(format) : NULL;
    if (!import->bank) {
        fprintf(stderr, "meterd import-rates: whose rates are they? --format ecb or --format cbr%s%s\n",
                format ? ", not " : "", format ? format : "");
        return false;
    }
    import->source = source ? source : import->bank->name;
    if (!mtr_schema_is_key(mtr_str_from(import->source)) || strlen(import->source) > SOURCE_BYTES_MAX) {
        fprintf(stderr, "meterd import-rates: --source is a key of at most %d letters, digits and . _ : -\n",
                SOURCE_BYTES_MAX);
        return false;
    }
    if (since && mtr_time_parse_date(mtr_str_from(since), &time_us)) {
        fprintf(stderr, "meterd import-rates: --since takes a date (2026-11-20), not '%s'\n", since);
        return false;
    }
    import->since_day = time_us / MTR_US_PER_DAY;
    return true;
}

static int run(const struct cli_invocation *invocation)
{
    struct import_rates import = {.invocation = invocation};
    int code = MTR_EXIT_OK;
    if (!read_options(&import)) return MTR_EXIT_USAGE;
    if (!invocation_flag(invocation, "print")) code = client_open(invocation, &import.client);
    if (code) return code;
    mtr_arena_init(&import.arena, 1 << 16, ARENA_BYTES_MAX);
    for (uint32_t i = 0; !code && i < invocation->argument_count; i++)
        code = import_one(&import, invocation->arguments[i]);
    mtr_arena_release(&import.arena);
    mtr_http_session_close(import.session);
    client_close(import.client);
    return code;
}

static const struct cli_option options[] = {
    {"format", 0, "BANK", "ecb (European Central Bank) or cbr (Bank of Russia): whose XML it is"},
    {"source", 0, "KEY", "name of the source, as tariffs ask for it (default: the bank's)"},
    {"since", 0, "DATE", "only rates of this day and later"},
    {"print", 0, NULL, "print the documents instead of applying them; needs no daemon"},
    {"dry-run", 0, NULL, "check and say what would change"},
    CLI_JSON_OPTION,
    CLI_CLIENT_OPTIONS,
    {0},
};

const struct cli_command cli_import_rates = {
    .name = "import-rates",
    .arguments = "FILE…",
    .arguments_min = 1,
    .arguments_max = 64,
    .doc = "import a central bank's rates of exchange, from files or addresses",
    .text = "FILE may be an address: https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml with "
            "--format ecb,\n"
            "https://www.cbr.ru/scripts/XML_daily.asp with --format cbr. Each day becomes a document of its "
            "own; the same rates again change nothing.\n",
    .options = options,
    .run = run,
};
