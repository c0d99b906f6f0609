/*
 * meterd check: the configuration, and catalog documents or tariffs from files, before anything runs on them.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "meterd/catalog/store.h"
#include "meterd/core/json_writer.h"
#include "meterd/core/limits.h"
#include "meterd/net/loop.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/inputs.h"
#include "daemon/stores/leftovers.h"

enum { FILES_MAX = 64, FINDINGS_MAX = 500, TARIFF_BYTES_MAX = 256 << 20 };

/* Documents are applied to a catalog in a directory of its own, which is removed again; so one file may
 * refer to another. */
struct check {
    char directory[32];
    struct mtr_catalog_store *store;
    /* Of the configuration's data directory; NULL: there is none that can be read. */
    struct mtr_catalog *stored;
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
    if (mtr_catalog_store_open(check->directory, false, &check->store, &diagnostic) == MTR_OK)
        return MTR_EXIT_OK;
    fprintf(stderr, "meterd: %s\n", diagnostic.text);
    return MTR_EXIT_FAILED;
}

static void close_check(struct check *check)
{
    mtr_catalog_store_close(check->store);
    mtr_catalog_release(check->stored);
    if (check->directory[0]) leftovers_remove_store(check->directory);
    mtr_buffer_release(&check->out);
}

/* One input's findings: lines on stderr, or a member of the JSON. */
static void report_input(struct check *check, const char *name, const struct mtr_diagnostics *findings)
{
    check->errors += findings->errors;
    if (!check->json) {
        cli_print_findings(name, findings);
        return;
    }
    mtr_json_map(&check->writer);
    mtr_json_named_cstr(&check->writer, "file", name);
    mtr_json_named_u64(&check->writer, "errors", findings->errors);
    mtr_json_name(&check->writer, "findings");
    mtr_json_findings(&check->writer, findings);
    mtr_json_map_end(&check->writer);
}

/* As part of the catalog that all files make. */
static int check_documents(struct check *check, struct mtr_str text, struct mtr_diagnostics *findings)
{
    struct mtr_catalog_change change;
    const struct mtr_catalog_edit edit = {
        .text = text, .who = MTR_STR("check"), .now_us = mtr_clock_wall_us()};
    return mtr_catalog_store_apply(check->store, &edit, &change, findings);
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

/* A tariff that is wrong has been said to be. */
static void compare_tariff(const struct check *check, const struct mtr_node *node,
                           struct mtr_diagnostics *findings)
{
    struct mtr_tariff_document tariff;
    struct mtr_diagnostics said;
    struct mtr_arena arena;
    mtr_diagnostics_init(&said, FINDINGS_MAX);
    mtr_arena_init(&arena, 1 << 16, TARIFF_BYTES_MAX);
    if (mtr_tariff_read(node, &arena, &tariff, &said) == MTR_OK) {
        const struct mtr_tariff_document *stored =
            mtr_catalog_find_tariff_of(check->stored, tariff.service, tariff.key);
        if (stored) mtr_tariff_lint_change(node, &tariff, stored, mtr_clock_wall_us(), findings);
    }
    mtr_arena_release(&arena);
    mtr_diagnostics_release(&said);
}

/* Against what is in force where the configuration's data are. */
static void compare_with_stored(const struct check *check, const struct mtr_node *root, bool is_tariff,
                                struct mtr_diagnostics *findings)
{
    if (!check->stored || !root || root->kind != MTR_NODE_MAP) return;
    if (is_tariff) compare_tariff(check, root, findings);
    const struct mtr_node *list = is_tariff ? NULL : mtr_node_get(root, "tariffs");
    for (uint32_t i = 0; list && list->kind == MTR_NODE_LIST && i < list->child_count; i++)
        compare_tariff(check, &list->children[i], findings);
}

/* One tariff, or lists of documents. A text that is neither is said by the latter. */
static int check_text(struct check *check, struct mtr_str text, struct mtr_diagnostics *findings)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic broken;
    const bool is_read = mtr_document_parse(text, &document, &broken) == MTR_OK;
    const struct mtr_node *root = is_read ? mtr_document_root(document) : NULL;
    const bool is_tariff = root && root->kind == MTR_NODE_MAP && mtr_node_get(root, "versions") &&
                           !mtr_node_get(root, "tariffs");
    int rc = is_tariff ? check_tariff(root, findings) : check_documents(check, text, findings);
    compare_with_stored(check, root, is_tariff, findings);
    mtr_document_close(document);
    return rc;
}

/* ---- files ---- */

struct checked {
    const char *path;
    struct mtr_buffer text;
    struct mtr_diagnostics findings;
    int code;     /* what kept it from being read */
    int rc;       /* of the last look at it */
    bool is_done; /* nothing of the other files changes what is said of it */
};

static void load_file(struct check *check, const char *path, struct checked *file)
{
    *file = (struct checked){.path = path};
    file->code = check->store ? MTR_EXIT_OK : open_check(check);
    if (!file->code) file->code = cli_load_file(path, MTR_DOCUMENT_BYTES_MAX, &file->text);
    file->is_done = file->code != MTR_EXIT_OK;
    mtr_diagnostics_init(&file->findings, FINDINGS_MAX);
}

/* What a file refers to may stand in a later one: those that do not hold are looked at again, until that
 * helps none of them. */
static void check_files(struct check *check, struct checked *files, uint32_t count)
{
    for (bool goes_on = true; goes_on;) {
        goes_on = false;
        for (uint32_t i = 0; i < count; i++) {
            struct checked *file = &files[i];
            if (file->is_done) continue;
            mtr_diagnostics_release(&file->findings);
            mtr_diagnostics_init(&file->findings, FINDINGS_MAX);
            file->rc = check_text(check, mtr_buffer_str(&file->text), &file->findings);
            file->is_done = file->rc == MTR_OK;
            goes_on = goes_on || file->is_done;
        }
    }
}

static int report_file(struct check *check, struct checked *file)
{
    if (!file->code) report_input(check, file->path, &file->findings);
    if (file->rc && !file->findings.errors)
        fprintf(stderr, "meterd: %s cannot be checked: %s\n", file->path, mtr_error_text(file->rc));
    mtr_diagnostics_release(&file->findings);
    mtr_buffer_release(&file->text);
    if (file->code || !file->rc) return file->code;
    return file->rc == MTR_EINVALID ? MTR_EXIT_CONFIG : MTR_EXIT_FAILED;
}

static void open_stored(struct check *check, struct mtr_str data)
{
    struct mtr_catalog_store *store = NULL;
    struct mtr_diagnostic diagnostic;
    char path[PATH_MAX];
    const int size = snprintf(path, sizeof(path), "%.*s/catalog", MTR_STR_ARGS(data));
    if (size >= (int)sizeof(path) || access(path, R_OK) != 0) return;
    if (mtr_catalog_store_open(path, true, &store, &diagnostic) != MTR_OK)
        return; /* to look into, not what is checked */
    check->stored = mtr_catalog_store_snapshot(store);
    mtr_catalog_store_close(store);
}

static int check_config(struct check *check, const struct cli_invocation *invocation)
{
    struct mtr_config config = {0};
    struct mtr_diagnostics findings;
    const char *name;
    mtr_diagnostics_init(&findings, FINDINGS_MAX);
    int rc = cli_load_config_findings(invocation, &config, &name, &findings);
    report_input(check, name, &findings);
    if (rc && !findings.count)
        fprintf(stderr, "meterd: cannot load the configuration: %s\n", mtr_error_text(rc));
    if (!rc) open_stored(check, config.data.directory);
    mtr_diagnostics_release(&findings);
    config_release(&config);
    return rc ? MTR_EXIT_CONFIG : MTR_EXIT_OK;
}

static void print_checked(struct check *check, int code, uint32_t files)
{
    if (check->json) {
        mtr_json_list_end(&check->writer);
        mtr_json_named_u64(&check->writer, "errors", check->errors);
        mtr_json_map_end(&check->writer);
        if (mtr_json_finish(&check->writer) == MTR_OK)
            printf("%.*s\n", MTR_STR_ARGS(mtr_buffer_str(&check->out)));
    } else if (!code) {
        printf("ok: the configuration%s\n", files == 1 ? " and the file" : files ? " and the files" : "");
    }
}

static int run(const struct cli_invocation *invocation)
{
    struct check check = {.json = invocation_flag(invocation, "json")};
    struct checked files[FILES_MAX];
    const uint32_t count = invocation->argument_count;
    MTR_ASSERT(count <= FILES_MAX);
    mtr_buffer_init(&check.out, 1 << 24);
    mtr_json_begin(&check.writer, &check.out);
    mtr_json_map(&check.writer);
    mtr_json_name(&check.writer, "files");
    mtr_json_list(&check.writer);
    int code = check_config(&check, invocation);
    for (uint32_t i = 0; i < count; i++) load_file(&check, invocation->arguments[i], &files[i]);
    check_files(&check, files, count);
    for (uint32_t i = 0; i < count; i++) {
        int one = report_file(&check, &files[i]);
        if (one) code = one;
    }
    print_checked(&check, code, count);
    close_check(&check);
    return code;
}

static const struct cli_option options[] = {
    CLI_JSON_OPTION,
    {0},
};

const struct cli_command cli_check = {
    .name = "check",
    .arguments = "[FILE…]",
    .arguments_max = FILES_MAX,
    .doc = "check the configuration, and catalog documents or tariffs",
    .text = "Says file, line and column of each finding. Catalog documents are checked as one catalog of "
            "their\n"
            "own, so a file must hold, or be given with, what it refers to, in any order. A file that is one "
            "tariff is checked\n"
            "by itself.\n"
            "Tariffs are compared with those stored in the data directory, where it can be read: versions "
            "that would change the past are warned of.\n",
    .exits = "0 without errors, 1 a file cannot be read, 64 wrong usage, 78 with errors",
    .options = options,
    .run = run,
};
