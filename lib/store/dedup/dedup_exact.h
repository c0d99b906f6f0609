/*
 * The exact table of one segment's identities: open addressing, 32 bytes an entry, in the order of the
 * identities.
 *
 * An entry's home is its identity scaled to the table, so entries stand almost sorted and sealing sorts them
 * in one pass. Entries are added by the collector's thread; a table that is being sealed is read only, by any
 * thread. Private to lib/store.
 */
#ifndef METERD_LIB_STORE_DEDUP_DEDUP_EXACT_H
#define METERD_LIB_STORE_DEDUP_DEDUP_EXACT_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/error.h"
#include "meterd/core/event.h"
#include "meterd/store/log.h"

struct mtr_identities {
    struct mtr_log_identity *entries; /* seq_offset counts from base_seq */
    uint64_t capacity;
    uint64_t count;
    uint64_t base_seq; /* of the first entry added: the lowest */
};

/* Room for `count` entries. MTR_ENOMEM. */
int identities_init(struct mtr_identities *table, uint64_t count) MTR_MUST_USE;
/* The same, with all of its memory touched, so that no add waits for the system's pages: slow. `recycled`
 * is used when it fits, else released; it is empty afterwards. */
int identities_prepare(struct mtr_identities *table, uint64_t count,
                       struct mtr_identities *recycled) MTR_MUST_USE;
void identities_release(struct mtr_identities *table);
/* Room for `count` more than there are now; may move every entry. MTR_ENOMEM leaves the table as it was. */
int identities_reserve(struct mtr_identities *table, uint64_t count) MTR_MUST_USE;
/* Moves all entries to `larger`, which is empty and has room for them, and swaps the two tables' memory:
 * `larger` holds the old one, dirty. */
void identities_move(struct mtr_identities *table, struct mtr_identities *larger);
bool identities_has_room(const struct mtr_identities *table, uint64_t count);

void identities_prefetch(const struct mtr_identities *table, struct mtr_event_identity identity);
/* NULL: absent. */
const struct mtr_log_identity *identities_find(const struct mtr_identities *table,
                                               struct mtr_event_identity identity);
/* False: the identity is there already, nothing changed. Room was reserved; seq is not below base_seq. */
bool identities_add(struct mtr_identities *table, struct mtr_event_identity identity, uint64_t digest,
                    uint32_t flags, uint64_t seq);
/* The entry in place `index` of the table, NULL when the place is empty. */
const struct mtr_log_identity *identities_entry(const struct mtr_identities *table, uint64_t index);
/* All entries in ascending order, offsets counted from first_seq; records has room for table->count. */
void identities_sort(const struct mtr_identities *table, uint64_t first_seq,
                     struct mtr_log_identity *records);

#endif
