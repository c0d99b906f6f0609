/*
 * What the rows of a reading came to, as rows of a shape: of a struct with a `struct mtr_reading_counts
 * counts`. Private to routes.
 */
#ifndef METERD_DAEMON_API_ROUTE_SOURCE_COUNTS_H
#define METERD_DAEMON_API_ROUTE_SOURCE_COUNTS_H

#include "meterd/collector/reading_counts.h"
#include "meterd/core/shape.h"

#define SOURCE_COUNT(row, field, text)                                                                       \
    {.name = #field, .offset = offsetof(struct row, counts.field), .type = MTR_MEMBER_U64, .doc = text}

#define SOURCE_COUNTS(row)                                                                                   \
    SOURCE_COUNT(row, rows, "that came, skipped ones included"),                                             \
        SOURCE_COUNT(row, skipped, "of them, by the map's `skip`"),                                          \
        SOURCE_COUNT(row, problems, "of them, that the map makes no event of: in quarantine"),               \
        SOURCE_COUNT(row, repeated, "of them, equal to another one: such are counted once"),                 \
        SOURCE_COUNT(row, same, "that the window has already, word for word"),                               \
        SOURCE_COUNT(row, added, "that are new"),                                                            \
        SOURCE_COUNT(row, changed, "that take the place of one before"),                                     \
        SOURCE_COUNT(row, gone, "that the window had, and that did not come: taken back"),                   \
        SOURCE_COUNT(row, moved, "that another window of the source had; of a replay, none"),                \
        SOURCE_COUNT(row, elsewhere, "that stand in another window of the source"),                          \
        SOURCE_COUNT(row, refused, "of those sent to the log: in quarantine"),                               \
        SOURCE_COUNT(row, held, "the same: the catalog does not know whose they are"),                       \
        SOURCE_COUNT(row, not_active, "the same: of a subscription outside of its term")

#endif
