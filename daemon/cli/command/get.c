/*
 * meterd get: documents of the catalog, as the daemon keeps them.
 */
#include <inttypes.h>
#include <stdio.h>

#include "daemon/cli/client.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/rows.h"
#include "daemon/cli/table.h"

enum { PATH_BYTES = 1024 };

/* YAML of a bundle, so that the output can be edited and applied. */
static void print_document(struct mtr_str kind, const struct mtr_node *document)
{
    struct mtr_buffer out;
    if (!document) return;
    const struct mtr_node bundle = {.kind = MTR_NODE_LIST, .child_count = 1, .children = document};
    mtr_buffer_init(&out, SIZE_MAX);
    if (mtr_node_write_yaml(&bundle, &out) == MTR_OK)
        printf("%.*ss:\n%.*s", MTR_STR_ARGS(kind), (int)out.size, out.data);
    mtr_buffer_release(&out);
}

static int catalog_path(const struct cli_invocation *invocation, uint64_t revision, struct mtr_buffer *path)
{
    int rc = mtr_buffer_printf(path, "/v1/catalog/");
    if (!rc) rc = client_escape(path, mtr_str_from(invocation->arguments[0]));
    if (!rc && invocation->argument_count > 1) rc = mtr_buffer_append_char(path, '/');
    if (!rc && invocation->argument_count > 1)
        rc = client_escape(path, mtr_str_from(invocation->arguments[1]));
    if (!rc && invocation_flag(invocation, "revisions")) rc = mtr_buffer_printf(path, "?revisions=true");
    else if (!rc && revision) rc = mtr_buffer_printf(path, "?revision=%" PRIu64, revision);
    if (!rc && invocation_flag(invocation, "filled"))
        rc = mtr_buffer_printf(path, "%cfilled=true",
                               revision || invocation_flag(invocation, "revisions") ? '&' : '?');
    return rc ? rc : mtr_buffer_append_char(path, '\0');
}

/* Meters and tariffs have their keys within a service. */
static bool have_services(const struct mtr_node *documents)
{
    for (uint32_t i = 0; i < documents->child_count; i++)
        if (mtr_node_text(&documents->children[i], "service").size) return true;
    return false;
}

static void print_documents(const struct mtr_node *documents)
{
    static const char *const cells[] = {"key", "service", "revision", "applied_at", "applied_by"};
    enum { SERVICE = 1 };
    const bool with_services = have_services(documents);
    struct mtr_table *table = table_open(stdout);
    table_column(table, "KEY", MTR_TABLE_LEFT);
    if (with_services) table_column(table, "SERVICE", MTR_TABLE_LEFT);
    table_column(table, "REVISION", MTR_TABLE_RIGHT);
    table_column(table, "APPLIED AT", MTR_TABLE_LEFT);
    table_column(table, "BY", MTR_TABLE_LEFT);
    if (documents->child_count == 0) fprintf(stderr, "no documents\n");
    for (uint32_t i = 0; i < documents->child_count; i++) {
        table_row(table);
        for (size_t c = 0; c < sizeof(cells) / sizeof(cells[0]); c++)
            if (c != SERVICE || with_services)
                table_cell(table, mtr_node_text(&documents->children[i], cells[c]));
    }
    table_print(table);
    table_close(table);
}

static int run(const struct cli_invocation *invocation)
{
    struct mtr_client *client;
    struct mtr_document *answer = NULL;
    struct mtr_buffer path;
    uint64_t revision = 0;
    if (!invocation_u64(invocation, "revision", 1, UINT32_MAX, &revision)) return MTR_EXIT_USAGE;
    const bool of_one =
        revision || invocation_flag(invocation, "revisions") || invocation_flag(invocation, "filled");
    if (invocation->argument_count < 2 && of_one) {
        fprintf(stderr, "meterd get: which %s? give its key\n", invocation->arguments[0]);
        return MTR_EXIT_USAGE;
    }
    int code = client_open(invocation, &client);
    if (code) return code;
    mtr_buffer_init(&path, PATH_BYTES);
    if (catalog_path(invocation, revision, &path)) code = MTR_EXIT_USAGE;
    else code = client_json(client, "GET", path.data, NULL, (struct mtr_str){NULL, 0}, &answer);
    if (!code) {
        const struct mtr_node *root = mtr_document_root(answer), *documents = mtr_node_get(root, "documents");
        if (invocation_flag(invocation, "json")) rows_print_json(root);
        else if (documents) print_documents(documents);
        else print_document(mtr_node_text(root, "kind"), mtr_node_get(root, "document"));
    }
    mtr_document_close(answer);
    mtr_buffer_release(&path);
    client_close(client);
    return code;
}

static const struct cli_option options[] = {
    {"revision", 'r', "N", "this revision of the document (default: the newest)"},
    {"revisions", 0, NULL, "list every revision of the document"},
    {"filled", 0, NULL, "a source with its preset's values where it says nothing"},
    CLI_JSON_OPTION,
    CLI_CLIENT_OPTIONS,
    {0},
};

const struct cli_command cli_get = {
    .name = "get",
    .arguments = "KIND [KEY]",
    .arguments_min = 1,
    .arguments_max = 2,
    .doc = "show catalog documents: vendor, service, meter, tariff, subscription, api_key, destination, "
           "credit, rate, source",
    .text = "Without KEY a list; with KEY the document, in the form that `meterd apply` takes.\n",
    .options = options,
    .run = run,
};
