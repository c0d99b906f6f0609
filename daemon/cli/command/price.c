/*
 * meterd price: a quantity under a tariff file, or a tariff of the catalog through the daemon. Touches no
 * store; with --what-if (a file of its own) it reads them.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/cli/command/price_curve.h"
#include "daemon/cli/command/price_what_if.h"
#include "daemon/cli/command/rates_option.h"
#include "daemon/cli/command/series_file.h"
#include "daemon/cli/trace_table.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"
#include "daemon/cli/client.h"
#include "daemon/cli/command.h"
#include "daemon/cli/inputs.h"
#include "meterd/query/quote.h"
#include "daemon/cli/table.h"
#include "meterd/net/loop.h"

enum { REQUEST_BYTES_MAX = 32 << 20, ARENA_BYTES_MAX = 256 << 20, FINDINGS_MAX = 200 };

static const struct mtr_str nothing = {NULL, 0};

/* The tariff of that key in a bundle; NULL: none. */
static const struct mtr_node *tariff_in_bundle(const struct mtr_node *root, const char *key)
{
    const struct mtr_node *tariffs = mtr_node_get(root, "tariffs");
    for (uint32_t i = 0; key && tariffs && i < tariffs->child_count; i++) {
        const struct mtr_node *own = mtr_node_get(&tariffs->children[i], "key");
        if (own && mtr_str_equal(own->text, mtr_str_from(key))) return &tariffs->children[i];
    }
    return NULL;
}

/* In a file: the document itself, or of a bundle's `tariffs` the one that --tariff names, or the only one. */
static const struct mtr_node *tariff_of(const struct mtr_invocation *invocation, const struct mtr_node *root)
{
    const struct mtr_node *tariffs = mtr_node_get(root, "tariffs");
    const char *key = invocation_option(invocation, "tariff");
    if (!tariffs) return root;
    if (key) return tariff_in_bundle(root, key);
    return tariffs->kind == MTR_NODE_LIST && tariffs->child_count == 1 ? &tariffs->children[0] : NULL;
}

static void write_dimensions(const struct mtr_invocation *invocation, struct mtr_json_writer *json)
{
    const char *pair;
    mtr_json_name(json, "dimensions");
    mtr_json_map(json);
    for (uint32_t i = 0; (pair = invocation_option_at(invocation, "dim", i)) != NULL; i++) {
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

/* --quantity METER=N, once for each meter of the component. */
static bool names_meters(const struct mtr_invocation *invocation)
{
    const char *quantity = invocation_option(invocation, "quantity");
    return quantity && strchr(quantity, '=');
}

static void write_quantities(const struct mtr_invocation *invocation, struct mtr_json_writer *json)
{
    const char *quantity;
    mtr_json_name(json, "usage");
    mtr_json_list(json);
    for (uint32_t i = 0; (quantity = invocation_option_at(invocation, "quantity", i)) != NULL; i++) {
        const char *equals = strchr(quantity, '=');
        mtr_json_map(json);
        write_text(json, "component", invocation_option(invocation, "component"));
        mtr_json_name(json, "meter");
        mtr_json_text(json, (struct mtr_str){quantity, (size_t)(equals - quantity)});
        write_text(json, "quantity", equals + 1);
        write_dimensions(invocation, json);
        mtr_json_map_end(json);
    }
    mtr_json_list_end(json);
}

/* What a request is made of beside the options, as JSON. */
struct request_parts {
    struct mtr_str tariff; /* a document, or a key as a string */
    struct mtr_str cost;   /* the same; empty: none */
    struct mtr_str series; /* a list; empty: none */
    struct mtr_str rates;  /* the same */
    struct mtr_str meters; /* the same */
};

static void write_part(struct mtr_json_writer *json, const char *name, struct mtr_str part)
{
    if (!part.size) return;
    mtr_json_name(json, name);
    mtr_json_raw(json, part);
}

/* --credit AMOUNT[:PRIORITY[:EXPIRES]] */
static void write_credits(const struct mtr_invocation *invocation, struct mtr_json_writer *json)
{
    const char *text;
    mtr_json_name(json, "credits");
    mtr_json_list(json);
    for (uint32_t i = 0; (text = invocation_option_at(invocation, "credit", i)) != NULL; i++) {
        const char *end = text + strlen(text), *first = strchr(text, ':'),
                   *second = first ? strchr(first + 1, ':') : NULL;
        mtr_json_map(json);
        mtr_json_name(json, "amount");
        mtr_json_text(json, (struct mtr_str){text, (size_t)((first ? first : end) - text)});
        if (first) {
            const struct mtr_str priority = {first + 1, (size_t)((second ? second : end) - first - 1)};
            uint64_t number = 0;
            mtr_json_name(json, "priority");
            if (mtr_str_to_u64(priority, &number)) mtr_json_u64(json, number);
            else mtr_json_text(json, priority); /* a finding of the request */
        }
        if (second) write_text(json, "expires", second + 1);
        mtr_json_map_end(json);
    }
    mtr_json_list_end(json);
}

static int write_request(const struct mtr_invocation *invocation, const struct request_parts *parts,
                         struct mtr_buffer *out)
{
    static const char *const options[] = {"at", "component", "currency", "customer", "subscription", "zone"};
    struct mtr_json_writer json;
    mtr_json_begin(&json, out);
    mtr_json_map(&json);
    write_part(&json, "tariff", parts->tariff);
    write_part(&json, "cost", parts->cost);
    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
        write_text(&json, options[i], invocation_option(invocation, options[i]));
    if (!names_meters(invocation))
        write_text(&json, "quantity", invocation_option(invocation, "quantity"));
    write_dimensions(invocation, &json);
    write_part(&json, "usage", parts->series);
    write_part(&json, "rates", parts->rates);
    write_part(&json, "meters", parts->meters);
    write_credits(invocation, &json);
    if (!parts->series.size && names_meters(invocation)) write_quantities(invocation, &json);
    mtr_json_name(&json, "trace");
    mtr_json_bool(&json, invocation_flag(invocation, "trace"));
    mtr_json_map_end(&json);
    return mtr_json_finish(&json);
}

static const struct {
    const char *title, *member;
    enum mtr_table_align align;
    bool of_cost;
} columns[] = {
    {"COMPONENT", "component", MTR_TABLE_LEFT, false},   {"KIND", "kind", MTR_TABLE_LEFT, false},
    {"DIMENSIONS", "dimensions", MTR_TABLE_LEFT, false}, {"QUANTITY", "quantity", MTR_TABLE_RIGHT, false},
    {"UNIT PRICE", "unit_price", MTR_TABLE_RIGHT, false}, {"AMOUNT", "amount", MTR_TABLE_RIGHT, false},
    {"COST", "cost", MTR_TABLE_RIGHT, true},             {"MARGIN", "margin", MTR_TABLE_RIGHT, true},
};
enum { COLUMN_COUNT = sizeof(columns) / sizeof(columns[0]) };

static void add_columns(struct mtr_table *table, bool with_cost)
{
    for (size_t c = 0; c < COLUMN_COUNT; c++)
        if (with_cost || !columns[c].of_cost) table_column(table, columns[c].title, columns[c].align);
}

static void add_cells(struct mtr_table *table, const struct mtr_node *line, bool with_cost)
{
    for (size_t c = 0; c < COLUMN_COUNT; c++)
        if (with_cost || !columns[c].of_cost) table_cell(table, mtr_node_text(line, columns[c].member));
}

static void print_lines(const struct mtr_node *lines, bool with_cost)
{
    struct mtr_table *table = table_open(stdout);
    add_columns(table, with_cost);
    for (uint32_t i = 0; lines && i < lines->child_count; i++) {
        table_row(table);
        add_cells(table, &lines->children[i], with_cost);
    }
    table_print(table);
    table_close(table);
}

static void print_total(const struct mtr_node *root)
{
    printf("total %.*s %.*s", MTR_STR_ARGS(mtr_node_text(root, "total")),
           MTR_STR_ARGS(mtr_node_text(root, "currency")));
    if (mtr_node_get(root, "cost"))
        printf(", cost %.*s, margin %.*s", MTR_STR_ARGS(mtr_node_text(root, "cost")),
               MTR_STR_ARGS(mtr_node_text(root, "margin")));
    printf("\n");
}

/* Parts of a series: lines say when theirs begins, and at which rate it was exchanged (all lines are, or
 * none). */
static void print_parts(const struct mtr_node *root)
{
    const struct mtr_node *lines = mtr_node_get(root, "lines"), *trace = mtr_node_get(root, "trace");
    const bool exchanged = lines->child_count && mtr_node_get(&lines->children[0], "exchange");
    struct mtr_table *table = table_open(stdout);
    const bool with_cost = mtr_node_get(root, "cost");
    table_column(table, "FROM", MTR_TABLE_LEFT);
    add_columns(table, with_cost);
    if (exchanged) table_column(table, "RATE", MTR_TABLE_RIGHT);
    if (exchanged) table_column(table, "OF", MTR_TABLE_LEFT);
    for (uint32_t i = 0; i < lines->child_count; i++) {
        const struct mtr_node *exchange = mtr_node_get(&lines->children[i], "exchange");
        table_row(table);
        table_cell(table, trace_day(&lines->children[i]));
        add_cells(table, &lines->children[i], with_cost);
        if (exchanged) table_cell(table, mtr_node_text(exchange, "rate"));
        if (exchanged) table_cell(table, mtr_node_text(exchange, "date"));
    }
    table_print(table);
    table_close(table);
    print_total(root);
    if (!trace || !trace->child_count) return;
    printf("\n");
    trace_table_print(root, nothing);
}

/* "1.0842 USD for 1 EUR (direct rate of ecb, 2026-11-20)". */
static void print_exchange(const struct mtr_node *root, const struct mtr_node *exchange)
{
    if (!exchange) return;
    printf("exchanged at %.*s %.*s for 1 %.*s (%.*s rate of %.*s, %.*s; %.*s)\n",
           MTR_STR_ARGS(mtr_node_text(exchange, "rate")), MTR_STR_ARGS(mtr_node_text(root, "currency")),
           MTR_STR_ARGS(mtr_node_text(exchange, "currency")),
           MTR_STR_ARGS(mtr_node_text(exchange, "derivation")),
           MTR_STR_ARGS(mtr_node_text(exchange, "source")), MTR_STR_ARGS(mtr_node_text(exchange, "date")),
           MTR_STR_ARGS(mtr_node_text(exchange, "rule")));
}

static void print_price(const struct mtr_node *root)
{
    const struct mtr_node *trace = mtr_node_get(root, "trace"), *lines = mtr_node_get(root, "lines");
    print_lines(lines, mtr_node_get(root, "cost"));
    print_total(root);
    if (lines && lines->child_count) print_exchange(root, mtr_node_get(&lines->children[0], "exchange"));
    if (trace && trace->child_count) {
        printf("\n");
        trace_table_print(root, nothing);
    }
}

static int print_answer(const struct mtr_invocation *invocation, struct mtr_str answer)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    if (invocation_flag(invocation, "json")) {
        printf("%.*s\n", MTR_STR_ARGS(answer));
        return MTR_EXIT_OK;
    }
    if (mtr_document_parse(answer, &document, &diagnostic)) {
        fprintf(stderr, "meterd: the price cannot be printed: %s\n", diagnostic.text);
        return MTR_EXIT_FAILED;
    }
    const struct mtr_node *root = mtr_document_root(document);
    if (mtr_node_get(root, "periods")) print_parts(root);
    else print_price(root);
    mtr_document_close(document);
    return MTR_EXIT_OK;
}

/* The tariff's findings are reported with the places of its file: the request repeats it as JSON, where
 * places say nothing. */
static int check_tariff(const char *path, const struct mtr_node *tariff, struct mtr_arena *arena,
                        struct mtr_tariff_document *out)
{
    struct mtr_diagnostics findings;
    mtr_diagnostics_init(&findings, FINDINGS_MAX);
    int rc = mtr_tariff_read(tariff, arena, out, &findings);
    cli_print_findings(path, &findings);
    mtr_diagnostics_release(&findings);
    return rc ? MTR_EXIT_CONFIG : MTR_EXIT_OK;
}

static int price_here(const struct mtr_invocation *invocation, struct mtr_str request,
                      struct mtr_arena *arena)
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
    else if (rc) cli_print_findings("request", &findings);
    else code = print_answer(invocation, mtr_buffer_str(&answer));
    mtr_buffer_release(&answer);
    mtr_diagnostics_release(&findings);
    return code;
}

/* --cost as JSON: a tariff of the bundle by its key, or of a file; else the key itself, where there is a
 * daemon that knows it. */
static int write_cost(const struct mtr_invocation *invocation, const struct mtr_node *bundle,
                      struct mtr_buffer *out)
{
    const char *cost = invocation_option(invocation, "cost");
    const struct mtr_node *found = bundle ? tariff_in_bundle(bundle, cost) : NULL;
    struct mtr_document *document = NULL;
    struct mtr_diagnostic broken;
    struct mtr_json_writer json;
    struct mtr_buffer text;
    if (!cost) return MTR_EXIT_OK;
    if (found) return mtr_node_write_json(found, out) ? MTR_EXIT_FAILED : MTR_EXIT_OK;
    if (!bundle && access(cost, F_OK) != 0) {
        mtr_json_begin(&json, out);
        mtr_json_cstr(&json, cost);
        return mtr_json_finish(&json) ? MTR_EXIT_FAILED : MTR_EXIT_OK;
    }
    int code = cli_load_file(cost, MTR_DOCUMENT_BYTES_MAX, &text);
    if (code) return code;
    if (mtr_document_parse(mtr_buffer_str(&text), &document, &broken)) {
        fprintf(stderr, "%s:%u:%u: error: %s\n", cost, broken.line, broken.column, broken.text);
        code = MTR_EXIT_CONFIG;
    } else if (mtr_node_write_json(mtr_document_root(document), out)) {
        code = MTR_EXIT_FAILED;
    }
    mtr_document_close(document);
    mtr_buffer_release(&text);
    return code;
}

/* Prices what the invocation asks for under a checked document of a file, measured by the meters that
 * stand beside it. */
static int price_document(const struct mtr_invocation *invocation, const struct mtr_node *root,
                          const struct mtr_node *tariff, struct mtr_str series, struct mtr_arena *arena)
{
    const struct mtr_node *own_meters = mtr_node_get(root, "meters");
    struct mtr_buffer tariff_json, cost_json, rates, meters, request;
    mtr_buffer_init(&tariff_json, REQUEST_BYTES_MAX);
    mtr_buffer_init(&meters, REQUEST_BYTES_MAX);
    mtr_buffer_init(&cost_json, REQUEST_BYTES_MAX);
    mtr_buffer_init(&rates, REQUEST_BYTES_MAX);
    mtr_buffer_init(&request, REQUEST_BYTES_MAX);
    int code = write_cost(invocation, root, &cost_json);
    if (!code) code = rates_option_write(invocation, root, &rates);
    int rc = code ? MTR_OK : mtr_node_write_json(tariff, &tariff_json);
    if (!code && !rc && own_meters) rc = mtr_node_write_json(own_meters, &meters);
    const struct request_parts parts = {mtr_buffer_str(&tariff_json), mtr_buffer_str(&cost_json), series,
                                        mtr_buffer_str(&rates), mtr_buffer_str(&meters)};
    if (!code && !rc) rc = write_request(invocation, &parts, &request);
    if (!code && !rc) code = price_here(invocation, mtr_buffer_str(&request), arena);
    if (rc) {
        fprintf(stderr, "meterd: the request is too large\n");
        code = MTR_EXIT_FAILED;
    }
    mtr_buffer_release(&request);
    mtr_buffer_release(&meters);
    mtr_buffer_release(&rates);
    mtr_buffer_release(&cost_json);
    mtr_buffer_release(&tariff_json);
    return code;
}

/* The curve of the tariff as it is for whom the options name. */
static int plot(const struct mtr_invocation *invocation, const struct mtr_tariff_document *tariff,
                struct mtr_arena *arena)
{
    const struct mtr_tariff_party party = {
        .currency = mtr_str_from(invocation_option(invocation, "currency")),
        .subscription = mtr_str_from(invocation_option(invocation, "subscription")),
        .customer = mtr_str_from(invocation_option(invocation, "customer")),
    };
    struct mtr_tariff_document own;
    int rc = mtr_tariff_for(tariff, &party, arena, &own);
    if (!rc) return command_price_curve(invocation, &own, arena);
    if (rc == MTR_ENOTFOUND)
        fprintf(stderr, "meterd: the tariff has no prices in %.*s\n", MTR_STR_ARGS(party.currency));
    else fprintf(stderr, "meterd: cannot plot this: %s\n", mtr_error_text(rc));
    return MTR_EXIT_FAILED;
}

static int price_file(const struct mtr_invocation *invocation, const char *path, struct mtr_str series)
{
    struct mtr_tariff_document checked = {0};
    struct mtr_buffer text;
    struct mtr_document *document = NULL;
    struct mtr_diagnostic broken;
    struct mtr_arena arena;
    int code = cli_load_file(path, MTR_DOCUMENT_BYTES_MAX, &text);
    if (code) return code;
    mtr_arena_init(&arena, 1 << 16, ARENA_BYTES_MAX);
    if (mtr_document_parse(mtr_buffer_str(&text), &document, &broken)) {
        fprintf(stderr, "%s:%u:%u: error: %s\n", path, broken.line, broken.column, broken.text);
        code = MTR_EXIT_CONFIG;
    }
    const struct mtr_node *root = code ? NULL : mtr_document_root(document),
                          *tariff = root ? tariff_of(invocation, root) : NULL;
    if (!code && !tariff) {
        fprintf(stderr, "meterd: %s holds several tariffs: name one of them with --tariff\n", path);
        code = MTR_EXIT_USAGE;
    }
    if (!code) code = check_tariff(path, tariff, &arena, &checked);
    if (!code && invocation_flag(invocation, "curve")) code = plot(invocation, &checked, &arena);
    else if (!code) code = price_document(invocation, root, tariff, series, &arena);
    mtr_document_close(document);
    mtr_buffer_release(&text);
    mtr_arena_release(&arena);
    return code;
}

/* The curve needs the document itself: one call instead of one per point. */
static int plot_stored(const struct mtr_invocation *invocation, struct mtr_client *client, const char *key)
{
    struct mtr_tariff_document checked = {0};
    struct mtr_document *answer = NULL;
    struct mtr_buffer path;
    struct mtr_arena arena;
    int code = MTR_EXIT_FAILED;
    mtr_arena_init(&arena, 1 << 16, ARENA_BYTES_MAX);
    mtr_buffer_init(&path, 1 << 12);
    if (mtr_buffer_printf(&path, "/v1/catalog/tariff/") == MTR_OK &&
        client_escape(&path, mtr_str_from(key)) == MTR_OK &&
        mtr_buffer_append_char(&path, '\0') == MTR_OK)
        code = client_json(client, "GET", path.data, NULL, nothing, &answer);
    if (!code)
        code = check_tariff(key, mtr_node_get(mtr_document_root(answer), "document"), &arena, &checked);
    if (!code) code = plot(invocation, &checked, &arena);
    mtr_document_close(answer);
    mtr_buffer_release(&path);
    mtr_arena_release(&arena);
    return code;
}

static int price_stored(const struct mtr_invocation *invocation, const char *key, struct mtr_str series)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct mtr_client *client;
    struct mtr_buffer request, name, cost, rates;
    struct mtr_json_writer json;
    int code = client_open(invocation, &client);
    if (code) return code;
    if (invocation_flag(invocation, "curve")) {
        code = plot_stored(invocation, client, key);
        client_close(client);
        return code;
    }
    mtr_buffer_init(&request, REQUEST_BYTES_MAX);
    mtr_buffer_init(&name, 1 << 16);
    mtr_buffer_init(&cost, REQUEST_BYTES_MAX);
    mtr_buffer_init(&rates, REQUEST_BYTES_MAX);
    mtr_json_begin(&json, &name);
    mtr_json_cstr(&json, key);
    if (mtr_json_finish(&json)) code = MTR_EXIT_FAILED;
    if (!code) code = write_cost(invocation, NULL, &cost);
    if (!code) code = rates_option_write(invocation, NULL, &rates);
    const struct request_parts parts = {.tariff = mtr_buffer_str(&name),
                                        .cost = mtr_buffer_str(&cost),
                                        .series = series,
                                        .rates = mtr_buffer_str(&rates)};
    if (!code && write_request(invocation, &parts, &request)) code = MTR_EXIT_FAILED;
    struct mtr_document *document = NULL;
    if (!code)
        code = client_json(client, "POST", "/v1/price", headers, mtr_buffer_str(&request), &document);
    mtr_buffer_reset(&request);
    if (!code && mtr_node_write_json(mtr_document_root(document), &request) == MTR_OK)
        code = print_answer(invocation, mtr_buffer_str(&request));
    mtr_document_close(document);
    mtr_buffer_release(&rates);
    mtr_buffer_release(&cost);
    mtr_buffer_release(&name);
    mtr_buffer_release(&request);
    client_close(client);
    return code;
}

static bool check_dimensions(const struct mtr_invocation *invocation)
{
    const char *pair;
    for (uint32_t i = 0; (pair = invocation_option_at(invocation, "dim", i)) != NULL; i++) {
        const char *equals = strchr(pair, '=');
        if (equals && equals > pair && equals - pair <= MTR_PROPERTY_NAME_BYTES_MAX) continue;
        fprintf(stderr, "meterd price: --dim takes NAME=VALUE, not '%s'\n", pair);
        return false;
    }
    return true;
}

/* One number, or METER=N each. */
static bool check_quantities(const struct mtr_invocation *invocation)
{
    const char *quantity;
    const bool named = names_meters(invocation);
    for (uint32_t i = 0; (quantity = invocation_option_at(invocation, "quantity", i)) != NULL; i++) {
        const char *equals = strchr(quantity, '=');
        if (named ? equals && equals > quantity && equals[1] : i == 0 && !equals) continue;
        fprintf(stderr, "meterd price: --quantity takes one number, or METER=N for each meter, not '%s'\n",
                quantity);
        return false;
    }
    if (!named || !(invocation_option(invocation, "series") || invocation_flag(invocation, "curve")))
        return true;
    fprintf(stderr, "meterd price: --quantity METER=N stands beside neither --series nor --curve\n");
    return false;
}

int command_price(const struct mtr_invocation *invocation)
{
    if (!check_quantities(invocation)) return MTR_EXIT_USAGE;
    if (!check_dimensions(invocation)) return MTR_EXIT_USAGE;
    if (invocation_flag(invocation, "what-if")) return command_price_what_if(invocation);
    const char *tariff = invocation->arguments[0], *series = invocation_option(invocation, "series");
    bool is_file = strcmp(tariff, "-") == 0 || access(tariff, F_OK) == 0;
    struct mtr_buffer rows;
    int code = MTR_EXIT_OK;
    if (series && invocation_flag(invocation, "curve")) {
        fprintf(stderr, "meterd: --curve plots every quantity: leave out --series\n");
        return MTR_EXIT_USAGE;
    }
    mtr_buffer_init(&rows, REQUEST_BYTES_MAX);
    if (series) code = series_file_read(series, &rows);
    if (!code)
        code = is_file ? price_file(invocation, tariff, mtr_buffer_str(&rows))
                       : price_stored(invocation, tariff, mtr_buffer_str(&rows));
    mtr_buffer_release(&rows);
    return code;
}
