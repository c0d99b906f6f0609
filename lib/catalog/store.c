/*
 * The catalog's store: stored documents in, snapshots out.
 *
 * apply: parse → plan → decode what changed → link a candidate snapshot → commit → candidate becomes the one
 * in force. Until the commit nothing is visible, so every failure leaves the catalog as it was. One apply at
 * a time (apply_lock); readers only take current_lock for the moment of a reference. Numbers of new documents
 * are foreseen, and checked against what the store gives.
 */
#include "meterd/catalog/store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/catalog/bundle.h"
#include "meterd/store/documents.h"

struct mtr_catalog_store {
    struct mtr_documents *documents;
    struct mtr_zones *zones; /* one reference */
    bool read_only;
    pthread_mutex_t apply_lock;
    pthread_mutex_t current_lock; /* guards current */
    struct mtr_catalog *current;  /* one reference; never NULL after open */
};

struct loading {
    struct mtr_catalog_store *store;
    struct mtr_diagnostics *findings;
    enum mtr_catalog_kind kind;
    struct mtr_record **records; /* in the order of the walk */
    uint32_t count, capacity;
};

static int keep(struct loading *loading, struct mtr_record *record)
{
    if (loading->count == loading->capacity) {
        uint32_t capacity = loading->capacity ? loading->capacity * 2 : 64;
        struct mtr_record **records = realloc(loading->records, capacity * sizeof(struct mtr_record *));
        if (!records) {
            record_release(record);
            return MTR_ENOMEM;
        }
        loading->records = records;
        loading->capacity = capacity;
    }
    loading->records[loading->count++] = record;
    return MTR_OK;
}

static int load_document(void *context, const struct mtr_stored_document *stored)
{
    struct loading *loading = context;
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    struct mtr_record *record = NULL;
    int rc = mtr_document_parse(stored->json, &document, &diagnostic);
    if (rc) return rc == MTR_ENOMEM ? rc : MTR_ECORRUPT;
    const struct record_source source = {.kind = kind_of(loading->kind),
                                         .number = stored->number,
                                         .stored = true,
                                         .key = stored->key,
                                         .json = stored->json,
                                         .node = mtr_document_root(document)};
    rc = record_decode(&source, loading->store->zones, loading->findings, &record);
    if (!rc) {
        record->node = NULL;
        rc = keep(loading, record);
    }
    mtr_document_close(document);
    return rc;
}

static int load_all(struct loading *loading)
{
    int rc = MTR_OK;
    for (int kind = 0; kind < MTR_KIND_COUNT && !rc; kind++) {
        loading->kind = (enum mtr_catalog_kind)kind;
        rc = mtr_documents_walk(loading->store->documents, (uint8_t)kind, load_document, loading);
    }
    return rc;
}

static int check_numbers(const struct loading *loading, uint32_t counts[MTR_KIND_COUNT])
{
    for (uint32_t i = 0; i < loading->count; i++) counts[loading->records[i]->kind->id]++;
    for (uint32_t i = 0; i < loading->count; i++)
        if (loading->records[i]->number == 0 ||
            loading->records[i]->number > counts[loading->records[i]->kind->id])
            return MTR_ECORRUPT;
    return MTR_OK;
}

static int load_snapshot(struct mtr_catalog_store *store, struct mtr_diagnostics *findings)
{
    struct loading loading = {.store = store, .findings = findings};
    uint32_t counts[MTR_KIND_COUNT] = {0};
    struct mtr_catalog *catalog = NULL;
    uint64_t version = 0;
    int rc = mtr_documents_version(store->documents, &version);
    if (!rc) rc = load_all(&loading);
    if (!rc) rc = check_numbers(&loading, counts);
    if (!rc) rc = catalog_create(counts, store->zones, version, &catalog);
    for (uint32_t i = 0; i < loading.count; i++) {
        if (!rc) catalog_set(catalog, loading.records[i]);
        record_release(loading.records[i]);
    }
    free(loading.records);
    if (!rc) rc = catalog_link(catalog, findings);
    if (rc) {
        mtr_catalog_release(catalog);
        return rc;
    }
    store->current = catalog;
    return MTR_OK;
}

static void explain_load(int rc, const char *directory, const struct mtr_diagnostics *findings,
                         struct mtr_diagnostic *diagnostic)
{
    for (size_t i = 0; i < findings->count; i++) {
        if (findings->items[i].severity != MTR_SEVERITY_ERROR) continue;
        *diagnostic = findings->items[i];
        return;
    }
    mtr_diagnostic_set(diagnostic, 0, 0, NULL, "cannot read the catalog in %s: %s", directory,
                       mtr_error_text(rc));
}

int mtr_catalog_store_open(const char *directory, bool read_only, struct mtr_catalog_store **out,
                           struct mtr_diagnostic *diagnostic)
{
    struct mtr_diagnostics findings;
    struct mtr_catalog_store *store = calloc(1, sizeof(*store));
    if (!store) {
        mtr_diagnostic_set(diagnostic, 0, 0, NULL, "out of memory");
        return MTR_ENOMEM;
    }
    store->read_only = read_only;
    pthread_mutex_init(&store->apply_lock, NULL);
    pthread_mutex_init(&store->current_lock, NULL);
    int rc = mtr_documents_open(directory, read_only, &store->documents, diagnostic);
    if (!rc) {
        mtr_diagnostics_init(&findings, 8);
        rc = zones_open(&store->zones);
        if (!rc) rc = load_snapshot(store, &findings);
        if (rc) explain_load(rc, directory, &findings, diagnostic);
        mtr_diagnostics_release(&findings);
    }
    if (rc) {
        mtr_catalog_store_close(store);
        return rc;
    }
    *out = store;
    return MTR_OK;
}

void mtr_catalog_store_close(struct mtr_catalog_store *store)
{
    if (!store) return;
    mtr_catalog_release(store->current);
    zones_release(store->zones);
    mtr_documents_close(store->documents);
    pthread_mutex_destroy(&store->apply_lock);
    pthread_mutex_destroy(&store->current_lock);
    free(store);
}

struct mtr_catalog *mtr_catalog_store_snapshot(struct mtr_catalog_store *store)
{
    pthread_mutex_lock(&store->current_lock);
    struct mtr_catalog *catalog = mtr_catalog_acquire(store->current);
    pthread_mutex_unlock(&store->current_lock);
    return catalog;
}

static void replace_current(struct mtr_catalog_store *store, struct mtr_catalog *catalog)
{
    pthread_mutex_lock(&store->current_lock);
    struct mtr_catalog *old = store->current;
    store->current = catalog;
    pthread_mutex_unlock(&store->current_lock);
    mtr_catalog_release(old);
}

/* Decodes what changed, and foresees the numbers of what is new. */
static int decode_plan(struct mtr_catalog_store *store, struct mtr_plan *plan,
                       uint32_t counts[MTR_KIND_COUNT], struct mtr_catalog_change *change,
                       struct mtr_diagnostics *findings)
{
    int rc = MTR_OK;
    size_t errors = findings->errors;
    for (uint32_t i = 0; i < plan->count && rc != MTR_ENOMEM; i++) {
        struct mtr_plan_item *item = &plan->items[i];
        if (item->unchanged) {
            change->unchanged++;
            continue;
        }
        uint32_t number = item->stored ? item->stored->number : ++counts[item->kind];
        const struct record_source source = {.kind = kind_of(item->kind),
                                             .number = number,
                                             .key = item->key,
                                             .json = item->json,
                                             .node = item->node};
        int one = record_decode(&source, store->zones, findings, &item->decoded);
        if (one) rc = one;
        if (!one && item->stored && source.kind->check_frozen)
            source.kind->check_frozen(item->stored, item->decoded, findings);
        *(item->stored ? &change->updated : &change->created) += 1;
    }
    if (rc == MTR_ENOMEM) return rc;
    return rc || findings->errors > errors ? MTR_EINVALID : MTR_OK;
}

static int make_candidate(struct mtr_catalog_store *store, const struct mtr_plan *plan,
                          const uint32_t counts[MTR_KIND_COUNT], int64_t now_us,
                          struct mtr_diagnostics *findings, struct mtr_catalog **out)
{
    const struct mtr_catalog *current = store->current;
    struct mtr_catalog *catalog = NULL;
    int rc = catalog_create(counts, store->zones, current->version + 1, &catalog);
    if (rc) return rc;
    for (uint32_t i = 0; i < plan->count; i++)
        if (plan->items[i].decoded) catalog_set(catalog, plan->items[i].decoded);
    for (int kind = 0; kind < MTR_KIND_COUNT; kind++)
        for (uint32_t i = 0; i < current->counts[kind]; i++)
            if (!catalog->records[kind][i]) catalog_set(catalog, current->records[kind][i]);
    size_t errors = findings->errors;
    rc = catalog_link(catalog, findings);
    if (!rc) catalog_check_change(current, catalog, now_us, findings);
    if (findings->errors > errors) rc = MTR_EINVALID;
    for (uint32_t i = 0; i < plan->count; i++)
        if (plan->items[i].decoded) plan->items[i].decoded->node = NULL; /* the text ends with apply */
    if (rc)
        mtr_catalog_release(catalog);
    else
        *out = catalog;
    return rc;
}

/* MTR_EAGAIN: another process changed the store since it was opened. */
static int store_plan(struct mtr_catalog_store *store, const struct mtr_plan *plan, struct mtr_str who,
                      int64_t now_us)
{
    uint64_t version = 0;
    uint32_t number = 0;
    int rc = mtr_documents_begin(store->documents, &version);
    if (rc) return rc;
    if (version != store->current->version) rc = MTR_EAGAIN;
    for (uint32_t i = 0; i < plan->count && !rc; i++) {
        const struct mtr_plan_item *item = &plan->items[i];
        if (item->unchanged) continue;
        rc = mtr_documents_put(store->documents, (uint8_t)item->kind, item->key, who, now_us, item->json,
                               &number);
        if (!rc && number != item->decoded->number) rc = MTR_ECORRUPT;
    }
    if (!rc) return mtr_documents_commit(store->documents, &version);
    mtr_documents_abort(store->documents);
    return rc;
}

/* The catalog as the plan would have it; that in force when it changes nothing. `plan_rc`: what reading
 * the plan gave. After a finding the rest is still decoded, so that its findings are reported too. */
static int plan_candidate(struct mtr_catalog_store *store, struct mtr_plan *plan, int plan_rc, int64_t now_us,
                          struct mtr_catalog_change *change, struct mtr_diagnostics *findings,
                          struct mtr_catalog **out)
{
    uint32_t counts[MTR_KIND_COUNT];
    memcpy(counts, store->current->counts, sizeof(counts));
    if (plan_rc == MTR_ENOMEM) return plan_rc;
    int rc = decode_plan(store, plan, counts, change, findings);
    if (!rc) rc = plan_rc;
    change->version = store->current->version;
    if (rc) return rc;
    if (change->created + change->updated) return make_candidate(store, plan, counts, now_us, findings, out);
    *out = mtr_catalog_acquire(store->current);
    return MTR_OK;
}

static int apply_plan(struct mtr_catalog_store *store, struct mtr_plan *plan, int plan_rc, struct mtr_str who,
                      int64_t now_us, bool dry_run, struct mtr_catalog_change *change,
                      struct mtr_diagnostics *findings)
{
    struct mtr_catalog *candidate = NULL;
    int rc = plan_candidate(store, plan, plan_rc, now_us, change, findings, &candidate);
    if (rc) return rc;
    dry_run = dry_run || change->created + change->updated == 0;
    if (!dry_run) rc = store->read_only ? MTR_EDENIED : store_plan(store, plan, who, now_us);
    if (rc || dry_run) {
        mtr_catalog_release(candidate);
        return rc;
    }
    change->version = candidate->version;
    replace_current(store, candidate);
    return MTR_OK;
}

/* A text read as a change of the catalog, which nobody else may make until end_plan. */
struct planning {
    struct mtr_document *document;
    struct mtr_plan plan;
    int read; /* what reading it returned: its findings are reported with those of what it would make */
};

static int begin_plan(struct mtr_catalog_store *store, struct mtr_str text, const enum mtr_catalog_kind *kind,
                      struct mtr_str key, struct planning *planning, struct mtr_diagnostics *findings)
{
    struct mtr_diagnostic diagnostic;
    int rc = mtr_document_parse(text, &planning->document, &diagnostic);
    if (rc) {
        mtr_diagnostics_add(findings, &diagnostic);
        return rc == MTR_ENOMEM ? rc : MTR_EINVALID;
    }
    pthread_mutex_lock(&store->apply_lock);
    bundle_init(&planning->plan);
    planning->read = bundle_read(&planning->plan, mtr_document_root(planning->document), kind, key,
                                 store->current, findings);
    return MTR_OK;
}

static void end_plan(struct mtr_catalog_store *store, struct planning *planning)
{
    bundle_release(&planning->plan);
    pthread_mutex_unlock(&store->apply_lock);
    mtr_document_close(planning->document);
}

int mtr_catalog_store_apply(struct mtr_catalog_store *store, struct mtr_str text,
                            const enum mtr_catalog_kind *kind, struct mtr_str key, struct mtr_str who,
                            int64_t now_us, bool dry_run, struct mtr_catalog_change *change,
                            struct mtr_diagnostics *findings)
{
    struct planning planning = {0};
    struct mtr_catalog_change counted = {0};
    int rc = begin_plan(store, text, kind, key, &planning, findings);
    if (rc) return rc;
    rc = apply_plan(store, &planning.plan, planning.read, who, now_us, dry_run, &counted, findings);
    end_plan(store, &planning);
    if (!rc) *change = counted;
    return rc;
}

int mtr_catalog_store_draft(struct mtr_catalog_store *store, struct mtr_str text,
                            const enum mtr_catalog_kind *kind, struct mtr_str key, struct mtr_catalog **out,
                            struct mtr_diagnostics *findings)
{
    struct planning planning = {0};
    struct mtr_catalog_change change = {0};
    int rc = begin_plan(store, text, kind, key, &planning, findings);
    if (rc) return rc;
    rc = plan_candidate(store, &planning.plan, planning.read, INT64_MIN, &change, findings,
                        out); /* for what has been: nothing is too early */
    end_plan(store, &planning);
    return rc;
}

struct handing {
    mtr_catalog_on_document on_document;
    void *context;
};

static int hand_out(void *context, const struct mtr_stored_document *stored)
{
    const struct handing *handing = context;
    struct mtr_catalog_document document = {.kind = (enum mtr_catalog_kind)stored->kind,
                                            .key = stored->key,
                                            .revision = stored->revision,
                                            .applied_us = stored->applied_us,
                                            .who = stored->who,
                                            .json = stored->json};
    return handing->on_document(handing->context, &document);
}

int mtr_catalog_store_get(struct mtr_catalog_store *store, enum mtr_catalog_kind kind, struct mtr_str key,
                          uint32_t revision, mtr_catalog_on_document on_document, void *context)
{
    struct handing handing = {on_document, context};
    return mtr_documents_get(store->documents, (uint8_t)kind, key, revision, hand_out, &handing);
}

int mtr_catalog_store_walk(struct mtr_catalog_store *store, enum mtr_catalog_kind kind, struct mtr_str key,
                           mtr_catalog_on_document on_document, void *context)
{
    struct handing handing = {on_document, context};
    if (key.size == 0) return mtr_documents_walk(store->documents, (uint8_t)kind, hand_out, &handing);
    return mtr_documents_walk_revisions(store->documents, (uint8_t)kind, key, hand_out, &handing);
}
