/*
 * meterd apply, get, key: the catalog from the command line, through the daemon.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/daemon.h"
#include "meterd/core/limits.h"
#include "daemon/cli/client.h"
#include "daemon/cli/command.h"
#include "daemon/cli/inputs.h"
#include "daemon/cli/table.h"

enum { PATH_BYTES = 1024 };

static void print_json(const struct mtr_node *node)
{
    struct mtr_buffer out;
    mtr_buffer_init(&out, SIZE_MAX);
    if (mtr_node_write_json(node, &out) == MTR_OK) printf("%.*s\n", (int)out.size, out.data);
    mtr_buffer_release(&out);
}

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

static void print_warnings(const char *path, const struct mtr_node *change)
{
    const struct mtr_node *findings = mtr_node_get(change, "findings");
    for (uint32_t i = 0; findings && i < findings->child_count; i++) {
        const struct mtr_node *finding = &findings->children[i];
        struct mtr_str field = mtr_node_text(finding, "field");
        fprintf(stderr, "%s:%.*s:%.*s: %.*s: %.*s%s%.*s\n", path,
                MTR_STR_ARGS(mtr_node_text(finding, "line")), MTR_STR_ARGS(mtr_node_text(finding, "column")),
                MTR_STR_ARGS(mtr_node_text(finding, "severity")), MTR_STR_ARGS(field), field.size ? ": " : "",
                MTR_STR_ARGS(mtr_node_text(finding, "text")));
    }
}

static int apply_file(struct mtr_client *client, const char *path, bool dry_run, bool json)
{
    static const char *const headers[] = {"Content-Type: application/yaml", NULL};
    struct mtr_buffer text;
    struct mtr_document *answer = NULL;
    int code = cli_load_file(path, MTR_DOCUMENT_BYTES_MAX, &text);
    if (code) return code;
    code = client_json(client, "PUT", dry_run ? "/v1/catalog?dry_run=true" : "/v1/catalog", headers,
                           mtr_buffer_str(&text), &answer);
    mtr_buffer_release(&text);
    if (code) {
        fprintf(stderr, "meterd: %s was not applied\n", path);
        return code;
    }
    const struct mtr_node *change = mtr_document_root(answer);
    print_warnings(path, change);
    if (json) print_json(change);
    else
        printf("%s: %s%.*s created, %.*s updated, %.*s unchanged; catalog version %.*s\n", path,
               dry_run ? "would be: " : "", MTR_STR_ARGS(mtr_node_text(change, "created")),
               MTR_STR_ARGS(mtr_node_text(change, "updated")),
               MTR_STR_ARGS(mtr_node_text(change, "unchanged")),
               MTR_STR_ARGS(mtr_node_text(change, "version")));
    mtr_document_close(answer);
    return MTR_EXIT_OK;
}

int command_apply(const struct mtr_invocation *invocation)
{
    struct mtr_client *client;
    int code = client_open(invocation, &client);
    if (code) return code;
    for (uint32_t i = 0; !code && i < invocation->argument_count; i++)
        code = apply_file(client, invocation->arguments[i], invocation_flag(invocation, "dry-run"),
                          invocation_flag(invocation, "json"));
    client_close(client);
    return code;
}

static int catalog_path(const struct mtr_invocation *invocation, uint64_t revision, struct mtr_buffer *path)
{
    int rc = mtr_buffer_printf(path, "/v1/catalog/");
    if (!rc) rc = client_escape(path, mtr_str_from(invocation->arguments[0]));
    if (!rc && invocation->argument_count > 1) rc = mtr_buffer_append_char(path, '/');
    if (!rc && invocation->argument_count > 1)
        rc = client_escape(path, mtr_str_from(invocation->arguments[1]));
    if (!rc && invocation_flag(invocation, "revisions")) rc = mtr_buffer_printf(path, "?revisions=true");
    else if (!rc && revision) rc = mtr_buffer_printf(path, "?revision=%" PRIu64, revision);
    return rc ? rc : mtr_buffer_append_char(path, '\0');
}

static void print_documents(const struct mtr_node *documents)
{
    struct mtr_table *table = table_open(stdout);
    table_column(table, "KEY", MTR_TABLE_LEFT);
    table_column(table, "REVISION", MTR_TABLE_RIGHT);
    table_column(table, "APPLIED AT", MTR_TABLE_LEFT);
    table_column(table, "BY", MTR_TABLE_LEFT);
    if (documents->child_count == 0) fprintf(stderr, "no documents\n");
    for (uint32_t i = 0; i < documents->child_count; i++) {
        static const char *const cells[] = {"key", "revision", "applied_at", "applied_by"};
        table_row(table);
        for (size_t c = 0; c < 4; c++)
            table_cell(table, mtr_node_text(&documents->children[i], cells[c]));
    }
    table_print(table);
    table_close(table);
}

int command_get(const struct mtr_invocation *invocation)
{
    struct mtr_client *client;
    struct mtr_document *answer = NULL;
    struct mtr_buffer path;
    uint64_t revision = 0;
    if (!invocation_u64(invocation, "revision", 1, UINT32_MAX, &revision)) return MTR_EXIT_USAGE;
    if (invocation->argument_count < 2 && (revision || invocation_flag(invocation, "revisions"))) {
        fprintf(stderr, "meterd get: revisions of which %s? give its key\n", invocation->arguments[0]);
        return MTR_EXIT_USAGE;
    }
    int code = client_open(invocation, &client);
    if (code) return code;
    mtr_buffer_init(&path, PATH_BYTES);
    if (catalog_path(invocation, revision, &path)) code = MTR_EXIT_USAGE;
    else code = client_json(client, "GET", path.data, NULL, (struct mtr_str){NULL, 0}, &answer);
    if (!code) {
        const struct mtr_node *root = mtr_document_root(answer), *documents = mtr_node_get(root, "documents");
        if (invocation_flag(invocation, "json")) print_json(root);
        else if (documents) print_documents(documents);
        else print_document(mtr_node_text(root, "kind"), mtr_node_get(root, "document"));
    }
    mtr_document_close(answer);
    mtr_buffer_release(&path);
    client_close(client);
    return code;
}

/* ---- keys ---- */

static int key_document(const struct mtr_invocation *invocation, const char *sha256, struct mtr_buffer *out)
{
    const char *vendor = invocation_option(invocation, "vendor"), *scope;
    struct mtr_json_writer json;
    mtr_json_begin(&json, out);
    mtr_json_map(&json);
    mtr_json_name(&json, "key");
    mtr_json_cstr(&json, invocation->arguments[0]);
    mtr_json_name(&json, "sha256");
    mtr_json_cstr(&json, sha256);
    mtr_json_name(&json, "scopes");
    mtr_json_list(&json);
    for (uint32_t i = 0; (scope = invocation_option_at(invocation, "scope", i)) != NULL; i++)
        mtr_json_cstr(&json, scope);
    mtr_json_list_end(&json);
    if (vendor) {
        mtr_json_name(&json, "vendor");
        mtr_json_cstr(&json, vendor);
    }
    mtr_json_map_end(&json);
    return mtr_json_finish(&json);
}

static int put_key(struct mtr_client *client, const char *name, struct mtr_str document)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    char path[PATH_BYTES];
    struct mtr_document *answer = NULL;
    snprintf(path, sizeof(path), "/v1/catalog/api_key/%s", name);
    int code = client_json(client, "PUT", path, headers, document, &answer);
    mtr_document_close(answer);
    return code;
}

/* Said here, before a secret is made: the daemon would point into a document that nobody wrote. */
static bool check_scopes(const struct mtr_invocation *invocation)
{
    static const char *const scopes[] = {"ingest", "query", "billing", "admin"};
    const char *scope;
    uint32_t count = 0;
    bool ingest = false;
    for (; (scope = invocation_option_at(invocation, "scope", count)) != NULL; count++) {
        bool known = false;
        for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++)
            known = known || strcmp(scope, scopes[i]) == 0;
        if (!known) {
            fprintf(stderr, "meterd key: --scope is ingest, query, billing or admin, not '%s'\n", scope);
            return false;
        }
        ingest = ingest || strcmp(scope, "ingest") == 0;
    }
    if (count == 0)
        fprintf(stderr, "meterd key: what may the key do? --scope ingest, query, billing or admin\n");
    else if (ingest && !invocation_option(invocation, "vendor"))
        fprintf(stderr, "meterd key: whose events does it send? --vendor KEY goes with --scope ingest\n");
    else return true;
    return false;
}

/* What became of the key: its secret when it goes nowhere else. */
static void print_key(const struct mtr_invocation *invocation, const char *secret, const char *out_path)
{
    const char *name = invocation->arguments[0];
    bool disabled = invocation_flag(invocation, "disable");
    if (!invocation_flag(invocation, "json")) {
        if (disabled) printf("the API key '%s' is disabled\n", name);
        else if (secret) printf("%s\n", secret);
        else printf("wrote the secret of '%s' to %s\n", name, out_path);
        return;
    }
    struct mtr_buffer out;
    struct mtr_json_writer json;
    mtr_buffer_init(&out, 1 << 16);
    mtr_json_begin(&json, &out);
    mtr_json_map(&json);
    mtr_json_name(&json, "key");
    mtr_json_cstr(&json, name);
    mtr_json_name(&json, "disabled");
    mtr_json_bool(&json, disabled);
    if (secret) mtr_json_name(&json, "secret");
    if (secret) mtr_json_cstr(&json, secret);
    if (out_path) mtr_json_name(&json, "file");
    if (out_path) mtr_json_cstr(&json, out_path);
    mtr_json_map_end(&json);
    if (mtr_json_finish(&json) == MTR_OK) printf("%.*s\n", (int)out.size, out.data);
    if (out.size) explicit_bzero(out.data, out.size);
    mtr_buffer_release(&out);
}

static int make_key(const struct mtr_invocation *invocation, struct mtr_client *client)
{
    char secret[MTR_SECRET_TEXT_BYTES], sha256[MTR_SHA256_TEXT_BYTES];
    const char *out_path = invocation_option(invocation, "out");
    struct mtr_buffer document;
    mtr_buffer_init(&document, 1 << 16);
    int rc = secret_make(secret, sha256);
    if (!rc) rc = key_document(invocation, sha256, &document);
    /* The secret reaches its file before the catalog knows it: a key nobody has is useless, a file nobody
     * knows is harmless. */
    if (!rc && out_path) rc = secret_write(out_path, secret);
    int code = MTR_EXIT_FAILED;
    if (rc == MTR_EEXISTS)
        fprintf(stderr, "meterd: %s is there already; a secret goes to a new file\n", out_path);
    else if (rc)
        fprintf(stderr, "meterd: cannot write %s: %s\n", out_path ? out_path : "the key", mtr_error_text(rc));
    else code = put_key(client, invocation->arguments[0], mtr_buffer_str(&document));
    if (code && !rc && out_path) remove(out_path);
    if (!code) print_key(invocation, out_path ? NULL : secret, out_path);
    explicit_bzero(secret, sizeof(secret));
    mtr_buffer_release(&document);
    return code;
}

/* The stored document again, with "disabled": true. */
static int disable_key(const struct mtr_invocation *invocation, struct mtr_client *client)
{
    char path[PATH_BYTES];
    struct mtr_document *answer = NULL;
    struct mtr_buffer document;
    snprintf(path, sizeof(path), "/v1/catalog/api_key/%s", invocation->arguments[0]);
    int code = client_json(client, "GET", path, NULL, (struct mtr_str){NULL, 0}, &answer);
    if (code) return code;
    mtr_buffer_init(&document, 1 << 16);
    const struct mtr_node *stored = mtr_node_get(mtr_document_root(answer), "document");
    int rc = mtr_buffer_append_char(&document, '{');
    for (uint32_t i = 0; !rc && stored && i < stored->child_count; i++) {
        const struct mtr_node *child = &stored->children[i];
        if (mtr_str_equal(child->key, MTR_STR("disabled"))) continue;
        rc = mtr_buffer_printf(&document, "\"%.*s\":", MTR_STR_ARGS(child->key));
        if (!rc) rc = mtr_node_write_json(child, &document);
        if (!rc) rc = mtr_buffer_append_char(&document, ',');
    }
    if (!rc) rc = mtr_buffer_printf(&document, "\"disabled\":true}");
    code = rc ? MTR_EXIT_FAILED : put_key(client, invocation->arguments[0], mtr_buffer_str(&document));
    if (!code) print_key(invocation, NULL, NULL);
    mtr_buffer_release(&document);
    mtr_document_close(answer);
    return code;
}

int command_key(const struct mtr_invocation *invocation)
{
    struct mtr_client *client;
    bool disable = invocation_flag(invocation, "disable");
    if (!disable && !check_scopes(invocation)) return MTR_EXIT_USAGE;
    int code = client_open(invocation, &client);
    if (code) return code;
    code = disable ? disable_key(invocation, client) : make_key(invocation, client);
    client_close(client);
    return code;
}
