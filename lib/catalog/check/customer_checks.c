/*
 * Customers that credits and overrides are for. A customer is no document: he is known by the subscriptions
 * that name him. One that none names may be misspelt, and then nothing would be paid with the credit, nobody
 * would get the price; or his subscription comes later. So it is a warning, once: of what is being applied.
 */
#include "lib/catalog/snapshot.h"

#include "lib/catalog/names.h"

enum { CHUNK_BYTES = 1 << 16 };
#define INDEX_BYTES_MAX ((size_t)1 << 30)

/* What is being checked, and every customer of a phase. */
struct checking {
    struct mtr_catalog *catalog;
    struct mtr_arena arena;
    struct mtr_index customers; /* customer's hash → index of the phase + 1 */
    bool is_made;
    struct mtr_diagnostics *findings;
};

static bool is_indexed(const struct checking *checking, struct mtr_str customer)
{
    const uint64_t hash = hash_index_hash(customer, 0);
    for (uint32_t probe = 0, number; (number = hash_index_next(&checking->customers, hash, &probe)) != 0;)
        if (mtr_str_equal(catalog_phase_at(checking->catalog, number - 1)->customer, customer)) return true;
    return false;
}

/* Each customer once: he may have 100,000 subscriptions. */
static int make_index(struct checking *checking)
{
    struct mtr_catalog *catalog = checking->catalog;
    const struct mtr_subscription *phase;
    const uint32_t count = catalog->counts[MTR_KIND_SUBSCRIPTION] + catalog->later_phase_count;
    if (checking->is_made) return MTR_OK;
    checking->is_made = true;
    if (hash_index_init(&checking->customers, &checking->arena, count)) return MTR_ENOMEM;
    for (uint32_t i = 0; (phase = catalog_phase_at(catalog, i)) != NULL; i++)
        if (!is_indexed(checking, phase->customer))
            hash_index_add(&checking->customers, hash_index_hash(phase->customer, 0), i + 1);
    return MTR_OK;
}

static bool is_known(const struct checking *checking, struct mtr_str customer)
{
    char meant[MTR_MEANT_BYTES];
    return is_indexed(checking, customer) ||
           (checking->catalog->around &&
            mtr_catalog_has_customer(checking->catalog->around, customer, NULL, meant));
}

/* The nearest is looked for while findings are kept. */
static int check(struct checking *checking, const struct mtr_record *record, const char *field,
                 struct mtr_str customer)
{
    char meant[MTR_MEANT_BYTES] = "";
    if (!customer.size) return MTR_OK;
    int rc = make_index(checking);
    if (rc || is_known(checking, customer)) return rc;
    if (!checking->findings->dropped)
        (void)mtr_catalog_has_customer(checking->catalog, customer, NULL, meant);
    record_fail(record, MTR_FINDING_CATALOG_CUSTOMER_UNKNOWN, field, checking->findings,
                "no subscription has the customer `%.*s`%s", MTR_STR_ARGS(customer), meant);
    return MTR_OK;
}

static int check_credits(struct checking *checking)
{
    const struct mtr_catalog *catalog = checking->catalog;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < catalog->counts[MTR_KIND_CREDIT]; i++) {
        const struct mtr_record *record = catalog->records[MTR_KIND_CREDIT][i];
        if (record && record->node) rc = check(checking, record, "customer", record->fields.credit.customer);
    }
    return rc;
}

/* An override is repeated with each version. */
static bool is_told(const struct mtr_tariff_document *tariff, uint32_t version, struct mtr_str customer)
{
    for (uint32_t v = 0; v < version; v++)
        for (uint32_t o = 0; o < tariff->versions[v].override_count; o++)
            if (mtr_str_equal(tariff->versions[v].overrides[o].customer, customer)) return true;
    return false;
}

static int check_version(struct checking *checking, const struct mtr_record *record, uint32_t version)
{
    const struct mtr_tariff_document *tariff = &record->fields.tariff;
    int rc = MTR_OK;
    for (uint32_t o = 0; !rc && o < tariff->versions[version].override_count; o++) {
        const struct mtr_str customer = tariff->versions[version].overrides[o].customer;
        if (!is_told(tariff, version, customer)) rc = check(checking, record, "versions", customer);
    }
    return rc;
}

static int check_tariffs(struct checking *checking)
{
    const struct mtr_catalog *catalog = checking->catalog;
    int rc = MTR_OK;
    for (uint32_t i = 0; i < catalog->counts[MTR_KIND_TARIFF]; i++) {
        const struct mtr_record *record = catalog->records[MTR_KIND_TARIFF][i];
        if (!record || !record->node) continue;
        for (uint32_t v = 0; !rc && v < record->fields.tariff.version_count; v++)
            rc = check_version(checking, record, v);
    }
    return rc;
}

int catalog_check_customers(struct mtr_catalog *catalog, struct mtr_diagnostics *findings)
{
    struct checking checking = {.catalog = catalog, .findings = findings};
    mtr_arena_init(&checking.arena, CHUNK_BYTES, INDEX_BYTES_MAX);
    int rc = check_credits(&checking);
    if (!rc) rc = check_tariffs(&checking);
    mtr_arena_release(&checking.arena);
    return rc;
}
