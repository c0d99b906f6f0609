/*
 * meterd source replay: the daemon maps the pages that it kept of windows once more, by the document and the
 * catalog of now. Which windows is chosen here: those that have rows in quarantine, or those of a range.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/cli/client.h"
#include "daemon/cli/progress.h"
#include "daemon/cli/command/source_verb.h"
#include "daemon/cli/rows.h"
#include "daemon/cli/source/source_bill.h"
#include "daemon/cli/source/source_counts.h"
#include "daemon/cli/source/source_waiting.h"
#include "meterd/core/json_writer.h"
#include "meterd/core/time.h"

enum { PATH_BYTES = 4096, BODY_BYTES = 4096, STATUS_REFUSED = 409 };

struct replaying {
    const struct cli_invocation *invocation;
    struct mtr_client *client;
    struct source_waiting waiting; /* for each of them */
    struct mtr_client_answer answer;
    int error; /* of the call */
    struct mtr_buffer path, body;
    struct cli_progress progress;
    struct mtr_table *table;
    struct mtr_document *bill; /* the last answer that has one, which is of the windows before it, too */
    uint32_t billed;           /* windows that have */
    bool is_dry, is_json, has_range;
    int64_t from_us, to_us;
    uint32_t windows, replayed, failed; /* that there are; of them; of these, not as they should be */
};

/* ---- what came of a window ---- */

static void add_row(struct replaying *replaying, const struct mtr_node *answer)
{
    struct mtr_table *table = replaying->table;
    const struct mtr_str problem = mtr_node_text(answer, "problem");
    const bool is_taken = rows_is_true(answer, "taken");
    char text[600];
    table_row(table);
    table_cell(table, mtr_node_text(answer, "each"));
    table_cell(table, mtr_node_text(answer, "start"));
    table_cell(table, mtr_node_text(answer, "end"));
    source_counts_cells(table, answer);
    snprintf(text, sizeof(text), "%s%s%.*s%s", is_taken ? "taken" : "not taken", problem.size ? ": " : "",
             MTR_STR_ARGS(problem), source_accept_hint(answer));
    table_cell(table, mtr_str_from(text));
}

static int write_refused(const struct mtr_node *window, struct mtr_str why, struct mtr_buffer *out)
{
    struct mtr_json_writer json;
    const struct mtr_str each = mtr_node_text(window, "each");
    mtr_json_begin(&json, out);
    mtr_json_map(&json);
    if (each.size) mtr_json_named_text(&json, "each", each);
    mtr_json_named_text(&json, "start", mtr_node_text(window, "start"));
    mtr_json_named_bool(&json, "taken", false);
    mtr_json_named_text(&json, "problem", why);
    mtr_json_map_end(&json);
    return mtr_json_finish(&json);
}

/* It is not replayed, and the daemon says why: the others are. */
static void add_refused(struct replaying *replaying, const struct mtr_node *window, struct mtr_str why)
{
    struct mtr_table *table = replaying->table;
    table_row(table);
    table_cell(table, mtr_node_text(window, "each"));
    table_cell(table, mtr_node_text(window, "start"));
    table_cell(table, mtr_node_text(window, "end"));
    source_counts_no_cells(table);
    table_cell(table, why);
    replaying->failed++;
    mtr_buffer_reset(&replaying->body);
    if (replaying->is_json && !write_refused(window, why, &replaying->body))
        printf("%s%.*s", replaying->replayed ? "," : "", MTR_STR_ARGS(mtr_buffer_str(&replaying->body)));
}

static void add_answer(struct replaying *replaying, const struct mtr_node *answer, struct mtr_str text)
{
    replaying->failed += !rows_is_true(answer, "taken") || source_in_quarantine(answer);
    add_row(replaying, answer);
    if (replaying->is_json) printf("%s%.*s", replaying->replayed ? "," : "", MTR_STR_ARGS(text));
}

/* ---- a window ---- */

static int write_order(struct replaying *replaying, const struct mtr_node *window)
{
    const struct mtr_str each = mtr_node_text(window, "each");
    struct mtr_json_writer json;
    mtr_buffer_reset(&replaying->body);
    mtr_json_begin(&json, &replaying->body);
    mtr_json_map(&json);
    mtr_json_named_text(&json, "start", mtr_node_text(window, "start"));
    if (each.size) mtr_json_named_text(&json, "each", each);
    mtr_json_named_bool(&json, "dry_run", replaying->is_dry);
    mtr_json_named_bool(&json, "accept", invocation_flag(replaying->invocation, "accept"));
    if (replaying->bill) mtr_json_named_bool(&json, "join", true);
    mtr_json_map_end(&json);
    return mtr_json_finish(&json);
}

static int take_answer(struct replaying *replaying, const struct mtr_node *window,
                       const struct mtr_client_answer *answer)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic broken;
    const bool is_json = !mtr_document_parse_answer(answer->body, &document, &broken);
    const struct mtr_node *root = is_json ? mtr_document_root(document) : NULL;
    int code = MTR_EXIT_OK;
    if (is_json && answer->status == 200) {
        add_answer(replaying, root, answer->body);
    } else if (is_json && answer->status == STATUS_REFUSED) {
        add_refused(replaying, window, mtr_node_text(root, "detail"));
    } else {
        fprintf(stderr, "meterd source: the daemon answers %d: %.*s\n", answer->status,
                MTR_STR_ARGS(mtr_node_text(root, "detail")));
        code = answer->status == 429 || answer->status == 503 ? MTR_EXIT_TRY_AGAIN : MTR_EXIT_FAILED;
    }
    replaying->replayed++;
    if (root && mtr_node_get(root, "bill")) {
        struct mtr_document *before = replaying->bill;
        replaying->bill = document;
        replaying->billed++;
        document = before;
    }
    mtr_document_close(document);
    return code;
}

static void post(void *context)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct replaying *replaying = context;
    replaying->error = client_call(replaying->client, "POST", replaying->path.data, headers,
                                   mtr_buffer_str(&replaying->body), &replaying->answer);
}

static int replay_window(struct replaying *replaying, const struct mtr_node *window)
{
    if (write_order(replaying, window)) return MTR_EXIT_FAILED;
    mtr_buffer_reset(&replaying->path);
    int rc = mtr_buffer_printf(&replaying->path, "/v1/sources/");
    if (!rc) rc = client_escape(&replaying->path, mtr_str_from(replaying->invocation->arguments[1]));
    if (!rc) rc = mtr_buffer_printf(&replaying->path, "/replays");
    if (!rc) rc = mtr_buffer_append_char(&replaying->path, '\0');
    if (rc) return MTR_EXIT_FAILED;
    progress_update(&replaying->progress, 0, replaying->replayed);
    source_wait(&replaying->waiting);
    progress_clear(&replaying->progress);
    int code = MTR_EXIT_TRY_AGAIN;
    if (replaying->waiting.is_called_off)
        fprintf(stderr, "meterd source: it was called off before it was read: nothing is stored\n");
    else if (replaying->error)
        fprintf(stderr, "meterd source: %s\n", client_error(replaying->client));
    else
        code = take_answer(replaying, window, &replaying->answer);
    return replaying->waiting.is_unwanted ? SOURCE_INTERRUPTED : code; /* the others are not begun */
}

/* ---- which of them ---- */

static bool is_chosen(const struct replaying *replaying, const struct mtr_node *window)
{
    const char *each = invocation_option(replaying->invocation, "each");
    int64_t start_us;
    if (each && !mtr_str_equal(mtr_node_text(window, "each"), mtr_str_from(each))) return false;
    if (!replaying->has_range) return rows_number(window, "refused") > 0;
    if (mtr_time_parse(mtr_node_text(window, "start"), &start_us)) return false;
    return start_us >= replaying->from_us && start_us < replaying->to_us;
}

/* Behind the last of the page before: its window and value of for_each are in the path. */
static int write_windows(struct replaying *replaying, struct mtr_str after, struct mtr_str after_each)
{
    struct mtr_buffer *path = &replaying->path;
    mtr_buffer_reset(path);
    int rc = mtr_buffer_printf(path, "/v1/sources/windows?source=");
    if (!rc) rc = client_escape(path, mtr_str_from(replaying->invocation->arguments[1]));
    if (!rc && after.size) rc = mtr_buffer_printf(path, "&after=");
    if (!rc && after.size) rc = client_escape(path, after);
    if (!rc && after_each.size) rc = mtr_buffer_printf(path, "&after_each=");
    if (!rc && after_each.size) rc = client_escape(path, after_each);
    return rc ? rc : mtr_buffer_append_char(path, '\0');
}

static int replay_page(struct replaying *replaying, const struct mtr_node *windows)
{
    int code = MTR_EXIT_OK;
    for (uint32_t i = 0; !code && windows && i < windows->child_count; i++) {
        replaying->windows++;
        const struct mtr_node *window = &windows->children[i];
        if (is_chosen(replaying, window)) code = replay_window(replaying, window);
    }
    return code;
}

static int replay_all(struct replaying *replaying)
{
    struct mtr_document *page = NULL, *before = NULL;
    struct mtr_str after = {NULL, 0}, each = {NULL, 0};
    int code = MTR_EXIT_OK;
    bool has_more = true;
    while (!code && has_more) {
        if (write_windows(replaying, after, each)) code = MTR_EXIT_FAILED;
        if (!code)
            code = client_json(replaying->client, "GET", replaying->path.data, NULL,
                               (struct mtr_str){NULL, 0}, &page);
        if (code) break;
        const struct mtr_node *root = mtr_document_root(page), *windows = mtr_node_get(root, "windows");
        code = replay_page(replaying, windows);
        has_more = rows_is_true(root, "has_more") && windows && windows->child_count;
        if (has_more) {
            const struct mtr_node *last = &windows->children[windows->child_count - 1];
            after = mtr_node_text(last, "start");
            each = mtr_node_text(last, "each");
        }
        mtr_document_close(before);
        before = page; /* which the two borrow from */
        page = NULL;
    }
    mtr_document_close(before);
    return code;
}

static bool read_time(const struct replaying *replaying, const char *name, int64_t *out)
{
    char fault[MTR_DATE_FAULT_BYTES];
    const char *text = invocation_option(replaying->invocation, name);
    if (!text || !mtr_time_parse_date(mtr_str_from(text), out)) return true;
    mtr_date_fault(mtr_str_from(text), fault);
    fprintf(stderr, "meterd source: --%s: %s\n", name, fault);
    return false;
}

static struct mtr_table *open_table(const struct replaying *replaying)
{
    struct mtr_table *table = table_open(stdout);
    table_column(table, "EACH", MTR_TABLE_LEFT);
    table_column(table, "START", MTR_TABLE_LEFT);
    table_column(table, "END", MTR_TABLE_LEFT);
    source_counts_columns(table);
    table_column(table, replaying->is_dry ? "WOULD BE" : "RESULT", MTR_TABLE_LEFT);
    return table;
}

static int say_none(const struct replaying *replaying)
{
    if (!replaying->windows)
        fprintf(stderr, "no windows: none was read yet, or it is a feed, which has none\n");
    else if (replaying->has_range)
        fprintf(stderr, "no window that was read begins there\n");
    else
        fprintf(stderr, "no window has rows in quarantine: --from TIME replays others\n");
    return replaying->has_range ? MTR_EXIT_FAILED : MTR_EXIT_OK;
}

/* Somebody else's dry run may have come between two windows. */
static void print_bill(const struct replaying *replaying)
{
    const struct mtr_node *answer = replaying->bill ? mtr_document_root(replaying->bill) : NULL;
    if (!answer) return;
    source_bill_print(answer);
    if (rows_number(mtr_node_get(answer, "bill"), "windows") != replaying->billed)
        fprintf(stderr, "this bill is not of all windows: another dry run came between them; try again\n");
}

static int run_all(struct replaying *replaying)
{
    if (replaying->is_json) printf("{\"windows\":[");
    int code = replay_all(replaying);
    if (replaying->is_json)
        printf("]}\n");
    else
        table_print(replaying->table);
    if (!replaying->is_json) print_bill(replaying);
    if (!code && !replaying->replayed) return say_none(replaying);
    return code ? code : replaying->failed ? MTR_EXIT_FAILED : MTR_EXIT_OK;
}

static int run(const struct cli_invocation *invocation)
{
    struct replaying replaying = {.invocation = invocation,
                                  .is_dry = invocation_flag(invocation, "dry-run"),
                                  .is_json = invocation_flag(invocation, "json"),
                                  .from_us = INT64_MIN,
                                  .to_us = INT64_MAX};
    replaying.has_range = invocation_flag(invocation, "from") || invocation_flag(invocation, "to");
    if (!read_time(&replaying, "from", &replaying.from_us) || !read_time(&replaying, "to", &replaying.to_us))
        return MTR_EXIT_USAGE;
    progress_init(&replaying.progress, 0);
    replaying.progress.counted = "windows replayed";
    replaying.waiting = (struct source_waiting){.source = invocation->arguments[1],
                                                .who = "meterd source",
                                                .what = "the replay",
                                                .give = post,
                                                .context = &replaying};
    int code = client_open(invocation, &replaying.client);
    if (!code) code = client_open(invocation, &replaying.waiting.client);
    if (code) {
        client_close(replaying.client);
        return code;
    }
    mtr_buffer_init(&replaying.path, PATH_BYTES);
    mtr_buffer_init(&replaying.body, BODY_BYTES);
    replaying.table = open_table(&replaying);
    code = run_all(&replaying);
    table_close(replaying.table);
    mtr_document_close(replaying.bill);
    mtr_buffer_release(&replaying.path);
    mtr_buffer_release(&replaying.body);
    client_close(replaying.waiting.client);
    client_close(replaying.client);
    return code;
}

static const char *const options[] = {"from", "to", "each", "dry-run", "accept", "json", NULL};
const struct source_verb source_verb_replay = {.name = "replay",
                                               .arguments = "KEY",
                                               .arguments_min = 1,
                                               .arguments_max = 1,
                                               .options = options,
                                               .run = run};
