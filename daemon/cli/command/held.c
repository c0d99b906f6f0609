/*
 * meterd held: events that wait for a subscription or a meter, and dropping those that nobody will bill.
 *
 * The daemon looks at a bounded number at a time: an order is sent page by page. Without --yes nothing but a
 * dry run is sent.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/client.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/rows.h"
#include "meterd/core/json_writer.h"

static const char path[] = "/v1/held";

enum { BODY_BYTES_MAX = 4096, USES_MAX = 1000 };

/* ---- list ---- */

static void print_held(const struct mtr_node *root)
{
    static const struct rows_column columns[] = {
        {"SEQ", "seq", MTR_TABLE_RIGHT, ROWS_SHOWN},
        {"VENDOR", "vendor", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"WAITS FOR", "waits_for", MTR_TABLE_LEFT, ROWS_SHOWN},
        {"SUBJECT", "subject", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
        {"TYPE", "type", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
        {"METER", "meter", MTR_TABLE_LEFT, ROWS_SHOWN_WHEN_USED},
    };
    if (!rows_print(mtr_node_get(root, "events"), ROWS_COLUMNS(columns)))
        fprintf(stderr, "no event is held\n");
    rows_say_more(root, "events");
}

static int list(const struct cli_invocation *invocation)
{
    static const char *const parameters[] = {"after", "limit", NULL};
    const struct rows_query query = {.path = path, .options = parameters, .csv = false, .print = print_held};
    return rows_query(invocation, &query);
}

/* ---- drop ---- */

struct use {
    char *vendor, *subject, *type, *waits_for, *from, *to;
    uint64_t events;
};

struct dropping {
    const struct cli_invocation *invocation;
    struct mtr_client *client;
    bool is_meant; /* --yes */
    uint64_t after;
    uint64_t events;
    struct use uses[USES_MAX]; /* what they are; of further ones the number alone */
    uint32_t use_count;
    uint64_t others;
};

static char *copy_of(const struct mtr_node *row, const char *member)
{
    const struct mtr_str text = mtr_node_text(row, member);
    char *copy = malloc(text.size + 1);
    MTR_ASSERT(copy); /* as command lines may */
    if (text.size) memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return copy;
}

static bool is_of(const struct use *use, const struct mtr_node *row)
{
    return mtr_str_equal(mtr_str_from(use->vendor), mtr_node_text(row, "vendor")) &&
           mtr_str_equal(mtr_str_from(use->subject), mtr_node_text(row, "subject")) &&
           mtr_str_equal(mtr_str_from(use->type), mtr_node_text(row, "type"));
}

/* Times of one form: their order is that of their text. */
static void widen(char **end, const struct mtr_node *row, const char *member, int sign)
{
    char *other = copy_of(row, member);
    if (strcmp(other, *end) * sign <= 0) {
        free(other);
        return;
    }
    free(*end);
    *end = other;
}

static void add_use(struct dropping *dropping, const struct mtr_node *row)
{
    uint32_t at = 0;
    while (at < dropping->use_count && !is_of(&dropping->uses[at], row)) at++;
    if (at == USES_MAX) {
        dropping->others += rows_number(row, "events");
        return;
    }
    struct use *use = &dropping->uses[at];
    if (at == dropping->use_count) {
        dropping->use_count++;
        *use = (struct use){copy_of(row, "vendor"), copy_of(row, "subject"), copy_of(row, "type"),
                            copy_of(row, "waits_for"), copy_of(row, "from"), copy_of(row, "to"), 0};
    }
    use->events += rows_number(row, "events");
    widen(&use->from, row, "from", -1);
    widen(&use->to, row, "to", 1);
}

static void release_uses(struct dropping *dropping)
{
    for (uint32_t i = 0; i < dropping->use_count; i++) {
        struct use *use = &dropping->uses[i];
        char *const texts[] = {use->vendor, use->subject, use->type, use->waits_for, use->from, use->to};
        for (size_t k = 0; k < sizeof(texts) / sizeof(*texts); k++) free(texts[k]);
    }
}

static void print_uses(const struct dropping *dropping)
{
    static const char *const titles[] = {"VENDOR", "SUBJECT", "TYPE", "WAITS FOR", "FROM", "TO"};
    struct mtr_table *table = table_open(stdout);
    for (size_t i = 0; i < sizeof(titles) / sizeof(*titles); i++)
        table_column(table, titles[i], MTR_TABLE_LEFT);
    table_column(table, "EVENTS", MTR_TABLE_RIGHT);
    for (uint32_t i = 0; i < dropping->use_count; i++) {
        const struct use *use = &dropping->uses[i];
        const char *const cells[] = {use->vendor, use->subject, use->type,
                                     use->waits_for, use->from, use->to};
        char events[32];
        snprintf(events, sizeof(events), "%" PRIu64, use->events);
        table_row(table);
        for (size_t k = 0; k < sizeof(cells) / sizeof(*cells); k++)
            table_cell(table, mtr_str_from(cells[k]));
        table_cell(table, mtr_str_from(events));
    }
    table_print(table);
    table_close(table);
    if (dropping->others) printf("… and %" PRIu64 " of other subjects and types\n", dropping->others);
}

static void write_body(const struct dropping *dropping, struct mtr_json_writer *json)
{
    static const char *const names[][2] = {{"reason", "reason"},
                                           {"vendor", "vendor"},
                                           {"subject", "subject"},
                                           {"type", "type"},
                                           {"before", "received_before"}};
    mtr_json_map(json);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const char *value = invocation_option(dropping->invocation, names[i][0]);
        if (value) mtr_json_named_cstr(json, names[i][1], value);
    }
    mtr_json_named_bool(json, "all", invocation_flag(dropping->invocation, "all"));
    mtr_json_named_bool(json, "dry_run", !dropping->is_meant);
    mtr_json_named_u64(json, "after", dropping->after);
    mtr_json_map_end(json);
}

static int drop_page(struct dropping *dropping, bool *has_more)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct mtr_json_writer json;
    struct mtr_buffer body;
    struct mtr_document *answer = NULL;
    mtr_buffer_init(&body, BODY_BYTES_MAX);
    mtr_json_begin(&json, &body);
    write_body(dropping, &json);
    int code = MTR_EXIT_OK;
    if (mtr_json_finish(&json)) {
        fprintf(stderr, "meterd held drop: what is named is too long\n");
        code = MTR_EXIT_USAGE;
    }
    if (!code) code = client_json(dropping->client, "POST", path, headers, mtr_buffer_str(&body), &answer);
    if (!code) {
        const struct mtr_node *root = mtr_document_root(answer), *uses = mtr_node_get(root, "uses");
        for (uint32_t i = 0; uses && i < uses->child_count; i++) add_use(dropping, &uses->children[i]);
        dropping->events += rows_number(root, "events");
        dropping->after = rows_number(root, "next_after");
        *has_more = rows_is_true(root, "has_more");
    }
    mtr_document_close(answer);
    mtr_buffer_release(&body);
    return code;
}

static void report(const struct dropping *dropping)
{
    if (invocation_flag(dropping->invocation, "json")) {
        printf("{\"events\":%" PRIu64 ",\"dropped\":%s}\n", dropping->events,
               dropping->is_meant ? "true" : "false");
        return;
    }
    print_uses(dropping);
    if (dropping->is_meant)
        printf("%" PRIu64 " held event%s dropped: GET /v1/quarantine lists them\n", dropping->events,
               dropping->events == 1 ? " is" : "s are");
    else
        printf("%" PRIu64 " held event%s would be dropped, and never billed: say --yes\n", dropping->events,
               mtr_plural(dropping->events));
}

static int drop(const struct cli_invocation *invocation)
{
    static struct dropping dropping;
    bool has_more = true;
    dropping = (struct dropping){.invocation = invocation, .is_meant = invocation_flag(invocation, "yes")};
    if (dropping.is_meant && !invocation_option(invocation, "reason")) {
        fprintf(stderr, "meterd held drop: --reason TEXT says why: quarantine and the log keep it\n");
        return MTR_EXIT_USAGE;
    }
    int code = client_open(invocation, &dropping.client);
    if (code) return code;
    while (!code && has_more) code = drop_page(&dropping, &has_more);
    if (!code || dropping.events) report(&dropping);
    release_uses(&dropping);
    client_close(dropping.client);
    return code;
}

static int run(const struct cli_invocation *invocation)
{
    if (strcmp(invocation->arguments[0], "list") == 0) return list(invocation);
    if (strcmp(invocation->arguments[0], "drop") == 0) return drop(invocation);
    fprintf(stderr, "meterd held: there is no `%s`, only `list` and `drop`\n", invocation->arguments[0]);
    return MTR_EXIT_USAGE;
}

static const struct cli_option options[] = {
    {"after", 0, "N", "list: events with a greater sequence number"},
    {"limit", 'n', "N", "list: so many at most (default 100)"},
    {"reason", 0, "TEXT", "drop: why, in a sentence that quarantine and the log keep"},
    {"vendor", 0, "KEY", "drop: only what this vendor has sent"},
    {"subject", 0, "ID", "drop: only use of this subject"},
    {"type", 0, "TYPE", "drop: only events of this type"},
    {"before", 0, "TIME", "drop: only what was received before"},
    {"all", 0, NULL, "drop: whatever is held, where nothing else is said"},
    {"yes", 0, NULL, "drop: do it; without this nothing is dropped, and what would be is shown"},
    CLI_JSON_OPTION,
    CLI_CLIENT_OPTIONS,
    {0},
};

const struct cli_command cli_held = {
    .name = "held",
    .arguments = "list|drop",
    .arguments_min = 1,
    .arguments_max = 1,
    .doc = "events that wait for a subscription or a meter; drop: those that nobody will bill",
    .text = "Held events flow by themselves once the catalog knows their subject and type. What will never\n"
            "be known is dropped: it is in quarantine from then on, never counts, whatever the catalog\n"
            "learns, and the log notes who dropped it, and why. `drop` shows what use that is, and does it\n"
            "with --yes. What a meter holds beyond its quota is not dropped: raise the quota, or void it.\n",
    .options = options,
    .run = run,
};
