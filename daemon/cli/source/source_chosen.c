/*
 * See source_chosen.h.
 */
#include "daemon/cli/source/source_chosen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/cli/client.h"
#include "daemon/cli/inputs.h"
#include "daemon/stores/leftovers.h"
#include "meterd/catalog/store.h"
#include "meterd/core/limits.h"
#include "meterd/net/crypto.h"
#include "meterd/net/loop.h"

enum { FINDINGS_MAX = 500, PATH_BYTES = 4096, BUNDLE_BYTES_MAX = MTR_DOCUMENT_BYTES_MAX + (64 << 10) };

/* ---- the catalog of files ---- */

struct own_catalog {
    char directory[32];
    struct mtr_catalog_store *store;
};

static int open_own(struct own_catalog *own)
{
    struct mtr_diagnostic diagnostic;
    snprintf(own->directory, sizeof(own->directory), "/tmp/meterd-source-XXXXXX");
    if (!mkdtemp(own->directory)) {
        fprintf(stderr, "meterd: cannot make a directory under /tmp: %s\n", strerror(errno));
        own->directory[0] = '\0';
        return MTR_EXIT_FAILED;
    }
    if (mtr_catalog_store_open(own->directory, false, &own->store, &diagnostic) == MTR_OK) return MTR_EXIT_OK;
    fprintf(stderr, "meterd: %s\n", diagnostic.text);
    return MTR_EXIT_FAILED;
}

static void close_own(struct own_catalog *own)
{
    mtr_catalog_store_close(own->store);
    if (own->directory[0]) leftovers_remove_store(own->directory);
}

static int say_findings(const char *name, int rc, struct mtr_diagnostics *findings)
{
    if (rc) cli_print_findings(name, findings);
    if (rc && !findings->errors) fprintf(stderr, "meterd: %s: %s\n", name, mtr_error_text(rc));
    mtr_diagnostics_release(findings);
    return !rc ? MTR_EXIT_OK : rc == MTR_EINVALID ? MTR_EXIT_CONFIG : MTR_EXIT_FAILED;
}

static int apply_own(struct own_catalog *own, const char *name, struct mtr_str text)
{
    struct mtr_diagnostics findings;
    struct mtr_catalog_change change;
    const struct mtr_catalog_edit edit = {
        .text = text, .who = MTR_STR("source"), .now_us = mtr_clock_wall_us()};
    mtr_diagnostics_init(&findings, FINDINGS_MAX);
    return say_findings(name, mtr_catalog_store_apply(own->store, &edit, &change, &findings), &findings);
}

static int apply_vendor(struct own_catalog *own, struct mtr_str vendor)
{
    struct mtr_json_writer json;
    struct mtr_buffer text;
    mtr_buffer_init(&text, PATH_BYTES);
    mtr_json_begin(&json, &text);
    mtr_json_map(&json);
    mtr_json_name(&json, "vendors");
    mtr_json_list(&json);
    mtr_json_map(&json);
    mtr_json_named_text(&json, "key", vendor);
    mtr_json_map_end(&json);
    mtr_json_list_end(&json);
    mtr_json_map_end(&json);
    int code = mtr_json_finish(&json) ? MTR_EXIT_FAILED : apply_own(own, "vendor", mtr_buffer_str(&text));
    mtr_buffer_release(&text);
    return code;
}

/* ---- the document's hash ---- */

static int hash_text(struct source_chosen *chosen, struct mtr_str json)
{
    uint8_t digest[MTR_SHA256_BYTES];
    int rc = mtr_digest_of(MTR_SHA256, json, digest);
    for (int i = 0; !rc && i < MTR_SHA256_BYTES; i++)
        snprintf(chosen->document + 2 * i, 3, "%02x", digest[i]);
    return rc;
}

/* As the catalog writes it: the key first, the other fields in the order written, nulls left out. */
static int write_document(const struct mtr_node *node, struct mtr_buffer *out)
{
    struct mtr_json_writer json;
    struct mtr_buffer member;
    int rc = MTR_OK;
    mtr_buffer_init(&member, MTR_DOCUMENT_BYTES_MAX);
    mtr_json_begin(&json, out);
    mtr_json_map(&json);
    mtr_json_named_text(&json, "key", mtr_node_text(node, "key"));
    for (uint32_t i = 0; !rc && i < node->child_count; i++) {
        const struct mtr_node *child = &node->children[i];
        if (child->kind == MTR_NODE_NULL || mtr_str_equal(child->key, MTR_STR("key"))) continue;
        mtr_buffer_reset(&member);
        rc = mtr_node_write_json(child, &member);
        mtr_json_name_text(&json, child->key);
        mtr_json_raw(&json, mtr_buffer_str(&member));
    }
    mtr_json_map_end(&json);
    mtr_buffer_release(&member);
    const int finish = mtr_json_finish(&json);
    return rc ? rc : finish;
}

static int hash_document(struct source_chosen *chosen, const struct mtr_node *node)
{
    struct mtr_buffer json;
    mtr_buffer_init(&json, MTR_DOCUMENT_BYTES_MAX);
    int rc = write_document(node, &json);
    if (!rc) rc = hash_text(chosen, mtr_buffer_str(&json));
    mtr_buffer_release(&json);
    return rc;
}

static int on_document(void *context, const struct mtr_catalog_document *document)
{
    return hash_text(context, document->json);
}

/* ---- files ---- */

struct choosing {
    const struct cli_invocation *invocation;
    uint32_t more; /* arguments from here on are further files */
    struct source_chosen *chosen;
    struct mtr_str key, vendor; /* of the source in the first text */
    struct mtr_document *document;
    const char *sandbox; /* asked in the place of its base_url; NULL: it is not */
};

static int say_which(const struct mtr_node *sources, const char *name)
{
    fprintf(stderr, "meterd source: %s has %u sources: say --source KEY, one of", name, sources->child_count);
    for (uint32_t i = 0; i < sources->child_count; i++)
        fprintf(stderr, "%s %.*s", i ? "," : "", MTR_STR_ARGS(mtr_node_text(&sources->children[i], "key")));
    fputc('\n', stderr);
    return MTR_EXIT_USAGE;
}

/* The one that --source names, or the only one. */
static int find_in_text(struct choosing *choosing, const char *name, struct mtr_str text)
{
    struct mtr_diagnostic broken;
    const char *wanted = invocation_option(choosing->invocation, "source");
    if (mtr_document_parse(text, &choosing->document, &broken)) {
        cli_print_finding(name, &broken);
        return MTR_EXIT_CONFIG;
    }
    const struct mtr_node *sources = mtr_node_get(mtr_document_root(choosing->document), "sources");
    if (!sources || sources->kind != MTR_NODE_LIST || !sources->child_count) {
        fprintf(stderr, "meterd source: %s has no `sources`\n", name);
        return MTR_EXIT_CONFIG;
    }
    const struct mtr_node *found = sources->child_count == 1 ? &sources->children[0] : NULL;
    for (uint32_t i = 0; wanted && i < sources->child_count; i++)
        if (mtr_str_equal(mtr_node_text(&sources->children[i], "key"), mtr_str_from(wanted)))
            found = &sources->children[i];
    if (!found) return say_which(sources, name);
    choosing->key = mtr_node_text(found, "key");
    choosing->vendor = mtr_node_text(found, "vendor");
    if (hash_document(choosing->chosen, found)) return MTR_EXIT_FAILED;
    if (!wanted || mtr_str_equal(choosing->key, mtr_str_from(wanted))) return MTR_EXIT_OK;
    fprintf(stderr, "meterd source: %s has no source %s\n", name, wanted);
    return MTR_EXIT_USAGE;
}

static struct mtr_catalog_store *open_stored(const struct source_chosen *chosen)
{
    struct mtr_catalog_store *store = NULL;
    struct mtr_diagnostic diagnostic;
    char path[PATH_BYTES];
    const int size =
        snprintf(path, sizeof(path), "%.*s/catalog", MTR_STR_ARGS(chosen->config.data.directory));
    if (size >= PATH_BYTES || access(path, R_OK)) return NULL;
    return mtr_catalog_store_open(path, true, &store, &diagnostic) ? NULL : store;
}

/* As if the text were applied to what is in force. False: there is nothing that can be read. */
static bool draft(struct choosing *choosing, const char *name, struct mtr_str text, int *code)
{
    struct mtr_diagnostics findings;
    struct mtr_catalog_store *store = open_stored(choosing->chosen);
    const struct mtr_catalog_edit edit = {
        .text = text, .who = MTR_STR("source"), .now_us = mtr_clock_wall_us()};
    if (!store) return false;
    mtr_diagnostics_init(&findings, FINDINGS_MAX);
    int rc = mtr_catalog_store_draft(store, &edit, &choosing->chosen->catalog, &findings);
    *code = say_findings(name, rc, &findings);
    mtr_catalog_store_close(store);
    return true;
}

static int apply_file(struct own_catalog *own, const char *path)
{
    struct mtr_buffer text;
    int code = cli_load_file(path, MTR_DOCUMENT_BYTES_MAX, &text);
    if (code) return code;
    code = apply_own(own, path, mtr_buffer_str(&text));
    mtr_buffer_release(&text);
    return code;
}

/* Further files come first: they hold what the source refers to. */
static int make_own(struct choosing *choosing, const char *name, struct mtr_str text)
{
    const struct cli_invocation *invocation = choosing->invocation;
    const uint32_t more = choosing->more;
    const struct mtr_node *root = mtr_document_root(choosing->document);
    struct own_catalog own = {0};
    int code = open_own(&own);
    for (uint32_t i = more; !code && i < invocation->argument_count; i++)
        code = apply_file(&own, invocation->arguments[i]);
    if (!code && invocation->argument_count <= more && !mtr_node_get(root, "vendors") &&
        choosing->vendor.size)
        code = apply_vendor(&own, choosing->vendor);
    if (!code) code = apply_own(&own, name, text);
    if (!code) choosing->chosen->catalog = mtr_catalog_store_snapshot(own.store);
    close_own(&own);
    return code;
}

static void write_sandboxed(const struct mtr_node *source, const char *url, struct mtr_json_writer *json)
{
    struct mtr_buffer member;
    mtr_buffer_init(&member, MTR_DOCUMENT_BYTES_MAX);
    mtr_json_map(json);
    for (uint32_t i = 0; i < source->child_count; i++) {
        const struct mtr_node *child = &source->children[i];
        if (mtr_str_equal(child->key, MTR_STR("base_url"))) continue;
        mtr_buffer_reset(&member);
        if (mtr_node_write_json(child, &member)) abort(); /* without memory, as command lines may */
        mtr_json_name_text(json, child->key);
        mtr_json_raw(json, mtr_buffer_str(&member));
    }
    mtr_json_named_cstr(json, "base_url", url);
    mtr_json_map_end(json);
    mtr_buffer_release(&member);
}

/* The same documents, but that the source asks the sandbox. */
static int move_to_sandbox(const struct choosing *choosing, const char *url, struct mtr_buffer *out)
{
    const struct mtr_node *root = mtr_document_root(choosing->document);
    struct mtr_json_writer json;
    struct mtr_buffer part;
    mtr_buffer_init(&part, MTR_DOCUMENT_BYTES_MAX);
    mtr_json_begin(&json, out);
    mtr_json_map(&json);
    for (uint32_t i = 0; i < root->child_count; i++) {
        const struct mtr_node *kind = &root->children[i];
        const bool is_sources = mtr_str_equal(kind->key, MTR_STR("sources"));
        mtr_json_name_text(&json, kind->key);
        mtr_buffer_reset(&part);
        if (!is_sources && mtr_node_write_json(kind, &part)) abort(); /* as above */
        if (!is_sources) mtr_json_raw(&json, mtr_buffer_str(&part));
        if (is_sources) mtr_json_list(&json);
        for (uint32_t s = 0; is_sources && s < kind->child_count; s++)
            if (mtr_str_equal(mtr_node_text(&kind->children[s], "key"), choosing->key))
                write_sandboxed(&kind->children[s], url, &json);
        if (is_sources) mtr_json_list_end(&json);
    }
    mtr_json_map_end(&json);
    mtr_buffer_release(&part);
    return mtr_json_finish(&json);
}

static int choose_text(struct choosing *choosing, const char *name, struct mtr_str text)
{
    const bool has_more = choosing->invocation->argument_count > choosing->more;
    const char *sandbox = choosing->sandbox;
    struct mtr_buffer moved;
    int code = find_in_text(choosing, name, text);
    if (code) return code;
    mtr_buffer_init(&moved, BUNDLE_BYTES_MAX);
    if (sandbox && move_to_sandbox(choosing, sandbox, &moved)) code = MTR_EXIT_FAILED;
    if (sandbox) text = mtr_buffer_str(&moved);
    if (!code && (has_more || !draft(choosing, name, text, &code))) code = make_own(choosing, name, text);
    mtr_buffer_release(&moved);
    if (code) return code;
    choosing->chosen->source = mtr_catalog_find_source(choosing->chosen->catalog, choosing->key);
    if (choosing->chosen->source) return MTR_EXIT_OK;
    fprintf(stderr, "meterd source: %s has no source %.*s\n", name, MTR_STR_ARGS(choosing->key));
    return MTR_EXIT_FAILED;
}

static int choose_file(struct choosing *choosing, const char *path)
{
    struct mtr_buffer text;
    int code = cli_load_file(path, MTR_DOCUMENT_BYTES_MAX, &text);
    if (code) return code;
    code = choose_text(choosing, path, mtr_buffer_str(&text));
    mtr_buffer_release(&text);
    return code;
}

/* ---- keys ---- */

static int write_bundle(const struct mtr_node *answer, struct mtr_buffer *out)
{
    const struct mtr_node *document = mtr_node_get(answer, "document");
    if (!document) return MTR_ENOTFOUND;
    int rc = mtr_buffer_append_str(out, MTR_STR("{\"sources\":["));
    if (!rc) rc = mtr_node_write_json(document, out);
    return rc ? rc : mtr_buffer_append_str(out, MTR_STR("]}"));
}

static int ask_daemon(struct choosing *choosing, const char *key)
{
    struct mtr_client *client;
    struct mtr_document *answer = NULL;
    struct mtr_buffer path, text;
    int code = client_open(choosing->invocation, &client);
    if (code) return code;
    mtr_buffer_init(&path, PATH_BYTES);
    mtr_buffer_init(&text, BUNDLE_BYTES_MAX);
    int rc = mtr_buffer_append_str(&path, MTR_STR("/v1/catalog/source/"));
    if (!rc) rc = client_escape(&path, mtr_str_from(key));
    if (!rc) rc = mtr_buffer_append_char(&path, '\0');
    if (!rc) code = client_json(client, "GET", path.data, NULL, (struct mtr_str){NULL, 0}, &answer);
    if (!rc && !code) rc = write_bundle(mtr_document_root(answer), &text);
    if (rc) fprintf(stderr, "meterd source: %s: %s\n", key, mtr_error_text(rc));
    if (!rc && !code) code = choose_text(choosing, key, mtr_buffer_str(&text));
    mtr_document_close(answer);
    mtr_buffer_release(&path);
    mtr_buffer_release(&text);
    client_close(client);
    return rc ? MTR_EXIT_FAILED : code;
}

static int choose_key(struct choosing *choosing, const char *key)
{
    struct source_chosen *chosen = choosing->chosen;
    struct mtr_catalog_store *store = open_stored(chosen);
    chosen->is_in_force = true;
    if (choosing->invocation->argument_count > choosing->more) {
        fprintf(stderr, "meterd source: %s is no file, and a KEY is given alone\n", key);
        return MTR_EXIT_USAGE;
    }
    if (!store || choosing->sandbox) {
        mtr_catalog_store_close(store);
        return ask_daemon(choosing, key);
    }
    chosen->catalog = mtr_catalog_store_snapshot(store);
    chosen->source = mtr_catalog_find_source(chosen->catalog, mtr_str_from(key));
    int rc = mtr_catalog_store_get(store, MTR_KIND_SOURCE, mtr_str_from(key), 0, on_document, chosen);
    mtr_catalog_store_close(store);
    if (chosen->source && !rc) return MTR_EXIT_OK;
    fprintf(stderr, "meterd source: there is neither a file nor a source %s\n", key);
    return MTR_EXIT_FAILED;
}

/* ---- both ---- */

static bool has_subscriptions(const struct source_chosen *chosen)
{
    const uint32_t count = mtr_catalog_count(chosen->catalog, MTR_KIND_SUBSCRIPTION);
    for (uint32_t i = 1; i <= count; i++) {
        const struct mtr_subscription *subscription = mtr_catalog_subscription(chosen->catalog, i);
        if (subscription && mtr_str_equal(subscription->service->vendor->key, chosen->source->vendor))
            return true;
    }
    return false;
}

int source_choose(const struct cli_invocation *invocation, uint32_t first, uint32_t more,
                  struct source_chosen *out)
{
    struct choosing choosing = {.invocation = invocation,
                                .more = more,
                                .chosen = out,
                                .sandbox = invocation_option(invocation, "sandbox")};
    const char *what = invocation->arguments[first];
    struct stat status;
    *out = (struct source_chosen){0};
    int code = cli_load_config(invocation, &out->config);
    if (code) return code;
    snprintf(out->tokens, sizeof(out->tokens), "%.*s/tokens", MTR_STR_ARGS(out->config.data.directory));
    const bool is_file = !strcmp(what, "-") || (!stat(what, &status) && !S_ISDIR(status.st_mode));
    code = is_file ? choose_file(&choosing, what) : choose_key(&choosing, what);
    mtr_document_close(choosing.document);
    if (!code && out->source->by_hand) {
        fprintf(stderr, "meterd source: nobody is asked for %.*s: files are its answers (`by_hand`)\n",
                MTR_STR_ARGS(out->source->key));
        code = MTR_EXIT_FAILED;
    }
    if (!code && has_subscriptions(out)) out->judged_by = out->catalog;
    return code;
}

void source_chosen_release(struct source_chosen *chosen)
{
    mtr_catalog_release(chosen->catalog);
    config_release(&chosen->config);
    *chosen = (struct source_chosen){0};
}

int source_check_tokens(const struct source_chosen *chosen)
{
    if (!chosen->is_in_force || !mtr_trial_burns_tokens(chosen->source)) return MTR_EXIT_OK;
    fprintf(
        stderr,
        "meterd source: the refresh tokens of %.*s are for one use each, and the daemon has the newest: it "
        "would be locked out\n",
        MTR_STR_ARGS(chosen->source->key));
    return MTR_EXIT_FAILED;
}
