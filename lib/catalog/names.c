/*
 * Documents by the names that others have for them, and the sentence for a name that nothing has. Which
 * tariffs were named once: what a subscription or a service named at any time may have priced a charge, and
 * charges tell the tariff's key. That reads all revisions, and parses those that hold the key at all.
 */
#include "lib/catalog/names.h"

#include <stdio.h>
#include <string.h>

#include "meterd/core/document.h"

/* Every key of a kind, one by one; empty for what was deleted, and for what another vendor has. */
struct keys {
    const struct mtr_catalog *catalog;
    enum mtr_catalog_kind kind;
    const struct mtr_vendor *vendor; /* NULL: anybody's */
};

static bool is_of_vendor(const struct keys *keys, unsigned i)
{
    const struct mtr_service *service = NULL;
    if (!keys->vendor) return true;
    if (keys->kind == MTR_KIND_SUBSCRIPTION)
        service = keys->catalog->subscriptions[i].service;
    if (keys->kind == MTR_KIND_METER) service = keys->catalog->meters[i].service;
    return service && service->vendor == keys->vendor;
}

static struct mtr_str key_at(const void *context, unsigned i)
{
    const struct keys *keys = context;
    if (i >= keys->catalog->counts[keys->kind]) return (struct mtr_str){NULL, 0};
    const struct mtr_record *record = keys->catalog->records[keys->kind][i];
    return record && is_of_vendor(keys, i) ? record->key : MTR_STR("");
}

const char *mtr_catalog_meant(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind,
                              struct mtr_str key, const struct mtr_vendor *vendor, char text[MTR_MEANT_BYTES])
{
    const struct keys keys = {catalog, kind, vendor};
    return mtr_str_meant(key, key_at, &keys, text);
}

struct mtr_record *catalog_find_record(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind,
                                       struct mtr_str key)
{
    uint64_t hash = hash_index_hash(key, (uint64_t)kind);
    for (uint32_t probe = 0, number; (number = hash_index_next(&catalog->by_key[kind], hash, &probe)) != 0;)
        if (mtr_str_equal(catalog->records[kind][number - 1]->key, key))
            return catalog->records[kind][number - 1];
    return NULL;
}

void catalog_unknown_text(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind, struct mtr_str key,
                          const struct mtr_diagnostics *findings, char text[CATALOG_UNKNOWN_TEXT_BYTES])
{
    char meant[MTR_MEANT_BYTES] = "";
    const struct mtr_record *deleted = catalog->deleted;
    const char *name = mtr_catalog_kind_name(kind);
    if (deleted && deleted->kind->id == kind && mtr_str_equal(deleted->key, key)) {
        snprintf(text, CATALOG_UNKNOWN_TEXT_BYTES, "names the %s `%.*s`", name, MTR_STR_ARGS(key));
        return;
    }
    /* Bounded by the findings that are kept. */
    if (!findings->dropped) mtr_catalog_meant(catalog, kind, key, NULL, meant);
    snprintf(text, CATALOG_UNKNOWN_TEXT_BYTES, "unknown %s `%.*s`%s", name, MTR_STR_ARGS(key), meant);
}

/* ---- tariffs that were named once ---- */

enum { FOUND = 1 };

struct looking {
    struct mtr_str tariff;
    uint32_t revision; /* that names it */
};

/* Is it a value below a field that names tariffs, whatever the form of that field? */
static bool names(const struct mtr_node *node, struct mtr_str tariff, bool is_of_tariffs)
{
    if (node->kind < MTR_NODE_LIST) return is_of_tariffs && mtr_str_equal(node->text, tariff);
    for (uint32_t i = 0; i < node->child_count; i++) {
        const struct mtr_node *child = &node->children[i];
        const bool of_tariffs = is_of_tariffs || mtr_str_equal(child->key, MTR_STR("tariff")) ||
                                mtr_str_equal(child->key, MTR_STR("cost_tariff"));
        if (names(child, tariff, of_tariffs)) return true;
    }
    return false;
}

static int on_revision(void *context, const struct mtr_stored_document *stored)
{
    struct looking *looking = context;
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    if (!stored->json.size ||
        !memmem(stored->json.data, stored->json.size, looking->tariff.data, looking->tariff.size))
        return MTR_OK;
    int rc = mtr_document_parse(stored->json, &document, &diagnostic);
    if (rc) return rc == MTR_ENOMEM ? rc : MTR_ECORRUPT;
    const bool found = names(mtr_document_root(document), looking->tariff, false);
    mtr_document_close(document);
    looking->revision = stored->revision;
    return found ? FOUND : MTR_OK;
}

int catalog_find_past_name(struct mtr_documents *documents, const struct mtr_catalog *catalog,
                           struct mtr_str tariff, struct mtr_diagnostics *findings)
{
    static const enum mtr_catalog_kind kinds[] = {MTR_KIND_SUBSCRIPTION, MTR_KIND_SERVICE};
    struct looking looking = {.tariff = tariff};
    int rc = MTR_OK;
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
        for (uint32_t i = 0; !rc && i < catalog->counts[kinds[k]]; i++) {
            const struct mtr_record *record = catalog->records[kinds[k]][i];
            if (!record) continue;
            rc = mtr_documents_walk_revisions(documents, (uint8_t)kinds[k], record->key, 0, on_revision,
                                              &looking);
            if (rc == FOUND)
                mtr_diagnostics_addf(findings, MTR_SEVERITY_ERROR, 0, 0, "tariff",
                                     "may have priced charges: revision %u of %s `%.*s` names it",
                                     looking.revision, record->kind->name, MTR_STR_ARGS(record->key));
        }
    return rc == FOUND ? MTR_OK : rc;
}
