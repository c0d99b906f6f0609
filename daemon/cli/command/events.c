/*
 * meterd events: the raw events of a range of the log, page by page over the API, as a table or as JSON
 * lines.
 */
#include <inttypes.h>
#include <stdio.h>

#include "daemon/cli/client.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/rows.h"
#include "daemon/cli/table.h"

enum { PATH_BYTES = 8192, PAGE_ROWS = 1000, LINE_BYTES_MAX = 1 << 20 };

static const struct mtr_str nothing = {NULL, 0};

static void print_lines(const struct mtr_node *events, struct mtr_buffer *line)
{
    for (uint32_t i = 0; events && i < events->child_count; i++) {
        mtr_buffer_reset(line);
        MTR_ASSERT(mtr_node_write_json(&events->children[i], line) ==
                   MTR_OK); /* an event is smaller than LINE_BYTES_MAX */
        rows_print_text(mtr_buffer_str(line));
    }
}

static void add_rows(struct mtr_table *table, const struct mtr_node *events, struct mtr_buffer *line)
{
    static const char *const members[] = {"seq", "received_at", "vendor",  "source",
                                          "id",  "type",        "subject", "time"};
    for (uint32_t i = 0; events && i < events->child_count; i++) {
        const struct mtr_node *event = &events->children[i];
        table_row(table);
        for (size_t m = 0; m < sizeof(members) / sizeof(members[0]); m++)
            table_cell(table, mtr_node_text(event, members[m]));
        mtr_buffer_reset(line);
        MTR_ASSERT(mtr_node_write_json(mtr_node_get(event, "data"), line) == MTR_OK);
        table_cell(table, mtr_buffer_str(line));
        table_cell(table, mtr_node_text(event, "disposition"));
        table_cell(table, mtr_node_text(event, "target_seq"));
        table_cell(table, mtr_node_text(event, "waits_for"));
    }
}

static struct mtr_table *open_table(void)
{
    static const char *const titles[] = {"RECEIVED", "VENDOR", "SOURCE", "ID",         "TYPE",
                                         "SUBJECT",  "TIME",   "DATA",   "DISPOSITION"};
    struct mtr_table *table = table_open(stdout);
    table_column(table, "SEQ", MTR_TABLE_RIGHT);
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
        table_column(table, titles[i], MTR_TABLE_LEFT);
    table_column(table, "TARGET", MTR_TABLE_RIGHT);
    table_column(table, "WAITS FOR", MTR_TABLE_LEFT);
    return table;
}

static int page_path(const struct cli_invocation *invocation, uint64_t after, uint64_t up_to, uint64_t rows,
                     struct mtr_buffer *path)
{
    const char *subscription = invocation_option(invocation, "subscription");
    mtr_buffer_reset(path);
    int rc = mtr_buffer_printf(path, "/v1/events?after=%" PRIu64 "&up_to=%" PRIu64 "&limit=%" PRIu64, after,
                               up_to, rows < PAGE_ROWS ? rows : (uint64_t)PAGE_ROWS);
    if (!rc && subscription) rc = mtr_buffer_printf(path, "&subscription=");
    if (!rc && subscription) rc = client_escape(path, mtr_str_from(subscription));
    return rc ? rc : mtr_buffer_append_char(path, '\0');
}

/* Page after page until the range or the number of rows is used up. table NULL: JSON lines. */
static int print_events(const struct cli_invocation *invocation, struct mtr_client *client, uint64_t after,
                        uint64_t up_to, uint64_t rows, struct mtr_table *table)
{
    struct mtr_buffer path, line;
    int code = MTR_EXIT_OK;
    bool more = after < up_to;
    mtr_buffer_init(&path, PATH_BYTES);
    mtr_buffer_init(&line, LINE_BYTES_MAX);
    while (!code && more && rows) {
        struct mtr_document *answer = NULL;
        code = page_path(invocation, after, up_to, rows, &path)
                   ? MTR_EXIT_USAGE
                   : client_json(client, "GET", path.data, NULL, nothing, &answer);
        if (!code) {
            const struct mtr_node *root = mtr_document_root(answer), *events = mtr_node_get(root, "events"),
                                  *has_more = mtr_node_get(root, "has_more");
            if (table) add_rows(table, events, &line);
            else print_lines(events, &line);
            rows -= events && events->child_count < rows ? events->child_count : rows;
            more = has_more && has_more->truth && mtr_str_to_u64(mtr_node_text(root, "next_after"), &after);
        }
        mtr_document_close(answer);
    }
    mtr_buffer_release(&line);
    mtr_buffer_release(&path);
    return code;
}

static int run(const struct cli_invocation *invocation)
{
    uint64_t from_seq = 1, to_seq = UINT64_MAX, rows = UINT64_MAX;
    struct mtr_client *client;
    if (!invocation_u64(invocation, "from-seq", 1, UINT64_MAX, &from_seq) ||
        !invocation_u64(invocation, "to-seq", 1, UINT64_MAX, &to_seq) ||
        !invocation_u64(invocation, "limit", 1, UINT64_MAX, &rows))
        return MTR_EXIT_USAGE;
    if (from_seq > to_seq) {
        fprintf(stderr, "meterd events: --from-seq must not be above --to-seq\n");
        return MTR_EXIT_USAGE;
    }
    int code = client_open(invocation, &client);
    if (code) return code;
    struct mtr_table *table = invocation_flag(invocation, "json") ? NULL : open_table();
    code = print_events(invocation, client, from_seq - 1, to_seq, rows, table);
    if (table && !code) table_print(table);
    if (table) table_close(table);
    client_close(client);
    if (fflush(stdout) && !code) code = MTR_EXIT_FAILED;
    return code;
}

static const struct cli_option options[] = {
    {"from-seq", 0, "N", "first sequence number (default: the oldest that is kept)"},
    {"to-seq", 0, "N", "last sequence number (default: the newest)"},
    {"subscription", 's', "KEY", "only events of this subscription"},
    {"limit", 'n', "N", "how many (default: all of the range)"},
    {"json", 0, NULL, "print JSON, one event a line"},
    CLI_CLIENT_OPTIONS,
    {0},
};

const struct cli_command cli_events = {
    .name = "events",
    .arguments = "",
    .doc = "show raw events as the log keeps them",
    .options = options,
    .run = run,
};
