/*
 * Fuzzing of catalog texts, tariffs included: a dry run over a small catalog. It is refused exactly when
 * there is an error among the findings, every error has a place, and a second dry run says the same.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "meterd/catalog/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char base[] = "vendors: [{key: acme}]\n"
                           "services: [{key: compute, vendor: acme}]\n"
                           "meters: [{key: vcpu, service: compute, event_type: cpu, value: hours, group_by: [region]}]\n"
                           "tariffs: [{key: std, currency: EUR, versions: [{from: 2026-01-01, components: [{key: c, meter: vcpu, per_unit: 1}]}]}]\n"
                           "subscriptions: [{key: s1, service: compute, customer: c, tariff: std, start: 2026-01-01}]\n";

static struct mtr_catalog_store *store;
static char directory[] = "/tmp/meterd-fuzz-XXXXXX";

static void clean_up(void)
{
    char path[64];
    mtr_catalog_store_close(store);
    snprintf(path, sizeof(path), "%s/data.mdb", directory);
    unlink(path);
    snprintf(path, sizeof(path), "%s/lock.mdb", directory);
    unlink(path);
    rmdir(directory);
}

static int apply(struct mtr_str text, bool dry_run, struct mtr_catalog_change *change,
                 struct mtr_diagnostics *findings)
{
    const struct mtr_catalog_edit edit = {
        .text = text, .who = MTR_STR("fuzzer"), .now_us = 0, .dry_run = dry_run};
    return mtr_catalog_store_apply(store, &edit, change, findings);
}

static void open_store(void)
{
    struct mtr_diagnostic diagnostic;
    struct mtr_diagnostics findings;
    struct mtr_catalog_change change;
    mtr_diagnostics_init(&findings, 8);
    if (!mkdtemp(directory) || mtr_catalog_store_open(directory, false, &store, &diagnostic)) abort();
    atexit(clean_up);
    if (apply(mtr_str_from(base), false, &change, &findings)) abort();
    mtr_diagnostics_release(&findings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mtr_diagnostics findings[2];
    struct mtr_catalog_change change[2];
    int rc[2];
    if (!store) open_store();
    for (int i = 0; i < 2; i++) {
        mtr_diagnostics_init(&findings[i], 64);
        rc[i] = apply((struct mtr_str){(const char *)data, size}, true, &change[i], &findings[i]);
        MTR_ASSERT(rc[i] == MTR_OK || rc[i] == MTR_EINVALID);
        MTR_ASSERT((rc[i] == MTR_OK) == (findings[i].errors == 0));
    }
    MTR_ASSERT(rc[0] == rc[1] && findings[0].count == findings[1].count &&
               findings[0].errors == findings[1].errors);
    for (size_t i = 0; i < findings[0].count; i++)
        MTR_ASSERT(strcmp(findings[0].items[i].text, findings[1].items[i].text) == 0);
    mtr_diagnostics_release(&findings[0]);
    mtr_diagnostics_release(&findings[1]);
    return 0;
}
