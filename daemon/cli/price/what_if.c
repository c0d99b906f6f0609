/*
 * meterd price DRAFT --what-if: what the usage of past and running periods would cost under a draft of
 * tariffs and subscriptions, beside what it costs as stored.
 *
 * The draft is put into a snapshot of the catalog as `meterd apply` would, with all its checks, and only
 * there. Stores are opened read-only, beside a daemon at work or without one.
 */
#include "daemon/cli/price/what_if.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/cli/progress.h"
#include "daemon/cli/price/what_if_report.h"
#include "meterd/catalog/store.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"
#include "daemon/cli/inputs.h"
#include "meterd/rater/rater.h"

enum { PATH_BYTES = 4096, FINDINGS_MAX = 200, NOTES_MAX = 20, DATE_BYTES = 10 };
enum { SUBSCRIPTION_BYTES = 4096 }; /* the progress bar counts in bytes: one subscription stands as so many */

struct what_if {
    const struct cli_invocation *invocation;
    struct mtr_config config;
    char data[PATH_BYTES];
    struct mtr_buffer text; /* of the draft */
    struct mtr_document *document;
    struct mtr_catalog_store *store;
    struct mtr_catalog *stored, *draft;
    struct mtr_rollups *rollups;
    struct mtr_charges *charges;
    struct mtr_what_if_options options;
    struct mtr_what_if_report report;
    struct cli_progress progress;
    uint64_t noted;
};

/* ---- the command line ---- */

static bool read_time(const struct cli_invocation *invocation, const char *name,
                      struct mtr_what_if_bound *bound)
{
    const char *text = invocation_option(invocation, name);
    int64_t time_us = 0;
    if (!text) return true;
    if (mtr_time_parse_date(mtr_str_from(text), &time_us)) {
        char fault[MTR_DATE_FAULT_BYTES];
        mtr_date_fault(mtr_str_from(text), fault);
        fprintf(stderr, "meterd price: --%s: %s [%s]\n", name, fault,
                mtr_finding_kind(MTR_FINDING_FIELD_TIME)->code);
        return false;
    }
    bound->is_date = strlen(text) == DATE_BYTES;
    bound->days = time_us / MTR_US_PER_DAY;
    bound->time_us = time_us;
    return true;
}

static struct mtr_str text_option(const struct cli_invocation *invocation, const char *name)
{
    const char *text = invocation_option(invocation, name);
    return text ? mtr_str_from(text) : (struct mtr_str){NULL, 0};
}

static bool read_options(struct what_if *what_if)
{
    const struct cli_invocation *invocation = what_if->invocation;
    struct mtr_what_if_options *options = &what_if->options;
    struct mtr_what_if_bound at = {0};
    if (invocation_flag(invocation, "csv") && invocation_flag(invocation, "json")) {
        fprintf(stderr, "meterd: --csv or --json, not both\n");
        return false;
    }
    options->to.time_us = MTR_TIME_US_MAX;
    options->vendor = text_option(invocation, "vendor");
    options->customer = text_option(invocation, "customer");
    options->subscription = text_option(invocation, "subscription");
    options->has_at = invocation_flag(invocation, "at");
    bool ok = read_time(invocation, "from", &options->from) && read_time(invocation, "to", &options->to) &&
              read_time(invocation, "at", &at);
    options->at_us = at.time_us;
    if (ok && options->from.time_us >= options->to.time_us) {
        fprintf(stderr, "meterd: --from must be before --to\n");
        return false;
    }
    return ok;
}

/* ---- stores ---- */

static int complain(const char *what, int rc, const char *text)
{
    fprintf(stderr, "meterd: %s: %s%s%s\n", what, mtr_error_text(rc), text[0] ? ": " : "", text);
    return MTR_EXIT_FAILED;
}

static int open_stores(struct what_if *what_if)
{
    char path[PATH_BYTES + 16];
    struct mtr_diagnostic diagnostic = {0};
    int code = cli_load_config(what_if->invocation, &what_if->config);
    if (code) return code;
    snprintf(what_if->data, sizeof(what_if->data), "%.*s", MTR_STR_ARGS(what_if->config.data.directory));
    snprintf(path, sizeof(path), "%s/catalog", what_if->data);
    int rc = mtr_catalog_store_open(path, true, &what_if->store, &diagnostic);
    if (!rc) what_if->stored = mtr_catalog_store_snapshot(what_if->store);
    snprintf(path, sizeof(path), "%s/rollups", what_if->data);
    if (!rc) rc = mtr_rollups_open(path, true, &what_if->rollups, &diagnostic);
    snprintf(path, sizeof(path), "%s/charges", what_if->data);
    if (!rc && access(path, F_OK) == 0)
        rc = mtr_charges_open(path, true, &what_if->charges, &diagnostic); /* else nothing was ever rated */
    snprintf(path, sizeof(path), "%s/log", what_if->data);
    if (!rc && access(path, F_OK) == 0)
        rc = mtr_log_reader_open(path, &what_if->options.reader, &diagnostic);
    return rc ? complain("cannot read the stores", rc, diagnostic.text) : MTR_EXIT_OK;
}

static void close_all(struct what_if *what_if)
{
    mtr_log_reader_close(what_if->options.reader);
    mtr_charges_close(what_if->charges);
    mtr_rollups_close(what_if->rollups);
    mtr_catalog_release(what_if->draft);
    mtr_catalog_release(what_if->stored);
    mtr_catalog_store_close(what_if->store);
    mtr_document_close(what_if->document);
    mtr_buffer_release(&what_if->text);
    config_release(&what_if->config);
}

/* ---- the draft ---- */

static int read_draft(struct what_if *what_if)
{
    const char *path = what_if->invocation->arguments[0];
    struct mtr_diagnostic broken;
    int code = cli_load_file(path, MTR_DOCUMENT_BYTES_MAX, &what_if->text);
    if (code) return code;
    if (mtr_document_parse(mtr_buffer_str(&what_if->text), &what_if->document, &broken) == MTR_OK)
        return MTR_EXIT_OK;
    cli_print_finding(path, &broken);
    return MTR_EXIT_CONFIG;
}

/* The document in the place of another: its key is left out, so that it takes the one it is stored under. */
static int write_renamed(const struct mtr_node *tariff, struct mtr_str key, struct mtr_buffer *out)
{
    struct mtr_json_writer json;
    struct mtr_buffer value;
    mtr_buffer_init(&value, 2 * (size_t)MTR_DOCUMENT_BYTES_MAX);
    mtr_json_begin(&json, out);
    mtr_json_map(&json);
    mtr_json_named_text(&json, "key", mtr_schema_short_name(key));
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < tariff->child_count; i++) {
        if (mtr_str_equal(tariff->children[i].key, MTR_STR("key"))) continue;
        mtr_buffer_reset(&value);
        rc = mtr_node_write_json(&tariff->children[i], &value);
        mtr_json_name_text(&json, tariff->children[i].key);
        mtr_json_raw(&json, mtr_buffer_str(&value));
    }
    mtr_json_map_end(&json);
    mtr_buffer_release(&value);
    return rc ? rc : mtr_json_finish(&json);
}

/* One tariff, which may take another's place; its places are then those of the text it was rewritten to,
 * so they are left out. */
static int make_draft_of_one(struct what_if *what_if, const struct mtr_node *tariff,
                             struct mtr_diagnostics *findings)
{
    const enum mtr_catalog_kind kind = MTR_KIND_TARIFF;
    const struct mtr_node *key = mtr_node_get(tariff, "key");
    struct mtr_str own = key && key->kind != MTR_NODE_NULL ? key->text : (struct mtr_str){NULL, 0};
    struct mtr_buffer renamed;
    what_if->options.tariff = text_option(what_if->invocation, "tariff");
    if (!what_if->options.tariff.size) what_if->options.tariff = own;
    struct mtr_catalog_edit edit = {
        .text = mtr_buffer_str(&what_if->text), .kind = &kind, .key = what_if->options.tariff};
    if (mtr_str_equal(what_if->options.tariff, own) || !own.size)
        return mtr_catalog_store_draft(what_if->store, &edit, &what_if->draft, findings);
    mtr_buffer_init(&renamed, 4 * (size_t)MTR_DOCUMENT_BYTES_MAX);
    int rc = write_renamed(tariff, what_if->options.tariff, &renamed);
    edit.text = mtr_buffer_str(&renamed);
    if (!rc) rc = mtr_catalog_store_draft(what_if->store, &edit, &what_if->draft, findings);
    for (size_t i = 0; i < findings->count; i++) findings->items[i].line = findings->items[i].column = 0;
    mtr_buffer_release(&renamed);
    return rc;
}

static int make_draft(struct what_if *what_if)
{
    const char *path = what_if->invocation->arguments[0];
    const struct mtr_node *root = mtr_document_root(what_if->document);
    struct mtr_diagnostics findings;
    mtr_diagnostics_init(&findings, FINDINGS_MAX);
    const struct mtr_catalog_edit edit = {.text = mtr_buffer_str(&what_if->text)};
    const bool is_one = root->kind == MTR_NODE_MAP && mtr_node_get(root, "versions");
    int rc = is_one ? make_draft_of_one(what_if, root, &findings)
                    : mtr_catalog_store_draft(what_if->store, &edit, &what_if->draft, &findings);
    if (!is_one) what_if->options.tariff = text_option(what_if->invocation, "tariff");
    cli_print_findings(path, &findings);
    if (rc && !findings.count) fprintf(stderr, "meterd: cannot read the draft: %s\n", mtr_error_text(rc));
    mtr_diagnostics_release(&findings);
    return rc ? MTR_EXIT_CONFIG : MTR_EXIT_OK;
}

/* Whose usage is asked for. */
static int check_names(const struct what_if *what_if)
{
    const struct mtr_what_if_options *options = &what_if->options;
    const struct mtr_catalog *stored = what_if->stored;
    const char *what = NULL;
    struct mtr_str name = {NULL, 0};
    char meant[MTR_MEANT_BYTES];
    if (options->vendor.size && !mtr_catalog_find_vendor(stored, options->vendor)) {
        what = "there is no vendor";
        name = options->vendor;
        mtr_catalog_meant(stored, MTR_KIND_VENDOR, name, NULL, meant);
    } else if (options->subscription.size && !mtr_catalog_find_subscription(stored, options->subscription)) {
        what = "there is no subscription";
        name = options->subscription;
        mtr_catalog_meant(stored, MTR_KIND_SUBSCRIPTION, name, NULL, meant);
    } else if (options->customer.size &&
               !mtr_catalog_has_customer(what_if->draft, options->customer, NULL, meant) &&
               !mtr_catalog_has_customer(stored, options->customer, NULL, meant)) {
        what = "no subscription has the customer";
        name = options->customer;
    }
    if (!what) return MTR_EXIT_OK;
    fprintf(stderr, "meterd: %s '%.*s'%s\n", what, MTR_STR_ARGS(name), meant);
    return MTR_EXIT_FAILED;
}

static int check_draft(const struct what_if *what_if)
{
    const struct mtr_what_if_options *options = &what_if->options;
    char meant[MTR_MEANT_BYTES];
    int code = check_names(what_if);
    if (code) return code;
    if (options->tariff.size && !mtr_catalog_find_tariff(what_if->stored, options->tariff)) {
        fprintf(stderr,
                "meterd: there is no stored tariff '%.*s': --tariff KEY names the one whose place the draft "
                "takes%s\n",
                MTR_STR_ARGS(options->tariff),
                mtr_catalog_meant(what_if->stored, MTR_KIND_TARIFF, options->tariff, NULL, meant));
        return MTR_EXIT_FAILED;
    }
    return MTR_EXIT_OK;
}

/* ---- running ---- */

static void note_problem(struct what_if *what_if, const struct mtr_what_if_period *period)
{
    char start[MTR_TIME_TEXT_BYTES];
    const int rc = period->stored_problem ? period->stored_problem : period->draft_problem;
    if (!rc || what_if->noted++ >= NOTES_MAX) return;
    mtr_time_format(period->start_us, start);
    progress_clear(&what_if->progress);
    fprintf(stderr,
            "meterd: the period of subscription '%.*s' that begins %s cannot be priced under the %s: %s\n",
            MTR_STR_ARGS(period->subscription->key), start,
            period->stored_problem ? "stored tariff" : "draft", period->problem);
}

static int on_period(void *context, const struct mtr_what_if_period *period)
{
    struct what_if *what_if = context;
    note_problem(what_if, period);
    return what_if_report_period(&what_if->report, period);
}

static int on_subscription(void *context, const struct mtr_subscription *subscription, uint32_t done,
                           uint32_t total)
{
    struct what_if *what_if = context;
    (void)subscription;
    what_if->progress.bytes_total = (uint64_t)total * SUBSCRIPTION_BYTES;
    progress_update(&what_if->progress, (uint64_t)done * SUBSCRIPTION_BYTES, done);
    return what_if_report_subscription(&what_if->report);
}

/* What the figures do not say by themselves. */
static void print_notes(const struct what_if *what_if)
{
    const struct mtr_what_if_sums counts = what_if_report_counts(&what_if->report);
    const bool is_as_stored = mtr_catalog_version(what_if->draft) == mtr_catalog_version(what_if->stored);
    if (!counts.periods)
        fprintf(stderr, "meterd: %s\n",
                is_as_stored && !what_if->options.tariff.size
                    ? "the draft is as it is stored: name a tariff with --tariff to see what it comes to"
                    : "no billing period of a subscription that the draft concerns begins in that time");
    if (counts.problems)
        fprintf(stderr, "meterd: %llu period%s cannot be priced: left out of the totals\n",
                (unsigned long long)counts.problems, mtr_plural(counts.problems));
    if (counts.uncovered)
        fprintf(stderr,
                "meterd: %llu period%s from before the draft's first version, at no cost until it: "
                "--at TIME prices all of them under "
                "the version of that time\n",
                (unsigned long long)counts.uncovered, mtr_plural(counts.uncovered));
}

static int compare(struct what_if *what_if)
{
    const struct cli_invocation *invocation = what_if->invocation;
    const struct mtr_what_if_hooks hooks = {on_period, on_subscription, what_if};
    const bool json = invocation_flag(invocation, "json"), csv = invocation_flag(invocation, "csv");
    struct mtr_diagnostic diagnostic = {.text = ""};
    what_if->options.stored = what_if->stored;
    what_if->options.draft = what_if->draft;
    what_if->options.grace_us = what_if->config.rater.grace;
    what_if->options.memory_bytes_max = mtr_rater_options_default().memory_bytes_max;
    progress_init(&what_if->progress, 0);
    what_if->progress.counted = "subscriptions";
    int rc = what_if_report_open(&what_if->report, json  ? MTR_WHAT_IF_JSON
                                                   : csv ? MTR_WHAT_IF_CSV
                                                         : MTR_WHAT_IF_TABLE);
    if (!rc)
        rc = mtr_what_if(what_if->rollups, what_if->charges, &what_if->options, &hooks, &diagnostic);
    progress_clear(&what_if->progress);
    if (!rc) rc = what_if_report_end(&what_if->report);
    if (!rc) print_notes(what_if);
    const bool complete = what_if_report_counts(&what_if->report).problems == 0;
    what_if_report_close(&what_if->report);
    if (rc) return complain("cannot compare", rc, diagnostic.text);
    return complete ? MTR_EXIT_OK : MTR_EXIT_FAILED;
}

int price_what_if_run(const struct cli_invocation *invocation)
{
    static struct what_if what_if; /* too large for a small stack */
    what_if.invocation = invocation;
    if (!read_options(&what_if)) return MTR_EXIT_USAGE;
    int code = read_draft(&what_if);
    if (!code) code = open_stores(&what_if);
    if (!code) code = make_draft(&what_if);
    if (!code) code = check_draft(&what_if);
    if (!code) code = compare(&what_if);
    close_all(&what_if);
    return code;
}
