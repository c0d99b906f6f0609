/*
 * Rates for meterd price: documents out of files, and single rates as they are written on a command line.
 */
#include "daemon/cli/price/rates_option.h"

#include <stdio.h>
#include <string.h>

#include "daemon/query/quote/quote_rates.h"
#include "meterd/core/json_writer.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"
#include "daemon/cli/inputs.h"

enum { FINDINGS_MAX = 200, ARENA_BYTES_MAX = 256 << 20 };
enum { DOCUMENT_BYTES_MAX = 16 << 20, CODE_BYTES = 3, DATE_BYTES = 10 };

static int append_item(const struct rates_made *out, struct mtr_str json,
                       const struct price_rates_place *place)
{
    int rc = out->json->size > 1 ? mtr_buffer_append_char(out->json, ',') : MTR_OK;
    if (!rc) rc = mtr_buffer_append_str(out->json, json);
    return rc ? rc : mtr_buffer_append(out->places, place, sizeof(*place));
}

static int add_documents(const char *path, const struct mtr_node *root, const struct rates_made *out)
{
    const struct mtr_node *list = root ? mtr_node_get(root, "rates") : NULL;
    struct mtr_buffer json;
    int rc = MTR_OK;
    mtr_buffer_init(&json, DOCUMENT_BYTES_MAX);
    for (uint32_t i = 0; list && !rc && i < list->child_count; i++) {
        const struct price_rates_place place = {path, list->children[i].line, list->children[i].column};
        mtr_buffer_reset(&json);
        rc = mtr_node_write_json(&list->children[i], &json);
        if (!rc) rc = append_item(out, mtr_buffer_str(&json), &place);
    }
    mtr_buffer_release(&json);
    return rc;
}

/* Those that say all that they are of; the others need the tariff. */
static int read_whole(const struct mtr_node *list, struct mtr_arena *arena, struct mtr_diagnostics *findings)
{
    struct mtr_rates rates;
    int result = MTR_OK;
    for (uint32_t i = 0; i < list->child_count; i++) {
        const struct mtr_node *document = &list->children[i];
        if (document->kind != MTR_NODE_MAP || !mtr_node_get(document, "source") ||
            !mtr_node_get(document, "base"))
            continue;
        int rc = mtr_rates_read(document, arena, &rates, findings);
        if (rc) result = rc;
    }
    return result;
}

/* With the places of the file: the request repeats the rates as JSON, where places say nothing. */
static int check_documents(const char *path, const struct mtr_node *root,
                           const struct mtr_tariff_document *tariff)
{
    const struct mtr_node *list = root ? mtr_node_get(root, "rates") : NULL;
    struct mtr_rate_book book = {0};
    struct mtr_diagnostics findings;
    struct mtr_arena arena;
    if (!list) return MTR_EXIT_OK;
    mtr_diagnostics_init(&findings, FINDINGS_MAX);
    mtr_arena_init(&arena, 1 << 16, ARENA_BYTES_MAX);
    int rc = tariff ? quote_rates_read(list, tariff, &arena, &book, &findings)
                    : read_whole(list, &arena, &findings);
    cli_print_findings(path, &findings);
    mtr_arena_release(&arena);
    mtr_diagnostics_release(&findings);
    return rc ? MTR_EXIT_CONFIG : MTR_EXIT_OK;
}

static int add_file(const char *path, const struct mtr_tariff_document *tariff, const struct rates_made *out)
{
    struct mtr_buffer text;
    struct mtr_document *document = NULL;
    struct mtr_diagnostic broken;
    int code = cli_load_file(path, MTR_DOCUMENT_BYTES_MAX, &text);
    if (code) return code;
    if (mtr_document_parse(mtr_buffer_str(&text), &document, &broken)) {
        cli_print_finding(path, &broken);
        code = MTR_EXIT_CONFIG;
    } else if (!mtr_node_get(mtr_document_root(document), "rates")) {
        fprintf(stderr, "meterd price: %s holds no `rates`\n", path);
        code = MTR_EXIT_USAGE;
    } else {
        code = check_documents(path, mtr_document_root(document), tariff);
    }
    if (!code && add_documents(path, mtr_document_root(document), out)) {
        fprintf(stderr, "meterd price: %s: too many rates\n", path);
        code = MTR_EXIT_FAILED;
    }
    mtr_document_close(document);
    mtr_buffer_release(&text);
    return code;
}

static int refuse_rate(const char *text, const char *fault)
{
    fprintf(stderr,
            "meterd price: --rate takes CURRENCY=NUMBER@DATE, as USD=1.0842@2026-11-20, not '%s'%s%s\n", text,
            *fault ? ": " : "", fault);
    return MTR_EXIT_USAGE;
}

/* USD=1.0842@2026-11-20: 1 of the tariff's currency is 1.0842 USD. */
static int add_rate(const char *text, const struct rates_made *out)
{
    const char *equals = strchr(text, '='), *at = strchr(text, '@');
    char currency[CODE_BYTES + 1], number[MTR_DECIMAL_TEXT_BYTES], document[512];
    char fault[MTR_NUMBER_FAULT_BYTES + MTR_DATE_FAULT_BYTES] = "";
    struct mtr_decimal decimal;
    int64_t time_us = 0;
    if (!equals || !at || at < equals || equals - text != CODE_BYTES ||
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != CODE_BYTES)
        return refuse_rate(text, "");
    const struct mtr_str value = {equals + 1, (size_t)(at - equals - 1)}, date = mtr_str_from(at + 1);
    if (value.size >= MTR_DECIMAL_TEXT_BYTES || mtr_decimal_parse(value, &decimal) != MTR_OK) {
        mtr_number_fault(value, fault);
        return refuse_rate(text, fault);
    }
    if (date.size != DATE_BYTES || mtr_time_parse_date(date, &time_us) != MTR_OK) {
        mtr_date_fault(date, fault);
        return refuse_rate(text, fault);
    }
    snprintf(currency, sizeof(currency), "%.3s", text);
    mtr_decimal_format(decimal, number);
    int size = snprintf(document, sizeof(document), "{\"date\":\"%s\",\"quotes\":{\"%s\":\"%s\"}}", at + 1,
                        currency, number);
    const struct price_rates_place place = {NULL, 0, 0};
    return append_item(out, (struct mtr_str){document, (size_t)size}, &place) ? MTR_EXIT_FAILED : MTR_EXIT_OK;
}

int rates_option_write(const struct cli_invocation *invocation, const struct price_bundle *bundle,
                       const struct mtr_tariff_document *tariff, const struct rates_made *out)
{
    const char *value;
    int code = check_documents(bundle->path, bundle->root, tariff);
    if (!code && (mtr_buffer_append_char(out->json, '[') || add_documents(bundle->path, bundle->root, out)))
        code = MTR_EXIT_FAILED;
    for (uint32_t i = 0; !code && (value = invocation_option_at(invocation, "rates", i)) != NULL; i++)
        code = add_file(value, tariff, out);
    for (uint32_t i = 0; !code && (value = invocation_option_at(invocation, "rate", i)) != NULL; i++)
        code = add_rate(value, out);
    if (!code && out->json->size == 1) mtr_buffer_reset(out->json);
    else if (!code && mtr_buffer_append_char(out->json, ']')) code = MTR_EXIT_FAILED;
    return code;
}
