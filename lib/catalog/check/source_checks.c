/*
 * What holds between sources and the rest: the vendor exists, what for_each goes over exists and is that
 * vendor's, and no source waits for itself.
 */
#include "lib/catalog/names.h"

enum { CHAIN_MAX = 16 }; /* sources that go over one another's rows */

/* What for_each names, or NULL. Of one that cannot be read any more only the vendor is known. */
static const struct mtr_record *find_other(const struct mtr_catalog *catalog, const struct mtr_record *record)
{
    const struct mtr_source *source = record->fields.source;
    return source->each.kind == MTR_EACH_ROW
               ? catalog_find_record(catalog, MTR_KIND_SOURCE, source->each.source)
               : NULL;
}

static void check_vendor(const struct mtr_catalog *catalog, const struct mtr_record *record,
                         struct mtr_diagnostics *findings)
{
    const struct mtr_source *source = record->fields.source;
    const struct mtr_record *service =
        source->each.kind == MTR_EACH_SUBSCRIPTION
            ? catalog_find_record(catalog, MTR_KIND_SERVICE, source->each.service)
            : NULL;
    const struct mtr_record *other = find_other(catalog, record);
    if (service && !mtr_str_equal(service->fields.service.vendor, source->vendor))
        record_fail(record, MTR_FINDING_SOURCE_OTHER_VENDOR, "for_each", findings,
                    "the service `%.*s` is of the vendor `%.*s`: a source asks for its own vendor's",
                    MTR_STR_ARGS(service->key), MTR_STR_ARGS(service->fields.service.vendor));
    if (other && !mtr_str_equal(other->fields.source->vendor, source->vendor))
        record_fail(record, MTR_FINDING_SOURCE_OTHER_VENDOR, "for_each", findings,
                    "the source `%.*s` is of the vendor `%.*s`: a source asks for its own vendor's",
                    MTR_STR_ARGS(other->key), MTR_STR_ARGS(other->fields.source->vendor));
}

static void check_list(const struct mtr_catalog *catalog, const struct mtr_record *record,
                       struct mtr_diagnostics *findings)
{
    const struct mtr_record *other = find_other(catalog, record);
    if (other && !other->fields.source->unreadable.size && !mtr_source_is_list(other->fields.source))
        record_fail(record, MTR_FINDING_SOURCE_FOR_EACH_NO_LIST, "for_each", findings,
                    "the rows of `%.*s` are no list: such have the type `=meterd.item`, and replace one "
                    "another (`delivery: overwrite`)",
                    MTR_STR_ARGS(other->key));
}

/* Told once for each source of the circle, and for those that lead into it. */
static void check_circle(const struct mtr_catalog *catalog, const struct mtr_record *record,
                         struct mtr_diagnostics *findings)
{
    const struct mtr_record *next = find_other(catalog, record);
    for (uint32_t i = 1; next && next != record && i < CHAIN_MAX; i++) next = find_other(catalog, next);
    if (next && next != record)
        record_fail(record, MTR_FINDING_SOURCE_CIRCLE, "for_each", findings,
                    "waits for more than %d sources one behind the other, or for a circle of them",
                    CHAIN_MAX);
    if (next == record)
        record_fail(record, MTR_FINDING_SOURCE_CIRCLE, "for_each", findings,
                    "goes over rows of `%.*s`, which waits for rows of this source: a circle",
                    MTR_STR_ARGS(record->fields.source->each.source));
}

void catalog_check_sources(const struct mtr_catalog *catalog, struct mtr_diagnostics *findings)
{
    for (uint32_t i = 0; i < catalog->counts[MTR_KIND_SOURCE]; i++) {
        const struct mtr_record *record = catalog->records[MTR_KIND_SOURCE][i];
        if (!record || record->fields.source->each.kind == MTR_EACH_NONE) continue;
        check_vendor(catalog, record, findings);
        check_circle(catalog, record, findings);
        check_list(catalog, record, findings);
    }
}
