/*
 * meterd run, check, version: the daemon, and what can be said before it starts.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "meterd/core/json_writer.h"
#include "meterd/core/logline.h"
#include "meterd/core/limits.h"
#include "meterd/daemon/command.h"
#include "meterd/daemon/load.h"
#include "meterd/daemon/refold.h"

enum { FINDINGS_MAX = 500, TARIFF_BYTES_MAX = 256 << 20 };

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

/* ---- check ---- */

/* Documents are applied to a catalog in a directory of its own, which is removed again; so one file may refer to an earlier one. */
struct check {
    char directory[32];
    struct mtr_catalog_store *store;
    bool json;
    uint64_t errors;
    struct mtr_buffer out;
    struct mtr_json_writer writer;
};

static int open_check(struct check *check)
{
    struct mtr_diagnostic diagnostic;
    snprintf(check->directory, sizeof(check->directory), "/tmp/meterd-check-XXXXXX");
    if (!mkdtemp(check->directory)) {
        fprintf(stderr, "meterd: cannot make a directory under /tmp: %s\n", strerror(errno));
        check->directory[0] = '\0';
        return MTR_EXIT_FAILED;
    }
    if (mtr_catalog_store_open(check->directory, false, &check->store, &diagnostic) == MTR_OK) return MTR_EXIT_OK;
    fprintf(stderr, "meterd: %s\n", diagnostic.text);
    return MTR_EXIT_FAILED;
}

static void close_check(struct check *check)
{
    mtr_catalog_store_close(check->store);
    if (check->directory[0]) mtr_store_remove(check->directory);
    mtr_buffer_release(&check->out);
}

/* One input's findings: lines on stderr, or a member of the JSON. */
static void report_input(struct check *check, const char *name, const struct mtr_diagnostics *findings)
{
    check->errors += findings->errors;
    if (!check->json) {
        mtr_print_findings(name, findings);
        return;
    }
    mtr_json_map(&check->writer);
    mtr_json_name(&check->writer, "file");
    mtr_json_cstr(&check->writer, name);
    mtr_json_name(&check->writer, "errors");
    mtr_json_u64(&check->writer, findings->errors);
    mtr_json_name(&check->writer, "findings");
    mtr_json_findings(&check->writer, findings);
    mtr_json_map_end(&check->writer);
}

/* As part of the catalog that all files make. */
static int check_documents(struct check *check, struct mtr_str text, struct mtr_diagnostics *findings)
{
    struct mtr_catalog_change change;
    return mtr_catalog_store_apply(check->store, text, NULL, (struct mtr_str){NULL, 0}, MTR_STR("check"), mtr_clock_wall_us(), false, &change,
                                   findings);
}

static int check_tariff(const struct mtr_node *node, struct mtr_diagnostics *findings)
{
    struct mtr_tariff_document tariff;
    struct mtr_arena arena;
    mtr_arena_init(&arena, 1 << 16, TARIFF_BYTES_MAX);
    int rc = mtr_tariff_read(node, &arena, &tariff, findings);
    mtr_arena_release(&arena);
    return rc;
}

/* One tariff, or lists of documents. A text that is neither is said by the latter. */
static int check_text(struct check *check, struct mtr_str text, struct mtr_diagnostics *findings)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic broken;
    const bool is_read = mtr_document_parse(text, &document, &broken) == MTR_OK;
    const struct mtr_node *root = is_read ? mtr_document_root(document) : NULL;
    const bool is_tariff = root && root->kind == MTR_NODE_MAP && mtr_node_get(root, "versions") && !mtr_node_get(root, "tariffs");
    int rc = is_tariff ? check_tariff(root, findings) : check_documents(check, text, findings);
    mtr_document_close(document);
    return rc;
}

static int check_file(struct check *check, const char *path)
{
    struct mtr_diagnostics findings;
    struct mtr_buffer text;
    int code = check->store ? MTR_EXIT_OK : open_check(check);
    if (!code) code = mtr_load_file(path, MTR_DOCUMENT_BYTES_MAX, &text);
    if (code) return code;
    mtr_diagnostics_init(&findings, FINDINGS_MAX);
    int rc = check_text(check, mtr_buffer_str(&text), &findings);
    report_input(check, path, &findings);
    if (rc && !findings.errors) fprintf(stderr, "meterd: %s cannot be checked: %s\n", path, mtr_error_text(rc));
    mtr_diagnostics_release(&findings);
    mtr_buffer_release(&text);
    if (!rc) return MTR_EXIT_OK;
    return rc == MTR_EINVALID ? MTR_EXIT_CONFIG : MTR_EXIT_FAILED;
}

static int check_config(struct check *check, const struct mtr_invocation *invocation)
{
    struct mtr_config config = {0};
    struct mtr_diagnostics findings;
    const char *name;
    mtr_diagnostics_init(&findings, FINDINGS_MAX);
    int rc = mtr_load_config_findings(invocation, &config, &name, &findings);
    report_input(check, name, &findings);
    if (rc && !findings.count) fprintf(stderr, "meterd: cannot load the configuration: %s\n", mtr_error_text(rc));
    mtr_diagnostics_release(&findings);
    mtr_config_release(&config);
    return rc ? MTR_EXIT_CONFIG : MTR_EXIT_OK;
}

static void print_checked(struct check *check, int code, uint32_t files)
{
    if (check->json) {
        mtr_json_list_end(&check->writer);
        mtr_json_name(&check->writer, "errors");
        mtr_json_u64(&check->writer, check->errors);
        mtr_json_map_end(&check->writer);
        if (mtr_json_finish(&check->writer) == MTR_OK) printf("%.*s\n", MTR_STR_ARGS(mtr_buffer_str(&check->out)));
    } else if (!code) {
        printf("ok: the configuration%s\n", files == 1 ? " and the file" : files ? " and the files" : "");
    }
}

int mtr_command_check(const struct mtr_invocation *invocation)
{
    struct check check = {.json = mtr_invocation_flag(invocation, "json")};
    const uint32_t files = invocation->argument_count;
    mtr_buffer_init(&check.out, 1 << 24);
    mtr_json_begin(&check.writer, &check.out);
    mtr_json_map(&check.writer);
    mtr_json_name(&check.writer, "files");
    mtr_json_list(&check.writer);
    int code = check_config(&check, invocation);
    for (uint32_t i = 0; i < files; i++) {
        int one = check_file(&check, invocation->arguments[i]);
        if (one) code = one;
    }
    print_checked(&check, code, files);
    close_check(&check);
    return code;
}

int mtr_command_version(const struct mtr_invocation *invocation)
{
    if (mtr_invocation_flag(invocation, "json")) printf("{\"version\":\"%s\"}\n", METERD_VERSION);
    else printf("meterd %s\n", METERD_VERSION);
    return MTR_EXIT_OK;
}
