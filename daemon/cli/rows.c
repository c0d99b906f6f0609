/*
 * meterd usage, charges, credits, margins, explain: what analysts and billing people ask the daemon, as
 * tables, CSV or JSON.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/cli/trace_table.h"
#include "daemon/cli/client.h"
#include "daemon/cli/command.h"
#include "daemon/cli/table.h"

enum { PATH_BYTES = 8192 };

static const struct mtr_str nothing = {NULL, 0};

/* Appends "name=value" of an option, when it is given, to a path that ends with '?' or '&'. */
static int add_option(const struct mtr_invocation *invocation, struct mtr_buffer *path, const char *option,
                      const char *parameter)
{
    const char *value;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && (value = invocation_option_at(invocation, option, i)) != NULL; i++) {
        rc = mtr_buffer_printf(path, "%s=", parameter);
        if (!rc) rc = client_escape(path, mtr_str_from(value));
        if (!rc) rc = mtr_buffer_append_char(path, '&');
    }
    return rc;
}

/* The answer as it comes, for --json and --csv. */
static int print_raw(struct mtr_client *client, const char *path, const char *accept)
{
    const char *const headers[] = {accept, NULL};
    struct mtr_client_answer answer;
    if (client_call(client, "GET", path, headers, nothing, &answer) == MTR_OK && answer.status == 200) {
        fwrite(answer.body.data, 1, answer.body.size, stdout);
        if (answer.body.size && answer.body.data[answer.body.size - 1] != '\n') putchar('\n');
        return MTR_EXIT_OK;
    }
    struct mtr_document *document = NULL;
    int code = client_json(client, "GET", path, headers, nothing, &document); /* says what is wrong */
    mtr_document_close(document);
    return code ? code : MTR_EXIT_FAILED;
}

/* Runs a GET and prints it raw, or hands the JSON to `print`. */
static int query(const struct mtr_invocation *invocation, const struct mtr_buffer *path, bool csv,
                 void (*print)(const struct mtr_node *root))
{
    struct mtr_client *client;
    struct mtr_document *answer = NULL;
    int code = client_open(invocation, &client);
    if (code) return code;
    if (csv) code = print_raw(client, path->data, "Accept: text/csv");
    else if (invocation_flag(invocation, "json"))
        code = print_raw(client, path->data, "Accept: application/json");
    else code = client_json(client, "GET", path->data, NULL, nothing, &answer);
    if (answer) print(mtr_document_root(answer));
    mtr_document_close(answer);
    client_close(client);
    return code;
}

/* "name=value, …" of a map without empty values, or a list's or scalar's text. */
static struct mtr_str dimensions_text(const struct mtr_node *map, char *out, size_t room)
{
    size_t used = 0;
    out[0] = '\0';
    if (!map || map->kind == MTR_NODE_NULL) return nothing;
    if (map->kind != MTR_NODE_MAP) return map->text;
    for (uint32_t i = 0; i < map->child_count && used < room; i++)
        if (map->children[i].text.size)
            used += (size_t)snprintf(out + used, room - used, "%s%.*s=%.*s", used ? ", " : "",
                                     MTR_STR_ARGS(map->children[i].key), MTR_STR_ARGS(map->children[i].text));
    return mtr_str_from(out);
}

struct column {
    const char *title;
    const char *member; /* of the row; "dimensions" is written out, "amount" has its currency beside it */
    enum mtr_table_align align;
    enum {
        SHOWN,
        SHOWN_WHEN_USED,
        TIME
    } kind; /* a column that no row uses is left out; of times the part that tells rows apart */
};

enum { COLUMNS_MAX = 16, DATE_BYTES = 10, MINUTE_BYTES = 16 };

static struct mtr_str cell_text(const struct mtr_node *row, const struct column *column, char *out,
                                size_t room)
{
    if (strcmp(column->member, "dimensions") == 0)
        return dimensions_text(mtr_node_get(row, "dimensions"), out, room);
    struct mtr_str currency = mtr_node_text(row, "currency");
    if (currency.size && strcmp(column->member, "amount") == 0) {
        snprintf(out, room, "%.*s %.*s", MTR_STR_ARGS(mtr_node_text(row, "amount")), MTR_STR_ARGS(currency));
        return mtr_str_from(out);
    }
    return mtr_node_text(row, column->member);
}

static bool is_used(const struct mtr_node *rows, const struct column *column)
{
    char text[1024];
    for (uint32_t i = 0; i < rows->child_count; i++) {
        const struct mtr_node *row = &rows->children[i];
        const struct mtr_node *map = mtr_node_get(row, column->member);
        if (map && map->kind == MTR_NODE_MAP ? map->child_count > 0
                                             : cell_text(row, column, text, sizeof(text)).size > 0)
            return true;
    }
    return false;
}

/* How much of a column's times is worth its room: the date when all are local midnights, else to the
 * minute; all of them when their offsets differ, as around a daylight-saving change. */
static size_t time_bytes(const struct mtr_node *rows, const char *member)
{
    size_t bytes = DATE_BYTES;
    struct mtr_str offset = nothing;
    bool differ = false;
    for (uint32_t i = 0; i < rows->child_count; i++) {
        struct mtr_str time = mtr_node_text(&rows->children[i], member);
        if (time.size < MINUTE_BYTES + 3) continue;
        if (memcmp(time.data + MINUTE_BYTES, ":00", 3) != 0) return SIZE_MAX;
        if (memcmp(time.data + DATE_BYTES, "T00:00", 6) != 0) bytes = MINUTE_BYTES;
        struct mtr_str own = {time.data + MINUTE_BYTES + 3, time.size - MINUTE_BYTES - 3};
        if (offset.size && !mtr_str_equal(own, offset)) differ = true;
        offset = own;
    }
    return bytes == MINUTE_BYTES && differ ? SIZE_MAX : bytes;
}

/* False when there is no row; the caller says what that means. */
static bool print_rows(const struct mtr_node *rows, const struct column *columns, size_t column_count)
{
    char text[1024];
    bool shown[COLUMNS_MAX];
    size_t bytes_max[COLUMNS_MAX];
    if (!rows || rows->child_count == 0) return false;
    struct mtr_table *table = table_open(stdout);
    for (size_t c = 0; c < column_count; c++) {
        shown[c] = columns[c].kind != SHOWN_WHEN_USED || is_used(rows, &columns[c]);
        bytes_max[c] = columns[c].kind == TIME ? time_bytes(rows, columns[c].member) : SIZE_MAX;
        if (shown[c]) table_column(table, columns[c].title, columns[c].align);
    }
    for (uint32_t i = 0; i < rows->child_count; i++) {
        table_row(table);
        for (size_t c = 0; c < column_count; c++) {
            if (!shown[c]) continue;
            struct mtr_str cell = cell_text(&rows->children[i], &columns[c], text, sizeof(text));
            if (cell.size > bytes_max[c]) cell.size = bytes_max[c];
            table_cell(table, cell);
        }
    }
    table_print(table);
    table_close(table);
    return true;
}

#define COLUMNS(array) array, sizeof(array) / sizeof((array)[0])

/* Rows of several vendors without a subscription, which would tell its vendor. */
static bool needs_vendor(const struct mtr_node *rows)
{
    for (uint32_t i = 1; rows && i < rows->child_count; i++)
        if (!mtr_node_text(&rows->children[i], "subscription").size &&
            !mtr_str_equal(mtr_node_text(&rows->children[i], "vendor"),
                           mtr_node_text(&rows->children[0], "vendor")))
            return true;
    return false;
}

static void print_usage(const struct mtr_node *root)
{
    static const struct column columns[] = {
        {"VENDOR", "vendor", MTR_TABLE_LEFT, SHOWN},
        {"START", "start", MTR_TABLE_LEFT, TIME},
        {"SUBSCRIPTION", "subscription", MTR_TABLE_LEFT, SHOWN_WHEN_USED},
        {"CUSTOMER", "customer", MTR_TABLE_LEFT, SHOWN_WHEN_USED},
        {"METER", "meter", MTR_TABLE_LEFT, SHOWN},
        {"DIMENSIONS", "dimensions", MTR_TABLE_LEFT, SHOWN_WHEN_USED},
        {"QUANTITY", "quantity", MTR_TABLE_RIGHT, SHOWN},
        {"UNIT", "unit", MTR_TABLE_LEFT, SHOWN_WHEN_USED},
        {"EVENTS", "events", MTR_TABLE_RIGHT, SHOWN},
    };
    const struct mtr_node *rows = mtr_node_get(root, "rows");
    const size_t first = needs_vendor(rows) ? 0 : 1;
    if (!print_rows(rows, columns + first, sizeof(columns) / sizeof(columns[0]) - first))
        fprintf(stderr, "no usage in this time\n");
}

int command_usage(const struct mtr_invocation *invocation)
{
    static const char *const options[][2] = {{"subscription", "subscription"},
                                             {"customer", "customer"},
                                             {"vendor", "vendor"},
                                             {"meter", "meter"},
                                             {"from", "from"},
                                             {"to", "to"},
                                             {"window", "window"},
                                             {"zone", "zone"},
                                             {"group-by", "group_by"}};
    struct mtr_buffer path;
    mtr_buffer_init(&path, PATH_BYTES);
    int rc = mtr_buffer_printf(&path, "/v1/usage?");
    for (size_t i = 0; !rc && i < sizeof(options) / sizeof(options[0]); i++)
        rc = add_option(invocation, &path, options[i][0], options[i][1]);
    if (!rc) rc = mtr_buffer_append_char(&path, '\0');
    int code =
        rc ? MTR_EXIT_USAGE : query(invocation, &path, invocation_flag(invocation, "csv"), print_usage);
    mtr_buffer_release(&path);
    return code;
}

/* A table that ends before the rows do says so. */
static void say_more(const struct mtr_node *root, const char *what)
{
    const struct mtr_node *more = mtr_node_get(root, "has_more");
    struct mtr_str next = mtr_node_text(root, "next_after");
    if (!more || !more->truth) return;
    if (next.size)
        fprintf(stderr, "more %s follow: --after %.*s, or a greater --limit\n", what, MTR_STR_ARGS(next));
    else fprintf(stderr, "more %s follow: a greater --limit shows them\n", what);
}

static void print_charges(const struct mtr_node *root)
{
    static const struct column columns[] = {
        {"NUMBER", "number", MTR_TABLE_RIGHT, SHOWN},
        {"STATUS", "status", MTR_TABLE_LEFT, SHOWN},
        {"SUBSCRIPTION", "subscription", MTR_TABLE_LEFT, SHOWN},
        {"PERIOD FROM", "period_start", MTR_TABLE_LEFT, TIME},
        {"COMPONENT", "component", MTR_TABLE_LEFT, SHOWN},
        {"DIMENSIONS", "dimensions", MTR_TABLE_LEFT, SHOWN_WHEN_USED},
        {"QUANTITY", "quantity", MTR_TABLE_RIGHT, SHOWN},
        {"UNIT", "unit", MTR_TABLE_LEFT, SHOWN_WHEN_USED},
        {"AMOUNT", "amount", MTR_TABLE_RIGHT, SHOWN},
        {"COST", "cost", MTR_TABLE_RIGHT, SHOWN_WHEN_USED},
    };
    if (!print_rows(mtr_node_get(root, "charges"), COLUMNS(columns))) fprintf(stderr, "no charges\n");
    say_more(root, "charges");
}

static void print_outbox(const struct mtr_node *root)
{
    static const struct column columns[] = {
        {"MESSAGE", "id", MTR_TABLE_LEFT, SHOWN},
        {"DESTINATION", "destination", MTR_TABLE_LEFT, SHOWN},
        {"STATE", "state", MTR_TABLE_LEFT, SHOWN},
        {"ATTEMPTS", "attempts", MTR_TABLE_RIGHT, SHOWN},
        {"HTTP", "last_status", MTR_TABLE_RIGHT, SHOWN},
        {"CHARGES", "charges", MTR_TABLE_RIGHT, SHOWN},
        {"NEXT ATTEMPT", "next_attempt_at", MTR_TABLE_LEFT, SHOWN_WHEN_USED},
    };
    if (!print_rows(mtr_node_get(root, "messages"), COLUMNS(columns))) fprintf(stderr, "no messages\n");
    say_more(root, "messages");
}

static int settle(const struct mtr_invocation *invocation, const char *message, const char *action)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    char path[256], body[64];
    struct mtr_client *client;
    struct mtr_document *answer = NULL;
    int code = client_open(invocation, &client);
    if (code) return code;
    snprintf(path, sizeof(path), "/v1/outbox/%s", message);
    snprintf(body, sizeof(body), "{\"action\": \"%s\"}", action);
    code = client_json(client, "POST", path, headers, mtr_str_from(body), &answer);
    if (!code) printf("%s: %.*s\n", message, MTR_STR_ARGS(mtr_node_text(mtr_document_root(answer), "state")));
    mtr_document_close(answer);
    client_close(client);
    return code;
}

int command_charges(const struct mtr_invocation *invocation)
{
    const char *retry = invocation_option(invocation, "retry"),
               *delivered = invocation_option(invocation, "delivered");
    bool outbox = invocation_flag(invocation, "outbox");
    struct mtr_buffer path;
    if (retry) return settle(invocation, retry, "retry");
    if (delivered) return settle(invocation, delivered, "delivered");
    mtr_buffer_init(&path, PATH_BYTES);
    int rc = mtr_buffer_printf(&path, outbox ? "/v1/outbox?" : "/v1/charges?");
    if (!rc && !outbox) rc = add_option(invocation, &path, "subscription", "subscription");
    if (!rc && !outbox) rc = add_option(invocation, &path, "after", "after");
    if (!rc) rc = add_option(invocation, &path, "limit", "limit");
    if (!rc) rc = mtr_buffer_append_char(&path, '\0');
    bool csv = !outbox && invocation_flag(invocation, "csv");
    int code = rc ? MTR_EXIT_USAGE : query(invocation, &path, csv, outbox ? print_outbox : print_charges);
    mtr_buffer_release(&path);
    return code;
}

/* ---- credits ---- */

static void print_credits(const struct mtr_node *root)
{
    static const struct column columns[] = {
        {"KEY", "key", MTR_TABLE_LEFT, SHOWN},
        {"GRANT", "grant", MTR_TABLE_LEFT, SHOWN},
        {"SUBSCRIPTION", "subscription", MTR_TABLE_LEFT, SHOWN_WHEN_USED},
        {"PRIORITY", "priority", MTR_TABLE_RIGHT, SHOWN},
        {"EXPIRES", "expires", MTR_TABLE_LEFT, TIME},
        {"GRANTED", "granted", MTR_TABLE_RIGHT, SHOWN},
        {"DRAWN", "drawn", MTR_TABLE_RIGHT, SHOWN},
        {"BALANCE", "balance", MTR_TABLE_RIGHT, SHOWN},
        {"EXPIRED", "expired", MTR_TABLE_RIGHT, SHOWN},
        {"CURRENCY", "currency", MTR_TABLE_LEFT, SHOWN_WHEN_USED},
    };
    if (!print_rows(mtr_node_get(root, "credits"), COLUMNS(columns)))
        fprintf(stderr, "no allowances and no credits\n");
    say_more(root, "credits");
}

int command_credits(const struct mtr_invocation *invocation)
{
    static const char *const options[] = {"subscription", "customer", "at", "after", "limit"};
    struct mtr_buffer path;
    mtr_buffer_init(&path, PATH_BYTES);
    int rc = mtr_buffer_printf(&path, "/v1/credits?");
    for (size_t i = 0; !rc && i < sizeof(options) / sizeof(options[0]); i++)
        rc = add_option(invocation, &path, options[i], options[i]);
    if (!rc) rc = mtr_buffer_append_char(&path, '\0');
    int code = rc ? MTR_EXIT_USAGE : query(invocation, &path, false, print_credits);
    mtr_buffer_release(&path);
    return code;
}

/* ---- margins ---- */

static void print_margins(const struct mtr_node *root)
{
    static const struct column columns[] = {
        {"SUBSCRIPTION", "subscription", MTR_TABLE_LEFT, SHOWN},
        {"PERIOD FROM", "period_start", MTR_TABLE_LEFT, TIME},
        {"COMPONENT", "component", MTR_TABLE_LEFT, SHOWN},
        {"KIND", "kind", MTR_TABLE_LEFT, SHOWN},
        {"DIMENSIONS", "dimensions", MTR_TABLE_LEFT, SHOWN_WHEN_USED},
        {"QUANTITY", "quantity", MTR_TABLE_RIGHT, SHOWN},
        {"AMOUNT", "amount", MTR_TABLE_RIGHT, SHOWN},
        {"COST", "cost", MTR_TABLE_RIGHT, SHOWN},
        {"MARGIN", "margin", MTR_TABLE_RIGHT, SHOWN},
        {"CURRENCY", "currency", MTR_TABLE_LEFT, SHOWN},
    };
    if (!print_rows(mtr_node_get(root, "margins"), COLUMNS(columns))) fprintf(stderr, "no such lines\n");
    say_more(root, "margins");
}

int command_margins(const struct mtr_invocation *invocation)
{
    static const char *const options[] = {"subscription", "customer", "from", "after", "limit"};
    struct mtr_buffer path;
    mtr_buffer_init(&path, PATH_BYTES);
    int rc = mtr_buffer_printf(&path, "/v1/margins?losses=%s&",
                               invocation_flag(invocation, "losses") ? "true" : "false");
    for (size_t i = 0; !rc && i < sizeof(options) / sizeof(options[0]); i++)
        rc = add_option(invocation, &path, options[i], options[i]);
    if (!rc) rc = mtr_buffer_append_char(&path, '\0');
    int code = rc ? MTR_EXIT_USAGE : query(invocation, &path, false, print_margins);
    mtr_buffer_release(&path);
    return code;
}

/* ---- explain ---- */

static void print_fact(const char *name, struct mtr_str value, struct mtr_str unit)
{
    if (value.size)
        printf("  %-16s %.*s%s%.*s\n", name, MTR_STR_ARGS(value), unit.size ? " " : "", MTR_STR_ARGS(unit));
}

/* The price of the whole period, part by part: a part is what one tariff version covers. */
static void print_parts(const struct mtr_node *parts, struct mtr_str component)
{
    for (uint32_t i = 0; parts && i < parts->child_count; i++) {
        const struct mtr_node *part = &parts->children[i];
        printf("\n%s from %.*s to %.*s under %.*s of %.*s:\n", mtr_node_get(part, "cost") ? "Cost" : "Price",
               MTR_STR_ARGS(mtr_node_text(part, "from")), MTR_STR_ARGS(mtr_node_text(part, "to")),
               MTR_STR_ARGS(mtr_node_text(part, "tariff")), MTR_STR_ARGS(mtr_node_text(part, "version")));
        trace_table_print(mtr_node_get(part, "price"), component);
    }
}

static void print_line_charges(const struct mtr_node *charges)
{
    static const struct column columns[] = {
        {"NUMBER", "number", MTR_TABLE_RIGHT, SHOWN},
        {"STATUS", "status", MTR_TABLE_LEFT, SHOWN},
        {"AMOUNT", "amount", MTR_TABLE_RIGHT, SHOWN},
        {"ID", "id", MTR_TABLE_LEFT, SHOWN},
    };
    printf("\nIts line's charges so far, newest first:\n");
    (void)print_rows(charges, COLUMNS(columns));
}

static void print_explanation(const struct mtr_node *root)
{
    char dimensions[1024];
    const struct mtr_node *charge = mtr_node_get(root, "charge"), *log = mtr_node_get(root, "log");
    struct mtr_str currency = mtr_node_text(charge, "currency");
    printf("Charge %.*s (%.*s)\n", MTR_STR_ARGS(mtr_node_text(charge, "id")),
           MTR_STR_ARGS(mtr_node_text(charge, "status")));
    print_fact("subscription", mtr_node_text(charge, "subscription"), nothing);
    print_fact("customer", mtr_node_text(charge, "customer"), nothing);
    print_fact("period", mtr_node_text(charge, "period_start"), nothing);
    print_fact("until", mtr_node_text(charge, "period_end"), nothing);
    print_fact("component", mtr_node_text(charge, "component"), nothing);
    print_fact("meter", mtr_node_text(charge, "meter"), nothing);
    print_fact("dimensions",
               dimensions_text(mtr_node_get(charge, "dimensions"), dimensions, sizeof(dimensions)), nothing);
    print_fact("quantity", mtr_node_text(charge, "quantity"), mtr_node_text(charge, "unit"));
    print_fact("tax code", mtr_node_text(charge, "tax_code"), nothing);
    print_fact("tariff", mtr_node_text(mtr_node_get(charge, "tariff"), "key"), nothing);
    print_fact("version from", mtr_node_text(mtr_node_get(charge, "tariff"), "from"), nothing);
    printf("\nThe difference that it is:\n");
    print_fact("price now", mtr_node_text(root, "emitted_after"), currency);
    print_fact("charged before", mtr_node_text(root, "emitted_before"), currency);
    print_fact("this charge", mtr_node_text(root, "difference"), currency);
    print_fact("cost now", mtr_node_text(charge, "cost_total"), currency);
    print_fact("margin now", mtr_node_text(charge, "margin_total"), currency);
    /* A minimum or the rounding of the whole tariff comes from every line. */
    print_parts(mtr_node_get(root, "price"),
                mtr_node_text(charge, "meter").size ? mtr_node_text(charge, "component") : nothing);
    print_line_charges(mtr_node_get(root, "line_charges"));
    if (log && mtr_node_text(charge, "meter").size)
        printf("\nIts events are in the log from sequence %.*s to %.*s; to see them:\n  meterd events "
               "--from-seq %.*s --to-seq %.*s --subscription %.*s\n",
               MTR_STR_ARGS(mtr_node_text(log, "seq_first")), MTR_STR_ARGS(mtr_node_text(log, "seq_last")),
               MTR_STR_ARGS(mtr_node_text(log, "seq_first")), MTR_STR_ARGS(mtr_node_text(log, "seq_last")),
               MTR_STR_ARGS(mtr_node_text(charge, "subscription")));
}

int command_explain(const struct mtr_invocation *invocation)
{
    struct mtr_buffer path;
    mtr_buffer_init(&path, PATH_BYTES);
    int rc = mtr_buffer_printf(&path, "/v1/charges/");
    if (!rc) rc = client_escape(&path, mtr_str_from(invocation->arguments[0]));
    if (!rc) rc = mtr_buffer_append_char(&path, '\0');
    int code = rc ? MTR_EXIT_USAGE : query(invocation, &path, false, print_explanation);
    mtr_buffer_release(&path);
    return code;
}
