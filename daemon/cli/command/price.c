/*
 * meterd price: a quantity under a tariff file, or a tariff of the catalog through the daemon. Touches no
 * store; with --what-if (a file of its own) it reads them.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/cli/price/ask.h"
#include "daemon/cli/price/bundle.h"
#include "daemon/cli/price/curve.h"
#include "daemon/cli/price/places.h"
#include "daemon/cli/price/request.h"
#include "daemon/cli/price/table.h"
#include "daemon/cli/price/what_if.h"
#include "daemon/cli/price/whole.h"
#include "daemon/cli/price/rates_option.h"
#include "daemon/cli/price/series_file.h"
#include "daemon/cli/price/terms_option.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"
#include "daemon/cli/client.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/inputs.h"
#include "daemon/cli/modes.h"
#include "meterd/query/quote.h"
#include "meterd/net/loop.h"

enum { FINDINGS_MAX = 200 };

static const struct mtr_str nothing = {NULL, 0};

/* In a file: the document itself, or of a bundle's `tariffs` the one that --tariff names, or the only one. */
static int find_tariff(const struct cli_invocation *invocation, const struct price_bundle *bundle,
                       const struct mtr_node **out)
{
    const struct mtr_node *tariffs = mtr_node_get(bundle->root, "tariffs");
    const char *key = invocation_option(invocation, "tariff");
    *out = key ? price_bundle_find(bundle, mtr_str_from(key)) : bundle->root;
    if (key) return *out ? MTR_EXIT_OK : price_bundle_refuse(bundle, "tariff", mtr_str_from(key));
    if (tariffs && tariffs->kind == MTR_NODE_LIST && tariffs->child_count == 1) *out = &tariffs->children[0];
    if (!tariffs || *out != bundle->root) return MTR_EXIT_OK;
    const bool has_several = tariffs->kind == MTR_NODE_LIST && tariffs->child_count;
    fprintf(stderr, "meterd: %s holds %s\n", bundle->path,
            has_several ? "several tariffs: name one of them with --tariff" : "no tariff");
    return MTR_EXIT_USAGE;
}

/* What is wrong with the meters beside it, with the places of their file. */
static int check_meters(const char *path, const struct mtr_node *meters, struct mtr_arena *arena)
{
    struct mtr_diagnostics findings;
    struct mtr_meter meter;
    int code = MTR_EXIT_OK;
    if (!meters || meters->kind != MTR_NODE_LIST) return code;
    mtr_diagnostics_init(&findings, FINDINGS_MAX);
    for (uint32_t i = 0; i < meters->child_count; i++)
        if (mtr_meter_read(&meters->children[i], arena, &meter, &findings)) code = MTR_EXIT_CONFIG;
    cli_print_findings(path, &findings);
    mtr_diagnostics_release(&findings);
    return code;
}

/* A file that is there, or what can only be meant as one: no key of a tariff begins with . or /, and none
 * that anybody chose ends as documents do. */
static bool is_file_name(const char *name)
{
    static const char *const endings[] = {".yaml", ".yml", ".json"};
    const size_t size = strlen(name);
    if (*name == '-' || *name == '.' || *name == '/' || access(name, F_OK) == 0) return true;
    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
        if (size > strlen(endings[i]) && strcmp(name + size - strlen(endings[i]), endings[i]) == 0)
            return true;
    return false;
}

/* --cost as JSON: a tariff of the bundle by its key, or of a file; else the key itself, where there is a
 * daemon that knows it. */
static int write_cost(const struct cli_invocation *invocation, const struct price_bundle *bundle,
                      struct mtr_buffer *out)
{
    const char *cost = invocation_option(invocation, "cost");
    struct mtr_document *document = NULL;
    struct mtr_diagnostic broken;
    struct mtr_json_writer json;
    struct mtr_buffer text;
    if (!cost) return MTR_EXIT_OK;
    const struct mtr_node *found = price_bundle_find(bundle, mtr_str_from(cost));
    if (found) {
        int checked = price_check_only(bundle->path, found);
        if (checked) return checked;
        return mtr_node_write_json(found, out) ? MTR_EXIT_FAILED : MTR_EXIT_OK;
    }
    if (!is_file_name(cost)) {
        if (bundle->root) return price_bundle_refuse(bundle, "cost", mtr_str_from(cost));
        mtr_json_begin(&json, out);
        mtr_json_cstr(&json, cost);
        return mtr_json_finish(&json) ? MTR_EXIT_FAILED : MTR_EXIT_OK;
    }
    int code = cli_load_file(cost, MTR_DOCUMENT_BYTES_MAX, &text);
    if (code) return code;
    if (mtr_document_parse(mtr_buffer_str(&text), &document, &broken)) {
        cli_print_finding(cost, &broken);
        code = MTR_EXIT_CONFIG;
    } else {
        code = price_check_only(cost, mtr_document_root(document));
    }
    if (!code && mtr_node_write_json(mtr_document_root(document), out)) code = MTR_EXIT_FAILED;
    mtr_document_close(document);
    mtr_buffer_release(&text);
    return code;
}

/* The parts of a request that are made of options and files, as JSON. */
struct made {
    struct mtr_buffer tariff, cost, rates, meters, billing, trial, request;
};

static void open_made(struct made *made)
{
    struct mtr_buffer *const all[] = {&made->tariff,  &made->cost,  &made->rates,  &made->meters,
                                      &made->billing, &made->trial, &made->request};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) mtr_buffer_init(all[i], PRICE_REQUEST_BYTES_MAX);
}

static void release_made(struct made *made)
{
    struct mtr_buffer *const all[] = {&made->tariff,  &made->cost,  &made->rates,  &made->meters,
                                      &made->billing, &made->trial, &made->request};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) mtr_buffer_release(all[i]);
}

/* The request of which the tariff and the meters are made already. `tariff` is it where it is known here. */
static int make_request(const struct cli_invocation *invocation, const struct price_bundle *bundle,
                        const struct mtr_tariff_document *tariff, struct price_places *places,
                        struct made *made)
{
    const struct rates_made rates = {&made->rates, &places->rates};
    int code = write_cost(invocation, bundle, &made->cost);
    if (!code) code = rates_option_write(invocation, bundle, tariff, &rates);
    if (!code) code = terms_option_write(invocation, "billing", bundle, &made->billing);
    if (!code) code = terms_option_write(invocation, "trial", bundle, &made->trial);
    if (code) return code;
    const struct price_request parts = {.tariff = mtr_buffer_str(&made->tariff),
                                        .cost = mtr_buffer_str(&made->cost),
                                        .series = mtr_buffer_str(&places->series.rows),
                                        .rates = mtr_buffer_str(&made->rates),
                                        .meters = mtr_buffer_str(&made->meters),
                                        .billing = mtr_buffer_str(&made->billing),
                                        .trial = mtr_buffer_str(&made->trial)};
    if (price_request_write(invocation, &parts, &made->request) == MTR_OK) return MTR_EXIT_OK;
    fprintf(stderr, "meterd: the request is too large\n");
    return MTR_EXIT_FAILED;
}

/* The curve of the tariff as it is for whom the options name. */
static int plot(const struct cli_invocation *invocation, const struct mtr_tariff_document *tariff,
                struct mtr_arena *arena)
{
    const struct mtr_tariff_party party = {
        .currency = mtr_str_from(invocation_option(invocation, "currency")),
        .subscription = mtr_str_from(invocation_option(invocation, "subscription")),
        .customer = mtr_str_from(invocation_option(invocation, "customer")),
    };
    struct mtr_tariff_document own;
    int rc = mtr_tariff_for(tariff, &party, arena, &own);
    if (!rc) return price_curve_plot(invocation, &own, arena);
    if (rc == MTR_ENOTFOUND)
        fprintf(stderr, "meterd: the tariff has no prices in %.*s\n", MTR_STR_ARGS(party.currency));
    else fprintf(stderr, "meterd: cannot plot this: %s\n", mtr_error_text(rc));
    return MTR_EXIT_FAILED;
}

/* Whose prices are asked for; a cost tariff of another file may have them. */
static int check_parties(const struct cli_invocation *invocation, const struct price_bundle *bundle)
{
    static const char *const options[] = {"customer", "subscription"};
    const char *cost = invocation_option(invocation, "cost");
    int code = MTR_EXIT_OK;
    if (cost && !price_bundle_find(bundle, mtr_str_from(cost))) return code;
    for (size_t i = 0; !code && i < sizeof(options) / sizeof(*options); i++)
        code = price_bundle_check_party(bundle, options[i], invocation_option(invocation, options[i]));
    return code;
}

/* Prices what the invocation asks for under a checked document of a file, measured by the meters that
 * stand beside it. */
static int price_document(const struct cli_invocation *invocation, const struct price_bundle *bundle,
                          const struct mtr_node *tariff, struct price_places *places, struct mtr_arena *arena)
{
    const struct mtr_node *own_meters = mtr_node_get(bundle->root, "meters");
    struct mtr_tariff_document checked = {0};
    struct made made;
    int code = price_check_tariff(bundle->path, tariff, arena, &checked);
    if (!code) code = check_meters(bundle->path, own_meters, arena);
    if (!code) code = check_parties(invocation, bundle);
    if (!code && invocation_flag(invocation, "curve")) return plot(invocation, &checked, arena);
    if (code) return code;
    open_made(&made);
    int rc = mtr_node_write_json(tariff, &made.tariff);
    if (!rc && own_meters) rc = mtr_node_write_json(own_meters, &made.meters);
    if (rc) fprintf(stderr, "meterd: the request is too large\n");
    code = rc ? MTR_EXIT_FAILED : make_request(invocation, bundle, &checked, places, &made);
    if (!code) code = price_ask_here(invocation, mtr_buffer_str(&made.request), places, arena);
    release_made(&made);
    return code;
}

static int price_one_tariff(const struct cli_invocation *invocation, const struct price_bundle *bundle,
                            struct price_places *places, struct mtr_arena *arena)
{
    const struct mtr_node *tariff = NULL;
    int code = find_tariff(invocation, bundle, &tariff);
    return code ? code : price_document(invocation, bundle, tariff, places, arena);
}

static int price_file(const struct cli_invocation *invocation, const char *path, struct price_places *places)
{
    struct mtr_buffer text;
    struct mtr_document *document = NULL;
    struct mtr_diagnostic broken;
    struct mtr_arena arena;
    int code = cli_load_file(path, MTR_DOCUMENT_BYTES_MAX, &text);
    if (code) return code;
    mtr_arena_init(&arena, 1 << 16, PRICE_ARENA_BYTES_MAX);
    if (mtr_document_parse(mtr_buffer_str(&text), &document, &broken)) {
        cli_print_finding(path, &broken);
        code = MTR_EXIT_CONFIG;
    }
    const struct price_bundle bundle = {path, code ? NULL : mtr_document_root(document)};
    if (!code && price_whole_is_in(invocation, &bundle))
        code = price_whole_here(invocation, path, mtr_buffer_str(&text), places, &arena);
    else if (!code) code = price_one_tariff(invocation, &bundle, places, &arena);
    mtr_document_close(document);
    mtr_buffer_release(&text);
    mtr_arena_release(&arena);
    return code;
}

/* What was meant as a file, say, and is none. */
static int taken_for_key(int code, const char *key)
{
    if (code)
        fprintf(stderr, "meterd: there is no file '%s': it was taken for the key of a stored tariff\n", key);
    return code;
}

/* The curve needs the document itself: one call instead of one per point. */
static int plot_stored(const struct cli_invocation *invocation, struct mtr_client *client, const char *key)
{
    struct mtr_tariff_document checked = {0};
    struct mtr_document *answer = NULL;
    struct mtr_buffer path;
    struct mtr_arena arena;
    int code = MTR_EXIT_FAILED;
    mtr_arena_init(&arena, 1 << 16, PRICE_ARENA_BYTES_MAX);
    mtr_buffer_init(&path, 1 << 12);
    if (mtr_buffer_printf(&path, "/v1/catalog/tariff/") == MTR_OK &&
        client_escape(&path, mtr_str_from(key)) == MTR_OK && mtr_buffer_append_char(&path, '\0') == MTR_OK)
        code = taken_for_key(client_json(client, "GET", path.data, NULL, nothing, &answer), key);
    if (!code)
        code = price_check_tariff(key, mtr_node_get(mtr_document_root(answer), "document"), &arena, &checked);
    if (!code) code = plot(invocation, &checked, &arena);
    mtr_document_close(answer);
    mtr_buffer_release(&path);
    mtr_arena_release(&arena);
    return code;
}

static int price_stored(const struct cli_invocation *invocation, const char *key, struct price_places *places)
{
    const struct price_bundle no_file = {NULL, NULL};
    struct mtr_client *client;
    struct mtr_json_writer json;
    struct made made;
    int code = taken_for_key(client_open(invocation, &client), key);
    if (code) return code;
    if (invocation_flag(invocation, "curve")) {
        code = plot_stored(invocation, client, key);
        client_close(client);
        return code;
    }
    open_made(&made);
    mtr_json_begin(&json, &made.tariff);
    mtr_json_cstr(&json, key);
    if (mtr_json_finish(&json)) code = MTR_EXIT_FAILED;
    if (!code) code = make_request(invocation, &no_file, NULL, places, &made);
    if (!code) {
        code = price_ask_daemon(invocation, client, mtr_buffer_str(&made.request), places);
        if (!places->is_elsewhere) taken_for_key(code, key);
    }
    release_made(&made);
    client_close(client);
    return code;
}

/* One usage has one value of each. */
static bool is_given_before(const struct cli_invocation *invocation, uint32_t index, const char *pair,
                            size_t name_bytes)
{
    for (uint32_t i = 0; i < index; i++)
        if (strncmp(invocation_option_at(invocation, "dim", i), pair, name_bytes + 1) == 0) return true;
    return false;
}

static bool check_dimensions(const struct cli_invocation *invocation)
{
    const char *pair;
    for (uint32_t i = 0; (pair = invocation_option_at(invocation, "dim", i)) != NULL; i++) {
        const char *equals = strchr(pair, '=');
        const size_t name_bytes = equals ? (size_t)(equals - pair) : 0;
        if (!name_bytes || name_bytes > MTR_PROPERTY_NAME_BYTES_MAX) {
            fprintf(stderr, "meterd price: --dim takes NAME=VALUE, not '%s'\n", pair);
            return false;
        }
        if (!is_given_before(invocation, i, pair, name_bytes)) continue;
        fprintf(stderr, "meterd price: --dim: `%.*s` is given twice: a series prices several values\n",
                (int)name_bytes, pair);
        return false;
    }
    return true;
}

/* One number, or METER=N each. */
static bool check_quantities(const struct cli_invocation *invocation)
{
    const char *quantity;
    const bool named = price_names_meters(invocation);
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

enum { ONE = 1, SERIES = 2, SERIES_AND_ONE = 4, CURVE = 8, WHAT_IF = 16 };
enum { PRICED = ONE | SERIES | SERIES_AND_ONE };

static const struct cli_mode modes[] = {
    {WHAT_IF, "what-if", NULL, "--what-if prices the stored usage"},
    {CURVE, "curve", NULL, "--curve plots every quantity"},
    {SERIES_AND_ONE, "series", "quantity", "--series prices the rows of a file"},
    {SERIES, "series", NULL, "--series prices the rows of a file"},
    {ONE, NULL, NULL, "one quantity is priced"},
};

static const struct cli_mode_option mode_options[] = {
    {"quantity", ONE | SERIES_AND_ONE | CURVE},
    {"component", ONE | SERIES_AND_ONE | CURVE},
    {"dim", ONE | SERIES_AND_ONE | CURVE},
    {"currency", PRICED | CURVE},
    {"cost", PRICED},
    {"series", SERIES | SERIES_AND_ONE},
    {"documents", PRICED},
    {"start", PRICED},
    {"end", PRICED},
    {"billing", PRICED},
    {"trial", PRICED},
    {"zone", PRICED},
    {"curve", CURVE},
    {"csv", CURVE | WHAT_IF},
    {"rates", PRICED},
    {"rate", PRICED},
    {"credit", PRICED},
    {"trace", PRICED},
    {"from", WHAT_IF},
    {"to", WHAT_IF},
    {"vendor", WHAT_IF},
    {"json", PRICED | WHAT_IF},
    {0},
};

static bool refuse(const char *sentence)
{
    fprintf(stderr, "meterd price: %s\n", sentence);
    return false;
}

/* Without a tariff a subscription is priced as it is. */
static bool check_arguments(const struct cli_invocation *invocation)
{
    const char *tariff = invocation->argument_count ? invocation->arguments[0] : NULL;
    const bool is_what_if = invocation_flag(invocation, "what-if"),
               is_asked_for = !is_what_if && !invocation_flag(invocation, "curve") &&
                              invocation_flag(invocation, "subscription");
    if (!tariff && !is_asked_for)
        return refuse("a TARIFF is missing; without one a --subscription is priced as it is");
    if (tariff && invocation_flag(invocation, "documents"))
        return refuse("a tariff is priced: leave out --documents, which are for a subscription as it is");
    if (is_what_if || !invocation_flag(invocation, "tariff") || (tariff && is_file_name(tariff))) return true;
    return refuse(tariff ? "a stored tariff is priced: leave out --tariff"
                         : "the subscription's own tariffs are priced: leave out --tariff");
}

static int run(const struct cli_invocation *invocation)
{
    if (!cli_check_options(invocation, modes, mode_options) || !check_quantities(invocation) ||
        !check_dimensions(invocation) || !check_arguments(invocation))
        return MTR_EXIT_USAGE;
    if (invocation_flag(invocation, "what-if")) return price_what_if_run(invocation);
    const char *tariff = invocation->argument_count ? invocation->arguments[0] : NULL;
    struct price_places places = {.series = {.path = invocation_option(invocation, "series")}};
    int code = MTR_EXIT_OK;
    mtr_buffer_init(&places.series.rows, PRICE_REQUEST_BYTES_MAX);
    mtr_buffer_init(&places.series.lines, PRICE_REQUEST_BYTES_MAX);
    mtr_buffer_init(&places.rates, PRICE_REQUEST_BYTES_MAX);
    if (places.series.path) code = series_file_read(places.series.path, &places.series);
    if (!code && !tariff) code = price_whole_asked(invocation, &places);
    else if (!code)
        code = is_file_name(tariff) ? price_file(invocation, tariff, &places)
                                    : price_stored(invocation, tariff, &places);
    mtr_buffer_release(&places.series.rows);
    mtr_buffer_release(&places.series.lines);
    mtr_buffer_release(&places.rates);
    return code;
}

static const struct cli_option options[] = {
    {"quantity", 'q', "N…",
     "decimal quantity of the component; METER=N each of a component with several meters"},
    {"component", 0, "KEY", "which component (default: the only one with a meter)"},
    {"at", 0, "TIME", "which version (default: the newest; with --what-if each in its time)"},
    {"dim", 0, "NAME=VALUE…", "a dimension of the usage"},
    {"currency", 0, "CODE",
     "charged in this currency: one of the tariff's prices, or exchanged (default: the tariff's own)"},
    {"subscription", 0, "KEY",
     "its own prices, customers and currency; of the file's, or without a TARIFF: as it is; with --what-if: "
     "only this one"},
    {"documents", 0, "FILE",
     "without a TARIFF: documents as apply takes them, in the place of what is stored"},
    {"cost", 0, "TARIFF",
     "what the same use costs the seller under this tariff (a file, or a key beside the other), and the "
     "margin"},
    {"series", 0, "FILE",
     "CSV with a header, or NDJSON: quantity or reading, time, component, meter, dimensions; with times: by "
     "periods"},
    {"start", 0, "TIME",
     "of the subscription that is priced (default: that of the first row's period); by itself: what is due "
     "without use"},
    {"end", 0, "TIME", "of it; rows with times are priced up to there (default: up to the last)"},
    {"billing", 0, "PERIOD",
     "its billing periods, as quarter or '{every: month, anchor: anniversary}' (default: calendar months)"},
    {"trial", 0, "TRIAL",
     "how it begins: the end of a free trial, or as a subscription has it: '{days: 14, tariff: taste}'"},
    {"zone", 0, "ZONE", "time zone of the series' months, days and hours, and of --at (default: UTC)"},
    {"curve", 0, NULL,
     "plot the amount against the quantity, from 0 to --quantity, with the borders of tiers marked"},
    {"csv", 0, NULL, "with --curve: the points as CSV; with --what-if: the periods"},
    {"rates", 0, "FILE…", "catalog file with `rates`, to exchange with instead of the stored ones"},
    {"rate", 0, "CODE=N@DATE…",
     "1 of the tariff's currency is N of this one that day, as USD=1.0842@2026-11-20"},
    {"credit", 0, "AMOUNT[:PRIORITY[:EXPIRES]]…", "prepaid money, as 50:1:2026-03-01"},
    {"trace", 0, NULL, "each step of the computation"},
    {"what-if", 0, NULL,
     "price the stored usage under this draft of tariffs or subscriptions, beside what it comes to as "
     "stored"},
    {"from", 0, "TIME", "with --what-if: periods that begin at this time or later (default: all)"},
    {"to", 0, "TIME", "with --what-if: periods that begin before this time (default: now)"},
    {"tariff", 0, "KEY",
     "of a file with several; with --what-if the stored tariff whose place the draft takes (default: its "
     "key)"},
    {"vendor", 0, "KEY", "with --what-if: only this vendor's subscriptions"},
    {"customer", 0, "KEY", "with the prices of its own; with --what-if: only this customer's subscriptions"},
    CLI_JSON_OPTION,
    CLI_CLIENT_OPTIONS,
    {0},
};

const struct cli_command cli_price = {
    .name = "price",
    .arguments = "[TARIFF]",
    .arguments_max = 1,
    .doc = "price a quantity, or all stored usage, under a tariff file or a tariff of the catalog; writes "
           "nothing",
    .text = "For example: meterd price compute.yaml --component vcpu --quantity 150.5 --dim region=eu "
            "--trace\n"
            "A subscription of a file, or without a TARIFF, is priced as it is, with all that its documents "
            "say:\n"
            "meterd price catalog.yaml --subscription s-1 --series use.csv\n"
            "meterd price --subscription s-1 --documents changes.yaml --series use.csv\n"
            "With --what-if the stored usage is priced again, in the data directory of the configuration; a "
            "daemon may run there. Nothing is written:\n"
            "meterd price draft.yaml --what-if --from 2026-01-01 --to 2026-04-01\n",
    .options = options,
    .run = run,
};
