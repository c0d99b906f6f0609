/*
 * meterd security: the security log's lines, and whether they are what was written. It reads the files, with
 * no daemon and no key; whoever may read the data directory may.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/cli/commands.h"
#include "daemon/cli/inputs.h"
#include "daemon/security/security_log.h"
#include "meterd/core/document.h"
#include "meterd/core/line.h"
#include "meterd/core/time.h"
#include "meterd/store/trail.h"

enum { PATH_BYTES = 4200, TEXT_BYTES = 1024, FAULTS_MAX = 100 };

struct view {
    const struct cli_invocation *invocation;
    int64_t since_us;
    bool is_json, is_verify;
    uint64_t faults;
};

/* ---- which lines ---- */

static bool is_wanted_kind(const struct view *view, struct mtr_str kind)
{
    const char *wanted;
    for (uint32_t i = 0; (wanted = invocation_option_at(view->invocation, "kind", i)) != NULL; i++)
        if (mtr_str_equal(kind, mtr_str_from(wanted))) return true;
    return !invocation_flag(view->invocation, "kind");
}

static bool is_wanted(const struct view *view, const struct mtr_trail_line *line)
{
    int64_t time_us;
    if (view->is_verify || !is_wanted_kind(view, line->kind)) return false;
    return view->since_us == INT64_MIN || mtr_time_parse(line->time, &time_us) || time_us >= view->since_us;
}

/* ---- a line ---- */

static void print_value(const char *name, struct mtr_str value)
{
    char text[TEXT_BYTES];
    snprintf(text, sizeof(text), "%.*s", MTR_STR_ARGS(mtr_str_quoted(value, sizeof(text) - 1)));
    mtr_line_make(text);
    const char *quote = strchr(text, ' ') ? "\"" : "";
    printf(" %s=%s%s%s", name, quote, text, quote);
}

/* What stands between; members that are not known are left out. */
static void print_members(struct mtr_str json)
{
    static const char *const members[] = {"key",   "address", "operation", "reason", "object",
                                          "detail", "status",  "count",     "dropped", "file",
                                          "up_to", "from",    "head",      "last",   "bytes"};
    struct mtr_document *document = NULL;
    struct mtr_diagnostic unread;
    if (mtr_document_parse(json, &document, &unread)) return;
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        const struct mtr_str value = mtr_node_text(mtr_document_root(document), members[i]);
        if (value.size) print_value(members[i], value);
    }
    mtr_document_close(document);
}

static int on_line(void *context, const struct mtr_trail_line *line)
{
    const struct view *view = context;
    if (!is_wanted(view, line)) return MTR_OK;
    if (view->is_json) {
        printf("%.*s\n", MTR_STR_ARGS(line->text));
        return MTR_OK;
    }
    printf("%" PRIu64 " %.*s %.*s", line->sequence, MTR_STR_ARGS(line->time), MTR_STR_ARGS(line->kind));
    print_members(line->text);
    fputc('\n', stdout);
    return MTR_OK;
}

static void on_fault(void *context, const struct mtr_diagnostic *fault)
{
    struct view *view = context;
    if (++view->faults > FAULTS_MAX) return;
    fprintf(stderr, "meterd: %s [%s]\n", fault->text, mtr_finding_kind(fault->code)->code);
}

/* ---- all of them ---- */

static void print_verdict(const struct view *view, const struct mtr_trail_walked *walked)
{
    char head[MTR_TRAIL_HEAD_TEXT_BYTES];
    mtr_trail_head_format(&walked->last, head);
    if (view->is_json) {
        printf("{\"lines\":%" PRIu64 ",\"removed\":%" PRIu64 ",\"faults\":%" PRIu64 ",\"head\":\"%s\"}\n",
               walked->lines, walked->removed, walked->faults, head);
        return;
    }
    printf("%" PRIu64 " line%s%s\n", walked->lines, mtr_plural(walked->lines),
           walked->faults ? ", and not all that was written" : ": each is the one that was written");
    if (walked->removed)
        printf("lines 1 to %" PRIu64 " went for lack of room (security.bytes_max)\n", walked->removed);
    if (walked->torn_bytes)
        printf("%" PRIu64 " bytes behind the last line are being written, or were left by a crash\n",
               walked->torn_bytes);
    printf("head %s\n", head);
}

static int show(struct view *view, const char *directory, const struct mtr_trail_head *kept)
{
    const struct mtr_trail_walk walk = {kept, on_line, on_fault, view};
    struct mtr_trail_walked walked;
    struct mtr_diagnostic diagnostic;
    const int rc = mtr_trail_read(directory, &walk, &walked, &diagnostic);
    if (rc) {
        fprintf(stderr, "meterd security: %s\n", diagnostic.text);
        return rc == MTR_EAGAIN ? MTR_EXIT_TRY_AGAIN : MTR_EXIT_FAILED;
    }
    if (view->faults > FAULTS_MAX)
        fprintf(stderr, "meterd: and %" PRIu64 " more\n", view->faults - FAULTS_MAX);
    if (view->is_verify) print_verdict(view, &walked);
    return walked.faults || fflush(stdout) ? MTR_EXIT_FAILED : MTR_EXIT_OK;
}

static bool is_kind(const char *name)
{
    static const char *const of_trail[] = {"lines_removed", "line_torn", "lines_missing", "line_changed",
                                           "head_missing"};
    for (int kind = API_SECURITY_NONE + 1; kind < API_SECURITY_KIND_END; kind++)
        if (strcmp(name, api_security_kind_name((enum api_security_kind)kind)) == 0) return true;
    for (size_t i = 0; i < sizeof(of_trail) / sizeof(*of_trail); i++)
        if (strcmp(name, of_trail[i]) == 0) return true;
    return false;
}

static bool check_kinds(const struct cli_invocation *invocation)
{
    const char *wanted;
    for (uint32_t i = 0; (wanted = invocation_option_at(invocation, "kind", i)) != NULL; i++) {
        if (is_kind(wanted)) continue;
        fprintf(stderr, "meterd security: there is no kind '%s':", wanted);
        for (int kind = API_SECURITY_NONE + 1; kind < API_SECURITY_KIND_END; kind++)
            fprintf(stderr, " %s", api_security_kind_name((enum api_security_kind)kind));
        fprintf(stderr, "\n");
        return false;
    }
    return true;
}

static int run(const struct cli_invocation *invocation)
{
    static struct mtr_config config;
    struct view view = {.invocation = invocation, .since_us = INT64_MIN};
    struct mtr_trail_head kept;
    char data[PATH_BYTES], directory[PATH_BYTES];
    const char *since = invocation_option(invocation, "since");
    const char *head = invocation_option(invocation, "head");
    if (since && mtr_time_parse(mtr_str_from(since), &view.since_us)) {
        fprintf(stderr, "meterd security: --since is a time as 2026-12-01T09:00:00Z, not '%s'\n", since);
        return MTR_EXIT_USAGE;
    }
    if (head && !mtr_trail_head_parse(mtr_str_from(head), &kept)) {
        fprintf(stderr, "meterd security: --head is SEQUENCE:HASH, as --verify prints it, not '%s'\n", head);
        return MTR_EXIT_USAGE;
    }
    if (!check_kinds(invocation)) return MTR_EXIT_USAGE;
    int code = cli_load_config(invocation, &config);
    if (code) return code;
    view.is_json = invocation_flag(invocation, "json");
    view.is_verify = invocation_flag(invocation, "verify");
    snprintf(data, sizeof(data), "%.*s", MTR_STR_ARGS(config.data.directory));
    const int rc = security_log_path(data, directory, sizeof(directory));
    code = rc ? MTR_EXIT_FAILED : show(&view, directory, head ? &kept : NULL);
    config_release(&config);
    return code;
}

static const struct cli_option options[] = {
    {"since", 0, "TIME", "only lines of that time and later"},
    {"kind", 0, "KIND…", "only lines of that kind: authentication_failed, catalog_change, …"},
    {"verify", 0, NULL, "no lines, but whether they are what was written, and the head"},
    {"head", 0, "SEQUENCE:HASH", "a head that was kept elsewhere: all lines up to it are held against it"},
    {"json", 0, NULL, "print the lines as they are, JSON, one a line; with --verify what it says as JSON"},
    {0},
};

const struct cli_command cli_security = {
    .name = "security",
    .arguments = "",
    .doc = "the log of who was refused and who changed what, and whether somebody changed it",
    .text = "Reads the files in the data directory, beside the daemon or without it. Each line has the\n"
            "hash of the one before; what was changed, moved or taken out is told, and the exit code is 1.\n"
            "Who can write there can make all lines anew: keep a head elsewhere (--verify prints it, the\n"
            "daemon logs it) and hold the log against it with --head.\n",
    .options = options,
    .run = run,
};
