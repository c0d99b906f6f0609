/*
 * Documents by the names that others have for them: a meter or tariff is KEY within its service and
 * SERVICE/KEY elsewhere. A short name elsewhere was of the only one when it was written, so that it means the
 * one with the lowest number: the others came later. And the sentence for a name that nothing has. Which
 * tariffs were named once: what a subscription or a service named at any time may have priced a charge, and
 * charges tell the tariff's key. That reads all revisions, and parses those that hold the key at all.
 */
#include "lib/catalog/names.h"

#include "lib/catalog/bundle.h"

#include <stdio.h>
#include <string.h>

#include "meterd/core/document.h"

/* Every key of a kind, one by one; empty for what was deleted, and for what another vendor has. */
struct keys {
    const struct mtr_catalog *catalog;
    enum mtr_catalog_kind kind;
    const struct mtr_vendor *vendor; /* NULL: anybody's */
    bool whole;                      /* SERVICE/KEY of meters and tariffs, where they are stored by it */
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
    if (!record || !is_of_vendor(keys, i)) return MTR_STR("");
    return keys->whole ? record->stored_key : record->key;
}

const char *mtr_catalog_meant(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind,
                              struct mtr_str key, const struct mtr_vendor *vendor, char text[MTR_MEANT_BYTES])
{
    const struct mtr_str short_key = mtr_schema_short_name(key);
    struct keys keys = {.catalog = catalog, .kind = kind, .vendor = vendor, .whole = true};
    if (short_key.size < key.size && *mtr_str_meant(key, key_at, &keys, text)) return text;
    keys.whole = false;
    return mtr_str_meant(short_key, key_at, &keys, text);
}

/* Every customer of a phase, one by one; empty for what was deleted, and for another vendor's. */
static struct mtr_str customer_at(const void *context, unsigned i)
{
    const struct keys *keys = context;
    const struct mtr_catalog *catalog = keys->catalog;
    const uint32_t count = catalog->counts[MTR_KIND_SUBSCRIPTION];
    if (i >= count + catalog->later_phase_count) return (struct mtr_str){NULL, 0};
    const struct mtr_subscription *phase =
        i < count ? &catalog->subscriptions[i] : &catalog->later_phases[i - count];
    const bool is_seen = phase->number && (!keys->vendor || phase->service->vendor == keys->vendor);
    return is_seen ? phase->customer : MTR_STR("");
}

bool mtr_catalog_has_customer(const struct mtr_catalog *catalog, struct mtr_str customer,
                              const struct mtr_vendor *vendor, char text[MTR_MEANT_BYTES])
{
    const struct keys keys = {.catalog = catalog, .vendor = vendor};
    struct mtr_str known;
    for (unsigned i = 0; (known = customer_at(&keys, i)).data; i++)
        if (mtr_str_equal(known, customer)) return true;
    mtr_str_meant(customer, customer_at, &keys, text);
    return false;
}

/* The service that a tariff's first meter is of; empty of one without meters. */
static struct mtr_str service_of_meters(const struct mtr_catalog *catalog,
                                        const struct mtr_tariff_document *tariff)
{
    for (uint32_t v = 0; v < tariff->version_count; v++)
        for (uint32_t i = 0; i < tariff->versions[v].component_count; i++) {
            const struct mtr_component *component = &tariff->versions[v].components[i];
            const struct mtr_record *meter =
                component->input_count ? catalog_find_record(catalog, MTR_KIND_METER, component->inputs[0])
                                       : NULL;
            if (meter) return meter->fields.meter.service;
        }
    return (struct mtr_str){NULL, 0};
}

struct mtr_str catalog_service_of(const struct mtr_catalog *catalog, const struct mtr_record *record)
{
    switch (record->kind->id) {
    case MTR_KIND_METER: return record->fields.meter.service;
    case MTR_KIND_TARIFF:
        return record->fields.tariff.service.size ? record->fields.tariff.service
                                                  : service_of_meters(catalog, &record->fields.tariff);
    default: return (struct mtr_str){NULL, 0};
    }
}

/* The next record of that key, of whichever service. */
static struct mtr_record *next_of_key(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind,
                                      struct mtr_str key, uint32_t *probe)
{
    const uint64_t hash = hash_index_hash(key, (uint64_t)kind);
    for (uint32_t number; (number = hash_index_next(&catalog->by_key[kind], hash, probe)) != 0;)
        if (mtr_str_equal(catalog->records[kind][number - 1]->key, key))
            return catalog->records[kind][number - 1];
    return NULL;
}

struct mtr_record *catalog_find_own(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind,
                                    struct mtr_str service, struct mtr_str key)
{
    struct mtr_record *record;
    for (uint32_t probe = 0; (record = next_of_key(catalog, kind, key, &probe)) != NULL;)
        if (mtr_str_equal(catalog_service_of(catalog, record), service)) return record;
    return NULL;
}

struct mtr_record *catalog_find_replaced(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind,
                                         struct mtr_str service, struct mtr_str key)
{
    const struct mtr_str none = {NULL, 0};
    struct mtr_record *record;
    if (kind != MTR_KIND_TARIFF || service.size) {
        record = catalog_find_own(catalog, kind, service, key);
        return record || kind != MTR_KIND_TARIFF ? record : catalog_find_own(catalog, kind, none, key);
    }
    for (uint32_t probe = 0; (record = next_of_key(catalog, kind, key, &probe)) != NULL;)
        if (!record->fields.tariff.service.size) return record;
    return NULL;
}

bool catalog_has_rival(const struct mtr_catalog *catalog, const struct mtr_record *record)
{
    const struct mtr_str service = catalog_service_of(catalog, record);
    const struct mtr_record *other;
    for (uint32_t probe = 0; (other = next_of_key(catalog, record->kind->id, record->key, &probe)) != NULL;) {
        const struct mtr_str its = catalog_service_of(catalog, other);
        if (other != record && (!service.size || !its.size || mtr_str_equal(service, its))) return true;
    }
    return false;
}

static struct mtr_str service_in(struct mtr_str name)
{
    const struct mtr_str key = mtr_schema_short_name(name);
    return key.size == name.size ? (struct mtr_str){NULL, 0}
                                 : (struct mtr_str){name.data, name.size - key.size - 1};
}

struct mtr_record *catalog_find_record(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind,
                                       struct mtr_str name)
{
    const struct mtr_str key = mtr_schema_short_name(name);
    struct mtr_record *record, *first = NULL;
    if (key.size != name.size) return catalog_find_own(catalog, kind, service_in(name), key);
    for (uint32_t probe = 0; (record = next_of_key(catalog, kind, key, &probe)) != NULL;)
        if (!first || record->number < first->number) first = record;
    const struct mtr_record *deleted = catalog->deleted;
    const bool was_meant = deleted && deleted->kind->id == kind && mtr_str_equal(deleted->key, name) &&
                           (!first || deleted->number < first->number);
    return was_meant ? NULL : first; /* what named it does not come to mean another one */
}

struct mtr_record *catalog_find_in(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind,
                                   struct mtr_str service, struct mtr_str name)
{
    struct mtr_record *own = NULL;
    if (mtr_schema_short_name(name).size == name.size) own = catalog_find_own(catalog, kind, service, name);
    return own ? own : catalog_find_record(catalog, kind, name);
}

static bool names_cost(const struct mtr_catalog *catalog, struct mtr_str service, struct mtr_str name,
                       const struct mtr_tariff_document *tariff)
{
    const struct mtr_record *found =
        name.size ? catalog_find_in(catalog, MTR_KIND_TARIFF, service, name) : NULL;
    return found && &found->fields.tariff == tariff;
}

bool mtr_catalog_is_cost(const struct mtr_catalog *catalog, const struct mtr_tariff_document *tariff)
{
    bool is_cost = false;
    for (uint32_t i = 0; !is_cost && i < catalog->counts[MTR_KIND_SERVICE]; i++) {
        const struct mtr_record *service = catalog->records[MTR_KIND_SERVICE][i];
        is_cost = service && names_cost(catalog, service->key, service->fields.service.cost_tariff, tariff);
    }
    for (uint32_t i = 0; !is_cost && i < catalog->counts[MTR_KIND_SUBSCRIPTION]; i++) {
        const struct mtr_record *record = catalog->records[MTR_KIND_SUBSCRIPTION][i];
        if (record)
            is_cost = names_cost(catalog, record->fields.subscription.service,
                                 record->fields.subscription.cost_tariff, tariff);
    }
    return is_cost;
}

bool mtr_catalog_which_of(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind, struct mtr_str name,
                          char text[MTR_WHICH_OF_TEXT_BYTES])
{
    enum { SHOWN_MAX = 5 };
    const struct mtr_record *record, *found[SHOWN_MAX];
    uint32_t count = 0;
    size_t used = 0;
    for (uint32_t probe = 0; (record = next_of_key(catalog, kind, name, &probe)) != NULL; count++) {
        uint32_t at = count < SHOWN_MAX ? count : SHOWN_MAX - 1;
        if (count >= SHOWN_MAX && found[at]->number < record->number) continue;
        for (; at > 0 && found[at - 1]->number > record->number; at--) found[at] = found[at - 1];
        found[at] = record;
    }
    if (count < 2) return false;
    for (uint32_t i = 0; i < count && i < SHOWN_MAX; i++)
        used += (size_t)snprintf(text + used, MTR_WHICH_OF_TEXT_BYTES - used, "%s%.*s/%.*s",
                                 i ? ", " : "which of ", MTR_STR_ARGS(catalog_service_of(catalog, found[i])),
                                 MTR_STR_ARGS(found[i]->key));
    MTR_ASSERT(used < MTR_WHICH_OF_TEXT_BYTES);
    snprintf(text + used, MTR_WHICH_OF_TEXT_BYTES - used, count > SHOWN_MAX ? ", …" : "");
    return true;
}

static bool is_broken(const struct bundle_item *item)
{
    return !item->decoded && !item->unchanged;
}

int catalog_await(struct mtr_catalog *catalog, const struct bundle *bundle)
{
    if (!bundle->broken) return MTR_OK;
    int rc = hash_index_init(&catalog->by_awaited, &catalog->arena, bundle->broken);
    for (uint32_t i = 0; !rc && i < bundle->count; i++)
        if (is_broken(&bundle->items[i]))
            hash_index_add(&catalog->by_awaited,
                           hash_index_hash(bundle->items[i].key, (uint64_t)bundle->items[i].kind), i + 1);
    if (!rc) catalog->awaited = bundle;
    return rc;
}

bool catalog_awaits(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind, struct mtr_str name)
{
    if (!catalog->awaited) return false;
    const struct mtr_str key = mtr_schema_short_name(name);
    const uint64_t hash = hash_index_hash(key, (uint64_t)kind);
    for (uint32_t probe = 0, number; (number = hash_index_next(&catalog->by_awaited, hash, &probe)) != 0;) {
        const struct bundle_item *item = &catalog->awaited->items[number - 1];
        if (item->kind == kind && mtr_str_equal(item->key, key)) return true;
    }
    return false;
}

void catalog_unknown_text(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind, struct mtr_str key,
                          const struct mtr_diagnostics *findings, char text[CATALOG_UNKNOWN_TEXT_BYTES])
{
    char meant[MTR_MEANT_BYTES] = "";
    const struct mtr_record *deleted = catalog->deleted;
    const char *name = mtr_catalog_kind_name(kind);
    if (deleted && deleted->kind->id == kind && mtr_schema_may_be_same_name(deleted->key, key)) {
        snprintf(text, CATALOG_UNKNOWN_TEXT_BYTES, "names the %s `%.*s`", name, MTR_STR_ARGS(key));
        return;
    }
    /* Bounded by the findings that are kept. */
    if (!findings->dropped) mtr_catalog_meant(catalog, kind, key, NULL, meant);
    snprintf(text, CATALOG_UNKNOWN_TEXT_BYTES, "unknown %s `%.*s`%s", name, MTR_STR_ARGS(key), meant);
}

bool mtr_meter_has_dimension(const struct mtr_meter *meter, struct mtr_str name)
{
    for (uint32_t i = 0; i < meter->group_by_count; i++)
        if (mtr_str_equal(meter->group_by[i], name)) return true;
    return false;
}

static struct mtr_str dimension_at(const void *context, unsigned i)
{
    const struct mtr_meter *meter = context;
    return i < meter->group_by_count ? meter->group_by[i] : (struct mtr_str){NULL, 0};
}

const char *mtr_meter_dimension_meant(const struct mtr_meter *meter, struct mtr_str name,
                                      char text[MTR_MEANT_BYTES])
{
    return mtr_str_meant(name, dimension_at, meter, text);
}

const char *catalog_component_meant(const struct mtr_tariff_document *tariff, struct mtr_str key,
                                    char text[MTR_MEANT_BYTES])
{
    text[0] = '\0';
    for (uint32_t v = 0; v < tariff->version_count; v++)
        if (mtr_tariff_component(&tariff->versions[v], key)) return text; /* it is meant, and will not do */
    for (uint32_t v = 0; v < tariff->version_count && !text[0]; v++)
        mtr_tariff_component_meant(&tariff->versions[v], key, text);
    return text;
}

/* ---- tariffs that were named once ---- */

enum { FOUND = 1 };

struct looking {
    const struct mtr_record *tariff;
    uint32_t revision; /* that names it */
};

/* Is it a value below a field that names tariffs, whatever the form of that field? */
static bool names(const struct mtr_node *node, struct mtr_str tariff, bool is_of_tariffs)
{
    if (node->kind < MTR_NODE_LIST)
        return is_of_tariffs && mtr_str_equal(mtr_schema_short_name(node->text), tariff);
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
        !memmem(stored->json.data, stored->json.size, looking->tariff->key.data, looking->tariff->key.size))
        return MTR_OK;
    int rc = mtr_document_parse(stored->json, &document, &diagnostic);
    if (rc) return rc == MTR_ENOMEM ? rc : MTR_ECORRUPT;
    const bool found = names(mtr_document_root(document), looking->tariff->key, false);
    mtr_document_close(document);
    looking->revision = stored->revision;
    return found ? FOUND : MTR_OK;
}

/* Of another service the short key is another tariff. */
static bool may_name(const struct mtr_record *record, const struct mtr_record *tariff)
{
    const struct mtr_str service = record->kind->id == MTR_KIND_SERVICE ? record->key
                                                                        : record->fields.subscription.service;
    return !tariff->fields.tariff.service.size || mtr_str_equal(service, tariff->fields.tariff.service);
}

static int find_past_name(struct mtr_documents *documents, const struct mtr_catalog *catalog,
                          const struct mtr_record *tariff, struct mtr_diagnostics *findings)
{
    static const enum mtr_catalog_kind kinds[] = {MTR_KIND_SUBSCRIPTION, MTR_KIND_SERVICE};
    struct looking looking = {.tariff = tariff};
    int rc = MTR_OK;
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
        for (uint32_t i = 0; !rc && i < catalog->counts[kinds[k]]; i++) {
            const struct mtr_record *record = catalog->records[kinds[k]][i];
            if (!record || !may_name(record, tariff)) continue;
            rc = mtr_documents_walk_revisions(documents, (uint8_t)kinds[k], record->key, 0, on_revision,
                                              &looking);
            if (rc == FOUND)
                mtr_diagnostics_addf(findings, MTR_FINDING_CATALOG_DELETE_USED, 0, 0, "tariff",
                                     "may have priced charges: revision %u of %s `%.*s` names it",
                                     looking.revision, record->kind->name, MTR_STR_ARGS(record->key));
        }
    return rc == FOUND ? MTR_OK : rc;
}

static int find_sent(struct mtr_documents *documents, const struct mtr_record *api_key,
                     struct mtr_diagnostics *findings)
{
    const bool can_send = api_key->fields.api_key.scopes & MTR_SCOPE_INGEST;
    enum mtr_document_use use;
    int rc = mtr_documents_get_use(documents, MTR_KIND_API_KEY, api_key->number, &use);
    if (rc || use == MTR_DOCUMENT_UNUSED || (use == MTR_DOCUMENT_MAY_BE_USED && !can_send)) return rc;
    mtr_diagnostics_addf(findings, MTR_FINDING_CATALOG_DELETE_USED, 0, 0, "api_key",
                         "events %s sent with it: retire it from a date on",
                         use == MTR_DOCUMENT_USED ? "were" : "may have been");
    return MTR_OK;
}

int catalog_find_use(struct mtr_documents *documents, const struct mtr_catalog *catalog,
                     const struct mtr_record *record, struct mtr_diagnostics *findings)
{
    switch (record->kind->id) {
    case MTR_KIND_TARIFF: return find_past_name(documents, catalog, record, findings);
    case MTR_KIND_API_KEY: return find_sent(documents, record, findings);
    default: return MTR_OK;
    }
}
