/*
 * Rows of the daemon's answers, as tables, CSV or JSON. No state of its own; main's thread.
 */
#include "daemon/cli/rows.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/cli/client.h"
#include "meterd/core/line.h"

enum { PATH_BYTES = 8192 };

static const struct mtr_str nothing = {NULL, 0};

/* ---- asking ---- */

/* Appends "name=value" for each time that the option is given. */
static int add_option(const struct cli_invocation *invocation, const char *option, char *separator,
                      struct mtr_buffer *path)
{
    const char *value;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && (value = invocation_option_at(invocation, option, i)) != NULL; i++) {
        rc = mtr_buffer_append_char(path, *separator);
        *separator = '&';
        for (const char *p = option; !rc && *p; p++) rc = mtr_buffer_append_char(path, *p == '-' ? '_' : *p);
        if (!rc) rc = mtr_buffer_append_char(path, '=');
        if (!rc) rc = client_escape(path, mtr_str_from(value));
    }
    return rc;
}

int rows_path(const struct cli_invocation *invocation, const struct rows_query *query,
              struct mtr_buffer *path)
{
    char separator = strchr(query->path, '?') ? '&' : '?';
    int rc = mtr_buffer_printf(path, "%s", query->path);
    for (const char *const *option = query->options; !rc && option && *option; option++)
        rc = add_option(invocation, *option, &separator, path);
    return rc ? rc : mtr_buffer_append_char(path, '\0');
}

void rows_print_text(struct mtr_str json)
{
    struct mtr_buffer shown;
    mtr_buffer_init(&shown, SIZE_MAX);
    if (mtr_line_escape(&shown, json) == MTR_OK) fwrite(shown.data, 1, shown.size, stdout);
    if (!shown.size || shown.data[shown.size - 1] != '\n') putchar('\n');
    mtr_buffer_release(&shown);
}

/* The answer as it comes, for --json and --csv. */
static int print_raw(struct mtr_client *client, const char *path, bool is_json)
{
    const char *const headers[] = {is_json ? "Accept: application/json" : "Accept: text/csv", NULL};
    struct mtr_client_answer answer;
    if (client_call(client, "GET", path, headers, nothing, &answer) == MTR_OK && answer.status == 200) {
        if (is_json || isatty(STDOUT_FILENO) == 1) rows_print_text(answer.body);
        else fwrite(answer.body.data, 1, answer.body.size, stdout); /* CSV has no escapes */
        return MTR_EXIT_OK;
    }
    struct mtr_document *document = NULL;
    int code = client_json(client, "GET", path, headers, nothing, &document); /* says what is wrong */
    mtr_document_close(document);
    return code ? code : MTR_EXIT_FAILED;
}

/* Raw, or as JSON that `print` is handed. */
static int ask(const struct cli_invocation *invocation, const struct rows_query *query, const char *path)
{
    struct mtr_client *client;
    struct mtr_document *answer = NULL;
    int code = client_open(invocation, &client);
    if (code) return code;
    if (query->csv) code = print_raw(client, path, false);
    else if (invocation_flag(invocation, "json")) code = print_raw(client, path, true);
    else code = client_json(client, "GET", path, NULL, nothing, &answer);
    if (answer) query->print(mtr_document_root(answer));
    mtr_document_close(answer);
    client_close(client);
    return code;
}

int rows_query(const struct cli_invocation *invocation, const struct rows_query *query)
{
    struct mtr_buffer path;
    if (query->csv && invocation_flag(invocation, "json")) {
        fprintf(stderr, "meterd %s: --csv or --json, not both\n", invocation->command->name);
        return MTR_EXIT_USAGE;
    }
    mtr_buffer_init(&path, PATH_BYTES);
    int code = rows_path(invocation, query, &path) ? MTR_EXIT_USAGE : ask(invocation, query, path.data);
    mtr_buffer_release(&path);
    return code;
}

/* ---- showing ---- */

void rows_print_json(const struct mtr_node *node)
{
    struct mtr_buffer out;
    mtr_buffer_init(&out, SIZE_MAX);
    if (mtr_node_write_json(node, &out) == MTR_OK) rows_print_text(mtr_buffer_str(&out));
    mtr_buffer_release(&out);
}

uint64_t rows_number(const struct mtr_node *row, const char *member)
{
    uint64_t value = 0;
    (void)!mtr_str_to_u64(mtr_node_text(row, member), &value);
    return value;
}

bool rows_is_true(const struct mtr_node *row, const char *member)
{
    return mtr_str_equal(mtr_node_text(row, member), MTR_STR("true"));
}

struct mtr_str rows_dimensions(const struct mtr_node *map, char *out, size_t room)
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

enum { COLUMNS_MAX = 16, DATE_BYTES = 10, MINUTE_BYTES = 16, SECOND_BYTES = 19 };

/* Of an instant in UTC: the fraction of its second is left out. */
static struct mtr_str to_the_second(struct mtr_str time, char *out, size_t room)
{
    if (time.size <= SECOND_BYTES || time.data[SECOND_BYTES] != '.') return time;
    snprintf(out, room, "%.*sZ", SECOND_BYTES, time.data);
    return mtr_str_from(out);
}

static struct mtr_str cell_text(const struct mtr_node *row, const struct rows_column *column, char *out,
                                size_t room)
{
    if (column->kind == ROWS_SECOND) return to_the_second(mtr_node_text(row, column->member), out, room);
    if (strcmp(column->member, "dimensions") == 0)
        return rows_dimensions(mtr_node_get(row, "dimensions"), out, room);
    struct mtr_str currency = mtr_node_text(row, "currency");
    if (currency.size && strcmp(column->member, "amount") == 0) {
        snprintf(out, room, "%.*s %.*s", MTR_STR_ARGS(mtr_node_text(row, "amount")), MTR_STR_ARGS(currency));
        return mtr_str_from(out);
    }
    return mtr_node_text(row, column->member);
}

static bool is_used(const struct mtr_node *rows, const struct rows_column *column)
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

bool rows_print(const struct mtr_node *rows, const struct rows_column *columns, size_t column_count)
{
    char text[1024];
    bool shown[COLUMNS_MAX];
    size_t bytes_max[COLUMNS_MAX];
    if (!rows || rows->child_count == 0) return false;
    struct mtr_table *table = table_open(stdout);
    for (size_t c = 0; c < column_count; c++) {
        shown[c] = columns[c].kind != ROWS_SHOWN_WHEN_USED || is_used(rows, &columns[c]);
        bytes_max[c] = columns[c].kind == ROWS_TIME ? time_bytes(rows, columns[c].member) : SIZE_MAX;
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

void rows_say_none(const struct mtr_node *root, const char *what)
{
    const struct mtr_node *more = mtr_node_get(root, "has_more");
    const struct mtr_str next = mtr_node_text(root, "next_after");
    if (more && more->truth)
        fprintf(stderr, "no %s up to number %.*s: go on with --after %.*s\n", what, MTR_STR_ARGS(next),
                MTR_STR_ARGS(next));
    else fprintf(stderr, "no %s\n", what);
}

void rows_say_more(const struct mtr_node *root, const char *what)
{
    const struct mtr_node *more = mtr_node_get(root, "has_more");
    struct mtr_str next = mtr_node_text(root, "next_after");
    if (!more || !more->truth) return;
    if (next.size)
        fprintf(stderr, "more %s follow: --after %.*s, or a greater --limit\n", what, MTR_STR_ARGS(next));
    else fprintf(stderr, "more %s follow: a greater --limit shows them\n", what);
}
