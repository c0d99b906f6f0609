/*
 * meterd key: makes and disables API keys; and the operator's key anew, where no daemon runs.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/cli/client.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/inputs.h"
#include "daemon/cli/modes.h"
#include "daemon/daemon.h"
#include "meterd/core/json_writer.h"
#include "meterd/core/schema.h"

enum { PATH_BYTES = 1024 };

static int key_document(const struct cli_invocation *invocation, const char *sha256, struct mtr_buffer *out)
{
    const char *vendor = invocation_option(invocation, "vendor"), *scope;
    struct mtr_json_writer json;
    mtr_json_begin(&json, out);
    mtr_json_map(&json);
    mtr_json_named_cstr(&json, "key", invocation->arguments[0]);
    mtr_json_named_cstr(&json, "sha256", sha256);
    mtr_json_name(&json, "scopes");
    mtr_json_list(&json);
    for (uint32_t i = 0; (scope = invocation_option_at(invocation, "scope", i)) != NULL; i++)
        mtr_json_cstr(&json, scope);
    mtr_json_list_end(&json);
    if (vendor) {
        mtr_json_named_cstr(&json, "vendor", vendor);
    }
    mtr_json_map_end(&json);
    return mtr_json_finish(&json);
}

static int call_key(struct mtr_client *client, const char *method, const char *name, struct mtr_str document,
                    struct mtr_document **answer)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct mtr_buffer path;
    mtr_buffer_init(&path, PATH_BYTES);
    int rc = mtr_buffer_printf(&path, "/v1/catalog/api_key/");
    if (!rc) rc = client_escape(&path, mtr_str_from(name));
    if (!rc) rc = mtr_buffer_append_char(&path, '\0');
    int code = rc ? MTR_EXIT_FAILED
                  : client_json(client, method, path.data, document.size ? headers : NULL, document, answer);
    mtr_buffer_release(&path);
    return code;
}

static int put_key(struct mtr_client *client, const char *name, struct mtr_str document)
{
    struct mtr_document *answer = NULL;
    int code = call_key(client, "PUT", name, document, &answer);
    mtr_document_close(answer);
    return code;
}

/* Said here, before a secret is made: the daemon would point into a document that nobody wrote. */
static bool check_scopes(const struct cli_invocation *invocation)
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
static void print_key(const struct cli_invocation *invocation, const char *secret, const char *out_path)
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
    mtr_json_named_cstr(&json, "key", name);
    mtr_json_named_bool(&json, "disabled", disabled);
    if (secret) mtr_json_name(&json, "secret");
    if (secret) mtr_json_cstr(&json, secret);
    if (out_path) mtr_json_name(&json, "file");
    if (out_path) mtr_json_cstr(&json, out_path);
    mtr_json_map_end(&json);
    if (mtr_json_finish(&json) == MTR_OK) printf("%.*s\n", (int)out.size, out.data);
    if (out.size) explicit_bzero(out.data, out.size);
    mtr_buffer_release(&out);
}

static int make_key(const struct cli_invocation *invocation, struct mtr_client *client)
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
static int disable_key(const struct cli_invocation *invocation, struct mtr_client *client)
{
    struct mtr_document *answer = NULL;
    struct mtr_buffer document;
    int code = call_key(client, "GET", invocation->arguments[0], (struct mtr_str){NULL, 0}, &answer);
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

static int renew_admin(const struct cli_invocation *invocation)
{
    static struct mtr_config config;
    struct mtr_trusted_clock clock;
    struct mtr_diagnostic diagnostic = {0};
    char data[PATH_BYTES];
    if (invocation->argument_count) {
        fprintf(stderr, "meterd key: --renew-admin is of the key `admin`, not of '%s': leave the name out\n",
                invocation->arguments[0]);
        return MTR_EXIT_USAGE;
    }
    int code = cli_load_config(invocation, &config);
    if (code) return code;
    snprintf(data, sizeof(data), "%.*s", MTR_STR_ARGS(config.data.directory));
    (void)clock_begin(&clock, &config, data, 0);
    const int rc = admin_key_renew(data, config.security.bytes_max, clock.time.now_us, &diagnostic);
    config_release(&config);
    if (rc) {
        fprintf(stderr, "meterd: admin.key cannot be made anew: %s\n", diagnostic.text);
        return MTR_EXIT_FAILED;
    }
    if (invocation_flag(invocation, "json"))
        printf("{\"key\":\"admin\",\"disabled\":false,\"file\":\"%s/admin.key\"}\n", data);
    else printf("wrote a new secret of 'admin' to %s/admin.key; the one before is no longer good\n", data);
    return MTR_EXIT_OK;
}

static const struct cli_mode modes[] = {
    {1, "renew-admin", NULL, "--renew-admin makes admin.key anew, where no daemon runs"},
    {2, "disable", NULL, "--disable takes a key out of force"},
    {4, NULL, NULL, "without --disable and --renew-admin a key is made"},
};
static const struct cli_mode_option mode_options[] = {
    {"vendor", 4}, {"scope", 4}, {"out", 4}, {"disable", 2}, {"url", 6}, {"key-file", 6},
    {"cacert", 6}, {"cert", 6}, {"cert-key", 6}, {NULL, 0},
};

static int run(const struct cli_invocation *invocation)
{
    struct mtr_client *client;
    bool disable = invocation_flag(invocation, "disable");
    if (!cli_check_options(invocation, modes, mode_options)) return MTR_EXIT_USAGE;
    if (invocation_flag(invocation, "renew-admin")) return renew_admin(invocation);
    if (!invocation->argument_count) {
        fprintf(stderr, "meterd key: which key? meterd key NAME\n");
        return MTR_EXIT_USAGE;
    }
    if (!mtr_schema_is_key(mtr_str_from(invocation->arguments[0]))) {
        fprintf(stderr,
                "meterd key: NAME is 1 to 64 of letters, digits and . _ : -, starting with a letter or "
                "digit, not '%s'\n",
                invocation->arguments[0]);
        return MTR_EXIT_USAGE;
    }
    if (!disable && !check_scopes(invocation)) return MTR_EXIT_USAGE;
    int code = client_open(invocation, &client);
    if (code) return code;
    code = disable ? disable_key(invocation, client) : make_key(invocation, client);
    client_close(client);
    return code;
}

static const struct cli_option options[] = {
    {"vendor", 0, "KEY", "bind the key to this vendor (needed for scope ingest)"},
    {"scope", 0, "SCOPE…", "ingest, query, billing or admin"},
    {"disable", 0, NULL, "disable the key instead of making it"},
    {"out", 0, "FILE", "write the secret to FILE (mode 0600) instead of printing it"},
    {"renew-admin", 0, NULL, "make admin.key of the data directory anew (daemon stopped)"},
    CLI_JSON_OPTION,
    CLI_CLIENT_OPTIONS,
    {0},
};

const struct cli_command cli_key = {
    .name = "key",
    .arguments = "[NAME]",
    .arguments_max = 1,
    .doc = "make an API key: prints its secret once",
    .text = "Vendors push events with a key of scope ingest: meterd key NAME --vendor V --scope ingest. The "
            "daemon keeps only a hash of the\n"
            "secret. The same NAME again makes a new secret, and the old one is no longer accepted.\n"
            "\n"
            "The last key of scope admin cannot be taken away. Where its secret is lost, or known to others: "
            "stop the\n"
            "daemon, meterd key --renew-admin, start it.\n",
    .options = options,
    .run = run,
};
