/*
 * A catalog for tests of its documents: a store in a directory of its own, a bundle to begin with, and what
 * applying a text finds.
 */
#ifndef METERD_TESTS_SUPPORT_CATALOG_WORLD_H
#define METERD_TESTS_SUPPORT_CATALOG_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "meterd/catalog/store.h"
#include "tests/support/directory.h"

enum { FINDINGS_MAX = 32 };
static const int64_t NOW_US = INT64_C(1767225600) * 1000000; /* 2026-01-01 */

static const char BASE[] = "vendors:\n"
                           "  - {key: acme, name: Acme Cloud}\n"
                           "  - {key: nimbus}\n"
                           "services:\n"
                           "  - {key: compute, name: Compute, vendor: acme}\n"
                           "  - {key: mail, vendor: nimbus}\n"
                           "meters:\n"
                           "  - {key: vcpu, service: compute, event_type: cpu.used, value: hours, unit: h, group_by: [region, size]}\n"
                           "  - {key: calls, service: compute, event_type: cpu.used, aggregation: count,\n"
                           "     filter: {kind: [api, 1.50], ok: true}}\n"
                           "  - {key: mails, service: mail, event_type: mail.sent, aggregation: count}\n"
                           "tariffs:\n"
                           "  - key: standard\n"
                           "    currency: EUR\n"
                           "    versions:\n"
                           "      - from: 2026-01-01\n"
                           "        components:\n"
                           "          - {key: vcpu, meter: vcpu, per_unit: '0.05', group_by: [region]}\n"
                           "          - {key: base, recurring: {amount: '20'}}\n"
                           "subscriptions:\n"
                           "  - key: sub-1\n"
                           "    service: compute\n"
                           "    subject: vm-1\n"
                           "    customer: globex\n"
                           "    tariff: standard\n"
                           "    zone: Asia/Kolkata\n"
                           "    billing: {every: month, anchor: anniversary}\n"
                           "    start: 2026-01-31\n"
                           "    trial_end: 2026-02-10T00:00:00Z\n"
                           "    labels: {team: blue, cost: 12}\n"
                           "api_keys:\n"
                           "  - {key: acme-push, vendor: acme, scopes: [ingest, query],\n"
                           "     sha256: 2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b}\n" /* of "secret" */
                           "destinations:\n"
                           "  - {key: erp, kind: http, url: 'https://erp.example/charges', secret_files: [/run/s], timeout: 5s}\n";

struct fixture {
    char directory[DIRECTORY_PATH_BYTES];
    struct mtr_catalog_store *store;
    struct mtr_diagnostics findings;
    struct mtr_catalog_change change;
};

static inline void reopen(struct fixture *f)
{
    struct mtr_diagnostic diagnostic;
    mtr_catalog_store_close(f->store);
    f->store = NULL;
    if (mtr_catalog_store_open(f->directory, false, &f->store, &diagnostic)) fail_msg("%s", diagnostic.text);
}

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    make_temporary(f->directory);
    mtr_diagnostics_init(&f->findings, FINDINGS_MAX);
    reopen(f);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    mtr_catalog_store_close(f->store);
    mtr_diagnostics_release(&f->findings);
    remove_tree(f->directory);
    free(f);
    return 0;
}

static inline int apply(struct fixture *f, const char *text, bool dry_run)
{
    mtr_diagnostics_release(&f->findings);
    const struct mtr_catalog_edit edit = {
        .text = mtr_str_from(text), .who = MTR_STR("tester"), .now_us = NOW_US, .dry_run = dry_run};
    return mtr_catalog_store_apply(f->store, &edit, &f->change, &f->findings);
}

static inline int apply_one(struct fixture *f, enum mtr_catalog_kind kind, const char *key, const char *text)
{
    mtr_diagnostics_release(&f->findings);
    const struct mtr_catalog_edit edit = {.text = mtr_str_from(text),
                                          .kind = &kind,
                                          .key = mtr_str_from(key),
                                          .who = MTR_STR("tester"),
                                          .now_us = NOW_US};
    return mtr_catalog_store_apply(f->store, &edit, &f->change, &f->findings);
}

static inline void list_findings(const struct fixture *f, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < f->findings.count && used < size; i++) {
        const struct mtr_diagnostic *d = &f->findings.items[i];
        used += (size_t)snprintf(text + used, size - used, "%u:%u: %s%s%s\n", d->line, d->column, d->field,
                                 d->field[0] ? ": " : "", d->text);
    }
}

static inline void assert_ok(struct fixture *f, int rc)
{
    char text[2048];
    list_findings(f, text, sizeof(text));
    if (rc) fail_msg("%s\n%s", mtr_error_name(rc), text);
}

static inline void assert_text(struct mtr_str text, const char *expected)
{
    if (!mtr_str_equal(text, mtr_str_from(expected)))
        fail_msg("`%.*s` is not `%s`", MTR_STR_ARGS(text), expected);
}

struct seen {
    char text[1024];
    size_t used;
};

static inline int see(void *context, const struct mtr_catalog_document *d)
{
    struct seen *seen = context;
    assert_text(d->who, "tester");
    assert_true(d->applied_us == NOW_US);
    seen->used += (size_t)snprintf(seen->text + seen->used, sizeof(seen->text) - seen->used,
                                   "%s %.*s r%u %.*s\n", mtr_catalog_kind_name(d->kind), MTR_STR_ARGS(d->key),
                                   d->revision, MTR_STR_ARGS(d->json));
    return MTR_OK;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
