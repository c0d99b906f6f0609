/*
 * Sources whose rows name what other sources ask for.
 */
#include "meterd/core/event.h"
#include "meterd/source/source.h"

bool mtr_source_is_list(const struct mtr_source *source)
{
    const struct mtr_import_value *type = &source->map.type;
    return source->delivery == MTR_DELIVERY_OVERWRITE && type->kind == MTR_IMPORT_PARTS &&
           type->part_count == 1 && type->parts[0].column < 0 &&
           mtr_str_equal(type->parts[0].literal, MTR_STR(MTR_EVENT_TYPE_ITEM));
}
