/*
 * Members of what for_each goes over.
 */
#include "collector/source/request/each.h"

struct mtr_str each_value(const struct each *each, struct mtr_str member)
{
    const struct mtr_str none = {NULL, 0};
    const struct mtr_subscription *subscription = each->subscription;
    if (each->source->each.kind != MTR_EACH_SUBSCRIPTION) return each->strand ? each->strand->each : none;
    if (!subscription) return none;
    if (mtr_str_equal(member, MTR_STR("subject"))) return subscription->subject;
    if (mtr_str_equal(member, MTR_STR("key"))) return subscription->key;
    return mtr_str_equal(member, MTR_STR("customer")) ? subscription->customer : none;
}

uint32_t each_columns(const struct each *each, struct mtr_label columns[EACH_COLUMNS_MAX])
{
    const struct mtr_import_map *map = &each->source->map;
    const struct mtr_str prefix = MTR_STR("each.");
    uint32_t count = 0;
    if (each->source->each.kind == MTR_EACH_NONE) return 0;
    for (uint32_t i = 0; i < map->column_count && count < EACH_COLUMNS_MAX; i++) {
        const struct mtr_str name = map->columns[i];
        if (!mtr_str_starts_with(name, prefix)) continue;
        const struct mtr_str member = {name.data + prefix.size, name.size - prefix.size};
        columns[count++] = (struct mtr_label){name, each_value(each, member)};
    }
    return count;
}
