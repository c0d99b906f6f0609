/*
 * A mapping while it is read: arrays that grow, until the map takes them. Private to lib/source.
 */
#ifndef METERD_LIB_SOURCE_IMPORT_READING_H
#define METERD_LIB_SOURCE_IMPORT_READING_H

#include "lib/source/row_fault.h"
#include "meterd/source/import_map.h"

/* What a mapping of a source has beside its document; NULL of one that stands by itself. */
struct import_source {
    int (*get_zone)(void *context, struct mtr_str name, struct mtr_zone **out); /* they outlive the map */
    void *zone_context;
    const struct mtr_node *identity; /* the key `identity`; NULL: not written */
};

struct import_reading {
    struct mtr_import_map *map;
    struct mtr_arena *arena;
    const struct import_source *source;
    struct mtr_diagnostic *diagnostic; /* of the member at work */
    struct mtr_str columns[MTR_IMPORT_COLUMNS_MAX];
    const struct mtr_node *column_nodes[MTR_IMPORT_COLUMNS_MAX]; /* where each is named first */
    uint32_t column_count;
    struct mtr_import_value data[MTR_EVENT_PROPERTIES_MAX];
    struct mtr_import_skip skips[MTR_IMPORT_SKIPS_MAX];
    bool has_time_format; /* it was said */
};

/* The index of a column's name; a new name is added. */
int import_add_column(struct import_reading *reading, const struct mtr_node *node, struct mtr_str name,
                      int32_t *column) MTR_MUST_USE;
/* A column, '=constant', '{template}', {column: C, …} or {hash: […]}. */
int import_read_value(struct import_reading *reading, const struct mtr_node *node, struct mtr_str field,
                      struct mtr_import_value *value) MTR_MUST_USE;
/* {hash: [columns]} of a list; with multiset the n-th of equal rows is one of its own. */
int import_read_hash(struct import_reading *reading, const struct mtr_node *list, struct mtr_str field,
                     struct mtr_import_value *value) MTR_MUST_USE;

/* The map of a document; findings take what is wrong, member by member. MTR_EINVALID, MTR_ENOMEM. */
int import_map_read(const struct mtr_node *node, const struct import_source *source, struct mtr_arena *arena,
                    struct mtr_import_map *map, struct mtr_diagnostics *findings) MTR_MUST_USE;

#endif
