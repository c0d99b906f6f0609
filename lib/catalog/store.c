/*
 * The catalog's store: stored documents in, snapshots out.
 *
 * apply: parse → bundle → decode what changed → link a candidate snapshot → commit → the candidate is in
 * force. Until the commit nothing is visible, so every failure leaves the catalog as it was. One apply at
 * a time (apply_lock); readers only take current_lock for a moment. Numbers are foreseen, and checked.
 */
#include "meterd/catalog/store.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/catalog/bundle.h"
#include "lib/catalog/names.h"
#include "lib/catalog/source_history.h"
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
                                         .key = mtr_schema_short_name(stored->key),
                                         .stored_key = stored->key,
                                         .json = stored->json,
                                         .node = mtr_document_root(document)};
    rc = record_decode(&source, loading->store->zones, loading->findings, &record);
    if (!rc) record->node = NULL;
    if (!rc && loading->kind == MTR_KIND_SOURCE)
        rc = source_history_load(loading->store->documents, loading->store->zones, stored, record);
    if (!rc) rc = keep(loading, record);
    mtr_document_close(document);
    return rc;
}

static int load_all(struct loading *loading)
{
    int rc = MTR_OK;
    for (int kind = 0; kind < MTR_KIND_COUNT && !rc; kind++) {
        loading->kind = (enum mtr_catalog_kind)kind;
        rc = mtr_documents_walk(loading->store->documents, (uint8_t)kind, (struct mtr_str){NULL, 0},
                                load_document, loading);
    }
    return rc;
}

/* The highest numbers; those of deleted documents are among them. */
static int read_counts(const struct loading *loading, uint32_t counts[MTR_KIND_COUNT])
{
    int rc = MTR_OK;
    for (int kind = 0; kind < MTR_KIND_COUNT && !rc; kind++)
        rc = mtr_documents_count(loading->store->documents, (uint8_t)kind, &counts[kind]);
    for (uint32_t i = 0; i < loading->count && !rc; i++)
        if (loading->records[i]->number == 0 ||
            loading->records[i]->number > counts[loading->records[i]->kind->id])
            rc = MTR_ECORRUPT;
    return rc;
}

/* Only what can be deleted leaves a number behind. */
static bool is_whole(const struct mtr_catalog *catalog)
{
    for (int kind = 0; kind < MTR_KIND_COUNT; kind++)
        for (uint32_t i = 0; i < catalog->counts[kind]; i++)
            if (!catalog->records[kind][i] && !kind_of((enum mtr_catalog_kind)kind)->deletable) return false;
    return true;
}

static int load_snapshot(struct mtr_catalog_store *store, struct mtr_diagnostics *findings)
{
    struct loading loading = {.store = store, .findings = findings};
    uint32_t counts[MTR_KIND_COUNT] = {0};
    struct mtr_catalog *catalog = NULL;
    uint64_t version = 0;
    int rc = mtr_documents_version(store->documents, &version);
    if (!rc) rc = load_all(&loading);
    if (!rc) rc = read_counts(&loading, counts);
    if (!rc) rc = catalog_create(counts, store->zones, version, &catalog);
    for (uint32_t i = 0; i < loading.count; i++) {
        struct mtr_record *record = loading.records[i];
        if (!rc && catalog->records[record->kind->id][record->number - 1]) rc = MTR_ECORRUPT;
        if (!rc) catalog_set(catalog, record);
        record_release(record);
    }
    free(loading.records);
    if (!rc && !is_whole(catalog)) rc = MTR_ECORRUPT;
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
    mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNREADABLE, 0, 0, NULL,
                       "cannot read the catalog in %s: %s", directory, mtr_error_text(rc));
}

int mtr_catalog_store_open(const char *directory, bool read_only, struct mtr_catalog_store **out,
                           struct mtr_diagnostic *diagnostic)
{
    struct mtr_diagnostics findings;
    struct mtr_catalog_store *store = calloc(1, sizeof(*store));
    if (!store) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_PROGRAM_MEMORY, 0, 0, NULL, "out of memory");
        return MTR_ENOMEM;
    }
    store->read_only = read_only;
    pthread_mutex_init(&store->apply_lock, NULL);
    pthread_mutex_init(&store->current_lock, NULL);
    int rc = mtr_documents_open(directory, read_only, &store->documents, diagnostic);
    if (!rc) {
        mtr_diagnostics_init(&findings, 8);
        rc = zones_open(&store->zones);
        if (!rc && !read_only) rc = mtr_documents_note_uses(store->documents, MTR_KIND_API_KEY);
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
static int decode_bundle(struct mtr_catalog_store *store, struct bundle *bundle,
                         uint32_t counts[MTR_KIND_COUNT], struct mtr_catalog_change *change,
                         struct mtr_diagnostics *findings)
{
    int rc = MTR_OK;
    size_t errors = findings->errors;
    for (uint32_t i = 0; i < bundle->count && rc != MTR_ENOMEM; i++) {
        struct bundle_item *item = &bundle->items[i];
        if (item->unchanged) {
            change->unchanged++;
            continue;
        }
        uint32_t number = item->stored ? item->stored->number : ++counts[item->kind];
        const struct record_source source = {.kind = kind_of(item->kind),
                                             .number = number,
                                             .key = item->key,
                                             .stored_key = item->stored_key,
                                             .json = item->json,
                                             .node = item->node};
        int one = record_decode(&source, store->zones, findings, &item->decoded);
        if (one) rc = one;
        bundle->broken += one != 0;
        if (!one) one = source_history_go_on(item->stored, item->decoded, bundle->applied_us);
        if (!one && item->stored && source.kind->check_frozen)
            source.kind->check_frozen(item->stored, item->decoded, findings);
        *(item->stored ? &change->updated : &change->created) += 1;
    }
    if (rc == MTR_ENOMEM) return rc;
    return rc || findings->errors > errors ? MTR_EINVALID : MTR_OK;
}

void mtr_catalog_fail(const struct mtr_catalog *draft, enum mtr_finding_code code,
                      const struct mtr_catalog_place *place, struct mtr_diagnostics *findings,
                      const char *format, ...)
{
    char text[sizeof(((struct mtr_diagnostic *)NULL)->text)];
    va_list args;
    MTR_ASSERT(place->number >= 1 && place->number <= draft->counts[place->kind]);
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    record_fail(draft->records[place->kind][place->number - 1], code, place->field, findings, "%s", text);
}

static int make_candidate(struct mtr_catalog_store *store, const struct bundle *bundle,
                          const uint32_t counts[MTR_KIND_COUNT], int64_t now_us,
                          struct mtr_diagnostics *findings, struct mtr_catalog **out)
{
    const struct mtr_catalog *current = store->current;
    struct mtr_catalog *catalog = NULL;
    int rc = catalog_create(counts, store->zones, current->version + 1, &catalog);
    if (!rc) rc = catalog_await(catalog, bundle);
    if (rc) {
        mtr_catalog_release(catalog);
        return rc;
    }
    for (uint32_t i = 0; i < bundle->count; i++)
        if (bundle->items[i].decoded) catalog_set(catalog, bundle->items[i].decoded);
    for (int kind = 0; kind < MTR_KIND_COUNT; kind++)
        for (uint32_t i = 0; i < current->counts[kind]; i++)
            if (current->records[kind][i] && current->records[kind][i] != bundle->deleted &&
                !catalog->records[kind][i] &&
                !catalog_awaits(catalog, (enum mtr_catalog_kind)kind, current->records[kind][i]->key))
                catalog_set(catalog, current->records[kind][i]);
    catalog->deleted = bundle->deleted;
    size_t errors = findings->errors;
    rc = catalog_link(catalog, findings);
    catalog->deleted = NULL;
    if (!rc) catalog_check_change(current, catalog, now_us, findings);
    if (findings->errors > errors) rc = MTR_EINVALID;
    if (rc)
        mtr_catalog_release(catalog);
    else
        *out = catalog;
    return rc;
}

/* MTR_EAGAIN: another process changed the store since it was opened. */
static int store_bundle(struct mtr_catalog_store *store, const struct bundle *bundle,
                        const struct mtr_catalog_edit *edit)
{
    uint64_t version = 0;
    uint32_t number = 0;
    int rc = mtr_documents_begin(store->documents, &version);
    if (rc) return rc;
    if (version != store->current->version) rc = MTR_EAGAIN;
    for (uint32_t i = 0; i < bundle->count && !rc; i++) {
        const struct bundle_item *item = &bundle->items[i];
        if (item->unchanged) continue;
        const struct mtr_stored_document document = {.kind = (uint8_t)item->kind,
                                                     .key = item->stored_key,
                                                     .applied_us = edit->now_us,
                                                     .who = edit->who,
                                                     .json = item->json};
        rc = mtr_documents_put(store->documents, &document, &number);
        if (!rc && number != item->decoded->number) rc = MTR_ECORRUPT;
    }
    if (!rc && bundle->deleted) {
        const struct mtr_stored_document document = {.kind = (uint8_t)bundle->deleted->kind->id,
                                                     .key = bundle->deleted->stored_key,
                                                     .applied_us = edit->now_us,
                                                     .who = edit->who};
        rc = mtr_documents_delete(store->documents, &document);
        if (rc == MTR_ENOTFOUND) rc = MTR_ECORRUPT; /* it is in force */
    }
    if (!rc) return mtr_documents_commit(store->documents, &version);
    mtr_documents_abort(store->documents);
    return rc;
}

static bool changes_nothing(const struct mtr_catalog_change *change)
{
    return change->created + change->updated + change->deleted == 0;
}

/* The catalog as the bundle would have it; that in force when it changes nothing. After a finding the rest is
 * still decoded and linked, so that its findings are reported too. */
static int make_draft(struct mtr_catalog_store *store, struct bundle *bundle, int64_t now_us,
                      struct mtr_catalog_change *change, struct mtr_diagnostics *findings,
                      struct mtr_catalog **out)
{
    uint32_t counts[MTR_KIND_COUNT];
    memcpy(counts, store->current->counts, sizeof(counts));
    if (bundle->read == MTR_ENOMEM) return bundle->read;
    int rc = decode_bundle(store, bundle, counts, change, findings);
    if (!rc) rc = bundle->read;
    change->deleted = bundle->deleted != NULL;
    change->version = store->current->version;
    if (rc && (rc != MTR_EINVALID || bundle->read || !bundle->broken)) return rc;
    if (!changes_nothing(change)) {
        rc = make_candidate(store, bundle, counts, now_us, findings, out);
        MTR_ASSERT(rc || !bundle->broken); /* nothing comes in force without all of its text */
        return rc;
    }
    *out = mtr_catalog_acquire(store->current);
    return MTR_OK;
}

static int review(const struct mtr_catalog_edit *edit, const struct mtr_catalog *stored,
                  const struct mtr_catalog *draft, struct mtr_diagnostics *findings)
{
    const size_t errors = findings->errors;
    if (!edit->review || stored == draft) return MTR_OK;
    int rc = edit->review(edit->review_context, stored, draft, findings);
    return !rc && findings->errors > errors ? MTR_EINVALID : rc;
}

static int apply_bundle(struct mtr_catalog_store *store, struct bundle *bundle,
                        const struct mtr_catalog_edit *edit, struct mtr_catalog_change *change,
                        struct mtr_diagnostics *findings)
{
    struct mtr_catalog *candidate = NULL;
    int rc = make_draft(store, bundle, edit->now_us, change, findings, &candidate);
    if (rc) return rc;
    const bool stays = edit->dry_run || changes_nothing(change);
    rc = review(edit, store->current, candidate, findings);
    if (!rc && !stays) rc = store->read_only ? MTR_EDENIED : store_bundle(store, bundle, edit);
    if (rc || stays) {
        mtr_catalog_release(candidate);
        return rc;
    }
    change->version = candidate->version;
    bundle_write_names(bundle, change);
    replace_current(store, candidate);
    return MTR_OK;
}

/* Reads the text, and lets nobody else change the catalog until end_edit. */
static int begin_edit(struct mtr_catalog_store *store, const struct mtr_catalog_edit *edit,
                      struct mtr_document **document, struct bundle *bundle, struct mtr_diagnostics *findings)
{
    struct mtr_diagnostic diagnostic;
    int rc = mtr_document_parse(edit->text, document, &diagnostic);
    if (rc) {
        mtr_diagnostics_add(findings, &diagnostic);
        return rc == MTR_ENOMEM ? rc : MTR_EINVALID;
    }
    pthread_mutex_lock(&store->apply_lock);
    bundle_init(bundle);
    bundle->applied_us = edit->now_us;
    bundle->read =
        bundle_read(bundle, mtr_document_root(*document), edit->kind, edit->key, store->current, findings);
    return MTR_OK;
}

static void end_edit(struct mtr_catalog_store *store, struct mtr_document *document, struct bundle *bundle)
{
    for (uint32_t i = 0; i < bundle->count; i++)
        if (bundle->items[i].decoded) bundle->items[i].decoded->node = NULL; /* the text ends here */
    bundle_release(bundle);
    pthread_mutex_unlock(&store->apply_lock);
    mtr_document_close(document);
}

int mtr_catalog_store_apply(struct mtr_catalog_store *store, const struct mtr_catalog_edit *edit,
                            struct mtr_catalog_change *change, struct mtr_diagnostics *findings)
{
    struct mtr_document *document = NULL;
    struct bundle bundle;
    struct mtr_catalog_change counted = {0};
    int rc = begin_edit(store, edit, &document, &bundle, findings);
    if (rc) return rc;
    rc = apply_bundle(store, &bundle, edit, &counted, findings);
    end_edit(store, document, &bundle);
    if (!rc) *change = counted;
    return rc;
}

int mtr_catalog_store_note_use(struct mtr_catalog_store *store, uint32_t api_key)
{
    return mtr_documents_note_use(store->documents, MTR_KIND_API_KEY, api_key);
}

/* The record that is to go, or a finding that it cannot. */
static int find_deleted(struct mtr_catalog_store *store, const struct mtr_catalog_edit *edit,
                        struct mtr_record **out, struct mtr_diagnostics *findings)
{
    const struct mtr_kind *kind = kind_of(*edit->kind);
    const size_t errors = findings->errors;
    char which[MTR_WHICH_OF_TEXT_BYTES];
    *out = catalog_find_record(store->current, *edit->kind, edit->key);
    if (!*out) return MTR_ENOTFOUND;
    if (mtr_catalog_which_of(store->current, kind->id, edit->key, which))
        mtr_diagnostics_addf(findings, MTR_FINDING_CATALOG_REFERENCE_AMBIGUOUS, 0, 0, NULL, "%s?", which);
    if (!kind->deletable)
        mtr_diagnostics_addf(findings, MTR_FINDING_CATALOG_DELETE_KIND, 0, 0, NULL,
                             "a %s cannot be deleted: meters, services, tariffs, API keys and sources can",
                             kind->name);
    int rc = catalog_find_use(store->documents, store->current, *out, findings);
    return !rc && findings->errors > errors ? MTR_EINVALID : rc;
}

int mtr_catalog_store_delete(struct mtr_catalog_store *store, const struct mtr_catalog_edit *edit,
                             struct mtr_catalog_change *change, struct mtr_diagnostics *findings)
{
    struct bundle bundle;
    struct mtr_catalog_change counted = {0};
    pthread_mutex_lock(&store->apply_lock);
    bundle_init(&bundle);
    int rc = find_deleted(store, edit, &bundle.deleted, findings);
    if (!rc) rc = apply_bundle(store, &bundle, edit, &counted, findings);
    end_edit(store, NULL, &bundle);
    if (!rc) *change = counted;
    return rc;
}

int mtr_catalog_store_draft(struct mtr_catalog_store *store, const struct mtr_catalog_edit *edit,
                            struct mtr_catalog **out, struct mtr_diagnostics *findings)
{
    struct mtr_document *document = NULL;
    struct bundle bundle;
    struct mtr_catalog_change change = {0};
    int rc = begin_edit(store, edit, &document, &bundle, findings);
    if (rc) return rc;
    rc = make_draft(store, &bundle, INT64_MIN /* nothing is too early */, &change, findings, out);
    end_edit(store, document, &bundle);
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
                                            .key = mtr_schema_short_name(stored->key),
                                            .name = stored->key,
                                            .revision = stored->revision,
                                            .applied_us = stored->applied_us,
                                            .who = stored->who,
                                            .json = stored->json};
    return handing->on_document(handing->context, &document);
}

/* A document of that name, by the key that it is stored by; what is no more is only known by that. */
typedef int read_document(struct mtr_documents *documents, uint8_t kind, struct mtr_str key,
                          uint32_t revision, mtr_documents_on_document on_document, void *context);

static int read_named(struct mtr_catalog_store *store, enum mtr_catalog_kind kind, struct mtr_str name,
                      uint32_t revision, struct handing *handing, read_document *read)
{
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(store);
    const struct mtr_record *record = catalog_find_record(catalog, kind, name);
    int rc = read(store->documents, (uint8_t)kind, record ? record->stored_key : name, revision, hand_out,
                  handing);
    mtr_catalog_release(catalog);
    return rc;
}

int mtr_catalog_store_get(struct mtr_catalog_store *store, enum mtr_catalog_kind kind, struct mtr_str name,
                          uint32_t revision, mtr_catalog_on_document on_document, void *context)
{
    struct handing handing = {on_document, context};
    return read_named(store, kind, name, revision, &handing, mtr_documents_get);
}

int mtr_catalog_store_walk(struct mtr_catalog_store *store, enum mtr_catalog_kind kind, struct mtr_str after,
                           mtr_catalog_on_document on_document, void *context)
{
    struct handing handing = {on_document, context};
    return mtr_documents_walk(store->documents, (uint8_t)kind, after, hand_out, &handing);
}

int mtr_catalog_store_walk_revisions(struct mtr_catalog_store *store, enum mtr_catalog_kind kind,
                                     struct mtr_str name, uint32_t after, mtr_catalog_on_document on_document,
                                     void *context)
{
    struct handing handing = {on_document, context};
    return read_named(store, kind, name, after, &handing, mtr_documents_walk_revisions);
}
