/*
 * meterd import --source: the file goes to the daemon as it is, or packed where it is not, and the daemon
 * holds it against what it has of the window. Nothing is decided here.
 */
#include "daemon/cli/import/source_file.h"

#include <stdio.h>
#include <string.h>

#include "daemon/cli/client.h"
#include "daemon/cli/inputs.h"
#include "daemon/cli/rows.h"
#include "daemon/cli/source/source_bill.h"
#include "daemon/cli/source/source_counts.h"
#include "daemon/cli/source/source_waiting.h"
#include "meterd/core/diagnostic.h"
#include "meterd/net/coding.h"

enum { FILE_BYTES_MAX = 1 << 30, PIECE_BYTES = 1 << 20 };

/* ---- where it is the better way ---- */

static bool is_quantity(const struct mtr_import_value *value)
{
    return value->kind == MTR_IMPORT_PARTS && value->part_count == 1 && value->parts[0].column >= 0 &&
           (value->type == MTR_IMPORT_NUMBER || mtr_str_equal(value->field, MTR_STR("data.quantity")));
}

/* A quantity in the id's hash tells rows of one file apart, and makes a restated row another one. */
void import_say_restated(const struct mtr_import_map *map, const char *path)
{
    for (uint32_t i = 0; map->id.kind == MTR_IMPORT_HASH && i < map->data_count; i++)
        for (uint32_t c = 0; is_quantity(&map->data[i]) && c < map->id.part_count; c++) {
            if (map->id.parts[c].column != map->data[i].parts[0].column) continue;
            fprintf(stderr,
                    "%s: the id's hash holds `%.*s`: a row whose quantity a later file restates counts "
                    "beside the one before; `meterd import --source` bills the difference [%s]\n",
                    path, MTR_STR_ARGS(map->columns[map->id.parts[c].column]),
                    mtr_finding_kind(MTR_FINDING_IMPORT_RESTATED)->code);
            return;
        }
}

/* ---- the file ---- */

static bool begins_with(struct mtr_str bytes, const char *magic, size_t size)
{
    return bytes.size >= size && !memcmp(bytes.data, magic, size);
}

static bool is_packed(struct mtr_str bytes)
{
    return begins_with(bytes, "\x1f\x8b", 2) || begins_with(bytes, "\x28\xb5\x2f\xfd", 4) ||
           begins_with(bytes, "PK\x03\x04", 4);
}

static int pack(struct mtr_str bytes, struct mtr_buffer *out)
{
    struct mtr_coding_writer writer = {.coding = MTR_CODING_ZSTD};
    int rc = MTR_OK;
    for (size_t at = 0; !rc && at < bytes.size; at += PIECE_BYTES) {
        const bool is_last = bytes.size - at <= PIECE_BYTES;
        const struct mtr_str piece = {bytes.data + at, is_last ? bytes.size - at : (size_t)PIECE_BYTES};
        rc = mtr_coding_write(&writer, piece, is_last, out);
    }
    return rc;
}

static int write_path(const struct cli_invocation *invocation, const char *source, struct mtr_buffer *path)
{
    const char *window = invocation_option(invocation, "window");
    int rc = mtr_buffer_printf(path, "/v1/sources/files?source=");
    if (!rc) rc = client_escape(path, mtr_str_from(source));
    if (!rc && window) rc = mtr_buffer_printf(path, "&window=");
    if (!rc && window) rc = client_escape(path, mtr_str_from(window));
    if (!rc && invocation_flag(invocation, "dry-run")) rc = mtr_buffer_printf(path, "&dry_run=true");
    if (!rc && invocation_flag(invocation, "accept")) rc = mtr_buffer_printf(path, "&accept=true");
    return rc ? rc : mtr_buffer_append_char(path, '\0');
}

/* ---- what came of it ---- */

static void print_count(const struct mtr_node *answer, const char *key, const char *what)
{
    const struct mtr_str count = mtr_node_text(answer, key);
    if (!mtr_str_equal(count, MTR_STR("0"))) printf(", %.*s %s", MTR_STR_ARGS(count), what);
}

/* acme-bill 2026-10-01T00:00:00Z to 2026-11-01T00:00:00Z: 12 rows: 1 new, 2 changed, 0 gone, 9 the same */
static void print_answer(const struct mtr_node *answer)
{
    const struct mtr_str count = mtr_node_text(answer, "rows");
    printf("%.*s %.*s to %.*s%s: %.*s row%s", MTR_STR_ARGS(mtr_node_text(answer, "source")),
           MTR_STR_ARGS(mtr_node_text(answer, "start")), MTR_STR_ARGS(mtr_node_text(answer, "end")),
           rows_is_true(answer, "open") ? " (not over yet)" : "", MTR_STR_ARGS(count),
           mtr_str_equal(count, MTR_STR("1")) ? "" : "s");
    printf(": %.*s new, %.*s changed, %.*s gone, %.*s the same",
           MTR_STR_ARGS(mtr_node_text(answer, "added")), MTR_STR_ARGS(mtr_node_text(answer, "changed")),
           MTR_STR_ARGS(mtr_node_text(answer, "gone")), MTR_STR_ARGS(mtr_node_text(answer, "same")));
    print_count(answer, "repeated", "equal to another");
    print_count(answer, "moved", "from another window");
    print_count(answer, "elsewhere", "of another window");
    print_count(answer, "skipped", "skipped");
    print_count(answer, "problems", "that cannot be read");
    print_count(answer, "refused", "in quarantine");
    print_count(answer, "held", "held");
    print_count(answer, "not_active", "outside of a subscription's term");
    printf("%s\n", rows_is_true(answer, "dry_run") ? "; nothing is stored" : "");
}

static int conclude(const struct mtr_node *answer)
{
    const bool is_taken = rows_is_true(answer, "taken");
    fflush(stdout);
    if (!is_taken)
        fprintf(stderr, "meterd: %s: %.*s: %.*s%s\n",
                rows_is_true(answer, "dry_run") ? "it would not be taken" : "not taken",
                MTR_STR_ARGS(mtr_node_text(answer, "alarm")), MTR_STR_ARGS(mtr_node_text(answer, "problem")),
                source_accept_hint(answer));
    return is_taken && !source_in_quarantine(answer) ? MTR_EXIT_OK : MTR_EXIT_FAILED;
}

/* ---- sending ---- */

struct giving {
    const struct cli_invocation *invocation;
    const char *path;
    struct mtr_str body;
    struct mtr_client *client;
    struct mtr_document *document;
    int code;
};

/* The answer comes when the daemon has read the file. */
static void post(void *context)
{
    static const char *const headers[] = {"Content-Type: application/octet-stream", NULL};
    struct giving *giving = context;
    giving->code =
        client_json(giving->client, "POST", giving->path, headers, giving->body, &giving->document);
}

static void print_given(const struct giving *giving)
{
    const struct mtr_node *answer = mtr_document_root(giving->document);
    if (invocation_flag(giving->invocation, "json")) {
        rows_print_json(answer);
        return;
    }
    print_answer(answer);
    source_bill_print(answer);
}

static int give(struct giving *giving, const char *source)
{
    struct source_waiting waiting = {
        .source = source, .who = "meterd import", .what = "the file", .give = post, .context = giving};
    int code = client_open(giving->invocation, &giving->client);
    if (!code) code = client_open(giving->invocation, &waiting.client);
    if (!code) {
        source_wait(&waiting);
        code = waiting.is_called_off ? SOURCE_INTERRUPTED : giving->code;
    }
    if (!code) {
        print_given(giving);
        code = conclude(mtr_document_root(giving->document));
    }
    mtr_document_close(giving->document);
    client_close(waiting.client);
    client_close(giving->client);
    return code;
}

int import_source(const struct cli_invocation *invocation, const char *source)
{
    struct mtr_buffer file, packed, path;
    if (invocation->argument_count != 1) {
        fprintf(stderr, "meterd import: with --source a file is a whole window, so there is one: put several "
                        "into a zip\n");
        return MTR_EXIT_USAGE;
    }
    int code = cli_load_file(invocation->arguments[0], FILE_BYTES_MAX, &file);
    if (code) return code;
    mtr_buffer_init(&packed, FILE_BYTES_MAX);
    mtr_buffer_init(&path, 8 << 10);
    struct mtr_str body = mtr_buffer_str(&file);
    int rc = write_path(invocation, source, &path);
    if (!rc && !is_packed(body)) {
        rc = pack(body, &packed);
        body = mtr_buffer_str(&packed);
    }
    if (rc) fprintf(stderr, "meterd import: %s\n", mtr_error_text(rc));
    struct giving giving = {.invocation = invocation, .path = path.data, .body = body};
    code = rc ? MTR_EXIT_FAILED : give(&giving, source);
    mtr_buffer_release(&path);
    mtr_buffer_release(&packed);
    mtr_buffer_release(&file);
    return code;
}
