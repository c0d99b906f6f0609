/*
 * meterd run, check, version: the daemon, and what can be said before it starts.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "meterd/core/json_writer.h"
#include "meterd/core/logline.h"
#include "meterd/core/limits.h"
#include "meterd/daemon/command.h"
#include "meterd/daemon/load.h"

enum { FINDINGS_MAX = 500 };

static int reload(void *context, struct mtr_config *out)
{
    return mtr_load_config(context, out);
}

int mtr_command_run(const struct mtr_invocation *invocation)
{
    static struct mtr_config config;
    struct mtr_invocation copy = *invocation; /* reload reads the same options again */
    int code = mtr_load_config(invocation, &config);
    if (code) return code;
    mtr_logline_set_level((enum mtr_logline_level)config.logline.level);
    mtr_logline_set_format((enum mtr_logline_format)config.logline.format);
    code = mtr_daemon_run(&config, reload, &copy);
    mtr_config_release(&config);
    return code;
}

/* A catalog file against an empty catalog in a directory of its own, which is removed again. */
static int check_catalog(const char *path, struct mtr_diagnostics *findings)
{
    char directory[] = "/tmp/meterd-check-XXXXXX", command_path[64];
    struct mtr_catalog_store *store = NULL;
    struct mtr_catalog_change change;
    struct mtr_diagnostic diagnostic;
    struct mtr_buffer text;
    int code = mtr_load_file(path, MTR_DOCUMENT_BYTES_MAX, &text);
    if (code) return code;
    if (!mkdtemp(directory)) {
        fprintf(stderr, "meterd: cannot make a directory under /tmp\n");
        mtr_buffer_release(&text);
        return MTR_EXIT_FAILED;
    }
    int rc = mtr_catalog_store_open(directory, false, &store, &diagnostic);
    if (!rc)
        rc = mtr_catalog_store_apply(store, mtr_buffer_str(&text), NULL, (struct mtr_str){NULL, 0}, MTR_STR("check"), mtr_clock_wall_us(), true, &change,
                                     findings);
    else fprintf(stderr, "meterd: %s\n", diagnostic.text);
    mtr_catalog_store_close(store);
    mtr_buffer_release(&text);
    static const char *const files[] = {"data.mdb", "lock.mdb"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(command_path, sizeof(command_path), "%s/%s", directory, files[i]);
        remove(command_path);
    }
    remove(directory);
    return rc ? MTR_EXIT_CONFIG : MTR_EXIT_OK;
}

static void print_check_json(uint32_t files, const struct mtr_diagnostics *findings)
{
    struct mtr_buffer out;
    struct mtr_json_writer json;
    mtr_buffer_init(&out, 1 << 24);
    mtr_json_begin(&json, &out);
    mtr_json_map(&json);
    mtr_json_name(&json, "files");
    mtr_json_u64(&json, files);
    mtr_json_name(&json, "errors");
    mtr_json_u64(&json, findings->errors);
    mtr_json_name(&json, "findings");
    mtr_json_findings(&json, findings);
    mtr_json_map_end(&json);
    if (mtr_json_finish(&json) == MTR_OK) printf("%.*s\n", (int)out.size, out.data);
    mtr_buffer_release(&out);
}

int mtr_command_check(const struct mtr_invocation *invocation)
{
    struct mtr_config config;
    bool json = mtr_invocation_flag(invocation, "json");
    int code = mtr_load_config(invocation, &config);
    if (code) return code;
    mtr_config_release(&config);
    uint32_t files = 0;
    const char *path;
    for (; (path = mtr_invocation_option_at(invocation, "catalog", files)) != NULL; files++) {
        struct mtr_diagnostics findings;
        mtr_diagnostics_init(&findings, FINDINGS_MAX);
        int one = check_catalog(path, &findings);
        mtr_print_findings(path, &findings);
        if (json) print_check_json(files + 1, &findings);
        mtr_diagnostics_release(&findings);
        if (one) code = one;
    }
    if (!code && !json) printf("ok: the configuration%s\n", files ? " and the catalog documents" : "");
    return code;
}

int mtr_command_version(const struct mtr_invocation *invocation)
{
    if (mtr_invocation_flag(invocation, "json")) printf("{\"version\":\"%s\"}\n", METERD_VERSION);
    else printf("meterd %s\n", METERD_VERSION);
    return MTR_EXIT_OK;
}
