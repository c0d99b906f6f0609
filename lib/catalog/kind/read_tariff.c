/*
 * Tariffs: the tariff language has a reader of its own (lib/tariff); this hands it the document.
 */
#include "lib/catalog/record.h"

/* A tariff document of its own may leave its key to the path; the tariff's reader wants it written. */
static int read(struct mtr_record *record, struct mtr_zones *zones, struct mtr_diagnostics *findings)
{
    (void)zones;
    const struct mtr_node *node = record->node;
    struct mtr_node with_key = *node;
    const struct mtr_node *key = mtr_node_get(node, "key");
    if (!key || key->kind == MTR_NODE_NULL) {
        struct mtr_node *children =
            mtr_arena_calloc(&record->arena, (size_t)node->child_count + 1, sizeof(*children));
        if (!children) return MTR_ENOMEM;
        uint32_t count = 0;
        children[count++] = (struct mtr_node){.kind = MTR_NODE_STRING,
                                              .line = node->line,
                                              .column = node->column,
                                              .key = MTR_STR("key"),
                                              .text = record->key};
        for (uint32_t i = 0; i < node->child_count; i++)
            if (&node->children[i] != key) children[count++] = node->children[i];
        with_key.children = children;
        with_key.child_count = count;
    }
    int rc = mtr_tariff_read(&with_key, &record->arena, &record->fields.tariff, findings);
    if (!rc)
        record_read_time(record, "retired", record->fields.tariff.retired, &record->retired, findings);
    record->fields.tariff.number = record->number;
    for (uint32_t i = 0; !rc && i < record->fields.tariff.currency_count; i++)
        record->fields.tariff.currencies[i].number = record->number;
    return rc;
}

const struct mtr_kind tariff_kind = {
    .id = MTR_KIND_TARIFF,
    .name = "tariff",
    .plural = "tariffs",
    .fields = mtr_tariff_fields,
    .read = read,
    .deletable = true,
};
