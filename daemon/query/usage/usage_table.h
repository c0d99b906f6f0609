/*
 * The rows of a usage query while they grow, in bounded memory. Private to daemon/query/usage/.
 *
 * A table takes rows by their keys, in any order. When they outgrow the bound, the greater half of them goes
 * and the least key that went is the cut: from then on nothing from it on is taken. A row that stays has thus
 * seen all that was added to it, and what went is added up again by a later step. The keys that went, and
 * those behind the cut, are counted, so that the number of all rows is known.
 */
#ifndef METERD_DAEMON_QUERY_USAGE_USAGE_TABLE_H
#define METERD_DAEMON_QUERY_USAGE_USAGE_TABLE_H

#include "meterd/core/byte_set.h"
#include "meterd/query/usage_query.h"

/* What a row is while it grows. */
struct usage_group {
    struct mtr_usage_result_row row;
    int64_t carried; /* how often row.quantity went round at an end of its range: 0 is in it */
    bool has_value;
    int64_t last_hour_us;
    struct mtr_str last_member;
};

/* The keys that are not in the table, each counted once; by their hashes, 8 bytes each. */
struct usage_counter {
    uint64_t *slots; /* 0 free */
    uint64_t slot_count;
    uint64_t count;
};

struct usage_table {
    struct mtr_arena *arena; /* the caller's; all rows stand in it */
    struct mtr_byte_set keys;
    struct mtr_byte_set members; /* of unique counts: number of the group, subscription, member */
    struct usage_group *groups;  /* by the numbers of the keys */
    uint32_t capacity;
    size_t bytes_max;            /* of the arena; over it the table is halved */
    uint64_t rows_max;
    bool counts; /* the first step: how many rows there are */
    bool has_cut;
    struct usage_counter counter;
    size_t cut_size;
    char cut[MTR_USAGE_KEY_BYTES_MAX];
};

/* Adds to the row's quantity, exactly, also where it leaves its range and comes back. */
void usage_group_add(struct usage_group *group, struct mtr_quantity quantity);

void usage_table_init(struct usage_table *table, struct mtr_arena *arena, size_t bytes_max);
void usage_table_release(struct usage_table *table); /* the arena stays */

/* The number of the row with this key, made when it is new (*is_new: its fields are zero). UINT32_MAX: it is
 * behind the cut. MTR_ELIMIT: more than rows_max rows. */
int usage_table_find(struct usage_table *table, struct mtr_str key, uint32_t *number,
                     bool *is_new) MTR_MUST_USE;
/* Adds a member to a group's; *is_new: it was not there. */
int usage_table_add_member(struct usage_table *table, uint32_t group, uint32_t subscription,
                           struct mtr_str member, bool *is_new) MTR_MUST_USE;

bool usage_table_is_over(const struct usage_table *table);
/* Lets the greater half go. Numbers change. */
int usage_table_halve(struct usage_table *table) MTR_MUST_USE;
/* Rows and keys in the order of the keys, in the arena. */
int usage_table_sort(struct usage_table *table, struct mtr_usage_result *out) MTR_MUST_USE;

#endif
