/*
 * meterd price: a quantity under a tariff file, or a tariff of the catalog through the daemon. Touches no store.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/trace_table.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"
#include "meterd/daemon/client.h"
#include "meterd/daemon/command.h"
#include "meterd/daemon/load.h"
#include "meterd/daemon/price_request.h"
#include "meterd/daemon/table.h"
#include "meterd/net/loop.h"

enum { REQUEST_BYTES_MAX = 32 << 20, ARENA_BYTES_MAX = 256 << 20, FINDINGS_MAX = 200 };

static const struct mtr_str nothing = {NULL, 0};

/* In a file: the document itself, or the only one of a bundle's `tariffs`. */
static const struct mtr_node *tariff_of(const struct mtr_node *root)
{
    const struct mtr_node *tariffs = mtr_node_get(root, "tariffs");
    if (!tariffs) return root;
    return tariffs->kind == MTR_NODE_LIST && tariffs->child_count == 1 ? &tariffs->children[0] : NULL;
}

static void write_dimensions(const struct mtr_invocation *invocation, struct mtr_json_writer *json)
{
    const char *pair;
    mtr_json_name(json, "dimensions");
    mtr_json_map(json);
    for (uint32_t i = 0; (pair = mtr_invocation_option_at(invocation, "dim", i)) != NULL; i++) {
        char name[MTR_PROPERTY_NAME_BYTES_MAX + 1];
        const char *equals = strchr(pair, '=');
        snprintf(name, sizeof(name), "%.*s", (int)(equals - pair), pair);
        mtr_json_name(json, name);
        mtr_json_cstr(json, equals + 1);
    }
    mtr_json_map_end(json);
}

static void write_text(struct mtr_json_writer *json, const char *name, const char *text)
{
    if (!text) return;
    mtr_json_name(json, name);
    mtr_json_cstr(json, text);
}

/* `tariff` is JSON: a document, or a key as a string. */
static int write_request(const struct mtr_invocation *invocation, struct mtr_str tariff, struct mtr_buffer *out)
{
    struct mtr_json_writer json;
    mtr_json_begin(&json, out);
    mtr_json_map(&json);
    mtr_json_name(&json, "tariff");
    mtr_json_raw(&json, tariff);
    write_text(&json, "at", mtr_invocation_option(invocation, "at"));
    write_text(&json, "component", mtr_invocation_option(invocation, "component"));
    write_text(&json, "quantity", mtr_invocation_option(invocation, "quantity"));
    write_dimensions(invocation, &json);
    mtr_json_name(&json, "trace");
    mtr_json_bool(&json, mtr_invocation_flag(invocation, "trace"));
    mtr_json_map_end(&json);
    return mtr_json_finish(&json);
}

static struct mtr_str text_of(const struct mtr_node *map, const char *key)
{
    const struct mtr_node *node = mtr_node_get(map, key);
    return node && node->kind != MTR_NODE_NULL ? node->text : nothing;
}

static void print_lines(const struct mtr_node *lines)
{
    static const struct {
        const char *title, *member;
        enum mtr_table_align align;
    } columns[] = {
        {"COMPONENT", "component", MTR_TABLE_LEFT},    {"KIND", "kind", MTR_TABLE_LEFT},
        {"DIMENSIONS", "dimensions", MTR_TABLE_LEFT},  {"QUANTITY", "quantity", MTR_TABLE_RIGHT},
        {"UNIT PRICE", "unit_price", MTR_TABLE_RIGHT}, {"AMOUNT", "amount", MTR_TABLE_RIGHT},
    };
    const size_t count = sizeof(columns) / sizeof(columns[0]);
    struct mtr_table *table = mtr_table_open(stdout);
    for (size_t c = 0; c < count; c++) mtr_table_column(table, columns[c].title, columns[c].align);
    for (uint32_t i = 0; lines && i < lines->child_count; i++) {
        mtr_table_row(table);
        for (size_t c = 0; c < count; c++) mtr_table_cell(table, text_of(&lines->children[i], columns[c].member));
    }
    mtr_table_print(table);
    mtr_table_close(table);
}

static void print_price(const struct mtr_node *root)
{
    const struct mtr_node *trace = mtr_node_get(root, "trace");
    print_lines(mtr_node_get(root, "lines"));
    printf("total %.*s %.*s\n", MTR_STR_ARGS(text_of(root, "total")), MTR_STR_ARGS(text_of(root, "currency")));
    if (trace && trace->child_count) {
        printf("\n");
        mtr_trace_table_print(root, nothing);
    }
}

static int print_answer(const struct mtr_invocation *invocation, struct mtr_str answer)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    if (mtr_invocation_flag(invocation, "json")) {
        printf("%.*s\n", MTR_STR_ARGS(answer));
        return MTR_EXIT_OK;
    }
    if (mtr_document_parse(answer, &document, &diagnostic)) {
        fprintf(stderr, "meterd: the price cannot be printed: %s\n", diagnostic.text);
        return MTR_EXIT_FAILED;
    }
    print_price(mtr_document_root(document));
    mtr_document_close(document);
    return MTR_EXIT_OK;
}

/* The tariff's findings are reported with the places of its file: the request repeats it as JSON, where places say nothing. */
static int check_tariff(const char *path, const struct mtr_node *tariff, struct mtr_arena *arena)
{
    struct mtr_diagnostics findings;
    struct mtr_tariff_document document = {0};
    mtr_diagnostics_init(&findings, FINDINGS_MAX);
    int rc = mtr_tariff_read(tariff, arena, &document, &findings);
    mtr_print_findings(path, &findings);
    mtr_diagnostics_release(&findings);
    return rc ? MTR_EXIT_CONFIG : MTR_EXIT_OK;
}

static int price_here(const struct mtr_invocation *invocation, struct mtr_str request, struct mtr_arena *arena)
{
    struct mtr_diagnostics findings;
    struct mtr_json_writer json;
    struct mtr_buffer answer;
    mtr_diagnostics_init(&findings, FINDINGS_MAX);
    mtr_buffer_init(&answer, ARENA_BYTES_MAX);
    mtr_json_begin(&json, &answer);
    int rc = mtr_price_request_run(request, NULL, mtr_clock_wall_us(), arena, &json, &findings);
    if (!rc) rc = mtr_json_finish(&json);
    int code = MTR_EXIT_FAILED;
    if (rc && !findings.count) fprintf(stderr, "meterd: cannot price this: %s\n", mtr_error_text(rc));
    else if (rc) mtr_print_findings("request", &findings);
    else code = print_answer(invocation, mtr_buffer_str(&answer));
    mtr_buffer_release(&answer);
    mtr_diagnostics_release(&findings);
    return code;
}

static int price_file(const struct mtr_invocation *invocation, const char *path)
{
    struct mtr_buffer text, tariff_json, request;
    struct mtr_document *document = NULL;
    struct mtr_diagnostic broken;
    struct mtr_arena arena;
    int code = mtr_load_file(path, MTR_DOCUMENT_BYTES_MAX, &text);
    if (code) return code;
    mtr_arena_init(&arena, 1 << 16, ARENA_BYTES_MAX);
    mtr_buffer_init(&tariff_json, REQUEST_BYTES_MAX);
    mtr_buffer_init(&request, REQUEST_BYTES_MAX);
    if (mtr_document_parse(mtr_buffer_str(&text), &document, &broken)) {
        fprintf(stderr, "%s:%u:%u: error: %s\n", path, broken.line, broken.column, broken.text);
        code = MTR_EXIT_CONFIG;
    }
    const struct mtr_node *tariff = code ? NULL : tariff_of(mtr_document_root(document));
    if (!code && !tariff) {
        fprintf(stderr, "meterd: %s holds several tariffs; give a file with one\n", path);
        code = MTR_EXIT_USAGE;
    }
    if (!code) code = check_tariff(path, tariff, &arena);
    if (!code && (mtr_node_write_json(tariff, &tariff_json) || write_request(invocation, mtr_buffer_str(&tariff_json), &request)))
        code = MTR_EXIT_FAILED;
    if (!code) code = price_here(invocation, mtr_buffer_str(&request), &arena);
    mtr_document_close(document);
    mtr_buffer_release(&request);
    mtr_buffer_release(&tariff_json);
    mtr_buffer_release(&text);
    mtr_arena_release(&arena);
    return code;
}

static int price_stored(const struct mtr_invocation *invocation, const char *key)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct mtr_client *client;
    struct mtr_buffer request, name;
    struct mtr_json_writer json;
    int code = mtr_client_open(invocation, &client);
    if (code) return code;
    mtr_buffer_init(&request, REQUEST_BYTES_MAX);
    mtr_buffer_init(&name, 1 << 16);
    mtr_json_begin(&json, &name);
    mtr_json_cstr(&json, key);
    if (mtr_json_finish(&json) || write_request(invocation, mtr_buffer_str(&name), &request)) code = MTR_EXIT_FAILED;
    struct mtr_document *document = NULL;
    if (!code) code = mtr_client_json(client, "POST", "/v1/price", headers, mtr_buffer_str(&request), &document);
    mtr_buffer_reset(&request);
    if (!code && mtr_node_write_json(mtr_document_root(document), &request) == MTR_OK) code = print_answer(invocation, mtr_buffer_str(&request));
    mtr_document_close(document);
    mtr_buffer_release(&name);
    mtr_buffer_release(&request);
    mtr_client_close(client);
    return code;
}

static bool check_dimensions(const struct mtr_invocation *invocation)
{
    const char *pair;
    for (uint32_t i = 0; (pair = mtr_invocation_option_at(invocation, "dim", i)) != NULL; i++) {
        const char *equals = strchr(pair, '=');
        if (equals && equals > pair && equals - pair <= MTR_PROPERTY_NAME_BYTES_MAX) continue;
        fprintf(stderr, "meterd price: --dim takes NAME=VALUE, not '%s'\n", pair);
        return false;
    }
    return true;
}

int mtr_command_price(const struct mtr_invocation *invocation)
{
    if (!check_dimensions(invocation)) return MTR_EXIT_USAGE;
    const char *tariff = invocation->arguments[0];
    bool is_file = strcmp(tariff, "-") == 0 || access(tariff, F_OK) == 0;
    return is_file ? price_file(invocation, tariff) : price_stored(invocation, tariff);
}
