/*
 * Names of dimensions: lines of charges have them before their values, `region=eu,size=2`, with escapes in
 * values alone. A meter that has another name already keeps it: its lines are known by that text.
 */
#include <string.h>

#include "lib/catalog/snapshot.h"

static void check_names(const struct mtr_record *record, struct mtr_diagnostics *findings)
{
    const struct mtr_list *list = &record->fields.meter.group_by;
    const struct mtr_str *names = list->items;
    for (uint32_t i = 0; i < list->count; i++) {
        if (!memchr(names[i].data, '=', names[i].size) && !memchr(names[i].data, ',', names[i].size) &&
            !memchr(names[i].data, '\\', names[i].size))
            continue;
        record_fail(record, MTR_FINDING_CATALOG_METER_GROUP_BY, "group_by", findings,
                    "`%.*s%s` has = , or \\, with which the lines of charges could not tell names and values "
                    "apart",
                    MTR_STR_QUOTED(names[i]));
    }
}

void catalog_check_dimension_names(const struct mtr_catalog *before, const struct mtr_catalog *catalog,
                                   struct mtr_diagnostics *findings)
{
    for (uint32_t i = 0; i < catalog->counts[MTR_KIND_METER]; i++) {
        const struct mtr_record *record = catalog->records[MTR_KIND_METER][i];
        const bool is_known = i < before->counts[MTR_KIND_METER] && before->records[MTR_KIND_METER][i];
        if (record && !is_known) check_names(record, findings);
    }
}
